//! HTTP/1 requests that are wrong, doubtful, or right and seldom, by the section of RFC 9112 or RFC 9110 that says so. A
//! request has one answer at most; behind one that is wrong, nothing on its connection is read as a request.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::support::{ClickApi, Edge, click, eventually, one_link};

/// What follows each: a request of its own, which must not be answered behind one that is wrong.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
/// What a right request has besides.
const REST: &str = "Host: a\r\nUser-Agent: Mozilla/5.0\r\n\r\n";

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// This status, and the end.
    Wrong(u16),
    /// This status, and then the answer to the next request.
    Right(u16),
}
use Is::{Right, Wrong};

/// By section of RFC 9112, and where it says so of RFC 9110.
const VECTORS: &[(&str, &str, Is)] = &[
    // 2.2 Message parsing.
    ("2.2 an empty line before", "\r\nGET /go HTTP/1.1\r\n", Right(302)),
    ("2.2 two empty lines before", "\r\n\r\nGET /go HTTP/1.1\r\n", Right(302)),
    ("2.2 a bare LF before", "\nGET /go HTTP/1.1\r\n", Wrong(400)),
    (
        "2.2 a bare LF behind the request line",
        "GET /go HTTP/1.1\n",
        Wrong(400),
    ),
    ("2.2 a bare LF behind a field", "GET /go HTTP/1.1\r\nX: y\n", Wrong(400)),
    (
        "2.2 a bare LF as the end",
        "GET /go HTTP/1.1\r\nHost: a\r\n\nX: y\r\n",
        Wrong(400),
    ),
    (
        "2.2 two bare LF as the end",
        "GET /go HTTP/1.1\r\nHost: a\n\nX: y\r\n",
        Wrong(400),
    ),
    (
        "2.2 a bare CR behind the request line",
        "GET /go HTTP/1.1\rX: y\r\n",
        Wrong(400),
    ),
    (
        "2.2 a bare CR in a field",
        "GET /go HTTP/1.1\r\nX: a\rb\r\n",
        Wrong(400),
    ),
    ("2.2 a bare CR in a name", "GET /go HTTP/1.1\r\nX\rY: a\r\n", Wrong(400)),
    ("2.2 CR CR LF", "GET /go HTTP/1.1\r\nX: a\r\r\n", Wrong(400)),
    (
        "2.2 white space before the first field",
        "GET /go HTTP/1.1\r\n X: a\r\n",
        Wrong(400),
    ),
    (
        "2.2 a tab before the first field",
        "GET /go HTTP/1.1\r\n\tX: a\r\n",
        Wrong(400),
    ),
    (
        "2.2 white space before the request",
        " GET /go HTTP/1.1\r\n",
        Wrong(400),
    ),
    ("2.2 NUL before the request", "\0GET /go HTTP/1.1\r\n", Wrong(400)),
    // 2.3 HTTP version.
    ("2.3 no version", "GET /go\r\n", Wrong(400)),
    ("2.3 version 0.9", "GET /go HTTP/0.9\r\n", Wrong(400)),
    ("2.3 version 1.2", "GET /go HTTP/1.2\r\n", Wrong(400)),
    ("2.3 version 2.0", "GET /go HTTP/2.0\r\n", Wrong(400)),
    ("2.3 version 1.10", "GET /go HTTP/1.10\r\n", Wrong(400)),
    ("2.3 version 1", "GET /go HTTP/1\r\n", Wrong(400)),
    ("2.3 version 1,1", "GET /go HTTP/1,1\r\n", Wrong(400)),
    ("2.3 a version in lower case", "GET /go http/1.1\r\n", Wrong(400)),
    ("2.3 another protocol", "GET /go HTPT/1.1\r\n", Wrong(400)),
    // 3 Request line.
    ("3 two spaces behind the method", "GET  /go HTTP/1.1\r\n", Wrong(400)),
    ("3 two spaces before the version", "GET /go  HTTP/1.1\r\n", Wrong(400)),
    ("3 a tab behind the method", "GET\t/go HTTP/1.1\r\n", Wrong(400)),
    ("3 a space behind the version", "GET /go HTTP/1.1 \r\n", Wrong(400)),
    ("3 a space in the target", "GET /g o HTTP/1.1\r\n", Wrong(400)),
    ("3 no target", "GET HTTP/1.1\r\n", Wrong(400)),
    // 3.1 Method.
    ("3.1 a method in lower case", "get /go HTTP/1.1\r\n", Right(405)),
    ("3.1 a method of its own", "BREW /go HTTP/1.1\r\n", Right(405)),
    ("3.1 a method that is no token", "G(T /go HTTP/1.1\r\n", Wrong(400)),
    ("3.1 a method with a NUL", "GE\0T /go HTTP/1.1\r\n", Wrong(400)),
    ("9110 9.3.3 POST without a body", "POST /go HTTP/1.1\r\n", Right(405)),
    ("9110 9.3.6 CONNECT", "CONNECT a:80 HTTP/1.1\r\n", Wrong(405)),
    ("9110 9.3.7 OPTIONS *", "OPTIONS * HTTP/1.1\r\n", Right(405)),
    ("9110 9.3.8 TRACE", "TRACE /go HTTP/1.1\r\n", Right(405)),
    // 3.2 Request target.
    ("3.2 a fragment", "GET /go#a HTTP/1.1\r\n", Wrong(400)),
    ("3.2 a fragment in the query", "GET /go?a#b HTTP/1.1\r\n", Wrong(400)),
    ("3.2 a fragment alone", "GET # HTTP/1.1\r\n", Wrong(400)),
    (
        "3.2 bytes above ASCII in the path",
        "GET /caf\u{e9} HTTP/1.1\r\n",
        Wrong(400),
    ),
    ("3.2 a control in the path", "GET /go\x01 HTTP/1.1\r\n", Wrong(400)),
    ("3.2 DEL in the path", "GET /go\x7f HTTP/1.1\r\n", Wrong(400)),
    ("3.2 NUL in the query", "GET /go?a=\0 HTTP/1.1\r\n", Wrong(400)),
    ("3.2.1 a path without a slash", "GET go HTTP/1.1\r\n", Wrong(400)),
    ("3.2.1 a query alone", "GET ?a=b HTTP/1.1\r\n", Wrong(400)),
    ("3.2.1 a bad escape", "GET /%zz HTTP/1.1\r\n", Wrong(400)),
    ("3.2.1 an escape cut short", "GET /%2 HTTP/1.1\r\n", Wrong(400)),
    ("3.2.1 an escaped NUL", "GET /%00 HTTP/1.1\r\n", Wrong(400)),
    ("3.2.2 an absolute target", "GET http://b/go HTTP/1.1\r\n", Right(302)),
    (
        "3.2.2 an absolute target of another scheme",
        "GET ftp://b/go HTTP/1.1\r\n",
        Wrong(400),
    ),
    (
        "3.2.2 an absolute target with a user",
        "GET http://u@b/go HTTP/1.1\r\n",
        Wrong(400),
    ),
    (
        "3.2.2 an absolute target without a host",
        "GET http:///go HTTP/1.1\r\n",
        Wrong(400),
    ),
    (
        "3.2.2 an absolute target with a bad port",
        "GET http://b:x/go HTTP/1.1\r\n",
        Wrong(400),
    ),
    ("3.2.3 an authority", "GET a:80 HTTP/1.1\r\n", Wrong(400)),
    ("3.2.4 an asterisk", "GET * HTTP/1.1\r\n", Wrong(400)),
    // 5 Field syntax.
    ("5 a field without a colon", "GET /go HTTP/1.1\r\nX\r\n", Wrong(400)),
    ("5 a field without a name", "GET /go HTTP/1.1\r\n: y\r\n", Wrong(400)),
    (
        "5.1 a space before the colon",
        "GET /go HTTP/1.1\r\nX : y\r\n",
        Wrong(400),
    ),
    (
        "5.1 a tab before the colon",
        "GET /go HTTP/1.1\r\nX\t: y\r\n",
        Wrong(400),
    ),
    (
        "5.1 a name that is no token",
        "GET /go HTTP/1.1\r\nX(Y): z\r\n",
        Wrong(400),
    ),
    (
        "5.1 a name above ASCII",
        "GET /go HTTP/1.1\r\nX\u{e9}: z\r\n",
        Wrong(400),
    ),
    (
        "5.1 no space behind the colon",
        "GET /go HTTP/1.1\r\nX:y\r\n",
        Right(302),
    ),
    ("5.1 tabs around a value", "GET /go HTTP/1.1\r\nX:\ty\t\r\n", Right(302)),
    ("5.1 an empty value", "GET /go HTTP/1.1\r\nX:\r\n", Right(302)),
    (
        "9110 5.5 bytes above ASCII in a value",
        "GET /go HTTP/1.1\r\nX: \u{e9}\r\n",
        Right(302),
    ),
    ("9110 5.5 NUL in a value", "GET /go HTTP/1.1\r\nX: a\0b\r\n", Wrong(400)),
    (
        "9110 5.5 a control in a value",
        "GET /go HTTP/1.1\r\nX: a\x01b\r\n",
        Wrong(400),
    ),
    (
        "9110 5.5 DEL in a value",
        "GET /go HTTP/1.1\r\nX: a\x7fb\r\n",
        Wrong(400),
    ),
    ("5.2 a folded value", "GET /go HTTP/1.1\r\nX: a\r\n b\r\n", Wrong(400)),
    (
        "5.2 a value folded by a tab",
        "GET /go HTTP/1.1\r\nX: a\r\n\tb\r\n",
        Wrong(400),
    ),
    (
        "5.2 a folded length",
        "GET /go HTTP/1.1\r\nContent-Length:\r\n 0\r\n",
        Wrong(400),
    ),
    // 6 Message body: a request with one is answered once.
    (
        "6.1 chunked",
        "GET /go HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
        Wrong(400),
    ),
    (
        "6.1 chunked and a length",
        "GET /go HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        Wrong(400),
    ),
    (
        "6.1 a length and chunked",
        "GET /go HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        Wrong(400),
    ),
    (
        "6.1 no length and chunked",
        "GET /go HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        Wrong(400),
    ),
    (
        "6.1 POST with a length and chunked",
        "POST /go HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        Wrong(405),
    ),
    (
        "6.1 chunked not the last",
        "GET /go HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n",
        Wrong(400),
    ),
    (
        "6.1 chunked twice",
        "GET /go HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n",
        Wrong(400),
    ),
    (
        "6.1 identity",
        "GET /go HTTP/1.1\r\nTransfer-Encoding: identity\r\n",
        Wrong(400),
    ),
    (
        "6.1 an unknown coding",
        "GET /go HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n",
        Wrong(400),
    ),
    (
        "6.1 chunked behind a vertical tab",
        "GET /go HTTP/1.1\r\nTransfer-Encoding:\x0bchunked\r\n",
        Wrong(400),
    ),
    (
        "6.1 an empty coding",
        "GET /go HTTP/1.1\r\nTransfer-Encoding:\r\n",
        Wrong(400),
    ),
    (
        "6.1 chunked in HTTP/1.0",
        "GET /go HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
        Wrong(400),
    ),
    (
        "6.1 two lines of codings",
        "GET /go HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        Wrong(400),
    ),
    ("6.2 a length", "GET /go HTTP/1.1\r\nContent-Length: 5\r\n", Wrong(302)),
    ("6.2 no length", "GET /go HTTP/1.1\r\nContent-Length: 0\r\n", Right(302)),
    (
        "6.3 two lengths",
        "GET /go HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 a length twice",
        "GET /go HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 no length twice",
        "GET /go HTTP/1.1\r\nContent-Length: 0\r\nX: y\r\ncontent-length: 0\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 POST with a length twice",
        "POST /go HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 a list of lengths",
        "GET /go HTTP/1.1\r\nContent-Length: 3, 3\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 a signed length",
        "GET /go HTTP/1.1\r\nContent-Length: +5\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 a negative length",
        "GET /go HTTP/1.1\r\nContent-Length: -1\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 a length in hexadecimals",
        "GET /go HTTP/1.1\r\nContent-Length: 0x5\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 an empty length",
        "GET /go HTTP/1.1\r\nContent-Length:\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 a length with an underscore",
        "GET /go HTTP/1.1\r\nContent-Length: 1_0\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 a length too long",
        "GET /go HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n",
        Wrong(400),
    ),
    (
        "9110 8.6 another name",
        "GET /go HTTP/1.1\r\nContent_Length: 5\r\n",
        Right(302),
    ),
    // 9110 7.2 Host and 10.1.1 Expect.
    ("9110 7.2 a second host", "GET /go HTTP/1.1\r\nHost: b\r\n", Wrong(400)),
    (
        "9110 10.1.1 an expectation without a body",
        "GET /go HTTP/1.1\r\nExpect: 100-continue\r\n",
        Right(302),
    ),
    (
        "9110 10.1.1 an expectation and a length",
        "GET /go HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n",
        Wrong(302),
    ),
    (
        "9110 7.8 an upgrade",
        "GET /go HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n",
        Right(302),
    ),
    (
        "9.6 the client's close",
        "GET /go HTTP/1.1\r\nConnection: close\r\n",
        Wrong(302),
    ),
    ("9.3 HTTP/1.0", "GET /go HTTP/1.0\r\n", Wrong(302)),
];

/// Everything that comes back until the edge closes.
async fn until_closed(edge: std::net::SocketAddr, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(edge).await.expect("the edge listens");
    stream.set_nodelay(true).expect("a socket");
    for piece in pieces {
        // An edge that has closed takes no more.
        let _ = stream.write_all(piece).await;
        tokio::task::yield_now().await;
    }
    let mut all = Vec::new();
    let read = timeout(Duration::from_secs(30), stream.read_to_end(&mut all)).await;
    let read = read.unwrap_or_else(|_| panic!("not closed: {}", String::from_utf8_lossy(&all)));
    read.expect("no reset before the answer is read");
    String::from_utf8(all).expect("ASCII")
}

fn statuses(answers: &str) -> Vec<u16> {
    let statuses = answers.split("HTTP/1.").skip(1);
    statuses.map(|answer| answer[2..5].parse().expect("a status")).collect()
}

#[tokio::test]
async fn each_request_has_one_answer_at_most_and_none_follows_a_wrong_one() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let address = edge.address;
    let mut asking = JoinSet::new();
    for (what, head, is) in VECTORS {
        asking.spawn(async move {
            let text = format!("{head}{REST}{NEXT}");
            // `é` is the byte E9 here.
            let bytes: Vec<u8> = text
                .chars()
                .map(|c| u8::try_from(u32::from(c)).expect("a byte"))
                .collect();
            let halves = bytes.split_at(head.chars().count());
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            for pieces in [&[&bytes[..]][..], &[halves.0, halves.1], &single] {
                let answers = until_closed(address, pieces).await;
                let expected = match is {
                    Wrong(status) => vec![*status],
                    Right(status) => vec![*status, 404],
                };
                assert_eq!(
                    statuses(&answers),
                    expected,
                    "{what}, in {} pieces: {answers}",
                    pieces.len()
                );
                if let Wrong(status) = is
                    && *status != 302
                {
                    assert!(answers.contains("connection: close\r\n"), "{what}: {answers}");
                    assert!(!answers.contains("location"), "{what}: {answers}");
                }
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.expect("as the table says");
    }
    assert!(VECTORS.len() >= 60);
    // Each is counted: what was answered is what is in the metrics.
    let wrong = VECTORS
        .iter()
        .filter(|(.., is)| matches!(is, Wrong(400 | 405) | Right(405)));
    let wrong = 3 * wrong.count() as u64;
    // What hyper answers by itself is counted when its connection has ended.
    eventually("each is counted", async || edge.hits("refused", "") >= wrong).await;
    assert_eq!(edge.hits("refused", ""), wrong);
}

/// What follows a request with a body is part of it, however it is cut; nobody answers it.
#[tokio::test]
async fn tricks_with_chunks_are_answered_once() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    for chunks in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "0\n\n",
        "5;ext\r\nhello\r\n0\r\n\r\n",
        "5;ext\nhello\r\n0\r\n\r\n",
        "005\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
        "-1\r\n",
        "\r\n",
        "0\r\nX: y\r\n\r\n",
    ] {
        for method in ["GET", "POST"] {
            let head = format!("{method} /go HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{REST}");
            for pieces in [
                &[format!("{head}{chunks}{NEXT}").as_bytes()][..],
                &[head.as_bytes(), chunks.as_bytes(), NEXT.as_bytes()],
            ] {
                let answers = until_closed(edge.address, pieces).await;
                let expected = if method == "GET" { 400 } else { 405 };
                assert_eq!(statuses(&answers), [expected], "{chunks:?}: {answers}");
            }
        }
    }
    assert_eq!(tracker.calls().len(), 0);
}
