//! Tests of the sandbox's server: over a socket, and over its service with tokio's clock paused.

use super::*;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

const CALL: &str = "/api/click/create?secure_key=00000000-0000-0000-0000-000000000000&offer_id=1&campaign_id=2&promo_id=3&user_ip=198.51.100.1&user_useragent=x";

async fn ask(sandbox: &Sandbox, method: Method, target: &str) -> (u16, Value) {
    let response = sandbox.respond(&method, &target.parse().unwrap()).await;
    let status = response.status().as_u16();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(response.headers().contains_key(ALLOW), status == 405);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn only_get_on_the_one_path_is_a_call() {
    let sandbox = Sandbox::new(Options::default());
    assert_eq!(ask(&sandbox, Method::GET, CALL).await.0, 200);
    assert_eq!(ask(&sandbox, Method::GET, PATH).await.0, 403);
    for method in [Method::POST, Method::HEAD, Method::OPTIONS] {
        let (status, body) = ask(&sandbox, method, CALL).await;
        assert_eq!((status, &body["code"]), (405, &405.into()));
    }
    for path in ["/", "/api/click/create/", "/API/click/create", "/x?offer_id=1"] {
        let (status, body) = ask(&sandbox, Method::GET, path).await;
        assert_eq!((status, &body["code"]), (404, &404.into()), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn its_clicks_can_be_exported() {
    let sandbox = Sandbox::new(Options::default());
    let first = ask(&sandbox, Method::GET, CALL).await.1["data"]["click_id"].clone();
    ask(&sandbox, Method::GET, CALL).await;
    tokio::time::advance(Duration::from_mins(1)).await;
    ask(&sandbox, Method::GET, &CALL.replace("100.1", "100.2")).await;
    let export = sandbox.export(SystemTime::UNIX_EPOCH + Duration::from_secs(90));
    let lines: Vec<&str> = export.lines().collect();
    assert_eq!(lines.len(), 3, "{export}");
    let first = first.as_str().unwrap();
    assert_eq!(lines[1], format!("{first},1970-01-01T00:00:30Z,1,2,198.51.100.1"));
    assert!(lines[2].ends_with(",1970-01-01T00:01:30Z,1,2,198.51.100.2"), "{export}");
    let response = sandbox.respond(&Method::GET, &Uri::from_static(EXPORT)).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/csv; charset=utf-8");
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_latency_and_jitter() {
    let sandbox = Sandbox::new(Options {
        latency: Duration::from_millis(100),
        jitter: Duration::from_millis(20),
        ..Options::default()
    });
    let mut times = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        ask(&sandbox, Method::GET, CALL).await;
        times.push(start.elapsed().as_millis());
    }
    // tokio's clock ticks in milliseconds, so an answer may be one late.
    assert!(times.iter().all(|time| (80..=121).contains(time)), "{times:?}");
    assert!(times.iter().any(|time| *time < 100), "{times:?}");
    assert!(times.iter().any(|time| *time > 101), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn failing_and_hanging_are_by_share() {
    let sandbox = Sandbox::new(Options {
        fail: 1.0,
        ..Options::default()
    });
    let (status, body) = ask(&sandbox, Method::GET, CALL).await;
    assert_eq!((status, &body["code"]), (500, &500.into()));

    let sandbox = Sandbox::new(Options {
        hang: 1.0,
        ..Options::default()
    });
    let asked = tokio::time::timeout(Duration::from_hours(24), ask(&sandbox, Method::GET, CALL));
    assert!(asked.await.is_err());

    let sandbox = Sandbox::new(Options {
        fail: 0.5,
        ..Options::default()
    });
    let mut failed = 0;
    for _ in 0..1000 {
        failed += usize::from(ask(&sandbox, Method::GET, CALL).await.0 == 500);
    }
    assert!((300..700).contains(&failed), "{failed} of 1000");
}

#[tokio::test(start_paused = true)]
async fn the_server_follows_the_clock() {
    let sandbox = Sandbox::new(Options::default());
    let mut exists = Vec::new();
    for wait in [0, 299, 1] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        let (_, body) = ask(&sandbox, Method::GET, CALL).await;
        exists.push(body["data"]["exists"] == true);
    }
    assert_eq!(exists, [false, true, false]);
}

/// So that a server that waits for ever is a failure, not a test that never ends.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, future).await.expect("this takes too long")
}

/// Reads to the end of the one click in flight, which is known from its last words.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    while !got.ends_with(b"\"success\"}") {
        let read = soon(stream.read_buf(&mut got)).await.unwrap();
        assert!(read > 0, "closed after {}", String::from_utf8_lossy(&got));
    }
    String::from_utf8(got).unwrap()
}

#[tokio::test]
async fn a_connection_carries_many_calls_and_ends_with_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, Options::default(), async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();

    let request = format!("GET {CALL} HTTP/1.1\r\nhost: tracker\r\n\r\n");
    for exists in ["\"exists\":false", "\"exists\":true"] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-type: application/json\r\n"));
        assert!(answer.contains(exists), "{answer}");
    }

    // A call that is never answered holds up neither other connections nor the end.
    let hanging = request.replace("offer_id=1", "offer_id=1007");
    stream.write_all(hanging.as_bytes()).await.unwrap();
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(request.as_bytes()).await.unwrap();
    assert!(read_answer(&mut other).await.starts_with("HTTP/1.1 200"));

    stop.send(()).unwrap();
    soon(server).await.unwrap();
    let mut rest = Vec::new();
    // An abrupt end may be an error as well as an end of file.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_caller_who_leaves_a_hanging_call_frees_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let target = CALL.replace("offer_id=1", "offer_id=1007");
    let request = format!("GET {target} HTTP/1.1\r\nhost: tracker\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(stream);
    let served = connection(accept(&listener).await, Arc::new(Sandbox::new(Options::default())));
    soon(served).await;
}
