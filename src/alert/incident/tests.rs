//! The judge against stories.

mod chance;
mod memory;
mod storm;

use std::collections::BTreeSet;

use super::*;
use crate::{
    alert::{
        facts::{
            CoinbaseFacts, Configured, Due, EndpointFacts, EndpointFault, JobFacts, Known,
            QueueOutlook, StrandedFacts,
        },
        notice::Notice,
        render::markdown::content,
        text::{
            Context,
            fixtures::{address, attester, context, explorer, split},
            incident::row,
        },
    },
    store::{Batch, table::decode_record},
    units::{AttesterAddress, RollupVersion},
};

const START: u64 = 1_795_233_600;

struct World {
    incidents: Incidents,
    now: u64,
    unknown: BTreeSet<(Class, String)>,
}

impl World {
    fn new() -> Self {
        Self {
            incidents: Incidents::new("testnet"),
            now: START,
            unknown: BTreeSet::new(),
        }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Incidents, UnixSeconds, &Context<'_>) -> T) -> T {
        let explorer = explorer();
        act(
            &mut self.incidents,
            UnixSeconds::new(self.now),
            &context(&explorer),
        )
    }

    fn find(&mut self, findings: &[Finding]) -> Vec<Notice> {
        let unknown = self.unknown.clone();
        self.with(|incidents, now, context| {
            let changes = judge(incidents, findings, &unknown, now);
            incidents.apply_all(changes, now, context)
        })
    }

    fn act(&mut self, id: &str, action: Action) -> Result<Vec<Notice>, Refused> {
        self.with(|incidents, now, context| {
            incidents.act(id, &action, "ana", Some("on it"), now, context)
        })
    }

    fn only(&self) -> &Incident {
        let open = self.incidents.open();
        assert_eq!(open.len(), 1);
        open[0]
    }
}

fn ids(notices: &[Notice]) -> Vec<String> {
    let short = |notice: &Notice| notice.id.as_str().replacen("testnet/", "", 1);
    notices.iter().map(short).collect()
}

fn finding(class: Class, subject: &str, severity: Severity, facts: Facts) -> Finding {
    let explorer = explorer();
    Finding {
        class,
        subject: subject.to_owned(),
        scope: "fra-2".to_owned(),
        severity,
        row: row(&context(&explorer), &facts),
        facts,
        rungs: Vec::new(),
    }
}

fn missing_of(attester: AttesterAddress, subject: &str, rungs: &[&str]) -> Finding {
    let ladder = ["7d", "48h", "6h", "active"];
    let rank = |name: &&str| ladder.iter().position(|rung| rung == name).unwrap();
    let facts = Facts::Coinbase(CoinbaseFacts {
        attester,
        expected: Known::Is(split(0x9f)),
        configured: Configured::Missing,
        stake_block: None,
        stake_transaction: None,
        is_active: false,
        queue: Some(QueueOutlook {
            position: 6,
            length: 40,
            earliest: Due::Is(UnixSeconds::new(START + 100_000)),
            expected: Due::Unknown("nobody flushes".to_owned()),
        }),
    });
    let severity = if rungs.contains(&"6h") {
        Severity::Critical
    } else {
        Severity::Warning
    };
    Finding {
        rungs: rungs
            .iter()
            .map(|name| Rung {
                rank: u8::try_from(rank(name)).unwrap(),
                name: (*name).to_owned(),
            })
            .collect(),
        ..finding(Class::CoinbaseMissing, subject, severity, facts)
    }
}

fn missing(byte: u8, rungs: &[&str]) -> Finding {
    missing_of(attester(byte), &format!("a{byte}"), rungs)
}

fn silent(endpoint: &str) -> Finding {
    let facts = Facts::Endpoint(EndpointFacts {
        endpoint: endpoint.to_owned(),
        fault: EndpointFault::Silent,
        detail: None,
        since: UnixSeconds::new(START),
        healthy: 2,
        total: 3,
    });
    finding(Class::EndpointUnhealthy, endpoint, Severity::Warning, facts)
}

fn stranded(byte: u8) -> Finding {
    let facts = Facts::Stranded(StrandedFacts {
        attester: attester(byte),
        rollup: RollupVersion::new(1),
        canonical: RollupVersion::new(2),
        position: Some(3),
        withdrawer: Some(address(7)),
    });
    finding(
        Class::StrandedInEntryQueue,
        &format!("a{byte}"),
        Severity::Critical,
        facts,
    )
}

const A1: &str = "a1/coinbase_missing/1";

#[test]
fn new_incidents_are_told_in_the_order_in_which_they_were_found() {
    let mut world = World::new();
    let notices = world.find(&[missing(3, &[]), missing(1, &[]), missing(2, &[])]);
    let order = ["a3", "a1", "a2"].map(|subject| format!("{subject}/coinbase_missing/1"));
    assert_eq!(ids(&notices), order);
}

#[test]
fn an_incident_is_one_card_from_opening_to_end() {
    let mut world = World::new();
    assert_eq!(ids(&world.find(&[missing(1, &[])])), [A1]);
    assert_eq!(world.find(&[missing(1, &[])]), [], "nothing is new");

    let rung = world.find(&[missing(1, &["7d"])]);
    assert_eq!(ids(&rung), [A1, "a1/coinbase_missing/1/7d"]);
    assert_eq!(rung[1].reply_to.as_ref(), Some(&rung[0].id));
    assert!(rung[0].message.content.is_none(), "an edit is no news");
    assert_eq!(rung[1].message.mention_roles, [77]);

    let end = world.find(&[]);
    assert_eq!(ids(&end), [A1, "a1/coinbase_missing/1/resolved-1"]);
    assert_eq!(
        end[1].message.mention_roles,
        [] as [u64; 0],
        "an end wakes nobody"
    );
    assert_eq!(world.find(&[]), []);
    assert!(world.incidents.open().is_empty());
}

#[test]
fn rungs_missed_while_down_collapse_into_the_highest() {
    let mut world = World::new();
    world.find(&[missing(1, &["7d"])]);
    let told = world.find(&[missing(1, &["7d", "48h", "6h"])]);
    assert_eq!(ids(&told), [A1, "a1/coinbase_missing/1/6h"]);
    assert_eq!(world.find(&[missing(1, &["7d", "48h", "6h"])]), []);
}

#[test]
fn an_incident_that_begins_late_on_its_ladder_wakes_people_once() {
    let mut world = World::new();
    let told = world.find(&[missing(1, &["7d", "48h", "6h"])]);
    assert_eq!(ids(&told), [A1, "a1/coinbase_missing/1/6h"]);
    let waking = told
        .iter()
        .filter(|notice| !notice.message.mention_roles.is_empty());
    assert_eq!(waking.count(), 1);
    insta::assert_snapshot!(content(&told[1].message).unwrap(), @r"<@&77> 🔴 Coinbase missing for attester fra-2/1 (Testnet): less than 6 h are left, deadline <t:1795333600:R>.");
}

#[test]
fn a_critical_one_without_a_ladder_wakes_people_with_its_card() {
    let mut world = World::new();
    let told = world.find(&[stranded(1)]);
    assert_eq!(told.len(), 1);
    insta::assert_snapshot!(content(&told[0].message).unwrap(), @r"<@&77> 🔴 Attester fra-2/1 waits on an old rollup (Testnet).");
}

#[test]
fn its_row_in_a_table_says_how_it_stands() {
    let mut world = World::new();
    let state = |notices: &[Notice]| notices[0].row[0].clone();
    let cell = |value: &str| ("state".to_owned(), value.to_owned());
    assert_eq!(state(&world.find(&[missing(1, &[])])), cell("open"));
    let id = "testnet/a1/coinbase_missing/1";
    let known = world.act(id, Action::Acknowledge).unwrap();
    assert_eq!(state(&known), cell("acknowledged"));
    assert_eq!(state(&world.find(&[])), cell("resolved"));
}

#[test]
fn what_is_unknown_stays_as_it_is() {
    let mut world = World::new();
    world.find(&[missing(1, &[])]);
    world
        .unknown
        .insert((Class::CoinbaseMissing, "fra-2".to_owned()));
    assert_eq!(world.find(&[]), []);
    assert!(world.only().is_open());
    world.unknown = BTreeSet::from([(Class::CoinbaseMissing, EVERY_SCOPE.to_owned())]);
    assert_eq!(world.find(&[]), []);
    world.unknown.clear();
    assert_eq!(world.find(&[]).len(), 1);
}

#[test]
fn a_flapping_endpoint_is_told_once() {
    let mut world = World::new();
    assert_eq!(world.find(&[silent("b")]), [], "not before a minute");
    world.now += 60;
    assert_eq!(ids(&world.find(&[silent("b")])), ["b/endpoint_unhealthy/1"]);
    for _ in 0..20 {
        world.now += 12;
        assert_eq!(world.find(&[]), []);
        world.now += 12;
        assert_eq!(world.find(&[silent("b")]), []);
    }
    assert_eq!(world.find(&[]), []);
    world.now += 299;
    assert_eq!(world.find(&[]), []);
    world.now += 1;
    assert_eq!(ids(&world.find(&[])), ["b/endpoint_unhealthy/1"]);
}

#[test]
fn what_comes_back_soon_goes_on_and_what_comes_back_late_is_new() {
    let mut world = World::new();
    world.find(&[missing(1, &["7d"])]);
    world.find(&[]);
    world.now += 600;
    let again = world.find(&[missing(1, &["7d"])]);
    assert_eq!(
        ids(&again),
        [A1, "a1/coinbase_missing/1/again-2"],
        "the rung was told in this spell"
    );
    world.find(&[]);
    world.now += 1_801;
    let new = world.find(&[missing(1, &["7d"])]);
    assert_eq!(
        ids(&new),
        ["a1/coinbase_missing/2", "a1/coinbase_missing/2/7d"]
    );
}

#[test]
fn acknowledged_rungs_pass_in_silence_until_it_matters_more() {
    let mut world = World::new();
    world.find(&[missing(1, &["7d"])]);
    world
        .act("testnet/a1/coinbase_missing/1", Action::Acknowledge)
        .unwrap();
    assert_eq!(ids(&world.find(&[missing(1, &["7d", "48h"])])), [A1]);
    let worse = world.find(&[missing(1, &["7d", "48h", "6h"])]);
    assert_eq!(ids(&worse), [A1, "a1/coinbase_missing/1/6h"]);
    assert_eq!(world.only().state, State::Acknowledged);
}

#[test]
fn rungs_wait_for_the_end_of_a_snooze() {
    let mut world = World::new();
    let id = "testnet/a1/coinbase_missing/1";
    world.find(&[missing(1, &["7d"])]);
    let until = UnixSeconds::new(world.now + 3_600);
    world.act(id, Action::Snooze(Snooze::Until(until))).unwrap();
    assert_eq!(world.find(&[missing(1, &["7d", "48h"])]), []);
    world.now += 3_600;
    let woken = world.find(&[missing(1, &["7d", "48h"])]);
    assert_eq!(ids(&woken), [A1, "a1/coinbase_missing/1/48h"]);
}

#[test]
fn a_snooze_until_changed_ends_with_a_reply_that_wakes_nobody() {
    let mut world = World::new();
    world.find(&[missing(1, &[])]);
    world
        .act(
            "testnet/a1/coinbase_missing/1",
            Action::Snooze(Snooze::UntilChanged),
        )
        .unwrap();
    let mut moved = missing(1, &[]);
    if let Facts::Coinbase(facts) = &mut moved.facts {
        facts.queue.as_mut().unwrap().earliest = Due::Is(UnixSeconds::new(START + 100_100));
    }
    assert_eq!(
        world.find(&[moved.clone()]),
        [],
        "a forecast by minutes is no news"
    );
    if let Facts::Coinbase(facts) = &mut moved.facts {
        facts.is_active = true;
    }
    let told = world.find(&[moved]);
    assert_eq!(ids(&told), [A1, "a1/coinbase_missing/1/changed-1"]);
    assert!(told[1].message.mention_roles.is_empty());
}

#[test]
fn actions_are_idempotent_and_refused_when_it_is_over() {
    let mut world = World::new();
    let id = "testnet/a1/coinbase_missing/1";
    world.find(&[missing(1, &[])]);
    assert_eq!(world.act(id, Action::Acknowledge).unwrap().len(), 1);
    assert_eq!(world.act(id, Action::Acknowledge).unwrap(), []);
    assert_eq!(world.act(id, Action::Note).unwrap().len(), 1);
    assert_eq!(world.act(id, Action::Note).unwrap(), []);
    assert_eq!(world.act(id, Action::Unsnooze).unwrap(), []);
    let past = Action::Snooze(Snooze::Until(UnixSeconds::new(1)));
    assert_eq!(world.act(id, past), Err(Refused::Past));
    world.find(&[]);
    let refused = world.act(id, Action::Acknowledge).unwrap_err();
    insta::assert_snapshot!(refused, @r#"The incident "testnet/a1/coinbase_missing/1" is resolved, so there is nothing to silence. If it comes back, it is told again."#);
    insta::assert_snapshot!(world.act("x", Action::Acknowledge).unwrap_err(), @r#"There is no incident "x". It may be older than what is kept; the list of incidents shows those that are."#);
}

#[test]
fn a_subject_of_any_text_stands_in_a_key() {
    assert_eq!(subject("rpc-b.test"), "rpc-b.test");
    let hostile = subject("keys/../a b/\u{202e}x.json");
    assert!(
        hostile.len() <= SUBJECT_MAX && !hostile.contains('/'),
        "{hostile}"
    );
    assert_ne!(subject("a b"), subject("a  b"));
    assert_eq!(subject(&"x".repeat(500)).len(), SUBJECT_MAX);
    assert!(!subject("").is_empty());
    assert_ne!(subject(GROUP), GROUP, "nobody is called as a group is");
}

#[test]
fn the_oldest_resolved_ones_are_forgotten() {
    let mut incidents = Incidents::new("testnet");
    let mut world = World::new();
    world.find(&[missing(1, &[])]);
    let open = world.only().clone();
    for index in 0..RESOLVED_MAX + 10 {
        let mut row = open.clone();
        row.state = State::Resolved;
        row.updated_at = UnixSeconds::new(u64::try_from(index).unwrap());
        incidents.rows.put(format!("{index:05}"), row);
    }
    incidents.prune(UnixSeconds::new(START));
    assert_eq!(incidents.rows.len(), RESOLVED_MAX);
    assert!(incidents.find("00009").is_none() && incidents.find("00010").is_some());
}

/// The bytes of version 1 must be read for ever.
#[test]
fn an_incident_on_disk_is_read_back() {
    let mut world = World::new();
    world.find(&[missing(1, &["7d"])]);
    let mut batch = Batch::default();
    for table in world.incidents.tables() {
        table.drain(&mut batch, None).unwrap();
    }
    let bytes: Vec<String> = batch
        .writes()
        .iter()
        .map(|write| String::from_utf8(write.value.clone().unwrap()).unwrap())
        .collect();
    insta::assert_snapshot!(bytes.join("\n"), @r#"
    {"v":1,"r":{"id":"testnet/a1/coinbase_missing/1","class":"coinbase_missing","subject":"a1","scope":"fra-2","occurrence":1,"state":"open","severity":"warning","facts":{"of":"coinbase","attester":"0x0101010101010101010101010101010101010101","expected":{"is":"0x9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f"},"configured":"missing","stake_block":null,"stake_transaction":null,"is_active":false,"queue":{"position":6,"length":40,"earliest":{"is":1795333600},"expected":{"unknown":"nobody flushes"}}},"opened_at":1795233600,"updated_at":1795233600,"rungs":["7d"],"rung_at":1795233600,"replies":0,"has_woken":true,"timeline":[{"at":1795233600,"step":"opened"},{"at":1795233600,"step":{"escalated":"7d"}}]}}
    {"v":1,"r":{"raised":1,"scope":"fra-2","since":1795233600,"rungs":["7d"]}}
    "#);
    let back: Incident = decode_record(b"k", bytes[0].as_bytes()).unwrap();
    assert_eq!(&back, world.only());
}
