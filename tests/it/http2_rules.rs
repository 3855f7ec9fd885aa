//! The rules of HTTP/2 by the section of RFC 9113 that has them: what a connection ends by, what a stream ends by, and what
//! is passed over.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet, time::timeout};

use crate::support::{
    ClickApi, Edge, click,
    frames::{
        self, ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, PRIORITY, PUSH_PROMISE,
        RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
    },
    one_link,
};

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const COMPRESSION_ERROR: u32 = 9;

/// What comes of a client's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    /// The connection ends with one of these codes.
    End(&'static [u32]),
    /// A stream ends with one of these codes, or the connection does.
    Reset(&'static [u32]),
    /// The stream's answer: 404, or whatever else there is none of.
    Answer,
    /// An answer to a request that is refused: this status.
    Refused(&'static str),
    /// Nothing but answers: a request on this stream, which is sent behind them, has its own.
    Goes(u32),
}
use Comes::{Answer, End, Goes, Refused, Reset};

/// Fields of a whole request, with one of them changed: taken out by an empty value, put in front if it is a pseudo-header.
fn with(name: &str, value: Option<&str>) -> Vec<u8> {
    let mut all = vec![
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", "/none"),
    ];
    all.retain(|(known, _)| *known != name);
    if let Some(value) = value {
        all.push((name, value));
    }
    let flags = END_HEADERS | END_STREAM;
    frame(HEADERS, flags, 1, &frames::fields(&all))
}

/// A whole request, and these fields.
fn and(more: &[(&str, &str)]) -> Vec<u8> {
    let head = [frames::head("GET", "/none"), frames::fields(more)].concat();
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &head)
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn frames_by_section() -> Vec<(&'static str, Vec<u8>, Comes)> {
    let get = || frames::get(1, "/none");
    let open = || frames::request(1, "POST", "/none", false);
    let head = frames::head("GET", "/none");
    let flagged = |flags, holds: &[u8]| frame(HEADERS, flags, 1, holds);
    let whole = END_HEADERS | END_STREAM;
    let both = |one: Vec<u8>, two: Vec<u8>| [one, two].concat();
    vec![
        ("4.1 an unknown type", both(frame(0xbb, 0, 0, b"x"), get()), Answer),
        ("4.1 unknown flags", flagged(whole | 0x40, &head), Answer),
        (
            "4.1 the reserved bit",
            frame(HEADERS, whole, 1 | 1 << 31, &head),
            Answer,
        ),
        (
            "4.2 DATA too long",
            both(open(), frame(DATA, 0, 1, &[0; 16_385])),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "4.2 HEADERS too long",
            flagged(whole, &[0; 16_385]),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "4.2 a type unknown and too long",
            frame(0xbb, 0, 0, &[0; 16_385]),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "4.3 a reference to nothing",
            flagged(whole, &[0xfe]),
            End(&[COMPRESSION_ERROR]),
        ),
        (
            "4.3 a literal cut short",
            flagged(whole, &[0, 9, b'x']),
            End(&[COMPRESSION_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "4.3 another frame within a head",
            both(flagged(END_STREAM, &head), frames::ping()),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "5.1 DATA on an idle stream",
            frame(DATA, 0, 1, b"x"),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "5.1 RST_STREAM on an idle stream",
            frames::reset(1),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "5.1 WINDOW_UPDATE on an idle stream",
            frames::window_update(1, 1),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "5.1 CONTINUATION on an idle stream",
            frame(CONTINUATION, END_HEADERS, 1, &head),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "5.1 PRIORITY on an idle stream",
            both(frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 9]), get()),
            Answer,
        ),
        (
            "5.1 HEADERS behind the end",
            both(get(), get()),
            Reset(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        ),
        (
            "5.1 DATA behind the end",
            both(get(), frame(DATA, 0, 1, b"x")),
            Reset(&[STREAM_CLOSED]),
        ),
        (
            "5.1 DATA behind a reset",
            [open(), frames::reset(1), frame(DATA, 0, 1, b"x")].concat(),
            Reset(&[STREAM_CLOSED]),
        ),
        ("5.1.1 an even stream", frames::get(2, "/none"), End(&[PROTOCOL_ERROR])),
        (
            "5.1.1 an older stream",
            both(frames::get(5, "/none"), frames::get(3, "/none")),
            End(&[PROTOCOL_ERROR, STREAM_CLOSED]),
        ),
        (
            "5.3.1 a stream that depends on itself",
            frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 9]),
            Reset(&[PROTOCOL_ERROR]),
        ),
        (
            "6.1 DATA without a stream",
            frame(DATA, 0, 0, b"x"),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.1 DATA with padding too long",
            both(open(), frame(DATA, 8, 1, &[9, 0])),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.2 HEADERS without a stream",
            frame(HEADERS, whole, 0, &head),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.2 HEADERS with padding too long",
            flagged(whole | 8, &[200, 0x82]),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.3 PRIORITY without a stream",
            frame(PRIORITY, 0, 0, &[0; 5]),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.3 PRIORITY of another length",
            frame(PRIORITY, 0, 1, &[0; 4]),
            Reset(&[FRAME_SIZE_ERROR]),
        ),
        (
            "6.4 RST_STREAM without a stream",
            frames::reset(0),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.4 RST_STREAM of another length",
            both(open(), frame(RST_STREAM, 0, 1, &[0; 3])),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "6.5 SETTINGS of a stream",
            frame(SETTINGS, 0, 1, &[]),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.5 SETTINGS of another length",
            frame(SETTINGS, 0, 0, &[0; 5]),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "6.5 an acknowledgement that holds something",
            frame(SETTINGS, ACK, 0, &[0; 6]),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "6.5.2 ENABLE_PUSH of 2",
            frames::settings(&[(2, 2)]),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.5.2 a first window too large",
            frames::settings(&[(4, 1 << 31)]),
            End(&[FLOW_CONTROL_ERROR]),
        ),
        (
            "6.5.2 frames too short",
            frames::settings(&[(5, 16_383)]),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.5.2 frames too long",
            frames::settings(&[(5, 1 << 24)]),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.5.2 an unknown setting",
            both(frames::settings(&[(0xff, 1)]), get()),
            Answer,
        ),
        (
            "6.6 PUSH_PROMISE by a client",
            both(open(), frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 3])),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.7 PING of a stream",
            frame(PING, 0, 1, &[0; 8]),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.7 PING of another length",
            frame(PING, 0, 0, &[0; 6]),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "6.8 GOAWAY of a stream",
            frame(GOAWAY, 0, 1, &[0; 8]),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.9 WINDOW_UPDATE by nothing",
            frames::window_update(0, 0),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.9 WINDOW_UPDATE of a stream by nothing",
            both(open(), frames::window_update(1, 0)),
            Reset(&[PROTOCOL_ERROR]),
        ),
        (
            "6.9 WINDOW_UPDATE of another length",
            frame(WINDOW_UPDATE, 0, 0, &[0; 3]),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "6.9.1 a window too large",
            both(
                frames::window_update(0, (1 << 31) - 1),
                frames::window_update(0, (1 << 31) - 1),
            ),
            End(&[FLOW_CONTROL_ERROR]),
        ),
        (
            "6.9.1 a stream's window too large",
            both(open(), frames::window_update(1, (1 << 31) - 1)),
            Reset(&[FLOW_CONTROL_ERROR]),
        ),
        (
            "6.10 CONTINUATION without a stream",
            both(flagged(END_STREAM, &head), frame(CONTINUATION, END_HEADERS, 0, &[])),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.10 CONTINUATION of another stream",
            both(flagged(END_STREAM, &head), frame(CONTINUATION, END_HEADERS, 3, &[])),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "6.10 CONTINUATION behind the end",
            both(get(), frame(CONTINUATION, END_HEADERS, 1, &[])),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "4.3 a table larger than was offered",
            flagged(whole, &[&[0x3f, 0xe2, 0x1f], &*head].concat()),
            End(&[COMPRESSION_ERROR]),
        ),
        (
            "4.3 a table's size behind a field",
            flagged(whole, &[&*head, &[0x20]].concat()),
            End(&[COMPRESSION_ERROR]),
        ),
        (
            "4.3 a table's sizes before all fields",
            flagged(whole, &[&[0x20, 0x3f, 0xe1, 0x1f], &*head].concat()),
            Answer,
        ),
        (
            "5.1 HEADERS behind a reset",
            [open(), frames::reset(1), get()].concat(),
            Reset(&[STREAM_CLOSED]),
        ),
        (
            "5.1 late frames of a closed stream",
            [
                get(),
                frames::window_update(1, 1),
                frames::reset(1),
                frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 9]),
            ]
            .concat(),
            Goes(3),
        ),
        (
            "5.1 DATA on a stream that was left out",
            both(frames::get(5, "/none"), frame(DATA, 0, 3, b"x")),
            Reset(&[STREAM_CLOSED]),
        ),
        (
            "5.1.1 a reset of an even stream",
            both(get(), frames::reset(2)),
            End(&[PROTOCOL_ERROR]),
        ),
        (
            "5.3.1 HEADERS that depend on themselves",
            flagged(whole | 0x20, &[&[0, 0, 0, 1, 9], &*head].concat()),
            Reset(&[PROTOCOL_ERROR]),
        ),
        (
            "6.2 padding and priority",
            flagged(whole | 0x28, &[&[2, 0, 0, 0, 0, 9], &*head, &[0; 2]].concat()),
            Answer,
        ),
        (
            "6.2 padding without its length",
            flagged(whole | 8, &[]),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "6.2 a priority cut short",
            flagged(whole | 0x20, &[0; 4]),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "6.8 GOAWAY too short",
            frame(GOAWAY, 0, 0, &[0; 7]),
            End(&[FRAME_SIZE_ERROR]),
        ),
        (
            "6.10 a head in three frames",
            [
                flagged(END_STREAM, &head[..9]),
                frame(CONTINUATION, 0, 1, &head[9..20]),
                frame(CONTINUATION, END_HEADERS, 1, &head[20..]),
            ]
            .concat(),
            Answer,
        ),
    ]
}

/// A request with a body, what it says its length is, and the frames of the body.
fn body(length: Option<&str>, data: &[(&[u8], u8)]) -> Vec<u8> {
    let mut head = frames::head("POST", "/none");
    if let Some(length) = length {
        head.extend(frames::field("content-length", length));
    }
    let mut all = frame(HEADERS, END_HEADERS, 1, &head);
    for (holds, flags) in data {
        all.extend(frame(DATA, *flags, 1, holds));
    }
    all
}

fn bodies_by_section() -> Vec<(&'static str, Vec<u8>, Comes)> {
    let wrong = Reset(&[PROTOCOL_ERROR]);
    let trailers = |flags, fields: &[(&str, &str)]| {
        let trailers = frame(HEADERS, flags, 1, &frames::fields(fields));
        [body(None, &[(b"x", 0)]), trailers].concat()
    };
    let whole = END_HEADERS | END_STREAM;
    vec![
        ("8.1 a body", body(None, &[(b"x", 0), (b"y", END_STREAM)]), Goes(3)),
        ("8.1 trailers", trailers(whole, &[("x", "y")]), Goes(3)),
        (
            "8.1 trailers without an end",
            trailers(END_HEADERS, &[("x", "y")]),
            wrong,
        ),
        ("8.1 trailers that are wrong", trailers(whole, &[("X", "y")]), wrong),
        (
            "8.1 trailers with a pseudo-header",
            trailers(whole, &[(":path", "/")]),
            wrong,
        ),
        (
            "8.1 DATA behind trailers",
            [trailers(whole, &[("x", "y")]), frame(DATA, END_STREAM, 1, b"x")].concat(),
            Reset(&[STREAM_CLOSED]),
        ),
        (
            "8.1.1 a body as long as it says",
            body(Some("3"), &[(b"x", 0), (b"", 0), (b"yz", END_STREAM)]),
            Goes(3),
        ),
        ("8.1.1 a longer body", body(Some("1"), &[(b"xy", 0)]), wrong),
        ("8.1.1 a shorter body", body(Some("3"), &[(b"x", END_STREAM)]), wrong),
        ("8.1.1 a length without a body", and(&[("content-length", "1")]), wrong),
        ("8.1.1 no length", and(&[("content-length", "0")]), Answer),
        ("8.1.1 a length that is none", body(Some("+1"), &[]), wrong),
        ("8.1.1 an empty length", body(Some(""), &[]), wrong),
        (
            "8.1.1 two lengths",
            and(&[("content-length", "0"), ("content-length", "1")]),
            wrong,
        ),
        (
            "8.1.1 a length twice",
            and(&[("content-length", "0"), ("content-length", "0")]),
            wrong,
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn heads_by_section() -> Vec<(&'static str, Vec<u8>, Comes)> {
    let wrong = Reset(&[PROTOCOL_ERROR]);
    vec![
        ("8.1 a whole request", and(&[("x", "y")]), Answer),
        ("8.2.1 a name in capitals", and(&[("X", "y")]), wrong),
        ("8.2.1 a name with a space", and(&[("x y", "z")]), wrong),
        ("8.2.1 an empty name", and(&[("", "y")]), wrong),
        ("8.2.1 a value with CR and LF", and(&[("x", "y\r\nz: a")]), wrong),
        ("8.2.1 a value with NUL", and(&[("x", "y\0")]), wrong),
        ("8.2.1 a value with a control", and(&[("x", "y\u{1}")]), wrong),
        ("8.2.1 a space before a value", and(&[("x", " y")]), wrong),
        ("8.2.1 a tab behind a value", and(&[("x", "y\t")]), wrong),
        ("8.2.1 spaces within a value", and(&[("x", "y \t z")]), Answer),
        ("8.2.1 an empty value", and(&[("x", "")]), Answer),
        ("8.2.2 connection", and(&[("connection", "close")]), wrong),
        ("8.2.2 keep-alive", and(&[("keep-alive", "timeout=9")]), wrong),
        ("8.2.2 proxy-connection", and(&[("proxy-connection", "close")]), wrong),
        (
            "8.2.2 transfer-encoding",
            and(&[("transfer-encoding", "chunked")]),
            wrong,
        ),
        ("8.2.2 upgrade", and(&[("upgrade", "h2c")]), wrong),
        ("8.2.2 te of more than trailers", and(&[("te", "gzip")]), wrong),
        ("8.2.2 te of trailers", and(&[("te", "trailers")]), Answer),
        (
            "8.2.3 crumbs of a cookie",
            and(&[("cookie", "a=b"), ("x", "y"), ("cookie", "c=d")]),
            Answer,
        ),
        (
            "8.3 a pseudo-header behind crumbs",
            and(&[("cookie", "a=b"), ("cookie", "c=d"), (":path", "/none")]),
            wrong,
        ),
        ("8.3 a pseudo-header behind a field", and(&[(":path", "/none")]), wrong),
        ("8.3 an unknown pseudo-header", with(":what", Some("x")), wrong),
        ("8.3 a pseudo-header of answers", with(":status", Some("200")), wrong),
        ("8.3.1 no method", with(":method", None), wrong),
        ("8.3.1 no scheme", with(":scheme", None), wrong),
        ("8.3.1 no path", with(":path", None), wrong),
        ("8.3.1 an empty path", with(":path", Some("")), wrong),
        ("8.3.1 an empty method", with(":method", Some("")), wrong),
        ("8.3.1 a path without a slash", with(":path", Some("none")), wrong),
        (
            "8.3.1 no authority and no Host",
            with(":authority", None),
            Refused("400"),
        ),
        (
            "8.3.1 an authority with a user",
            with(":authority", Some("u@a")),
            Refused("400"),
        ),
        (
            "8.3.1 an authority and another Host",
            and(&[("host", "b")]),
            Refused("400"),
        ),
        ("8.3.1 another scheme", with(":scheme", Some("ftp")), Refused("400")),
        ("8.3.1 an asterisk", with(":path", Some("*")), Refused("400")),
        (
            "8.3 a pseudo-header twice",
            {
                let twice = [frames::field(":method", "GET"), frames::head("GET", "/none")].concat();
                frame(HEADERS, END_HEADERS | END_STREAM, 1, &twice)
            },
            wrong,
        ),
        ("8.3.1 an empty authority", with(":authority", Some("")), wrong),
        ("8.3.1 an empty scheme", with(":scheme", Some("")), wrong),
        ("8.3.1 a method that is no token", with(":method", Some("G T")), wrong),
        ("8.3.1 a path with a space", with(":path", Some("/no ne")), wrong),
        ("8.3.1 a path with a fragment", with(":path", Some("/none#a")), wrong),
        (
            "8.3.1 OPTIONS *",
            {
                let all = [
                    (":method", "OPTIONS"),
                    (":scheme", "http"),
                    (":authority", "a"),
                    (":path", "*"),
                ];
                frame(HEADERS, END_HEADERS | END_STREAM, 1, &frames::fields(&all))
            },
            Refused("405"),
        ),
        ("8.5 CONNECT with a path", with(":method", Some("CONNECT")), wrong),
        (
            "8.5 CONNECT",
            {
                let all = [(":method", "CONNECT"), (":authority", "a:80")];
                frame(HEADERS, END_HEADERS, 1, &frames::fields(&all))
            },
            Refused("405"),
        ),
        (
            "8.5 CONNECT without an authority",
            frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                1,
                &frames::field(":method", "CONNECT"),
            ),
            wrong,
        ),
    ]
}

/// The first frame that says what has become of it. An answer that comes before a stream's end is passed over where that end
/// is what is waited for.
async fn becomes(edge: std::net::SocketAddr, what: &str, sent: &[u8], comes: Comes) {
    let mut stream = TcpStream::connect(edge).await.expect("the edge listens");
    let mut sent = sent.to_vec();
    if let Goes(next) = comes {
        sent.extend(frames::get(next, "/none"));
    }
    let came = frames::talk(&mut stream, &sent, |frame| match comes {
        Goes(next) => frame.kind == GOAWAY || frame.stream == next,
        Answer | Refused(_) => matches!(frame.kind, HEADERS | RST_STREAM | GOAWAY),
        Reset(_) => matches!(frame.kind, RST_STREAM | GOAWAY),
        End(_) => frame.kind == GOAWAY,
    })
    .await;
    let last = came.last().unwrap_or_else(|| panic!("{what}: closed without a word"));
    match comes {
        // 404 of the static table (RFC 7541, appendix A).
        Answer => assert!(last.kind == HEADERS && last.holds[0] == 0x8d, "{what}: {last:?}"),
        Goes(next) => {
            assert!(last.stream == next && last.holds[0] == 0x8d, "{what}: {last:?}");
            assert!(came.iter().all(|frame| frame.kind != RST_STREAM), "{what}: {came:?}");
        }
        Refused(status) => {
            // Of the static table as far as it goes, else a literal.
            let written = if status == "400" { b"\x8c" } else { &b"\x08\x03405"[..] };
            assert!(
                last.kind == HEADERS && last.holds.starts_with(written),
                "{what}: {last:?}"
            );
        }
        End(known) | Reset(known) => {
            let kind = matches!((comes, last.kind), (_, GOAWAY) | (Reset(_), RST_STREAM));
            let code = known.contains(&last.code());
            assert!(kind && code, "{what}: {last:?}");
        }
    }
}

#[tokio::test]
async fn each_rule_is_kept() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let address = edge.address;
    let mut asking = JoinSet::new();
    let all = frames_by_section()
        .into_iter()
        .chain(bodies_by_section())
        .chain(heads_by_section());
    for (what, frames, comes) in all {
        asking.spawn(async move {
            let sent = [frames::begin(&[]), frames].concat();
            becomes(address, what, &sent, comes).await;
        });
    }
    let vectors = asking.len();
    while let Some(asked) = asking.join_next().await {
        asked.expect("as the table says");
    }
    assert!(vectors > 110, "{vectors}");
    assert_eq!(tracker.calls().len(), 0);
}

#[tokio::test]
async fn a_connection_begins_as_it_must() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let first = [PREFACE, &frames::get(1, "/none")].concat();
    becomes(edge.address, "3.4 no SETTINGS first", &first, End(&[PROTOCOL_ERROR])).await;
    let first = [PREFACE, &frame(SETTINGS, ACK, 0, &[])].concat();
    becomes(
        edge.address,
        "3.4 an acknowledgement first",
        &first,
        End(&[PROTOCOL_ERROR]),
    )
    .await;
    // On a port without TLS the version is told by the preface: another one is HTTP/1, and wrong there.
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let wrong = b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n";
    stream.write_all(wrong).await.expect("the edge reads");
    let mut said = String::new();
    let read = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut said);
    timeout(Duration::from_secs(20), read)
        .await
        .expect("an end")
        .expect("ASCII");
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let act = crate::support::Act::WaitAndSend(go, crate::support::click_bytes("1"));
    let tracker = ClickApi::always(act).await;
    let edge = Edge::start(&(one_link(&tracker).replace("500ms", "20s") + "\n[limits]\nhttp2_streams = 3\n"));
    let gets: Vec<u8> = (0..4).flat_map(|n| frames::get(2 * n + 1, "/go")).collect();
    let sent = [frames::begin(&[]), gets].concat();
    becomes(
        edge.address,
        "5.1.2 one stream too many",
        &sent,
        Reset(&[REFUSED_STREAM]),
    )
    .await;
}

/// Talks until a frame comes that is what is waited for; all that came.
async fn talk(stream: &mut TcpStream, sent: &[Vec<u8>], enough: impl Fn(&frames::Came) -> bool) -> Vec<frames::Came> {
    frames::talk(stream, &sent.concat(), enough).await
}

/// The only body that there is goes as windows let it (section 6.9), which SETTINGS change for streams that are open too
/// (section 6.9.2).
#[tokio::test]
async fn a_body_waits_for_its_windows() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let advice = |n| frames::get(n, "/.well-known/traffic-advice");
    let acknowledged = |frame: &frames::Came| frame.kind == SETTINGS && frame.flags == ACK;
    let pong = |frame: &frames::Came| frame.kind == PING;
    let data = |came: &[frames::Came]| -> Vec<(u32, usize, u8)> {
        let data = came.iter().filter(|frame| frame.kind == DATA);
        data.map(|frame| (frame.stream, frame.holds.len(), frame.flags))
            .collect()
    };
    let sent = [frames::begin(&[(4, 0)]), advice(1), advice(3), frames::ping()];
    let came = talk(&mut stream, &sent, pong).await;
    let heads: Vec<_> = came.iter().filter(|frame| frame.kind == HEADERS).collect();
    assert!(
        heads.len() == 2 && heads.iter().all(|head| head.flags == END_HEADERS),
        "{came:?}"
    );
    assert_eq!(data(&came), []);
    let came = talk(&mut stream, &[frames::settings(&[(4, 10)])], acknowledged).await;
    let rest = talk(&mut stream, &[frames::ping()], pong).await;
    assert_eq!(data(&[came, rest].concat()), [(1, 10, 0), (3, 10, 0)]);
    // What was sent counts: a window may be less than nothing.
    let sent = [
        frames::settings(&[(4, 0)]),
        frames::window_update(1, 10),
        frames::ping(),
    ];
    assert_eq!(data(&talk(&mut stream, &sent, pong).await), []);
    let sent = [
        frames::window_update(1, 1),
        frames::window_update(3, 100),
        frames::ping(),
    ];
    assert_eq!(
        data(&talk(&mut stream, &sent, pong).await),
        [(1, 1, 0), (3, 39, END_STREAM)]
    );
    let sent = [frames::settings(&[(4, 1_000)]), frames::ping()];
    assert_eq!(data(&talk(&mut stream, &sent, pong).await), [(1, 38, END_STREAM)]);
}

/// A client that has less room for a table hears that there is none (RFC 7541, section 4.2), once.
#[tokio::test]
async fn a_smaller_table_is_heard_of() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let sent = [
        frames::begin(&[(1, 100)]),
        frames::get(1, "/none"),
        frames::get(3, "/none"),
    ];
    let came = talk(&mut stream, &sent, |frame| frame.stream == 3).await;
    let heads: Vec<_> = came.iter().filter(|frame| frame.kind == HEADERS).collect();
    assert_eq!(
        (heads[0].holds[..2].to_vec(), heads[1].holds[0]),
        (vec![0x20, 0x8d], 0x8d)
    );
}

/// A head that is too long is answered, and the connection goes on; one that is much too long ends it.
#[tokio::test]
async fn heads_that_are_too_long() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let head = |stream, length: usize| {
        let mut head = frames::head("GET", "/none");
        head.extend(frames::indexed_field("x-long", &"y".repeat(length)));
        let pieces: Vec<&[u8]> = head.chunks(16_384).collect();
        let last = pieces.len() - 1;
        let frames = pieces.iter().enumerate().map(|(n, piece)| {
            let kind = if n == 0 { HEADERS } else { CONTINUATION };
            let flags = if n == last { END_HEADERS } else { 0 } | if n == 0 { END_STREAM } else { 0 };
            frame(kind, flags, stream, piece)
        });
        frames.collect::<Vec<_>>().concat()
    };
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let sent = [
        frames::begin(&[]),
        head(1, 16_000),
        head(3, 20_000),
        frames::get(5, "/none"),
    ];
    let came = talk(&mut stream, &sent, |frame| frame.stream == 5).await;
    let heads: Vec<_> = came.iter().filter(|frame| frame.kind == HEADERS).collect();
    assert_eq!(heads[0].holds[0], 0x8d);
    assert!(heads[1].holds.starts_with(b"\x08\x03431"), "{:?}", heads[1]);
    assert_eq!(heads[2].holds[0], 0x8d);
    assert_eq!(edge.hits("refused", ""), 1);
    let came = talk(&mut stream, &[head(7, 100_000)], |_| false).await;
    assert_eq!(came.last().map(frames::Came::code), Some(11), "{came:?}");
}

/// A body that nobody reads does not hold up the others, and one that goes on and on is ended.
#[tokio::test]
async fn long_bodies_are_passed_over() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    talk(&mut stream, &[frames::begin(&[])], |frame| frame.kind == SETTINGS).await;
    for n in 0..20 {
        let id = 4 * n + 1;
        let data = frame(DATA, 0, id, &[7; 16_000]);
        let sent = [
            frames::request(id, "POST", "/none", false),
            data.repeat(3),
            frames::get(id + 2, "/none"),
        ];
        let came = talk(&mut stream, &sent, |frame| {
            frame.kind == HEADERS && frame.stream == id + 2
        })
        .await;
        let ended: Vec<_> = came.iter().filter(|frame| frame.kind == RST_STREAM).collect();
        assert!(
            ended.len() == 1 && (ended[0].stream, ended[0].code()) == (id, 0),
            "{came:?}"
        );
        assert!(
            came.iter()
                .any(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 0),
            "{came:?}"
        );
    }
}

/// Told to go, a client is served until it says that it has heard (section 6.8), and then what it has asked for.
#[tokio::test]
async fn who_is_told_to_go_is_served_until_he_has_heard() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let act = crate::support::Act::WaitAndSend(std::sync::Arc::clone(&go), crate::support::click_bytes("1"));
    let tracker = ClickApi::always(act).await;
    let limits = "\n[limits]\nrequests_per_connection = 1\n";
    let edge = Edge::start(&(one_link(&tracker).replace("500ms", "20s") + limits));
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let sent = [frames::begin(&[]), frames::get(1, "/go")];
    let came = talk(&mut stream, &sent, |frame| frame.kind == PING).await;
    let told = came.iter().find(|frame| frame.kind == GOAWAY).expect("a word");
    assert_eq!((&told.holds[..4], told.code()), (&[0x7f, 0xff, 0xff, 0xff][..], 0));
    let heard = frame(PING, ACK, 0, &came.last().expect("a PING").holds);
    let sent = [frames::get(3, "/none"), heard, frames::get(5, "/none"), frames::ping()];
    let came = talk(&mut stream, &sent, |frame| frame.kind == PING).await;
    let said: Vec<_> = came.iter().map(|frame| (frame.kind, frame.stream)).collect();
    assert_eq!(said, [(HEADERS, 3), (GOAWAY, 0), (PING, 0)]);
    assert_eq!((&came[1].holds[..4], came[1].code()), (&[0, 0, 0, 3][..], 0));
    go.notify_one();
    let came = talk(&mut stream, &[], |_| false).await;
    let said: Vec<_> = came.iter().map(|frame| (frame.kind, frame.stream)).collect();
    assert_eq!(said, [(HEADERS, 1)]);
}

/// Who resets a stream has left, and the others are served.
#[tokio::test]
async fn who_resets_a_stream_has_left() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let act = crate::support::Act::WaitAndSend(std::sync::Arc::clone(&go), crate::support::click_bytes("1"));
    let tracker = ClickApi::always(act).await;
    let edge = Edge::start(&one_link(&tracker).replace("500ms", "20s"));
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let sent = [
        frames::begin(&[]),
        frames::get(1, "/go"),
        frames::get(3, "/go"),
        frames::ping(),
    ];
    talk(&mut stream, &sent, |frame| frame.kind == PING && frame.flags == ACK).await;
    tracker.called(1).await;
    assert_eq!(edge.hits("refused", ""), 0);
    talk(&mut stream, &[frames::reset(3), frames::ping()], |frame| {
        frame.kind == PING
    })
    .await;
    assert_eq!(edge.hits("refused", ""), 1);
    go.notify_one();
    let came = talk(&mut stream, &[], |frame| frame.kind == HEADERS).await;
    assert!(came.last().is_some_and(|frame| frame.stream == 1), "{came:?}");
    talk(&mut stream, &[frames::get(5, "/none")], |frame| frame.stream == 5).await;
    drop(stream);
    assert_eq!(edge.hits("refused", ""), 1);
}
