//! The chain and its endpoints: hashes, reorgs, finality, manners.

use std::time::Duration;

use alloy::{
    primitives::{Bloom, BloomInput},
    sol_types::{SolCall, SolEvent},
};
use futures::FutureExt;
use steward::{
    chain::{
        BlockTag, Call, CallAnswer, Chain, ChainError, LogFilter,
        contracts::{MULTICALL3, abi, answer, call, queue_config_slot, unpack_queue_config},
    },
    units::{BlockNumber, Bytes, U256},
};

use super::{
    action::{Action, Key},
    blocks::{Setup, SharedWorld, World},
    endpoint::{Lie, Manners, Pruning, WorldEndpoint},
    rollup::Release,
    script::{OURS, Script},
};

/// Answers of a world are there at once.
fn now<T>(future: futures::future::BoxFuture<'_, T>) -> T {
    future.now_or_never().expect("the endpoint hangs")
}

/// A world in which 60 blocks of random life have passed.
fn lived(seed: u64) -> SharedWorld {
    let shared = World::shared(Setup::small(seed));
    let mut world = shared.lock();
    let mut script = Script::new(seed);
    script.begin(&mut world);
    for _ in 0..60 {
        script.step(&mut world);
    }
    drop(world);
    shared
}

fn everything() -> LogFilter {
    LogFilter::default()
}

#[test]
fn the_same_seed_makes_the_same_chain() {
    let hash = |seed| lived(seed).lock().head().block.hash;
    assert_eq!(hash(7), hash(7));
    assert_ne!(hash(7), hash(8));
}

#[test]
fn blocks_are_linked_and_their_blooms_admit_their_logs() {
    let shared = lived(3);
    let world = shared.lock();
    let mut logs = 0;
    for number in world.setup.first_block + 1..=world.head().block.number.value() {
        let (parent, block) = (
            world.block(number - 1).unwrap(),
            world.block(number).unwrap(),
        );
        assert_eq!(block.header.parent_hash, parent.header.block.hash);
        assert!(block.header.timestamp > parent.header.timestamp);
        let bloom = Bloom::from_slice(&block.header.logs_bloom);
        for (index, log) in (0..).zip(&block.logs) {
            assert_eq!((log.index, log.block), (index, block.header.block));
            assert!(bloom.contains_input(BloomInput::Raw(log.address.as_slice())));
            assert!(bloom.contains_input(BloomInput::Raw(log.topics[0].as_slice())));
            logs += 1;
        }
    }
    assert!(logs > 50);
}

#[test]
fn a_reorg_moves_what_it_keeps_and_loses_the_rest() {
    let mut world = World::new(Setup::small(1));
    let admin = alloy::primitives::Address::repeat_byte(0xa1);
    let register = Action::RegisterProvider {
        admin,
        take_rate: 1,
        recipient: admin,
    };
    world.act(register).unwrap();
    let before = world.mine();
    let keys = vec![Key::new(1)];
    world
        .act(Action::AddKeys {
            provider: OURS,
            keys,
        })
        .unwrap();
    world.mine();
    let drip = Action::Drip {
        provider: OURS,
        count: 1,
    };
    world.act(drip).unwrap();
    let old = world.mine();
    world.reorg(2, |action| matches!(action, Action::AddKeys { .. }));
    let new = world.block(old.number.value()).unwrap();
    assert_ne!(new.header.block.hash, old.hash);
    assert_eq!(world.head().block.number, old.number.saturating_add(1));
    assert_eq!(
        world.block(before.number.value()).unwrap().header.block,
        before
    );
    assert!(
        world
            .block_by_hash(old.hash)
            .is_some_and(|(_, is_canonical)| !is_canonical)
    );
    let queue = &world
        .contracts()
        .staking_registry
        .provider(OURS)
        .unwrap()
        .queue;
    assert_eq!((queue.first, queue.last), (1, 2));
}

#[test]
fn finality_follows_the_head_and_can_stall() {
    let mut world = World::new(Setup::small(1));
    world.mine_many(40);
    let head = world.head().block.number.value();
    assert_eq!((world.safe(), world.finalized()), (head - 4, head - 12));
    world.stall_finality(true);
    world.mine_many(10);
    assert_eq!(world.finalized(), head - 12);
    world.stall_finality(false);
    assert_eq!(world.finalized(), head - 2);
}

#[test]
fn an_aggregate_is_pinned_to_its_block() {
    let shared = lived(2);
    let endpoint = WorldEndpoint::new("rpc-1", &shared);
    let rollup = shared.lock().contracts().rollup(1).unwrap().address;
    let calls = [
        call(MULTICALL3, &abi::Multicall3::getBlockNumberCall {}),
        call(MULTICALL3, &abi::Multicall3::getLastBlockHashCall {}),
        call(rollup, &abi::Rollup::getEntryQueueLengthCall {}),
        call(rollup, &abi::Registry::numberOfVersionsCall {}),
        call(
            alloy::primitives::Address::repeat_byte(9),
            &abi::Rollup::getGSECall {},
        ),
    ];
    for back in [0, 20] {
        let number = shared.lock().head().block.number.saturating_sub(back);
        let at = now(endpoint.header(BlockTag::Number(number)))
            .unwrap()
            .unwrap();
        let answers = now(endpoint.aggregate(&at, &calls)).unwrap();
        let read = answer::<abi::Multicall3::getBlockNumberCall>(&answers[0]).unwrap();
        assert_eq!(read, U256::from(number.value()));
        let read = answer::<abi::Multicall3::getLastBlockHashCall>(&answers[1]).unwrap();
        assert_eq!(read, at.parent_hash);
        let world = shared.lock();
        let state = world.state(number.value()).unwrap();
        let length = state.rollup(1).unwrap().entry_queue.len();
        drop(world);
        let read = answer::<abi::Rollup::getEntryQueueLengthCall>(&answers[2]).unwrap();
        assert_eq!(read, U256::from(length));
        assert_eq!(answers[3], CallAnswer::Reverted(Bytes::new()));
        assert_eq!(answers[4], CallAnswer::Returned(Bytes::new()));
    }
    let orphan = now(endpoint.header(BlockTag::Latest)).unwrap().unwrap();
    shared.lock().reorg(1, |_| true);
    assert_eq!(
        now(endpoint.aggregate(&orphan, &calls)),
        Err(ChainError::UnknownBlock)
    );
    assert!(
        now(endpoint.header(BlockTag::Hash(orphan.block.hash)))
            .unwrap()
            .is_some()
    );
    endpoint.change(|manners| manners.remembers_orphans = false);
    assert_eq!(
        now(endpoint.logs_of_block(orphan.block.hash, &everything())),
        Err(ChainError::UnknownBlock)
    );
}

#[test]
fn the_real_multicall3_form_is_answered_too() {
    let shared = lived(2);
    let endpoint = WorldEndpoint::new("rpc-1", &shared);
    let at = now(endpoint.header(BlockTag::Latest)).unwrap().unwrap();
    let registry = shared.lock().contracts().registry;
    let versions = abi::Registry::numberOfVersionsCall {}.abi_encode();
    let calls = [versions, vec![1, 2, 3, 4]].map(|data| abi::Multicall3::Call3 {
        target: registry,
        allowFailure: true,
        callData: data.into(),
    });
    let aggregate = abi::Multicall3::aggregate3Call {
        calls: calls.to_vec(),
    };
    let answers = now(endpoint.aggregate(&at, &[call(MULTICALL3, &aggregate)])).unwrap();
    let results = answer::<abi::Multicall3::aggregate3Call>(&answers[0]).unwrap();
    assert_eq!([results[0].success, results[1].success], [true, false]);
}

#[test]
fn the_queue_configuration_lies_where_the_release_keeps_it() {
    for (release, offset, other) in [(Release::V4, 4, 5), (Release::V5, 5, 4)] {
        let mut setup = Setup::small(1);
        setup.rollup.release = release;
        let shared = World::shared(setup);
        let endpoint = WorldEndpoint::new("rpc-1", &shared);
        let at = now(endpoint.header(BlockTag::Latest)).unwrap().unwrap();
        let rollup = shared.lock().contracts().rollup(1).unwrap().address;
        let word = |offset| now(endpoint.storage(&at, rollup, queue_config_slot(offset))).unwrap();
        assert_eq!(unpack_queue_config(word(offset)), Some(setup.rollup.queue));
        assert_eq!(unpack_queue_config(word(other)), None);
        assert!(!now(endpoint.code(rollup)).unwrap().is_empty());
        assert!(
            now(endpoint.code(alloy::primitives::Address::ZERO))
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn a_lagging_endpoint_knows_no_block_after_its_own_head() {
    let shared = lived(4);
    let endpoint = WorldEndpoint::new("rpc-1", &shared).with(|manners| manners.lag_blocks = 3);
    let head = shared.lock().head().clone();
    let latest = now(endpoint.header(BlockTag::Latest)).unwrap().unwrap();
    assert_eq!(head.block.number.since(latest.block.number), 3);
    let number = head.block.number;
    assert_eq!(now(endpoint.header(BlockTag::Number(number))), Ok(None));
    assert_eq!(
        now(endpoint.logs_of_block(head.block.hash, &everything())),
        Err(ChainError::UnknownBlock)
    );
    assert_eq!(
        now(endpoint.logs_of_range(number, number, &everything())),
        Ok(Vec::new())
    );
    assert_eq!(
        now(endpoint.aggregate(&head, &[])),
        Err(ChainError::UnknownBlock)
    );
}

#[test]
fn logs_are_filtered_pruned_limited_and_left_out() {
    let shared = lived(5);
    let endpoint = WorldEndpoint::new("rpc-1", &shared);
    let world = shared.lock();
    let (from, to) = (BlockNumber::new(1_000), world.head().block.number);
    let all: Vec<_> = world.logs().cloned().collect();
    let registry = world.contracts().staking_registry.address;
    drop(world);
    let read = |filter: &LogFilter| now(endpoint.logs_of_range(from, to, filter));
    assert_eq!(read(&everything()).unwrap(), all);
    let topic = abi::StakingRegistry::StakedWithProvider::SIGNATURE_HASH;
    let filter = LogFilter {
        addresses: vec![registry],
        topics: vec![topic],
    };
    let staked = read(&filter).unwrap();
    assert!(!staked.is_empty() && staked.iter().all(|log| log.topics[0] == topic));

    endpoint.change(|manners| manners.lies = vec![Lie::DropsLogs(topic)]);
    assert_eq!(read(&filter).unwrap(), []);
    endpoint.change(|manners| {
        manners.lies.clear();
        manners.range_blocks_max = Some(10);
    });
    assert!(matches!(
        read(&filter),
        Err(ChainError::TooLarge {
            blocks_max: Some(10),
            ..
        })
    ));
    endpoint.change(|manners| {
        *manners = Manners::default();
        manners.results_max = Some(all.len() - 1);
    });
    assert!(matches!(
        read(&everything()),
        Err(ChainError::TooLarge { .. })
    ));
    endpoint.change(|manners| {
        *manners = Manners::default();
        manners.pruned = Some((1_030, Pruning::Silent));
    });
    let held = read(&everything()).unwrap();
    assert!(held.iter().all(|log| log.block.number.value() >= 1_030));
    endpoint.change(|manners| manners.pruned = Some((1_030, Pruning::Refusing)));
    assert!(matches!(read(&everything()), Err(ChainError::Pruned(_))));
}

#[test]
fn gas_rate_outage_and_faults_are_told_apart_and_every_request_is_counted() {
    let shared = lived(6);
    let endpoint = WorldEndpoint::new("rpc-1", &shared).with(|manners| {
        manners.gas_cap = Some(100_000);
        manners.requests_per_block_max = Some(4);
        manners.retry_after = Some(Duration::from_secs(2));
    });
    let at = now(endpoint.header(BlockTag::Latest)).unwrap().unwrap();
    let attester = Key::new(1).attester;
    let view = |count| -> Vec<Call> {
        let rollup = shared.lock().contracts().rollup(1).unwrap().address;
        let view = call(rollup, &abi::Rollup::getAttesterViewCall { attester });
        vec![view; count]
    };
    assert_eq!(now(endpoint.aggregate(&at, &view(2))).unwrap().len(), 2);
    assert_eq!(endpoint.gas_max(), 74_000);
    let too_large = now(endpoint.aggregate(&at, &view(3)));
    assert!(matches!(too_large, Err(ChainError::TooLarge { .. })));
    endpoint.fail_next(ChainError::Malformed("half a line".to_owned()));
    assert!(matches!(
        now(endpoint.chain_id()),
        Err(ChainError::Malformed(_))
    ));
    let retry_after = Some(Duration::from_secs(2));
    assert_eq!(
        now(endpoint.chain_id()),
        Err(ChainError::RateLimited { retry_after })
    );
    shared.lock().mine();
    assert_eq!(now(endpoint.chain_id()), Ok(31_337));
    let counts = endpoint.take_requests();
    assert_eq!(counts["eth_call"], 2);
    assert_eq!(counts["eth_chainId"], 3);
    assert_eq!(counts["eth_getBlockByNumber"], 1);
    assert!(endpoint.requests().is_empty());

    endpoint.change(|manners| manners.outage = Some(ChainError::Unavailable("refused".to_owned())));
    assert!(matches!(
        now(endpoint.chain_id()),
        Err(ChainError::Unavailable(_))
    ));
    endpoint.change(|manners| manners.is_hanging = true);
    assert!(endpoint.chain_id().now_or_never().is_none());
}

#[test]
fn lies_about_state_hash_and_pin_are_told_as_ordered() {
    let shared = lived(6);
    let endpoint = WorldEndpoint::new("rpc-1", &shared);
    let head = now(endpoint.header(BlockTag::Latest)).unwrap().unwrap();
    let rollup = shared.lock().contracts().rollup(1).unwrap().address;
    let calls = [call(rollup, &abi::Rollup::getEntryQueueLengthCall {})];
    let lie = Bytes::from(U256::from(99).to_be_bytes_vec());
    let selector = abi::Rollup::getEntryQueueLengthCall::SELECTOR;
    endpoint
        .change(|manners| manners.lies = vec![Lie::Answers(selector, lie.clone()), Lie::WrongHash]);
    let told = now(endpoint.header(BlockTag::Latest)).unwrap().unwrap();
    assert_ne!(told.block.hash, head.block.hash);
    assert_eq!(
        now(endpoint.aggregate(&head, &calls)).unwrap(),
        [CallAnswer::Returned(lie)]
    );
    endpoint.change(|manners| {
        *manners = Manners::default();
        manners.ignores_pin = true;
        manners.has_tags = false;
    });
    shared.lock().mine();
    assert_eq!(
        now(endpoint.aggregate(&head, &calls)),
        Err(ChainError::PinIgnored)
    );
    assert!(matches!(
        now(endpoint.header(BlockTag::Finalized)),
        Err(ChainError::Refused(_))
    ));
}

#[test]
fn old_state_is_not_held() {
    let shared = lived(6);
    let endpoint = WorldEndpoint::new("rpc-1", &shared);
    let head = now(endpoint.header(BlockTag::Latest)).unwrap().unwrap();
    shared.lock().mine_many(127);
    assert!(now(endpoint.aggregate(&head, &[])).is_ok());
    shared.lock().mine();
    assert!(matches!(
        now(endpoint.aggregate(&head, &[])),
        Err(ChainError::Pruned(_))
    ));
}

#[test]
fn an_endpoint_on_a_lost_branch_holds_it_for_canonical() {
    let shared = lived(6);
    let other = shared.lock().head().clone();
    let endpoint = WorldEndpoint::new("rpc-1", &shared);
    endpoint.change(|manners| manners.stays_at = Some(other.block.hash));
    let new = shared.lock().reorg(3, |_| true);
    let latest = now(endpoint.header(BlockTag::Latest)).unwrap().unwrap();
    assert_eq!(latest, other);
    let before = BlockTag::Number(other.block.number.saturating_sub(1));
    let before = now(endpoint.header(before)).unwrap().unwrap();
    assert_eq!(before.block.hash, other.parent_hash);
    assert!(now(endpoint.aggregate(&other, &[])).is_ok());
    assert_eq!(now(endpoint.header(BlockTag::Hash(new.hash))), Ok(None));
    let root = other.block.number.saturating_sub(3);
    let root = now(endpoint.header(BlockTag::Number(root)))
        .unwrap()
        .unwrap();
    assert!(shared.lock().block_by_hash(root.block.hash).unwrap().1);
}

/// The sizes that benchmarks speak of must be cheap to make.
#[test]
fn ten_thousand_attesters_enter_in_one_block() {
    let shared = World::shared(Setup::open(1, 20_000));
    let mut world = shared.lock();
    Script::new(1).begin(&mut world);
    world.populate(OURS, 1_000_000, 10_000);
    let block = world.head().block.number.value();
    let entered = world
        .block(block)
        .unwrap()
        .logs
        .iter()
        .filter(|log| log.topics[0] == abi::Rollup::Deposit::SIGNATURE_HASH);
    assert!(entered.count() >= 10_000);
}
