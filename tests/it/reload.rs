//! A changed configuration is taken up while visitors are served: all of it, or nothing.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;

use crate::support::{
    Act, ClickApi, KEY, Program, Visitor, click, click_api::Call, eventually, one_link, program::Folder,
    visitor::read_answer,
};

/// A program that runs, where it serves, and where it is looked at.
struct Running {
    program: Program,
    folder: Folder,
    visitors: SocketAddr,
    admin: SocketAddr,
}

impl Running {
    fn start(configuration: &str) -> Self {
        Self::start_in(Folder::new(), configuration)
    }

    /// The same with what is in a folder already.
    fn start_in(folder: Folder, configuration: &str) -> Self {
        let running = |folder: Folder| {
            let program = Program::start(&["run"], folder.path(), &[]);
            let visitors = program.hear("listening on http://").parse().expect("an address");
            let admin = program.hear("metrics on http://").parse().expect("an address");
            Self {
                program,
                folder,
                visitors,
                admin,
            }
        };
        folder.write("onehop.toml", configuration);
        running(folder)
    }

    fn write(&self, configuration: &str) {
        // As editors do: a file beside it, renamed over it.
        self.folder.write("new", configuration);
        std::fs::rename(self.folder.path().join("new"), self.folder.path().join("onehop.toml")).expect("a file");
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(self.visitors)
    }

    async fn reload(&self) -> (u16, String) {
        let operator = Visitor::new(self.admin).method("POST").host("localhost");
        let answer = operator.get("/reload").await;
        (answer.status, String::from_utf8(answer.body).expect("UTF-8"))
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = Visitor::new(self.admin).host("127.0.0.1").get("/metrics").await.body;
        let text = String::from_utf8(text).expect("UTF-8");
        let found = text.lines().find_map(|line| line.strip_prefix(name));
        found.map_or(0, |value| value.trim().parse().expect("a number"))
    }
}

fn configuration(tracker: &ClickApi) -> String {
    one_link(tracker).replace("[listen]", "[listen]\nadmin = \"127.0.0.1:0\"")
}

const PLACES: &[u8] = include_bytes!("../../geoip/sandbox.mmdb");
const CERTIFICATE: &[u8] = include_bytes!("../../certs/localhost.crt");
const CERTIFICATE_KEY: &[u8] = include_bytes!("../../certs/localhost.key");
const RELOADS: &str = "onehop_config_reloads_total";
const FAILURES: &str = "onehop_config_reload_failures_total";

#[tokio::test]
async fn each_way_to_have_it_taken_up() {
    let tracker = ClickApi::always(click("1")).await;
    let before = configuration(&tracker);
    let edge = Running::start(&before);
    assert!(edge.visitor().get("/go").await.location().ends_with("?click_id=1"));
    for (way, number) in [("file", 2), ("post", 3), ("hangup", 4)] {
        edge.write(&before.replace("/?click_id", &format!("/{number}?click_id")));
        match way {
            "post" => assert_eq!(edge.reload().await.0, 200),
            "hangup" => edge.program.signal("HUP"),
            _ => {}
        }
        let expected = format!("/{number}?click_id=1");
        eventually(way, async || {
            edge.visitor().get("/go").await.location().ends_with(&expected)
        })
        .await;
    }
    assert!(edge.metric(RELOADS).await >= 3);
    assert_eq!(edge.metric(FAILURES).await, 0);
    assert_eq!(tracker.calls().len(), 1, "the click is kept");
}

#[tokio::test]
async fn a_broken_one_changes_nothing_and_says_why() {
    let tracker = ClickApi::always(click("1")).await;
    let before = configuration(&tracker);
    let edge = Running::start(&before);
    edge.write(&before.replace("click_id={click_id}", "nothing"));
    let (status, said) = edge.reload().await;
    assert_eq!(status, 422);
    assert!(
        said.contains("onehop.toml:") && said.contains("loses every conversion"),
        "{said}"
    );
    assert!(edge.visitor().get("/go").await.location().ends_with("?click_id=1"));
    assert_eq!((edge.metric(RELOADS).await, edge.metric(FAILURES).await), (0, 1));
    // An address that cannot be had is no less broken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    edge.write(
        &before
            .replace("http = \"127.0.0.1:0\"", &format!("http = \"{address}\""))
            .replace("/?", "/other?"),
    );
    let (status, said) = edge.reload().await;
    assert!(status == 422 && said.contains("cannot listen"), "{said}");
    assert!(edge.visitor().get("/go").await.location().ends_with("/?click_id=1"));
    edge.write(&before.replace("/?click_id", "/mended?click_id"));
    assert_eq!(edge.reload().await.0, 200);
    assert!(
        edge.visitor()
            .get("/go")
            .await
            .location()
            .ends_with("/mended?click_id=1")
    );
}

#[tokio::test]
async fn a_removed_one_changes_nothing_and_says_so() {
    let tracker = ClickApi::always(click("1")).await;
    let before = configuration(&tracker);
    let edge = Running::start(&before);
    std::fs::remove_file(edge.folder.path().join("onehop.toml")).expect("a file");
    let (status, said) = edge.reload().await;
    assert_eq!(status, 422);
    assert!(
        said.contains("cannot read `onehop.toml`: there is no such file"),
        "{said}"
    );
    // Seen by itself too, and told once.
    assert!(edge.metric(FAILURES).await >= 1);
    assert!(edge.visitor().get("/go").await.location().ends_with("/?click_id=1"));
    edge.write(&before.replace("/?click_id", "/again?click_id"));
    eventually("it is back", async || {
        edge.visitor()
            .get("/go")
            .await
            .location()
            .ends_with("/again?click_id=1")
    })
    .await;
}

/// A deploy may write the main file before its companions.
#[tokio::test]
async fn what_a_refused_one_names_is_waited_for() {
    let tracker = ClickApi::always(click("1")).await;
    let before = configuration(&tracker);
    let edge = Running::start(&before);
    let links = |pattern: &str| format!("links = [\"{pattern}\"]\n{before}");
    let link = before[before.find("[[link]]").expect("a link")..].replace("/go", "/more");
    let key = format!("secure_key = \"{KEY}\"");
    edge.folder.write("bad.toml", "at = ");
    edge.folder.write("l/bad.toml", "at = ");
    edge.folder.write("certs/localhost.key", CERTIFICATE_KEY);
    for (number, (file, configuration, mended)) in [
        ("none.toml", links("none.toml"), link.as_bytes()),
        ("bad.toml", links("bad.toml"), link.as_bytes()),
        ("l/bad.toml", links("l/*.toml"), link.as_bytes()),
        (
            "none.mmdb",
            before.clone() + "\n[geoip]\ncountry = \"none.mmdb\"\n",
            PLACES,
        ),
        (
            "key.txt",
            before.replace(&key, "secure_key = { file = \"key.txt\" }"),
            KEY.as_bytes(),
        ),
        (
            "ca.pem",
            before.replace(&key, &format!("{key}\nca = \"ca.pem\"")),
            CERTIFICATE,
        ),
        (
            "certs/localhost.crt",
            before.replace(
                "[listen]",
                "[tls]\ncerts = \"certs\"\n[listen]\nhttps = \"127.0.0.1:0\"",
            ),
            CERTIFICATE,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        edge.write(&configuration.replace("/?click_id", &format!("/{number}?click_id")));
        eventually("a refusal", async || edge.metric(FAILURES).await > number as u64).await;
        edge.folder.write(file, mended);
        let expected = format!("/{number}?click_id=1");
        eventually(file, async || {
            edge.visitor().get("/go").await.location().ends_with(&expected)
        })
        .await;
    }
}

/// A database in use is taken up by itself; a configuration that was refused for its sake is to come with it.
#[tokio::test]
async fn one_that_waits_for_a_database_in_use_is_taken_up_with_it() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write("places.mmdb", PLACES);
    let before = configuration(&tracker) + "\n[geoip]\ncountry = \"places.mmdb\"\n";
    let edge = Running::start_in(folder, &before);
    let failures = async |count| {
        eventually("a refusal", async || edge.metric(FAILURES).await == count).await;
    };
    edge.folder.write("places.mmdb", "junk");
    failures(1).await;
    edge.write(&before.replace("/?click_id", "/new?click_id"));
    failures(2).await;
    // What stays as it is, is told once: three looks find nothing new.
    tokio::time::sleep(std::time::Duration::from_millis(1600)).await;
    assert_eq!(edge.metric(FAILURES).await, 2);
    edge.folder.write("places.mmdb", PLACES);
    eventually("the new one", async || {
        edge.visitor().get("/go").await.location().ends_with("/new?click_id=1")
    })
    .await;
    assert_eq!(edge.metric(FAILURES).await, 2);
}

/// To open a pipe waits for whoever writes to it; a reload that waits would keep all others waiting.
#[tokio::test]
async fn a_pipe_in_place_of_a_file_is_a_mistake() {
    let tracker = ClickApi::always(click("1")).await;
    let key = format!("secure_key = \"{KEY}\"");
    let named = "secure_key = { file = \"key.txt\" }\nca = \"ca.pem\"";
    let before = configuration(&tracker).replace(&key, named);
    let link = before[before.find("[[link]]").expect("a link")..].replace("/go", "/more");
    let configuration = format!("links = [\"more.toml\"]\n{before}");
    let folder = Folder::new();
    folder.write("key.txt", KEY);
    folder.write("ca.pem", CERTIFICATE);
    folder.write("more.toml", link);
    let edge = Running::start_in(folder, &configuration);
    for (number, file) in ["onehop.toml", "more.toml", "key.txt", "ca.pem"]
        .into_iter()
        .enumerate()
    {
        let path = edge.folder.path().join(file);
        let good = std::fs::read(&path).expect("a file");
        std::fs::remove_file(&path).expect("a file");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo runs").success());
        let (status, said) = edge.reload().await;
        assert_eq!(status, 422, "{file}: {said}");
        let mistake = format!("cannot read `{file}`: it is a pipe, a socket or a device, not a file");
        assert!(
            said.contains(&mistake) && said.contains("put the file itself there"),
            "{said}"
        );
        std::fs::remove_file(&path).expect("a pipe");
        edge.folder.write(file, good);
        edge.write(&configuration.replace("/?click_id", &format!("/{number}?click_id")));
        assert_eq!(edge.reload().await.0, 200, "{file}");
        let answer = edge.visitor().get("/go").await;
        assert!(
            answer.location().ends_with(&format!("/{number}?click_id=1")),
            "{file}: {}",
            answer.location()
        );
    }
}

#[tokio::test]
async fn a_link_of_a_pattern_that_leads_nowhere_takes_nothing_away() {
    use std::os::unix::fs::symlink;

    let tracker = ClickApi::always(click("1")).await;
    let before = configuration(&tracker);
    let at = |place: &str| before[before.find("[[link]]").expect("a link")..].replace("/go", place);
    let folder = Folder::new();
    folder.write("real.toml", at("/more"));
    folder.write(".l/.hidden.toml", at("/hidden"));
    folder.write("l/.not.toml", "no configuration");
    folder.write("l/.not/x.toml", "no configuration");
    let link = folder.path().join("l/b.toml");
    symlink("../real.toml", &link).expect("a link");
    // As an editor leaves it beside a file that is being written.
    symlink("nobody@nowhere.1:2", folder.path().join("l/.#b.toml")).expect("a link");
    let links = r#"links = ["l/*.toml", "l/*/x.toml", "./.l/.*.toml"]"#;
    let edge = Running::start_in(folder, &format!("{links}\n{before}"));
    let serves = async |place: &str| edge.visitor().get(place).await.status == 302;
    assert!(serves("/more").await && serves("/hidden").await);

    std::fs::remove_file(edge.folder.path().join("real.toml")).expect("a file");
    let (status, said) = edge.reload().await;
    assert_eq!(status, 422, "{said}");
    assert!(
        said.contains("cannot read `l/b.toml`: it is a link that leads nowhere") && said.contains("or remove it"),
        "{said}"
    );
    std::fs::remove_file(&link).expect("a link");
    symlink("b.toml", &link).expect("a link");
    assert_eq!(edge.reload().await.0, 422, "a link to itself");
    assert!(serves("/more").await);

    std::fs::remove_file(&link).expect("a link");
    assert_eq!(edge.reload().await.0, 200);
    assert!(!serves("/more").await && serves("/hidden").await);
}

#[tokio::test]
async fn a_hit_under_way_ends_on_what_it_began_with() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let late = Act::WaitAndSend(std::sync::Arc::clone(&go), crate::support::click_bytes("late"));
    let script = move |call: &Call| if call.number == 0 { late.clone() } else { click("next") };
    let tracker = ClickApi::start(script).await;
    let before = configuration(&tracker).replace("500ms", "10s");
    let edge = Running::start(&before);
    let mut waiting = edge.visitor().send("/go").await;
    tracker.called(1).await;
    edge.write(&before.replace("/?click_id", "/new?click_id"));
    assert_eq!(edge.reload().await.0, 200);
    // The same visitor waits with the first, and goes where the new configuration says.
    let joined = edge.visitor().send("/go").await;
    go.notify_one();
    let answer = read_answer(&mut waiting, std::time::Instant::now()).await;
    assert!(answer.location().ends_with("/?click_id=late"));
    let mut joined = joined;
    let answer = read_answer(&mut joined, std::time::Instant::now()).await;
    assert!(answer.location().ends_with("/new?click_id=late"));
    assert_eq!(tracker.calls().len(), 1);
    let other = edge.visitor().from("192.0.2.9").get("/go").await;
    assert!(other.location().ends_with("/new?click_id=next"));
    assert_eq!(tracker.connections(), 1, "the tracker's connection is kept");
}

/// An operator does not wait for the last visitor.
#[tokio::test]
async fn an_edge_that_stops_says_so_at_once() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let late = Act::WaitAndSend(std::sync::Arc::clone(&go), crate::support::click_bytes("late"));
    let tracker = ClickApi::always(late).await;
    let edge = Running::start(&configuration(&tracker).replace("500ms", "20s"));
    let mut waiting = edge.visitor().send("/go").await;
    tracker.called(1).await;
    edge.program.signal("TERM");
    eventually("the end of readiness", async || {
        Visitor::new(edge.admin).get("/readyz").await.status == 503
    })
    .await;
    assert_eq!(edge.reload().await, (503, "the edge is stopping\n".to_owned()));
    go.notify_one();
    let answer = read_answer(&mut waiting, std::time::Instant::now()).await;
    assert!(answer.location().ends_with("=late"));
}

#[tokio::test]
async fn addresses_come_and_go_and_others_are_not_touched() {
    let tracker = ClickApi::always(click("1")).await;
    let before = configuration(&tracker);
    let edge = Running::start(&before);
    let mut kept = edge.visitor().connect().await;
    kept.write_all(&edge.visitor().request("/go")).await.expect("it reads");
    read_answer(&mut kept, std::time::Instant::now()).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let more = free.local_addr().expect("an address");
    drop(free);
    edge.write(&before.replace(
        "http = \"127.0.0.1:0\"",
        &format!("http = [\"127.0.0.1:0\", \"{more}\"]"),
    ));
    assert_eq!(edge.reload().await.0, 200);
    assert!(Visitor::new(more).get("/go").await.location().ends_with("=1"));
    edge.write(&before);
    assert_eq!(edge.reload().await.0, 200);
    eventually("it is closed", async || {
        tokio::net::TcpStream::connect(more).await.is_err()
    })
    .await;
    kept.write_all(&edge.visitor().request("/go")).await.expect("it reads");
    let answer = read_answer(&mut kept, std::time::Instant::now()).await;
    assert!(answer.location().ends_with("=1"), "a connection that was there before");
}

#[tokio::test]
async fn pages_of_a_browser_cannot_reload() {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Running::start(&configuration(&tracker));
    let operator = || Visitor::new(edge.admin).method("POST").host("localhost");
    for (refused, status) in [
        (operator().header("Origin", "https://evil.example"), 403),
        (operator().header("Sec-Fetch-Site", "cross-site"), 403),
        (operator().host("evil.example"), 403),
        (operator().method("GET"), 405),
        (operator().host(&edge.admin.to_string()), 200),
        (operator().host("[::1]:9180"), 200),
    ] {
        assert_eq!(refused.get("/reload").await.status, status);
    }
    // Visitors have no such place.
    assert_eq!(edge.visitor().method("POST").get("/reload").await.status, 405);
}

#[tokio::test]
async fn many_reloads_under_load_lose_no_hit() {
    const RELOADS: usize = 60;
    let tracker = ClickApi::always(click("1")).await;
    // A connection is kept for as many hits as there are.
    let before = configuration(&tracker) + "\n[limits]\nrequests_per_connection = 1000000\n";
    let edge = Running::start(&before);
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut visitors = tokio::task::JoinSet::new();
    for number in 0..4 {
        let (visitor, stop) = (
            edge.visitor().from(&format!("192.0.2.{number}")),
            std::sync::Arc::clone(&stop),
        );
        visitors.spawn(async move {
            let mut hits = 0;
            let mut stream = visitor.connect().await;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                // Every tenth on a connection of its own.
                let answer = if hits % 10 == 0 {
                    visitor.get("/go").await
                } else {
                    visitor.get_on(&mut stream, "/go").await
                };
                assert!(answer.location().ends_with("?click_id=1"), "{}", answer.location());
                hits += 1;
            }
            hits
        });
    }
    let mut files_at_first = 0;
    for number in 0..RELOADS {
        if number == 10 {
            files_at_first = edge.program.open_files();
        }
        let broken = number % 10 == 9;
        let link = if broken { "nothing" } else { "{click_id}" };
        edge.write(&before.replace("/?click_id={click_id}", &format!("/{number}?click_id={link}")));
        let status = edge.reload().await.0;
        assert_eq!(status, if broken { 422 } else { 200 });
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    let hits: usize = visitors.join_all().await.into_iter().sum();
    assert!(hits > RELOADS, "{hits}");
    let files = edge.program.open_files();
    assert!(files < files_at_first + 20, "{files_at_first}, then {files}");
}
