//! The click log: every hit is one line, whatever became of it.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Read,
    process::Command,
};

use flate2::read::GzDecoder;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    connections::{ask, http2},
    support::{
        Act, ClickApi, Edge, Program, Visitor, click,
        click_api::error,
        eventually,
        program::{Folder, output},
        trafficback, with_link,
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
async fn a_pipe_is_written_if_somebody_reads_it() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write("onehop.toml", with_link(&tracker, LINKS));
    let pipe = folder.path().join("clicks.jsonl");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());

    let (status, said) = Program::start(&["run"], folder.path(), &[]).wait();
    assert!(!status.success());
    assert!(said.contains("nobody reads the pipe; start its reader first"), "{said}");
    let doctor = output(&["doctor"], folder.path());
    let found = String::from_utf8_lossy(&doctor.stdout);
    assert!(found.contains("start its reader before the edge"), "{found}");

    let mut reader = File::options().read(true).write(true).open(&pipe).expect("a pipe");
    let program = Program::start(&["run"], folder.path(), &[]);
    let visitor = Visitor::new(program.hear("listening on http://").parse().expect("an address"));
    visitor.get("/go").await.location();
    program.signal("TERM");
    let (status, said) = program.wait();
    assert!(status.success(), "{said}");
    let mut read = vec![0; 4096];
    let length = reader.read(&mut read).expect("a line");
    let line: Value = serde_json::from_slice(&read[..length]).expect("JSON");
    assert_eq!(line["outcome"], "advertiser");
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

/// Every line of the files in a folder whose names begin with `clicks.jsonl`, each whole, and how many files there are.
fn lines_of_all(folder: &Folder) -> (Vec<Value>, usize) {
    let mut files = 0;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("a file").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("text");
        if !name.starts_with("clicks.jsonl") {
            continue;
        }
        let mut text = String::new();
        let mut file = File::open(&path).expect("a file");
        if path.extension().is_some_and(|ending| ending == "gz") {
            GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
        } else {
            file.read_to_string(&mut text).expect("text");
        }
        assert!(text.is_empty() || text.ends_with('\n'), "{name} ends within a line");
        found.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Value>(line).expect("a whole line")),
        );
        files += 1;
    }
    (found, files)
}

/// How many lines the plain files of a folder have whose names begin with `clicks.jsonl`.
fn whole_lines(folder: &Folder) -> usize {
    fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.is_file() && path.to_string_lossy().contains("clicks.jsonl"))
        .map(|path| fs::read_to_string(path).expect("a file").matches('\n').count())
        .sum()
}

/// Each hit of the others' is in one line, and in one alone.
fn assert_each_hit_once(lines: &[Value], hits: usize) {
    let ids: HashSet<&str> = lines.iter().filter_map(|line| line["hit_id"].as_str()).collect();
    assert_eq!((lines.len(), ids.len()), (hits, hits));
}

/// Visitors who come again and again until they are told to stop; each gives how often he came.
fn visiting(visitor: &Visitor, stop: &tokio::sync::watch::Receiver<bool>) -> tokio::task::JoinSet<usize> {
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (visitor, stop) = (visitor.clone(), stop.clone());
        visitors.spawn(async move {
            let mut stream = visitor.connect().await;
            let mut hits = 0;
            while !*stop.borrow() {
                visitor.get_on(&mut stream, "/go").await.location();
                hits += 1;
                if hits % 500 == 0 {
                    stream = visitor.connect().await;
                }
            }
            hits
        });
    }
    visitors
}

#[tokio::test]
async fn a_file_that_is_moved_away_under_load_and_told_of_costs_no_line() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write("onehop.toml", with_link(&tracker, LINKS));
    let program = Program::start(&["run"], folder.path(), &[]);
    let visitor = Visitor::new(program.hear("listening on http://").parse().expect("an address"));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let visitors = visiting(&visitor, &stopped);
    let log = folder.path().join("clicks.jsonl");
    let is_written = async || fs::metadata(&log).is_ok_and(|file| file.len() > 2000);
    for number in 1..=5 {
        eventually("lines", is_written).await;
        fs::rename(&log, folder.path().join(format!("clicks.jsonl.{number}"))).expect("a file");
        program.signal("USR1");
    }
    eventually("lines", is_written).await;
    stop.send_replace(true);
    let hits: usize = visitors.join_all().await.into_iter().sum();

    // Where none can be opened, the old one stays in use.
    let moved = folder.path().join("clicks.jsonl.6");
    fs::rename(&log, &moved).expect("a file");
    fs::create_dir(&log).expect("a folder");
    program.signal("USR1");
    program.hear("cannot be opened again");
    visitor.get("/go").await.location();
    eventually("every hit in the old files", async || whole_lines(&folder) == hits + 1).await;
    fs::remove_dir(&log).expect("a folder");
    program.signal("USR1");
    program.hear("goes on in a new file");
    visitor.get("/go").await.location();
    program.signal("TERM");
    let (status, said) = program.wait();
    assert!(status.success(), "{said}");

    assert_eq!(folder.read("clicks.jsonl").lines().count(), 1);
    let (lines, files) = lines_of_all(&folder);
    assert_eq!(files, 7);
    assert_each_hit_once(&lines, hits + 2);
}

#[tokio::test]
async fn without_a_click_log_the_signal_ends_nothing() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write(
        "onehop.toml",
        with_link(&tracker, LINKS).replace("[click_log]\n    path = \"clicks.jsonl\"\n", ""),
    );
    let program = Program::start(&["run"], folder.path(), &[]);
    let visitor = Visitor::new(program.hear("listening on http://").parse().expect("an address"));
    program.signal("USR1");
    visitor.get("/go").await.location();
    program.signal("TERM");
    let (status, said) = program.wait();
    assert!(status.success(), "{said}");
    assert!(!folder.path().join("clicks.jsonl").exists());
}

#[tokio::test]
async fn files_of_a_size_are_compressed_and_have_every_hit() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    let rotating = "path = \"clicks.jsonl\"\nrotate_size = \"20KB\"\ngzip = true\n";
    let configuration = LINKS.replace("path = \"clicks.jsonl\"\n", rotating);
    // One that an edge has left when it was ended.
    folder.write("clicks.jsonl.20200101T000000Z", "{\"hit_id\":\"old\"}\n");
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, &configuration));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let visitors = visiting(&edge.visitor(), &stopped);
    let compressed = || {
        let names = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|file| file.expect("a file").file_name());
        let names: Vec<String> = names.map(|name| name.into_string().expect("text")).collect();
        let ends = |end: &str| names.iter().filter(|name| name.ends_with(end)).count();
        (ends(".gz"), names.len() - ends(".gz"))
    };
    eventually("rotated files", async || compressed().0 >= 8).await;
    stop.send_replace(true);
    let hits: usize = visitors.join_all().await.into_iter().sum();
    edge.stop().await;
    // The log alone is left as it is.
    eventually("all are compressed", async || compressed().1 == 1).await;
    assert!(fs::metadata(folder.path().join("clicks.jsonl")).expect("a file").len() <= 20_000);
    assert!(folder.path().join("clicks.jsonl.20200101T000000Z.gz").exists());
    let (lines, files) = lines_of_all(&folder);
    assert!(files >= 9, "{files}");
    assert_each_hit_once(&lines, hits + 1);
}

#[tokio::test]
async fn lines_tell_no_more_than_they_are_to() {
    let tracker = ClickApi::always(click("1")).await;
    for ip in ["truncated", "hashed"] {
        let folder = Folder::new();
        let less =
            format!("path = \"clicks.jsonl\"\nip = \"{ip}\"\ndrop = [\"user_agent\", \"referrer\", \"subid1\"]\n");
        let configuration = LINKS.replace("path = \"clicks.jsonl\"\n", &less);
        let edge = Edge::start_in(folder.path(), &with_link(&tracker, &configuration));
        for (from, target) in [
            ("192.0.2.77", "/go?zone=1&subid2=b"),
            ("2001:db8::77", "/go"),
            ("192.0.2.77", "/go"),
        ] {
            edge.visitor()
                .from(from)
                .header("Referer", "https://a.example/")
                .get(target)
                .await
                .location();
        }
        edge.stop().await;
        let lines = lines(&folder);
        for line in &lines {
            for field in ["user_agent", "referrer", "subid1"] {
                assert_eq!(line.get(field), None);
            }
        }
        assert_eq!((&lines[0]["subid2"], &lines[0]["click_id"]), (&"b".into(), &"1".into()));
        let told: Vec<&str> = lines.iter().filter_map(|line| line["ip"].as_str()).collect();
        assert!(told[0] == told[2] && told[0] != told[1]);
        if ip == "truncated" {
            assert_eq!(told[..2], ["192.0.2.0", "2001:db8::"]);
        } else {
            assert!(
                told.iter().all(|word| word.len() == 16 && !word.contains(['.', ':'])),
                "{told:?}"
            );
        }
        // The tracker is told the true ones.
        let calls = tracker.calls();
        let ips: Vec<_> = calls.iter().filter_map(|call| call.parameter("user_ip")).collect();
        assert!(
            ips.contains(&b"192.0.2.77".to_vec()) && ips.contains(&b"2001:db8::77".to_vec()),
            "{ips:?}"
        );
    }
}
