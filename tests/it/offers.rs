//! Several offers of one link, and what the tracker is told.

use crate::support::{Act, ClickApi, Edge, click, click_api::error, one_link, one_link_with, trafficback, with_link};

fn three_offers() -> String {
    let offer = |offer: u32| {
        format!(
            r#"
            [[link.offer]]
            name = "offer-{offer}"
            offer_id = {offer}
            campaign_id = 2
            promo_id = 3
            traffic_url = "https://advertiser.example/{offer}?c={{click_id}}"
            "#
        )
    };
    format!("[[link]]\nat = \"/go\"\n{}{}{}", offer(1), offer(2), offer(3))
}

/// Acts by the offer that is asked for.
async fn by_offer(acts: [Act; 3]) -> ClickApi {
    ClickApi::start(move |call| {
        let offer = call.parameter("offer_id").expect("an offer");
        acts[usize::from(offer[0] - b'1')].clone()
    })
    .await
}

#[tokio::test]
async fn the_first_click_ends_it() {
    for (acts, location, calls) in [
        (
            [click("a"), click("b"), click("c")],
            "https://advertiser.example/1?c=a",
            1,
        ),
        (
            [trafficback("overcap"), click("b"), click("c")],
            "https://advertiser.example/2?c=b",
            2,
        ),
        (
            [error(400, "x"), error(403, "x"), click("c")],
            "https://advertiser.example/3?c=c",
            3,
        ),
        (
            [trafficback("targeting"), trafficback("overcap"), error(403, "x")],
            "https://back.example/?why=targeting",
            3,
        ),
        (
            [error(403, "x"), trafficback("overcap"), trafficback("overcap")],
            "https://back.example/?why=denied",
            3,
        ),
        // The tracker itself fails: its other offers are passed over.
        (
            [error(404, "x"), click("b"), click("c")],
            "https://back.example/?why=tracker_error",
            1,
        ),
        (
            [trafficback("overcap"), error(404, "x"), click("c")],
            "https://back.example/?why=overcap",
            2,
        ),
    ] {
        let tracker = by_offer(acts).await;
        let edge = Edge::start(&with_link(&tracker, &three_offers()));
        assert_eq!(edge.visitor().get("/go").await.location(), location);
        assert_eq!(tracker.calls().len(), calls, "{location}");
        let misses = edge.metric(r#"onehop_click_cache_total{result="miss"} "#);
        assert_eq!(misses, calls as u64, "{location}");
    }
}

#[tokio::test]
async fn a_fallback_is_of_the_offer_whose_reason_it_is() {
    let tracking = |number: u32| {
        let id = format!("offer_id = {number}");
        (
            id.clone(),
            format!("{id}\n            tracking_url = \"https://tracker.example/{{offer_id}}\""),
        )
    };
    let ((second, with_second), (third, with_third)) = (tracking(2), tracking(3));
    let links = three_offers()
        .replace(&second, &with_second)
        .replace(&third, &with_third);
    for (acts, location) in [
        (
            [trafficback("targeting"), trafficback("overcap"), trafficback("overcap")],
            "https://back.example/?why=targeting&offer=1",
        ),
        (
            [trafficback("targeting"), error(403, "x"), error(400, "x")],
            "https://tracker.example/2",
        ),
        (
            [error(403, "x"), trafficback("targeting"), error(400, "x")],
            "https://tracker.example/3",
        ),
        // A tracker that fails for the first is not asked for the others, and fails for them too.
        (
            [error(404, "x"), trafficback("targeting"), trafficback("targeting")],
            "https://tracker.example/2",
        ),
    ] {
        let tracker = by_offer(acts).await;
        let configuration = with_link(&tracker, &links).replace("why={reason}", "why={reason}&offer={offer_id}");
        let edge = Edge::start(&configuration);
        assert_eq!(edge.visitor().get("/go").await.location(), location);
    }
}

#[tokio::test]
async fn an_offer_of_another_tracker_is_tried() {
    let failing = ClickApi::always(Act::Close).await;
    let other = ClickApi::always(click("other")).await;
    let links = three_offers().replace("offer_id = 3", "offer_id = 3\ntracker = \"other\"");
    let configuration = format!(
        "{}\n[tracker.other]\nurl = \"{}\"\nsecure_key = \"other-key\"\n",
        with_link(&failing, &links).replace("[defaults]", "[defaults]\ntracker = \"main\""),
        other.url()
    );
    let edge = Edge::start(&configuration);
    assert_eq!(
        edge.visitor().get("/go").await.location(),
        "https://advertiser.example/3?c=other"
    );
    // Its first offer's call, with its repeats, and none of the second.
    assert_eq!(failing.calls().len(), 3);
    assert_eq!(other.only_call().parameter("secure_key"), Some(b"other-key".to_vec()));
}

#[tokio::test]
async fn what_the_tracker_is_told() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let agent = b"Mozilla/5.0 (\xd0\xb9 \xff; a&b=c) +";
    edge.visitor()
        .from("2001:DB8::1")
        .user_agent(agent)
        .header("Referer", b"https://a.example/?x=1&y=\xe9#z")
        .get("/go?utm_source=my%20blog&subid6=%FF%00&subid2=&utm_term=a%2Bb&utm_source=again&subid7=no&x=y")
        .await
        .location();
    let parameters = tracker.only_call().parameters();
    let expected: Vec<(&str, &[u8])> = vec![
        ("secure_key", crate::support::KEY.as_bytes()),
        ("offer_id", b"1"),
        ("campaign_id", b"2"),
        ("promo_id", b"3"),
        ("user_ip", b"2001:db8::1"),
        ("user_useragent", agent),
        ("user_referrer", b"https://a.example/?x=1&y=\xe9#z"),
        ("utm_source", b"my blog"),
        ("subid6", b"\xff\x00"),
        ("subid2", b""),
        ("utm_term", b"a+b"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(n, v)| (n.to_owned(), v.to_vec())).collect();
    assert_eq!(parameters, expected);
}

#[tokio::test]
async fn what_is_absent_is_left_out() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    edge.visitor().header("Referer", "").get("/go").await.location();
    let names: Vec<_> = tracker
        .only_call()
        .parameters()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let expected = [
        "secure_key",
        "offer_id",
        "campaign_id",
        "promo_id",
        "user_ip",
        "user_useragent",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_visitor_sets_no_other_parameter() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    let query = "user_ip=6.6.6.6&secure_key=x&offer_id=9&campaign_id=9&promo_id=9&user_useragent=x&user_referrer=x\
                 &subid1=a%26secure_key%3Dx%26user_ip%3D6.6.6.6&utm_medium=b%23c&%75ser_ip=6.6.6.6&extra=1";
    edge.visitor().get(&format!("/go?{query}")).await.location();
    let call = tracker.only_call();
    for (name, value) in [
        ("user_ip", &b"192.0.2.1"[..]),
        ("offer_id", b"1"),
        ("secure_key", crate::support::KEY.as_bytes()),
        ("subid1", b"a&secure_key=x&user_ip=6.6.6.6"),
        ("utm_medium", b"b#c"),
    ] {
        assert_eq!(call.parameter(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(call.parameters().len(), 8, "{}", call.head);
}

#[tokio::test]
async fn what_the_affiliate_sends_wins() {
    let send = r#"send = { subid1 = "{query.zone}", utm_source = "my blog & more", subid2 = "{offer_id}-{host}", subid3 = "{query.none}" }"#;
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link_with(&tracker, send));
    edge.visitor()
        .get("/go?zone=z%261&utm_source=theirs&subid3=theirs&subid4=theirs")
        .await
        .location();
    let call = tracker.only_call();
    for (name, value) in [
        ("subid1", Some(&b"z&1"[..])),
        ("utm_source", Some(b"my blog & more")),
        ("subid2", Some(b"1-go.example.com")),
        ("subid3", None),
        ("subid4", Some(b"theirs")),
    ] {
        assert_eq!(call.parameter(name).as_deref(), value, "{name}");
    }
}

#[tokio::test]
async fn the_call_is_a_plain_get() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    edge.visitor().header("Cookie", "a=b").get("/go").await.location();
    let head = tracker.only_call().head;
    let authority = tracker.url();
    let authority = authority.split('/').nth(2).expect("an authority");
    assert!(head.starts_with("GET /api/click/create?secure_key="), "{head}");
    assert!(head.contains(&format!("\r\nhost: {authority}\r\n")), "{head}");
    assert!(
        !head.to_lowercase().contains("cookie") && !head.to_lowercase().contains("forwarded"),
        "{head}"
    );
}
