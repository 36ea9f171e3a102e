//! Fuzzing: what comes from outside, broken in every way that a machine thinks of.
//!
//! A target takes inputs that are right and breaks them: a [`Broken`] is one of a small corpus with some cuts. Under
//! `cargo test` bolero's random engine makes them, for a second each; `BOLERO_RANDOM_TEST_TIME_MS` gives it longer, and
//! `cargo bolero test` runs the same targets under libFuzzer. The targets stand beside what they strike, in modules that are
//! called `fuzz`.

use std::time::Duration;

use bolero::TypeGenerator;

/// How long a target runs where nobody says otherwise.
pub(crate) const TIME: Duration = Duration::from_secs(1);
/// Time ends a run, not this.
pub(crate) const INPUTS: usize = 100_000_000;
/// Cuts of one input: more would leave nothing of it.
const CUTS_MAX: usize = 12;

/// Runs a target: `fuzz!(|input: Type| { … })`.
macro_rules! fuzz {
    (|$input:ident: $type:ty| $body:block) => {
        bolero::check!()
            .with_type::<$type>()
            .with_test_time($crate::fuzz::TIME)
            .with_iterations($crate::fuzz::INPUTS)
            .for_each(|$input: &$type| $body)
    };
}
pub(crate) use fuzz;

/// An input of the corpus, and what is done to it.
#[derive(Debug, Clone, TypeGenerator)]
pub(crate) struct Broken {
    seed: u8,
    cuts: Vec<Cut>,
}

/// One change; places and lengths are taken modulo what there is.
#[derive(Debug, Clone, TypeGenerator)]
enum Cut {
    /// A byte becomes another.
    Set(u16, u8),
    /// A byte comes in.
    Insert(u16, u8),
    /// A word of the format comes in.
    Word(u16, u8),
    /// Bytes go.
    Remove(u16, u8),
    /// Bytes come twice.
    Repeat(u16, u8),
    /// Bytes come from another input.
    Borrow {
        at: u16,
        seed: u8,
        from: u16,
        length: u8,
    },
    /// It ends early.
    End(u16),
}

impl Broken {
    /// The input, broken.
    pub(crate) fn on(&self, corpus: &[&[u8]], words: &[&str]) -> Vec<u8> {
        let of = |seed: u8| pick(corpus, seed.into()).copied().unwrap_or_default();
        let mut input = of(self.seed).to_vec();
        for cut in self.cuts.iter().take(CUTS_MAX) {
            cut.strike(&mut input, words, of);
        }
        input
    }

    /// The input as text, broken; what is no text any more is replaced as people's programs do.
    pub(crate) fn text(&self, corpus: &[&str], words: &[&str]) -> String {
        let corpus: Vec<&[u8]> = corpus.iter().map(|text| text.as_bytes()).collect();
        String::from_utf8_lossy(&self.on(&corpus, words)).into_owned()
    }
}

impl Cut {
    fn strike<'a>(&self, input: &mut Vec<u8>, words: &[&str], of: impl Fn(u8) -> &'a [u8]) {
        let place = |at: u16, of: &[u8]| usize::from(at) % (of.len() + 1);
        let span = |at: u16, length: u8, of: &[u8]| {
            let from = place(at, of);
            from..(from + usize::from(length)).min(of.len())
        };
        match *self {
            Self::Set(at, byte) => {
                let at = place(at, input);
                if let Some(there) = input.get_mut(at) {
                    *there = byte;
                }
            }
            Self::Insert(at, byte) => input.insert(place(at, input), byte),
            Self::Word(at, word) => {
                let at = place(at, input);
                let word = pick(words, word.into()).copied().unwrap_or_default();
                input.splice(at..at, word.bytes());
            }
            Self::Remove(at, length) => drop(input.drain(span(at, length, input))),
            Self::Repeat(at, length) => {
                let span = span(at, length, input);
                let again = input.get(span.clone()).unwrap_or_default().to_vec();
                input.splice(span.start..span.start, again);
            }
            Self::Borrow {
                at,
                seed,
                from,
                length,
            } => {
                let other = of(seed);
                let borrowed = other.get(span(from, length, other)).unwrap_or_default();
                let at = place(at, input);
                input.splice(at..at, borrowed.iter().copied());
            }
            Self::End(at) => input.truncate(place(at, input)),
        }
    }
}

/// One of several, by a number that is taken modulo how many there are.
pub(crate) fn pick<T>(of: &[T], number: usize) -> Option<&T> {
    of.get(number.checked_rem(of.len())?)
}
