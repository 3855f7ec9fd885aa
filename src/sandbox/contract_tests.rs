//! Tests of the stand-in tracker: each row of the contract, the 300 seconds, the cap.

use super::*;
use serde_json::json;
use std::time::Duration;

fn tracker(cap: u64) -> Tracker {
    Tracker::new(Key::new("k"), cap, Rng::with_seed(1))
}

/// A good call, then `change`, whose parameters win.
fn ask(tracker: &mut Tracker, now: Instant, change: &str) -> (u16, Value) {
    let good = "secure_key=k&offer_id=1&campaign_id=2&promo_id=3&user_ip=198.51.100.1&user_useragent=Mobile";
    let query = Query::parse(&format!("{good}&{change}"));
    match tracker.answer(&query, now).http() {
        Some((status, body)) => (status.as_u16(), body),
        None => (0, Value::Null),
    }
}

#[test]
fn a_click_holds_ids_and_params() {
    let (status, body) = ask(&mut tracker(3), Instant::now(), "");
    let (click_id, session_id) = (&body["data"]["click_id"], &body["data"]["session_id"]);
    assert_eq!(status, 200);
    assert_ne!(click_id, session_id);
    let expected = json!({
        "data": {
            "click_id": click_id,
            "params": { "click_id": click_id, "offer_id": 1 },
            "exists": false,
            "session_id": session_id,
        },
        "status": "success",
    });
    assert_eq!(body, expected);
    for id in [click_id, session_id] {
        assert_eq!(id.as_str().map(str::len), Some(36));
    }
}

#[test]
fn params_echo_what_was_given() {
    let change = "utm_source=my+blog&utm_medium=m&subid1=%22z%FF&subid2=s";
    let (_, body) = ask(&mut tracker(3), Instant::now(), change);
    let params = &body["data"]["params"];
    assert_eq!(params["utm_source"], "my blog");
    assert_eq!(params["subid1"], "\"z\u{fffd}");
    assert_eq!(params.as_object().map(Map::len), Some(4));
    let (_, body) = ask(&mut tracker(3), Instant::now(), "utm_source=&subid1=");
    assert_eq!(body["data"]["params"].as_object().map(Map::len), Some(2));
}

#[test]
fn refusals_by_call_and_by_offer_are_answered() {
    let mut tracker = tracker(0);
    for (change, status, told) in [
        ("secure_key=x&offer_id=1001", 403, "Access denied"),
        ("offer_id=x", 400, "Field request.offer_id is not valid"),
        ("campaign_id=x", 400, "Field request.campaign_id is not valid"),
        ("promo_id=x", 400, "Field request.promo_id is not valid"),
        ("user_ip=x", 400, "Field request.user_ip is not valid"),
        ("user_useragent=", 400, "Field request.user_useragent is not valid"),
        ("offer_id=1001&promo_id=x", 400, "Field request.promo_id is not valid"),
        ("offer_id=1001", 202, "offer_inactive"),
        ("offer_id=1002", 202, "campaign_inactive"),
        ("offer_id=1003&user_useragent=x", 202, "targeting"),
        ("offer_id=1003&user_ip=::ffff:192.0.2.1", 202, "targeting"),
        ("offer_id=1004", 202, "overcap"),
        ("offer_id=1005", 403, "Click api disabled for this offer"),
        (
            "offer_id=1006",
            500,
            "Something bad happened on the server side, administration notified",
        ),
    ] {
        let (got, body) = ask(&mut tracker, Instant::now(), change);
        let word = if status == 202 { "reason" } else { "message" };
        assert_eq!((got, &body[word]), (status, &json!(told)), "{change}");
    }
    assert_eq!(ask(&mut tracker, Instant::now(), "offer_id=1007").0, 0);
    assert_eq!(ask(&mut tracker, Instant::now(), "offer_id=1003").0, 200);
}

#[test]
fn a_repeat_within_300_seconds_is_the_same_click() {
    let (mut tracker, start) = (tracker(3), Instant::now());
    let after = |seconds| start + Duration::from_secs(seconds);
    let (_, first) = ask(&mut tracker, start, "");
    // Another promo, or the address in another notation, is no other click.
    let change = "promo_id=9&user_ip=::ffff:198.51.100.1";
    let (_, repeat) = ask(&mut tracker, after(299), change);
    assert_eq!(repeat["data"]["exists"], true);
    for name in ["click_id", "session_id"] {
        assert_eq!(repeat["data"][name], first["data"][name]);
    }
    let (_, later) = ask(&mut tracker, after(300), "");
    assert_eq!(later["data"]["exists"], false);
    assert_ne!(later["data"]["click_id"], first["data"]["click_id"]);
}

#[test]
fn the_cap_counts_each_click_once() {
    let (mut tracker, now) = (tracker(2), Instant::now());
    let mut ask = |visitor: &str, offer_id: u64| {
        let change = format!("offer_id={offer_id}&user_useragent={visitor}");
        let (status, body) = ask(&mut tracker, now, &change);
        (status, body["data"]["exists"].as_bool())
    };
    assert_eq!(ask("anna", CAPPED), (200, Some(false)));
    assert_eq!(ask("anna", CAPPED), (200, Some(true)));
    assert_eq!(ask("anna", 1), (200, Some(false)));
    assert_eq!(ask("ben", CAPPED), (200, Some(false)));
    assert_eq!(ask("carl", CAPPED), (202, None));
    assert_eq!(ask("anna", CAPPED), (200, Some(true)));
    assert_eq!(ask("carl", 1), (200, Some(false)));
}
