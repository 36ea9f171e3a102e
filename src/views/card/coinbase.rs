//! Coinbases: which are wrong, and what one is to be.

use super::{
    OfAttester, PAGE_ROWS, Page, Question, address_line, ahead, card, field, foreign, fresh_all,
    hosts, name, one, sheet, short, unknown, when,
};
use crate::{
    alert::{
        card::{Field, Message, Severity, Span, Text},
        text::count,
    },
    views::{
        coinbase::{self, CoinbaseFilter, CoinbaseView, Verdict},
        find::networks,
        form::Freshness,
        glance::Glance,
        refusal::Refusal,
    },
};

/// The coinbase as a field of an attester's card.
pub(super) fn field_of(of: &CoinbaseView) -> Field {
    let text = match (of.verdict, &of.unknown_because) {
        (Verdict::Unknown, why) => unknown(why.as_deref()),
        (verdict, _) => Text::plain(verdict.name()),
    };
    let text = match &of.expected {
        Some(expected) => text.and(" · expected ").with(Span::Code(expected.clone())),
        None => text,
    };
    let text = match of.configured.as_slice() {
        [] => text,
        configured => text
            .and(" · configured ")
            .with(Span::Code(configured.join(", "))),
    };
    field("Coinbase", text, false)
}

pub(super) fn missing(
    glance: &Glance<'_>,
    question: &Question,
    filter: &CoinbaseFilter,
) -> Result<Message, Refusal> {
    let filter = CoinbaseFilter {
        limit: Some(PAGE_ROWS),
        ..filter.clone()
    };
    let view = coinbase::missing(glance, &filter)?;
    let places = networks(glance, filter.network.as_deref())?;
    let (severity, title) = match view.total {
        0 => (Severity::Resolved, "No coinbase is wrong".to_owned()),
        1 => (Severity::Warning, "1 coinbase is wrong".to_owned()),
        many => (
            Severity::Warning,
            format!("{} coinbases are wrong", count(many)),
        ),
    };
    let mut card = card(glance, severity, Text::plain(title), None);
    let as_of = places.iter().map(|place| {
        (
            place.name,
            Freshness::new(place.book, place.network, glance.now()),
        )
    });
    card.footer = fresh_all(glance, as_of);
    if view.total > 0 {
        card.body.push(Text::plain(
            "Set the expected one in the keys file and reload the keystore; the most urgent comes first.",
        ));
    }
    if view.unknown > 0 {
        card.body.push(Text::plain(format!(
            "Of {} attesters it is unknown: they are in no keys file, or no stake tells.",
            count(view.unknown)
        )));
    }
    let page = Page {
        question,
        after: filter.after.as_ref(),
        next: view.next.as_ref(),
        shown: view.coinbases.len(),
        total: view.total,
    };
    page.put(&mut card);
    let rows = view.coinbases.iter().map(|row| {
        let of = &row.coinbase;
        let until = of.deadline.as_ref().and_then(|when| when.at);
        vec![
            name(row.label.as_ref(), &row.attester),
            hosts(&row.hosts),
            format!(
                "{}, set {}",
                of.verdict.name(),
                of.expected
                    .as_deref()
                    .map_or_else(|| "unknown".to_owned(), short)
            ),
            until.map_or_else(|| "unknown".to_owned(), |at| ahead(glance, at)),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    Ok(Message {
        table: sheet(&["attester", "host", "coinbase", "until"], &rows),
        ..one(card)
    })
}

pub(super) fn show(glance: &Glance<'_>, of: &OfAttester) -> Result<Message, Refusal> {
    let view = coinbase::show(glance, of.network.as_deref(), &of.attester)?;
    let (row, of) = (&view.row, &view.row.coinbase);
    let (severity, is) = match of.verdict {
        Verdict::Right => (Severity::Resolved, "is right"),
        Verdict::Missing => (Severity::Warning, "is missing"),
        Verdict::Mismatch => (Severity::Warning, "is not the expected one"),
        Verdict::Conflict => (Severity::Warning, "is disputed"),
        Verdict::Unknown => (Severity::Info, "is unknown"),
    };
    let title = Text::plain("Coinbase of attester ")
        .with(Span::Foreign(name(row.label.as_ref(), &row.attester)))
        .and(format!(" {is}"));
    let mut card = card(glance, severity, title, Some(&view.as_of));
    card.author = foreign(row.network.clone());
    if let Some(why) = &of.unknown_because {
        card.body.push(foreign(format!("{why}.")));
    }
    if of.verdict.is_wrong() {
        let text = Text::plain("Set it on host ").with(Span::Foreign(hosts(&row.hosts)));
        card.body.push(text.and(" and reload the keystore."));
    }
    card.body.push(address_line(&row.attester, None));
    let code = |text: Option<String>, or: &str| match text {
        Some(text) => Text::from(Span::Code(text)),
        None => Text::plain(or),
    };
    let expected = code(of.expected.clone(), "unknown: no stake tells it");
    card.fields.push(field("Expected", expected, false));
    let configured = (!of.configured.is_empty()).then(|| of.configured.join(", "));
    card.fields
        .push(field("Configured", code(configured, "none"), false));
    card.fields.push(field("State", row.state.name(), true));
    if let Some(deadline) = &of.deadline {
        card.fields.push(field(
            "Costs rewards",
            when(Text::default(), deadline),
            true,
        ));
    }
    if !of.files.is_empty() {
        card.fields
            .push(field("Keys files", foreign(of.files.join(", ")), false));
    }
    Ok(one(card))
}
