//! A fresh stream to a tracker: its addresses race, and the first whole connection wins (RFC 8305).
//!
//! Whole is one with TLS, so that an address with a wrong certificate does not win. Keeps no connection.

use std::{
    collections::VecDeque, future::poll_fn, io, net::SocketAddr, pin::Pin, sync::Arc, task::Poll, time::Duration,
};

use tokio::time::{Instant, sleep_until, timeout};

use super::{
    client::CallError,
    endpoint::{Endpoint, Wire},
    names::Names,
    network::Network,
};

/// How long an address has for itself before the next one is tried beside it (RFC 8305, section 5).
pub(super) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// How long a call that no address answered waits for other addresses: a resolver that knows them has them by then.
const OTHERS_LIMIT: Duration = Duration::from_millis(500);

/// A stream, and where it leads.
pub(super) struct Dialled {
    pub(super) wire: Wire,
    pub(super) address: SocketAddr,
}

/// A connection to one address that is being made.
struct Attempt<'a> {
    address: SocketAddr,
    began: Instant,
    future: Pin<Box<dyn Future<Output = Result<Wire, CallError>> + Send + 'a>>,
}

/// Makes a stream, which must be there by `by`. An address that failed or was slow is set aside.
///
/// Dropped at an await, it closes what it has begun; a question to the resolver goes on for the others.
pub(super) async fn dial(
    endpoint: &Endpoint,
    names: &Arc<Names>,
    network: &dyn Network,
    by: Instant,
) -> Result<Dialled, CallError> {
    let now = Instant::now();
    let mut may_ask = names.may_change();
    let mut waiting = VecDeque::from(names.in_order(now));
    let mut asking = None;
    if waiting.is_empty() {
        asking = Some(Box::pin(names.ask(now)));
        may_ask = false;
    } else {
        names.renew_when_due(now);
    }
    // The question that is asked when no address has answered.
    let mut others = None;
    let mut tried: Vec<SocketAddr> = Vec::new();
    let mut under_way: Vec<Attempt<'_>> = Vec::new();
    let mut failure = None;
    let mut next_at = now;
    loop {
        let now = Instant::now();
        if now >= next_at || under_way.is_empty() {
            if let Some(address) = waiting.pop_front() {
                tried.push(address);
                under_way.push(Attempt {
                    address,
                    began: now,
                    future: Box::pin(connect(endpoint, network, address)),
                });
                next_at = now + ATTEMPT_DELAY;
            } else if std::mem::take(&mut may_ask) {
                others = Some(Box::pin(timeout(OTHERS_LIMIT, names.ask(now))));
            }
        }
        if under_way.is_empty() && asking.is_none() && others.is_none() {
            return Err(failure.unwrap_or(CallError::Unreachable("its name has no address")));
        }
        tokio::select! {
            biased;
            (number, result) = first_to_end(&mut under_way), if !under_way.is_empty() => {
                let Attempt { address, began, .. } = under_way.swap_remove(number);
                let now = Instant::now();
                match result {
                    Ok(wire) => {
                        set_slow_ones_aside(names, &under_way, began, now);
                        return Ok(Dialled { wire, address });
                    }
                    Err(why) => {
                        names.set_aside(address, now);
                        failure = Some(worse(failure, why));
                        next_at = now;
                    }
                }
            }
            came_to = ended(&mut asking), if asking.is_some() => {
                asking = None;
                failure = came_to.err();
                waiting = names.in_order(Instant::now()).into();
            }
            _ = ended(&mut others), if others.is_some() => {
                others = None;
                let now = Instant::now();
                waiting.extend(names.in_order(now).into_iter().filter(|address| !tried.contains(address)));
                next_at = now;
            }
            () = sleep_until(next_at), if !under_way.is_empty() && (!waiting.is_empty() || may_ask) => {}
            () = sleep_until(by) => {
                let now = Instant::now();
                set_slow_ones_aside(names, &under_way, now, now);
                let why = if tried.is_empty() {
                    "its name was not resolved in time"
                } else {
                    "it took no connection in time"
                };
                return Err(CallError::Unreachable(why));
            }
        }
    }
}

async fn connect(endpoint: &Endpoint, network: &dyn Network, address: SocketAddr) -> Result<Wire, CallError> {
    let stream = network.connect(address).await.map_err(|error| {
        CallError::Unreachable(match error.kind() {
            io::ErrorKind::ConnectionRefused => "it refused the connection",
            io::ErrorKind::TimedOut => "it took no connection in time",
            _ => "no connection could be made",
        })
    })?;
    endpoint.secure(stream).await
}

/// The place of the first attempt that has ended, and its end.
async fn first_to_end(attempts: &mut [Attempt<'_>]) -> (usize, Result<Wire, CallError>) {
    poll_fn(|context| {
        for (number, attempt) in attempts.iter_mut().enumerate() {
            if let Poll::Ready(result) = attempt.future.as_mut().poll(context) {
                return Poll::Ready((number, result));
            }
        }
        Poll::Pending
    })
    .await
}

/// Waits for a future that is there; the caller sees to that.
async fn ended<F: Future>(future: &mut Option<Pin<Box<F>>>) -> F::Output {
    match future {
        Some(future) => future.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Those that began before the winner, and had the time that an address has for itself, would cost the next call that time.
fn set_slow_ones_aside(names: &Names, under_way: &[Attempt<'_>], before: Instant, now: Instant) {
    for attempt in under_way {
        if attempt.began < before && now >= attempt.began + ATTEMPT_DELAY {
            names.set_aside(attempt.address, now);
        }
    }
}

/// Only a tracker of which every address shows a wrong certificate is not to be trusted; the others fail as the last one did.
fn worse(before: Option<CallError>, now: CallError) -> CallError {
    match (before, now) {
        (Some(before @ CallError::Unreachable(_)), CallError::NotTrusted(_)) => before,
        (_, now) => now,
    }
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
