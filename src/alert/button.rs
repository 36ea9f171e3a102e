//! What a button carries: `v1:<verb>:...:<subject>`, in the 100 characters that Discord gives.
//!
//! The form holds no state, so that a button works after any restart, for as long as its subject exists. A subject that
//! is too long is named by its digest; whoever holds the list of subjects finds the one that has it (see [`short`]).

use super::card::ButtonAction;

/// Characters of a custom id. Discord takes 100 (components/reference.mdx); bytes are never fewer.
pub const CUSTOM_ID_MAX: usize = 100;
/// How many seconds a snooze may have: a year.
pub const SNOOZE_SECONDS_MAX: u64 = 366 * 24 * 3600;
/// Characters left for the subject: the longest head is `v1:snooze:31622400:` (19).
const SUBJECT_MAX: usize = CUSTOM_ID_MAX - 19;
/// Characters left for a question: its head is `v1:ask:` (7).
pub const QUESTION_MAX: usize = CUSTOM_ID_MAX - 7;
/// Leads a digest; no id starts with it, because a network's name does not.
const DIGEST_SIGN: char = '#';
/// Hexadecimal digits of a digest: 128 bits.
const DIGEST_DIGITS: usize = 32;

/// An id as a button carries it: itself, or where that is too long a digest that finds it again.
#[must_use]
pub fn short(id: &str) -> String {
    use sha2::{Digest, Sha256};
    if !id.is_empty() && id.len() <= SUBJECT_MAX && !id.starts_with(DIGEST_SIGN) {
        return id.to_owned();
    }
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(id.as_bytes()));
    format!(
        "{DIGEST_SIGN}{}",
        digest.get(..DIGEST_DIGITS).unwrap_or(&digest)
    )
}

/// Whether a reference is a digest, and no id.
#[must_use]
pub fn is_digest(reference: &str) -> bool {
    reference.starts_with(DIGEST_SIGN)
}

/// The custom id of a button; `None` for a link, which has none, and for a question that does not fit.
#[must_use]
pub fn custom_id(action: &ButtonAction) -> Option<String> {
    match action {
        ButtonAction::Open(_) => None,
        ButtonAction::Acknowledge { incident } => Some(format!("v1:ack:{}", short(incident))),
        ButtonAction::Snooze { incident, seconds } => {
            let until = seconds.map_or_else(
                || "change".to_owned(),
                |seconds| seconds.clamp(1, SNOOZE_SECONDS_MAX).to_string(),
            );
            Some(format!("v1:snooze:{until}:{}", short(incident)))
        }
        ButtonAction::Why { subject } => Some(format!("v1:why:{}", short(subject))),
        ButtonAction::Ask { question } => (!question.is_empty() && question.len() <= QUESTION_MAX)
            .then(|| format!("v1:ask:{question}")),
    }
}

/// Reads it back, strictly: what we did not write is `None`. Subjects come as [`short`] wrote them.
#[must_use]
pub fn parse(custom_id: &str) -> Option<ButtonAction> {
    if custom_id.len() > CUSTOM_ID_MAX {
        return None;
    }
    let (verb, rest) = custom_id.strip_prefix("v1:")?.split_once(':')?;
    match verb {
        "ack" => subject(rest).map(|incident| ButtonAction::Acknowledge { incident }),
        "why" => subject(rest).map(|subject| ButtonAction::Why { subject }),
        "ask" => (!rest.is_empty()).then(|| ButtonAction::Ask {
            question: rest.to_owned(),
        }),
        "snooze" => {
            let (until, incident) = rest.split_once(':')?;
            Some(ButtonAction::Snooze {
                incident: subject(incident)?,
                seconds: parse_until(until)?,
            })
        }
        _ => None,
    }
}

fn subject(text: &str) -> Option<String> {
    let Some(digest) = text.strip_prefix(DIGEST_SIGN) else {
        return (!text.is_empty()).then(|| text.to_owned());
    };
    let is_hex = digest
        .chars()
        .all(|digit| matches!(digit, '0'..='9' | 'a'..='f'));
    (digest.len() == DIGEST_DIGITS && is_hex).then(|| text.to_owned())
}

fn parse_until(text: &str) -> Option<Option<u64>> {
    if text == "change" {
        return Some(None);
    }
    let seconds: u64 = text.parse().ok()?;
    let is_own_form = seconds.to_string() == text;
    (is_own_form && (1..=SNOOZE_SECONDS_MAX).contains(&seconds)).then_some(Some(seconds))
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
            "[a-z;0-9:]{1,93}".prop_map(|question| ButtonAction::Ask { question }),
            (id, proptest::option::of(1..=SNOOZE_SECONDS_MAX))
                .prop_map(|(incident, seconds)| { ButtonAction::Snooze { incident, seconds } }),
        ]
    }

    /// The action with its subject as a button carries it.
    fn carried(action: ButtonAction) -> ButtonAction {
        match action {
            ButtonAction::Open(_) | ButtonAction::Ask { .. } => action,
            ButtonAction::Acknowledge { incident } => ButtonAction::Acknowledge {
                incident: short(&incident),
            },
            ButtonAction::Snooze { incident, seconds } => ButtonAction::Snooze {
                incident: short(&incident),
                seconds,
            },
            ButtonAction::Why { subject } => ButtonAction::Why {
                subject: short(&subject),
            },
        }
    }

    proptest! {
        #[test]
        fn every_button_fits_and_is_read_back_as_what_it_was(action in action()) {
            let id = custom_id(&action).unwrap();
            prop_assert!(id.len() <= CUSTOM_ID_MAX);
            prop_assert_eq!(parse(&id), Some(carried(action)));
        }

        #[test]
        fn nothing_that_people_make_up_is_a_fault(text in any::<String>()) {
            drop(parse(&text));
        }
    }

    #[test]
    fn a_usual_incident_is_carried_as_it_is() {
        let incident = "mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1";
        assert_eq!(short(incident), incident);
        assert!(is_digest(&short(&incident.repeat(2))));
    }

    #[test]
    fn a_question_that_does_not_fit_has_no_button() {
        let question = "q".repeat(QUESTION_MAX + 1);
        assert_eq!(custom_id(&ButtonAction::Ask { question }), None);
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
            "v1:ask:",
            "v1:snooze:x:y",
            "v1:snooze:+5:y",
            "v1:snooze:05:y",
            "v1:snooze:0:y",
            "v1:snooze:99999999999:y",
            "v1:snooze:3600:",
            "v1:why:#12",
            "v1:why:#zz345678901234567890123456789012",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
