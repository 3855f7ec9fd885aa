//! The schemas that editors get refuse what `check` refuses, as far as a schema can, and nothing else.
//!
//! The validator is a library of others'. Most of the configurations are made: a full one, with one thing changed at a time.

use std::collections::{BTreeSet, HashSet};

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use onehop::config::{self, links_schema, schema};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::readme;
use crate::support::program::{Folder, output};

/// Uses every key that there is, and each in every form that it may have.
const FULL: &str = r#"
links = ["links/*.toml"]

[listen]
http = ["127.0.0.1:8080", "[::1]:8080"]
https = ["127.0.0.1:8443", "[::1]:8443"]
admin = "127.0.0.1:9180"
proxy_protocol = false

[tls]
certs = "certs"

[visitor]
trusted_proxies = ["10.0.0.0/8", "2001:db8::1"]
real_ip_header = "cf-connecting-ip"
bots = "click"

[tracker.a]
url = "http://tracker.example/api/click/create"
secure_key = { file = "key.txt" }
ca = "ca.pem"

[tracker.b]
url = "http://tracker.example/api/click/create"
secure_key = { env = "CARGO_PKG_NAME" }

[tracker.c]
url = "http://tracker.example/api/click/create"
secure_key = "4497bf7b"

[geoip]
country = "places.mmdb"
asn = "places.mmdb"

[click]
deadline = "1s 500ms"
cache_entries = 1000
ttl = "5m"
ttl_when_exists = "0s"
hedge_after = "off"
offer_ttl = "0s"

[click_log]
path = "clicks.jsonl"
rotate_size = "500MB"
rotate_every = "24h"
keep = 7
gzip = true
ip = "hashed"
drop = ["user_agent", "utm_term", "subid6"]

[limits]
connections = 20000
connections_per_address = 100
first_byte = "5s"
handshake = "5s"
head = "5s"
keep_alive = "30s"
http2_idle = "30s"
write_stall = "10s"
requests_per_connection = 100
connection_age = "10m"
header_bytes = 32768
header_fields = 32
target_bytes = 4096
http2_streams = 50
http2_resets = 64
http2_frames = 500
drain = "30s"

[metrics]
per_link = true

[unmatched]
redirect = "https://my-site.example/"

[defaults]
trafficback_url = "https://my-site.example/deals?why={reason}"
tracker = "a"

[[link]]
at = ["go.example.com/shoes", "*.example.com/shop/*"]
trafficback_url = "https://my-site.example/shoes?why={reason}"
preview_url = "https://advertiser.example/"
tracker = "b"
order = "weighted"

  [[link.offer]]
  name = "shoes-summer"
  offer_id = 5306
  campaign_id = 816
  promo_id = 522
  tracker = "c"
  traffic_url = "https://advertiser.example/{rest}?click_id={click_id}"
  tracking_url = "https://tracker.example/c/816"
  forward_query = ["gclid"]
  weight = 3

  [link.offer.send]
  utm_source = "a"
  utm_medium = "b"
  utm_campaign = "c"
  utm_term = "d"
  utm_content = "e"
  subid1 = "{query.zone}"
  subid2 = "2"
  subid3 = "3"
  subid4 = "4"
  subid5 = "5"
  subid6 = "6"

  [link.offer.when]
  country = ["DE", "at"]
  continent = ["EU"]
  asn = [64496, "AS64497", "64498"]
  ip = ["192.0.2.0/24"]
  device = ["phone", "Tablet"]
  os = ["ios"]
  browser = ["safari"]
  language = ["de", "pt-BR"]
  referrer = ["example.com", "*.example.com"]
  query = { debug = ["1", "yes"], zone = "*" }
  time = [
    { days = ["mon", "Friday"], from = "22:00", to = "6:00", zone = "Europe/Berlin" },
    { days = "sat" },
  ]

  [link.offer.unless]
  country = "XK"
  continent = "AF"
  asn = 64500
  ip = "192.0.2.7"
  device = "tv"
  os = "tizen"
  browser = "samsung"
  language = "fr"
  referrer = "*"
  query = { debug = "0" }
  time = { from = "09:00", to = "24:00" }

[[link]]
at = "go.example.com/hats"
order = "listed"

  [[link.offer]]
  offer_id = 5307
  campaign_id = 817
  promo_id = 523
  traffic_url = "https://advertiser.example/?c={click_id}"
  forward_query = "all"
"#;

/// What `check` says of mistakes that a schema cannot know: they lie in what a text means, in files, or in two places.
const BEYOND_A_SCHEMA: &[&str] = &[
    // URLs, templates, addresses, names.
    "this is no absolute URL",
    "this is no URL",
    "there is no macro `",
    "a traffic URL without `{click_id}` loses every conversion",
    "this is no network",
    "this is no address to listen on",
    "this is no name of a header",
    "this is no host",
    "a place is missing",
    "there is no time zone `",
    "the key is empty, or not one word",
    // Sums.
    "the duration is too long or too precise",
    "this is no number of an autonomous system",
    // Files and the environment.
    "cannot read `",
    "cannot be used: it cannot be read: ",
    "cannot be used: it is no file",
    "no file can be at `",
    "` cannot be looked into: ",
    "` holds no certificate",
    "there are no certificates for https",
    "the environment has no variable `",
    // Here, as `links` names files that hold none.
    "there is no link",
    // Two places.
    "there is no tracker `",
    "the offer has no tracker",
    "needs a database",
    "this window has no length, or a doubtful one",
];

/// Nobody's name, and like no key's.
const UNKNOWN: &str = "qqqqqqqqqqqqqqqqqqqq";

/// What is put in the place of a value.
fn others(value: &Value) -> Vec<Value> {
    let mut others = vec![
        json!(true),
        json!(7),
        json!("word"),
        json!(""),
        json!([]),
        json!(["word"]),
        json!([7]),
        json!({}),
    ];
    match value {
        Value::Number(_) => {
            // Around the ends of every range.
            for end in [0, 1, 400, 499, 1_000_000, i64::from(u32::MAX), 1 << 32] {
                others.extend([end - 1, end, end + 1].map(Value::from));
            }
            others.extend([json!("7"), json!(1.5), json!(null)]);
        }
        Value::String(text) => {
            let capital = text[..1].to_uppercase() + &text[1..];
            let cases = [text.to_uppercase(), text.to_lowercase(), capital];
            others.extend(cases.into_iter().filter(|other| other != text).map(Value::from));
            others.extend(["0.0000000001s", "AS4294967296", "9:00"].map(Value::from));
        }
        Value::Array(items) => {
            others.extend(items.first().cloned());
            others.push(json!([{}]));
        }
        _ => others.push(json!({ UNKNOWN: "word" })),
    }
    others
}

/// What is read alike: links, offers and trackers are, and so on, as far as their values are of one kind.
fn kind(pointer: &str, value: &Value) -> (Vec<String>, std::mem::Discriminant<Value>) {
    let mut parts: Vec<String> = Vec::new();
    for part in pointer.split('/') {
        let free = matches!(parts.last().map(String::as_str), Some("tracker" | "send" | "query"));
        let part = if free || part.bytes().all(|byte| byte.is_ascii_digit()) {
            "*"
        } else {
            part
        };
        parts.push(part.replace("unless", "when"));
    }
    (parts, std::mem::discriminant(value))
}

/// The pointer of every value in a tree, the root's first.
fn pointers(tree: &Value) -> Vec<String> {
    fn walk(node: &Value, at: String, found: &mut Vec<String>) {
        let below: Vec<(String, &Value)> = match node {
            Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(n, item)| (n.to_string(), item))
                .collect(),
            _ => Vec::new(),
        };
        let inside: Vec<_> = below
            .into_iter()
            .map(|(key, value)| (format!("{at}/{key}"), value))
            .collect();
        found.push(at);
        for (at, value) in inside {
            walk(value, at, found);
        }
    }
    let mut found = Vec::new();
    walk(tree, String::new(), &mut found);
    found
}

fn at<'t>(tree: &'t mut Value, pointer: &str) -> &'t mut Value {
    tree.pointer_mut(pointer).expect("a value")
}

/// Trees with one thing changed, and what that is.
fn changes(tree: &Value) -> Vec<(String, Value)> {
    let mut changed = Vec::new();
    let mut change = |what: String, how: &dyn Fn(&mut Value)| {
        let mut tree = tree.clone();
        how(&mut tree);
        changed.push((what, tree));
    };
    let mut seen = HashSet::new();
    for pointer in pointers(tree) {
        let value = tree.pointer(&pointer).expect("a value");
        if !seen.insert(kind(&pointer, value)) {
            continue;
        }
        if let Value::Object(entries) = value {
            for key in entries.keys() {
                change(format!("{pointer} without {key}"), &|tree| {
                    at(tree, &pointer).as_object_mut().expect("a table").remove(key);
                });
            }
            change(format!("{pointer} with an unknown key"), &|tree| {
                at(tree, &pointer)[UNKNOWN] = "word".into();
            });
        }
        if !pointer.is_empty() {
            for other in others(value) {
                change(format!("{pointer} = {other}"), &|tree| {
                    *at(tree, &pointer) = other.clone();
                });
            }
        }
    }
    changed
}

/// A schema, ready to hold configurations against.
struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new(schema: Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V7);
        compiler.add_resource("onehop.json", schema).expect("a schema");
        let mut schemas = Schemas::new();
        let index = compiler.compile("onehop.json", &mut schemas).expect("a sound schema");
        Self { schemas, index }
    }

    fn refuses(&self, tree: &Value) -> Option<String> {
        let refused = self.schemas.validate(tree, self.index).err();
        refused.map(|error| format!("{error:#}"))
    }
}

/// Where the files are that the full configuration names.
fn folder() -> Folder {
    let folder = Folder::new();
    let authority = rcgen::generate_simple_self_signed(["tracker.example".to_owned()]).expect("a certificate");
    folder.write("ca.pem", authority.cert.pem());
    folder.write("key.txt", "4497bf7b");
    for name in ["places.mmdb", "sandbox.mmdb", "geoip/country.mmdb"] {
        folder.write(name, include_bytes!("../../geoip/sandbox.mmdb"));
    }
    folder.write("links/none.toml", "");
    folder.write("certs/localhost.crt", include_bytes!("../../certs/localhost.crt"));
    folder.write("certs/localhost.key", include_bytes!("../../certs/localhost.key"));
    folder
}

/// Everything that `check` says.
fn said(folder: &Folder, name: &str, text: &str) -> String {
    let read = config::read_text(&folder.path().join(name), text, &[], &|_| Box::new(|_| ()));
    assert_eq!(read.config.is_some(), read.errors == 0);
    read.text
}

/// The mistakes in it.
fn mistakes(said: &str) -> Vec<&str> {
    said.lines().filter_map(|line| line.strip_prefix("error: ")).collect()
}

fn json_of(toml: &str) -> Value {
    toml::from_str(toml).expect("TOML")
}

/// Whether a mistake is beyond a schema, and which in the list.
fn beyond(mistake: &str) -> Option<&'static str> {
    BEYOND_A_SCHEMA.iter().copied().find(|known| mistake.contains(known))
}

/// Holds a schema against `check` on every change of a tree; gives the mistakes that are beyond a schema.
fn hold(validator: &Validator, tree: &Value, check: impl Fn(&Value) -> String) -> BTreeSet<&'static str> {
    let mut differences = Vec::new();
    let mut met = BTreeSet::new();
    assert_eq!(validator.refuses(tree), None);
    assert_eq!(mistakes(&check(tree)), Vec::<&str>::new());
    for (what, changed) in changes(tree) {
        let said = check(&changed);
        let mistakes = mistakes(&said);
        match (validator.refuses(&changed), mistakes.is_empty()) {
            (None, true) | (Some(_), false) => {}
            (Some(why), true) => differences.push(format!("{what}: the schema alone refuses it: {why}")),
            (None, false) => {
                let known: Vec<_> = mistakes.iter().map(|mistake| beyond(mistake)).collect();
                if known.contains(&None) {
                    differences.push(format!("{what}: check alone refuses it: {mistakes:?}"));
                }
                met.extend(known.into_iter().flatten());
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{}:\n{}",
        differences.len(),
        differences.join("\n")
    );
    met
}

#[test]
fn it_takes_what_check_takes() {
    let folder = folder();
    let validator = Validator::new(schema());
    folder.write("more.json", readme::blocks("json")[0]);
    let demo = include_str!("../../src/commands/demo.toml")
        .replace("{sandbox}", "http://127.0.0.1:8081/api/click/create")
        .replace("{http}", "127.0.0.1:8080")
        .replace("{admin}", "127.0.0.1:9180");
    let status = FULL.replace("redirect = \"https://my-site.example/\"", "status = 410");
    let readme = readme::blocks("toml").into_iter();
    let readme = readme.map(|block| block.replace("env = \"HOQU_SECURE_KEY\"", "file = \"key.txt\""));
    let mut taken = 0;
    for text in readme.chain([demo, status, FULL.to_owned()]) {
        let said = said(&folder, "onehop.toml", &text);
        assert!(mistakes(&said).is_empty(), "{said}");
        assert_eq!(validator.refuses(&json_of(&text)), None, "{text}");
        taken += 1;
    }
    assert!(taken > 3);
}

#[test]
fn it_refuses_what_check_refuses() {
    let folder = folder();
    let check = |tree: &Value| said(&folder, "onehop.json", &tree.to_string());
    let mut met = hold(&Validator::new(schema()), &json_of(FULL), check);

    // The offers are those of the main file.
    let links = json!({ "link": [json_of(FULL)["link"][1]] });
    let mut main = json_of(FULL);
    main["links"] = json!(["more.json"]);
    main.as_object_mut().expect("a table").remove("link");
    let check = |links: &Value| {
        folder.write("more.json", links.to_string());
        said(&folder, "onehop.json", &main.to_string())
    };
    met.extend(hold(&Validator::new(links_schema()), &links, check));
    let unmet: Vec<_> = BEYOND_A_SCHEMA.iter().filter(|known| !met.contains(**known)).collect();
    assert!(unmet.is_empty(), "{unmet:?}");
}

#[test]
fn it_knows_the_same_keys() {
    let folder = folder();
    let full = json_of(FULL);
    let mut told = BTreeSet::new();
    for pointer in pointers(&full) {
        let mut tree = full.clone();
        let Value::Object(entries) = at(&mut tree, &pointer) else {
            continue;
        };
        entries.insert(UNKNOWN.to_owned(), "word".into());
        let said = said(&folder, "onehop.json", &tree.to_string());
        let known = said.lines().find_map(|line| {
            let (_, names) = line
                .split_once("known keys: ")
                .or(line.split_once("known parameters: "))?;
            Some(names)
        });
        // Where names are free, none are known.
        if let Some(known) = known {
            let keys: BTreeSet<String> = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            told.insert(keys);
        }
    }
    let schema = schema();
    let tables: BTreeSet<BTreeSet<String>> = pointers(&schema)
        .into_iter()
        .filter_map(|pointer| schema.pointer(&pointer))
        .filter(|node| node["additionalProperties"] == false)
        .map(|node| node["properties"].as_object().expect("keys").keys().cloned().collect())
        .collect();
    assert!(told.len() > 10, "{told:?}");
    assert_eq!(tables, told);
}

#[test]
fn every_key_is_described() {
    let schema = schema();
    let mut keys = 0;
    for pointer in pointers(&schema) {
        let node = schema.pointer(&pointer).expect("a value");
        if node["additionalProperties"] != false {
            continue;
        }
        for (key, value) in node["properties"].as_object().expect("keys") {
            let text = value["description"]
                .as_str()
                .unwrap_or_else(|| panic!("{pointer}: {key}"));
            assert!(text.ends_with('.') && text.len() > 10, "{text}");
            keys += 1;
        }
    }
    assert!(keys > 60, "{keys}");
}

#[test]
fn what_is_wrong_as_a_whole() {
    let validator = Validator::new(schema());
    let folder = folder();
    let full = json_of(FULL);
    for (what, wrong) in [
        ("no link", json!({ "tracker": full["tracker"] })),
        ("an empty list", json!({ "tracker": full["tracker"], "link": [] })),
        (
            "no files",
            json!({ "tracker": full["tracker"], "link": [], "links": [] }),
        ),
        (
            "no tracker",
            json!({ "link": full["link"], "defaults": { "trafficback_url": "https://a.example/" } }),
        ),
        (
            "no trafficback",
            json!({ "tracker": full["tracker"], "link": full["link"] }),
        ),
        (
            "none in the defaults",
            json!({ "tracker": full["tracker"], "link": full["link"], "defaults": {} }),
        ),
        ("nothing", json!({})),
        ("no table", json!([])),
    ] {
        assert!(
            !mistakes(&said(&folder, "onehop.json", &wrong.to_string())).is_empty(),
            "{what}"
        );
        assert!(validator.refuses(&wrong).is_some(), "{what}");
    }
    let mut both = full.clone();
    both["unmatched"]["status"] = 404.into();
    assert!(validator.refuses(&both).is_some());
    // A decimal number that is whole is an integer to every schema.
    let mut decimal = full.clone();
    decimal["unmatched"] = json!({ "status": 404.0 });
    assert!(said(&folder, "onehop.json", &decimal.to_string()).contains("found a decimal number"));
    assert_eq!(validator.refuses(&decimal), None);
}

/// Texts that are near to what is taken.
fn texts() -> impl Strategy<Value = (&'static str, String)> {
    let duration = || {
        let unit = "nanos|ns|us|µs|msec|ms|secs|sec|s|min|m|hr|h|days|w|M|yrs|y|x|";
        let part = format!("[0-9]{{0,3}}( |\u{a0}|)(\\.[0-9 ]{{0,2}})?({unit})( |\u{85}|)");
        format!("( |)(0|1|)({part}){{1,3}}")
    };
    let of = |pointer: &'static str, pattern: &str| {
        let text = proptest::string::string_regex(pattern).expect("a pattern");
        text.prop_map(move |text| (pointer, text))
    };
    prop_oneof![
        of("/click/deadline", &duration()),
        of("/click/ttl", &duration()),
        of("/click/offer_ttl", &duration()),
        of("/click/hedge_after", &duration()),
        of("/click_log/rotate_every", &duration()),
        of(
            "/click_log/rotate_size",
            " ?[+-]?0{0,3}[0-9]{0,7}( |\\.5|)(KB|MB|GB|TB|KiB|Kb|B|)"
        ),
        of("/click/hedge_after", " ?(auto|off|Off|on|p95|0|5ms)"),
        of("/link/0/offer/0/when/time/0/from", "[0-2]?[0-9]:?[0-6][0-9]?"),
        of("/link/0/offer/0/when/time/0/to", "[0-2]?[0-9]:?[0-6][0-9]?"),
        of("/link/0/offer/0/when/language/0", "[a-z]{0,9}(-[A-Za-z0-9]{0,9}){0,4}"),
        of("/link/0/offer/0/when/asn/1", "(AS|as|aS|A|)[+-]?[0-9]{0,11}"),
        of("/link/0/offer/0/when/country/0", "[A-Za-z]{2}"),
        of("/link/0/offer/0/when/continent/0", "[A-Za-z]{2}"),
        of(
            "/link/0/offer/0/when/time/0/days/0",
            "([mM][oO][nN]|[sS]un|tues)(day|DAY|)"
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_are_taken_alike((pointer, text) in texts()) {
        thread_local! {
            static HELD: (Folder, Validator, Value) = (folder(), Validator::new(schema()), json_of(FULL));
        }
        HELD.with(|(folder, validator, full)| {
            let mut tree = full.clone();
            *at(&mut tree, pointer) = text.into();
            let said = said(folder, "onehop.json", &tree.to_string());
            let mistakes = mistakes(&said);
            let refused = validator.refuses(&tree);
            if mistakes.is_empty() {
                prop_assert_eq!(refused, None);
            } else if refused.is_none() {
                prop_assert!(mistakes.iter().all(|mistake| beyond(mistake).is_some()), "{}", said);
            }
            Ok(())
        })?;
    }
}

#[test]
fn the_command_prints_them() {
    let folder = Folder::new();
    for (arguments, expected) in [(&["schema"][..], schema()), (&["schema", "--links"], links_schema())] {
        let output = output(arguments, folder.path());
        assert!(output.status.success());
        let printed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(printed, expected);
    }
}
