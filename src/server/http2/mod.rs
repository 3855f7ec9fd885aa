//! HTTP/2 connections (RFC 9113) from their preface to their last answer, read and answered on the socket.
//!
//! Owned here: the socket. `clock` knows how long to wait, `session` what is said, `requests` and `streams` what is asked and
//! under way, `hpack` and `fields` how heads are read, `answer` how answers are written. While nothing happens a connection
//! holds no buffers.

mod answer;
mod clock;
mod counts;
mod fields;
mod frame;
mod hpack;
mod huffman;
mod requests;
mod session;
mod streams;
mod table;

use std::{
    future::poll_fn,
    io,
    mem::{self, MaybeUninit},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, sleep_until},
};

use self::{
    clock::Clock,
    session::{OUT_BYTES, Session},
};
use super::{Server, Way, farewell, patience::Over};

/// What is read at once. Most requests are shorter.
const READ_BYTES: usize = 4096;

/// Serves a connection of which these bytes have been read.
///
/// Dropped at an await, it closes the connection; calls to trackers go on by themselves.
pub(super) async fn serve<S>(server: &Server, stream: &mut S, way: &Way, first: Vec<u8>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if converse(server, stream, way, first).await == Ended::Over {
        farewell::part(stream).await;
    }
}

/// Serves requests until there is nothing more to say.
async fn converse<S>(server: &Server, stream: &mut S, way: &Way, first: Vec<u8>) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = Connection {
        clock: Clock::new(&server.limits, !first.is_empty()),
        session: Session::new(server, way),
        stream,
        has_more: !first.is_empty(),
        bytes: first,
        sent: 0,
        is_flushed: true,
    };
    let mut draining = pin!(server.draining());
    let mut timer = pin!(sleep_until(connection.clock.began + server.limits.first_byte));
    let ended = poll_fn(|context| {
        loop {
            if let Poll::Ready(ended) = connection.poll(context) {
                return Poll::Ready(ended);
            }
            if connection.clock.told.is_none() && draining.as_mut().poll(context).is_ready() {
                connection.tell_to_go();
                continue;
            }
            let (due, over) = connection.due();
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            // It is mostly set for an earlier moment, and then only asked again.
            loop {
                ready!(timer.as_mut().poll(context));
                if due <= Instant::now() {
                    break;
                }
                timer.as_mut().reset(due);
            }
            match over {
                Over::Time => connection.tell_to_go(),
                Over::Patience if connection.clock.blocked.is_some() => return Poll::Ready(Ended::Gone),
                Over::Patience => return Poll::Ready(Ended::Over),
            }
        }
    });
    let ended = ended.await;
    connection.session.part();
    ended
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// All is said.
    Over,
    /// Nobody is there any more.
    Gone,
}

/// What came.
enum Came {
    /// More than can be taken before answers are sent.
    More,
    /// Nothing, for ever.
    End,
}

struct Connection<'a, S> {
    stream: &'a mut S,
    session: Session<'a>,
    clock: Clock<'a>,
    /// The beginning of a frame.
    bytes: Vec<u8>,
    /// Whether they are more than that, and to be taken before more is read.
    has_more: bool,
    /// How much of what is to be sent has been.
    sent: usize,
    is_flushed: bool,
}

impl<S> Connection<'_, S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Takes what came, serves it, and sends what there is to say; ready when the connection has ended.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        self.session.turn(context);
        loop {
            self.session.answer_waiting();
            let came = self.poll_take(context);
            match self.poll_send(context) {
                Poll::Ready(Ok(())) => self.clock.blocked = None,
                Poll::Ready(Err(_)) => return Poll::Ready(Ended::Gone),
                Poll::Pending => {
                    self.clock.blocked.get_or_insert_with(Instant::now);
                }
            }
            match came {
                Poll::Ready(Came::End) => return Poll::Ready(Ended::Gone),
                _ if self.clock.blocked.is_some() => return Poll::Pending,
                _ if self.session.is_over() => return Poll::Ready(Ended::Over),
                Poll::Ready(Came::More) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Takes what comes, until nothing does; room is held only while it is needed.
    fn poll_take(&mut self, context: &mut Context<'_>) -> Poll<Came> {
        loop {
            if self.has_more {
                let taken = self.session.take(&self.bytes, context);
                self.bytes.drain(..taken);
            } else if self.session.out.len() < OUT_BYTES {
                let mut room = [MaybeUninit::uninit(); READ_BYTES];
                let mut buffer = ReadBuf::uninit(&mut room);
                let read = ready!(Pin::new(&mut *self.stream).poll_read(context, &mut buffer));
                let came = buffer.filled();
                if read.is_err() || came.is_empty() {
                    return Poll::Ready(Came::End);
                }
                self.clock.heard = true;
                if self.bytes.is_empty() {
                    let taken = self.session.take(came, context);
                    self.bytes.extend_from_slice(&came[taken..]);
                } else {
                    self.bytes.extend_from_slice(came);
                    let taken = self.session.take(&self.bytes, context);
                    self.bytes.drain(..taken);
                }
            }
            if self.bytes.is_empty() {
                self.bytes = Vec::new();
            }
            self.has_more = self.session.out.len() >= OUT_BYTES;
            if self.has_more || self.session.is_over() {
                return Poll::Ready(Came::More);
            }
        }
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut stream = Pin::new(&mut *self.stream);
        let out = &mut self.session.out;
        while self.sent < out.len() {
            self.is_flushed = false;
            let sent = ready!(stream.as_mut().poll_write(context, &out[self.sent..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        if !self.is_flushed {
            self.sent = 0;
            drop(mem::take(out));
            ready!(stream.poll_flush(context))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn tell_to_go(&mut self) {
        self.clock.told = Some(Instant::now());
        self.session.tell_to_go();
    }

    /// What comes next if nothing happens, and when.
    fn due(&mut self) -> (Instant, Over) {
        let is_inside = self.clock.heard && (!self.bytes.is_empty() || self.session.is_inside());
        self.clock.due(&self.session, is_inside)
    }
}
