//! One endpoint: whose chain it serves, how fresh it is, and whether it answers what it is asked.

use super::{Area, Finding, Look};
use crate::{
    chain::{
        BlockTag, Chain, ChainError, Header,
        contracts::{MULTICALL3, abi, call},
    },
    service::build::{CLOCKED_CHAINS, HEAD_AGE_MAX},
    watcher::NEAR_BLOCKS,
};

/// A read is pinned to a block this far below the head, where an endpoint that ignores the pin is found out.
const PIN_DEPTH: u64 = 3;
/// How far a block may lie in this machine's future: a slot of the L1 (12 s) and 3 s for the network.
const AHEAD_MAX_SECONDS: u64 = 15;

/// What is wrong with an endpoint's identity; `None` = nothing.
pub(super) async fn identity(look: &Look<'_>, chain: &dyn Chain) -> Option<Finding> {
    let expected = look.config.network.chain_id;
    let bad = |detail: String, next: String| {
        Some(Finding::bad(
            Area::Endpoint,
            look.subject(chain.name()),
            detail,
            next,
        ))
    };
    match chain.chain_id().await {
        Ok(found) if found == expected => None,
        Ok(found) => bad(
            format!(
                "serves chain {found}, but {} is on chain {expected}",
                look.name
            ),
            format!(
                "Put an endpoint of chain {expected} in place of {} (L1_RPC_URLS or L1_ARCHIVE_RPC_URLS), \
                 or correct CHAIN_ID.",
                chain.name()
            ),
        ),
        Err(error) => bad(error.to_string(), advice(&error).to_owned()),
    }
}

/// Looks at one endpoint; gives its newest block where it can be used.
pub(super) async fn look(look: &Look<'_>, chain: &dyn Chain) -> (Vec<Finding>, Option<Header>) {
    if let Some(fault) = identity(look, chain).await {
        return (vec![fault], None);
    }
    let subject = look.subject(chain.name());
    let head = match chain.header(BlockTag::Latest).await {
        Ok(Some(head)) => head,
        Ok(None) => {
            let next = "Wait until the node has synced, or use another endpoint.";
            let fault = Finding::bad(Area::Endpoint, subject, "has no newest block", next);
            return (vec![fault], None);
        }
        Err(error) => {
            let next = advice(&error);
            return (
                vec![Finding::bad(
                    Area::Endpoint,
                    subject,
                    error.to_string(),
                    next,
                )],
                None,
            );
        }
    };
    let mut aspects = Aspects::new(subject, look.config.network.chain_id);
    aspects.age(look, &head);
    aspects.finality(look, chain).await;
    aspects.pin(look, chain, &head).await;
    (aspects.done(), Some(head))
}

/// What is good is told in one line, what is not in a line of its own.
pub(super) struct Aspects {
    subject: String,
    good: Vec<String>,
    found: Vec<Finding>,
}

impl Aspects {
    /// Of an endpoint that serves the right chain.
    pub(super) fn new(subject: String, chain_id: u64) -> Self {
        Self {
            subject,
            good: vec![format!("chain {chain_id}")],
            found: Vec::new(),
        }
    }

    fn bad(&mut self, detail: String, next: &str) {
        self.found
            .push(Finding::bad(Area::Endpoint, &self.subject, detail, next));
    }

    fn doubtful(&mut self, detail: String, next: &str) {
        self.found.push(Finding::doubtful(
            Area::Endpoint,
            &self.subject,
            detail,
            next,
        ));
    }

    pub(super) fn done(self) -> Vec<Finding> {
        let first = Finding::good(Area::Endpoint, self.subject, self.good.join(", "));
        std::iter::once(first).chain(self.found).collect()
    }

    /// The head's age by this machine's clock.
    pub(super) fn age(&mut self, look: &Look<'_>, head: &Header) {
        let has_clock = CLOCKED_CHAINS.contains(&look.config.network.chain_id);
        let now = look.clock.now();
        let (ahead, age) = (head.timestamp.since(now), now.since(head.timestamp));
        let number = head.block.number;
        if ahead > AHEAD_MAX_SECONDS {
            let detail = format!("the clock of this machine is {ahead} s behind block {number}");
            if has_clock {
                let next = "Set the clock (timedatectl set-ntp true, or chrony): deadlines are wrong until then.";
                self.bad(detail, next);
            } else {
                let next = "Nothing, if this is a local chain whose time was moved on; else set the clock.";
                self.doubtful(detail, next);
            }
        } else if has_clock && age > HEAD_AGE_MAX.as_secs() {
            let next = "The node lags, or the clock of this machine runs ahead: compare both with a block explorer.";
            self.bad(format!("its newest block {number} is {age} s old"), next);
        } else {
            self.good.push(format!("head {number}, {age} s old"));
        }
    }

    /// Whether it tells what is safe and what is final.
    async fn finality(&mut self, look: &Look<'_>, chain: &dyn Chain) {
        let safe = chain.header(BlockTag::Safe).await;
        let finalized = chain.header(BlockTag::Finalized).await;
        match (&safe, &finalized) {
            (Ok(Some(_)), Ok(Some(final_block))) => {
                self.good.push(format!("final up to {}", final_block.block.number));
            }
            _ if look.config.finality_depth.is_some() => {
                self.good.push("finality by FINALITY_DEPTH".to_owned());
            }
            _ => self.doubtful(
                "does not tell which blocks are safe and finalized, so finality stays unknown".to_owned(),
                "Nothing, if another endpoint does; else use one that does, or set FINALITY_DEPTH on a chain without it.",
            ),
        }
    }

    /// Whether reads stay at the block that they are pinned to (EIP-1898), and how far back.
    async fn pin(&mut self, look: &Look<'_>, chain: &dyn Chain, head: &Header) {
        if chain
            .code(MULTICALL3)
            .await
            .is_ok_and(|code| code.is_empty())
        {
            let detail = "pinned reads were not tried: this chain has no Multicall3".to_owned();
            return self.doubtful(detail, "See the contracts below.");
        }
        match pinned_near(look, chain, head).await {
            Ok(()) => self.good.push("reads pinned by hash".to_owned()),
            Err(ChainError::PinIgnored) => {
                return self.bad(
                    "ignores the block hash that a read is pinned to (EIP-1898): its answers would be of another block"
                        .to_owned(),
                    "Use another endpoint, or ask its operator for eth_call with blockHash and requireCanonical.",
                );
            }
            Err(error) => {
                let next = advice(&error);
                return self.bad(format!("a read pinned to a block failed: {error}"), next);
            }
        }
        if head.block.number.value() <= NEAR_BLOCKS {
            return;
        }
        match pinned(look, chain, head, NEAR_BLOCKS).await {
            Ok(()) => self.good.push(format!("state of {NEAR_BLOCKS} blocks back")),
            Err(error) => self.doubtful(
                format!("does not hold the state of {NEAR_BLOCKS} blocks back: {error}"),
                "Nothing, if another endpoint does; else what happens while steward is down is told with less detail.",
            ),
        }
    }
}

/// The first read that stays at its block, from [`PIN_DEPTH`] up: the oldest blocks of a chain that was just started from
/// a dump do not fit each other, and an endpoint that ignores the pin fails at every depth.
async fn pinned_near(look: &Look<'_>, chain: &dyn Chain, head: &Header) -> Result<(), ChainError> {
    for depth in (1..=PIN_DEPTH).rev() {
        match pinned(look, chain, head, depth).await {
            Err(ChainError::PinIgnored) => {}
            done => return done,
        }
    }
    Err(ChainError::PinIgnored)
}

/// One aggregate, pinned to the block `depth` below the head.
async fn pinned(
    look: &Look<'_>,
    chain: &dyn Chain,
    head: &Header,
    depth: u64,
) -> Result<(), ChainError> {
    let number = head.block.number.saturating_sub(depth);
    let at = chain.header(BlockTag::Number(number)).await?;
    let at = at.ok_or(ChainError::UnknownBlock)?;
    let registry = look.config.network.registry;
    let calls = [call(registry, &abi::Registry::numberOfVersionsCall {})];
    chain.aggregate(&at, &calls).await.map(|_answers| ())
}

/// What to do about an endpoint that fails in this way.
const fn advice(error: &ChainError) -> &'static str {
    match error {
        ChainError::Unavailable(_) => "Check that the node runs and that this machine reaches it.",
        ChainError::Refused(_) => "Check the key in its URL, and that its plan serves this method.",
        ChainError::RateLimited { .. } => {
            "Wait, or take a plan with a higher rate; add a second endpoint."
        }
        ChainError::Pruned(_) => {
            "Use a node that holds more history, or name one in L1_ARCHIVE_RPC_URLS."
        }
        ChainError::TooLarge { .. } => "Use an endpoint with a gas cap of 50 M for eth_call.",
        ChainError::UnknownBlock | ChainError::Malformed(_) | ChainError::PinIgnored => {
            "Use another endpoint: this one does not speak Ethereum's JSON-RPC as it should."
        }
    }
}
