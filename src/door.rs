//! From an accepted socket to a served connection: whom its PROXY header speaks for, and its TLS handshake.
//!
//! Joins what `listener`, `tls` and `server` own. Nothing in here is a hit yet: whoever fails here gets no answer and no line in
//! the click log.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use crate::{
    listener::proxy_reader,
    server::{Covers, Place, Protocol, Server, Tls, Way},
    tls::{self, Acceptor, Certificate},
};

/// What stands before the server at the addresses of one kind.
pub struct Door {
    /// Who serves.
    pub server: Arc<Server>,
    /// Whether trusted proxies begin with a PROXY header.
    pub proxy_protocol: bool,
    /// Who makes TLS of connections, where they are to be.
    pub acceptor: Option<Arc<Acceptor>>,
    /// How long a PROXY header is waited for.
    pub first_byte: Duration,
}

impl Door {
    /// Serves a connection to its end, in its place.
    ///
    /// Dropped at an await, it closes the connection.
    pub async fn take<S>(&self, mut stream: S, peer: SocketAddr, mut place: Place)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let proxy = peer.ip().to_canonical();
        // What is over before the first request takes no room of the connection's life: hence the boxes.
        let Some(peer) = Box::pin(self.peer(&mut stream, proxy)).await else {
            return;
        };
        // Whoever speaks for many himself is not counted.
        let is_counted = peer != proxy && !self.server.edge.load().real_ip.trusted.contain(peer);
        if is_counted && !place.is_of(peer, &self.server.observe.metrics) {
            return;
        }
        let server = Arc::clone(&self.server);
        let Some(acceptor) = &self.acceptor else {
            return server.serve(stream, peer.into()).await;
        };
        match Box::pin(acceptor.accept(stream)).await {
            Ok(accepted) => {
                let protocol = match accepted.protocol {
                    tls::Protocol::Http1 => Protocol::Http1,
                    tls::Protocol::Http2 => Protocol::Http2,
                };
                let tls = Tls {
                    protocol,
                    certificate: accepted.certificate,
                };
                server
                    .serve(Box::new(accepted.stream), Way { peer, tls: Some(tls) })
                    .await;
            }
            // Scanners make thousands of them.
            Err(why) => tracing::debug!(%peer, %why, "no TLS connection"),
        }
    }

    /// Who is at the other end: the peer, or whom a trusted one speaks for. `None` when that is not told as it should be.
    async fn peer(&self, stream: &mut (impl AsyncRead + Unpin), peer: IpAddr) -> Option<IpAddr> {
        if !self.proxy_protocol || !self.server.edge.load().real_ip.trusted.contain(peer) {
            return Some(peer);
        }
        match timeout(self.first_byte, proxy_reader::read(stream)).await {
            Ok(Ok(source)) => Some(source.map_or(peer, |source| source.ip().to_canonical())),
            Ok(Err(proxy_reader::NoHeader::Nothing)) => None,
            Ok(Err(why)) => {
                tracing::warn!(proxy = %peer, %why, "a connection of a trusted proxy is closed");
                None
            }
            Err(_) => {
                tracing::warn!(proxy = %peer, "a connection of a trusted proxy without its PROXY header is closed");
                None
            }
        }
    }
}

impl Covers for Certificate {
    fn covers(&self, host: &str) -> bool {
        Self::covers(self, host)
    }
}
