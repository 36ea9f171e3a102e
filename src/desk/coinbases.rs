//! Coinbases and places in entry queues, as facts.

use std::{cell::RefCell, collections::BTreeMap};

use itertools::{EitherOrBoth::Both, Itertools as _};

use crate::{
    alert::{
        card::Severity,
        class::Class,
        facts::{
            CoinbaseFacts, Configured as Told, Due, Facts, Known, QueueOutlook, RegressionFacts,
        },
        incident::{Finding, Rung, subject},
        text::{Context, incident},
    },
    attester::{Attester, Stage},
    book::Book,
    keys::{self, ConfiguredCoinbase, KeysObservation},
    provider::{
        coinbase::{self, CoinbaseVerdict, CommonCoinbases, Configured, Rungs},
        entry_queue::{Entry, Forecast, forecast_all},
    },
    units::{AttesterAddress, Coinbase, RollupVersion, UnixSeconds},
    views::forecast::queue_facts,
};

type Queue = Result<Vec<Option<Forecast>>, &'static str>;

/// Forecasts of one book, each queue gone through at most once.
pub(super) struct Outlooks<'a> {
    book: &'a Book,
    queues: RefCell<BTreeMap<RollupVersion, Queue>>,
}

impl<'a> Outlooks<'a> {
    pub(super) fn new(book: &'a Book) -> Self {
        Self {
            book,
            queues: RefCell::default(),
        }
    }

    /// Place and forecast of an attester that waits.
    pub(super) fn of_attester(&self, attester: &Attester) -> Option<QueueOutlook> {
        let entry = attester.entries.first()?;
        let position = self.book.position(entry.rollup, entry.index)?;
        let length = self.book.rollups.row(&entry.rollup)?.queue.len();
        let (earliest, expected) = match self.forecast(entry.rollup, position) {
            Ok(forecast) => (due(forecast.earliest), due(forecast.expected)),
            Err(why) => (Due::Unknown(why.to_owned()), Due::Unknown(why.to_owned())),
        };
        Some(QueueOutlook {
            position: position.saturating_add(1),
            length,
            earliest,
            expected,
        })
    }

    fn forecast(&self, rollup: RollupVersion, position: u64) -> Result<Forecast, &'static str> {
        let mut queues = self.queues.borrow_mut();
        let queue = queues.entry(rollup).or_insert_with(|| {
            let facts = queue_facts(self.book, rollup)?;
            Ok(forecast_all(&facts, 0..facts.length)
                .map(|(_, forecast)| forecast)
                .collect())
        });
        let queue = queue.as_ref().map_err(|why| *why)?;
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        queue
            .get(position)
            .copied()
            .flatten()
            .ok_or("the place is not in the queue")
    }

    pub(super) fn coinbase_facts(
        &self,
        address: AttesterAddress,
        attester: &Attester,
        keys: Option<&KeysObservation>,
    ) -> CoinbaseFacts {
        let stake = attester.expected_stake();
        let configured = match configured(keys, address) {
            Configured::NotInAnyFile => Told::NoKeysFile,
            Configured::Missing | Configured::Conflict(_) => Told::Missing,
            Configured::Set(coinbase) => Told::Is(coinbase),
        };
        CoinbaseFacts {
            attester: address,
            expected: stake.map_or_else(
                || Known::unknown("no delegated stake of it was seen"),
                |stake| Known::Is(stake.split),
            ),
            configured,
            stake_block: stake.map(|stake| stake.block),
            stake_transaction: stake.map(|stake| stake.transaction),
            is_active: attester.standing.stage == Stage::Active,
            queue: self.of_attester(attester),
        }
    }
}

fn due(entry: Entry) -> Due {
    match (entry.moment(), entry.held()) {
        (Some(moment), _) => Due::Is(moment.at),
        (None, held) => Due::Held(held.unwrap_or_default()),
    }
}

/// What the keys files say of an attester's coinbase.
pub(super) fn configured(keys: Option<&KeysObservation>, attester: AttesterAddress) -> Configured {
    let deployed = keys.and_then(|observation| observation.keys.attesters.get(&attester));
    keys::Configured::coinbase_of(deployed)
}

/// What the findings about coinbases are made from.
pub(super) struct Coinbases<'a> {
    pub(super) book: &'a Book,
    pub(super) keys: &'a KeysObservation,
    pub(super) common: &'a CommonCoinbases,
    pub(super) rungs: &'a Rungs,
    pub(super) context: &'a Context<'a>,
    pub(super) now: UnixSeconds,
}

impl Coinbases<'_> {
    /// Coinbases that are missing, wrong, or told in two ways; in the order in which the stakes were made.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut wrong = Vec::new();
        // Both are in order of address and walked side by side: a fleet is judged with every news, and a search per
        // attester would cost ten times as much.
        let rows = self.book.attesters.rows();
        let named = &self.keys.keys.attesters;
        for one in rows.merge_join_by(named, |(known, _), (named, _)| known.cmp(named)) {
            let Both((address, attester), (_, deployed)) = one else {
                continue;
            };
            if !matches!(
                attester.standing.stage,
                Stage::RollupEntryQueue | Stage::Active
            ) {
                continue;
            }
            let expected = attester.expected_stake().map(|stake| stake.split);
            let configured = keys::Configured::coinbase_of(Some(deployed));
            match coinbase::judge(expected, &configured, self.common) {
                CoinbaseVerdict::Missing { .. } => {
                    wrong.push((Class::CoinbaseMissing, *address, attester));
                }
                CoinbaseVerdict::Mismatch { .. } => {
                    wrong.push((Class::CoinbaseMismatch, *address, attester));
                }
                CoinbaseVerdict::Conflict { .. }
                | CoinbaseVerdict::Right
                | CoinbaseVerdict::Unknown => {}
            }
        }
        // Told in the order of the chain.
        wrong.sort_by_key(|(_, _, attester)| {
            let stake = attester.expected_stake();
            stake.map(|stake| (stake.block, stake.rollup, stake.entry))
        });
        let outlooks = Outlooks::new(self.book);
        let mut found: Vec<Finding> = wrong
            .into_iter()
            .map(|(class, address, attester)| self.finding(class, &outlooks, address, attester))
            .collect();
        found.extend(self.contradictions());
        found.extend(self.regressions());
        found
    }

    fn finding(
        &self,
        class: Class,
        outlooks: &Outlooks<'_>,
        address: AttesterAddress,
        attester: &Attester,
    ) -> Finding {
        let facts = outlooks.coinbase_facts(address, attester, Some(self.keys));
        let deadline = facts
            .queue
            .as_ref()
            .and_then(|queue| queue.earliest.moment().copied());
        let rungs = self.crossed(deadline, facts.is_active);
        let is_pressing = rungs.len().saturating_add(1) >= self.rungs.iter().count();
        let severity = if is_pressing {
            Severity::Critical
        } else {
            Severity::Warning
        };
        self.of(
            class,
            subject(&format!("{:#x}", address.address())),
            "",
            severity,
            Facts::Coinbase(facts),
            rungs,
        )
    }

    /// The rungs that are behind an attester.
    fn crossed(&self, deadline: Option<UnixSeconds>, is_active: bool) -> Vec<Rung> {
        let named = self
            .rungs
            .iter()
            .enumerate()
            .map(|(rank, rung)| (u8::try_from(rank).unwrap_or(u8::MAX), rung));
        named
            .filter(|(_, rung)| match *rung {
                coinbase::Rung::Before { seconds } => {
                    is_active
                        || deadline.is_some_and(|deadline| deadline.since(self.now) <= seconds)
                }
                coinbase::Rung::ActiveAndWrong => is_active,
            })
            .map(|(rank, rung)| Rung {
                rank,
                name: rung.name(),
            })
            .collect()
    }

    /// Two files in force that set different coinbases for one attester.
    fn contradictions(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for (attester, row) in &self.keys.keys.attesters {
            let ConfiguredCoinbase::Conflict(coinbases) = &row.coinbase else {
                continue;
            };
            let mut said = coinbases.iter().map(|(coinbase, files)| {
                (
                    *coinbase,
                    files
                        .first()
                        .map(|file| file.as_str().to_owned())
                        .unwrap_or_default(),
                )
            });
            let (Some(first), Some(second)) = (said.next(), said.next()) else {
                continue;
            };
            found.push(self.regression(*attester, first, (Some(second.0), second.1), true));
        }
        found
    }

    /// Coinbases that vanished or changed between two versions of a server's file. One that was put right is none.
    fn regressions(&self) -> Vec<Finding> {
        let rows = self.keys.keys.regressions.iter();
        let rows = rows.filter(|row| !row.now.is_some_and(|now| self.is_right(row.attester, now)));
        rows.map(|row| {
            let before = (row.was, row.old_file.as_str().to_owned());
            let now = (row.now, row.new_file.as_str().to_owned());
            self.regression(row.attester, before, now, false)
        })
        .collect()
    }

    fn is_right(&self, attester: AttesterAddress, coinbase: Coinbase) -> bool {
        let stake = self
            .book
            .attesters
            .row(&attester)
            .and_then(Attester::expected_stake);
        let expected = stake.map(|stake| stake.split);
        let set = Configured::Set(coinbase);
        coinbase::judge(expected, &set, self.common) == CoinbaseVerdict::Right
    }

    fn regression(
        &self,
        attester: AttesterAddress,
        before: (Coinbase, String),
        now: (Option<Coinbase>, String),
        is_contradiction: bool,
    ) -> Finding {
        let facts = RegressionFacts {
            attester,
            file_before: before.1,
            before: Told::Is(before.0),
            file_now: now.1.clone(),
            now: now.0.map_or(Told::Missing, Told::Is),
            is_contradiction,
        };
        let subject = subject(&format!("{:#x}", attester.address()));
        self.of(
            Class::CoinbaseRegression,
            subject,
            &now.1,
            Severity::Warning,
            Facts::Regression(facts),
            Vec::new(),
        )
    }

    fn of(
        &self,
        class: Class,
        subject: String,
        scope: &str,
        severity: Severity,
        facts: Facts,
        rungs: Vec<Rung>,
    ) -> Finding {
        let row = incident::row(self.context, &facts);
        Finding {
            class,
            subject,
            scope: scope.to_owned(),
            severity,
            facts,
            rungs,
            row,
        }
    }
}

#[cfg(test)]
mod tests;
