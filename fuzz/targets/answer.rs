//! Answers of the Click API: any bodies, held against what `serde_json` finds in them, and good ones with any text in them.
//!
//! A seed's first line is the HTTP status, the rest the body.

use http::StatusCode;
use onehop::{
    click::{Answer, Click, Failure, Trafficback, answer::Scope, wire::read},
    click_id::ClickId,
};
use serde_json::{Value, json};

use super::{lines, text};

pub fn check(bytes: &[u8]) {
    let [status, body] = lines(bytes);
    let status = text(status)
        .trim()
        .parse()
        .ok()
        .and_then(|code: u16| StatusCode::from_u16(code).ok());
    let status = status.unwrap_or(StatusCode::OK);
    any(status, body);
    good(text(body));
}

fn any(http: StatusCode, body: &[u8]) {
    let answer = read(http, body);
    assert_eq!(answer, read(http, body));
    let shown = || format!("{http} {}", body.escape_ascii());
    // Where this reader finds nothing, for it is stricter with what nobody asks for, only the promises are looked at.
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let field = |name: &str| value.as_ref().map(|value| value[name].clone());
    match &answer {
        Answer::Click(click) => {
            assert_eq!(http, StatusCode::OK, "{}", shown());
            promised(click);
            assert_eq!(answer.scope(), Scope::Click);
            if let Some(value) = &value {
                assert_eq!(value["status"], "success", "{}", shown());
                assert!(value["code"].is_null() || value["code"] == 200, "{}", shown());
                of_data(click, &value["data"]);
            }
        }
        Answer::Trafficback(why) => {
            assert!(http.is_success(), "{}", shown());
            if let Some(status) = field("status") {
                assert_eq!(status, "trafficback", "{}", shown());
            }
            let reason = field("reason").and_then(|reason| reason.as_str().map(str::to_owned));
            match why {
                Trafficback::Other(other) => {
                    assert!(other.len() <= 64, "{}", shown());
                    assert!(
                        other.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')),
                        "{}",
                        shown()
                    );
                    assert_eq!(answer.scope(), Scope::Visitor);
                }
                Trafficback::Targeting => assert_eq!(answer.scope(), Scope::Visitor),
                Trafficback::OfferInactive => assert!(reason.is_none_or(|reason| reason == "offer_inactive")),
                Trafficback::CampaignInactive => assert!(reason.is_none_or(|reason| reason == "campaign_inactive")),
                Trafficback::Overcap => assert!(reason.is_none_or(|reason| reason == "overcap")),
            }
        }
        Answer::Failed(why) => {
            assert_ne!(answer.scope(), Scope::Click, "{}", shown());
            assert!(
                !matches!(why, Failure::Unreachable(_) | Failure::Timeout | Failure::Overload),
                "{}",
                shown()
            );
            assert_eq!(
                why.is_of_offer(),
                matches!(answer.scope(), Scope::Offer | Scope::Visitor),
                "{}",
                shown()
            );
        }
    }
}

/// What holds of a click whoever reads its answer.
fn promised(click: &Click) {
    let id = click.id.as_str();
    assert!((1..=ClickId::MAX_BYTES).contains(&id.len()) && id != "." && id != "..");
    assert!(click.params.iter().all(|(name, _)| &**name != "click_id"));
    assert!(click.params.is_sorted_by(|a, b| a.0 < b.0));
}

fn of_data(click: &Click, data: &Value) {
    assert_eq!(data["click_id"], click.id.as_str());
    let written = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        // Numbers stand as they are written, which is not known here.
        Value::Bool(known) => Some(known.to_string()),
        _ => None,
    };
    for (name, value) in &click.params {
        let known = &data["params"][&**name];
        assert!(
            written(known).map_or(known.is_number(), |known| known == **value),
            "{name}"
        );
    }
    let usable = |value: &&Value| value.is_string() || value.is_boolean() || value.is_number();
    let params = data["params"].as_object().into_iter().flatten();
    let params = params
        .filter(|(name, value)| *name != "click_id" && usable(value))
        .count();
    assert_eq!(click.params.len(), params);
    assert_eq!(click.session_id.is_some(), usable(&&data["session_id"]));
    if let Some(session) = data["session_id"].as_str() {
        assert_eq!(click.session_id.as_deref(), Some(session));
    }
    assert_eq!(click.existed, !data["exists"].is_null() && data["exists"] != false);
}

/// An answer as the tracker's help describes it says what it says, with any text in it.
fn good(text: &str) {
    let body = json!({"status": "success", "code": 200, "data": {
        "click_id": text, "exists": false, "session_id": text, "params": {"click_id": text, "a": text, text: "b"},
    }});
    let answer = read(StatusCode::OK, body.to_string().as_bytes());
    match (ClickId::try_from(text), &answer) {
        (Ok(id), Answer::Click(click)) => {
            assert_eq!(
                (&click.id, click.session_id.as_deref(), click.existed),
                (&id, Some(text), false)
            );
            of_data(click, &body["data"]);
        }
        (Err(_), Answer::Failed(Failure::BadAnswer(_))) => {}
        _ => panic!("{text:?}: {answer:?}"),
    }
    let body = json!({"status": "trafficback", "code": 202, "reason": text}).to_string();
    assert!(
        matches!(read(StatusCode::ACCEPTED, body.as_bytes()), Answer::Trafficback(_)),
        "{text:?}"
    );
    for code in [400, 403, 500] {
        let body = json!({"status": "error", "code": code, "message": text}).to_string();
        let Answer::Failed(failure) = read(StatusCode::OK, body.as_bytes()) else {
            panic!("{text:?}");
        };
        // Of the message nothing is kept but a word of ours.
        let said = format!("{failure:?}");
        assert!(said.len() < 40, "{said}");
    }
}
