//! How many calls a tracker is under at a time. As many as come, until its answers show that it has too many: then no more than it
//! answers in the time in which an answer is not late; when they are in time again, more, first by little and then by much.
//!
//! Answers are read in windows: a window has those of calls that began in it, so that what was too much before a cut is not held
//! against what is after it, and so that it takes as long as the tracker takes. A tracker that suddenly answers fewer than come
//! is not waited for so long: the queue before it would be longer than any visitor's patience by then.

use std::time::Duration;

use tokio::time::Instant;

/// A tracker that answers in 60 ms serves 17,000 visitors a second with as many; one that hangs for the usual deadline holds no
/// more sockets.
pub const MOST: u32 = 1024;
/// With fewer, one slow answer would hold up everyone.
const FEWEST: u32 = 4;
/// Answers that are a window. Most of fewer may be late by chance.
const WINDOW: u32 = 16;
/// An answer is late after this part of the deadline, unless the tracker is always as slow.
const LATE_PART: u32 = 4;
/// Calls that come in that time, of which fewer than half are answered, show that they pile up.
const PILE: u32 = 32;
/// If a cut has brought the time of answers down by less than this, they are not late for waiting on each other.
const USELESS: f64 = 0.8;
/// How much more calls there may be after the first, second … good window in a row in which all were needed.
const GROWTH: [f64; 5] = [1.05, 1.1, 1.2, 1.4, 1.5];

/// How a request ended, in the eyes of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With an answer.
    Answered,
    /// Without one, in all the time there was.
    Silent,
    /// With the tracker's word that it has too much to do (429, 503).
    TooMuch,
    /// With another failure, which says nothing of its load.
    Failed,
}

/// The limit of one tracker, and the calls under it.
#[derive(Debug)]
pub(super) struct Limit {
    most: u32,
    in_flight: u32,
    deadline: Duration,
    /// From when on an answer is late.
    late_after: Duration,
    /// There was a window in which most answers were in time.
    has_been_well: bool,
    /// Good windows in a row in which the limit was reached.
    good: usize,
    cut: Option<Cut>,
    /// Since the last cut a call had no answer in all its time: the tracker may be at work for calls that are gone.
    has_been_silent: bool,
    window: Window,
    flow: Flow,
}

/// What came and went since a time, and before that for as long.
#[derive(Debug)]
struct Flow {
    since: Instant,
    came: u32,
    answered: u32,
    /// Of those that ended, the ones with the tracker's word that it has too much to do.
    too_much: u32,
    last_answer: Instant,
    came_before: u32,
    answered_before: u32,
}

impl Flow {
    fn new(since: Instant) -> Self {
        Self {
            since,
            came: 0,
            answered: 0,
            too_much: 0,
            last_answer: since,
            came_before: 0,
            answered_before: 0,
        }
    }

    /// Whether calls pile up before a tracker that answers some and goes on doing so: three of four now, or more than half for
    /// longer. One that pauses answers none meanwhile.
    fn is_pile(&self, now: Instant) -> bool {
        let (came, answered) = (self.came + self.came_before, self.answered + self.answered_before);
        let goes_on = self.answered > 0 && (now - self.last_answer) * 4 < now - self.since;
        goes_on && ((self.came >= PILE && self.answered * 4 < self.came) || (came >= 2 * PILE && answered * 2 < came))
    }

    /// Whether the tracker says of most calls that it has too much to do. One that says so of a few gets the others done.
    fn is_pushed_back(&self) -> bool {
        self.came >= PILE && self.too_much * 2 > self.came
    }
}

/// What the last window led to.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Calls under way before the first of several cuts.
    from: u32,
    /// What the answers took then, in seconds.
    took: f64,
    /// The limit since.
    to: u32,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    /// As those saw it that came in the window.
    most_in_flight: u32,
    is_reached: bool,
    ended: u32,
    late: u32,
    silent: u32,
    quick: u32,
    /// Seconds, of all.
    took: f64,
}

impl Window {
    fn new(since: Instant) -> Self {
        Self {
            since,
            most_in_flight: 0,
            is_reached: false,
            ended: 0,
            late: 0,
            silent: 0,
            quick: 0,
            took: 0.0,
        }
    }
}

impl Limit {
    /// The widest. A call takes `deadline` at most.
    pub(super) fn new(now: Instant, deadline: Duration) -> Self {
        Self {
            most: MOST,
            in_flight: 0,
            deadline,
            late_after: deadline / LATE_PART,
            has_been_well: false,
            good: 0,
            cut: None,
            has_been_silent: false,
            window: Window::new(now),
            flow: Flow::new(now),
        }
    }

    /// Takes a place, if one is free.
    pub(super) fn enter(&mut self, now: Instant) -> bool {
        self.look(now);
        if self.in_flight < self.most {
            self.flow.came += 1;
            return self.enter_anyway();
        }
        self.window.is_reached = true;
        false
    }

    /// Takes a place, free or not.
    pub(super) fn enter_anyway(&mut self) -> bool {
        self.in_flight += 1;
        self.window.most_in_flight = self.window.most_in_flight.max(self.in_flight);
        true
    }

    /// Gives a place back.
    pub(super) fn leave(&mut self) {
        self.in_flight -= 1;
    }

    /// A request that began at a time ended.
    pub(super) fn ended(&mut self, began: Instant, how: Ended, now: Instant) {
        self.look(now);
        match how {
            Ended::Answered => {
                self.flow.answered += 1;
                self.flow.last_answer = now;
            }
            Ended::TooMuch => self.flow.too_much += 1,
            Ended::Silent | Ended::Failed => {}
        }
        self.has_been_silent |= how == Ended::Silent;
        let window = &mut self.window;
        // Refusals come sooner than answers: in a window they would be all that there is.
        if began < window.since || matches!(how, Ended::Failed | Ended::TooMuch) {
            return;
        }
        let took = now - began;
        window.ended += 1;
        window.took += took.as_secs_f64();
        match how {
            Ended::Silent => window.silent += 1,
            Ended::Answered if took > self.late_after => window.late += 1,
            Ended::Answered if took < self.late_after / 4 => window.quick += 1,
            Ended::Answered | Ended::Failed | Ended::TooMuch => {}
        }
        if window.ended == WINDOW {
            self.judge();
            self.window = Window::new(now);
        }
    }

    /// Calls that may be under way.
    pub(super) fn most(&self) -> u32 {
        self.most
    }

    /// Calls that are under way.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether the last window was good, and there is room.
    pub(super) fn is_well(&self) -> bool {
        self.cut.is_none() && !self.window.is_reached && self.in_flight < self.most
    }

    /// Looks whether calls pile up, each time half as much time has passed as an answer may take.
    fn look(&mut self, now: Instant) {
        let passed = now - self.flow.since;
        if passed < self.late_after / 2 {
            return;
        }
        let next = Flow {
            came_before: self.flow.came,
            answered_before: self.flow.answered,
            ..Flow::new(now)
        };
        let flow = std::mem::replace(&mut self.flow, next);
        // What came to an edge on which nothing happened in between is no flow.
        if passed > self.late_after {
            self.flow = Flow::new(now);
            return;
        }
        // As many as it answers in the time that an answer may take.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "fewer than came")]
        let keeps_up_with = (f64::from(flow.answered) * self.late_after.div_duration_f64(passed)) as u32;
        if (self.has_been_well && flow.is_pile(now)) || flow.is_pushed_back() {
            // The last one in the pile has to wait for all the others.
            let takes = passed.as_secs_f64() * f64::from(self.in_flight) / f64::from(flow.answered.max(1));
            self.cut(keeps_up_with, takes);
            self.window = Window::new(now);
        } else {
            self.most = self.most.max(keeps_up_with).min(MOST);
        }
    }

    fn cut(&mut self, most: u32, took: f64) {
        let to = self.most.min(most).max(FEWEST);
        self.cut = Some(Cut {
            from: self
                .cut
                .map_or(self.in_flight.max(self.window.most_in_flight), |cut| cut.from),
            took,
            to,
        });
        self.has_been_silent = false;
        self.most = to;
    }

    fn judge(&mut self) {
        let window = &self.window;
        if window.silent == WINDOW {
            // It is not that it has too much to do: it does nothing.
            return;
        }
        let bad = window.late + window.silent;
        if bad * 2 <= WINDOW {
            self.has_been_well = true;
            self.cut = None;
            if window.quick == WINDOW {
                self.late_after = (self.late_after / 2).max(self.deadline / LATE_PART);
            }
            if window.is_reached {
                self.most = grown(self.most, GROWTH[self.good.min(GROWTH.len() - 1)]);
                self.good += 1;
            } else {
                self.good = 0;
            }
            return;
        }
        self.good = 0;
        let took = window.took / f64::from(WINDOW);
        // Late answers are answers: if fewer calls do not make them come sooner, this is how long the tracker takes.
        let is_late_only = window.late * 2 > WINDOW;
        let is_as_late = |cut: &Cut| window.most_in_flight <= cut.to && took > cut.took * USELESS;
        let was_useless = !self.has_been_silent && self.cut.as_ref().is_some_and(is_as_late);
        if is_late_only && (!self.has_been_well || was_useless) && self.late_after < self.deadline {
            self.late_after = (self.late_after * 2).min(self.deadline);
            if let Some(cut) = self.cut.take() {
                self.most = self.most.max(cut.from);
            }
            return;
        }
        let half = self.most.min(window.most_in_flight) / 2;
        self.cut(half, took);
    }
}

/// At least one more.
fn grown(limit: u32, by: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most half more than `MOST`"
    )]
    let more = (f64::from(limit) * by).ceil() as u32;
    more.max(limit + 1).min(MOST)
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
