//! `steward queue`.

use anyhow::Result;
use clap::Args;
use steward::views::queue::{QueueView, RollupQueue};

use super::{
    Ask, Desk, InNetwork, Outcome, Paper,
    attester::hosts,
    paper::{Sheet, facts, freshness, name, number, span},
};

/// Entry queues.
#[derive(Debug, Clone, Args)]
pub(crate) struct Queue {
    #[command(flatten)]
    of: InNetwork,
}

impl Queue {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        let ask = Ask::view(&["queue"], &self.of);
        desk.answer(&ask, |view, paper| Outcome::answered(render(view, paper)))
            .await
    }
}

pub(super) fn render(view: &QueueView, paper: &Paper) -> String {
    if view.queues.is_empty() {
        return "no rollup was read yet".to_owned();
    }
    let queues = view.queues.iter().map(|queue| one(queue, paper));
    queues.collect::<Vec<_>>().join("\n\n")
}

fn one(queue: &RollupQueue, paper: &Paper) -> String {
    let latest = if queue.is_latest == Some(true) {
        ", the latest"
    } else {
        ""
    };
    let title = format!("{} rollup {}{latest}", queue.network, queue.rollup);
    let flush = match (&queue.flush, &queue.flush_unknown_because) {
        (Some(flush), _) => format!(
            "{} an epoch of {}, {} left in epoch {}; {} validators",
            flush.flush_size,
            span(flush.epoch_seconds),
            flush.available_flushes,
            flush.current_epoch,
            number(flush.active_attesters)
        ),
        (None, why) => format!("unknown: {}", why.as_deref().unwrap_or("not read yet")),
    };
    let mut text = format!(
        "{title}\n{}",
        facts(&[
            (
                "Waiting",
                Some(format!(
                    "{}, {} of ours",
                    number(queue.length),
                    number(queue.ours)
                ))
            ),
            ("Admits", Some(flush)),
        ])
    );
    if !queue.entries.is_empty() {
        let mut sheet = Sheet::new(&["POSITION", "ATTESTER", "HOST", "EARLIEST", "EXPECTED"]);
        for entry in &queue.entries {
            sheet.row([
                number(entry.position),
                name(entry.label.as_ref(), &entry.attester),
                hosts(&entry.hosts),
                paper.when(&entry.forecast.earliest),
                paper.when(&entry.forecast.expected),
            ]);
        }
        text.push_str(&format!("\n\n{}", paper.table(&sheet)));
    }
    if queue.entries_left_out > 0 {
        text.push_str(&format!(
            "\nand {} more of ours",
            number(queue.entries_left_out)
        ));
    }
    format!("{text}\n\n{}", freshness(&queue.as_of))
}
