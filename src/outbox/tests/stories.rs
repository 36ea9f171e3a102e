//! One story each.

use super::house::{ALARMS, House, NEWS, incident, transition};

#[tokio::test(start_paused = true)]
async fn a_notice_is_sent_once_and_stays_known_over_a_restart() {
    let mut house = House::new(1);
    let process = house.start();
    process.owe(vec![transition(1, "active")]).await.unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(NEWS).len(), 1);
    process.end().await;

    let process = house.start();
    let owed = process.owe(vec![transition(1, "active")]).await.unwrap();
    assert_eq!((owed.messages, owed.unchanged), (0, 1));
    process
        .owe(vec![incident(1, "coinbase missing")])
        .await
        .unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(NEWS).len(), 1);
    assert_eq!(house.world.seen(ALARMS).len(), 1);
    assert_eq!(house.world.calls("find"), 0, "nothing was unclear");
    process.end().await;
}
