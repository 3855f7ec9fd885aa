//! `explain` against the edge itself: what the one says is what the other does.

use std::{fmt::Write as _, net::Ipv4Addr, path::Path, time::SystemTime};

use fastrand::Rng;
use onehop::{
    config,
    explain::{self, Explanation, Imagined},
};

use crate::support::{
    ClickApi, Edge, KEY, Visitor, click,
    click_api::{Call, error},
    program::{Folder, output},
    trafficback, with_link,
};

pub(crate) const PLACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/sandbox.mmdb");

const CONFIGURATIONS: u64 = 25;
const VISITORS: u64 = 40;

pub(crate) const RULES: &[&str] = &[
    "",
    "when = { country = [\"DE\", \"AT\"] }",
    "when = { country = \"US\" }\n unless = { device = \"phone\" }",
    "when = { continent = \"EU\", device = [\"phone\", \"tablet\"] }",
    "unless = { continent = \"EU\" }",
    "when = { asn = [64496, 64501] }",
    "when = { ip = [\"192.0.2.0/25\", \"198.51.100.0/24\"] }",
    "when = { os = [\"ios\", \"windows\"] }",
    "when = { browser = \"chrome\" }",
    "when = { language = [\"de\", \"fr\"] }",
    "unless = { language = \"en\" }",
    "when = { referrer = [\"*.example.com\", \"t.co\"] }",
    "when = { query = { zone = [\"1*\", \"a b\"] } }",
    "unless = { query = { debug = \"*\" } }",
    "when = { time = { from = \"00:00\", to = \"24:00\" } }",
    "unless = { time = { days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"], zone = \"Asia/Tokyo\" } }",
];
const MORE: &[&str] = &[
    "",
    "tracking_url = \"https://plain.example/{offer_id}?z={query.zone}\"",
    "send = { subid1 = \"{country}-{device}\", utm_source = \"{query.zone}\" }",
    "forward_query = \"all\"",
    "forward_query = [\"gclid\", \"zone\"]",
    "tracker = \"other\"",
];
const TRAFFIC: &[&str] = &[
    "https://one.example/?c={click_id}&l={language}&r={rest}",
    "https://two.example/{click_id}/{rest}?g={goal}&o={os}-{browser}",
    "https://three.example:8443/?c={click_id}&u={utm_source}&ip={ip}&h={host}{path}#{session_id}",
];
const AT: &[&str] = &[
    "\"go.example.com/shoes\"",
    "\"go.example.com/shoes/*\"",
    "[\"*.example.com/shoes\", \"/deals/*\"]",
    "\"*/*\"",
];
pub(crate) const HOSTS: &[&str] = &[
    "go.example.com",
    "go.example.com",
    "GO.example.com:8080",
    "a.b.example.com",
    "other.example",
];
pub(crate) const PATHS: &[&str] = &["/shoes", "/shoes/", "/shoes/red/1", "/deals/%7Ex/y", "/none", "/"];
const QUERIES: &[&str] = &[
    "",
    "?zone=12",
    "?zone=a+b&gclid=x%2Fy",
    "?debug",
    "?utm_source=u%26v&subid2=2&zone=q",
];
pub(crate) const NETWORKS: &[[u8; 3]] = &[[192, 0, 2], [198, 51, 100], [203, 0, 113], [10, 0, 0], [127, 1, 1]];
pub(crate) const USER_AGENTS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 13; SM-X906B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Safari/537.36",
    "Something/1.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "",
];
const HEADERS: &[(&str, &str)] = &[
    ("Accept-Language", "de-AT,de;q=0.9,en;q=0"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Referer", "https://blog.example.com/page?x=1"),
    ("Referer", "https://t.co/"),
    ("Sec-Purpose", "prefetch"),
    ("X-Nothing", "1"),
];

pub(crate) fn one<'a, T: ?Sized>(rng: &mut Rng, of: &[&'a T]) -> &'a T {
    of[rng.usize(..of.len())]
}

pub(crate) fn configuration(rng: &mut Rng, main: &ClickApi, other: &ClickApi) -> String {
    let mut links = format!(
        "[geoip]\ncountry = \"{PLACES}\"\nasn = \"{PLACES}\"\n[tracker.other]\nurl = \"{}\"\nsecure_key = \"{KEY}\"\n",
        other.url()
    );
    if rng.bool() {
        links += "[unmatched]\nredirect = \"https://lost.example/?h={host}&p={path}&c={country}\"\n";
    }
    for at in AT {
        if rng.u8(..8) == 0 {
            continue;
        }
        let _ = writeln!(links, "[[link]]\nat = {at}\ntracker = \"main\"");
        if rng.bool() {
            links += "order = \"weighted\"\n";
        }
        if rng.bool() {
            links += "trafficback_url = \"https://back.example/{country}/{device}?why={reason}&o={offer_id}&z={query.zone}\"\n";
        }
        if rng.bool() {
            links += "preview_url = \"https://preview.example/{path}\"\n";
        }
        for id in 0..rng.u8(1..5) {
            let _ = writeln!(
                links,
                "[[link.offer]]\noffer_id = {}\ncampaign_id = 2\npromo_id = 3\nweight = {}\ntraffic_url = \"{}\"\n{}\n{}",
                id + 1,
                rng.u8(..4),
                one(rng, TRAFFIC),
                one(rng, RULES),
                one(rng, MORE),
            );
        }
    }
    links += "[[link]]\nat = \"always.example/\"\ntracker = \"main\"\n[[link.offer]]\noffer_id = 9\ncampaign_id = 2\npromo_id = 3\n\
              traffic_url = \"https://a.example/{click_id}\"\n";
    // What one visitor is told is not said to another, whose trackers are in another mood.
    with_link(main, &links).replace("[click]", "[click]\noffer_ttl = \"0s\"")
}

/// What the trackers do is told by the visitor, in a tag that is passed on.
pub(crate) fn script(call: &Call) -> crate::support::Act {
    let text = |name| String::from_utf8(call.parameter(name).unwrap_or_default()).expect("ASCII");
    let (offer, mood) = (text("offer_id"), text("utm_term"));
    match mood.split_once('-').expect("a mood") {
        ("click", wanted) if wanted == offer => click(&format!("id-{offer}")),
        ("click", _) => trafficback("targeting"),
        ("back", reason) => trafficback(reason),
        ("error", number) => error(number.parse().expect("a number"), "x"),
        _ => panic!("{mood}"),
    }
}

/// The mood, and the reason that all offers come to in it if there is no click.
pub(crate) const MOODS: &[(&str, &str)] = &[
    ("click-1", "targeting"),
    ("click-1", "targeting"),
    ("click-2", "targeting"),
    ("click-2", "targeting"),
    ("click-3", "targeting"),
    ("back-overcap", "overcap"),
    ("back-offer_inactive", "offer_inactive"),
    ("back-surprise", "other"),
    ("error-500", "tracker_error"),
    ("error-400", "rejected"),
    ("error-403", "denied"),
];

/// What the edge should do by the explanation: the answer, and the requests to trackers.
fn expected(explained: &Explanation, mood: (&str, &str)) -> (u16, Option<String>, Vec<String>) {
    if let Some(end) = &explained.ends {
        return (end.status, end.location.clone(), Vec::new());
    }
    let mut requests = Vec::new();
    let mut failed = Vec::new();
    for offer in explained.offers.iter().filter(|offer| offer.fits) {
        if failed.contains(&&offer.tracker) {
            continue;
        }
        requests.push(offer.request.clone().expect("a request"));
        if mood.0 == format!("click-{}", offer.offer_id) {
            let end = offer.click.as_ref().expect("an end");
            let location = end.location.as_ref().expect("a location");
            let id = format!("id-{}", offer.offer_id);
            // What the trackers of this test send.
            let location = location
                .replace("CLICK_ID", &id)
                .replace("SESSION_ID", "s-1")
                .replace("GOAL", "g%201");
            return (end.status, Some(location), requests);
        }
        if mood.0 == "error-500" {
            // The tracker is asked again, in vain, and then no more.
            requests.extend(vec![requests[requests.len() - 1].clone(); 2]);
            failed.push(&offer.tracker);
        }
    }
    let ends = &explained.otherwise.as_ref().expect("the other ends").0;
    let (_, end) = ends.iter().find(|(reason, _)| *reason == mood.1).expect("an end");
    (end.status, end.location.clone(), requests)
}

#[tokio::test]
async fn explain_and_the_edge_agree() {
    let (mut redirected, mut clicked, mut asked_twice) = (0, 0, 0);
    for seed in 0..CONFIGURATIONS {
        let rng = &mut Rng::with_seed(seed);
        let (main, other) = (ClickApi::start(script).await, ClickApi::start(script).await);
        let text = configuration(rng, &main, &other);
        let edge = Edge::start(&text);
        let read = config::read_text(Path::new("test.toml"), &text, &[], &|_| Box::new(|_| ()));
        let explains = read.config.unwrap_or_else(|| panic!("{}", read.text)).into_edge();
        for number in 0..VISITORS {
            let [a, b, c] = NETWORKS[rng.usize(..NETWORKS.len())];
            let ip = Ipv4Addr::new(a, b, c, rng.u8(..)).to_string();
            let mood = MOODS[rng.usize(..MOODS.len())];
            let query = one(rng, QUERIES);
            let and = if query.is_empty() { '?' } else { '&' };
            let (host, target) = (
                one(rng, HOSTS),
                format!("{}{query}{and}utm_term={}", one(rng, PATHS), mood.0),
            );
            // Nobody comes twice, as the cache would answer.
            let user_agent = match one(rng, USER_AGENTS) {
                "" => String::new(),
                known => format!("{known} {number}"),
            };
            let header = HEADERS[rng.usize(..HEADERS.len())];

            let url = format!("http://{host}{target}");
            let mut asked = Imagined::new(&url, Ipv4Addr::LOCALHOST.into(), SystemTime::now()).expect("a request");
            for (name, value) in [("User-Agent", &*user_agent), ("X-Forwarded-For", &ip), header] {
                asked.header(name, value).expect("a header");
            }
            let explained = explain::explain(&explains, &onehop::server::Limits::default(), &asked).await;

            let before = [main.calls().len(), other.calls().len()];
            let visitor = edge
                .visitor()
                .host(host)
                .user_agent(&user_agent)
                .from(&ip)
                .header(header.0, header.1);
            let answer = Visitor::get(&visitor, &target).await;
            let location = answer.header("location").map(str::to_owned);
            let context = || format!("seed {seed}, visitor {number}: {url}\n{explained:#?}\n{text}");
            let (status, expected_location, requests) = expected(&explained, mood);
            assert_eq!(
                (answer.status, &location),
                (status, &expected_location),
                "{}",
                context()
            );

            let mut made: Vec<String> = Vec::new();
            for (tracker, before) in [(&main, before[0]), (&other, before[1])] {
                let origin = tracker.url().replace("/api/click/create", "");
                made.extend(
                    tracker.calls()[before..]
                        .iter()
                        .map(|call| format!("{origin}{}", call.target())),
                );
            }
            let mut should: Vec<String> = requests.iter().map(|request| request.replace('…', KEY)).collect();
            asked_twice += i32::from(should.len() > 1);
            made.sort();
            should.sort();
            assert_eq!(made, should, "{}", context());
            redirected += i32::from(location.is_some());
            clicked += i32::from(location.is_some_and(|location| location.contains("id-")));
        }
    }
    // The comparison is one only if much happened.
    assert!(
        redirected > 600 && clicked > 60 && asked_twice > 60,
        "{redirected} {clicked} {asked_twice}"
    );
}

const CONFIGURATION: &str = r#"
[tracker.hoqu]
url = "https://tracker.hoqu.com/api/click/create"
secure_key = "4497bf7b-7956-4f31-8d70-2e72cfc07572"
[visitor]
trusted_proxies = ["10.0.0.0/8"]
[[link]]
at = "go.example.com/shoes"
trafficback_url = "https://my-site.example/?why={reason}"
  [[link.offer]]
  name = "german"
  offer_id = 1
  campaign_id = 2
  promo_id = 3
  traffic_url = "https://a.example/?c={click_id}"
  when = { language = "de" }
"#;

fn explained(arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = Folder::new();
    folder.write("onehop.toml", CONFIGURATION);
    let said = output(&[&["explain"], arguments].concat(), folder.path());
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (said.status.code(), text(said.stdout), text(said.stderr))
}

#[test]
fn the_command_tells_why_and_where() {
    let german = ["go.example.com/shoes?subid1=x", "--header", "Accept-Language: de"];
    let proxied = [
        "--ip",
        "10.0.0.1",
        "--header",
        "X-Forwarded-For: 6.6.6.6, 192.0.2.9",
        "--referrer",
        "https://r.example/",
    ];
    let (status, said, errors) = explained(&[&german[..], &proxied].concat());
    assert_eq!((status, &*errors), (Some(0), ""));
    for words in [
        "192.0.2.9  10.0.0.1 is a trusted proxy",
        "in its x-forwarded-for this is the first address from the right",
        "secure_key=…&offer_id=1",
        "user_ip=192.0.2.9&",
        "user_referrer=https%3A%2F%2Fr.example%2F&subid1=x",
        "302 https://a.example/?c=CLICK_ID",
        "overcap           302 https://my-site.example/?why=overcap",
        "timeout           302 https://my-site.example/?why=timeout",
    ] {
        assert!(said.contains(words), "{words:?} not in\n{said}");
    }
    assert!(!said.contains("4497bf7b") && !said.contains('\u{1b}'), "{said}");

    for link in [
        "go.example.com/shoes?u=https://x.example/",
        "go.example.com:8080/shoes",
        "HTTPS://go.example.com/shoes#x",
    ] {
        let (status, said, _) = explained(&[link, "--at", "2026-12-24T19:00[Europe/Berlin]"]);
        assert_eq!(status, Some(0), "{link}: {said}");
        assert!(
            said.contains("link go.example.com/shoes") && said.contains("2026-12-24T18:00:00Z"),
            "{said}"
        );
    }
    let (_, said, _) = explained(&["go.example.com/shoes", "--user-agent", "Mozilla/5.0"]);
    assert!(
        said.contains("`when` asks for language de, and the visitor's is not known"),
        "{said}"
    );
    assert!(said.contains("302 https://my-site.example/?why=no_offer"), "{said}");
}

#[test]
fn its_json_has_the_same() {
    let (_, said, _) = explained(&[
        "https://go.example.com/shoes",
        "--json",
        "--ip",
        "192.0.2.1",
        "-H",
        "accept-language: de",
    ]);
    let told: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(told["visitor"]["ip"], "192.0.2.1");
    assert_eq!(told["link"], "go.example.com/shoes");
    assert_eq!(told["offers"][0]["fits"], true);
    assert_eq!(told["offers"][0]["click"]["location"], "https://a.example/?c=CLICK_ID");
    assert_eq!(
        told["otherwise"]["overcap"]["location"],
        "https://my-site.example/?why=overcap"
    );
    assert!(!said.contains("4497bf7b"));
}

#[test]
fn a_wrong_command_line_is_told() {
    for (arguments, words) in [
        (&["ftp://go.example.com/"][..], "is no URL"),
        (&["go.example.com/", "--header", "nothing"], "is no header"),
        (&["go.example.com/", "--header", "a b: c"], "is no header"),
        (&["go.example.com/", "--ip", "here"], "--ip"),
        (&["go.example.com/", "--at", "yesterday"], "2026-12-24T18:00Z"),
        (&["go.example.com/", "--at", "1969-12-31T00:00Z"], "before 1970"),
    ] {
        let (status, _, errors) = explained(arguments);
        assert_eq!(status, Some(2), "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
    let folder = Folder::new();
    folder.write("onehop.toml", "x = 1");
    let said = output(&["explain", "go.example.com/"], folder.path());
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stderr).contains("onehop.toml:1:1"));
}
