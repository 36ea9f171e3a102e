//! Every class of incident, as people read it.

use super::{
    samples::{AT, LATER, coinbase, every},
    *,
};
use crate::alert::{
    facts::{Configured, DeepReorgFacts, EndpointFacts, EndpointFault},
    fit::FIELDS_MAX,
    notice::NoticeId,
    render::markdown::content,
    text::fixtures::{context, explorer, show},
};

fn incident(class: Class, facts: Facts) -> Incident {
    Incident {
        id: NoticeId::new("testnet", "x", class, 1, ""),
        class,
        subject: "x".to_owned(),
        scope: String::new(),
        occurrence: 1,
        state: State::Open,
        severity: class.severity(),
        facts,
        opened_at: AT,
        updated_at: AT,
        absent_since: None,
        rungs: Vec::new(),
        rung_at: None,
        replies: 0,
        has_woken: false,
        timeline: vec![line(Step::Opened, None, None)],
    }
}

fn line(step: Step, who: Option<&str>, why: Option<&str>) -> Line {
    Line {
        at: AT,
        who: who.map(str::to_owned),
        step,
        why: why.map(str::to_owned),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "the snapshots are most of it")]
fn every_class_of_incident_has_its_card() {
    let explorer = explorer();
    let mut seen = std::collections::BTreeSet::new();
    let mut said = Vec::new();
    for (class, facts) in every() {
        seen.insert(class);
        let message = card(&context(&explorer), &incident(class, facts));
        let text = show(&message);
        // The last parts are the same for all: timeline, state, buttons.
        let own: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with(['(', '_', '·']) && !line.starts_with("Incident: "))
            .filter(|line| !line.starts_with("What to check and do: "))
            .collect();
        said.push(own.join("\n"));
        let card = &message.cards[0];
        let words = bare(&card.title).split_whitespace().count();
        assert!(words <= 8, "{}", bare(&card.title));
        assert!(card.fields.len() <= FIELDS_MAX);
    }
    for class in Class::ALL {
        assert_eq!(
            class.is_incident(),
            seen.contains(&class),
            "{}",
            class.name()
        );
    }
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    🟠 Coinbase missing for attester fra-2/18
    It can enter the active set <t:1795254000:R> (<t:1795254000:f>). Once it is in, rewards go to the node's default address.
    Set its coinbase to [0x9F9F…9f9f](https://scan.test/address/0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f) on host fra-2 and reload the keystore.
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Coinbase: expected `0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f` · configured none
    Entry queue: position 6 of 40 · earliest activation <t:1795254000:R> (<t:1795254000:f>) · expected unknown: nobody flushes this queue
    Stake: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee), block [25,531,002](https://scan.test/block/25531002)

    🟠 Wrong coinbase for attester fra-2/18
    It validates, and rewards go to another address than the split.
    Change its coinbase to [0x9F9F…9f9f](https://scan.test/address/0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f) on host fra-2 and reload the keystore.
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Coinbase: expected `0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f` · configured [0x1111…1111](https://scan.test/address/0x1111111111111111111111111111111111111111)
    Stake: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee), block [25,531,002](https://scan.test/block/25531002)

    🟠 Coinbase vanished for attester fra-2/18
    A newer keys file of its server no longer gives the coinbase that the one before gave.
    Put the right coinbase into the newest keys file, or acknowledge the change if it was meant.
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Before: testnet-keys-fra-2-v3.json: [0x9F9F…9f9f](https://scan.test/address/0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f)
    Now: testnet-keys-fra-2-v4.json: no coinbase

    🟠 Keys file testnet-keys-fra-2-v4.json cannot be used
    Line 1,204: the coinbase "0x12" has 2 digits instead of 40.
    Its last good content, 500 attesters, stays in force, read <t:1795233600:R> (<t:1795233600:f>).
    It is read again as soon as it changes: write it whole, under another name, and rename it into place.
    File: `testnet-keys-fra-2-v4.json`

    🔴 Attester fra-2/18 waits on an old rollup
    It was to move with the latest rollup, and rollup version 2 is canonical now. When the old queue is flushed, its deposit is refused and the stake goes back to the withdrawer [0x4444…4444](https://scan.test/address/0x4444444444444444444444444444444444444444).
    Tell the delegator to stake again on the canonical rollup; address and key are not used up and may be added again.
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Entry queue: position 3 of rollup version 1

    🟠 Provider queue is empty, delegations are refused
    Provider 7 has no key left since <t:1795233600:f> (<t:1795233600:R>): a stake with it reverts, and delegators go elsewhere.
    Add keys with addKeysToProvider; about 80 fit into one transaction.
    Keys left: 0

    🔴 Votes to slash attester fra-2/18
    71 votes were cast in round 311, a slash needs 65; the tally takes 8,000 AZTEC from it.
    It can be executed <t:1795254000:R> (<t:1795254000:f>).
    Find out why its duties were missed and bring its node back: more offences mean more votes.
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Balance: 196,000 AZTEC · ejected below 190,000 AZTEC · this slash ejects it
    Rollup: version 4248422647
    [tally.png: 71 votes were cast in round 311; a slash needs 65.]

    🟠 Endpoint rpc-b.test is behind the others
    This holds since <t:1795233600:f> (<t:1795233600:R>). 2 of 3 endpoints are well; the others carry on.
    Check that it is synchronised and has peers.
    Endpoint: rpc-b.test
    Behind: 14 blocks
    Last error: connection reset

    🟠 Endpoints disagree about block 25,533,410
    They give different answers for its block hash. Alerts wait for agreement, at most 6 s each.
    rpc-b is out of rotation until it agrees.
    2 endpoints say: `0xaaaa…` from rpc-a, rpc-c
    1 endpoint says: `0xbbbb…` from rpc-b

    🔴 No endpoint answers, nothing is seen
    None of 3 endpoints answers since <t:1795233600:f> (<t:1795233600:R>).
    The last block seen is [25,533,410](https://scan.test/block/25533410); what happens now is told when one answers again, with its true time.
    Check the network of this host first, then each endpoint.
    Last error: name cannot be resolved

    🟠 The newest block is old
    The newest block, [25,533,410](https://scan.test/block/25533410), is from <t:1795233600:R> (<t:1795233600:f>), and 3 endpoints agree with it. Either L1 stands still or the endpoints do.
    Compare with a public explorer, and check the clock of this host.

    🟠 Unknown event from Rollup 4248422647
    This build does not know its topic; the contracts may have been upgraded.
    What it changes is not in steward's records; views are read as before. Update steward, or report the topic.
    Contract: `0x5555555555555555555555555555555555555555`
    Topic: `0xdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd`
    Seen: 1 time, first in block [25,533,000](https://scan.test/block/25533000)

    🟠 Records and contracts do not fit
    What steward wrote down from events differs from what the contracts answer about entry queue length of rollup 4248422647 at block [25,533,400](https://scan.test/block/25533400). A log was missed or misread: this is about steward, not about the attesters.
    Meanwhile the whole queue is read again.
    Records: 41
    Contracts: 40

    🟠 History up to block 23,799,999 is incomplete
    No endpoint gives the logs of blocks [23,700,000](https://scan.test/block/23700000) to [23,799,999](https://scan.test/block/23799999). Present states come from views and are right; how they came about before is unknown.
    Name an endpoint that keeps logs in L1\_ARCHIVE\_RPC\_URLS, restart, and have the network read again: `steward network resume testnet --reason '...'`.
    Proof: provider 7 was never seen registered
    Asked in vain: rpc-a, rpc-b

    🔴 Reorg reaches below the finalised block
    Either the endpoints changed to another chain or L1 broke its promise. This network is stopped: nothing more of it is read or told.
    Check the endpoints against a public explorer; when they are right, have the network read again: `steward network resume testnet --reason '...'`. What was told before is not told again.
    Depth: at least 70 blocks
    Finalised: [25,533,340](https://scan.test/block/25533340)

    🟠 A channel takes no messages
    Discord refuses it: Missing Access \(50001\).
    Its messages go to the fallback channel `654321`.
    Give the bot the permissions view, send, embed, attach and read history there, or configure another channel.
    Channel: `123456`
    Waiting: 0 messages

    🟠 A delivery job gave up
    After 20 attempts the last one said: 503 Service Unavailable.
    Whether it was done is unknown. Look whether its effect is there; retry it only if it is not.
    Job: `delivery/42`

    🔴 Database was damaged and restored
    The newest sound export was restored, from <t:1795233600:R> (<t:1795233600:f>), and what is on chain was read again.
    How many of people's actions and deliveries since then are lost is unknown: the damaged file cannot be read. Old news is not told again.
    Check the disk of this host; acknowledge when done.
    Found: a page has a wrong checksum
    Damaged files: `data/damaged-1795233600`
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "the snapshots are most of it")]
fn a_card_shows_how_its_incident_stands() {
    let explorer = explorer();
    let mut incident = incident(
        Class::CoinbaseMissing,
        Facts::Coinbase(coinbase(Configured::Missing)),
    );
    let context = context(&explorer);
    insta::assert_snapshot!(show(&card(&context, &incident)), @r"
    (Testnet · Provider 7)
    🟠 Coinbase missing for attester fra-2/18
    It can enter the active set <t:1795254000:R> (<t:1795254000:f>). Once it is in, rewards go to the node's default address.
    Set its coinbase to [0x9F9F…9f9f](https://scan.test/address/0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f) on host fra-2 and reload the keystore.
    What to check and do: [runbook](https://docs.test/OPERATING.md#coinbase_missing)
    · <t:1795233600:R> opened
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Coinbase: expected `0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f` · configured none
    Entry queue: position 6 of 40 · earliest activation <t:1795254000:R> (<t:1795254000:f>) · expected unknown: nobody flushes this queue
    Stake: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee), block [25,531,002](https://scan.test/block/25531002)
    Incident: opened <t:1795233600:R>
    (Acknowledge) (Snooze 1 h) (Snooze 8 h) (Snooze until changed) (Why)
    _ ehmrl · testnet/x/coinbase_missing/1 · steward 0.1.0
    ");

    incident.state = State::Acknowledged;
    incident.timeline.extend([
        line(Step::Escalated("48h".to_owned()), None, None),
        line(Step::Acknowledged, Some("ana"), Some("on it @here")),
    ]);
    let tail = |incident: &Incident| {
        let text = show(&card(&context, incident));
        let lines: Vec<&str> = text.lines().collect();
        let keep = |line: &&str| line.starts_with(['·', '(', '[']) || line.starts_with("Incident");
        let kept: Vec<&str> = lines[1..].iter().copied().filter(keep).collect();
        format!("{}\n{}", lines[1], kept.join("\n"))
    };
    insta::assert_snapshot!(tail(&incident), @r"
    🟠 Coinbase missing for attester fra-2/18
    · <t:1795233600:R> opened
    · <t:1795233600:R> escalated: less than 48 h are left
    · <t:1795233600:R> acknowledged by ana: on it \@␣here
    Incident: acknowledged by ana
    [Runbook] (Snooze 1 h) (Snooze 8 h) (Snooze until changed) (Why)
    ");

    incident.state = State::Snoozed(Snooze::Until(LATER));
    incident
        .timeline
        .push(line(Step::Snoozed(Snooze::Until(LATER)), Some("ben"), None));
    insta::assert_snapshot!(tail(&incident), @r"
    ⚪ Coinbase missing for attester fra-2/18
    · <t:1795233600:R> opened
    · <t:1795233600:R> escalated: less than 48 h are left
    · <t:1795233600:R> acknowledged by ana: on it \@␣here
    · <t:1795233600:R> snoozed, ends <t:1795254000:R> by ben
    Incident: snoozed, ends <t:1795254000:R>
    [Runbook] (Acknowledge) (Why)
    ");

    incident.state = State::Resolved;
    incident.updated_at = LATER;
    incident.timeline.extend([
        line(Step::Woken, None, None),
        line(Step::Resolved, None, None),
    ]);
    insta::assert_snapshot!(tail(&incident), @r"
    🟢 Resolved: Coinbase missing for attester fra-2/18
    · <t:1795233600:R> escalated: less than 48 h are left
    · <t:1795233600:R> acknowledged by ana: on it \@␣here
    · <t:1795233600:R> snoozed, ends <t:1795254000:R> by ben
    · <t:1795233600:R> snooze over
    · <t:1795233600:R> resolved
    Incident: resolved after 5 h 40 min
    [Runbook] (Why)
    ");
    let end = reply(&context, &incident, Reply::Resolved);
    insta::assert_snapshot!(content(&end).unwrap(), @r"🟢 Resolved: Coinbase missing for attester fra-2/18 (Testnet), after 5 h 40 min.");
}

#[test]
fn a_reorg_that_cannot_be_undone_is_told_from_one_of_final_blocks() {
    let explorer = explorer();
    let facts = DeepReorgFacts {
        depth: 8_192,
        finalised: None,
        fork: None,
        is_undo_exhausted: true,
    };
    let incident = incident(Class::DeepReorg, Facts::DeepReorg(facts));
    let card = card(&context(&explorer), &incident).cards.remove(0);
    insta::assert_snapshot!(format!("{}: {}", bare(&card.title), bare(&card.body[0])), @"Reorg is deeper than can be undone: No record of the way back is left: only the newest 8,192 blocks that were read near the head have one while finality stalls or is unknown. This network is stopped: nothing more of it is read or told.");
}

#[test]
fn every_fault_of_an_endpoint_has_its_own_words() {
    let explorer = explorer();
    let said = [
        EndpointFault::Silent,
        EndpointFault::Limits,
        EndpointFault::Refuses,
        EndpointFault::Lags(14),
        EndpointFault::Contradicted,
        EndpointFault::WrongChain {
            found: 1,
            expected: 11_155_111,
        },
    ]
    .map(|fault| {
        let facts = EndpointFacts {
            endpoint: "rpc-b".to_owned(),
            fault,
            detail: None,
            since: AT,
            healthy: 1,
            total: 2,
        };
        let incident = incident(Class::EndpointUnhealthy, Facts::Endpoint(facts));
        let card = card(&context(&explorer), &incident).cards.remove(0);
        format!("{}: {}", bare(&card.title), bare(&card.body[1]))
    });
    insta::assert_snapshot!(said.join("\n"), @"
    Endpoint rpc-b does not answer: Check that it runs and can be reached from this host.
    Endpoint rpc-b limits our rate: Take a plan with a higher rate, or add an endpoint.
    Endpoint rpc-b answers with errors: Check its key, its quota and its version.
    Endpoint rpc-b is behind the others: Check that it is synchronised and has peers.
    Endpoint rpc-b is contradicted by the others: Compare it with a public explorer, and replace it where it is wrong.
    Endpoint rpc-b serves chain 1, not 11155111: Correct its URL in the configuration; it is not used until then.
    ");
}

#[test]
fn rungs_are_said_in_words() {
    let explorer = explorer();
    let incident = incident(
        Class::CoinbaseMissing,
        Facts::Coinbase(coinbase(Configured::Missing)),
    );
    let said: Vec<String> = ["7d", "1d", "48h", "active", "critical", "second_round"]
        .iter()
        .map(|name| content(&rung(&context(&explorer), &incident, name, 1)).unwrap())
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    <@&77> 🟠 Coinbase missing for attester fra-2/18 (Testnet): less than 7 days are left, deadline <t:1795254000:R>.
    <@&77> 🟠 Coinbase missing for attester fra-2/18 (Testnet): less than 1 day are left, deadline <t:1795254000:R>.
    <@&77> 🟠 Coinbase missing for attester fra-2/18 (Testnet): less than 48 h are left, deadline <t:1795254000:R>.
    <@&77> 🟠 Coinbase missing for attester fra-2/18 (Testnet): it validates already.
    <@&77> 🟠 Coinbase missing for attester fra-2/18 (Testnet): it is critical now, deadline <t:1795254000:R>.
    <@&77> 🟠 Coinbase missing for attester fra-2/18 (Testnet): second round, deadline <t:1795254000:R>.
    ");
}

#[test]
fn durations_are_said_in_two_units() {
    let said = [0, 59, 60, 3_600, 7_800, 86_400, 90_000, 200_000].map(duration);
    insta::assert_snapshot!(said.join(" | "), @r"0 s | 59 s | 1 min | 1 h | 2 h 10 min | 1 day | 1 day 1 h | 2 days 7 h");
}
