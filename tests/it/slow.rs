//! Slow and silent clients: each state in which a connection can be left has an end, at its own limit.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use onehop::server::{Covers, Protocol, Tls, Way};

use crate::connections::NOBODY_ASKED;
use crate::support::{ClickApi, Edge, click, frames, one_link, program::Folder, visitor::read_answer};

/// Limits that are all far away.
const FAR: &str = "\n[limits]\nfirst_byte = \"60s\"\nhead = \"60s\"\nkeep_alive = \"60s\"\nhttp2_idle = \"60s\"\n";
/// The limit that is near.
const NEAR: Duration = Duration::from_millis(400);

async fn edge_with(limit: &str) -> (ClickApi, Edge) {
    let tracker = ClickApi::always(click("1")).await;
    let far = FAR.lines().filter(|line| !line.starts_with(&format!("{limit} ")));
    let limits = far.collect::<Vec<_>>().join("\n") + &format!("\n{limit} = \"{}ms\"\n", NEAR.as_millis());
    let edge = Edge::start(&(one_link(&tracker) + &limits));
    (tracker, edge)
}

/// What a client does before it lets time pass.
enum Until {
    /// It says this.
    Said(Vec<u8>),
    /// It asks and hears this many answers of HTTP/1, and says this.
    Answered(usize, Vec<u8>),
    /// It says this, and again and again that.
    Again(Vec<u8>, Vec<u8>),
}

/// Reads until the edge closes.
async fn closed(stream: &mut TcpStream) {
    let mut all = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut all).await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
async fn each_state_ends_at_its_own_limit() {
    use Until::{Again, Answered, Said};
    let mut states = JoinSet::new();
    let request = b"GET /go HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0\r\n\r\n";
    let settings = frames::begin(&[]);
    let with = |more: Vec<u8>| [frames::begin(&[]), more].concat();
    for (limit, what, until) in [
        ("first_byte", "silence", Said(vec![])),
        ("head", "half of a preface", Said(b"PRI * HTTP/2.0\r\n\r\nSM".to_vec())),
        ("head", "half of a PROXY header", Said(b"PROXY TC".to_vec())),
        ("head", "half of a method", Said(b"GE".to_vec())),
        ("head", "half of a target", Said(b"GET /g".to_vec())),
        (
            "head",
            "half of a field",
            Said(b"GET /go HTTP/1.1\r\nHost: a\r\nX-Slow: ".to_vec()),
        ),
        (
            "head",
            "a head without its end",
            Said(b"GET /go HTTP/1.1\r\nHost: a\r\n".to_vec()),
        ),
        ("head", "empty lines alone", Said(b"\r\n".to_vec())),
        (
            "head",
            "a head that drips",
            Again(b"GET /go HTTP/1.1\r\nHost: a\r\nX: ".to_vec(), b"y".to_vec()),
        ),
        (
            "head",
            "fields that drip",
            Again(b"GET /go HTTP/1.1\r\n".to_vec(), b"A: b\r\n".to_vec()),
        ),
        ("head", "half of a second head", Answered(1, b"GET /go HTT".to_vec())),
        ("keep_alive", "idleness", Answered(1, vec![])),
        ("keep_alive", "idleness after some requests", Answered(3, vec![])),
        ("http2_idle", "a preface and nothing else", Said(settings.clone())),
        ("http2_idle", "PINGs", Again(settings.clone(), frames::ping())),
        (
            "http2_idle",
            "WINDOW_UPDATEs",
            Again(settings.clone(), frames::window_update(0, 1)),
        ),
        ("http2_idle", "an answered stream", Said(with(frames::get(1, "/none")))),
        (
            "http2_idle",
            "a body never sent",
            Said(with(frames::request(1, "POST", "/none", false))),
        ),
        ("head", "half of a frame", Said(with(vec![0, 0, 8, 6]))),
        (
            "head",
            "half of what a frame holds",
            Said(with(vec![0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2])),
        ),
        (
            "head",
            "a head that goes on",
            Said(with(frames::frame(frames::HEADERS, 1, 1, &[0x82]))),
        ),
    ] {
        states.spawn(async move {
            let (_tracker, edge) = edge_with(limit).await;
            let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
            let ended = async {
                match until {
                    Said(said) => {
                        stream.write_all(&said).await.expect("the edge reads");
                        let began = Instant::now();
                        closed(&mut stream).await;
                        began.elapsed()
                    }
                    Answered(times, said) => {
                        for _ in 0..times {
                            stream.write_all(request).await.expect("the edge reads");
                            read_answer(&mut stream, Instant::now()).await;
                        }
                        stream.write_all(&said).await.expect("the edge reads");
                        let began = Instant::now();
                        closed(&mut stream).await;
                        began.elapsed()
                    }
                    Again(said, again) => {
                        let began = Instant::now();
                        stream.write_all(&said).await.expect("the edge reads");
                        let (mut read, mut write) = stream.split();
                        let drip = async {
                            while write.write_all(&again).await.is_ok() {
                                tokio::time::sleep(NEAR / 8).await;
                            }
                        };
                        let mut all = Vec::new();
                        tokio::select! {
                            _ = read.read_to_end(&mut all) => {}
                            () = drip => {}
                        }
                        began.elapsed()
                    }
                }
            };
            let took = timeout(Duration::from_secs(20), ended).await;
            let took = took.unwrap_or_else(|_| panic!("{what} is not closed by {limit}"));
            assert!(
                took >= NEAR / 2,
                "{what}: closed after {took:?} already, not by {limit}"
            );
        });
    }
    while let Some(state) = states.join_next().await {
        state.expect("a state that ends");
    }
}

/// A body that never comes is not waited for: the answer says that it is the last, and the connection ends.
#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let (_tracker, edge) = edge_with("first_byte").await;
    for request in [
        "POST /go HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
        "POST /go HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /go HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
        stream.write_all(request.as_bytes()).await.expect("the edge reads");
        let mut all = String::new();
        let read = timeout(Duration::from_secs(20), stream.read_to_string(&mut all)).await;
        read.expect("the edge closes").expect("ASCII");
        assert!(
            all.starts_with("HTTP/1.1 405 ") && all.contains("connection: close"),
            "{all}"
        );
        assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
    }
}

/// A client that sends a long body hears its answer all the same: it is not lost in a reset.
#[tokio::test]
async fn a_long_body_does_not_undo_the_answer() {
    let (_tracker, edge) = edge_with("first_byte").await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
        let head = "POST /go HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("the edge reads");
        let answer = read_answer(&mut stream, Instant::now()).await;
        assert_eq!(answer.status, 405);
        // It went on sending; nothing breaks, and the edge ends the connection in order.
        stream.write_all(&vec![b'x'; 30_000]).await.expect("the edge reads on");
        stream.shutdown().await.expect("no reset");
        assert_eq!(stream.read(&mut [0; 9]).await.expect("no reset"), 0);
    }
}

/// Who asks and never reads is closed: in HTTP/1, and in HTTP/2 with a window of the connection's own.
#[tokio::test]
async fn who_does_not_read_is_closed() {
    let (_tracker, edge) = edge_with("write_stall").await;
    let many = "GET /none HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
    let ping = frames::ping().repeat(100);
    for (what, first, again) in [
        ("pipelining", Vec::new(), many.into_bytes()),
        ("PINGs", frames::begin(&[]), ping),
    ] {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1024).expect("a small window");
        let mut stream = socket.connect(edge.address).await.expect("the edge listens");
        stream.write_all(&first).await.expect("the edge reads");
        // The edge stops reading when it cannot write, and then closes.
        let unread = async { while stream.write_all(&again).await.is_ok() {} };
        let closed = timeout(Duration::from_secs(30), unread).await;
        assert!(closed.is_ok(), "{what}");
    }
}

/// A certificate for every host.
struct Any;

impl Covers for Any {
    fn covers(&self, _: &str) -> bool {
        true
    }
}

/// Behind a handshake that agreed on a version there is nothing to detect: silence, and a preface that does not come or not
/// whole, have their ends there too. Time is paused, so that a limit is reached as soon as nothing else is left to do.
#[tokio::test(start_paused = true)]
async fn silence_behind_a_handshake_has_its_end() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (said, limit) in [(&b""[..], 10), (b"PRI * HTTP/2.0\r\n\r\nSM", 10), (b"\r\n", 10)] {
            let (mut client, stream) = tokio::io::duplex(4096);
            client.write_all(said).await.expect("a reader");
            let (server, _drain) = crate::support::edge::server(NOBODY_ASKED);
            let way = Way {
                peer: std::net::IpAddr::from([127, 0, 0, 1]),
                tls: Some(Tls {
                    protocol,
                    certificate: std::sync::Arc::new(Any),
                }),
            };
            let began = tokio::time::Instant::now();
            let serving = tokio::spawn(server.serve(stream, way));
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.expect("no fault");
            let took = began.elapsed();
            serving.await.expect("no panic");
            let expected = match protocol {
                // Neither is a preface, nor the beginning of one.
                Protocol::Http2 if said == b"\r\n" => 0,
                // A whole head, and a wrong one.
                Protocol::Http1 if said.starts_with(b"PRI") => 0,
                _ => limit,
            };
            let expected = Duration::from_secs(expected);
            assert!(
                took >= expected && took < expected + Duration::from_secs(1),
                "{protocol:?} {said:?}: {took:?}"
            );
        }
    }
}

/// The defaults, where nothing is configured, to the second.
#[tokio::test(start_paused = true)]
async fn the_defaults_are_what_the_guide_says() {
    let request = "GET /none HTTP/1.1\r\nHost: a\r\n\r\n";
    let half = format!("{request}GET /");
    let h2 = frames::begin(&[]);
    let h2_asked = [frames::begin(&[]), frames::get(1, "/none")].concat();
    // Its SETTINGS_INITIAL_WINDOW_SIZE lets nothing of the body pass (RFC 9113, section 6.9.2).
    let h2_shut = [frames::begin(&[(4, 0)]), frames::get(1, "/.well-known/traffic-advice")].concat();
    for (said, seconds) in [
        ("".as_bytes(), 10),
        (b"GET / HTTP/1.1\r\n", 10),
        (request.as_bytes(), 60),
        (half.as_bytes(), 10),
        (&h2, 61),
        (&h2_asked, 61),
        (&h2_shut, 20),
    ] {
        let (mut client, stream) = tokio::io::duplex(64 * 1024);
        client.write_all(said).await.expect("a reader");
        let (server, _drain) = crate::support::edge::server(NOBODY_ASKED);
        let began = tokio::time::Instant::now();
        let serving = tokio::spawn(server.serve(stream, std::net::IpAddr::from([127, 0, 0, 1]).into()));
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("no fault");
        let took = began.elapsed();
        serving.await.expect("no panic");
        let expected = Duration::from_secs(seconds);
        assert!(
            took >= expected && took < expected + Duration::from_millis(100),
            "{:?}: {took:?}",
            String::from_utf8_lossy(said)
        );
    }
}

/// Silence, and half of a hello, at an address that wants TLS.
#[tokio::test]
async fn a_handshake_that_does_not_come_has_its_end() {
    let folder = Folder::new();
    folder.write("certs/localhost.crt", include_str!("../../certs/localhost.crt"));
    folder.write("certs/localhost.key", include_str!("../../certs/localhost.key"));
    let tracker = ClickApi::always(click("1")).await;
    let tls = "https = \"127.0.0.1:0\"\n[tls]\ncerts = \"certs\"";
    let configuration = one_link(&tracker).replace("http = \"127.0.0.1:0\"", tls)
        + FAR
        + &format!("handshake = \"{}ms\"\n", NEAR.as_millis());
    let edge = Edge::start_in(folder.path(), &configuration);
    for said in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00"] {
        let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
        let began = Instant::now();
        stream.write_all(said).await.expect("the edge reads");
        timeout(Duration::from_secs(20), closed(&mut stream))
            .await
            .expect("closed");
        assert!(began.elapsed() >= NEAR / 2, "{said:?}");
    }
}

/// Behind a handshake too, who asks and never reads is closed.
#[tokio::test]
async fn who_does_not_read_behind_a_handshake_is_closed() {
    let (mut client, stream) = tokio::io::duplex(1024);
    let (server, _drain) =
        crate::support::edge::server(&(NOBODY_ASKED.to_owned() + "[limits]\nwrite_stall = \"400ms\"\n"));
    let way = Way {
        peer: std::net::IpAddr::from([127, 0, 0, 1]),
        tls: Some(Tls {
            protocol: Protocol::Http2,
            certificate: std::sync::Arc::new(Any),
        }),
    };
    let serving = tokio::spawn(server.serve(stream, way));
    client.write_all(&frames::begin(&[])).await.expect("a reader");
    let unread = async { while client.write_all(&frames::ping()).await.is_ok() {} };
    timeout(Duration::from_secs(20), unread).await.expect("an end");
    serving.await.expect("no panic");
}
