//! Changes of a book, told as notices.

use super::{Bureau, Desk, census_of, coinbases::Outlooks, owe};
use crate::{
    alert::{
        class::Class,
        facts::{CoinbaseFacts, Known},
        notice::{Notice, NoticeId},
        text::{Context, change, digest, standing, transition},
    },
    attester::{
        Attester, Exit, Reason, RegistrationState,
        change::{Change, Entry},
        stage::Stage,
    },
    book::{Book, fold::Outcome},
    chain::agreement::Agreement,
    keys::KeysObservation,
    state::State,
    units::{Address, AttesterAddress, RollupVersion},
    watcher::Announcer,
};

/// Endpoints that agreed, and endpoints asked; `None` = one source.
pub(super) type Sources = Option<(u64, u64)>;

/// What an agreement says on a card.
pub(super) fn sources(agreement: &Agreement) -> Sources {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    match agreement {
        Agreement::Agreed { of, total, .. } => Some((number(*of), number(*total))),
        Agreement::OneSource | Agreement::Contradiction { .. } | Agreement::Overruled { .. } => {
            None
        }
    }
}

/// One look at a network while it is changed.
pub(super) struct Scene<'a> {
    pub(super) desk: &'a Desk,
    pub(super) bureau: &'a Bureau,
    pub(super) context: &'a Context<'a>,
    pub(super) keys: Option<&'a KeysObservation>,
    pub(super) now_ms: u64,
}

impl Scene<'_> {
    /// Tells what was folded: singly what is young, in one digest what was missed long ago, nothing below the floor.
    ///
    /// `agreement` is what other endpoints said of the block, where they were asked before it was told. While the reading
    /// `is_behind` the head, what was missed is put aside.
    pub(super) fn folded(
        &self,
        state: &mut State,
        outcome: &Outcome,
        agreement: Option<&Agreement>,
        is_behind: bool,
    ) {
        let sources = agreement.and_then(sources);
        let network = self.bureau.network.as_str();
        let floor = state
            .progress
            .row(&network.to_owned())
            .map(|progress| progress.floor)
            .unwrap_or_default();
        let oldest = (self.now_ms / 1000).saturating_sub(self.bureau.single_max_age.as_secs());
        let told: Vec<&Entry> = outcome
            .changes
            .iter()
            .filter(|entry| entry.evidence.block.number > floor)
            .collect();
        let (missed, young): (Vec<&Entry>, Vec<&Entry>) = told
            .into_iter()
            .partition(|entry| entry.evidence.at.value() < oldest);
        let mut notices: Vec<Notice> = Vec::new();
        if let Some(book) = state.book(network) {
            let outlooks = Outlooks::new(book);
            notices.extend(
                young
                    .iter()
                    .filter_map(|entry| self.notice(book, &outlooks, entry, sources)),
            );
        }
        notices.extend(self.missed(state, &missed, is_behind));
        owe(state, self.bureau, self.now_ms, notices);
    }

    fn notice(
        &self,
        book: &Book,
        outlooks: &Outlooks<'_>,
        entry: &Entry,
        sources: Sources,
    ) -> Option<Notice> {
        let network = self.bureau.network.as_str();
        let seen = change::Seen {
            evidence: &entry.evidence,
            sources,
            finality: transition::Finality::Seen,
        };
        let (id, class, message) = match &entry.change {
            Change::Standing {
                attester,
                occurrence,
                ..
            } => (
                transition::notice_id(network, *attester, *occurrence),
                Class::AttesterTransition,
                self.transition(book, outlooks, entry, sources)?,
            ),
            Change::Slashed {
                attester,
                occurrence,
                ..
            } => (
                change::slashed_id(network, *attester, *occurrence),
                Class::AttesterSlashed,
                change::slashed(self.context, &slashed(book, &entry.change)?, &seen),
            ),
            Change::Provider {
                provider,
                what,
                occurrence,
            } => (
                change::provider_id(network, *provider, *occurrence),
                Class::ProviderChanged,
                change::provider(self.context, *provider, what, *occurrence, &seen),
            ),
            Change::Canonical {
                from,
                to,
                moved,
                occurrence,
                ..
            } => {
                let canonical = change::Canonical {
                    from: *from,
                    to: *to,
                    moved: *moved,
                    left: left_behind(book, *from),
                    stranded: stranded(book, *from),
                    occurrence: *occurrence,
                };
                (
                    change::canonical_id(network, *occurrence),
                    Class::CanonicalRollupChanged,
                    change::canonical(self.context, &canonical, &seen),
                )
            }
            // Told by the incident of the round.
            Change::SlashVote { .. } | Change::SlashRoundExecuted { .. } => return None,
        };
        Some(Notice {
            id,
            class,
            route: class.route(),
            message,
            row: self.row(entry),
            cause: Some(entry.evidence.block),
            reply_to: None,
        })
    }

    fn transition(
        &self,
        book: &Book,
        outlooks: &Outlooks<'_>,
        entry: &Entry,
        sources: Sources,
    ) -> Option<crate::alert::card::Message> {
        let Change::Standing {
            attester: address,
            from,
            to,
            occurrence,
        } = &entry.change
        else {
            return None;
        };
        let attester = book.attesters.row(address)?;
        let coinbase = self.coinbase(outlooks, *address, attester, to.stage);
        let is_leaving = to.stage == Stage::NoLongerActive;
        let told = transition::Transition {
            attester: *address,
            from: *from,
            to: *to,
            occurrence: *occurrence,
            evidence: &entry.evidence,
            sources,
            finality: transition::Finality::Seen,
            provider_queue: provider_place(book, attester)
                .filter(|_| to.stage == Stage::InStakingProviderQueue),
            queue: outlooks
                .of_attester(attester)
                .filter(|_| to.stage == Stage::RollupEntryQueue),
            coinbase: coinbase.as_ref(),
            balance: attester.registration.as_ref().map(|known| known.balance),
            exit: exit_of(attester).filter(|_| is_leaving),
            withdrawer: withdrawer_of(book, attester),
        };
        Some(transition::message(self.context, &told))
    }

    fn coinbase(
        &self,
        outlooks: &Outlooks<'_>,
        address: AttesterAddress,
        attester: &Attester,
        stage: Stage,
    ) -> Option<CoinbaseFacts> {
        let matters = matches!(stage, Stage::RollupEntryQueue | Stage::Active);
        let has_stake = attester.expected_stake().is_some();
        (matters && has_stake).then(|| outlooks.coinbase_facts(address, attester, self.keys))
    }

    /// The row of a change in a table of many.
    pub(super) fn row(&self, entry: &Entry) -> Vec<(String, String)> {
        let cell = |name: &str, value: String| (name.to_owned(), value);
        let mut row = match &entry.change {
            Change::Standing {
                attester, from, to, ..
            } => vec![
                cell("attester", attester.to_string()),
                cell("now", standing::state(*to)),
                cell("before", standing::state(*from)),
            ],
            Change::Slashed {
                attester,
                amount,
                left,
                ..
            } => vec![
                cell("attester", attester.to_string()),
                cell("now", format!("slashed by {amount} AZTEC")),
                cell(
                    "left",
                    left.map_or_else(|| "unknown".to_owned(), |left| format!("{left} AZTEC")),
                ),
            ],
            Change::Provider { .. }
            | Change::Canonical { .. }
            | Change::SlashVote { .. }
            | Change::SlashRoundExecuted { .. } => return Vec::new(),
        };
        if let Change::Standing { attester, .. } | Change::Slashed { attester, .. } = &entry.change
        {
            let host = (self.context.labels)(*attester).host.unwrap_or_default();
            row.push(cell("host", host));
        }
        row.push(cell("block", entry.evidence.block.number.to_string()));
        let transaction = entry
            .evidence
            .transaction
            .map(|hash| hash.to_string())
            .unwrap_or_default();
        row.push(cell("transaction", transaction));
        row
    }

    /// The summary of a first start: how things stand.
    pub(super) fn introduced(&self, state: &mut State) {
        let network = self.bureau.network.as_str();
        let ours = self.desk.ours(state, network);
        let counts = census_of(state, &ours, network).into_iter().collect();
        let Some(book) = state.book(network) else {
            return;
        };
        let chapter = book.summary();
        let id = NoticeId::new(network, "-", Class::Summary, 1, "");
        let in_keys_files = match (self.keys, self.bureau.has_keys_dir) {
            (Some(observation), _) => {
                Known::Is(u64::try_from(observation.keys.attesters.len()).unwrap_or(u64::MAX))
            }
            (None, true) => Known::unknown("the keys files were not read yet"),
            (None, false) => Known::unknown("no keys directory is configured"),
        };
        let provider = self.desk.provider(state, network);
        let what = provider.map_or_else(
            || format!("network {network}"),
            |id| format!("provider {id} on {network}"),
        );
        let summary = digest::Summary {
            what,
            id: id.clone(),
            block: chapter.cursor.number,
            at: chapter.at,
            counts,
            complete_from: Known::Is(chapter.first_block),
            in_keys_files,
            incidents: state.incidents.get(network).map_or(0, |incidents| {
                u64::try_from(incidents.open().len()).unwrap_or(u64::MAX)
            }),
        };
        let notice = Notice {
            id,
            class: Class::Summary,
            route: Class::Summary.route(),
            message: digest::summary(self.context, &summary),
            row: Vec::new(),
            cause: None,
            reply_to: None,
        };
        owe(state, self.bureau, self.now_ms, vec![notice]);
    }
}

/// The facts of a slash; `None` where the change is another.
fn slashed(book: &Book, change: &Change) -> Option<change::Slashed> {
    let Change::Slashed {
        attester,
        rollup,
        amount,
        left,
        occurrence,
    } = change
    else {
        return None;
    };
    let parameters = book
        .rollups
        .row(rollup)
        .and_then(|row| row.parameters.as_ref());
    Some(change::Slashed {
        attester: *attester,
        rollup: *rollup,
        amount: *amount,
        left: left.map_or_else(
            || Known::unknown("its registration was never seen"),
            Known::Is,
        ),
        ejection_threshold: parameters.map_or_else(
            || {
                Known::unknown(
                    "the rollup does not answer as a known release does, so its parameters are unknown",
                )
            },
            |parameters| Known::Is(parameters.local_ejection_threshold),
        ),
        total: book
            .attesters
            .row(attester)
            .map_or(*amount, |known| known.slashed),
        occurrence: *occurrence,
    })
}

/// Our attesters that validate on `from`, which was the latest rollup until now.
fn left_behind(book: &Book, from: Option<RollupVersion>) -> Vec<AttesterAddress> {
    book.attesters
        .rows()
        .filter(|(_, attester)| match attester.standing.reason {
            Reason::LeftOnRollup { rollup } => Some(rollup) == from,
            _ => false,
        })
        .filter(|(_, attester)| attester.membership.is_some())
        .map(|(address, _)| *address)
        .collect()
}

/// Our attesters that wait in the entry queue of `from` to move with the latest rollup: they will be refunded.
fn stranded(book: &Book, from: Option<RollupVersion>) -> u64 {
    let ours = book
        .entry_queue
        .rows()
        .filter(|((rollup, _), _)| Some(*rollup) == from)
        .filter(|(_, entry)| entry.moves_with_latest == Some(true))
        .filter(|(_, entry)| {
            let known = book.attesters.row(&entry.attester);
            known.is_some_and(|attester| attester.membership.is_some())
        });
    u64::try_from(ours.count()).unwrap_or(u64::MAX)
}

/// Place in the provider's queue, from 1, and its length.
fn provider_place(book: &Book, attester: &Attester) -> Option<(u64, u64)> {
    let membership = attester.membership.as_ref()?;
    let index = membership.queue_index?;
    let provider = book.providers.row(&membership.provider)?;
    Some((
        index.since(provider.first).saturating_add(1),
        provider.keys_left(),
    ))
}

fn exit_of(attester: &Attester) -> Option<transition::ExitOutlook> {
    let known = attester.registration.as_ref()?;
    let (RegistrationState::Zombie { exit } | RegistrationState::Exiting { exit }) = &known.state
    else {
        return None;
    };
    let free_at = match exit.as_ref().map(Exit::free_at) {
        Some(Some(at)) => Known::Is(at),
        Some(None) => Known::unknown("the governance's lock was not read yet"),
        None => Known::unknown("the exit was not read yet"),
    };
    Some(transition::ExitOutlook {
        amount: Known::Is(known.balance),
        free_at,
    })
}

fn withdrawer_of(book: &Book, attester: &Attester) -> Option<Address> {
    let entry = attester.entries.first()?;
    let queued = book.entry_queue.row(&(entry.rollup, entry.index))?;
    Some(queued.withdrawer)
}

#[cfg(test)]
mod tests;
