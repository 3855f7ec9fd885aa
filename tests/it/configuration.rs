//! What `check` says: every mistake at once, each with its place and its mend.

use std::process::Output;

use crate::support::program::{Folder, output};

fn check(folder: &Folder, file: &str) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = output(&["check", "-c", file], folder.path());
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    (status.code(), String::from_utf8(stdout).expect("UTF-8"))
}

const GOOD: &str = r#"links = ["links/*.toml", "more.json"]

[listen]
http = ["127.0.0.1:8080", "[::1]:8080"]
admin = "127.0.0.1:9180"
proxy_protocol = false

[visitor]
trusted_proxies = ["10.0.0.0/8", "192.0.2.1"]
real_ip_header = "Forwarded"
bots = "click"

[tracker.hoqu]
url = "https://tracker.hoqu.com/api/click/create"
secure_key = { file = "key.txt" }

[tracker.other]
url = "http://127.0.0.1:8081/api/click/create"
secure_key = { env = "PATH" }

[click]
deadline = "1500ms"
hedge_after = "off"
cache_entries = 1000
ttl = "5m"
ttl_when_exists = "60s"

[click_log]
path = "clicks.jsonl"

[limits]
drain = "10s"

[unmatched]
redirect = "https://my-site.example/?lost={path}"

[defaults]
trafficback_url = "https://my-site.example/deals?why={reason}"
tracker = "hoqu"

[[link]]
at = ["go.example.com/shoes", "*.example.com/shoes/*"]
order = "listed"
preview_url = "https://advertisers-web-site.com/"

  [[link.offer]]
  name = "shoes-de"
  offer_id = 5306
  campaign_id = 816
  promo_id = 522
  traffic_url = "https://advertisers-web-site.com/?click_id={click_id}"
  tracking_url = "https://tracker.hoqu.com/c/{offer_id}"
  send = { subid1 = "{query.zone}", utm_source = "my-blog" }
  forward_query = ["gclid"]

  [[link.offer]]
  offer_id = 1
  campaign_id = 2
  promo_id = 3
  tracker = "other"
  traffic_url = "https://advertisers-web-site.com/{click_id}"
  forward_query = "all"
"#;

const MORE: &str = r#"{"link": [{
  "at": "go.example.com/hats", "tracker": "other", "trafficback_url": "https://my-site.example/",
  "offer": [{"offer_id": 1, "campaign_id": 2, "promo_id": 3, "traffic_url": "https://a.example/{click_id}"}]
}]}"#;

fn good_folder() -> Folder {
    let folder = Folder::new();
    folder.write("onehop.toml", GOOD);
    folder.write("key.txt", "4497bf7b-7956-4f31-8d70-2e72cfc07572\n");
    folder.write("more.json", MORE);
    folder.write("links/a.toml", MORE_TOML);
    folder
}

const MORE_TOML: &str = r#"[[link]]
at = "go.example.com/bags"
[[link.offer]]
offer_id = 1
campaign_id = 2
promo_id = 3
traffic_url = "https://a.example/?c={click_id}"
"#;

#[test]
fn a_good_configuration() {
    let (status, said) = check(&good_folder(), "onehop.toml");
    assert_eq!(
        (status, said.as_str()),
        (Some(0), "onehop.toml is fine: 3 links, 4 offers, 2 trackers\n")
    );
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let folder = Folder::new();
    folder.write("conf/onehop.toml", GOOD);
    folder.write("conf/key.txt", "4497bf7b-7956-4f31-8d70-2e72cfc07572\n");
    folder.write("conf/more.json", MORE);
    folder.write("conf/links/a.toml", MORE_TOML);
    let (status, said) = check(&folder, "conf/onehop.toml");
    assert_eq!(
        (status, said.as_str()),
        (Some(0), "conf/onehop.toml is fine: 3 links, 4 offers, 2 trackers\n")
    );
}

#[test]
fn the_same_in_json() {
    let folder = good_folder();
    let value: toml::Table = toml::from_str(GOOD).expect("TOML");
    folder.write("onehop.json", serde_json::to_string_pretty(&value).expect("JSON"));
    let (status, said) = check(&folder, "onehop.json");
    assert_eq!(
        (status, said.as_str()),
        (Some(0), "onehop.json is fine: 3 links, 4 offers, 2 trackers\n")
    );
}

/// A change of the good configuration (from, to), and what is said of it: where, what, and how to mend it.
const MISTAKES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "links = [\"links/*.toml\", \"more.json\"]\n",
        "[[links]]\nat = \"/x\"\n",
        "onehop.toml:1:1",
        "a link itself is a [[link]]",
        "did you mean `link`?",
    ),
    (
        "admin = \"127.0.0.1:9180\"",
        "admin = 9180",
        "onehop.toml:5:9",
        "expected a string, found an integer",
        "put it in quotes",
    ),
    (
        "trafficback_url",
        "trafficback",
        "onehop.toml:38:1",
        "unknown key `trafficback`",
        "did you mean `trafficback_url`?",
    ),
    ("\"1500ms\"", "1500", "onehop.toml:22:12", "unit", "1500s"),
    (
        "\"1500ms\"",
        "\"1500 parsecs\"",
        "onehop.toml:22:12",
        "unknown unit",
        "`ms`",
    ),
    (
        "\"1500ms\"",
        "\"0s\"",
        "onehop.toml:22:12",
        "longer than zero",
        "`\"1ms\"`",
    ),
    (
        "[listen]",
        "[lisen]",
        "onehop.toml:3:2",
        "unknown key `lisen`",
        "did you mean `listen`?",
    ),
    (
        "10.0.0.0/8",
        "10.0.0.0/33",
        "onehop.toml:9:20",
        "no network",
        "10.0.0.0/8",
    ),
    (
        "\"Forwarded\"",
        "\"x forwarded\"",
        "onehop.toml:10:18",
        "no name of a header",
        "x-forwarded-for",
    ),
    (
        "\"click\"",
        "\"clik\"",
        "onehop.toml:11:8",
        "unknown word",
        "did you mean `click`?",
    ),
    (
        "127.0.0.1:8080",
        "localhost:8080",
        "onehop.toml:4:9",
        "no address to listen on",
        "[::]:80",
    ),
    (
        "[::1]:8080",
        "127.0.0.1:9180",
        "onehop.toml:4:27",
        "listened on already",
        "an address or a port of its own",
    ),
    (
        "proxy_protocol = false",
        "https = \"127.0.0.1:8443\"",
        "onehop.toml:6:9",
        "no certificates for https",
        "certs = \"certs\"",
    ),
    (
        "https://tracker.hoqu.com/api",
        "ftp://tracker.hoqu.com/api",
        "onehop.toml:14:7",
        "no URL of a tracker",
        "https://",
    ),
    (
        "key.txt",
        "nokey.txt",
        "onehop.toml:15:23",
        "cannot read",
        "relative to the file",
    ),
    (
        "\"PATH\"",
        "\"NO_SUCH_VARIABLE\"",
        "onehop.toml:19:22",
        "no variable `NO_SUCH_VARIABLE`",
        "set it",
    ),
    (
        "tracker = \"hoqu\"",
        "tracker = \"hoku\"",
        "onehop.toml:39:11",
        "no tracker `hoku`",
        "did you mean `hoqu`?",
    ),
    (
        "why={reason}",
        "why={resaon}",
        "onehop.toml:38:55",
        "no macro `{resaon}`",
        "did you mean `{reason}`?",
    ),
    (
        "?click_id={click_id}",
        "?click_id={query.click_id}",
        "onehop.toml:51:17",
        "without `{click_id}`",
        "put `{click_id}`",
    ),
    (
        "https://advertisers-web-site.com/?",
        "https://{host}/?",
        "onehop.toml:51:26",
        "may not stand in the host",
        "write the host out",
    ),
    (
        "https://advertisers-web-site.com/\"",
        "javascript:alert(1)\"",
        "onehop.toml:44:16",
        "no absolute URL",
        "https://",
    ),
    (
        "offer_id = 5306",
        "offer_id = \"5306\"",
        "onehop.toml:48:14",
        "expected an integer, found a string",
        "without quotes",
    ),
    (
        "  promo_id = 522\n",
        "",
        "onehop.toml:46:3",
        "missing key `promo_id`",
        "write it into this table",
    ),
    (
        "subid1",
        "subid7",
        "onehop.toml:53:12",
        "no parameter `subid7`",
        "did you mean",
    ),
    (
        "order = \"listed\"",
        "order = \"weihgted\"",
        "onehop.toml:43:9",
        "unknown word",
        "did you mean `weighted`?",
    ),
    (
        "  name = \"shoes-de\"",
        "  when = { country = [\"DE\"] }",
        "onehop.toml:47:22",
        "`country` needs a database",
        "[geoip] country =",
    ),
    (
        "go.example.com/shoes",
        "https://go.example.com/shoes",
        "onehop.toml:42:7",
        "without a scheme",
        "leave out",
    ),
    (
        "go.example.com/shoes\"",
        "go.example.com/bags\"",
        "links/a.toml:2:6",
        "two links stand at the same place",
        "onehop.toml:42:7",
    ),
    (
        "more.json",
        "none.json",
        "onehop.toml:1:26",
        "cannot read",
        "relative to the file",
    ),
    (
        "[defaults]\n",
        "[tls]\ncerts = \"no/such\"\n[defaults]\n",
        "onehop.toml:38:9",
        "no/such",
        "",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"no/such/folder/x\"",
        "onehop.toml:29:8",
        "no file can be at",
        "folder that exists",
    ),
    (
        "ttl = \"5m\"",
        "tll = \"5m\"",
        "onehop.toml:25:1",
        "unknown key `tll`",
        "did you mean `ttl`?",
    ),
    (
        "create\"\nsecure_key = { file",
        "create?secure_key=x\"\nsecure_key = { file",
        "onehop.toml:14:7",
        "does not belong into the URL",
        "",
    ),
    (
        "create\"\nsecure_key = { file",
        "create?x=1&offer%5Fid=9\"\nsecure_key = { file",
        "onehop.toml:14:7",
        "`offer_id` does not belong into the URL",
        "",
    ),
    (
        "redirect = \"https://my-site.example/?lost={path}\"",
        "status = 302",
        "onehop.toml:35:10",
        "from 400 to 499",
        "the least is 400",
    ),
    (
        "[unmatched]\n",
        "[unmatched]\nstatus = 410\n",
        "onehop.toml:36:12",
        "not both",
        "leave one of the two out",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\ndrop = [\"host\", \"user_agnet\"]",
        "onehop.toml:30:17",
        "has no field `user_agnet`",
        "did you mean `user_agent`?",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\ndrop = \"utm_*\"",
        "onehop.toml:30:8",
        "has no field `utm_*`",
        "`utm_source`",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\ndrop = [\"hit_id\"]",
        "onehop.toml:30:9",
        "every line has the field `hit_id`",
        "leave it out",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\nrotate_size = 500",
        "onehop.toml:30:15",
        "the size has no unit",
        "`\"500MB\"`",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\nrotate_size = \"500mb\"",
        "onehop.toml:30:15",
        "this is not a size",
        "`\"500MB\"`",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\nrotate_size = \"0MB\"",
        "onehop.toml:30:15",
        "expected a size from 1 to 999999",
        "the least is `\"1KB\"`",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\nrotate_every = \"0s\"",
        "onehop.toml:30:16",
        "longer than zero",
        "`\"1ms\"`",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\nrotate_size = \"1GB\"\nkeep = 0",
        "onehop.toml:31:8",
        "expected an integer from 1 to 100000",
        "the least is 1",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\nip = \"hashd\"",
        "onehop.toml:30:6",
        "unknown word",
        "did you mean `hashed`?",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\nrotate = \"1h\"",
        "onehop.toml:30:1",
        "unknown key `rotate`",
        "",
    ),
    (
        "admin = \"127.0.0.1:9180\"",
        "admin = true",
        "onehop.toml:5:9",
        "expected a string, found a boolean",
        "in double quotes",
    ),
    (
        "proxy_protocol = false",
        "proxy_protocol = 0",
        "onehop.toml:6:18",
        "expected `true` or `false`",
        "without quotes",
    ),
    (
        "cache_entries = 1000",
        "cache_entries = 4294967297",
        "onehop.toml:24:17",
        "expected an integer from 0 to 4294967296",
        "the most is 4294967296",
    ),
    (
        "cache_entries = 1000",
        "cache_entries = [1]",
        "onehop.toml:24:17",
        "expected an integer, found an array",
        "write a whole number",
    ),
    (
        "\"1500ms\"",
        "true",
        "onehop.toml:22:12",
        "expected a duration in a string",
        "`\"300s\"`",
    ),
    (
        "\"1500ms\"",
        "\"99999999999999999999s\"",
        "onehop.toml:22:12",
        "too long or too precise",
        "a year is the longest",
    ),
    (
        "path = \"clicks.jsonl\"",
        "path = \"clicks.jsonl\"\nrotate_size = true",
        "onehop.toml:30:15",
        "expected a size in a string",
        "`\"1GB\"`",
    ),
    (
        "at = [\"go.example.com/shoes\", \"*.example.com/shoes/*\"]",
        "at = true",
        "onehop.toml:42:6",
        "expected a string or an array of strings",
        "[\"…\", \"…\"]",
    ),
    (
        "[limits]\ndrain = \"10s\"\n",
        "[[limits]]\n",
        "onehop.toml:31:1",
        "expected a table, found an array",
        "below its header",
    ),
    (
        "  [[link.offer]]\n  name",
        "  [link.offer]\n  name",
        "onehop.toml:46:3",
        "expected an array of tables",
        "double brackets",
    ),
    (
        "preview_url",
        "offer_id = 1\npreview_url",
        "onehop.toml:44:1",
        "is an offer's",
        "each offer of the link",
    ),
    (
        "  promo_id = 522",
        "  promo_id = 522\n  order = \"listed\"",
        "onehop.toml:51:3",
        "is the link's",
        "move it to the link",
    ),
    (
        "  promo_id = 522",
        "  promo_id = 522\n  country = \"DE\"",
        "onehop.toml:51:3",
        "is a rule",
        "`when` for who is meant",
    ),
    (
        "links/*.toml",
        "links/***.toml",
        "onehop.toml:1:10",
        "no pattern of file names",
        "any part of a name",
    ),
    (
        "more.json",
        "links",
        "onehop.toml:1:26",
        "it is a directory",
        "name a file in it",
    ),
    (
        "[limits]",
        "[limits]\ndrain = \"1s\"",
        "onehop.toml:33:1",
        "duplicate key",
        "keep one of them",
    ),
    (
        "[limits]",
        "[limits",
        "onehop.toml:31:8",
        "unclosed table",
        "a `[header]`",
    ),
    (
        "[limits]",
        "[limits]\na.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 1",
        "onehop.toml:32:32",
        "more than 16 parts",
        "in quotes",
    ),
    (
        "[limits]",
        "[limits]\nx = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "onehop.toml:32:",
        "deep",
        "leave out what is around it",
    ),
    (
        "[limits]",
        "[geoip]\ncountry = \"/dev/null\"\n[limits]",
        "onehop.toml:32:11",
        "it is no file",
        "the .mmdb file itself",
    ),
    (
        "[limits]",
        "[geoip]\nasn = \"key.txt\"\n[limits]",
        "onehop.toml:32:7",
        "cannot be used",
        "autonomous systems in MaxMind's format",
    ),
];

/// The same of the file of links in JSON.
const MISTAKES_OF_JSON: &[(&str, &str, &str, &str, &str)] = &[
    (
        "\"at\"",
        "\"at\": 1, \"at\"",
        "more.json:2:12",
        "`at` is there twice",
        "keep one of them",
    ),
    (
        "\"link\"",
        "\"click\": {}, \"link\"",
        "more.json:1:2",
        "belongs into the main file",
        "that names this one",
    ),
    (
        "\"campaign_id\": 2",
        "\"campaign_id\": 1e999",
        "more.json:3:44",
        "number is too large",
        "a smaller one",
    ),
    (
        "\"campaign_id\": 2",
        "\"campaign_id\": +2",
        "more.json:3:44",
        "no plus sign",
        "leave it out",
    ),
    (
        "\"campaign_id\": 2",
        "\"campaign_id\" 2",
        "more.json:3:43",
        "expected `:`",
        "`\"key\": value`",
    ),
    (
        "\"other\"",
        "\"ot\nher\"",
        "more.json:2:46",
        "a line break",
        "close the string",
    ),
    (
        "{\"link\"",
        "\u{a0}{\"link\"",
        "more.json:1:1",
        "U+00A0",
        "a plain space",
    ),
    (
        "}]\n}]}",
        "}]\n}]",
        "more.json:1:1",
        "never closed with `}`",
        "behind its last entry",
    ),
];

/// Each mistake and each warning that is told has its mend.
fn assert_mends(said: &str) {
    let begins = |line: &&str| line.starts_with("error") || line.starts_with("warning");
    let told = said.lines().filter(begins).count();
    let mends = said
        .lines()
        .filter(|line| line.trim_start().starts_with("= help: "))
        .count();
    assert!(told > 0 && told == mends, "{told} told, {mends} mends:\n{said}");
}

#[test]
fn each_mistake_with_its_place_and_mend() {
    for (file, good, mistakes) in [("onehop.toml", GOOD, MISTAKES), ("more.json", MORE, MISTAKES_OF_JSON)] {
        for &(from, to, place, words, mend) in mistakes {
            assert!(good.contains(from), "{from}");
            let folder = good_folder();
            folder.write(file, good.replacen(from, to, 1));
            let (status, said) = check(&folder, "onehop.toml");
            assert_eq!(status, Some(1), "{said}");
            for expected in [place, words, mend] {
                assert!(said.contains(expected), "{from} -> {to}: {expected:?} not in\n{said}");
            }
            assert_mends(&said);
        }
    }
    let folder = good_folder();
    folder.write("onehop.toml", GOOD.replace("links/*.toml", "links/*.none"));
    let (_, said) = check(&folder, "onehop.toml");
    assert!(
        said.contains("onehop.toml:1:10") && said.contains("no file has such a name"),
        "{said}"
    );
    assert_mends(&said);
    let folder = good_folder();
    folder.write("more.json", "[]");
    let (_, said) = check(&folder, "onehop.toml");
    assert!(
        said.contains("more.json:1:1") && said.contains("expected a table"),
        "{said}"
    );
    assert_mends(&said);
}

#[test]
fn each_place_of_a_parameter_is_told() {
    let folder = good_folder();
    folder.write(
        "links/a.toml",
        MORE_TOML.replace(
            "{click_id}",
            "{click_id}&a={foo}&b={bar}&c={foo}&d={foo}#{country}{country}",
        ),
    );
    let (_, said) = check(&folder, "onehop.toml");
    for column in [50, 58, 66, 74, 80, 89] {
        assert!(
            said.contains(&format!("links/a.toml:7:{column}\n")),
            "{column} not in\n{said}"
        );
    }
    assert_mends(&said);
}

#[test]
fn all_mistakes_of_all_files_in_one_run() {
    let folder = good_folder();
    folder.write(
        "onehop.toml",
        GOOD.replace("\"1500ms\"", "1500")
            .replace("offer_id = 1\n", "offer_id = 0\n"),
    );
    folder.write("links/a.toml", MORE_TOML.replace("promo_id", "promo"));
    folder.write("links/b.toml", "[[link]\nat = \"x\"\n");
    folder.write("more.json", MORE.replace("\"at\"", "\"att\""));
    let (status, said) = check(&folder, "onehop.toml");
    assert_eq!(status, Some(1));
    for place in [
        "onehop.toml:22:12",
        "onehop.toml:57:14",
        "links/a.toml:6:1",
        "links/b.toml:1:8",
        "more.json:2:3",
    ] {
        assert!(said.contains(place), "{place} not in\n{said}");
    }
}

#[test]
fn a_likely_slip_is_a_warning() {
    let folder = good_folder();
    folder.write("links/a.toml", MORE_TOML.replace("{click_id}", "{click_id}&s={subid}"));
    let (status, said) = check(&folder, "onehop.toml");
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("warning") && said.contains("links/a.toml:7:50") && said.contains("did you mean `{subid1}`?"),
        "{said}"
    );
}

#[test]
fn what_hardly_anybody_means_is_a_warning() {
    for (was, is, place, message) in [
        ("ttl = \"5m\"", "ttl = \"6m\"", "onehop.toml:25:7", "after 300 s"),
        (
            "forward_query = [\"gclid\"]",
            "forward_query = [\"all\"]",
            "onehop.toml:54:20",
            "the parameter of that name alone",
        ),
    ] {
        let folder = good_folder();
        folder.write("onehop.toml", GOOD.replace(was, is));
        let (status, said) = check(&folder, "onehop.toml");
        assert_eq!(status, Some(0), "{said}");
        for part in ["warning: ", message, place] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn rotated_files_of_a_log_that_is_never_rotated_are_a_warning() {
    for (key, place) in [("keep = 7", "30:8"), ("gzip = true", "30:8")] {
        let folder = good_folder();
        let log = |more: &str| format!("path = \"clicks.jsonl\"\n{key}\n{more}");
        let with = |more: &str| GOOD.replace("path = \"clicks.jsonl\"\n", &log(more));
        folder.write("onehop.toml", with(""));
        let (status, said) = check(&folder, "onehop.toml");
        assert_eq!(status, Some(0), "{said}");
        assert!(
            said.contains("warning: the click log is never rotated") && said.contains(&format!("onehop.toml:{place}")),
            "{said}"
        );
        folder.write("onehop.toml", with("rotate_every = \"24h\"\n"));
        let (_, said) = check(&folder, "onehop.toml");
        assert!(!said.contains("warning"), "{said}");
    }
}

#[test]
fn roots_that_are_none_are_named_at_their_place() {
    let folder = good_folder();
    folder.write(
        "onehop.toml",
        GOOD.replace("[tracker.other]", "ca = \"ca.pem\"\n[tracker.other]"),
    );
    for (pem, words) in [
        ("nothing", "holds no root certificates"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "holds no root certificates",
        ),
    ] {
        folder.write("ca.pem", pem);
        let (status, said) = check(&folder, "onehop.toml");
        assert_eq!(status, Some(1));
        assert!(said.contains("onehop.toml:17:6") && said.contains(words), "{said}");
    }
}

#[test]
fn every_slip_of_one_template_is_named() {
    let folder = good_folder();
    folder.write(
        "onehop.toml",
        GOOD.replace("lost={path}", "lost={pth}&x={click_id}&y={"),
    );
    let (status, said) = check(&folder, "onehop.toml");
    assert_eq!(status, Some(1));
    for place in ["onehop.toml:35:44", "onehop.toml:35:52", "onehop.toml:35:64"] {
        assert!(said.contains(place), "{place} not in\n{said}");
    }
}

#[test]
fn a_word_that_looks_like_no_host_is_a_warning() {
    let folder = good_folder();
    folder.write("links/a.toml", MORE_TOML.replace("go.example.com/bags", "bags"));
    let (status, said) = check(&folder, "onehop.toml");
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("links/a.toml:2:6") && said.contains("write \"/bags\""),
        "{said}"
    );
}

#[test]
fn a_file_that_is_not_there_or_empty() {
    let folder = Folder::new();
    let (status, said) = check(&folder, "none.toml");
    assert_eq!(status, Some(1));
    assert!(
        said.contains("cannot read `none.toml`: there is no such file"),
        "{said}"
    );
    assert!(said.contains("= help: name the configuration with `-c FILE`"), "{said}");
    folder.write("onehop.toml", "");
    let (status, said) = check(&folder, "onehop.toml");
    assert_eq!(status, Some(1));
    assert!(said.contains("there is no link"), "{said}");
}

#[test]
fn a_file_that_is_no_key_is_told_of_and_not_quoted() {
    let long = "ab-".repeat(342);
    let folder = good_folder();
    folder.write("key.txt", &long);
    folder.write("json.txt", format!("{{ \"a\": \"{long}\" }}"));
    for (of, place) in [
        ("{ file = \"key.txt\" }", "onehop.toml:15:23"),
        ("{ file = \"json.txt\" }", "onehop.toml:15:23"),
        (&*format!("\"{long}\""), "onehop.toml:15:14"),
    ] {
        folder.write("onehop.toml", GOOD.replace("{ file = \"key.txt\" }", of));
        let (status, said) = check(&folder, "onehop.toml");
        assert_eq!(status, Some(1));
        assert!(
            said.contains(place) && said.contains("the key is longer than 1,024 bytes"),
            "{said}"
        );
        assert!(!said.contains("ab-ab"), "{said}");
        assert_mends(&said);
    }
    // White space around a key is none of it.
    folder.write("onehop.toml", GOOD);
    folder.write("key.txt", format!("{}\n\n", &long[..1024]));
    assert_eq!(check(&folder, "onehop.toml").0, Some(0));
}

#[test]
fn a_pipe_that_is_passed_on_purpose_is_read() {
    let folder = Folder::new();
    let onehop = env!("CARGO_BIN_EXE_onehop");
    let tracker = "[tracker.t]\nurl = \"http://localhost/x\"\nsecure_key = \"1\"\n";
    let defaults = "[defaults]\ntrafficback_url = \"https://my-site.example/\"\n";
    folder.write("whole.toml", format!("{tracker}{defaults}{MORE_TOML}"));
    for command in [
        format!("cat whole.toml | {onehop} check -c /dev/stdin"),
        format!("cat whole.toml | {onehop} check -c /dev/fd/0"),
        format!("cat whole.toml | {onehop} check -c /proc/self/fd/0"),
    ] {
        let mut shell = std::process::Command::new("sh");
        let ended = shell.args(["-c", &command]).current_dir(folder.path()).output();
        let ended = ended.expect("a shell");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{command}: {said}");
    }
}
