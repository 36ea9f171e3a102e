//! The side door `/fake/...`: how tests of a shipped process look at the world and act in it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::gateway::Command;
use crate::people::Impossible;
use crate::request::{Request, id_of};
use crate::server::Shared;
use crate::snowflake::Snowflake;
use crate::world::World;

/// The routes of the side door.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/fake/", get(page))
        .route("/fake/messages", get(messages))
        .route("/fake/requests", get(requests))
        .route("/fake/violations", get(|State(shared): Door| async move { Json(shared.with(|world| json!(world.violations))) }))
        .route("/fake/interactions", get(interactions))
        .route("/fake/commands", get(commands))
        .route("/fake/gateway", get(gateway_state).post(gateway))
        .route("/fake/fault", post(fault).delete(clear_faults))
        .route("/fake/slash", post(|shared: Door, body: Json<Value>| act(shared, body, slash)))
        .route("/fake/autocomplete", post(|shared: Door, body: Json<Value>| act(shared, body, slash)))
        .route("/fake/press", post(|shared: Door, body: Json<Value>| act(shared, body, press)))
        .route("/fake/modal", post(|shared: Door, body: Json<Value>| act(shared, body, modal)))
        .route("/fake/say", post(|shared: Door, body: Json<Value>| act(shared, body, say)))
        .route("/fake/outage", post(|shared: Door, body: Json<Value>| act(shared, body, outage)))
        .route("/fake/delete", post(|shared: Door, body: Json<Value>| act(shared, body, delete)))
        .route("/fake/advance", post(|shared: Door, body: Json<Value>| act(shared, body, advance)))
}

type Door = State<Arc<Shared>>;

#[derive(Deserialize)]
struct InChannel {
    channel: Option<u64>,
    /// Whether deleted and ephemeral messages are shown too.
    #[serde(default)]
    all: bool,
}

async fn messages(State(shared): Door, Query(query): Query<InChannel>) -> Json<Value> {
    Json(shared.with(|world| {
        let wanted = world.messages.values().filter(|message| {
            query
                .channel
                .is_none_or(|channel| message.channel.0 == channel)
                && (query.all || (!message.deleted && message.ephemeral_to.is_none()))
        });
        wanted.map(|message| json!(message)).collect()
    }))
}

async fn requests(State(shared): Door) -> Json<Value> {
    let form = |request: &Request| {
        json!({
            "index": request.index, "at_ms": request.at_ms, "method": request.method, "path": request.path,
            "query": request.query, "json": request.json, "status": request.status, "answer": request.answer,
            "files": request.files.iter().map(|file| &file.name).collect::<Vec<_>>(),
        })
    };
    Json(shared.with(|world| world.requests.iter().map(form).collect()))
}

async fn interactions(State(shared): Door) -> Json<Value> {
    Json(shared.with(|world| {
        world
            .interactions
            .values()
            .map(|record| json!(record))
            .collect()
    }))
}

async fn commands(State(shared): Door) -> Json<Value> {
    Json(shared.with(|world| {
        json!({ "puts": world.commands.puts, "guild": world.commands.set(Some(world.guild)), "global": world.commands.set(None) })
    }))
}

async fn gateway_state(State(shared): Door) -> Json<Value> {
    Json(shared.with(|world| json!(world.gateway.state())))
}

fn refuse(why: impl Into<String>) -> Response {
    (
        StatusCode::BAD_REQUEST,
        Json(json!({ "error": why.into() })),
    )
        .into_response()
}

async fn fault(State(shared): Door, Json(body): Json<Value>) -> Response {
    match Fault::from_json(&body) {
        Ok(fault) => {
            shared.with(|world| world.faults.push(fault));
            StatusCode::NO_CONTENT.into_response()
        }
        Err(why) => refuse(why),
    }
}

async fn clear_faults(State(shared): Door) -> StatusCode {
    shared.with(|world| world.faults.clear());
    StatusCode::NO_CONTENT
}

/// `{"command": "close", "code": 4000}`, `reconnect`, `invalid_session` (`resumable`), `drop`, `mute_acks`, `silent`,
/// `refuse` (`on`), `dispatch` (`t`, `d`), `raw` (`text`).
async fn gateway(State(shared): Door, Json(body): Json<Value>) -> Response {
    let on = body["on"].as_bool().unwrap_or(true);
    let command = match body["command"].as_str().unwrap_or_default() {
        "reconnect" => Command::Reconnect,
        "invalid_session" => Command::InvalidSession(body["resumable"] == true),
        "close" => Command::Close(
            body["code"]
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .unwrap_or(4000),
        ),
        "drop" => Command::Drop,
        "mute_acks" => Command::MuteAcks(on),
        "silent" => Command::Silent(on),
        "refuse" => Command::Refuse(on),
        "shun" => Command::Shun(
            body["code"]
                .as_u64()
                .and_then(|code| u16::try_from(code).ok()),
        ),
        "dispatch" => Command::Dispatch(
            body["t"].as_str().unwrap_or_default().to_owned(),
            body["d"].clone(),
        ),
        "raw" => Command::Raw(body["text"].as_str().unwrap_or_default().to_owned()),
        other => return refuse(format!("unknown gateway command {other:?}")),
    };
    shared.with(|world| {
        world.gateway.command(command);
        world.touch();
    });
    StatusCode::NO_CONTENT.into_response()
}

async fn act(
    State(shared): Door,
    Json(body): Json<Value>,
    work: fn(&mut World, &Value) -> Result<Value, Impossible>,
) -> Response {
    match shared.with(|world| work(world, &body)) {
        Ok(answer) => Json(answer).into_response(),
        Err(why) => refuse(why.0),
    }
}

fn id(body: &Value, name: &str) -> Result<Snowflake, Impossible> {
    id_of(&body[name]).ok_or_else(|| Impossible(format!("`{name}` is missing")))
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Impossible> {
    body[name]
        .as_str()
        .ok_or_else(|| Impossible(format!("`{name}` is missing")))
}

/// `{user, command, options, channel?, focused?}`; user and channel default to the owner and the first channel.
fn slash(world: &mut World, body: &Value) -> Result<Value, Impossible> {
    let channel = id_of(&body["channel"])
        .or_else(|| world.channels.keys().next().copied())
        .unwrap_or_default();
    let user = id_of(&body["user"]).unwrap_or(world.owner);
    let id = world.use_command(
        user,
        channel,
        text(body, "command")?,
        &body["options"],
        body["focused"].as_str(),
    )?;
    Ok(json!({ "interaction": id }))
}

/// `{user, message, custom_id, values?}`.
fn press(world: &mut World, body: &Value) -> Result<Value, Impossible> {
    let user = id_of(&body["user"]).unwrap_or(world.owner);
    let values: Option<Vec<&str>> = body["values"]
        .as_array()
        .map(|values| values.iter().filter_map(Value::as_str).collect());
    let id = world.use_component(
        user,
        id(body, "message")?,
        text(body, "custom_id")?,
        values.as_deref(),
    )?;
    Ok(json!({ "interaction": id }))
}

/// `{user, interaction, fields}`.
fn modal(world: &mut World, body: &Value) -> Result<Value, Impossible> {
    let user = id_of(&body["user"]).unwrap_or(world.owner);
    let id = world.submit_modal(user, id(body, "interaction")?, &body["fields"])?;
    Ok(json!({ "interaction": id }))
}

/// `{user, channel, content}`.
fn say(world: &mut World, body: &Value) -> Result<Value, Impossible> {
    let user = id_of(&body["user"]).unwrap_or(world.owner);
    Ok(json!({ "message": world.person_says(user, id(body, "channel")?, text(body, "content")?) }))
}

/// `{on}`.
fn outage(world: &mut World, body: &Value) -> Result<Value, Impossible> {
    world.outage = body["on"].as_bool().unwrap_or(true);
    world.touch();
    Ok(json!({ "outage": world.outage }))
}

/// `{channel}` or `{message}` or `{role}`.
fn delete(world: &mut World, body: &Value) -> Result<Value, Impossible> {
    let gone = if let Some(channel) = id_of(&body["channel"]) {
        world.delete_channel(channel).is_some()
    } else if let Some(role) = id_of(&body["role"]) {
        world.delete_role(role)
    } else {
        world.delete_message(id(body, "message")?)
    };
    Ok(json!({ "deleted": gone }))
}

/// `{seconds}`: pushes the clock of the world forward.
fn advance(world: &mut World, body: &Value) -> Result<Value, Impossible> {
    world.advance(Duration::from_secs(body["seconds"].as_u64().unwrap_or(0)));
    Ok(json!({ "now_ms": world.now_ms() }))
}

/// The channels as a plain page.
async fn page(State(shared): Door) -> Html<String> {
    Html(shared.with(|world| crate::page::render(world)))
}
