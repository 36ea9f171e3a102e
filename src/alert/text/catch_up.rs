//! What is said while history is read, and when it was.

use super::{Context, count, counted, duration, field, relative};
use crate::{
    alert::{
        card::{Message, Severity, Text},
        class::Class,
        fit::fit_message,
        notice::NoticeId,
    },
    units::{BlockNumber, UnixSeconds},
};

/// How far a catch-up is.
#[derive(Debug, Clone)]
pub struct CatchUp {
    /// The how-manieth of the network that is told of, from 1.
    pub occurrence: u64,
    /// The block before its first one.
    pub from: BlockNumber,
    /// Read up to here.
    pub reached: BlockNumber,
    /// The head.
    pub head: BlockNumber,
    /// The share that was read, in percent.
    pub percent: u64,
    /// Blocks a second; `None` while that is unknown.
    pub per_second: Option<u64>,
    /// Seconds until the head; `None` while that is unknown.
    pub left_seconds: Option<u64>,
    /// Whether nothing of this network was told before.
    pub is_first: bool,
    /// When it was measured.
    pub now: UnixSeconds,
}

/// The id of the message about a catch-up.
#[must_use]
pub fn id(network: &str, occurrence: u64) -> NoticeId {
    NoticeId::new(network, "-", Class::CatchUp, occurrence, "")
}

/// The card while history is read.
#[must_use]
pub fn reading(context: &Context<'_>, facts: &CatchUp) -> Message {
    let id = id(context.network, facts.occurrence);
    let title = Text::plain(format!("Reading history: {} %", facts.percent));
    let mut card = context.card(Severity::Info, title, &id, facts.now);
    let read = Text::plain("Read up to block ")
        .with(context.explorer.block(facts.reached))
        .and(" of ")
        .with(context.explorer.block(facts.head));
    card.body.push(read.and(match facts.per_second {
        Some(speed) => format!(", {} a second.", counted(speed, "block", "blocks")),
        None => ".".to_owned(),
    }));
    card.body.push(Text::plain(if facts.is_first {
        "Nothing is told before the head is reached; then a summary says how things stand."
    } else {
        "Changes that were missed are told as they are read."
    }));
    card.body.push(Text::plain(
        "Nothing is to be done: after a restart it goes on where it stopped.",
    ));
    let head = match facts.left_seconds {
        Some(left) => Text::default().with(relative(UnixSeconds::new(
            facts.now.value().saturating_add(left),
        ))),
        None => super::unknown(Text::default(), "the speed was not measured yet"),
    };
    card.fields.push(field("At the head", head, true));
    let missing = facts.head.since(facts.reached);
    card.fields
        .push(field("To read", counted(missing, "block", "blocks"), true));
    fit_message(Message {
        cards: vec![card],
        ..Message::default()
    })
}

/// The card when the head is reached.
#[must_use]
pub fn read(
    context: &Context<'_>,
    occurrence: u64,
    blocks: (BlockNumber, BlockNumber),
    took_seconds: u64,
    now: UnixSeconds,
) -> Message {
    let (from, head) = blocks;
    let id = id(context.network, occurrence);
    let title = Text::plain("History is read to the head");
    let mut card = context.card(Severity::Resolved, title, &id, now);
    let number = head.since(from);
    card.body.push(
        Text::plain(format!(
            "{} up to block ",
            counted(number, "block", "blocks")
        ))
        .with(context.explorer.block(head))
        .and(format!(
            " {} read in {}.",
            if number == 1 { "was" } else { "were" },
            duration(took_seconds)
        )),
    );
    card.body.push(Text::plain(
        "From here on every change is told as it happens.",
    ));
    fit_message(Message {
        cards: vec![card],
        ..Message::default()
    })
}

/// A line for a log: how far it is, how fast, and how long it will take.
#[must_use]
pub fn line(facts: &CatchUp) -> String {
    let (reached, head) = (count(facts.reached.value()), count(facts.head.value()));
    let words = shares(facts);
    format!("reading history: block {reached} of {head} · {words}")
}

/// The same beside a bar: `34 % · 1,200 blocks/s · 17 min left`.
#[must_use]
pub fn shares(facts: &CatchUp) -> String {
    let speed = facts
        .per_second
        .map(|speed| format!("{} blocks/s", count(speed)));
    let left = facts
        .left_seconds
        .map(|left| format!("{} left", duration(left)));
    let share = Some(format!("{} %", facts.percent));
    let words: Vec<String> = [share, speed, left].into_iter().flatten().collect();
    words.join(" · ")
}
