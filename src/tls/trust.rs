//! Whether browsers know who signed a certificate: by Mozilla's roots, and the chain that is sent along.

use std::{sync::Arc, time::SystemTime};

use rustls::{
    CertificateError, Error, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
};
use rustls_pki_types::{ServerName, UnixTime};

use super::{certificate::Certificate, config::provider};

/// What browsers make of who signed a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A root that they know, through a chain that is whole.
    Known,
    /// It has signed itself.
    OwnIssuer,
    /// It stands alone in its file, and no root has signed it.
    Alone,
    /// Its chain leads to no root that they know.
    Unknown,
    /// Something else is wrong on the way to a root.
    Unfit,
}

impl Certificate {
    /// What browsers make of who signed it. Whether it is valid now is not asked.
    pub fn trust(&self) -> Trust {
        self.trust_by(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        })
    }

    pub(super) fn trust_by(&self, roots: RootCertStore) -> Trust {
        let (Some((leaf, issuers)), Ok(nobody)) = (self.chain.split_first(), ServerName::try_from("nobody.invalid"))
        else {
            return Trust::Unfit;
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider())).build();
        let Ok(verifier) = verifier else {
            return Trust::Unfit;
        };
        let since = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at = UnixTime::since_unix_epoch((since(self.not_before()) + since(self.not_after())) / 2);
        // Of a chain that holds, only the name is wrong.
        match verifier.verify_server_cert(leaf, issuers, &nobody, &[], at) {
            Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Trust::Known,
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) if self.said.is_own_issuer => {
                Trust::OwnIssuer
            }
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) if issuers.is_empty() => Trust::Alone,
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Trust::Unknown,
            Err(_) if self.said.is_own_issuer => Trust::OwnIssuer,
            Err(_) => Trust::Unfit,
        }
    }
}
