//! The desk: from what changed to what is said.
//!
//! Inside the very commit that changes a book, the desk turns changes into notices and findings into incidents, and owes
//! both to the outbox. It sends nothing. What it knows beside the state - keys files, health of endpoints, labels - is
//! handed to it by whoever observes them, and a source that was not read yet is unknown, never empty.

mod canary;
mod catch_up;
mod changes;
mod coinbases;
mod doubts;
mod findings;
mod missed;
mod people;
mod revise;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    alert::{
        class::Class,
        facts::RestoredFacts,
        incident::{Finding, judge},
        notice::Notice,
        text::{Context, Explorer, Label},
    },
    attester::Stage,
    book::fold::Ours,
    chain::endpoints::Endpoints,
    chart::Count,
    keys::KeysObservation,
    outbox::Routes,
    provider::coinbase::{CommonCoinbases, Rungs},
    state::{HOUSE, State},
    units::{AttesterAddress, ProviderId, UnixSeconds},
    watcher::{Announcer, Happening, ProviderRef, Told},
};
pub use catch_up::facts_of as catch_up_facts;
pub use people::{Act, ActError};

/// At most so often conditions are looked at when nothing happened on chain.
const JUDGE_EVERY_MS: u64 = 10_000;
/// For how long a restored database is told when nobody acknowledges it: a week, in which somebody looks at the channel.
pub const RESTORED_STANDS: Duration = Duration::from_secs(7 * 86_400);

/// What the desk needs to know of a network.
#[derive(Debug)]
pub struct Bureau {
    /// The network's name in keys.
    pub network: String,
    /// How people call the provider.
    pub provider_label: String,
    /// The provider.
    pub provider: ProviderRef,
    /// The block explorer.
    pub explorer: Explorer,
    /// The channels.
    pub routes: Routes,
    /// Rungs of the coinbase ladder.
    pub rungs: Rungs,
    /// Coinbases that are declared right for everybody.
    pub common: CommonCoinbases,
    /// Changes older than this are told in one digest.
    pub single_max_age: Duration,
    /// Age of the newest block from which the head is stale; `None` = never, for chains without a clock.
    pub head_age_max: Option<Duration>,
    /// Whether keys files are configured at all.
    pub has_keys_dir: bool,
    /// The endpoints, for their health.
    pub endpoints: Option<Arc<Endpoints>>,
}

/// What is the same for all networks.
#[derive(Debug, Default)]
pub struct Letterhead {
    /// Address of the page with a section per class.
    pub runbook: Option<String>,
    /// Version of the program.
    pub build: String,
    /// Roles that an alert wakes.
    pub roles: Vec<u64>,
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    letterhead: Letterhead,
    bureaus: BTreeMap<String, Bureau>,
    keys: Mutex<BTreeMap<String, Listed>>,
    judged_ms: Mutex<BTreeMap<String, u64>>,
    restored: Mutex<Option<Restored>>,
}

/// What keys files say, with the attesters that they name: made once per observation, for it is asked for at every block.
#[derive(Debug)]
struct Listed {
    observation: KeysObservation,
    attesters: Arc<BTreeSet<AttesterAddress>>,
}

/// A database that was damaged and restored, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// When.
    pub at: UnixSeconds,
    /// What came of it.
    pub facts: RestoredFacts,
}

impl Desk {
    /// A desk with a bureau per network.
    #[must_use]
    pub fn new(letterhead: Letterhead, bureaus: Vec<Bureau>) -> Self {
        Self {
            letterhead,
            bureaus: bureaus
                .into_iter()
                .map(|bureau| (bureau.network.clone(), bureau))
                .collect(),
            keys: Mutex::default(),
            judged_ms: Mutex::default(),
            restored: Mutex::default(),
        }
    }

    /// Takes note that the database was restored. It is told until somebody acknowledges it, or [`RESTORED_STANDS`] is over.
    pub fn report_restored(&self, restored: Restored) {
        *locked(&self.restored) = Some(restored);
    }

    /// Takes what keys files of a network say. The next judgement sees it.
    pub fn take_keys(&self, network: &str, keys: KeysObservation) {
        let attesters = Arc::new(keys.keys.attesters.keys().copied().collect());
        let listed = Listed {
            observation: keys,
            attesters,
        };
        locked(&self.keys).insert(network.to_owned(), listed);
        locked(&self.judged_ms).remove(network);
    }

    /// What the keys files of a network say; `None` before the first look.
    #[must_use]
    pub fn keys(&self, network: &str) -> Option<KeysObservation> {
        let keys = locked(&self.keys);
        keys.get(network).map(|listed| listed.observation.clone())
    }

    /// The networks.
    pub fn bureaus(&self) -> impl Iterator<Item = &Bureau> {
        self.bureaus.values()
    }

    /// The provider's id; `None` while it is not known.
    #[must_use]
    pub fn provider(&self, state: &State, network: &str) -> Option<ProviderId> {
        match self.bureaus.get(network)?.provider {
            ProviderRef::Id(id) => Some(id),
            ProviderRef::Admin(admin) => {
                let found = state.progress_of(network).provider.map(|(_, id)| id);
                found.or_else(|| {
                    let mut providers = state.book(network)?.providers.rows();
                    providers
                        .find(|(_, provider)| provider.admin == Some(admin))
                        .map(|(id, _)| *id)
                })
            }
        }
    }

    /// Looks at every condition of a network and owes what follows.
    pub fn judge(&self, state: &mut State, network: &str, now_ms: u64) {
        let Some(bureau) = self.bureaus.get(network) else {
            return;
        };
        let now = UnixSeconds::new(now_ms / 1000);
        let keys = self.keys(network);
        let labels = label(keys.as_ref());
        let context = self.context(bureau, &labels);
        let (found, unknown) =
            findings::of_network(self, bureau, state, keys.as_ref(), &context, now);
        let notices = settle(state, network, &found, &unknown, now, &context);
        owe(state, bureau, now_ms, notices);
        self.judge_house(state, bureau, now_ms);
    }

    /// Conditions that belong to no network; they are told where the network's alerts go.
    fn judge_house(&self, state: &mut State, bureau: &Bureau, now_ms: u64) {
        let now = UnixSeconds::new(now_ms / 1000);
        let nobody = |_: AttesterAddress| Label::default();
        let context = Context {
            network: HOUSE,
            network_label: HOUSE,
            provider_label: &bureau.provider_label,
            ..self.context(bureau, &nobody)
        };
        let restored = locked(&self.restored).clone();
        let found = findings::of_house(state, bureau, restored.as_ref(), &context, now);
        let notices = settle(state, HOUSE, &found, &BTreeSet::new(), now, &context);
        owe(state, bureau, now_ms, notices);
    }

    fn context<'a>(
        &'a self,
        bureau: &'a Bureau,
        labels: &'a (dyn Fn(AttesterAddress) -> Label + Send + Sync),
    ) -> Context<'a> {
        Context {
            network: &bureau.network,
            network_label: &bureau.network,
            provider_label: &bureau.provider_label,
            explorer: &bureau.explorer,
            labels,
            runbook: self.letterhead.runbook.as_deref(),
            build: &self.letterhead.build,
            roles: &self.letterhead.roles,
        }
    }

    /// Writes down how many attesters are in each state, where the hour is still to be counted; nothing while it is not
    /// known which are ours.
    fn count(&self, state: &mut State, network: &str) {
        let Some(chapter) = state.book(network).map(|book| book.summary()) else {
            return;
        };
        let census = state.census_or_new(network);
        let is_begun = chapter.cursor.number.value() > 0;
        if !is_begun || !census.is_due(chapter.at) || self.provider(state, network).is_none() {
            return;
        }
        let ours = self.ours(state, network);
        let counts = census_of(state, &ours, network);
        let of = Stage::ALL.map(|stage| counts.get(&stage).copied().unwrap_or_default());
        let count = Count { at: chapter.at, of };
        state.census_or_new(network).note(count);
    }

    fn is_due(&self, network: &str, now_ms: u64) -> bool {
        let judged = locked(&self.judged_ms).get(network).copied();
        judged.is_none_or(|judged| now_ms.saturating_sub(judged) >= JUDGE_EVERY_MS)
    }
}

impl Announcer for Desk {
    fn announce(&self, state: &mut State, network: &str, told: &Told<'_>) {
        let Some(bureau) = self.bureaus.get(network) else {
            return;
        };
        let keys = self.keys(network);
        let labels = label(keys.as_ref());
        let context = self.context(bureau, &labels);
        let scene = changes::Scene {
            desk: self,
            bureau,
            context: &context,
            keys: keys.as_ref(),
            now_ms: told.now_ms,
        };
        let is_news = match &told.happening {
            Happening::Folded {
                outcome,
                agreement,
                is_behind,
            } => {
                scene.folded(state, outcome, *agreement, *is_behind);
                scene.replaced(state);
                let is_told = !outcome.changes.is_empty() || !outcome.faults.is_empty();
                is_told || agreement.is_some()
            }
            Happening::Unwound { gone, kept, why } => {
                scene.unwound(state, gone, *kept, *why);
                true
            }
            Happening::Agreed { block, agreement } => {
                scene.agreed(state, *block, agreement);
                true
            }
            Happening::Final(block) => {
                scene.finalised(state, *block);
                false
            }
            Happening::Reading(stretch) => {
                scene.reading(state, stretch);
                false
            }
            Happening::ReadToHead => {
                scene.read_to_head(state);
                false
            }
            Happening::Introduced => {
                scene.introduced(state);
                true
            }
            Happening::Tick => true,
        };
        self.count(state, network);
        if is_news || self.is_due(network, told.now_ms) {
            self.judge(state, network, told.now_ms);
            // A rehearsal judges nothing for good.
            if !told.is_rehearsal {
                locked(&self.judged_ms).insert(network.to_owned(), told.now_ms);
            }
        }
    }

    fn ours(&self, state: &State, network: &str) -> Ours {
        let keys = locked(&self.keys);
        let listed = keys.get(network);
        Ours {
            providers: self.provider(state, network).into_iter().collect(),
            listed: listed
                .map(|listed| Arc::clone(&listed.attesters))
                .unwrap_or_default(),
        }
    }
}

/// Compares findings with incidents, writes the changes down, and gives the notices that they owe.
fn settle(
    state: &mut State,
    network: &str,
    found: &[Finding],
    unknown: &BTreeSet<(Class, String)>,
    now: UnixSeconds,
    context: &Context<'_>,
) -> Vec<Notice> {
    let incidents = state.incidents_or_new(network);
    let changes = judge(incidents, found, unknown, now);
    incidents.apply_all(changes, now, context)
}

fn owe(state: &mut State, bureau: &Bureau, now_ms: u64, notices: Vec<Notice>) {
    if notices.is_empty() {
        return;
    }
    let owed = state
        .outbox
        .owe(&mut state.jobs, now_ms, notices, &bureau.routes);
    if !owed.unrouted.is_empty() {
        tracing::warn!(
            network = bureau.network,
            notices = owed.unrouted.len(),
            "no channel is configured for notices"
        );
    }
}

/// What people call an attester: where the keys files put it.
fn label(
    keys: Option<&KeysObservation>,
) -> impl Fn(AttesterAddress) -> Label + Send + Sync + use<> {
    let keys = keys.map(|observation| Arc::clone(&observation.keys));
    move |attester| {
        let configured = keys.as_ref().and_then(|keys| keys.attesters.get(&attester));
        let host = configured.and_then(|configured| configured.hosts.first());
        Label {
            name: None,
            host: host.map(|host| host.as_str().to_owned()),
        }
    }
}

/// How many attesters are in each state.
fn census_of(state: &State, ours: &Ours, network: &str) -> BTreeMap<Stage, u64> {
    let mut counts: BTreeMap<Stage, u64> = Stage::ALL.into_iter().map(|stage| (stage, 0)).collect();
    let Some(book) = state.book(network) else {
        return counts;
    };
    let mut add = |stage: Stage| *counts.entry(stage).or_default() += 1;
    for (_, attester) in book
        .attesters
        .rows()
        .filter(|(address, attester)| ours.has(**address, Some(attester)))
    {
        add(attester.standing.stage);
    }
    for _ in ours
        .listed
        .iter()
        .filter(|address| book.attesters.row(address).is_none())
    {
        add(Stage::New);
    }
    counts
}

/// A lock whose holder panicked holds what it held: the desk only ever replaces whole values.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
