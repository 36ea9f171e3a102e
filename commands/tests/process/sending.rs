//! Discord's bad moments while a message is on its way.

use std::time::Duration;

use fake::Fault;

use super::stage::{Stage, TRANSITIONS, unlimited};

/// Whatever becomes of the answer - lost, spoilt, late, never sent - the message stands once.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_discords_answer_the_message_stands_once() {
    let mut spec = unlimited();
    // As after an outage of some minutes: Discord has forgotten the nonce, and only the search tells.
    spec.rules.nonce_window = Duration::ZERO;
    let mut stage = Stage::with(spec, 32).await;
    stage
        .settings
        .insert("DISCORD_REQUEST_TIMEOUT", "1s".to_owned());
    let floor = stage.start_first().await;
    let faults = [
        Fault::on_send().accept_then_drop(),
        Fault::on_send().accept_then_status(500),
        Fault::on_send().accept_then_status(502),
        Fault::on_send().accept_then_hang(),
        Fault::on_send().status(500),
        Fault::on_send().html(502, "<html>bad gateway</html>"),
        Fault::on_send().drop_connection(),
        Fault::on_send().hang(),
        Fault::on_send().rate_limited(0.3, "user"),
        Fault::on_send().rate_limited(0.3, "global"),
        Fault::on_send().delay(Duration::from_millis(300)),
        // The answer is lost, and so is the first look whether the message is there.
        Fault::on_send().accept_then_drop(),
    ];
    let count = faults.len();
    for (index, fault) in faults.into_iter().enumerate() {
        stage.discord.fault(fault);
        if index + 1 == count {
            let look = Fault::on("GET", r"/channels/\d+/messages").unwrap();
            stage.discord.fault(look.status(503));
        }
        let rate = 1_000 + u16::try_from(index).unwrap();
        let change = stage.net.update_take_rate(stage.provider, rate);
        change.await.unwrap();
        stage.see_the_truth(floor).await;
    }
    stage.discord.clear_faults();
    stage.see_that_nothing_follows(floor).await;
    // The summary, one for each fault, and the last.
    assert_eq!(stage.discord.messages(TRANSITIONS).len(), count + 2);
    stage.assert_rules_were_kept();
}
