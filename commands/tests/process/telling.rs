//! What people read in a channel, notice by notice.

use std::collections::BTreeMap;

use fake::{Fake, Message, Snowflake};
use serde_json::Value;

use super::{
    stage::{ALERTS, TRANSITIONS},
    truth::Fact,
};

/// One notice in one message: as its card, or as a row of its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Telling {
    /// The notice, by its id.
    pub(super) notice: String,
    /// The message.
    pub(super) message: Snowflake,
    /// Whether it reads as taken back.
    pub(super) is_retracted: bool,
    /// The card, or the row with the words of its table's line.
    pub(super) text: String,
}

/// Everything that a channel tells, in the order of its messages.
pub(super) fn tellings(discord: &Fake, channel: Snowflake) -> Vec<Telling> {
    let messages = discord.messages(channel);
    messages.iter().flat_map(of_message).collect()
}

/// What a message tells.
pub(super) fn of_message(message: &Message) -> Vec<Telling> {
    let cards = message.embeds.iter().map(|embed| (embed, footer(embed)));
    let mut told = Vec::new();
    for (embed, notice) in cards {
        if notice.starts_with("group/") {
            told.extend(rows(message));
        } else {
            let title = embed["title"].as_str().unwrap_or_default();
            told.push(Telling {
                notice,
                message: message.id,
                is_retracted: title.contains("~~"),
                text: message.text(),
            });
        }
    }
    told
}

/// The notice's id, which the footer begins with.
fn footer(embed: &Value) -> String {
    let footer = embed["footer"]["text"].as_str().unwrap_or_default();
    footer.split(" · ").next().unwrap_or_default().to_owned()
}

/// The rows of a table: which they are is in the file; what became of them since is in the lines shown.
fn rows(message: &Message) -> Vec<Telling> {
    let file = message
        .attachments
        .iter()
        .find(|file| file.name == "notices.csv");
    let text = file.map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
    let text = text.unwrap_or_default();
    let shown = message.text();
    let told = text.lines().skip(1).map(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
        let line = shown.lines().find(|line| {
            let has = |cell: &str| line.contains(&cell.chars().take(12).collect::<String>());
            has(cell(3)) && has(cell(4))
        });
        let line = line.unwrap_or_default();
        Telling {
            notice: cell(0).to_owned(),
            message: message.id,
            is_retracted: cell(2) == "taken back" || line.starts_with("taken back"),
            text: format!("{row}\n{line}"),
        }
    });
    told.collect()
}

/// Holds what people read against what is to be told: every fact stands in exactly one message, with the block it is in
/// now; whatever else was told reads as taken back; nothing is told twice.
pub(super) fn compare(discord: &Fake, facts: &[Fact]) -> Result<(), String> {
    let mut told: BTreeMap<String, Vec<Telling>> = BTreeMap::new();
    for channel in [TRANSITIONS, ALERTS] {
        for telling in tellings(discord, channel) {
            let is_change = [
                "attester_transition",
                "attester_slashed",
                "provider_changed",
            ]
            .iter()
            .any(|class| telling.notice.contains(class));
            if is_change {
                told.entry(telling.notice.clone())
                    .or_default()
                    .push(telling);
            }
        }
    }
    let mut faults = Vec::new();
    for (notice, tellings) in told.iter().filter(|(_, tellings)| tellings.len() > 1) {
        let messages: Vec<Snowflake> = tellings.iter().map(|telling| telling.message).collect();
        faults.push(format!("told more than once: {notice} in {messages:?}"));
    }
    for fact in facts {
        match told.remove(&fact.notice).as_deref() {
            None | Some([]) => faults.push(format!("not told: {fact:?}")),
            Some([first, ..]) if first.is_retracted => {
                faults.push(format!(
                    "holds, but reads as taken back: {fact:?}: {}",
                    first.text
                ));
            }
            Some([first, ..]) if !first.names_block(fact.block) => {
                faults.push(format!("tells another block: {fact:?}: {}", first.text));
            }
            Some(_) => {}
        }
    }
    for telling in told
        .values()
        .flatten()
        .filter(|telling| !telling.is_retracted)
    {
        faults.push(format!(
            "does not hold, and is not taken back: {}",
            telling.text
        ));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

impl Telling {
    fn names_block(&self, block: u64) -> bool {
        let text = self.text.replace(',', " ");
        let words = text.split_whitespace();
        self.text
            .replace(',', "")
            .contains(&format!("in block {block}"))
            || words.into_iter().any(|word| word == block.to_string())
    }
}
