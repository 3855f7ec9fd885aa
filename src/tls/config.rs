//! What is spoken: versions, suites, groups, tickets.
//!
//! Each certificate has a configuration of its own, tickets' keys and all. A session is so taken up again only with the
//! certificate that it began with; rustls itself refuses one of another server name (RFC 6066, section 3). What a visitor
//! has once been shown is then what `covers` answers of, on every later connection.

use std::sync::Arc;

use rustls::{
    ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{self, Ticketer, cipher_suite as suite, kx_group},
    },
    sign::{CertifiedKey, SingleCertAndKey},
};

/// TLS 1.0 and 1.1 are none any more (RFC 8996).
const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
/// In our order, all of them with authenticated encryption and forward secrecy. Of the two strengths of AES the lesser comes
/// first: it is no weaker than the key exchange, and the cheaper.
pub(super) const SUITES: &[SupportedCipherSuite] = &[
    suite::TLS13_AES_128_GCM_SHA256,
    suite::TLS13_AES_256_GCM_SHA384,
    suite::TLS13_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];
/// The first holds against whoever keeps what is sent today for a quantum computer (draft-ietf-tls-ecdhe-mlkem).
const GROUPS: &[&dyn SupportedKxGroup] = &[
    kx_group::X25519MLKEM768,
    kx_group::X25519,
    kx_group::SECP256R1,
    kx_group::SECP384R1,
];
/// What may be spoken within, the better first (RFC 7301; RFC 9113, section 3.1). Who offers HTTP/1.0 alone, as
/// `curl --http1.0` does, would be refused without its name.
const PROTOCOLS: [&[u8]; 3] = [b"h2", b"http/1.1", b"http/1.0"];
/// A visitor comes back over one connection, if at all; each ticket costs two hundred bytes and some work.
const TICKETS: usize = 1;

/// The cryptography of this side, of no process-wide default.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: GROUPS.to_vec(),
        ..aws_lc_rs::default_provider()
    }
}

/// What connections with one certificate speak. An error where there is no randomness for keys.
pub(super) fn config(pair: CertifiedKey) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(VERSIONS)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.ignore_client_order = true;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    // All that is remembered is in the ticket, under keys that live for 6 to 12 hours: nothing here grows with visitors.
    config.ticketer = Ticketer::new()?;
    config.send_tls13_tickets = TICKETS;
    // A click that is sent again by whoever recorded it is a false click (RFC 8446, section 8).
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}
