//! A certificate and its key, read from two files, and everything that may be wrong with them.
//!
//! Both files are looked at to their end, so that one look tells of every mistake. Which certificate is shown to whom is
//! `certificates`'.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::{
    InconsistentKeys, ServerConfig,
    crypto::aws_lc_rs::sign::any_supported_type,
    sign::{CertifiedKey, SigningKey},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{
    config,
    folder::Files,
    mistake::Mistake,
    x509::{self, Key, Said},
};

/// A chain has a few KB; a larger file is something else.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// What an RSA key has at least (CA/Browser Forum, baseline requirements, section 6.1.5).
const MIN_RSA_BITS: usize = 2048;

/// A certificate that can be served.
#[derive(Debug)]
pub struct Certificate {
    name: Box<str>,
    stem: Box<str>,
    path: PathBuf,
    said: Said,
    key: Arc<dyn SigningKey>,
    chain: Vec<CertificateDer<'static>>,
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// What tells it from others: its file's path below the folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When it begins to be valid.
    pub fn not_before(&self) -> SystemTime {
        self.said.not_before
    }

    /// When it ends.
    pub fn not_after(&self) -> SystemTime {
        self.said.not_after
    }

    /// Whether it names a host: a canonical host of a request, lower-case and without a port, or an address. Cheap enough for
    /// every hit: two looks into sorted lists, without a copy.
    ///
    /// A request for another host came over a connection that was made for one of this certificate's: 421 (RFC 9110, section
    /// 15.5.20).
    pub fn covers(&self, host: &str) -> bool {
        self.said.names.cover(host)
    }

    pub(super) fn stem(&self) -> &str {
        &self.stem
    }

    pub(super) fn said(&self) -> &Said {
        &self.said
    }

    pub(super) fn key(&self) -> &dyn SigningKey {
        &*self.key
    }

    /// What its connections speak.
    pub(super) fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// Whether another is the same, file name and all. Its key is then the same too: it matches.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.chain == other.chain
    }
}

/// What came of two files.
pub(super) struct Pair {
    /// `None` if it cannot be served, for which there is an error among the mistakes.
    pub(super) certificate: Option<Certificate>,
    pub(super) mistakes: Vec<Mistake>,
    /// Whether a file could not be read for a reason that may pass by itself.
    pub(super) may_pass: bool,
}

/// Reads a pair. `now` is for what is not valid now.
pub(super) fn read(files: &Files, now: SystemTime) -> Pair {
    let mut found = Found::default();
    if !files.has_certificate {
        found.tell(Mistake::error(
            &files.key,
            "has no certificate beside it",
            format!("put it at `{}`, or remove the key", files.certificate.display()),
        ));
    } else if !files.has_key {
        found.tell(Mistake::error(
            &files.certificate,
            "has no key beside it",
            format!("put its key at `{}`", files.key.display()),
        ));
    }
    let certificate = files.has_certificate.then(|| found.text(&files.certificate)).flatten();
    let key = files.has_key.then(|| found.text(&files.key)).flatten();
    let chain = certificate.and_then(|text| found.chain(&files.certificate, &text, now));
    let key = key.and_then(|text| found.key(&files.key, &text));
    let certificate = match (chain, key) {
        (Some((chain, said)), Some(key)) => found.matching(files, chain, said, key),
        _ => None,
    };
    Pair {
        certificate,
        mistakes: found.mistakes,
        may_pass: found.may_pass,
    }
}

/// Takes a pair that is no file. Panics where it is none.
pub(super) fn built_in(name: &str, certificate: &[u8], key: &[u8]) -> Certificate {
    let files = Files {
        name: name.to_owned(),
        stem: name.to_owned(),
        certificate: PathBuf::from(name),
        key: PathBuf::from(name),
        has_certificate: true,
        has_key: true,
    };
    let mut found = Found::default();
    let chain = found.chain(&files.certificate, certificate, SystemTime::UNIX_EPOCH);
    let key = found.key(&files.key, key);
    let (chain, said) = chain.expect("what is built in is a certificate");
    found
        .matching(&files, chain, said, key.expect("what is built in is a key"))
        .expect("what is built in matches")
}

/// What has been found wrong so far.
#[derive(Default)]
struct Found {
    mistakes: Vec<Mistake>,
    may_pass: bool,
}

impl Found {
    fn tell(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    fn text(&mut self, path: &Path) -> Option<Vec<u8>> {
        match read_file(path) {
            Ok(bytes) => return Some(bytes),
            Err(Unreadable::NotAFile) => {
                self.tell(Mistake::error(
                    path,
                    "is no file",
                    "put the file itself there, or a link to it",
                ));
            }
            Err(Unreadable::TooLarge) => {
                self.tell(Mistake::error(
                    path,
                    "is larger than 1 MB",
                    "certificates and keys are far smaller: is it the right file?",
                ));
            }
            Err(Unreadable::Failed(error)) => {
                let help = match error.kind() {
                    io::ErrorKind::NotFound => "the link leads nowhere: renew it",
                    io::ErrorKind::PermissionDenied => "let the user that the edge runs as read it",
                    _ => "see whether its disk is well",
                };
                self.may_pass = true;
                self.tell(Mistake::error(path, format!("cannot be read: {error}"), help));
            }
        }
        None
    }

    /// The chain of a file, its first certificate looked at.
    fn chain(&mut self, path: &Path, text: &[u8], now: SystemTime) -> Option<(Vec<CertificateDer<'static>>, Said)> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(without_mark(text)).collect();
        let chain: Vec<CertificateDer<'static>> = match read {
            Ok(chain) => chain,
            Err(_) => {
                self.tell(Mistake::error(path, "is cut off or damaged", "write it again"));
                return None;
            }
        };
        let Some(leaf) = chain.first() else {
            self.tell(Mistake::error(
                path,
                "holds no certificate",
                no_pem(text, "-----BEGIN CERTIFICATE-----"),
            ));
            return None;
        };
        let Some(said) = x509::read(leaf) else {
            self.tell(Mistake::error(
                path,
                "begins with a certificate that cannot be read",
                "it must be of X.509, version 3: have it made again",
            ));
            return None;
        };
        if chain[1..].iter().any(|issuer| !x509::is_sound(issuer)) {
            self.tell(Mistake::error(
                path,
                "has a certificate of an issuer that cannot be read",
                "write its chain again",
            ));
            return None;
        }
        if let Key::Rsa { bits } = said.key
            && bits < MIN_RSA_BITS
        {
            self.tell(Mistake::error(
                path,
                format!("has a weak key, RSA of {bits} bits"),
                "have it made again for a key of ECDSA P-256, or RSA of 2048 bits or more",
            ));
            return None;
        }
        self.warn(path, &said, now);
        Some((chain, said))
    }

    fn warn(&mut self, path: &Path, said: &Said, now: SystemTime) {
        if now >= said.not_after {
            self.tell(Mistake::warning(
                path,
                "is expired",
                "renew it: browsers stop their users",
            ));
        } else if now < said.not_before {
            self.tell(Mistake::warning(
                path,
                "is not valid yet",
                "see whether the clock is right; until then browsers stop their users",
            ));
        }
        if matches!(said.key, Key::P521 | Key::Ed25519) {
            self.tell(Mistake::warning(
                path,
                "has a kind of key that many browsers do not take",
                "have it made for a key of ECDSA P-256",
            ));
        }
        if said.names.is_empty() {
            self.tell(Mistake::warning(
                path,
                "names no host",
                "have it made with its hosts as subject alternative names: browsers look at no other place",
            ));
        }
    }

    fn key(&mut self, path: &Path, text: &[u8]) -> Option<PrivateKeyDer<'static>> {
        let text = without_mark(text);
        // The second is how OpenSSL once encrypted (RFC 1421, section 4.6.1.1); its body is no key's.
        let marks: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];
        if marks
            .iter()
            .any(|mark| text.windows(mark.len()).any(|window| window == *mark))
        {
            self.tell(Mistake::error(
                path,
                "is encrypted",
                format!(
                    "nobody can be asked for its password: openssl pkey -in {0} -out {0}",
                    path.display()
                ),
            ));
            return None;
        }
        match PrivateKeyDer::from_pem_slice(text) {
            Ok(key) => return Some(key),
            Err(rustls_pki_types::pem::Error::NoItemsFound) => {
                self.tell(Mistake::error(
                    path,
                    "holds no key",
                    no_pem(text, "-----BEGIN PRIVATE KEY-----"),
                ));
            }
            Err(_) => self.tell(Mistake::error(path, "is cut off or damaged", "write it again")),
        }
        None
    }

    fn matching(
        &mut self,
        files: &Files,
        chain: Vec<CertificateDer<'static>>,
        said: Said,
        key: PrivateKeyDer<'static>,
    ) -> Option<Certificate> {
        let Ok(key) = any_supported_type(&key) else {
            self.tell(Mistake::error(
                &files.key,
                "is a key of a kind that is not known, or damaged",
                "use a key of ECDSA P-256, or RSA of 2048 bits or more",
            ));
            return None;
        };
        let pair = CertifiedKey::new(chain, Arc::clone(&key));
        match pair.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(_) => {
                let is_of_issuer = pair.cert[1..].iter().any(|issuer| {
                    CertifiedKey::new(vec![issuer.clone()], Arc::clone(&key))
                        .keys_match()
                        .is_ok()
                });
                let help = if is_of_issuer {
                    format!(
                        "it is that of a later one: put the server's own first in `{}`",
                        files.certificate.display()
                    )
                } else {
                    format!("put the key there that `{}` was made for", files.certificate.display())
                };
                self.tell(Mistake::error(&files.key, "is not the key of its certificate", help));
                return None;
            }
        }
        let chain = pair.cert.clone();
        let config = config::config(pair);
        let config = config.map_err(|error| {
            let help = "this is a fault of onehop's build: please report it";
            self.tell(Mistake::error(
                &files.certificate,
                format!("cannot be served: {error}"),
                help,
            ));
        });
        Some(Certificate {
            name: files.name.as_str().into(),
            stem: files.stem.as_str().into(),
            path: files.certificate.clone(),
            said,
            key,
            chain,
            config: config.ok()?,
        })
    }
}

/// Why a file's bytes are not there.
enum Unreadable {
    NotAFile,
    TooLarge,
    Failed(io::Error),
}

fn read_file(path: &Path) -> Result<Vec<u8>, Unreadable> {
    // To open a pipe would wait for whoever writes to it.
    let found = fs::metadata(path).map_err(Unreadable::Failed)?;
    if !found.is_file() {
        return Err(Unreadable::NotAFile);
    }
    let file = File::open(path).map_err(Unreadable::Failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(Unreadable::Failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Unreadable::TooLarge);
    }
    Ok(bytes)
}

/// Some editors begin a text with a byte order mark, behind which PEM's first line would not be found.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// The mend for a file without what is looked for in it.
fn no_pem(text: &[u8], wanted: &str) -> String {
    const BINARY: &[u8] = b"\x30\x82";
    if text.is_empty() {
        "the file is empty: write it again".into()
    } else if text.starts_with(BINARY) {
        "it is binary, DER or PKCS #12: convert it to PEM, with openssl x509, pkey or pkcs12".into()
    } else {
        format!("it must be PEM, with a line `{wanted}`")
    }
}
