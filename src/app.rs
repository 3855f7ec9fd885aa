//! The wiring: builds every part out of a configuration, binds before anything runs, and drains at the end.

mod open;
mod reload;
mod running;
mod serving;
mod supervisor;

use std::{fmt, io, net::SocketAddr, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};

use self::{
    reload::OnDisk,
    running::{Running, Start},
    serving::{Bound, Kind, Open},
};
use crate::{
    click::tracker::OnEvent,
    config::{Config, Remark, Watched},
    databases::Database,
    edge::{Current, Edge},
    listener::{self, Owner, inherited::Inherited},
    observe::{
        Metrics, Observe, calls,
        click_log::{self, ClickLog, Format, Out, Writer},
        log_file::LogFile,
        shape::Shape,
    },
    server::Limits,
    tls::Store,
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
            Self::ClickLog(path, error) => {
                let mend = match error.kind() {
                    io::ErrorKind::NotConnected => "start its reader first",
                    _ => "check that its folder exists and may be written",
                };
                write!(out, "cannot open the click log {}: {error}; {mend}", path.display())
            }
            Self::Runtime(error) => write!(out, "cannot start: {error}"),
        }
    }
}

/// An edge that listens and does not serve yet.
pub struct App {
    bound: Vec<Bound>,
    admin: Option<TcpListener>,
    edge: Arc<Current>,
    observe: Observe,
    writer: Option<Writer>,
    click_log: Option<click_log::Settings>,
    front: Front,
    databases: Vec<Database>,
    limits: Limits,
    on_disk: Option<OnDisk>,
}

/// What a configuration says of connections.
struct Front {
    admin: Option<SocketAddr>,
    proxy_protocol: bool,
    certificates: Option<Arc<Store>>,
}

/// Who is told of what happens with a tracker of a name: the metrics, and the diagnostics.
pub fn teller(metrics: &Arc<Metrics>) -> impl Fn(&str) -> OnEvent {
    let metrics = Arc::clone(metrics);
    move |name| {
        let metrics = metrics.tracker(name);
        let name = name.to_owned();
        Box::new(move |event| {
            metrics.count(event);
            calls::tell(&name, event);
        })
    }
}

/// Tells of what is wrong, or doubtful, with a configuration.
pub fn tell(remarks: &[Remark]) {
    for remark in remarks {
        let Remark {
            is_mistake,
            message,
            place,
            mend,
        } = remark;
        let (file, line, column) = match place {
            Some((file, line, column)) => (Some(&**file), Some(line), Some(column)),
            None => (None, None, None),
        };
        if *is_mistake {
            tracing::error!(file, line, column, mend, "{message}");
        } else {
            tracing::warn!(file, line, column, mend, "{message}");
        }
    }
}

/// Has the metrics show what is counted of each link, where that is wanted.
fn show_links(metrics: &Metrics, edge: &Edge, per_link: bool) {
    metrics.links(per_link.then(|| Arc::clone(&edge.links)));
}

/// Ends when the system or the operator wants the program to stop. Later signals of the kind are taken as said already.
pub fn told_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let of = |kind| signal(kind).map_err(Failure::Runtime);
    let (mut terminate, mut interrupt) = (of(SignalKind::terminate())?, of(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

impl App {
    /// Binds every address of a configuration for this process alone, and opens its click log.
    pub fn bind(config: Config, metrics: Arc<Metrics>) -> Result<Self, Failure> {
        Self::open(config, metrics, &mut |wanted| Ok((listener::bind(wanted)?, Owner::Us)))
    }

    /// The same with sockets that a supervisor has opened, and at other addresses beside an edge that is to end.
    pub fn bind_beside(config: Config, metrics: Arc<Metrics>, mut inherited: Inherited) -> Result<Self, Failure> {
        let mut ours = Vec::new();
        let app = Self::open(config, metrics, &mut |wanted| {
            Ok(match inherited.take(wanted) {
                Some(socket) => (socket?, Owner::Supervisor),
                None => (listener::bind_beside(wanted, &mut ours)?, Owner::Us),
            })
        })?;
        for address in inherited.left() {
            tracing::warn!("the supervisor opened {address}, which the configuration does not name");
        }
        Ok(app)
    }

    fn open(mut config: Config, metrics: Arc<Metrics>, open: Open<'_>) -> Result<Self, Failure> {
        let mut bound = Vec::new();
        for (kind, addresses) in [(Kind::Plain, &config.http), (Kind::Secure, &config.https)] {
            for wanted in addresses {
                bound.push(Bound::new(kind, *wanted, open)?);
            }
        }
        let bind = |wanted| open(wanted).map_err(|error| Failure::Bind(wanted, error));
        let admin = config.admin.map(bind).transpose()?.map(|(socket, _)| socket);
        let certificates = config.certificates.take();
        let per_link = config.per_link;
        let app = Self {
            bound,
            front: Front {
                admin: config.admin,
                proxy_protocol: config.proxy_protocol,
                certificates: certificates.map(|certificates| Arc::new(Store::new(certificates))),
            },
            admin,
            limits: config.limits,
            databases: std::mem::take(&mut config.databases),
            click_log: config.click_log.take(),
            edge: Arc::new(Current::new(config.into_edge())),
            observe: Observe { metrics, log: None },
            writer: None,
            on_disk: None,
        };
        show_links(&app.observe.metrics, &app.edge.load(), per_link);
        match &app.click_log {
            Some(settings) => {
                let shape = Shape::new(settings.ip, settings.dropped);
                let file = LogFile::open(settings.path.clone(), settings.rotation)
                    .map_err(|error| Failure::ClickLog(settings.path.clone(), error))?;
                app.logging_to(file, Format::Json(shape))
            }
            None => Ok(app),
        }
    }

    /// Takes up the configuration again when its files change, or when it is told to. For a call within a runtime.
    #[must_use]
    pub fn reading_again(mut self, path: PathBuf, watched: Watched) -> Self {
        self.on_disk = Some(OnDisk::new(path, watched));
        self
    }

    /// Writes hits down.
    pub fn logging_to(mut self, out: impl Out + Send + 'static, format: Format) -> Result<Self, Failure> {
        let edge = Arc::clone(&self.edge);
        let lookups = move || Arc::clone(&edge.load().lookups);
        let (log, writer) =
            click_log::start(out, format, Arc::clone(&self.observe.metrics), lookups).map_err(Failure::Runtime)?;
        (self.observe.log, self.writer) = (Some(log), Some(writer));
        Ok(self)
    }

    /// The addresses at which visitors are served without TLS.
    pub fn http_addresses(&self) -> Vec<SocketAddr> {
        self.addresses(Kind::Plain)
    }

    /// The addresses at which visitors are served with it.
    pub fn https_addresses(&self) -> Vec<SocketAddr> {
        self.addresses(Kind::Secure)
    }

    fn addresses(&self, kind: Kind) -> Vec<SocketAddr> {
        let of_kind = self.bound.iter().filter(|bound| bound.kind == kind);
        of_kind.filter_map(|bound| bound.socket.local_addr().ok()).collect()
    }

    /// The address of the admin listener.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_addr().ok()
    }

    /// Serves until `stop` ends; then drains: not ready any more, no new connections, hits in flight end.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), Failure> {
        let mut hang_up = signal(SignalKind::hangup()).map_err(Failure::Runtime)?;
        let user_1 = signal(SignalKind::user_defined1()).map_err(Failure::Runtime)?;
        // Dropped at the end, it hears no more; until then it hears while a configuration is read and hits end.
        let mut hearing = JoinSet::new();
        hearing.spawn(reopen_on(user_1, self.observe.log.clone()));
        let (asking, mut asked) = mpsc::channel(1);
        let writer = self.writer;
        let mut edge = Running::start(
            Start {
                edge: self.edge,
                observe: self.observe,
                click_log: self.click_log,
                front: self.front,
                databases: self.databases,
                limits: self.limits,
                asking,
            },
            self.bound,
            self.admin,
        );
        supervisor::ready();
        let mut on_disk = self.on_disk;
        let mut stop = pin!(stop);
        loop {
            let ask = tokio::select! {
                biased;
                () = &mut stop => break,
                _ = hang_up.recv() => None,
                Some(ask) = asked.recv() => Some(ask),
                () = changed(on_disk.as_mut()) => None,
            };
            supervisor::reloading();
            let came_of_it = tokio::select! {
                biased;
                // What is being read is of no use any more.
                () = &mut stop => break,
                came_of_it = edge.reload(on_disk.as_mut()) => came_of_it,
            };
            edge.tell(&came_of_it);
            supervisor::ready();
            if let Some(ask) = ask {
                // Who asked may have gone.
                let _ = ask.send(came_of_it.map_err(|why| why.text));
            }
        }
        // Who asks for a reload from now on is told so at once.
        drop(asked);
        supervisor::stopping();
        tracing::info!("draining: no new connections, hits in flight end");
        edge.drain().await;
        if let Some(writer) = writer {
            let written = tokio::task::spawn_blocking(|| writer.close());
            if timeout(END_LIMIT, written).await.is_err() {
                tracing::warn!("the click log could not be written to its end: its disk or reader is blocked");
            }
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Opens the click log again at each signal. Without a click log nothing comes of it, and not the program's end.
async fn reopen_on(mut told: Signal, log: Option<ClickLog>) {
    while told.recv().await.is_some() {
        if let Some(log) = &log {
            log.reopen();
        }
    }
}

/// Ends when the files of a configuration have changed; never where there are none.
async fn changed(on_disk: Option<&mut OnDisk>) {
    match on_disk {
        Some(on_disk) => on_disk.changed().await,
        None => std::future::pending().await,
    }
}
