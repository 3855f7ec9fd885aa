//! The wiring: builds every part out of a configuration, binds before anything runs, and drains at the end.

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    admin::Admin,
    certificates,
    click::{client::keep_warm, tracker::OnEvent},
    config::Config,
    databases::{self, Database},
    door::Door,
    edge::Current,
    listener,
    observe::{
        Metrics, Observe,
        calls::CallTeller,
        click_log::{self, Format, Writer},
    },
    server::{Limits, Server},
    tls::{Acceptor, Store},
};

/// What is left to do after draining takes milliseconds, unless it never ends.
const END_LIMIT: Duration = Duration::from_secs(2);

/// Why the edge does not run.
#[derive(Debug)]
pub enum Failure {
    /// An address cannot be listened on.
    Bind(SocketAddr, io::Error),
    /// The click log cannot be opened.
    ClickLog(PathBuf, io::Error),
    /// The system refuses something that every program needs.
    Runtime(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(address, error) => {
                write!(out, "cannot listen on {address}: {error}")?;
                match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        write!(out, "; ports below 1024 need the capability CAP_NET_BIND_SERVICE")
                    }
                    io::ErrorKind::AddrInUse => {
                        write!(out, "; another program listens there, or another onehop")
                    }
                    io::ErrorKind::AddrNotAvailable => {
                        write!(out, "; it is no address of this machine")
                    }
                    _ => Ok(()),
                }
            }
            Self::ClickLog(path, error) => write!(
                out,
                "cannot open the click log {}: {error}; check that its folder exists and may be written",
                path.display()
            ),
            Self::Runtime(error) => write!(out, "cannot start: {error}"),
        }
    }
}

/// An edge that listens and does not serve yet.
pub struct App {
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    certificates: Option<Arc<Store>>,
    proxy_protocol: bool,
    admin: Option<TcpListener>,
    edge: Arc<Current>,
    databases: Vec<Database>,
    observe: Observe,
    writer: Option<Writer>,
    drain: Duration,
}

/// Who is told of what happens with a tracker of a name: the metrics, and the diagnostics.
pub fn teller(metrics: &Arc<Metrics>) -> impl Fn(&str) -> OnEvent {
    let metrics = Arc::clone(metrics);
    move |name| {
        let calls = metrics.tracker(name);
        let teller = CallTeller::new(name);
        Box::new(move |event| {
            calls.count(event);
            teller.tell(event, Instant::now);
        })
    }
}

/// Ends when the system or the operator wants the program to stop. Later signals of the kind are taken as said already.
pub fn told_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let of = |kind| signal(kind).map_err(Failure::Runtime);
    let (mut terminate, mut interrupt, mut hang_up) = (
        of(SignalKind::terminate())?,
        of(SignalKind::interrupt())?,
        of(SignalKind::hangup())?,
    );
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hang_up.recv() => {
                    tracing::warn!("SIGHUP changes nothing: restart to take up a changed configuration");
                }
            }
        }
    })
}

impl App {
    /// Binds every address of a configuration, and opens its click log.
    pub fn bind(mut config: Config, metrics: Arc<Metrics>) -> Result<Self, Failure> {
        let bind = |address| listener::bind(address).map_err(|error| Failure::Bind(address, error));
        let bind_all = |addresses: &[SocketAddr]| addresses.iter().copied().map(bind).collect::<Result<_, _>>();
        let http = bind_all(&config.http)?;
        let https = bind_all(&config.https)?;
        let admin = config.admin.map(bind).transpose()?;
        let click_log = config.click_log.take();
        let app = Self {
            http,
            https,
            certificates: config
                .certificates
                .take()
                .map(|certificates| Arc::new(Store::new(certificates))),
            proxy_protocol: config.proxy_protocol,
            admin,
            drain: config.drain,
            databases: std::mem::take(&mut config.databases),
            edge: Arc::new(Current::new(config.into_edge())),
            observe: Observe { metrics, log: None },
            writer: None,
        };
        match click_log {
            Some(path) => {
                let file = click_log::open(&path).map_err(|error| Failure::ClickLog(path, error))?;
                app.logging_to(file, Format::Json)
            }
            None => Ok(app),
        }
    }

    /// Writes hits down.
    pub fn logging_to(mut self, out: impl Write + Send + 'static, format: Format) -> Result<Self, Failure> {
        let edge = Arc::clone(&self.edge);
        let lookups = move || Arc::clone(&edge.load().lookups);
        let (log, writer) =
            click_log::start(out, format, Arc::clone(&self.observe.metrics), lookups).map_err(Failure::Runtime)?;
        (self.observe.log, self.writer) = (Some(log), Some(writer));
        Ok(self)
    }

    /// The addresses at which visitors are served without TLS.
    pub fn http_addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.http)
    }

    /// The addresses at which visitors are served with it.
    pub fn https_addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.https)
    }

    /// The address of the admin listener.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_addr().ok()
    }

    /// Serves until `stop` ends; then drains: not ready any more, no new connections, hits in flight end.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), Failure> {
        for address in self.http_addresses() {
            tracing::info!("listening on http://{address}");
        }
        for address in self.https_addresses() {
            tracing::info!("listening on https://{address}");
        }
        if let Some(address) = self.admin_address() {
            tracing::info!("health and metrics on http://{address}");
        }
        let (drain, draining) = watch::channel(false);
        let admin = self.admin.map(|listener| {
            let metrics = Arc::clone(&self.observe.metrics);
            let draining = draining.clone();
            tokio::spawn(serve_admin(listener, Arc::new(Admin { metrics, draining })))
        });
        // Dropped at the end of this, it ends them.
        let mut beside = JoinSet::new();
        beside.spawn(databases::watch(
            self.databases,
            Arc::clone(&self.edge),
            Arc::clone(&self.observe.metrics),
        ));
        for tracker in self.edge.load().trackers.iter() {
            beside.spawn(keep_warm(Arc::downgrade(&tracker.client)));
        }
        let acceptor = self.certificates.map(|store| {
            beside.spawn(certificates::watch(
                Arc::clone(&store),
                Arc::clone(&self.observe.metrics),
            ));
            let acceptor = Acceptor::new(store);
            acceptor.warm_up();
            Arc::new(acceptor)
        });
        let server = Arc::new(Server {
            edge: self.edge,
            observe: self.observe,
            limits: Limits::default(),
            draining: draining.clone(),
        });
        let door = |acceptor| {
            Arc::new(Door {
                first_byte: server.limits.first_byte,
                server: Arc::clone(&server),
                proxy_protocol: self.proxy_protocol,
                acceptor,
            })
        };
        let (plain, secure) = (door(None), door(acceptor));
        // Each connection holds a sender: when all are gone, so are the connections.
        let (open, mut all_closed) = mpsc::channel::<()>(1);
        let (cut, is_cut) = watch::channel(false);
        let mut listeners = JoinSet::new();
        let plain = self.http.into_iter().map(|listener| (listener, Arc::clone(&plain)));
        let secure = self.https.into_iter().map(|listener| (listener, Arc::clone(&secure)));
        for (listener, door) in plain.chain(secure) {
            let (open, is_cut) = (open.clone(), is_cut.clone());
            let mut draining = draining.clone();
            listeners.spawn(async move {
                let stop = async {
                    // A sender that is gone wants nothing any more.
                    let _ = draining.wait_for(|draining| *draining).await;
                };
                listener::run(listener, stop, |stream, peer| {
                    let (door, open, mut is_cut) = (Arc::clone(&door), open.clone(), is_cut.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            () = door.take(stream, peer) => {}
                            _ = is_cut.wait_for(|cut| *cut) => {}
                        }
                        drop(open);
                    });
                })
                .await
            });
        }
        drop(open);
        stop.await;

        tracing::info!("draining: no new connections, hits in flight end");
        drain.send_replace(true);
        let drained = async {
            let all_closed = &mut all_closed;
            while let Some(ended) = listeners.join_next().await {
                if let Ok(Err(error)) = ended {
                    tracing::warn!(%error, "a listener ended with connections waiting");
                }
            }
            all_closed.recv().await;
        };
        if timeout(self.drain, drained).await.is_err() {
            tracing::warn!("connections were still open at the end of limits.drain, and are cut");
            // Their hits are told of as they end, and that takes no waiting.
            cut.send_replace(true);
            let _ = timeout(END_LIMIT, all_closed.recv()).await;
        }
        drop(beside);
        if let Some(admin) = admin {
            admin.abort();
        }
        if let Some(writer) = self.writer {
            let written = tokio::task::spawn_blocking(|| writer.close());
            if timeout(END_LIMIT, written).await.is_err() {
                tracing::warn!("the click log could not be written to its end: its disk or reader is blocked");
            }
        }
        tracing::info!("stopped");
        Ok(())
    }
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    let address = |listener: &TcpListener| listener.local_addr().ok();
    listeners.iter().filter_map(address).collect()
}

async fn serve_admin(listener: TcpListener, admin: Arc<Admin>) {
    let forever = std::future::pending();
    // It ends with the program; what it cannot accept it has told.
    let _ = listener::run(listener, forever, |stream, _| {
        tokio::spawn(Arc::clone(&admin).serve(stream));
    })
    .await;
}
