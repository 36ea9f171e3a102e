//! A bare bot: REST with the headers Discord asks for, and a gateway connection that reads frame by frame.

use std::sync::Arc;
use std::time::Duration;

use fake::{Fake, Spec};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use reqwest::header::HeaderMap;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const GUILDS: u64 = 1;
pub(crate) const MESSAGES: u64 = 1 << 9;

pub(crate) struct Bot {
    pub(crate) fake: Arc<Fake>,
    http: reqwest::Client,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: HeaderMap,
}

impl Reply {
    /// Status and Discord's code, the pair most rules are about.
    pub(crate) fn refusal(&self) -> (u16, u64) {
        (self.status, self.body["code"].as_u64().unwrap_or(0))
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id in {}", self.body))
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

pub(crate) async fn bot() -> Bot {
    let mut spec = Spec::default();
    spec.rules = spec.rules.unlimited();
    bot_in(spec).await
}

pub(crate) async fn bot_in(spec: Spec) -> Bot {
    let fake = Fake::start(spec).await.unwrap();
    let agent = "DiscordBot (https://example.org, 1)";
    Bot {
        fake,
        http: reqwest::Client::builder()
            .user_agent(agent)
            .build()
            .unwrap(),
    }
}

impl Bot {
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v10{path}", self.fake.url());
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http
            .request(method, url)
            .header("authorization", format!("Bot {}", Spec::TOKEN))
    }

    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Value,
    ) -> reqwest::Result<Reply> {
        let request = self.request(method, path);
        read(if body.is_null() {
            request
        } else {
            request.json(&body)
        })
        .await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.try_call(method, path, body).await.unwrap()
    }

    pub(crate) async fn upload(
        &self,
        method: &str,
        path: &str,
        body: Value,
        name: &str,
        bytes: &[u8],
    ) -> Reply {
        let part = Part::bytes(bytes.to_vec())
            .file_name(name.to_owned())
            .mime_str("text/csv")
            .unwrap();
        let form = Form::new()
            .part("files[0]", part)
            .text("payload_json", body.to_string());
        read(self.request(method, path).multipart(form))
            .await
            .unwrap()
    }

    pub(crate) async fn post(&self, body: Value) -> Reply {
        self.call("POST", &messages(), body).await
    }

    pub(crate) async fn connect(&self) -> Gateway {
        let url = self.call("GET", "/gateway", Value::Null).await.body["url"]
            .as_str()
            .unwrap()
            .to_owned();
        let (socket, _) = tokio_tungstenite::connect_async(format!("{url}?v=10"))
            .await
            .unwrap();
        let mut gateway = Gateway { socket, seq: 0 };
        assert_eq!(gateway.frame().await["op"], 10);
        gateway
    }

    /// A connection past `READY` and `GUILD_CREATE`.
    pub(crate) async fn ready(&self, intents: u64) -> (Gateway, Value) {
        let mut gateway = self.connect().await;
        gateway.identify(Spec::TOKEN, intents).await;
        let ready = gateway.event("READY").await;
        if intents & GUILDS != 0 {
            gateway.event("GUILD_CREATE").await;
        }
        (gateway, ready)
    }

    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.fake.violations(), []);
    }
}

pub(crate) async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
    Ok(Reply {
        status,
        body,
        headers,
    })
}

pub(crate) fn messages() -> String {
    format!("/channels/{}/messages", Spec::CHANNEL)
}

pub(crate) struct Gateway {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) seq: u64,
}

/// What came over the socket.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Frame(Value),
    Closed(u16),
    Lost,
}

impl Gateway {
    pub(crate) async fn hear(&mut self) -> Heard {
        let next = tokio::time::timeout(PATIENCE, self.socket.next())
            .await
            .unwrap();
        match next {
            Some(Ok(Message::Text(text))) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                self.seq = frame["s"].as_u64().unwrap_or(self.seq);
                Heard::Frame(frame)
            }
            Some(Ok(Message::Close(close))) => {
                Heard::Closed(close.map_or(0, |close| close.code.into()))
            }
            Some(Ok(other)) => panic!("unexpected {other:?}"),
            Some(Err(_)) | None => Heard::Lost,
        }
    }

    pub(crate) async fn frame(&mut self) -> Value {
        match self.hear().await {
            Heard::Frame(frame) => frame,
            other => panic!("expected a frame, heard {other:?}"),
        }
    }

    /// The next event, which must be this one.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let mut frame = self.frame().await;
        assert_eq!(frame["t"], name, "{frame}");
        frame["d"].take()
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.text(&frame.to_string()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn identify(&mut self, token: &str, intents: u64) {
        let properties = json!({ "os": "linux", "browser": "test", "device": "test" });
        let data = json!({ "token": token, "intents": intents, "shard": [0, 1], "properties": properties });
        self.send(&json!({ "op": 2, "d": data })).await;
    }

    pub(crate) async fn resume(&mut self, session: &Value, seq: u64) {
        let data = json!({ "token": Spec::TOKEN, "session_id": session["session_id"], "seq": seq });
        self.send(&json!({ "op": 6, "d": data })).await;
    }
}
