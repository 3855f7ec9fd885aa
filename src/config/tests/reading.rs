//! The tools that read sections.

use std::time::Duration;

use super::super::{Mistakes, Sources, Spanned, TableReader, Zero, tree::parse};
use super::{listed, rendered};

/// Reads a text with a function and gives the mistakes.
fn mistakes_of(name: &str, text: &str, reading: impl FnOnce(TableReader<'_>)) -> (Vec<String>, String) {
    let mut sources = Sources::default();
    let mistakes = Mistakes::default();
    let id = sources.add(name, text);
    let tree = parse(&sources, id, &mistakes).unwrap();
    reading(TableReader::new(&tree.root, &mistakes).unwrap());
    (listed(&sources, &mistakes), rendered(&sources, &mistakes))
}

#[test]
fn values_of_every_type_are_read() {
    let text = "s = 'x'\ni = 5\nf = 2.5\nb = true\nd = '1500ms'\none = 'a'\nmore = ['b', 'c']\nw = 'listed'\n[t]\nx = 1\n[[l]]\n[[l]]\n";
    let (mistakes, _) = mistakes_of("x.toml", text, |mut r| {
        let s = r.required_string("s").unwrap();
        assert_eq!((s.value, s.place.start, s.place.end), ("x", 4, 7));
        assert_eq!(r.integer_in("i", 5..=9).unwrap().value, 5);
        assert_eq!(r.required_integer_in("i", 0..=5).unwrap().value, 5);
        assert_eq!(r.raw("f").unwrap().value.kind(), "a decimal number");
        assert!(r.bool("b").unwrap().value);
        assert_eq!(
            r.duration("d", Zero::Refused).unwrap().value,
            Duration::from_millis(1500)
        );
        let strings = |list: Option<Spanned<Vec<Spanned<&str>>>>| {
            list.unwrap()
                .value
                .into_iter()
                .map(|s| s.value.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(strings(r.strings("one")), ["a"]);
        assert_eq!(strings(r.required_strings("more")), ["b", "c"]);
        assert_eq!(r.choice("w", &[("weighted", 1), ("listed", 2)]).unwrap().value, 2);
        assert_eq!(r.table("t").unwrap().entries().len(), 1);
        assert_eq!(r.tables("l").unwrap().len(), 2);
        assert!(r.string("no").is_none() && r.tables("no").is_none() && r.raw("no").is_none());
        r.finish(&[]);
    });
    assert!(mistakes.is_empty(), "{mistakes:?}");
}

#[test]
fn wrong_types_are_mistakes_at_the_value() {
    let found = [
        ("1", "1", "an integer"),
        ("1.5", "1.5", "a decimal number"),
        ("true", "true", "a boolean"),
        ("[1]", "[1]", "an array"),
        ("{}", "{}", "a table"),
        ("'x'", "\"x\"", "a string"),
        ("12:00:00", "null", ""),
    ];
    for (toml, json, kind) in found {
        for (name, text) in [
            ("x.toml", format!("a = {toml}")),
            ("x.json", format!("{{\"a\":{json}}}")),
        ] {
            let kind = match kind {
                "" if name == "x.toml" => "a date or time",
                "" => "null",
                kind => kind,
            };
            let (mistakes, _) = mistakes_of(name, &text, |mut r| {
                let _ = (r.required_string("a"), r.integer_in("a", 0..=9), r.bool("a"));
                let _ = (r.strings("a"), r.table("a").is_some(), r.tables("a").is_some());
            });
            let wanted = [
                "a string",
                "an integer",
                "`true` or `false`",
                "a string or an array of strings",
                "a table",
                "an array of tables",
            ];
            let fits = |wanted: &str| match kind {
                "a boolean" => wanted.starts_with('`'),
                "a string" => wanted.starts_with("a string"),
                "an array" => wanted.contains("array"),
                kind => wanted == kind,
            };
            let mut expected: Vec<String> = wanted
                .iter()
                .filter(|w| !fits(w))
                .map(|w| format!("1:5 expected {w}, found {kind}"))
                .collect();
            if kind == "an array" {
                // Its element is wrong for both readers of arrays.
                expected.push("1:6 expected a string, found an integer".to_owned());
                expected.push("1:6 expected a table, found an integer".to_owned());
            }
            let mut mistakes = if name == "x.json" {
                mistakes
                    .iter()
                    .map(|m| m.replace("1:6", "1:5").replace("1:7", "1:6"))
                    .collect()
            } else {
                mistakes
            };
            expected.sort();
            mistakes.sort();
            assert_eq!(mistakes, expected, "{text}");
        }
    }
}

#[test]
fn durations_have_units() {
    let cases = [
        ("300", "1:5 the duration has no unit", "`\"300s\"`"),
        ("'300'", "1:5 the duration has no unit", "`\"300s\"`"),
        ("'0s'", "1:5 the duration must be longer than zero", ""),
        ("'5 parsecs'", "1:5 unknown unit in a duration", "`ms`"),
        ("'soon'", "1:5 this is not a duration", "`\"5m\"`"),
        ("''", "1:5 this is not a duration", "`\"5m\"`"),
        ("'-5s'", "1:5 this is not a duration", "`\"5m\"`"),
        (
            "'99999999999999999999s'",
            "1:5 the duration is too long or too precise",
            "",
        ),
        (
            "'18446744073709551615y'",
            "1:5 the duration is too long or too precise",
            "",
        ),
        ("true", "1:5 expected a duration in a string, found a boolean", ""),
    ];
    for (value, expected, help) in cases {
        let (mistakes, text) = mistakes_of("x.toml", &format!("a = {value}"), |mut r| {
            assert!(r.duration("a", Zero::Refused).is_none());
        });
        assert_eq!(mistakes, [expected]);
        assert!(text.contains(help), "{text}");
    }
    let (mistakes, _) = mistakes_of("x.toml", "a = '0s'", |mut r| {
        assert_eq!(r.duration("a", Zero::Allowed).unwrap().value, Duration::ZERO);
    });
    assert!(mistakes.is_empty());
}

#[test]
fn missing_keys_are_reported_at_the_header() {
    let (mistakes, text) = mistakes_of("x.toml", "a = 1\n\n[tracker.hoqu]\nca = 1\n", |mut r| {
        let mut tracker = r.table("tracker").unwrap();
        let mut hoqu = tracker.table("hoqu").unwrap();
        assert!(hoqu.required_string("url").is_none());
        assert!(hoqu.required_string("ca").is_none(), "a wrong type is no missing key");
    });
    assert_eq!(
        mistakes,
        ["3:1 missing key `url`", "4:6 expected a string, found an integer"]
    );
    assert!(text.contains("3 | [tracker.hoqu]\n  | ^^^^^^^^^^^^^^"), "{text}");
    let (mistakes, _) = mistakes_of("x.json", "{\n \"a\": {}\n}", |mut r| {
        r.table("a").unwrap().required_integer_in("b", 0..=9);
    });
    assert_eq!(mistakes, ["2:7 missing key `b`"]);
}

#[test]
fn unknown_keys_have_the_nearest_known_key() {
    let cases = [
        ("traficback_url", "did you mean `trafficback_url`?"),
        ("trafficback-url", "did you mean `trafficback_url`?"),
        ("TTL", "did you mean `ttl`?"),
        ("tlt", "did you mean `ttl`?"),
        ("banana", "known keys: `trafficback_url`, `ttl`, `at`"),
        ("x", "known keys: `trafficback_url`, `ttl`, `at`"),
        ("ta", "did you mean `at`?"),
    ];
    for (key, help) in cases {
        let (mistakes, text) = mistakes_of("x.toml", &format!("ttl = 1\n \"{key}\" = 2\n"), |mut r| {
            let _ = (r.raw("trafficback_url"), r.raw("ttl"), r.raw("at"), r.raw("ttl"));
            r.finish(&[(&["when"], "comes with a later version", "leave it out")]);
        });
        assert_eq!(mistakes, [format!("2:2 unknown key `{key}`")]);
        assert!(text.contains(&format!("help: {help}\n")), "{text}");
    }
    let (mistakes, _) = mistakes_of("x.json", "{\"when\": {}}", |r| {
        r.finish(&[(&["when"], "comes with a later version", "leave it out")]);
    });
    assert_eq!(mistakes, ["1:2 the key `when` comes with a later version"]);
    let long = "k".repeat(1_000_000);
    let (mistakes, text) = mistakes_of("x.toml", &format!("{long} = 1"), |r| r.finish(&[]));
    assert_eq!(mistakes, [format!("1:1 unknown key `{}…`", "k".repeat(60))]);
    assert!(
        text.len() < 2000 && text.contains("no keys are known here"),
        "{}",
        text.len()
    );
}

#[test]
fn values_out_of_range_and_unknown_words() {
    let (mistakes, text) = mistakes_of("x.toml", "a = 11\nb = 'weigthed'\nc = 99999999999999999999", |mut r| {
        assert!(r.integer_in("a", 0..=10).is_none());
        assert!(r.choice("b", &[("listed", 1), ("weighted", 2)]).is_none());
        assert!(r.integer_in("c", 0..=10).is_none(), "reported once, by the parser");
    });
    assert_eq!(
        mistakes,
        [
            "1:5 expected an integer from 0 to 10",
            "2:5 unknown word",
            "3:5 the integer is too large"
        ]
    );
    assert!(text.contains("did you mean `weighted`?"), "{text}");
}
