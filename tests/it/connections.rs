//! HTTP/2 without TLS, and connections that say nothing.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{io::AsyncReadExt, net::TcpStream, task::JoinSet};

use crate::support::{ClickApi, Edge, Program, Visitor, click, eventually, one_link, program::Folder};

pub(crate) async fn http2(edge: &Edge) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

pub(crate) async fn ask(
    sender: &mut SendRequest<Empty<Bytes>>,
    method: &str,
    path: &str,
    agent: &str,
) -> Response<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://GO.example.com{path}"))
        .header("user-agent", agent)
        .body(Empty::new())
        .expect("a request");
    let (parts, body) = sender.send_request(request).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Response::from_parts(parts, body)
}

#[tokio::test]
async fn the_same_answers_over_http2() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let mut sender = http2(&edge).await;
    let browser = "Mozilla/5.0";
    for (method, path, agent, status, location) in [
        (
            "GET",
            "/go",
            browser,
            302,
            Some("https://advertiser.example/?click_id=1"),
        ),
        ("HEAD", "/go", browser, 302, Some("https://back.example/?why=head")),
        ("GET", "/go", "curl/8.0", 302, Some("https://back.example/?why=bot")),
        ("POST", "/go", browser, 405, None),
        ("GET", "/no", browser, 404, None),
        ("GET", "/%zz", browser, 400, None),
    ] {
        let answer = ask(&mut sender, method, path, agent).await;
        assert_eq!(answer.version(), Version::HTTP_2);
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        let header = |name| answer.headers().get(name).map(|value| value.to_str().expect("ASCII"));
        assert_eq!(header("location"), location, "{method} {path}");
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("content-length"), Some("0"));
        assert_eq!(header("connection"), None);
        assert!(answer.body().is_empty());
    }
    let advice = ask(&mut sender, "GET", "/.well-known/traffic-advice", browser).await;
    assert_eq!(advice.status(), StatusCode::OK);
    assert!(advice.body().starts_with(b"["));
}

#[tokio::test]
async fn many_streams_at_once() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let sender = http2(&edge).await;
    let mut hits = JoinSet::new();
    for _ in 0..500 {
        let mut sender = sender.clone();
        hits.spawn(async move {
            sender.ready().await.expect("a stream");
            ask(&mut sender, "GET", "/go", "Mozilla/5.0").await.status()
        });
    }
    while let Some(status) = hits.join_next().await {
        assert_eq!(status.expect("no panic"), StatusCode::FOUND);
    }
    assert_eq!(tracker.calls().len(), 1);
}

#[tokio::test]
async fn open_connections_are_counted() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let visitor = edge.visitor();
    let (mut one, mut two) = (visitor.connect().await, visitor.connect().await);
    visitor.get_on(&mut one, "/go").await.location();
    visitor.get_on(&mut two, "/go").await.location();
    assert_eq!(edge.metric("onehop_connections "), 2);
    drop(one);
    eventually("one closed connection", async || {
        edge.metric("onehop_connections ") == 1
    })
    .await;
}

#[tokio::test]
async fn every_address_is_served() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    let two = "http = [\"127.0.0.1:0\", \"127.0.0.1:0\"]";
    folder.write("onehop.toml", one_link(&tracker).replace("http = \"127.0.0.1:0\"", two));
    let program = Program::start(&["run"], folder.path(), &[]);
    for _ in 0..2 {
        let address = program.hear("listening on http://").parse().expect("an address");
        assert!(Visitor::new(address).get("/go").await.location().ends_with("=1"));
    }
}

/// A configuration whose tracker no test comes to.
pub(crate) const NOBODY_ASKED: &str = r#"
    [tracker.t]
    url = "http://127.0.0.1:9/"
    secure_key = "k"
    [[link]]
    at = "/go"
    trafficback_url = "https://a.example"
      [[link.offer]]
      offer_id = 1
      campaign_id = 2
      promo_id = 3
      traffic_url = "https://a.example/{click_id}"
"#;

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_does_not_hold_up_the_end() {
    for said in [&b""[..], b"PRI * HTTP/2.0\r\n\r\nSM"] {
        let (mut client, server) = tokio::io::duplex(4096);
        tokio::io::AsyncWriteExt::write_all(&mut client, said)
            .await
            .expect("a reader");
        let (server_side, drain) = crate::support::edge::server(NOBODY_ASKED);
        drain.send_replace(true);
        let began = tokio::time::Instant::now();
        server_side
            .serve(server, std::net::IpAddr::from([127, 0, 0, 1]).into())
            .await;
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{said:?}: {:?}",
            began.elapsed()
        );
    }
}

/// Time is paused, so that a limit is reached as soon as nothing else is left to do.
#[tokio::test(start_paused = true)]
async fn silence_is_closed_at_its_limit() {
    for said in [
        &b""[..],
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"GET /go HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    ] {
        let (mut client, server) = tokio::io::duplex(4096);
        tokio::io::AsyncWriteExt::write_all(&mut client, said)
            .await
            .expect("a reader");
        let began = tokio::time::Instant::now();
        let (server_side, _drain) = crate::support::edge::server(NOBODY_ASKED);
        let serving = tokio::spawn(server_side.serve(server, std::net::IpAddr::from([127, 0, 0, 1]).into()));
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("no fault");
        serving.await.expect("no panic");
        let took = began.elapsed();
        assert!(
            took >= Duration::from_secs(10) && took < Duration::from_secs(11),
            "{said:?}: {took:?}"
        );
        assert!(!String::from_utf8_lossy(&rest).contains("302"));
    }
}
