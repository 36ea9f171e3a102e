//! Backfills.

use proptest::prelude::*;

use super::*;

/// Reads the world's logs range by range; the ranges, and the logs.
async fn backfill(endpoints: &Endpoints, head: u64) -> (Vec<(u64, u64)>, Vec<Log>) {
    let (mut from, to) = (BlockNumber::new(0), BlockNumber::new(head));
    let (mut ranges, mut logs) = (Vec::new(), Vec::new());
    while from <= to {
        let range = endpoints.logs(from, to, &filter()).await.unwrap();
        ranges.push((from.value(), range.to_reached.value()));
        logs.extend(range.logs);
        from = range.to_reached.saturating_add(1);
    }
    (ranges, logs)
}

#[tokio::test]
async fn a_backfill_takes_the_range_that_the_endpoint_suggests() {
    let rules = Rules {
        range_max: Some((10, true)),
        ..Rules::default()
    };
    let scene = scene(vec![rules]);
    let (ranges, logs) = backfill(&scene.endpoints, HEAD).await;
    assert_eq!(logs, scene.world.logs());
    assert_eq!(ranges[0], (0, 9));
    // One refusal, at most one more when the ceiling is tried again.
    assert!(scene.requests("rpc-1", "eth_getLogs") <= ranges.len() as u64 + 2);
}

#[tokio::test]
async fn a_lagging_endpoint_covers_only_what_it_has() {
    let rules = Rules {
        behind: 30,
        ..Rules::default()
    };
    let scene = scene(vec![rules]);
    let (from, to) = (BlockNumber::new(0), BlockNumber::new(HEAD));
    let range = scene.endpoints.logs(from, to, &filter()).await.unwrap();
    assert_eq!(range.to_reached.value(), HEAD - 30);
    let beyond = scene.endpoints.logs(to, to, &filter()).await;
    assert_eq!(beyond, Err(ChainError::UnknownBlock));
}

#[tokio::test]
async fn a_forgetful_endpoint_is_found_and_no_longer_asked_for_the_past() {
    let rules = Rules {
        pruned_below: 50,
        ..Rules::default()
    };
    let scene = scene(vec![rules, Rules::default()]);
    let held = scene.endpoints.holds_logs(&scene.world.log(48)).await;
    let said: Vec<Option<bool>> = held.into_iter().map(|(_, holds)| holds).collect();
    assert_eq!(said, [Some(false), Some(true)]);
    let read = async |from: u64| {
        let from = BlockNumber::new(from);
        let range = scene.endpoints.logs(from, from, &filter()).await.unwrap();
        (range.source.to_string(), range.logs.len())
    };
    assert_eq!(read(48).await, ("rpc-2".to_owned(), 1));
    assert_eq!(read(51).await, ("rpc-1".to_owned(), 1));
    scene.chains[0].set(failing(gone()));
    let held = scene.endpoints.holds_logs(&scene.world.log(48)).await;
    assert_eq!(held[0].1, None);
}

#[tokio::test]
async fn archive_endpoints_serve_the_past_and_nothing_else() {
    let world = World::new(HEAD, 0, |_| true);
    let chain = |name: &str| Scripted::new(name, &world, Rules::default()) as Arc<dyn Chain>;
    let endpoints = Endpoints::new(
        vec![chain("rpc-1")],
        vec![chain("archive-1")],
        Arc::new(ManualClock::new(world.header(HEAD).timestamp)),
        Options::default(),
    );
    let head = endpoints.head().await.unwrap();
    endpoints
        .observe(&head, &filter(), &calls(2))
        .await
        .unwrap();
    let archive = EndpointName::new("archive-1");
    assert!(endpoints.requests()[&archive].is_empty());
    let range = endpoints
        .logs(BlockNumber::new(3), head.block.number, &filter())
        .await;
    assert_eq!(range.unwrap().source, archive);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_backfill_over_endpoints_with_limits_has_no_gap_and_no_overlap(
        head in 1_u64..800,
        limits in prop::collection::vec((1_u64..300, any::<bool>()), 1..4),
        dead in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut rules: Vec<Rules> = limits
                .into_iter()
                .map(|limit| Rules { range_max: Some(limit), ..Rules::default() })
                .collect();
            if dead {
                rules.insert(0, failing(gone()));
            }
            let world = World::new(head, 0, |number| number % 3 == 0);
            let scene = scene_of(world, head, rules);
            let (ranges, logs) = backfill(&scene.endpoints, head).await;
            prop_assert_eq!(logs, scene.world.logs());
            let mut next = 0;
            for (from, to) in ranges {
                prop_assert_eq!(from, next);
                next = to + 1;
            }
            prop_assert_eq!(next, head + 1);
            Ok(())
        })?;
    }
}
