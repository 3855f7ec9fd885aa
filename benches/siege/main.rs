//! A built edge under siege, and through a thousand changes: what its visitors notice, and what it holds afterwards.
//!
//! `cargo bench --bench siege` prints two tables, and ends with 1 if more is noticed than is promised. Who besieges are processes of
//! their own, and yield the processors to others: in earnest they sit at other machines.

mod besiegers;
mod changes;
#[allow(
    dead_code,
    unused_imports,
    reason = "the tests' three parties; a siege needs some of what they can"
)]
#[path = "../../tests/it/support/mod.rs"]
mod support;
mod visitors;

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use support::{ClickApi, Program, click, one_link, program::Folder};

use self::visitors::{Waits, Who};

/// Idle connections, those that say or hear one byte a second, and handshakes a second.
const IDLE: usize = 10_000;
const SLOW: usize = 2_000;
const HANDSHAKES: usize = 1_000;
/// Each state is measured so often, and the middle of what is found counts: other work of the machine falls into some.
const ROUNDS: u32 = 3;
const ROUND: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let [way, edge] = &arguments[..]
        && let Ok(edge) = edge.parse()
    {
        runtime.block_on(besiegers::besiege(way, edge));
        return ExitCode::SUCCESS;
    }
    let held = [runtime.block_on(siege()), runtime.block_on(changes::thousand())];
    if held.into_iter().all(|held| held) {
        ExitCode::SUCCESS
    } else {
        println!("\nBROKEN: more was noticed than is promised");
        ExitCode::FAILURE
    }
}

/// An edge with one link, and where it serves.
struct Edge {
    program: Program,
    folder: Folder,
    https: SocketAddr,
    admin: SocketAddr,
    configuration: String,
}

impl Edge {
    fn start(tracker: &ClickApi) -> Self {
        let folder = Folder::new();
        folder.write("certs/localhost.crt", visitors::CERTIFICATE);
        folder.write("certs/localhost.key", include_str!("../../certs/localhost.key"));
        let configuration = one_link(tracker)
            .replace(
                "http = \"127.0.0.1:0\"",
                "https = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[tls]\ncerts = \"certs\"\n[click_log]\npath = \"clicks.jsonl\"",
            )
            .replace("trusted_proxies = [\"127.0.0.0/8\"]", "")
            + "[limits]\nconnections = 16000\n";
        folder.write("onehop.toml", &configuration);
        let program = Program::start(&["run"], folder.path(), &[]);
        let https = program.hear("listening on https://").parse().expect("an address");
        let admin = program.hear("metrics on http://").parse().expect("an address");
        Self {
            program,
            folder,
            https,
            admin,
            configuration,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "for people")]
    fn megabytes(&self) -> f64 {
        self.program.memory() as f64 / 1e6
    }
}

/// Those who besiege; they end with it.
struct Besiegers(Child);

impl Besiegers {
    /// Starts them, and waits until they stand.
    fn start(way: &str, edge: SocketAddr) -> Self {
        let mut child = Command::new("nice")
            .args(["-n", "19"])
            .arg(std::env::current_exe().expect("a program"))
            .args([way, &edge.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut said)
            .expect("a line");
        assert_eq!(said.trim(), "ready", "{way}");
        Self(child)
    }
}

impl Drop for Besiegers {
    fn drop(&mut self) {
        // One that has ended cannot be ended again.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether visitors are served as is promised while others besiege the edge.
async fn siege() -> bool {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&tracker);
    println!(
        "{:<42} {:>6} {:>6} {:>9} {:>9} {:>9} {:>9} {:>7} {:>9}",
        "100 new and 100 kept connections a second",
        "hits",
        "failed",
        "new p50",
        "new p99",
        "kept p50",
        "kept p99",
        "CPU",
        "memory"
    );
    let measure = async |what: &str| {
        let before = edge.program.cpu();
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(visitors::visit(edge.https, Who::default(), ROUND).await);
        }
        let seconds = ROUND.as_secs_f64() * f64::from(ROUNDS);
        let cpu = edge.program.cpu().saturating_sub(before).as_secs_f64() / seconds;
        let middle = |of: fn(&Waits) -> &Vec<Duration>, share| {
            let mut found: Vec<f64> = rounds.iter().map(|waits| milliseconds(of(waits), share)).collect();
            found.sort_by(f64::total_cmp);
            found[found.len() / 2]
        };
        let new = [0.5, 0.99].map(|share| middle(|waits| &waits.new, share));
        let kept = [0.5, 0.99].map(|share| middle(|waits| &waits.kept, share));
        let hits: usize = rounds.iter().map(|waits| waits.new.len() + waits.kept.len()).sum();
        let failed: usize = rounds.iter().map(|waits| waits.failed).sum();
        println!(
            "{what:<42} {:>6} {:>6} {:>6.2} ms {:>6.2} ms {:>6.2} ms {:>6.2} ms {:>5.0} % {:>6.0} MB",
            hits,
            failed,
            new[0],
            new[1],
            kept[0],
            kept[1],
            cpu * 100.0,
            edge.megabytes(),
        );
        (failed, new[1])
    };
    // What is paid once is paid.
    visitors::visit(edge.https, Who::default(), Duration::from_secs(2)).await;
    let (_, quiet) = measure("quiet").await;
    let at_rest = edge.megabytes();
    let mut besiegers = Vec::new();
    let mut failed = 0;
    let mut worst: f64 = 0.0;
    for (way, what) in [
        ("idle", format!("{IDLE} idle connections")),
        ("slow", format!("and {SLOW} slow ones")),
        ("handshakes", format!("and {HANDSHAKES} handshakes a second")),
    ] {
        besiegers.push(Besiegers::start(way, edge.https));
        let (lost, p99) = measure(&what).await;
        failed += lost;
        worst = worst.max(p99);
    }
    let besieged = edge.megabytes();
    drop(besiegers);
    failed += measure("all gone").await.0;
    let left = edge.megabytes();
    println!(
        "p99 of new connections, in quiet ones: {:.1} (promised 3). Memory: {at_rest:.0} MB, {besieged:.0} MB besieged, {left:.0} MB afterwards.",
        worst / quiet
    );
    failed == 0 && worst <= 3.0 * quiet && left < at_rest + (besieged - at_rest) / 4.0
}

fn milliseconds(waits: &[Duration], share: f64) -> f64 {
    let mut waits = waits.to_vec();
    waits.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "thousands at most"
    )]
    let at = ((waits.len() as f64) * share) as usize;
    waits.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
}
