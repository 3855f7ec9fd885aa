//! The table of answers, row by row.

use crate::support::{ClickApi, Edge, click, one_link, with_link};

const PREVIEW: &str = r#"
    [[link]]
    at = ["/go", "*.wild.example/tree/*"]
    preview_url = "https://advertiser.example/page?from={host}"
      [[link.offer]]
      offer_id = 1
      campaign_id = 2
      promo_id = 3
      traffic_url = "https://advertiser.example/{rest}?c={click_id}#{hit_id}"
      forward_query = ["gclid"]
"#;

#[tokio::test]
async fn who_does_not_click_makes_no_call() {
    let tracker = ClickApi::always(click("1")).await;
    let plain = Edge::start(&one_link(&tracker));
    let preview = Edge::start(&with_link(&tracker, PREVIEW));
    let page = "https://advertiser.example/page?from=go.example.com";
    for agent in [
        "curl/8.5.0",
        "Googlebot/2.1 (+http://www.google.com/bot.html)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "WhatsApp/2.23.20.0",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    ] {
        assert_eq!(plain.visitor().user_agent(agent).get("/go").await.reason(), "bot");
        assert_eq!(preview.visitor().user_agent(agent).get("/go").await.location(), page);
    }
    assert_eq!(plain.visitor().method("HEAD").get("/go").await.reason(), "head");
    assert_eq!(preview.visitor().method("HEAD").get("/go").await.location(), page);
    let looks = plain.visitor().user_agent("curl/8.5.0").method("HEAD");
    assert_eq!(looks.get("/go").await.reason(), "head");
    for edge in [&plain, &preview] {
        assert_eq!(
            edge.visitor().without("User-Agent").get("/go").await.reason(),
            "no_user_agent"
        );
        assert_eq!(edge.visitor().user_agent("").get("/go").await.reason(), "no_user_agent");
    }
    for (name, value) in [
        ("Sec-Purpose", "prefetch;prerender"),
        ("Purpose", "prefetch"),
        ("Purpose", "prerender"),
        ("X-Moz", "prefetch"),
        ("X-Purpose", "preview"),
    ] {
        let answer = plain.visitor().header(name, value).get("/go").await;
        assert_eq!(answer.status, 503, "{name}: {value}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(tracker.calls().len(), 0);
    assert_eq!(plain.hits("trafficback", "bot"), 5);
    assert_eq!(preview.hits("preview", "head"), 1);
    assert_eq!(plain.hits("refused", ""), 5);
}

#[tokio::test]
async fn people_in_apps_and_on_phones_are_no_bots() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    for agent in [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/470.0.0.27.106;FBBV/612345678;FBDV/iPhone14,5]",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 334.0.4.32.98 (iPhone14,5; iOS 17_5)",
        "Mozilla/5.0 (Linux; Android 13; SM-A536B) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/124.0 Mobile Safari/537.36 musical_ly_2023405030 BytedanceWebview/d8a21c6",
        "Mozilla/5.0 (Linux; Android 13; SM-A536B) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/124.0 Mobile Safari/537.36 [Pinterest/Android]",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/100.0 Mobile Safari/537.36",
    ] {
        let answer = edge.visitor().user_agent(agent).get("/go").await;
        assert!(answer.location().starts_with("https://advertiser.example/"), "{agent}");
    }
}

#[tokio::test]
async fn bots_click_where_the_operator_says_so() {
    let tracker = ClickApi::always(click("1")).await;
    let configuration = one_link(&tracker).replace("[visitor]", "[visitor]\nbots = \"click\"");
    let edge = Edge::start(&configuration);
    edge.visitor().user_agent("curl/8.5.0").get("/go").await.location();
    assert_eq!(edge.visitor().method("HEAD").get("/go").await.reason(), "head");
    assert_eq!(tracker.calls().len(), 1);
}

#[tokio::test]
async fn other_methods_and_other_places() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&one_link(&tracker));
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
        let answer = edge.visitor().method(method).get("/go").await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
    for path in ["/", "/gone", "/go/on", "/GO"] {
        let answer = edge.visitor().get(path).await;
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{path}");
    }
    for path in ["/go", "/go/", "/%67o", "/x/../go", "http://go.example.com/go", "/go?"] {
        assert!(edge.visitor().get(path).await.location().ends_with("=1"), "{path}");
    }
    let advice = edge.visitor().get("/.well-known/traffic-advice").await;
    assert_eq!(advice.status, 200);
    assert_eq!(advice.header("content-type"), Some("application/trafficadvice+json"));
    assert_eq!(advice.header("cache-control"), Some("max-age=86400"));
    let said: serde_json::Value = serde_json::from_slice(&advice.body).expect("JSON");
    assert_eq!(said[0]["disallow"], true);
}

#[tokio::test]
async fn a_links_own_trafficback_beats_the_default() {
    let tracker = ClickApi::always(click("1")).await;
    let own = "at = \"/go\"\ntrafficback_url = \"https://own.example/{reason}\"";
    let edge = Edge::start(&one_link(&tracker).replace("at = \"/go\"", own));
    let answer = edge.visitor().user_agent("curl/8.5.0").get("/go").await;
    assert_eq!(answer.location(), "https://own.example/bot");
}

#[tokio::test]
async fn hits_without_a_link_as_the_operator_likes() {
    let tracker = ClickApi::always(click("1")).await;
    let gone = one_link(&tracker) + "[unmatched]\nstatus = 410\n";
    assert_eq!(Edge::start(&gone).visitor().get("/no").await.status, 410);
    let elsewhere = one_link(&tracker) + "[unmatched]\nredirect = \"https://my-site.example{x}\"\n";
    let elsewhere = elsewhere.replace("{x}", "/?p={path}");
    let edge = Edge::start(&elsewhere);
    assert_eq!(
        edge.visitor().get("/no").await.location(),
        "https://my-site.example/?p=%2Fno"
    );
    assert_eq!(edge.hits("unmatched", ""), 1);
}

#[tokio::test]
async fn wildcards_rest_and_forwarding() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&with_link(&tracker, PREVIEW));
    let visitor = edge.visitor().host("A.b.Wild.Example:8080");
    let answer = visitor.get("/tree/a%2Fb/c%64?gclid=x%26y&evil=1").await;
    let (before, hit_id) = answer.location().split_once('#').expect("a fragment");
    assert_eq!(before, "https://advertiser.example/a%2Fb/cd?c=1&gclid=x%26y");
    assert_eq!(hit_id.len(), 32);
    assert_eq!(visitor.clone().host("wild.example").get("/tree/a").await.status, 404);
}

#[tokio::test]
async fn nothing_in_a_request_changes_the_destinations_host() {
    let tracker = ClickApi::always(click("1")).await;
    let configuration = one_link(&tracker)
        .replace("at = \"/go\"", "at = \"/*\"")
        .replace("?click_id", "x/{rest}?h={host}&q={query.url}&click_id");
    let edge = Edge::start(&configuration);
    for target in [
        "//evil.example/",
        "/@evil.example",
        "/%2F%2Fevil.example",
        "/x?url=https://evil.example/",
        "/x?url=%0d%0aLocation:%20https://evil.example/",
        "/%0d%0aSet-Cookie:x=y",
        "/..%2f..%2fevil.example",
        "http://evil.example/",
    ] {
        let answer = edge.visitor().get(target).await;
        assert!(
            answer.location().starts_with("https://advertiser.example/x/"),
            "{target}: {}",
            answer.head
        );
        assert_eq!(answer.header("set-cookie"), None);
    }
}
