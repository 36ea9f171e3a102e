//! Hostile text against every limit of Discord.

use proptest::prelude::*;

use super::*;
use crate::{
    alert::{
        button::{CUSTOM_ID_MAX, custom_id},
        card::{ButtonAction, Severity},
        class::Class,
        facts::{Facts, JobFacts},
        incident::{Incident, State},
        notice::NoticeId,
        render::markdown::{content, description, heading, markdown, table, title},
        text::{
            Context, Label,
            fixtures::{attester, context, explorer},
            incident as text,
        },
    },
    units::{AttesterAddress, UnixSeconds},
};

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("@everyone <@&1> <#2> </x:3>".to_owned()),
        Just("e\u{301}\u{302}\u{303}".repeat(20)),
        Just(format!("z{}", "\u{0489}".repeat(300))),
        Just("👨‍👩‍👧‍👦🏳️‍🌈".repeat(5)),
        Just("\u{202e}gnp.\u{2066}exe".to_owned()),
        Just("```**__~~||`[x](https://e.vil)".to_owned()),
        Just("x".repeat(10_000)),
        Just("_".repeat(5_000)),
        Just("\n# head\n> quote\n- item".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn spans(words: &[String]) -> Text {
    let at = UnixSeconds::new(1_795_233_600);
    let mut text = Text::default();
    for (index, word) in words.iter().enumerate() {
        text = match index % 5 {
            0 => text.with(Span::Foreign(word.clone())),
            1 => text.with(Span::Code(word.clone())),
            2 => text.and(word.clone()),
            3 => text.with(Span::Link {
                text: word.clone(),
                url: format!("https://{word}"),
            }),
            _ => text.with(Span::Struck(word.clone())).with(Span::Time {
                at,
                style: crate::alert::card::TimeStyle::Full,
            }),
        };
    }
    text
}

fn card_of(words: &[String]) -> Card {
    let field = Field {
        name: words.first().cloned().unwrap_or_default(),
        value: spans(words),
        inline: true,
    };
    let button = Button {
        label: words.first().cloned().unwrap_or_default(),
        action: ButtonAction::Why {
            subject: words.concat(),
        },
    };
    Card {
        severity: Severity::Critical,
        author: spans(words),
        title: spans(words),
        body: vec![spans(words); 4],
        fields: vec![field; 9],
        chart: None,
        footer: words.concat(),
        at: UnixSeconds::new(0),
        buttons: vec![button; 7],
    }
}

/// Every limit of Discord, by the figures of its reference and not by ours.
fn check(message: &Message) -> Result<(), TestCaseError> {
    let mut sum = table(message).map_or(0, |table| units(&table));
    prop_assert!(message.cards.len() <= 10);
    prop_assert!(content(message).is_none_or(|content| units(&content) <= 2000));
    for card in &message.cards {
        let text = description(card);
        let author = bare(&card.author);
        prop_assert!(units(&title(card)) <= 256, "title {}", units(&title(card)));
        prop_assert!(units(&text) + table(message).map_or(0, |table| units(&table)) <= 4096);
        prop_assert!(units(&author) <= 256 && units(&card.footer) <= 2048);
        prop_assert!(card.fields.len() <= 25 && card.buttons.len() <= 5);
        sum += units(&title(card)) + units(&text) + units(&author) + units(&card.footer);
        for field in &card.fields {
            let name = heading(&Text::plain(field.name.clone()));
            let value = markdown(&field.value);
            prop_assert!((1..=256).contains(&units(&name)) && (1..=1024).contains(&units(&value)));
            sum += units(&name) + units(&value);
        }
        for button in &card.buttons {
            prop_assert!(units(&button.label) <= 80);
            prop_assert!(custom_id(&button.action).is_none_or(|id| units(&id) <= CUSTOM_ID_MAX));
        }
    }
    prop_assert!(sum <= 6000, "the sum is {sum}");
    Ok(())
}

proptest! {
    // Words of 10,000 signs: 16 cases take seconds in a debug build.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_text_breaks_a_limit(words in prop::collection::vec(hostile(), 0..8), rows in 0usize..40) {
        let line = words.concat().replace('\n', " ");
        let message = fit_message(Message {
            content: Some(spans(&words)),
            mention_roles: (0..100).map(|role| u64::MAX - role).collect(),
            cards: vec![card_of(&words); 4],
            table: Some(vec![line; rows].join("\n")),
            attachments: Vec::new(),
        });
        prop_assert!(!message.cards.is_empty());
        check(&message)?;
        prop_assert_eq!(&fit_message(message.clone()), &message, "what fits stays");
    }

    #[test]
    fn no_label_breaks_an_incident_card(name in hostile(), detail in hostile()) {
        let explorer = explorer();
        let label = |_: AttesterAddress| Label { name: Some(name.clone()), host: Some(name.clone()) };
        let context = Context { labels: &label, network_label: &name, ..context(&explorer) };
        let at = UnixSeconds::new(1);
        let facts = Facts::Job(JobFacts {
            job: detail.clone(), kind: name.clone(), attempts: 1, detail, is_unclear: false,
        });
        let mut incident = Incident {
            id: NoticeId::new("testnet", &name, Class::JobExhausted, 1, ""),
            class: Class::JobExhausted, subject: name.clone(), scope: String::new(), occurrence: 1,
            state: State::Open, severity: Severity::Critical, facts, opened_at: at, updated_at: at,
            absent_since: None, rungs: Vec::new(), rung_at: None, replies: 0, has_woken: false,
            timeline: Vec::new(),
        };
        let mut all: Vec<Facts> = text::samples::every().into_iter().map(|(_, facts)| facts).collect();
        all.push(incident.facts.clone());
        for facts in all {
            incident.facts = facts;
            let mut message = text::card(&context, &incident);
            text::wake(&context, &incident, &mut message);
            check(&message)?;
            check(&text::rung(&context, &incident, "48h", 7))?;
            let shown = format!("{}{}", title(&message.cards[0]), description(&message.cards[0]));
            for ping in ["@everyone", "@here", "<@", "<#", "](https://e.vil"] {
                prop_assert!(!shown.contains(ping), "{ping} in {shown}");
            }
        }
        prop_assert_eq!(attester(1).short().chars().count(), 11);
    }
}

#[test]
fn text_is_cut_between_visible_characters() {
    assert_eq!(cut("aé👨‍👩‍👧‍👦b", 3), "aé…");
    assert_eq!(cut("abc", 3), "abc");
    let text = Text::plain("see ").with(Span::Link {
        text: "the whole page".to_owned(),
        url: "https://x.test/".to_owned(),
    });
    assert_eq!(markdown(&cut_text(text, limit(8, 30))), "see the…");
    assert_eq!(footer("id", "1.0"), "id · steward 1.0");
    assert_eq!(footer_id("id · steward 1.0"), "id");
    assert_eq!(footer_id("id"), "id");
    assert_eq!(footer(&"x".repeat(95), "1.0").len(), 95);
}

#[test]
fn a_table_keeps_its_columns_and_loses_rows_first() {
    let row = "0x1212…1212  fra-1   ACTIVE";
    let message = fit_message(Message {
        table: Some(vec![row; 40].join("\n")),
        ..Message::default()
    });
    let table = message.table.unwrap();
    assert_eq!(table.lines().count(), TABLE_ROWS_MAX + 1);
    assert!(table.lines().all(|line| line == row), "{table}");
}
