//! What is the case now, of every class, and what cannot be known.

use std::collections::BTreeSet;

use super::{Bureau, Desk, RESTORED_STANDS, Restored, coinbases::Coinbases};
use crate::{
    alert::{
        class::Class,
        facts::{
            ChannelFacts, DeepReorgFacts, EndpointFacts, EndpointFault, Facts, JobFacts,
            KeysFileFacts, Known, ProviderQueueFacts, SlashFacts, StaleFacts, StrandedFacts,
            UnknownEventFacts, UnseenFacts,
        },
        incident::{EVERY_SCOPE, Finding, State as Handling, subject},
        text::{Context, incident},
    },
    book::{Book, fold::Ours, records::round_key},
    chain::{
        contracts::ContractRole,
        health::{HealthState, Trouble},
    },
    keys::KeysObservation,
    state::State,
    units::{Round, UnixSeconds},
    watcher::Announcer,
};

type Unknown = BTreeSet<(Class, String)>;

/// Everything that is found about a network.
pub(super) fn of_network(
    desk: &Desk,
    bureau: &Bureau,
    state: &State,
    keys: Option<&KeysObservation>,
    context: &Context<'_>,
    now: UnixSeconds,
) -> (Vec<Finding>, Unknown) {
    let look = Look {
        desk,
        bureau,
        state,
        keys,
        context,
        now,
    };
    let mut found = Vec::new();
    let mut unknown = Unknown::new();
    look.keys_files(&mut found, &mut unknown);
    look.endpoints(&mut found);
    look.head(&mut found, &mut unknown);
    look.stopped(&mut found);
    match state
        .book(&bureau.network)
        .filter(|book| book.summary().is_swept)
    {
        Some(book) => look.book(book, &mut found, &mut unknown),
        None => look.nothing_of_the_book(&mut unknown),
    }
    (found, unknown)
}

struct Look<'a> {
    desk: &'a Desk,
    bureau: &'a Bureau,
    state: &'a State,
    keys: Option<&'a KeysObservation>,
    context: &'a Context<'a>,
    now: UnixSeconds,
}

impl Look<'_> {
    fn of(&self, class: Class, about: &str, scope: &str, facts: Facts) -> Finding {
        let row = incident::row(self.context, &facts);
        Finding {
            class,
            subject: subject(about),
            scope: scope.to_owned(),
            severity: class.severity(),
            facts,
            rungs: Vec::new(),
            row,
        }
    }

    fn keys_files(&self, found: &mut Vec<Finding>, unknown: &mut Unknown) {
        let Some(observation) = self.keys else {
            if self.bureau.has_keys_dir {
                unknown.insert((Class::KeysFileInvalid, EVERY_SCOPE.to_owned()));
            }
            return;
        };
        let keys = &observation.keys;
        let faults = keys.faults.iter().map(|fault| (fault, false));
        let doubts = keys.doubts.iter().map(|doubt| (doubt, true));
        for (fault, is_odd) in faults.chain(doubts) {
            let kept = keys.kept.get(&fault.path);
            let file = fault.path.as_str().to_owned();
            let facts = KeysFileFacts {
                file: file.clone(),
                line: fault
                    .position
                    .and_then(|position| u64::try_from(position.line).ok()),
                fault: format!("{}. {}", fault.what.trim_end_matches('.'), fault.next_step),
                good_since: kept.map(|kept| kept.read_at),
                attester_count: kept.map_or(0, |kept| count(kept.attesters)),
                is_odd,
            };
            found.push(self.of(Class::KeysFileInvalid, &file, &file, Facts::KeysFile(facts)));
        }
    }

    fn endpoints(&self, found: &mut Vec<Finding>) {
        let Some(endpoints) = &self.bureau.endpoints else {
            return;
        };
        let health = endpoints.health();
        let total = u64::try_from(health.len()).unwrap_or(u64::MAX);
        let well = health
            .iter()
            .filter(|endpoint| endpoint.state == HealthState::Healthy)
            .count();
        let healthy = u64::try_from(well).unwrap_or(u64::MAX);
        let mut worst_since = self.now;
        for endpoint in health
            .iter()
            .filter(|endpoint| endpoint.state != HealthState::Healthy)
        {
            worst_since = worst_since.min(endpoint.since);
            let name = endpoint.endpoint.as_str();
            let fault = endpoint
                .trouble
                .map_or(EndpointFault::Silent, endpoint_fault);
            let facts = EndpointFacts {
                endpoint: name.to_owned(),
                fault,
                detail: endpoint.last_error.clone(),
                since: endpoint.since,
                healthy,
                total,
            };
            found.push(self.of(Class::EndpointUnhealthy, name, name, Facts::Endpoint(facts)));
        }
        if healthy == 0 && total > 0 {
            let facts = UnseenFacts {
                total,
                since: worst_since,
                last_block: self
                    .state
                    .book(&self.bureau.network)
                    .map(|book| book.summary().cursor.number),
                detail: health
                    .first()
                    .and_then(|endpoint| endpoint.last_error.clone()),
            };
            found.push(self.of(Class::NetworkUnseen, "-", "", Facts::Unseen(facts)));
        }
    }

    fn head(&self, found: &mut Vec<Finding>, unknown: &mut Unknown) {
        let Some(age_max) = self.bureau.head_age_max else {
            return;
        };
        let progress = self.state.progress.row(&self.bureau.network);
        let Some(progress) = progress.filter(|progress| progress.head_at.value() > 0) else {
            unknown.insert((Class::HeadStale, EVERY_SCOPE.to_owned()));
            return;
        };
        if self.now.since(progress.head_at) > age_max.as_secs() {
            let facts = StaleFacts {
                block: progress.head,
                at: progress.head_at,
                endpoints: 1,
            };
            found.push(self.of(Class::HeadStale, "-", "", Facts::Stale(facts)));
        }
    }

    fn stopped(&self, found: &mut Vec<Finding>) {
        let Some(progress) = self.state.progress.row(&self.bureau.network) else {
            return;
        };
        if progress.stopped.is_some() {
            let impasse = progress.impasse;
            let facts = DeepReorgFacts {
                depth: impasse.map_or(0, |impasse| impasse.depth_min),
                finalised: progress.finalized.map(|block| block.number),
                fork: None,
                is_undo_exhausted: impasse.is_some_and(|impasse| impasse.is_undo_exhausted),
            };
            found.push(self.of(Class::DeepReorg, "-", "", Facts::DeepReorg(facts)));
        }
    }

    /// While the book is not swept at the head, nothing that rests on it is judged.
    fn nothing_of_the_book(&self, unknown: &mut Unknown) {
        let classes = [
            Class::CoinbaseMissing,
            Class::CoinbaseMismatch,
            Class::CoinbaseRegression,
            Class::SlashVotes,
            Class::ProviderQueueEmpty,
            Class::StrandedInEntryQueue,
            Class::UnknownEvent,
            Class::FoldMismatch,
            Class::HistoryMissing,
        ];
        unknown.extend(
            classes
                .into_iter()
                .map(|class| (class, EVERY_SCOPE.to_owned())),
        );
    }

    fn book(&self, book: &Book, found: &mut Vec<Finding>, unknown: &mut Unknown) {
        let ours = self.desk.ours(self.state, &self.bureau.network);
        match self.keys {
            Some(keys) => {
                let (common, rungs) = (&self.bureau.common, &self.bureau.rungs);
                let coinbases = Coinbases {
                    book,
                    keys,
                    common,
                    rungs,
                    context: self.context,
                    now: self.now,
                };
                found.extend(coinbases.findings());
            }
            None => unknown.extend(
                [
                    Class::CoinbaseMissing,
                    Class::CoinbaseMismatch,
                    Class::CoinbaseRegression,
                ]
                .map(|class| (class, EVERY_SCOPE.to_owned())),
            ),
        }
        self.provider_queue(book, &ours, found);
        self.stranded(book, &ours, found);
        self.unknown_events(book, found);
        self.slash_votes(book, &ours, found);
        for (class, about, facts) in
            super::doubts::of(self.state, &self.bureau.network, book, self.now)
        {
            found.push(self.of(class, &about, "", facts));
        }
    }

    fn provider_queue(&self, book: &Book, ours: &Ours, found: &mut Vec<Finding>) {
        for provider in &ours.providers {
            let Some(row) = book.providers.row(provider).filter(|row| row.added > 0) else {
                continue;
            };
            if row.keys_left() == 0 {
                let facts = ProviderQueueFacts {
                    provider: *provider,
                    keys_left: 0,
                    empty_since: None,
                };
                let about = format!("provider-{provider}");
                found.push(self.of(
                    Class::ProviderQueueEmpty,
                    &about,
                    "",
                    Facts::ProviderQueue(facts),
                ));
            }
        }
    }

    fn stranded(&self, book: &Book, ours: &Ours, found: &mut Vec<Finding>) {
        let Some(latest) = book.latest() else { return };
        for ((rollup, index), entry) in book.entry_queue.rows() {
            let is_stuck = *rollup != latest.version && entry.moves_with_latest == Some(true);
            if !is_stuck || !ours.has(entry.attester, book.attesters.row(&entry.attester)) {
                continue;
            }
            let facts = StrandedFacts {
                attester: entry.attester,
                rollup: *rollup,
                canonical: latest.version,
                position: book
                    .position(*rollup, *index)
                    .map(|place| place.saturating_add(1)),
                withdrawer: Some(entry.withdrawer),
            };
            let about = format!("{:#x}", entry.attester.address());
            found.push(self.of(
                Class::StrandedInEntryQueue,
                &about,
                "",
                Facts::Stranded(facts),
            ));
        }
    }

    fn unknown_events(&self, book: &Book, found: &mut Vec<Finding>) {
        let contracts = book.contracts();
        for ((contract, topic), row) in book.unknown_events.rows() {
            let role = match contracts.get(contract) {
                Some(ContractRole::Registry) => "Registry".to_owned(),
                Some(ContractRole::Rollup(version)) => format!("Rollup {version}"),
                Some(ContractRole::Gse) => "GSE".to_owned(),
                Some(ContractRole::Slasher(version)) => format!("Slasher of rollup {version}"),
                Some(ContractRole::SlashingProposer(version)) => {
                    format!("SlashingProposer of rollup {version}")
                }
                Some(ContractRole::StakingRegistry) => "StakingRegistry".to_owned(),
                None => "a contract that is no longer watched".to_owned(),
            };
            let facts = UnknownEventFacts {
                contract: *contract,
                role,
                topic: *topic,
                count: row.count,
                first_block: row.first_block.number,
                detail: (!row.detail.is_empty()).then(|| row.detail.clone()),
            };
            let about = format!("{contract:#x}-{topic:#x}");
            found.push(self.of(Class::UnknownEvent, &about, "", Facts::UnknownEvent(facts)));
        }
    }

    fn slash_votes(&self, book: &Book, ours: &Ours, found: &mut Vec<Finding>) {
        for ((version, round), row) in book.rounds.rows() {
            let Some(rollup) = book.rollups.row(version) else {
                continue;
            };
            let slashing = rollup
                .slashing
                .iter()
                .find(|slashing| slashing.proposer == row.contract);
            let (Some(tally), Some(slashing), Some(parameters)) =
                (&row.tally, slashing, &rollup.parameters)
            else {
                continue;
            };
            let round = Round::new(round.value());
            debug_assert_eq!(
                round_key(*version, round),
                (*version, crate::units::QueueIndex::new(round.value()))
            );
            // A round can be executed in the round after the delay (`isRoundReadyToExecute`).
            let slots = round
                .saturating_add(slashing.execution_delay_rounds)
                .saturating_add(1)
                .value()
                .saturating_mul(slashing.round_size);
            let at = parameters
                .genesis
                .saturating_add(slots.saturating_mul(parameters.slot_duration_seconds));
            for (attester, amount) in tally {
                let known = book.attesters.row(attester);
                if !ours.has(*attester, known) || row.is_executed {
                    continue;
                }
                let balance = known
                    .and_then(|known| known.registration.as_ref())
                    .map(|known| known.balance);
                let facts = SlashFacts {
                    attester: *attester,
                    rollup: *version,
                    round,
                    quorum: slashing.quorum,
                    votes: row.votes,
                    amount: Known::Is(*amount),
                    balance: balance.map_or_else(
                        || Known::unknown("its registration was not seen"),
                        Known::Is,
                    ),
                    ejection_threshold: Known::Is(parameters.local_ejection_threshold),
                    executable_at: Known::Is(at),
                    is_executed: row.is_executed,
                };
                let about = format!("{:#x}-{version}-{round}", attester.address());
                found.push(self.of(Class::SlashVotes, &about, "", Facts::Slash(facts)));
            }
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

const fn endpoint_fault(trouble: Trouble) -> EndpointFault {
    match trouble {
        Trouble::Silent => EndpointFault::Silent,
        Trouble::Limits => EndpointFault::Limits,
        Trouble::Refuses => EndpointFault::Refuses,
        Trouble::Lags(blocks) => EndpointFault::Lags(blocks),
        Trouble::Contradicted => EndpointFault::Contradicted,
        Trouble::WrongChain { found, expected } => EndpointFault::WrongChain { found, expected },
    }
}

/// What is found about the house itself.
pub(super) fn of_house(
    state: &State,
    bureau: &Bureau,
    restored: Option<&Restored>,
    context: &Context<'_>,
    now: UnixSeconds,
) -> Vec<Finding> {
    let of = |class: Class, about: &str, facts: Facts| {
        let row = incident::row(context, &facts);
        let severity = class.severity();
        Finding {
            class,
            subject: subject(about),
            scope: String::new(),
            severity,
            facts,
            rungs: Vec::new(),
            row,
        }
    };
    let mut found = Vec::new();
    for trouble in state.outbox.unreachable() {
        let waiting = state
            .outbox
            .counts()
            .iter()
            .filter(|((channel, name), _)| *channel == trouble.channel && *name == "pending")
            .map(|(_, count)| u64::try_from(*count).unwrap_or(u64::MAX))
            .sum();
        let fallback = bureau
            .routes
            .channels
            .values()
            .flatten()
            .find(|channel| **channel != trouble.channel);
        let facts = ChannelFacts {
            channel: trouble.channel.0,
            detail: trouble.reason.clone(),
            fallback: fallback.map(|channel| channel.0),
            waiting,
        };
        found.push(of(
            Class::ChannelUnreachable,
            &trouble.channel.0.to_string(),
            Facts::Channel(facts),
        ));
    }
    for job in state.jobs.troubled() {
        let facts = JobFacts {
            job: job.id.to_string(),
            kind: job.kind.name().to_owned(),
            attempts: u64::from(job.attempts),
            detail: job.reason.clone().unwrap_or_default(),
            is_unclear: matches!(job.state, crate::jobs::State::Unclear),
        };
        found.push(of(
            Class::JobExhausted,
            &format!("job-{}", job.id),
            Facts::Job(facts),
        ));
    }
    if let Some(restored) = restored.filter(|restored| restored.stands(state, now)) {
        found.push(of(
            Class::StoreRestored,
            &restored.subject(),
            Facts::Restored(restored.facts.clone()),
        ));
    }
    found
}

impl Restored {
    fn subject(&self) -> String {
        format!("store-{}", self.at)
    }

    /// It stands until somebody acknowledged it, and no longer than [`RESTORED_STANDS`]. It is raised once.
    fn stands(&self, state: &State, now: UnixSeconds) -> bool {
        if now.since(self.at) > RESTORED_STANDS.as_secs() {
            return false;
        }
        let incidents = state.incidents.get(crate::state::HOUSE);
        let subject = subject(&self.subject());
        let known = incidents.and_then(|incidents| {
            let mut rows = incidents.rows.rows().map(|(_, incident)| incident);
            rows.find(|one| one.class == Class::StoreRestored && one.subject == subject)
        });
        known.is_none_or(|incident| matches!(incident.state, Handling::Open | Handling::Snoozed(_)))
    }
}
