//! The key reaches the tracker and nobody else, whatever fails.

use std::time::Duration;

use crate::support::{
    Act, ClickApi, Edge, KEY, Program, Visitor, click,
    click_api::{answer, error},
    one_link,
    program::{Folder, output},
};

/// The key as it might turn up: plain, in other cases, percent-encoded, and in base64 at each of its three alignments.
fn forms() -> Vec<String> {
    let mut forms = vec![
        KEY.to_owned(),
        KEY.to_uppercase(),
        KEY.replace('-', "%2D"),
        KEY.replace('-', "%2d"),
        KEY.replace('-', "_"),
    ];
    for pad in 0..3 {
        let padded = [vec![b'x'; pad], KEY.as_bytes().to_vec()].concat();
        let encoded = base64(&padded);
        // The first and last characters depend on what stands around.
        forms.push(encoded[4..encoded.len() - 4].to_owned());
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |n, byte| n << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

pub(crate) fn assert_hidden(what: &str, text: &str) {
    for form in forms() {
        assert!(!text.contains(&form), "{what} shows the key as {form}:\n{text}");
    }
}

#[test]
fn the_forms_would_be_found() {
    assert_eq!(base64(b"onehop"), "b25laG9w");
    assert_eq!(base64(b"on"), "b24=");
    for pad in 0..3 {
        let text = base64(&[&vec![b'q'; pad], KEY.as_bytes(), b"zz"].concat());
        assert!(forms().iter().any(|form| text.contains(form)), "{pad}");
    }
}

#[tokio::test]
async fn every_failure_at_the_most_verbose_level() {
    let echo = format!(r#"{{"status":"error","code":400,"message":"secure_key={KEY}"}}"#);
    let with_session = format!(
        r#"{{"status":"success","data":{{"click_id":"1","session_id":"{KEY}","params":{{"click_id":"1","k":"{KEY}"}}}}}}"#
    );
    let acts = vec![
        click("1"),
        Act::Close,
        Act::Reset,
        Act::SendAndHang(Vec::new()),
        Act::SendAndClose(KEY.into()),
        Act::SendAndClose(format!("HTTP/1.1 200 {KEY}\r\n{KEY}: {KEY}\r\n\r\n{KEY}").into_bytes()),
        Act::Send(answer(400, &echo)),
        Act::Send(answer(200, &echo)),
        Act::Send(answer(302, KEY)),
        Act::Send(answer(202, &format!(r#"{{"status":"trafficback","reason":"{KEY}"}}"#))),
        Act::Send(answer(
            202,
            &format!(r#"{{"status":"trafficback","reason":"the key {KEY} is wrong"}}"#),
        )),
        Act::Send(answer(200, &format!(r#"{{"status":"success","data":"{KEY}"}}"#))),
        click(KEY),
        click(&format!("c-{KEY}")),
        Act::Send(answer(200, &with_session)),
        error(403, "Access denied"),
        error(500, KEY),
        Act::Drip(
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec(),
            vec![b' '; 9],
            Duration::from_millis(100),
        ),
    ];
    let count = acts.len();
    let tracker = ClickApi::start(move |call| acts[call.number % count].clone()).await;
    let folder = Folder::new();
    let configuration = one_link(&tracker).replace("[listen]", "[listen]\nadmin = \"127.0.0.1:0\"")
        + "[click_log]\npath = \"clicks.jsonl\"\n";
    folder.write("onehop.toml", configuration);
    let program = Program::start(
        &["run"],
        folder.path(),
        &[("RUST_LOG", "trace,hyper=trace,h2=trace,rustls=trace,onehop=trace")],
    );
    let address = program.hear("listening on http://").parse().expect("an address");
    let admin = program.hear("metrics on http://").parse().expect("an address");
    for n in 0..count {
        let answer = Visitor::new(address).from(&format!("192.0.2.{n}")).get("/go").await;
        answer.location();
        assert_hidden("an answer", &answer.head);
    }
    for target in ["/none", "/%zz", "/.well-known/traffic-advice"] {
        assert_hidden("an answer", &Visitor::new(address).get(target).await.head);
    }
    for path in ["/metrics", "/readyz", "/none"] {
        let answer = Visitor::new(admin).get(path).await;
        assert_hidden("the admin listener", &String::from_utf8_lossy(&answer.body));
    }
    program.signal("TERM");
    let (status, said) = tokio::task::spawn_blocking(|| program.wait()).await.expect("no panic");
    assert!(status.success(), "{said}");
    assert!(said.contains("WARN"), "the failures were told of: {said}");
    assert_hidden("the diagnostics", &said);
    assert_hidden("the click log", &folder.read("clicks.jsonl"));
}

#[test]
fn check_and_run_show_no_key_of_a_broken_configuration() {
    for broken in [
        format!("secure_key = \"{KEY}\"\nurl = 7\n"),
        format!("secure_kye = \"{KEY}\"\n"),
        format!("secure_key = \"{KEY}\n"),
        format!("secure_key = {KEY}\n"),
        format!("secure_key = {{ evn = \"{KEY}\" }}\n"),
        format!("secure_key = [\"{KEY}\"]\n"),
        format!("secure_key = \"{KEY} and more\"\nurl = \"http://a/\"\n"),
        format!("url = \"https://t.example/?secure_key={KEY}\"\nsecure_key = \"x\"\n"),
        format!("url = \"https://{KEY}@t.example/\"\n"),
        format!("\"{KEY}\" = 1\n"),
    ] {
        let folder = Folder::new();
        folder.write("onehop.toml", format!("[tracker.t]\n{broken}"));
        for command in ["check", "run"] {
            let output = output(&[command], folder.path());
            assert_eq!(output.status.code(), Some(1), "{broken}");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            assert!(said.contains("onehop.toml:"), "{said}");
            assert_hidden(command, &said);
        }
    }
}

#[tokio::test]
async fn a_mark_at_the_beginning_of_a_keys_file_is_none_of_the_key() {
    let folder = Folder::new();
    folder.write("key.txt", format!("\u{feff}{KEY}\r\n"));
    let tracker = ClickApi::always(click("1")).await;
    let from_file = one_link(&tracker).replace(&format!("\"{KEY}\""), "{ file = \"key.txt\" }");
    let edge = Edge::start_in(folder.path(), &from_file);
    edge.visitor().get("/go").await.location();
    assert_eq!(
        tracker.only_call().parameter("secure_key"),
        Some(KEY.as_bytes().to_vec())
    );
}
