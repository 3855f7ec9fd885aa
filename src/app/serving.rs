//! The listeners while the edge serves: opened and closed one by one, and pointed at what serves all at once.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use super::{END_LIMIT, Failure, open::Connections};
use crate::{
    door::Door,
    listener::{self, Owner},
};

/// What is spoken at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// HTTP.
    Plain,
    /// HTTP through TLS.
    Secure,
}

/// How an address is listened on.
pub(super) type Open<'a> = &'a mut dyn FnMut(SocketAddr) -> io::Result<(TcpListener, Owner)>;

/// A socket that is listened on and not accepted from.
pub(super) struct Bound {
    pub(super) kind: Kind,
    /// The address as the configuration names it.
    pub(super) wanted: SocketAddr,
    pub(super) socket: TcpListener,
    owner: Owner,
}

impl Bound {
    pub(super) fn new(kind: Kind, wanted: SocketAddr, open: Open<'_>) -> Result<Self, Failure> {
        let (socket, owner) = open(wanted).map_err(|error| Failure::Bind(wanted, error))?;
        Ok(Self {
            kind,
            wanted,
            socket,
            owner,
        })
    }
}

/// What takes connections, by kind.
pub(super) struct Doors {
    pub(super) plain: Door,
    /// None without certificates.
    pub(super) secure: Option<Door>,
}

/// The listeners that are accepted from.
pub(super) struct Serving {
    doors: Arc<ArcSwap<Doors>>,
    running: Vec<Running>,
    tasks: JoinSet<io::Result<()>>,
    /// Each connection holds a copy: when all are gone, so are the connections.
    open: mpsc::Sender<()>,
    all_closed: mpsc::Receiver<()>,
    connections: Connections,
}

struct Running {
    kind: Kind,
    /// The address as the configuration names it.
    wanted: SocketAddr,
    /// The same with the port that the system gave.
    address: SocketAddr,
    stop: watch::Sender<bool>,
}

impl Serving {
    /// Without a listener yet.
    pub(super) fn new(doors: Doors) -> Self {
        let (open, all_closed) = mpsc::channel(1);
        Self {
            doors: Arc::new(ArcSwap::from_pointee(doors)),
            running: Vec::new(),
            tasks: JoinSet::new(),
            open,
            all_closed,
            connections: Connections::default(),
        }
    }

    /// Accepts connections from a socket.
    pub(super) fn start(&mut self, bound: Bound) {
        let Bound {
            kind,
            wanted,
            socket,
            owner,
        } = bound;
        let scheme = match kind {
            Kind::Plain => "http",
            Kind::Secure => "https",
        };
        let address = socket.local_addr().unwrap_or(wanted);
        tracing::info!("listening on {scheme}://{address}");
        let stop = watch::Sender::new(false);
        let (doors, open, connections) = (Arc::clone(&self.doors), self.open.clone(), self.connections.clone());
        let mut stopped = stop.subscribe();
        self.tasks.spawn(async move {
            let stop = async {
                // A sender that is gone wants nothing any more.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            listener::run(socket, owner, stop, |stream, peer| {
                let doors = doors.load_full();
                let peer = peer.ip();
                let Some(mut place) = doors.plain.server.admit(&stream, peer) else {
                    return;
                };
                let open = open.clone();
                connections.spawn(|connection| async move {
                    let door = match kind {
                        Kind::Plain => Some(&doors.plain),
                        Kind::Secure => doors.secure.as_ref(),
                    };
                    // Its listener is about to close.
                    let Some(door) = door else { return };
                    door.take(stream, peer, &mut place).await;
                    drop((place, open, connection));
                });
            })
            .await
        });
        self.running.push(Running {
            kind,
            wanted,
            address,
            stop,
        });
    }

    /// Whether an address is accepted from.
    pub(super) fn has(&self, kind: Kind, wanted: SocketAddr) -> bool {
        self.running.iter().any(|one| one.kind == kind && one.wanted == wanted)
    }

    /// The ports at which visitors are served.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.running.iter().map(|one| one.wanted.port()).collect()
    }

    /// Has connections that come from now on taken by these.
    pub(super) fn point_at(&self, doors: Doors) {
        self.doors.store(Arc::new(doors));
    }

    /// Closes the listeners that are not kept. Their connections go on.
    pub(super) fn keep(&mut self, is_kept: impl Fn(Kind, SocketAddr) -> bool) {
        self.running.retain(|one| {
            let is_kept = is_kept(one.kind, one.wanted);
            if !is_kept {
                tracing::info!("no longer listening on {}", one.address);
                one.stop.send_replace(true);
            }
            is_kept
        });
    }

    /// Takes no new connections, and waits for those that are open; those that are open at the end are cut.
    ///
    /// Dropped at an await, it leaves the connections to the runtime's end.
    pub(super) async fn drain(mut self, limit: Duration) {
        self.keep(|_, _| false);
        let Self {
            mut tasks,
            open,
            mut all_closed,
            connections,
            ..
        } = self;
        drop(open);
        let drained = async {
            let all_closed = &mut all_closed;
            while let Some(ended) = tasks.join_next().await {
                if let Ok(Err(error)) = ended {
                    tracing::warn!(%error, "a listener ended with connections waiting");
                }
            }
            all_closed.recv().await;
        };
        if timeout(limit, drained).await.is_err() {
            tracing::warn!("connections were still open at the end of limits.drain, and are cut");
            // Their hits are told of as they end, and that takes no waiting.
            connections.cut();
            let _ = timeout(END_LIMIT, all_closed.recv()).await;
        }
    }
}
