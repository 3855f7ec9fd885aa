//! `onehop replay` against the edge itself: whom the one sends elsewhere, the other does.

use std::{collections::BTreeSet, net::Ipv4Addr, path::Path};

use fastrand::Rng;
use onehop::{
    config,
    history::Whole,
    replay::{Certainty, Replay, Verdict, Way},
};
use serde_json::Value;

use crate::{
    explain::{self, HOSTS, MOODS, NETWORKS, PATHS, PLACES, RULES, USER_AGENTS, one},
    support::{
        Act, ClickApi, Edge, Visitor, click,
        click_api::Call,
        program::{Folder, output},
        trafficback, with_link,
    },
};

const CONFIGURATIONS: u64 = 20;
const VISITORS: u64 = 30;

fn way(text: &str) -> Way {
    let read = config::read_text(Path::new("test.toml"), text, &[], &|_| Box::new(|_| ()));
    let config = read.config.unwrap_or_else(|| panic!("{}", read.text));
    Way {
        hides_addresses: false,
        limits: config.limits,
        edge: config.into_edge(),
    }
}

/// A visitor of whom a log tells all.
fn somebody(rng: &mut Rng, number: u64) -> (Visitor, String) {
    let [a, b, c] = NETWORKS[rng.usize(..NETWORKS.len())];
    let user_agent = match one(rng, USER_AGENTS) {
        "" => String::new(),
        // Nobody comes twice, as the cache would answer.
        known => format!("{known} {number}"),
    };
    let mood = MOODS[rng.usize(..MOODS.len())].0;
    let tag = one(rng, &["", "subid2=a%26b+c&"]);
    let visitor = Visitor::new(([127, 0, 0, 1], 9).into())
        .host(one(rng, HOSTS))
        .user_agent(&user_agent)
        .from(&Ipv4Addr::new(a, b, c, rng.u8(..)).to_string())
        .method(one(rng, &["GET", "GET", "GET", "GET", "GET", "GET", "HEAD"]));
    let visitor = match rng.u8(..6) {
        0 => visitor.header("Referer", "https://blog.example.com/page?x=1"),
        1 => visitor.header("Referer", "https://t.co/"),
        2 if number.is_multiple_of(3) => visitor.header("Sec-Purpose", "prefetch"),
        _ => visitor,
    };
    (visitor, format!("{}?{tag}utm_term={mood}", one(rng, PATHS)))
}

/// The first configuration that is made free of mistakes, with a deadline that a busy machine keeps.
fn sound(mut make: impl FnMut() -> String) -> String {
    loop {
        let text = make().replace("deadline = \"500ms\"", "deadline = \"20s\"");
        if config::read_text(Path::new("test.toml"), &text, &[], &|_| Box::new(|_| ()))
            .config
            .is_some()
        {
            return text;
        }
    }
}

/// Another configuration: one that has nothing to do with it, or one with another rule.
fn changed(rng: &mut Rng, text: &str, main: &ClickApi, other: &ClickApi) -> String {
    if rng.bool() {
        return explain::configuration(rng, main, other);
    }
    let rules: Vec<&str> = RULES
        .iter()
        .copied()
        .filter(|rule| text.contains(&format!("\n{rule}\n")))
        .collect();
    let (rule, by) = (one(rng, &rules), one(rng, RULES));
    text.replacen(&format!("\n{rule}\n"), &format!("\n{by}\n"), 1)
}

/// Where a replay says that a visitor goes, in the words of the trackers of this test.
fn told(location: &str) -> String {
    location.replace("SESSION_ID", "s-1").replace("GOAL", "g%201")
}

#[tokio::test]
async fn what_a_replay_is_certain_of_is_what_the_edge_does() {
    let (mut moved, mut stayed, mut unsure) = (0, 0, 0);
    for seed in 0..CONFIGURATIONS {
        let rng = &mut Rng::with_seed(seed);
        let (main, other) = (
            ClickApi::start(explain::script).await,
            ClickApi::start(explain::script).await,
        );
        let old = sound(|| explain::configuration(rng, &main, &other));
        let new = sound(|| changed(rng, &old, &main, &other));
        let folder = Folder::new();
        let edges = [
            Edge::start_in(folder.path(), &format!("{old}\n[click_log]\npath = \"clicks.jsonl\"\n")),
            Edge::start(&new),
        ];
        let mut answers = Vec::new();
        for number in 0..VISITORS {
            let (visitor, target) = somebody(rng, number);
            let mut both = Vec::new();
            for edge in &edges {
                let answer = visitor.clone().at(edge.address).get(&target).await;
                both.push(answer.header("location").map(str::to_owned));
            }
            answers.push((both[0].clone(), both[1].clone(), target));
        }
        let [old_edge, _new_edge] = edges;
        old_edge.stop().await;

        let text = folder.read("clicks.jsonl");
        let mut same = Replay::new(way(&old), Some(way(&old)));
        let mut without_old = Replay::new(way(&old), None);
        let mut replay = Replay::new(way(&new), Some(way(&old)));
        assert_eq!(text.lines().count(), answers.len());
        for (line, (was, is, target)) in text.lines().zip(&answers) {
            let context = || format!("seed {seed}: {target}\n{line}\nwas {was:?}, is {is:?}\n{old}\n---\n{new}");
            let whole = Whole::read(line.as_bytes()).expect("a line");
            let verdict = same.add(&whole).expect("a hit");
            assert!(
                matches!(verdict, Verdict::Same(_) | Verdict::Refused),
                "{verdict:?} {}",
                context()
            );
            let verdict = without_old.add(&whole).expect("a hit");
            assert!(
                !matches!(verdict, Verdict::Elsewhere(Certainty::Certain, _)),
                "{verdict:?} {}",
                context()
            );
            match replay.add(&whole).expect("a hit") {
                Verdict::Same(Certainty::Certain) => {
                    stayed += 1;
                    assert_eq!(was, is, "{}", context());
                }
                Verdict::Elsewhere(Certainty::Certain, location) => {
                    moved += 1;
                    assert_eq!(location.as_deref().map(told), *is, "{}", context());
                }
                Verdict::Same(_) | Verdict::Elsewhere(..) => unsure += 1,
                Verdict::Refused => assert_eq!(*was, None, "{}", context()),
                verdict => panic!("{verdict:?} {}", context()),
            }
        }
    }
    // The comparison is one only if much happened.
    assert!(moved > 50 && stayed > 150 && unsure > 100, "{moved} {stayed} {unsure}");
}

/// Offer 1 wants everybody, offer 2 is at its cap, offer 3 wants nobody of an odd address, offer 4 fails.
fn script(call: &Call) -> Act {
    let text = |name| String::from_utf8(call.parameter(name).unwrap_or_default()).expect("ASCII");
    let (offer, ip) = (text("offer_id"), text("user_ip"));
    match &*offer {
        "2" => trafficback("overcap"),
        "3" if !ip.ends_with(['0', '2', '4', '6', '8']) => trafficback("targeting"),
        "4" => crate::support::click_api::error(500, "x"),
        _ => click(&format!("{offer}-{ip}")),
    }
}

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const DESKTOP: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

fn links(rules: &str) -> String {
    let offer = |name: &str, id: u8, more: &str| {
        format!(
            "[[link.offer]]\nname = \"{name}\"\noffer_id = {id}\ncampaign_id = 2\npromo_id = 3\n\
             traffic_url = \"https://advertiser.example/{id}?c={{click_id}}\"\n{more}\n"
        )
    };
    let link = |path: &str| format!("[[link]]\nat = \"go.example.com{path}\"\ntracker = \"main\"\n");
    [
        format!("[click_log]\npath = \"clicks.jsonl\"\n[geoip]\ncountry = \"{PLACES}\"\n"),
        link("/shoes"),
        offer("german", 1, rules),
        offer("capped", 2, ""),
        link("/only"),
        offer("german", 1, rules),
        link("/even"),
        offer("german", 1, rules),
        offer("even", 3, ""),
        link("/broken"),
        offer("broken", 4, ""),
        offer("plain", 1, "tracker = \"second\""),
    ]
    .concat()
}

#[tokio::test]
async fn changed_rules_move_those_whom_an_edge_with_them_moves() {
    let tracker = ClickApi::start(script).await;
    let second = ClickApi::start(script).await;
    let with = |rules: &str| {
        let second = format!("[tracker.second]\nurl = \"{}\"\nsecure_key = \"k\"\n", second.url());
        with_link(&tracker, &format!("{second}{}", links(rules))).replace("500ms", "20s")
    };
    let old = with("when = { country = [\"DE\", \"US\"] }");
    let new = with("when = { country = [\"DE\", \"AT\"], device = \"phone\" }");
    let folder = Folder::new();
    folder.write("onehop.toml", &old);
    folder.write("new.toml", &new);
    let edge = Edge::start_in(folder.path(), &old);
    let other = Folder::new();
    let next = Edge::start_in(other.path(), &new);
    let (mut went_elsewhere, mut hits) = (0, 0);
    // First those by whom the log learns that an offer is at its cap.
    for network in ["203.0.113", "192.0.2", "198.51.100"] {
        for (number, path) in
            (1..7).flat_map(|number| ["/shoes", "/only", "/even", "/broken"].map(|path| (number, path)))
        {
            let user_agent = if number % 3 == 0 { DESKTOP } else { PHONE };
            let visitor = edge
                .visitor()
                .user_agent(user_agent)
                .from(&format!("{network}.{number}"));
            let was = visitor.get(path).await.location().to_owned();
            let is = visitor.at(next.address).get(path).await.location().to_owned();
            went_elsewhere += i32::from(was != is);
            hits += 1;
        }
    }
    edge.visitor().method("POST").get("/shoes").await;
    edge.stop().await;
    assert!(went_elsewhere > 10, "{went_elsewhere}");

    let run = |arguments: &[&str]| {
        let said = output(&[&["replay"], arguments].concat(), folder.path());
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (said.status.code(), text(said.stdout), text(said.stderr))
    };
    let (status, said, errors) = run(&["-c", "new.toml", "--old", "onehop.toml", "--json"]);
    assert_eq!((status, &*errors), (Some(0), ""));
    let told: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        (&told["hits"], &told["not_replayed"]["refused"]),
        (&(hits + 1).into(), &1.into())
    );
    assert_eq!(
        (&told["replayed"], &told["not_replayed"]["unlike"]),
        (&hits.into(), &0.into())
    );
    let number = |value: &Value| value.as_i64().expect("a number");
    let elsewhere = number(&told["elsewhere"]);
    assert_eq!(elsewhere, i64::from(went_elsewhere), "{said}");
    for certainty in ["certain", "likely", "assumed"] {
        assert!(number(&told["certainty"][certainty]) > 2, "{said}");
    }
    assert_eq!(told["certainty"]["unclear"], 0);
    let changes = told["changes"].as_array().expect("a list");
    let sum: i64 = changes.iter().map(|change| number(&change["hits"])).sum();
    assert_eq!(sum, elsewhere);
    assert!(
        changes.iter().any(|change| change["from"]["offer"] == "german"
            && change["why"] == "`when` asks for country DE or AT"
            && change["from"]["link"] == "go.example.com/shoes"),
        "{said}"
    );

    // What it says to type shows that visitor.
    let (_, table, _) = run(&["-c", "new.toml", "--old", "onehop.toml"]);
    what_is_to_be_typed_shows_its_visitor(&table, &folder);
    assert!(table.contains("went to  https://") && table.contains("█"), "{table}");

    for arguments in [
        &["--old", "onehop.toml"][..],
        &["--old", "onehop.toml", "clicks.jsonl", "--fail-above", "0"],
    ] {
        let (status, said, _) = run(arguments);
        assert_eq!(status, Some(0));
        assert!(
            said.contains(&format!("None of the {hits} that were replayed would go elsewhere")),
            "{said}"
        );
    }
    folder.write("empty.jsonl", "");
    let (status, _, said) = run(&["-c", "new.toml", "--fail-above", "100", "empty.jsonl"]);
    assert!(status == Some(1) && said.contains("no hit was replayed"), "{said}");
    let (status, _, said) = run(&["-c", "new.toml", "--fail-above", "1%"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("would go elsewhere, and --fail-above is 1 %"), "{said}");
}

fn what_is_to_be_typed_shows_its_visitor(table: &str, folder: &Folder) {
    let typed: BTreeSet<&str> = table
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("onehop "))
        .collect();
    assert!(typed.len() > 2, "{table}");
    for line in typed {
        let line = line.replacen("onehop", env!("CARGO_BIN_EXE_onehop"), 1);
        let shown = std::process::Command::new("sh")
            .args(["-c", &line])
            .current_dir(folder.path())
            .output()
            .expect("a shell");
        let shown = String::from_utf8(shown.stdout).expect("UTF-8");
        assert!(
            shown.contains("link go.example.com/") && shown.contains("Mozilla/5.0 ("),
            "{line}\n{shown}"
        );
    }
}

#[test]
fn a_configuration_with_mistakes_is_told_as_check_tells_it() {
    let folder = Folder::new();
    folder.write(
        "new.toml",
        "[tracker.a]\nurl = 1\nsecure_key = { env = \"ONEHOP_TEST_UNSET\" }\n",
    );
    let check = output(&["check", "-c", "new.toml"], folder.path());
    let said = output(
        &["replay", "-c", "new.toml", "--old", "none.toml", "clicks.jsonl"],
        folder.path(),
    );
    assert_eq!(said.status.code(), Some(1));
    let (check, said) = (
        String::from_utf8_lossy(&check.stdout),
        String::from_utf8_lossy(&said.stderr),
    );
    let mistakes = check.rsplit_once("new.toml cannot").expect("a verdict").0;
    assert!(
        said.starts_with(mistakes) && said.contains("ONEHOP_TEST_UNSET") && said.contains("none.toml"),
        "{said}"
    );
}
