//! Sentences for people: the only place where they are written.
//!
//! A function here takes facts and gives a [`Message`](super::card::Message); it decides nothing and looks nothing up.
//! What a name, a link or a runbook is comes from [`Context`].

pub mod canary;
pub mod catch_up;
pub mod change;
pub mod digest;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod incident;
pub mod retraction;
pub mod standing;
pub mod table;
#[cfg(test)]
mod tests;
pub mod transition;

use std::fmt;

use super::{
    card::{Button, ButtonAction, Card, Field, Severity, Span, Text, TimeStyle},
    class::Class,
    facts::{Due, Known, QueueOutlook},
    fit,
    notice::NoticeId,
};
use crate::units::{Address, AttesterAddress, B256, BlockNumber, UnixSeconds};

/// Characters of a name or host in a sentence: a title has 120.
const LABEL_MAX: usize = 40;

/// What people call an attester and where it runs.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its name: `fra-2/17`.
    pub name: Option<String>,
    /// The host that it runs on: `fra-2`.
    pub host: Option<String>,
}

/// A block explorer, by the base of its pages; `None` where the network has none.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Explorer(pub Option<String>);

impl Explorer {
    fn page(&self, kind: &str, id: impl fmt::Display) -> Option<String> {
        let base = self.0.as_deref()?.trim_end_matches('/');
        Some(format!("{base}/{kind}/{id}"))
    }

    /// The address, linked.
    #[must_use]
    pub fn address(&self, address: Address) -> Span {
        Span::Address {
            address,
            url: self.page("address", address),
        }
    }

    /// The transaction, linked.
    #[must_use]
    pub fn transaction(&self, hash: B256) -> Span {
        Span::Transaction {
            hash,
            url: self.page("tx", hash),
        }
    }

    /// The block, linked.
    #[must_use]
    pub fn block(&self, number: BlockNumber) -> Span {
        Span::Block {
            number,
            url: self.page("block", number),
        }
    }
}

/// What is the same in all text about one network.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The network's name in keys.
    pub network: &'a str,
    /// The network as people call it.
    pub network_label: &'a str,
    /// The provider as people call it.
    pub provider_label: &'a str,
    /// The network's explorer.
    pub explorer: &'a Explorer,
    /// What people call an attester.
    pub labels: &'a (dyn Fn(AttesterAddress) -> Label + Send + Sync),
    /// Address of the page with a section per class; `None` where there is none.
    pub runbook: Option<&'a str>,
    /// Version of the program.
    pub build: &'a str,
    /// Discord ids of the roles that an alert wakes.
    pub roles: &'a [u64],
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// An empty card of this network.
    fn card(&self, severity: Severity, title: Text, id: &NoticeId, at: UnixSeconds) -> Card {
        Card {
            severity,
            author: Text::default()
                .with(Span::Foreign(self.network_label.to_owned()))
                .and(" · ")
                .with(Span::Foreign(self.provider_label.to_owned())),
            title,
            body: Vec::new(),
            fields: Vec::new(),
            chart: None,
            footer: fit::footer(id.as_str(), self.build),
            at,
            buttons: Vec::new(),
        }
    }

    /// What people call an attester, cut to what fits beside other words.
    fn label(&self, attester: AttesterAddress) -> Label {
        let cut = |text: String| fit::cut(&text, LABEL_MAX);
        let label = (self.labels)(attester);
        Label {
            name: label.name.map(cut),
            host: label.host.map(cut),
        }
    }

    /// How an attester is called in a title: its name, else its short address.
    fn name(&self, attester: AttesterAddress) -> Span {
        match self.label(attester).name {
            Some(name) => Span::Foreign(name),
            None => Span::Plain(attester.short()),
        }
    }

    /// The host of an attester.
    fn host(&self, attester: AttesterAddress) -> Option<String> {
        self.label(attester).host
    }

    /// The field that holds an attester's name, host and full address.
    fn attester_field(&self, attester: AttesterAddress) -> Field {
        let label = self.label(attester);
        let mut value = Text::default();
        if let Some(name) = label.name {
            value = value.with(Span::Foreign(name)).and(" · ");
        }
        value = value.with(Span::Code(attester.to_string()));
        if let Some(url) = self.explorer.page("address", attester) {
            value = value.and(" ").with(Span::Link {
                text: "explorer".to_owned(),
                url,
            });
        }
        value = match label.host {
            Some(host) => value.and(" · host ").with(Span::Foreign(host)),
            None => value.and(" · host unknown: it is in no keys file"),
        };
        field("Attester", value, false)
    }

    /// The buttons of a card that tells what happened: the transaction, and the chain of evidence.
    fn evidence_buttons(&self, transaction: Option<B256>, id: &NoticeId) -> Vec<Button> {
        let page = transaction.and_then(|hash| self.explorer.page("tx", hash));
        let transaction = page.map(|url| Button {
            label: "Transaction".to_owned(),
            action: ButtonAction::Open(url),
        });
        let why = Button {
            label: "Why".to_owned(),
            action: ButtonAction::Why {
                subject: id.as_str().to_owned(),
            },
        };
        transaction.into_iter().chain([why]).collect()
    }

    /// The section of the runbook about a class.
    fn runbook_link(&self, class: Class) -> Option<Span> {
        let url = format!("{}#{}", self.runbook?, class.name());
        Some(Span::Link {
            text: "runbook".to_owned(),
            url,
        })
    }
}

fn field(name: &str, value: impl Into<Text>, inline: bool) -> Field {
    Field {
        name: name.to_owned(),
        value: value.into(),
        inline,
    }
}

/// A moment: relative, with the full form beside it.
fn moment(text: Text, at: UnixSeconds) -> Text {
    text.with(Span::Time {
        at,
        style: TimeStyle::Relative,
    })
    .and(" (")
    .with(Span::Time {
        at,
        style: TimeStyle::Full,
    })
    .and(")")
}

/// A moment from which on something holds, after "since": the full form first, for nobody says "since 2 h ago".
fn since(text: Text, at: UnixSeconds) -> Text {
    text.with(Span::Time {
        at,
        style: TimeStyle::Full,
    })
    .and(" (")
    .with(relative(at))
    .and(")")
}

fn relative(at: UnixSeconds) -> Span {
    Span::Time {
        at,
        style: TimeStyle::Relative,
    }
}

/// A moment, or why it is not known.
fn known_moment(text: Text, at: &Known<UnixSeconds>) -> Text {
    match at {
        Known::Is(at) => moment(text, *at),
        Known::Unknown(why) => unknown(text, why),
    }
}

/// `unknown: why`.
fn unknown(text: Text, why: &str) -> Text {
    text.and("unknown: ").with(Span::Foreign(why.to_owned()))
}

/// A value that can be shown, or why it is not known.
fn known(text: Text, value: &Known<impl fmt::Display>, unit: &str) -> Text {
    match value {
        Known::Is(value) => text.and(format!("{value}{unit}")),
        Known::Unknown(why) => unknown(text, why),
    }
}

/// Position and forecast.
fn outlook(outlook: &QueueOutlook) -> Text {
    let text = Text::plain(format!(
        "position {} of {} · earliest activation ",
        count(outlook.position),
        count(outlook.length)
    ));
    let text = due(text, &outlook.earliest);
    if !matches!(outlook.earliest, Due::Is(_)) && outlook.earliest == outlook.expected {
        return text;
    }
    let text = text.and(" · expected ");
    match &outlook.expected {
        Due::Is(at) => text.with(relative(*at)),
        expected => due(text, expected),
    }
}

/// The moment of an activation, or why there is none.
fn due(text: Text, due: &Due) -> Text {
    match due {
        Due::Is(at) => moment(text, *at),
        Due::Held(why) => text.and("none yet: ").with(Span::Foreign(why.to_owned())),
        Due::Unknown(why) => unknown(text, why),
    }
}

/// A number with thousands separators.
#[must_use]
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 attester`, `2,000 attesters`.
fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `2 h 10 min`.
#[must_use]
pub(crate) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => counted(days, "day", "days"),
        (days, hours, _) => format!("{} {hours} h", counted(days, "day", "days")),
    }
}
