//! Coinbases and the keys files that tell them.

use super::Told;
use crate::alert::{
    card::{Span, Text},
    class::Class,
    facts::{CoinbaseFacts, Configured, Due, KeysFileFacts, Known, RegressionFacts},
    text::{Context, count, counted, field, moment, outlook, transition},
};

pub(super) fn coinbase(context: &Context<'_>, class: Class, facts: &CoinbaseFacts) -> Told {
    let title = match class {
        Class::CoinbaseMismatch => "Wrong coinbase for attester ",
        _ => "Coinbase missing for attester ",
    };
    let elsewhere = match facts.configured {
        Configured::Missing | Configured::NoKeysFile => "rewards go to the node's default address",
        Configured::Is(_) => "rewards go to another address than the split",
    };
    let consequence = if facts.is_active {
        Text::plain(format!("It validates, and {elsewhere}."))
    } else {
        let earliest = facts.queue.as_ref().map(|queue| &queue.earliest);
        let text = match earliest {
            Some(Due::Is(at)) => moment(Text::plain("It can enter the active set "), *at),
            Some(Due::Held(why)) => {
                Text::plain("It cannot enter the active set yet: ").with(Span::Foreign(why.clone()))
            }
            Some(Due::Unknown(why)) => crate::alert::text::unknown(
                Text::plain("When it can enter the active set is "),
                why,
            ),
            None => Text::plain(
                "When it can enter the active set is unknown: its place in the queue is not known",
            ),
        };
        text.and(format!(". Once it is in, {elsewhere}."))
    };
    let verb = match facts.configured {
        Configured::Missing | Configured::NoKeysFile => "Set",
        Configured::Is(_) => "Change",
    };
    let step = match &facts.expected {
        Known::Is(expected) => {
            let text = Text::plain(format!("{verb} its coinbase to "))
                .with(context.explorer.address(expected.address()));
            match context.host(facts.attester) {
                Some(host) => text.and(" on host ").with(Span::Foreign(host)),
                None => text,
            }
            .and(" and reload the keystore.")
        }
        Known::Unknown(why) => {
            crate::alert::text::unknown(Text::plain("Which coinbase it must use is "), why).and(".")
        }
    };
    let mut fields = vec![
        context.attester_field(facts.attester),
        field("Coinbase", transition::coinbase(context, facts), false),
    ];
    fields.extend(
        facts
            .queue
            .as_ref()
            .map(|queue| field("Entry queue", outlook(queue), false)),
    );
    fields.extend(stake(context, facts));
    Told {
        title: Text::plain(title).with(context.name(facts.attester)),
        lines: vec![consequence, step],
        fields,
    }
}

fn stake(context: &Context<'_>, facts: &CoinbaseFacts) -> Option<crate::alert::card::Field> {
    let hash = facts.stake_transaction?;
    let text = Text::plain("transaction ").with(context.explorer.transaction(hash));
    let text = match facts.stake_block {
        Some(block) => text.and(", block ").with(context.explorer.block(block)),
        None => text,
    };
    Some(field("Stake", text, true))
}

fn configured(context: &Context<'_>, configured: Configured) -> Text {
    match configured {
        Configured::NoKeysFile => Text::plain("no entry for it"),
        Configured::Missing => Text::plain("no coinbase"),
        Configured::Is(coinbase) => Text::from(context.explorer.address(coinbase.address())),
    }
}

pub(super) fn regression(context: &Context<'_>, facts: &RegressionFacts) -> Told {
    let name = context.name(facts.attester);
    let (title, what) = if facts.is_contradiction {
        (
            Text::plain("Keys files disagree about attester ").with(name),
            "Two keys files in force give different coinbases for it, so which one its node uses is unknown.",
        )
    } else if matches!(facts.now, Configured::Is(_)) {
        (
            Text::plain("Coinbase changed for attester ").with(name),
            "A newer keys file of its server gives another coinbase than the one before.",
        )
    } else {
        (
            Text::plain("Coinbase vanished for attester ").with(name),
            "A newer keys file of its server no longer gives the coinbase that the one before gave.",
        )
    };
    let said = |file: &str, coinbase| {
        let mut text = Text::default()
            .with(Span::Foreign(file.to_owned()))
            .and(": ");
        text.0.extend(configured(context, coinbase).0);
        text
    };
    let (first, second) = if facts.is_contradiction {
        ("First file", "Second file")
    } else {
        ("Before", "Now")
    };
    Told {
        title,
        lines: vec![
            Text::plain(what),
            Text::plain(
                "Put the right coinbase into the newest keys file, or acknowledge the change if it was meant.",
            ),
        ],
        fields: vec![
            context.attester_field(facts.attester),
            field(first, said(&facts.file_before, facts.before), false),
            field(second, said(&facts.file_now, facts.now), false),
        ],
    }
}

pub(super) fn keys_file(facts: &KeysFileFacts) -> Told {
    let place = match facts.line {
        Some(line) => format!("Line {}: ", count(line)),
        None => String::new(),
    };
    let force = match facts.good_since {
        _ if facts.is_odd => Text::plain("Its attesters and coinbases are in force all the same."),
        Some(since) => moment(
            Text::plain(format!(
                "Its last good content, {}, stays in force, read ",
                counted(facts.attester_count, "attester", "attesters")
            )),
            since,
        )
        .and("."),
        None => Text::plain(
            "It has no good content before this, so what it holds is unknown: attesters that no other file names count as being in no keys file.",
        ),
    };
    let verdict = if facts.is_odd {
        " looks odd"
    } else {
        " cannot be used"
    };
    Told {
        title: Text::plain("Keys file ")
            .with(Span::Foreign(facts.file.clone()))
            .and(verdict),
        lines: vec![
            Text::plain(place)
                .with(Span::Foreign(facts.fault.clone()))
                .and("."),
            force,
            Text::plain(
                "It is read again as soon as it changes: write it whole, under another name, and rename it into place.",
            ),
        ],
        fields: vec![field(
            "File",
            Text::from(Span::Code(facts.file.clone())),
            false,
        )],
    }
}
