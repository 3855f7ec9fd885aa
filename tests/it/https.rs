//! Visitors through TLS: who is served, by which certificate, and what becomes of changed ones.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd, generate_simple_self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use crate::support::{
    ClickApi, Edge, Visitor, click, eventually, one_link,
    program::{Folder, output},
};

const CERTIFICATE: &str = include_str!("../../certs/localhost.crt");
const KEY: &str = include_str!("../../certs/localhost.key");

/// A folder with the development pair, and an edge that serves through it.
async fn edge() -> (ClickApi, Folder, Edge) {
    let folder = Folder::new();
    folder.write("certs/localhost.crt", CERTIFICATE);
    folder.write("certs/localhost.key", KEY);
    let tracker = ClickApi::always(click("1")).await;
    let configuration = one_link(&tracker).replace(
        "http = \"127.0.0.1:0\"",
        "http = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\n[tls]\ncerts = \"certs\"",
    );
    let edge = Edge::start_in(folder.path(), &configuration);
    (tracker, folder, edge)
}

/// A client that trusts one certificate.
fn client(root: &str, versions: &[&'static rustls::SupportedProtocolVersion], alpn: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(root.as_bytes()).expect("a certificate"))
        .expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn connect(client: &TlsConnector, to: SocketAddr, name: &'static str) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(to).await?;
    client
        .connect(ServerName::try_from(name).expect("a name"), stream)
        .await
}

/// The head of the answer to a visitor's request.
async fn get(stream: &mut TlsStream<TcpStream>, visitor: &Visitor) -> String {
    stream.write_all(&visitor.request("/go")).await.expect("the edge reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let read = stream.read_buf(&mut head).await.expect("the edge answers");
        assert!(read > 0, "closed before an answer");
    }
    String::from_utf8(head).expect("ASCII")
}

#[tokio::test]
async fn a_hit_through_each_version_of_tls() {
    let (tracker, _folder, edge) = edge().await;
    let https = edge.https.expect("an address");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for alpn in [&[][..], &["http/1.1"]] {
            let client = client(CERTIFICATE, &[version], alpn);
            let mut stream = connect(&client, https, "localhost").await.expect("a handshake");
            for _ in 0..2 {
                let head = get(&mut stream, &edge.visitor().host("localhost")).await;
                assert!(head.starts_with("HTTP/1.1 302"), "{head}");
                assert!(
                    head.contains("location: https://advertiser.example/?click_id=1\r\n"),
                    "{head}"
                );
            }
        }
    }
    assert_eq!(tracker.calls().len(), 1);
    // The same edge without TLS.
    assert!(edge.visitor().get("/go").await.location().ends_with("=1"));
}

#[tokio::test]
async fn a_goodbye_is_answered_and_a_torn_line_is_not() {
    let (_tracker, _folder, edge) = edge().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = client(CERTIFICATE, &[version], &[]);
        for says_goodbye in [true, false] {
            let mut stream = connect(&client, edge.https.expect("an address"), "localhost")
                .await
                .expect("a handshake");
            get(&mut stream, &edge.visitor().host("localhost")).await;
            if says_goodbye {
                stream.shutdown().await.expect("a goodbye");
            }
            let (mut socket, _) = stream.into_inner();
            if !says_goodbye {
                socket.shutdown().await.expect("an end");
            }
            let mut last_words = Vec::new();
            socket
                .read_to_end(&mut last_words)
                .await
                .expect("an end without a fault");
            assert_eq!(!last_words.is_empty(), says_goodbye, "{last_words:x?}");
        }
    }
}

#[tokio::test]
async fn another_host_than_the_certificates_is_misdirected() {
    let (tracker, _folder, edge) = edge().await;
    let client = client(CERTIFICATE, rustls::ALL_VERSIONS, &[]);
    let mut stream = connect(&client, edge.https.expect("an address"), "localhost")
        .await
        .expect("a handshake");
    let head = get(&mut stream, &edge.visitor()).await;
    assert!(head.starts_with("HTTP/1.1 421"), "{head}");
    assert!(tracker.calls().is_empty());
    assert_eq!(edge.hits("refused", ""), 1);
    let head = get(&mut stream, &edge.visitor().host("shop.localhost:8443")).await;
    assert!(head.starts_with("HTTP/1.1 302"), "{head}");
}

#[tokio::test]
async fn http2_where_the_client_offers_it() {
    let (_tracker, _folder, edge) = edge().await;
    let client = client(CERTIFICATE, rustls::ALL_VERSIONS, &["h2", "http/1.1"]);
    let stream = connect(&client, edge.https.expect("an address"), "localhost")
        .await
        .expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut requests, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    for (host, status) in [("localhost", 302), ("go.example.com", 421)] {
        let request = http::Request::get(format!("https://{host}/go"))
            .header("user-agent", "Mozilla/5.0")
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let answer = requests.send_request(request).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status);
    }
}

#[tokio::test]
async fn changed_certificates_are_taken_up_and_broken_ones_are_not() {
    let (_tracker, folder, edge) = edge().await;
    let https = edge.https.expect("an address");
    let failures = "onehop_config_reload_failures_total ";
    folder.write("certs/localhost.crt", "half a certificate");
    eventually("it is told of", async || edge.metric(failures) > 0).await;
    let old = client(CERTIFICATE, rustls::ALL_VERSIONS, &[]);
    connect(&old, https, "localhost").await.expect("the last good one");

    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    folder.write("certs/localhost.key", signing_key.serialize_pem());
    folder.write("certs/localhost.crt", cert.pem());
    let new = client(&cert.pem(), rustls::ALL_VERSIONS, &[]);
    eventually("it is taken up", async || {
        connect(&new, https, "localhost").await.is_ok()
    })
    .await;
    let ends = "onehop_certificate_expiry_timestamp_seconds{certificate=\"localhost.crt\"} ";
    assert!(edge.metric(ends) > 1_700_000_000);
}

#[tokio::test]
async fn an_expired_certificate_leaves_the_last_good_one() {
    let (_tracker, folder, edge) = edge().await;
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    params.not_after = date_time_ymd(2026, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let expired = params.self_signed(&key).expect("a certificate");
    let before = edge.metric("onehop_config_reload_failures_total ");
    folder.write("certs/localhost.key", key.serialize_pem());
    folder.write("certs/localhost.crt", expired.pem());
    eventually("it is told of", async || {
        edge.metric("onehop_config_reload_failures_total ") > before
    })
    .await;
    let old = client(CERTIFICATE, rustls::ALL_VERSIONS, &[]);
    connect(&old, edge.https.expect("an address"), "localhost")
        .await
        .expect("the last good one");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_leaves_the_last_good_one() {
    let (_tracker, folder, edge) = edge().await;
    let failures = "onehop_config_reload_failures_total ";
    let key = folder.path().join("certs/localhost.key");
    // As for any user, and root too: a link to nothing, and a folder.
    for make in [
        |key: &std::path::Path| std::os::unix::fs::symlink("nothing", key),
        |key: &std::path::Path| std::fs::create_dir(key),
    ] {
        let before = edge.metric(failures);
        std::fs::remove_file(&key).expect("a file");
        make(&key).expect("something else");
        eventually("it is told of", async || edge.metric(failures) > before).await;
        let old = client(CERTIFICATE, rustls::ALL_VERSIONS, &[]);
        connect(&old, edge.https.expect("an address"), "localhost")
            .await
            .expect("the last good one");
    }
    // Whoever starts anew with it learns which file, and what is wrong with it.
    folder.write(
        "onehop.toml",
        "[listen]\nhttps = \"127.0.0.1:0\"\n[tls]\ncerts = \"certs\"\n[tracker.t]\nurl = \"http://localhost/\"\nsecure_key = \"1\"\n",
    );
    for command in ["check", "run"] {
        let output = output(&[command], folder.path());
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("localhost.key"), "{said}");
    }
}

#[tokio::test]
async fn what_is_no_tls_is_no_hit() {
    let (tracker, _folder, edge) = edge().await;
    let mut stream = TcpStream::connect(edge.https.expect("an address"))
        .await
        .expect("it listens");
    stream
        .write_all(&edge.visitor().request("/go"))
        .await
        .expect("it reads");
    let mut said = Vec::new();
    // An alert at most; how the connection ends is the kernel's.
    let _ = stream.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    assert!(tracker.calls().is_empty());
}
