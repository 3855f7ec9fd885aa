//! Every kind of mistake of reading and parsing, with its exact line and column.

use std::path::Path;

use super::super::{Mistakes, Sources, Value, source::Place, tree::DEEPEST};
use super::{listed, read, rendered};

#[test]
fn syntax_mistakes_have_exact_places() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "a.toml",
            "a = 1\nb = \nc = é\n",
            &["2:5 expected a value", "3:5 string values must be quoted"],
        ),
        ("a.toml", "a = 1\n  a = 2\n", &["2:3 duplicate key"]),
        ("a.toml", "[x]\n[y]\n[x]\n", &["3:2 duplicate key"]),
        (
            "a.toml",
            "a = 1\n[a.b]\n",
            &["2:2 cannot extend value of type integer with a dotted key"],
        ),
        (
            "a.toml",
            "\u{feff}é = 1\n",
            &["1:1 invalid unquoted key, expected letters, numbers, `-`, `_`"],
        ),
        ("a.toml", "[x\na = 1\n", &["1:3 unclosed table, expected `]`"]),
        (
            "a.toml",
            "a = 99999999999999999999\n",
            &["1:5 the integer is too large"],
        ),
        (
            "a.toml",
            "a = [1, 0xffffffffffffffff]\n",
            &["1:9 the integer is too large"],
        ),
        (
            "a.toml",
            "x = 1\na.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 1\n",
            &["2:32 a key may not have more than 16 parts"],
        ),
        ("a.json", "", &["1:1 the file is empty"]),
        ("a.json", "[1]", &["1:1 expected a table (`{…}`), found an array"]),
        (
            "a.json",
            "{\n \"a\": 1,\n}",
            &["2:8 JSON allows no comma after the last entry"],
        ),
        ("a.json", "{\n \"a\": 1 // x\n}", &["2:9 JSON has no comments"]),
        ("a.json", "{ a: 1 }", &["1:3 expected a key in double quotes"]),
        ("a.json", "{ 'a': 1 }", &["1:3 JSON strings stand in double quotes"]),
        ("a.json", "{ \"é\": 0x1 }", &["1:8 JSON has no hexadecimal numbers"]),
        ("a.json", "{ \"a\": +1 }", &["1:8 JSON numbers have no plus sign"]),
        (
            "a.json",
            "{ \"a\": .5 }",
            &["1:8 a number needs digits on both sides of the point"],
        ),
        ("a.json", "{ \"a\": NaN }", &["1:8 expected a value"]),
        ("a.json", "{ \"a\": \"\\x41\" }", &["1:9 unknown escape in a string"]),
        (
            "a.json",
            "{ \"a\": \"\\ud800\" }",
            &["1:9 this `\\u` escape is not a character"],
        ),
        ("a.json", "{ \"a\": 1 \"b\": 2 }", &["1:9 expected `,`"]),
        ("a.json", "{ \"a\" 1 }", &["1:7 expected `:` after the key"]),
        ("a.json", "{} {}", &["1:4 expected the end of the file"]),
        ("a.json", "{ \"a\": [1, 2", &["1:8 the array is never closed with `]`"]),
        ("a.json", "{ \"a\": 1", &["1:1 the table is never closed with `}`"]),
        ("a.json", "{ \"a\": \"x", &["1:8 the string is never closed with `\"`"]),
        (
            "a.json",
            "{ \"a\": \"x\ty\" }",
            &["1:10 a line break or control character inside a string"],
        ),
        (
            "a.json",
            "{\u{a0}\"a\": 1 }",
            &["1:2 the character U+00A0 is no white space in JSON"],
        ),
        (
            "a.json",
            "{ \"a\": 9223372036854775808 }",
            &["1:8 the integer is too large"],
        ),
        ("a.json", "{ \"a\": 1e999 }", &["1:8 the number is too large"]),
        (
            "a.json",
            "{ \"a\": 1, \"b\": 99999999999999999999,\n  \"\\u0061\": 2, \"a\": 3 }",
            &[
                "1:16 the integer is too large",
                "2:3 the key `a` is there twice",
                "2:16 the key `a` is there twice",
            ],
        ),
    ];
    for (name, text, expected) in cases {
        let (sources, _, mistakes) = read(name, text);
        assert_eq!(&listed(&sources, &mistakes), expected, "{text}");
        assert_eq!(mistakes.errors(), expected.len(), "{text}");
    }
}

#[test]
fn a_key_that_is_there_twice_shows_both_places() {
    let (sources, _, mistakes) = read("x.json", "{\n \"a\": 1,\n \"a\": 2\n}");
    let text = rendered(&sources, &mistakes);
    for part in ["--> x.json:3:2", "again here", "::: x.json:2:2", "first here"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn values_and_their_places_are_those_of_the_file() {
    let toml = "[z]\ni = -9223372036854775808\nf = 1.5\n[[link]]\nat = \"x\"\n[[link]]\n[a.b]\nd = 1979-05-27\n";
    let (_, tree, mistakes) = read("x.toml", toml);
    assert!(mistakes.first(1).is_empty());
    let Value::Table(entries) = tree.unwrap().root.value else {
        panic!("the root is a table")
    };
    let names: Vec<&str> = entries.iter().map(|entry| entry.0.name.as_str()).collect();
    assert_eq!(names, ["z", "link", "a"], "in the order of the file");
    let text = |place: Place| &toml[place.start..place.end];
    assert_eq!(text(entries[0].1.place), "[z]");
    let Value::Table(z) = &entries[0].1.value else {
        panic!("[z] is a table")
    };
    assert!(matches!(z[0].1.value, Value::Integer(i64::MIN)));
    assert_eq!(z[1].1.value.kind(), "a decimal number");
    assert_eq!(text(z[1].1.place), "1.5");
    let Value::Array(links) = &entries[1].1.value else {
        panic!("links are an array")
    };
    assert_eq!(links.len(), 2);
    assert!(links.iter().all(|link| text(link.place) == "[[link]]"));
    assert_ne!(links[0].place, links[1].place);
    let Value::Table(a) = &entries[2].1.value else {
        panic!("[a] is a table")
    };
    assert_eq!(text(a[0].1.place), "[a.b]");
    let Value::Table(b) = &a[0].1.value else {
        panic!("[a.b] is a table")
    };
    assert_eq!(b[0].1.value.kind(), "a date or time");
}

#[test]
fn a_broken_file_gives_an_incomplete_tree() {
    let (_, tree, _) = read("x.toml", "a = \nb = 1\n");
    assert!(!tree.unwrap().complete);
    let (_, tree, _) = read("x.toml", "b = 1\n");
    assert!(tree.unwrap().complete);
}

#[test]
fn deep_nesting_is_a_mistake_and_never_overflows() {
    // A recursion of this depth overflows the stack below with as little as 105 bytes a level.
    let deep = 20_000;
    let cases = [
        ("x.json", "[".repeat(deep)),
        ("x.json", format!("{{\"a\":{}1{}}}", "[".repeat(deep), "]".repeat(deep))),
        ("x.json", "{\"a\":".repeat(deep)),
        ("x.json", format!("\"\n\" {}", "[".repeat(deep))),
        ("x.toml", format!("a = {}", "[".repeat(deep))),
        ("x.toml", format!("a = {}1{}", "[".repeat(deep), "]".repeat(deep))),
        ("x.toml", format!("a = {}", "{a=".repeat(deep))),
        (
            "x.toml",
            format!("a = {}", "{a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=".repeat(deep / 20)),
        ),
        ("x.toml", format!("{}a = 1", "a.".repeat(deep))),
        ("x.toml", format!("[{}a]", "a .\t".repeat(deep))),
        ("x.toml", format!("[{}a]", "'a'.".repeat(deep))),
        ("x.toml", "[".repeat(deep)),
        ("x.toml", "[[a]]\n".repeat(deep / 100) + &"[a".repeat(deep)),
    ];
    for (name, text) in cases {
        // As small as the stack of a worker thread.
        let worker = std::thread::Builder::new().stack_size(2 << 20);
        let start: String = text.chars().take(20).collect();
        let reading = move || {
            let (sources, _, mistakes) = read(name, &text);
            (mistakes.errors(), rendered(&sources, &mistakes).len())
        };
        let (errors, printed) = worker.spawn(reading).unwrap().join().unwrap();
        assert!(errors > 0, "{start}");
        assert!(printed < 100_000, "{start}: {printed} bytes");
    }
}

#[test]
fn nesting_up_to_the_limit_is_fine() {
    let depth = DEEPEST - 2;
    let value = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    for (name, text) in [
        ("x.toml", format!("a = {value}")),
        ("x.json", format!("{{\"a\": {value}}}")),
    ] {
        let (sources, tree, mistakes) = read(name, &text);
        assert!(
            tree.is_some() && mistakes.first(1).is_empty(),
            "{}",
            rendered(&sources, &mistakes)
        );
    }
}

#[test]
fn files_that_are_no_text() {
    let cases: &[(&[u8], &str)] = &[
        (
            b"a = 1\nb = \"\xc3\xa9\xff\"\n",
            "2:7 the file is not UTF-8 text: byte 0xFF",
        ),
        (b"\xff\xfea\0", "1:1 the file is not UTF-8 text: byte 0xFF"),
        (b"s\0e\0c\0", "1:2 the file is not UTF-8 text: byte 0x00"),
    ];
    for (bytes, expected) in cases {
        let (mut sources, mistakes) = (Sources::default(), Mistakes::default());
        let id = sources.add_bytes(Path::new("x.toml"), bytes.to_vec(), &mistakes);
        assert!(id.is_none());
        assert_eq!(listed(&sources, &mistakes), [*expected]);
        assert!(rendered(&sources, &mistakes).contains("--> x.toml:"));
    }
}

#[test]
fn files_that_cannot_be_read() {
    let (mut sources, mistakes) = (Sources::default(), Mistakes::default());
    let shown = Path::new("onehop.toml");
    assert!(
        sources
            .read(Path::new("/nonexistent/x"), shown, None, &mistakes)
            .is_none()
    );
    assert!(sources.read(Path::new("/"), shown, None, &mistakes).is_none());
    let mut all = listed(&sources, &mistakes);
    all.sort();
    assert_eq!(
        all,
        [
            "cannot read `onehop.toml`: it is a directory, not a file",
            "cannot read `onehop.toml`: there is no such file",
        ]
    );
    let manifest = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let id = sources.read(manifest, shown, None, &mistakes).unwrap();
    assert!(sources.get(id).unwrap().text.contains("[package]"));
}
