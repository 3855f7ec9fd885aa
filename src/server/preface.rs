//! Which version of HTTP a connection speaks that has agreed on none, told by its first bytes (RFC 9113, section 3.4).

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::Protocol;

/// What a client of HTTP/2 sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What PROXY headers begin with. Where one is wanted it has been read; here somebody speaks for others who may not.
const PROXY_HEADERS: [&[u8]; 4] = [
    b"PROXY TCP4 ",
    b"PROXY TCP6 ",
    b"PROXY UNKNOWN",
    b"\r\n\r\n\0\r\nQUIT\n",
];
/// Enough for most request heads, so that a first request is read at once.
const FIRST_READ_BYTES: usize = 2048;

/// A stream whose first bytes have been read already, and are read again.
pub(super) struct Replayed<S> {
    first: Bytes,
    stream: S,
}

impl<S> Replayed<S> {
    /// A stream from which these bytes have been read.
    pub(super) fn new(first: Vec<u8>, stream: S) -> Self {
        Self {
            first: first.into(),
            stream,
        }
    }
}

/// Reads until the version is certain, after these first bytes. `None` when the client goes before it says anything, or begins
/// with a PROXY header.
///
/// Dropped at its await, it closes the connection.
pub(super) async fn detect<S>(mut first: Vec<u8>, stream: &mut S) -> io::Result<Option<(Protocol, Vec<u8>)>>
where
    S: AsyncRead + Unpin,
{
    let mut ended = false;
    loop {
        if (first.is_empty() && ended) || PROXY_HEADERS.iter().any(|header| first.starts_with(header)) {
            return Ok(None);
        }
        let may_become = |whole: &[u8]| !ended && whole.starts_with(&first);
        let protocol = if first.starts_with(PREFACE) {
            Protocol::Http2
        } else if !may_become(PREFACE) && !PROXY_HEADERS.into_iter().any(may_become) {
            Protocol::Http1
        } else {
            first.reserve(FIRST_READ_BYTES);
            ended = stream.read_buf(&mut first).await? == 0;
            continue;
        };
        return Ok(Some((protocol, first)));
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..length]);
        self.first.advance(length);
        if self.first.is_empty() {
            self.first = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn detected(pieces: &[&[u8]]) -> Option<(Protocol, Vec<u8>)> {
        let (mut client, mut server) = tokio::io::duplex(1024);
        let sent: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        tokio::spawn(async move {
            for piece in sent {
                client.write_all(&piece).await.expect("a reader");
                tokio::task::yield_now().await;
            }
        });
        let (protocol, first) = detect(Vec::new(), &mut server).await.expect("no fault")?;
        let mut stream = Replayed::new(first, server);
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.expect("no fault");
        Some((protocol, read))
    }

    #[tokio::test]
    async fn versions_are_told_apart_and_nothing_is_lost() {
        let rest = [PREFACE, b"rest"].concat();
        assert_eq!(detected(&[&rest]).await, Some((Protocol::Http2, rest.clone())));
        let bytes: Vec<&[u8]> = rest.chunks(1).collect();
        assert_eq!(detected(&bytes).await, Some((Protocol::Http2, rest)));
        for text in ["GET / HTTP/1.1\r\n\r\n", "PRI / HTTP/1.1\r\n\r\n", "P x"] {
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(detected(&bytes).await, Some((Protocol::Http1, text.into())), "{text}");
        }
        assert_eq!(
            detected(&[b"PRI * HT"]).await,
            Some((Protocol::Http1, b"PRI * HT".to_vec()))
        );
        assert_eq!(detected(&[]).await, None);
        assert_eq!(
            detected(&[b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n\r\n"]).await,
            None
        );
        for header in PROXY_HEADERS {
            let pieces: Vec<&[u8]> = header.chunks(1).collect();
            assert_eq!(detected(&pieces).await, None, "{header:?}");
        }
        for text in ["PROXY / HTTP/1.1\r\n\r\n", "\r\n\r\nGET / HTTP/1.1\r\n\r\n"] {
            for length in [1, text.len()] {
                let pieces: Vec<&[u8]> = text.as_bytes().chunks(length).collect();
                assert_eq!(detected(&pieces).await, Some((Protocol::Http1, text.into())), "{text}");
            }
        }
    }
}
