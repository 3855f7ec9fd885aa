//! The client of one tracker: a request goes out on a connection that is kept, or on a fresh one.
//!
//! Joins `dial`, `connection` and `pool`; each of them has its own rules. Does not repeat: that is decided by who calls.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, timeout_at},
};

use super::{
    connection::{Card, Connection, Lost},
    dial::dial,
    names::Names,
    pool::{Pool, Ready},
    wire::Target,
};

pub use super::{
    endpoint::{Endpoint, NotATracker, NotRoots, Roots},
    network::{Network, Pending, Stream, System},
    warm::keep_warm,
};

/// An answer of the Click API has a few hundred bytes; a larger one is none of its.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The youngest age at which a connection takes no new requests. A tracker that moves by DNS waits no longer than twice this.
const MIN_AGE: Duration = Duration::from_mins(5);
/// Connections to a tracker of HTTP/2 that are made at once: each is for many requests, and one may be slow.
const MAX_DIALS: usize = 4;

/// An answer as it came.
pub struct Reply {
    /// The status line's code.
    pub status: StatusCode,
    /// The whole body, or why there is none.
    pub body: Result<Bytes, BrokenBody>,
    /// How long the tracker asks to be left alone: `Retry-After` in seconds (RFC 9110, section 10.2.3); a date is not read.
    pub retry_after: Option<Duration>,
    /// What the tracker's clock says: `Date` as it stood there (RFC 9110, section 5.6.7), in the one form that is written today.
    pub date: Option<Date>,
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, or whatever else has as many bytes.
pub type Date = [u8; 29];

/// Why a body could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenBody {
    /// It ended before its end.
    CutShort,
    /// It has more than [`MAX_ANSWER_BYTES`].
    TooLarge,
}

/// A call that came to no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// No connection, or none that lived until the answer.
    Unreachable(&'static str),
    /// Whoever answers there is not known to be the tracker.
    NotTrusted(&'static str),
    /// What came is not HTTP.
    NotHttp,
}

/// Which connection a request went out on, told while it is under way.
#[derive(Default)]
pub struct Seat(AtomicU64);

impl Seat {
    /// 0 is none yet.
    fn number(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self, connection: &Connection) {
        self.0.store(connection.card().number, Ordering::Relaxed);
    }
}

/// The connection of a call whose reply has been read whole. Dropped, it is not used again if it is of HTTP/1.1.
pub struct Lease(Connection);

impl Lease {
    /// Whether the connection is of many requests, and goes on whatever became of one of them.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.0, Connection::Shared(_))
    }
}

/// The connections to one tracker.
pub struct Client {
    pub(super) endpoint: Endpoint,
    pub(super) network: Arc<dyn Network>,
    pub(super) names: Arc<Names>,
    pool: Pool,
    /// The number of the next connection.
    next: AtomicU64,
    /// The last connection made is of HTTP/2.
    is_http2: AtomicBool,
    /// Of those that are made while HTTP/2 is expected.
    dials: Semaphore,
    /// Told of each connection that others may share.
    shared: Notify,
    /// Told when there may be something to do for [`keep_warm`].
    pub(super) wake: Arc<Notify>,
}

/// Rings where [`keep_warm`] listens.
struct Bell(Arc<Notify>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

impl Client {
    /// A client without connections.
    pub fn new(endpoint: Endpoint, network: Arc<dyn Network>) -> Self {
        let wake = Arc::new(Notify::new());
        let on_end = if endpoint.is_tls() {
            Waker::from(Arc::new(Bell(Arc::clone(&wake))))
        } else {
            Waker::noop().clone()
        };
        let names = Names::new(
            endpoint.host(),
            endpoint.port(),
            Arc::clone(&network),
            Arc::clone(&wake),
        );
        Self {
            endpoint,
            network,
            names: Arc::new(names),
            pool: Pool::new(Instant::now(), on_end),
            next: AtomicU64::new(1),
            is_http2: AtomicBool::new(false),
            dials: Semaphore::new(MAX_DIALS),
            shared: Notify::new(),
            wake,
        }
    }

    /// Scheme, host and port, as far as it is not the scheme's own.
    pub fn origin(&self) -> String {
        self.endpoint.origin()
    }

    /// Sends a request on a kept connection if there is one that lives; never on the connection that `other_than` is on.
    ///
    /// Dropped at an await, it closes the connection that it uses; one that others use too stays.
    pub(super) async fn kept(
        &self,
        target: &Target,
        now: Instant,
        seat: &Seat,
        other_than: Option<&Seat>,
    ) -> Option<Result<(Reply, Option<Lease>), Lost>> {
        let other = other_than.map_or(0, Seat::number);
        loop {
            let connection = self.take(other, now)?;
            seat.take(&connection);
            match self.exchange(connection, target).await {
                // The tracker has not seen it. What gave it back is kept no more, so that this ends.
                Err(lost) if lost.is_unsent => {}
                replied => return Some(replied),
            }
        }
    }

    /// Sends a request on a fresh connection, which must be there (TCP, TLS) by `connect_by`. Over HTTP/2 that may be one
    /// which another call has made since this one began.
    ///
    /// Dropped at an await, it closes the connection that it makes or uses; one that others use too stays.
    pub async fn fresh(
        &self,
        target: &Target,
        seat: &Seat,
        connect_by: Instant,
    ) -> Result<(Reply, Option<Lease>), CallError> {
        let connection = if self.is_http2.load(Ordering::Relaxed) {
            self.connect_or_share(connect_by).await?
        } else {
            self.connect(connect_by).await?
        };
        seat.take(&connection);
        let address = connection.card().address;
        self.exchange(connection, target).await.map_err(|lost| {
            if lost.is_broken {
                self.names.set_aside(address, Instant::now());
            }
            lost.error
        })
    }

    /// Keeps the connection of a read reply for the next call.
    pub fn release(&self, Lease(connection): Lease, now: Instant) {
        // A place on a shared connection is free as soon as it is dropped.
        if let Connection::Own(own) = connection {
            self.pool.put(own, now, |address| self.names.has(address));
        }
    }

    /// Whether connections are made before they are asked for: those that take a handshake.
    pub(super) fn is_kept_warm(&self) -> bool {
        self.endpoint.is_tls()
    }

    /// Drops what will be of no use at `soon`, and tells what is left.
    pub(super) fn look(&self, now: Instant, soon: Instant) -> Ready {
        self.pool.look(now, soon, |address| self.names.has(address))
    }

    /// Makes a connection for later, by `by`.
    ///
    /// Dropped at an await, it closes what it has begun.
    pub(super) async fn make_ready(&self, by: Instant) -> Result<(), CallError> {
        let connection = self.connect(by).await?;
        self.release(Lease(connection), Instant::now());
        Ok(())
    }

    fn take(&self, other: u64, now: Instant) -> Option<Connection> {
        let wanted = |number| number != other;
        let taken = self.pool.take(now, wanted, |address| self.names.has(address));
        if self.is_kept_warm() && taken.as_ref().is_none_or(|taken| taken.was_last) {
            self.wake.notify_one();
        }
        Some(taken?.connection)
    }

    async fn exchange(&self, connection: Connection, target: &Target) -> Result<(Reply, Option<Lease>), Lost> {
        let (reply, connection) = connection.exchange(&self.endpoint, target).await?;
        Ok((reply, connection.map(Lease)))
    }

    /// A connection of its own, or a place on one that another call has made in the meantime.
    ///
    /// Dropped at an await, it closes what it has begun.
    async fn connect_or_share(&self, by: Instant) -> Result<Connection, CallError> {
        let from = self.next.load(Ordering::Relaxed);
        let mut turn = pin!(timeout_at(by, self.dials.acquire()));
        let turn = loop {
            let mut shared = pin!(self.shared.notified());
            shared.as_mut().enable();
            if let Some(connection) = self.pool.take_shared(Instant::now(), |number| number >= from) {
                return Ok(connection);
            }
            tokio::select! {
                // Whoever has made a connection leaves its turn to the next in line: that one looks first at what was made.
                biased;
                () = shared => {}
                turn = &mut turn => break turn,
            }
        };
        let _turn = turn.map_err(|_| CallError::Unreachable("it took no connection in time"))?;
        self.connect(by).await
    }

    /// Dropped at an await, it closes what it has begun.
    async fn connect(&self, by: Instant) -> Result<Connection, CallError> {
        let dialled = dial(&self.endpoint, &self.names, &*self.network, by).await?;
        let is_http2 = dialled.wire.is_http2;
        let now = Instant::now();
        let card = Card {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            address: dialled.address,
            ends: now + MIN_AGE.mul_f64(1.0 + fastrand::f64()),
        };
        let on_end = self.is_kept_warm().then(|| Arc::clone(&self.wake));
        let opened = timeout_at(by, Connection::open(dialled.wire, card, on_end)).await;
        let connection = opened.map_err(|_| CallError::Unreachable("it took no connection in time"))??;
        self.is_http2.store(is_http2, Ordering::Relaxed);
        if let Some(shared) = connection.shared() {
            self.pool.share(shared, now);
            self.shared.notify_waiters();
        }
        Ok(connection)
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
