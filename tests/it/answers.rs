//! Each answer of the Click API, and what it means to the visitor.

use crate::support::{
    Act, ClickApi, Edge, click,
    click_api::{answer, error},
    one_link, trafficback,
};

async fn location_after(act: Act) -> String {
    let tracker = ClickApi::always(act).await;
    let edge = Edge::start(&one_link(&tracker));
    edge.visitor().get("/go").await.location().to_owned()
}

#[tokio::test]
async fn a_click_goes_to_the_advertiser_with_its_id() {
    for (id, written) in [
        (
            "be4991fe-ea59-5a5e-9931-6240eb0c8775",
            "be4991fe-ea59-5a5e-9931-6240eb0c8775",
        ),
        ("a b&c=d#e?f/g%h+i", "a%20b%26c%3Dd%23e%3Ff%2Fg%25h%2Bi"),
        ("a\r\nSet-Cookie: x=y", "a%0D%0ASet-Cookie%3A%20x%3Dy"),
        ("\u{0}\u{1b}[31m", "%00%1B%5B31m"),
        ("щ{click_id}", "%D1%89%7Bclick_id%7D"),
        ("\u{2028}", "%E2%80%A8"),
        (&"x".repeat(256), &"x".repeat(256)),
        (&"й".repeat(128), &"%D0%B9".repeat(128)),
    ] {
        let location = location_after(click(id)).await;
        assert_eq!(location, format!("https://advertiser.example/?click_id={written}"));
    }
}

#[tokio::test]
async fn every_row_and_every_doubt() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!(r#"{{"status":"success","data":{{"click_id":"{}"}}}}"#, "x".repeat(257));
    let good = r#"{"status":"success","data":{"click_id":"a"}}"#;
    let rows: Vec<(Act, &str)> = vec![
        (trafficback("offer_inactive"), "offer_inactive"),
        (trafficback("campaign_inactive"), "campaign_inactive"),
        (trafficback("targeting"), "targeting"),
        (trafficback("overcap"), "overcap"),
        (trafficback("Something New"), "other"),
        (
            Act::Send(answer(200, r#"{"reason":"overcap","status":"trafficback"}"#)),
            "overcap",
        ),
        (error(400, "Field request.offer_id is not valid"), "rejected"),
        (error(403, "Access denied"), "denied"),
        (error(403, "Click api disabled for this offer"), "denied"),
        (
            error(
                500,
                "Something bad happened on the server side, administration notified",
            ),
            "tracker_error",
        ),
        (
            Act::Send(answer(
                200,
                r#"{"status":"error","code":403,"message":"Access denied"}"#,
            )),
            "denied",
        ),
        (Act::Send(answer(400, "")), "rejected"),
        (Act::Send(answer(403, "<html>")), "denied"),
        (Act::Send(answer(429, "")), "tracker_error"),
        (Act::Send(answer(503, "<html>busy</html>")), "tracker_error"),
        (Act::Send(answer(404, "")), "tracker_error"),
        (Act::Send(answer(200, "<html>")), "bad_answer"),
        (Act::Send(answer(200, "")), "bad_answer"),
        (Act::Send(answer(200, &deep)), "bad_answer"),
        (Act::Send(answer(200, &long)), "bad_answer"),
        (Act::Send(answer(200, &good[..good.len() - 2])), "bad_answer"),
        (Act::Send(answer(201, good)), "bad_answer"),
        (Act::Send(answer(500, good)), "bad_answer"),
        (
            Act::Send(answer(
                200,
                r#"{"status":"success","code":202,"data":{"click_id":"a"}}"#,
            )),
            "bad_answer",
        ),
        (
            Act::Send(answer(200, r#"{"status":"success","data":{"click_id":7}}"#)),
            "bad_answer",
        ),
        (
            Act::Send(answer(200, r#"{"status":"success","data":{"click_id":""}}"#)),
            "bad_answer",
        ),
        (
            Act::Send(answer(200, r#"{"status":"success","data":{}}"#)),
            "bad_answer",
        ),
        (
            Act::Send(answer(202, r#"{"status":"trafficback","code":500}"#)),
            "bad_answer",
        ),
    ];
    for (act, reason) in rows {
        let shown = match &act {
            Act::Send(bytes) => String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned(),
            _ => String::new(),
        };
        let location = location_after(act).await;
        assert_eq!(location, format!("https://back.example/?why={reason}"), "{shown}");
    }
}

#[tokio::test]
async fn an_answer_has_64_kilobytes_at_most() {
    let good = r#"{"status":"success","data":{"click_id":"a"}}"#;
    for (length, location) in [
        (64 * 1024, "https://advertiser.example/?click_id=a"),
        (64 * 1024 + 1, "https://back.example/?why=bad_answer"),
    ] {
        let act = Act::Send(answer(200, &format!("{good}{}", " ".repeat(length - good.len()))));
        assert_eq!(location_after(act).await, location, "{length}");
    }
}

#[tokio::test]
async fn the_trackers_own_macros_are_filled_in() {
    let tracker = ClickApi::always(click("1")).await;
    let configuration =
        one_link(&tracker).replace("?click_id={click_id}", "{goal}?c={click_id}&s={session_id}&n={none}");
    let edge = Edge::start(&configuration);
    assert_eq!(
        edge.visitor().get("/go").await.location(),
        "https://advertiser.example/g%201?c=1&s=s-1&n="
    );
}

#[tokio::test]
async fn values_of_the_trackers_macros_may_be_strings_numbers_and_booleans() {
    let body = r#"{"status":"success","data":{"click_id":"1","params":
        {"s":"a&b","n":1.50,"b":true,"z":null,"o":{"x":1},"l":[1],"click_id":"2"}}}"#;
    let tracker = ClickApi::always(Act::Send(answer(200, body))).await;
    let configuration = one_link(&tracker).replace("={click_id}", "={click_id}&v={s},{n},{b},{z},{o},{l}");
    let edge = Edge::start(&configuration);
    assert_eq!(
        edge.visitor().get("/go").await.location(),
        "https://advertiser.example/?click_id=1&v=a%26b,1.50,true,,,"
    );
}

#[tokio::test]
async fn an_unknown_reason_adds_no_series() {
    let tracker = ClickApi::always(trafficback("brand_new")).await;
    let edge = Edge::start(&one_link(&tracker));
    assert_eq!(edge.visitor().get("/go").await.reason(), "other");
    assert_eq!(edge.hits("trafficback", "other"), 1);
    assert!(!edge.metrics.prometheus().contains("brand_new"));
    let line = r#"onehop_click_api_requests_total{tracker="main",result="other"} "#;
    assert_eq!(edge.metric(line), 1);
}
