//! Requests that HTTP does not allow, or barely: one answer at most, and never a redirect that the request made up.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{ClickApi, Edge, click, eventually, one_link, visitor::read_answer};

async fn edge() -> (ClickApi, Edge) {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    (tracker, edge)
}

/// Everything that comes back until the edge closes.
async fn until_closed(edge: &Edge, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    stream.write_all(request).await.expect("the edge reads");
    let mut all = Vec::new();
    let read = timeout(Duration::from_secs(30), stream.read_to_end(&mut all)).await;
    // A reset after the answer is a close too.
    let _ = read.expect("the edge closes");
    String::from_utf8(all).expect("ASCII")
}

#[tokio::test]
async fn what_http_forbids_is_refused_and_the_connection_closed() {
    let (tracker, edge) = edge().await;
    for (request, status) in [
        ("GET /go HTTP/1.1\r\n\r\n", "400"),
        ("GET /go HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
        ("GET /go HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
        ("GET /go HTTP/1.1\r\nHost: user@a\r\n\r\n", "400"),
        ("GET /go HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"),
        ("GET /go HTTP/1.1\r\nHost:\r\n\r\n", "400"),
        ("GET /go HTTP/1.1\r\nHost: \u{e9}\r\n\r\n", "400"),
        ("GET go HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET /caf\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET http://u@a/go HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET /go HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
        ("GET /go HTTP/3.0\r\nHost: a\r\n\r\n", "400"),
        ("GET /go\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
        (
            "GET /go HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "400",
        ),
        ("GET /go HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", "400"),
        // Behind an empty line it is no preface of HTTP/2, but a request of HTTP/1 that there is none.
        ("\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
    ] {
        let answer = until_closed(&edge, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:?}: {answer}"
        );
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{request:?}: {answer}");
        // Said, since an idle connection is closed too, only later.
        assert!(answer.contains("connection: close\r\n"), "{request:?}: {answer}");
    }
    assert_eq!(tracker.calls().len(), 0);
}

/// HTTP/2's preface is none where HTTP/1 has begun, and is answered as other nonsense is (RFC 9113, section 3.4).
#[tokio::test]
async fn a_preface_in_the_middle_is_refused() {
    let (_tracker, edge) = edge().await;
    let first = "GET /none HTTP/1.1\r\nHost: a\r\n\r\n";
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let at_once = until_closed(&edge, format!("{first}{preface}").as_bytes()).await;
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    stream.write_all(first.as_bytes()).await.expect("the edge reads");
    assert_eq!(read_answer(&mut stream, Instant::now()).await.status, 404);
    for piece in preface.as_bytes().chunks(5) {
        // It may have been answered before its end.
        let _ = stream.write_all(piece).await;
    }
    let mut then = Vec::new();
    let _ = stream.read_to_end(&mut then).await;
    let then = String::from_utf8(then).expect("ASCII");
    assert!(then.starts_with("HTTP/1.1 400 "), "{then}");
    let statuses: Vec<_> = at_once.lines().filter(|line| line.starts_with("HTTP/1.1 ")).collect();
    assert_eq!(
        statuses,
        ["HTTP/1.1 404 Not Found", "HTTP/1.1 400 Bad Request"],
        "{at_once}"
    );
    // They are told of when their connections have ended.
    eventually("two refusals", async || {
        edge.metric("onehop_hits_total{outcome=\"refused\",reason=\"\"} ") == 2
    })
    .await;
}

#[tokio::test]
async fn a_head_has_its_limit() {
    let (_tracker, edge) = edge().await;
    let fits = edge.visitor().header("Cookie", "c".repeat(15_000)).get("/go").await;
    assert!(fits.location().ends_with("=1"));
    let request = format!("GET /go HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", "c".repeat(17_000));
    let answer = until_closed(&edge, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn targets_and_fields_have_theirs() {
    let (_tracker, edge) = edge().await;
    // RFC 9112, section 3: of a target 414 is said however long it is.
    for length in [8_200, 16_300, 16_400, 17_000, 60_000, 300_000] {
        for method in ["GET", "HEAD"] {
            let request = format!("{method} /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(length));
            let answer = until_closed(&edge, request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 414 "), "{method} {length}: {answer}");
        }
    }
    let fits = edge.visitor().get(&format!("/go?x={}", "y".repeat(8_000))).await;
    assert!(fits.location().ends_with("=1"));
    assert_eq!(
        edge.visitor().get(&format!("/go?x={}", "y".repeat(8_200))).await.status,
        414
    );
    let many = |count| (0..count).fold(edge.visitor(), |visitor, n| visitor.also("X-Field", n.to_string()));
    assert!(many(60).get("/go").await.location().ends_with("=1"));
    assert_eq!(many(64).get("/go").await.status, 431);
}

#[tokio::test]
async fn a_body_is_not_read_for_a_request() {
    let (_tracker, edge) = edge().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let request = format!(
        "GET /go HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0\r\nContent-Length: {}\r\n\r\n{smuggled}",
        smuggled.len()
    );
    let answer = until_closed(&edge, request.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(
        answer.starts_with("HTTP/1.1 302 ") && answer.contains("connection: close"),
        "{answer}"
    );
    let chunked = "POST /go HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n";
    let answer = until_closed(&edge, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[tokio::test]
async fn old_clients_are_served() {
    let (_tracker, edge) = edge().await;
    let answer = until_closed(&edge, b"GET /go HTTP/1.0\r\nUser-Agent: Mozilla/4.0\r\n\r\n").await;
    assert!(
        answer.contains("302 Found\r\n") && answer.contains("click_id=1\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn one_connection_serves_many_requests_also_at_once() {
    let (_tracker, edge) = edge().await;
    let visitor = edge.visitor();
    let mut stream = visitor.connect().await;
    for _ in 0..3 {
        let answer = visitor.get_on(&mut stream, "/go").await;
        assert!(answer.location().ends_with("=1"));
        assert_eq!(answer.header("connection"), None);
    }
    let two = [visitor.request("/go"), visitor.request("/none")].concat();
    stream.write_all(&two).await.expect("the edge reads");
    let mut both = String::new();
    while both.matches("\r\n\r\n").count() < 2 {
        let mut some = [0; 4096];
        let read = timeout(Duration::from_secs(20), stream.read(&mut some)).await;
        let read = read.expect("in time").expect("no fault");
        assert!(read > 0, "{both}");
        both.push_str(str::from_utf8(&some[..read]).expect("ASCII"));
    }
    let first = both.find("HTTP/1.1 302").expect("the first answer");
    let second = both.find("HTTP/1.1 404").expect("the second answer");
    assert!(first < second, "{both}");
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte_and_end_with_a_half_close() {
    let (_tracker, edge) = edge().await;
    let visitor = edge.visitor();
    let mut stream = visitor.connect().await;
    stream.set_nodelay(true).expect("a socket");
    let began = Instant::now();
    for byte in visitor.request("/go") {
        stream.write_all(&[byte]).await.expect("the edge reads");
    }
    stream.shutdown().await.expect("half a close");
    assert!(read_answer(&mut stream, began).await.location().ends_with("=1"));
}
