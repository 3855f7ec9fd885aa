//! JSON files whose links are read one by one: as a whole they would read the same.

use super::super::{
    Mistakes, Node, Sources, Value,
    tree::{File, Key},
};
use super::{Random, listed, read};

/// A value with the places of all in it.
fn written(node: &Node) -> String {
    let value = match &node.value {
        Value::String(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Other(what) => (*what).to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<String>()),
        Value::Table(entries) => {
            let entry = |(key, node): &(Key, Node)| {
                format!(
                    "{:?} {}..{}: {}",
                    key.name,
                    key.place.start,
                    key.place.end,
                    written(node)
                )
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<String>())
        }
    };
    format!("{}..{} {value}, ", node.place.start, node.place.end)
}

/// All links of a root.
fn links_of(root: &Node) -> String {
    let Value::Table(entries) = &root.value else {
        return String::new();
    };
    let link = entries.iter().find(|(key, _)| key.name == "link");
    match link.map(|(_, node)| &node.value) {
        Some(Value::Array(items)) => items.iter().map(written).collect(),
        _ => String::new(),
    }
}

/// The links of a text and its mistakes: read one by one, and in one tree.
fn both_ways(text: &str) -> [(String, Vec<String>); 2] {
    let (sources, tree, mistakes) = read("x.json", text);
    let whole = tree.map(|tree| links_of(&tree.root));
    let whole = (whole.unwrap_or_default(), listed(&sources, &mistakes));

    let (mut sources, mistakes) = (Sources::default(), Mistakes::default());
    let id = sources.add("x.json", text);
    let file = File::read(&sources, id, &mistakes).unwrap();
    let mut links: String = file.links(&sources, &mistakes).map(|link| written(&link)).collect();
    links.extend(file.tree.as_ref().map(|tree| links_of(&tree.root)));
    [(links, listed(&sources, &mistakes)), whole]
}

const TEXT: &str = r#"{
  "link": [
    {"at": "a.example/x", "offer": [{"offer_id": 12, "name": "\u00e9 \"q\"", "traffic_url": "https://é.example/?a=1,[{"}]},
    {"at": ["b.example/é", "c"], "n": -3, "f": 1.5, "t": true, "z": null, "e": [], "o": {}} ,
    7, "text"
  ],
  "more": [1, 2]
}
"#;

#[test]
fn links_are_the_same_one_by_one() {
    for text in [
        TEXT,
        r#"{"link":[]}"#,
        r#"{"link": [ ] }"#,
        r#"{"x": {"link": [1]}, "link": [2, {"a": 1, "\u0061": 2}], "link": [3]}"#,
        r#"{"link": {"a": [1]}}"#,
        r#"[{"link": [1]}]"#,
        r#"{"link": [{"a": 9223372036854775807}, {"a": 9223372036854775808}, {"a": 007}]}"#,
    ] {
        let [one_by_one, whole] = both_ways(text);
        let (links, mistakes) = &one_by_one;
        if whole
            .1
            .iter()
            .all(|mistake| mistake.contains("too large") || mistake.contains("twice"))
        {
            assert_eq!(one_by_one, whole, "{text}");
        } else {
            assert!(
                !mistakes.is_empty() && whole.1.iter().all(|one| mistakes.contains(one)),
                "{text}: {mistakes:?}"
            );
        }
        assert_eq!(
            links.is_empty(),
            !text.contains("[{\"a\"") && !text.contains("[2") && text != TEXT,
            "{text}"
        );
    }
}

#[test]
fn what_is_wrong_is_told_as_of_the_whole() {
    let mut random = Random(7);
    let mut broken = 0;
    for _ in 0..20_000 {
        let mut bytes = TEXT.as_bytes().to_vec();
        let at = random.below(bytes.len());
        let other = b"{}[],:\"\\ \n1a\t-"[random.below(14)];
        match random.below(3) {
            0 => bytes[at] = other,
            1 => bytes.insert(at, other),
            _ => drop(bytes.remove(at)),
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let [one_by_one, whole] = both_ways(&text);
        if whole.1.is_empty() {
            assert_eq!(one_by_one, whole, "{text}");
        } else {
            broken += 1;
            let (_, mistakes) = one_by_one;
            let all = whole.1.iter().all(|one| mistakes.contains(one));
            assert!(all, "{text}\n{mistakes:?}\n{:?}", whole.1);
        }
    }
    assert!(broken > 5_000, "{broken}");
}

#[test]
fn a_syntax_error_hides_no_other_links_mistakes() {
    let text = "{\"link\": [\n{\"a\": },\n{\"b\": 1, \"b\": 2},\n{\"c\" 1},\n{\"d\": 1}]}";
    let [(links, mistakes), _] = both_ways(text);
    assert_eq!(
        mistakes,
        [
            "2:7 unexpected `}`",
            "3:10 the key `b` is there twice",
            "4:6 expected `:` after the key"
        ]
    );
    assert!(links.contains("\"b\"") && links.contains("\"d\""), "{links}");
}

/// Of a large file only some links are searched for secrets and shown.
#[test]
fn a_large_file_is_shown_as_a_small_one() {
    for separator in [",\n", ", "] {
        let key = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
        let mut links: Vec<String> = (0..50_000)
            .map(|number| format!("{{\"at\": \"é.example/{number}\", \"x\": [{{\"y\": \"some more text\"}}]}}"))
            .collect();
        links[30_000] = format!("{{\"at\": \"mark\", \"secure_key\": \"{key}\", \"at\": 1}}");
        links[49_999] = "{\"last\": 1, \"last\": 2}".to_owned();
        let text = format!("{{\"link\": [\n{}\n]}}\n", links.join(separator));
        assert!(text.len() > 2 << 20);
        let (mut sources, mistakes) = (Sources::default(), Mistakes::default());
        let id = sources.add("x.json", text.as_str());
        let file = File::read(&sources, id, &mistakes).unwrap();
        assert_eq!(file.links(&sources, &mistakes).count(), 50_000);
        let positions: Vec<String> = listed(&sources, &mistakes)
            .iter()
            .map(|told| told.split(' ').next().unwrap().to_owned())
            .collect();
        let told = mistakes.render(&sources, &super::super::Secrets::default(), false);
        assert_eq!(positions.len(), 2);
        for position in positions {
            assert!(
                told.contains(&format!("--> x.json:{position}\n")),
                "{position} in\n{told}"
            );
        }
        assert!(
            told.contains("\"secure_key\": \"****") && told.contains("mark"),
            "{told}"
        );
        assert!(!told.contains("0f1e"), "{told}");
        assert!(told.contains("\"last\": 2}"), "{told}");
    }
}
