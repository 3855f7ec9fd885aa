//! What is wrong around an edge, and the mend: its trackers, certificates, databases, clock, ports and files, and what a click
//! log tells at once.
//!
//! Each file looks at one of these and gives findings. Which of them are looked at, and whether a click may be made, is the
//! command's; nothing here makes one that was not asked for.

mod certificates;
mod clock;
mod databases;
mod files;
mod heavy;
mod key;
mod links;
mod listeners;
mod log;
mod macros;
mod ports;
mod proxies;
mod trackers;
mod written;

use serde::Serialize;

pub use self::{
    certificates::certificates,
    clock::{Witness, clock},
    databases::{DatabaseOf, databases},
    files::{click_log, open_files},
    log::{Known, Log},
    ports::ports,
    trackers::{Look, announcement},
    written::{json, text},
};

/// How a finding is to be taken, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It is as it should be.
    Ok,
    /// It could not be found out.
    Unknown,
    /// Somebody will be sorry.
    Warn,
    /// It does not work.
    Fail,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The configuration can be used.
    Configuration,
    /// A tracker's name has addresses.
    TrackerName,
    /// Connections to a tracker can be made, with TLS where it is asked for.
    TrackerConnection,
    /// A tracker answers, in time.
    TrackerAnswer,
    /// A tracker accepts the key.
    TrackerKey,
    /// A tracker gives a click for an offer.
    TrackerClick,
    /// How long a certificate is valid.
    CertificateEnd,
    /// Who signed a certificate.
    CertificateChain,
    /// Whether the links' hosts are named by certificates.
    CertificateNames,
    /// How old a database is, and whether it is the sandbox's.
    DatabaseAge,
    /// The clock of this machine.
    Clock,
    /// An address can be listened at.
    Port,
    /// Enough files may be open.
    OpenFiles,
    /// The click log can be written.
    ClickLogFile,
    /// The lines of a click log.
    LogLines,
    /// Whether visitors' addresses are a proxy's.
    LogProxies,
    /// Macros that an ad platform did not fill in.
    LogMacros,
    /// Whether one visitor makes most hits.
    LogVisitors,
    /// Whether one click stands for very many hits.
    LogClicks,
    /// Links that bring no click or send visitors back.
    LogLinks,
    /// Failures of trackers.
    LogFailures,
    /// Hits without User-Agent.
    LogUserAgents,
    /// Hits where no link is.
    LogUnmatched,
}

/// What findings stand together, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The configuration itself.
    Configuration,
    /// Trackers.
    Trackers,
    /// Certificates for visitors.
    Certificates,
    /// Databases of places.
    Databases,
    /// The clock.
    Clock,
    /// Addresses to listen at.
    Ports,
    /// Files, and how many.
    Files,
    /// What click logs tell.
    ClickLog,
}

impl Group {
    fn heading(self) -> &'static str {
        match self {
            Self::Configuration => "Configuration",
            Self::Trackers => "Trackers",
            Self::Certificates => "Certificates",
            Self::Databases => "Databases",
            Self::Clock => "Clock",
            Self::Ports => "Ports",
            Self::Files => "Files",
            Self::ClickLog => "Click log",
        }
    }
}

impl Check {
    /// All of them, in the order of their groups.
    pub const ALL: [Self; 23] = [
        Self::Configuration,
        Self::TrackerName,
        Self::TrackerConnection,
        Self::TrackerAnswer,
        Self::TrackerKey,
        Self::TrackerClick,
        Self::CertificateEnd,
        Self::CertificateChain,
        Self::CertificateNames,
        Self::DatabaseAge,
        Self::Clock,
        Self::Port,
        Self::OpenFiles,
        Self::ClickLogFile,
        Self::LogLines,
        Self::LogProxies,
        Self::LogMacros,
        Self::LogVisitors,
        Self::LogClicks,
        Self::LogLinks,
        Self::LogFailures,
        Self::LogUserAgents,
        Self::LogUnmatched,
    ];

    fn group(self) -> Group {
        match self {
            Self::Configuration => Group::Configuration,
            Self::TrackerName
            | Self::TrackerConnection
            | Self::TrackerAnswer
            | Self::TrackerKey
            | Self::TrackerClick => Group::Trackers,
            Self::CertificateEnd | Self::CertificateChain | Self::CertificateNames => Group::Certificates,
            Self::DatabaseAge => Group::Databases,
            Self::Clock => Group::Clock,
            Self::Port => Group::Ports,
            Self::OpenFiles | Self::ClickLogFile => Group::Files,
            Self::LogLines
            | Self::LogProxies
            | Self::LogMacros
            | Self::LogVisitors
            | Self::LogClicks
            | Self::LogLinks
            | Self::LogFailures
            | Self::LogUserAgents
            | Self::LogUnmatched => Group::ClickLog,
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How to take it.
    pub mark: Mark,
    /// What was looked at.
    pub check: Check,
    /// Which: a tracker's name, an address, a file, a link; empty where there is one alone.
    pub about: String,
    /// What was tried, and what was found. Visitors' and trackers' words may stand in it.
    pub found: String,
    /// The mend; lines of a configuration stand on lines of their own.
    pub mend: Option<String>,
}

impl Finding {
    /// One with nothing to mend.
    pub fn new(mark: Mark, check: Check, about: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            mark,
            check,
            about: about.into(),
            found: found.into(),
            mend: None,
        }
    }

    /// The same with a mend.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }
}

/// Whether anything does not work.
pub fn fails(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.mark == Mark::Fail)
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
