//! One story each: what reaches the channel, and what does not.

use super::{
    house::{ALARMS, House, MINUTE, NEWS, gone, id, incident, notice, state_of, transition},
    machine::Deed,
    world::Fault,
};
use crate::{
    alert::{card::Severity, class::Class},
    jobs::job::Action,
    outbox::courier::ChannelId,
    units::{B256, BlockNumber, BlockRef},
};

#[tokio::test(start_paused = true)]
async fn a_notice_is_sent_once_and_stays_known_over_a_restart() {
    let mut house = House::new(1);
    let process = house.start();
    process.owe(vec![transition(1, "active")]).await.unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(NEWS).len(), 1);
    process.end().await;

    let process = house.start();
    let owed = process.owe(vec![transition(1, "active")]).await.unwrap();
    assert_eq!((owed.messages, owed.unchanged), (0, 1));
    process.owe(vec![incident(1, "missing")]).await.unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(NEWS).len(), 1);
    assert_eq!(house.world.seen(ALARMS).len(), 1);
    assert_eq!(house.world.calls(Deed::Find), 0, "nothing was unclear");
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leads_to_a_search_and_not_to_a_second_message() {
    for fault in [
        Fault::LostAnswer,
        Fault::HangsAfter,
        Fault::HangsBefore,
        Fault::Failed,
        Fault::Panics,
    ] {
        let mut house = House::new(1);
        let process = house.start();
        house.world.set(|rules| rules.faults.push(fault));
        process.owe(vec![transition(1, "active")]).await.unwrap();
        process.settle().await;
        assert_eq!(house.world.seen(NEWS).len(), 1, "{fault:?}");
        assert_eq!(house.world.calls(Deed::Find), 1, "{fault:?}");
        process.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_history_is_forbidden_only_a_person_sends_again() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| {
        rules.faults.push(Fault::Failed);
        rules.secret.insert(ChannelId(NEWS));
    });
    process
        .owe(vec![transition(1, "active"), transition(2, "active")])
        .await
        .unwrap();
    process.settle().await;
    assert_eq!(
        state_of(&process, Class::AttesterTransition, 1).await,
        "unclear"
    );
    assert_eq!(house.world.seen(NEWS).len(), 1, "the second is not held up");
    let job = process
        .writer
        .read()
        .await
        .jobs
        .troubled()
        .next()
        .unwrap()
        .id;
    process.ask(job, Action::Verify).await.unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(NEWS).len(), 1, "looking sends nothing");
    process.ask(job, Action::Retry).await.unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(NEWS).len(), 2);
    let refused = process.ask(job, Action::Retry).await.unwrap_err();
    insta::assert_snapshot!(crate::tasks::chain_of(&refused), @r##"
    refused: job 1 is done: message 2
    "##);
    process.end().await;
}

/// The first of the backlog is taken back and owed again: it is then the last, in the table too.
#[tokio::test(start_paused = true)]
async fn a_merged_backlog_keeps_the_order_in_which_it_is_owed() {
    let mut house = House::new(1);
    let process = house.start();
    let block = BlockRef {
        number: BlockNumber::new(100),
        hash: B256::repeat_byte(1),
    };
    house.world.set(|rules| rules.is_down = true);
    let owe = |number| {
        let mut notice = transition(number, "active");
        notice.cause = (number == 2).then_some(block);
        process.owe(vec![notice])
    };
    for number in 1..=40 {
        owe(number).await.unwrap();
    }
    process
        .change(|outbox, jobs, now| outbox.cancel_caused_by(jobs, now, &[block]))
        .await;
    owe(2).await.unwrap();
    house.world.set(|rules| rules.is_down = false);
    process.settle().await;
    let seen = house.world.seen(NEWS);
    let rows: Vec<&str> = seen
        .iter()
        .flat_map(|message| &message.files)
        .flat_map(|file| file.lines().skip(1))
        .filter_map(|row| row.split(',').next())
        .collect();
    let expected = (2..=40).filter(|number| *number != 2).chain([2]);
    let expected: Vec<String> = expected
        .map(|number| id(Class::AttesterTransition, number).as_str().to_owned())
        .collect();
    assert_eq!(rows, expected);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_moves_to_another_block_keeps_its_message() {
    let mut house = House::new(1);
    let process = house.start();
    let block = |number: u64, byte: u8| BlockRef {
        number: BlockNumber::new(number),
        hash: B256::repeat_byte(byte),
    };
    house.world.set(|rules| rules.is_down = true);
    let mut first = transition(1, "active");
    first.cause = Some(block(100, 1));
    let mut second = transition(2, "active");
    second.cause = Some(block(100, 1));
    process.owe(vec![first.clone(), second]).await.unwrap();
    tokio::time::sleep(MINUTE).await;
    // The first was started, so somebody may have seen it; the second was not.
    let told = process
        .change(|outbox, jobs, now| outbox.cancel_caused_by(jobs, now, &[block(100, 1)]))
        .await;
    assert_eq!(told, [id(Class::AttesterTransition, 1)]);
    assert_eq!(
        state_of(&process, Class::AttesterTransition, 2).await,
        "cancelled"
    );
    let mut moved = transition(2, "active");
    moved.cause = Some(block(100, 2));
    process.owe(vec![moved]).await.unwrap();
    let retracted = gone(&id(Class::AttesterTransition, 1));
    process
        .change(|outbox, jobs, now| {
            outbox.retract(jobs, now, &id(Class::AttesterTransition, 1), retracted)
        })
        .await;
    house.world.set(|rules| rules.is_down = false);
    process.settle().await;
    let seen = house.world.seen(NEWS);
    let severities: Vec<_> = seen.iter().map(|m| m.message.cards[0].severity).collect();
    assert_eq!(severities, [Severity::Retracted, Severity::Info]);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_gone_is_replaced_and_reported() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.gone.insert(ChannelId(NEWS)));
    process
        .owe((1..=4).map(|n| transition(n, "active")).collect())
        .await
        .unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(ALARMS).len(), 4);
    assert_eq!(
        house.world.calls(Deed::Send),
        5,
        "the channel was tried once"
    );
    {
        let state = process.writer.read().await;
        let troubles: Vec<_> = state
            .outbox
            .unreachable()
            .map(|t| (t.channel.0, t.reason.clone()))
            .collect();
        assert_eq!(troubles, [(NEWS, "10003".to_owned())]);
    }
    house.world.set(|rules| rules.gone.clear());
    tokio::time::sleep(11 * MINUTE).await;
    process.owe(vec![transition(5, "active")]).await.unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(NEWS).len(), 1);
    assert_eq!(process.writer.read().await.outbox.unreachable().count(), 0);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn with_every_channel_gone_messages_wait() {
    let mut house = House::new(1);
    let process = house.start();
    let both = [ChannelId(NEWS), ChannelId(ALARMS)];
    house.world.set(|rules| rules.gone.extend(both));
    process
        .owe((1..=40).map(|n| incident(n, "missing")).collect())
        .await
        .unwrap();
    process.owe(vec![transition(1, "active")]).await.unwrap();
    tokio::time::sleep(180 * MINUTE).await;
    assert!(
        house.world.calls(Deed::Send) < 60,
        "{}",
        house.world.calls(Deed::Send)
    );
    house.world.set(|rules| rules.gone.clear());
    process.settle().await;
    let seen = [house.world.seen(NEWS), house.world.seen(ALARMS)].concat();
    assert_eq!(seen.len(), 2);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_follows_its_parent_also_in_one_batch() {
    let mut house = House::new(1);
    let process = house.start();
    let mut rung = notice(Class::CoinbaseMissing, 2, "48 h left");
    rung.reply_to = Some(id(Class::CoinbaseMissing, 1));
    process
        .owe(vec![incident(1, "missing"), rung])
        .await
        .unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen[1].reply_to, Some(seen[0].id));
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_stops_everything_until_it_is_accepted() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.is_token_refused = true);
    for n in 1..=3 {
        process
            .owe(vec![transition(n, "active"), incident(n, "missing")])
            .await
            .unwrap();
    }
    tokio::time::sleep(60 * MINUTE).await;
    assert!(
        house.world.calls(Deed::Send) <= 125,
        "{}",
        house.world.calls(Deed::Send)
    );
    house.world.set(|rules| rules.is_token_refused = false);
    process.settle().await;
    let seen = [house.world.seen(NEWS), house.world.seen(ALARMS)].concat();
    assert_eq!(seen.len(), 6);
    process.end().await;
}
