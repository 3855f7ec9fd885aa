//! The operator's listener.

use std::net::SocketAddr;

use crate::support::{ClickApi, Program, Visitor, click, one_link, program::Folder};

#[tokio::test]
async fn what_the_operator_sees() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    let configuration = one_link(&tracker).replace("[listen]", "[listen]\nadmin = \"127.0.0.1:0\"");
    folder.write("onehop.toml", configuration);
    let program = Program::start(&["run"], folder.path(), &[]);
    let address: SocketAddr = program.hear("listening on http://").parse().expect("an address");
    let admin: SocketAddr = program.hear("metrics on http://").parse().expect("an address");
    Visitor::new(address).get("/go").await.location();
    let operator = Visitor::new(admin);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(operator.get(path).await.status, 200, "{path}");
    }
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    for (accept, kind, end) in [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", "\n"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            open,
            "# EOF\n",
        ),
    ] {
        let answer = operator.clone().header("Accept", accept).get("/metrics").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
        let text = String::from_utf8(answer.body).expect("UTF-8");
        let hit = "\nonehop_hits_total{outcome=\"advertiser\",reason=\"\"} 1\n";
        assert!(text.contains(hit) && text.ends_with(end), "{text}");
        assert_eq!(text.contains("# EOF"), kind == open);
    }
    // Visitors see none of it.
    assert_eq!(Visitor::new(address).get("/metrics").await.status, 404);
}
