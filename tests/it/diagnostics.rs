//! What an edge that runs tells its operator on standard error: a JSON object a line, text where that is asked for.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{ClickApi, Program, Visitor, click, click_api::error, eventually, one_link, program::Folder};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Stops a program; gives everything that it has said.
async fn ended(program: Program) -> String {
    program.signal("TERM");
    let (status, said) = tokio::task::spawn_blocking(|| program.wait()).await.expect("no panic");
    assert!(status.success(), "{said}");
    said
}

/// The objects of lines, each of which is one.
fn objects(lines: &str) -> Vec<Value> {
    let object = |line| match serde_json::from_str(line) {
        Ok(Value::Object(object)) => Value::Object(object),
        other => panic!("{line}: {other:?}"),
    };
    lines.lines().map(object).collect()
}

fn with<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    let has = |line: &&Value| line["message"].as_str().is_some_and(|said| said.contains(message));
    lines.iter().filter(has).collect()
}

#[tokio::test]
async fn an_edge_that_runs_says_one_object_a_line() {
    let tracker = ClickApi::always(error(500, "x")).await;
    let folder = Folder::new();
    // What goes with a warning.
    let configuration = one_link(&tracker) + "[click_log]\npath = \"clicks.jsonl\"\nkeep = 3\n";
    folder.write("onehop.toml", &configuration);
    let program = Program::start(&["run"], folder.path(), &[]);
    let address: SocketAddr = program.hear("listening on http://").parse().expect("an address");
    let visitor = Visitor::new(address);
    for n in 1..=4 {
        let visitor = visitor.clone().from(&format!("192.0.2.{n}"));
        assert_eq!(
            visitor.header("traceparent", TRACEPARENT).get("/go").await.reason(),
            "tracker_error"
        );
    }
    folder.write("onehop.toml", configuration.replace("{click_id}", "nothing"));
    program.signal("HUP");
    program.hear("the configuration cannot be taken up, and the one in use stays");
    let said = ended(program).await;

    let lines = objects(&said);
    for line in &lines {
        let time = line["time"].as_str().expect("a time");
        assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
        assert!(
            matches!(line["level"].as_str(), Some("INFO" | "WARN" | "ERROR")),
            "{line}"
        );
    }
    let warned = with(&lines, "never rotated");
    assert!(!warned.is_empty());
    for line in warned {
        assert_eq!((&line["level"], &line["file"]), (&"WARN".into(), &"onehop.toml".into()));
    }
    // The first at once, the second at the end, the others as a number.
    let failed = with(&lines, "the tracker answers with an error");
    let hits = objects(&folder.read("clicks.jsonl"));
    assert_eq!((failed.len(), hits.len()), (2, 4));
    for (failed, hit) in failed.iter().zip(&hits) {
        assert_eq!(failed["hit_id"], hit["hit_id"]);
        for line in [*failed, hit] {
            assert_eq!(line["trace_id"], TRACE);
        }
        assert_eq!((&failed["tracker"], &failed["status"]), (&"main".into(), &500.into()));
    }
    assert_eq!(
        [&failed[0]["suppressed"], &failed[1]["suppressed"]],
        [&Value::Null, &2.into()]
    );
    let mistakes = with(&lines, "loses every conversion");
    let mistake = mistakes.first().expect("a line of its own");
    assert_eq!(
        (&mistake["level"], &mistake["file"]),
        (&"ERROR".into(), &"onehop.toml".into())
    );
    let at = configuration.lines().position(|line| line.contains("traffic_url"));
    assert_eq!(mistake["line"], at.expect("a line") + 1);
    assert!(mistake["column"].is_u64() && mistake["mend"].is_string(), "{mistake}");
}

#[tokio::test]
async fn text_is_for_who_asks_for_it() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write("onehop.toml", one_link(&tracker));
    let program = Program::start(&["run", "--log-format", "text"], folder.path(), &[]);
    program.hear(" INFO listening on http://127.0.0.1:");
    let said = ended(program).await;
    assert!(said.contains(" INFO the configuration is read links=1 "), "{said}");
    assert!(!said.contains(['{', '\u{1b}']), "{said}");
}

/// A trace has one name, in the form that the recommendation has for it.
#[tokio::test]
async fn a_line_of_the_click_log_has_the_visitors_trace() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write(
        "onehop.toml",
        one_link(&tracker) + "[click_log]\npath = \"clicks.jsonl\"\n",
    );
    let program = Program::start(&["run"], folder.path(), &[]);
    let visitor = Visitor::new(program.hear("listening on http://").parse().expect("an address"));
    let with_trace = |value: &str| visitor.clone().header("Traceparent", value);
    visitor.get("/go").await.location();
    with_trace(TRACEPARENT).get("/go").await.location();
    with_trace(TRACEPARENT).get("/none").await;
    with_trace(TRACEPARENT).method("POST").get("/go").await;
    with_trace(&TRACEPARENT.to_uppercase()).get("/go").await.location();
    with_trace(TRACEPARENT)
        .also("traceparent", TRACEPARENT)
        .get("/go")
        .await
        .location();
    eventually("six lines", async || folder.read("clicks.jsonl").lines().count() == 6).await;
    ended(program).await;
    let traces: Vec<Option<String>> = objects(&folder.read("clicks.jsonl"))
        .iter()
        .map(|line| line.get("trace_id").map(|id| id.as_str().expect("a text").to_owned()))
        .collect();
    let trace = || Some(TRACE.to_owned());
    assert_eq!(traces, [None, trace(), trace(), trace(), None, None]);
}
