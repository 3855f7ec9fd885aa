//! Sessions that are taken up again, and those that must not be.

use std::sync::Arc;

use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, NamedGroup,
    client::{
        ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
    },
};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{BOTH, Folder, client, client_of, made, now, shake};
use crate::tls::{Acceptor, config};

/// A handshake, and a byte with which the client has read its ticket. How it went, and who was shown.
async fn visit(acceptor: &Acceptor, client: &Arc<ClientConfig>, name: &str) -> (HandshakeKind, String) {
    let (visitor, accepted) = shake(acceptor, client, name).await;
    let (mut visitor, mut accepted) = (visitor.expect("a handshake"), accepted.expect("a handshake"));
    accepted.stream.write_all(b"x").await.expect("a visitor");
    accepted.stream.flush().await.expect("a visitor");
    visitor.read_u8().await.expect("an edge");
    let kind = accepted.stream.get_ref().1.handshake_kind().expect("a handshake");
    assert_eq!(visitor.get_ref().1.handshake_kind(), Some(kind));
    (kind, accepted.certificate.name().to_owned())
}

const OLD: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

#[tokio::test]
async fn the_same_visitor_at_the_same_name() {
    let folder = Folder::new();
    folder.put("a", &made(&["a.example", "b.example"]));
    let store = folder.store();
    let acceptor = Acceptor::new(Arc::clone(&store));
    for versions in [rustls::DEFAULT_VERSIONS, OLD] {
        let client = Arc::new(client_of(config::provider(), versions, BOTH));
        assert_eq!(visit(&acceptor, &client, "a.example").await.0, HandshakeKind::Full);
        assert_eq!(visit(&acceptor, &client, "a.example").await.0, HandshakeKind::Resumed);
        store.reload(now());
        assert_eq!(
            visit(&acceptor, &client, "a.example").await.0,
            HandshakeKind::Resumed,
            "nothing has changed"
        );
        assert_eq!(visit(&acceptor, &client, "b.example").await.0, HandshakeKind::Full);
        assert_eq!(visit(&acceptor, &client, "127.0.0.1").await.0, HandshakeKind::Full);
        assert_eq!(
            visit(&acceptor, &client, "127.0.0.1").await.0,
            HandshakeKind::Resumed,
            "without a name"
        );
    }
}

/// A renewed certificate may name others: who is taken up again must have been shown it.
#[tokio::test]
async fn never_with_another_certificate() {
    let folder = Folder::new();
    folder.put("a", &made(&["a.example"]));
    let store = folder.store();
    let acceptor = Acceptor::new(Arc::clone(&store));
    for versions in [rustls::DEFAULT_VERSIONS, OLD] {
        let client = Arc::new(client_of(config::provider(), versions, BOTH));
        assert_eq!(visit(&acceptor, &client, "a.example").await.0, HandshakeKind::Full);
        assert_eq!(visit(&acceptor, &client, "a.example").await.0, HandshakeKind::Resumed);
        folder.put("a", &made(&["a.example", "c.example"]));
        assert!(store.reload(now()).has_changed);
        assert_eq!(visit(&acceptor, &client, "a.example").await.0, HandshakeKind::Full);
    }
}

/// A client that brings every ticket to every name.
#[derive(Debug)]
struct Confused(ClientSessionMemoryCache);

fn one_name() -> ServerName<'static> {
    ServerName::try_from("one.example").expect("a name")
}

impl ClientSessionStore for Confused {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(one_name(), group);
    }
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(&one_name())
    }
    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(one_name(), value);
    }
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(&one_name())
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.0.remove_tls12_session(&one_name());
    }
    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(one_name(), value);
    }
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(&one_name())
    }
}

#[tokio::test]
async fn never_at_another_name() {
    let folder = Folder::new();
    folder.put("a", &made(&["a.example", "a2.example"]));
    folder.put("b", &made(&["b.example"]));
    let acceptor = Acceptor::new(folder.store());
    for versions in [rustls::DEFAULT_VERSIONS, OLD] {
        let mut client = client_of(config::provider(), versions, BOTH);
        client.resumption = Resumption::store(Arc::new(Confused(ClientSessionMemoryCache::new(8))));
        let client = Arc::new(client);
        for (name, kind, shown) in [
            ("a.example", HandshakeKind::Full, "a.crt"),
            ("a.example", HandshakeKind::Resumed, "a.crt"),
            ("b.example", HandshakeKind::Full, "b.crt"),
            ("a.example", HandshakeKind::Full, "a.crt"),
            ("a2.example", HandshakeKind::Full, "a.crt"),
            ("unknown.example", HandshakeKind::Full, "a.crt"),
            ("127.0.0.1", HandshakeKind::Full, "a.crt"),
        ] {
            assert_eq!(
                visit(&acceptor, &client, name).await,
                (kind, shown.to_owned()),
                "{name}"
            );
        }
    }
}

/// Nothing is taken before a handshake is done: it could be sent again by whoever recorded it.
#[tokio::test]
async fn no_early_data() {
    let folder = Folder::new();
    folder.put("a", &made(&["a.example"]));
    let acceptor = Acceptor::new(folder.store());
    let mut client = client();
    client.enable_early_data = true;
    let client = Arc::new(client);
    visit(&acceptor, &client, "a.example").await;
    let name = ServerName::try_from("a.example").expect("a name");
    let mut next = ClientConnection::new(Arc::clone(&client), name).expect("a connection");
    assert!(next.early_data().is_none());
    let current = folder.read();
    for certificate in current.all() {
        assert_eq!(certificate.config.max_early_data_size, 0);
        assert_eq!(certificate.config.send_tls13_tickets, 1);
    }
}
