//! A cable between steward and a server: pulled out, every connection through it breaks and no new one comes about.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A TCP relay on loopback with a plug.
#[derive(Debug)]
pub(super) struct Cable {
    address: SocketAddr,
    end: Arc<watch::Sender<End>>,
    relay: JoinHandle<()>,
}

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// They lead to the server.
    Plugged,
    /// There are none.
    Pulled,
    /// They come about, and nobody ever answers.
    Held,
}

impl Cable {
    /// A plugged-in cable to the server at `url` (`http://host:port`).
    pub(super) async fn to(url: &str) -> Self {
        let target = url
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let end = Arc::new(watch::Sender::new(End::Plugged));
        let relay = tokio::spawn(relay(listener, target, Arc::clone(&end)));
        Self {
            address,
            end,
            relay,
        }
    }

    /// Where steward is to connect.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks every connection, and refuses new ones.
    pub(super) fn pull(&self) {
        self.end.send_replace(End::Pulled);
    }

    /// Lets connections through again.
    pub(super) fn plug(&self) {
        self.end.send_replace(End::Plugged);
    }

    /// Breaks every connection, and answers nothing on new ones.
    pub(super) fn hold(&self) {
        self.end.send_replace(End::Held);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.pull();
        self.relay.abort();
    }
}

async fn relay(listener: TcpListener, target: String, end: Arc<watch::Sender<End>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let mut end = end.subscribe();
        let now = *end.borrow_and_update();
        if now == End::Pulled {
            continue;
        }
        let target = target.clone();
        tokio::spawn(async move {
            if now == End::Held {
                let _ended = end.wait_for(|end| *end != End::Held).await;
                return;
            }
            let Ok(mut far) = TcpStream::connect(&target).await else {
                return;
            };
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _ = end.wait_for(|end| *end != End::Plugged) => {}
            }
        });
    }
}
