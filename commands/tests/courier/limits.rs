//! The courier keeps to Discord's limits before it is told to.

use std::time::Duration;

use fake::{Fake, Fault, Rate, Spec};
use steward::outbox::courier::{ChannelId, Courier as _, CourierError, Found};

use super::waits;
use crate::world::{CHANNEL, courier, message, parcel, unlimited};

/// Sends without pause into a bucket of three a second: the courier closes the lane itself, so no 429 is provoked.
#[tokio::test]
async fn a_used_up_bucket_is_not_asked_again_before_it_is_filled() {
    let mut spec = Spec::default();
    spec.rules = spec.rules.unlimited();
    spec.rules = spec
        .rules
        .with_rate("POST", "/channels/{id}/messages", Rate::per_seconds(3, 1));
    let fake = Fake::start(spec).await.unwrap();
    let courier = courier(&fake);
    let mut sent = 0;
    while sent < 9 {
        match courier.send(&parcel(&format!("n{sent}"), message())).await {
            Ok(_) => sent += 1,
            Err(error) => tokio::time::sleep(waits(&error).unwrap()).await,
        }
    }
    assert_eq!(fake.messages(Spec::CHANNEL).len(), 9);
    assert_eq!(fake.invalid_requests().rate_limited, 0);
}

#[tokio::test]
async fn a_rate_limit_tells_its_wait_and_closes_its_own_lane_or_all() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let receipt = courier.send(&parcel("n1", message())).await.unwrap();
    fake.fault(Fault::on_send().rate_limited(30.0, "shared"));
    let error = courier.send(&parcel("n2", message())).await.unwrap_err();
    assert_eq!(waits(&error), Some(Duration::from_secs(30)));
    let asked = fake.requests().len();
    assert!(waits(&courier.send(&parcel("n2", message())).await.unwrap_err()).is_some());
    assert_eq!(fake.requests().len(), asked, "a closed lane is not asked");
    courier
        .edit(CHANNEL, receipt.message, &message())
        .await
        .unwrap();
    fake.fault(Fault::on_edit().rate_limited(30.0, "global"));
    courier
        .edit(CHANNEL, receipt.message, &message())
        .await
        .unwrap_err();
    let elsewhere = courier
        .delete(ChannelId(Spec::FALLBACK.0), receipt.message)
        .await;
    assert!(waits(&elsewhere.unwrap_err()).is_some());
}

#[tokio::test]
async fn edits_of_an_old_message_are_limited_and_delay_neither_news_nor_other_edits() {
    let fake = unlimited().await;
    fake.change_rules(|rules| rules.old_edits = Rate::per_seconds(1, 60));
    let courier = courier(&fake);
    let old = courier.send(&parcel("n1", message())).await.unwrap();
    fake.advance(Duration::from_hours(2));
    let edits = [
        courier.edit(CHANNEL, old.message, &message()).await,
        courier.edit(CHANNEL, old.message, &message()).await,
    ];
    assert_eq!(edits[0], Ok(()));
    let CourierError::Later {
        is_rate_limit: true,
        detail,
        ..
    } = edits[1].clone().unwrap_err()
    else {
        panic!("the second edit is limited: {edits:?}");
    };
    assert!(detail.contains("30046"), "{detail}");
    let new = courier.send(&parcel("n2", message())).await.unwrap();
    courier
        .edit(CHANNEL, new.message, &message())
        .await
        .unwrap();
    let asked = fake.requests().len();
    courier
        .edit(CHANNEL, old.message, &message())
        .await
        .unwrap_err();
    assert_eq!(fake.requests().len(), asked);
}

/// Goal: a search that needs more pages than the bucket holds comes to its end.
#[tokio::test]
async fn a_search_waits_for_its_limit_between_pages() {
    let mut spec = Spec::default();
    spec.rules = spec.rules.unlimited();
    let read = Rate::per_seconds(2, 1);
    spec.rules = spec.rules.with_rate("GET", "/channels/{id}/messages", read);
    let fake = Fake::start(spec).await.unwrap();
    let courier = courier(&fake);
    let started = fake.now_ms();
    let last = parcel("last", super::named("last"));
    for number in 0..450 {
        if number == 440 {
            courier.send(&last).await.unwrap();
        }
        fake.say(Spec::ALICE, Spec::CHANNEL, "chatter");
    }
    let never = parcel("never", super::named("never"));
    assert_eq!(courier.find(&never, started).await.unwrap(), Found::No);
    let found = loop {
        // The bucket is as empty as the search before left it.
        match courier.find(&last, started).await {
            Ok(found) => break found,
            Err(error) => tokio::time::sleep(waits(&error).unwrap()).await,
        }
    };
    assert!(matches!(found, Found::Yes(_)), "{found:?}");
}
