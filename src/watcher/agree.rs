//! Whether other endpoints say the same of a block with news.
//!
//! Asked after the block was committed, so that nothing waits for it: what is announced says at first that one source told
//! it, and is edited when others agree. A contradiction is written down for people; the book goes on with the first source.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Happening, WatchError, Watcher, follow::Page, logs::digest};
use crate::{
    book::{
        fold::Outcome,
        records::{Disagreement, Said},
    },
    chain::{
        Call, CallAnswer, Header, LogFilter,
        agreement::{Agreement, Testimony},
        observe::Observed,
    },
    state::State,
    units::{B256, BlockNumber},
};

/// How long other endpoints are waited for: half an L1 slot.
pub const AGREEMENT_TIMEOUT: Duration = Duration::from_secs(6);

/// Contradictions that are kept; the oldest give way.
const DISAGREEMENTS_MAX: usize = 64;

impl Watcher {
    /// Whether what a block told is worth asking others about.
    pub(super) async fn is_worth_agreement(&self, outcome: &Outcome) -> bool {
        !outcome.changes.is_empty()
            && self.endpoints.health().len() > 1
            && self.progress().await.is_introduced
    }

    /// Asks the other endpoints about a block and tells the announcer.
    pub(super) async fn agree(
        &self,
        header: &Header,
        page: &Page,
        asked: &[(Call, CallAnswer)],
    ) -> Result<(), WatchError> {
        let filter = LogFilter {
            addresses: page.contracts.clone(),
            topics: Vec::new(),
        };
        let (calls, answers): (Vec<Call>, Vec<CallAnswer>) = asked.iter().cloned().unzip();
        let observed = Observed {
            logs: page.logs.clone(),
            answers,
            source: page.source.clone(),
            confirmed_by: None,
        };
        let agreement = self
            .endpoints
            .agree(header, &filter, &calls, &observed, AGREEMENT_TIMEOUT)
            .await;
        let network = self.network();
        let disagreement = disagreement(header, page, &agreement);
        self.writer
            .commit(|state: &mut State, _| {
                if let (Some(book), Some(row)) = (state.books.get_mut(network), disagreement) {
                    book.disagreements.put(header.block.number, row);
                    let over = book.disagreements.len().saturating_sub(DISAGREEMENTS_MAX);
                    let oldest: Vec<BlockNumber> = book
                        .disagreements
                        .rows()
                        .take(over)
                        .map(|(number, _)| *number)
                        .collect();
                    for number in oldest {
                        book.disagreements.remove(&number);
                    }
                }
                let (block, agreement) = (header.block, &agreement);
                let happening = Happening::Agreed { block, agreement };
                self.announcer
                    .announce(state, network, &self.told(happening));
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(())
    }
}

/// What is written down of an agreement that is none: who said what, dissenters of a majority included.
fn disagreement(header: &Header, page: &Page, agreement: &Agreement) -> Option<Disagreement> {
    let said: Vec<Said> = match agreement {
        Agreement::Agreed { dissent, .. } if dissent.is_empty() => return None,
        Agreement::OneSource => return None,
        Agreement::Agreed { dissent, .. } => {
            let believed = Said {
                endpoint: page.source.clone(),
                logs: count(page.logs.len()),
                digest: digest(&page.logs),
            };
            std::iter::once(believed)
                .chain(dissent.iter().map(said))
                .collect()
        }
        Agreement::Contradiction { said: all } => all.iter().map(said).collect(),
    };
    let (block, at) = (header.block, header.timestamp);
    Some(Disagreement { block, at, said })
}

fn said(testimony: &Testimony) -> Said {
    let mut hash = Sha256::new();
    hash.update(digest(&testimony.logs));
    for answer in &testimony.answers {
        let (CallAnswer::Returned(bytes) | CallAnswer::Reverted(bytes)) = answer;
        hash.update(bytes);
    }
    Said {
        endpoint: testimony.endpoint.clone(),
        logs: count(testimony.logs.len()),
        digest: B256::from_slice(&hash.finalize()),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
