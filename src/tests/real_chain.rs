//! The real v4 rollup on a local anvil, watched through the real endpoint: the life cycle, stage by stage.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use localnet::{Key, Localnet, Profile, Stake, rollup::tokens};
use steward::{
    attester::{RegistrationState, Stage, Standing, change::Change},
    book::{fold::Ours, slash::rounds_of},
    chain::{
        EndpointName,
        endpoints::{Endpoints, Options},
        rpc::HttpEndpoint,
    },
    clock::SystemClock,
    service::{check, verify},
    state::State,
    store::{
        identity::{self, NetworkIdentity},
        memory::MemoryStore,
    },
    units::{Address, AttesterAddress, BlockNumber, ProviderId, RollupVersion, Wei},
    watcher::{Announcer, Happening, ProviderRef, Step, Subject, Told, Watcher},
    writer::Writer,
};

pub const NETWORK: &str = "local";

/// Writes down what it is told, with keys for names.
#[derive(Debug, Default)]
pub struct Listener {
    provider: Mutex<Option<ProviderId>>,
    names: Mutex<BTreeMap<Address, String>>,
    rollups: Mutex<[u64; 2]>,
    heard: Mutex<Vec<String>>,
}

impl Listener {
    fn name(&self, attester: AttesterAddress) -> String {
        let names = self.names.lock().unwrap();
        let known = names.get(&attester.address()).cloned();
        known.unwrap_or_else(|| attester.to_string())
    }

    /// The reason, with `first` and `successor` for the versions of the rollups.
    fn reason(&self, standing: &Standing) -> String {
        let [first, successor] = *self.rollups.lock().unwrap();
        format!("{:?}", standing.reason)
            .replace(&format!("RollupVersion({first})"), "first")
            .replace(&format!("RollupVersion({successor})"), "successor")
    }

    fn tell(&self, change: &Change, source: &str) -> String {
        match change {
            Change::Standing {
                attester, from, to, ..
            } => format!(
                "{}: {} -> {} {} by {source}",
                self.name(*attester),
                from.stage,
                to.stage,
                self.reason(to)
            ),
            Change::Slashed {
                attester,
                amount,
                left,
                occurrence,
                ..
            } => format!(
                "{}: slash {occurrence} of {amount}, left {}",
                self.name(*attester),
                left.map_or_else(|| "?".to_owned(), |left| left.to_string())
            ),
            Change::Canonical { moved, left, .. } => {
                format!("canonical: {moved} moved, {left} left, by {source}")
            }
            other => format!("{other:?}")
                .split([' ', '{'])
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

impl Announcer for Listener {
    fn announce(&self, _state: &mut State, _network: &str, told: &Told<'_>) {
        if told.is_rehearsal {
            return;
        }
        let said = match &told.happening {
            Happening::Folded { outcome, .. } => outcome
                .changes
                .iter()
                .map(|entry| self.tell(&entry.change, &entry.evidence.source))
                .collect(),
            Happening::Unwound { gone, .. } => vec![format!("unwound {}", gone.len())],
            Happening::Introduced => vec!["introduced".to_owned()],
            Happening::Agreed { .. }
            | Happening::Final(_)
            | Happening::Reading(_)
            | Happening::ReadToHead
            | Happening::Tick => Vec::new(),
        };
        self.heard.lock().unwrap().extend(said);
    }

    fn ours(&self, _state: &State, _network: &str) -> Ours {
        Ours {
            providers: self.provider.lock().unwrap().iter().copied().collect(),
            ..Ours::default()
        }
    }
}

pub struct Story {
    pub net: Localnet,
    watcher: Watcher,
    pub writer: Arc<Writer<State>>,
    listener: Arc<Listener>,
    pub provider: localnet::ProviderId,
    endpoints: Arc<Endpoints>,
}

impl Story {
    async fn new() -> Self {
        Self::over(Localnet::deploy(Profile::Small).await.unwrap()).await
    }

    pub async fn over(net: Localnet) -> Self {
        let admin = Localnet::account("provider admin");
        let provider = net
            .register_provider(admin, 500, Localnet::account("recipient"))
            .await
            .unwrap();
        let endpoint = HttpEndpoint::new(
            EndpointName::new("anvil"),
            &net.url().into(),
            &Default::default(),
        )
        .unwrap();
        let clock = Arc::new(SystemClock);
        let endpoints = Arc::new(Endpoints::new(
            vec![Arc::new(endpoint)],
            Vec::new(),
            clock.clone(),
            Options::default(),
        ));
        let writer = Arc::new(Writer::new(State::default(), Arc::new(MemoryStore::new())));
        let provider_id = ProviderId::new(provider.0);
        let listener = Arc::new(Listener {
            provider: Mutex::new(Some(provider_id)),
            rollups: Mutex::new([net.addresses.first.version, net.addresses.successor.version]),
            ..Listener::default()
        });
        let subject = Subject {
            network: NETWORK.to_owned(),
            registry: net.addresses.registry,
            staking_registry: net.addresses.staking_registry,
            first_block: BlockNumber::new(0),
            provider: ProviderRef::Id(provider_id),
            finality_depth: None,
        };
        let watcher = Watcher::new(
            subject,
            Arc::clone(&endpoints),
            Arc::clone(&writer),
            clock,
            listener.clone(),
        );
        Self {
            net,
            watcher,
            writer,
            listener,
            provider,
            endpoints,
        }
    }

    /// Steps until there is nothing new; gives what was heard meanwhile.
    pub async fn watch(&self) -> String {
        for _ in 0..400 {
            match self.watcher.step().await {
                Ok(Step::Idle) => break,
                Ok(_) => {}
                // The endpoint rests after a fault; a level is waited for, not a time.
                Err(error) => {
                    println!("{error:?}");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
        std::mem::take(&mut *self.listener.heard.lock().unwrap()).join("\n")
    }

    /// Registers names under which attesters are told of.
    pub fn call(&self, keys: &[Key], names: &str) {
        let mut known = self.listener.names.lock().unwrap();
        for (number, key) in keys.iter().enumerate() {
            let name = names.replace('#', &number.to_string());
            known.entry(key.attester).or_insert(name);
        }
    }

    pub async fn stake(&self, count: usize, move_with_latest: bool) {
        let stake = Stake {
            move_with_latest,
            ..self.net.stake_on(self.provider)
        };
        for _ in 0..count {
            self.net.stake(&stake).await.unwrap();
        }
    }

    /// Nothing is missing, nothing does not fit, and nobody emitted what nobody knows.
    pub async fn is_sound(&self) {
        self.watcher.audit_next().await.unwrap();
        self.net.mine(1).await.unwrap();
        self.watch().await;
        let state = self.writer.read().await;
        let book = state.book(NETWORK).unwrap();
        assert_eq!(state.progress_of(NETWORK).faults, []);
        assert_eq!(book.summary().missing, []);
        assert_eq!(book.summary().is_complete, Some(true));
        let unknown: Vec<_> = book.unknown_events.rows().collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    pub async fn stage(&self, key: &Key) -> Stage {
        let state = self.writer.read().await;
        let address = AttesterAddress::new(key.attester);
        state
            .book(NETWORK)
            .unwrap()
            .attesters
            .row(&address)
            .map(|row| row.standing.stage)
            .unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_cycle_of_the_real_contracts_is_seen_stage_by_stage() {
    live(&Story::new().await).await;
}

/// A whole life, from the first key to the change of the canonical rollup.
pub async fn live(story: &Story) {
    let keys = Key::range(0, 9).unwrap();
    story.call(&keys, "k#");
    enter(story, &keys).await;
    refuse(story, &keys).await;
    story.is_sound().await;
    slash_and_exit(story, &keys).await;
    vote(story, &keys).await;
    story.is_sound().await;
    upgrade(story, &keys).await;
    story.is_sound().await;
    reorganise(story).await;
    story.is_sound().await;
}

async fn enter(story: &Story, keys: &[Key]) {
    let net = &story.net;
    net.add_keys(story.provider, keys).await.unwrap();
    story.stake(6, true).await;
    net.drip(story.provider, 1).await.unwrap();
    story.watch().await;
    assert_eq!(story.stage(&keys[0]).await, Stage::RollupEntryQueue);
    net.drain_entry_queue().await.unwrap();
    let heard = story.watch().await;
    insta::allow_duplicates! { insta::assert_snapshot!(heard, @r"
    k0: ROLLUP_ENTRY_QUEUE -> ACTIVE FollowsLatest by Rollup.Deposit
    k1: ROLLUP_ENTRY_QUEUE -> ACTIVE FollowsLatest by Rollup.Deposit
    k2: ROLLUP_ENTRY_QUEUE -> ACTIVE FollowsLatest by Rollup.Deposit
    k3: ROLLUP_ENTRY_QUEUE -> ACTIVE FollowsLatest by Rollup.Deposit
    k4: ROLLUP_ENTRY_QUEUE -> ACTIVE FollowsLatest by Rollup.Deposit
    k5: ROLLUP_ENTRY_QUEUE -> ACTIVE FollowsLatest by Rollup.Deposit
    "); }
    story.stake(1, false).await;
    net.drain_entry_queue().await.unwrap();
    let heard = story.watch().await;
    insta::allow_duplicates! { insta::assert_snapshot!(heard, @r"
    k7: IN_STAKING_PROVIDER_QUEUE -> ROLLUP_ENTRY_QUEUE InEntryQueue { rollup: first } by StakingRegistry.StakedWithProvider
    k7: ROLLUP_ENTRY_QUEUE -> ACTIVE OnRollup { rollup: first } by Rollup.Deposit
    "); }
}

/// An attester used before, a bad proof, and a BLS key used before: the deposits fail, and the money goes back.
async fn refuse(story: &Story, keys: &[Key]) {
    let net = &story.net;
    let bad = Key::from_index(20).unwrap().with_bad_proof();
    let reused = Key::from_index(21).unwrap().with_bls_of(&keys[1]);
    story.call(std::slice::from_ref(&bad), "bad");
    story.call(std::slice::from_ref(&reused), "reused");
    let added = [keys[0].clone(), bad, reused];
    net.add_keys(story.provider, &added).await.unwrap();
    story.stake(4, true).await;
    net.drain_entry_queue().await.unwrap();
    let heard = story.watch().await;
    insta::allow_duplicates! { insta::assert_snapshot!(heard, @r"
    bad: NEW -> IN_STAKING_PROVIDER_QUEUE InProviderQueue by StakingRegistry.AttestersAddedToProvider
    reused: NEW -> IN_STAKING_PROVIDER_QUEUE InProviderQueue by StakingRegistry.AttestersAddedToProvider
    k8: IN_STAKING_PROVIDER_QUEUE -> ROLLUP_ENTRY_QUEUE InEntryQueue { rollup: first } by StakingRegistry.StakedWithProvider
    bad: IN_STAKING_PROVIDER_QUEUE -> ROLLUP_ENTRY_QUEUE InEntryQueue { rollup: first } by StakingRegistry.StakedWithProvider
    reused: IN_STAKING_PROVIDER_QUEUE -> ROLLUP_ENTRY_QUEUE InEntryQueue { rollup: first } by StakingRegistry.StakedWithProvider
    k8: ROLLUP_ENTRY_QUEUE -> ACTIVE FollowsLatest by Rollup.Deposit
    bad: ROLLUP_ENTRY_QUEUE -> NO_LONGER_ACTIVE DepositRefused { cause: ProofRefused } by Rollup.FailedDeposit
    reused: ROLLUP_ENTRY_QUEUE -> NO_LONGER_ACTIVE DepositRefused { cause: KeyUsedBefore } by Rollup.FailedDeposit
    "); }
}

async fn slash_and_exit(story: &Story, keys: &[Key]) {
    let net = &story.net;
    for (key, amount) in [(1, 2_000), (2, 20_000), (3, 200_000)] {
        net.slash(keys[key].attester, tokens(amount)).await.unwrap();
    }
    let withdrawer = Localnet::account("withdrawer");
    let recipient = Localnet::account("recipient");
    for key in [2, 4] {
        let attester = keys[key].attester;
        net.initiate_withdraw(withdrawer, attester, recipient)
            .await
            .unwrap();
    }
    let heard = story.watch().await;
    insta::allow_duplicates! { insta::assert_snapshot!(heard, @r"
    k1: slash 1 of 2,000, left 198,000
    k2: slash 1 of 20,000, left 180,000
    k2: ACTIVE -> NO_LONGER_ACTIVE Zombie by Rollup.Slashed
    k3: slash 1 of 200,000, left 0
    k3: ACTIVE -> NO_LONGER_ACTIVE SlashedToNothing by Rollup.Slashed
    k2: NO_LONGER_ACTIVE -> NO_LONGER_ACTIVE Exiting by Rollup.WithdrawInitiated
    k4: ACTIVE -> NO_LONGER_ACTIVE Exiting by Rollup.WithdrawInitiated
    "); }
    {
        let state = story.writer.read().await;
        let book = state.book(NETWORK).unwrap();
        for key in [2, 4] {
            let row = book.attesters.row(&keys[key].attester.into()).unwrap();
            let known = row.registration.clone().unwrap();
            let RegistrationState::Exiting { exit: Some(exit) } = known.state else {
                panic!("{known:?}");
            };
            // Governance holds the money longer than the rollup does.
            assert!(exit.free_at().unwrap() > exit.exitable_at);
        }
    }
    for key in [2, 4] {
        let (first, attester) = (net.addresses.first, keys[key].attester);
        net.pass_exit_delay(first, attester).await.unwrap();
        net.pass_governance_unlock(first, attester).await.unwrap();
        net.finalize_withdraw(attester).await.unwrap();
    }
    let heard = story.watch().await;
    insta::allow_duplicates! { insta::assert_snapshot!(heard, @r"
    k2: NO_LONGER_ACTIVE -> NO_LONGER_ACTIVE Exited by Rollup.WithdrawFinalized
    k4: NO_LONGER_ACTIVE -> NO_LONGER_ACTIVE Exited by Rollup.WithdrawFinalized
    "); }
}

async fn vote(story: &Story, keys: &[Key]) {
    let net = &story.net;
    let offender = keys[0].attester;
    let round = net.advance_to_round_judging(offender).await.unwrap();
    while net.slashing_round(round).await.unwrap().tally.is_empty() {
        net.vote_to_slash(offender, 1).await.unwrap();
    }
    story.watch().await;
    let due = net.slashing_round(round).await.unwrap();
    let sum = due.tally.iter().map(|slash| slash.slashAmount).sum();
    {
        let state = story.writer.read().await;
        let book = state.book(NETWORK).unwrap();
        let rollup = RollupVersion::new(net.addresses.first.version);
        let (number, row) = rounds_of(book, rollup).last().unwrap();
        assert_eq!((number.value(), row.votes), (round, due.votes));
        let ours = vec![(keys[0].attester.into(), Wei::new(sum))];
        assert_eq!(row.tally, Some(ours));
    }
    net.advance_to_round(round + 3).await.unwrap();
    net.execute_round(round).await.unwrap();
    let heard = story.watch().await;
    assert!(heard.contains("SlashRoundExecuted"), "{heard}");
    assert_eq!(heard.matches("k0: slash").count(), due.tally.len());
}

async fn upgrade(story: &Story, keys: &[Key]) {
    story.net.make_successor_canonical().await.unwrap();
    let heard = story.watch().await;
    insta::allow_duplicates! { insta::assert_snapshot!(heard, @r"
    k7: ACTIVE -> NO_LONGER_ACTIVE LeftOnRollup { rollup: first } by GSE.getLatestRollup
    canonical: 4 moved, 1 left, by GSE.getLatestRollup
    "); }
    assert_eq!(story.stage(&keys[0]).await, Stage::Active);
}

/// A transaction that a reorg drops is taken back.
async fn reorganise(story: &Story) {
    let late = Key::range(30, 1).unwrap();
    story.call(&late, "late");
    let added = story.net.add_keys(story.provider, &late).await;
    added.unwrap();
    story.watch().await;
    assert_eq!(story.stage(&late[0]).await, Stage::InStakingProviderQueue);
    story.net.reorg(1).await.unwrap();
    story.net.mine(1).await.unwrap();
    let heard = story.watch().await;
    insta::allow_duplicates! { insta::assert_snapshot!(heard, @"unwound 1"); }
    assert_eq!(story.stage(&late[0]).await, Stage::New);
}

/// Goal: a book that was followed live, views included, is the one that logs alone give; and a book that is not, is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_was_followed_is_proven_by_the_logs_alone() {
    let story = Story::new().await;
    let net = &story.net;
    let keys = Key::range(0, 12).unwrap();
    net.add_keys(story.provider, &keys).await.unwrap();
    for _ in 0..6 {
        net.stake(&net.stake_on(story.provider)).await.unwrap();
    }
    net.drip(story.provider, 1).await.unwrap();
    drop(story.watch().await);
    net.drain_entry_queue().await.unwrap();
    net.slash(keys[1].attester, tokens(2_000)).await.unwrap();
    net.slash(keys[2].attester, tokens(20_000)).await.unwrap();
    net.slash(keys[3].attester, tokens(200_000)).await.unwrap();
    drop(story.watch().await);
    net.stake(&net.stake_on(story.provider)).await.unwrap();
    drop(story.watch().await);

    let store = story.writer.store().as_ref();
    let network = NetworkIdentity {
        name: NETWORK.to_owned(),
        chain_id: 31_337,
        block0_hash: Default::default(),
        registry: net.addresses.registry,
        staking_registry: net.addresses.staking_registry,
    };
    identity::begin(store).unwrap();
    identity::check_identity(store, &network).unwrap();
    let (found, state) = verify::store(store);
    assert_eq!(differences(&found), Vec::<&str>::new());
    let mut state = state.unwrap();
    let endpoints = &story.endpoints;
    let ours = story.listener.ours(&state, NETWORK);
    let book = state.book(NETWORK).unwrap();
    let found = verify::rederive(book, &ours, endpoints, &|_| ())
        .await
        .unwrap();
    assert_eq!(differences(&found), Vec::<&str>::new());
    assert!(
        found
            .iter()
            .any(|finding| finding.detail.contains("not compared"))
    );

    let book = state.book_or_new(NETWORK);
    let staked = AttesterAddress::new(keys[0].attester);
    book.attesters
        .change(&staked, |attester| attester.stakes.clear());
    book.attesters
        .remove(&AttesterAddress::new(keys[11].attester));
    let found = verify::rederive(book, &ours, endpoints, &|_| ())
        .await
        .unwrap();
    let [told] = differences(&found).try_into().unwrap();
    let told: &str = told;
    assert!(told.starts_with("2 differences:"), "{told}");
    assert!(
        told.contains(&format!("{staked}: stakes: [] in the store")),
        "{told}"
    );
    assert!(told.contains("is missing in the store"), "{told}");
}

fn differences(found: &[check::Finding]) -> Vec<&str> {
    let found = found.iter();
    found
        .filter(|finding| finding.verdict != check::Verdict::Good)
        .map(|finding| finding.detail.as_str())
        .collect()
}
