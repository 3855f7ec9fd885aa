//! A look at a tracker for whoever wants to know whether it can be called: each step of the way by itself, and questions of
//! which two make no click.
//!
//! Goes the way of calls (`network`, `endpoint`, `client`), beside gate, breaker and cache. Repeats nothing, and judges nothing.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, timeout};

use super::{
    answer::Answer,
    attempts,
    client::{CallError, Seat},
    endpoint::untrusted,
    tracker::Tracker,
    wire::Who,
};
use crate::offer_ids::OfferIds;

pub use super::endpoint::Untrusted;

/// For a name to become addresses, for a connection, and for a handshake, each.
pub const STEP_LIMIT: Duration = Duration::from_secs(3);
/// For an answer, with the connection that it takes.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A connection that could be made.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// Until TCP's handshake was done.
    pub tcp: Duration,
    /// From then until TLS's was; `None` without TLS.
    pub tls: Option<Duration>,
    /// Whether HTTP/2 was agreed on.
    pub is_http2: bool,
}

/// Why a step could not be made.
#[derive(Debug)]
pub enum Hurdle {
    /// It took longer than [`STEP_LIMIT`].
    Slow,
    /// The system says why.
    Failed(io::Error),
    /// The tracker's certificate is not believed.
    Untrusted(Untrusted),
    /// The handshake of TLS failed otherwise, or took longer than [`STEP_LIMIT`].
    NoTls(io::Error),
}

/// What a tracker is asked.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// For a click of no offer, with its key: makes none.
    NoOffer,
    /// The same with a key that is nobody's.
    NoOfferByAStranger,
    /// For a click: makes one, if it gives one.
    Click(OfferIds, Who<'a>),
}

/// An answer, and when it came.
#[derive(Debug)]
pub struct Heard {
    /// What it says.
    pub answer: Answer,
    /// The status line's code.
    pub status: u16,
    /// The tracker's clock as it answered, in whole seconds.
    pub date: Option<SystemTime>,
    /// When it was asked.
    pub asked: Instant,
    /// When the answer was there.
    pub heard: Instant,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Within [`ANSWER_LIMIT`].
    Silent,
    /// The call failed.
    Call(CallError),
}

impl Tracker {
    /// The addresses of its host, none twice, and how long it took to find them.
    ///
    /// Dropped at the await, it leaves a thread to the resolver's own limits.
    pub async fn addresses(&self) -> Result<(Vec<SocketAddr>, Duration), Hurdle> {
        let endpoint = &self.client.endpoint;
        let began = Instant::now();
        let found = timeout(
            STEP_LIMIT,
            self.client.network.resolve(endpoint.host(), endpoint.port()),
        )
        .await;
        let mut addresses = found.map_err(|_| Hurdle::Slow)?.map_err(Hurdle::Failed)?;
        let mut known = std::collections::HashSet::new();
        addresses.retain(|address| known.insert(*address));
        Ok((addresses, began.elapsed()))
    }

    /// Makes a connection to an address, TLS and all, and closes it.
    ///
    /// Dropped at an await, it closes what it has begun.
    pub async fn try_address(&self, address: SocketAddr) -> Result<Open, Hurdle> {
        let endpoint = &self.client.endpoint;
        let began = Instant::now();
        let stream = timeout(STEP_LIMIT, self.client.network.connect(address)).await;
        let stream = stream.map_err(|_| Hurdle::Slow)?.map_err(Hurdle::Failed)?;
        let connected = Instant::now();
        let secured = timeout(STEP_LIMIT, endpoint.shake_hands(stream)).await;
        let secured = secured.map_err(|_| Hurdle::NoTls(io::Error::other("it says nothing")))?;
        let wire = secured.map_err(|error| match untrusted(&error) {
            Some(why) => Hurdle::Untrusted(why),
            None => Hurdle::NoTls(error),
        })?;
        Ok(Open {
            tcp: connected.saturating_duration_since(began),
            tls: endpoint.is_tls().then(|| connected.elapsed()),
            is_http2: wire.is_http2,
        })
    }

    /// Asks on a fresh connection, once.
    ///
    /// Dropped at an await, it closes the connection.
    pub async fn ask(&self, question: Question<'_>) -> Result<Heard, NoAnswer> {
        let target = match question {
            Question::NoOffer => self.prefix.of_no_offer(),
            Question::NoOfferByAStranger => self.prefix.of_no_offer_by_a_stranger(),
            Question::Click(ids, who) => {
                let target = self.prefix.target(ids, &who, &super::wire::Told::default());
                target.ok_or(NoAnswer::Silent)?
            }
        };
        let asked = Instant::now();
        let seat = Seat::default();
        let called = self.client.fresh(&target, &seat, asked + STEP_LIMIT);
        let (reply, _) = timeout(ANSWER_LIMIT, called)
            .await
            .map_err(|_| NoAnswer::Silent)?
            .map_err(NoAnswer::Call)?;
        let date = reply.date.as_ref().and_then(|date| str::from_utf8(date).ok());
        Ok(Heard {
            answer: attempts::read(&reply, &self.prefix),
            status: reply.status.as_u16(),
            date: date.and_then(|date| httpdate::parse_http_date(date).ok()),
            asked,
            heard: Instant::now(),
        })
    }
}
