//! The judge against chance.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Event {
    /// These subjects are found, with so many rungs each; the flag = the source is unknown.
    Find(BTreeMap<u8, u8>, bool),
    Pass(u64),
    Act(u8, u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (prop::collection::btree_map(1u8..12, 0u8..4, 0..10), prop::bool::weighted(0.2))
            .prop_map(|(found, unknown)| Event::Find(found, unknown)),
        2 => (1u64..5_000).prop_map(Event::Pass),
        1 => (1u8..12, 0u8..4).prop_map(|(subject, action)| Event::Act(subject, action)),
    ]
}

fn found(subjects: &BTreeMap<u8, u8>) -> Vec<Finding> {
    let ladder = ["7d", "48h", "6h"];
    let one = |(byte, rungs): (&u8, &u8)| missing(*byte, &ladder[..usize::from(*rungs)]);
    subjects.iter().map(one).collect()
}

proptest! {
    // Every step lays out its cards: 24 histories of 30 steps take seconds in a debug build, 256 a minute.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Over any history: nothing found is lost, nothing is told twice, unknown ends nothing, an end comes once.
    #[test]
    fn nothing_is_lost_and_nothing_is_told_twice(events in prop::collection::vec(event(), 1..30)) {
        let mut world = World::new();
        let mut new_messages: BTreeSet<String> = BTreeSet::new();
        let mut cards: BTreeSet<String> = BTreeSet::new();
        for event in events {
            match event {
                Event::Pass(seconds) => world.now += seconds,
                Event::Act(byte, action) => {
                    let id = format!("testnet/a{byte}/coinbase_missing/1");
                    let action = match action {
                        0 => Action::Acknowledge,
                        1 => Action::Snooze(Snooze::UntilChanged),
                        2 => Action::Snooze(Snooze::Until(UnixSeconds::new(world.now + 1_000))),
                        _ => Action::Unsnooze,
                    };
                    drop(world.act(&id, action.clone()));
                    if let Ok(again) = world.act(&id, action) {
                        prop_assert!(again.is_empty(), "twice is as good as once");
                    }
                }
                Event::Find(subjects, is_unknown) => {
                    world.unknown.clear();
                    if is_unknown {
                        world.unknown.insert((Class::CoinbaseMissing, EVERY_SCOPE.to_owned()));
                    }
                    let open_before: BTreeSet<String> =
                        world.incidents.open().iter().map(|one| one.id.to_string()).collect();
                    let findings = found(&subjects);
                    let told = world.find(&findings);
                    for notice in &told {
                        let id = notice.id.to_string();
                        if notice.reply_to.is_some() {
                            prop_assert!(new_messages.insert(id.clone()), "{id} is told twice");
                            prop_assert!(cards.contains(notice.reply_to.as_ref().unwrap().as_str()));
                        } else {
                            cards.insert(id);
                        }
                    }
                    let open = world.incidents.open();
                    let has_group = open.iter().any(|one| one.is_group());
                    for finding in &findings {
                        let is_alone = open.iter().any(|one| one.subject == finding.subject);
                        prop_assert!(is_alone || has_group, "{} is lost", finding.subject);
                    }
                    if is_unknown {
                        let open: BTreeSet<String> = open.iter().map(|one| one.id.to_string()).collect();
                        prop_assert!(open_before.is_subset(&open), "unknown ended something");
                    } else {
                        for one in open.iter().filter(|one| !one.is_group()) {
                            prop_assert!(findings.iter().any(|found| found.subject == one.subject));
                        }
                    }
                    prop_assert!(world.find(&findings).is_empty(), "the same again is no news");
                }
            }
        }
        for (_, incident) in world.incidents.rows.rows() {
            let ends = incident.timeline.iter().filter(|line| line.step == Step::Resolved).count();
            let starts = incident.timeline.iter()
                .filter(|line| matches!(line.step, Step::Opened | Step::Reopened)).count();
            prop_assert_eq!(starts - ends, usize::from(incident.is_open()), "one end for each beginning");
        }
    }
}
