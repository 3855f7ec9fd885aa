//! Whose click it is: the address that the tracker is told, by peer and header.

use crate::support::{ClickApi, Edge, click, one_link};

async fn told(settings: &str, headers: &[(&str, &str)]) -> String {
    let tracker = ClickApi::always(click("1")).await;
    let configuration = one_link(&tracker).replace(r#"trusted_proxies = ["127.0.0.0/8"]"#, settings);
    let edge = Edge::start(&configuration);
    let mut visitor = edge.visitor().without("X-Forwarded-For");
    for (name, value) in headers {
        visitor = visitor.also(name, value);
    }
    visitor.get("/go").await.location();
    let ip = tracker.only_call().parameter("user_ip").expect("an address");
    String::from_utf8(ip).expect("ASCII")
}

#[tokio::test]
async fn a_stranger_is_not_believed() {
    let all = [
        ("X-Forwarded-For", "6.6.6.6"),
        ("Forwarded", "for=6.6.6.6"),
        ("X-Real-IP", "6.6.6.6"),
        ("CF-Connecting-IP", "6.6.6.6"),
    ];
    assert_eq!(told("", &all).await, "127.0.0.1");
    assert_eq!(told("trusted_proxies = [\"10.0.0.0/8\"]", &all).await, "127.0.0.1");
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_from_the_right() {
    let trusted = r#"trusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]"#;
    for (headers, ip) in [
        (&[("X-Forwarded-For", "6.6.6.6, 192.0.2.7, 10.1.1.1")][..], "192.0.2.7"),
        (
            &[
                ("X-Forwarded-For", "6.6.6.6"),
                ("x-forwarded-for", "192.0.2.7"),
                ("X-Forwarded-For", "10.1.1.1"),
            ],
            "192.0.2.7",
        ),
        (&[("X-Forwarded-For", "6.6.6.6, nonsense, 10.1.1.1")], "10.1.1.1"),
        (&[("X-Forwarded-For", "[2001:db8::7]:443")], "2001:db8::7"),
        (
            &[("X-Forwarded-For", "192.0.2.7"), ("Connection", "X-Forwarded-For")],
            "192.0.2.7",
        ),
        (&[("X_Forwarded_For", "6.6.6.6")], "127.0.0.1"),
    ] {
        assert_eq!(told(trusted, headers).await, ip, "{headers:?}");
    }
}

#[tokio::test]
async fn other_headers() {
    let forwarded = "trusted_proxies = [\"127.0.0.1\"]\nreal_ip_header = \"Forwarded\"";
    let header = [
        ("Forwarded", r#"for=6.6.6.6, For="[2001:db8::7]:_x";proto=https"#),
        ("X-Forwarded-For", "6.6.6.6"),
    ];
    assert_eq!(told(forwarded, &header).await, "2001:db8::7");
    let single = "trusted_proxies = [\"127.0.0.1\"]\nreal_ip_header = \"CF-Connecting-IP\"";
    let header = [("cf-connecting-ip", "192.0.2.7"), ("X-Forwarded-For", "6.6.6.6")];
    assert_eq!(told(single, &header).await, "192.0.2.7");
}
