//! Connections made before a visitor needs one, so that no visitor waits for a handshake; and what is no longer of use, closed.
//!
//! Beside the calls: nothing here is waited for by one.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::client::Client;

/// HTTP/1.1 connections that wait: one for the next visitor, one for whoever comes at the same time.
const SPARES: usize = 2;
/// A tracker that nobody was sent to for so long gets no connections that nobody may need.
const QUIET: Duration = Duration::from_mins(10);
/// No visitor waits for these connections, so that they may take longer than those that are waited for.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How often it is looked at without being told of anything.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long is waited after a connection that could not be made, or that the tracker closed as soon as it had it; doubled
/// for each one more.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A tracker that comes back is warm within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Keeps connections ready, and its addresses young, until the client is gone. Spawned once per tracker by the app when it
/// starts to serve.
///
/// Dropped at an await, it closes the connection that it makes; those that are ready stay.
pub async fn keep_warm(client: Weak<Client>) {
    let Some(wake) = client.upgrade().map(|client| client.wake.clone()) else {
        return;
    };
    let mut pauses = Pauses::default();
    while let Some(strong) = client.upgrade() {
        let next = tend(&strong, &mut pauses).await;
        drop(strong);
        // Told or not, it looks again.
        let _ = timeout_at(next, wake.notified()).await;
    }
}

/// Does what there is to do; until when there is nothing more.
async fn tend(client: &Client, pauses: &mut Pauses) -> Instant {
    loop {
        let now = Instant::now();
        client.names.renew_when_due(now);
        let later = now + LOOK_EVERY;
        // What ends before the next look is replaced by now.
        let soon = if client.is_kept_warm() { later } else { now };
        let ready = client.look(now, soon);
        if ready.died_young > 0 {
            pauses.failed(now);
        }
        let is_quiet = now >= ready.asked + QUIET;
        let is_enough = ready.idle >= SPARES || ready.roomy > 0 || ready.is_full;
        if !client.is_kept_warm() || is_quiet || is_enough {
            pauses.well(now);
            return client.names.due().map_or(later, |due| due.min(later));
        }
        if let Some(until) = pauses.until.filter(|until| now < *until) {
            return until.min(later);
        }
        if client.make_ready(now + CONNECT_LIMIT).await.is_err() {
            pauses.failed(Instant::now());
        }
    }
}

/// How long is waited between connections that come to nothing.
#[derive(Default)]
struct Pauses {
    next: Option<Duration>,
    until: Option<Instant>,
}

impl Pauses {
    fn failed(&mut self, now: Instant) {
        let pause = self.next.unwrap_or(FIRST_PAUSE);
        self.until = Some(now + pause);
        self.next = Some((pause * 2).min(LONGEST_PAUSE));
    }

    /// Enough connections live; once they have done so for a while, past failures say nothing any more.
    fn well(&mut self, now: Instant) {
        if self.until.is_some_and(|until| now >= until + LOOK_EVERY) {
            *self = Self::default();
        }
    }
}
