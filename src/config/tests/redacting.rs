//! What is masked, and what is not.

use super::super::{Mistake, Mistakes, Secrets, Sources, redact::masked, source::Place};

fn toml(text: &str) -> String {
    masked(text, false, &mut Secrets::default())
}

fn json(text: &str) -> String {
    masked(text, true, &mut Secrets::default())
}

#[test]
fn values_of_secret_keys_are_masked_in_toml() {
    let cases = [
        ("secure_key = \"abc\"", "secure_key = \"***\""),
        ("secure_key = 'abc' # was: x", "secure_key = '***' ********"),
        ("  secure-key=\"abc\"", "  secure-key=\"***\""),
        ("secur_ekey = \"é€\"", "secur_ekey = \"*****\""),
        ("\"secure_key\" = \"abc\"", "\"secure_key\" = \"***\""),
        ("api_token = \"abc\"", "api_token = \"***\""),
        ("password = 12", "password = **"),
        ("tracker.hoqu.secure_key = \"abc\"", "tracker.hoqu.secure_key = \"***\""),
        (
            "x = { secure_key = \"abc\", b = \"c\" }",
            "x = { secure_key = \"***\", b = \"c\" }",
        ),
        ("secure_key = { env = \"NAME\" }", "secure_key = { env = \"NAME\" }"),
        (
            "secure_key = { file = \"key.txt\" }",
            "secure_key = { file = \"key.txt\" }",
        ),
        ("secure_key.env = \"NAME\"", "secure_key.env = \"NAME\""),
        ("secure_key = { value = \"abc\" }", "secure_key = { value = \"***\" }"),
        (
            "secure_key = [ \"abc\",\n\"def\" ]\na = \"b\"",
            "secure_key = [ \"***\",\n\"***\" ]\na = \"b\"",
        ),
        (
            "secure_key = \"\"\"\nabc\n\"\"\"\na = \"b\"",
            "secure_key = \"\"\"\n***\n***\na = \"b\"",
        ),
        ("secure_key = '''abc'''\na = 1", "secure_key = '''******\na = 1"),
        ("secure_key = \"abc\na = \"b\"", "secure_key = ****\na = \"b\""),
        ("secure_key = abc\na = \"b\"", "secure_key = ***\na = \"b\""),
        ("secure_key \"abc\"", "secure_key \"***\""),
        ("secure_key abc \"d", "secure_key ******"),
        ("secure_key =\n\"abc\"\n[a]", "secure_key =\n*****\n[a]"),
        ("secure_key = \"abc\ndef\"\n\n[a]", "secure_key = ****\n****\n\n[a]"),
        ("secure_key = \"ab\"c\"", "secure_key = ******"),
        ("# secure_key = \"abc\"", "# secure_key ********"),
        ("a = \"b\"secure_key = \"abc\"", "a = \"b\"secure_key = \"***\""),
        ("a = \"bsecure_key = \"abc\"", "a = \"bsecure_key =******"),
        ("\"secure\\u005fkey\" = \"abc\"", "\"secure\\u005fkey\" = \"***\""),
    ];
    for (text, expected) in cases {
        // The length of a mask and the places of line breaks matter, not the blanks inside.
        assert_eq!(toml(text).len(), text.len());
        assert_eq!(toml(text).replace(' ', ""), expected.replace(' ', ""), "{text}");
    }
}

#[test]
fn values_of_secret_keys_are_masked_in_json() {
    let cases = [
        (
            "{\"secure_key\": \"abc\", \"b\": \"c\"}",
            "{\"secure_key\": \"***\", \"b\": \"c\"}",
        ),
        (
            "{\"secure_key\": {\"env\": \"A\"}}",
            "{\"secure_key\": {\"env\": \"A\"}}",
        ),
        ("{\"secure_key\":\n\"abc\"\n}", "{\"secure_key\":\n*****\n}"),
        (
            "{\"secure_key\":\n{ \"env\": \"A\", \"x\": \"abc\" }\n}",
            "{\"secure_key\":\n{ \"env\": \"A\", \"x\": \"***\" }\n}",
        ),
        ("{\"secure_key\": \"a\\\"bc\"}", "{\"secure_key\": \"*****\"}"),
        (
            "{\"secure_key\": 'abc', \"b\": \"c\"}",
            "{\"secure_key\": '***', \"b\": \"c\"}",
        ),
        (
            "{\"secure_key\": abc\"}\n\"b\": \"c\"",
            "{\"secure_key\": *****\n\"b\": \"c\"",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(json(text), expected, "{text}");
    }
}

#[test]
fn strings_of_trackers_are_masked() {
    let text = "[tracker.hoqu]\nurl = \"https://me:pw@x.example/a?b=c#d\"\nca = \"ca.pem\"\nother = [\"abc\"]\nwrong = abc\n\
                n = 5 # x: abc\n[click]\npath = \"abc\" # x: abc\ntracker = \"hoqu\"\nq = \"z\"\n";
    let expected = "[tracker.hoqu]\nurl = \"https://*****@x.example/a?*****\"\nca = \"ca.pem\"\nother = [\"***\"]\nwrong = ***\n\
                n = 5 # x*****\n[click]\npath = \"abc\" # x: abc\ntracker = \"hoqu\"\nq = \"z\"\n";
    assert_eq!(toml(text), expected);
    let text = "tracker.a.x = \"abc\"\nb = \"c\"\ntracker = { a = { x = \"abc\", url = \"abc\" } }\nb = \"c\"";
    let expected = "tracker.a.x = \"***\"\nb = \"c\"\ntracker = { a = { x = \"***\", url = \"***\" } }\nb = \"c\"";
    assert_eq!(toml(text), expected);
    let text = "{\"tracker\": {\"a\": {\n\"x\": \"abc\",\n\"url\": \"https://h/\"}},\n\"defaults\": {\"tracker\": \"a\", \"b\": \"c\"}}";
    let expected = "{\"tracker\": {\"a\": {\n\"x\": \"***\",\n\"url\": \"https://h/\"}},\n\"defaults\": {\"tracker\": \"a\", \"b\": \"c\"}}";
    assert_eq!(json(text), expected);
}

#[test]
fn ordinary_configurations_stay_readable() {
    let text = "links = [\"links/*.toml\"] # don't\n[[link]]\nat = [\"a.example/x\", \"b.example/*\"]\ntracker = \"hoqu\"\n\
                traffic_url = \"https://a.example/?k={keyword}&c={click_id}&token=1\"\nsend = { utm_term = \"keyword\" }\n\
                when = { country = [\"DE\"], query = { debug = [\"1\"] } }\nforward_query = [\n  \"gclid\",\n]\n";
    assert_eq!(toml(text), text);
    assert_eq!(Secrets::default().scrub(text), text);
}

#[test]
fn known_secrets_and_uuids_are_masked_everywhere() {
    let mut secrets = Secrets::default();
    for secret in ["p/ä+w d", "abc", "plain-secret\n"] {
        secrets.add(secret);
    }
    let cases = [
        ("x p/ä+w d y", "x ******** y"),
        ("x=p%2F%C3%a4%2Bw%20d&y", "x=******************&y"),
        ("x=p/%C3%A4+w%20d&y", "x=**************&y"),
        ("abc is too short", "abc is too short"),
        ("plain-secretplain-secret", "************************"),
        (
            "é 123e4567-e89b-12d3-a456-426614174000.",
            "é ************************************.",
        ),
        ("123E4567E89B12D3A456426614174000", "********************************"),
        (
            "123e4567%2de89b%2D12d3-a456-426614174000",
            "****************************************",
        ),
        (
            "123e4567-e89b-12d3-a456-42661417400",
            "***********************************",
        ),
        (
            "9223372036854775807 de-ad-be-ef 2001:db8::1",
            "9223372036854775807 de-ad-be-ef 2001:db8::1",
        ),
        (
            "%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82%",
            "%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82%",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(secrets.scrub(text), expected);
    }
}

#[test]
fn messages_are_masked_too() {
    let mut sources = Sources::default();
    let source = sources.add(
        "plain-secret.toml",
        "[tracker.a]\nsecure_key = \"found-here\"\nx = 'hidden'\n[b]\nc = \"found-here\"",
    );
    let mut secrets = Secrets::default();
    secrets.add("plain-secret");
    let mistakes = Mistakes::default();
    let at = |start, end| Place { source, start, end };
    let all = "plain-secret plain%2Dsecret found-here 123e4567-e89b-12d3-a456-426614174000";
    mistakes.push(
        Mistake::error(all)
            .at(at(0, 1))
            .label(all)
            .second(at(13, 14), all)
            .help(all),
    );
    mistakes.push(Mistake::error("`hidden` of `x`").at(at(42, 50)).help("mend it"));
    mistakes.push(Mistake::error("the last line").at(at(60, 61)).help("mend it"));
    let text = mistakes.render(&sources, &secrets, false);
    for secret in ["plain", "secret ", "found", "123e", "hidden"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    assert!(
        text.contains("error: ************ ************** ********** ****") && text.contains("`******` of `x`"),
        "{text}"
    );
    assert!(text.contains("c = \"**********\""), "{text}");
}

#[test]
fn masking_takes_linear_time() {
    let parts = [
        "\"",
        "'",
        "{",
        "[",
        "\"\"\"",
        "#",
        "a.",
        "tracker.",
        "secure_key ",
        "secure_key=",
        "\\",
        "f-",
        "%2",
        "=",
        "\"secure_key\":{",
    ];
    for part in parts {
        for separator in ["", "\n"] {
            let text = format!("[tracker.x]\n{}", (part.to_owned() + separator).repeat(8_000));
            let started = std::time::Instant::now();
            let mut secrets = Secrets::default();
            secrets.add("f-f-f-f-f-f-x");
            assert_eq!(toml(&text).len(), text.len());
            assert_eq!(json(&text).len(), text.len());
            assert_eq!(secrets.scrub(&text).len(), text.len());
            assert!(started.elapsed().as_secs() < 2, "{part:?}: {:?}", started.elapsed());
        }
    }
}
