//! The house rules that a compiler does not hold: who may know whom, and how files begin.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use onehop::observe::lines::FIELDS;

use super::readme;

/// Every source file with its text, by its path below `src`.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path
                    .strip_prefix(&root)
                    .expect("below src")
                    .to_string_lossy()
                    .into_owned();
                found.push((name, fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    assert!(found.len() > 40, "{}", found.len());
    found
}

/// The code of a file, without its tests and comments.
fn code(name: &str, text: &str) -> String {
    if name.contains("tests") {
        return String::new();
    }
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules of ours that a file names: `crate::x` in a path, and the names at the head of a `use crate::{…}`.
fn knows(code: &str) -> Vec<String> {
    let mut known = Vec::new();
    for piece in code.split("crate::").skip(1) {
        let names: Vec<&str> = match piece.strip_prefix('{') {
            None => vec![piece],
            Some(list) => {
                let mut depth = 0;
                let end = list.find(|c| {
                    depth += match c {
                        '{' => 1,
                        '}' => -1,
                        _ => 0,
                    };
                    depth < 0
                });
                let mut depth = 0;
                list[..end.unwrap_or(list.len())]
                    .split(|c| {
                        depth += match c {
                            '{' => 1,
                            '}' => -1,
                            _ => 0,
                        };
                        c == ',' && depth == 0
                    })
                    .map(str::trim)
                    .collect()
            }
        };
        for name in names {
            let word: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !word.is_empty() {
                known.push(word);
            }
        }
    }
    known
}

fn stage(name: &str) -> &str {
    name.split('/').next().unwrap_or(name).trim_end_matches(".rs")
}

#[test]
fn stages_know_what_they_may() {
    let words = [
        "about",
        "click_id",
        "country",
        "device",
        "file_print",
        "headers",
        "hit_id",
        "in_place",
        "keyed_hash",
        "language",
        "networks",
        "offer_ids",
        "percent",
        "plain_json",
        "plain_text",
        "query",
        "spare",
        "trace_id",
    ];
    let mut checked = 0;
    for (name, text) in sources() {
        let stage = stage(&name).to_owned();
        let may: &[&str] = match &*stage {
            "visitor" | "link" | "click" | "redirect" | "listener" | "sandbox" | "tls" | "history" => &[],
            "outcome" => &["redirect"],
            "explain" => &[
                "click", "edge", "hit", "link", "observe", "outcome", "server", "visitor",
            ],
            "report" | "reconcile" => &["history", "outcome"],
            "replay" => &[
                "click", "edge", "explain", "history", "hit", "link", "observe", "outcome", "report", "server",
                "visitor",
            ],
            "doctor" => &["click", "history", "listener", "observe", "outcome", "tls", "visitor"],
            "server" => &["edge", "hit", "link", "observe", "outcome"],
            "hit" => &["click", "edge", "link", "observe", "outcome", "redirect", "visitor"],
            _ => continue,
        };
        checked += 1;
        for known in knows(&code(&name, &text)) {
            assert!(
                known == stage || may.contains(&&*known) || words.contains(&&*known),
                "{name} knows {known}"
            );
        }
    }
    assert!(checked > 20, "{checked}");
    assert_eq!(knows("use crate::{a::{b, c}, d};\ncrate::e::f()"), ["a", "d", "e"]);
}

#[test]
fn no_part_imports_config_or_app() {
    for (name, text) in sources() {
        if matches!(stage(&name), "config" | "app" | "commands" | "args" | "main" | "lib") {
            continue;
        }
        for known in knows(&code(&name, &text)) {
            assert!(
                !["config", "app", "admin", "commands", "args"].contains(&&*known),
                "{name} knows {known}"
            );
        }
    }
}

#[test]
fn each_outside_thing_has_its_owners() {
    for (thing, owners) in [
        (
            "hyper::",
            &["server/", "click/connection.rs", "admin.rs", "sandbox/"][..],
        ),
        ("rustls::", &["click/endpoint.rs", "tls/"]),
        (
            "TcpStream",
            &[
                "click/network.rs",
                "listener.rs",
                "server/",
                "app.rs",
                "admin.rs",
                "sandbox/",
            ],
        ),
        ("httparse::", &["click/http1.rs", "server/requests.rs"]),
        ("csv::", &["reconcile/export.rs"]),
        ("flate2::", &["history/files.rs", "observe/rotated.rs"]),
        ("lookup_host", &["click/network.rs"]),
        ("lru::", &["click/cache.rs"]),
        (
            "prometheus_client::",
            &[
                "observe/link_metrics.rs",
                "observe/metrics.rs",
                "observe/tracker_metrics.rs",
            ],
        ),
        (
            "SystemTime::now",
            &[
                "server/connection.rs",
                "server/requests.rs",
                "server/http2/",
                "commands/",
                "certificates.rs",
                "config/tls.rs",
                "observe/diagnostics.rs",
                "observe/log_file.rs",
                "sandbox/server.rs",
            ],
        ),
        ("maxminddb::", &["visitor/places"]),
        (
            "\"x-forwarded-for\"",
            // The last one writes a configuration.
            &["visitor/real_ip.rs", "config/sections.rs", "doctor/proxies.rs"],
        ),
        (
            "StatusCode::",
            &[
                "server/reply.rs",
                "click/",
                "admin.rs",
                "config/sections.rs",
                "sandbox/",
            ],
        ),
    ] {
        for (name, text) in sources() {
            let owned = owners.iter().any(|owner| name.starts_with(owner));
            assert!(owned || !code(&name, &text).contains(thing), "{name} has {thing}");
        }
    }
}

#[test]
fn pure_parts_do_nothing() {
    let pure = |name: &str| {
        ["link/", "redirect/", "visitor/"]
            .iter()
            .any(|part| name.starts_with(part))
            || [
                "outcome.rs",
                "click/",
                "percent.rs",
                "query.rs",
                "click_id.rs",
                "server/request.rs",
            ]
            .contains(&name)
    };
    let mut checked = 0;
    for (name, text) in sources().into_iter().filter(|(name, _)| pure(name)) {
        checked += 1;
        for word in [
            "tokio",
            "hyper::",
            "std::fs",
            "std::env",
            "tracing::",
            "Instant",
            "SystemTime",
            "println!",
        ] {
            assert!(!code(&name, &text).contains(word), "{name} has {word}");
        }
    }
    assert!(checked > 15, "{checked}");
}

/// The events of the diagnostics: the file, and the arguments of each.
fn events() -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for (name, text) in sources() {
        let code = code(&name, &text);
        for level in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
            for (at, _) in code.match_indices(level) {
                assert!(code[..at].ends_with("tracing::"), "{name}: write tracing::{level}…");
                found.push((name.clone(), arguments(&code[at + level.len()..])));
            }
        }
    }
    assert!(found.len() > 40, "{}", found.len());
    found
}

/// What stands between commas until the bracket that ends a call.
fn arguments(call: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let (mut depth, mut in_text, mut is_escaped) = (0, false, false);
    for c in call.chars() {
        match c {
            _ if in_text => in_text = is_escaped || c != '"',
            '"' => in_text = true,
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        is_escaped = in_text && c == '\\' && !is_escaped;
        found.last_mut().expect("there is one").push(c);
    }
    found.iter().map(|argument| argument.trim().to_owned()).collect()
}

#[test]
fn events_have_fields_of_one_list() {
    let mut used = BTreeSet::from(["suppressed"]);
    for (name, arguments) in &events() {
        let mut fields = arguments.iter().take_while(|argument| !argument.starts_with('"'));
        for field in fields.by_ref().filter(|field| !field.starts_with("target:")) {
            let (called, _) = field.split_once('=').unwrap_or((field, ""));
            let called = called.trim().trim_start_matches(['%', '?']);
            let known = FIELDS.into_iter().find(|known| *known == called);
            used.insert(known.unwrap_or_else(|| panic!("{name} has a field {called}")));
        }
        let messages = arguments.iter().filter(|argument| argument.starts_with('"'));
        assert_eq!(messages.count(), 1, "{name}: {arguments:?}");
    }
    assert_eq!(used, BTreeSet::from(FIELDS));
    for field in FIELDS {
        assert!(
            readme::README.contains(&format!("`{field}`")),
            "the README says nothing of {field}"
        );
    }
    assert_eq!(
        arguments("a = f(1, \"x\\\",\"), %b, \"c, d\") + 1"),
        ["a = f(1, \"x\\\",\")", "%b", "\"c, d\""]
    );
}

/// What these tell of, others can cause as often as they like.
#[test]
fn what_others_cause_is_told_once_in_a_while() {
    let mut checked = 0;
    for (name, arguments) in events() {
        let of_others = [
            "click/",
            "door.rs",
            "hit",
            "observe/calls.rs",
            "server/",
            "tls/",
            "visitor/",
        ];
        if of_others.iter().any(|part| name.starts_with(part)) {
            checked += 1;
            assert_eq!(arguments[0], "target: \"onehop::peers\"", "{name}");
        }
    }
    assert!(checked > 8, "{checked}");
}

#[test]
fn every_file_says_what_it_owns() {
    for (name, text) in sources() {
        assert!(text.starts_with("//! "), "{name}");
        for word in ["TODO", "FIXME", "todo!", "unimplemented!", "dbg!"] {
            assert!(!text.contains(word), "{name} has {word}");
        }
    }
}
