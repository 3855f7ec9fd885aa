//! Handshakes, within limits of time and work.
//!
//! A handshake's work, some hundred microseconds, is done at one stroke by whoever holds one of a few turns, and is put behind
//! all else that can run: a turn is taken, the task goes to the end of its queue, works, and gives the turn back. So between two
//! polls of a hit there are at most as many strokes as there are turns, however many handshakes wait; those that wait, wait for
//! turns and not for the runtime. With 3,000 handshakes at once on two cores a hit waits 7 ms at most, and without turns until
//! the last of them is done, 900 ms; and whoever comes last waits least (`turns`). Waiting for a visitor holds no turn, so that whoever connects and says
//! nothing keeps nobody out; there is no bound on those but the deadline and the limit of open files, since any smaller one
//! would be a way to keep visitors out.

use std::{fmt, future::poll_fn, io, pin::pin, sync::Arc, task::Poll, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    runtime::Handle,
    task::yield_now,
    time::timeout,
};
use tokio_rustls::LazyConfigAcceptor;

use super::{certificate::Certificate, store::Store, turns::Turns};

/// A handshake is two round trips; who takes longer than this has gone, or never meant to come.
const LIMIT: Duration = Duration::from_secs(10);
/// Strokes of handshakes that may be at work or about to be, for each core: one works while the next is queued. More would
/// only stand between hits.
const TURNS_PER_CORE: usize = 2;
/// When a turn does not come within this, more visitors arrive than can be served; who has waited for so long has mostly left,
/// and would be worked for in vain.
const TURN_LIMIT: Duration = Duration::from_secs(1);

/// What makes connections into TLS.
#[derive(Debug)]
pub struct Acceptor {
    store: Arc<Store>,
    turns: Turns,
    limit: Duration,
}

/// A TLS connection.
pub type Stream<S> = tokio_rustls::server::TlsStream<S>;

/// A connection after its handshake.
#[derive(Debug)]
pub struct Accepted<S> {
    /// What is spoken within.
    pub stream: Stream<S>,
    /// Which version of HTTP was agreed on.
    pub protocol: Protocol,
    /// What the visitor was shown, now or on the connection that this one takes up again.
    pub certificate: Arc<Certificate>,
}

/// What was agreed on (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, also where the client did not ask for anything.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Why a connection is none.
#[derive(Debug)]
pub enum Failure {
    /// Too many handshakes wait for their work; this one did for a second.
    Busy,
    /// It took longer than ten seconds.
    TooSlow,
    /// The client closed, speaks no TLS or none that is spoken here, or went away; it was sent an alert where there is one.
    Broken(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => out.write_str("too many handshakes at once"),
            Self::TooSlow => out.write_str("the handshake took too long"),
            Self::Broken(error) => write!(out, "the handshake failed: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl Acceptor {
    /// Shows what is in the store. Belongs to the runtime in which it is made, whose workers are its cores.
    pub fn new(store: Arc<Store>) -> Self {
        let cores = Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers());
        Self::with_turns(store, TURNS_PER_CORE * cores)
    }

    pub(super) fn with_turns(store: Arc<Store>, turns: usize) -> Self {
        Self {
            store,
            turns: Turns::new(turns),
            limit: LIMIT,
        }
    }

    /// The same, with another limit of time for a handshake.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Makes a connection into TLS. Ends within ten seconds, or within the limit that was set.
    ///
    /// Dropped at its await, it closes the connection.
    pub async fn accept<S>(&self, stream: S) -> Result<Accepted<S>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepted = timeout(self.limit, self.shake_hands(stream)).await;
        accepted.unwrap_or(Err(Failure::TooSlow))
    }

    async fn shake_hands<S>(&self, stream: S) -> Result<Accepted<S>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
        let hello = hello.await.map_err(Failure::Broken)?;
        let certificate = Arc::clone(self.store.current().choose(&hello.client_hello()));
        let config = Arc::clone(&certificate.config);
        // `into_stream` works before it gives a future: within the block it waits for its turn.
        let handshake = async { hello.into_stream(config).await };
        let stream = self.by_turns(handshake).await?.map_err(Failure::Broken)?;
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Ok(Accepted {
            stream,
            protocol,
            certificate,
        })
    }

    /// Polls `work` only when it is its turn, and behind all that can run.
    ///
    /// Dropped at an await, it gives its turn back.
    pub(super) async fn by_turns<F: Future>(&self, work: F) -> Result<F::Output, Failure> {
        let mut work = pin!(work);
        loop {
            let turn = timeout(TURN_LIMIT, self.turns.next())
                .await
                .map_err(|_| Failure::Busy)?;
            yield_now().await;
            let polled = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
            drop(turn);
            if let Poll::Ready(done) = polled {
                return Ok(done);
            }
            woken().await;
        }
    }
}

/// Ends when the task is woken, which it must not have been since what it waits for was polled: no await stands between.
async fn woken() {
    let mut is_first = true;
    poll_fn(|_| {
        if std::mem::take(&mut is_first) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}
