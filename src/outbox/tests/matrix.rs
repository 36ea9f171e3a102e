//! The crash matrix: every deed of the outbox with everything that can strike it, each alone over many seeded lives.
//!
//! `STEWARD_MATRIX_SEEDS` is the number of lives per point; with `STEWARD_MATRIX_REPORT` the table of
//! `docs/RELIABILITY.md` is written from what was counted.

use std::{fmt::Write as _, time::Duration};

use rand::{Rng, rngs::StdRng};

use super::{
    house::House,
    machine::{Deed, When},
    simulation::{Life, number, run},
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
        let aim = |deed, fault, rate| Some(Aim { deed, fault, rate });
        match *self {
            Self::Everything => {
                let rate = [0.0, 0.1, 0.4][random.random_range(0..3)];
                house.world.set(|rules| rules.fault_rate = rate);
            }
            // Without lost answers nothing is ever searched for.
            Self::Death(Deed::Find, _) | Self::Fault(Deed::Find, _) => {
                let lost = aim(Deed::Send, Fault::LostAnswer, 0.4);
                house.world.set(|rules| rules.aims.extend(lost));
            }
            Self::Death(..) | Self::DiskFull | Self::Fault(..) => {}
        }
        match *self {
            Self::Fault(deed, fault) => {
                let aimed = aim(deed, fault, 0.3);
                house.world.set(|rules| rules.aims.extend(aimed));
            }
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
                *house.disk.room().commits_left.lock().unwrap() = left;
            }
            Self::Fault(..) => {}
        }
    }

    /// From here on nothing fails; says how often something struck.
    pub(super) fn end(house: &House) -> u64 {
        *house.disk.room().commits_left.lock().unwrap() = None;
        let met = house.world.set(|rules| {
            (rules.fault_rate, rules.is_down) = (0.0, false);
            rules.gone.clear();
            // The last that was aimed is what the life is about.
            let met = rules
                .aims
                .len()
                .checked_sub(1)
                .map(|last| rules.struck[last]);
            rules.aims.clear();
            met.unwrap_or_default()
        });
        let deaths = *house.fuse.times.lock().unwrap();
        let refused = *house.disk.room().refused.lock().unwrap();
        let is_death = house.fuse.only.lock().unwrap().is_some();
        if is_death { deaths } else { met + refused }
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
        let faults = [
            Fault::LostAnswer,
            Fault::Failed,
            Fault::Refused,
            Fault::RateLimited(wait),
            Fault::HangsBefore,
            Fault::HangsAfter,
            Fault::Slow(wait),
            Fault::Panics,
        ];
        points.extend(faults.map(|fault| Peril::Fault(deed, fault)));
        if deed == Deed::Send {
            points.push(Peril::Fault(deed, Fault::Unfaithful));
        }
    }
    points.push(Peril::Everything);
    points
}

/// All lives of one point together.
fn lives(point: &Peril, seeds: u64) -> Life {
    let mut sum = Life::default();
    for seed in 0..seeds {
        let life = std::panic::catch_unwind(|| run(seed, point)).unwrap_or_else(|panic| {
            eprintln!("{} failed with seed {seed}", point.name());
            std::panic::resume_unwind(panic)
        });
        sum.struck += life
            .struck
            .max(life.crashes * u64::from(*point == Peril::Everything));
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
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        std::fs::write(PAGE, format!("{before}{BEGIN}\n{table}\n{END}{after}")).unwrap();
    }
}

#[test]
fn the_page_has_a_row_for_every_point() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (_, rest) = page.split_once(BEGIN).unwrap();
    let (table, _) = rest.split_once(END).unwrap();
    let rows = table.lines().filter(|line| line.ends_with(" | 0 | 0 |"));
    let names: Vec<&str> = rows.filter_map(|row| row.split(" | ").next()).collect();
    let wanted: Vec<String> = points()
        .iter()
        .map(|point| format!("| {}", point.name()))
        .collect();
    assert_eq!(names, wanted, "write it anew with STEWARD_MATRIX_REPORT=1");
}
