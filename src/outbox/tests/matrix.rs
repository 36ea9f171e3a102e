//! The crash matrix: every deed of the outbox with everything that can strike it, each alone over many seeded lives.
//!
//! `STEWARD_MATRIX_SEEDS` is the number of lives per point; with `STEWARD_MATRIX_REPORT` the table of
//! `docs/RELIABILITY.md` is written from what was counted.

use std::{fmt::Write as _, time::Duration};

use rand::{Rng, rngs::StdRng};

use super::{
    house::House,
    machine::{Deed, When, on_paused_time},
    simulation::{Life, live, number},
    world::{Aim, Fault},
};

const SEEDS: u64 = 6;
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/RELIABILITY.md");
const BEGIN: &str = "<!-- crash matrix: begin -->\n";
const END: &str = "<!-- crash matrix: end -->";

/// What can go wrong in one life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peril {
    /// Everything, at random.
    Everything,
    /// The process dies at one deed.
    Death(Deed, When),
    /// The disk is full, and stays so over a restart.
    DiskFull,
    /// One deed meets one fault, again and again.
    Fault(Deed, Fault),
}

impl Peril {
    /// Sets the rules of a whole life.
    pub(super) fn begin(&self, house: &House, random: &mut StdRng) {
        let aim = |deed, fault, rate| {
            let struck = 0;
            let aim = Aim {
                deed,
                fault,
                rate,
                struck,
            };
            house.world.set(|rules| rules.aims.push(aim));
        };
        match *self {
            Self::Everything => {
                let rate = [0.0, 0.1, 0.4][random.random_range(0..3)];
                house.world.set(|rules| rules.fault_rate = rate);
            }
            // Without lost answers nothing is ever searched for.
            Self::Death(Deed::Find, _) | Self::Fault(Deed::Find, _) => {
                aim(Deed::Send, Fault::LostAnswer, 0.4);
            }
            Self::Death(..) | Self::DiskFull | Self::Fault(..) => {}
        }
        match *self {
            Self::Fault(deed, fault) => aim(deed, fault, 0.3),
            Self::Death(deed, when) => *house.fuse.only.lock().unwrap() = Some((deed, when)),
            Self::Everything | Self::DiskFull => {}
        }
    }

    /// Decides what this process will meet.
    pub(super) fn threaten(&self, house: &House, random: &mut StdRng) {
        match *self {
            Self::Everything => house.fuse.light(random.random_range(0..40)),
            Self::Death(Deed::Commit | Deed::Send, _) => {
                house.fuse.light(random.random_range(0..10));
            }
            Self::Death(..) => house.fuse.light(random.random_range(0..2)),
            Self::DiskFull => {
                // Full for some lives, with room for some commits or none; then somebody frees it.
                let left = random.random_bool(0.7).then(|| random.random_range(0..10));
                house.disk.room.set(left);
            }
            Self::Fault(..) => {}
        }
    }

    /// From here on nothing fails; says how often this struck.
    pub(super) fn end(&self, house: &House, crashes: u64) -> u64 {
        house.disk.room.set(None);
        let aims = house.world.set(|rules| {
            (rules.fault_rate, rules.is_down) = (0.0, false);
            rules.gone.clear();
            std::mem::take(&mut rules.aims)
        });
        match *self {
            Self::Everything => crashes,
            Self::Death(..) => house.fuse.countdown.times_over(),
            Self::DiskFull => house.disk.room.times_over(),
            Self::Fault(deed, _) => {
                let aimed = aims.iter().filter(|aim| aim.deed == deed);
                aimed.map(|aim| aim.struck).sum()
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Everything => "everything at once, at random".to_owned(),
            Self::Death(deed, When::Before) => format!("{}: the process dies before", word(*deed)),
            Self::Death(deed, When::After) => format!("{}: the process dies after", word(*deed)),
            Self::DiskFull => "commit: the disk is full, over restarts too".to_owned(),
            Self::Fault(deed, fault) => format!("{}: {}", word(*deed), words(*fault)),
        }
    }
}

fn word(deed: Deed) -> &'static str {
    match deed {
        Deed::Commit => "commit",
        Deed::Send => "send",
        Deed::Edit => "edit",
        Deed::Find => "search",
        Deed::Delete => "delete",
    }
}

fn words(fault: Fault) -> &'static str {
    match fault {
        Fault::LostAnswer => "done, and the answer is lost",
        Fault::Failed => "502, nothing done",
        Fault::Refused => "connection refused",
        Fault::RateLimited(_) => "429",
        Fault::HangsBefore => "hangs, nothing done",
        Fault::HangsAfter => "hangs, done",
        Fault::Slow(_) => "slow",
        Fault::Unfaithful => "shows something else than was sent",
        Fault::Panics => "the code panics",
    }
}

/// Every point, in the order of the table.
fn points() -> Vec<Peril> {
    let mut points = Vec::new();
    for deed in [Deed::Commit, Deed::Send, Deed::Edit, Deed::Find] {
        points.push(Peril::Death(deed, When::Before));
        points.push(Peril::Death(deed, When::After));
        if deed == Deed::Commit {
            points.push(Peril::DiskFull);
            continue;
        }
        let wait = Duration::from_secs(3);
        // Only a message that is sent can be shown otherwise.
        let faults = Fault::all(wait).into_iter();
        let faults = faults.filter(|fault| deed == Deed::Send || *fault != Fault::Unfaithful);
        points.extend(faults.map(|fault| Peril::Fault(deed, fault)));
    }
    points.push(Peril::Everything);
    points
}

/// The page before the table, the table, and what follows it.
fn page() -> [String; 3] {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    [before, table, after].map(str::to_owned)
}

/// All lives of one point together.
fn lives(point: &Peril, seeds: u64) -> Life {
    let mut sum = Life::default();
    for seed in 0..seeds {
        let life = std::panic::catch_unwind(|| on_paused_time(live(seed, point)));
        let life = life.unwrap_or_else(|panic| {
            eprintln!("{} failed with seed {seed}", point.name());
            std::panic::resume_unwind(panic)
        });
        sum.struck += life.struck;
        sum.notices += life.notices;
        sum.lost += life.lost;
        sum.doubled += life.doubled;
    }
    sum
}

#[test]
fn whatever_strikes_whichever_deed_nothing_is_lost_and_nothing_said_twice() {
    let seeds = number("STEWARD_MATRIX_SEEDS").unwrap_or(SEEDS);
    let points = points();
    let halves: Vec<Vec<(Peril, Life)>> = std::thread::scope(|scope| {
        let half = |part: usize| {
            let mine: Vec<Peril> = points.iter().copied().skip(part).step_by(2).collect();
            scope.spawn(move || {
                let lived = mine.into_iter().map(|point| (point, lives(&point, seeds)));
                lived.collect::<Vec<_>>()
            })
        };
        let threads = [half(0), half(1)];
        threads.map(|thread| thread.join().unwrap()).into()
    });
    let mut table = format!(
        "{} points, {seeds} lives each.\n\n| what strikes | times | notices | lost | doubled |\n|---|--:|--:|--:|--:|\n",
        points.len()
    );
    for point in &points {
        let mut lived = halves.iter().flatten();
        let (_, life) = lived.find(|(lived, _)| lived == point).unwrap();
        let name = point.name();
        assert_eq!((life.lost, life.doubled), (0, 0), "{name}: lost, doubled");
        let (struck, notices) = (life.struck, life.notices);
        assert!(struck > seeds / 4, "{name} struck {struck} times only");
        let counts = format!("{struck} | {notices} | {} | {}", life.lost, life.doubled);
        writeln!(table, "| {name} | {counts} |").unwrap();
    }
    println!("{table}");
    if number("STEWARD_MATRIX_REPORT").is_some() {
        let [before, _, after] = page();
        std::fs::write(PAGE, format!("{before}{BEGIN}\n{table}\n{END}{after}")).unwrap();
    }
}

#[test]
fn the_page_has_a_row_for_every_point() {
    let [_, table, _] = page();
    let rows = table.lines().filter(|line| line.ends_with(" | 0 | 0 |"));
    let names: Vec<&str> = rows.filter_map(|row| row.split(" | ").next()).collect();
    let wanted: Vec<String> = points()
        .iter()
        .map(|point| format!("| {}", point.name()))
        .collect();
    assert_eq!(names, wanted, "write it anew with STEWARD_MATRIX_REPORT=1");
}
