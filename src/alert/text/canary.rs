//! What a beat of the canary says.

use std::time::Duration;

use super::{Context, count, duration, field, relative};
use crate::{
    alert::{
        card::{Message, Severity, Text},
        fit::fit_message,
        notice::NoticeId,
    },
    units::{BlockNumber, UnixSeconds},
};

/// One beat.
#[derive(Debug, Clone)]
pub struct Beat {
    /// Its number, from 1.
    pub number: u64,
    /// Until the next one.
    pub interval: Duration,
    /// How far each network is read: its name, the last block that was read and when that was made; `None` before the
    /// first.
    pub read: Vec<(String, Option<(BlockNumber, UnixSeconds)>)>,
    /// When it came to be owed.
    pub at: UnixSeconds,
}

/// The card of a beat.
#[must_use]
pub fn beat(context: &Context<'_>, id: &NoticeId, facts: &Beat) -> Message {
    let title = Text::plain(format!("Canary: beat {}", count(facts.number)));
    let mut card = context.card(Severity::Info, title, id, facts.at);
    let every = duration(facts.interval.as_secs());
    card.body.push(Text::plain(format!(
        "Written every {every} on the way that alerts take, to see that they arrive. Nothing is to be done."
    )));
    for (network, read) in &facts.read {
        let value = match read {
            Some((block, at)) => {
                Text::plain(format!("read up to block {}, of ", count(block.value())))
                    .with(relative(*at))
            }
            None => super::unknown(Text::default(), "no block was read yet"),
        };
        card.fields.push(field(network, value, true));
    }
    fit_message(Message {
        cards: vec![card],
        ..Message::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{class::Class, text::fixtures};

    #[test]
    fn a_beat_says_what_it_is_for_and_how_far_each_network_is_read() {
        let id = NoticeId::new("steward", "-", Class::Canary, 42, "");
        let facts = Beat {
            number: 1_042,
            interval: Duration::from_mins(10),
            read: vec![
                (
                    "mainnet".to_owned(),
                    Some((
                        BlockNumber::new(25_533_400),
                        UnixSeconds::new(1_763_700_000),
                    )),
                ),
                ("testnet".to_owned(), None),
            ],
            at: UnixSeconds::new(1_763_700_012),
        };
        let explorer = fixtures::explorer();
        let message = beat(&fixtures::context(&explorer), &id, &facts);
        insta::assert_snapshot!(fixtures::show(&message), @r"
        (Testnet · Provider 7)
        🔵 Canary: beat 1,042
        Written every 10 min on the way that alerts take, to see that they arrive. Nothing is to be done.
        mainnet: read up to block 25,533,400, of <t:1763700000:R>
        testnet: unknown: no block was read yet
        _ steward/-/canary/42 · steward 0.1.0
        ");
    }
}
