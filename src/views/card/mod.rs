//! Answers as cards: the conclusion first, then the table, then how fresh it is.
//!
//! One function from a question to a message, over the same views as every other answer; nothing here knows Discord.
//! Limits of length are kept by `alert::fit` where a message is shown.

mod attester;
mod coinbase;
mod incident;
mod job;
mod provider;
pub mod question;
mod queue;
mod status;
#[cfg(test)]
mod tests;

pub use question::{OfAttester, Question};

use super::{find::networks, forecast::When, form::Freshness, glance::Glance, refusal::Refusal};
use crate::{
    alert::{
        button::{custom_id, is_digest},
        card::{
            Attachment, Button, ButtonAction, Card, Field, Message, Severity, Span, Text, TimeStyle,
        },
        render::terminal::relative,
        text::{count, table::monospace},
    },
    units::{Address, UnixSeconds},
};

/// Rows of a page: as many as a table of a message shows.
const PAGE_ROWS: u64 = 15;

/// Answers a question.
///
/// # Errors
/// A [`Refusal`] in three parts.
pub fn answer(glance: &Glance<'_>, question: &Question) -> Result<Message, Refusal> {
    match question {
        Question::Status { network } => status::show(glance, network.as_deref()),
        Question::Attester(of) => attester::show(glance, of),
        Question::Attesters(filter) => attester::list(glance, question, filter),
        Question::History(of) => attester::history(glance, of),
        Question::Why(of) => attester::why(glance, of),
        Question::WhySubject(subject) => why(glance, subject),
        Question::Queue { network } => queue::show(glance, network.as_deref()),
        Question::Coinbases(filter) => coinbase::missing(glance, question, filter),
        Question::Coinbase(of) => coinbase::show(glance, of),
        Question::Provider { network } => provider::show(glance, network.as_deref()),
        Question::Incidents(filter) => incident::list(glance, question, filter),
        Question::Incident(id) => incident::show(glance, id),
        Question::Jobs(filter) => job::list(glance, question, filter),
        Question::Job(id) => job::show(glance, id),
    }
}

/// Says that something was done: a sentence, and what it was done to.
#[must_use]
pub fn done(glance: &Glance<'_>, text: &str, subject: &str) -> Message {
    let mut card = card(glance, Severity::Resolved, Text::plain("Done"), None);
    card.body = vec![
        Text::from(Span::Foreign(text.to_owned())),
        Text::from(Span::Code(subject.to_owned())),
    ];
    one(card)
}

/// Explains an incident, or where there is none by this reference, the attester of the notice.
fn why(glance: &Glance<'_>, reference: &str) -> Result<Message, Refusal> {
    let refused = match incident::why(glance, reference) {
        Ok(message) => return Ok(message),
        Err(refused) => refused,
    };
    let mut parts = reference.split('/');
    let (network, subject) = (parts.next(), parts.next());
    let is_attester = subject.is_some_and(|subject| subject.parse::<Address>().is_ok());
    match (network, subject) {
        (Some(network), Some(subject)) if is_attester => attester::why(
            glance,
            &OfAttester {
                network: Some(network.to_owned()),
                attester: subject.to_owned(),
            },
        ),
        _ if is_digest(reference) => {
            Err(
                Refusal::not_found("incident", reference, "it may be older than what is kept")
                    .with_next("See `incident list --all`."),
            )
        }
        _ => Err(refused),
    }
}

fn one(card: Card) -> Message {
    Message {
        cards: vec![card],
        ..Message::default()
    }
}

/// An empty card of an answer. The footer says how fresh it is.
fn card(glance: &Glance<'_>, severity: Severity, title: Text, as_of: Option<&Freshness>) -> Card {
    let version = format!("steward {}", glance.build.version);
    Card {
        severity,
        author: Text::default(),
        title,
        body: Vec::new(),
        fields: Vec::new(),
        chart: None,
        footer: as_of.map_or_else(
            || version.clone(),
            |as_of| format!("{} · {version}", fresh(as_of)),
        ),
        at: glance.now(),
        buttons: Vec::new(),
    }
}

/// `at block 25,533,400, 8 s ago`.
fn fresh(as_of: &Freshness) -> String {
    match (&as_of.block, as_of.age_seconds) {
        (Some(block), Some(age)) => format!(
            "at block {}, {} ago",
            count(block.number),
            crate::alert::text::duration(age)
        ),
        _ => "nothing was read yet".to_owned(),
    }
}

/// Of several networks, each with its name.
fn fresh_all<'a>(
    glance: &Glance<'_>,
    all: impl IntoIterator<Item = (&'a str, Freshness)>,
) -> String {
    let all: Vec<(&str, Freshness)> = all.into_iter().collect();
    let texts: Vec<String> = match all.as_slice() {
        [(_, only)] => vec![fresh(only)],
        several => several
            .iter()
            .map(|(network, as_of)| format!("{network}: {}", fresh(as_of)))
            .collect(),
    };
    format!("{} · steward {}", texts.join("; "), glance.build.version)
}

fn field(name: &str, value: impl Into<Text>, inline: bool) -> Field {
    Field {
        name: name.to_owned(),
        value: value.into(),
        inline,
    }
}

fn foreign(text: impl Into<String>) -> Text {
    Text::from(Span::Foreign(text.into()))
}

fn unknown(why: Option<&str>) -> Text {
    Text::plain("unknown: ").with(Span::Foreign(
        why.unwrap_or("it was not read yet").to_owned(),
    ))
}

/// A moment: relative, with the full form beside it.
fn moment(text: Text, at: u64) -> Text {
    let at = UnixSeconds::new(at);
    let span = |style| Span::Time { at, style };
    text.with(span(TimeStyle::Relative))
        .and(" (")
        .with(span(TimeStyle::Full))
        .and(")")
}

/// A moment from which on something holds, after "since": the full form first.
fn since(text: Text, at: u64) -> Text {
    let at = UnixSeconds::new(at);
    let span = |style| Span::Time { at, style };
    text.with(span(TimeStyle::Full))
        .and(" (")
        .with(span(TimeStyle::Relative))
        .and(")")
}

/// A moment of a forecast, or why there is none.
fn when(text: Text, when: &When) -> Text {
    match (when.at, &when.held_because) {
        (Some(at), _) => moment(text, at),
        (None, Some(why)) => text.and("none yet: ").with(Span::Foreign(why.clone())),
        (None, None) => Text(
            [text, unknown(when.unknown_because.as_deref())]
                .into_iter()
                .flat_map(|text| text.0)
                .collect(),
        ),
    }
}

/// A moment in a table, where nothing is localised.
fn ahead(glance: &Glance<'_>, at: u64) -> String {
    relative(UnixSeconds::new(at), glance.now())
}

fn ahead_ms(glance: &Glance<'_>, at_ms: u64) -> String {
    ahead(glance, at_ms / 1000)
}

/// How an attester is called: its label, else its short address.
fn name(label: Option<&String>, attester: &str) -> String {
    label.cloned().unwrap_or_else(|| short(attester))
}

/// `0x1234…abcd`.
fn short(address: &str) -> String {
    address
        .parse::<Address>()
        .map_or_else(|_| address.to_owned(), crate::units::short_address)
}

fn hosts(hosts: &[String]) -> String {
    if hosts.is_empty() {
        return "unknown".to_owned();
    }
    hosts.join(", ")
}

/// A line that holds the full address once, and its page.
fn address_line(attester: &str, link: Option<&String>) -> Text {
    let text = Text::from(Span::Code(attester.to_owned()));
    match link {
        Some(url) => text.and(" ").with(Span::Link {
            text: "explorer".to_owned(),
            url: url.clone(),
        }),
        None => text,
    }
}

/// A text with every address in its short form, so that what follows one is not cut off.
fn shortened(text: &str) -> String {
    let is_end = |sign: char| !sign.is_ascii_alphanumeric();
    text.split_inclusive(is_end)
        .map(|word| {
            let (word, end) = match word.chars().last().filter(|sign| is_end(*sign)) {
                Some(end) => (word.trim_end_matches(end), end.to_string()),
                None => (word, String::new()),
            };
            format!("{}{end}", short(word))
        })
        .collect()
}

fn sheet(columns: &[&str], rows: &[Vec<String>]) -> Option<String> {
    let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    (!rows.is_empty()).then(|| monospace(&columns, rows))
}

fn json(name: &str, view: &impl serde::Serialize) -> Result<Attachment, Refusal> {
    let text = serde_json::to_string_pretty(view).map_err(|error| Refusal::of_store(&error))?;
    Ok(Attachment {
        name: format!("{name}.json"),
        text,
    })
}

/// What a page of a list has around its rows.
struct Page<'a> {
    question: &'a Question,
    after: Option<&'a String>,
    next: Option<&'a String>,
    shown: usize,
    total: u64,
}

impl Page<'_> {
    /// Says what part is shown, and leads to the others.
    fn put(&self, card: &mut Card) {
        if self.shown == 0 && self.after.is_some() {
            card.body.push(Text::plain(
                "The list has changed since, and this page is gone. Begin again at the first.",
            ));
        } else if self.next.is_some() || self.after.is_some() {
            card.body.push(Text::plain(format!(
                "{} of {} are shown.",
                count(super::count(self.shown)),
                count(self.total)
            )));
        }
        let first = self.after.map(|_| ("First page", self.question.page(None)));
        let next = self
            .next
            .map(|next| ("Next page", self.question.page(Some(next.clone()))));
        for (label, question) in [first, next].into_iter().flatten() {
            let button = question
                .code()
                .map(|question| ButtonAction::Ask { question });
            match button.filter(|action| custom_id(action).is_some()) {
                Some(action) => card.buttons.push(Button {
                    label: label.to_owned(),
                    action,
                }),
                None => card.body.push(Text::plain(
                    "There is more than a button can lead to: ask for less, or use the command line.",
                )),
            }
        }
    }
}

/// Refuses a network that is not configured, before anything else is said.
fn check_network(glance: &Glance<'_>, network: Option<&str>) -> Result<(), Refusal> {
    networks(glance, network).map(drop)
}
