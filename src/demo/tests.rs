//! The whole recording, replayed in no time.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use futures::{FutureExt, future::BoxFuture};

use super::{ALERTS, Demo, SCENE_SHOWN, recording::Recording};
use crate::{
    alert::{card::Message, render::bare},
    outbox::courier::{ChannelId, Courier, CourierError, Found, MessageId, Parcel, Receipt},
};

/// Writes down the titles of what is posted and edited.
#[derive(Debug, Default)]
struct Notebook {
    lines: Mutex<String>,
    nonces: Mutex<Vec<String>>,
}

impl Notebook {
    fn note(&self, what: &str, channel: ChannelId, id: u64, message: &Message) {
        let mut lines = self.lines.lock().unwrap();
        let channel = if channel == ALERTS {
            "alerts"
        } else {
            "changes"
        };
        let content = message.content.as_ref().map(bare);
        write!(lines, "  {what} {channel} {id}:").unwrap();
        if let Some(content) = content {
            write!(lines, " [{content}]").unwrap();
        }
        for card in &message.cards {
            write!(lines, " {} {}", card.severity.sign(), bare(&card.title)).unwrap();
        }
        lines.push('\n');
    }
}

impl Courier for Notebook {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>> {
        let mut nonces = self.nonces.lock().unwrap();
        nonces.push(parcel.nonce.clone());
        let message = MessageId(nonces.len() as u64);
        let what = if parcel.reply_to.is_some() {
            "reply"
        } else {
            "post"
        };
        self.note(what, parcel.channel, message.0, &parcel.message);
        let receipt = Receipt {
            message,
            channel: parcel.channel,
            nonce: Some(parcel.nonce.clone()),
            is_faithful: true,
        };
        std::future::ready(Ok(receipt)).boxed()
    }

    fn edit<'a>(
        &'a self,
        channel: ChannelId,
        message: MessageId,
        content: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>> {
        self.note("edit", channel, message.0, content);
        std::future::ready(Ok(())).boxed()
    }

    fn find<'a>(
        &'a self,
        _parcel: &'a Parcel,
        _since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, CourierError>> {
        std::future::ready(Ok(Found::No)).boxed()
    }

    fn delete(
        &self,
        _channel: ChannelId,
        _message: MessageId,
    ) -> BoxFuture<'_, Result<(), CourierError>> {
        std::future::ready(Ok(())).boxed()
    }
}

/// Goal: the shipped recording answers every question of the production path, and tells its story with one message per
/// thing that is said. A question that it holds no answer to fails with how to record it again.
#[tokio::test(start_paused = true)]
async fn the_recording_tells_its_story_to_the_end() {
    let recording = Recording::shipped().unwrap();
    let notebook = Arc::new(Notebook::default());
    let demo = Demo::new(recording, SCENE_SHOWN);
    let (began, clock) = (tokio::time::Instant::now(), demo.clock());
    let narrator = |scene: &super::Scene, _| {
        let mut lines = notebook.lines.lock().unwrap();
        writeln!(lines, "{}: {}", scene.name, scene.says).unwrap();
    };
    if let Err(error) = demo.run(notebook.clone(), &narrator).await {
        panic!("{}", crate::tasks::chain_of(&error));
    }
    let took = began.elapsed().as_secs();
    assert!((50..=110).contains(&took), "the demo takes {took} s");
    assert!(clock.now_ms() > 0);
    let told = notebook.lines.lock().unwrap().clone();
    insta::assert_snapshot!(told);
}

#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_ends_the_demo_with_how_to_record_again() {
    let mut recording = Recording::shipped().unwrap();
    let head = recording.scenes[1].head;
    recording.answers.retain(|(block, _), _| *block != head);
    let demo = Demo::new(recording, SCENE_SHOWN);
    let error = demo
        .run(Arc::new(Notebook::default()), &|_, _| {})
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(said.contains("eth_call 0x"), "{said}");
    assert!(
        said.ends_with("cargo run --example record (docs/DEMO.md)"),
        "{said}"
    );
}

#[test]
fn a_recording_survives_writing_and_reading() {
    let shipped = include_str!("recording.jsonl");
    let written = Recording::read(shipped).unwrap().write().unwrap();
    assert!(
        written == shipped,
        "the shipped recording is not as it is written"
    );
}
