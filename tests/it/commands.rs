//! The commands, as a newcomer runs them.

use std::{fs::File, io};

use crate::support::{
    Program, Visitor,
    program::{Folder, output, output_to},
    visitor::Answer,
};

/// What the guide of the demonstration shows: a link's path, and words of what it should come to.
const SHOWN: [(&str, &str); 6] = [
    ("/shoes?utm_source=demo", "https://advertiser.example/shoes?click_id="),
    ("/inactive", "why=offer_inactive"),
    ("/paused", "why=campaign_inactive"),
    ("/phones", "why=targeting"),
    ("/broken", "https://tracker.example/c/816?offer=1006"),
    ("/either", "https://advertiser.example/second?click_id="),
];

#[test]
fn the_demo_does_what_it_prints() {
    let folder = Folder::new();
    let program = Program::start(&["demo", "--listen", "127.0.0.1:0"], folder.path(), &[]);
    program.hear("Each hit is a line below.");
    let guide = program.said();
    let lines: Vec<&str> = guide.lines().filter(|line| line.starts_with("  curl ")).collect();
    for (link, expected) in SHOWN {
        let line = lines
            .iter()
            .find(|line| line.ends_with(&format!("{link}'")))
            .expect("a line to try");
        let answer = try_line(line);
        assert!(answer.location().contains(expected), "{line}: {}", answer.head);
        let path = link.split('?').next().expect("a path");
        program.hear(&format!("{path} from 127.0.0.1: "));
    }
    let (_, url) = lines[0].split_once("http://").expect("a URL");
    let (address, _) = url.split_once('/').expect("a path");
    program.signal("INT");
    let (status, said) = program.wait();
    assert!(status.success(), "{said}");
    assert!(said.contains(&format!("no longer listening on {address}")), "{said}");
}

/// Asks what a line `curl -si -A 'AGENT' 'http://ADDRESS/TARGET'` asks.
fn try_line(line: &str) -> Answer {
    let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
    let [agent, url] = quoted[..] else {
        panic!("an agent and a URL expected: {line}")
    };
    let (address, target) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("a URL");
    let visitor = Visitor::new(address.parse().expect("an address"))
        .without("X-Forwarded-For")
        .user_agent(agent);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(visitor.get(&format!("/{target}")))
}

#[test]
fn a_click_of_the_demo_is_one_that_its_tracker_made() {
    let folder = Folder::new();
    let program = Program::start(&["demo", "--listen", "127.0.0.1:0"], folder.path(), &[]);
    program.hear("Each hit is a line below.");
    let guide = program.said();
    let shown = guide
        .lines()
        .find(|line| line.starts_with("  curl "))
        .expect("a line to try");
    let (_, after) = shown.split_once("http://").expect("a URL");
    let (address, _) = after.split_once('/').expect("a path");
    let visitor = Visitor::new(address.parse().expect("an address"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let clicks: Vec<String> = ["192.0.2.1", "192.0.2.2", "192.0.2.1"]
        .into_iter()
        .map(|ip| {
            runtime
                .block_on(visitor.clone().from(ip).get("/shoes"))
                .location()
                .to_owned()
        })
        .collect();
    assert_ne!(clicks[0], clicks[1]);
    assert_eq!(clicks[0], clicks[2]);
}

#[test]
fn the_sandbox_alone() {
    let folder = Folder::new();
    let program = Program::start(
        &["sandbox", "--listen", "127.0.0.1:0", "--key", "k", "--cap", "1"],
        folder.path(),
        &[],
    );
    let address = program.hear("url = \"http://");
    let (address, path) = address.trim_end_matches('"').split_once('/').expect("a path");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let ask = |query: &str| {
        let visitor = Visitor::new(address.parse().expect("an address"));
        let answer = runtime.block_on(visitor.get(&format!("/{path}?{query}")));
        let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        (answer.status, body)
    };
    let call = "secure_key=k&offer_id=1&campaign_id=2&promo_id=3&user_ip=192.0.2.1&user_useragent=x";
    let (status, first) = ask(call);
    assert_eq!((status, &first["data"]["exists"]), (200, &false.into()));
    let (_, again) = ask(call);
    assert_eq!(
        (&again["data"]["exists"], &again["data"]["click_id"]),
        (&true.into(), &first["data"]["click_id"])
    );
    let (status, body) = ask(&call.replace("secure_key=k", "secure_key=x"));
    assert_eq!((status, &body["message"]), (403, &"Access denied".into()));
    let (status, body) = ask(&call.replace("campaign_id=2", "campaign_id=x"));
    assert_eq!(
        (status, &body["message"]),
        (400, &"Field request.campaign_id is not valid".into())
    );
    let capped = call.replace("offer_id=1", "offer_id=1004");
    assert_eq!(ask(&capped).0, 200);
    let (status, body) = ask(&capped.replace("192.0.2.1", "192.0.2.2"));
    assert_eq!((status, &body["reason"]), (202, &"overcap".into()));
}

#[test]
fn exit_statuses() {
    let folder = Folder::new();
    for (arguments, status) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["run", "--help"], 0),
        (&[], 2),
        (&["fly"], 2),
        (&["run", "--fast"], 2),
        (&["sandbox", "--fail", "7"], 2),
        (&["run", "-c", "none.toml"], 1),
        (&["check", "-c", "none.toml"], 1),
    ] {
        assert_eq!(
            output(arguments, folder.path()).status.code(),
            Some(status),
            "{arguments:?}"
        );
    }
}

#[test]
fn an_address_that_is_taken_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let folder = Folder::new();
    folder.write(
        "onehop.toml",
        format!(
            "[listen]\nhttp = \"{address}\"\n[tracker.t]\nurl = \"http://127.0.0.1:9/x\"\nsecure_key = \"k\"\n\
             [[link]]\nat = \"/a\"\ntrafficback_url = \"https://a.example\"\n[[link.offer]]\noffer_id = 1\n\
             campaign_id = 2\npromo_id = 3\ntraffic_url = \"https://a.example/{{click_id}}\"\n"
        ),
    );
    let output = output(&["run"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        said.contains(&format!("cannot listen on {address}")) && said.contains("another"),
        "{said}"
    );
}

#[test]
fn a_full_disk_is_told_of_and_a_reader_that_went_away_is_not() {
    let folder = Folder::new();
    let line = r#"{"time":"2026-11-23T04:05:06Z","outcome":"advertiser","click_id":"a","path":"/a"}"#;
    folder.write("clicks.jsonl", format!("{line}\n"));
    folder.write("network.csv", "click_id\nb\n");
    folder.write(
        "onehop.toml",
        "[tracker.t]\nurl = \"http://127.0.0.1:9/x\"\nsecure_key = \"k\"\n[[link]]\nat = \"/a\"\n\
         trafficback_url = \"https://a.example\"\n[[link.offer]]\noffer_id = 1\ncampaign_id = 2\npromo_id = 3\n\
         traffic_url = \"https://a.example/{click_id}\"\n",
    );
    for arguments in [
        &["check"][..],
        &["check", "--explain-limits"],
        &["check", "-c", "none.toml", "--explain-limits"],
        &["doctor", "--offline"],
        &["doctor", "--offline", "--json"],
        &["explain", "/a"],
        &["report", "clicks.jsonl"],
        &["reconcile", "--network", "network.csv", "clicks.jsonl"],
        &[
            "reconcile",
            "--network",
            "network.csv",
            "--list",
            "only_there",
            "clicks.jsonl",
        ],
        &["replay", "clicks.jsonl"],
        &["schema"],
    ] {
        let full = File::options().write(true).open("/dev/full").expect("a device");
        let said = output_to(full, arguments, folder.path());
        let told = String::from_utf8_lossy(&said.stderr);
        assert!(
            told.contains("onehop: No space left on device"),
            "{arguments:?}: {told}"
        );
        assert_eq!(said.status.code(), Some(1), "{arguments:?}");

        let heard = output(arguments, folder.path());
        assert!(!heard.stdout.is_empty(), "{arguments:?}");
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let unheard = output_to(writer, arguments, folder.path());
        assert_eq!(
            (unheard.status, unheard.stderr),
            (heard.status, heard.stderr),
            "{arguments:?}"
        );
    }
}
