//! A tracker behind TLS, with a certificate of the network's own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls};

use crate::support::{Act, ClickApi, Edge, click_bytes, one_link, program::Folder};

/// A tracker for `name` that gives a click to every call; its address, and its root certificate.
pub(crate) async fn tracker(name: &str) -> (std::net::SocketAddr, String) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .expect("parameters")
        .signed_by(&key, &root)
        .expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let bytes = click_bytes("secure");
                let mut head = [0; 4096];
                while stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, root.pem())
}

#[tokio::test]
async fn the_operators_root_is_trusted_and_no_other() {
    let nobody = ClickApi::always(Act::Close).await;
    let folder = Folder::new();
    for (name, has_root, expected) in [
        ("localhost", true, "https://advertiser.example/?click_id=secure"),
        ("localhost", false, "https://back.example/?why=unreachable"),
        ("other.example", true, "https://back.example/?why=unreachable"),
    ] {
        let (address, root) = tracker(name).await;
        folder.write("root.pem", root);
        let url = format!("https://localhost:{}/api/click/create", address.port());
        let mut configuration = one_link(&nobody).replace(&nobody.url(), &url);
        if has_root {
            configuration = configuration.replace("[tracker.main]", "[tracker.main]\nca = \"root.pem\"");
        }
        let edge = Edge::start_in(folder.path(), &configuration);
        assert_eq!(edge.visitor().get("/go").await.location(), expected, "{name}");
    }
}
