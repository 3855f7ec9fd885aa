//! All certificates of a folder at one moment, and the choice of one by what a visitor says first.
//!
//! Immutable, and never empty. Taking up changed files is `store`'s.

use std::{
    cmp::Reverse,
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::server::ClientHello;

use super::{
    certificate::Certificate,
    config::SUITES,
    folder::{self, Fingerprint},
    mistake::{Mistake, Severity},
    names::{canonical, parent},
    pair,
    x509::Key,
};

/// The certificate with this name is shown to those who ask for no host, or for one that no certificate names.
const DEFAULT: &str = "default";

/// Certificates, one at least.
#[derive(Debug)]
pub struct Certificates {
    /// In the order of their names, the default first.
    all: Ranked,
    exact: HashMap<Box<str>, Ranked>,
    /// By what stands behind `*.`.
    wildcards: HashMap<Box<str>, Ranked>,
    /// When another order of the same certificates will be better, because one begins or ends to be valid.
    turns_at: Option<SystemTime>,
    source: Source,
}

/// Certificates of which the first that a visitor can take is shown.
type Ranked = Box<[Arc<Certificate>]>;

/// Where certificates came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub(super) folder: Option<PathBuf>,
    /// As the files were just before they were read; of no files if reading is worth another try.
    pub(super) print: Fingerprint,
}

/// What came of a folder.
#[derive(Debug)]
pub struct Reading {
    /// Those that can be served; `None` if there are none, for which there is an error among the mistakes.
    pub certificates: Option<Certificates>,
    /// In the order of names.
    pub mistakes: Vec<Mistake>,
}

impl Certificates {
    /// Reads a folder: `NAME.crt` with `NAME.key`, and `NAME/fullchain.pem` with `NAME/privkey.pem`. `now` is for what is not
    /// valid now.
    ///
    /// Blocks, for some tens of milliseconds with a hundred certificates.
    pub fn read(folder: &Path, now: SystemTime) -> Reading {
        Self::read_again(folder, now, &[])
    }

    /// The same, while `served` are. Of those the files of which are there and cannot be used, or have ended, the one
    /// before is kept; none is given up for nothing at all.
    pub(super) fn read_again(folder: &Path, now: SystemTime, served: &[Arc<Certificate>]) -> Reading {
        let mut print = Fingerprint::of(folder);
        let mut mistakes = Vec::new();
        let files = folder::list(folder).unwrap_or_else(|error| {
            let help = "see whether it is there, and let the user that the edge runs as look into it";
            mistakes.push(Mistake::error(folder, format!("cannot be looked into: {error}"), help));
            Vec::new()
        });
        let mut certificates: Vec<Arc<Certificate>> = Vec::new();
        for files in &files {
            let before = served.iter().find(|before| before.name() == files.name);
            let read = pair::read(files, now, before.map(|before| &**before));
            if read.may_pass {
                print = Fingerprint::default();
            }
            mistakes.extend(read.mistakes);
            certificates.extend(match (read.certificate, before) {
                // The same one keeps its tickets' keys.
                (Some(now), Some(before)) if now.is(before) => Some(Arc::clone(before)),
                (Some(now), _) => Some(Arc::new(now)),
                (None, before) => before.cloned(),
            });
        }
        if certificates.is_empty() {
            if !mistakes.iter().any(|mistake| mistake.severity == Severity::Error) {
                let help = "put NAME.crt with NAME.key there, or NAME/fullchain.pem with NAME/privkey.pem";
                mistakes.push(Mistake::error(folder, "holds no certificate", help));
            }
            certificates = served.to_vec();
        }
        let source = Source {
            folder: Some(folder.to_owned()),
            print,
        };
        Reading {
            certificates: (!certificates.is_empty()).then(|| Self::of(certificates, now, source)),
            mistakes,
        }
    }

    /// Those that are in memory, one at least.
    pub(super) fn of(mut all: Vec<Arc<Certificate>>, now: SystemTime, source: Source) -> Self {
        all.sort_by_key(|certificate| {
            let is_default = &*certificate.stem == DEFAULT;
            (!is_default, certificate.stem.clone(), certificate.name.clone())
        });
        let group = |names: fn(&Certificate) -> &[Box<str>]| {
            let mut groups: HashMap<Box<str>, Vec<Arc<Certificate>>> = HashMap::new();
            for certificate in &all {
                for name in names(certificate) {
                    groups.entry(name.clone()).or_default().push(Arc::clone(certificate));
                }
            }
            let ranked = groups.into_iter().map(|(name, group)| (name, ranked(group, now)));
            ranked.collect::<HashMap<_, _>>()
        };
        let turns = all
            .iter()
            .flat_map(|certificate| [certificate.not_before(), certificate.not_after()]);
        Self {
            exact: group(|certificate| certificate.said.names.exact()),
            wildcards: group(|certificate| certificate.said.names.parents()),
            turns_at: turns.filter(|at| *at > now).min(),
            all: all.into(),
            source,
        }
    }

    /// The certificates, the default first.
    pub fn all(&self) -> &[Arc<Certificate>] {
        &self.all
    }

    /// For a `ClientHello`: of the server name's own certificates, of those with a wildcard for it, or else of all, the first
    /// that the client can take. Where it can take none, one of those that it asked for, and the handshake fails for want of a
    /// signature.
    pub(super) fn choose(&self, hello: &ClientHello<'_>) -> &Arc<Certificate> {
        self.find(hello.server_name(), |certificate| takes(hello, certificate))
    }

    pub(super) fn find(&self, name: Option<&str>, takes: impl Fn(&Certificate) -> bool) -> &Arc<Certificate> {
        let name = name.map(canonical);
        let exact = name.as_deref().and_then(|name| self.exact.get(name));
        let wildcards = name
            .as_deref()
            .and_then(parent)
            .and_then(|parent| self.wildcards.get(parent));
        let asked_for = || [exact, wildcards].into_iter().flatten().flatten();
        let first_of_all = || self.all.iter().find(|certificate| takes(certificate));
        asked_for()
            .find(|certificate| takes(certificate))
            .or_else(|| asked_for().next())
            .or_else(first_of_all)
            .or_else(|| self.all.first())
            .expect("there is a certificate")
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn turns_at(&self) -> Option<SystemTime> {
        self.turns_at
    }
}

/// Those that are valid before those that are not, then by their kind of key, then the one that ends last.
fn ranked(mut group: Vec<Arc<Certificate>>, now: SystemTime) -> Ranked {
    // Stable: of equals the one whose name sorts first.
    group.sort_by_key(|certificate| {
        let is_valid = certificate.not_before() <= now && now < certificate.not_after();
        let kind = match certificate.said.key {
            Key::Rsa { .. } => Key::Rsa { bits: 0 },
            kind => kind,
        };
        (!is_valid, kind, Reverse(certificate.not_after()))
    });
    group.into()
}

/// Whether a client takes a certificate's signatures: its kind, and in TLS 1.2 a suite of that kind too.
fn takes(hello: &ClientHello<'_>, certificate: &Certificate) -> bool {
    let key = &certificate.key;
    let has_suite = SUITES.iter().any(|suite| {
        suite.usable_for_signature_algorithm(key.algorithm()) && hello.cipher_suites().contains(&suite.suite())
    });
    has_suite && key.choose_scheme(hello.signature_schemes()).is_some()
}
