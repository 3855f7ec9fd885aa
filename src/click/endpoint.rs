//! Where a tracker is, and how it is spoken to: host, port, TLS with its roots, and the requests as each HTTP writes them.
//!
//! Owns rustls on the tracker's side. Does not connect.

use std::{fmt, io, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::Empty;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    client::CallError,
    network::{Stream, says_nothing},
    wire::Target,
};

const ACCEPT: &str = "application/json";
const USER_AGENT: &str = concat!("onehop/", env!("CARGO_PKG_VERSION"));

/// Where a tracker is, and how it is spoken to.
pub struct Endpoint {
    host: Box<str>,
    port: u16,
    authority: Authority,
    behind_target: Box<[u8]>,
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

/// A stream to a tracker that bytes of HTTP may be written to.
pub(super) struct Wire {
    pub(super) stream: Box<dyn Stream>,
    /// Whether the tracker chose HTTP/2 (RFC 7301, section 3.1); one that chose nothing speaks HTTP/1.1.
    pub(super) is_http2: bool,
}

impl Stream for TlsStream<Box<dyn Stream>> {
    fn is_quiet(&mut self) -> bool {
        // Tickets for later sessions come unasked too, and are read here. What the runtime has not heard of is not: it may be
        // anything.
        says_nothing(self, std::task::Waker::noop()) && self.get_mut().0.is_quiet()
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
        let none = NotATracker("its host is none");
        Ok(Self {
            host: host.into(),
            port,
            behind_target: format!(
                " HTTP/1.1\r\nhost: {written}\r\naccept: {ACCEPT}\r\nuser-agent: {USER_AGENT}\r\n\r\n"
            )
            .into_bytes()
            .into(),
            authority: Authority::try_from(written).map_err(|_| none)?,
            tls,
        })
    }

    /// Scheme, host and port, as far as it is not the scheme's own.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    fn scheme(&self) -> Scheme {
        if self.is_tls() { Scheme::HTTPS } else { Scheme::HTTP }
    }

    /// Makes a connection one that HTTP may be spoken on.
    ///
    /// Dropped at the await, it closes the stream.
    pub(super) async fn secure(&self, stream: Box<dyn Stream>) -> Result<Wire, CallError> {
        let secured = self.shake_hands(stream).await;
        secured.map_err(|error| match untrusted(&error) {
            Some(_) => CallError::NotTrusted("its certificate is not valid for its name, or signed by no known root"),
            None => CallError::Unreachable("the TLS handshake failed"),
        })
    }

    /// The same with the error as it came, which [`untrusted`] reads.
    pub(super) async fn shake_hands(&self, stream: Box<dyn Stream>) -> io::Result<Wire> {
        match &self.tls {
            None => Ok(Wire {
                stream,
                is_http2: false,
            }),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                Ok(Wire {
                    is_http2: stream.get_ref().1.alpn_protocol() == Some(b"h2"),
                    stream: Box::new(stream),
                })
            }
        }
    }

    /// What follows the target in a request of HTTP/1.1, to the end of its head.
    pub(super) fn behind_target(&self) -> &[u8] {
        &self.behind_target
    }

    /// A request for HTTP/2, which names scheme and host in its target (RFC 9113, section 8.3.1).
    pub(super) fn http2_request(&self, target: &Target) -> Request<Empty<Bytes>> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(target.expose()).expect("a target"));
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = Uri::from_parts(parts).expect("all parts of a URI are there");
        let headers = request.headers_mut();
        headers.reserve(2);
        headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        request
    }
}

/// Sessions are taken up again as rustls does by itself: a second handshake costs no signature.
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
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// It has ended, or one of its issuers'.
    Expired,
    /// It does not hold yet.
    NotYetValid,
    /// It is for other hosts.
    OtherName,
    /// No known root has signed it.
    UnknownIssuer,
    /// Something else is wrong with it.
    Unfit,
}

/// What a handshake found wrong with the tracker's certificate; `None` when it failed for something else.
pub(super) fn untrusted(error: &io::Error) -> Option<Untrusted> {
    use rustls::{CertificateError as Wrong, Error};
    let Error::InvalidCertificate(wrong) = error.get_ref()?.downcast_ref()? else {
        return None;
    };
    Some(match wrong {
        Wrong::Expired | Wrong::ExpiredContext { .. } => Untrusted::Expired,
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => Untrusted::NotYetValid,
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => Untrusted::OtherName,
        Wrong::UnknownIssuer => Untrusted::UnknownIssuer,
        _ => Untrusted::Unfit,
    })
}
