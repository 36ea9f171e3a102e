//! The job that writes the nightly export, reads it back, and makes it the base of what is recorded from then on.
//!
//! Its key is the day. Processing writes the file under its name; verifying reads it to its end, and looks how much had been
//! observed when it was made: what was recorded before that is no longer needed.

use std::{
    collections::BTreeMap,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;

use super::{Service, run::RunError};
use crate::{
    jobs::{
        Handler, HasJobs as _, Job, JobKind, NewJob, Prepared, Verdict,
        engine::{Conclude, Interruption},
        job::{Lane, Pause, Phase, Priority, State as JobState},
    },
    state::{HOUSE, State},
    store::{
        Store, Tree,
        export::{self, ExportError},
        nightly,
        table::{Record as _, decode_record},
    },
    tasks::chain_of,
    units::UnixSeconds,
    watcher::{
        progress::Progress,
        recording::{self, Recorded},
    },
    writer::Extra,
};

/// Observations of this many bytes since the last export make another one due: 64 MiB, a few weeks of a large fleet, or the
/// history of a network that was just read.
const OBSERVED_MAX: u64 = 64 << 20;
/// Most observations that one commit drops; the rest follows an hour later.
const DROPPED_MAX: u64 = 5_000;

/// Writes exports.
#[derive(Debug, Clone)]
pub struct Backup {
    store: Arc<dyn Store>,
    directory: PathBuf,
    keep: usize,
}

/// What a file that was read back holds.
#[derive(Debug, PartialEq, Eq)]
struct Checked {
    evidence: String,
    /// How much had been recorded of each network.
    recorded: BTreeMap<String, Recorded>,
}

impl Backup {
    /// Exports `store` into `directory` and keeps so many files there.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, directory: PathBuf, keep: usize) -> Self {
        Self {
            store,
            directory,
            keep,
        }
    }

    async fn write(self, day: String, now: UnixSeconds) -> Result<(), String> {
        let written = tokio::task::spawn_blocking(move || {
            nightly::write_day(self.store.as_ref(), &self.directory, self.keep, &day, now)
        });
        match written.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(chain_of(&error)),
            Err(panic) => Err(format!("the export panicked: {panic}")),
        }
    }

    async fn check(self, day: String) -> Result<Checked, String> {
        let path = nightly::path_of(&self.directory, &day);
        let checked = tokio::task::spawn_blocking(move || check(&path));
        match checked.await {
            Ok(Ok(checked)) => Ok(checked),
            Ok(Err(error)) => Err(chain_of(&error)),
            Err(panic) => Err(format!("reading the export panicked: {panic}")),
        }
    }
}

/// Reads an export to its end.
fn check(path: &Path) -> Result<Checked, ExportError> {
    let mut recorded = BTreeMap::new();
    let prefix = format!("{}/\0", Progress::KIND);
    let summary = export::visit(BufReader::new(File::open(path)?), |tree, key, value| {
        let network = key
            .strip_prefix(prefix.as_bytes())
            .filter(|_| tree == Progress::TREE);
        if let Some(network) = network {
            let progress: Progress = decode_record(key, value)?;
            let network = String::from_utf8_lossy(network).into_owned();
            recorded.insert(network, progress.recorded);
        }
        Ok(())
    })?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Checked {
        evidence: format!(
            "{} holds {} records, SHA-256 {}",
            name.to_string_lossy(),
            summary.records,
            summary.sha256
        ),
        recorded,
    })
}

/// A fault that counts: the disk is ours.
fn later(reason: String) -> Verdict {
    Verdict::Later {
        after: None,
        reason,
        is_counted: true,
        pause: Pause::Nobody,
    }
}

impl Handler<State> for Backup {
    fn kind(&self) -> JobKind {
        JobKind::Export
    }

    fn prepare(&self, _state: &mut State, job: &Job, now_ms: u64) -> Prepared<State> {
        let (this, day) = (self.clone(), job.key.clone());
        let is_written = match job.state {
            JobState::PendingVerification => true,
            JobState::Processing(lease) => lease.phase == Phase::Verify,
            _ => false,
        };
        if is_written {
            let check = async move {
                let checked = this.check(day).await;
                let conclude: Conclude<State> =
                    Box::new(move |state, _, _| conclude(state, checked));
                conclude
            };
            return Prepared::Act(check.boxed());
        }
        let write = async move {
            let written = this.write(day, UnixSeconds::new(now_ms / 1000)).await;
            let conclude: Conclude<State> = Box::new(move |_, _, _| match written {
                Ok(()) => Verdict::Verify {
                    after: Duration::ZERO,
                },
                Err(reason) => later(reason),
            });
            conclude
        };
        Prepared::Act(write.boxed())
    }

    fn interrupted(&self, _: &mut State, _: &Job, why: &Interruption, _: u64) -> Verdict {
        later(match why {
            Interruption::TimedOut => "the disk did not take it in time".to_owned(),
            Interruption::Panicked(words) => format!("the export panicked: {words}"),
        })
    }

    fn tidy(&self, state: &mut State, extra: &mut Extra, _now_ms: u64) {
        let networks: Vec<String> = state.books.keys().cloned().collect();
        for network in networks {
            drop_observations(state, extra, &network);
        }
    }
}

/// What a file that was read back means: a base, or another attempt.
fn conclude(state: &mut State, checked: Result<Checked, String>) -> Verdict {
    let checked = match checked {
        Ok(checked) => checked,
        Err(reason) => {
            return Verdict::Rejected {
                reason: format!("the file cannot be read back: {reason}"),
            };
        }
    };
    for (network, recorded) in checked.recorded {
        if state.progress_of(&network).based != recorded {
            state.change_progress(&network, |progress| progress.based = recorded);
        }
    }
    Verdict::Done {
        evidence: checked.evidence,
    }
}

/// Drops what was recorded before the base, whose export tells what came of it.
fn drop_observations(state: &mut State, extra: &mut Extra, network: &str) {
    let progress = state.progress_of(network);
    let (first, end) = (progress.recorded.first, progress.based.whole);
    let end = end.min(first.saturating_add(DROPPED_MAX));
    if first >= end {
        return;
    }
    for number in first..end {
        extra
            .batch
            .delete(Tree::Ledger, recording::key(network, number));
    }
    state.change_progress(network, |progress| progress.recorded.first = end);
}

/// Wants today's export, once a network was read to its head; and a newer one, where much was observed since. Says whether
/// there is anything to want.
fn wanted(state: &State, day: &str) -> bool {
    let mut networks = state.books.keys().map(|name| state.progress_of(name));
    if !networks.clone().any(|progress| progress.is_introduced) {
        return false;
    }
    let Some(job) = state.jobs().find(HOUSE, JobKind::Export, day) else {
        return true;
    };
    let is_much = |progress: Progress| {
        let since = progress.recorded.bytes.saturating_sub(progress.based.bytes);
        since > OBSERVED_MAX
    };
    job.state == JobState::Done && networks.any(is_much)
}

impl Service {
    /// The handler of exports.
    pub(super) fn backup(&self) -> Backup {
        let keep = usize::try_from(self.config.store.exports_kept).unwrap_or(usize::MAX);
        let directory = self.config.store.data_dir.join(super::restore::EXPORTS);
        Backup::new(Arc::clone(self.writer.store()), directory, keep)
    }

    /// Wants the export of the day, where it is due.
    ///
    /// # Errors
    /// [`RunError::Store`] where the disk failed.
    pub(super) async fn want_export(&self) -> Result<(), RunError> {
        want_today(&self.writer, self.clock.now_ms()).await
    }
}

/// Wants the export of the day, where it is due.
///
/// # Errors
/// [`RunError::Store`] where the disk failed.
pub async fn want_today(
    writer: &crate::writer::Writer<State>,
    now_ms: u64,
) -> Result<(), RunError> {
    let Ok(day) = nightly::day_of(UnixSeconds::new(now_ms / 1000)) else {
        return Ok(());
    };
    if !wanted(&*writer.read().await, &day) {
        return Ok(());
    }
    want(writer, day, now_ms).await
}

async fn want(
    writer: &crate::writer::Writer<State>,
    day: String,
    now_ms: u64,
) -> Result<(), RunError> {
    let new = NewJob {
        network: HOUSE.to_owned(),
        kind: JobKind::Export,
        key: day,
        lane: Lane::Free(JobKind::Export),
        priority: Priority::Normal,
        give_up_at_ms: None,
    };
    let committed = writer.commit(|state, _| {
        state.jobs_mut().want(new, now_ms);
        Ok::<_, std::convert::Infallible>(())
    });
    match committed.await {
        Ok(()) => Ok(()),
        Err(crate::writer::CommitError::Store(error)) => Err(error.into()),
        Err(crate::writer::CommitError::Refused(never)) => match never {},
    }
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
