//! `onehop demo`: an edge and a sandbox tracker on this machine, with links to try.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use tokio::sync::oneshot;

use super::on_runtime;
use crate::{
    app::{self, App, Failure},
    args, config, listener,
    observe::{Metrics, click_log::Format, diagnostics},
    sandbox, tls,
};

/// The demonstration's configuration. `{sandbox}`, `{http}` and `{admin}` are filled in when it starts.
const CONFIGURATION: &str = include_str!("demo.toml");

/// The database of the configuration, so that the demonstration needs no file.
const DATABASES: &[config::BuiltIn] = &[("sandbox.mmdb", include_bytes!("../../geoip/sandbox.mmdb"))];

/// Where visitors are served, if the port is free and nothing else is asked for.
const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const HTTPS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9180);

/// A browser, as far as the demonstration needs one; curl's own User-Agent is a declared bot's.
const BROWSER: &str = "-A 'Mozilla/5.0' ";
const PHONE: &str = "-A 'Mozilla/5.0 (Android) Mobile' ";
const FRENCH_PHONE: &str = "-A 'Mozilla/5.0 (Android) Mobile' -H 'X-Forwarded-For: 203.0.113.200' ";

/// What can be tried: what it shows, the link, and curl's options.
const TRIES: [(&str, &str, &str); 12] = [
    (
        "A click: 302 to the advertiser, with the click id that the tracker has just made (twice: the same one)",
        "/shoes?utm_source=demo",
        BROWSER,
    ),
    (
        "The offer is off: 302 to the trafficback URL, why=offer_inactive",
        "/inactive",
        BROWSER,
    ),
    ("The campaign is off: why=campaign_inactive", "/paused", BROWSER),
    ("The offer is for phones only: why=targeting", "/phones", BROWSER),
    ("… and from a phone: a click", "/phones?", PHONE),
    (
        "The offer takes three clicks: ask as a fourth visitor (see below), and it is why=overcap",
        "/capped",
        BROWSER,
    ),
    (
        "The tracker fails: 302 to the ordinary tracking link instead",
        "/broken",
        BROWSER,
    ),
    (
        "Two offers: the first is off, so that the second gets the click",
        "/either",
        BROWSER,
    ),
    (
        "Rules: Germany, Austria and Switzerland get one offer (this machine counts as German), phones another",
        "/world",
        BROWSER,
    ),
    (
        "… and from France, by phone (an address that the demonstration's database has there)",
        "/world?",
        FRENCH_PHONE,
    ),
    (
        "Two offers share their visitors 70 to 30; a visitor always goes to the same",
        "/split",
        BROWSER,
    ),
    (
        "A declared bot, as curl is one: 302 to the preview URL, and no click is made",
        "/shoes",
        "",
    ),
];

/// Runs the demonstration until it is told to stop.
pub fn run(args: &args::Demo) -> ExitCode {
    let _diagnostics = diagnostics::start(None);
    let wanted = Wanted {
        listen: args.listen,
        https: args.https,
    };
    on_runtime(async move {
        let stop = app::told_to_stop()?;
        let tracker = bind_free(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))?;
        let url = format!("http://{}{}", address(&tracker)?, sandbox::PATH);
        let (end_sandbox, sandbox_ends) = oneshot::channel::<()>();
        let sandbox = tokio::spawn(sandbox::serve(tracker, sandbox::Options::default(), async {
            // A sender that is gone ends it too.
            let _ = sandbox_ends.await;
        }));

        let metrics = Arc::new(Metrics::default());
        let app = bind(&url, wanted, &metrics)?.logging_to(io::stdout(), Format::Text)?;
        let mut out = io::stdout();
        // Whoever closed it does not want to read it.
        let _ = out.write_all(guide(&app).as_bytes()).and_then(|()| out.flush());
        app.run(stop).await?;
        drop(end_sandbox);
        let _ = sandbox.await;
        Ok::<_, Failure>(())
    })
}

/// Where visitors are to be served, and how.
#[derive(Clone, Copy)]
struct Wanted {
    listen: Option<SocketAddr>,
    https: bool,
}

fn guide(app: &App) -> String {
    let mut out = String::from(
        "onehop demo: an edge and a stand-in tracker, on this machine alone. Ctrl-C ends it.\nTry these in a second terminal:\n\n",
    );
    let plain = app.http_addresses().into_iter().map(|at| (format!("http://{at}"), ""));
    // Nobody has signed the demonstration's certificate.
    let secure = app
        .https_addresses()
        .into_iter()
        .map(|at| (format!("https://{at}"), "-k "));
    for (site, insecure) in plain.chain(secure) {
        for (what, link, options) in TRIES {
            // Writing to a string does not fail.
            let _ = writeln!(out, "{what}\n  curl -si {insecure}{options}'{site}{link}'");
        }
        let _ = writeln!(
            out,
            "\nBe another visitor: add -H 'X-Forwarded-For: 203.0.113.7' (this demo trusts its own machine as a proxy)"
        );
    }
    if let Some(admin) = app.admin_address() {
        let _ = writeln!(out, "Metrics: curl -s http://{admin}/metrics");
    }
    out.push_str("Each hit is a line below.\n\n");
    out
}

/// The edge at the wanted address, or at the usual ones as far as nobody has them, else at free ports.
fn bind(tracker: &str, wanted: Wanted, metrics: &Arc<Metrics>) -> Result<App, Failure> {
    let any_port = |address: SocketAddr| SocketAddr::new(address.ip(), 0);
    let usual = if wanted.https { HTTPS } else { HTTP };
    let at = wanted.listen.unwrap_or(usual);
    let free = wanted.listen.unwrap_or(any_port(usual));
    let bind_at = |at, admin| bind_at(tracker, at, wanted.https, admin, metrics);
    match bind_at(at, ADMIN) {
        Err(Failure::Bind(taken, _)) if taken == ADMIN => match bind_at(at, any_port(ADMIN)) {
            Err(Failure::Bind(..)) => bind_at(free, any_port(ADMIN)),
            bound => bound,
        },
        Err(Failure::Bind(..)) => bind_at(free, any_port(ADMIN)),
        bound => bound,
    }
}

fn bind_at(
    tracker: &str,
    at: SocketAddr,
    https: bool,
    admin: SocketAddr,
    metrics: &Arc<Metrics>,
) -> Result<App, Failure> {
    let text = CONFIGURATION
        .replace("{sandbox}", tracker)
        .replace("{http}", &at.to_string())
        .replace("{admin}", &admin.to_string());
    let read = config::read_text(Path::new("demo.toml"), &text, DATABASES, &app::teller(metrics));
    match read.config {
        Some(mut config) => {
            if https {
                config.https = std::mem::take(&mut config.http);
                config.certificates = Some(tls::development());
            }
            App::bind(config, Arc::clone(metrics))
        }
        None => Err(Failure::Runtime(io::Error::other(read.text))),
    }
}

fn bind_free(wanted: SocketAddr) -> Result<tokio::net::TcpListener, Failure> {
    listener::bind(wanted).map_err(|error| Failure::Bind(wanted, error))
}

fn address(listener: &tokio::net::TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(Failure::Runtime)
}
