//! How much an endpoint takes in one question, learnt from what it took and what it refused.
//!
//! Used for blocks in a range and for calls in an aggregate. A refusal halves the size, or sets it to what the endpoint
//! suggests; that becomes a ceiling. The ceiling is tried again after some full-sized answers, ever more rarely while it holds.

/// Full-sized answers until a ceiling is tried again.
const PATIENCE_MIN: u32 = 8;
/// Most of them: a plan's fixed limit then costs one wasted question in 512.
const PATIENCE_MAX: u32 = 512;

/// A learnt size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learnt {
    size: u64,
    ceiling: u64,
    max: u64,
    grow_percent: u64,
    full_answers: u32,
    patience: u32,
    is_trying: bool,
}

impl Learnt {
    /// Starts at `start`, grows by `grow_percent` a full-sized answer, never beyond `max`.
    #[must_use]
    pub const fn new(start: u64, max: u64, grow_percent: u64) -> Self {
        Self {
            size: start,
            ceiling: max,
            max,
            grow_percent,
            full_answers: 0,
            patience: PATIENCE_MIN,
            is_trying: false,
        }
    }

    /// How much to ask for next; at least one.
    #[must_use]
    pub const fn size(&self) -> u64 {
        if self.size == 0 { 1 } else { self.size }
    }

    /// A question of `asked` was answered; one below the size teaches nothing.
    pub fn took(&mut self, asked: u64) {
        if asked < self.size() {
            return;
        }
        if self.is_trying {
            self.is_trying = false;
            self.patience = PATIENCE_MIN;
        }
        if self.size() >= self.ceiling && self.ceiling < self.max {
            self.full_answers += 1;
            if self.full_answers < self.patience {
                return;
            }
            self.full_answers = 0;
            self.is_trying = true;
            self.ceiling = self.ceiling.saturating_mul(2).min(self.max);
        }
        let step = (self.size().saturating_mul(self.grow_percent) / 100).max(1);
        self.size = self.size().saturating_add(step).min(self.ceiling);
    }

    /// A question of `asked` was refused as too large; says whether a smaller one is possible.
    pub fn refused(&mut self, asked: u64, suggested: Option<u64>) -> bool {
        let smaller = suggested.filter(|size| (1..asked).contains(size));
        self.size = smaller.unwrap_or(asked / 2).max(1);
        self.ceiling = self.size;
        self.full_answers = 0;
        if self.is_trying {
            self.is_trying = false;
            self.patience = self.patience.saturating_mul(2).min(PATIENCE_MAX);
        }
        asked > 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Asks from 0 to `end` where `limit(position)` is taken at most; the questions that were answered.
    fn walk(
        learnt: &mut Learnt,
        end: u64,
        limit: impl Fn(u64) -> u64,
        suggests: bool,
    ) -> (Vec<(u64, u64)>, u64) {
        let (mut position, mut taken, mut wasted) = (0, Vec::new(), 0);
        while position < end {
            let asked = learnt.size().min(end - position);
            let most = limit(position).max(1);
            if asked <= most {
                learnt.took(asked);
                taken.push((position, position + asked));
                position += asked;
            } else {
                wasted += 1;
                assert!(learnt.refused(asked, suggests.then_some(most)));
            }
        }
        (taken, wasted)
    }

    #[test]
    fn without_a_refusal_it_grows_to_the_most() {
        let mut learnt = Learnt::new(2_000, 50_000, 100);
        let (taken, wasted) = walk(&mut learnt, 1_000_000, |_| u64::MAX, false);
        assert_eq!((learnt.size(), wasted), (50_000, 0));
        assert!(taken.len() < 26, "{}", taken.len());
    }

    #[test]
    fn a_fixed_limit_wastes_few_questions() {
        let mut learnt = Learnt::new(2_000, 50_000, 100);
        let (taken, wasted) = walk(&mut learnt, 100_000, |_| 10, true);
        assert!(taken.len() >= 10_000);
        assert!(
            wasted * 100 < taken.len() as u64,
            "{wasted} of {}",
            taken.len()
        );
    }

    #[test]
    fn it_recovers_after_a_dense_stretch() {
        let mut learnt = Learnt::new(2_000, 50_000, 100);
        let limit = |at: u64| {
            if (10_000..20_000).contains(&at) {
                100
            } else {
                u64::MAX
            }
        };
        walk(&mut learnt, 5_000_000, limit, false);
        assert_eq!(learnt.size(), 50_000);
    }

    #[test]
    fn at_one_there_is_nothing_smaller() {
        let mut learnt = Learnt::new(1, 10, 100);
        assert!(!learnt.refused(1, Some(5)));
        assert_eq!(learnt.size(), 1);
    }

    proptest! {
        #[test]
        fn ranges_are_complete_without_gap_or_overlap(
            end in 1_u64..20_000,
            limits in prop::collection::vec(1_u64..5_000, 1..8),
            suggests in any::<bool>(),
            start in 1_u64..3_000,
        ) {
            let mut learnt = Learnt::new(start, 50_000, 100);
            let count = limits.len() as u64;
            let limit = |at: u64| limits[usize::try_from(at * count / end).unwrap()];
            let (taken, _) = walk(&mut learnt, end, limit, suggests);
            let mut next = 0;
            for (from, to) in taken {
                prop_assert_eq!(from, next);
                prop_assert!(to > from);
                next = to;
            }
            prop_assert_eq!(next, end);
        }
    }
}
