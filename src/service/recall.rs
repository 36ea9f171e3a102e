//! What was announced, asked of the channel itself: where a rebuilt database has no file of the last announced block.
//!
//! A card carries the id of its notice and the time of its block. The newest one that tells a change says up to where
//! people know; what comes after it is news. A channel without such a card leaves the policy of a first start.

use super::{NetworkPart, Service};
use crate::{
    alert::{class::Class, fit::footer_id},
    outbox::courier::{ChannelId, Courier, CourierError, Mark},
    state::State,
    units::UnixSeconds,
    watcher::WatchError,
    writer::CommitError,
};

/// How often a channel that cannot be read now is asked; the watcher waits meanwhile, for at most some 30 s at a poll of 2 s.
const ASKED_MAX: u32 = 15;

/// Classes whose cards carry the time of a block.
const TELLING: [Class; 6] = [
    Class::Summary,
    Class::MissedChanges,
    Class::AttesterTransition,
    Class::AttesterSlashed,
    Class::ProviderChanged,
    Class::CanonicalRollupChanged,
];

/// How far asking has come.
#[derive(Debug, Default)]
pub(super) struct Recall {
    asked: u32,
    is_over: bool,
}

impl Recall {
    /// Whether there is nothing to ask any more.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }
}

/// The time of the newest change of `network` that marks tell. A table of many does not name its network; it counts where
/// there is only one.
fn newest(marks: &[Mark], network: &str, is_only: bool) -> Option<UnixSeconds> {
    let tells = |mark: &&Mark| {
        let mut parts = footer_id(&mark.footer).split('/');
        let (first, class) = (parts.next().unwrap_or_default(), parts.nth(1));
        if first == "group" {
            return is_only;
        }
        first == network && TELLING.iter().any(|telling| Some(telling.name()) == class)
    };
    marks.iter().filter(tells).map(|mark| mark.at).max()
}

impl Service {
    /// Asks the channels of a network for its floor, where nothing else knows it.
    pub(super) async fn recall(
        &self,
        name: &str,
        part: &NetworkPart,
        courier: Option<&dyn Courier>,
        recall: &mut Recall,
    ) -> Result<(), WatchError> {
        let is_unknown = {
            let state = self.writer.read().await;
            let progress = state.progress_of(name);
            let is_new = state.book(name).is_none_or(|book| book.rollups.is_empty());
            progress.is_floor_doubtful || (is_new && !progress.is_introduced)
        };
        let Some(courier) = courier.filter(|_| is_unknown) else {
            recall.is_over = true;
            return Ok(());
        };
        recall.asked = recall.asked.saturating_add(1);
        let told = match self.marks(name, courier).await {
            Ok(marks) => newest(&marks, name, self.networks.len() == 1),
            Err(error @ (CourierError::Later { .. } | CourierError::Unclear(_)))
                if recall.asked < ASKED_MAX =>
            {
                tracing::warn!(network = name, %error, "the channel does not tell yet what was announced");
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(network = name, %error, "the channel does not tell what was announced");
                None
            }
        };
        let floor = match told {
            Some(at) => Some(part.watcher.block_at(at).await?),
            None => None,
        };
        if let Some(floor) = floor {
            tracing::warn!(
                network = name,
                %floor,
                "the last announced block was taken from the newest card in the channel"
            );
        }
        let committed = self.writer.commit(|state: &mut State, _| {
            let is_doubtful = state.progress_of(name).is_floor_doubtful;
            if floor.is_some() || is_doubtful {
                state.change_progress(name, |progress| {
                    progress.is_floor_doubtful = false;
                    progress.floor = progress.floor.max(floor.unwrap_or_default());
                    progress.is_introduced |= floor.is_some();
                });
            }
            Ok::<_, std::convert::Infallible>(())
        });
        match committed.await {
            Ok(()) => {}
            Err(CommitError::Store(error)) => return Err(WatchError::Store(error)),
            Err(CommitError::Refused(never)) => match never {},
        }
        recall.is_over = true;
        Ok(())
    }

    /// The marks in every channel that the network's messages may have gone to.
    async fn marks(&self, name: &str, courier: &dyn Courier) -> Result<Vec<Mark>, CourierError> {
        let bureau = self.desk.bureaus().find(|bureau| bureau.network == name);
        let channels = bureau.map(|bureau| bureau.routes.channels.values().flatten().copied());
        let mut channels: Vec<ChannelId> = channels.into_iter().flatten().collect();
        channels.sort_unstable();
        channels.dedup();
        let mut marks = Vec::new();
        for channel in channels {
            marks.extend(courier.marks(channel).await?);
        }
        Ok(marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(footer: &str, at: u64) -> Mark {
        Mark {
            footer: footer.to_owned(),
            at: UnixSeconds::new(at),
        }
    }

    #[test]
    fn only_changes_of_the_network_tell() {
        let marks = [
            mark("mainnet/-/test/1 · steward 0.1.0", 900),
            mark("mainnet/0x01/coinbase_missing/1 · steward 0.1.0", 800),
            mark("testnet/0x01/attester_transition/2 · steward 0.1.0", 700),
            mark("group/00ff", 600),
            mark("mainnet/0x01/attester_slashed/2 · steward 0.1.0", 500),
            mark("mainnet/0x01/attester_transition/2 · steward 0.1.0", 400),
            mark("", 1_000),
        ];
        assert_eq!(
            newest(&marks, "mainnet", false),
            Some(UnixSeconds::new(500))
        );
        assert_eq!(newest(&marks, "mainnet", true), Some(UnixSeconds::new(600)));
        assert_eq!(newest(&marks[..2], "mainnet", true), None);
    }
}
