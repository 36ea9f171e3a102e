//! Reorgs that cannot be taken back: what is kept for the way back, how far it reaches, and what is said where it ends.

use steward::{
    alert::facts::{DeepReorgFacts, Facts},
    state::State,
    store::{
        Store, Tree,
        undo::{self, UNDO_MAX},
    },
    units::BlockNumber,
    watcher::{Step, progress::Impasse},
};

use crate::{
    agreement::with_desk,
    watched::{NETWORK, Watched},
    watching::{ADMIN, stake},
    world::{
        action::{Action, Key},
        blocks::{Setup, World},
        script::OURS,
    },
};

/// An L1 whose finality stands still behind a head that goes on.
fn stalled() -> Watched {
    let mut setup = Setup::open(1, 8);
    (setup.finalized_depth, setup.safe_depth) = (1_000_000, 1_000_000);
    let world = World::shared(setup);
    {
        let mut world = world.lock();
        let register = Action::RegisterProvider {
            admin: ADMIN,
            take_rate: 500,
            recipient: ADMIN,
        };
        world.act(register).unwrap();
        let keys = (0..10).map(Key::new).collect();
        let add = Action::AddKeys {
            provider: OURS,
            keys,
        };
        world.act(add).unwrap();
        world.mine();
    }
    with_desk(Watched::new(&world, 1))
}

/// The blocks that have a record of the way back.
fn recorded(watched: &Watched) -> Vec<u64> {
    let prefix = undo::prefix(NETWORK);
    let page = watched
        .store
        .scan(Tree::Undo, &prefix, None, 2 * UNDO_MAX)
        .unwrap();
    let blocks = page
        .iter()
        .filter_map(|(key, _)| undo::block_of(NETWORK, key));
    blocks.map(BlockNumber::value).collect()
}

fn told(state: &State) -> Vec<DeepReorgFacts> {
    let rows = state.incidents[NETWORK].rows.rows();
    rows.filter_map(|(_, incident)| match &incident.facts {
        Facts::DeepReorg(facts) => Some(facts.clone()),
        _ => None,
    })
    .collect()
}

async fn until_stopped(watched: &mut Watched) -> String {
    for _ in 0..10 {
        if let Step::Stopped(why) = watched.step().await.unwrap() {
            return why;
        }
    }
    panic!("never stopped");
}

/// Goal: while finality stalls, the way back is as long as is promised and no longer, a reorg within it is taken back, and
/// one beyond it stops the network and is told as what it is; a person has it read again.
#[tokio::test(start_paused = true)]
async fn a_reorg_deeper_than_the_undo_records_stops_the_network_and_says_so() {
    let most = u64::try_from(UNDO_MAX).unwrap();
    let mut watched = stalled();
    watched.is_right().await;
    let fork = watched.play(World::keep_state);
    watched.play(|world| world.mine_many(most + 40));
    watched.is_right().await;
    let head = watched.play(|world| world.head().block.number.value());
    let kept = recorded(&watched);
    assert_eq!(u64::try_from(kept.len()).unwrap(), most);
    assert_eq!(
        (kept.first(), kept.last()),
        (Some(&(head + 1 - most)), Some(&head))
    );
    assert!(
        watched
            .writer
            .read()
            .await
            .progress_of(NETWORK)
            .is_undo_full
    );

    watched.play(|world| {
        stake(world, 1);
        world.mine();
        world.reorg(100, |_| false);
    });
    watched.is_right().await;

    watched.play(|world| {
        let depth = world.head().block.number.since(fork.number);
        world.reorg(depth, |_| true)
    });
    let why = until_stopped(&mut watched).await;
    assert!(why.contains("reaches below the oldest block"), "{why}");
    watched.restart();
    {
        let state = watched.writer.read().await;
        let impasse = state.progress_of(NETWORK).impasse.unwrap();
        assert!(impasse.is_undo_exhausted);
        let told = told(&state);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].depth, told[0].is_undo_exhausted),
            (impasse.depth_min, true)
        );
        assert!((most..most + 200).contains(&told[0].depth), "{told:?}");
    }
    watched
        .watcher
        .resume("ada", "rpc-1 is right")
        .await
        .unwrap();
    watched.is_right().await;
    let state = watched.writer.read().await;
    assert_eq!(state.progress_of(NETWORK).impasse, None);
}

#[tokio::test(start_paused = true)]
async fn a_final_block_that_is_replaced_is_not_told_as_a_lack_of_records() {
    let mut watched = with_desk(crate::watching::watched(2, 1));
    watched.play(|world| world.mine_many(100));
    watched.is_right().await;
    watched.play(|world| world.mine_many(40));
    watched.is_right().await;
    watched.play(|world| world.reorg(120, |_| false));
    let why = until_stopped(&mut watched).await;
    assert!(why.contains("is final"), "{why}");
    let state = watched.writer.read().await;
    let Some(Impasse {
        depth_min,
        is_undo_exhausted: false,
    }) = state.progress_of(NETWORK).impasse
    else {
        panic!("not told as it is");
    };
    let told = told(&state);
    assert_eq!(
        (told[0].depth, told[0].is_undo_exhausted),
        (depth_min, false)
    );
    assert!((2..120).contains(&depth_min), "{depth_min}");
}
