use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};

use super::*;
use crate::{
    alert::card::{Attachment, Text},
    clock::ManualClock,
    outbox::courier::{Courier, CourierError, Found, Parcel, Receipt},
    units::UnixSeconds,
};

/// Carries everything, or nothing.
#[derive(Debug)]
struct Carrier(bool);

impl Carrier {
    fn answer<T: Send + 'static>(&self, answer: T) -> BoxFuture<'_, Result<T, CourierError>> {
        let answer = if self.0 {
            Ok(answer)
        } else {
            Err(CourierError::MessageGone)
        };
        std::future::ready(answer).boxed()
    }
}

impl Courier for Carrier {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>> {
        self.answer(Receipt {
            message: MessageId(7),
            channel: parcel.channel,
            nonce: None,
            is_faithful: true,
        })
    }

    fn edit<'a>(
        &'a self,
        _: ChannelId,
        _: MessageId,
        _: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>> {
        self.answer(())
    }

    fn find<'a>(&'a self, _: &'a Parcel, _: u64) -> BoxFuture<'a, Result<Found, CourierError>> {
        self.answer(Found::No)
    }

    fn delete(&self, _: ChannelId, _: MessageId) -> BoxFuture<'_, Result<(), CourierError>> {
        self.answer(())
    }
}

fn said(words: &str) -> Message {
    Message {
        content: Some(Text::plain(words)),
        attachments: vec![Attachment {
            name: "table.csv".to_owned(),
            text: "a,b".to_owned(),
        }],
        ..Message::default()
    }
}

fn looked_at(carries: bool) -> (Arc<Board>, Onlooker) {
    let clock = ManualClock::new(UnixSeconds::new(1_700_000_000));
    let names = BTreeMap::from([(ChannelId(1), "alerts".to_owned())]);
    let board = Arc::new(Board::new(Arc::new(clock), names));
    let onlooker = Onlooker::new(Arc::new(Carrier(carries)), Arc::clone(&board));
    (board, onlooker)
}

fn parcel() -> Parcel {
    Parcel {
        channel: ChannelId(1),
        nonce: "n".to_owned(),
        message: said("first"),
        reply_to: Some(MessageId(3)),
    }
}

#[tokio::test]
async fn shows_what_was_sent_edited_and_deleted() {
    let (board, courier) = looked_at(true);
    courier.send(&parcel()).await.unwrap();
    let edit = Message {
        attachments: Vec::new(),
        ..said("second")
    };
    courier
        .edit(ChannelId(1), MessageId(7), &edit)
        .await
        .unwrap();
    let sight = board.sight();
    assert_eq!(sight.version, 2);
    let [pinned] = sight.messages.as_slice() else {
        panic!("one message: {sight:?}")
    };
    assert_eq!(pinned.channel, "alerts");
    assert_eq!(pinned.reply_to, Some(MessageId(3)));
    assert_eq!(pinned.edits, 1);
    assert_eq!(pinned.message, said("second"), "an edit leaves the files");
    courier.delete(ChannelId(1), MessageId(7)).await.unwrap();
    assert!(board.sight().messages[0].is_deleted);
}

#[tokio::test]
async fn shows_nothing_that_was_refused() {
    let (board, courier) = looked_at(false);
    courier.send(&parcel()).await.unwrap_err();
    assert_eq!(board.sight().messages, []);
    assert_eq!(board.sight().version, 0);
}

#[test]
fn keeps_the_newest() {
    let (board, _) = looked_at(true);
    for id in 0..=PINNED_MAX as u64 {
        board.pin(MessageId(id), ChannelId(2), &said("x"), None);
    }
    let sight = board.sight();
    assert_eq!(sight.messages.len(), PINNED_MAX);
    assert_eq!(sight.messages[0].id, MessageId(1));
    assert_eq!(sight.messages[0].channel, "2");
}

#[tokio::test]
async fn a_dry_run_takes_everything_and_gives_ids_as_discord_would() {
    let clock = Arc::new(ManualClock::new(UnixSeconds::new(1_795_233_600)));
    let courier = DryRun::new(Arc::clone(&clock) as _);
    let parcel = Parcel {
        channel: ChannelId(2),
        nonce: "n".to_owned(),
        message: said("hello"),
        reply_to: None,
    };
    let first = courier.send(&parcel).await.unwrap();
    let second = courier.send(&parcel).await.unwrap();
    clock.advance(Duration::from_secs(1));
    let third = courier.send(&parcel).await.unwrap();
    assert!(first.message < second.message && second.message < third.message);
    let ms = |receipt: &Receipt| (receipt.message.0 >> 22) + 1_420_070_400_000;
    assert_eq!(ms(&first), 1_795_233_600_000);
    assert_eq!(ms(&third), 1_795_233_601_000);
    assert_eq!(first.channel, ChannelId(2));
    assert_eq!(courier.find(&parcel, 0).await, Ok(Found::No));
    let edited = courier.edit(ChannelId(2), MessageId(9), &parcel.message);
    assert_eq!(edited.await, Ok(()));
    assert_eq!(courier.delete(ChannelId(2), MessageId(9)).await, Ok(()));
}
