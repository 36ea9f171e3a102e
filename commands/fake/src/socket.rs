//! TCP connections that can be cut in the middle, which HTTP servers do not offer by themselves.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Cuts one connection: nothing is written on it any more, and the server closes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch {
    own: Arc<AtomicBool>,
    server: Arc<AtomicBool>,
}

impl Switch {
    pub(crate) fn cut(&self) {
        self.own.store(true, Ordering::SeqCst);
    }

    /// Cuts every connection of the server this one belongs to.
    pub(crate) fn cut_all(&self) {
        self.server.store(true, Ordering::SeqCst);
    }

    /// The switch of a new connection of the same server.
    fn sibling(&self) -> Self {
        Self {
            own: Arc::default(),
            server: Arc::clone(&self.server),
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.own.load(Ordering::SeqCst) || self.server.load(Ordering::SeqCst) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

#[derive(Debug)]
pub(crate) struct Cuttable {
    stream: TcpStream,
    switch: Switch,
}

#[derive(Debug)]
pub(crate) struct CuttableListener {
    pub(crate) listener: TcpListener,
    pub(crate) switch: Switch,
}

impl Listener for CuttableListener {
    type Io = Cuttable;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Cuttable, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Small answers must not wait for each other.
                    stream.set_nodelay(true).ok();
                    return (
                        Cuttable {
                            stream,
                            switch: self.switch.sibling(),
                        },
                        address,
                    );
                }
                // Out of file handles, say: give the tests a moment to close some.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Switch {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().switch.clone()
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.switch.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.switch.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.switch.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
