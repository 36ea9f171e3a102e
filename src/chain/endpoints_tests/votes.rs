//! Agreement between endpoints.

use super::*;

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
    let filter = filter();
    let endpoints = &scene.endpoints;
    endpoints
        .agree(&at, &filter, &asked, &observed, PATIENCE)
        .await
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
async fn a_lie_of_the_leader_is_a_contradiction_that_shows_both() {
    let scene = scene(vec![liar(), Rules::default(), Rules::default()]);
    let Agreement::Contradiction { said } = agreement(&scene).await else {
        panic!("believed");
    };
    assert_eq!(said.len(), 3);
    assert_eq!(said[0].endpoint.as_str(), "rpc-1");
    assert_ne!(said[0].answers, said[1].answers);
    assert_eq!(said[1].answers, scene.honest(99, 3));
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
