//! Certificates made for tests, folders for them, and clients.

mod choice;
mod expiry;
mod handshakes;
mod limits;
mod mistakes;
mod reload;
mod sessions;
mod trust;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use rcgen::{CertificateParams, KeyPair, RsaKeySize, date_time_ymd};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{DuplexStream, duplex};
use tokio_rustls::{TlsConnector, client};

use super::{Accepted, Acceptor, Certificates, Failure, Store, config};

/// 1 June 2026.
fn now() -> SystemTime {
    day(20_605)
}

/// A day by its number since 1970.
fn day(number: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(24 * number)
}

/// Kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ecdsa,
    Rsa,
    Ed25519,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
struct Made {
    certificate: String,
    key: String,
}

/// Valid from the beginning of the first year to that of the second.
fn made_for(names: &[&str], kind: Kind, (from, to): (i32, i32)) -> Made {
    static RSA: LazyLock<KeyPair> =
        LazyLock::new(|| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key"));
    let fresh;
    let key = match kind {
        Kind::Rsa => &*RSA, // they take long to make
        Kind::Ecdsa => {
            fresh = KeyPair::generate().expect("a key");
            &fresh
        }
        Kind::Ed25519 => {
            fresh = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
            &fresh
        }
    };
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    Made {
        certificate: params.self_signed(key).expect("a certificate").pem(),
        key: key.serialize_pem(),
    }
}

fn made(names: &[&str]) -> Made {
    made_for(names, Kind::Ecdsa, (2020, 2040))
}

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("onehop-tls-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    fn put(&self, name: &str, made: &Made) {
        self.write(&format!("{name}.crt"), &made.certificate);
        self.write(&format!("{name}.key"), &made.key);
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.0.join(name)).expect("a file");
    }

    fn link(&self, name: &str, to: &str) {
        let path = self.0.join(name);
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink(to, path).expect("a link");
    }

    /// Certificates free of mistakes.
    fn read(&self) -> Certificates {
        let reading = Certificates::read(self.path(), now());
        assert_eq!(reading.mistakes, []);
        reading.certificates.expect("certificates")
    }

    fn store(&self) -> Arc<Store> {
        Arc::new(Store::new(self.read()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A client that takes whatever it is shown, signed in these ways.
#[derive(Debug)]
struct Credulous(Vec<SignatureScheme>, CryptoProvider);

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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.1.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.1.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

const ECDSA: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
const RSA: &[SignatureScheme] = &[SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256];
const BOTH: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::ECDSA_NISTP256_SHA256,
];

fn client_of(
    provider: CryptoProvider,
    versions: &[&'static rustls::SupportedProtocolVersion],
    schemes: &[SignatureScheme],
) -> ClientConfig {
    let credulous = Credulous(schemes.to_vec(), provider.clone());
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(credulous))
        .with_no_client_auth()
}

/// A client of today.
fn client() -> ClientConfig {
    client_of(config::provider(), rustls::DEFAULT_VERSIONS, BOTH)
}

type Ends = (
    std::io::Result<client::TlsStream<DuplexStream>>,
    Result<Accepted<DuplexStream>, Failure>,
);

/// A handshake in memory. An address as `name` is no server name.
async fn shake(acceptor: &Acceptor, client: &Arc<ClientConfig>, name: &str) -> Ends {
    let (visitor, edge) = duplex(64 * 1024);
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let connector = TlsConnector::from(Arc::clone(client));
    tokio::join!(connector.connect(name, visitor), acceptor.accept(edge))
}
