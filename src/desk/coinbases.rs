//! Coinbases and places in entry queues, as facts.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    alert::{
        card::Severity,
        class::Class,
        facts::{CoinbaseFacts, Configured as Told, Facts, Known, QueueOutlook, RegressionFacts},
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
            Ok(forecast) => (known(forecast.earliest), known(forecast.expected)),
            Err(why) => (Known::unknown(why), Known::unknown(why)),
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

fn known(entry: Entry) -> Known<UnixSeconds> {
    match entry {
        Entry::At(moment) => Known::Is(moment.at),
        Entry::Gated { needs } => {
            Known::unknown(format!("the queue is gated until {needs} more wait in it"))
        }
        Entry::Closed => Known::unknown("by its configuration the rollup admits nobody"),
    }
}

/// What the keys files say of an attester's coinbase.
pub(super) fn configured(keys: Option<&KeysObservation>, attester: AttesterAddress) -> Configured {
    said(keys.and_then(|observation| observation.keys.attesters.get(&attester)))
}

fn said(deployed: Option<&keys::Configured>) -> Configured {
    match deployed.map(|deployed| &deployed.coinbase) {
        None => Configured::NotInAnyFile,
        Some(ConfiguredCoinbase::Missing) => Configured::Missing,
        Some(ConfiguredCoinbase::Set(coinbase)) => Configured::Set(*coinbase),
        Some(ConfiguredCoinbase::Conflict(coinbases)) => {
            Configured::Conflict(coinbases.keys().copied().collect())
        }
    }
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
        let mut rows = self.book.attesters.rows().peekable();
        for (address, deployed) in &self.keys.keys.attesters {
            while rows.next_if(|(known, _)| *known < address).is_some() {}
            let Some((_, attester)) = rows.next_if(|(known, _)| *known == address) else {
                continue;
            };
            if !matches!(
                attester.standing.stage,
                Stage::RollupEntryQueue | Stage::Active
            ) {
                continue;
            }
            let expected = attester.expected_stake().map(|stake| stake.split);
            let configured = said(Some(deployed));
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
            .and_then(|queue| queue.earliest.value().copied());
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
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        alert::text::fixtures,
        attester::{Stake, StakeFate, Standing},
        units::{Address, B256, BlockNumber, QueueIndex},
    };

    fn address(number: u16) -> AttesterAddress {
        let mut bytes = [0; 20];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        AttesterAddress::new(Address::from(bytes))
    }

    /// One that waits and is to have the coinbase `0xc1…`.
    fn queued() -> Attester {
        let stake = Stake {
            rollup: RollupVersion::new(1),
            split: fixtures::split(0xc1),
            entry: QueueIndex::new(1),
            block: BlockNumber::new(1),
            at: UnixSeconds::new(1),
            transaction: B256::ZERO,
            fate: StakeFate::Queued,
        };
        Attester {
            stakes: vec![stake].into(),
            standing: Standing {
                stage: Stage::RollupEntryQueue,
                ..Standing::default()
            },
            ..Attester::default()
        }
    }

    proptest! {
        /// Whoever the book and the keys files hold, what is found is what a search for each attester finds.
        #[test]
        fn every_attester_of_both_is_found(
            staked in prop::collection::btree_set(0_u16..64, 0..40),
            deployed in prop::collection::btree_map(0_u16..64, prop::option::of(0xc0_u8..0xc3), 0..40),
        ) {
            let mut book = Book::new("testnet");
            for number in &staked {
                book.attesters.put(address(*number), queued());
            }
            let configured = |coinbase: &Option<u8>| keys::Configured {
                coinbase: coinbase.map_or(ConfiguredCoinbase::Missing, |byte| {
                    ConfiguredCoinbase::Set(fixtures::split(byte))
                }),
                hosts: Vec::new(),
                files: Vec::new(),
            };
            let rows = deployed.iter().map(|(number, coinbase)| (address(*number), configured(coinbase)));
            let keys = keys::Keys { attesters: rows.collect(), ..keys::Keys::default() };
            let keys = KeysObservation {
                keys: Arc::new(keys),
                read_at: UnixSeconds::new(1),
                changed: true,
            };
            let explorer = fixtures::explorer();
            let look = Coinbases {
                book: &book,
                keys: &keys,
                common: &CommonCoinbases::default(),
                rungs: &Rungs::default(),
                context: &fixtures::context(&explorer),
                now: UnixSeconds::new(2),
            };
            let found: Vec<(Class, String)> = look
                .findings()
                .into_iter()
                .map(|finding| (finding.class, finding.subject))
                .collect();
            let wanted: Vec<(Class, String)> = deployed
                .iter()
                .filter(|(number, coinbase)| staked.contains(number) && **coinbase != Some(0xc1))
                .map(|(number, coinbase)| {
                    let class = match coinbase {
                        None => Class::CoinbaseMissing,
                        Some(_) => Class::CoinbaseMismatch,
                    };
                    (class, subject(&format!("{:#x}", address(*number).address())))
                })
                .collect();
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_coinbase_that_a_new_version_puts_right_is_no_regression() {
        let mut book = Book::new("testnet");
        book.attesters.put(address(1), queued());
        let regression = |now: Option<u8>| keys::CoinbaseRegression {
            attester: address(1),
            server: keys::Host::new("a"),
            was: fixtures::split(0xc0),
            now: now.map(fixtures::split),
            old_file: keys::KeysFileName::new("testnet-keys-a-v1.json"),
            new_file: keys::KeysFileName::new("testnet-keys-a-v2.json"),
        };
        let explorer = fixtures::explorer();
        for (now, count) in [(Some(0xc1), 0), (Some(0xc2), 1), (None, 1)] {
            let keys = KeysObservation {
                keys: Arc::new(keys::Keys {
                    regressions: vec![regression(now)],
                    ..keys::Keys::default()
                }),
                read_at: UnixSeconds::new(1),
                changed: true,
            };
            let look = Coinbases {
                book: &book,
                keys: &keys,
                common: &CommonCoinbases::default(),
                rungs: &Rungs::default(),
                context: &fixtures::context(&explorer),
                now: UnixSeconds::new(2),
            };
            assert_eq!(look.findings().len(), count, "{now:?}");
        }
    }

    /// Three stakes of one block, by other places than by address.
    #[test]
    fn missing_coinbases_are_found_in_the_order_of_the_stakes() {
        let mut book = Book::new("testnet");
        let mut keys = keys::Keys::default();
        for (byte, place) in [(1, 9), (2, 7), (3, 8)] {
            let stake = Stake {
                rollup: RollupVersion::new(1),
                split: fixtures::split(byte),
                entry: QueueIndex::new(place),
                block: BlockNumber::new(100),
                at: UnixSeconds::new(1),
                transaction: B256::repeat_byte(byte),
                fate: StakeFate::Queued,
            };
            let standing = Standing {
                stage: Stage::RollupEntryQueue,
                ..Standing::default()
            };
            let row = Attester {
                stakes: vec![stake].into(),
                standing,
                ..Attester::default()
            };
            book.attesters.put(fixtures::attester(byte), row);
            let row = keys::Configured {
                coinbase: ConfiguredCoinbase::Missing,
                hosts: Vec::new(),
                files: Vec::new(),
            };
            keys.attesters.insert(fixtures::attester(byte), row);
        }
        let keys = KeysObservation {
            keys: Arc::new(keys),
            read_at: UnixSeconds::new(1),
            changed: true,
        };
        let explorer = fixtures::explorer();
        let found = Coinbases {
            book: &book,
            keys: &keys,
            common: &CommonCoinbases::default(),
            rungs: &Rungs::default(),
            context: &fixtures::context(&explorer),
            now: UnixSeconds::new(2),
        };
        let subjects: Vec<String> = found
            .findings()
            .into_iter()
            .map(|one| one.subject)
            .collect();
        let expected =
            [2, 3, 1].map(|byte| subject(&format!("{:#x}", fixtures::attester(byte).address())));
        assert_eq!(subjects, expected);
    }
}
