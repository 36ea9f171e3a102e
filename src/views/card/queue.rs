//! Entry queues: ours with position and forecast, everybody's in length.

use super::{PAGE_ROWS, ahead, card, field, foreign, hosts, name, one, sheet, unknown};
use crate::{
    alert::{
        card::{Card, Message, Severity, Text},
        text::{count, duration},
    },
    chart::Chart,
    views::{
        forecast::When,
        glance::Glance,
        queue::{self, FlushView, RollupQueue},
        refusal::Refusal,
    },
};

pub(super) fn show(glance: &Glance<'_>, network: Option<&str>) -> Result<Message, Refusal> {
    let view = queue::show(glance, network)?;
    // The queue with most of ours comes last: its table stands below.
    let mut queues: Vec<&RollupQueue> = view
        .queues
        .iter()
        .filter(|queue| queue.length > 0 || queue.is_latest == Some(true))
        .collect();
    queues.sort_by_key(|queue| queue.ours);
    let Some(last) = queues.last() else {
        let title = Text::plain("No entry queue is known yet");
        return Ok(one(card(glance, Severity::Info, title, None)));
    };
    let at = |when: &When| {
        when.at
            .map_or_else(|| "unknown".to_owned(), |at| ahead(glance, at))
    };
    let rows: Vec<Vec<String>> = last
        .entries
        .iter()
        .map(|entry| {
            vec![
                count(entry.position),
                name(entry.label.as_ref(), &entry.attester),
                hosts(&entry.hosts),
                format!(
                    "{}, earliest {}",
                    at(&entry.forecast.expected),
                    at(&entry.forecast.earliest)
                ),
            ]
        })
        .collect();
    Ok(Message {
        cards: queues
            .iter()
            .map(|queue| one_queue(glance, queue))
            .collect(),
        table: sheet(&["position", "attester", "host", "expected"], &rows),
        ..Message::default()
    })
}

fn one_queue(glance: &Glance<'_>, queue: &RollupQueue) -> Card {
    let title = format!(
        "{} of {} in the entry queue are ours",
        count(queue.ours),
        count(queue.length)
    );
    let mut card = card(
        glance,
        Severity::Info,
        Text::plain(title),
        Some(&queue.as_of),
    );
    let latest = match queue.is_latest {
        Some(true) => ", the latest",
        Some(false) => ", not the latest",
        None => "",
    };
    card.author = foreign(format!(
        "{} · rollup {}{latest}",
        queue.network, queue.rollup
    ));
    let hidden = queue.ours.saturating_sub(PAGE_ROWS);
    if hidden > 0 {
        card.body.push(Text::plain(format!(
            "The first {PAGE_ROWS} of ours are shown; `/attester list` shows the others."
        )));
    }
    card.chart = queue::chart(glance, queue).map(Chart::EntryQueue);
    match &queue.flush {
        Some(flush) => card.fields = flushes(flush),
        None => card.fields.push(field(
            "Admits",
            unknown(queue.flush_unknown_because.as_deref()),
            false,
        )),
    }
    card
}

fn flushes(flush: &FlushView) -> Vec<crate::alert::card::Field> {
    vec![
        field(
            "Admits",
            format!(
                "{} an epoch of {}",
                count(flush.flush_size),
                duration(flush.epoch_seconds)
            ),
            true,
        ),
        field(
            "Left of this epoch",
            format!(
                "{} in epoch {}",
                count(flush.available_flushes),
                count(flush.current_epoch)
            ),
            true,
        ),
        field("Validators", count(flush.active_attesters), true),
    ]
}
