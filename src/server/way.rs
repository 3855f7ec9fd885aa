//! How a connection came: from whom, and whether through TLS.

use std::{net::IpAddr, sync::Arc};

/// What is known of a connection before its first byte of HTTP.
#[derive(Clone)]
pub struct Way {
    /// Its other end.
    pub peer: IpAddr,
    /// What its handshake agreed on, if it had one.
    pub tls: Option<Tls>,
}

/// What a handshake agreed on.
#[derive(Clone)]
pub struct Tls {
    /// The version of HTTP.
    pub protocol: Protocol,
    /// What the visitor was shown.
    pub certificate: Arc<dyn Covers>,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Names that a certificate is for.
pub trait Covers: Send + Sync {
    /// Whether it is for a canonical host.
    fn covers(&self, host: &str) -> bool;
}

impl From<IpAddr> for Way {
    /// Without TLS.
    fn from(peer: IpAddr) -> Self {
        Self { peer, tls: None }
    }
}
