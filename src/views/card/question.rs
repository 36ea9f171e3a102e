//! Every question that has a card, and the short form of those that have pages.
//!
//! The short form stands in a button, so it holds the whole question and no state of this process. It is versioned by the
//! button around it. A question that does not fit has no button; its card then says how to ask for less.

use crate::{
    alert::button::QUESTION_MAX,
    views::{
        attesters::AttesterFilter,
        coinbase::{CoinbaseFilter, Verdict},
        incident::IncidentFilter,
        job::JobFilter,
        standing::AttesterState,
    },
};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// How steward fares.
    Status {
        /// The network; all where not given.
        network: Option<String>,
    },
    /// One attester.
    Attester(OfAttester),
    /// Attesters of ours, in pages.
    Attesters(AttesterFilter),
    /// What happened to an attester.
    History(OfAttester),
    /// Why an attester is in its state.
    Why(OfAttester),
    /// Why an incident, or the attester of a notice, is as it is: by the reference that a button carries.
    WhySubject(String),
    /// The entry queues.
    Queue {
        /// The network; all where not given.
        network: Option<String>,
    },
    /// Wrong coinbases, in pages.
    Coinbases(CoinbaseFilter),
    /// The coinbase of one attester.
    Coinbase(OfAttester),
    /// The provider.
    Provider {
        /// The network; all where not given.
        network: Option<String>,
    },
    /// Incidents, in pages.
    Incidents(IncidentFilter),
    /// One incident.
    Incident(String),
    /// Jobs, in pages.
    Jobs(JobFilter),
    /// One job.
    Job(String),
}

/// Which attester is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfAttester {
    /// Its network; all where not given.
    pub network: Option<String>,
    /// Its address, the beginning of one, or its label.
    pub attester: String,
}

const STATES: [AttesterState; 5] = [
    AttesterState::New,
    AttesterState::InStakingProviderQueue,
    AttesterState::RollupEntryQueue,
    AttesterState::Active,
    AttesterState::NoLongerActive,
];

impl Question {
    /// The same question about another page; as it is where it has none.
    #[must_use]
    pub fn page(&self, after: Option<String>) -> Self {
        let mut page = self.clone();
        match &mut page {
            Self::Attesters(filter) => filter.after = after,
            Self::Coinbases(filter) => filter.after = after,
            Self::Incidents(filter) => filter.after = after,
            Self::Jobs(filter) => filter.after = after,
            Self::Status { .. }
            | Self::Attester(_)
            | Self::History(_)
            | Self::Why(_)
            | Self::WhySubject(_)
            | Self::Queue { .. }
            | Self::Coinbase(_)
            | Self::Provider { .. }
            | Self::Incident(_)
            | Self::Job(_) => {}
        }
        page
    }

    /// The short form; `None` where it has no pages, or does not fit into a button.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let (name, parts) = match self {
            Self::Attesters(of) => ("al", attesters(of)),
            Self::Coinbases(of) => (
                "cm",
                vec![
                    ('n', of.network.clone()),
                    ('h', of.host.clone()),
                    ('a', of.after.clone()),
                ],
            ),
            Self::Incidents(of) => ("il", incidents(of)),
            Self::Jobs(of) => ("jl", jobs(of)),
            Self::Status { .. }
            | Self::Attester(_)
            | Self::History(_)
            | Self::Why(_)
            | Self::WhySubject(_)
            | Self::Queue { .. }
            | Self::Coinbase(_)
            | Self::Provider { .. }
            | Self::Incident(_)
            | Self::Job(_) => return None,
        };
        let mut code = name.to_owned();
        for (key, value) in parts {
            let Some(value) = value else { continue };
            let is_plain = value
                .chars()
                .all(|sign| sign.is_ascii_graphic() && sign != ';');
            if !is_plain {
                return None;
            }
            code.push_str(&format!(";{key}{value}"));
        }
        (code.len() <= QUESTION_MAX).then_some(code)
    }

    /// Reads the short form; `None` where it is none of ours.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let mut parts = code.split(';');
        let name = parts.next()?;
        let mut question = match name {
            "al" => Self::Attesters(AttesterFilter::default()),
            "cm" => Self::Coinbases(CoinbaseFilter::default()),
            "il" => Self::Incidents(IncidentFilter::default()),
            "jl" => Self::Jobs(JobFilter::default()),
            _ => return None,
        };
        for part in parts {
            let key = part.chars().next()?;
            let value = part.get(key.len_utf8()..)?;
            question.set(key, value)?;
        }
        Some(question)
    }

    fn set(&mut self, key: char, value: &str) -> Option<()> {
        let text = || Some(value.to_owned());
        match (self, key) {
            (Self::Attesters(of), 's') => of.state = Some(nth(&STATES, value)?),
            (Self::Attesters(of), 'c') => of.coinbase = Some(nth(&Verdict::ALL, value)?),
            (Self::Attesters(of), 'h') => of.host = text(),
            (Self::Attesters(of), 't') => of.text = text(),
            (Self::Attesters(of), 'n') => of.network = text(),
            (Self::Attesters(of), 'a') => of.after = text(),
            (Self::Coinbases(of), 'h') => of.host = text(),
            (Self::Coinbases(of), 'n') => of.network = text(),
            (Self::Coinbases(of), 'a') => of.after = text(),
            (Self::Incidents(of), 'n') => of.network = text(),
            (Self::Incidents(of), 'c') => of.class = text(),
            (Self::Incidents(of), 'e') => of.all = true,
            (Self::Incidents(of), 'a') => of.after = text(),
            (Self::Jobs(of), 'n') => of.network = text(),
            (Self::Jobs(of), 's') => of.state = text(),
            (Self::Jobs(of), 'k') => of.kind = text(),
            (Self::Jobs(of), 'a') => of.after = text(),
            _ => return None,
        }
        Some(())
    }
}

type Parts = Vec<(char, Option<String>)>;

fn attesters(of: &AttesterFilter) -> Parts {
    vec![
        ('s', of.state.and_then(|state| place(&STATES, state))),
        (
            'c',
            of.coinbase
                .and_then(|verdict| place(&Verdict::ALL, verdict)),
        ),
        ('h', of.host.clone()),
        ('t', of.text.clone()),
        ('n', of.network.clone()),
        ('a', of.after.clone()),
    ]
}

fn incidents(of: &IncidentFilter) -> Parts {
    vec![
        ('n', of.network.clone()),
        ('c', of.class.clone()),
        ('e', of.all.then(String::new)),
        ('a', of.after.clone()),
    ]
}

fn jobs(of: &JobFilter) -> Parts {
    vec![
        ('n', of.network.clone()),
        ('s', of.state.clone()),
        ('k', of.kind.clone()),
        ('a', of.after.clone()),
    ]
}

fn place<T: PartialEq + Copy>(all: &[T], one: T) -> Option<String> {
    all.iter()
        .position(|known| *known == one)
        .map(|place| place.to_string())
}

fn nth<T: Copy>(all: &[T], place: &str) -> Option<T> {
    let place: usize = place.parse().ok()?;
    all.get(place).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("[a-z0-9:/_-]{1,20}")
    }

    fn question() -> impl Strategy<Value = Question> {
        let state = proptest::option::of(proptest::sample::select(STATES.to_vec()));
        let verdict = proptest::option::of(proptest::sample::select(Verdict::ALL.to_vec()));
        prop_oneof![
            (words(), state, words(), verdict, words(), words()).prop_map(
                |(network, state, host, coinbase, text, after)| Question::Attesters(
                    AttesterFilter {
                        network,
                        state,
                        host,
                        coinbase,
                        text,
                        after,
                        limit: None,
                    }
                )
            ),
            (words(), words(), any::<bool>(), words()).prop_map(|(network, class, all, after)| {
                Question::Incidents(IncidentFilter {
                    network,
                    class,
                    all,
                    after,
                    limit: None,
                })
            }),
            (words(), words(), words()).prop_map(|(network, host, after)| Question::Coinbases(
                CoinbaseFilter {
                    network,
                    host,
                    after,
                    limit: None
                }
            )),
            (words(), words(), words(), words()).prop_map(|(network, state, kind, after)| {
                Question::Jobs(JobFilter {
                    network,
                    state,
                    kind,
                    after,
                    limit: None,
                })
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_question_comes_back_as_it_was_or_has_no_button(question in question()) {
            if let Some(code) = question.code() {
                prop_assert!(code.len() <= QUESTION_MAX);
                prop_assert_eq!(Question::parse(&code), Some(question));
            }
        }

        #[test]
        fn nothing_that_people_make_up_is_a_fault(text in any::<String>()) {
            drop(Question::parse(&text));
        }
    }

    #[test]
    fn the_longest_usual_page_of_attesters_fits() {
        let question = Question::Attesters(AttesterFilter {
            network: Some("mainnet".to_owned()),
            state: Some(AttesterState::RollupEntryQueue),
            host: Some("fra-2".to_owned()),
            coinbase: Some(Verdict::Missing),
            after: Some("mainnet:0x1212121212121212121212121212121212121212".to_owned()),
            ..AttesterFilter::default()
        });
        insta::assert_snapshot!(question.code().unwrap(), @"al;s2;c1;hfra-2;nmainnet;amainnet:0x1212121212121212121212121212121212121212");
        let odd = Question::Attesters(AttesterFilter {
            host: Some("a;b".to_owned()),
            ..AttesterFilter::default()
        });
        assert_eq!(odd.code(), None);
    }
}
