//! A seeded life full of faults: batches of notices, edits, retractions, outages, deleted messages, and a process that
//! dies between any two effects. In the end every notice stands in exactly one message, with its newest content.
//!
//! `STEWARD_SIMULATION_SEEDS` runs more seeds than the normal test, `STEWARD_SIMULATION_SEED` one alone.

use std::{collections::BTreeMap, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    house::{ALARMS, House, NEWS, Process, gone, incident, routes, transition},
    machine::{Deed, on_paused_time},
    matrix::Peril,
    world::Standing,
};
use crate::{
    alert::{
        card::{Severity, Span},
        class::Class,
        notice::{Notice, NoticeId},
    },
    jobs::job::Action,
    outbox::courier::{ChannelId, MessageId},
    units::{B256, BlockNumber, BlockRef},
};

const SEEDS: u64 = 200;

/// What the house means to say: per notice its newest text, or that it was taken back.
type Meant = BTreeMap<NoticeId, Option<String>>;

/// What came of one life.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) crashes: u64,
    pub(super) messages: usize,
    pub(super) finds: u64,
    /// How often the peril struck.
    pub(super) struck: u64,
    pub(super) notices: u64,
    /// Notices that stand nowhere and should.
    pub(super) lost: u64,
    /// Notices that stand more than once.
    pub(super) doubled: u64,
}

pub(super) fn number(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's own switch, not the product's configuration"
    )]
    let text = std::env::var(name).ok()?;
    text.parse().ok()
}

#[test]
fn over_faults_and_crashes_every_notice_stands_once() {
    let one = number("STEWARD_SIMULATION_SEED");
    let count = number("STEWARD_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let seeds = one.map_or(0..count, |seed| seed..seed.saturating_add(1));
    let (mut crashes, mut messages, mut finds) = (0, 0, 0);
    for seed in seeds {
        match std::panic::catch_unwind(|| on_paused_time(live(seed, &Peril::Everything))) {
            Ok(life) => {
                assert_eq!((life.lost, life.doubled), (0, 0), "seed {seed}: {life:?}");
                crashes += life.crashes;
                messages += life.messages;
                finds += life.finds;
            }
            Err(panic) => {
                eprintln!("seed {seed} failed: STEWARD_SIMULATION_SEED={seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{crashes} crashes, {messages} messages, {finds} searches");
    if one.is_none() {
        assert!(crashes > count, "the process must die often: {crashes}");
        assert!(finds > count / 2, "outcomes must be unclear often: {finds}");
    }
}

struct Plot {
    random: StdRng,
    meant: Meant,
    order: Vec<NoticeId>,
    /// The block that a notice is caused by at present.
    causes: BTreeMap<NoticeId, u64>,
    block: u64,
    next: u64,
}

pub(super) async fn live(seed: u64, peril: &Peril) -> Life {
    let mut house = House::new(seed);
    let mut plot = Plot {
        random: StdRng::seed_from_u64(seed),
        meant: Meant::new(),
        order: Vec::new(),
        causes: BTreeMap::new(),
        block: 0,
        next: 1,
    };
    let mut life = Life::default();
    peril.begin(&house, &mut plot.random);
    for _ in 0..plot.random.random_range(2..7) {
        let process = house.start();
        peril.threaten(&house, &mut plot.random);
        let blown = house.fuse.blown.notified();
        let is_dead = tokio::select! {
            biased;
            () = blown => true,
            is_dead = day(&house, &process, &mut plot) => is_dead,
        };
        life.crashes += u64::from(is_dead);
        house.fuse.put_out();
        process.kill().await;
    }
    // The last life: nothing fails any more, and what the last crash may have swallowed is owed again.
    life.struck = peril.end(&house, life.crashes);
    let process = house.start();
    let again = plot.again();
    for notice in again {
        process.owe(vec![notice]).await.unwrap();
    }
    for (id, text) in plot.meant.clone() {
        if text.is_none() {
            process
                .change(|outbox, jobs, now| outbox.retract(jobs, now, &id, gone(&id)))
                .await;
        }
    }
    process.settle().await;
    let retried = retry_unclear(&process).await;
    process.settle().await;
    check_order(&process, &retried).await;
    process.end().await;
    let messages = [house.world.seen(NEWS), house.world.seen(ALARMS)].concat();
    for id in &plot.order {
        let meant = plot.meant.get(id).unwrap();
        let found = Found::of(&messages, id);
        life.notices += 1;
        life.lost += u64::from(meant.is_some() && found.count() == 0);
        life.doubled += u64::from(found.count() > 1);
        found.check(id, meant);
    }
    (life.messages, life.finds) = (messages.len(), house.world.calls(Deed::Find));
    life
}

/// One day of owing; says whether a commit failed, which ends the process.
async fn day(house: &House, process: &Process, plot: &mut Plot) -> bool {
    for _ in 0..plot.random.random_range(1..12) {
        let is_done = match plot.random.random_range(0..11) {
            0..5 => {
                let batch = plot.batch();
                process.owe(batch).await.is_ok()
            }
            5 | 6 => match plot.revision() {
                Some(notice) => process.owe(vec![notice]).await.is_ok(),
                None => true,
            },
            7 => match plot.retraction() {
                Some(id) => retract(house, process, &id).await,
                None => true,
            },
            8 => reorg(house, process, plot).await,
            9 => {
                let is_down = plot.random.random_bool(0.5);
                house.world.set(|rules| rules.is_down = is_down);
                true
            }
            _ => {
                let is_gone = plot.random.random_bool(0.3);
                house.world.set(|rules| {
                    if is_gone {
                        rules.gone.insert(ChannelId(NEWS));
                    } else {
                        rules.gone.clear();
                    }
                });
                true
            }
        };
        if !is_done {
            return true;
        }
        let pause = plot.random.random_range(0..30_000);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    false
}

/// A block is unwound, and everything in it moves to another one; says whether the commit held.
async fn reorg(house: &House, process: &Process, plot: &mut Plot) -> bool {
    if plot.block == 0 {
        return true;
    }
    let unwound = plot.random.random_range(1..=plot.block);
    plot.block += 1;
    let moved: Vec<NoticeId> = plot
        .causes
        .iter_mut()
        .filter(|(_, block)| **block == unwound)
        .map(|(id, block)| {
            *block = plot.block;
            id.clone()
        })
        .collect();
    let notices: Vec<Notice> = moved.iter().filter_map(|id| plot.meant_now(id)).collect();
    let now_ms = crate::clock::Clock::now_ms(&*house.clock);
    let commit = process.writer.commit(|state, _| {
        let (outbox, jobs) = (&mut state.outbox, &mut state.jobs);
        outbox.cancel_caused_by(jobs, now_ms, &[block(unwound)]);
        outbox.owe(jobs, now_ms, notices, &routes());
        Ok::<_, ()>(())
    });
    commit.await.is_ok()
}

fn block(number: u64) -> BlockRef {
    BlockRef {
        number: BlockNumber::new(number),
        hash: B256::left_padding_from(&number.to_be_bytes()),
    }
}

async fn retract(house: &House, process: &Process, id: &NoticeId) -> bool {
    let now_ms = crate::clock::Clock::now_ms(&*house.clock);
    let commit = process.writer.commit(|state, _| {
        state.outbox.retract(&mut state.jobs, now_ms, id, gone(id));
        Ok::<_, ()>(())
    });
    commit.await.is_ok()
}

impl Plot {
    fn made(&self, id: &NoticeId, text: &str) -> Notice {
        let number = self.order.iter().position(|known| known == id).unwrap();
        let subject = u64::try_from(number).unwrap() + 1;
        let is_incident = id.as_str().contains(Class::CoinbaseMissing.name());
        let mut notice = if is_incident {
            incident(subject, text)
        } else {
            transition(subject, text)
        };
        notice.cause = self.causes.get(id).copied().map(block);
        notice
    }

    fn meant_now(&self, id: &NoticeId) -> Option<Notice> {
        let text = self.meant.get(id)?.as_ref()?;
        Some(self.made(id, text))
    }

    fn batch(&mut self) -> Vec<Notice> {
        let size = [1, 1, 2, 3, 8, 40][self.random.random_range(0..6)];
        let mut batch = Vec::new();
        self.block += 1;
        for _ in 0..size {
            let subject = self.next;
            self.next += 1;
            let mut notice = if self.random.random_bool(0.2) {
                incident(subject, "missing")
            } else {
                transition(subject, "active")
            };
            let text = notice.row[1].1.clone();
            self.meant.insert(notice.id.clone(), Some(text));
            self.order.push(notice.id.clone());
            self.causes.insert(notice.id.clone(), self.block);
            notice.cause = Some(block(self.block));
            batch.push(notice);
        }
        batch
    }

    fn pick(&mut self) -> Option<NoticeId> {
        if self.order.is_empty() {
            return None;
        }
        let index = self.random.random_range(0..self.order.len());
        self.order.get(index).cloned()
    }

    fn revision(&mut self) -> Option<Notice> {
        let id = self.pick()?;
        let text = format!("version {}", self.random.random_range(0..1_000));
        self.meant.insert(id.clone(), Some(text.clone()));
        Some(self.made(&id, &text))
    }

    fn retraction(&mut self) -> Option<NoticeId> {
        let id = self.pick()?;
        self.meant.insert(id.clone(), None);
        Some(id)
    }

    /// Everything that is meant, as a restarted house owes it again.
    fn again(&self) -> Vec<Notice> {
        let meant = self.order.iter().filter_map(|id| self.meant_now(id));
        meant.collect()
    }
}

/// The messages in which a notice stands: as a card, or as a row.
struct Found<'a> {
    cards: Vec<&'a Standing>,
    rows: Vec<&'a Standing>,
}

impl<'a> Found<'a> {
    fn of(messages: &'a [Standing], id: &NoticeId) -> Self {
        let row = row(id);
        let is_card = |message: &&Standing| message.message.cards[0].footer == id.as_str();
        let is_row = |message: &&Standing| {
            let mut files = message.files.iter();
            files.any(|file| file.lines().any(|line| line.starts_with(&row)))
        };
        Self {
            cards: messages.iter().filter(is_card).collect(),
            rows: messages.iter().filter(is_row).collect(),
        }
    }

    fn count(&self) -> usize {
        self.cards.len() + self.rows.len()
    }

    /// Where it stands once it says what is meant; what was taken back is marked.
    fn check(&self, id: &NoticeId, meant: &Option<String>) {
        let Some(text) = meant else {
            if let [card] = self.cards.as_slice() {
                assert_eq!(card.message.cards[0].severity, Severity::Retracted, "{id}");
            }
            return;
        };
        if let [card] = self.cards.as_slice() {
            let title = &card.message.cards[0].title.0;
            assert_eq!(
                title,
                &[Span::Plain(text.clone())],
                "{id} is not up to date"
            );
        }
        if let [group] = self.rows.as_slice() {
            let is_new =
                |line: &str| line.starts_with(&row(id)) && line.ends_with(&format!(",{text}"));
            let table = group.message.table.as_ref().unwrap();
            let subject = id.as_str().split('/').nth(1).unwrap();
            let mut lines = table.lines();
            let is_shown = lines.any(|line| line.contains(subject) && line.contains(text.as_str()));
            let is_marked =
                |line: &&str| line.starts_with("changed") || line.starts_with("taken back");
            let is_full = table.lines().filter(is_marked).count() >= 15;
            assert!(
                is_shown || is_full || group.files.iter().any(|file| file.lines().any(is_new)),
                "{id}: the row is not up to date:\n{table}"
            );
        }
    }
}

/// What a row of a table begins with.
fn row(id: &NoticeId) -> String {
    format!("{},", id.as_str())
}

/// A person looks at what nobody can tell, and has it sent again.
async fn retry_unclear(process: &Process) -> Vec<u64> {
    let troubled: Vec<u64> = {
        let state = process.writer.read().await;
        state.jobs.troubled().map(|job| job.id).collect()
    };
    for job in &troubled {
        process.ask(*job, Action::Retry).await.unwrap();
    }
    troubled
}

/// The messages of a channel stand in the order in which they were owed.
async fn check_order(process: &Process, retried: &[u64]) {
    let state = process.writer.read().await;
    let mut last: BTreeMap<ChannelId, (MessageId, u64)> = BTreeMap::new();
    let mut sent: Vec<_> = state
        .outbox
        .deliveries()
        .filter(|delivery| !retried.contains(&delivery.job))
        .filter_map(|delivery| Some((delivery.posted.as_ref()?.message, delivery)))
        .collect();
    sent.sort_by_key(|(message, _)| *message);
    for (message, delivery) in sent {
        let order = state.jobs.job(delivery.job).unwrap().order;
        if let Some((before, earlier)) = last.insert(delivery.channel, (message, order)) {
            assert!(
                earlier < order,
                "{before:?} stands before {message:?}: {earlier}, {order}"
            );
        }
    }
}
