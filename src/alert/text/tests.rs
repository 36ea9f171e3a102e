//! Digests, changes and retractions, as people read them.

use super::{
    catch_up::{self, CatchUp},
    change::{self, Canonical, Seen, Slashed},
    digest::{self, Many, Summary},
    fixtures::{attester, context, evidence, explorer, show},
    retraction::{Reorg, retract, with_replacement},
    transition::Finality,
};
use crate::{
    alert::{
        class::Class,
        facts::{Due, Known, QueueOutlook},
        notice::NoticeId,
        render::markdown::markdown,
    },
    attester::{Stage, change::ProviderChange},
    units::{
        B256, BasisPoints, BlockNumber, BlockRef, ProviderId, RollupVersion, UnixSeconds, Wei,
    },
};

#[test]
fn what_holds_a_whole_queue_is_said_once_and_is_not_called_unknown() {
    let outlook = |earliest: &Due, expected: &Due| {
        let outlook = QueueOutlook {
            position: 2,
            length: 12,
            earliest: earliest.clone(),
            expected: expected.clone(),
        };
        markdown(&super::outlook(&outlook))
    };
    let held = Due::Held("the rollup admits nobody until 3 more wait in its queue".to_owned());
    let unread = Due::Unknown("the rollup's flush state was not read yet".to_owned());
    let at = Due::Is(at());
    insta::assert_snapshot!(
        [outlook(&held, &held), outlook(&unread, &unread), outlook(&at, &held)].join("\n"),
        @r"
    position 2 of 12 · earliest activation none yet: the rollup admits nobody until 3 more wait in its queue
    position 2 of 12 · earliest activation unknown: the rollup's flush state was not read yet
    position 2 of 12 · earliest activation <t:1795233600:R> (<t:1795233600:f>) · expected none yet: the rollup admits nobody until 3 more wait in its queue
    "
    );
}

fn slash(left: Known<Wei>) -> Slashed {
    Slashed {
        attester: attester(0x12),
        rollup: RollupVersion::new(4_248_422_647),
        amount: Wei::tokens(2_000),
        left,
        ejection_threshold: Known::Is(Wei::tokens(190_000)),
        total: Wei::tokens(4_000),
        occurrence: 2,
    }
}

fn at() -> UnixSeconds {
    UnixSeconds::new(1_795_233_600)
}

#[test]
fn a_slash_says_what_is_left_and_how_far_the_ejection_is() {
    let explorer = explorer();
    let evidence = evidence("Rollup.Slashed");
    let seen = Seen {
        evidence: &evidence,
        sources: Some((3, 3)),
        finality: Finality::Seen,
    };
    let facts = slash(Known::Is(Wei::tokens(196_000)));
    insta::assert_snapshot!(show(&change::slashed(&context(&explorer), &facts, &seen)), @r"
    (Testnet · Provider 7)
    🟠 Attester fra-2/18 was slashed by 2,000 AZTEC
    A slashing round took 2,000 AZTEC of its stake: `Rollup.Slashed` in block [25,533,401](https://scan.test/block/25533401), <t:1795233600:R> (<t:1795233600:f>).
    It stays in the set; 6,000 AZTEC more and it is ejected. Find out why its duties were missed.
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Balance: 196,000 AZTEC left · ejected below 190,000 AZTEC
    Lost in all: 4,000 AZTEC in 2 slashes
    Rollup: version 4248422647
    Evidence: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee) · 3 of 3 endpoints agree
    Finality: seen
    [Transaction] (Why)
    _ testnet/0x1212121212121212121212121212121212121212/attester_slashed/2 · steward 0.1.0
    ");
    let next = |left| {
        let message = change::slashed(&context(&explorer), &slash(left), &seen);
        crate::alert::render::markdown(&message.cards[0].body[1])
    };
    insta::assert_snapshot!(next(Known::Is(Wei::ZERO)), @r"Nothing is left of it.");
    insta::assert_snapshot!(next(Known::Is(Wei::tokens(189_999))), @r"It is below the ejection threshold: it leaves the set as a zombie.");
    insta::assert_snapshot!(next(Known::unknown("no view was read yet")), @r"Whether it stays in the set is unknown until the next snapshot. Find out why its duties were missed.");
}

#[test]
fn a_provider_says_what_changed_and_what_that_means() {
    let explorer = explorer();
    let evidence = evidence("StakingRegistry.ProviderTakeRateUpdated");
    let seen = Seen {
        evidence: &evidence,
        sources: None,
        finality: Finality::Unknown("no endpoint tells it".to_owned()),
    };
    let one = |what| {
        show(&change::provider(
            &context(&explorer),
            ProviderId::new(7),
            &what,
            1,
            &seen,
        ))
    };
    insta::assert_snapshot!(one(ProviderChange::TakeRate {
        from: Some(BasisPoints::new(500)),
        to: BasisPoints::new(1_250),
    }), @r"
    (Testnet · Provider 7)
    🔵 Provider 7 has another take rate
    Its admin changed the take rate: `StakingRegistry.ProviderTakeRateUpdated` in block [25,533,401](https://scan.test/block/25533401), <t:1795233600:R> (<t:1795233600:f>).
    Splits that exist keep their rate; it holds for stakes from now on.
    Take rate: 5 % → 12.5 %
    Evidence: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee) · one source
    Finality: unknown: no endpoint tells it
    [Transaction] (Why)
    _ testnet/provider-7/provider_changed/1 · steward 0.1.0
    ");
    insta::assert_snapshot!(one(ProviderChange::AdminProposed { admin: attester(5).address() }), @r"
    (Testnet · Provider 7)
    🟠 Provider 7 may get another admin
    Its admin proposed a new one, who has to accept: `StakingRegistry.ProviderTakeRateUpdated` in block [25,533,401](https://scan.test/block/25533401), <t:1795233600:R> (<t:1795233600:f>).
    If nobody of yours did this, the admin key is in other hands: act before it is accepted.
    Proposed admin: `0x0505050505050505050505050505050505050505`
    Evidence: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee) · one source
    Finality: unknown: no endpoint tells it
    [Transaction] (Why)
    _ testnet/provider-7/provider_changed/1 · steward 0.1.0
    ");
    let recipient = one(ProviderChange::RewardsRecipient {
        from: None,
        to: attester(6).address(),
    });
    assert!(
        recipient.contains("unknown: it was not seen before →"),
        "{recipient}"
    );
}

#[test]
fn a_canonical_change_is_a_digest_with_those_left_behind() {
    let explorer = explorer();
    let evidence = evidence("Registry.CanonicalRollupUpdated");
    let seen = Seen {
        evidence: &evidence,
        sources: Some((2, 2)),
        finality: Finality::Final,
    };
    let facts = Canonical {
        from: Some(RollupVersion::new(1)),
        to: RollupVersion::new(2),
        moved: 1_998,
        left: vec![attester(1), attester(0xfe)],
        stranded: 1,
        occurrence: 3,
    };
    insta::assert_snapshot!(show(&change::canonical(&context(&explorer), &facts, &seen)), @r"
    (Testnet · Provider 7)
    🟠 Rollup version 2 is canonical now
    Governance made another rollup canonical: `Registry.CanonicalRollupUpdated` in block [25,533,401](https://scan.test/block/25533401), <t:1795233600:R> (<t:1795233600:f>).
    1,998 attesters of ours moved with it, 2 attesters stayed behind.
    1 attester waits in the old entry queue and will be refunded; an incident says which.
    Check that the nodes run a version that serves the new rollup.
    Before: version 1
    Evidence: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee) · 2 of 2 endpoints agree
    Finality: final
    [Transaction] (Why)
    _ testnet/-/canonical_rollup_changed/3 · steward 0.1.0
    ```
    attester     host   address
    fra-2/1      fra-2  0x0101010101010101010101010101010101010101
    0xfefe…fEfe         0xfefeFEFeFEFEFEFEFeFefefefefeFEfEfefefEfe
    ```
    + left_behind.csv (3 lines)
    ");
}

#[test]
fn the_first_start_is_one_card() {
    let explorer = explorer();
    let facts = Summary {
        what: "network".to_owned(),
        id: NoticeId::new("testnet", "-", Class::Summary, 1, ""),
        block: BlockNumber::new(25_533_400),
        at: at(),
        counts: Stage::ALL.into_iter().zip([0, 120, 12, 1_868, 4]).collect(),
        complete_from: Known::unknown("no endpoint has the logs before block 23,800,000"),
        in_keys_files: Known::Is(1_990),
        incidents: 1,
    };
    insta::assert_snapshot!(show(&digest::summary(&context(&explorer), &facts)), @r"
    (Testnet · Provider 7)
    🔵 Watching 2,004 attesters
    Watching began for network at block [25,533,400](https://scan.test/block/25533400), <t:1795233600:R> (<t:1795233600:f>).
    What happened before is not told singly. From here on every change is a card of its own.
    1 incident is open and told in the alerts.
    Provider queue: 120
    Entry queue: 12
    Active: 1,868
    No longer active: 4
    History: completeness unknown: no endpoint has the logs before block 23,800,000
    Keys files: name 1,990 of 2,004 attesters
    _ testnet/-/summary/1 · steward 0.1.0
    ");
}

fn rows(count: u64) -> Vec<Vec<(String, String)>> {
    let cell = |name: &str, value: String| (name.to_owned(), value);
    (0..count)
        .map(|index| {
            vec![
                cell("attester", format!("fra-{}/{index}", index % 3)),
                cell("now", "active (follows the latest rollup)".to_owned()),
                cell("before", "entry queue (rollup 4248422647)".to_owned()),
                cell("block", "25533401".to_owned()),
                cell("host", format!("fra-{}", index % 3)),
            ]
        })
        .collect()
}

#[test]
fn many_changes_are_one_message_with_all_of_them_in_a_file() {
    let explorer = explorer();
    let rows = rows(500);
    let facts = Many {
        id: NoticeId::new("testnet", "-", Class::AttesterTransition, 9, "merged"),
        class: Class::AttesterTransition,
        of: Some(10_000),
        rows: &rows,
        at: at(),
    };
    let message = digest::many(&context(&explorer), &facts);
    assert_eq!(message.attachments[0].text.lines().count(), 501);
    insta::assert_snapshot!(show(&message), @r"
    (Testnet · Provider 7)
    🔵 500 changes of state
    500 changes of state, 5 % of 10,000 attesters. They came together, so they are told together.
    All: now active \(follows the latest rollup\).
    The table shows the first 15; the attached file holds all.
    _ testnet/-/attester_transition/9/merged · steward 0.1.0
    ```
    attester  now                        before                     block
    fra-0/0   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-1/1   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-2/2   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-0/3   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-1/4   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-2/5   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-0/6   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-1/7   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-2/8   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-0/9   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-1/10  active (follows the late…  entry queue (rollup 4248…  25533401
    fra-2/11  active (follows the late…  entry queue (rollup 4248…  25533401
    fra-0/12  active (follows the late…  entry queue (rollup 4248…  25533401
    fra-1/13  active (follows the late…  entry queue (rollup 4248…  25533401
    fra-2/14  active (follows the late…  entry queue (rollup 4248…  25533401
    ```
    + attester_transition.csv (501 lines)
    ");
    let few = Many {
        rows: &rows[..2],
        of: None,
        ..facts
    };
    let message = digest::missed(
        &context(&explorer),
        &few,
        UnixSeconds::new(1_795_000_000),
        at(),
    );
    insta::assert_snapshot!(show(&message), @r"
    (Testnet · Provider 7)
    🔵 2 changes were missed while steward was away
    They happened between <t:1795000000:R> (<t:1795000000:f>) and <t:1795233600:R> (<t:1795233600:f>). Later ones are told singly.
    All: now active \(follows the latest rollup\).
    _ testnet/-/attester_transition/9/merged · steward 0.1.0
    ```
    attester  now                        before                     block
    fra-0/0   active (follows the late…  entry queue (rollup 4248…  25533401
    fra-1/1   active (follows the late…  entry queue (rollup 4248…  25533401
    ```
    + attester_transition.csv (3 lines)
    ");
}

#[test]
fn a_test_says_that_it_is_one() {
    let explorer = explorer();
    let id = NoticeId::new("testnet", "-", Class::Test, 1, "");
    insta::assert_snapshot!(show(&digest::test(&context(&explorer), &id, "ana @everyone", at())), @r"
    (Testnet · Provider 7)
    🔵 This is a test
    ana \@␣everyone asked for it. It took the whole path: commit, delivery, Discord. Nothing is wrong.
    _ testnet/-/test/1 · steward 0.1.0
    ");
}

#[test]
fn a_catch_up_says_how_far_it_is_and_then_that_it_is_over() {
    let explorer = explorer();
    let facts = CatchUp {
        occurrence: 2,
        from: BlockNumber::new(23_699_999),
        reached: BlockNumber::new(24_323_000),
        head: BlockNumber::new(25_533_400),
        percent: 34,
        per_second: Some(1_200),
        left_seconds: Some(1_008),
        is_first: true,
        now: at(),
    };
    insta::assert_snapshot!(show(&catch_up::reading(&context(&explorer), &facts)), @r"
    (Testnet · Provider 7)
    🔵 Reading history: 34 %
    Read up to block [24,323,000](https://scan.test/block/24323000) of [25,533,400](https://scan.test/block/25533400), 1,200 blocks a second.
    Nothing is told before the head is reached; then a summary says how things stand.
    Nothing is to be done: after a restart it goes on where it stopped.
    At the head: <t:1795234608:R>
    To read: 1,210,400 blocks
    _ testnet/-/catch_up/2 · steward 0.1.0
    ");
    let later = CatchUp {
        per_second: None,
        left_seconds: None,
        is_first: false,
        ..facts
    };
    insta::assert_snapshot!(show(&catch_up::reading(&context(&explorer), &later)), @r"
    (Testnet · Provider 7)
    🔵 Reading history: 34 %
    Read up to block [24,323,000](https://scan.test/block/24323000) of [25,533,400](https://scan.test/block/25533400).
    Changes that were missed are told as they are read.
    Nothing is to be done: after a restart it goes on where it stopped.
    At the head: unknown: the speed was not measured yet
    To read: 1,210,400 blocks
    _ testnet/-/catch_up/2 · steward 0.1.0
    ");
    let blocks = (BlockNumber::new(23_699_999), BlockNumber::new(25_533_402));
    let read = catch_up::read(&context(&explorer), 2, blocks, 7_800, at());
    insta::assert_snapshot!(show(&read), @r"
    (Testnet · Provider 7)
    🟢 History is read to the head
    1,833,403 blocks up to block [25,533,402](https://scan.test/block/25533402) were read in 2 h 10 min.
    From here on every change is told as it happens.
    _ testnet/-/catch_up/2 · steward 0.1.0
    ");
}

#[test]
fn what_a_reorg_takes_back_is_struck_through() {
    let explorer = explorer();
    let evidence = evidence("Rollup.Slashed");
    let seen = Seen {
        evidence: &evidence,
        sources: None,
        finality: Finality::Seen,
    };
    let message = change::slashed(&context(&explorer), &slash(Known::Is(Wei::ZERO)), &seen);
    let reorg = Reorg {
        replaced: evidence.block,
        depth: 1,
        is_overruled: false,
    };
    let holds = "entry queue (rollup 4248422647), position 1";
    let taken = retract(&context(&explorer), &message, &reorg, Some(holds));
    insta::assert_snapshot!(show(&taken), @r"
    (Testnet · Provider 7)
    ⚪ ~~Attester fra-2/18 was slashed by 2,000 AZTEC~~
    Taken back: block [25,533,401](https://scan.test/block/25533401) (`0xbbbbbbbb…`) was taken out by a reorg of 1 block; none is in its place yet.
    What holds now: entry queue \(rollup 4248422647\), position 1.
    (Why)
    _ testnet/0x1212121212121212121212121212121212121212/attester_slashed/2 · steward 0.1.0
    ");
    assert_eq!(
        retract(&context(&explorer), &taken, &reorg, Some(holds)),
        taken
    );
    let by = BlockRef {
        number: evidence.block.number,
        hash: B256::repeat_byte(0xcc),
    };
    let line = |by| {
        let filled = with_replacement(&taken, by).unwrap();
        assert_eq!(with_replacement(&filled, by), None, "it waits no more");
        crate::alert::render::markdown(&filled.cards[0].body[0])
    };
    insta::assert_snapshot!(line(Some(by)), @r"Taken back: block [25,533,401](https://scan.test/block/25533401) (`0xbbbbbbbb…`) was taken out by a reorg of 1 block; `0xcccccccc…` is in its place.");
    insta::assert_snapshot!(line(None), @r"Taken back: block [25,533,401](https://scan.test/block/25533401) (`0xbbbbbbbb…`) was taken out by a reorg of 1 block; another is in its place.");
}

#[test]
fn what_a_majority_contradicts_is_taken_back_with_the_reason() {
    let explorer = explorer();
    let evidence = evidence("Rollup.Slashed");
    let seen = Seen {
        evidence: &evidence,
        sources: None,
        finality: Finality::Seen,
    };
    let message = change::slashed(&context(&explorer), &slash(Known::Is(Wei::ZERO)), &seen);
    let reorg = Reorg {
        replaced: evidence.block,
        depth: 3,
        is_overruled: true,
    };
    let taken = retract(&context(&explorer), &message, &reorg, None);
    insta::assert_snapshot!(show(&taken), @r"
    (Testnet · Provider 7)
    ⚪ ~~Attester fra-2/18 was slashed by 2,000 AZTEC~~
    Taken back: block [25,533,401](https://scan.test/block/25533401) (`0xbbbbbbbb…`) was told by one endpoint only, and a majority contradicts it; it is read again from another.
    (Why)
    _ testnet/0x1212121212121212121212121212121212121212/attester_slashed/2 · steward 0.1.0
    ");
}
