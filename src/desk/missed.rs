//! What happened too long ago to be told singly.

use super::changes::Scene;
use crate::{
    alert::{
        class::Class,
        notice::{Notice, NoticeId},
        text::{change, digest},
    },
    attester::change::{Change, Entry},
    missed::MissedChange,
    state::State,
};

impl Scene<'_> {
    /// One digest of what was missed, this and what earlier ranges put aside; while the reading `is_behind` the head, only
    /// where it is full.
    pub(super) fn missed(
        &self,
        state: &mut State,
        entries: &[&Entry],
        is_behind: bool,
    ) -> Option<Notice> {
        let missed = state.missed_or_new(&self.bureau.network);
        for entry in entries {
            let row = self.missed_row(entry);
            // Votes are told by the incident of their round.
            if !row.is_empty() {
                missed.note(MissedChange {
                    block: entry.evidence.block.number,
                    at: entry.evidence.at,
                    row,
                });
            }
        }
        if is_behind && !missed.is_full() {
            return None;
        }
        self.missed_digest(&missed.take())
    }

    fn missed_digest(&self, changes: &[MissedChange]) -> Option<Notice> {
        let (first, last) = (changes.first()?, changes.last()?);
        let id = NoticeId::new(
            &self.bureau.network,
            &format!("blocks-{}-{}", first.block, last.block),
            Class::MissedChanges,
            1,
            "",
        );
        let rows: Vec<Vec<(String, String)>> =
            changes.iter().map(|change| change.row.clone()).collect();
        let many = digest::Many {
            id: id.clone(),
            class: Class::MissedChanges,
            of: None,
            rows: &rows,
            at: last.at,
        };
        Some(Notice {
            id,
            class: Class::MissedChanges,
            route: Class::MissedChanges.route(),
            message: digest::missed(self.context, &many, first.at, last.at),
            row: Vec::new(),
            cause: None,
            reply_to: None,
        })
    }

    /// The row of a change, whatever changed: one that has a card of its own has a row here.
    fn missed_row(&self, entry: &Entry) -> Vec<(String, String)> {
        let (now, before) = match &entry.change {
            Change::Provider { provider, what, .. } => {
                let (now, before) = change::provider_cells(what);
                (format!("provider {provider}: {now}"), before)
            }
            Change::Canonical {
                from,
                to,
                moved,
                left,
                ..
            } => (
                format!("rollup {to} canonical: {moved} of ours moved, {left} stayed"),
                from.map_or_else(String::new, |from| format!("rollup {from}")),
            ),
            Change::Standing { .. }
            | Change::Slashed { .. }
            | Change::SlashVote { .. }
            | Change::SlashRoundExecuted { .. } => return self.row(entry),
        };
        let transaction = entry.evidence.transaction;
        let cells = [
            ("attester", String::new()),
            ("now", now),
            ("before", before),
            ("host", String::new()),
            ("block", entry.evidence.block.number.to_string()),
            (
                "transaction",
                transaction.map(|hash| hash.to_string()).unwrap_or_default(),
            ),
        ];
        cells
            .map(|(column, value)| (column.to_owned(), value))
            .to_vec()
    }
}
