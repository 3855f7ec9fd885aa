//! Connections to one tracker: made, kept alive, taken for a call and given back.
//!
//! A pool of ours over hyper's HTTP/1.1 client connections, because a kept connection that dies after the write must be
//! replaced at once, which pools that could be had do not do. Owns rustls on the tracker's side. Redirects are not
//! followed: they would carry the key away.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::wire::Target;

/// An answer of the Click API has a few hundred bytes; a larger one is none of its.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// A tracker that does not take a connection within this will not answer a visitor in time.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Servers commonly close at 60 or 75 seconds of silence: one of ours is older than theirs only by bad luck.
const IDLE_LIMIT: Duration = Duration::from_secs(55);
/// More than these wait for a burst like the last one; the rest is closed.
const MAX_IDLE: usize = 256;
/// How long a connection may take to become ready again after its answer has been read.
const RELEASE_LIMIT: Duration = Duration::from_secs(1);

/// Where a tracker is, and how it is spoken to.
pub struct Endpoint {
    host: Box<str>,
    port: u16,
    host_header: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Text that is no URL of a tracker; in words for whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATracker(pub &'static str);

impl fmt::Display for NotATracker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

/// Root certificates of the operator's own, trusted beside Mozilla's.
#[derive(Default)]
pub struct Roots(Vec<CertificateDer<'static>>);

/// A file that is not PEM, holds no certificate, or one that cannot be a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotRoots;

impl Roots {
    /// Reads a PEM file.
    pub fn from_pem(pem: &[u8]) -> Result<Self, NotRoots> {
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let roots = Self(roots.map_err(|_| NotRoots)?);
        if roots.0.is_empty() {
            return Err(NotRoots);
        }
        roots.add_to(&mut rustls::RootCertStore::empty())?;
        Ok(roots)
    }

    fn add_to(&self, store: &mut rustls::RootCertStore) -> Result<(), NotRoots> {
        self.0
            .iter()
            .try_for_each(|root| store.add(root.clone()))
            .map_err(|_| NotRoots)
    }
}

impl Endpoint {
    /// The place of an absolute `http` or `https` URL; `extra_roots` are trusted beside Mozilla's.
    pub fn new(url: &Uri, extra_roots: &Roots) -> Result<Self, NotATracker> {
        let authority = url.authority().ok_or(NotATracker("there is no host in it"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let tls = match url.scheme_str() {
            Some("https") => {
                let name = ServerName::try_from(host.to_owned())
                    .map_err(|_| NotATracker("its host can have no certificate"))?;
                Some((TlsConnector::from(Arc::new(tls_config(extra_roots)?)), name))
            }
            Some("http") => None,
            _ => return Err(NotATracker("only `http` and `https` are spoken")),
        };
        let default_port = if tls.is_some() { 443 } else { 80 };
        let port = url.port_u16().unwrap_or(default_port);
        let written = if port == default_port {
            authority.host().to_owned()
        } else {
            format!("{}:{port}", authority.host())
        };
        Ok(Self {
            host: host.into(),
            port,
            host_header: HeaderValue::try_from(written).map_err(|_| NotATracker("its host is none"))?,
            tls,
        })
    }
}

fn tls_config(extra_roots: &Roots) -> Result<rustls::ClientConfig, NotATracker> {
    let mut roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    extra_roots
        .add_to(&mut roots)
        .map_err(|NotRoots| NotATracker("a certificate of `ca` cannot be a root"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| NotATracker("this build speaks no TLS"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// An answer as it came.
pub struct Reply {
    /// The status line's code.
    pub status: StatusCode,
    /// The whole body, or why there is none.
    pub body: Result<Bytes, BrokenBody>,
    /// How long the tracker asks to be left alone: `Retry-After` in seconds (RFC 9110, section 10.2.3); a date is not read.
    pub retry_after: Option<Duration>,
}

/// Why a body could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenBody {
    /// It ended before its end.
    CutShort,
    /// It has more than [`MAX_ANSWER_BYTES`].
    TooLarge,
}

/// A call that came to no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// No connection, or none that lived until the answer.
    Unreachable(&'static str),
    /// Whoever answers there is not known to be the tracker.
    NotTrusted(&'static str),
    /// What came is not HTTP.
    NotHttp,
}

/// Which connection a request went out on.
#[derive(Default)]
pub struct Seat(());

/// A pool of connections to one tracker.
pub struct Client {
    endpoint: Endpoint,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

type Connection = SendRequest<Empty<Bytes>>;

/// The connection of a call whose reply has been read whole. Dropping it closes it.
pub struct Lease(Connection);

impl Client {
    /// Scheme, host and port, as far as it is not the scheme's own.
    pub fn origin(&self) -> String {
        let scheme = if self.endpoint.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.endpoint.host_header.to_str().unwrap_or_default())
    }

    /// A pool without connections.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Sends a request on a kept connection, if there is one that lives, else on a fresh one.
    ///
    /// Dropped at an await, it closes the connection that it uses.
    pub async fn kept(
        &self,
        target: &Target,
        _seat: &Seat,
        _other_than: Option<&Seat>,
    ) -> Option<Result<(Reply, Option<Lease>), CallError>> {
        let connection = self.take()?;
        Some(self.exchange(connection, target).await)
    }

    /// Sends a request on a fresh connection.
    ///
    /// Dropped at an await, it closes the connection that it makes.
    pub async fn fresh(
        &self,
        target: &Target,
        _seat: &Seat,
        connect_by: Instant,
    ) -> Result<(Reply, Option<Lease>), CallError> {
        let connection = timeout_at(connect_by, self.connect())
            .await
            .map_err(|_| CallError::Unreachable("it took no connection in time"))??;
        self.exchange(connection, target).await
    }

    /// Keeps the connection of a read reply for the next call, once it is ready for one.
    pub async fn release(&self, Lease(mut connection): Lease) {
        if !matches!(timeout(RELEASE_LIMIT, connection.ready()).await, Ok(Ok(()))) {
            return;
        }
        let now = Instant::now();
        let mut idle = self.idle();
        idle.retain(|kept| !kept.connection.is_closed() && now - kept.since < IDLE_LIMIT);
        if idle.len() < MAX_IDLE {
            idle.push(Idle { connection, since: now });
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Nothing in here can panic half way.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection used last is the least likely to be closed by now.
    fn take(&self) -> Option<Connection> {
        let now = Instant::now();
        let mut idle = self.idle();
        while let Some(kept) = idle.pop() {
            if kept.connection.is_ready() && now - kept.since < IDLE_LIMIT {
                return Some(kept.connection);
            }
        }
        None
    }

    async fn exchange(&self, mut connection: Connection, target: &Target) -> Result<(Reply, Option<Lease>), CallError> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = Uri::from(target.expose().clone());
        let headers = request.headers_mut();
        headers.reserve(3);
        headers.insert(header::HOST, self.endpoint.host_header.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("onehop/", env!("CARGO_PKG_VERSION"))),
        );
        let response = connection.send_request(request).await.map_err(|error| match error {
            error if error.is_parse() => CallError::NotHttp,
            error if error.is_incomplete_message() => {
                CallError::Unreachable("the connection was closed before an answer came")
            }
            _ => CallError::Unreachable("the connection broke before an answer came"),
        })?;
        let status = response.status();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(seconds);
        match Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await {
            Ok(body) => {
                let reply = Reply {
                    status,
                    body: Ok(body.to_bytes()),
                    retry_after,
                };
                Ok((reply, Some(Lease(connection))))
            }
            Err(error) => {
                let is_large = error.is::<http_body_util::LengthLimitError>();
                let body = Err(if is_large {
                    BrokenBody::TooLarge
                } else {
                    BrokenBody::CutShort
                });
                let reply = Reply {
                    status,
                    body,
                    retry_after,
                };
                Ok((reply, None))
            }
        }
    }

    async fn connect(&self) -> Result<Connection, CallError> {
        let tcp = self.dial().await?;
        let broken = |_| CallError::Unreachable("the connection could not be set up");
        match &self.endpoint.tls {
            None => handshake(tcp).await.map_err(broken),
            Some((connector, name)) => {
                let tls = connector
                    .connect(name.clone(), tcp)
                    .await
                    .map_err(|error| tls_failure(&error))?;
                handshake(tls).await.map_err(broken)
            }
        }
    }

    /// Tries each address of the host; together they have [`CONNECT_LIMIT`].
    async fn dial(&self) -> Result<TcpStream, CallError> {
        let addresses: Vec<SocketAddr> =
            timeout(CONNECT_LIMIT, lookup_host((&*self.endpoint.host, self.endpoint.port)))
                .await
                .map_err(|_| CallError::Unreachable("its name was not resolved in time"))?
                .map_err(|_| CallError::Unreachable("its name does not resolve"))?
                .collect();
        let share = CONNECT_LIMIT / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut failure = CallError::Unreachable("its name has no address");
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it the request would wait for an acknowledgement; a socket that refuses still works.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    failure = CallError::Unreachable("it refused the connection");
                }
                Ok(Err(_)) => failure = CallError::Unreachable("no connection could be made"),
                Err(_) => failure = CallError::Unreachable("it took no connection in time"),
            }
        }
        Err(failure)
    }
}

fn tls_failure(error: &io::Error) -> CallError {
    let is_certificate = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)));
    if is_certificate {
        CallError::NotTrusted("its certificate is not valid for its name, or signed by no known root")
    } else {
        CallError::Unreachable("the TLS handshake failed")
    }
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

async fn handshake<S>(stream: S) -> hyper::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
    // Its errors reach the call that waits on the connection; without one there is nobody to tell.
    tokio::spawn(async move {
        let _ = driver.await;
    });
    Ok(connection)
}
