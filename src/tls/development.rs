//! The certificate to develop with, whose key everybody has.

use std::{sync::Arc, time::SystemTime};

use super::{
    certificates::{Certificates, Source},
    pair,
};

/// `localhost`, `*.localhost`, 127.0.0.1 and `::1`, as `certs/` has it: for trying out on one machine. No browser trusts it,
/// and nobody should.
pub fn development() -> Certificates {
    let certificate = include_bytes!("../../certs/localhost.crt");
    let key = include_bytes!("../../certs/localhost.key");
    let certificate = Arc::new(pair::built_in("localhost.crt", certificate, key));
    Certificates::of(vec![certificate], SystemTime::UNIX_EPOCH, Source::default())
}
