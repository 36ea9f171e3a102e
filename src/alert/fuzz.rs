//! Ids of buttons, broken: whatever Discord hands us, we read only what we wrote.

use super::button::{custom_id, parse, short};
use crate::{
    alert::card::ButtonAction,
    fuzz::{Broken, fuzz},
    views::card::Question,
};

const IDS: [&str; 6] = [
    "v1:ack:mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1",
    "v1:snooze:3600:mainnet/-/head_stale/2",
    "v1:snooze:change:#0123456789abcdef0123456789abcdef",
    "v1:why:mainnet/0x1212121212121212121212121212121212121212/attester_transition/1",
    "v1:ask:al;nmainnet;s3;hfra-2;a0x1212121212121212121212121212121212121212",
    "v1:ask:jl;sfailed;a12",
];
const WORDS: [&str; 10] = [
    ":",
    ";",
    "=",
    "#",
    "v2:",
    "ask",
    "snooze",
    "18446744073709551616",
    "%",
    "\u{0}",
];

fn subject(action: &ButtonAction) -> &str {
    match action {
        ButtonAction::Open(subject)
        | ButtonAction::Acknowledge { incident: subject }
        | ButtonAction::Snooze {
            incident: subject, ..
        }
        | ButtonAction::Why { subject }
        | ButtonAction::Ask { question: subject } => subject,
    }
}

#[test]
fn component_ids() {
    fuzz!(|broken: Broken| {
        let id = broken.text(&IDS, &WORDS);
        let Some(action) = parse(&id) else { return };
        // What is read can be written again, with a digest in place of a long subject.
        if let Some(again) = custom_id(&action) {
            let read = parse(&again).unwrap();
            let is_question = matches!(action, ButtonAction::Ask { .. });
            let expected = subject(&action);
            let expected = if is_question {
                expected.to_owned()
            } else {
                short(expected)
            };
            assert_eq!(subject(&read), expected, "{id:?}");
        }
        if let ButtonAction::Ask { question } = &action
            && let Some(question) = Question::parse(question)
            && let Some(code) = question.code()
        {
            assert_eq!(Question::parse(&code), Some(question), "{id:?}");
        }
    });
}
