//! The edge while it serves: its parts, and how they are exchanged for those of a changed configuration, all of them or none.

use std::{sync::Arc, time::Instant};

use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};

use super::{
    Front,
    reload::OnDisk,
    serving::{Bound, Doors, Kind, Serving},
    show_links, tell, teller,
};
use crate::{
    admin::{Admin, Ask},
    certificates,
    click::{Tracker, client::keep_warm},
    config::{self, Config, Remark},
    databases::{self, Database},
    door::Door,
    edge::Current,
    listener::{self, Owner, descriptors},
    observe::{Observe, click_log},
    server::{Crowd, Limits, Server},
    tls::{Acceptor, Store},
};

/// What the edge begins with.
pub(super) struct Start {
    pub(super) edge: Arc<Current>,
    pub(super) observe: Observe,
    pub(super) click_log: Option<click_log::Settings>,
    pub(super) front: Front,
    pub(super) databases: Vec<Database>,
    pub(super) limits: Limits,
    pub(super) asking: mpsc::Sender<Ask>,
}

/// An edge that serves.
pub(super) struct Running {
    start: Start,
    serving: Serving,
    acceptor: Option<Arc<Acceptor>>,
    /// Who is in, whatever the configuration has become since.
    crowd: Arc<Crowd>,
    draining: watch::Sender<bool>,
    /// Tasks beside the hits. Dropped, it ends them.
    beside: JoinSet<()>,
    admin: Option<AbortHandle>,
    databases: AbortHandle,
    certificates: Option<AbortHandle>,
}

/// Why a configuration is not taken up.
pub(super) struct Refusal {
    /// In words for the operator.
    pub(super) text: String,
    /// Its mistakes, if that is why.
    remarks: Vec<Remark>,
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self {
            text,
            remarks: Vec::new(),
        }
    }
}

impl Running {
    pub(super) fn start(mut start: Start, bound: Vec<Bound>, admin: Option<TcpListener>) -> Self {
        let draining = watch::Sender::new(false);
        let mut beside = JoinSet::new();
        let found = std::mem::take(&mut start.databases);
        let databases = watch_databases(&mut beside, &start, found);
        let store = start.front.certificates.clone();
        let (acceptor, certificates) = store.map(|store| accept(&mut beside, &start, store)).unzip();
        let limits = &start.limits;
        let crowd = Arc::new(Crowd::new(limits, descriptors::make_room(limits.connections)));
        let doors = doors(&start, &crowd, &draining, acceptor.clone());
        let mut running = Self {
            serving: Serving::new(doors),
            start,
            acceptor,
            crowd,
            draining,
            beside,
            admin: None,
            databases,
            certificates,
        };
        running.keep_warm(&[]);
        for bound in bound {
            running.serving.start(bound);
        }
        running.admin = admin.map(|socket| running.serve_admin(socket));
        running
    }

    /// Takes up the configuration as it is on disk now. What is wrong with it is told in words for the operator, and then nothing
    /// has changed.
    ///
    /// Dropped at an await, it has changed nothing.
    pub(super) async fn reload(&mut self, on_disk: Option<&mut OnDisk>) -> Result<(), Refusal> {
        let Some(on_disk) = on_disk else {
            return Err("there is no configuration on disk to take up".to_owned().into());
        };
        let began = Instant::now();
        on_disk.reading();
        let path = on_disk.path().to_owned();
        let (known, links) = {
            let edge = self.start.edge.load();
            (edge.trackers.to_vec(), Arc::clone(&edge.links))
        };
        let metrics = Arc::clone(&self.start.observe.metrics);
        let again = known.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let mut read = config::read_again(&path, &teller(&metrics), false, &again);
            if let Some(config) = &mut read.config {
                config.count_on(&links);
            }
            read
        });
        let read = reading
            .await
            .map_err(|_| "the configuration could not be read".to_owned())?;
        on_disk.was_read(read.watched);
        let Some(config) = read.config else {
            return Err(Refusal {
                text: read.text,
                remarks: read.remarks,
            });
        };
        let (plain, secure) = (config.http.clone(), config.https.clone());
        let mut bound = Vec::new();
        let mut ours = self.serving.ports();
        let mut own = |wanted| Ok((listener::bind_beside(wanted, &mut ours)?, Owner::Us));
        for (kind, wanted) in [(Kind::Plain, &plain), (Kind::Secure, &secure)] {
            for address in wanted {
                if !self.serving.has(kind, *address) {
                    bound.push(Bound::new(kind, *address, &mut own).map_err(|why| why.to_string())?);
                }
            }
        }
        let bind = |address| listener::bind(address).map_err(|why| format!("cannot listen on {address}: {why}"));
        let new_admin = config.admin.filter(|_| config.admin != self.start.front.admin);
        let admin = new_admin.map(bind).transpose()?;

        // From here nothing fails, and nothing is waited for.
        let (links, trackers) = (config.links.len(), config.trackers.len());
        self.take_up(config, admin);
        self.keep_warm(&known);
        for bound in bound {
            self.serving.start(bound);
        }
        self.serving.keep(|kind, address| match kind {
            Kind::Plain => plain.contains(&address),
            Kind::Secure => secure.contains(&address),
        });
        tracing::info!(
            links,
            trackers,
            ms = began.elapsed().as_millis(),
            "the configuration has changed and is in use"
        );
        tell(&read.remarks);
        on_disk.taken_up();
        Ok(())
    }

    fn take_up(&mut self, mut config: Config, admin: Option<TcpListener>) {
        if config.click_log != self.start.click_log {
            tracing::warn!("[click_log] has changed: hits are written as before until a restart");
        }
        if config.admin != self.start.front.admin {
            if let Some(before) = self.admin.take() {
                before.abort();
            }
            self.admin = admin.map(|socket| self.serve_admin(socket));
        }
        self.start.front.admin = config.admin;
        self.start.front.proxy_protocol = config.proxy_protocol;
        self.start.limits = config.limits;
        let files = descriptors::make_room(config.limits.connections);
        self.crowd.have(&config.limits, files);
        self.take_up_certificates(&mut config);
        let doors = doors(&self.start, &self.crowd, &self.draining, self.acceptor.clone());
        self.databases.abort();
        let found = std::mem::take(&mut config.databases);
        let before = Arc::clone(&self.start.edge.load());
        let per_link = config.per_link;
        let edge = config.into_edge_after(&before);
        show_links(&self.start.observe.metrics, &edge, per_link);
        self.start.edge.exchange(edge);
        self.databases = watch_databases(&mut self.beside, &self.start, found);
        self.serving.point_at(doors);
        // Freed aside: a million links take a while, and on one core this thread serves the hits too.
        tokio::task::spawn_blocking(move || drop(before));
    }

    /// Certificates of the same folder are taken up as they are when they change on disk, so that what has not changed keeps its
    /// sessions.
    fn take_up_certificates(&mut self, config: &mut Config) {
        let Some(read) = config.certificates.take() else {
            (self.start.front.certificates, self.acceptor) = (None, None);
            if let Some(watching) = self.certificates.take() {
                watching.abort();
            }
            return;
        };
        let read = Store::new(read);
        if let Some(store) = &self.start.front.certificates
            && store.folder() == read.folder()
        {
            certificates::look(store, &self.start.observe.metrics);
            let acceptor = Acceptor::new(Arc::clone(store)).within(self.start.limits.handshake);
            self.acceptor = Some(Arc::new(acceptor));
            return;
        }
        if let Some(watching) = self.certificates.take() {
            watching.abort();
        }
        let store = Arc::new(read);
        self.start.front.certificates = Some(Arc::clone(&store));
        let (acceptor, watching) = accept(&mut self.beside, &self.start, store);
        (self.acceptor, self.certificates) = (Some(acceptor), Some(watching));
    }

    /// Tells what came of a reload.
    pub(super) fn tell(&self, came_of_it: &Result<(), Refusal>) {
        self.start.observe.metrics.reload(came_of_it.is_ok());
        let Err(Refusal { text, remarks }) = came_of_it else {
            return;
        };
        // Mistakes have lines of their own.
        let (why, mistakes) = match remarks.iter().filter(|remark| remark.is_mistake).count() {
            0 => (Some(&**text), None),
            count => (None, Some(count)),
        };
        tracing::error!(
            why,
            mistakes,
            "the configuration cannot be taken up, and the one in use stays"
        );
        tell(remarks);
    }

    /// Takes no new visitors, answers those that are there, and ends.
    pub(super) async fn drain(self) {
        self.draining.send_replace(true);
        self.serving.drain(self.start.limits.drain).await;
        drop(self.beside);
    }

    /// Keeps connections ready to trackers that are not among those before.
    fn keep_warm(&mut self, before: &[Arc<Tracker>]) {
        for tracker in self.start.edge.load().trackers.iter() {
            if !before.iter().any(|known| Arc::ptr_eq(known, tracker)) {
                self.beside.spawn(keep_warm(Arc::downgrade(&tracker.client)));
            }
        }
    }

    fn serve_admin(&mut self, socket: TcpListener) -> AbortHandle {
        if let Ok(address) = socket.local_addr() {
            tracing::info!("health and metrics on http://{address}");
        }
        let admin = Arc::new(Admin {
            metrics: Arc::clone(&self.start.observe.metrics),
            draining: self.draining.subscribe(),
            reload: self.start.asking.clone(),
        });
        self.beside.spawn(async move {
            let forever = std::future::pending();
            // It ends with the program; what it cannot accept it has told.
            let _ = listener::run(socket, Owner::Us, forever, |stream, _| {
                tokio::spawn(Arc::clone(&admin).serve(stream));
            })
            .await;
        })
    }
}

fn watch_databases(beside: &mut JoinSet<()>, start: &Start, found: Vec<Database>) -> AbortHandle {
    let (edge, metrics) = (Arc::clone(&start.edge), Arc::clone(&start.observe.metrics));
    beside.spawn(databases::watch(found, edge, metrics))
}

/// Handshakes with the certificates of a store, which is watched.
fn accept(beside: &mut JoinSet<()>, start: &Start, store: Arc<Store>) -> (Arc<Acceptor>, AbortHandle) {
    let watching = beside.spawn(certificates::watch(
        Arc::clone(&store),
        Arc::clone(&start.observe.metrics),
    ));
    let acceptor = Acceptor::new(store).within(start.limits.handshake);
    (Arc::new(acceptor), watching)
}

fn doors(start: &Start, crowd: &Arc<Crowd>, draining: &watch::Sender<bool>, acceptor: Option<Arc<Acceptor>>) -> Doors {
    let server = Arc::new(Server {
        edge: Arc::clone(&start.edge),
        observe: start.observe.clone(),
        limits: start.limits,
        crowd: Arc::clone(crowd),
        draining: draining.subscribe(),
    });
    let door = |acceptor| Door {
        first_byte: server.limits.first_byte,
        server: Arc::clone(&server),
        proxy_protocol: start.front.proxy_protocol,
        acceptor,
    };
    Doors {
        plain: door(None),
        secure: acceptor.map(|acceptor| door(Some(acceptor))),
    }
}
