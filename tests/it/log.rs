//! The click log: every hit is one line, whatever became of it.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    connections::{ask, http2},
    support::{
        Act, ClickApi, Edge, Program, Visitor, click, click_api::error, eventually, program::Folder, trafficback,
        with_link,
    },
};

const LINKS: &str = r#"
    [click_log]
    path = "clicks.jsonl"
    [[link]]
    at = ["go.example.com/go", "/other"]
      [[link.offer]]
      name = "first"
      offer_id = 1
      campaign_id = 2
      promo_id = 3
      traffic_url = "https://advertiser.example/?c={click_id}&h={hit_id}"
      send = { subid1 = "{query.zone}" }
"#;

fn lines(folder: &Folder) -> Vec<Value> {
    folder
        .read("clicks.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

#[tokio::test]
async fn every_hit_is_a_line() {
    let tracker = ClickApi::start(|call| match call.number {
        0 => click("the click"),
        1 => trafficback("Not Known"),
        _ => error(500, "x"),
    })
    .await;
    let folder = Folder::new();
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, LINKS));
    let visitor = edge.visitor();
    let first = visitor
        .clone()
        .header("Referer", "https://a.example/")
        .get("/go?zone=z%201&utm_source=u&subid1=no")
        .await;
    visitor.get("/go").await.location();
    visitor.clone().from("192.0.2.2").get("/other").await.reason();
    visitor.clone().from("192.0.2.3").get("/go").await.reason();
    visitor.clone().user_agent("curl/8").get("/go").await.reason();
    visitor.get("/none").await;
    visitor.clone().method("POST").get("/go").await;
    visitor.clone().header("Purpose", "prefetch").get("/go").await;
    visitor.clone().host("a,b").get("/go").await;
    edge.stop().await;

    let lines = lines(&folder);
    let summary: Vec<_> = lines
        .iter()
        .map(|line| {
            ["outcome", "reason", "cache", "attempts", "tracker"]
                .map(|field| line[field].to_string())
                .join(" ")
        })
        .collect();
    assert_eq!(
        summary,
        [
            r#""advertiser" null "miss" 1 "main""#,
            r#""advertiser" null "hit" 0 "main""#,
            r#""trafficback" "other" "miss" 1 "main""#,
            r#""trafficback" "tracker_error" "miss" 3 "main""#,
            r#""trafficback" "bot" null 0 null"#,
            r#""unmatched" null null 0 null"#,
            r#""refused" null null 0 null"#,
            r#""refused" null null 0 null"#,
            r#""refused" null null 0 null"#,
        ]
    );
    let line = &lines[0];
    for (field, value) in [
        ("host", "go.example.com"),
        ("path", "/go"),
        ("link", "go.example.com/go"),
        ("offer", "first"),
        ("click_id", "the click"),
        ("ip", "192.0.2.1"),
        ("user_agent", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("referrer", "https://a.example/"),
        ("utm_source", "u"),
        ("subid1", "z 1"),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert_eq!(
        (&line["offer_id"], &line["campaign_id"], &line["promo_id"]),
        (&1.into(), &2.into(), &3.into())
    );
    assert!(first.location().ends_with(line["hit_id"].as_str().expect("an id")));
    assert!(line["api_ms"].as_f64() <= line["total_ms"].as_f64() && line["api_ms"].as_f64() > Some(0.0));
    assert_eq!(lines[2]["tracker_reason"], "_ot__nown");
}

/// Two offers of each hit, and calls that go out again because a kept connection ended.
#[tokio::test]
async fn attempts_are_the_requests_that_went_out() {
    let tracker = ClickApi::start(|call| match call.parameter("offer_id").as_deref() {
        _ if call.on_connection > 0 => Act::Close,
        Some(b"1") => trafficback("overcap"),
        _ => click("1"),
    })
    .await;
    let folder = Folder::new();
    let second = "[[link.offer]]\noffer_id = 9\ncampaign_id = 2\npromo_id = 3\n\
                  traffic_url = \"https://advertiser.example/{click_id}\"\n";
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, &(LINKS.to_owned() + second)));
    let mut kept = 0;
    for n in 0..2000 {
        edge.visitor()
            .from(&format!("2001:db8::{n:x}"))
            .get("/go")
            .await
            .location();
        kept = tracker.calls().iter().filter(|call| call.on_connection > 0).count();
        if kept > 0 {
            break;
        }
    }
    assert!(kept > 0);
    edge.stop().await;
    let attempts = lines(&folder)
        .iter()
        .filter_map(|line| line["attempts"].as_u64())
        .sum::<u64>();
    assert_eq!(attempts, tracker.calls().len() as u64);
}

#[tokio::test]
async fn whoever_leaves_is_a_line_too() {
    let tracker = ClickApi::always(Act::SendAndHang(Vec::new())).await;
    let folder = Folder::new();
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, LINKS).replace("500ms", "2s"));
    let visitor = edge.visitor();
    let stream = visitor.send("/go").await;
    let mut sender = http2(&edge).await;
    let asking = tokio::spawn(async move { ask(&mut sender, "GET", "/go", "Mozilla/5.0").await });
    tracker.called(2).await;
    drop(stream);
    asking.abort();
    eventually("a reset stream", async || edge.hits("refused", "") == 1).await;
    edge.stop().await;
    let mut outcomes: Vec<_> = lines(&folder).iter().map(|line| line["outcome"].to_string()).collect();
    outcomes.sort();
    // Over HTTP/1.1 a visitor may close his side and still listen, so that the hit goes on to its end.
    assert_eq!(outcomes, ["\"refused\"", "\"trafficback\""]);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_line_too() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, LINKS));
    let mut stream = edge.visitor().connect().await;
    stream
        .write_all(b"GET /\x1b HTTP/1.1\r\n\r\n")
        .await
        .expect("the edge reads");
    eventually("a refused hit", async || edge.hits("refused", "") == 1).await;
    edge.visitor().method("PUT").get("/go").await;
    edge.stop().await;
    let lines = lines(&folder);
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["path"]),
        (&"refused".into(), &Value::Null)
    );
    assert_eq!(
        (&lines[1]["outcome"], &lines[1]["host"]),
        (&"refused".into(), &"go.example.com".into())
    );
}

#[tokio::test]
async fn who_is_cut_at_the_end_is_a_line_too() {
    let tracker = ClickApi::always(Act::SendAndHang(Vec::new())).await;
    let folder = Folder::new();
    let links = LINKS.to_owned() + "[limits]\ndrain = \"50ms\"\n";
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, &links).replace("500ms", "60s"));
    let visitor = edge.visitor();
    let _stream = visitor.send("/go").await;
    let mut sender = http2(&edge).await;
    let asking = tokio::spawn(async move { ask(&mut sender, "GET", "/go", "Mozilla/5.0").await });
    tracker.called(2).await;
    edge.stop().await;
    asking.await.expect_err("no answer");
    assert_eq!(lines(&folder).len(), 2);
}

#[tokio::test]
async fn no_text_of_a_visitor_breaks_a_line() {
    let tracker = ClickApi::always(click("\n\u{1b}[31m\u{2028}\",\"outcome\":\"x")).await;
    let folder = Folder::new();
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, LINKS));
    let agent = b"Mozilla/5.0 \"\\\xff\xc2\x85\xe2\x80\xa8\t\",\"outcome\":\"advertiser";
    edge.visitor()
        .user_agent(agent)
        .header("Referer", agent)
        .get("/go?utm_source=%0a%00%1b%5B31m")
        .await
        .location();
    edge.visitor().user_agent(agent).get("/%1b%0a%e2%80%a8").await;
    edge.stop().await;
    let text = folder.read("clicks.jsonl");
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    assert_eq!(text.chars().filter(|c| breaks(*c)).collect::<String>(), "\n\n");
    let lines = lines(&folder);
    assert_eq!(lines[0]["utm_source"], "\n\0\u{1b}[31m");
    assert_eq!(lines[0]["outcome"], "advertiser");
    assert_eq!(lines[1]["outcome"], "unmatched");
}

#[tokio::test]
async fn a_full_disk_costs_lines_and_no_hits() {
    let tracker = ClickApi::always(click("1")).await;
    // Each write to it finds no room.
    let links = LINKS.replace("clicks.jsonl", "/dev/full");
    let edge = Edge::start(&with_link(&tracker, &links));
    for _ in 0..20 {
        assert!(edge.visitor().get("/go").await.location().contains("?c=1"));
    }
    eventually("the lost lines", async || {
        edge.metric("onehop_click_log_dropped_total ") == 20
    })
    .await;
    assert_eq!(edge.hits("advertiser", ""), 20);
}

#[tokio::test]
async fn a_killed_edge_leaves_whole_lines_and_the_next_goes_on() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write("onehop.toml", with_link(&tracker, LINKS));
    let start = || {
        let program = Program::start(&["run"], folder.path(), &[]);
        let address = program.hear("listening on http://").parse().expect("an address");
        (program, Visitor::new(address))
    };
    let (killed, visitor) = start();
    let (told, mut hits) = tokio::sync::mpsc::unbounded_channel();
    let visiting = tokio::spawn(async move {
        let mut stream = visitor.connect().await;
        // Until it is killed under it.
        while stream.write_all(&visitor.request("/go")).await.is_ok() {
            let mut answer = [0; 4096];
            if !matches!(stream.read(&mut answer).await, Ok(1..)) || told.send(()).is_err() {
                break;
            }
        }
    });
    for _ in 0..200 {
        hits.recv().await.expect("a hit");
    }
    eventually("lines", async || !folder.read("clicks.jsonl").is_empty()).await;
    killed.signal("KILL");
    killed.wait();
    visiting.await.expect("no panic");

    let before = folder.read("clicks.jsonl");
    let (whole, torn) = before.rsplit_once('\n').expect("a line");
    assert!(whole.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    // The kernel may have been stopped within a line; where it was not, it is now.
    if torn.is_empty() {
        folder.write("clicks.jsonl", format!("{whole}\n{{\"time\":\"20"));
    }
    let (next, visitor) = start();
    for _ in 0..3 {
        visitor.get("/go").await.location();
    }
    next.signal("TERM");
    let (_, said) = next.wait();
    assert!(said.contains("ended within a line"), "{said}");
    let after = folder.read("clicks.jsonl");
    let new: Vec<_> = after.lines().skip(whole.lines().count() + 1).collect();
    assert_eq!(new.len(), 3, "{after}");
    assert!(new.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}
