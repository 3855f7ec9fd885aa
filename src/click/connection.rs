//! One connection to a tracker that speaks HTTP: one request after another over HTTP/1.1, many at once over HTTP/2, for which
//! there is hyper.
//!
//! Redirects are not followed: they would carry the key away. Which connection is used is not decided here.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Response, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{sync::Notify, time::Instant};

use super::{
    client::{BrokenBody, CallError, MAX_ANSWER_BYTES, Reply},
    endpoint::{Endpoint, Wire},
    http1::{Http1, seconds},
    network::Stream,
    wire::Target,
};

/// Requests of ours on one HTTP/2 connection: when it breaks, no more are lost than these. Servers allow 100 or more.
const MAX_STREAMS: usize = 64;
/// When requests wait on a shared connection and nothing is heard for so long, the next one goes out on another.
const SILENCE: Duration = Duration::from_millis(500);
/// A connection with requests under way on which nothing comes for so long is asked whether it lives (RFC 9113, section 6.7), …
const PING_EVERY: Duration = Duration::from_secs(10);
/// … and closed unless it answers within this.
const PING_LIMIT: Duration = Duration::from_secs(5);

/// What is known of a connection beside what it speaks.
#[derive(Clone, Copy)]
pub(super) struct Card {
    /// No other connection of the client's has it; never 0.
    pub(super) number: u64,
    pub(super) address: SocketAddr,
    /// From then on it takes no new requests, so that load moves with the tracker's addresses.
    pub(super) ends: Instant,
}

/// A connection that a request may go out on.
pub(super) enum Connection {
    Own(Http1),
    Shared(Place),
}

/// A connection of many requests. It closes once nobody has it and all of them are answered.
pub(super) struct Http2 {
    sender: http2::SendRequest<Empty<Bytes>>,
    pub(super) card: Card,
    under_way: AtomicUsize,
    /// How many requests the tracker takes at once, as far as it has said.
    allowed: Arc<AtomicUsize>,
    is_ending: AtomicBool,
    made: Instant,
    /// Since when it is waited for a word: microseconds after it was made.
    waits_since: AtomicU64,
}

/// A place for one request on a shared connection. Dropped, it is free for another; and if nothing was heard for long since it was
/// taken, the connection takes no new requests: whoever is at its other end may have stopped while the kernel there goes on.
pub(super) struct Place {
    shared: Arc<Http2>,
    /// When it was taken: microseconds after the connection was made. Past all time once it has its answer.
    since: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.under_way.fetch_sub(1, Ordering::Relaxed);
        let has_waited = Duration::from_micros(shared.age().saturating_sub(self.since)) > SILENCE;
        if has_waited && shared.waits_since.load(Ordering::Relaxed) <= self.since {
            shared.is_ending.store(true, Ordering::Relaxed);
        }
    }
}

impl Http2 {
    /// A place for one more request. Asked under the lock of whoever keeps the connection, it gives no more than there are.
    pub(super) fn place(self: &Arc<Self>) -> Option<Place> {
        if self.under_way.load(Ordering::Relaxed) >= self.places() {
            return None;
        }
        let since = self.age();
        if self.under_way.fetch_add(1, Ordering::Relaxed) == 0 {
            self.waits_since.store(since, Ordering::Relaxed);
        }
        Some(Place {
            shared: Arc::clone(self),
            since,
        })
    }

    /// Microseconds since it was made.
    fn age(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_micros()).unwrap_or(u64::MAX - 1)
    }

    /// Whether requests wait on it and nothing has been heard for so long that the next one goes elsewhere.
    pub(super) fn is_silent(&self) -> bool {
        let waits = self.age().saturating_sub(self.waits_since.load(Ordering::Relaxed));
        !self.is_idle() && Duration::from_micros(waits) > SILENCE
    }

    fn places(&self) -> usize {
        self.allowed.load(Ordering::Relaxed).min(MAX_STREAMS)
    }

    /// Whether more than half of its places are free.
    pub(super) fn is_roomy(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) * 2 < self.places()
    }

    /// Whether no request is under way on it.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0
    }

    /// Whether it takes no new requests: it is closed, or the tracker said that it will be.
    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed) || self.sender.is_closed()
    }
}

/// A request that came to no reply.
pub(super) struct Lost {
    pub(super) error: CallError,
    /// The request did not go out: it was given back with the connection's end.
    pub(super) is_unsent: bool,
    /// The tracker ended this request alone: its connection lives.
    pub(super) is_of_stream: bool,
    /// It was the connection that broke; over HTTP/2, not because the tracker said so.
    pub(super) is_broken: bool,
}

impl Connection {
    /// Speaks HTTP on a stream, as was agreed on it. `on_end` is told when one that is shared closes.
    ///
    /// Dropped at an await, it closes the stream.
    pub(super) async fn open(wire: Wire, card: Card, on_end: Option<Arc<Notify>>) -> Result<Self, CallError> {
        if !wire.is_http2 {
            return Ok(Self::Own(Http1::new(wire.stream, card)));
        }
        let opened = http2(wire.stream, card, on_end).await;
        opened.map_err(|_| CallError::Unreachable("the connection could not be set up"))
    }

    pub(super) fn card(&self) -> &Card {
        match self {
            Self::Own(own) => &own.card,
            Self::Shared(place) => &place.shared.card,
        }
    }

    /// The shared connection that it is a place on.
    pub(super) fn shared(&self) -> Option<&Arc<Http2>> {
        match self {
            Self::Own(_) => None,
            Self::Shared(place) => Some(&place.shared),
        }
    }

    /// Sends a request and reads the reply whole. The connection comes back if it can be used again: one that is shared also from
    /// a reply that was cut short, if the tracker ended this request alone.
    ///
    /// Dropped at an await, it closes an HTTP/1.1 connection, and of an HTTP/2 one resets the request's stream alone.
    pub(super) async fn exchange(self, endpoint: &Endpoint, target: &Target) -> Result<(Reply, Option<Self>), Lost> {
        match self {
            Self::Own(own) => {
                let (reply, again) = own.exchange(endpoint, target).await?;
                Ok((reply, again.map(Self::Own)))
            }
            Self::Shared(mut place) => {
                let request = endpoint.http2_request(target);
                let response = place.shared.sender.clone().send_request(request).await;
                // Whatever it is, it is a word.
                place.since = u64::MAX;
                let shared = &place.shared;
                let response = response.map_err(|error| {
                    let is_of_stream = of_http2(&error).is_some_and(h2::Error::is_reset);
                    if !is_of_stream {
                        shared.is_ending.store(true, Ordering::Relaxed);
                    }
                    lost(&error)
                })?;
                shared.waits_since.store(shared.age(), Ordering::Relaxed);
                let (reply, goes_on) = reply(response).await;
                Ok((reply, goes_on.then_some(Self::Shared(place))))
            }
        }
    }
}

async fn http2(stream: Box<dyn Stream>, card: Card, on_end: Option<Arc<Notify>>) -> hyper::Result<Connection> {
    let (sender, mut driver) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_LIMIT)
        .handshake(TokioIo::new(stream))
        .await?;
    let allowed = Arc::new(AtomicUsize::new(MAX_STREAMS));
    let told = Arc::clone(&allowed);
    // It is polled for each request: what the tracker allows is known one request late at most.
    let driver = std::future::poll_fn(move |context| {
        told.store(driver.current_max_send_streams(), Ordering::Relaxed);
        std::pin::Pin::new(&mut driver).poll(context)
    });
    tokio::spawn(async move {
        // Its errors reach the call that waits on the connection; without one there is nobody to tell.
        let _ = driver.await;
        if let Some(on_end) = on_end {
            on_end.notify_one();
        }
    });
    let shared = Arc::new(Http2 {
        sender,
        card,
        under_way: AtomicUsize::new(1),
        allowed,
        is_ending: AtomicBool::new(false),
        made: Instant::now(),
        waits_since: AtomicU64::new(0),
    });
    Ok(Connection::Shared(Place { shared, since: 0 }))
}

fn of_http2(error: &hyper::Error) -> Option<&h2::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

/// Whether a stream was ended, and its connection was not. One that was refused is as if it had never been sent (RFC 9113,
/// section 8.7): it may go out again at once, elsewhere.
fn is_of_stream(error: &hyper::Error) -> bool {
    of_http2(error).is_some_and(|error| error.is_reset() && error.reason() != Some(h2::Reason::REFUSED_STREAM))
}

/// What a tracker refused or did not come to before its GOAWAY is as if it had never been sent (RFC 9113, sections 6.8 and 8.7).
fn lost(error: &hyper::Error) -> Lost {
    let http2 = of_http2(error);
    let is_told = http2.is_some_and(h2::Error::is_remote);
    let is_nonsense = http2.is_some_and(h2::Error::is_library);
    Lost {
        error: if is_nonsense {
            CallError::NotHttp
        } else if is_told {
            CallError::Unreachable("it gave the request back unanswered")
        } else if error.is_incomplete_message() {
            CallError::Unreachable("the connection was closed before an answer came")
        } else {
            CallError::Unreachable("the connection broke before an answer came")
        },
        is_unsent: error.is_canceled(),
        is_of_stream: is_of_stream(error),
        is_broken: !is_nonsense && !is_told,
    }
}

/// A reply, and whether its connection goes on.
///
/// Dropped at the await, it takes the stream with it.
async fn reply(response: Response<Incoming>) -> (Reply, bool) {
    let status = response.status();
    let retry_after = response.headers().get(header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| seconds(value.as_bytes()));
    let date = response.headers().get(header::DATE);
    let date = date.and_then(|date| date.as_bytes().try_into().ok());
    let mut goes_on = true;
    let body = match Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(BrokenBody::TooLarge),
        Err(error) => {
            goes_on = error.downcast_ref().is_some_and(is_of_stream);
            Err(BrokenBody::CutShort)
        }
    };
    let reply = Reply {
        status,
        body,
        retry_after,
        date,
    };
    (reply, goes_on)
}
