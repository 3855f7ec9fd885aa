//! What `check` says of rules, weights, places that need databases, and links that lead nowhere or in circles.

use crate::support::program::{Folder, output};

const PLACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/sandbox.mmdb");

/// The rules of the first offer stand in line 14.
const GOOD: &str = r#"[geoip]
country = "{places}"
[tracker.hoqu]
url = "https://tracker.hoqu.com/api/click/create"
secure_key = "4497bf7b-7956-4f31-8d70-2e72cfc07572"
[[link]]
at = "go.example.com/shoes"
trafficback_url = "https://my-site.example/"
  [[link.offer]]
  offer_id = 1
  campaign_id = 2
  promo_id = 3
  traffic_url = "https://a.example/?c={click_id}"
  when = { country = ["DE"] }
  [[link.offer]]
  offer_id = 4
  campaign_id = 5
  promo_id = 6
  traffic_url = "https://a.example/?c={click_id}"
"#;

fn check(configuration: &str) -> (Option<i32>, String) {
    let folder = Folder::new();
    folder.write("onehop.toml", configuration.replace("{places}", PLACES));
    let said = output(&["check"], folder.path());
    (said.status.code(), String::from_utf8(said.stdout).expect("UTF-8"))
}

#[test]
fn a_good_one() {
    let (status, said) = check(GOOD);
    assert_eq!(
        (status, &*said),
        (Some(0), "onehop.toml is fine: 1 link, 2 offers, 1 tracker\n")
    );
}

/// What stands in the place of the rules, and where, in which words and with which mend that is told.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    (
        "when = { country = [\"UK\"] }",
        "14:23",
        "`UK` is not known here",
        "\"GB\"",
    ),
    (
        "when = { country = \"EU\" }",
        "14:22",
        "`EU` is not known",
        "continent = [\"EU\"]",
    ),
    (
        "when = { country = [] }",
        "14:22",
        "an empty list fits nobody",
        "leave the key out",
    ),
    (
        "when = { contry = \"DE\" }",
        "14:12",
        "unknown key `contry`",
        "did you mean `country`?",
    ),
    (
        "when = { continent = \"XX\" }",
        "14:24",
        "`XX` is not known",
        "`EU` (Europe)",
    ),
    ("when = { asn = 1 }", "14:18", "`asn` needs a database", "[geoip] asn ="),
    (
        "when = { asn = \"AS+64496\" }",
        "14:18",
        "no number of an autonomous system",
        "",
    ),
    (
        "unless = { asn = \"AS64x\" }",
        "14:20",
        "no number of an autonomous system",
        "\"AS64496\"",
    ),
    (
        "when = { ip = \"10.0.0.0/33\" }",
        "14:17",
        "this is no network",
        "192.0.2.0/24",
    ),
    (
        "when = { device = \"mobile\" }",
        "14:21",
        "`mobile` is not known",
        "[\"phone\", \"tablet\"]",
    ),
    (
        "when = { device = [\"fone\"] }",
        "14:22",
        "`fone` is not known",
        "did you mean `phone`?",
    ),
    (
        "when = { os = \"andriod\" }",
        "14:17",
        "`andriod` is not known",
        "did you mean `android`?",
    ),
    ("when = { browser = 1 }", "14:22", "expected a string", "quotes"),
    (
        "when = { language = \"de_AT\" }",
        "14:23",
        "`de_AT` is not known",
        "pt-BR",
    ),
    (
        "when = { referrer = \"https://a.example/\" }",
        "14:23",
        "this is no host",
        "its host alone",
    ),
    ("when = { referrer = \"\" }", "14:23", "this is no host", "any referrer"),
    (
        "when = { query = { } }",
        "14:20",
        "no parameter in it",
        "{ debug = \"*\" }",
    ),
    ("when = { query = \"debug\" }", "14:20", "expected a table", ""),
    ("when = { query = { debug = [] } }", "14:30", "an empty list", ""),
    (
        "when = { time = { days = \"mo\" } }",
        "14:28",
        "`mo` is no day",
        "`monday`",
    ),
    (
        "when = { time = { from = \"9\" } }",
        "14:28",
        "no time of the day",
        "\"09:00\"",
    ),
    (
        "when = { time = { from = \"09:00\", to = \"09:00\" } }",
        "14:19",
        "no length",
        "24:00",
    ),
    (
        "when = { time = { from = \"09:00\", zone = \"Berlin\" } }",
        "14:44",
        "no time zone `Berlin`",
        "`Europe/Berlin`",
    ),
    ("when = { time = { } }", "14:19", "says nothing", "Europe/Berlin"),
    ("when = { time = [] }", "14:19", "an empty list", ""),
    ("when = \"DE\"", "14:10", "expected a table", ""),
    ("weight = -1", "14:12", "from 0 to 1000000", ""),
    (
        "send = { subid1 = \"{asn}\" }",
        "14:22",
        "`{asn}` needs a database",
        "[geoip] asn =",
    ),
    (
        "tracking_url = \"https://b.example/{cuontry}\"",
        "14:38",
        "no macro `{cuontry}`",
        "`{country}`",
    ),
    (
        "tracking_url = \"https://go.example.com/x\"",
        "14:18",
        "leads back to onehop",
        "another host",
    ),
    (
        "tracking_url = \"http://GO.example.com./x\"",
        "14:18",
        "leads back to onehop",
        "circles",
    ),
    (
        "when = { device = \"mobile\" }",
        "14:21",
        "`mobile` is not known",
        "[\"phone\", \"tablet\"]",
    ),
    (
        "when = { os = \"iPhone\" }",
        "14:17",
        "`iPhone` is not known",
        "write \"ios\"",
    ),
    (
        "when = { country = \"DE, AT\" }",
        "14:22",
        "`DE, AT` is not known",
        "write a list",
    ),
    (
        "when = { language = \"german\" }",
        "14:23",
        "`german` is not known",
        "\"de\"",
    ),
    (
        "when = { days = \"sat\" }",
        "14:12",
        "the key `days` is of a window",
        "time = { … }",
    ),
    (
        "when = { time = { from = 09:00:00 } }",
        "14:28",
        "expected a string",
        "quotes",
    ),
    (
        "when = { time = { from = \"09:00\", zone = \"UTC+2\" } }",
        "14:44",
        "no time zone `UTC+2`",
        "such as \"Europe/Berlin\"",
    ),
    (
        "country = \"DE\"",
        "14:3",
        "the key `country` is a rule",
        "when = { … }",
    ),
    (
        "trafficback_url = \"https://my-site.example/\"",
        "14:3",
        "`trafficback_url` is the link's",
        "above the link's first [[link.offer]]",
    ),
    ("weight = 0.7", "14:12", "expected an integer", "whole number"),
    ("weight = 70%", "14:12", "", ""),
    ("tracking_url = https://b.example/", "14:18", "must be quoted", ""),
];

#[test]
fn mistakes_in_rules() {
    for &(rule, place, words, mend) in MISTAKES {
        let (status, said) = check(&GOOD.replace("when = { country = [\"DE\"] }", rule));
        assert_eq!(status, Some(1), "{rule}: {said}");
        for expected in [&*format!("onehop.toml:{place}\n"), words, mend] {
            assert!(said.contains(expected), "{rule}: {expected:?} not in\n{said}");
        }
    }
}

#[test]
fn all_mistakes_of_a_rule_at_once() {
    let (_, said) = check(&GOOD.replace(
        "[\"DE\"]",
        "[\"D\", \"DE\", \"XY\"], device = \"x\", time = { days = \"x\", to = \"y\" }",
    ));
    assert!(said.contains("5 errors"), "{said}");
}

#[test]
fn what_may_be_meant_is_a_warning() {
    for (from, to, place, words) in [
        ("?c={click_id}", "?c=${click_id}", "13:39", "the `$` goes to"),
        ("?c={click_id}", "?a=1&amp;c={click_id}", "13:40", "is the HTML for `&`"),
        (
            "[geoip]",
            "[visitor]\ntrusted_proxies = [\"0.0.0.0/0\"]\n[geoip]",
            "2:20",
            "everyone is trusted",
        ),
        (
            "[geoip]",
            "[visitor]\ntrusted_proxies = \"10.0.0.1\"\nreal_ip_header = \"x-forward-for\"\n[geoip]",
            "3:18",
            "did you mean `x-forwarded-for`?",
        ),
        (
            "when = { country = [\"DE\"] }",
            "first = true",
            "14:11",
            "this does nothing",
        ),
        (
            "when = { country = [\"DE\"] }",
            "when = { }",
            "14:10",
            "changes nothing",
        ),
        (
            "when = { country = [\"DE\"] }",
            "weight = 5",
            "14:12",
            "this does nothing",
        ),
        (
            "when = { country = [\"DE\"] }",
            "when = { country = \"DE\" }\n  unless = { continent = \"EU\" }",
            "9:3",
            "no visitor can reach this offer",
        ),
        (
            "when = { country = [\"DE\"] }",
            "when = { country = \"DE\", continent = \"AS\" }",
            "9:3",
            "country DE and continent AS, which nobody meets",
        ),
        (
            "when = { country = [\"DE\"] }",
            "when = { device = \"bot\" }",
            "9:3",
            "bots = \"click\"",
        ),
        (
            "offer_id = 4\n  campaign_id = 5\n  promo_id = 6",
            "offer_id = 1\n  campaign_id = 2\n  promo_id = 3\n  when = { country = [\"DE\"], device = \"phone\" }",
            "15:3",
            "this offer is never reached",
        ),
        ("https://a.example/?c", "http://a.example/?c", "13:18", "unencrypted"),
        (
            "https://a.example/?c",
            "https://a.example/?s={sub1d}&c",
            "13:39",
            "did you mean `{subid1}`?",
        ),
    ] {
        let changed = GOOD.replacen(from, to, 1);
        let (status, said) = check(&changed);
        assert_eq!(status, Some(0), "{to}: {said}");
        for expected in [&*format!("onehop.toml:{place}\n"), words] {
            assert!(said.contains(expected), "{to}: {expected:?} not in\n{said}");
        }
    }
}

#[test]
fn what_is_meant_is_no_warning() {
    for (from, to) in [
        // The same offer for two kinds of visitors, on two pages.
        (
            "offer_id = 4\n  campaign_id = 5",
            "offer_id = 1\n  campaign_id = 2\n  when = { country = \"AT\" }",
        ),
        // Another service of the same machine.
        ("https://my-site.example/", "http://go.example.com:9000/"),
        // Weighted, the same offer on two pages is a split test.
        ("trafficback_url", "order = \"weighted\"\ntrafficback_url"),
    ] {
        let (_, said) = check(&GOOD.replace(from, to));
        assert!(said.starts_with("onehop.toml is fine"), "{to}: {said}");
    }
    let split = GOOD
        .replace("  when = { country = [\"DE\"] }\n", "  weight = 70\n")
        .replace(
            "offer_id = 4\n  campaign_id = 5",
            "offer_id = 1\n  weight = 30\n  campaign_id = 2",
        )
        .replace("trafficback_url", "order = \"weighted\"\ntrafficback_url");
    let (_, said) = check(&split);
    assert!(said.starts_with("onehop.toml is fine"), "{said}");
}

#[test]
fn circles_of_wildcards_and_of_the_unmatched() {
    for (from, to, words) in [
        (
            "at = \"go.example.com/shoes\"",
            "at = \"*.my-site.example/shoes\"\npreview_url = \"https://a.my-site.example/\"",
            "leads back to onehop: links stand on `a.my-site.example`",
        ),
        (
            "[geoip]",
            "[unmatched]\nredirect = \"https://go.example.com/\"\n[geoip]",
            "no link stands at `go.example.com/`",
        ),
    ] {
        let (status, said) = check(&GOOD.replace(from, to));
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(words), "{said}");
    }
    let to_a_link = "[unmatched]\nredirect = \"https://go.example.com/shoes\"\n[geoip]";
    let (status, said) = check(&GOOD.replace("[geoip]", to_a_link));
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn databases_that_are_none() {
    let asn = GOOD.replace("[geoip]\n", "[geoip]\nasn = \"{places}\"\n");
    assert_eq!(check(&asn).0, Some(0));
    for (name, bytes, words) in [
        ("none.mmdb", None, "cannot be read"),
        ("text.mmdb", Some(&b"country,DE"[..]), "cannot be used"),
        ("empty.mmdb", Some(&b""[..]), "empty"),
    ] {
        let folder = Folder::new();
        if let Some(bytes) = bytes {
            folder.write(name, bytes);
        }
        folder.write("onehop.toml", GOOD.replace("{places}", name));
        for command in ["check", "run"] {
            let said = output(&[command], folder.path());
            assert_eq!(said.status.code(), Some(1));
            let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
            assert!(said.contains("onehop.toml:2:11") && said.contains(words), "{said}");
            // The rule is not said to lack a database: it is named.
            assert!(!said.contains("needs a database"), "{said}");
        }
    }
}

#[test]
fn other_slips() {
    for (from, to, place, words, mend) in [
        (
            "secure_key = \"",
            "secure_key = \"$",
            "5:14",
            "the name of a variable",
            "{ env = \"NAME\" }",
        ),
        (
            "?c={click_id}",
            "?c={clickid}",
            "13:39",
            "loses every conversion",
            "did you mean `{click_id}`?",
        ),
        (
            "?c={click_id}",
            "?c=%7Bclick_id%7D",
            "13:39",
            "loses every conversion",
            "did you mean",
        ),
        (
            "at = \"",
            "when = { country = \"DE\" }\nat = \"",
            "7:1",
            "`when` is an offer's",
            "[[link.offer]]",
        ),
        (
            "[[link]]",
            "[link]",
            "6:1",
            "expected an array of tables",
            "double brackets",
        ),
    ] {
        let (status, said) = check(&GOOD.replacen(from, to, 1));
        assert_eq!(status, Some(1), "{to}: {said}");
        for expected in [&*format!("onehop.toml:{place}\n"), words, mend] {
            assert!(said.contains(expected), "{to}: {expected:?} not in\n{said}");
        }
    }
    let (_, said) = check(&GOOD.replace("country = [\"DE\"]", "time = { zone = \"Europe/Berlin\" }"));
    assert!(said.contains("says nothing"), "{said}");
    let (_, said) = check(&format!("[click]\nttl = \"10000000000000000000s\"\n{GOOD}"));
    assert!(
        said.contains("onehop.toml:2:7") && said.contains("a year is the longest"),
        "{said}"
    );
    let offer = &GOOD[GOOD.rfind("  [[link.offer]]").expect("an offer")..];
    let (_, said) = check(&(GOOD.to_owned() + &offer.repeat(1000)));
    assert!(said.contains("1000 offers at most"), "{said}");
    // One mistake is one: none follows from it.
    for changed in [
        GOOD.replace("  when = { country = [\"DE\"] }\n", "")
            .replace("trafficback_url = \"https://my-site.example/\"\n", "")
            + "  trafficback_url = \"https://my-site.example/\"\n",
        GOOD.replacen("\"https://a.example/?c={click_id}\"", "https://a.example", 1),
    ] {
        let (_, said) = check(&changed);
        assert!(said.contains("1 error, 0 warnings"), "{said}");
    }
}

#[test]
fn no_warning_hides_an_error() {
    let mut many = GOOD.replace("  when = { country = [\"DE\"] }\n", "  weight = 5\n");
    for number in 0..200 {
        let link = "[[link]]\nat = \"go.example.com/N\"\ntrafficback_url = \"https://my-site.example/\"\n[[link.offer]]\noffer_id = 1\n\
                    campaign_id = 2\npromo_id = 3\nweight = 5\ntraffic_url = \"https://a.example/?c={click_id}\"\n";
        many += &link.replace("/N", &format!("/{number}"));
    }
    let (status, said) = check(&many.replace("at = \"go.example.com/199\"", "at = \"go.example.com/198\""));
    assert_eq!(status, Some(1));
    assert!(
        said.contains("two links stand at the same place") && said.contains("1 error, 201 warnings"),
        "{said}"
    );
}
