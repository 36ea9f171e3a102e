//! What a button carries: `v1:<verb>:...:<subject>`, at most 100 characters, without any state in this process.
//!
//! A button outlives restarts and updates, so its id says everything. A subject that is too long for the place is
//! named by its digest, `#` and 32 hexadecimal digits of its SHA-256: whoever holds the list of subjects finds the one
//! that has it ([`Subject::is`]), so it can be turned back wherever it can be acted on.

use sha2::{Digest as _, Sha256};
use steward::alert::card::ButtonAction;

/// Most bytes of a custom id. Discord counts characters (components/reference.mdx); bytes are never fewer.
const CUSTOM_ID_MAX: usize = 100;
/// Leads a digest; no notice id starts with it, because a network's name does not.
const DIGEST_SIGN: char = '#';
/// Hexadecimal digits of a digest: 128 bits.
const DIGEST_DIGITS: usize = 32;
/// How many seconds a snooze may have: a year.
const SNOOZE_SECONDS_MAX: u64 = 366 * 24 * 3600;

/// An incident or notice that a button is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Its id.
    Id(String),
    /// The digest of its id.
    Digest(String),
}

impl Subject {
    /// Whether this names the subject with that id.
    #[must_use]
    pub fn is(&self, id: &str) -> bool {
        match self {
            Self::Id(own) => own == id,
            Self::Digest(digest) => *digest == digest_of(id),
        }
    }

    /// Its text form, short enough for `room` bytes.
    fn fit(id: &str, room: usize) -> String {
        if !id.is_empty() && id.len() <= room && !id.starts_with(DIGEST_SIGN) {
            id.to_owned()
        } else {
            format!("{DIGEST_SIGN}{}", digest_of(id))
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let Some(digest) = text.strip_prefix(DIGEST_SIGN) else {
            return (!text.is_empty()).then(|| Self::Id(text.to_owned()));
        };
        let is_hex = digest
            .chars()
            .all(|digit| matches!(digit, '0'..='9' | 'a'..='f'));
        (digest.len() == DIGEST_DIGITS && is_hex).then(|| Self::Digest(digest.to_owned()))
    }
}

/// What a press asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Press {
    /// Acknowledge an incident.
    Acknowledge(Subject),
    /// Snooze an incident.
    Snooze {
        /// The incident.
        incident: Subject,
        /// For how long in seconds; `None` = until it changes.
        seconds: Option<u64>,
    },
    /// Explain an incident or a notice.
    Why(Subject),
}

impl Press {
    /// Reads a custom id, strictly: what we did not write is nothing.
    #[must_use]
    pub fn parse(custom_id: &str) -> Option<Self> {
        if custom_id.len() > CUSTOM_ID_MAX {
            return None;
        }
        let rest = custom_id.strip_prefix("v1:")?;
        let (verb, rest) = rest.split_once(':')?;
        match verb {
            "ack" => Subject::parse(rest).map(Self::Acknowledge),
            "why" => Subject::parse(rest).map(Self::Why),
            "snooze" => {
                let (until, incident) = rest.split_once(':')?;
                Some(Self::Snooze {
                    incident: Subject::parse(incident)?,
                    seconds: parse_until(until)?,
                })
            }
            _ => None,
        }
    }
}

fn parse_until(text: &str) -> Option<Option<u64>> {
    if text == "change" {
        return Some(None);
    }
    let seconds: u64 = text.parse().ok()?;
    let is_own_form = seconds.to_string() == text;
    (is_own_form && (1..=SNOOZE_SECONDS_MAX).contains(&seconds)).then_some(Some(seconds))
}

/// The custom id of a button; `None` for one that opens a page.
#[must_use]
pub fn custom_id(action: &ButtonAction) -> Option<String> {
    let (head, subject) = match action {
        ButtonAction::Open(_) => return None,
        ButtonAction::Acknowledge { incident } => ("v1:ack:".to_owned(), incident),
        ButtonAction::Snooze { incident, seconds } => {
            let until = seconds.map_or_else(
                || "change".to_owned(),
                |seconds| seconds.clamp(1, SNOOZE_SECONDS_MAX).to_string(),
            );
            (format!("v1:snooze:{until}:"), incident)
        }
        ButtonAction::Why { subject } => ("v1:why:".to_owned(), subject),
    };
    let room = CUSTOM_ID_MAX.saturating_sub(head.len());
    Some(format!("{head}{}", Subject::fit(subject, room)))
}

fn digest_of(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.chars().take(DIGEST_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn action() -> impl Strategy<Value = ButtonAction> {
        let id = prop_oneof!["[a-z/0-9:]{1,60}", any::<String>(), "x{80,300}"];
        prop_oneof![
            id.clone()
                .prop_map(|incident| ButtonAction::Acknowledge { incident }),
            id.clone().prop_map(|subject| ButtonAction::Why { subject }),
            (id, proptest::option::of(1..=SNOOZE_SECONDS_MAX))
                .prop_map(|(incident, seconds)| { ButtonAction::Snooze { incident, seconds } }),
        ]
    }

    proptest! {
        #[test]
        fn every_button_fits_and_is_read_back_as_what_it_was(action in action()) {
            let custom_id = custom_id(&action).unwrap();
            prop_assert!(custom_id.len() <= CUSTOM_ID_MAX);
            let is_same = match (Press::parse(&custom_id).unwrap(), action) {
                (Press::Acknowledge(subject), ButtonAction::Acknowledge { incident }) => subject.is(&incident),
                (Press::Why(subject), ButtonAction::Why { subject: id }) => subject.is(&id),
                (
                    Press::Snooze { incident: subject, seconds },
                    ButtonAction::Snooze { incident, seconds: asked },
                ) => subject.is(&incident) && seconds == asked,
                _ => false,
            };
            prop_assert!(is_same);
        }

        #[test]
        fn nothing_that_people_make_up_is_a_fault(text in any::<String>()) {
            drop(Press::parse(&text));
        }
    }

    #[test]
    fn what_we_did_not_write_is_nothing() {
        for text in [
            "",
            "v1",
            "v1:ack",
            "v1:ack:",
            "v0:ack:x",
            "v2:ack:x",
            "v1:ACK:x",
            "v1:snooze:x:y",
            "v1:snooze:+5:y",
            "v1:snooze:05:y",
            "v1:snooze:0:y",
            "v1:snooze:99999999999:y",
            "v1:snooze:3600:",
            "v1:why:#12",
            "v1:why:#zz345678901234567890123456789012",
        ] {
            assert_eq!(Press::parse(text), None, "{text:?}");
        }
    }
}
