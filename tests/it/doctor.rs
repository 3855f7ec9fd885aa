//! `onehop doctor`: what it finds around real sockets and files, and that it makes no click unasked.

use std::{
    path::Path,
    process::Output,
    time::{Duration, Instant, SystemTime},
};

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::{
    secret::assert_hidden,
    support::{
        Act, ClickApi, Edge, KEY, Program, Visitor, click,
        click_api::{Call, answer, error},
        click_bytes, one_link,
        program::{Folder, output},
        trafficback,
    },
    tls,
};

/// What was found, and the exit status.
struct Told {
    status: Option<i32>,
    json: Value,
}

impl Told {
    /// Mark, words and mend of the only finding of a check.
    fn of(&self, check: &str) -> (&str, String) {
        let all = self.all(check);
        assert_eq!(all.len(), 1, "{check}: {:#}", self.json);
        let finding = all[0];
        let words = ["about", "found", "mend"].map(|key| finding[key].as_str().unwrap_or_default());
        (finding["mark"].as_str().expect("a mark"), words.join(" | "))
    }

    fn all(&self, check: &str) -> Vec<&Value> {
        let findings = self.json["findings"].as_array().expect("a list");
        findings.iter().filter(|finding| finding["check"] == check).collect()
    }
}

/// Runs the program beside this test's trackers; no output may have the key.
async fn run(arguments: &'static [&'static str], folder: &Path) -> Output {
    let folder = folder.to_owned();
    let said = tokio::task::spawn_blocking(move || output(&[&["doctor"], arguments].concat(), &folder))
        .await
        .expect("no panic");
    for text in [&said.stdout, &said.stderr] {
        assert_hidden("doctor", &String::from_utf8_lossy(text));
    }
    said
}

async fn ask(arguments: &'static [&'static str], configuration: &str) -> Told {
    let folder = Folder::new();
    folder.write("onehop.toml", configuration);
    ask_in(arguments, &folder).await
}

async fn ask_in(arguments: &'static [&'static str], folder: &Folder) -> Told {
    let text = run(arguments, folder.path()).await;
    assert!(text.status.code().is_some(), "{text:?}");
    let arguments: &'static [&'static str] = Vec::leak([&["--json"], arguments].concat());
    let said = run(arguments, folder.path()).await;
    let json = serde_json::from_slice(&said.stdout);
    Told {
        status: said.status.code(),
        json: json.unwrap_or_else(|error| panic!("{error}: {said:?}")),
    }
}

fn with_date(bytes: Vec<u8>, date: SystemTime) -> Act {
    let text = String::from_utf8(bytes).expect("text");
    let date = format!("\r\ndate: {}\r\n", httpdate::fmt_http_date(date));
    Act::Send(text.replacen("\r\n", &date, 1).into_bytes())
}

/// As the contract has it, the key first.
fn by_contract(call: &Call) -> Act {
    let said = |code, message: &str| {
        let body = format!(r#"{{"message":"{message}","status":"error","code":{code}}}"#);
        with_date(answer(code, &body), SystemTime::now())
    };
    if call.parameter("secure_key").as_deref() != Some(KEY.as_bytes()) {
        return said(403, "Access denied");
    }
    let is_number = |name| call.parameter(name).is_some_and(|id| id.iter().all(u8::is_ascii_digit));
    if !["offer_id", "campaign_id", "promo_id"].into_iter().all(is_number) {
        return said(400, "Field request.offer_id is not valid");
    }
    with_date(click_bytes("a click"), SystemTime::now())
}

/// Whether a call could make a click.
fn names_an_offer(call: &Call) -> bool {
    call.parameter("offer_id").as_deref() != Some(b"none")
}

#[tokio::test]
async fn all_is_well_and_no_click_is_made() {
    let tracker = ClickApi::start(by_contract).await;
    let told = ask(&[], &one_link(&tracker)).await;
    assert_eq!(told.status, Some(0));
    for check in [
        "tracker_name",
        "tracker_connection",
        "tracker_answer",
        "tracker_key",
        "clock",
        "port",
    ] {
        assert_eq!(told.of(check).0, "ok", "{check}: {:#}", told.json);
    }
    assert_eq!(told.json["verdict"], "ok");
    let calls = tracker.calls();
    assert_eq!(calls.len(), 4, "twice two questions");
    assert!(!calls.iter().any(names_an_offer), "{calls:?}");
    // Nothing more is to be learned by a click.
    ask(&["--click"], &one_link(&tracker)).await;
    assert!(!tracker.calls().iter().any(names_an_offer));
}

#[tokio::test]
async fn the_sandbox_counts_no_click() {
    let folder = Folder::new();
    let sandbox = Program::start(
        &["sandbox", "--listen", "127.0.0.1:0", "--key", KEY],
        folder.path(),
        &[("RUST_LOG", "debug")],
    );
    let heard = sandbox.hear("url = \"http://");
    let (address, path) = heard.trim_end_matches('"').split_once('/').expect("a path");
    let nobody = ClickApi::always(Act::Close).await;
    let url = format!("http://{address}/{path}");
    let told = ask(&["--click"], &one_link(&nobody).replace(&nobody.url(), &url)).await;
    assert_eq!(told.of("tracker_key").0, "ok", "{:#}", told.json);
    // What a click looks like there.
    let call = format!("secure_key={KEY}&offer_id=1&campaign_id=2&promo_id=3&user_ip=192.0.2.1&user_useragent=x");
    let visitor = Visitor::new(address.parse().expect("an address"));
    visitor.get(&format!("/{path}?{call}")).await;
    sandbox.signal("TERM");
    let (_, said) = tokio::task::spawn_blocking(|| sandbox.wait()).await.expect("no panic");
    for (answer, times) in [
        ("Field request.offer_id is not valid", 2),
        ("Access denied", 2),
        ("click", 1),
    ] {
        assert_eq!(
            said.matches(&format!("\"answer\":\"{answer}\"")).count(),
            times,
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_wrong_key() {
    let tracker = ClickApi::always(error(403, "Access denied")).await;
    let told = ask(&["--click"], &one_link(&tracker)).await;
    assert_eq!(told.status, Some(1));
    let (mark, words) = told.of("tracker_key");
    assert!(mark == "fail" && words.contains("compare secure_key"), "{words}");
    assert!(!tracker.calls().iter().any(names_an_offer));
}

#[tokio::test]
async fn a_key_that_only_a_click_can_prove() {
    let tracker = ClickApi::start(|call| {
        if names_an_offer(call) {
            click("a click")
        } else {
            error(400, "Field request.offer_id is not valid")
        }
    })
    .await;
    let told = ask(&[], &one_link(&tracker)).await;
    let (mark, words) = told.of("tracker_key");
    assert!(mark == "unknown" && words.contains("--click"), "{words}");
    assert_eq!((told.status, &told.json["verdict"]), (Some(0), &"unknown".into()));
    // Nobody sat at a terminal, so that nobody consented.
    assert!(!tracker.calls().iter().any(names_an_offer));

    let told = ask(&["--click"], &one_link(&tracker)).await;
    let (mark, words) = told.of("tracker_click");
    assert!(
        mark == "ok" && words.contains("offer 1, campaign 2, promo 3"),
        "{words}"
    );
    assert!(told.all("tracker_key").is_empty());
    let calls = tracker.calls();
    let clicks: Vec<_> = calls.iter().filter(|call| names_an_offer(call)).collect();
    assert_eq!(clicks.len(), 2, "one of each run");
    assert_eq!(clicks[0].parameter("user_ip").as_deref(), Some(&b"203.0.113.7"[..]));
}

#[tokio::test]
async fn what_a_real_click_may_come_to() {
    for (said, mark, words) in [
        (error(403, "Access denied"), "fail", "refuses the key"),
        (
            error(403, "Click api disabled for this offer"),
            "fail",
            "does not allow the Click API",
        ),
        (error(400, "Field request.promo_id is not valid"), "fail", "in promo_id"),
        (trafficback("targeting"), "ok", "accepts the key"),
        (error(500, "x"), "fail", "answered 500"),
        (Act::Close, "fail", "no answer"),
    ] {
        let tracker = ClickApi::start(move |call| {
            if names_an_offer(call) {
                said.clone()
            } else {
                error(400, "Field request.offer_id is not valid")
            }
        })
        .await;
        let told = ask(&["--click"], &one_link(&tracker)).await;
        let (found, text) = told.of("tracker_click");
        assert!(found == mark && text.contains(words), "{text}");
    }
}

#[tokio::test]
async fn what_answers_is_no_click_api() {
    let echo = format!(r#"{{"status":"error","code":400,"message":"secure_key={KEY}"}}"#);
    for (act, check, mark, words) in [
        (
            Act::Send(answer(200, "<html>")),
            "tracker_answer",
            "fail",
            "not the JSON",
        ),
        (
            Act::Send(answer(404, "{}")),
            "tracker_answer",
            "fail",
            "/api/click/create",
        ),
        (Act::Send(answer(302, KEY)), "tracker_answer", "fail", "redirect"),
        (Act::Send(answer(503, KEY)), "tracker_answer", "warn", "503"),
        (Act::SendAndClose(KEY.into()), "tracker_answer", "fail", "not HTTP"),
        (Act::Reset, "tracker_answer", "fail", "no answer"),
        (Act::Send(answer(403, "<html>")), "tracker_key", "warn", "firewall"),
        (
            Act::Send(answer(400, &echo)),
            "tracker_key",
            "unknown",
            "has not looked",
        ),
        (click("1"), "tracker_key", "warn", "names no offer"),
    ] {
        let tracker = ClickApi::always(act).await;
        let told = ask(&[], &one_link(&tracker)).await;
        let (found, text) = told.of(check);
        assert!(found == mark && text.contains(words), "{words}: {text}");
        assert_eq!(told.status, Some(i32::from(mark == "fail")), "{text}");
    }
}

#[tokio::test]
async fn a_tracker_that_cannot_be_reached() {
    let tracker = ClickApi::always(Act::Close).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let refusing = gone.local_addr().expect("an address");
    drop(gone);
    for (url, check, words) in [
        (
            format!("http://{refusing}/api"),
            "tracker_connection",
            "refused the connection",
        ),
        ("https://tracker.invalid/api".to_owned(), "tracker_name", "resolve"),
        (tracker.url().replace("http:", "https:"), "tracker_connection", "TLS"),
    ] {
        let told = ask(&[], &one_link(&tracker).replace(&tracker.url(), &url)).await;
        let (mark, text) = told.of(check);
        assert!(mark == "fail" && text.contains(words), "{text}");
        assert_eq!(told.status, Some(1));
        assert_eq!(told.of("clock").0, "unknown");
    }
}

#[tokio::test]
async fn a_tracker_that_never_answers_is_not_waited_for() {
    let tracker = ClickApi::always(Act::SendAndHang(Vec::new())).await;
    let folder = Folder::new();
    folder.write("onehop.toml", one_link(&tracker));
    let began = Instant::now();
    let said = run(&[], folder.path()).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.contains("fail  main: no answer within 5 s"), "{text}");
}

#[tokio::test]
async fn a_slow_tracker_is_compared_with_the_deadline() {
    let late = std::sync::Arc::new(tokio::sync::Notify::new());
    let waits = std::sync::Arc::clone(&late);
    let tracker = ClickApi::start(move |_| {
        let bytes = answer(
            400,
            r#"{"message":"Field request.offer_id is not valid","status":"error","code":400}"#,
        );
        Act::WaitAndSend(std::sync::Arc::clone(&waits), bytes)
    })
    .await;
    let let_go = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_millis(700));
        loop {
            every.tick().await;
            late.notify_one();
        }
    });
    let configuration = one_link(&tracker).replace("deadline = \"500ms\"", "deadline = \"1ms\"");
    let told = ask(&[], &configuration).await;
    let_go.abort();
    let (mark, words) = told.of("tracker_answer");
    assert!(mark == "warn" && words.contains("visitors wait for 1 ms"), "{words}");
}

#[tokio::test]
async fn a_certificate_of_nobody_known_needs_its_root() {
    let nobody = ClickApi::always(Act::Close).await;
    for (name, has_root, mark, words) in [
        ("localhost", false, "fail", "ca = \"root.pem\""),
        ("localhost", true, "ok", "TLS in"),
        ("other.example", true, "fail", "for other hosts"),
    ] {
        let (address, root) = tls::tracker(name).await;
        let folder = Folder::new();
        folder.write("root.pem", root);
        let url = format!("https://localhost:{}/api/click/create", address.port());
        let mut configuration = one_link(&nobody).replace(&nobody.url(), &url);
        if has_root {
            configuration = configuration.replace("[tracker.main]", "[tracker.main]\nca = \"root.pem\"");
        }
        folder.write("onehop.toml", configuration);
        let told = ask_in(&[], &folder).await;
        // `localhost` may be an address of IPv6 too, at which nobody listens.
        let found = told.all("tracker_connection");
        let is_it =
            |finding: &&&Value| finding["mark"] == mark && finding.to_string().replace('\\', "").contains(words);
        assert!(found.iter().any(|finding| is_it(&finding)), "{words}: {found:#?}");
    }
}

#[tokio::test]
async fn a_clock_an_hour_off() {
    for (away, words) in [(3600, "1 hour behind"), (600, "10 minutes behind")] {
        let tracker =
            ClickApi::start(move |_| with_date(click_bytes("1"), SystemTime::now() + Duration::from_secs(away + 2)))
                .await;
        let told = ask(&[], &one_link(&tracker)).await;
        let (mark, text) = told.of("clock");
        assert!(mark == "fail" && text.contains("timedatectl"), "{text}");
        assert!(away > 3599 || text.contains(words), "{text}");
        assert_eq!(told.status, Some(1));
    }
}

#[tokio::test]
async fn ports_that_are_taken_and_by_whom() {
    let tracker = ClickApi::start(by_contract).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let at = |address: &str| one_link(&tracker).replace("127.0.0.1:0", address);
    let told = ask(&[], &at(&address.to_string())).await;
    let (mark, words) = told.of("port");
    assert!(
        mark == "fail" && words.contains(&format!("(pid {})", std::process::id())),
        "{words}"
    );
    assert_eq!(told.status, Some(1));
    drop(taken);

    let folder = Folder::new();
    folder.write("onehop.toml", one_link(&tracker));
    let edge = Program::start(&["run"], folder.path(), &[]);
    let address = edge.hear("listening on http://");
    let told = ask(&[], &at(&address)).await;
    let (mark, words) = told.of("port");
    assert!(
        mark == "ok" && words.contains("a running edge listens there: onehop (pid "),
        "{words}"
    );
    // It was not disturbed.
    let visitor = Visitor::new(address.parse().expect("an address"));
    visitor.get("/go").await.location();

    let told = ask(&[], &at("192.0.2.1:80")).await;
    assert!(
        told.of("port").1.contains("no address of this machine"),
        "{:#}",
        told.json
    );
}

#[tokio::test]
async fn certificates_that_end_and_hosts_that_none_names() {
    let tracker = ClickApi::start(by_contract).await;
    for (ends_in, mark) in [(-1, "fail"), (3, "warn"), (400, "ok")] {
        let folder = Folder::new();
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["go.example.com".to_owned()]).expect("parameters");
        let days = |number: i64| {
            let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
            let now = i64::try_from(now).expect("a time");
            rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs((now + number * 86_400 + 3_600).unsigned_abs())
        };
        (params.not_before, params.not_after) = (days(-400), days(ends_in));
        folder.write("certs/a.crt", params.self_signed(&key).expect("a certificate").pem());
        folder.write("certs/a.key", key.serialize_pem());
        let configuration = one_link(&tracker)
            .replace(
                "[listen]",
                "[tls]\ncerts = \"certs\"\n[listen]\nhttps = \"127.0.0.1:0\"",
            )
            .replace(
                "at = \"/go\"",
                "at = [\"go.example.com/go\", \"*.shop.example/go\", \"/go\"]",
            );
        folder.write("onehop.toml", configuration);
        let told = ask_in(&["--offline"], &folder).await;
        assert_eq!(told.of("certificate_end").0, mark, "{:#}", told.json);
        assert_eq!(told.of("certificate_chain").0, "warn");
        let (names, text) = told.of("certificate_names");
        assert!(names == "warn" && text.contains("names *.shop.example:"), "{text}");
        assert_eq!(told.status, Some(i32::from(mark == "fail")));
    }
}

#[tokio::test]
async fn databases_tell_their_age_and_whether_they_are_the_sandboxs() {
    let tracker = ClickApi::start(by_contract).await;
    let folder = Folder::new();
    folder.write("country.mmdb", include_bytes!("../../geoip/sandbox.mmdb"));
    folder.write(
        "onehop.toml",
        one_link(&tracker) + "[geoip]\ncountry = \"country.mmdb\"\n",
    );
    let told = ask_in(&["--offline"], &folder).await;
    let (mark, words) = told.of("database_age");
    assert!(
        mark == "warn" && words.starts_with("geoip.country country.mmdb | holds networks of documentation alone"),
        "{words}"
    );
    let sandbox = include_bytes!("../../geoip/sandbox.mmdb");
    let mut other = sandbox.to_vec();
    let kind = b"onehop-Sandbox";
    let at = other
        .windows(kind.len())
        .position(|bytes| bytes == kind)
        .expect("its type");
    other[at..at + kind.len()].copy_from_slice(b"Sample-Country");
    folder.write("country.mmdb", other);
    let told = ask_in(&["--offline"], &folder).await;
    let (_, words) = told.of("database_age");
    assert!(words.starts_with("geoip.country country.mmdb | was built "), "{words}");
}

#[tokio::test]
async fn offline_asks_nobody() {
    let tracker = ClickApi::start(by_contract).await;
    let told = ask(&["--offline"], &one_link(&tracker)).await;
    assert_eq!((told.status, tracker.connections()), (Some(0), 0));
    assert!(told.all("clock").is_empty() && told.all("tracker_key").is_empty());
}

#[tokio::test]
async fn a_configuration_with_mistakes_is_told_as_check_tells_it() {
    let folder = Folder::new();
    folder.write("onehop.toml", format!("[tracker.t]\nsecure_kye = \"{KEY}\"\n"));
    let said = run(&[], folder.path()).await;
    let checked = output(&["check"], folder.path());
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let mistakes = String::from_utf8_lossy(&checked.stdout).into_owned();
    let mistakes = mistakes.rsplit_once("onehop.toml cannot be used").expect("mistakes").0;
    assert!(!mistakes.is_empty() && text.starts_with(mistakes), "{text}");
    assert_eq!(said.status.code(), Some(1));
    let said = run(&["--json"], folder.path()).await;
    let json: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!((said.status.code(), &json["verdict"]), (Some(1), &"fail".into()));
    for wrong in [&["--offline", "--click"][..], &["--fast"]] {
        assert_eq!(
            run(Vec::leak(wrong.to_vec()), folder.path()).await.status.code(),
            Some(2)
        );
    }
}

/// Forty visitors behind a proxy, whose ad platform fills in no macro.
async fn visit(edge: &Edge) {
    for number in 0..40 {
        let visitor = edge.visitor().from(&format!("198.51.100.{number}"));
        visitor.get("/go?subid1=%7Bclickid%7D&utm_source=ads").await.location();
    }
}

#[tokio::test]
async fn the_mend_for_a_proxy_that_was_taken_for_its_visitors_mends_it() {
    let tracker = ClickApi::start(|call| click(&format!("click {}", call.number))).await;
    let configuration = one_link(&tracker) + "[click_log]\npath = \"clicks.jsonl\"\n";
    let blind = configuration.replace("trusted_proxies = [\"127.0.0.0/8\"]", "");
    let folder = Folder::new();
    folder.write("onehop.toml", &blind);
    let edge = Edge::start_in(folder.path(), &blind);
    visit(&edge).await;
    edge.stop().await;

    let told = ask_in(&["--offline"], &folder).await;
    let finding = told.all("log_proxies")[0];
    assert_eq!(finding["mark"], "fail");
    assert_eq!(told.status, Some(1));
    let (mark, words) = told.of("log_macros");
    assert!(
        mark == "warn" && words.contains("subid1 has {clickid} in 40 of 40 hits"),
        "{words}"
    );

    let mend = finding["mend"].as_str().expect("a mend");
    let mended = blind.replace("[visitor]", mend);
    let mended = mended.replace("clicks.jsonl", "more.jsonl");
    let edge = Edge::start_in(folder.path(), &mended);
    visit(&edge).await;
    edge.stop().await;
    let told = ask_in(&["--offline", "more.jsonl"], &folder).await;
    assert_eq!(told.of("log_proxies").0, "ok", "{:#}", told.json);
}

#[tokio::test]
async fn links_that_send_visitors_back_and_trackers_that_fail() {
    for (said, check, words) in [
        (
            trafficback("overcap"),
            "log_links",
            "| 40 of 40 hits went back, by overcap",
        ),
        (
            error(500, "x"),
            "log_failures",
            "main | failed at 100 % of the 40 hits that asked it: 40 tracker_error",
        ),
    ] {
        let tracker = ClickApi::always(said).await;
        let configuration = one_link(&tracker) + "[click_log]\npath = \"clicks.jsonl\"\n";
        let folder = Folder::new();
        folder.write("onehop.toml", &configuration);
        let edge = Edge::start_in(folder.path(), &configuration);
        visit(&edge).await;
        edge.stop().await;
        let told = ask_in(&["--offline"], &folder).await;
        let (mark, found) = told.of(check);
        assert!(mark == "warn" && found.contains(words), "{found}");
    }
}

#[tokio::test]
async fn a_log_needs_no_configuration() {
    let folder = Folder::new();
    let lines: String = (0..100)
        .map(|_| {
            "{\"time\":\"2026-11-23T00:00:00.000Z\",\"outcome\":\"advertiser\",\"link\":\"go.example.com/a\",\
             \"click_id\":\"c\",\"ip\":\"192.0.2.1\",\"user_agent\":\"Monitor \\u001b]0;x\"}\n"
        })
        .collect();
    folder.write("some.jsonl", lines + "torn");
    let told = ask_in(&["some.jsonl"], &folder).await;
    assert_eq!(told.of("configuration").0, "unknown");
    let (mark, words) = told.of("log_visitors");
    assert!(
        mark == "warn" && words.contains("100 % of 100 hits are of one visitor, 192.0.2.1"),
        "{words}"
    );
    assert_eq!(told.of("log_clicks").0, "warn");
    assert!(told.of("log_lines").1.contains("1 line could not be read"));
    let said = run(&["some.jsonl"], folder.path()).await;
    assert!(!said.stdout.contains(&0x1b) && said.status.success());
    assert_eq!(run(&["none.jsonl"], folder.path()).await.status.code(), Some(1));
}
