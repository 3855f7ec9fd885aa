//! A certificate that is served: what it is called, which hosts it covers, and when it ends.
//!
//! How it is read, and what may be wrong with it, is `pair`'s.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::{ServerConfig, sign::SigningKey};
use rustls_pki_types::CertificateDer;

use super::x509::Said;

/// A certificate that can be served.
#[derive(Debug)]
pub struct Certificate {
    pub(super) name: Box<str>,
    /// `NAME`, by which certificates are ordered.
    pub(super) stem: Box<str>,
    pub(super) path: PathBuf,
    pub(super) said: Said,
    pub(super) key: Arc<dyn SigningKey>,
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// What its connections speak.
    pub(super) config: Arc<ServerConfig>,
}

impl Certificate {
    /// What tells it from others: its file's path below the folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When it begins to be valid.
    pub fn not_before(&self) -> SystemTime {
        self.said.not_before
    }

    /// When it ends.
    pub fn not_after(&self) -> SystemTime {
        self.said.not_after
    }

    /// Whether it names a host: a canonical host of a request, lower-case and without a port, or an address. Cheap enough for
    /// every hit: two looks into sorted lists, without a copy.
    ///
    /// A request for another host came over a connection that was made for one of this certificate's: 421 (RFC 9110, section
    /// 15.5.20).
    pub fn covers(&self, host: &str) -> bool {
        self.said.names.cover(host)
    }

    /// Whether another is the same, file name and all. Its key is then the same too: it matches.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.chain == other.chain
    }
}
