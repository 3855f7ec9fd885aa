//! Load balancers that say by a PROXY header whom they speak for.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{ClickApi, Edge, click, eventually, one_link};

/// An edge that takes PROXY headers from a network.
async fn edge(trusted: &str) -> (ClickApi, Edge) {
    let tracker = ClickApi::always(click("1")).await;
    let configuration = one_link(&tracker)
        .replace("[listen]", "[listen]\nproxy_protocol = true")
        .replace("127.0.0.0/8", trusted);
    let edge = Edge::start(&configuration);
    (tracker, edge)
}

/// Everything that comes back for a header and a request.
async fn said(edge: &Edge, header: &[u8]) -> String {
    let visitor = edge.visitor().without("X-Forwarded-For").header("Connection", "close");
    let mut stream = visitor.connect().await;
    let sent = [header, &visitor.request("/go")].concat();
    // Who is closed on may not be heard to the end.
    let _ = stream.write_all(&sent).await;
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8(said).expect("ASCII")
}

fn version2(command: u8) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([0x20 | command, 0x11, 0, 12]);
    header.extend([198, 51, 100, 7, 192, 0, 2, 1, 0x30, 0x39, 0, 80]);
    header
}

#[tokio::test]
async fn a_trusted_proxy_speaks_for_its_visitor() {
    for (header, ip) in [
        (
            b"PROXY TCP4 198.51.100.7 192.0.2.1 12345 80\r\n".to_vec(),
            "198.51.100.7",
        ),
        (
            b"PROXY TCP6 2001:db8::7 2001:db8::1 12345 80\r\n".to_vec(),
            "2001:db8::7",
        ),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (version2(1), "198.51.100.7"),
        (version2(0), "127.0.0.1"),
    ] {
        let (tracker, edge) = edge("127.0.0.0/8").await;
        let said = said(&edge, &header).await;
        assert!(said.starts_with("HTTP/1.1 302"), "{said}");
        assert_eq!(
            tracker.only_call().parameter("user_ip").expect("an address"),
            ip.as_bytes()
        );
    }
}

#[tokio::test]
async fn without_a_header_that_can_be_believed_it_is_closed() {
    let (tracker, edge) = edge("127.0.0.0/8").await;
    for header in [
        &b""[..],
        b"PROXY TCP4 999.1.1.1 192.0.2.1 1 80\r\n",
        b"PROXY TCP4 198.51.100.7\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c",
    ] {
        assert_eq!(said(&edge, header).await, "");
    }
    assert!(tracker.calls().is_empty());
}

#[tokio::test]
async fn nobody_else_may_speak_for_others() {
    let (tracker, edge) = edge("192.0.2.0/24").await;
    for header in [b"PROXY TCP4 198.51.100.7 192.0.2.1 12345 80\r\n".to_vec(), version2(1)] {
        assert_eq!(said(&edge, &header).await, "", "closed without an answer");
    }
    assert!(tracker.calls().is_empty());
    let said = said(&edge, b"").await;
    assert!(said.starts_with("HTTP/1.1 302"), "{said}");
    assert_eq!(
        tracker.only_call().parameter("user_ip").expect("an address"),
        b"127.0.0.1"
    );
}

#[tokio::test]
async fn whom_a_proxy_announces_has_a_limit_of_connections() {
    let tracker = ClickApi::always(click("1")).await;
    let configuration = one_link(&tracker).replace("[listen]", "[listen]\nproxy_protocol = true")
        + "\n[limits]\nconnections_per_address = 2\n";
    let edge = Edge::start(&configuration);
    let visitor = edge.visitor();
    let mut inside = Vec::new();
    for (ip, is_served) in [
        ("198.51.100.7", true),
        ("198.51.100.7", true),
        ("198.51.100.7", false),
        ("198.51.100.8", true),
        // Another proxy, which speaks for many itself.
        ("127.0.0.9", true),
        ("127.0.0.9", true),
        ("127.0.0.9", true),
    ] {
        let mut stream = visitor.connect().await;
        let header = format!("PROXY TCP4 {ip} 192.0.2.1 12345 80\r\n");
        let sent = [header.as_bytes(), &visitor.request("/go")].concat();
        // Who is closed on may not be heard to the end.
        let _ = stream.write_all(&sent).await;
        let mut answer = [0; 1024];
        let read = stream.read(&mut answer).await.unwrap_or(0);
        assert_eq!(answer[..read].starts_with(b"HTTP/1.1 302"), is_served, "{ip}");
        inside.push(stream);
    }
    let away = "onehop_connections_turned_away_total{why=\"address\"} ";
    assert_eq!(edge.metric(away), 1);
    // A place that is given back is taken again.
    inside.remove(0);
    eventually("a place", async || {
        said(&edge, b"PROXY TCP4 198.51.100.7 192.0.2.1 12345 80\r\n")
            .await
            .starts_with("HTTP/1.1 302")
    })
    .await;
}
