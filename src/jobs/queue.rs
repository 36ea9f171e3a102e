//! The jobs, and which of them is next.
//!
//! The table is the truth; the indexes beside it are rebuilt at load, follow every change, and follow a roll-back too.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    attempt,
    job::{Job, JobKind, Lane, Priority, State},
    policy::Policy,
    transition::{Event, Illegal, revive, transition, withdraw},
};
use crate::store::{
    Batch, Store, StoreError, Write,
    table::{Journal, Table},
};

/// How long a finished job is kept, to be shown: 7 days.
pub const DONE_KEPT: Duration = Duration::from_hours(7 * 24);
/// How long a cancelled job is kept: 1 day.
pub const CANCELLED_KEPT: Duration = Duration::from_hours(24);
/// How long a job that failed or is unclear is kept: 90 days, longer than any holiday.
pub const TROUBLED_KEPT: Duration = Duration::from_hours(90 * 24);
/// Most ended jobs that are kept, whatever their age: about 10 MiB of memory.
pub const ENDED_MAX: usize = 20_000;
/// Most jobs that one commit forgets.
pub const PRUNED_MAX: usize = 2_000;

/// A job that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// The network it belongs to.
    pub network: String,
    /// What it does.
    pub kind: JobKind,
    /// What it does it to.
    pub key: String,
    /// Its lane.
    pub lane: Lane,
    /// Its priority within the lane.
    pub priority: Priority,
    /// Retries end here.
    pub give_up_at_ms: Option<u64>,
}

/// What the engine cannot take at the moment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Kinds that have a handler, and how many more of each may run.
    pub free: BTreeMap<JobKind, usize>,
    /// Lanes that wait until then (Unix, milliseconds).
    pub paused: BTreeMap<Lane, u64>,
    /// Everything waits until then (Unix, milliseconds).
    pub all_paused_until_ms: u64,
}

impl Gate {
    fn opens_at(&self, lane: Lane) -> u64 {
        let lane = self.paused.get(&lane).copied().unwrap_or_default();
        lane.max(self.all_paused_until_ms)
    }

    fn takes(&self, kind: JobKind) -> bool {
        self.free.get(&kind).is_some_and(|free| *free > 0)
    }
}

type Place = (Priority, u64, u64);

#[derive(Debug, Default)]
struct LaneIndex {
    /// `(priority, order, id)` of the jobs that wait.
    by_order: BTreeSet<Place>,
    /// `(priority, available at, id)` of the same.
    by_time: BTreeSet<Place>,
    running: usize,
}

impl LaneIndex {
    fn is_idle(&self) -> bool {
        self.by_order.is_empty() && self.running == 0
    }
}

/// The jobs of the house.
#[derive(Debug)]
pub struct Jobs {
    table: Table<Job>,
    incarnation: u64,
    /// Jobs that an earlier process left waiting: a restart is a reason to try again at once.
    inherited: BTreeSet<u64>,
    next: u64,
    by_key: BTreeMap<(JobKind, String, String), u64>,
    lanes: BTreeMap<Lane, LaneIndex>,
    counts: BTreeMap<(JobKind, &'static str), usize>,
    troubled: BTreeSet<u64>,
    ended: BTreeSet<(u64, u64)>,
}

impl Jobs {
    /// No jobs, for the process of this incarnation.
    #[must_use]
    pub fn new(incarnation: u64) -> Self {
        Self {
            table: Table::new(""),
            incarnation,
            inherited: BTreeSet::new(),
            next: 1,
            by_key: BTreeMap::new(),
            lanes: BTreeMap::new(),
            counts: BTreeMap::new(),
            troubled: BTreeSet::new(),
            ended: BTreeSet::new(),
        }
    }

    /// Reads the jobs. `incarnation` must be larger than that of every earlier process on this store.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn load(store: &dyn Store, incarnation: u64) -> Result<Self, StoreError> {
        let mut jobs = Self::new(incarnation);
        jobs.table = Table::load("", store)?;
        let rows: Vec<Job> = jobs.table.rows().map(|(_, job)| job.clone()).collect();
        let live = rows.iter().filter(|job| job.state.is_live());
        jobs.inherited = live.map(|job| job.id).collect();
        for job in rows {
            jobs.next = jobs.next.max(job.id.max(job.order).saturating_add(1));
            jobs.enter(&job);
        }
        Ok(jobs)
    }

    /// The incarnation of this process.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The job with this number.
    #[must_use]
    pub fn job(&self, id: u64) -> Option<&Job> {
        self.table.row(&id)
    }

    /// The job that does this to that.
    #[must_use]
    pub fn find(&self, network: &str, kind: JobKind, key: &str) -> Option<&Job> {
        let id = self
            .by_key
            .get(&(kind, network.to_owned(), key.to_owned()))?;
        self.table.row(id)
    }

    /// Every job that is kept, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Job> {
        self.table.rows().rev().map(|(_, job)| job)
    }

    /// The jobs that failed or are unclear: what a person should look at.
    pub fn troubled(&self) -> impl Iterator<Item = &Job> {
        self.troubled.iter().filter_map(|id| self.table.row(id))
    }

    /// How many jobs there are, per kind and name of state; absent means none.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<(JobKind, &'static str), usize> {
        &self.counts
    }

    /// Wants a job: makes it, or brings back one that ended; one that is live stays as it is. Gives its number.
    pub fn want(&mut self, new: NewJob, now_ms: u64) -> u64 {
        let known = self.find(&new.network, new.kind, &new.key);
        if let Some((id, state)) = known.map(|job| (job.id, job.state)) {
            let order = (!state.is_live()).then(|| self.step());
            self.change(id, |job| renew(job, order, &new, now_ms));
            return id;
        }
        let id = self.step();
        let job = Job {
            id,
            network: new.network,
            kind: new.kind,
            key: new.key,
            state: State::Created,
            lane: new.lane,
            priority: new.priority,
            order: id,
            available_at_ms: now_ms,
            give_up_at_ms: new.give_up_at_ms,
            attempts: 0,
            streak: 0,
            faults: 0,
            polls: 0,
            reason: None,
            evidence: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        self.enter(&job);
        self.table.put(id, job);
        id
    }

    /// Moves a job; `None` where there is none.
    ///
    /// # Errors
    /// [`Illegal`], and nothing changed.
    pub fn step_job(
        &mut self,
        id: u64,
        event: Event,
        policy: &Policy,
        now_ms: u64,
    ) -> Option<Result<(), Illegal>> {
        self.change(id, |job| transition(job, event, policy, now_ms))
    }

    /// Withdraws a job that is no longer wanted; one that is done or gone stays as it is.
    pub fn withdraw(&mut self, id: u64, reason: &str, now_ms: u64) {
        self.change(id, |job| withdraw(job, reason, now_ms));
    }

    /// The job to take now, if any.
    #[must_use]
    pub fn claimable(&self, now_ms: u64, gate: &Gate) -> Option<u64> {
        let lanes = self.lanes.iter();
        let open = lanes.filter(|(lane, _)| gate.opens_at(**lane) <= now_ms);
        open.filter_map(|(lane, index)| self.next_of(*lane, index, now_ms))
            .find(|id| self.job(*id).is_some_and(|job| gate.takes(job.kind)))
    }

    /// When something may become claimable by the passing of time alone (Unix, milliseconds); later than `now_ms`.
    #[must_use]
    pub fn wakes_at(&self, now_ms: u64, gate: &Gate) -> Option<u64> {
        let lanes = self.lanes.iter();
        let times = lanes.flat_map(|(lane, index)| {
            let opens = gate.opens_at(*lane);
            let firsts: [Option<u64>; 2] = match lane {
                Lane::Send(_) => [self.head(index).map(|(at, _)| at), None],
                Lane::Edit(_) | Lane::Free(_) => [Priority::Normal, Priority::Low]
                    .map(|priority| earliest(index, priority).map(|(at, _)| at)),
            };
            firsts.into_iter().flatten().map(move |at| at.max(opens))
        });
        times.filter(|at| *at > now_ms).min()
    }

    fn next_of(&self, lane: Lane, index: &LaneIndex, now_ms: u64) -> Option<u64> {
        let due = |(at, id): (u64, u64)| (at <= now_ms).then_some(id);
        let first = || {
            [Priority::Normal, Priority::Low]
                .into_iter()
                .find_map(|priority| earliest(index, priority).and_then(due))
        };
        match lane {
            Lane::Free(_) => first(),
            Lane::Send(_) | Lane::Edit(_) if index.running > 0 => None,
            Lane::Send(_) => self.head(index).and_then(due),
            Lane::Edit(channel) => {
                let sends = self.lanes.get(&Lane::Send(channel));
                let is_busy = sends.is_some_and(|sends| {
                    sends.running > 0 || self.head(sends).and_then(due).is_some()
                });
                if is_busy { None } else { first() }
            }
        }
    }

    fn head(&self, index: &LaneIndex) -> Option<(u64, u64)> {
        let (_, _, id) = index.by_order.first()?;
        self.job(*id).map(|job| (self.ready_at(job), *id))
    }

    /// A job whose process ended is ready at once: what it waited for - a token, say - may be why there is a new one.
    fn ready_at(&self, job: &Job) -> u64 {
        match job.state {
            State::Processing(_) => 0,
            _ if self.inherited.contains(&job.id) => 0,
            _ => job.available_at_ms,
        }
    }

    const fn is_running(&self, job: &Job) -> bool {
        matches!(job.state, State::Processing(lease) if lease.incarnation >= self.incarnation)
    }

    /// Forgets ended jobs that are old, or too many.
    pub fn prune(&mut self, batch: &mut Batch, now_ms: u64) {
        for _ in 0..PRUNED_MAX {
            let Some((expires_at_ms, id)) = self.ended.first().copied() else {
                return;
            };
            if expires_at_ms > now_ms && self.ended.len() <= ENDED_MAX {
                return;
            }
            let Some(job) = self.table.row(&id).cloned() else {
                return;
            };
            // Numbers must not come back: the newest job stays until there is a newer one.
            if job.id.max(job.order).saturating_add(1) >= self.next {
                return;
            }
            self.leave(&job);
            self.table.remove(&id);
            attempt::forget(&job, batch);
        }
    }

    const fn step(&mut self) -> u64 {
        let id = self.next;
        self.next = self.next.saturating_add(1);
        id
    }

    fn change<T>(&mut self, id: u64, change: impl FnOnce(&mut Job) -> T) -> Option<T> {
        let before = self.table.row(&id)?.clone();
        let changed = self.table.change(&id, change);
        self.leave(&before);
        self.inherited.remove(&id);
        if let Some(after) = self.table.row(&id).cloned() {
            self.enter(&after);
        }
        changed
    }

    fn enter(&mut self, job: &Job) {
        let key = (job.kind, job.network.clone(), job.key.clone());
        self.by_key.insert(key, job.id);
        let count = self.counts.entry((job.kind, job.state.name())).or_default();
        *count = count.saturating_add(1);
        if job.state.is_live() {
            let (running, at) = (self.is_running(job), self.ready_at(job));
            let lane = self.lanes.entry(job.lane).or_default();
            if running {
                lane.running = lane.running.saturating_add(1);
            } else {
                lane.by_order.insert((job.priority, job.order, job.id));
                lane.by_time.insert((job.priority, at, job.id));
            }
        } else {
            self.ended.insert((expires_at_ms(job), job.id));
        }
        if matches!(job.state, State::Failed | State::Unclear) {
            self.troubled.insert(job.id);
        }
    }

    fn leave(&mut self, job: &Job) {
        let key = (job.kind, job.network.clone(), job.key.clone());
        self.by_key.remove(&key);
        if let Some(count) = self.counts.get_mut(&(job.kind, job.state.name())) {
            *count = count.saturating_sub(1);
        }
        let (running, at) = (self.is_running(job), self.ready_at(job));
        if job.state.is_live()
            && let Some(lane) = self.lanes.get_mut(&job.lane)
        {
            if running {
                lane.running = lane.running.saturating_sub(1);
            } else {
                lane.by_order.remove(&(job.priority, job.order, job.id));
                lane.by_time.remove(&(job.priority, at, job.id));
            }
            if lane.is_idle() {
                self.lanes.remove(&job.lane);
            }
        }
        self.ended.remove(&(expires_at_ms(job), job.id));
        self.troubled.remove(&job.id);
    }
}

/// Wants a known job: one that ended starts over at the place `order`; one that is live becomes at most more urgent.
fn renew(job: &mut Job, order: Option<u64>, new: &NewJob, now_ms: u64) {
    match order {
        Some(order) => {
            revive(job, order, now_ms);
            (job.lane, job.priority) = (new.lane, new.priority);
            job.give_up_at_ms = new.give_up_at_ms;
        }
        None => {
            job.priority = job.priority.min(new.priority);
            if new.give_up_at_ms.is_none() {
                job.give_up_at_ms = None;
            }
        }
    }
}

fn earliest(index: &LaneIndex, priority: Priority) -> Option<(u64, u64)> {
    let from = (priority, 0, 0);
    let (_, at, id) = index
        .by_time
        .range(from..=(priority, u64::MAX, u64::MAX))
        .next()?;
    Some((*at, *id))
}

fn expires_at_ms(job: &Job) -> u64 {
    let kept = match job.state {
        State::Done => DONE_KEPT,
        State::Failed | State::Unclear => TROUBLED_KEPT,
        State::Cancelled | State::Created | State::Processing(_) | State::PendingVerification => {
            CANCELLED_KEPT
        }
    };
    let kept = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
    job.updated_at_ms.saturating_add(kept)
}

impl Journal for Jobs {
    fn drain(
        &mut self,
        batch: &mut Batch,
        undo: Option<&mut Vec<Write>>,
    ) -> Result<(), StoreError> {
        self.table.drain(batch, undo)
    }

    fn roll_back(&mut self) {
        let touched: Vec<u64> = self.table.touched().copied().collect();
        for id in &touched {
            if let Some(job) = self.table.row(id).cloned() {
                self.leave(&job);
            }
        }
        self.table.roll_back();
        for id in &touched {
            if let Some(job) = self.table.row(id).cloned() {
                self.enter(&job);
            }
        }
    }

    fn undo(&mut self, write: &Write) -> Result<bool, StoreError> {
        // Jobs are never unwound; the answer is given for the sake of the contract.
        self.table.undo(write)
    }
}
