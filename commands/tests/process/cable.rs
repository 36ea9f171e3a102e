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
    plugged: Arc<watch::Sender<bool>>,
    relay: JoinHandle<()>,
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
        let plugged = Arc::new(watch::Sender::new(true));
        let relay = tokio::spawn(relay(listener, target, Arc::clone(&plugged)));
        Self {
            address,
            plugged,
            relay,
        }
    }

    /// Where steward is to connect.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks every connection, and refuses new ones.
    pub(super) fn pull(&self) {
        self.plugged.send_replace(false);
    }

    /// Lets connections through again.
    pub(super) fn plug(&self) {
        self.plugged.send_replace(true);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.pull();
        self.relay.abort();
    }
}

async fn relay(listener: TcpListener, target: String, plugged: Arc<watch::Sender<bool>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let mut plug = plugged.subscribe();
        if !*plug.borrow_and_update() {
            continue;
        }
        let target = target.clone();
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(&target).await else {
                return;
            };
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _ = plug.wait_for(|plugged| !plugged) => {}
            }
        });
    }
}
