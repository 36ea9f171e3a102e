//! Watches the keys directory of one network.
//!
//! What the system reports of changes is a nudge to look now; the truth is the look itself, which also happens on a
//! schedule, because network file systems report nothing and reports may be lost.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{KeysMemory, KeysObservation, Observed, scan};
use crate::{clock::Clock, network::NetworkName};

/// How long to wait after a nudge: a deployment writes several files at once.
const SETTLE: Duration = Duration::from_millis(200);

/// How long a half-written file gets before the second look.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(400);

/// Watches one directory.
#[derive(Debug)]
pub struct KeysWatcher {
    directory: PathBuf,
    network: NetworkName,
    rescan_interval: Duration,
    clock: Arc<dyn Clock>,
}

/// Why watching ended.
#[derive(Debug, Error)]
pub enum KeysWatchError {
    /// The look at the files panicked.
    #[error("reading the keys files ended abnormally")]
    Look(#[source] tokio::task::JoinError),
    /// Nobody takes observations any more.
    #[error("nobody takes observations of keys files any more")]
    NobodyListens,
}

impl KeysWatcher {
    /// Watches `directory` for files of `network`, and looks at least every `rescan_interval`.
    #[must_use]
    pub const fn new(
        directory: PathBuf,
        network: NetworkName,
        rescan_interval: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            directory,
            network,
            rescan_interval,
            clock,
        }
    }

    /// Sends an observation at once, and after every look, until `token` is cancelled.
    ///
    /// # Errors
    /// When nobody listens, or when the look itself broke.
    pub async fn run(
        self,
        token: CancellationToken,
        observations: mpsc::Sender<KeysObservation>,
    ) -> Result<(), KeysWatchError> {
        let (nudge, mut nudges) = mpsc::channel(1);
        let mut memory = KeysMemory::new(self.network.clone());
        let mut reports = None;
        loop {
            // Before the look, so that no change falls between; again after every look, in case the directory is new.
            if reports.is_none() {
                reports = reports_of(&self.directory, &nudge);
            }
            let look = async {
                let (memory, observation) = self.look(memory).await?;
                let sent = observations.send(observation).await;
                sent.map_err(|_unsent| KeysWatchError::NobodyListens)?;
                Ok(memory)
            };
            memory = tokio::select! {
                () = token.cancelled() => return Ok(()),
                memory = look => memory?,
            };
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                Some(()) = nudges.recv() => {
                    tokio::time::sleep(SETTLE).await;
                    while nudges.try_recv().is_ok() {}
                }
                () = tokio::time::sleep(self.rescan_interval) => {
                    // A directory that was removed and made again is no longer reported on.
                    reports = None;
                }
            }
        }
    }

    /// Looks until the picture is settled.
    async fn look(
        &self,
        mut memory: KeysMemory,
    ) -> Result<(KeysMemory, KeysObservation), KeysWatchError> {
        loop {
            let (directory, network) = (self.directory.clone(), self.network.clone());
            let read_at = self.clock.now();
            let look = tokio::task::spawn_blocking(move || {
                let observed = memory.observe(scan(&directory, &network), read_at);
                (memory, observed)
            });
            let observed = look.await.map_err(KeysWatchError::Look)?;
            match observed {
                (memory, Observed::Settled(observation)) => return Ok((memory, observation)),
                (unsettled, Observed::LookAgain) => memory = unsettled,
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }
}

/// Asks the system to nudge on changes below `directory`; `None` where it cannot, and the schedule has to do.
fn reports_of(directory: &Path, nudge: &mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let nudge = nudge.clone();
    let on_event = move |event: notify::Result<notify::Event>| {
        // Our own reading is reported too; looking because of that would never end.
        let is_reading = event.is_ok_and(|event| match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            EventKind::Any
            | EventKind::Create(_)
            | EventKind::Modify(_)
            | EventKind::Remove(_)
            | EventKind::Other => false,
        });
        if !is_reading {
            // A full channel already holds the nudge.
            let _full = nudge.try_send(());
        }
    };
    let watching = notify::recommended_watcher(on_event).and_then(|mut watcher| {
        watcher.watch(directory, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    match watching {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::debug!(
                keys.directory = %directory.display(),
                %error,
                "the system reports no changes of keys files; they are read on schedule only"
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        clock::ManualClock,
        units::{Address, UnixSeconds},
    };

    /// Longer than any of these tests: only a nudge can cause a look.
    const NEVER: Duration = Duration::from_secs(3600);

    /// No wait of these tests comes near it.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn text(attesters: &[u8]) -> String {
        let entries: Vec<String> = attesters
            .iter()
            .map(|number| {
                format!(
                    r#"{{"attester": {{"eth": "{}"}}}}"#,
                    Address::repeat_byte(*number)
                )
            })
            .collect();
        format!(r#"{{"validators": [{}]}}"#, entries.join(","))
    }

    struct Watched {
        directory: tempfile::TempDir,
        observations: mpsc::Receiver<KeysObservation>,
        watcher: tokio::task::JoinHandle<Result<(), KeysWatchError>>,
        token: CancellationToken,
    }

    impl Watched {
        fn start(rescan_interval: Duration) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let (sender, observations) = mpsc::channel(1);
            let token = CancellationToken::new();
            let watcher = KeysWatcher::new(
                directory.path().to_owned(),
                NetworkName::parse("mainnet").unwrap(),
                rescan_interval,
                Arc::new(ManualClock::new(UnixSeconds::new(1))),
            );
            #[expect(clippy::disallowed_methods, reason = "the task of a test")]
            let watcher = tokio::spawn(watcher.run(token.clone(), sender));
            Self {
                directory,
                observations,
                watcher,
                token,
            }
        }

        /// Waits for an observation with exactly these attesters and that many faults.
        async fn until(&mut self, attesters: &[u8], faults: usize) -> Arc<super::super::Keys> {
            let found = tokio::time::timeout(PATIENCE, async {
                loop {
                    let keys = self.observations.recv().await.unwrap().keys;
                    let found: Vec<u8> = keys.attesters.keys().map(|a| a.address()[0]).collect();
                    if found == attesters && keys.faults.len() == faults {
                        return keys;
                    }
                }
            });
            found
                .await
                .unwrap_or_else(|_late| panic!("never saw {attesters:?} with {faults} faults"))
        }

        async fn stop(self) {
            self.token.cancel();
            self.watcher.await.unwrap().unwrap();
        }
    }

    /// Goal: what a deployment does to files is followed. Method: real files, and no look but by nudge.
    #[tokio::test(flavor = "multi_thread")]
    async fn changes_on_the_disk_are_followed() {
        let mut watched = Watched::start(NEVER);
        let root = watched.directory.path().to_owned();
        watched.until(&[], 0).await;

        fs::write(root.join("mainnet-keys-a-v1.json"), text(&[1])).unwrap();
        watched.until(&[1], 0).await;

        let host = root.join("mainnet/b");
        fs::create_dir_all(&host).unwrap();
        fs::write(host.join("native-registered-keys.json"), text(&[2])).unwrap();
        watched.until(&[1, 2], 0).await;

        // Atomic replacement, as deployments do it.
        let next = root.join("next.tmp");
        fs::write(&next, text(&[3])).unwrap();
        fs::rename(&next, root.join("mainnet-keys-a-v1.json")).unwrap();
        watched.until(&[2, 3], 0).await;

        // A file that stays damaged is a fault, and its last good content stays in force.
        fs::write(root.join("mainnet-keys-a-v1.json"), &text(&[4])[..30]).unwrap();
        let keys = watched.until(&[2, 3], 1).await;
        assert_eq!(keys.faults[0].path.as_str(), "mainnet-keys-a-v1.json");

        fs::remove_file(root.join("mainnet-keys-a-v1.json")).unwrap();
        watched.until(&[2], 0).await;
        watched.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_reports_the_schedule_finds_a_directory_that_comes_later() {
        let mut watched = Watched::start(Duration::from_millis(20));
        let root = watched.directory.path().to_owned();
        fs::remove_dir_all(&root).unwrap();
        watched.until(&[], 1).await;
        fs::create_dir(&root).unwrap();
        fs::write(root.join("mainnet-keys-a-v1.json"), text(&[1])).unwrap();
        watched.until(&[1], 0).await;
        watched.stop().await;
    }

    /// Reading files is reported by the system like any access; it must not cause the next look.
    #[tokio::test(flavor = "multi_thread")]
    async fn looking_causes_no_look() {
        let mut watched = Watched::start(NEVER);
        watched.until(&[], 0).await;
        fs::write(
            watched.directory.path().join("mainnet-keys-a-v1.json"),
            text(&[1]),
        )
        .unwrap();
        watched.until(&[1], 0).await;
        // One more look may come from the end of the same write; a circle would bring dozens.
        let mut looks = 0;
        while tokio::time::timeout(SETTLE * 6, watched.observations.recv())
            .await
            .is_ok()
        {
            looks += 1;
            assert!(looks < 4, "looking causes looks");
        }
        watched.stop().await;
    }
}
