//! Posts messages into a terminal: each in a box, edits as what they changed, replies indented.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt as _, future::BoxFuture};
use steward::{
    alert::{card::Message, render::terminal},
    clock::Clock,
    outbox::courier::{ChannelId, Courier, CourierError, Found, MessageId, Parcel, Receipt},
};

use super::{Page, edit::difference};

/// Columns that the box takes.
const FRAME: usize = 2;
/// How far a reply stands in.
const REPLY: &str = "    ";

/// A message that was posted.
#[derive(Debug)]
struct Posted {
    nonce: String,
    channel: ChannelId,
    message: Message,
    is_reply: bool,
}

/// The terminal, as a place to carry messages to.
#[derive(Debug)]
pub struct TerminalCourier {
    page: Arc<Page>,
    clock: Arc<dyn Clock>,
    channels: BTreeMap<ChannelId, &'static str>,
    posted: Mutex<BTreeMap<MessageId, Posted>>,
}

impl TerminalCourier {
    /// A courier onto `page`, with the names of the channels.
    #[must_use]
    pub fn new(
        page: Arc<Page>,
        clock: Arc<dyn Clock>,
        channels: BTreeMap<ChannelId, &'static str>,
    ) -> Self {
        Self {
            page,
            clock,
            channels,
            posted: Mutex::default(),
        }
    }

    /// How many messages were posted.
    #[must_use]
    pub fn posted_count(&self) -> usize {
        self.posted().len()
    }

    fn posted(&self) -> MutexGuard<'_, BTreeMap<MessageId, Posted>> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn channel(&self, channel: ChannelId) -> &'static str {
        self.channels.get(&channel).copied().unwrap_or("channel")
    }

    /// A box around `lines`, headed by `head`.
    fn boxed(&self, head: &str, lines: &str, indent: &str) {
        let frame = |text: &str| format!("{indent}{}", self.page.faint(text));
        let mut out = format!("{}\n", frame(&format!("╭─ {head}")));
        for line in lines.lines() {
            out.push_str(&format!("{} {line}\n", frame("│")));
        }
        out.push_str(&format!("{}\n", frame("╰─")));
        self.page.write(&out);
    }

    fn post(&self, parcel: &Parcel) -> Receipt {
        let mut posted = self.posted();
        let number = u64::try_from(posted.len())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let channel = self.channel(parcel.channel);
        let (head, indent) = match parcel.reply_to {
            Some(MessageId(to)) => (
                format!("#{channel} · message {number}, reply to {to}"),
                REPLY,
            ),
            None => (format!("#{channel} · message {number}"), ""),
        };
        let margin = FRAME.saturating_add(indent.len());
        let terminal = self.page.terminal(self.clock.now(), margin);
        self.boxed(
            &head,
            &terminal::message(&parcel.message, &terminal),
            indent,
        );
        let message = MessageId(number);
        posted.insert(
            message,
            Posted {
                nonce: parcel.nonce.clone(),
                channel: parcel.channel,
                message: parcel.message.clone(),
                is_reply: parcel.reply_to.is_some(),
            },
        );
        receipt(message, parcel.channel, &parcel.nonce)
    }

    fn change(&self, message: MessageId, content: &Message) -> Result<(), CourierError> {
        let mut posted = self.posted();
        let Some(old) = posted.get_mut(&message) else {
            return Err(CourierError::MessageGone);
        };
        let indent = if old.is_reply { REPLY } else { "" };
        let margin = FRAME.saturating_add(indent.len());
        let terminal = self.page.terminal(self.clock.now(), margin);
        let lines = difference(&old.message, content, &terminal);
        let head = format!(
            "#{} · edited: message {}",
            self.channel(old.channel),
            message.0
        );
        self.boxed(&head, &lines, indent);
        old.message = content.clone();
        Ok(())
    }
}

fn receipt(message: MessageId, channel: ChannelId, nonce: &str) -> Receipt {
    Receipt {
        message,
        channel,
        nonce: Some(nonce.to_owned()),
        is_faithful: true,
    }
}

impl Courier for TerminalCourier {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>> {
        std::future::ready(Ok(self.post(parcel))).boxed()
    }

    fn edit<'a>(
        &'a self,
        _channel: ChannelId,
        message: MessageId,
        content: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>> {
        std::future::ready(self.change(message, content)).boxed()
    }

    fn find<'a>(
        &'a self,
        parcel: &'a Parcel,
        _since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, CourierError>> {
        let posted = self.posted();
        let found = posted
            .iter()
            .find(|(_, posted)| posted.nonce == parcel.nonce && posted.channel == parcel.channel);
        let found = found.map_or(Found::No, |(message, _)| {
            Found::Yes(receipt(*message, parcel.channel, &parcel.nonce))
        });
        std::future::ready(Ok(found)).boxed()
    }

    fn delete(
        &self,
        _channel: ChannelId,
        message: MessageId,
    ) -> BoxFuture<'_, Result<(), CourierError>> {
        let deleted = match self.posted().remove(&message) {
            Some(posted) => {
                let channel = self.channel(posted.channel);
                self.page
                    .write(&format!("#{channel} · deleted: message {}\n", message.0));
                Ok(())
            }
            None => Err(CourierError::MessageGone),
        };
        std::future::ready(deleted).boxed()
    }
}
