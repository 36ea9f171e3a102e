//! One gateway connection: frames in, frames out, and the codes that end it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::gateway::{Outgoing, frame};
use crate::rates::millis;
use crate::server::Shared;
use crate::socket::Switch;
use crate::world::{Rule, World};

/// Largest payload a client may send (events/gateway.mdx, "Sending Events").
const PAYLOAD_BYTES_MAX: usize = 4096;
/// Intents that exist (bits 0-16, 20, 21, 24, 25).
const INTENTS: u64 = 0x1_FFFF | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;
/// `GUILD_MEMBERS`, `GUILD_PRESENCES`, `MESSAGE_CONTENT`.
const PRIVILEGED: u64 = 1 << 1 | 1 << 8 | 1 << 15;
/// Beats that may be missing before a connection counts as dead.
const BEATS_MISSED_MAX: u32 = 3;

/// Upgrades to a WebSocket, unless the gateway refuses.
pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if shared.with(|world| world.gateway.refuses || world.outage) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade.on_upgrade(move |socket| serve(shared, socket, switch))
}

async fn serve(shared: Arc<Shared>, mut socket: WebSocket, switch: Switch) {
    let (sender, mut outbox) = mpsc::unbounded_channel();
    let (connection, heartbeat) = shared.with(|world| {
        let heartbeat = world.rules.heartbeat;
        let connection = world.gateway.connect(sender);
        world.gateway.send(connection, frame(&json!({ "op": 10, "d": { "heartbeat_interval": millis(heartbeat), "_trace": [] } })));
        world.touch();
        (connection, heartbeat)
    });
    let patience = (heartbeat * BEATS_MISSED_MAX).max(Duration::from_secs(5));
    let mut sent = Vec::new();
    let mut ends_session = false;
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            outgoing = outbox.recv() => match outgoing {
                Some(Outgoing::Frame(text)) => {
                    if socket.send(Message::text(text)).await.is_err() { break; }
                }
                Some(Outgoing::Close(code)) => {
                    shared.with(|world| world.gateway.closed.push(code));
                    socket.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await.ok();
                    drain(&mut socket).await;
                    break;
                }
                Some(Outgoing::Cut) => { switch.cut(); break; }
                None => break,
            },
            incoming = socket.next() => { heard = Instant::now(); match incoming {
                Some(Ok(Message::Text(text))) => shared.with(|world| world.hear(connection, text.as_str(), &mut sent)),
                Some(Ok(Message::Binary(bytes))) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    shared.with(|world| world.hear(connection, &text, &mut sent));
                }
                Some(Ok(Message::Close(close))) => {
                    ends_session = close.is_some_and(|close| matches!(close.code, 1000 | 1001));
                    break;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Err(_)) | None => break,
            } },
            () = tokio::time::sleep_until(heard + patience) => {
                heard = Instant::now();
                shared.with(|world| world.gateway.send(connection, Outgoing::Close(4009)));
            }
        }
    }
    shared.with(|world| {
        world.gateway.disconnect(connection, ends_session);
        world.touch();
    });
}

/// Waits a moment for the client's half of the close handshake, so that it reads the code.
async fn drain(socket: &mut WebSocket) {
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    tokio::time::timeout(Duration::from_secs(1), rest)
        .await
        .ok();
    socket.close().await.ok();
}

impl World {
    /// One frame of the client; `sent` holds the times of its sends in the current window.
    fn hear(&mut self, connection: u64, text: &str, sent: &mut Vec<u64>) {
        let now_ms = self.now_ms();
        let window_ms = millis(self.rules.gateway_sends.per);
        sent.retain(|at| at + window_ms > now_ms);
        sent.push(now_ms);
        if sent.len() > usize::try_from(self.rules.gateway_sends.limit).unwrap_or(usize::MAX) {
            return self.reject(connection, 4008, "too many sends");
        }
        if text.len() > PAYLOAD_BYTES_MAX {
            return self.reject(connection, 4002, "payload over 4096 bytes");
        }
        let Ok(payload) = serde_json::from_str::<Value>(text) else {
            return self.reject(connection, 4002, "not JSON");
        };
        let known = self.gateway.has_session(connection);
        match payload["op"].as_u64() {
            Some(1) => {
                self.gateway.heartbeats += 1;
                if !self.gateway.acks_muted {
                    self.gateway.send(connection, frame(&json!({ "op": 11 })));
                }
            }
            Some(2) if known => self.reject(connection, 4005, "second IDENTIFY"),
            Some(2) => self.identify(connection, &payload["d"]),
            Some(6) => self.resume(connection, &payload["d"]),
            Some(3 | 4 | 8 | 31 | 43) if known => {}
            Some(3 | 4 | 8 | 31 | 43) => self.reject(connection, 4003, "not identified"),
            _ => self.reject(connection, 4001, "unknown opcode"),
        }
        self.touch();
    }

    fn reject(&mut self, connection: u64, code: u16, what: &str) {
        self.violation(Rule::Gateway, format!("close {code}"), what);
        self.gateway.send(connection, Outgoing::Close(code));
    }

    fn token_fits(&self, told: &Value) -> bool {
        told.as_str()
            .is_some_and(|told| told.trim_start_matches("Bot ") == self.token)
    }

    fn identify(&mut self, connection: u64, data: &Value) {
        let now_ms = self.now_ms();
        let close = |world: &mut Self, code| world.gateway.send(connection, Outgoing::Close(code));
        if !self.token_fits(&data["token"]) {
            return close(self, 4004);
        }
        let Some(intents) = data["intents"]
            .as_u64()
            .filter(|intents| intents & !INTENTS == 0)
        else {
            return close(self, 4013);
        };
        if intents & PRIVILEGED & !self.rules.privileged_intents != 0 {
            return close(self, 4014);
        }
        let shard = (data["shard"][0].as_u64(), data["shard"][1].as_u64());
        if !data["shard"].is_null() && !matches!(shard, (Some(id), Some(count)) if id < count) {
            return close(self, 4010);
        }
        if let Some(code) = self.gateway.shuns {
            self.gateway.identifies += 1;
            return close(self, code);
        }
        if !data["properties"].is_object() {
            return self.reject(connection, 4002, "IDENTIFY without properties");
        }
        if self.gateway.identifies >= self.rules.identify_budget {
            // Discord ends all sessions and resets the token.
            self.violation(
                Rule::Gateway,
                "IDENTIFY",
                "the budget of IDENTIFYs is spent",
            );
            return close(self, 4004);
        }
        let spacing_ms = millis(self.rules.identify_spacing);
        if self
            .gateway
            .last_identify_ms
            .is_some_and(|last| now_ms < last + spacing_ms)
        {
            return self
                .gateway
                .send(connection, frame(&json!({ "op": 9, "d": false })));
        }
        self.gateway.last_identify_ms = Some(now_ms);
        let session = self.gateway.open(connection, intents);
        let shard = if data["shard"].is_null() {
            json!([0, 1])
        } else {
            data["shard"].clone()
        };
        self.say(format!("gateway    ready, intents {intents}"));
        let ready = json!({
            "v": 10,
            "user": self.me_json(),
            "guilds": [{ "id": self.guild, "unavailable": true }],
            "session_id": session,
            "session_type": "normal",
            "resume_gateway_url": format!("{}/ws", self.url.replacen("http", "ws", 1)),
            "shard": shard,
            "application": { "id": self.application, "flags": 0 },
            "private_channels": [], "relationships": [], "user_settings": {}, "_trace": [],
        });
        self.gateway.dispatch_to(&session, "READY", &ready);
        if intents & 1 != 0 && self.guild_available {
            let guild = self.guild_create_json();
            self.gateway.dispatch_to(&session, "GUILD_CREATE", &guild);
        }
    }

    fn resume(&mut self, connection: u64, data: &Value) {
        if let Some(code) = self.gateway.shuns {
            return self.gateway.send(connection, Outgoing::Close(code));
        }
        if !self.token_fits(&data["token"]) {
            return self.gateway.send(connection, Outgoing::Close(4004));
        }
        let seq = data["seq"]
            .as_u64()
            .and_then(|seq| usize::try_from(seq).ok())
            .unwrap_or(usize::MAX);
        let id = data["session_id"].as_str().unwrap_or_default();
        if self.gateway.resume(connection, id, seq) {
            self.say("gateway    resumed".to_owned());
        } else {
            self.gateway
                .send(connection, frame(&json!({ "op": 9, "d": false })));
        }
    }
}
