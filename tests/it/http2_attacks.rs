//! Attacks on HTTP/2: each ends in GOAWAY or at a bound, at little memory and time for what it brings, and the edge serves
//! on.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{
    ClickApi, Program, Visitor, click,
    frames::{self, ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PRIORITY, SETTINGS},
    one_link,
    program::Folder,
};

/// More than this of memory no attack may take, on any number of connections of these tests.
const MEMORY: u64 = 16 * 1024 * 1024;
/// A debug build takes ten times what a release build takes.
const CPU: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });
/// How long an attacker goes on who is not stopped.
const PERSISTENCE: Duration = Duration::from_secs(20);
/// Time is no help against those who go on; and those who do not read are not waited for long.
const STALL: &str = "\n[limits]\nwrite_stall = \"500ms\"\nhttp2_idle = \"60s\"\nhead = \"60s\"\n";

/// How an attack ended.
struct Ended {
    /// Whether the edge said GOAWAY, or closed.
    stopped: bool,
    /// The code of its GOAWAY.
    code: Option<u32>,
    /// How much was sent by then, in bytes.
    sent: usize,
    took: Duration,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            stopped,
            code,
            sent,
            took,
        } = self;
        write!(
            out,
            "stopped: {stopped}, GOAWAY {code:?} after {sent} bytes and {took:?}"
        )
    }
}

/// A running edge whose memory and time are looked at.
struct Target {
    program: Program,
    visitor: Visitor,
    tracker: ClickApi,
    address: std::net::SocketAddr,
    memory: u64,
    cpu: Duration,
}

impl Target {
    async fn new(more: &str) -> Self {
        let tracker = ClickApi::always(click("1")).await;
        let folder = Folder::new();
        folder.write("onehop.toml", one_link(&tracker) + more);
        let program = Program::start(&["run"], folder.path(), &[("RUST_LOG", "info")]);
        let address = program.hear("listening on http://").parse().expect("an address");
        let visitor = Visitor::new(address);
        for _ in 0..20 {
            visitor.get("/go").await.location();
        }
        let (memory, cpu) = (program.memory(), program.cpu());
        Self {
            program,
            visitor,
            tracker,
            address,
            memory,
            cpu,
        }
    }

    /// Sends `first`, and then what `next` makes of the number of the round, without end; reads all that comes.
    async fn attack(&self, first: Vec<u8>, mut next: impl FnMut(u32) -> Vec<u8>) -> Ended {
        let mut stream = TcpStream::connect(self.address).await.expect("the edge listens");
        let began = Instant::now();
        let mut code = None;
        let mut sent = first.len();
        let (mut from, mut to) = stream.split();
        let reading = async {
            while let Some(frame) = frames::read(&mut from).await {
                if frame.kind == GOAWAY && code.is_none() {
                    code = Some(frame.code());
                }
            }
        };
        let writing = async {
            if to.write_all(&first).await.is_err() {
                return;
            }
            for n in 0.. {
                let bytes = next(n);
                if bytes.is_empty() {
                    return std::future::pending().await;
                }
                sent += bytes.len();
                if to.write_all(&bytes).await.is_err() {
                    return std::future::pending().await;
                }
            }
        };
        let stopped = timeout(PERSISTENCE, async {
            tokio::select! {
                () = reading => {}
                () = writing => {}
            }
        });
        let stopped = stopped.await.is_ok();
        Ended {
            stopped: stopped || code.is_some(),
            code,
            sent,
            took: began.elapsed(),
        }
    }

    /// What it has cost is bounded, and visitors are served.
    async fn stands(&self, what: &str, how: &str) {
        assert!(self.visitor.get("/go").await.location().ends_with("=1"), "{what}");
        let memory = self.program.memory().saturating_sub(self.memory);
        let cpu = self.program.cpu().saturating_sub(self.cpu);
        println!(
            "{what}: +{} KB, {cpu:?} of CPU, {} calls, {how}",
            memory / 1024,
            self.tracker.calls().len()
        );
        assert!(memory < MEMORY, "{what}: +{memory} bytes");
        assert!(cpu < CPU, "{what}: {cpu:?}");
    }
}

/// Each round of an attack: what is sent first, and again.
type Round = Box<dyn FnMut(u32) -> Vec<u8> + Send>;

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn attacks() -> Vec<(&'static str, Vec<u8>, Round)> {
    let begin = || frames::begin(&[]);
    let odd = |n: u32| 2 * n + 1;
    let cookie = "c".repeat(4_000);
    let bomb = {
        // One field of 4 KB in the table, and a head that refers to it as often as a frame holds.
        let mut head = frames::head("GET", "/none");
        head.extend(frames::indexed_field("x", &"y".repeat(3_900)));
        head.extend(vec![0xbe; 10_000]);
        head
    };
    vec![
        (
            "rapid reset (CVE-2023-44487)",
            begin(),
            Box::new(move |n| [frames::get(odd(n), "/go"), frames::reset(odd(n))].concat()),
        ),
        (
            "rapid reset, each in its time",
            begin(),
            Box::new(move |n| {
                if n % 2 == 0 {
                    frames::get(n + 1, "/go")
                } else {
                    frames::reset(n)
                }
            }),
        ),
        (
            "made you reset by windows (CVE-2025-8671)",
            begin(),
            Box::new(move |n| [frames::get(odd(n), "/go"), frames::window_update(odd(n), 0)].concat()),
        ),
        (
            "made you reset by priorities of their own",
            begin(),
            Box::new(move |n| {
                let own = [&odd(n).to_be_bytes()[..], &[1]].concat();
                [frames::get(odd(n), "/go"), frames::frame(PRIORITY, 0, odd(n), &own)].concat()
            }),
        ),
        (
            "made you reset by heads that are wrong",
            begin(),
            Box::new(move |n| {
                let head = frames::fields(&[(":method", "GET"), ("UPPER", "case")]);
                frames::frame(HEADERS, END_HEADERS | END_STREAM, odd(n), &head)
            }),
        ),
        (
            "CONTINUATION without end (CVE-2024-27316)",
            [
                begin(),
                frames::frame(HEADERS, END_STREAM, 1, &frames::head("GET", "/none")),
            ]
            .concat(),
            Box::new(|_| frames::frame(CONTINUATION, 0, 1, &frames::field("x", "y"))),
        ),
        (
            "empty CONTINUATION without end",
            [
                begin(),
                frames::frame(HEADERS, END_STREAM, 1, &frames::head("GET", "/none")),
            ]
            .concat(),
            Box::new(|_| frames::frame(CONTINUATION, 0, 1, &[])),
        ),
        (
            "SETTINGS (CVE-2019-9515)",
            begin(),
            Box::new(|_| frames::settings(&[(4, 65_535)])),
        ),
        ("empty SETTINGS", begin(), Box::new(|_| frames::settings(&[]))),
        (
            "SETTINGS that are acknowledged and never were",
            begin(),
            Box::new(|_| frames::frame(SETTINGS, ACK, 0, &[])),
        ),
        ("PING (CVE-2019-9512)", begin(), Box::new(|_| frames::ping())),
        (
            "PING that is an answer",
            begin(),
            Box::new(|_| frames::frame(PING, ACK, 0, &[1; 8])),
        ),
        (
            "PRIORITY (CVE-2019-9513)",
            begin(),
            Box::new(|n| {
                let holds = [&(n % 97 * 2 + 1).to_be_bytes()[..], &[9]].concat();
                frames::frame(PRIORITY, 0, 201, &holds)
            }),
        ),
        (
            "empty DATA (CVE-2019-9518)",
            [begin(), frames::request(1, "POST", "/none", false)].concat(),
            Box::new(|_| frames::frame(DATA, 0, 1, &[])),
        ),
        (
            "DATA of a byte on ever new streams",
            begin(),
            Box::new(move |n| {
                [
                    frames::request(odd(n), "POST", "/none", false),
                    frames::frame(DATA, 0, odd(n), b"x").repeat(50),
                ]
                .concat()
            }),
        ),
        ("WINDOW_UPDATE", begin(), Box::new(|_| frames::window_update(0, 1))),
        (
            "frames of an unknown type",
            begin(),
            Box::new(|_| frames::frame(0xbb, 0, 0, b"what")),
        ),
        (
            "HPACK bomb by references",
            begin(),
            Box::new(move |n| frames::frame(HEADERS, END_HEADERS | END_STREAM, odd(n), &bomb)),
        ),
        (
            "cookies by thousands of crumbs (CVE-2026-49975)",
            begin(),
            Box::new(move |n| {
                let mut head = frames::head("GET", "/none");
                head.extend(frames::indexed_field("cookie", &cookie));
                head.extend(vec![0xbe; 8_000]);
                frames::frame(HEADERS, END_HEADERS | END_STREAM, odd(n), &head)
            }),
        ),
        (
            "table sizes up and down",
            begin(),
            Box::new(move |n| {
                let mut head = [0x20].repeat(100);
                head.extend(frames::head("GET", "/none"));
                frames::frame(HEADERS, END_HEADERS | END_STREAM, odd(n), &head)
            }),
        ),
        (
            "streams that never end",
            begin(),
            Box::new(move |n| frames::request(odd(n), "POST", "/none", false)),
        ),
        (
            "no window (CVE-2019-9517)",
            frames::begin(&[(4, 0)]),
            Box::new(move |n| frames::get(odd(n), "/.well-known/traffic-advice")),
        ),
        (
            "a window of one byte (CVE-2019-9511)",
            frames::begin(&[(4, 1)]),
            Box::new(move |n| {
                let mut all = frames::get(odd(n), "/.well-known/traffic-advice");
                for _ in 0..70 {
                    all.extend(frames::window_update(odd(n), 1));
                }
                all
            }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attack_is_stopped_and_costs_little() {
    for (what, first, next) in attacks() {
        let target = Target::new(STALL).await;
        let ended = target.attack(first, next).await;
        assert!(ended.stopped, "{what}: {ended}");
        target.stands(what, &ended.to_string()).await;
        // What it brought in calls is bounded by what it may have asked for.
        assert!(target.tracker.calls().len() <= 2, "the visitor's, and the attacker's");
    }
}

/// Without reading what comes, an attacker holds memory for as long as a stall may last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_holds_little() {
    for (what, settings, again) in [
        ("answers", vec![], frames::get as fn(u32, &str) -> Vec<u8>),
        ("answers, no window", vec![(4, 0)], frames::get),
        ("PINGs", vec![], |_, _| frames::ping()),
    ] {
        let target = Target::new(STALL).await;
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1024).expect("a small window");
        let mut stream = socket.connect(target.address).await.expect("the edge listens");
        stream
            .write_all(&frames::begin(&settings))
            .await
            .expect("the edge reads");
        let sending = async {
            let mut n = 0;
            let path = "/.well-known/traffic-advice";
            while stream.write_all(&again(2 * n + 1, path)).await.is_ok() {
                n += 1;
            }
        };
        // It is closed, and what is sent then fails.
        timeout(Duration::from_secs(20), sending)
            .await
            .unwrap_or_else(|_| panic!("{what} go on"));
        target.stands(what, "").await;
    }
}

/// The tracker is not asked more often at a time than there may be streams, whatever is reset.
#[tokio::test]
async fn resets_do_not_multiply_calls() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let act = crate::support::Act::WaitAndSend(go, crate::support::click_bytes("1"));
    let tracker = ClickApi::always(act).await;
    let edge = crate::support::Edge::start(&(one_link(&tracker).replace("500ms", "20s") + STALL));
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let mut sent = frames::begin(&[]);
    for n in 0..1_000u32 {
        let stream = 2 * n + 1;
        // Each is another visitor.
        let mut head = frames::fields(&[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "go.example.com"),
            (":path", "/go"),
            ("user-agent", "Mozilla/5.0"),
        ]);
        head.extend(frames::field("x-forwarded-for", &format!("2001:db8::{n:x}")));
        sent.extend(frames::frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
        sent.extend(frames::reset(stream));
    }
    let came = frames::talk(&mut stream, &sent, |_| false).await;
    assert!(came.iter().any(|frame| frame.kind == GOAWAY), "{came:?}");
    let calls = tracker.calls().len();
    assert!(calls <= 130, "{calls} calls");
    // All were hits, told of once each: left, or refused unseen.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    let counted = || edge.hits("refused", "");
    crate::support::eventually("as many hits as were read", async || counted() >= 20).await;
    assert!(counted() <= 250, "{}", counted());
}
