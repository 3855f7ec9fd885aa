//! Sums agree: what visitors counted, the metrics, the click log and the report, and the tracker's clicks and the log's; over
//! every outcome, with trackers that fail, reloads and a drain.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Notify, task::JoinSet};

use crate::support::{
    Act, ClickApi, KEY, Program, Visitor, click, click_api, click_bytes, eventually,
    program::{Folder, output},
    trafficback,
    visitor::{Answer, read_answer},
};

/// How many hits there are at least. `HITS=100000 cargo test --release --test it sums` asks for more.
fn at_least() -> usize {
    std::env::var("HITS").map_or(6000, |hits| hits.parse().expect("a number"))
}

/// How many hits ended in some way: an outcome, and for a trafficback the reason too.
type Counts = BTreeMap<String, usize>;

fn key(outcome: &str, reason: &str) -> String {
    match outcome {
        "trafficback" => format!("{outcome} {reason}"),
        _ => outcome.to_owned(),
    }
}

/// The clicks of a tracker that registers the same visitor of the same offer once.
#[derive(Clone, Default)]
struct Clicks(Arc<Mutex<HashMap<String, String>>>);

impl Clicks {
    fn of(&self, target: &str) -> String {
        let same = ["offer_id", "campaign_id", "user_ip", "user_useragent"];
        let named = |pair: &&str| same.iter().any(|name| pair.split('=').next() == Some(name));
        let key: Vec<&str> = target.split(['?', '&']).filter(named).collect();
        let mut clicks = self.0.lock().expect("no panic");
        let next = format!("click-{:p}-{}", Arc::as_ptr(&self.0), clicks.len());
        clicks.entry(key.join("&")).or_insert(next).clone()
    }

    fn count(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }
}

fn offer(target: &str) -> u32 {
    let (_, id) = target.split_once("offer_id=").expect("an offer");
    let digits: String = id.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

/// A tracker that answers each offer in its way.
async fn tracker(clicks: &Clicks, go: &Arc<Notify>) -> ClickApi {
    let (clicks, go) = (clicks.clone(), Arc::clone(go));
    ClickApi::start(move |call| match offer(call.target()) {
        2 => trafficback("overcap"),
        3 => trafficback("offer_inactive"),
        4 => click_api::error(400, "Field request.offer_id is not valid"),
        5 => click_api::error(403, "Click api disabled for this offer"),
        6 if call.target().contains("192.0.2.1") => trafficback("targeting"),
        7 => Act::SendAndHang(Vec::new()),
        8 => Act::WaitAndSend(Arc::clone(&go), click_bytes(&clicks.of(call.target()))),
        _ => click(&clicks.of(call.target())),
    })
    .await
}

/// A tracker that fails one call in three, and registers no click by those.
async fn failing_tracker(clicks: &Clicks) -> ClickApi {
    let clicks = clicks.clone();
    ClickApi::start(move |call| match call.number % 15 {
        0 => click_api::error(500, "no"),
        3 => Act::Send(click_api::answer(200, "<html>")),
        6 => Act::Reset,
        9 => Act::Close,
        12 => Act::SendAndClose(click_api::answer(200, r#"{"status":"success","data":{}}"#)),
        _ => click(&clicks.of(call.target())),
    })
    .await
}

fn configuration(tracker: &ClickApi, failing: &ClickApi, remark: usize) -> String {
    let mut text = vec![format!(
        r#"
        # {remark}
        [listen]
        http = "127.0.0.1:0"
        admin = "127.0.0.1:0"
        [visitor]
        trusted_proxies = ["127.0.0.0/8"]
        [tracker.main]
        url = "{}"
        secure_key = "{KEY}"
        [tracker.failing]
        url = "{}"
        secure_key = "{KEY}"
        [click]
        deadline = "4s"
        [click_log]
        path = "clicks.jsonl"
        rotate_size = "1MB"
        keep = 1000
        [defaults]
        trafficback_url = "https://back.example/?why={{reason}}"
        tracker = "main"
        "#,
        tracker.url(),
        failing.url(),
    )];
    for (path, keys, offers) in [
        ("plain", "", &[(1, "")][..]),
        ("cap", "", &[(2, ""), (1, "")]),
        ("capped", "", &[(2, "")]),
        ("off", "", &[(3, "")]),
        ("wrong", "", &[(4, "")]),
        ("denied", "", &[(5, "")]),
        ("target", "", &[(6, "")]),
        ("hang", "", &[(7, "")]),
        ("held", "", &[(8, "")]),
        ("phones", "", &[(9, "when = { device = [\"phone\"] }")]),
        ("failing", "", &[(10, "tracker = \"failing\"")]),
        (
            "tracked",
            "",
            &[(
                11,
                "tracker = \"failing\"\ntracking_url = \"https://tracking.example/\"",
            )],
        ),
        ("preview", "preview_url = \"https://preview.example/\"", &[(12, "")]),
        (
            "weighted",
            "order = \"weighted\"",
            &[(13, "weight = 70"), (14, "weight = 30")],
        ),
    ] {
        text.push(format!("[[link]]\nat = \"go.example.com/{path}\"\n{keys}\n"));
        for (id, keys) in offers {
            text.push(format!(
                "[[link.offer]]\noffer_id = {id}\ncampaign_id = 1\npromo_id = 1\n\
                 traffic_url = \"https://advertiser.example/?c={{click_id}}\"\n{keys}\n"
            ));
        }
    }
    text.concat()
}

const LINKS: [&str; 14] = [
    "/plain",
    "/plain",
    "/plain",
    "/cap",
    "/capped",
    "/off",
    "/wrong",
    "/denied",
    "/target",
    "/phones",
    "/failing",
    "/tracked",
    "/preview",
    "/weighted",
];

/// What a visitor makes of an answer.
fn seen(answer: &Answer) -> String {
    match answer.status {
        302 => {
            let location = answer.location();
            let (host, rest) = location["https://".len()..].split_once('/').expect("a path");
            match host {
                "advertiser.example" => key("advertiser", ""),
                "tracking.example" => key("tracking", ""),
                "preview.example" => key("preview", ""),
                "back.example" => key("trafficback", rest.strip_prefix("?why=").expect("a reason")),
                _ => panic!("{location}"),
            }
        }
        404 => key("unmatched", ""),
        _ => key("refused", ""),
    }
}

/// Comes again and again, as somebody else each time, until the edge takes no connection any more or all have come.
async fn come(edge: SocketAddr, left: Arc<AtomicUsize>) -> Counts {
    let mut counts = Counts::new();
    while let Ok(mut stream) = TcpStream::connect(edge).await {
        loop {
            if left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_err()
            {
                return counts;
            }
            let agent = [
                "Mozilla/5.0 (X11; Linux x86_64)",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/1",
            ];
            let mut visitor = Visitor::new(edge)
                .from(&format!("192.0.2.{}", fastrand::u8(..)))
                .user_agent(agent[fastrand::usize(..2)]);
            let mut path = LINKS[fastrand::usize(..LINKS.len())];
            match fastrand::u8(..40) {
                0 => visitor = visitor.method("HEAD"),
                1 => visitor = visitor.method("DELETE"),
                2 => visitor = visitor.without("User-Agent"),
                3 => visitor = visitor.user_agent("Googlebot/2.1 (+http://www.google.com/bot.html)"),
                4 => visitor = visitor.header("Sec-Purpose", "prefetch"),
                5 => path = "/nowhere",
                6 => visitor = visitor.also("Host", "twice.example"),
                7 => path = "/.well-known/traffic-advice",
                _ => {}
            }
            stream.write_all(&visitor.request(path)).await.expect("the edge reads");
            let answer = read_answer(&mut stream, Instant::now()).await;
            *counts.entry(seen(&answer)).or_default() += 1;
            if answer.header("connection") == Some("close") || fastrand::u8(..50) == 0 {
                break;
            }
        }
    }
    counts
}

/// Hits by the metrics.
async fn counted(admin: SocketAddr) -> Counts {
    let text = String::from_utf8(Visitor::new(admin).get("/metrics").await.body).expect("text");
    let mut counts = Counts::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("onehop_hits_total{outcome=\"") else {
            continue;
        };
        let (outcome, rest) = rest.split_once("\",reason=\"").expect("a reason");
        let (reason, count) = rest.split_once("\"} ").expect("a count");
        let count: usize = count.parse().expect("a number");
        if count > 0 {
            *counts.entry(key(outcome, reason)).or_default() += count;
        }
    }
    counts
}

fn of_word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn visitors_metrics_log_report_and_tracker_agree() {
    let (clicks, failing_clicks, go) = (Clicks::default(), Clicks::default(), Arc::new(Notify::new()));
    let (main, failing) = (tracker(&clicks, &go).await, failing_tracker(&failing_clicks).await);
    let folder = Folder::new();
    folder.write("onehop.toml", configuration(&main, &failing, 0));
    let program = Program::start(&["run"], folder.path(), &[]);
    let address = |said: String| -> SocketAddr {
        said.trim_end_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .expect("an address")
    };
    let edge = address(program.hear("listening on http://"));
    let admin = address(program.hear("metrics on http://"));

    let mut visitors = JoinSet::new();
    let left = Arc::new(AtomicUsize::new(at_least()));
    for _ in 0..24 {
        visitors.spawn(come(edge, Arc::clone(&left)));
    }
    // Some wait for a tracker that says nothing, and some leave, whose hits end in the same way.
    for number in 0..20_usize {
        visitors.spawn(async move {
            let visitor = Visitor::new(edge).from(&format!("198.51.100.{number}"));
            let mut stream = visitor.send("/hang").await;
            if number % 2 == 0 {
                let answer = read_answer(&mut stream, Instant::now()).await;
                return Counts::from([(seen(&answer), 1)]);
            }
            Counts::from([(key("trafficback", "timeout"), 1)])
        });
    }
    // Every third configuration is broken, and none comes before the last has been read.
    for remark in 1..=6 {
        let broken = if remark % 3 == 0 { "[brocken" } else { "" };
        let next = folder.write(
            "next.toml",
            format!("{}{broken}", configuration(&main, &failing, remark)),
        );
        std::fs::rename(next, folder.path().join("onehop.toml")).expect("a file");
        program.hear(if broken.is_empty() {
            "is in use"
        } else {
            "cannot be taken up"
        });
    }
    eventually("half of the hits", async || {
        left.load(Ordering::SeqCst) < at_least() / 2
    })
    .await;
    eventually("most hits", async || left.load(Ordering::SeqCst) == 0).await;
    let mut counts = Counts::new();
    let mut add = |more: Counts| {
        for (key, more) in more {
            *counts.entry(key).or_default() += more;
        }
    };
    add(visitors.join_next().await.expect("a visitor").expect("no panic"));

    // The rest come while it drains, as long as a hit is held.
    left.store(at_least(), Ordering::SeqCst);
    let calls = main.calls().len();
    for _ in 0..24 {
        visitors.spawn(come(edge, Arc::clone(&left)));
    }
    let mut held = Visitor::new(edge).send("/held").await;
    eventually("the call", async || {
        main.calls()[calls..].iter().any(|call| offer(call.target()) == 8)
    })
    .await;
    program.signal("TERM");
    while let Some(more) = visitors.join_next().await {
        add(more.expect("no panic"));
    }
    let mut by_metrics = Counts::new();
    eventually("all but one in the metrics", async || {
        by_metrics = counted(admin).await;
        by_metrics.values().sum::<usize>() == counts.values().sum::<usize>()
    })
    .await;
    assert_eq!(by_metrics, counts, "metrics, visitors");
    go.notify_waiters();
    let answer = read_answer(&mut held, Instant::now()).await;
    *counts.entry(seen(&answer)).or_default() += 1;
    let (status, said) = tokio::task::spawn_blocking(|| program.wait()).await.expect("no panic");
    assert!(status.success(), "{said}");

    let (mut by_log, mut ids, mut hits) = (Counts::new(), HashSet::new(), HashSet::new());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let name = entry.expect("a file").file_name().into_string().expect("text");
        if !name.starts_with("clicks.jsonl") {
            continue;
        }
        for line in folder.read(&name).lines() {
            let line: Value = serde_json::from_str(line).expect("a whole line");
            let outcome = of_word(&line["outcome"]);
            *by_log.entry(key(outcome, of_word(&line["reason"]))).or_default() += 1;
            assert!(hits.insert(of_word(&line["hit_id"]).to_owned()), "{line}");
            assert_eq!(outcome == "advertiser", line["click_id"].is_string(), "{line}");
            ids.extend(line["click_id"].as_str().map(str::to_owned));
        }
        files.push(name);
    }
    assert_eq!(by_log, counts, "log, visitors");
    assert_eq!(
        ids.len(),
        clicks.count() + failing_clicks.count(),
        "clicks of the log, of the trackers"
    );

    let report = [
        &["report", "--json"][..],
        &files.iter().map(String::as_str).collect::<Vec<_>>(),
    ]
    .concat();
    let report: Value = serde_json::from_slice(&output(&report, folder.path()).stdout).expect("JSON");
    let all = &report["all"];
    assert_eq!(all["hits"], counts.values().sum::<usize>());
    assert_eq!(all["clicks"], ids.len());
    for outcome in [
        "advertiser",
        "tracking",
        "trafficback",
        "preview",
        "unmatched",
        "refused",
    ] {
        let of_outcome = counts.iter().filter(|(key, _)| key.split(' ').next() == Some(outcome));
        let count = of_outcome.map(|(_, count)| count).sum::<usize>();
        assert!(count > 0, "{outcome}: {counts:?}");
        assert_eq!(all[outcome], count, "{outcome}");
    }
    for reason in [
        "overcap",
        "offer_inactive",
        "targeting",
        "rejected",
        "denied",
        "no_offer",
        "bot",
        "head",
        "no_user_agent",
        "timeout",
    ] {
        assert!(counts.contains_key(&key("trafficback", reason)), "{reason}: {counts:?}");
    }
    println!("{counts:?}, {} clicks", ids.len());
}
