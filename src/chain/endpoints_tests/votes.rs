//! Agreement between endpoints.

use super::*;
use crate::chain::agreement::Testimony;

const PATIENCE: Duration = Duration::from_secs(6);

fn liar() -> Rules {
    Rules {
        lies: true,
        ..Rules::default()
    }
}

async fn agreement(scene: &Scene) -> Agreement {
    let (at, asked) = (scene.world.header(99), calls(3));
    let observed = scene
        .endpoints
        .observe(&at, &filter(), &asked)
        .await
        .unwrap();
    let ours = Testimony::of(observed.source, &observed.logs, &observed.answers);
    let filter = filter();
    let endpoints = &scene.endpoints;
    endpoints.agree(&at, &filter, &asked, ours, PATIENCE).await
}

#[tokio::test]
async fn a_majority_agrees_with_two_requests_each() {
    let scene = scene(vec![Rules::default(); 3]);
    let agreed = agreement(&scene).await;
    assert!(
        matches!(
            agreed,
            Agreement::Agreed {
                of: 2 | 3,
                total: 3,
                ..
            }
        ),
        "{agreed:?}"
    );
    assert!(scene.all_requests("rpc-2") <= 2 && scene.all_requests("rpc-3") <= 2);
}

#[tokio::test]
async fn two_endpoints_agree_when_both_say_the_same() {
    let agreed = agreement(&scene(vec![Rules::default(); 2])).await;
    assert!(matches!(
        agreed,
        Agreement::Agreed {
            of: 2,
            total: 2,
            ..
        }
    ));
    assert_eq!(
        agreement(&scene(vec![Rules::default()])).await,
        Agreement::OneSource
    );
}

#[tokio::test]
async fn errors_are_no_votes() {
    let agreed = agreement(&scene(vec![
        Rules::default(),
        failing(gone()),
        failing(gone()),
    ]))
    .await;
    assert_eq!(agreed, Agreement::OneSource);
    let agreed = agreement(&scene(vec![
        Rules::default(),
        failing(gone()),
        Rules::default(),
    ]))
    .await;
    assert!(matches!(
        agreed,
        Agreement::Agreed {
            of: 2,
            total: 3,
            ..
        }
    ));
}

#[tokio::test]
async fn silence_is_waited_for_no_longer_than_told() {
    pause();
    let hangs = Rules {
        hangs: true,
        ..Rules::default()
    };
    let scene = scene(vec![Rules::default(), hangs.clone(), hangs]);
    let start = tokio::time::Instant::now();
    assert_eq!(agreement(&scene).await, Agreement::OneSource);
    assert!(start.elapsed() <= PATIENCE + Duration::from_millis(1));
}

#[tokio::test]
async fn a_lie_of_the_leader_is_overruled_by_a_majority_and_both_are_shown() {
    let scene = scene(vec![liar(), Rules::default(), Rules::default()]);
    let Agreement::Overruled { said, instead } = agreement(&scene).await else {
        panic!("believed");
    };
    let of: Vec<&str> = said.iter().map(|one| one.endpoint.as_str()).collect();
    assert_eq!(of, ["rpc-2", "rpc-3", "rpc-1"]);
    assert_ne!(said[2].answers_digest, instead.answers_digest);
    assert_eq!(said[2].logs_digest, instead.logs_digest);
    let honest = Testimony::of(EndpointName::new("rpc-2"), &[], &scene.honest(99, 3));
    assert_eq!(instead.answers_digest, honest.answers_digest);
}

#[tokio::test]
async fn who_is_overruled_rests_and_is_taken_back_when_a_majority_says_as_it_does() {
    pause();
    let scene = scene(vec![liar(), Rules::default(), Rules::default()]);
    let (at, leader) = (scene.world.header(99), EndpointName::new("rpc-1"));
    for _ in 0..3 {
        scene.endpoints.overrule(&leader, &at);
    }
    assert_eq!(scene.state("rpc-1"), HealthState::Down);
    let trouble = scene.endpoints.health()[0].trouble;
    assert_eq!(trouble, Some(Trouble::Contradicted));
    assert_eq!(scene.endpoints.leader(), Some(EndpointName::new("rpc-2")));
    scene.chains[0].set(Rules::default());
    advance(Duration::from_secs(60)).await;
    agreement(&scene).await;
    assert_eq!(scene.state("rpc-1"), HealthState::Healthy);
}

#[tokio::test]
async fn two_liars_of_three_that_lie_differently_leave_no_majority() {
    let hides = Rules {
        hides_logs: true,
        ..Rules::default()
    };
    let agreed = agreement(&scene(vec![Rules::default(), liar(), hides])).await;
    assert!(
        matches!(agreed, Agreement::Contradiction { .. }),
        "{agreed:?}"
    );
}

#[tokio::test]
async fn a_witness_that_does_not_know_the_block_yet_is_asked_again_for_its_logs_only() {
    pause();
    let late = Rules {
        unknown_times: 2,
        ..Rules::default()
    };
    let scene = scene(vec![Rules::default(), late]);
    let agreed = agreement(&scene).await;
    assert!(
        matches!(agreed, Agreement::Agreed { of: 2, .. }),
        "{agreed:?}"
    );
    assert_eq!(scene.requests("rpc-2", "eth_getLogs"), 3);
    assert_eq!(scene.requests("rpc-2", "eth_call"), 1);
}

#[tokio::test]
async fn who_lets_an_alert_wait_is_to_blame_for_it() {
    pause();
    let hangs = Rules {
        hangs: true,
        ..Rules::default()
    };
    let scene = scene(vec![Rules::default(), hangs]);
    for _ in 0..3 {
        assert_eq!(agreement(&scene).await, Agreement::OneSource);
        advance(Duration::from_secs(60)).await;
    }
    assert_eq!(scene.state("rpc-2"), HealthState::Down);
}

#[tokio::test]
async fn one_against_one_is_a_contradiction() {
    let agreed = agreement(&scene(vec![Rules::default(), liar()])).await;
    assert!(matches!(agreed, Agreement::Contradiction { .. }));
}

#[tokio::test]
async fn a_lie_of_another_does_not_outvote_the_majority() {
    let agreed = agreement(&scene(vec![Rules::default(), liar(), Rules::default()])).await;
    assert!(
        matches!(
            agreed,
            Agreement::Agreed {
                of: 2,
                total: 3,
                ..
            }
        ),
        "{agreed:?}"
    );
}

#[tokio::test]
async fn two_of_five_are_no_majority() {
    let dead = || failing(gone());
    let scene = scene(vec![
        Rules::default(),
        Rules::default(),
        dead(),
        dead(),
        dead(),
    ]);
    assert_eq!(agreement(&scene).await, Agreement::OneSource);
}
