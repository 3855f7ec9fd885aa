//! Reads a PROXY header off a connection, and not one byte of the visitor's.
//!
//! The connection is handed on as it is, so that TLS or HTTP begins on it without bytes that would have to be read again.
//! A second header is therefore not seen here; what it meets refuses it: it is no record of TLS and no request of HTTP.

use std::{fmt, io, net::SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::proxy_header::{Parsed, parse};

/// Why there is no header.
#[derive(Debug)]
pub enum NoHeader {
    /// The peer closed before its first byte, as balancers do to see whether somebody listens.
    Nothing,
    /// The peer closed within a header.
    CutOff,
    /// What came is none; and why.
    Malformed(&'static str),
    /// The connection broke.
    Broken(io::Error),
}

impl fmt::Display for NoHeader {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => out.write_str("the peer closed without a word"),
            Self::CutOff => out.write_str("the peer closed within its PROXY header"),
            Self::Malformed(why) => write!(out, "no PROXY header that can be believed: {why}"),
            Self::Broken(error) => write!(out, "the connection broke before its PROXY header: {error}"),
        }
    }
}

impl std::error::Error for NoHeader {}

/// Reads the header, and tells whom the peer speaks for; `None` where the peer stands. Waits as long as the peer does: the
/// deadline is the caller's.
///
/// Dropped at its await, it leaves the connection within the header: only closing it is left.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<SocketAddr>, NoHeader> {
    let mut bytes = Vec::new();
    loop {
        let more = match parse(&bytes) {
            Parsed::Header { source, .. } => return Ok(source),
            Parsed::Malformed(why) => return Err(NoHeader::Malformed(why)),
            Parsed::Incomplete { more } => more,
        };
        let known = bytes.len();
        bytes.resize(known + more, 0);
        let read = stream.read(&mut bytes[known..]).await.map_err(NoHeader::Broken)?;
        bytes.truncate(known + read);
        match (read, known) {
            (0, 0) => return Err(NoHeader::Nothing),
            (0, _) => return Err(NoHeader::CutOff),
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "proxy_reader_tests.rs"]
mod tests;
