//! What a button carries: an action and its subject, in the 100 characters that Discord gives.
//!
//! The form holds no state, so that a button works after any restart, for as long as its subject exists.

use super::card::ButtonAction;

/// Characters of a custom id. Discord takes 100.
pub const CUSTOM_ID_MAX: usize = 100;
/// Characters left for the subject: the longest action is `s/4294967295/` (13).
const SUBJECT_MAX: usize = CUSTOM_ID_MAX - 13;

/// An id as a button carries it: itself, or where that is too long a digest that finds it again.
#[must_use]
pub fn short(id: &str) -> String {
    use sha2::{Digest, Sha256};
    if id.len() <= SUBJECT_MAX {
        return id.to_owned();
    }
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(id.as_bytes()));
    format!("#{}", digest.get(..32).unwrap_or(&digest))
}

/// The custom id of a button; `None` for a link, which has none.
#[must_use]
pub fn custom_id(action: &ButtonAction) -> Option<String> {
    match action {
        ButtonAction::Open(_) => None,
        ButtonAction::Acknowledge { incident } => Some(format!("a/{}", short(incident))),
        ButtonAction::Snooze {
            incident,
            seconds: Some(seconds),
        } => {
            let seconds = (*seconds).min(u64::from(u32::MAX));
            Some(format!("s/{seconds}/{}", short(incident)))
        }
        ButtonAction::Snooze {
            incident,
            seconds: None,
        } => Some(format!("c/{}", short(incident))),
        ButtonAction::Why { subject } => Some(format!("w/{}", short(subject))),
    }
}

/// Reads it back; `None` where it is no id of ours.
#[must_use]
pub fn parse(custom_id: &str) -> Option<ButtonAction> {
    let (action, rest) = custom_id.split_once('/')?;
    let id = || rest.to_owned();
    if rest.is_empty() {
        return None;
    }
    match action {
        "a" => Some(ButtonAction::Acknowledge { incident: id() }),
        "c" => Some(ButtonAction::Snooze {
            incident: id(),
            seconds: None,
        }),
        "w" => Some(ButtonAction::Why { subject: id() }),
        "s" => {
            let (seconds, incident) = rest.split_once('/')?;
            Some(ButtonAction::Snooze {
                incident: incident.to_owned(),
                seconds: Some(seconds.parse().ok()?),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_comes_back_as_it_was() {
        let incident = "mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1";
        let actions = [
            ButtonAction::Acknowledge {
                incident: incident.to_owned(),
            },
            ButtonAction::Snooze {
                incident: incident.to_owned(),
                seconds: Some(28_800),
            },
            ButtonAction::Snooze {
                incident: incident.to_owned(),
                seconds: None,
            },
            ButtonAction::Why {
                subject: incident.to_owned(),
            },
        ];
        for action in actions {
            let id = custom_id(&action).unwrap();
            assert!(id.len() <= CUSTOM_ID_MAX, "{id}");
            assert_eq!(parse(&id), Some(action));
        }
        assert_eq!(parse("x/y"), None);
        assert_eq!(parse("a/"), None);
        assert_eq!(parse("s/soon/y"), None);
    }

    #[test]
    fn a_long_id_is_carried_as_a_digest() {
        let long = "n".repeat(200);
        let id = custom_id(&ButtonAction::Snooze {
            incident: long.clone(),
            seconds: Some(u64::MAX),
        })
        .unwrap();
        assert!(id.len() <= CUSTOM_ID_MAX);
        assert!(id.ends_with(&short(&long)));
    }
}
