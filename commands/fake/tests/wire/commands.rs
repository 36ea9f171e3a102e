//! Registering application commands.

use fake::Spec;
use serde_json::{Value, json};

use crate::client::bot;

fn path() -> String {
    format!(
        "/applications/{}/guilds/{}/commands",
        Spec::APPLICATION,
        Spec::GUILD
    )
}

#[tokio::test]
async fn a_registered_set_is_stored_and_keeps_the_ids_of_known_names() {
    let bot = bot().await;
    let status = json!({ "name": "status", "description": "How things are" });
    let first = bot.call("PUT", &path(), json!([status])).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let help = json!({ "name": "help", "description": "What can be asked" });
    let second = bot.call("PUT", &path(), json!([help, status])).await;
    assert_eq!(first.body[0]["id"], second.body[1]["id"]);
    assert_eq!(
        bot.call("GET", &path(), Value::Null).await.body,
        second.body
    );
    assert_eq!(bot.fake.command_puts(), 2);
    bot.assert_clean();
}

#[tokio::test]
async fn a_command_over_the_rules_is_refused() {
    let bot = bot().await;
    let named = |name: &str| json!({ "name": name, "description": "d" });
    let option = |name: &str, required: bool| json!({ "type": 3, "name": name, "description": "d", "required": required });
    let many: Vec<Value> = (0..101).map(|n| named(&format!("c{n}"))).collect();
    for (case, set) in [
        ("capital", json!([named("Status")])),
        ("twin", json!([named("a"), named("a")])),
        ("empty", json!([{ "name": "a", "description": "" }])),
        (
            "order",
            json!([{ "name": "a", "description": "d", "options": [option("x", false), option("y", true)] }]),
        ),
        ("many", Value::Array(many)),
    ] {
        assert_eq!(
            bot.call("PUT", &path(), set).await.refusal(),
            (400, 50035),
            "{case}"
        );
        assert!(!bot.fake.violations().is_empty(), "{case}");
        bot.fake.clear_violations();
    }
    assert!(bot.fake.commands().is_empty());
}

#[tokio::test]
async fn a_day_takes_only_so_many_new_commands() {
    let bot = bot().await;
    bot.fake.change_rules(|rules| rules.command_creates = 1);
    let set = |name: &str| json!([{ "name": name, "description": "d" }]);
    assert_eq!(bot.call("PUT", &path(), set("a")).await.status, 200);
    assert_eq!(
        bot.call("PUT", &path(), set("a")).await.status,
        200,
        "a known name is not new"
    );
    assert_eq!(
        bot.call("PUT", &path(), set("b")).await.refusal(),
        (400, 30034)
    );
    assert_eq!(bot.fake.commands()[0]["name"], "a");
}
