//! One call, from the first attempt to an answer, within its time.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::time::timeout;

use super::{
    answer::{Answer, Failure},
    client::{BrokenBody, CallError, Lease, Reply},
    tracker::Tracker,
    wire::{self, Target},
};

/// Calls the tracker; `attempts` counts the requests that go out. The lease, if any, is to be released.
///
/// A kept connection may have been closed by the tracker meanwhile. The tracker answers a repeated request with the same
/// click, so that whatever happened to the first one, it goes out again on a fresh connection.
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
    let tried = timeout(limit, async {
        attempts.fetch_add(1, Ordering::Relaxed);
        match tracker.client.kept(target).await {
            Some(Ok(replied)) if !is_of_an_ending_connection(&replied.0) => return Ok(replied),
            Some(_) => {
                attempts.fetch_add(1, Ordering::Relaxed);
            }
            None => {}
        }
        tracker.client.fresh(target).await
    });
    match tried.await {
        Err(_) => (Answer::Failed(Failure::Timeout), None),
        Ok(Err(CallError::Unreachable(why))) => (Answer::Failed(Failure::Unreachable(why)), None),
        Ok(Err(CallError::NotHttp)) => (Answer::Failed(Failure::BadAnswer("an answer that is not HTTP")), None),
        Ok(Ok((reply, lease))) => (read(&reply), lease),
    }
}

/// A kept connection may end in the middle of an answer, or with a 408, which a server sends on a connection that it closes
/// for being idle (RFC 9110, section 15.5.9).
fn is_of_an_ending_connection(reply: &Reply) -> bool {
    reply.status == http::StatusCode::REQUEST_TIMEOUT || reply.body == Err(BrokenBody::CutShort)
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
