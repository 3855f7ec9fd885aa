//! The limit of calls under way, by windows of answers.

use super::*;

const DEADLINE: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_millis(501);

struct Tracker {
    limit: Limit,
    now: Instant,
}

impl Tracker {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            limit: Limit::new(now, DEADLINE),
            now,
        }
    }

    /// So many calls at once as are wanted and may be; each ends so after so long.
    fn round(&mut self, wanted: u32, how: Ended, took: Duration) {
        let mut under_way = 0;
        for _ in 0..wanted {
            under_way += u32::from(self.limit.enter(self.now));
        }
        let began = self.now;
        self.now += took;
        for number in 0..under_way {
            // One answer, so that it lives.
            let how = if number == 0 && how == Ended::Silent {
                Ended::Answered
            } else {
                how
            };
            self.limit.ended(began, how, self.now);
            self.limit.leave();
        }
    }
}

#[test]
fn as_many_as_come_while_answers_are_in_time() {
    let mut tracker = Tracker::new();
    for _ in 0..100 {
        tracker.round(MOST + 1, Ended::Answered, Duration::from_millis(60));
        assert_eq!(tracker.limit.most(), MOST);
    }
    for _ in 0..MOST {
        assert!(tracker.limit.enter(tracker.now));
    }
    assert!(!tracker.limit.enter(tracker.now));
    tracker.limit.leave();
    assert!(tracker.limit.enter(tracker.now));
}

#[test]
fn late_answers_halve_what_is_under_way() {
    for (how, took) in [(Ended::Answered, LATE), (Ended::Silent, DEADLINE)] {
        let mut tracker = Tracker::new();
        tracker.round(200, Ended::Answered, Duration::from_millis(60));
        tracker.round(200, how, took);
        assert_eq!(tracker.limit.most(), 100, "{how:?}");
        assert!(!tracker.limit.is_well());
    }
}

#[test]
fn calls_from_before_a_cut_are_not_held_against_it() {
    let mut tracker = Tracker::new();
    tracker.round(200, Ended::Answered, Duration::from_millis(60));
    let began = tracker.now;
    tracker.round(200, Ended::Answered, LATE);
    for _ in 0..10 * WINDOW {
        tracker.limit.ended(began, Ended::Answered, tracker.now + LATE);
    }
    assert_eq!(tracker.limit.most(), 100);
}

#[test]
fn a_few_late_ones_and_failures_cut_nothing() {
    let mut tracker = Tracker::new();
    for _ in 0..100 {
        let began = tracker.now;
        tracker.now += DEADLINE;
        for number in 0..WINDOW {
            let is_slow = number % 2 == 0;
            let at = if is_slow { tracker.now } else { began };
            tracker.limit.ended(began, Ended::Answered, at);
            tracker.limit.ended(began, Ended::Failed, at);
        }
    }
    assert_eq!(tracker.limit.most(), MOST);
}

#[test]
fn it_comes_back_within_a_few_windows() {
    let mut tracker = Tracker::new();
    tracker.round(200, Ended::Answered, Duration::from_millis(60));
    for _ in 0..10 {
        tracker.round(200, Ended::Silent, DEADLINE);
    }
    assert_eq!(tracker.limit.most(), FEWEST);
    let mut windows = 0;
    while tracker.limit.most() < 200 {
        tracker.round(200, Ended::Answered, Duration::from_millis(60));
        windows += 1;
    }
    assert!(windows <= 16, "{windows}");
    let most = tracker.limit.most();
    tracker.round(100, Ended::Answered, Duration::from_millis(60));
    assert_eq!(tracker.limit.most(), most, "nobody needs more");
}

#[test]
fn a_tracker_that_is_slow_by_itself_is_not_cut_for_long() {
    // Slow from the start: that is how it is.
    let mut tracker = Tracker::new();
    for _ in 0..10 {
        tracker.round(200, Ended::Answered, Duration::from_millis(1200));
        assert_eq!(tracker.limit.most(), MOST);
    }
    // It becomes slow, and a cut does not make it quicker.
    let mut tracker = Tracker::new();
    tracker.round(200, Ended::Answered, Duration::from_millis(60));
    tracker.round(200, Ended::Answered, Duration::from_millis(700));
    assert_eq!(tracker.limit.most(), 100);
    tracker.round(200, Ended::Answered, Duration::from_millis(700));
    assert_eq!(tracker.limit.most(), 200, "as before");
    for _ in 0..10 {
        tracker.round(200, Ended::Answered, Duration::from_millis(700));
        assert!(tracker.limit.most() >= 200);
    }
    // It is quick again, and then has too much to do.
    for _ in 0..3 {
        tracker.round(200, Ended::Answered, Duration::from_millis(60));
    }
    tracker.round(200, Ended::Answered, Duration::from_millis(700));
    assert_eq!(tracker.limit.most(), 100);
    tracker.round(200, Ended::Answered, Duration::from_millis(350));
    assert_eq!(tracker.limit.late_after, DEADLINE / LATE_PART, "that helped");
}

#[test]
fn calls_that_pile_up_are_seen_before_they_are_late() {
    let mut tracker = Tracker::new();
    for _ in 0..5 {
        tracker.round(40, Ended::Answered, Duration::from_millis(60));
    }
    // A call every 2 ms, of which one in ten is answered.
    let mut began = tracker.now;
    let mut calls = 0;
    while tracker.limit.most() == MOST {
        calls += 1;
        tracker.now += Duration::from_millis(2);
        tracker.limit.enter(tracker.now);
        if calls % 10 == 0 {
            tracker.limit.ended(began, Ended::Answered, tracker.now);
            tracker.limit.leave();
            began += Duration::from_millis(2);
        }
    }
    assert!((125..=250).contains(&calls), "{calls} calls");
    assert!((20..=30).contains(&tracker.limit.most()), "{}", tracker.limit.most());
}

#[test]
fn a_pause_is_no_pile() {
    let mut tracker = Tracker::new();
    for _ in 0..5 {
        tracker.round(40, Ended::Answered, Duration::from_millis(60));
    }
    for _ in 0..400 {
        tracker.now += Duration::from_millis(2);
        tracker.limit.enter(tracker.now);
    }
    assert_eq!(tracker.limit.most(), MOST, "nothing is answered at all");
}

#[test]
fn silence_is_never_taken_for_slowness() {
    let mut tracker = Tracker::new();
    tracker.round(200, Ended::Answered, Duration::from_millis(60));
    for _ in 0..20 {
        tracker.round(200, Ended::Silent, DEADLINE);
    }
    assert_eq!(tracker.limit.most(), FEWEST);
}

#[test]
fn a_tracker_that_says_nothing_at_all_is_not_overloaded() {
    let mut tracker = Tracker::new();
    for _ in 0..20 * WINDOW {
        tracker.limit.ended(tracker.now, Ended::Silent, tracker.now + DEADLINE);
    }
    assert_eq!(tracker.limit.most(), MOST);
}

/// A second of a call every 2 ms, one in so many of which is refused at once; the others are answered after 60 ms.
fn refusing(tracker: &mut Tracker, one_in: u32) {
    let mut began = std::collections::VecDeque::new();
    for number in 0..500 {
        tracker.now += Duration::from_millis(2);
        if !tracker.limit.enter(tracker.now) {
            continue;
        }
        if number % one_in == 0 {
            tracker.limit.ended(tracker.now, Ended::TooMuch, tracker.now);
            tracker.limit.leave();
        } else {
            began.push_back(tracker.now);
        }
        while let Some(first) = began
            .front()
            .copied()
            .filter(|at| *at + Duration::from_millis(60) <= tracker.now)
        {
            began.pop_front();
            tracker.limit.ended(first, Ended::Answered, tracker.now);
            tracker.limit.leave();
        }
    }
}

#[test]
fn a_tracker_that_refuses_a_few_is_asked_by_all() {
    for one_in in [3, 7, 20] {
        let mut tracker = Tracker::new();
        refusing(&mut tracker, one_in);
        assert_eq!(tracker.limit.most(), MOST, "one in {one_in}");
    }
    let mut tracker = Tracker::new();
    refusing(&mut tracker, 1);
    assert_eq!(tracker.limit.most(), FEWEST, "all");
}

#[test]
fn a_pause_that_begins_within_a_look_is_no_pile() {
    for pause_at in [20, 60, 100, 150, 200, 240] {
        let mut tracker = Tracker::new();
        refusing(&mut tracker, u32::MAX);
        let began = tracker.now;
        for step in 0..250 {
            tracker.now += Duration::from_millis(4);
            tracker.limit.enter(tracker.now);
            if tracker.now < began + Duration::from_millis(pause_at) {
                tracker.limit.ended(tracker.now, Ended::Answered, tracker.now);
                tracker.limit.leave();
            }
            assert_eq!(tracker.limit.most(), MOST, "{pause_at} {step}");
        }
    }
}
