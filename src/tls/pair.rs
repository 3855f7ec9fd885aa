//! A certificate and its key, read from two files, and everything that may be wrong with them.
//!
//! Both files are looked at to their end, so that one look tells of every mistake. Which certificate is shown to whom is
//! `certificates`'.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::{InconsistentKeys, crypto::aws_lc_rs::sign::any_supported_type, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{
    certificate::Certificate,
    config,
    file::{self, Unreadable, without_mark},
    folder::Files,
    mistake::Mistake,
    x509::{self, Key, Said},
};

/// What an RSA key has at least (CA/Browser Forum, baseline requirements, section 6.1.5).
const MIN_RSA_BITS: usize = 2048;

/// What came of two files.
pub(super) struct Pair {
    /// `None` if it cannot be served, for which there is an error among the mistakes.
    pub(super) certificate: Option<Certificate>,
    pub(super) mistakes: Vec<Mistake>,
    /// Whether a file could not be read for a reason that may pass by itself.
    pub(super) may_pass: bool,
}

/// Reads a pair. `now` is for what is not valid now. Of the pair `in_use` from these files one that has ended does not take the
/// place while the other has not.
pub(super) fn read(files: &Files, now: SystemTime, in_use: Option<&Certificate>) -> Pair {
    let mut found = Found {
        has_better: in_use.is_some_and(|in_use| now < in_use.not_after()),
        ..Found::default()
    };
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
        (Some((chain, said)), Some(key)) => found.matching(files, chain, said, &key),
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
        .matching(&files, chain, said, &key.expect("what is built in is a key"))
        .expect("what is built in matches")
}

/// What has been found wrong so far.
#[derive(Default)]
struct Found {
    mistakes: Vec<Mistake>,
    may_pass: bool,
    /// Whether there is one that serves visitors better than one that has ended.
    has_better: bool,
}

impl Found {
    fn tell(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    fn text(&mut self, path: &Path) -> Option<Vec<u8>> {
        match file::read(path) {
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
        let read = CertificateDer::pem_slice_iter(without_mark(text)).collect();
        let Ok(chain): Result<Vec<CertificateDer<'static>>, _> = read else {
            self.tell(Mistake::error(path, "is cut off or damaged", "write it again"));
            return None;
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
        if self.has_better && now >= said.not_after {
            self.tell(Mistake::error(
                path,
                "is expired",
                "renew it: browsers would stop their users",
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
        key: &PrivateKeyDer<'static>,
    ) -> Option<Certificate> {
        let Ok(key) = any_supported_type(key) else {
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
