//! What is said when an attester is slashed, a provider changes, or another rollup becomes canonical.

use super::{
    Context, counted, field, known,
    transition::{Finality, because, evidence_field, finality_field},
};
use crate::{
    alert::{
        card::{Card, Field, Message, Severity, Span, Text},
        class::Class,
        facts::Known,
        fit::{fit, fit_message},
        notice::NoticeId,
    },
    attester::change::{Evidence, ProviderChange},
    units::{Address, AttesterAddress, ProviderId, RollupVersion, Wei},
};

/// Where something was seen, and how sure it is.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// Where.
    pub evidence: &'a Evidence,
    /// Endpoints that agreed, and endpoints asked; `None` = one source.
    pub sources: Option<(u64, u64)>,
    /// How sure it is.
    pub finality: Finality,
}

/// A slash.
#[derive(Debug, Clone)]
pub struct Slashed {
    /// The attester.
    pub attester: AttesterAddress,
    /// The rollup.
    pub rollup: RollupVersion,
    /// How much it took.
    pub amount: Wei,
    /// What is left.
    pub left: Known<Wei>,
    /// Below this it is ejected.
    pub ejection_threshold: Known<Wei>,
    /// All it ever lost, this slash included.
    pub total: Wei,
    /// The how-manieth slash of this attester it is, from 1.
    pub occurrence: u64,
}

/// The id of a slash's notice.
#[must_use]
pub fn slashed_id(network: &str, attester: AttesterAddress, occurrence: u64) -> NoticeId {
    let subject = format!("{:#x}", attester.address());
    NoticeId::new(network, &subject, Class::AttesterSlashed, occurrence, "")
}

/// The card of a slash.
#[must_use]
pub fn slashed(context: &Context<'_>, facts: &Slashed, seen: &Seen<'_>) -> Message {
    let id = slashed_id(context.network, facts.attester, facts.occurrence);
    let title = Text::plain("Attester ")
        .with(context.name(facts.attester))
        .and(format!(" was slashed by {} AZTEC", facts.amount));
    let mut card = context.card(Severity::Warning, title, &id, seen.evidence.at);
    let why = format!("A slashing round took {} AZTEC of its stake", facts.amount);
    card.body.push(because(context, seen.evidence, &why));
    card.body.push(after_slash(facts));
    card.fields.push(context.attester_field(facts.attester));
    let left = known(Text::default(), &facts.left, " AZTEC left");
    let left = known(
        left.and(" · ejected below "),
        &facts.ejection_threshold,
        " AZTEC",
    );
    card.fields.push(field("Balance", left, false));
    let lost = format!(
        "{} AZTEC in {}",
        facts.total,
        counted(facts.occurrence, "slash", "slashes")
    );
    card.fields.push(field("Lost in all", lost, true));
    card.fields
        .push(field("Rollup", format!("version {}", facts.rollup), true));
    close(context, card, &id, seen)
}

fn after_slash(facts: &Slashed) -> Text {
    match (&facts.left, &facts.ejection_threshold) {
        (Known::Is(left), _) if left.is_zero() => Text::plain("Nothing is left of it."),
        (Known::Is(left), Known::Is(threshold)) if left < threshold => {
            Text::plain("It is below the ejection threshold: it leaves the set as a zombie.")
        }
        (Known::Is(left), Known::Is(threshold)) => Text::plain(format!(
            "It stays in the set; {} AZTEC more and it is ejected. Find out why its duties were missed.",
            left.saturating_sub(*threshold)
        )),
        (Known::Unknown(_), _) | (_, Known::Unknown(_)) => Text::plain(
            "Whether it stays in the set is unknown until the next snapshot. Find out why its duties were missed.",
        ),
    }
}

fn close(context: &Context<'_>, mut card: Card, id: &NoticeId, seen: &Seen<'_>) -> Message {
    card.buttons = context.evidence_buttons(seen.evidence.transaction, id);
    card.fields
        .push(evidence_field(context, seen.evidence, seen.sources));
    card.fields.push(finality_field(&seen.finality));
    Message {
        cards: vec![fit(card)],
        ..Message::default()
    }
}

/// The id of a provider change's notice.
#[must_use]
pub fn provider_id(network: &str, provider: ProviderId, occurrence: u64) -> NoticeId {
    let subject = format!("provider-{provider}");
    NoticeId::new(network, &subject, Class::ProviderChanged, occurrence, "")
}

/// The card of a provider's change.
#[must_use]
pub fn provider(
    context: &Context<'_>,
    provider: ProviderId,
    change: &ProviderChange,
    occurrence: u64,
    seen: &Seen<'_>,
) -> Message {
    let id = provider_id(context.network, provider, occurrence);
    let said = provider_words(context, change);
    let title = Text::plain(format!("Provider {provider} {}", said.title));
    let mut card = context.card(said.severity, title, &id, seen.evidence.at);
    card.body.push(because(context, seen.evidence, said.why));
    card.body.push(Text::plain(said.next));
    card.fields.extend(said.change);
    close(context, card, &id, seen)
}

/// What is now and what was before, for a table of many changes.
#[must_use]
pub fn provider_cells(change: &ProviderChange) -> (String, String) {
    fn of<T: ToString>(name: &str, from: Option<&T>, to: &T) -> (String, String) {
        let before = from.map_or_else(|| "unknown".to_owned(), T::to_string);
        (format!("{name} {}", to.to_string()), before)
    }
    match change {
        ProviderChange::Registered => ("registered".to_owned(), String::new()),
        ProviderChange::AdminProposed { admin } => {
            (format!("admin {admin} proposed"), String::new())
        }
        ProviderChange::Admin { from, to } => of("admin", from.as_ref(), to),
        ProviderChange::TakeRate { from, to } => of("take rate", from.as_ref(), to),
        ProviderChange::RewardsRecipient { from, to } => of("rewards recipient", from.as_ref(), to),
    }
}

struct Words {
    severity: Severity,
    title: &'static str,
    why: &'static str,
    next: &'static str,
    change: Option<Field>,
}

fn provider_words(context: &Context<'_>, change: &ProviderChange) -> Words {
    let address = |address: Address| Text::from(Span::Code(address.to_checksum(None)));
    let from_to = |from: Option<Address>, to: Address| {
        let mut text = match from {
            Some(from) => Text::from(context.explorer.address(from)),
            None => Text::plain("unknown: it was not seen before"),
        };
        text = text.and(" → ");
        text.0.extend(address(to).0);
        text
    };
    match change {
        ProviderChange::Registered => Words {
            severity: Severity::Info,
            title: "was registered",
            why: "It is in the staking registry now",
            next: "Delegators can stake with it as soon as it has keys.",
            change: None,
        },
        ProviderChange::AdminProposed { admin } => Words {
            severity: Severity::Warning,
            title: "may get another admin",
            why: "Its admin proposed a new one, who has to accept",
            next: "If nobody of yours did this, the admin key is in other hands: act before it is accepted.",
            change: Some(field("Proposed admin", address(*admin), false)),
        },
        ProviderChange::Admin { from, to } => Words {
            severity: Severity::Warning,
            title: "has another admin",
            why: "The proposed admin accepted",
            next: "Only the new admin can add keys, take them out, and change rate and recipient.",
            change: Some(field("Admin", from_to(*from, *to), false)),
        },
        ProviderChange::TakeRate { from, to } => Words {
            severity: Severity::Info,
            title: "has another take rate",
            why: "Its admin changed the take rate",
            next: "Splits that exist keep their rate; it holds for stakes from now on.",
            change: Some(field(
                "Take rate",
                match from {
                    Some(from) => format!("{from} → {to}"),
                    None => format!("{to}, before unknown: it was not seen"),
                },
                true,
            )),
        },
        ProviderChange::RewardsRecipient { from, to } => Words {
            severity: Severity::Warning,
            title: "has another rewards recipient",
            why: "Its admin changed the rewards recipient",
            next: "Splits that exist keep theirs; check that the new address is yours.",
            change: Some(field("Rewards recipient", from_to(*from, *to), false)),
        },
    }
}

/// Another rollup became canonical.
#[derive(Debug, Clone)]
pub struct Canonical {
    /// The rollup before.
    pub from: Option<RollupVersion>,
    /// The rollup now.
    pub to: RollupVersion,
    /// Attesters of ours that moved.
    pub moved: u64,
    /// Attesters of ours that stayed behind.
    pub left: Vec<AttesterAddress>,
    /// Attesters of ours that wait in the old entry queue and will be refunded.
    pub stranded: u64,
    /// Ordinal, from 1.
    pub occurrence: u64,
}

/// The id of a canonical change's notice.
#[must_use]
pub fn canonical_id(network: &str, occurrence: u64) -> NoticeId {
    NoticeId::new(network, "-", Class::CanonicalRollupChanged, occurrence, "")
}

/// The digest of a canonical change: those left behind in a table and a file.
#[must_use]
pub fn canonical(context: &Context<'_>, facts: &Canonical, seen: &Seen<'_>) -> Message {
    let id = canonical_id(context.network, facts.occurrence);
    let severity = if facts.left.is_empty() && facts.stranded == 0 {
        Severity::Info
    } else {
        Severity::Warning
    };
    let title = Text::plain(format!("Rollup version {} is canonical now", facts.to));
    let mut card = context.card(severity, title, &id, seen.evidence.at);
    let left = u64::try_from(facts.left.len()).unwrap_or(u64::MAX);
    let before = facts
        .from
        .map_or("none".to_owned(), |from| format!("version {from}"));
    card.body.push(because(
        context,
        seen.evidence,
        "Governance made another rollup canonical",
    ));
    card.body.push(Text::plain(format!(
        "{} moved with it, {} stayed behind.",
        counted(facts.moved, "attester of ours", "attesters of ours"),
        counted(left, "attester", "attesters"),
    )));
    if facts.stranded > 0 {
        card.body.push(Text::plain(format!(
            "{} in the old entry queue and will be refunded; an incident says which.",
            counted(facts.stranded, "attester waits", "attesters wait")
        )));
    }
    card.body.push(Text::plain(
        "Check that the nodes run a version that serves the new rollup.",
    ));
    card.fields.push(field("Before", before, true));
    let mut message = close(context, card, &id, seen);
    if !facts.left.is_empty() {
        let columns = ["attester", "host", "address"].map(str::to_owned);
        let rows: Vec<Vec<String>> = facts
            .left
            .iter()
            .map(|one| left_row(context, *one))
            .collect();
        message.table = Some(super::table::monospace(&columns, &rows));
        message
            .attachments
            .push(super::table::file("left_behind", &columns, &rows));
    }
    fit_message(message)
}

fn left_row(context: &Context<'_>, attester: AttesterAddress) -> Vec<String> {
    let label = context.label(attester);
    vec![
        label.name.unwrap_or_else(|| attester.short()),
        label.host.unwrap_or_default(),
        attester.to_string(),
    ]
}
