//! Every change of state, as people read it.

use super::*;
use crate::{
    alert::{
        card::ButtonAction,
        facts::Due,
        render::markdown::{heading, markdown},
        text::fixtures::{address, attester, context, evidence, explorer, show, split},
    },
    attester::{RefusalCause, Stage},
    units::RollupVersion,
};

const ROLLUP: RollupVersion = RollupVersion::new(4_248_422_647);

fn standing(stage: Stage, reason: Reason) -> Standing {
    Standing { stage, reason }
}

fn transition<'a>(evidence: &'a Evidence, from: Standing, to: Standing) -> Transition<'a> {
    Transition {
        attester: attester(0x12),
        from,
        to,
        occurrence: 3,
        evidence,
        sources: Some((2, 3)),
        finality: Finality::Seen,
        provider_queue: None,
        queue: None,
        coinbase: None,
        balance: None,
        exit: None,
        withdrawer: None,
    }
}

fn waiting() -> Standing {
    standing(
        Stage::RollupEntryQueue,
        Reason::InEntryQueue { rollup: ROLLUP },
    )
}

fn active() -> Standing {
    standing(Stage::Active, Reason::FollowsLatest)
}

fn queue() -> QueueOutlook {
    QueueOutlook {
        position: 6,
        length: 1_204,
        earliest: Due::Is(UnixSeconds::new(1_795_254_000)),
        expected: Due::Is(UnixSeconds::new(1_795_258_600)),
    }
}

fn coinbase_facts(configured: Configured) -> CoinbaseFacts {
    CoinbaseFacts {
        attester: attester(0x12),
        expected: Known::Is(split(0x9f)),
        configured,
        stake_block: None,
        stake_transaction: None,
        is_active: false,
        queue: Some(queue()),
    }
}

#[test]
fn entering_the_entry_queue_says_which_coinbase_to_set_and_until_when() {
    let explorer = explorer();
    let evidence = evidence("Rollup.ValidatorQueued");
    let coinbase = coinbase_facts(Configured::Missing);
    let from = standing(Stage::InStakingProviderQueue, Reason::InProviderQueue);
    let transition = Transition {
        queue: Some(queue()),
        coinbase: Some(&coinbase),
        ..transition(&evidence, from, waiting())
    };
    insta::assert_snapshot!(show(&message(&context(&explorer), &transition)), @r"
    (Testnet · Provider 7)
    🔵 Attester fra-2/18 is in the entry queue
    A delegator staked it with the provider: `Rollup.ValidatorQueued` in block [25,533,401](https://scan.test/block/25533401), <t:1795233600:R> (<t:1795233600:f>).
    Set its coinbase to the split [0x9F9F…9f9f](https://scan.test/address/0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f) on host fra-2 before it can enter, <t:1795254000:R> (<t:1795254000:f>); rewards go elsewhere until then.
    State: provider queue → entry queue (rollup 4248422647)
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Entry queue: position 6 of 1,204 · earliest activation <t:1795254000:R> (<t:1795254000:f>) · expected <t:1795258600:R>
    Coinbase: expected `0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f` · configured none
    Evidence: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee) · 2 of 3 endpoints agree
    Finality: seen
    [Transaction] (Why)
    _ testnet/0x1212121212121212121212121212121212121212/attester_transition/3 · steward 0.1.0
    ");
}

#[test]
fn becoming_active_is_one_quiet_card() {
    let explorer = explorer();
    let evidence = evidence("Rollup.Deposit");
    let coinbase = coinbase_facts(Configured::Is(split(0x9f)));
    let transition = Transition {
        coinbase: Some(&coinbase),
        balance: Some(Wei::tokens(200_000)),
        ..transition(&evidence, waiting(), active())
    };
    insta::assert_snapshot!(show(&message(&context(&explorer), &transition)), @r"
    (Testnet · Provider 7)
    🔵 Attester fra-2/18 is active
    Its deposit was accepted; it validates and follows the latest rollup: `Rollup.Deposit` in block [25,533,401](https://scan.test/block/25533401), <t:1795233600:R> (<t:1795233600:f>).
    Its coinbase is set to the split of its stake.
    State: entry queue (rollup 4248422647) → active (follows the latest rollup)
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Balance: 200,000 AZTEC
    Coinbase: expected `0x9F9F9F9f9F9f9f9F9F9f9f9f9F9f9F9F9f9f9f9f` · configured the same
    Evidence: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee) · 2 of 3 endpoints agree
    Finality: seen
    [Transaction] (Why)
    _ testnet/0x1212121212121212121212121212121212121212/attester_transition/3 · steward 0.1.0
    ");
}

#[test]
fn a_zombie_says_who_has_to_act() {
    let explorer = explorer();
    let evidence = Evidence {
        transaction: None,
        ..evidence("Rollup.getAttesterView")
    };
    let transition = Transition {
        attester: attester(0xab),
        withdrawer: Some(address(0x44)),
        sources: None,
        exit: Some(ExitOutlook {
            amount: Known::Is(Wei::tokens(180_000)),
            free_at: Known::unknown("the governance withdrawal was not read yet"),
        }),
        ..transition(
            &evidence,
            active(),
            standing(Stage::NoLongerActive, Reason::Zombie),
        )
    };
    insta::assert_snapshot!(show(&message(&context(&explorer), &transition)), @r"
    (Testnet · Provider 7)
    🟠 Attester 0xABaB…ABaB is a zombie after a slash
    The slash took its balance below the ejection threshold: `Rollup.getAttesterView` in block [25,533,401](https://scan.test/block/25533401), <t:1795233600:R> (<t:1795233600:f>).
    Its withdrawer [0x4444…4444](https://scan.test/address/0x4444444444444444444444444444444444444444) has to initiate the withdrawal (initiateWithdraw); until then the stake stays locked. It can never be registered again.
    State: active (follows the latest rollup) → no longer active (zombie)
    Attester: `0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB` [explorer](https://scan.test/address/0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB) · host unknown: it is in no keys file
    Exit: 180,000 AZTEC · free: unknown: the governance withdrawal was not read yet
    Evidence: a view, no transaction · one source
    Finality: seen
    (Why)
    _ testnet/0xabababababababababababababababababababab/attester_transition/3 · steward 0.1.0
    ");
}

#[test]
fn exiting_says_when_the_money_is_free() {
    let explorer = explorer();
    let evidence = evidence("Rollup.WithdrawInitiated");
    let transition = Transition {
        exit: Some(ExitOutlook {
            amount: Known::Is(Wei::tokens(200_000)),
            free_at: Known::Is(UnixSeconds::new(1_796_063_040)),
        }),
        ..transition(
            &evidence,
            active(),
            standing(Stage::NoLongerActive, Reason::Exiting),
        )
    };
    insta::assert_snapshot!(show(&message(&context(&explorer), &transition)), @r"
    (Testnet · Provider 7)
    🔵 Attester fra-2/18 is exiting
    Its withdrawer initiated the withdrawal, and it no longer validates: `Rollup.WithdrawInitiated` in block [25,533,401](https://scan.test/block/25533401), <t:1795233600:R> (<t:1795233600:f>).
    The money is free <t:1796063040:R> (<t:1796063040:f>); anybody may then call finalizeWithdraw. The node may be stopped.
    State: active (follows the latest rollup) → no longer active (exiting)
    Attester: fra-2/18 · `0x1212121212121212121212121212121212121212` [explorer](https://scan.test/address/0x1212121212121212121212121212121212121212) · host fra-2
    Exit: 200,000 AZTEC · free: <t:1796063040:R> (<t:1796063040:f>)
    Evidence: transaction [0xeeeeeeee…](https://scan.test/tx/0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee) · 2 of 3 endpoints agree
    Finality: seen
    [Transaction] (Why)
    _ testnet/0x1212121212121212121212121212121212121212/attester_transition/3 · steward 0.1.0
    ");
}

fn every_reason() -> Vec<Standing> {
    use RefusalCause::{
        AttesterUsedBefore, KeyOrProof, KeyUsedBefore, ProofRefused, RollupNotLatest,
    };
    let over = |reason| standing(Stage::NoLongerActive, reason);
    let mut all = vec![
        standing(Stage::New, Reason::NeverSeen),
        standing(Stage::New, Reason::Dripped),
        standing(Stage::InStakingProviderQueue, Reason::InProviderQueue),
        standing(Stage::InStakingProviderQueue, Reason::InProviderQueueUsedUp),
        waiting(),
        standing(
            Stage::RollupEntryQueue,
            Reason::InEntryQueueUsedUp { rollup: ROLLUP },
        ),
        active(),
        standing(Stage::Active, Reason::OnRollup { rollup: ROLLUP }),
        standing(Stage::Active, Reason::EjectionUnknown),
        over(Reason::LeftOnRollup { rollup: ROLLUP }),
        over(Reason::Zombie),
        over(Reason::Exiting),
        over(Reason::Exited),
        over(Reason::SlashedToNothing),
    ];
    for cause in [
        AttesterUsedBefore,
        RollupNotLatest,
        KeyUsedBefore,
        ProofRefused,
        KeyOrProof,
    ] {
        all.push(over(Reason::DepositRefused { cause }));
    }
    all
}

/// Title and sentences of every state, in the order of a life.
#[test]
#[expect(clippy::too_many_lines, reason = "the snapshot is most of it")]
fn every_state_has_its_sentences() {
    let explorer = explorer();
    let evidence = evidence("X");
    let mut said = Vec::new();
    for to in every_reason() {
        let message = message(
            &context(&explorer),
            &transition(&evidence, standing(Stage::New, Reason::NeverSeen), to),
        );
        let card = &message.cards[0];
        let next = card.body.get(1).map_or("-".to_owned(), markdown);
        let why = markdown(&card.body[0]);
        let why = why.split(": `").next().unwrap_or_default().to_owned();
        said.push(format!(
            "{} {}\n  {why}\n  {next}",
            card.severity.sign(),
            heading(&card.title)
        ));
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    🔵 Attester fra-2/18 is in no queue
      No contract knows it now
      -
    🔵 Attester fra-2/18 left the provider queue
      The provider's admin took it out of the queue
      It may be added again; nothing else is to be done.
    🔵 Attester fra-2/18 is in the provider queue
      The provider added it; it waits for a delegation
      -
    🟠 Attester fra-2/18 waits in vain in provider queue
      The provider added it, but its address was registered before
      When it is staked, its deposit is refused and that delegation is lost. Take it out with dripProviderQueue before it reaches the head, and use a new key.
    🔵 Attester fra-2/18 is in the entry queue
      Its stake was deposited
      -
    🟠 Attester fra-2/18 waits in vain in entry queue
      It was staked, but its address was registered before
      An address can be registered once, for ever: its deposit will be refused and refunded to the withdrawer. Use a new address and key for the next stake.
    🔵 Attester fra-2/18 is active
      Its deposit was accepted; it validates and follows the latest rollup
      -
    🔵 Attester fra-2/18 is active
      Its deposit was accepted; it validates and stays on rollup version 4248422647
      -
    🟠 Attester fra-2/18 was slashed, perhaps ejected
      A slash took stake, and no view has told yet whether it still validates
      The next snapshot at the head tells; this card's successor says so.
    🟠 Attester fra-2/18 is left on an old rollup
      Another rollup became canonical, and it stays on rollup version 4248422647
      It earns nothing on the canonical rollup. Keep its node running as long as the old rollup is wanted, or have the withdrawer initiate the withdrawal there.
    🟠 Attester fra-2/18 is a zombie after a slash
      The slash took its balance below the ejection threshold
      Its withdrawer has to initiate the withdrawal (initiateWithdraw); until then the stake stays locked. It can never be registered again.
    🔵 Attester fra-2/18 is exiting
      Its withdrawer initiated the withdrawal, and it no longer validates
      The money is free at a time that the next snapshot at the head tells.
    🔵 Attester fra-2/18 has left, its stake is paid
      Its withdrawal was finalised
      Its address and BLS key can never be registered again; remove them from the node.
    🟠 Attester fra-2/18 was slashed for everything
      The slash took its whole balance; there is nothing to withdraw
      Its address and BLS key can never be registered again; remove them from the node and look for what caused the slash.
    🟠 Attester fra-2/18 was refused and refunded
      The deposit was refused: the address was registered before
      The stake went back to the withdrawer; queue slot and delegation are lost. This address can never be registered again: use a new one.
    🟠 Attester fra-2/18 was refused and refunded
      The deposit was refused: it was to follow the latest rollup, and this rollup no longer is the latest
      The stake went back to the withdrawer. The address and key are not used up and may be added again.
    🟠 Attester fra-2/18 was refused and refunded
      The deposit was refused: its BLS key was registered before
      The stake went back to the withdrawer; queue slot and delegation are lost. This key can never be registered again: make a new one.
    🟠 Attester fra-2/18 was refused and refunded
      The deposit was refused: its proof of possession is bad
      The stake went back to the withdrawer; queue slot and delegation are lost. The attester may be added again with a good proof.
    🟠 Attester fra-2/18 was refused and refunded
      The deposit was refused: its BLS key was registered before or its proof of possession is bad; the logs do not tell which
      The stake went back to the withdrawer; queue slot and delegation are lost. With a bad proof the attester may be added again with a good one; a key that was registered before never can be.
    ");
}

#[test]
fn no_title_has_more_than_eight_words_and_no_two_ways_of_change_are_mute() {
    let explorer = explorer();
    let evidence = evidence("X");
    for from in every_reason() {
        for to in every_reason() {
            let message = message(&context(&explorer), &transition(&evidence, from, to));
            let title = heading(&message.cards[0].title);
            assert!(title.split_whitespace().count() <= 8, "{title}");
            assert!(message.content.is_none(), "a transition wakes nobody");
            assert!(message.cards[0].fields.len() <= crate::alert::fit::FIELDS_MAX);
        }
    }
}

#[test]
fn finality_is_edited_and_nothing_else() {
    let explorer = explorer();
    let evidence = evidence("Rollup.Deposit");
    let card = message(
        &context(&explorer),
        &transition(&evidence, waiting(), active()),
    )
    .cards
    .remove(0);
    let last = with_finality(card.clone(), &Finality::Final);
    assert_eq!(last.fields.last().unwrap().value, Text::plain("final"));
    assert_eq!(with_finality(last, &Finality::Seen), card);
}

#[test]
fn a_transition_has_no_action_button() {
    let explorer = explorer();
    let evidence = evidence("X");
    let card = message(
        &context(&explorer),
        &transition(&evidence, waiting(), active()),
    );
    assert!(card.cards[0].buttons.iter().all(|button| matches!(
        button.action,
        ButtonAction::Open(_) | ButtonAction::Why { .. }
    )));
}
