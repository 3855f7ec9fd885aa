//! Tests of `wire`: each row of the contract, each doubt, and what no visitor can do to a request.

use proptest::prelude::*;

use super::*;
use crate::{hit_id::HitIds, query::Query};

fn read_as(http: u16, body: &str) -> Answer {
    read(StatusCode::from_u16(http).expect("a status"), body.as_bytes())
}

fn click_of(answer: Answer) -> Arc<Click> {
    match answer {
        Answer::Click(click) => click,
        other => panic!("a click expected: {other:?}"),
    }
}

#[test]
fn the_articles_success() {
    let body = r#"{
"data": {
"click_id": "be4991fe-ea59-5a5e-9931-6240eb0c8775",
"params": {
"click_id": "be4991fe-ea59-5a5e-9931-6240eb0c8775"
},
"exists": true,
"session_id": "f5f55912-4007-5861-85e2-5b6a6e9c3941"
},
"status": "success"
}"#;
    let click = click_of(read_as(200, body));
    assert_eq!(click.id.as_str(), "be4991fe-ea59-5a5e-9931-6240eb0c8775");
    assert_eq!(
        click.session_id.as_deref(),
        Some("f5f55912-4007-5861-85e2-5b6a6e9c3941")
    );
    assert!(click.existed);
    assert!(click.params.is_empty());
}

#[test]
fn what_makes_a_click() {
    for (http, body) in [
        (200, r#"{"status":"success","code":200,"data":{"click_id":"a"}}"#),
        (
            200,
            r#" {"status":"success","code":null,"data":{"click_id":"a","params":[]}} "#,
        ),
        (
            200,
            r#"{"status":"success","data":{"click_id":"a","params":null,"session_id":{}},"x":[[]]}"#,
        ),
    ] {
        let click = click_of(read_as(http, body));
        assert_eq!(click.id.as_str(), "a", "{body}");
        assert!(!click.existed, "{body}");
    }
}

#[test]
fn params_are_strings_numbers_and_booleans() {
    let body = r#"{"status":"success","data":{"click_id":"a","session_id":7,"exists":"maybe","params":
        {"s":"a\nb","n":1.50,"big":12345678901234567890123,"b":true,"z":null,"o":{},"l":[1],"click_id":"b"}}}"#;
    let click = click_of(read_as(200, body));
    let params: Vec<_> = click.params.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(
        params,
        [
            ("b", "true"),
            ("big", "12345678901234567890123"),
            ("n", "1.50"),
            ("s", "a\nb")
        ]
    );
    assert_eq!(click.session_id.as_deref(), Some("7"));
    assert!(click.existed, "an unclear age is an unknown age");
}

#[test]
fn trafficbacks() {
    let other = |reason: &str| Trafficback::Other(reason.into());
    for (http, body, expected) in [
        (
            202,
            r#"{"reason":"offer_inactive","status":"trafficback","code":202}"#,
            Trafficback::OfferInactive,
        ),
        (
            202,
            r#"{"reason":"campaign_inactive","status":"trafficback","code":202}"#,
            Trafficback::CampaignInactive,
        ),
        (
            202,
            r#"{"reason":"targeting","status":"trafficback","code":202}"#,
            Trafficback::Targeting,
        ),
        (
            202,
            r#"{"reason":"overcap","status":"trafficback","code":202}"#,
            Trafficback::Overcap,
        ),
        (
            200,
            r#"{"reason":"overcap","status":"trafficback"}"#,
            Trafficback::Overcap,
        ),
        (
            200,
            r#"{"reason":"overcap","status":"trafficback","code":202}"#,
            Trafficback::Overcap,
        ),
        (
            202,
            r#"{"reason":"Over-Cap 2","status":"trafficback"}"#,
            other("_ver__ap_2"),
        ),
        (202, r#"{"status":"trafficback"}"#, other("")),
        (202, r#"{"status":"trafficback","reason":7}"#, other("")),
    ] {
        assert_eq!(read_as(http, body), Answer::Trafficback(expected), "{http} {body}");
    }
    let long = format!(r#"{{"status":"trafficback","reason":"{}"}}"#, "й".repeat(1000));
    assert_eq!(read_as(202, &long), Answer::Trafficback(other(&"_".repeat(64))));
}

#[test]
fn errors_by_their_number() {
    for (http, body, expected) in [
        (
            400,
            r#"{"message":"Field request.offer_id is not valid","status":"error","code":400}"#,
            Failure::Rejected(Some("offer_id")),
        ),
        (
            403,
            r#"{"message":"Access denied","status":"error","code":403}"#,
            Failure::Denied(Denial::Key),
        ),
        (
            403,
            r#"{"message":"Click api disabled for this offer","status":"error","code":403}"#,
            Failure::Denied(Denial::Offer),
        ),
        (
            500,
            r#"{"message":"Something bad happened","status":"error","code":500}"#,
            Failure::Tracker(500),
        ),
        (
            200,
            r#"{"message":"Access denied","status":"error","code":403}"#,
            Failure::Denied(Denial::Key),
        ),
        (403, r#"{"status":"error"}"#, Failure::Denied(Denial::Unsaid)),
        (
            500,
            r#"{"status":"error","code":400,"message":7}"#,
            Failure::Rejected(None),
        ),
        (200, r#"{"status":"error"}"#, Failure::Tracker(200)),
        (500, "<html>", Failure::Tracker(500)),
        (400, "", Failure::Rejected(None)),
        (403, "", Failure::Denied(Denial::Unsaid)),
        (429, "", Failure::Tracker(429)),
        (302, "", Failure::Tracker(302)),
        (503, r#"{"error":"busy"}"#, Failure::Tracker(503)),
        (503, r#"{"status":"busy"}"#, Failure::Tracker(503)),
    ] {
        assert_eq!(read_as(http, body), Answer::Failed(expected), "{http} {body}");
    }
}

#[test]
fn bad_answers() {
    let good = r#"{"status":"success","data":{"click_id":"a"}}"#;
    let long = format!(r#"{{"status":"success","data":{{"click_id":"{}"}}}}"#, "a".repeat(257));
    let deep = format!(
        r#"{{"status":"success","data":{}1{}}}"#,
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    for (http, body) in [
        (201, good),
        (500, good),
        (403, good),
        (200, r#"{"status":"success","code":202,"data":{"click_id":"a"}}"#),
        (200, r#"{"status":"success","code":"200","data":{"click_id":"a"}}"#),
        (200, r#"{"status":"success","code":200.5,"data":{"click_id":"a"}}"#),
        (200, r#"{"status":"success","data":{"click_id":""}}"#),
        (200, r#"{"status":"success","data":{"click_id":7}}"#),
        (200, r#"{"status":"success","data":{"click_id":null}}"#),
        (200, r#"{"status":"success","data":{"params":{"click_id":"a"}}}"#),
        (200, r#"{"status":"success","data":["a"]}"#),
        (200, r#"{"status":"success","data":"a"}"#),
        (200, r#"{"status":"success"}"#),
        (200, r#"{"status":"success","data":{"click_id":"a","click_id":"b"}}"#),
        (200, r#"{"status":"error","status":"success","data":{"click_id":"a"}}"#),
        (200, r#"{"status":"Success","data":{"click_id":"a"}}"#),
        (200, r#"["success",200,null,null,{"click_id":"a"}]"#),
        (200, r#"{"status":"success","data":{"click_id":"\ud800"}}"#),
        (200, r#"{"status":"success","data":{"click_id":"a"}} x"#),
        (200, r#"{"status":"success","data":{"click_id":"a"}"#),
        (200, r#"{"status":"success","code":NaN,"data":{"click_id":"a"}}"#),
        (200, "\u{feff}{\"status\":\"success\",\"data\":{\"click_id\":\"a\"}}"),
        (200, ""),
        (204, ""),
        (200, "null"),
        (202, r#"{"status":"trafficback","code":500,"reason":"overcap"}"#),
        (403, r#"{"status":"trafficback","reason":"overcap"}"#),
        (200, &long),
        (200, &deep),
    ] {
        let answer = read_as(http, body);
        assert!(
            matches!(answer, Answer::Failed(Failure::BadAnswer(_))),
            "{http} {body:.80}: {answer:?}"
        );
    }
}

#[test]
fn of_the_visitors_parameters_the_first_of_each_known_name_is_told() {
    let query = Query::new("subid1=a&x=1&utm%5Fterm&subid1=b&sub%69d1=c&subid7=d&Subid2=e");
    let told: Vec<_> = tags(query).collect();
    assert_eq!(told, [("subid1", "a"), ("utm_term", "")]);
}

fn prefix() -> Prefix {
    let key = SecretKey::new("k/1").expect("a key");
    Prefix::new("/api/click/create", &key)
}

const IDS: OfferIds = OfferIds {
    offer: 1,
    campaign: 2,
    promo: 3,
};

#[test]
fn the_request_target() {
    let who = Who {
        ip: "2001:db8::1".parse().expect("an address"),
        user_agent: "Mazila Chrome/7.7.7 é&".as_bytes(),
        referrer: Some(b"https://vk.com/?a=b#c"),
        hit: HitIds::default(),
    };
    let mut told = Told::default();
    told.add("utm_source", b"a%20b".to_vec());
    told.add("subid6", Vec::new());
    told.add("utm_source", b"again".to_vec());
    let target = prefix().target(IDS, &who, &told).expect("a target");
    assert_eq!(
        std::str::from_utf8(target.expose()).expect("text"),
        "/api/click/create?secure_key=k%2F1&offer_id=1&campaign_id=2&promo_id=3&user_ip=2001%3Adb8%3A%3A1\
         &user_useragent=Mazila%20Chrome%2F7.7.7%20%C3%A9%26&user_referrer=https%3A%2F%2Fvk.com%2F%3Fa%3Db%23c\
         &utm_source=a%20b&subid6="
    );
    let key = SecretKey::new("k").expect("a key");
    let with_query = Prefix::new("/c?net=7", &key);
    let plain = Who {
        referrer: None,
        user_agent: b"x",
        ..who
    };
    let target = with_query.target(IDS, &plain, &Told::default()).expect("a target");
    assert_eq!(
        std::str::from_utf8(target.expose()).expect("text"),
        "/c?net=7&secure_key=k&offer_id=1&campaign_id=2&promo_id=3&user_ip=2001%3Adb8%3A%3A1&user_useragent=x"
    );
}

proptest! {
    #[test]
    fn a_visitor_sets_values_and_nothing_else(
        user_agent in proptest::collection::vec(any::<u8>(), 1..80),
        referrer in proptest::collection::vec(any::<u8>(), 1..80),
        raw in "[ -~]{0,40}",
    ) {
        let who = Who {
            ip: "192.0.2.1".parse().expect("an address"),
            user_agent: &user_agent,
            referrer: Some(&referrer),
            hit: HitIds::default(),
        };
        let mut kept = Vec::new();
        percent::keep_query_value(raw.as_bytes(), &mut kept);
        let mut told = Told::default();
        told.add("subid1", kept);
        let target = prefix().target(IDS, &who, &told).expect("a target");
        let target = std::str::from_utf8(target.expose()).expect("text");
        let (_, query) = target.split_once('?').expect("a query");
        let pairs: Vec<(&str, Vec<u8>)> = Query::new(query)
            .pairs()
            .map(|pair| (pair.name, percent::decode_form(pair.value.unwrap_or_default().as_bytes()).into_owned()))
            .collect();
        prop_assert_eq!(pairs, vec![
            ("secure_key", b"k/1".to_vec()),
            ("offer_id", b"1".to_vec()),
            ("campaign_id", b"2".to_vec()),
            ("promo_id", b"3".to_vec()),
            ("user_ip", b"192.0.2.1".to_vec()),
            ("user_useragent", user_agent.clone()),
            ("user_referrer", referrer.clone()),
            ("subid1", percent::decode_form(raw.as_bytes()).into_owned()),
        ]);
    }

    #[test]
    fn any_body_is_read_without_panic(http in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(StatusCode::from_u16(http).expect("a status"), &body);
    }

    #[test]
    fn what_is_read_the_quick_way_is_what_it_is(body in near_plain()) {
        if let Some(click) = plain::click(&body) {
            prop_assert_eq!(Answer::Click(Arc::new(click)), read_any(StatusCode::OK, body.as_bytes()));
        }
    }
}

/// Bodies of pieces of successes, most of them plain.
fn near_plain() -> impl Strategy<Value = String> {
    let value = || {
        prop_oneof![
            4 => r#""[a-z0-9 -]{0,20}""#,
            1 => Just(r#""a\u0062""#.to_owned()),
            1 => Just("\"й\"".to_owned()),
            1 => Just("\"..\"".to_owned()),
            2 => prop_oneof![Just("true"), Just("false"), Just("null"), Just("5306"), Just("007"), Just("1.50"), Just("[]")]
                .prop_map(str::to_owned),
        ]
    };
    let name = prop_oneof![Just("click_id"), Just("a"), Just("b"), Just("zone")];
    let params = proptest::collection::vec((name, value()), 0..4).prop_map(|pairs| object_of(&pairs));
    let data = (
        prop_oneof![8 => r#""[a-f0-9-]{1,40}""#, 1 => value()],
        prop_oneof![params, value()],
        value(),
        value(),
        0..6_usize,
    );
    let data = data.prop_map(|(id, params, exists, session, order)| {
        let mut pairs = vec![
            ("click_id", id),
            ("params", params),
            ("exists", exists),
            ("session_id", session),
        ];
        pairs.rotate_left(order % 4);
        pairs.truncate(2 + order % 3);
        object_of(&pairs)
    });
    let status = prop_oneof![8 => Just(r#""success""#.to_owned()), 1 => value()];
    let code = prop_oneof![8 => Just("200".to_owned()), 1 => value()];
    (status, code, data, 0..8_usize).prop_map(|(status, code, data, order)| {
        let mut pairs = vec![("status", status), ("code", code), ("data", data)];
        if order == 7 {
            pairs.push(pairs[0].clone());
        }
        pairs.rotate_left(order % 3);
        object_of(&pairs)
    })
}

fn object_of(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    format!("{{{}}}\n", pairs.join(","))
}

#[test]
fn a_success_as_trackers_write_it_is_plain() {
    let body = r#"{"data":{"click_id":"a","exists":false,"params":{"click_id":"a","offer_id":5306},"session_id":"b"},"status":"success","code":200}"#;
    let click = plain::click(body).expect("it is plain");
    assert_eq!(
        Answer::Click(Arc::new(click)),
        read_any(StatusCode::OK, body.as_bytes())
    );
}

#[test]
fn a_key_that_comes_back_is_hidden() {
    const KEY: &str = "4497bf7b-0000-4000-8000-123456789abc";
    let click = |id: &str, session: &str, param: &str| {
        Answer::Click(Arc::new(Click {
            id: ClickId::try_from(id).expect("an id"),
            session_id: Some(session.into()),
            params: Box::from([("p".into(), param.into())]),
            existed: false,
        }))
    };
    let trafficback = |reason: &str| {
        read(
            StatusCode::OK,
            format!(r#"{{"status":"trafficback","reason":"{reason}"}}"#).as_bytes(),
        )
    };
    let of = |key| Prefix::new("/c", &SecretKey::new(key).expect("a key"));
    let long = of(KEY);
    for echoed in [
        click(KEY, "s", "v"),
        click("1", &format!("s{KEY}"), "v"),
        click("1", "s", KEY),
    ] {
        assert_eq!(
            long.without_key(echoed),
            Answer::Failed(Failure::BadAnswer("the secret key stands in it"))
        );
    }
    for reason in [
        KEY.to_owned(),
        format!("the key {KEY}"),
        format!("{}{KEY}", "x".repeat(50)),
    ] {
        let hidden = Answer::Trafficback(Trafficback::Other("hidden".into()));
        assert_eq!(long.without_key(trafficback(&reason)), hidden, "{reason}");
    }
    for other in [
        click(&KEY.replace('4', "5"), "s", "v"),
        trafficback("night"),
        trafficback("overcap"),
    ] {
        assert_eq!(long.without_key(other.clone()), other);
    }
    // Hardly a secret, and a part of many words.
    for other in [click("key-1", "key", "key"), trafficback("the key")] {
        assert_eq!(of("key").without_key(other.clone()), other);
    }
}
