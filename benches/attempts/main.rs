//! Visitors, the edge's clicks and a scripted tracker in one process, in time that stands still while there is something to do: an
//! hour passes in seconds, and every run comes to the same.
//!
//! `cargo bench --bench attempts` prints what a tracker that stalls, fails, hangs or melts costs visitors, and ends with 1 if that is
//! more than is promised.

mod simulation;
mod tracker;

use std::{process::ExitCode, time::Duration};

use onehop::click::HedgeAfter;

use self::{
    simulation::{Run, simulate},
    tracker::{MEDIAN, Mood, WORKERS},
};

const SECOND: Duration = Duration::from_secs(1);

/// One line of the table, and whether a promise holds.
struct Checked {
    what: &'static str,
    is: String,
    promised: String,
    holds: bool,
}

fn main() -> ExitCode {
    // `cargo test` builds without optimisation, and wants to know only whether the promises hold.
    let quick = cfg!(debug_assertions);
    let mut checked = Vec::new();
    stalls(quick, &mut checked);
    outage("errors", Mood::Errors, quick, &mut checked);
    outage("silence", Mood::Hangs, quick, &mut checked);
    melting(quick, &mut checked);
    println!("\n{:<62} {:>12}   promised", "", "is");
    for line in &checked {
        let mark = if line.holds { "" } else { "   BROKEN" };
        println!("{:<62} {:>12}   {}{mark}", line.what, line.is, line.promised);
    }
    if checked.iter().all(|line| line.holds) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One call in a hundred takes two seconds more.
fn stalls(quick: bool, checked: &mut Vec<Checked>) {
    let seconds = if quick { 20 } else { 60 };
    let phases = [(Mood::Stalls, SECOND * seconds)];
    let [off, auto] = [HedgeAfter::Off, HedgeAfter::Auto].map(|hedge_after| simulate(500.0, hedge_after, &phases));
    title("1 % of calls stall 2 s, 500 hits a second");
    row("hedge_after = \"off\"", &off);
    row("hedge_after = \"auto\"", &auto);
    let p99 = auto.waited(0.99, |_| true);
    checked.push(Checked {
        what: "1 % stalls: p99 of visitors with hedging, in medians",
        is: format!("{:.2}", p99.as_secs_f64() / MEDIAN.as_secs_f64()),
        promised: "below 2.5".to_owned(),
        holds: p99 < MEDIAN.mul_f64(2.5),
    });
    let extra = share(auto.requests(|_| true) - auto.hits(|_| true), auto.hits(|_| true));
    checked.push(Checked {
        what: "1 % stalls: extra requests",
        is: percent(extra),
        promised: "below 6 %".to_owned(),
        holds: extra < 0.06,
    });
}

/// Everything fails for a minute.
fn outage(name: &str, mood: Mood, quick: bool, checked: &mut Vec<Checked>) {
    let (before, during, after) = (SECOND * 10, SECOND * if quick { 20 } else { 60 }, SECOND * 10);
    let phases = [(Mood::Well, before), (mood, during), (Mood::Well, after)];
    let run = simulate(200.0, HedgeAfter::Auto, &phases);
    let back = before + during;
    let opened = run.opened.unwrap_or(back);
    title(&format!("{name} for {} s, 200 hits a second", during.as_secs()));
    row_of("before", &run, |at| at < before);
    row_of("until the breaker opens", &run, |at| (before..opened).contains(&at));
    row_of("open", &run, |at| (opened..back).contains(&at));
    row_of("after", &run, |at| at >= back);
    let open = |at| (opened + SECOND..back).contains(&at);
    let calls = share(run.requests(open), run.hits(open));
    let errors = name == "errors";
    checked.push(Checked {
        what: if errors {
            "errors: calls while the breaker is open, of hits"
        } else {
            "silence: calls while the breaker is open, of hits"
        },
        is: percent(calls),
        promised: "below 2 %".to_owned(),
        holds: calls < 0.02 && run.opened.is_some(),
    });
    let p99 = run.waited(0.99, open);
    checked.push(Checked {
        what: if errors {
            "errors: p99 of visitors while it is open, in ms"
        } else {
            "silence: p99 of visitors while it is open, in ms"
        },
        is: p99.as_millis().to_string(),
        promised: "below 5".to_owned(),
        holds: p99 < Duration::from_millis(5),
    });
    let normal = run.normal_after(back);
    checked.push(Checked {
        what: if errors {
            "errors: every visitor has a click again after, in s"
        } else {
            "silence: every visitor has a click again after, in s"
        },
        is: format!("{:.1}", normal.as_secs_f64()),
        promised: "below 2".to_owned(),
        holds: normal < 2 * SECOND,
    });
}

/// A tracker with a tenth of its workers, which goes on with requests that nobody waits for any more.
fn melting(quick: bool, checked: &mut Vec<Checked>) {
    let (before, during, after) = (SECOND * 10, SECOND * if quick { 30 } else { 60 }, SECOND * 10);
    let few = WORKERS / 10;
    let phases = [
        (Mood::Workers(WORKERS), before),
        (Mood::Workers(few), during),
        (Mood::Workers(WORKERS), after),
    ];
    let run = simulate(500.0, HedgeAfter::Auto, &phases);
    let back = before + during;
    title(&format!(
        "{few} of {WORKERS} workers for {} s, 500 hits a second",
        during.as_secs()
    ));
    row_of("before", &run, |at| at < before);
    row_of("the first ten seconds", &run, |at| {
        (before..before + 10 * SECOND).contains(&at)
    });
    row_of("then", &run, |at| (before + 10 * SECOND..back).contains(&at));
    row_of("after", &run, |at| at >= back);
    let melting = |at| (before..back).contains(&at);
    let capacity =
        f64::from(u32::try_from(few).unwrap_or(u32::MAX)) / tracker::mean().as_secs_f64() * during.as_secs_f64();
    let goodput = count(run.clicks(melting)) / capacity;
    checked.push(Checked {
        what: "a tenth of the capacity: clicks, of what the tracker can give",
        is: percent(goodput),
        promised: "above 90 %".to_owned(),
        holds: goodput > 0.9,
    });
    let normal = run.normal_after(back);
    checked.push(Checked {
        what: "a tenth of the capacity: every visitor has a click again after, in s",
        is: format!("{:.1}", normal.as_secs_f64()),
        promised: "below 2".to_owned(),
        holds: normal < 2 * SECOND,
    });
}

fn title(text: &str) {
    println!(
        "\n{text}\n{:<28} {:>7} {:>7} {:>9} {:>9} {:>9} {:>9}",
        "", "hits", "clicks", "requests", "p50 ms", "p99 ms", "longest"
    );
}

fn row(name: &str, run: &Run) {
    row_of(name, run, |_| true);
}

/// The hits that came at some times.
fn row_of(name: &str, run: &Run, when: impl Fn(Duration) -> bool + Copy) {
    let waited = |quantile| run.waited(quantile, when).as_millis();
    println!(
        "{name:<28} {:>7} {:>7} {:>9} {:>9} {:>9} {:>9}",
        run.hits(when),
        percent(share(run.clicks(when), run.hits(when))),
        percent(share(run.requests(when), run.hits(when))),
        waited(0.5),
        waited(0.99),
        waited(1.0),
    );
}

fn share(part: usize, whole: usize) -> f64 {
    count(part) / count(whole).max(1.0)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
