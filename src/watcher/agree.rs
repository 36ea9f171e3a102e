//! Whether other endpoints say the same of a block with news, asked before anything of it is committed.
//!
//! A block is rehearsed: folded, told, and rolled back. Where that raises an alert, the others are asked, and the block is
//! committed with what they said. What a majority contradicts is never told: whoever said it rests, and the next endpoint is
//! asked. Where nobody else answers in time, the card says "one source", and the question stays owed to later steps.

use std::{collections::BTreeSet, time::Duration};

use super::{
    Happening, WatchError, Watcher,
    follow::{Account, Part, Trust},
    progress::Progress,
};
use crate::{
    attester::change::Change,
    book::{
        fold::Outcome,
        question::Question,
        records::{Disagreement, OwedAgreement, Said},
    },
    chain::{
        Call, CallAnswer, EndpointName, Header, LogFilter,
        agreement::{Agreement, Testimony},
    },
    state::State,
    store::table::{Record, Table},
    units::{AttesterAddress, BlockNumber, UnixSeconds},
    writer::CommitError,
};

/// How long other endpoints are waited for: half an L1 slot.
pub const AGREEMENT_TIMEOUT: Duration = Duration::from_secs(6);

/// Contradictions that are kept; the oldest give way.
const DISAGREEMENTS_MAX: usize = 64;

/// Views that other endpoints are asked to confirm: what the smallest gas cap allows in one aggregate.
const HEARD_MAX: usize = 100;

/// Blocks whose agreement is owed at most; the oldest give way, and their cards keep "one source".
pub const OWED_MAX: usize = 16;

/// How often others are asked again about one block: after 12, 24, 48, 96, 192 and 384 s, which is 63 of the 128 blocks
/// whose state a full node holds.
pub const OWED_TRIES_MAX: u32 = 6;

/// Pause before the first time others are asked again: an L1 slot.
const OWED_PAUSE_SECONDS: u64 = 12;

/// What was heard of a block beside its logs, and from whom.
#[derive(Debug)]
pub(super) struct Heard {
    /// Whether others may be asked to confirm it; else nothing is kept, for the views of a large fleet are large.
    is_wanted: bool,
    answers: Vec<(Question, Call, CallAnswer)>,
    sources: BTreeSet<EndpointName>,
}

impl Heard {
    pub(super) const fn new(is_wanted: bool) -> Self {
        Self {
            is_wanted,
            answers: Vec::new(),
            sources: BTreeSet::new(),
        }
    }

    pub(super) fn take(
        &mut self,
        source: EndpointName,
        answers: impl IntoIterator<Item = (Question, Call, CallAnswer)>,
    ) {
        if self.is_wanted {
            self.sources.insert(source);
            self.answers.extend(answers);
        }
    }

    /// What others are to confirm: the views of the attesters that changed, what was asked of contracts, other views.
    fn telling(&self, changed: &BTreeSet<AttesterAddress>) -> (Vec<Call>, Vec<CallAnswer>) {
        let rank = |question: &Question| match question {
            Question::View { attester, .. }
            | Question::FollowsLatest { attester, .. }
            | Question::KeyOwned { attester, .. } => {
                if changed.contains(attester) {
                    0
                } else {
                    2
                }
            }
            _ => 1,
        };
        let mut telling: Vec<_> = self.answers.iter().collect();
        telling.sort_by_key(|(question, _, _)| rank(question));
        let telling = telling.into_iter().take(HEARD_MAX);
        telling
            .map(|(_, call, answer)| (call.clone(), answer.clone()))
            .unzip()
    }
}

/// What others made of a block.
#[derive(Debug)]
pub(super) struct Heeded {
    pub(super) agreement: Agreement,
    ours: Testimony,
    calls: Vec<Call>,
}

/// The decision that was only rehearsed.
enum Rehearsed {
    Done(Outcome, bool),
    Refused(WatchError),
}

impl Watcher {
    /// Whether there are others, and a network that alerts are raised of.
    pub(super) fn may_ask_others(&self, progress: &Progress) -> bool {
        self.endpoints.voters() > 1 && progress.is_introduced
    }

    /// Asks the others about a block that would raise an alert; `None` where it would not, or where there are no others.
    pub(super) async fn heed(
        &self,
        header: &Header,
        account: &Account,
        trust: Trust,
    ) -> Result<Option<Heeded>, WatchError> {
        let before = self.progress().await;
        if !self.may_ask_others(&before) {
            return Ok(None);
        }
        let rehearsed = self
            .writer
            .commit(|state: &mut State, extra| {
                let decided = self.decide(state, extra, header, account, trust, Part::Rehearsal);
                Err::<(), _>(match decided {
                    Ok(outcome) => {
                        let is_news = !outcome.changes.is_empty()
                            || state.progress_of(self.network()).faults != before.faults
                            || state.outbox.is_touched();
                        Rehearsed::Done(outcome, is_news)
                    }
                    Err(error) => Rehearsed::Refused(error),
                })
            })
            .await;
        let outcome = match rehearsed {
            Ok(()) | Err(CommitError::Refused(Rehearsed::Done(_, false))) => return Ok(None),
            Err(CommitError::Refused(Rehearsed::Done(outcome, true))) => outcome,
            Err(CommitError::Refused(Rehearsed::Refused(error))) => return Err(error),
            Err(CommitError::Store(error)) => return Err(error.into()),
        };
        let page = &account.page;
        let (calls, answers) = account.heard.telling(&changed_by(&outcome));
        let ours = Testimony::of(page.source.clone(), &page.logs, &answers);
        let filter = LogFilter {
            addresses: page.contracts.clone(),
            topics: Vec::new(),
        };
        let asked = self
            .endpoints
            .agree(header, &filter, &calls, ours.clone(), AGREEMENT_TIMEOUT);
        let agreement = asked.await;
        Ok(Some(Heeded {
            agreement,
            ours,
            calls,
        }))
    }

    /// Where a majority contradicts the account: lets those rest who gave it, and writes down who said what.
    /// Says whether it did.
    pub(super) async fn is_overruled(
        &self,
        header: &Header,
        account: &Account,
        heeded: &Heeded,
    ) -> Result<bool, WatchError> {
        let Agreement::Overruled { instead, .. } = &heeded.agreement else {
            return Ok(false);
        };
        let mut out = BTreeSet::new();
        if heeded.ours.logs_digest != instead.logs_digest {
            out.insert(account.page.source.clone());
        }
        if heeded.ours.answers_digest != instead.answers_digest {
            out.extend(account.heard.sources.iter().cloned());
        }
        for endpoint in &out {
            self.endpoints.overrule(endpoint, header);
        }
        let network = self.network();
        tracing::warn!(network, block.number = %header.block.number, endpoints = ?out, "overruled");
        let disagreement = disagreement(header, &heeded.ours, &heeded.agreement, out);
        self.writer
            .commit(|state: &mut State, _| {
                note_disagreement(state, network, disagreement);
                self.announcer
                    .announce(state, network, &self.told(Happening::Tick));
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(true)
    }

    /// Writes down what others said of a block, in the commit that tells it.
    pub(super) fn note_agreement(&self, state: &mut State, header: &Header, heeded: &Heeded) {
        let Heeded {
            agreement,
            ours,
            calls,
        } = heeded;
        let network = self.network();
        let row = disagreement(header, ours, agreement, BTreeSet::new());
        note_disagreement(state, network, row);
        let Some(book) = state.books.get_mut(network) else {
            return;
        };
        if matches!(agreement, Agreement::Agreed { .. }) {
            return;
        }
        let mut owed = OwedAgreement {
            block: header.block,
            ours: ours.clone(),
            calls: calls.clone(),
            tries: 0,
            again_at: UnixSeconds::default(),
        };
        postpone(&mut owed, self.clock.now());
        book.owed_agreements.put(header.block.number, owed);
        keep_newest(&mut book.owed_agreements, OWED_MAX);
    }

    /// Asks others again about the oldest block that was told by one source only, where it is time.
    pub(super) async fn ask_again(&self) -> Result<(), WatchError> {
        let Some((owed, place)) = self.owed().await else {
            return Ok(());
        };
        let Some((at, filter)) = place else {
            return self.settle_owed(&owed, None).await;
        };
        let asked = self.endpoints.agree(
            &at,
            &filter,
            &owed.calls,
            owed.ours.clone(),
            AGREEMENT_TIMEOUT,
        );
        let agreement = asked.await;
        if matches!(agreement, Agreement::Overruled { .. }) {
            return self.disown(&at, &owed, &agreement).await;
        }
        self.settle_owed(&owed, Some((&at, &agreement))).await
    }

    /// The block about which others are to be asked now, with its header and filter where it is still in the book.
    async fn owed(&self) -> Option<(OwedAgreement, Option<(Header, LogFilter)>)> {
        let now = self.clock.now();
        let state = self.writer.read().await;
        let book = state.book(self.network())?;
        let mut rows = book.owed_agreements.rows().map(|(_, owed)| owed);
        let owed = rows
            .find(|owed| owed.again_at <= now && self.endpoints.has_witness(&owed.ours.endpoint))?;
        let row = book.blocks.row(&owed.block.number);
        let place = row.filter(|row| row.hash == owed.block.hash).map(|row| {
            let header = Header {
                block: owed.block,
                parent_hash: row.parent,
                timestamp: row.at,
                logs_bloom: Default::default(),
            };
            let filter = LogFilter {
                addresses: row.contracts.clone(),
                topics: Vec::new(),
            };
            (header, filter)
        });
        Some((owed.clone(), place))
    }

    /// Writes down what came of asking again: agreed, to be asked once more, or given up.
    async fn settle_owed(
        &self,
        owed: &OwedAgreement,
        asked: Option<(&Header, &Agreement)>,
    ) -> Result<(), WatchError> {
        let (network, now) = (self.network(), self.clock.now());
        let number = owed.block.number;
        self.writer
            .commit(|state: &mut State, _| {
                let is_over = match asked {
                    None | Some((_, Agreement::Agreed { .. })) => true,
                    Some(_) => owed.tries >= OWED_TRIES_MAX,
                };
                let Some(book) = state.books.get_mut(network) else {
                    return Ok::<_, WatchError>(());
                };
                if is_over {
                    book.owed_agreements.remove(&number);
                } else {
                    book.owed_agreements
                        .change(&number, |owed| postpone(owed, now));
                }
                let Some((at, agreement)) = asked else {
                    return Ok(());
                };
                let row = disagreement(at, &owed.ours, agreement, BTreeSet::new());
                note_disagreement(state, network, row);
                let block = at.block;
                let happening = Happening::Agreed { block, agreement };
                self.announcer
                    .announce(state, network, &self.told(happening));
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// A majority contradicts a block that was told: takes it back, and lets its source rest, so that it is read from another.
    async fn disown(
        &self,
        at: &Header,
        owed: &OwedAgreement,
        agreement: &Agreement,
    ) -> Result<(), WatchError> {
        let network = self.network();
        let source = &owed.ours.endpoint;
        self.endpoints.overrule(source, at);
        let out = BTreeSet::from([source.clone()]);
        let row = disagreement(at, &owed.ours, agreement, out);
        self.writer
            .commit(|state: &mut State, _| {
                note_disagreement(state, network, row);
                if let Some(book) = state.books.get_mut(network) {
                    book.owed_agreements.remove(&owed.block.number);
                }
                self.announcer
                    .announce(state, network, &self.told(Happening::Tick));
                Ok::<_, WatchError>(())
            })
            .await?;
        self.take_back_from(at).await
    }
}

fn postpone(owed: &mut OwedAgreement, now: UnixSeconds) {
    let pause = OWED_PAUSE_SECONDS << owed.tries.min(OWED_TRIES_MAX);
    owed.again_at = now.saturating_add(pause);
    owed.tries = owed.tries.saturating_add(1);
}

/// The attesters that changed.
fn changed_by(outcome: &Outcome) -> BTreeSet<AttesterAddress> {
    let changes = outcome.changes.iter();
    changes
        .filter_map(|entry| match &entry.change {
            Change::Standing { attester, .. } | Change::Slashed { attester, .. } => Some(*attester),
            Change::Provider { .. }
            | Change::Canonical { .. }
            | Change::SlashVote { .. }
            | Change::SlashRoundExecuted { .. } => None,
        })
        .collect()
}

fn note_disagreement(state: &mut State, network: &str, row: Option<Disagreement>) {
    let (Some(book), Some(row)) = (state.books.get_mut(network), row) else {
        return;
    };
    book.disagreements.put(row.block.number, row);
    keep_newest(&mut book.disagreements, DISAGREEMENTS_MAX);
}

fn keep_newest<R: Record<Key = BlockNumber>>(table: &mut Table<R>, most: usize) {
    let over = table.len().saturating_sub(most);
    let oldest: Vec<BlockNumber> = table.rows().take(over).map(|(number, _)| *number).collect();
    for number in oldest {
        table.remove(&number);
    }
}

/// What is written down of an agreement that is none: who said what, dissenters of a majority included.
fn disagreement(
    at: &Header,
    ours: &Testimony,
    agreement: &Agreement,
    out: BTreeSet<EndpointName>,
) -> Option<Disagreement> {
    let said: Vec<&Testimony> = match agreement {
        Agreement::OneSource => return None,
        Agreement::Agreed { dissent, .. } if dissent.is_empty() => return None,
        Agreement::Agreed { dissent, .. } => std::iter::once(ours).chain(dissent).collect(),
        Agreement::Contradiction { said } | Agreement::Overruled { said, .. } => {
            said.iter().collect()
        }
    };
    let said_by = |testimony: &Testimony| Said {
        endpoint: testimony.endpoint.clone(),
        logs: testimony.logs,
        digest: testimony.digest(),
    };
    Some(Disagreement {
        block: at.block,
        at: at.timestamp,
        said: said.into_iter().map(said_by).collect(),
        out: out.into_iter().collect(),
    })
}
