//! The edge, in this process, on ports of its own.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use onehop::{
    app::{self, App},
    config,
    observe::Metrics,
};
use tokio::{sync::oneshot, task::JoinHandle};

use super::Visitor;

/// A running edge; it ends with the test's runtime, or by [`Edge::stop`].
pub(crate) struct Edge {
    /// Where visitors are served.
    pub address: SocketAddr,
    /// Where they are served through TLS, if they are.
    pub https: Option<SocketAddr>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Edge {
    /// Starts an edge with a TOML configuration, which must be free of mistakes.
    pub(crate) fn start(configuration: &str) -> Self {
        Self::start_in(Path::new("."), configuration)
    }

    /// The same, with relative paths relative to a folder.
    pub(crate) fn start_in(folder: &Path, configuration: &str) -> Self {
        let metrics = Arc::new(Metrics::default());
        let read = config::read_text(&folder.join("test.toml"), configuration, &[], &app::teller(&metrics));
        let config = read.config.unwrap_or_else(|| panic!("{}", read.text));
        let edge = App::bind(config, Arc::clone(&metrics)).expect("a port and a click log");
        let https = edge.https_addresses().first().copied();
        let address = edge.http_addresses().first().copied().or(https).expect("an address");
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            let stop = async {
                // A test that drops the edge lets it run to its own end.
                if stopped.await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            edge.run(stop).await.expect("a run");
        });
        Self {
            address,
            https,
            metrics,
            stop,
            running,
        }
    }

    /// Drains it, to its end.
    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("it runs");
        tokio::time::timeout(Duration::from_secs(40), self.running)
            .await
            .expect("it drains")
            .expect("it does not panic");
    }

    /// A visitor with a browser, from 192.0.2.1.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(self.address)
    }

    /// How many hits ended so.
    pub(crate) fn hits(&self, outcome: &str, reason: &str) -> u64 {
        let line = format!(r#"onehop_hits_total{{outcome="{outcome}",reason="{reason}"}} "#);
        self.metric(&line)
    }

    /// The value of a metric, written with its labels and a space; 0 when it is not there.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.metrics
            .prometheus()
            .lines()
            .find_map(|found| found.strip_prefix(name))
            .map_or(0, |value| value.parse().expect("a count"))
    }
}

/// What serves connections, without a listener; and what makes it drain.
pub(crate) fn server(configuration: &str) -> (Arc<onehop::server::Server>, tokio::sync::watch::Sender<bool>) {
    let metrics = Arc::new(Metrics::default());
    let read = config::read_text(Path::new("test.toml"), configuration, &[], &app::teller(&metrics));
    let config = read.config.unwrap_or_else(|| panic!("{}", read.text));
    let (drain, draining) = tokio::sync::watch::channel(false);
    let limits = config.limits;
    let server = onehop::server::Server {
        edge: Arc::new(onehop::edge::Current::new(config.into_edge())),
        observe: onehop::observe::Observe { metrics, log: None },
        limits,
        crowd: Arc::new(onehop::server::Crowd::new(&limits, u32::MAX)),
        draining,
    };
    (Arc::new(server), drain)
}
