//! The edge of `onehop.toml`, with a tracker by script and a visitor's connection by script: no socket.

use std::{
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::Uri;
use onehop::{
    app,
    click::{
        Care, HedgeAfter, SecretKey, Tracker,
        client::{Client, Endpoint, Network, Pending, Roots, Stream},
        tracker,
        wire::Prefix,
    },
    config::{self, Config},
    edge::{Current, Edge},
    observe::{
        Metrics, Observe,
        click_log::{self, Format},
        shape::Shape,
    },
    server::{Crowd, Server},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::{Builder, Runtime},
    sync::watch,
};

use crate::visitors::PEER;

// Those of `onehop.toml`: a tracker that is known by them is taken as it is, with its connections.
const URL: &str = "http://tracker.example/api/click/create";
const KEY: &str = "00000000-0000-0000-0000-000000000000";
const CARE: Care = Care {
    deadline: Duration::from_secs(30),
    hedge_after: HedgeAfter::Auto,
};

/// What the tracker says to everyone.
pub(crate) const ANSWER: &str = r#"{"status":"success","code":200,"data":{"click_id":"3f2b8c1e-7d64-4a95-b0e2-91c7d5a6f048","exists":false,"params":{"click_id":"3f2b8c1e-7d64-4a95-b0e2-91c7d5a6f048","sub_id":"zone-17","payout":"1.25"},"session_id":"9d0e1f2a3b4c5d6e7f80"}}"#;

/// One thread, so that all is counted.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// The key of its tracker.
pub(crate) fn key() -> SecretKey {
    SecretKey::new(KEY).expect("a key")
}

fn config(metrics: &Arc<Metrics>) -> Config {
    let teller = app::teller(metrics);
    let endpoint = Endpoint::new(&Uri::from_static(URL), &Roots::default()).expect("a tracker's URL");
    let scripted = Tracker::new(
        "scripted".into(),
        0,
        tracker::print(URL, &key(), &[], CARE),
        Arc::new(Client::new(endpoint, Arc::new(Script))),
        Prefix::new("/api/click/create", &key()),
        CARE,
        teller("scripted"),
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/stages/onehop.toml");
    let read = config::read_again(&file, &teller, false, &[Arc::new(scripted)]);
    read.config.unwrap_or_else(|| panic!("{}", read.text))
}

/// What hits are served from. To be called within the runtime.
pub(crate) fn edge() -> Edge {
    config(&Arc::default()).into_edge()
}

/// The server of a connection. Its click log goes nowhere.
fn server() -> Arc<Server> {
    let metrics = Arc::new(Metrics::default());
    let config = config(&metrics);
    let limits = config.limits;
    let edge = Arc::new(Current::new(config.into_edge()));
    let of_log = Arc::clone(&edge);
    let lookups = move || Arc::clone(&of_log.load().lookups);
    let (log, writer) = click_log::start(
        io::sink(),
        Format::Json(Shape::default()),
        Arc::clone(&metrics),
        lookups,
    )
    .expect("a thread");
    let (draining, wanted) = watch::channel(false);
    // They end with the program.
    std::mem::forget((draining, writer));
    Arc::new(Server {
        edge,
        observe: Observe {
            metrics,
            log: Some(log),
        },
        limits,
        crowd: Arc::new(Crowd::new(&limits, u32::MAX)),
        draining: wanted,
    })
}

/// A connection of a proxy, on which visitors' requests come one after the other.
pub(crate) struct Connection {
    runtime: Runtime,
    served: Pin<Box<dyn Future<Output = ()>>>,
    wire: Arc<Mutex<Wire>>,
}

#[derive(Default)]
struct Wire {
    request: &'static [u8],
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) fn new() -> Self {
        let runtime = runtime();
        let wire = Arc::<Mutex<Wire>>::default();
        let end = End(Arc::clone(&wire));
        let served = {
            let _within = runtime.enter();
            server().serve(end, PEER.into())
        };
        Self {
            runtime,
            served: Box::pin(served),
            wire,
        }
    }

    /// Serves one request, from its first byte to the last one of its answer.
    pub(crate) fn serve(&mut self, request: &'static str) {
        lock(&self.wire).request = request.as_bytes();
        let Self { runtime, served, wire } = self;
        runtime.block_on(poll_fn(|context| {
            let ended = served.as_mut().poll(context).is_ready();
            let mut wire = lock(wire);
            if wire.answer.ends_with(b"\r\n\r\n") {
                let is_click = wire.answer.starts_with(b"HTTP/1.1 302 Found\r\n");
                assert!(is_click && !ended, "{}", wire.answer.escape_ascii());
                wire.answer.clear();
                return Poll::Ready(());
            }
            assert!(!ended, "the connection ends without an answer");
            Poll::Pending
        }));
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The edge's end of a visitor's connection. Who waits for it asks again by himself.
struct End(Arc<Mutex<Wire>>);

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        take(&mut lock(&self.0).request, buffer)
    }
}

/// Reads what there is; nothing is no end.
fn take(left: &mut &'static [u8], buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    if left.is_empty() {
        return Poll::Pending;
    }
    let (now, later) = left.split_at(left.len().min(buffer.remaining()));
    buffer.put_slice(now);
    *left = later;
    Poll::Ready(Ok(()))
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.0).answer.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The way to the tracker.
struct Script;

impl Network for Script {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> Pending<'a, Vec<SocketAddr>> {
        Box::pin(async move { Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]) })
    }

    fn connect(&self, _: SocketAddr) -> Pending<'_, Box<dyn Stream>> {
        Box::pin(async {
            let head = "HTTP/1.1 200 OK\r\nserver: nginx\r\ncontent-type: application/json\r\n";
            let length = ANSWER.len();
            let answer = format!("{head}content-length: {length}\r\n\r\n{ANSWER}").leak();
            Ok(Box::new(Answers {
                answer: answer.as_bytes(),
                left: &[],
                waits: None,
            }) as Box<dyn Stream>)
        })
    }
}

/// The tracker's end of a connection: the same answer to each request, at once.
struct Answers {
    answer: &'static [u8],
    left: &'static [u8],
    waits: Option<Waker>,
}

impl AsyncRead for Answers {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = take(&mut self.left, buffer);
        if read.is_pending() {
            self.waits = Some(context.waker().clone());
        }
        read
    }
}

impl Stream for Answers {
    fn is_quiet(&mut self) -> bool {
        self.left.is_empty()
    }
}

impl AsyncWrite for Answers {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.ends_with(b"\r\n\r\n") {
            self.left = self.answer;
            if let Some(reader) = self.waits.take() {
                reader.wake();
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
