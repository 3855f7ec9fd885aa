//! One call, from the first attempt to an answer, within its time.
//!
//! The tracker answers a repeated request of one visitor with the same click, so that to repeat one is safe, whatever became of
//! the first.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout_at};

use super::{
    answer::{Answer, Failure},
    client::{BrokenBody, CallError, Lease, Reply},
    tracker::Tracker,
    wire::{self, Target},
};

/// Requests for one call: a tracker that fails three times fails.
const MAX_ATTEMPTS: u32 = 3;
/// The longest wait before the first repeat, doubled for the next: a moment in which a tracker's worker or balancer changes,
/// and that no visitor feels.
const BACKOFF: Duration = Duration::from_millis(25);
/// With less time left than this no answer comes.
const LEAST_TIME: Duration = Duration::from_millis(10);

/// What an attempt came to.
struct Tried {
    answer: Answer,
    lease: Option<Lease>,
    repeat: Repeat,
}

/// Whether to try again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    Never,
    Soon,
    /// Not before the tracker's own time.
    After(Duration),
}

/// Calls the tracker; `attempts` counts the requests that go out. The lease, if any, is to be released.
///
/// Dropped at an await, it closes the connection that it uses; the tracker may still count the click.
pub(super) async fn call(
    tracker: &Tracker,
    target: &Target,
    limit: Duration,
    attempts: &AtomicU32,
) -> (Answer, Option<Lease>) {
    let Ok(_permit) = tracker.calls.try_acquire() else {
        return (Answer::Failed(Failure::Overload), None);
    };
    let began = Instant::now();
    let by = began + limit;
    tracker.repeats.called(began);
    for turn in 1.. {
        let Ok(tried) = timeout_at(by, attempt(tracker, target, attempts)).await else {
            break;
        };
        let wait = match tried.repeat {
            Repeat::Never => None,
            Repeat::Soon => Some((BACKOFF * (1 << (turn - 1))).mul_f64(fastrand::f64())),
            Repeat::After(wait) => Some(wait),
        };
        let now = Instant::now();
        let left = by.saturating_duration_since(now).saturating_sub(LEAST_TIME);
        let again = wait.filter(|wait| turn < MAX_ATTEMPTS && *wait < left && tracker.repeats.take(now));
        let Some(wait) = again else {
            return (tried.answer, tried.lease);
        };
        if let Some(lease) = tried.lease {
            tracker.client.release(lease).await;
        }
        sleep(wait).await;
    }
    (Answer::Failed(Failure::Timeout), None)
}

/// A request, on a kept connection if there is one. That may have been closed by the tracker meanwhile: then the request goes
/// out again at once, on a fresh connection.
async fn attempt(tracker: &Tracker, target: &Target, attempts: &AtomicU32) -> Tried {
    attempts.fetch_add(1, Ordering::Relaxed);
    let replied = match tracker.client.kept(target).await {
        Some(Ok(replied)) if !is_of_an_ending_connection(&replied.0) => Ok(replied),
        kept => {
            if kept.is_some() {
                attempts.fetch_add(1, Ordering::Relaxed);
            }
            tracker.client.fresh(target).await
        }
    };
    match replied {
        Ok((reply, lease)) => {
            let answer = read(&reply);
            Tried {
                repeat: repeat(&reply, &answer),
                answer,
                lease,
            }
        }
        Err(error) => {
            let (failure, repeat) = match error {
                CallError::Unreachable(why) => (Failure::Unreachable(why), Repeat::Soon),
                CallError::NotTrusted(why) => (Failure::Unreachable(why), Repeat::Never),
                CallError::NotHttp => (Failure::BadAnswer("an answer that is not HTTP"), Repeat::Never),
            };
            Tried {
                answer: Answer::Failed(failure),
                lease: None,
                repeat,
            }
        }
    }
}

/// A kept connection may end in the middle of an answer, or with a 408, which a server sends on a connection that it closes
/// for being idle (RFC 9110, section 15.5.9).
fn is_of_an_ending_connection(reply: &Reply) -> bool {
    reply.status == http::StatusCode::REQUEST_TIMEOUT || reply.body == Err(BrokenBody::CutShort)
}

/// What another worker of the tracker's, or the same one in a moment, may do better: 5xx, 429, an answer that was cut short.
fn repeat(reply: &Reply, answer: &Answer) -> Repeat {
    let is_short = reply.body == Err(BrokenBody::CutShort);
    match answer {
        Answer::Failed(Failure::Tracker(429 | 500..)) => reply.retry_after.map_or(Repeat::Soon, Repeat::After),
        Answer::Failed(Failure::BadAnswer(_)) if is_short => Repeat::Soon,
        _ => Repeat::Never,
    }
}

fn read(reply: &Reply) -> Answer {
    match &reply.body {
        Ok(body) => wire::read(reply.status, body),
        // Outside 2xx the number says enough.
        Err(_) if !reply.status.is_success() => wire::read(reply.status, b""),
        Err(BrokenBody::CutShort) => Answer::Failed(Failure::BadAnswer("an answer that was cut short")),
        Err(BrokenBody::TooLarge) => Answer::Failed(Failure::BadAnswer("an answer of more than 64 KB")),
    }
}
