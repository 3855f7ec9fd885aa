//! From an accepted socket to a served connection: whom its PROXY header speaks for, and its TLS handshake.
//!
//! Joins what `listener`, `tls` and `server` own. Nothing in here is a hit yet: whoever fails here gets no answer and no line in
//! the click log.

use std::{net::IpAddr, sync::Arc, time::Duration};

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
    /// Serves a connection to its end; its place is whose it turns out to be.
    ///
    /// Dropped at an await, it closes the connection.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async function holds its arguments twice as long as it runs"
    )]
    pub fn take<S>(&self, mut stream: S, peer: IpAddr, place: &mut Place) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        async move {
            // What is over before the first request takes no room of the connection's life: hence the boxes.
            let Some(peer) = Box::pin(self.visitor(&mut stream, peer.to_canonical(), place)).await else {
                return;
            };
            let server = Arc::clone(&self.server);
            let Some(acceptor) = &self.acceptor else {
                return server.serve(stream, peer.into()).await;
            };
            let Some((stream, way)) = Box::pin(secured(acceptor, stream, peer)).await else {
                return;
            };
            server.serve(stream, way).await;
        }
    }

    /// Who is at the other end, counted in the connection's place. `None` when the connection is to be closed.
    async fn visitor(&self, stream: &mut (impl AsyncRead + Unpin), proxy: IpAddr, place: &mut Place) -> Option<IpAddr> {
        let peer = self.peer(stream, proxy).await?;
        // Whoever speaks for many himself is not counted.
        let is_counted = peer != proxy && !self.server.edge.load().real_ip.trusted.contain(peer);
        (!is_counted || place.is_of(peer, &self.server.observe.metrics)).then_some(peer)
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
                tracing::warn!(target: "onehop::peers", proxy = %peer, %why, "a connection of a trusted proxy is closed");
                None
            }
            Err(_) => {
                tracing::warn!(target: "onehop::peers", proxy = %peer, "a connection of a trusted proxy without its PROXY header is closed");
                None
            }
        }
    }
}

/// Makes a connection into TLS.
async fn secured<S>(acceptor: &Acceptor, stream: S, peer: IpAddr) -> Option<(Box<tls::Stream<S>>, Way)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match acceptor.accept(stream).await {
        Ok(accepted) => {
            let protocol = match accepted.protocol {
                tls::Protocol::Http1 => Protocol::Http1,
                tls::Protocol::Http2 => Protocol::Http2,
            };
            let tls = Tls {
                protocol,
                certificate: accepted.certificate,
            };
            Some((Box::new(accepted.stream), Way { peer, tls: Some(tls) }))
        }
        Err(why) => {
            // Scanners make thousands of them.
            tracing::debug!(target: "onehop::peers", %peer, %why, "no TLS connection");
            None
        }
    }
}

impl Covers for Certificate {
    fn covers(&self, host: &str) -> bool {
        Self::covers(self, host)
    }
}
