//! Steward's own house: what it cannot read, store or deliver.

use super::Told;
use crate::alert::{
    card::{Span, Text},
    facts::{
        ChannelFacts, DeepReorgFacts, HistoryFacts, JobFacts, MismatchFacts, RestoredFacts,
        UnknownEventFacts,
    },
    text::{Context, count, counted, field, moment},
};

pub(super) fn unknown_event(context: &Context<'_>, facts: &UnknownEventFacts) -> Told {
    let why = match &facts.detail {
        Some(detail) => Text::plain("Its topic is known but it cannot be read: ")
            .with(Span::Foreign(detail.clone()))
            .and("."),
        None => {
            Text::plain("This build does not know its topic; the contracts may have been upgraded.")
        }
    };
    Told {
        title: Text::plain("Unknown event from ").with(Span::Foreign(facts.role.clone())),
        lines: vec![
            why,
            Text::plain(
                "What it changes is not in steward's records; views are read as before. Update steward, or report the topic.",
            ),
        ],
        fields: vec![
            field(
                "Contract",
                Text::from(Span::Code(facts.contract.to_checksum(None))),
                false,
            ),
            field(
                "Topic",
                Text::from(Span::Code(facts.topic.to_string())),
                false,
            ),
            field(
                "Seen",
                Text::plain(format!(
                    "{}, first in block ",
                    counted(facts.count, "time", "times")
                ))
                .with(context.explorer.block(facts.first_block)),
                true,
            ),
        ],
    }
}

pub(super) fn mismatch(context: &Context<'_>, facts: &MismatchFacts) -> Told {
    let cure = match &facts.cure {
        Some(cure) => Text::plain("Meanwhile ")
            .with(Span::Foreign(cure.clone()))
            .and("."),
        None => Text::plain(
            "The contracts' answer is used; run verify to find the block where both part.",
        ),
    };
    Told {
        title: Text::plain("Records and contracts do not fit"),
        lines: vec![
            Text::plain(
                "What steward wrote down from events differs from what the contracts answer about ",
            )
            .with(Span::Foreign(facts.what.clone()))
            .and(" at block ")
            .with(context.explorer.block(facts.block))
            .and(". A log was missed or misread: this is about steward, not about the attesters."),
            cure,
        ],
        fields: vec![
            field(
                "Records",
                Text::from(Span::Foreign(facts.folded.clone())),
                true,
            ),
            field(
                "Contracts",
                Text::from(Span::Foreign(facts.viewed.clone())),
                true,
            ),
        ],
    }
}

pub(super) fn history(context: &Context<'_>, facts: &HistoryFacts) -> Told {
    let mut fields = vec![field(
        "Proof",
        Text::from(Span::Foreign(facts.proof.clone())),
        false,
    )];
    if !facts.endpoints.is_empty() {
        let names = Text::from(Span::Foreign(facts.endpoints.join(", ")));
        fields.push(field("Asked in vain", names, false));
    }
    Told {
        title: Text::plain(format!(
            "History up to block {} is incomplete",
            count(facts.to.value())
        )),
        lines: vec![
            Text::plain("No endpoint gives the logs of blocks ")
                .with(context.explorer.block(facts.from))
                .and(" to ")
                .with(context.explorer.block(facts.to))
                .and(". Present states come from views and are right; how they came about before is unknown."),
            Text::plain("Name an endpoint that keeps logs in L1_ARCHIVE_RPC_URLS, restart, and have the network read again: ")
                .with(Span::Code(format!("steward network resume {} --reason '...'", context.network)))
                .and("."),
        ],
        fields,
    }
}

pub(super) fn deep_reorg(context: &Context<'_>, facts: &DeepReorgFacts) -> Told {
    let (title, why) = if facts.is_undo_exhausted {
        (
            "Reorg is deeper than can be undone",
            "No record of the way back is left: only the newest 8,192 blocks that were read near the head have one while finality stalls or is unknown.",
        )
    } else {
        (
            "Reorg reaches below the finalised block",
            "Either the endpoints changed to another chain or L1 broke its promise.",
        )
    };
    let depth = match facts.depth {
        0 => "unknown: it was not recorded".to_owned(),
        depth => format!("at least {}", counted(depth, "block", "blocks")),
    };
    let mut fields = vec![field("Depth", depth, true)];
    fields.extend(
        facts
            .finalised
            .map(|block| field("Finalised", Text::from(context.explorer.block(block)), true)),
    );
    fields.extend(facts.fork.map(|block| {
        field(
            "Both chains part at",
            Text::from(context.explorer.block(block)),
            true,
        )
    }));
    Told {
        title: Text::plain(title),
        lines: vec![
            Text::plain(why).and(" This network is stopped: nothing more of it is read or told."),
            Text::plain(
                "Check the endpoints against a public explorer; when they are right, have the network read again: ",
            )
            .with(Span::Code(format!("steward network resume {} --reason '...'", context.network)))
            .and(". What was told before is not told again."),
        ],
        fields,
    }
}

pub(super) fn channel(facts: &ChannelFacts) -> Told {
    let went = match facts.fallback {
        Some(fallback) => Text::plain("Its messages go to the fallback channel ")
            .with(Span::Code(fallback.to_string()))
            .and("."),
        None => Text::plain(format!(
            "There is no fallback channel, so {} until it takes them.",
            counted(facts.waiting, "message waits", "messages wait")
        )),
    };
    Told {
        title: Text::plain("A channel takes no messages"),
        lines: vec![
            Text::plain("Discord refuses it: ")
                .with(Span::Foreign(facts.detail.clone()))
                .and("."),
            went,
            Text::plain(
                "Give the bot the permissions view, send, embed, attach and read history there, or configure another channel.",
            ),
        ],
        fields: vec![
            field(
                "Channel",
                Text::from(Span::Code(facts.channel.to_string())),
                true,
            ),
            field(
                "Waiting",
                counted(facts.waiting, "message", "messages"),
                true,
            ),
        ],
    }
}

pub(super) fn job(facts: &JobFacts) -> Told {
    let (state, step) = if facts.is_unclear {
        (
            "Whether it was done is unknown.",
            "Look whether its effect is there; retry it only if it is not.",
        )
    } else {
        (
            "It was surely not done.",
            "Remove the cause, then retry or cancel it.",
        )
    };
    Told {
        title: Text::plain("A ")
            .with(Span::Foreign(facts.kind.clone()))
            .and(" job gave up"),
        lines: vec![
            Text::plain(format!(
                "After {} the last one said: ",
                counted(facts.attempts, "attempt", "attempts")
            ))
            .with(Span::Foreign(facts.detail.clone()))
            .and("."),
            Text::plain(format!("{state} {step}")),
        ],
        fields: vec![field(
            "Job",
            Text::from(Span::Code(facts.job.clone())),
            false,
        )],
    }
}

pub(super) fn restored(facts: &RestoredFacts) -> Told {
    let from = match facts.export_at {
        Some(at) => moment(
            Text::plain("The newest sound export was restored, from "),
            at,
        )
        .and(", and what is on chain was read again."),
        None => {
            Text::plain("There was no sound export: everything that is on chain was read again.")
        }
    };
    let lost = match facts.lost {
        Some(0) => "No acknowledgement, note or delivery record was lost.".to_owned(),
        Some(lost) => format!(
            "{} of people's actions and deliveries since then {} lost.",
            counted(lost, "record", "records"),
            if lost == 1 { "is" } else { "are" }
        ),
        None => "How many of people's actions and deliveries since then are lost is unknown: the damaged file cannot be read.".to_owned(),
    };
    Told {
        title: Text::plain("Database was damaged and restored"),
        lines: vec![
            from,
            Text::plain(format!("{lost} Old news is not told again.")),
            Text::plain("Check the disk of this host; acknowledge when done."),
        ],
        fields: vec![
            field(
                "Found",
                Text::from(Span::Foreign(facts.detail.clone())),
                false,
            ),
            field(
                "Damaged files",
                Text::from(Span::Code(facts.moved_to.clone())),
                false,
            ),
        ],
    }
}
