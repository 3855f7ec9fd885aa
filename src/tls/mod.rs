//! TLS towards visitors: certificates from a folder, which of them a visitor is shown, and handshakes.
//!
//! Owns rustls on the visitors' side. Knows nothing of HTTP, of hits or of configurations: its mistakes are data that others
//! print, its clock is the caller's, and what it looks at on disk it looks at when it is told to.
//!
//! | module | owns |
//! | --- | --- |
//! | `folder` | which files belong together, and whether they changed |
//! | `file`, `pair` | a certificate and its key, read, and everything that may be wrong with them |
//! | `certificate` | one that is served |
//! | `x509`, `names` | what a certificate says; which hosts it covers |
//! | `certificates` | the snapshot, and the choice of one by what a visitor says first |
//! | `store` | the snapshot in use, and taking up changed files |
//! | `trust` | whether browsers know who signed one |
//! | `expiry` | when somebody is to be told that a certificate ends |
//! | `config` | what is spoken: versions, suites, groups, tickets |
//! | `acceptor` | handshakes within limits of time and work |
//! | `turns` | who of many may work next |

mod acceptor;
mod certificate;
mod certificates;
mod config;
mod development;
mod expiry;
mod file;
mod folder;
mod mistake;
mod names;
mod pair;
mod store;
mod trust;
mod turns;
mod x509;

pub use self::{
    acceptor::{Accepted, Acceptor, Failure, Protocol, Stream},
    certificate::Certificate,
    certificates::{Certificates, Reading},
    development::development,
    expiry::{Expiring, ExpiryWatch, Level, level},
    folder::Fingerprint,
    mistake::{Mistake, Severity},
    store::{Reload, Store, Watch},
    trust::Trust,
};

#[cfg(test)]
mod tests;
