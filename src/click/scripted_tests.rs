//! A network of which every name and address is scripted, and trackers on it. Nothing leaves the process, so that time can
//! stand still.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::DuplexStream,
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_rustls::TlsAcceptor;

use super::{
    client::{Endpoint, Network, Pending, Roots, Stream},
    secret::SecretKey,
    wire::{Prefix, Target, Told, Who},
};
use crate::{hit_id::HitIds, offer_ids::OfferIds};

/// The name of every tracker here.
pub(super) const NAME: &str = "tracker.test";

/// What the resolver does.
#[derive(Clone)]
pub(super) enum Says {
    Addresses(Vec<SocketAddr>),
    Fails,
    Hangs,
}

/// What an address does with a connection.
#[derive(Clone)]
pub(super) enum Act {
    Refuse,
    Hang,
    /// Connects, and says nothing.
    Mute,
    Serve(Tracker),
    /// The same after a while.
    ServeAfter(Duration, Tracker),
}

/// Who serves a connection.
#[derive(Clone, Default)]
pub(super) struct Tracker {
    pub(super) tls: Option<TlsAcceptor>,
    /// Closes each connection as soon as it is whole.
    pub(super) closes: bool,
    /// How long each answer takes.
    pub(super) takes: Duration,
}

/// Names and addresses by script.
pub(super) struct Scripted {
    says: Mutex<Says>,
    acts: Mutex<HashMap<SocketAddr, Act>>,
    connects: Mutex<Vec<(SocketAddr, Instant)>>,
    pub(super) questions: AtomicUsize,
    serving: Mutex<JoinSet<()>>,
}

impl Scripted {
    /// A name with addresses that act so, in the order in which they are given.
    pub(super) fn new(acts: &[(&str, Act)]) -> Arc<Self> {
        let scripted = Arc::new(Self {
            says: Mutex::new(Says::Fails),
            acts: Mutex::default(),
            connects: Mutex::default(),
            questions: AtomicUsize::new(0),
            serving: Mutex::default(),
        });
        scripted.now(acts);
        scripted
    }

    /// Moves the name to other addresses; those that it had still act.
    pub(super) fn now(&self, acts: &[(&str, Act)]) {
        let addresses = acts.iter().map(|(text, _)| address(text)).collect();
        for (text, act) in acts {
            self.act(text, act.clone());
        }
        self.say(Says::Addresses(addresses));
    }

    pub(super) fn act(&self, text: &str, act: Act) {
        self.acts.lock().expect("no panic").insert(address(text), act);
    }

    pub(super) fn say(&self, says: Says) {
        *self.says.lock().expect("no panic") = says;
    }

    /// Closes every connection, as a tracker that ends does.
    pub(super) fn close_all(&self) {
        self.serving.lock().expect("no panic").abort_all();
    }

    /// Where connections were begun, and when.
    pub(super) fn connects(&self) -> Vec<(SocketAddr, Instant)> {
        self.connects.lock().expect("no panic").clone()
    }
}

impl Network for Scripted {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, Vec<SocketAddr>> {
        assert_eq!((host, port), (NAME, 443));
        self.questions.fetch_add(1, Ordering::Relaxed);
        let says = self.says.lock().expect("no panic").clone();
        Box::pin(async move {
            match says {
                Says::Addresses(addresses) => Ok(addresses),
                Says::Fails => Err(io::ErrorKind::NotFound.into()),
                Says::Hangs => std::future::pending().await,
            }
        })
    }

    fn connect(&self, address: SocketAddr) -> Pending<'_, Box<dyn Stream>> {
        self.connects.lock().expect("no panic").push((address, Instant::now()));
        let act = self.acts.lock().expect("no panic")[&address].clone();
        Box::pin(async move {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let (tracker, after) = match act {
                Act::Refuse => return Err(io::ErrorKind::ConnectionRefused.into()),
                Act::Hang => return std::future::pending().await,
                Act::Mute => {
                    tokio::spawn(async move {
                        std::future::pending::<()>().await;
                        drop(far);
                    });
                    return Ok(Box::new(near) as Box<dyn Stream>);
                }
                Act::Serve(tracker) => (tracker, Duration::ZERO),
                Act::ServeAfter(after, tracker) => (tracker, after),
            };
            sleep(after).await;
            self.serving
                .lock()
                .expect("no panic")
                .spawn(serve(tracker, far, address));
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }
}

/// Answers each request with the address that it came to.
async fn serve(tracker: Tracker, stream: DuplexStream, address: SocketAddr) {
    let takes = tracker.takes;
    let service = service_fn(move |_: Request<Incoming>| async move {
        sleep(takes).await;
        Ok::<_, io::Error>(Response::new(Full::new(Bytes::from(address.ip().to_string()))))
    });
    let Some(acceptor) = tracker.tls else {
        if !tracker.closes {
            let _ = conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
        return;
    };
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    if tracker.closes {
        return;
    }
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let http2 = conn::http2::Builder::new(TokioExecutor::new());
        let _ = http2.serve_connection(TokioIo::new(stream), service).await;
    } else {
        let _ = conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }
}

pub(super) fn address(text: &str) -> SocketAddr {
    SocketAddr::new(text.parse().expect("an address"), 443)
}

/// Who signs certificates here.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root"))
    }

    /// Where [`NAME`] is, over TLS.
    pub(super) fn endpoint(&self) -> Endpoint {
        let roots = Roots::from_pem(self.0.pem().as_bytes()).expect("a root");
        let url = format!("https://{NAME}/").parse().expect("a URL");
        Endpoint::new(&url, &roots).unwrap_or_else(|why| panic!("{why}"))
    }

    /// A tracker with a certificate for a name that speaks one of these.
    pub(super) fn tracker(&self, name: &str, alpn: &[&str]) -> Tracker {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .expect("parameters")
            .signed_by(&key, &self.0)
            .expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls_pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a pair");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Tracker {
            tls: Some(TlsAcceptor::from(Arc::new(config))),
            ..Tracker::default()
        }
    }
}

/// Where [`NAME`] is, without TLS.
pub(super) fn plain() -> Endpoint {
    let url = format!("http://{NAME}:443/").parse().expect("a URL");
    Endpoint::new(&url, &Roots::default()).unwrap_or_else(|why| panic!("{why}"))
}

/// Any request.
pub(super) fn target() -> Target {
    let ids = OfferIds {
        offer: 1,
        campaign: 2,
        promo: 3,
    };
    let who = Who {
        ip: "192.0.2.1".parse().expect("an address"),
        user_agent: b"x",
        referrer: None,
        hit: HitIds::default(),
    };
    let key = SecretKey::new("k").expect("a key");
    Prefix::new("/c", &key)
        .target(ids, &who, &Told::default())
        .expect("a target")
}
