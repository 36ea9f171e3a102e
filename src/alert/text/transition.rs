//! What is said when an attester changes its state.

use super::{
    Context, count, counted, field, known_moment, outlook,
    standing::{headline, refused_step, state},
    unknown,
};
use crate::{
    alert::{
        card::{Card, Field, Message, Severity, Span, Text},
        class::Class,
        facts::{CoinbaseFacts, Configured, Known, QueueOutlook},
        fit::fit,
        notice::{Notice, NoticeId},
    },
    attester::{Reason, Standing, change::Evidence},
    units::{Address, AttesterAddress, UnixSeconds, Wei},
};

/// How sure it is that a change stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finality {
    /// It is in a block at the head.
    Seen,
    /// Its block is finalised.
    Final,
    /// No endpoint tells what is finalised.
    Unknown(String),
}

/// How an exit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitOutlook {
    /// What will be paid.
    pub amount: Known<Wei>,
    /// When it can be paid: the later of the rollup's and the governance's lock.
    pub free_at: Known<UnixSeconds>,
}

/// A change of state with what the caller knows about it. What does not apply is `None`.
#[derive(Debug, Clone)]
pub struct Transition<'a> {
    /// The attester.
    pub attester: AttesterAddress,
    /// Before.
    pub from: Standing,
    /// After.
    pub to: Standing,
    /// The how-manieth change of this attester it is, from 1.
    pub occurrence: u64,
    /// Where it was seen.
    pub evidence: &'a Evidence,
    /// Endpoints that agreed, and endpoints asked; `None` = one endpoint, nobody else was asked.
    pub sources: Option<(u64, u64)>,
    /// How sure it is.
    pub finality: Finality,
    /// Place in the provider's queue (from 1) and its length.
    pub provider_queue: Option<(u64, u64)>,
    /// Place in the entry queue, and the forecast.
    pub queue: Option<QueueOutlook>,
    /// Its coinbase.
    pub coinbase: Option<&'a CoinbaseFacts>,
    /// What is left of its stake.
    pub balance: Option<Wei>,
    /// Its exit.
    pub exit: Option<ExitOutlook>,
    /// Who gets the stake back, and who has to initiate a withdrawal.
    pub withdrawer: Option<Address>,
}

/// The id of a transition's notice.
#[must_use]
pub fn notice_id(network: &str, attester: AttesterAddress, occurrence: u64) -> NoticeId {
    let subject = format!("{:#x}", attester.address());
    NoticeId::new(network, &subject, Class::AttesterTransition, occurrence, "")
}

/// The notice of a transition: its card, and its row where many are told together.
#[must_use]
pub fn notice(context: &Context<'_>, transition: &Transition<'_>) -> Notice {
    Notice {
        id: notice_id(context.network, transition.attester, transition.occurrence),
        class: Class::AttesterTransition,
        route: Class::AttesterTransition.route(),
        message: message(context, transition),
        row: row(context, transition),
        cause: Some(transition.evidence.block),
        reply_to: None,
    }
}

/// Its row: the first four columns are shown in a message, all of them are in the file.
fn row(context: &Context<'_>, transition: &Transition<'_>) -> Vec<(String, String)> {
    let label = context.label(transition.attester);
    let evidence = transition.evidence;
    let name = label.name.unwrap_or_else(|| transition.attester.short());
    let transaction = evidence.transaction.map(|hash| hash.to_string());
    let cells = [
        ("attester", name),
        ("now", state(transition.to)),
        ("before", state(transition.from)),
        ("block", evidence.block.number.to_string()),
        ("host", label.host.unwrap_or_default()),
        ("address", transition.attester.to_string()),
        ("transaction", transaction.unwrap_or_default()),
        ("event", evidence.source.clone().into_owned()),
    ];
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    cells.into_iter().map(owned).collect()
}

/// The card of a transition.
#[must_use]
pub fn message(context: &Context<'_>, transition: &Transition<'_>) -> Message {
    Message {
        cards: vec![card(context, transition)],
        ..Message::default()
    }
}

fn card(context: &Context<'_>, transition: &Transition<'_>) -> Card {
    let told = told(context, transition);
    let id = notice_id(context.network, transition.attester, transition.occurrence);
    let title = Text::plain("Attester ")
        .with(context.name(transition.attester))
        .and(told.title);
    let mut card = context.card(told.severity, title, &id, transition.evidence.at);
    card.body
        .push(because(context, transition.evidence, &told.why));
    card.body.extend(told.next);
    card.fields.push(field(
        "State",
        Text::plain(format!(
            "{} → {}",
            state(transition.from),
            state(transition.to)
        )),
        false,
    ));
    card.fields
        .push(context.attester_field(transition.attester));
    card.fields.extend(outlook_field(transition));
    card.fields.extend(coinbase_field(context, transition));
    card.fields.push(evidence_field(
        context,
        transition.evidence,
        transition.sources,
    ));
    card.fields.push(finality_field(&transition.finality));
    card.buttons = context.evidence_buttons(transition.evidence.transaction, &id);
    fit(card)
}

/// What is special to a pair of states.
struct Told {
    severity: Severity,
    title: &'static str,
    why: String,
    next: Option<Text>,
}

fn told(context: &Context<'_>, transition: &Transition<'_>) -> Told {
    let (severity, title, why) = headline(transition.from, transition.to);
    Told {
        severity,
        title,
        why,
        next: next_step(context, transition),
    }
}

fn next_step(context: &Context<'_>, transition: &Transition<'_>) -> Option<Text> {
    match transition.to.reason {
        Reason::Dripped => Some(Text::plain(
            "It may be added again; nothing else is to be done.",
        )),
        Reason::InProviderQueueUsedUp => Some(Text::plain(
            "When it is staked, its deposit is refused and that delegation is lost. Take it out with dripProviderQueue before it reaches the head, and use a new key.",
        )),
        Reason::InEntryQueueUsedUp { .. } => Some(Text::plain(
            "An address can be registered once, for ever: its deposit will be refused and refunded to the withdrawer. Use a new address and key for the next stake.",
        )),
        Reason::InEntryQueue { .. } | Reason::FollowsLatest | Reason::OnRollup { .. } => {
            coinbase_step(context, transition)
        }
        Reason::EjectionUnknown => Some(Text::plain(
            "The next snapshot at the head tells; this card's successor says so.",
        )),
        Reason::LeftOnRollup { .. } => Some(Text::plain(
            "It earns nothing on the canonical rollup. Keep its node running as long as the old rollup is wanted, or have the withdrawer initiate the withdrawal there.",
        )),
        Reason::Zombie => Some(withdrawer_step(context, transition)),
        Reason::Exiting => Some(exit_step(transition)),
        Reason::Exited => Some(Text::plain(
            "Its address and BLS key can never be registered again; remove them from the node.",
        )),
        Reason::SlashedToNothing => Some(Text::plain(
            "Its address and BLS key can never be registered again; remove them from the node and look for what caused the slash.",
        )),
        Reason::DepositRefused { cause } => Some(Text::plain(refused_step(cause))),
        Reason::NeverSeen | Reason::InProviderQueue => None,
    }
}

fn withdrawer_step(context: &Context<'_>, transition: &Transition<'_>) -> Text {
    let text = Text::plain("Its withdrawer ");
    let text = match transition.withdrawer {
        Some(withdrawer) => text.with(context.explorer.address(withdrawer)).and(" "),
        None => text,
    };
    text.and("has to initiate the withdrawal (initiateWithdraw); until then the stake stays locked. It can never be registered again.")
}

fn exit_step(transition: &Transition<'_>) -> Text {
    let text = Text::plain("The money is free ");
    match &transition.exit {
        Some(exit) => known_moment(text, &exit.free_at)
            .and("; anybody may then call finalizeWithdraw. The node may be stopped."),
        None => text.and("at a time that the next snapshot at the head tells."),
    }
}

/// What is to be done about the coinbase of an attester that waits or just entered.
fn coinbase_step(context: &Context<'_>, transition: &Transition<'_>) -> Option<Text> {
    let facts = transition.coinbase?;
    let expected = match &facts.expected {
        Known::Is(expected) => *expected,
        Known::Unknown(why) => {
            return Some(unknown(Text::plain("Which coinbase it must use is "), why));
        }
    };
    let set = match facts.configured {
        Configured::Is(configured) if configured == expected => {
            return Some(Text::plain(
                "Its coinbase is set to the split of its stake.",
            ));
        }
        Configured::Is(_) => Text::plain("Change its coinbase to the split "),
        Configured::Missing | Configured::NoKeysFile => {
            Text::plain("Set its coinbase to the split ")
        }
    };
    let text = set.with(context.explorer.address(expected.address()));
    let text = match context.host(transition.attester) {
        Some(host) => text.and(" on host ").with(Span::Foreign(host)),
        None => text,
    };
    let deadline = facts.queue.as_ref().or(transition.queue.as_ref());
    let text = match deadline.and_then(|queue| queue.earliest.moment()) {
        Some(earliest) => super::moment(text.and(" before it can enter, "), *earliest),
        None if facts.is_active => text.and(" now: it validates already"),
        None => text.and(" before it enters"),
    };
    Some(text.and("; rewards go elsewhere until then."))
}

pub(super) fn because(context: &Context<'_>, evidence: &Evidence, why: &str) -> Text {
    let text = Text::plain(format!("{why}: "))
        .with(Span::Code(evidence.source.clone().into_owned()))
        .and(" in block ")
        .with(context.explorer.block(evidence.block.number))
        .and(", ");
    super::moment(text, evidence.at).and(".")
}

fn outlook_field(transition: &Transition<'_>) -> Option<Field> {
    if let Some(queue) = &transition.queue {
        return Some(field("Entry queue", outlook(queue), false));
    }
    if let Some((position, length)) = transition.provider_queue {
        let text = format!("position {} of {}", count(position), count(length));
        return Some(field("Provider queue", text, true));
    }
    if let Some(exit) = &transition.exit {
        let text = super::known(Text::default(), &exit.amount, " AZTEC").and(" · free: ");
        return Some(field("Exit", known_moment(text, &exit.free_at), false));
    }
    transition
        .balance
        .map(|balance| field("Balance", format!("{balance} AZTEC"), true))
}

fn coinbase_field(context: &Context<'_>, transition: &Transition<'_>) -> Option<Field> {
    let facts = transition.coinbase?;
    Some(field("Coinbase", coinbase(context, facts), false))
}

/// Expected and configured coinbase.
pub(super) fn coinbase(context: &Context<'_>, facts: &CoinbaseFacts) -> Text {
    let text = Text::plain("expected ");
    let text = match &facts.expected {
        Known::Is(expected) => text.with(Span::Code(expected.to_string())),
        Known::Unknown(why) => unknown(text, why),
    };
    let text = text.and(" · configured ");
    match (facts.configured, &facts.expected) {
        (Configured::NoKeysFile, _) => text.and("unknown: it is in no keys file"),
        (Configured::Missing, _) => text.and("none"),
        (Configured::Is(configured), Known::Is(expected)) if configured == *expected => {
            text.and("the same")
        }
        (Configured::Is(configured), _) => {
            text.with(context.explorer.address(configured.address()))
        }
    }
}

pub(super) fn evidence_field(
    context: &Context<'_>,
    evidence: &Evidence,
    sources: Option<(u64, u64)>,
) -> Field {
    let text = match evidence.transaction {
        Some(hash) => Text::plain("transaction ").with(context.explorer.transaction(hash)),
        None => Text::plain("a view, no transaction"),
    };
    let text = match sources {
        Some((agreed, asked)) => text.and(agreement(agreed, asked)),
        None => text.and(ONE_SOURCE),
    };
    field(EVIDENCE_FIELD, text, true)
}

/// Name of the field that says what the change was seen by.
const EVIDENCE_FIELD: &str = "Evidence";
/// What the field ends with while nobody else was heard.
const ONE_SOURCE: &str = " · one source";

/// The same card, with how many endpoints agree in the place of "one source"; as it was where it says otherwise.
#[must_use]
pub fn with_agreement(mut card: Card, agreed: u64, asked: u64) -> Card {
    let fields = card
        .fields
        .iter_mut()
        .filter(|field| field.name == EVIDENCE_FIELD);
    for span in fields.flat_map(|field| field.value.0.iter_mut()) {
        if matches!(span, Span::Plain(text) if text == ONE_SOURCE) {
            *span = Span::Plain(agreement(agreed, asked));
        }
    }
    card
}

fn agreement(agreed: u64, asked: u64) -> String {
    format!(
        " · {} of {} agree",
        count(agreed),
        counted(asked, "endpoint", "endpoints")
    )
}

/// Name of the field that the badge is edited in.
pub const FINALITY_FIELD: &str = "Finality";

pub(super) fn finality_field(finality: &Finality) -> Field {
    let text = match finality {
        Finality::Seen => Text::plain("seen"),
        Finality::Final => Text::plain("final"),
        Finality::Unknown(why) => unknown(Text::default(), why),
    };
    field(FINALITY_FIELD, text, true)
}

/// The same card with another finality badge; as it was where it has none.
#[must_use]
pub fn with_finality(mut card: Card, finality: &Finality) -> Card {
    for field in &mut card.fields {
        if field.name == FINALITY_FIELD {
            *field = finality_field(finality);
        }
    }
    card
}

#[cfg(test)]
mod tests;
