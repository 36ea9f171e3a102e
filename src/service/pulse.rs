//! Whether the watchers get on with their work.
//!
//! Progress is a turn of a watcher that ended, with whatever it brought (blocks, nothing new, an endpoint that does not
//! answer), or one more request of its network. An outage of every endpoint is therefore no standstill: its requests time
//! out and its turns end. A task that waits for ever, a lock that nobody gives back or a disk that never answers is one.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{NetworkPart, Service};
use crate::units::BlockNumber;

/// How long a watcher may take between two signs of progress, beside one request: far above the slowest commit on a disk
/// that still works, and below what an operator would call an outage.
const WORK_MAX: Duration = Duration::from_secs(120);

/// Counts the turns of one watcher.
#[derive(Debug, Default)]
pub struct Pulse {
    turns: AtomicU64,
    rest_ms: AtomicU64,
}

impl Pulse {
    /// A turn ended; the next one begins after `rest`.
    pub(super) fn turned(&self, rest: Duration) {
        let rest = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
        self.rest_ms.store(rest, Ordering::Relaxed);
        self.turns.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is known of a watcher at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// The network.
    pub network: String,
    /// Turns that ended and requests that were made; another number than before is progress.
    pub progress: u64,
    /// How long it may go without progress from now on.
    pub patience: Duration,
}

/// How far a network is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The network.
    pub network: String,
    /// The newest block that was read.
    pub cursor: BlockNumber,
    /// The newest block that any endpoint told.
    pub head: BlockNumber,
    /// Why the network is stopped; `None` = it is not.
    pub stopped: Option<String>,
}

/// Remembers when each watcher last got on.
#[derive(Debug, Default)]
pub struct Vigil {
    seen: BTreeMap<String, (u64, Duration)>,
}

impl Vigil {
    /// The networks whose watcher stands still; `now` is the time since the vigil began.
    pub fn standing_still(&mut self, now: Duration, beats: &[Beat]) -> Vec<String> {
        let mut still = Vec::new();
        for beat in beats {
            let fresh = (beat.progress, now);
            let seen = self.seen.entry(beat.network.clone()).or_insert(fresh);
            if seen.0 != beat.progress {
                *seen = fresh;
            }
            if now.saturating_sub(seen.1) > beat.patience {
                still.push(beat.network.clone());
            }
        }
        still
    }
}

impl Service {
    /// What is known of every watcher. Waits for no commit, so that one that hangs shows.
    #[must_use]
    pub fn beats(&self) -> Vec<Beat> {
        let beat = |(name, part): (&String, &NetworkPart)| {
            let requests: u64 = part
                .endpoints
                .requests()
                .values()
                .flat_map(BTreeMap::values)
                .sum();
            let turns = part.pulse.turns.load(Ordering::Relaxed);
            let rest = Duration::from_millis(part.pulse.rest_ms.load(Ordering::Relaxed));
            let patience = WORK_MAX.saturating_add(part.config.watcher.request_timeout);
            Beat {
                network: name.clone(),
                progress: turns.wrapping_add(requests),
                patience: patience.saturating_add(rest),
            }
        };
        self.networks.iter().map(beat).collect()
    }

    /// How far every network is.
    pub async fn standings(&self) -> Vec<Standing> {
        let state = self.writer.read().await;
        let standing = |name: &String| {
            let progress = state.progress.row(name);
            Standing {
                network: name.clone(),
                cursor: state
                    .book(name)
                    .map(|book| book.summary().cursor.number)
                    .unwrap_or_default(),
                head: progress.map(|progress| progress.head).unwrap_or_default(),
                stopped: progress.and_then(|progress| progress.stopped.clone()),
            }
        };
        self.networks.keys().map(standing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn beat(network: &str, progress: u64) -> Beat {
        Beat {
            network: network.to_owned(),
            progress,
            patience: 2 * MINUTE,
        }
    }

    #[test]
    fn one_watcher_that_stands_still_is_named_and_the_other_does_not_hide_it() {
        let mut vigil = Vigil::default();
        let none: [&str; 0] = [];
        assert_eq!(
            vigil.standing_still(Duration::ZERO, &[beat("a", 1), beat("b", 1)]),
            none
        );
        let at = |minutes| minutes * MINUTE;
        assert_eq!(
            vigil.standing_still(at(2), &[beat("a", 2), beat("b", 1)]),
            none
        );
        assert_eq!(
            vigil.standing_still(at(3), &[beat("a", 3), beat("b", 1)]),
            ["b"]
        );
        // A turn at last: it got on, and has its whole patience again.
        assert_eq!(
            vigil.standing_still(at(4), &[beat("a", 4), beat("b", 2)]),
            none
        );
        assert_eq!(
            vigil.standing_still(at(6), &[beat("a", 5), beat("b", 2)]),
            none
        );
        assert_eq!(
            vigil.standing_still(at(7), &[beat("a", 6), beat("b", 2)]),
            ["b"]
        );
    }

    #[test]
    fn a_watcher_that_rests_on_purpose_has_so_much_longer() {
        let pulse = Pulse::default();
        pulse.turned(MINUTE);
        assert_eq!(pulse.turns.load(Ordering::Relaxed), 1);
        assert_eq!(pulse.rest_ms.load(Ordering::Relaxed), 60_000);
    }
}
