//! What is asked about one block near the head: its logs, and views pinned to it.
//!
//! Logs and answers of one observation come from one endpoint. A lagging endpoint is asked again before it is blamed;
//! an empty answer that the header's bloom does not explain is asked again elsewhere.

use futures::future::Future;

use super::{
    BlockTag, Call, CallAnswer, ChainError, EndpointName, Header, Log, LogFilter, bloom,
    endpoints::{Endpoints, Failures},
    member::Member,
};
use crate::units::{BlockNumber, Bytes};

/// How often an endpoint that holds a block and yet does not answer about it is asked again.
const ASKED_AGAIN_MAX: u32 = 2;

/// What one endpoint said about one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The wanted logs, in the order of the block.
    pub logs: Vec<Log>,
    /// The answers, in the order of the calls.
    pub answers: Vec<CallAnswer>,
    /// Who said so.
    pub source: EndpointName,
    /// Who else found no logs, where the header's bloom left that open.
    pub confirmed_by: Option<EndpointName>,
}

impl Endpoints {
    /// The wanted logs of a block and the answers to `calls` at it, all from one endpoint: one `eth_getLogs` (none, where
    /// the filter names no contract) and as many aggregates as the calls take.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] where the block is no longer canonical: read the head again. Else the leader's error.
    pub async fn observe(
        &self,
        at: &Header,
        filter: &LogFilter,
        calls: &[Call],
    ) -> Result<Observed, ChainError> {
        let mut failures = Failures::default();
        for member in self.awake() {
            match self.observe_on(member, at, filter, calls).await {
                Ok(observed) => return Ok(observed),
                Err(error) => failures.push(error),
            }
        }
        Err(self.unanswered(failures))
    }

    /// The answers to `calls` at a block.
    ///
    /// # Errors
    /// As [`Endpoints::observe`].
    pub async fn calls(&self, at: &Header, calls: &[Call]) -> Result<Vec<CallAnswer>, ChainError> {
        let none = LogFilter::default();
        self.observe(at, &none, calls)
            .await
            .map(|observed| observed.answers)
    }

    async fn observe_on(
        &self,
        member: &Member,
        at: &Header,
        filter: &LogFilter,
        calls: &[Call],
    ) -> Result<Observed, ChainError> {
        let (mut logs, mut confirmed_by) = (Vec::new(), None);
        if !filter.addresses.is_empty() {
            let request = || member.logs_of_block(at, filter);
            logs = self.pinned(member, at, "eth_getLogs", request).await?;
            if logs.is_empty() && bloom::admits(&at.logs_bloom, filter) {
                confirmed_by = self.confirm_empty(member, at, filter).await?;
            }
        }
        Ok(Observed {
            logs,
            answers: self.calls_on(member, at, calls).await?,
            source: member.name().clone(),
            confirmed_by,
        })
    }

    /// Asks one other endpoint whether the block holds no wanted log; where it holds some, `member` left them out.
    async fn confirm_empty(
        &self,
        member: &Member,
        at: &Header,
        filter: &LogFilter,
    ) -> Result<Option<EndpointName>, ChainError> {
        let others = self.awake().filter(|other| !std::ptr::eq(*other, member));
        for other in others {
            let Ok(logs) = other.logs_of_block(at, filter).await else {
                continue;
            };
            if logs.is_empty() {
                return Ok(Some(other.name().clone()));
            }
            let what = format!(
                "it left out {} logs that {} holds",
                logs.len(),
                other.name()
            );
            let error = ChainError::Malformed(what);
            member.failed("eth_getLogs", &error);
            return Err(error);
        }
        Ok(None)
    }

    /// Asks about a block until the endpoint knows it, at most [`super::endpoints::Options::unknown_blocks_max`] times.
    pub(super) async fn pinned<T, F>(
        &self,
        member: &Member,
        at: &Header,
        method: &'static str,
        ask: impl Fn() -> F,
    ) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, ChainError>>,
    {
        let mut asked_again = 0;
        loop {
            match ask().await {
                Err(ChainError::UnknownBlock) => {}
                Err(error @ (ChainError::Pruned(_) | ChainError::PinIgnored)) => {
                    // At the head nothing may be gone; below it, some hold only the newest states, and some answer with
                    // those whatever they are asked.
                    let head = member.head_seen();
                    if head.is_some_and(|head| head > at.block.number) {
                        if method != "eth_getLogs" {
                            find_states(member, at).await;
                        }
                    } else if head.is_some() || error == ChainError::PinIgnored {
                        member.failed(method, &error);
                    }
                    return Err(error);
                }
                answer => {
                    if answer.is_ok() {
                        member.block_known();
                    }
                    return answer;
                }
            }
            let head = member.latest().await?.block;
            if head.number > at.block.number && member.holds(at).await? {
                // It knows the block. Asked three times, it no longer holds its state: nobody's fault.
                if asked_again == ASKED_AGAIN_MAX {
                    find_states(member, at).await;
                    return Err(no_state());
                }
                asked_again += 1;
            } else if member.block_unknown(method) {
                return Err(ChainError::UnknownBlock);
            }
            if head.number == at.block.number && head.hash != at.block.hash {
                // Reorganised away, as far as it knows: nobody's fault, and the caller reads the head again.
                return Err(ChainError::UnknownBlock);
            }
            tokio::time::sleep(self.shared.options.unknown_block_pause).await;
        }
    }

    async fn calls_on(
        &self,
        member: &Member,
        at: &Header,
        calls: &[Call],
    ) -> Result<Vec<CallAnswer>, ChainError> {
        if !calls.is_empty() && member.lacks_state_of(at.block.number) {
            return Err(no_state());
        }
        let mut answers = self.aggregates(member, at, calls, usize::MAX).await?;
        // Inside an aggregate a call that ran out of gas looks like one that reverts without a word: those are asked
        // again in smaller company, once for each view.
        let silent = |answer: &CallAnswer| *answer == CallAnswer::Reverted(Bytes::new());
        let doubtful: Vec<(usize, Call)> = calls
            .iter()
            .zip(&answers)
            .enumerate()
            .filter(|(_, (call, answer))| silent(answer) && !member.reverts_silently(call))
            .map(|(position, (call, _))| (position, call.clone()))
            .collect();
        if doubtful.is_empty() || calls.len() < 2 {
            return Ok(answers);
        }
        let again: Vec<Call> = doubtful.iter().map(|(_, call)| call.clone()).collect();
        let company = (calls.len().min(member.aggregate_calls()) / 2).max(1);
        let said = self.aggregates(member, at, &again, company).await?;
        for ((position, call), said) in doubtful.into_iter().zip(said) {
            if silent(&said) {
                member.remember_silent(&call);
            }
            if let Some(answer) = answers.get_mut(position) {
                *answer = said;
            }
        }
        Ok(answers)
    }

    /// The calls in aggregates of the learnt size, at most `size_max` each.
    async fn aggregates(
        &self,
        member: &Member,
        at: &Header,
        calls: &[Call],
        size_max: usize,
    ) -> Result<Vec<CallAnswer>, ChainError> {
        let mut answers = Vec::with_capacity(calls.len());
        let mut rest = calls;
        while !rest.is_empty() {
            let size = member.aggregate_calls().min(size_max).min(rest.len());
            let (now, later) = rest.split_at(size);
            let request = || member.aggregate(at, now);
            match self.pinned(member, at, "eth_call", request).await {
                Ok(said) => {
                    member.aggregate_took(size);
                    answers.extend(said);
                    rest = later;
                }
                Err(ChainError::TooLarge { .. }) if member.aggregate_refused(size) => {}
                Err(error @ ChainError::TooLarge { .. }) => {
                    // Nothing is smaller than one call.
                    member.failed("eth_call", &error);
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }
}

fn no_state() -> ChainError {
    ChainError::Pruned("the state of that block".to_owned())
}

/// Looks for the oldest block whose state an endpoint holds that does not hold that of `at`, and remembers it: blocks in
/// between are then not asked about one by one. Two requests for each halving.
async fn find_states(member: &Member, at: &Header) {
    let mut lacks = at.block.number;
    let mut holds = member.head_seen().unwrap_or(lacks);
    while holds.since(lacks) > 1 {
        let middle = BlockNumber::new(lacks.value().midpoint(holds.value()));
        let Ok(Some(header)) = member.header(BlockTag::Number(middle)).await else {
            break;
        };
        match member.aggregate(&header, &[]).await {
            Ok(_) => holds = middle,
            Err(ChainError::UnknownBlock | ChainError::Pruned(_) | ChainError::PinIgnored) => {
                lacks = middle;
            }
            Err(_) => break,
        }
    }
    member.remember_stateless(lacks);
}
