//! A visitor's stream as hyper reads and writes it, with an eye on what passes.
//!
//! Owned here: progress is noted, and what breaks a rule ends the reading. The rules are those of `heads`.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{farewell::UNREAD_BYTES, progress::Progress};

/// Looks at what comes, in the order in which it comes.
pub(super) trait Rules {
    /// What is read in place of bytes that break a rule: the reader refuses it in its protocol's own way.
    const REFUSED: &'static [u8];

    /// Looks at bytes; when they break a rule, gives how many of them are good.
    fn look(&mut self, bytes: &[u8]) -> Result<(), usize>;

    /// Whether all so far end within something that has to go on.
    fn is_inside(&self) -> bool;

    /// Whether more than what was looked at is to be expected, which nobody will read.
    fn leaves_unread(&self) -> bool;
}

/// A watched stream.
pub(super) struct Watched<S, R> {
    stream: S,
    rules: R,
    progress: Arc<Progress>,
    /// What is left to be read of a refusal; nothing else is read then.
    refusal: Option<&'static [u8]>,
    /// How much may be read when all is said; known once it is.
    parting: Option<usize>,
}

impl<S, R: Rules> Watched<S, R> {
    pub(super) fn new(stream: S, rules: R, progress: Arc<Progress>) -> Self {
        Self {
            stream,
            rules,
            progress,
            refusal: None,
            parting: None,
        }
    }

    /// Reads of a refusal, and then the end.
    fn refuse(&mut self, buffer: &mut ReadBuf<'_>) {
        if let Some(left) = &mut self.refusal {
            let (now, later) = left.split_at(left.len().min(buffer.remaining()));
            buffer.put_slice(now);
            *left = later;
        }
    }
}

impl<S: AsyncRead + Unpin, R: Rules + Unpin> AsyncRead for Watched<S, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.refusal.is_none() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            let came = &buffer.filled()[before..];
            if came.is_empty() || this.progress.leaves_unread() {
                return Poll::Ready(Ok(()));
            }
            let looked = this.rules.look(came);
            this.progress.came(looked.is_ok() && this.rules.is_inside());
            match looked {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(good) => buffer.set_filled(before + good),
            }
            this.refusal = Some(R::REFUSED);
            this.refuse(buffer);
            // Nothing good and no room would look like the end.
            if buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        this.refuse(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, R: Rules + Unpin> Watched<S, R> {
    fn wrote<T>(&self, written: &Poll<io::Result<T>>) {
        if written.is_pending() {
            self.progress.block(true);
        }
    }

    /// Closes this side, and if more is on its way reads it: a connection that is closed with bytes unread is reset, and a
    /// reset overtakes the answer (RFC 9112, section 9.6).
    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut left = if let Some(left) = self.parting {
            left
        } else {
            let closed = Pin::new(&mut self.stream).poll_shutdown(context);
            self.wrote(&closed);
            ready!(closed)?;
            self.progress.block(false);
            self.progress.part();
            if self.refusal.is_some() || self.progress.leaves_unread() || self.rules.leaves_unread() {
                UNREAD_BYTES
            } else {
                0
            }
        };
        while left > 0 && !self.progress.has_parted() {
            self.parting = Some(left);
            let mut bytes = [MaybeUninit::uninit(); 4096];
            let mut buffer = ReadBuf::uninit(&mut bytes);
            // A fault is an end as good as another.
            let read =
                ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)).map(|()| buffer.filled().len());
            left = match read {
                Ok(0) | Err(_) => 0,
                Ok(read) => left.saturating_sub(read),
            };
        }
        self.parting = Some(0);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, R: Rules + Unpin> AsyncWrite for Watched<S, R> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        // It is flushed when all is written.
        self.progress.block(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_part(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(&written);
        written
    }
}
