//! Visitors who behave, and what they wait for: a hundred a second on connections of their own, and as many on kept ones.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        client::Resumption,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

pub(crate) const CERTIFICATE: &str = include_str!("../../certs/localhost.crt");
const REQUEST: &[u8] = b"GET /go HTTP/1.1\r\nhost: localhost\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\r\n";
const KEPT: u8 = 10;
const EVERY: Duration = Duration::from_millis(10);
/// Nobody waits longer for a redirect.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) type Connection = TlsStream<tokio::net::TcpStream>;

/// What visitors have waited.
#[derive(Default)]
pub(crate) struct Waits {
    /// From the connection's first packet to the answer, on connections of their own.
    pub new: Vec<Duration>,
    /// From the request to the answer, on kept ones.
    pub kept: Vec<Duration>,
    /// Visitors without their redirect.
    pub failed: usize,
}

/// Whom visitors trust.
#[derive(Clone)]
pub(crate) struct Who(Arc<ClientConfig>);

impl Default for Who {
    fn default() -> Self {
        Self::trusting(&[CERTIFICATE])
    }
}

impl Who {
    /// Visitors who trust these certificates, and come as if for the first time each time.
    pub(crate) fn trusting(certificates: &[&str]) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
            roots.add(certificate).expect("a root");
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Self(Arc::new(config))
    }

    /// A connection from an address of this machine.
    pub(crate) async fn connect(&self, edge: SocketAddr, from: Ipv4Addr) -> io::Result<Connection> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let stream = socket.connect(edge).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await
    }
}

/// A hit on a connection; an error when it does not end in a redirect to the advertiser.
pub(crate) async fn hit(connection: &mut Connection) -> io::Result<()> {
    connection.write_all(REQUEST).await?;
    let mut answer = [0; 2048];
    let mut length = 0;
    while !answer[..length].ends_with(b"\r\n\r\n") {
        match connection.read(&mut answer[length..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => length += read,
        }
    }
    let answer = String::from_utf8_lossy(&answer[..length]);
    if answer.starts_with("HTTP/1.1 302 ") && answer.contains("click_id=1\r\n") {
        Ok(())
    } else {
        Err(io::Error::other(answer.into_owned()))
    }
}

/// Has visitors come for so long.
pub(crate) async fn visit(edge: SocketAddr, who: Who, how_long: Duration) -> Waits {
    let mut visits = JoinSet::new();
    let end = Instant::now() + how_long;
    for number in 0..KEPT {
        let who = who.clone();
        visits.spawn(async move {
            let mut waits = Waits::default();
            let from = Ipv4Addr::new(127, 0, 3, number + 1);
            let mut times = interval(EVERY * u32::from(KEPT));
            times.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut connection = None;
            while Instant::now() < end {
                times.tick().await;
                let hit = async {
                    let mut kept = match connection.take() {
                        Some(kept) => kept,
                        None => who.connect(edge, from).await?,
                    };
                    let began = Instant::now();
                    hit(&mut kept).await?;
                    connection = Some(kept);
                    Ok(began.elapsed())
                };
                waits.take(timeout(PATIENCE, hit).await, |waits| &mut waits.kept);
            }
            waits
        });
    }
    let mut times = interval(EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < end {
        times.tick().await;
        let who = who.clone();
        visits.spawn(async move {
            let from = Ipv4Addr::new(127, 0, 4, fastrand::u8(1..=254));
            let hit = async {
                let began = Instant::now();
                let mut connection = who.connect(edge, from).await?;
                hit(&mut connection).await?;
                Ok(began.elapsed())
            };
            let mut waits = Waits::default();
            waits.take(timeout(PATIENCE, hit).await, |waits| &mut waits.new);
            waits
        });
    }
    let mut all = Waits::default();
    for waits in visits.join_all().await {
        all.new.extend(waits.new);
        all.kept.extend(waits.kept);
        all.failed += waits.failed;
    }
    all
}

impl Waits {
    fn take<E>(&mut self, waited: Result<io::Result<Duration>, E>, of: impl Fn(&mut Self) -> &mut Vec<Duration>) {
        match waited {
            Ok(Ok(waited)) => of(self).push(waited),
            Ok(Err(why)) => {
                eprintln!("a visitor without a redirect: {why}");
                self.failed += 1;
            }
            Err(_) => {
                eprintln!("a visitor has waited for {PATIENCE:?}");
                self.failed += 1;
            }
        }
    }
}
