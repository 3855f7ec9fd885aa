//! However a configuration is broken, its key is not printed.

use super::super::{Mistake, Mistakes, Secrets, Sources, TableReader, Value, source::Place, tree::parse};
use super::Random;

/// Broken files of each kind. The first ones are always the same, so after a change to masking run more: some gaps show
/// only among `ONEHOP_CANARY_ROUNDS=10000 cargo test canary`.
const ROUNDS: usize = 500;

const CANARY: &str = "Qz7Vx2Lm9Rt4Wb6Yp3Hs8Jd5";

const TOML: &[&str] = &[
    "[listen]\nhttp = [\"[::]:80\"]\n\n[tracker.hoqu]   # mine\nurl = \"https://tracker.example/api\"\n\
     secure_key = \"CANARY\"\nca = \"ca.pem\"\n\n[click]\ndeadline = \"2s\"\n",
    "tracker.hoqu.url = \"https://tracker.example/api\"\ntracker.hoqu.secure_key = 'CANARY'\n\
     [listen]\nadmin = \"127.0.0.1:1\"\n",
    "[tracker]\nhoqu = { url = \"https://tracker.example/api\", secure_key = \"CANARY\", ca = \"c\" }\n\
     [unmatched]\nstatus = 404\n",
    "[tracker.hoqu]\nurl = \"https://tracker.example/api\"\nsecure_key = \"\"\"\nCANARY\"\"\"\n[click]\nttl = \"1s\"\n",
    "[tracker.hoqu]\nsecure_key = '''CANARY'''\nurl = \"https://tracker.example/api\"\n# secure_key = \"CANARY\"\n",
];

/// Here only the section says that something is secret.
const SECTION_TOML: &[&str] = &[
    "[tracker.hoqu.secure_key]\nvalue = \"CANARY\"\n[tracker.b]\nsecure_key = { env = \"KEY_B\" }\n",
    "[tracker.hoqu]\nurl = \"https://me:CANARY@tracker.example/api?key=CANARY\"\nsecure_key.env = \"KEY\"\n",
];

const JSON: &[&str] = &[
    "{\n  \"listen\": {\"http\": \"[::]:80\"},\n  \"tracker\": {\n    \"hoqu\": {\n      \"url\": \"https://tracker.example/api\",\n\
     \x20     \"secure_key\": \"CANARY\",\n      \"ca\": \"ca.pem\"\n    }\n  },\n  \"click\": {\"deadline\": \"2s\"}\n}\n",
    "{\"tracker\":{\"hoqu\":{\"secure_key\":\"CANARY\",\"url\":\"https://tracker.example/api\"}},\"click\":{\"ttl\":\"1s\"}}",
    "{\"tracker\":\n{\"hoqu\":\n{\"secure_key\":\n\"CANARY\"\n,\"other\": \"x\"}}}",
];

const SECTION_JSON: &[&str] = &[
    "{\"tracker\":\n{\"hoqu\":\n{\"other\":\n\"CANARY\",\n\"url\": \"https://me:CANARY@x/?a=CANARY\"}},\n\"click\": {}}",
];

const INSERTED: &[u8] = b"\"'=:,.[]{}#\n\\ \r\x1bx";

/// One random change. Quotes, separators and names are what people break.
fn change(text: &mut String, random: &mut Random) {
    let bytes = text.as_bytes().to_vec();
    if bytes.is_empty() {
        return;
    }
    let marks: Vec<usize> = (0..bytes.len())
        .filter(|&at| b"\"'=:,.[]{}#\n".contains(&bytes[at]))
        .collect();
    let anywhere = random.below(bytes.len());
    let mark = if marks.is_empty() {
        anywhere
    } else {
        marks[random.below(marks.len())]
    };
    let inserted = char::from(INSERTED[random.below(INSERTED.len())]);
    match random.below(8) {
        0 => drop(text.remove(anywhere)),
        1 | 2 => drop(text.remove(mark)),
        3 => text.insert(anywhere, inserted),
        4 => text.insert(mark, inserted),
        5 => {
            text.remove(mark);
            text.insert(mark, inserted);
        }
        6 => {
            let other = ["secure-key", "securekey", "Secure_Key", "secret", "secure_kye", "token"];
            *text = text.replacen("secure_key", other[random.below(other.len())], 1);
        }
        _ => {
            // A key that somebody puts into another section as such cannot be told from a word.
            let line = text.lines().nth(random.below(9)).unwrap_or_default();
            let line = line.replace(CANARY, "x");
            let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
            let start = starts.get(random.below(starts.len())).copied().unwrap_or(0);
            // Nothing ties a value to its key if a whole entry, or the end of its table, stands
            // between them.
            if !text[..start].trim_end().ends_with(':') && !line.contains(['}', ']']) {
                text.insert_str(start, &(line + "\n"));
            }
        }
    }
}

/// Everything that could be said about a file: what the parser says, every key as unknown, and one
/// mistake in each line so that all of it is shown.
fn everything(name: &str, text: &str) -> String {
    let mut sources = Sources::default();
    let mistakes = Mistakes::default();
    let source = sources.add(name, text);
    let tree = parse(&sources, source, &mistakes);
    if let Some(tree) = &tree {
        let mut waiting = vec![&tree.root];
        while let Some(node) = waiting.pop() {
            match &node.value {
                Value::Table(entries) => {
                    waiting.extend(entries.iter().map(|entry| &entry.1));
                    let mut reader = TableReader::new(node, &mistakes).unwrap();
                    reader.required_string("url");
                    reader.required_integer_in("tracker", 0..=1);
                    reader.finish(&[]);
                }
                Value::Array(items) => waiting.extend(items),
                _ => {}
            }
        }
    }
    for (start, _) in text.match_indices('\n') {
        let end = start + 1;
        mistakes.push(Mistake::error("here").at(Place { source, start, end }).help("mend it"));
    }
    let start = Place {
        source,
        start: 0,
        end: 0,
    };
    mistakes.push(Mistake::error("start").at(start).help("mend it"));
    let (text, remarks) = mistakes.told(&sources, &Secrets::default(), false);
    format!("{text}\n{remarks:?}")
}

fn leak(printed: &str) -> Option<&'static str> {
    let runs = (0..=CANARY.len() - 8).map(|at| &CANARY[at..at + 8]);
    runs.into_iter().find(|run| printed.contains(*run))
}

fn try_all(name: &str, texts: &[&str], changes: usize) {
    let asked = std::env::var("ONEHOP_CANARY_ROUNDS").ok();
    let rounds = asked.map_or(ROUNDS, |rounds| {
        rounds.parse().expect("ONEHOP_CANARY_ROUNDS is a number")
    });
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..rounds {
        let mut text = texts[round % texts.len()].replace("CANARY", CANARY);
        for _ in 0..random.below(changes + 1) {
            change(&mut text, &mut random);
        }
        // One bracket more ends the section there, and what follows is outside.
        let closers = |text: &str| text.matches('}').count();
        if changes == 1 && closers(&text) > closers(texts[round % texts.len()]) {
            continue;
        }
        let printed = everything(name, &text);
        assert!(printed.contains("start"), "round {round} printed nothing");
        if let Some(run) = leak(&printed) {
            panic!("round {round}: {run} of\n{text}\nis printed:\n{printed}");
        }
    }
}

#[test]
fn broken_toml_does_not_show_the_key() {
    try_all("onehop.toml", TOML, 2);
}

#[test]
fn broken_json_does_not_show_the_key() {
    try_all("onehop.json", JSON, 2);
}

#[test]
fn a_broken_section_does_not_show_its_strings() {
    try_all("onehop.toml", SECTION_TOML, 1);
    try_all("onehop.json", SECTION_JSON, 1);
}

#[test]
fn the_test_sees_a_leak() {
    let text = format!("[listen]\nhttp = \"{CANARY}\"\n");
    assert!(leak(&everything("onehop.toml", &text)).is_some());
}
