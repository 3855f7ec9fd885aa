//! Connections to trackers over real sockets: whatever HTTP they speak, whichever of their addresses live, and when they
//! send connections away.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, rustls, server::TlsStream};

use crate::support::{Act, ClickApi, Edge, click, eventually, one_link, program::Folder};

const CLICK: &str = r#"{"data":{"click_id":"1","exists":false},"status":"success"}"#;

/// A certificate for `localhost` and the root that signed it.
struct Tls {
    acceptor: TlsAcceptor,
    root: String,
}

impl Tls {
    fn speaking(alpn: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root");
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])
            .expect("parameters")
            .signed_by(&key, &root)
            .expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a pair");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            root: root.pem(),
        }
    }

    /// Has each connection served; the address, and how many connections were made.
    async fn serve<S, F>(&self, serve: S) -> (SocketAddr, Arc<AtomicUsize>)
    where
        S: Fn(TlsStream<TcpStream>, usize) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (acceptor, serve) = (self.acceptor.clone(), Arc::new(serve));
        let connections = Arc::new(AtomicUsize::new(0));
        let made = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, serve) = (acceptor.clone(), Arc::clone(&serve));
                let number = made.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, number).await;
                    }
                });
            }
        });
        (address, connections)
    }

    /// An edge that asks a tracker there.
    fn edge(&self, folder: &Folder, nobody: &ClickApi, address: SocketAddr) -> Edge {
        folder.write("root.pem", &self.root);
        let url = format!("https://localhost:{}/api/click/create", address.port());
        let configuration = one_link(nobody)
            .replace(&nobody.url(), &url)
            .replace("500ms", "5s")
            .replace("[tracker.main]", "[tracker.main]\nca = \"root.pem\"");
        Edge::start_in(folder.path(), &configuration)
    }
}

fn a_click() -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from_static(CLICK.as_bytes())))
}

/// So many visitors at once; every one gets his click.
async fn visit(edge: &Edge, visitors: std::ops::Range<usize>) {
    let mut hits = JoinSet::new();
    for n in visitors {
        let visitor = edge.visitor().from(&format!("2001:db8::{n:x}"));
        hits.spawn(async move { visitor.get("/go").await });
    }
    while let Some(answer) = hits.join_next().await {
        let answer = answer.expect("no panic");
        assert_eq!(answer.location(), "https://advertiser.example/?click_id=1");
    }
}

#[tokio::test]
async fn whatever_http_a_tracker_offers() {
    let nobody = ClickApi::always(Act::Close).await;
    for (alpn, version) in [
        (&["h2"][..], Version::HTTP_2),
        (&["http/1.1", "h2"], Version::HTTP_11),
        (&["h2", "http/1.1"], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let tls = Tls::speaking(alpn);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let (address, connections) = tls
            .serve(move |stream, _| {
                let told = Arc::clone(&told);
                let service = service_fn(move |request: Request<Incoming>| {
                    let host = request
                        .headers()
                        .get("host")
                        .map(|host| host.to_str().expect("ASCII").to_owned());
                    let host = host.or(request.uri().authority().map(ToString::to_string));
                    let path = request.uri().path().to_owned();
                    told.lock().expect("no panic").push((request.version(), host, path));
                    async { Ok::<_, io::Error>(a_click()) }
                });
                async move {
                    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let stream = TokioIo::new(stream);
                    // How a connection ends is the edge's to say.
                    if is_http2 {
                        let _ = conn::http2::Builder::new(TokioExecutor::new())
                            .serve_connection(stream, service)
                            .await;
                    } else {
                        let _ = conn::http1::Builder::new().serve_connection(stream, service).await;
                    }
                }
            })
            .await;
        let folder = Folder::new();
        let edge = tls.edge(&folder, &nobody, address);
        for n in 0..20 {
            visit(&edge, n..n + 1).await;
        }
        let host = Some(format!("localhost:{}", address.port()));
        let expected = (version, host, "/api/click/create".to_owned());
        let seen = seen.lock().expect("no panic");
        assert!(seen.iter().all(|one| *one == expected), "{alpn:?}: {seen:?}");
        let made = connections.load(Ordering::SeqCst);
        assert!(made < 10, "{alpn:?}: {made} connections for 20 visitors");
    }
}

/// The first connection is sent away in the middle of a burst: with requests that are answered, or that are not, with some
/// that the tracker never saw, and with some that it refused.
#[tokio::test]
async fn connections_that_go_away_in_a_burst_cost_no_visitor() {
    let nobody = ClickApi::always(Act::Close).await;
    for is_abrupt in [false, true] {
        let tls = Tls::speaking(&["h2"]);
        let (sent_away, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (away, counts) = (Arc::clone(&sent_away), Arc::clone(&refused));
        let (address, connections) = tls
            .serve(move |stream, number| {
                let (away, refused) = (Arc::clone(&away), Arc::clone(&counts));
                async move {
                    let Ok(mut connection) = h2::server::handshake(stream).await else {
                        return;
                    };
                    let mut unanswered = Vec::new();
                    let mut taken = 0;
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        taken += 1;
                        if number > 0 || taken > 20 {
                            answer(respond);
                        } else if taken % 5 == 0 {
                            refused.fetch_add(1, Ordering::SeqCst);
                            respond.send_reset(h2::Reason::REFUSED_STREAM);
                        } else {
                            unanswered.push(respond);
                        }
                        if number == 0 && taken == 20 {
                            away.store(true, Ordering::SeqCst);
                            if is_abrupt {
                                // Says that it processed nothing beyond what it has taken, and answers none of it.
                                connection.abrupt_shutdown(h2::Reason::NO_ERROR);
                                unanswered.clear();
                            } else {
                                connection.graceful_shutdown();
                                unanswered.drain(..).for_each(answer);
                            }
                        }
                    }
                }
            })
            .await;
        let folder = Folder::new();
        let edge = tls.edge(&folder, &nobody, address);
        eventually("a warm connection", async || connections.load(Ordering::SeqCst) > 0).await;
        visit(&edge, 0..100).await;
        assert!(sent_away.load(Ordering::SeqCst));
        assert!(refused.load(Ordering::SeqCst) > 0);
        assert_eq!(edge.hits("advertiser", ""), 100);
        assert!(connections.load(Ordering::SeqCst) > 1);
    }
}

/// A tracker that ends a request, and not the connection, has failed at it as by an answer: a fresh connection is made where the
/// kept one died.
#[tokio::test]
async fn a_stream_that_is_reset_is_repeated_by_measure_on_its_connection() {
    #[derive(Clone, Copy, Debug)]
    enum Does {
        Resets(h2::Reason),
        CutsShort(h2::Reason),
        Says(u16),
        BreaksOnce,
    }
    let nobody = ClickApi::always(Act::Close).await;
    for (does, requests) in [
        (Does::Resets(h2::Reason::INTERNAL_ERROR), 3),
        (Does::Resets(h2::Reason::CANCEL), 3),
        (Does::Resets(h2::Reason::HTTP_1_1_REQUIRED), 3),
        (Does::CutsShort(h2::Reason::INTERNAL_ERROR), 3),
        (Does::CutsShort(h2::Reason::CANCEL), 3),
        (Does::Says(408), 1),
        (Does::BreaksOnce, 2),
    ] {
        let tls = Tls::speaking(&["h2"]);
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&asked);
        let (address, connections) = tls
            .serve(move |stream, _| {
                let asked = Arc::clone(&counts);
                async move {
                    // Room for another byte of a body is room that the one before has left.
                    let server = h2::server::Builder::new().max_send_buffer_size(1).handshake(stream);
                    let Ok(mut connection) = server.await else { return };
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        let nth = asked.fetch_add(1, Ordering::SeqCst);
                        match does {
                            _ if nth == 0 => answer(respond),
                            Does::Resets(reason) => respond.send_reset(reason),
                            Does::CutsShort(reason) => {
                                let mut body = respond.send_response(Response::new(()), false).expect("a stream");
                                body.send_data(Bytes::from_static(b"{"), false).expect("a stream");
                                // What was not sent yet would go with a reset.
                                tokio::spawn(async move {
                                    body.reserve_capacity(1);
                                    let _ = poll_fn(|context| body.poll_capacity(context)).await;
                                    body.send_reset(reason);
                                });
                            }
                            Does::Says(status) => {
                                let mut response = Response::new(());
                                *response.status_mut() = status.try_into().expect("a status");
                                respond.send_response(response, true).expect("a stream");
                            }
                            Does::BreaksOnce if nth == 1 => return,
                            Does::BreaksOnce => answer(respond),
                        }
                    }
                }
            })
            .await;
        let folder = Folder::new();
        let edge = tls.edge(&folder, &nobody, address);
        eventually("a warm connection", async || connections.load(Ordering::SeqCst) > 0).await;
        visit(&edge, 0..1).await;
        let made = connections.load(Ordering::SeqCst);
        let got = edge.visitor().from("2001:db8::ffff").get("/go").await;
        assert_eq!(asked.load(Ordering::SeqCst), 1 + requests, "{does:?}");
        let has_more = connections.load(Ordering::SeqCst) > made;
        let is_broken = matches!(does, Does::BreaksOnce);
        assert_eq!(has_more, is_broken, "{does:?}");
        assert_eq!(got.location().ends_with("click_id=1"), is_broken, "{does:?}");
    }
}

fn answer(mut respond: h2::server::SendResponse<Bytes>) {
    // Whoever has gone meanwhile wants no answer.
    if let Ok(mut body) = respond.send_response(Response::new(()), false) {
        let _ = body.send_data(Bytes::from_static(CLICK.as_bytes()), true);
    }
}

/// A machine whose `localhost` is both an IPv6 and an IPv4 address, of which a tracker listens on one.
#[tokio::test]
async fn one_address_of_a_name_is_enough() {
    let tracker = ClickApi::always(click("alive")).await;
    let url = tracker.url();
    let by_name = url.replace("127.0.0.1", "localhost");
    assert_ne!(url, by_name);
    let edge = Edge::start(&one_link(&tracker).replace(&url, &by_name));
    assert!(edge.visitor().get("/go").await.location().ends_with("=alive"));

    let both = tokio::net::lookup_host("localhost:0").await.expect("addresses");
    let Some(Ok(listener)) = (match both.into_iter().find(SocketAddr::is_ipv6) {
        Some(address) => Some(TcpListener::bind(address).await),
        None => None,
    }) else {
        // A machine whose `localhost` has no IPv6.
        return;
    };
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|_: Request<Incoming>| async { Ok::<_, io::Error>(a_click()) });
            tokio::spawn(conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    let edge = Edge::start(&one_link(&tracker).replace(&url, &format!("http://localhost:{port}/")));
    visit(&edge, 0..20).await;
}

#[tokio::test]
async fn a_tracker_over_tls_is_warm_before_its_first_visitor() {
    let nobody = ClickApi::always(Act::Close).await;
    let tls = Tls::speaking(&["http/1.1"]);
    let asked = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&asked);
    let (address, connections) = tls
        .serve(move |stream, number| {
            let told = Arc::clone(&told);
            async move {
                let service = service_fn(move |_: Request<Incoming>| {
                    told.store(number, Ordering::SeqCst);
                    async { Ok::<_, io::Error>(a_click()) }
                });
                let _ = conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        })
        .await;
    let folder = Folder::new();
    let edge = tls.edge(&folder, &nobody, address);
    eventually("two spares", async || connections.load(Ordering::SeqCst) == 2).await;
    visit(&edge, 0..1).await;
    assert!(asked.load(Ordering::SeqCst) < 2, "a connection that was ready");
}
