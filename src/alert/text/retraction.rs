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

/// A reorg, as far as it concerns a message.
#[derive(Debug, Clone)]
pub struct Reorg {
    /// The block that is gone.
    pub replaced: BlockRef,
    /// The block in its place; `None` while the new chain is shorter.
    pub by: Option<BlockRef>,
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

fn retracted(context: &Context<'_>, card: &Card, reorg: &Reorg, holds: Option<&str>) -> Card {
    let depth = super::counted(reorg.depth, "block", "blocks");
    let line = Text::plain("Taken back: block ")
        .with(context.explorer.block(reorg.replaced.number))
        .and(" (")
        .with(Span::Code(short(reorg.replaced)));
    let line = match reorg.by {
        _ if reorg.is_overruled => line.and(
            ") was told by one endpoint only, and a majority contradicts it; it is read again from another.",
        ),
        Some(by) => line
            .and(") was replaced by ")
            .with(Span::Code(short(by)))
            .and(format!(" in a reorg of {depth}.")),
        None => line.and(format!(
            ") was taken out by a reorg of {depth}; none is in its place yet."
        )),
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
        footer: card.footer.clone(),
        at: card.at,
        buttons,
    }
}

fn short(block: BlockRef) -> String {
    crate::alert::render::markdown::short_hash(block.hash)
}
