//! What is agreed on, and with whom nothing is.

use std::sync::Arc;

use rustls::{NamedGroup, ProtocolVersion, crypto::aws_lc_rs::kx_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{BOTH, client, client_of, shake};
use crate::tls::{Acceptor, Failure, Protocol, Store, config, development};

fn acceptor() -> Acceptor {
    Acceptor::new(Arc::new(Store::new(development())))
}

#[tokio::test]
async fn bytes_go_both_ways_and_the_certificate_is_known() {
    let (visitor, accepted) = shake(&acceptor(), &Arc::new(client()), "localhost").await;
    let (mut visitor, mut accepted) = (visitor.expect("a handshake"), accepted.expect("a handshake"));
    assert!(accepted.certificate.covers("localhost"));
    let shown = visitor.get_ref().1.peer_certificates().expect("a certificate")[0].clone();
    let folder_file = include_bytes!("../../../certs/localhost.crt");
    let file = <rustls_pki_types::CertificateDer<'_> as rustls_pki_types::pem::PemObject>::from_pem_slice(folder_file);
    assert_eq!(shown, file.expect("a certificate"));
    let mut read = [0; 4];
    visitor.write_all(b"ping").await.expect("an edge");
    accepted.stream.read_exact(&mut read).await.expect("a visitor");
    assert_eq!(&read, b"ping");
    accepted.stream.write_all(b"pong").await.expect("a visitor");
    accepted.stream.flush().await.expect("a visitor");
    visitor.read_exact(&mut read).await.expect("an edge");
    assert_eq!(&read, b"pong");
}

#[tokio::test]
async fn the_protocol_within() {
    for (offered, expected) in [
        (&["h2", "http/1.1"][..], Some(Protocol::Http2)),
        (&["http/1.1", "h2"], Some(Protocol::Http2)),
        (&["http/1.1"], Some(Protocol::Http1)),
        (&["h2"], Some(Protocol::Http2)),
        (&[], Some(Protocol::Http1)),
        (&["http/1.0", "http/1.1"], Some(Protocol::Http1)),
        (&["http/1.0"], Some(Protocol::Http1)),
        (&["acme-tls/1"], None),
        (&["h3"], None),
    ] {
        let mut client = client();
        client.alpn_protocols = offered.iter().map(|one| one.as_bytes().to_vec()).collect();
        let (visitor, accepted) = shake(&acceptor(), &Arc::new(client), "localhost").await;
        assert_eq!(accepted.ok().map(|accepted| accepted.protocol), expected, "{offered:?}");
        assert_eq!(visitor.is_ok(), expected.is_some(), "{offered:?}");
    }
}

#[tokio::test]
async fn versions_groups_and_suites_are_chosen_here() {
    let both = rustls::DEFAULT_VERSIONS;
    let old: &[&'static _] = &[&rustls::version::TLS12];
    for (versions, groups, version, group) in [
        (both, None, ProtocolVersion::TLSv1_3, NamedGroup::X25519MLKEM768),
        (old, None, ProtocolVersion::TLSv1_2, NamedGroup::X25519),
        (
            both,
            Some(kx_group::X25519),
            ProtocolVersion::TLSv1_3,
            NamedGroup::X25519,
        ),
        (
            both,
            Some(kx_group::SECP256R1),
            ProtocolVersion::TLSv1_3,
            NamedGroup::secp256r1,
        ),
    ] {
        let mut provider = config::provider();
        provider.cipher_suites.reverse();
        if let Some(group) = groups {
            provider.kx_groups = vec![group];
        }
        let client = Arc::new(client_of(provider, versions, BOTH));
        let (visitor, accepted) = shake(&acceptor(), &client, "localhost").await;
        let accepted = accepted.expect("a handshake");
        let connection = accepted.stream.get_ref().1;
        assert!(visitor.is_ok());
        assert_eq!(connection.protocol_version(), Some(version));
        assert_eq!(
            connection
                .negotiated_key_exchange_group()
                .map(rustls::crypto::SupportedKxGroup::name),
            Some(group)
        );
        let suite = format!("{:?}", connection.negotiated_cipher_suite().expect("a suite").suite());
        assert!(suite.contains("AES_128_GCM_SHA256"), "{suite}");
    }
}

/// A client that names a group and brings no share of it is asked again.
#[tokio::test]
async fn a_second_hello() {
    let mut provider = config::provider();
    provider.kx_groups = vec![kx_group::MLKEM1024, kx_group::SECP384R1];
    let client = Arc::new(client_of(provider, rustls::DEFAULT_VERSIONS, BOTH));
    let (visitor, accepted) = shake(&acceptor(), &client, "localhost").await;
    let kind = accepted.expect("a handshake").stream.get_ref().1.handshake_kind();
    assert!(visitor.is_ok());
    assert_eq!(kind, Some(rustls::HandshakeKind::FullWithHelloRetryRequest));
}

/// A `ClientHello` as clients of another age write it (RFC 5246, section 7.4.1.2), with what any version needs.
fn old_hello(minor: u8) -> Vec<u8> {
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..],  // secp256r1
        &[0, 11, 0, 2, 1, 0],             // uncompressed points
        &[0, 13, 0, 6, 0, 4, 4, 3, 4, 1], // ECDSA and RSA with SHA-256
    ]
    .concat();
    let suites = [0xC0, 0x2B, 0xC0, 0x2F, 0xC0, 0x09, 0x00, 0x2F];
    let body = [
        &[3, minor][..],
        &[7; 32],
        &[0, 0, 8],
        &suites,
        &[1, 0],
        &u16::try_from(extensions.len()).expect("few").to_be_bytes(),
        &extensions,
    ]
    .concat();
    let length = u8::try_from(body.len()).expect("short");
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
}

/// The kind of the first record of the answer, and what an alert says.
async fn answer(sent: &[u8]) -> (Failure, Vec<u8>) {
    let (mut visitor, edge) = duplex(64 * 1024);
    visitor.write_all(sent).await.expect("room");
    visitor.shutdown().await.expect("an end");
    let failure = acceptor().accept(edge).await.expect_err("no handshake");
    let mut answer = Vec::new();
    visitor.read_to_end(&mut answer).await.expect("no fault");
    (failure, answer)
}

#[tokio::test]
async fn older_versions_and_other_protocols_are_refused() {
    const ALERT: u8 = 21;
    const HANDSHAKE: u8 = 22;
    const PROTOCOL_VERSION: u8 = 70;
    for minor in 0..=2 {
        let (failure, answer) = answer(&old_hello(minor)).await;
        assert!(matches!(failure, Failure::Broken(_)), "{failure}");
        assert_eq!(
            (answer[0], answer.last()),
            (ALERT, Some(&PROTOCOL_VERSION)),
            "1.{minor}: {failure}"
        );
    }
    // The same of TLS 1.2 is answered by a handshake, which this client then does not end.
    let (_, answered) = answer(&old_hello(3)).await;
    assert_eq!(answered[0], HANDSHAKE);
    for sent in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"\x16\x03\x01\xff\xff",
    ] {
        let (failure, _) = answer(sent).await;
        assert!(matches!(failure, Failure::Broken(_)), "{failure}");
    }
}
