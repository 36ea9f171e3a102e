//! What a question is asked of: the committed state, and the few live things that are in no store.

use std::{collections::BTreeMap, fmt, sync::Arc};

use futures::future::BoxFuture;

use crate::{
    chain::{EndpointName, endpoints::EndpointHealth},
    keys::{self, Keys},
    provider::coinbase::CommonCoinbases,
    state::State,
    store::Store,
    units::{AttesterAddress, ProviderId, UnixSeconds},
};

/// Age of the newest block from which the head counts as stale where nothing else is said: 25 L1 slots × 12 s.
pub const HEAD_AGE_SECONDS_MAX: u64 = 300;

/// One look at everything. Borrowed: it lives as long as the state may not change.
#[derive(Debug, Clone, Copy)]
pub struct Glance<'a> {
    /// The committed state.
    pub state: &'a State,
    /// The store, for what is not held in memory (history, attempts).
    pub store: &'a dyn Store,
    /// The clock's time in milliseconds.
    pub now_ms: u64,
    /// Every configured network by name, read or not.
    pub networks: &'a BTreeMap<String, NetworkGlance>,
    /// The connection to Discord's gateway.
    pub gateway: &'a Gateway,
    /// The program.
    pub build: &'a Build,
}

impl Glance<'_> {
    /// The clock's time.
    #[must_use]
    pub const fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now_ms / 1000)
    }
}

/// What is known of a network beside its book.
#[derive(Debug, Clone)]
pub struct NetworkGlance {
    /// The chain id that its endpoints must have.
    pub chain_id: u64,
    /// The provider, once its id is known.
    pub provider: Option<ProviderId>,
    /// What the operator calls the provider.
    pub provider_label: Option<String>,
    /// Base address of the block explorer, without a slash at its end.
    pub explorer: Option<String>,
    /// How the endpoints fare.
    pub endpoints: Vec<EndpointHealth>,
    /// The endpoint that is asked first; `None` while all rest.
    pub leader: Option<EndpointName>,
    /// What the keys files say; `None` where none are configured or none was read yet.
    pub keys: Option<Arc<Keys>>,
    /// Coinbases declared right for everybody.
    pub common_coinbases: CommonCoinbases,
    /// What people call attesters.
    pub labels: BTreeMap<AttesterAddress, String>,
    /// Age of the newest block, in seconds, from which the head counts as stale; `None` = never, for chains without a clock.
    pub head_age_seconds_max: Option<u64>,
}

impl NetworkGlance {
    /// A network of which only its chain id is known.
    #[must_use]
    pub fn new(chain_id: u64) -> Self {
        Self {
            chain_id,
            provider: None,
            provider_label: None,
            explorer: None,
            endpoints: Vec::new(),
            leader: None,
            keys: None,
            common_coinbases: CommonCoinbases::default(),
            labels: BTreeMap::new(),
            head_age_seconds_max: Some(HEAD_AGE_SECONDS_MAX),
        }
    }

    /// Where an attester is deployed.
    #[must_use]
    pub fn deployed(&self, attester: AttesterAddress) -> Option<&keys::Configured> {
        self.keys.as_ref()?.attesters.get(&attester)
    }
}

/// The connection to Discord's gateway.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Gateway {
    /// Discord is not configured, or switched off in this process.
    #[default]
    Absent,
    /// Connected, heartbeats acknowledged.
    Connected {
        /// Since when.
        since: UnixSeconds,
    },
    /// Connected, and yet something there keeps people from asking or alerts from waking them.
    Impaired {
        /// Connected since when.
        since: UnixSeconds,
        /// What, and what to do.
        reason: String,
    },
    /// Not connected.
    Disconnected {
        /// Since when.
        since: UnixSeconds,
        /// Why, as far as is known.
        reason: String,
    },
}

/// The program that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its version.
    pub version: String,
    /// The commit it was built from; empty where nobody said.
    pub revision: String,
    /// When the process started.
    pub started_at: UnixSeconds,
}

/// What is done with a look.
pub type Look<'a> = Box<dyn FnOnce(&Glance<'_>) + Send + 'a>;

/// Whoever can show the committed state: the running service, or a store that was opened for one question.
pub trait Answers: Send + Sync + fmt::Debug {
    /// Gathers a glance and hands it to `look`, exactly once.
    fn look<'a>(&'a self, look: Look<'a>) -> BoxFuture<'a, ()>;
}

/// Asks one question; `None` where `answers` never looked, which none does.
pub async fn ask<T: Send>(
    answers: &dyn Answers,
    question: impl FnOnce(&Glance<'_>) -> T + Send,
) -> Option<T> {
    let mut answer = None;
    let slot = &mut answer;
    answers
        .look(Box::new(move |glance| *slot = Some(question(glance))))
        .await;
    answer
}
