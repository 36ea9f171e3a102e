//! The last announced block of each network, in a small file beside the database.
//!
//! A database that was lost takes with it what was said already. This file outlives it, so that old news is not told
//! again after a rebuild. It is written after commits, never more often than every `WRITE_EVERY`, and holds no state
//! that anything else depends on: without it a rebuild follows the policy of a first start.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Service, run::RunError};
use crate::{
    outbox::delivery::{Delivery, DeliveryState},
    state::State,
    tasks::chain_of,
    units::BlockNumber,
};

/// Name of the file in the data directory.
pub const FLOOR_FILE: &str = "announced.json";

/// The file is written at most so often: 3 s, a quarter of an L1 slot.
const WRITE_EVERY: Duration = Duration::from_secs(3);

/// Version of the file's form.
const VERSION: u32 = 1;

/// The last announced block of each network, by its name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Floors(pub BTreeMap<String, BlockNumber>);

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    announced: BTreeMap<String, BlockNumber>,
}

impl Floors {
    /// What of each network was announced for good: everything up to its cursor where nothing waits, else what lies
    /// before the oldest message that waits, and in no case less than what Discord has accepted.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let mut floors = BTreeMap::new();
        for (name, book) in &state.books {
            let cursor = book.summary().cursor.number;
            let Some(progress) = state.progress.row(name).filter(|one| one.is_introduced) else {
                continue;
            };
            floors.insert(name.clone(), cursor.max(progress.floor));
        }
        let is_waiting = state
            .outbox
            .counts()
            .iter()
            .any(|((_, name), count)| *count > 0 && ["pending", "started"].contains(name));
        if is_waiting {
            hold_back(state, &mut floors);
        }
        Self(floors)
    }

    /// Reads the file of a data directory; none where it is missing or cannot be read, which a rebuild survives.
    #[must_use]
    pub fn read(directory: &Path) -> Self {
        let form = fs::read(directory.join(FLOOR_FILE))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Form>(&bytes).ok())
            .filter(|form| form.version == VERSION);
        Self(form.map(|form| form.announced).unwrap_or_default())
    }

    /// Writes the file: whole or not at all.
    ///
    /// # Errors
    /// What the directory refuses.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let form = Form {
            version: VERSION,
            announced: self.0.clone(),
        };
        write_whole(&directory.join(FLOOR_FILE), &serde_json::to_vec(&form)?)
    }

    /// Raises each network to what `other` says; nothing is lowered, and no network is lost.
    #[must_use]
    pub fn raised_to(mut self, other: &Self) -> Self {
        for (name, block) in &other.0 {
            let known = self.0.entry(name.clone()).or_default();
            *known = (*known).max(*block);
        }
        self
    }
}

/// Lowers each network to before the oldest message that waits, but never below one that was accepted.
fn hold_back(state: &State, floors: &mut BTreeMap<String, BlockNumber>) {
    let mut waiting: BTreeMap<&str, BlockNumber> = BTreeMap::new();
    let mut sent: BTreeMap<&str, BlockNumber> = BTreeMap::new();
    for delivery in state.outbox.deliveries() {
        let network = delivery.network.as_str();
        let (first, last) = blocks_of(delivery);
        match (&delivery.state, first, last) {
            (DeliveryState::Pending | DeliveryState::Started(_), Some(first), _) => {
                let oldest = waiting.entry(network).or_insert(first);
                *oldest = (*oldest).min(first);
            }
            (DeliveryState::Sent | DeliveryState::Gone, _, Some(last)) => {
                let newest = sent.entry(network).or_insert(last);
                *newest = (*newest).max(last);
            }
            _ => {}
        }
    }
    for (network, first) in waiting {
        let accepted = sent.get(network).copied().unwrap_or_default();
        if let Some(floor) = floors.get_mut(network) {
            *floor = (*floor).min(first.saturating_sub(1).max(accepted));
        }
    }
}

/// The oldest and the newest block that a delivery tells of.
fn blocks_of(delivery: &Delivery) -> (Option<BlockNumber>, Option<BlockNumber>) {
    let blocks = || {
        let entries = delivery.entries.iter();
        entries.filter_map(|entry| Some(entry.cause?.number))
    };
    (blocks().min(), blocks().max())
}

/// Writes a file under another name, syncs it, and renames it.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft: PathBuf = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

impl Service {
    /// Keeps the file up to date until `token` is cancelled.
    pub(super) async fn keep_floors(&self, token: &CancellationToken) -> Result<(), RunError> {
        let directory = &self.config.store.data_dir;
        let mut commits = self.writer.commits();
        let mut written = Floors::read(directory);
        loop {
            let is_last = tokio::select! {
                () = token.cancelled() => true,
                changed = commits.changed() => changed.is_err(),
            };
            let floors = written
                .clone()
                .raised_to(&Floors::of(&*self.writer.read().await));
            if floors != written {
                written = self.write_floors(floors, written).await;
            }
            if is_last {
                return Ok(());
            }
            tokio::select! {
                () = token.cancelled() => {}
                () = tokio::time::sleep(WRITE_EVERY) => {}
            }
        }
    }

    /// Gives what the file holds now; a file that cannot be written is a warning, for nothing depends on it today.
    async fn write_floors(&self, floors: Floors, written: Floors) -> Floors {
        let (directory, wanted) = (self.config.store.data_dir.clone(), floors.clone());
        let done = tokio::task::spawn_blocking(move || wanted.write(&directory)).await;
        match done {
            Ok(Ok(())) => floors,
            Ok(Err(error)) => {
                tracing::warn!(
                    error = chain_of(&error),
                    "the last announced block was not noted"
                );
                written
            }
            Err(panic) => {
                tracing::error!(error = %panic, "noting the last announced block panicked");
                written
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floors(pairs: &[(&str, u64)]) -> Floors {
        let pairs = pairs.iter();
        Floors(
            pairs
                .map(|(name, block)| ((*name).to_owned(), BlockNumber::new(*block)))
                .collect(),
        )
    }

    #[test]
    fn the_file_reads_back_and_its_form_stays() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Floors::read(home.path()), Floors::default());
        let wanted = floors(&[("mainnet", 23_900_000), ("testnet", 12)]);
        wanted.write(home.path()).unwrap();
        assert_eq!(Floors::read(home.path()), wanted);
        let text = fs::read_to_string(home.path().join(FLOOR_FILE)).unwrap();
        insta::assert_snapshot!(text, @r#"{"version":1,"announced":{"mainnet":23900000,"testnet":12}}"#);
        assert_eq!(
            fs::read_dir(home.path()).unwrap().count(),
            1,
            "no draft stays"
        );
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let home = tempfile::tempdir().unwrap();
        for bytes in [
            &b"{\"version\":1,\"announ"[..],
            b"",
            b"{\"version\":2,\"announced\":{}}",
        ] {
            fs::write(home.path().join(FLOOR_FILE), bytes).unwrap();
            assert_eq!(Floors::read(home.path()), Floors::default());
        }
    }

    #[test]
    fn nothing_is_lowered_and_no_network_is_lost() {
        let raised =
            floors(&[("a", 5), ("b", 7)]).raised_to(&floors(&[("a", 9), ("b", 2), ("c", 1)]));
        assert_eq!(raised, floors(&[("a", 9), ("b", 7), ("c", 1)]));
    }
}
