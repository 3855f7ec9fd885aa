//! How many may come, for how long, and how often: who is served goes on, who is too much is closed, and all is counted.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::connections::{ask, http2};
use crate::support::{
    ClickApi, Edge, Program, Visitor, click, eventually, frames, one_link,
    program::{Folder, output},
    visitor::read_answer,
};

async fn edge_with(limits: &str) -> (ClickApi, Edge) {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&(one_link(&tracker) + "\n[limits]\n" + limits));
    (tracker, edge)
}

/// Whether a new connection is closed without a word.
async fn is_turned_away(visitor: &Visitor) -> bool {
    let mut stream = visitor.connect().await;
    // It may be reset under the request.
    let _ = stream.write_all(&visitor.request("/none")).await;
    let mut some = [0; 16];
    let read = timeout(Duration::from_secs(20), stream.read(&mut some)).await;
    !read.expect("an answer, or an end").is_ok_and(|read| read > 0)
}

#[tokio::test]
async fn connections_in_all_and_of_an_address_have_their_limits() {
    for (limits, proxies, why) in [
        ("connections = 3", true, "connections"),
        ("connections = 3", false, "connections"),
        ("connections_per_address = 3", false, "address"),
    ] {
        let tracker = ClickApi::always(click("1")).await;
        let mut configuration = one_link(&tracker) + "\n[limits]\n" + limits;
        if !proxies {
            configuration = configuration.replace("trusted_proxies = [\"127.0.0.0/8\"]", "");
        }
        let edge = Edge::start(&configuration);
        let visitor = edge.visitor();
        let mut inside = Vec::new();
        for _ in 0..3 {
            let mut stream = visitor.connect().await;
            visitor.get_on(&mut stream, "/go").await.location();
            inside.push(stream);
        }
        for _ in 0..5 {
            assert!(is_turned_away(&visitor).await, "{limits}");
        }
        let line = format!("onehop_connections_turned_away_total{{why=\"{why}\"}} ");
        assert_eq!(edge.metric(&line), 5, "{limits}");
        // Those inside are served as before.
        for stream in &mut inside {
            visitor.get_on(stream, "/go").await.location();
        }
        // A place that is given back is taken again.
        inside.pop();
        eventually("a place", async || !is_turned_away(&visitor).await).await;
    }
}

#[tokio::test]
async fn trusted_proxies_speak_for_many() {
    let (_tracker, edge) = edge_with("connections_per_address = 2").await;
    let visitor = edge.visitor();
    let mut inside = Vec::new();
    for _ in 0..10 {
        let mut stream = visitor.connect().await;
        visitor.get_on(&mut stream, "/go").await.location();
        inside.push(stream);
    }
}

#[tokio::test]
async fn the_last_request_of_a_connection_is_told_so() {
    let (_tracker, edge) = edge_with("requests_per_connection = 3").await;
    let visitor = edge.visitor();
    let mut stream = visitor.connect().await;
    for last in [None, None, Some("close")] {
        let answer = visitor.get_on(&mut stream, "/go").await;
        assert_eq!(answer.header("connection"), last);
    }
    assert_eq!(stream.read(&mut [0; 9]).await.expect("an end"), 0);

    let mut sender = http2(&edge).await;
    for _ in 0..3 {
        assert_eq!(ask(&mut sender, "GET", "/go", "Mozilla/5.0").await.status(), 302);
    }
    eventually("GOAWAY", async || sender.is_closed()).await;
}

/// Told to go, an HTTP/2 client may go on for as long as the word takes; not for ever.
#[tokio::test]
async fn who_does_not_go_is_cut_off() {
    let (_tracker, edge) = edge_with("requests_per_connection = 5\nhttp2_streams = 5").await;
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let gets = |from: u32, to: u32| {
        (from..to)
            .flat_map(|n| frames::get(2 * n + 1, "/none"))
            .collect::<Vec<u8>>()
    };
    let sent = [frames::begin(&[]), gets(0, 5)].concat();
    let came = frames::talk(&mut stream, &sent, |frame| frame.kind == frames::GOAWAY).await;
    assert_eq!(came.iter().filter(|frame| frame.kind == frames::HEADERS).count(), 5);
    // It neither says that it has heard, nor stops.
    let came = frames::talk(&mut stream, &gets(5, 50), |_| false).await;
    let answers = came.iter().filter(|frame| frame.kind == frames::HEADERS).count();
    assert!(answers <= 6, "{answers} answers");
    assert!(came.iter().any(|frame| frame.kind == frames::GOAWAY), "{came:?}");
}

#[tokio::test]
async fn a_connection_gets_no_older_than_may_be() {
    let (_tracker, edge) = edge_with("connection_age = \"500ms\"\nrequests_per_connection = 1000000000").await;
    let visitor = edge.visitor();
    let began = Instant::now();
    let mut stream = visitor.connect().await;
    let mut times = 0;
    // It is never idle for long, and ends all the same, between two answers.
    loop {
        stream.write_all(&visitor.request("/none")).await.unwrap_or_default();
        let mut first = [0; 1];
        match timeout(Duration::from_secs(20), stream.peek(&mut first))
            .await
            .expect("in time")
        {
            Ok(1) => times += 1,
            _ => break,
        }
        if read_answer(&mut stream, Instant::now()).await.header("connection") == Some("close") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it gets old");
    }
    assert!(began.elapsed() >= Duration::from_millis(400) && times > 1, "{times}");
}

#[tokio::test]
async fn sizes_are_as_configured() {
    let (_tracker, edge) = edge_with("header_bytes = 2048\nheader_fields = 10\ntarget_bytes = 100").await;
    let visitor = edge.visitor();
    let field = |length: usize| visitor.clone().header("X", "x".repeat(length));
    assert_eq!(field(1_500).get("/none").await.status, 404);
    assert_eq!(field(2_048).get("/none").await.status, 431);
    assert_eq!(visitor.get(&format!("/{}", "x".repeat(99))).await.status, 404);
    assert_eq!(visitor.get(&format!("/{}", "x".repeat(100))).await.status, 414);
    // Host, and two of the visitor's.
    let many = |count| (0..count).fold(visitor.clone(), |visitor, n: i32| visitor.also("X", n.to_string()));
    assert_eq!(many(7).get("/none").await.status, 404);
    assert_eq!(many(8).get("/none").await.status, 431);
    let (_tracker, edge) = edge_with("header_fields = 300").await;
    let many = |count| (0..count).fold(edge.visitor(), |visitor, n: i32| visitor.also("X", n.to_string()));
    assert_eq!(many(297).get("/none").await.status, 404);
    assert_eq!(many(298).get("/none").await.status, 431);
}

/// Browsers send each cookie as a field of its own over HTTP/2.
#[tokio::test]
async fn the_cookies_of_a_request_over_http2_are_one_field() {
    let (_tracker, edge) = edge_with("header_fields = 10").await;
    let mut sender = http2(&edge).await;
    for (others, cookies, status) in [(9, 180, 302), (10, 0, 302), (10, 1, 431), (10, 180, 431)] {
        let mut request = http::Request::get("http://go.example.com/go").header("user-agent", "Mozilla/5.0");
        for n in 0..cookies {
            request = request.header("cookie", format!("c{n}=v"));
        }
        for n in 1..others {
            request = request.header("x", n);
        }
        let request = request.body(http_body_util::Empty::new()).expect("a request");
        let answer = sender.send_request(request).await.expect("an answer");
        assert_eq!(answer.status(), status, "{others} fields and {cookies} cookies");
    }
}

/// With 64 files for everything, visitors beyond are closed at once; those inside, the tracker and the operator are served.
#[tokio::test]
async fn files_do_not_run_out() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write(
        "onehop.toml",
        one_link(&tracker).replace("[listen]", "[listen]\nadmin = \"127.0.0.1:0\""),
    );
    let program = Program::start_with_files(64, &["run"], folder.path());
    let address = program.hear("listening on http://").parse().expect("an address");
    let admin = program.hear("metrics on http://").parse().expect("an address");
    let visitor = Visitor::new(address);
    let mut first = visitor.connect().await;
    visitor.get_on(&mut first, "/none").await;
    let mut inside = Vec::new();
    for _ in 0..100 {
        inside.push(visitor.connect().await);
    }
    assert!(is_turned_away(&visitor).await);
    // There is room for a call to the tracker, and for the operator.
    assert!(visitor.get_on(&mut first, "/go").await.location().ends_with("=1"));
    assert_eq!(Visitor::new(admin).get("/readyz").await.status, 200);
    let metrics = String::from_utf8(Visitor::new(admin).get("/metrics").await.body).expect("text");
    let away = metrics
        .lines()
        .find_map(|line| line.strip_prefix("onehop_connections_turned_away_total{why=\"files\"} "))
        .expect("a metric");
    let away: u32 = away.parse().expect("a count");
    assert!((40..=101).contains(&away), "{away}");
    drop(inside);
    eventually("a place", async || !is_turned_away(&visitor).await).await;
    program.signal("TERM");
    let (status, said) = program.wait();
    assert!(status.success(), "{said}");
    // Once at once, and once more at the end, for all the others.
    let told: Vec<&str> = said.lines().filter(|line| line.contains("turned away")).collect();
    let others = told.get(1).and_then(|line| line.split_once("\"suppressed\":"));
    let others = others.and_then(|(_, number)| number.trim_end_matches('}').parse::<u32>().ok());
    assert!(
        told.len() == 2 && others.is_some_and(|others| others + 2 >= away),
        "{said}"
    );
    assert!(
        said.contains("the limit of open files is below what limits.connections needs"),
        "{said}"
    );
    assert!(!said.contains("no connection can be accepted"), "{said}");
}

#[test]
fn limits_are_explained() {
    let folder = Folder::new();
    let rows = |said: &str| {
        let rows = said.lines().skip_while(|line| !line.starts_with("[limits]")).skip(1);
        rows.map(str::to_owned).collect::<Vec<_>>()
    };
    let none = output(&["check", "--explain-limits"], folder.path());
    let said = String::from_utf8_lossy(&none.stdout).into_owned();
    assert!(
        none.status.success() && said.starts_with("onehop.toml is not there: these are the defaults\n"),
        "{said}"
    );
    let defaults = onehop::server::Limits::default();
    for (row, limit) in rows(&said).iter().zip(&onehop::server::limits::LIMITS) {
        let words: Vec<&str> = row.split("  ").filter(|word| !word.is_empty()).map(str::trim).collect();
        let shown = limit.shown(defaults);
        assert_eq!(words, [limit.key, &shown, &shown, limit.reason]);
    }
    assert_eq!(rows(&said).len(), onehop::server::limits::LIMITS.len());
    let configuration = "[tracker.t]\nurl = 'http://127.0.0.1:9/x'\nsecure_key = 'k'\n[limits]\nhead = '1500ms'\n[[link]]\n\
                         at = '/a'\ntrafficback_url = 'https://a.example'\n[[link.offer]]\noffer_id = 1\ncampaign_id = 2\n\
                         promo_id = 3\ntraffic_url = 'https://a.example/{click_id}'\n";
    folder.write("onehop.toml", configuration);
    let some = output(&["check", "--explain-limits"], folder.path());
    let said = String::from_utf8_lossy(&some.stdout).into_owned();
    assert!(
        some.status.success() && said.starts_with("onehop.toml is fine"),
        "{said}"
    );
    let head = rows(&said).into_iter().find(|row| row.starts_with("head "));
    let head = head.expect("a row");
    assert!(head.contains(" 1s 500ms ") && head.contains(" 10s "), "{head}");
    folder.write("onehop.toml", configuration.replace("1500ms", "0s"));
    let wrong = output(&["check", "--explain-limits"], folder.path());
    let said = String::from_utf8_lossy(&wrong.stdout).into_owned();
    assert!(
        !wrong.status.success() && said.contains("longer than zero") && rows(&said).is_empty(),
        "{said}"
    );
}

/// Changed limits are for connections that come from then on; those that are open count on.
#[tokio::test]
async fn changed_limits_are_taken_up() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write("onehop.toml", one_link(&tracker));
    let program = Program::start(&["run"], folder.path(), &[]);
    let visitor = Visitor::new(program.hear("listening on http://").parse().expect("an address"));
    let mut before = visitor.connect().await;
    assert_eq!(visitor.get_on(&mut before, "/longer").await.status, 404);
    folder.write(
        "onehop.toml",
        one_link(&tracker) + "\n[limits]\ntarget_bytes = 5\nconnections = 2\n",
    );
    program.signal("HUP");
    program.hear("the configuration has changed and is in use");
    let mut after = visitor.connect().await;
    assert_eq!(visitor.get_on(&mut after, "/a").await.status, 404);
    assert!(is_turned_away(&visitor).await, "two are open");
    assert_eq!(visitor.get_on(&mut before, "/longer").await.status, 404);
    assert_eq!(visitor.get_on(&mut after, "/longer").await.status, 414);
}

/// However many requests a client has under way, one that stops at the word loses none.
#[tokio::test]
async fn who_goes_when_told_loses_nothing() {
    let (_tracker, edge) = edge_with("requests_per_connection = 20\nhttp2_streams = 10").await;
    let mut stream = TcpStream::connect(edge.address).await.expect("the edge listens");
    let mut asked: u32 = 10;
    let first: Vec<u8> = (0..asked).flat_map(|n| frames::get(2 * n + 1, "/none")).collect();
    let mut sent = [frames::begin(&[]), first].concat();
    let (mut answers, mut is_told) = (0, false);
    while answers < asked {
        // For each answer another request, until the word has come.
        stream.write_all(&sent).await.expect("an open connection");
        let came = frames::talk(&mut stream, b"", |frame| frame.kind == frames::HEADERS).await;
        let heads = came.iter().filter(|frame| frame.kind == frames::HEADERS).count();
        assert_ne!(heads, 0, "{answers} of {asked} were answered: {came:?}");
        answers += u32::try_from(heads).expect("few");
        is_told |= came.iter().any(|frame| frame.kind == frames::GOAWAY);
        let more = if is_told { 0 } else { u32::try_from(heads).expect("few") };
        sent = (asked..asked + more)
            .flat_map(|n| frames::get(2 * n + 1, "/none"))
            .collect();
        asked += more;
    }
    assert!(asked <= 30, "{asked}");
}
