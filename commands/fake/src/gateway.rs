//! Gateway sessions: who is connected, what each was told, and what it may be told again (events/gateway.mdx).
//!
//! State only; the sockets are in `connection`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

/// What a test makes the gateway do, on every connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Op 7: please reconnect.
    Reconnect,
    /// Op 9, resumable or not. The sessions are forgotten when not.
    InvalidSession(bool),
    /// Closes with this code.
    Close(u16),
    /// Cuts the TCP connections without a close frame.
    Drop,
    /// Stops (or starts again) acknowledging heartbeats.
    MuteAcks(bool),
    /// Keeps events back (they are replayed on RESUME) while heartbeats are acknowledged.
    Silent(bool),
    /// Refuses new connections (503 on the upgrade).
    Refuse(bool),
    /// Answers every IDENTIFY and RESUME with this close code, or stops doing so.
    Shun(Option<u16>),
    /// Sends an event with the next sequence number of each session.
    Dispatch(String, Value),
    /// Sends this text as it is.
    Raw(String),
}

/// What the task of a connection has to do.
#[derive(Clone, Debug)]
pub(crate) enum Outgoing {
    Frame(String),
    Close(u16),
    Cut,
}

#[derive(Debug, Default)]
pub(crate) struct Gateway {
    sessions: BTreeMap<String, Session>,
    connections: BTreeMap<u64, UnboundedSender<Outgoing>>,
    next: u64,
    pub(crate) identifies: u32,
    pub(crate) resumes: u32,
    pub(crate) connects: u32,
    pub(crate) heartbeats: u64,
    pub(crate) last_identify_ms: Option<u64>,
    pub(crate) acks_muted: bool,
    pub(crate) silent: bool,
    pub(crate) refuses: bool,
    pub(crate) shuns: Option<u16>,
    /// Codes the fake closed connections with.
    pub(crate) closed: Vec<u16>,
}

#[derive(Debug)]
struct Session {
    intents: u64,
    connection: Option<u64>,
    events: Vec<String>,
}

/// Figures about the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct GatewayState {
    /// WebSocket connections so far.
    pub connects: u32,
    /// IDENTIFYs so far.
    pub identifies: u32,
    /// Successful RESUMEs so far.
    pub resumes: u32,
    /// Heartbeats received so far.
    pub heartbeats: u64,
    /// Connections with a session right now.
    pub ready: usize,
    /// Codes that the fake closed connections with, by itself or by command.
    pub closed: Vec<u16>,
}

impl Gateway {
    pub(crate) fn state(&self) -> GatewayState {
        GatewayState {
            connects: self.connects,
            identifies: self.identifies,
            resumes: self.resumes,
            heartbeats: self.heartbeats,
            ready: self
                .sessions
                .values()
                .filter(|session| session.connection.is_some())
                .count(),
            closed: self.closed.clone(),
        }
    }

    pub(crate) fn connect(&mut self, sender: UnboundedSender<Outgoing>) -> u64 {
        self.next += 1;
        self.connects += 1;
        self.connections.insert(self.next, sender);
        self.next
    }

    /// Forgets a connection; its session stays for a RESUME unless the bot ended it with 1000 or 1001.
    pub(crate) fn disconnect(&mut self, connection: u64, ends_session: bool) {
        self.connections.remove(&connection);
        if ends_session {
            self.sessions
                .retain(|_, session| session.connection != Some(connection));
        }
        for session in self
            .sessions
            .values_mut()
            .filter(|session| session.connection == Some(connection))
        {
            session.connection = None;
        }
    }

    pub(crate) fn open(&mut self, connection: u64, intents: u64) -> String {
        self.identifies += 1;
        let id = format!("{:032x}", self.identifies);
        self.sessions.insert(
            id.clone(),
            Session {
                intents,
                connection: Some(connection),
                events: Vec::new(),
            },
        );
        id
    }

    pub(crate) fn has_session(&self, connection: u64) -> bool {
        self.sessions
            .values()
            .any(|session| session.connection == Some(connection))
    }

    /// Replays what came after `seq`; false when the session is unknown or `seq` is of the future.
    pub(crate) fn resume(&mut self, connection: u64, id: &str, seq: usize) -> bool {
        let Some(session) = self
            .sessions
            .get_mut(id)
            .filter(|session| seq <= session.events.len())
        else {
            return false;
        };
        session.connection = Some(connection);
        self.resumes += 1;
        if let Some(sender) = self.connections.get(&connection) {
            for frame in session.events.iter().skip(seq) {
                sender.send(Outgoing::Frame(frame.clone())).ok();
            }
        }
        self.dispatch_to(id, "RESUMED", &json!({ "_trace": [] }));
        true
    }

    /// Gives an event to one session: kept for RESUME, and sent when it is connected.
    pub(crate) fn dispatch_to(&mut self, id: &str, name: &str, data: &Value) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let frame =
            json!({ "op": 0, "t": name, "s": session.events.len() + 1, "d": data }).to_string();
        session.events.push(frame.clone());
        let sender = session
            .connection
            .and_then(|connection| self.connections.get(&connection));
        if let Some(sender) = sender.filter(|_| !self.silent) {
            sender.send(Outgoing::Frame(frame)).ok();
        }
    }

    pub(crate) fn dispatch(&mut self, name: &str, data: &Value) {
        let wanted = self
            .sessions
            .iter()
            .filter(|(_, session)| wants(session.intents, name));
        let ids: Vec<String> = wanted.map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.dispatch_to(&id, name, data);
        }
    }

    pub(crate) fn send(&self, connection: u64, outgoing: Outgoing) {
        if let Some(sender) = self.connections.get(&connection) {
            sender.send(outgoing).ok();
        }
    }

    fn send_all(&self, outgoing: &Outgoing) {
        for sender in self.connections.values() {
            sender.send(outgoing.clone()).ok();
        }
    }

    pub(crate) fn command(&mut self, command: Command) {
        match command {
            Command::Reconnect => self.send_all(&frame(&json!({ "op": 7, "d": null }))),
            Command::InvalidSession(resumable) => {
                self.send_all(&frame(&json!({ "op": 9, "d": resumable })));
                if !resumable {
                    self.sessions.clear();
                }
            }
            Command::Close(code) => self.send_all(&Outgoing::Close(code)),
            Command::Drop => self.send_all(&Outgoing::Cut),
            Command::MuteAcks(muted) => self.acks_muted = muted,
            Command::Silent(silent) => self.silent = silent,
            Command::Refuse(refuses) => self.refuses = refuses,
            Command::Shun(code) => self.shuns = code,
            Command::Dispatch(name, data) => self.dispatch(&name, &data),
            Command::Raw(text) => self.send_all(&Outgoing::Frame(text)),
        }
    }
}

pub(crate) fn frame(value: &Value) -> Outgoing {
    Outgoing::Frame(value.to_string())
}

/// Whether an event comes with these intents. Events that are not listed come always.
fn wants(intents: u64, name: &str) -> bool {
    let needed = if name.starts_with("GUILD_MEMBER_") {
        1 << 1
    } else if name.starts_with("MESSAGE_") {
        1 << 9
    } else if ["GUILD_", "CHANNEL_", "THREAD_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
    {
        1
    } else {
        0
    };
    intents & needed == needed
}
