//! Where answers come from: the running service, through its socket, or the store itself, opened for one question.

use std::{io, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use serde::Serialize;
use steward::api::{
    control::{Command, Order},
    in_process::{Exchange, InProcess},
    serve::SOCKET_NAME,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// Longest wait for the service; its own limit is 10 s.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Path and query.
    pub(crate) path: String,
    /// The order; `None` for a question.
    pub(crate) order: Option<Order>,
}

impl Ask {
    /// A question: `segments` are escaped, `query` is written from a struct's fields, unset ones left out.
    pub(crate) fn view(segments: &[&str], query: &impl Serialize) -> Self {
        let mut path = String::from("/v1");
        for segment in segments {
            path.push('/');
            path.push_str(&escaped(segment));
        }
        let mut lead = '?';
        if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(query) {
            for (name, value) in fields {
                let text = match value {
                    serde_json::Value::Null => continue,
                    serde_json::Value::String(text) => text,
                    other => other.to_string(),
                };
                path.push(lead);
                path.push_str(&name);
                path.push('=');
                path.push_str(&escaped(&text));
                lead = '&';
            }
        }
        Self { path, order: None }
    }

    /// An order.
    pub(crate) fn order(order: Order) -> Self {
        Self {
            path: "/control/orders".to_owned(),
            order: Some(order),
        }
    }
}

/// Everything but unreserved characters as `%XX`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Where answers come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The running service.
    Socket(PathBuf),
    /// The same routes over a store that this process opened; takes no orders.
    Local(InProcess),
}

impl Source {
    /// The service that runs on `data_dir`; `None` where nobody listens there.
    ///
    /// # Errors
    /// Where the socket is there and may not be used.
    pub(crate) async fn of_service(data_dir: &std::path::Path) -> Result<Option<Self>> {
        let path = data_dir.join(SOCKET_NAME);
        match UnixStream::connect(&path).await {
            Ok(_) => Ok(Some(Self::Socket(path))),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                _ => Err(error).with_context(|| {
                    let path = path.display();
                    format!("the service's socket {path} may not be used: run this as the service's account")
                }),
            },
        }
    }

    /// Asks.
    ///
    /// # Errors
    /// Where the service does not answer.
    pub(crate) async fn send(&self, ask: &Ask, by: &str) -> Result<Exchange> {
        let command = ask.order.clone().map(|order| Command {
            by: by.to_owned(),
            order,
        });
        let body = command
            .map(|command| serde_json::to_string(&command))
            .transpose()?;
        match self {
            Self::Local(routes) => Ok(routes.send(&ask.path, body).await),
            Self::Socket(path) => {
                let exchange = tokio::time::timeout(ANSWER_TIME_MAX, over(path, &ask.path, body));
                let exchange = exchange
                    .await
                    .context("the service did not answer within 15 s")?;
                exchange
                    .with_context(|| format!("the service at {} did not answer", path.display()))
            }
        }
    }
}

/// One request over a socket, as HTTP/1.0: the answer ends where the connection does.
async fn over(socket: &std::path::Path, path: &str, body: Option<String>) -> Result<Exchange> {
    let mut stream = UnixStream::connect(socket).await?;
    let request = match &body {
        None => format!("GET {path} HTTP/1.0\r\nhost: steward\r\n\r\n"),
        Some(body) => format!(
            "POST {path} HTTP/1.0\r\nhost: steward\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    };
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("the answer is cut off")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok(Exchange {
        status: status.context("the answer is no HTTP")?,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use steward::views::attesters::AttesterFilter;

    use super::*;

    #[test]
    fn a_question_is_escaped_and_leaves_out_what_is_not_set() {
        let filter = AttesterFilter {
            text: Some("fra 1/&".to_owned()),
            limit: Some(5),
            ..AttesterFilter::default()
        };
        let ask = Ask::view(&["attesters"], &filter);
        assert_eq!(ask.path, "/v1/attesters?limit=5&text=fra%201%2F%26");
        let ask = Ask::view(&["attesters", "fra-1/17", "why"], &());
        assert_eq!(ask.path, "/v1/attesters/fra-1%2F17/why");
    }
}
