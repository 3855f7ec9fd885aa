//! The load of new TLS connections, each for one hit: how many in some seconds, and how long each takes.
//!
//!     handshakes PORT full|resumed SECONDS REQUEST ANSWER
//!
//! Each answer must hold ANSWER, and of each connection it is asked whether its session was resumed. A client that takes longer for
//! a handshake than servers do would leave them idle between two, and would measure their falling asleep and waking: hence this
//! one, which believes every certificate, in place of OpenSSL's.

use std::{
    env, io,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, HandshakeKind, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs::{self, cipher_suite::TLS13_AES_128_GCM_SHA256, kx_group::X25519},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::TlsConnector;

/// Connections at a time.
const CLIENTS: usize = 32;

#[derive(Clone)]
struct Load {
    port: u16,
    is_resumed: bool,
    end: Instant,
    request: String,
    wanted: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "handshakes PORT full|resumed SECONDS REQUEST ANSWER";
    let [_, port, kind, seconds, request, wanted]: [String; 6] =
        env::args().collect::<Vec<_>>().try_into().map_err(|_| usage)?;
    let load = Load {
        port: port.parse()?,
        is_resumed: kind == "resumed",
        end: Instant::now() + Duration::from_secs_f64(seconds.parse()?),
        request,
        wanted,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut took = runtime.block_on(async {
        let mut clients: JoinSet<io::Result<Vec<Duration>>> = (0..CLIENTS).map(|_| client(load.clone())).collect();
        let mut took = Vec::new();
        while let Some(ended) = clients.join_next().await {
            took.extend(ended.map_err(io::Error::other)??);
        }
        Ok::<_, io::Error>(took)
    })?;
    took.sort();
    let at = |thousandths: usize| took[took.len() * thousandths / 1000].as_secs_f64() * 1000.0;
    let (requests, latency) = (took.len(), [at(500), at(990), at(999)]);
    println!("{{\"requests\": {requests}, \"latency\": {latency:?}}}");
    Ok(())
}

async fn client(load: Load) -> io::Result<Vec<Duration>> {
    let mut took = Vec::new();
    let connector = TlsConnector::from(Arc::new(config(load.is_resumed)));
    if load.is_resumed {
        hit(&load, &connector, HandshakeKind::Full).await?;
    }
    let kind = if load.is_resumed {
        HandshakeKind::Resumed
    } else {
        HandshakeKind::Full
    };
    loop {
        let began = Instant::now();
        if began >= load.end {
            return Ok(took);
        }
        hit(&load, &connector, kind).await?;
        took.push(began.elapsed());
    }
}

async fn hit(load: &Load, connector: &TlsConnector, kind: HandshakeKind) -> io::Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", load.port)).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let mut stream = connector.connect(name, stream).await?;
    let was = stream.get_ref().1.handshake_kind();
    if was != Some(kind) {
        return Err(io::Error::other(format!("a handshake that is {was:?}")));
    }
    stream.write_all(load.request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(4096);
    while !is_whole(&answer) {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::Error::other("the server closed a connection"));
        }
    }
    let text = String::from_utf8_lossy(&answer);
    if text.starts_with("HTTP/1.1 302 ") && text.contains(&load.wanted) {
        return Ok(());
    }
    Err(io::Error::other(text.into_owned()))
}

/// Whether an answer is there with its body.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

/// Offers what the other loads offer first.
fn config(is_resumed: bool) -> ClientConfig {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![TLS13_AES_128_GCM_SHA256];
    provider.kx_groups = vec![X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if !is_resumed {
        config.resumption = Resumption::disabled();
    }
    config
}

/// Who it is does not matter here.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
