//! What moved in facts and is no news.

use super::{Due, EndpointFault, Facts, GroupFacts, Known};
use crate::units::UnixSeconds;

/// Forecasts within this are the same: 600 s, a quarter of an epoch on mainnet.
const SAME_TIME_SECONDS: u64 = 600;

impl Facts {
    /// These facts, with what moved but is no news (a forecast by minutes, a lag by blocks, another error text) left as
    /// it was in `old`. Facts that are equal after this need no edit of any card.
    #[must_use]
    pub fn settled(mut self, old: &Self) -> Self {
        match (&mut self, old) {
            (Self::Coinbase(new), Self::Coinbase(old)) => {
                if let (Some(new), Some(old)) = (&mut new.queue, &old.queue) {
                    settle_due(&mut new.earliest, &old.earliest);
                    settle_due(&mut new.expected, &old.expected);
                }
            }
            (Self::Slash(new), Self::Slash(old)) => {
                settle_known(&mut new.executable_at, &old.executable_at);
            }
            (Self::Endpoint(new), Self::Endpoint(old)) => {
                if let (EndpointFault::Lags(new), EndpointFault::Lags(old)) =
                    (&mut new.fault, &old.fault)
                {
                    settle_count(new, *old);
                }
                if new.fault == old.fault {
                    new.detail.clone_from(&old.detail);
                    new.since = old.since;
                }
            }
            (Self::Unseen(new), Self::Unseen(old)) => new.detail.clone_from(&old.detail),
            (Self::UnknownEvent(new), Self::UnknownEvent(old)) => {
                settle_count(&mut new.count, old.count);
            }
            (Self::Channel(new), Self::Channel(old)) => {
                settle_count(&mut new.waiting, old.waiting);
                new.detail.clone_from(&old.detail);
            }
            (Self::Group(new), Self::Group(old)) => settle_group(new, old),
            _ => {}
        }
        self
    }
}

fn settle_due(new: &mut Due, old: &Due) {
    if let (Due::Is(new), Due::Is(old)) = (new, old) {
        settle_time(new, *old);
    }
}

fn settle_known(new: &mut Known<UnixSeconds>, old: &Known<UnixSeconds>) {
    if let (Known::Is(new), Known::Is(old)) = (new, old) {
        settle_time(new, *old);
    }
}

const fn settle_time(new: &mut UnixSeconds, old: UnixSeconds) {
    if new.value().abs_diff(old.value()) < SAME_TIME_SECONDS {
        *new = old;
    }
}

/// A count that has not doubled or halved says the same.
const fn settle_count(new: &mut u64, old: u64) {
    if *new < old.saturating_mul(2) && old < new.saturating_mul(2) {
        *new = old;
    }
}

fn settle_group(new: &mut GroupFacts, old: &GroupFacts) {
    if let (Some(new), Some(old)) = (&mut new.deadline, old.deadline) {
        settle_time(new, old);
    }
    let names = |facts: &GroupFacts| -> Vec<Option<String>> {
        facts.rows.iter().map(|row| row.first().cloned()).collect()
    };
    if names(new) == names(old) {
        new.rows.clone_from(&old.rows);
    }
}
