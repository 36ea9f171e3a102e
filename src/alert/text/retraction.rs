//! What is said when a block is replaced and what it held is not true any more.

use super::Context;
use crate::{
    alert::{
        card::{ButtonAction, Card, Message, Severity, Span, Text},
        fit::fit_message,
        render::markdown::bare,
    },
    units::BlockRef,
};

/// What a retraction says until the chain is as long again.
const PENDING: &str = "none is in its place yet.";

/// A reorg, as far as it concerns a message.
#[derive(Debug, Clone)]
pub struct Reorg {
    /// The block that is gone.
    pub replaced: BlockRef,
    /// Blocks that were replaced.
    pub depth: u64,
    /// Whether the block is canonical, and one endpoint told it otherwise than a majority.
    pub is_overruled: bool,
}

/// The message that takes the place of `message`: titles struck through, grey, and one line on what holds now.
///
/// `holds` continues "The attester is now in state …", for example the words of `standing::state`; `None` where
/// nothing else takes its place.
#[must_use]
pub fn retract(
    context: &Context<'_>,
    message: &Message,
    reorg: &Reorg,
    holds: Option<&str>,
) -> Message {
    let cards = message
        .cards
        .iter()
        .map(|card| retracted(context, card, reorg, holds))
        .collect();
    fit_message(Message {
        cards,
        ..Message::default()
    })
}

/// A message that was taken back, once there is a block in the place of the one that is gone: `by`, or one that is not
/// known any more. `None` where the message waits for none.
#[must_use]
pub fn with_replacement(message: &Message, by: Option<BlockRef>) -> Option<Message> {
    let is_pending = |span: &Span| *span == Span::Plain(PENDING.to_owned());
    let mut filled = message.clone();
    let lines = filled.cards.iter_mut().flat_map(|card| &mut card.body);
    let mut is_changed = false;
    for line in lines {
        let Some(place) = line.0.iter().position(is_pending) else {
            continue;
        };
        let named = by.map_or(Span::Plain("another".to_owned()), |by| {
            Span::Code(short(by))
        });
        let words = Span::Plain(" is in its place.".to_owned());
        line.0.splice(place..=place, [named, words]);
        is_changed = true;
    }
    is_changed.then(|| fit_message(filled))
}

fn retracted(context: &Context<'_>, card: &Card, reorg: &Reorg, holds: Option<&str>) -> Card {
    let depth = super::counted(reorg.depth, "block", "blocks");
    let line = Text::plain("Taken back: block ")
        .with(context.explorer.block(reorg.replaced.number))
        .and(" (")
        .with(Span::Code(short(reorg.replaced)));
    let line = if reorg.is_overruled {
        line.and(
            ") was told by one endpoint only, and a majority contradicts it; it is read again from another.",
        )
    } else {
        line.and(format!(") was taken out by a reorg of {depth}; "))
            .and(PENDING)
    };
    let holds = holds.map(|holds| {
        Text::plain("What holds now: ")
            .with(Span::Foreign(holds.to_owned()))
            .and(".")
    });
    let mut buttons = card.buttons.clone();
    buttons.retain(|button| matches!(button.action, ButtonAction::Why { .. }));
    Card {
        severity: Severity::Retracted,
        author: card.author.clone(),
        title: Text::from(Span::Struck(bare(&card.title))),
        body: std::iter::once(line).chain(holds).collect(),
        fields: Vec::new(),
        // The picture stands in the channel already, and without a place in the card it would stand below it.
        chart: card.chart.clone(),
        footer: card.footer.clone(),
        at: card.at,
        buttons,
    }
}

fn short(block: BlockRef) -> String {
    crate::alert::render::markdown::short_hash(block.hash)
}
