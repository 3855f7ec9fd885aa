//! Which certificate is shown to whom.

use std::sync::Arc;

use super::{super::Acceptor, BOTH, ECDSA, Folder, Kind, RSA, client_of, made, made_for, now, shake};
use crate::tls::{Certificates, config, development};

/// What is shown to a client that takes everything.
fn shown<'a>(certificates: &'a Certificates, name: &str) -> &'a str {
    let name = (!name.is_empty()).then_some(name);
    certificates.find(name, |_| true).name()
}

#[test]
fn by_the_names_in_certificates() {
    let folder = Folder::new();
    folder.put("b", &made(&["example.com", "*.example.com"]));
    folder.put("a", &made(&["www.example.com", "OTHER.example"]));
    folder.put("c", &made(&["*.deep.example.com"]));
    folder.write("z/fullchain.pem", &made(&["certbot.example"]).certificate);
    let certbot = made(&["certbot.example"]);
    folder.write("z/fullchain.pem", &certbot.certificate);
    folder.write("z/privkey.pem", &certbot.key);
    let certificates = folder.read();
    for (name, expected) in [
        ("example.com", "b.crt"),
        ("EXAMPLE.com", "b.crt"),
        ("example.com.", "b.crt"),
        ("any.example.com", "b.crt"),
        ("www.example.com", "a.crt"),
        ("other.example", "a.crt"),
        ("deep.example.com", "b.crt"),
        ("x.deep.example.com", "c.crt"),
        ("certbot.example", "z/fullchain.pem"),
        // Those that nobody names, and none at all: the first by name.
        ("x.y.example.com", "a.crt"),
        ("www.certbot.example", "a.crt"),
        ("b", "a.crt"),
        ("com", "a.crt"),
        (".example.com", "a.crt"),
        ("", "a.crt"),
    ] {
        assert_eq!(shown(&certificates, name), expected, "{name}");
    }
    folder.put("default", &made(&["example.org"]));
    let certificates = folder.read();
    assert_eq!(shown(&certificates, ""), "default.crt");
    assert_eq!(shown(&certificates, "unknown.example"), "default.crt");
    assert_eq!(shown(&certificates, "www.example.com"), "a.crt");
}

#[test]
fn of_equals_the_one_that_is_valid_and_ends_last() {
    let folder = Folder::new();
    folder.put("1", &made_for(&["example.com"], Kind::Ecdsa, (2020, 2030)));
    folder.put("2", &made_for(&["example.com"], Kind::Ecdsa, (2020, 2035)));
    folder.put("3", &made_for(&["example.com"], Kind::Rsa, (2020, 2040)));
    assert_eq!(shown(&folder.read(), "example.com"), "2.crt", "ECDSA before RSA");
    folder.put("4", &made_for(&["example.com"], Kind::Ecdsa, (2027, 2050)));
    folder.put("0", &made_for(&["example.com"], Kind::Ecdsa, (2020, 2035)));
    let certificates = Certificates::read(folder.path(), now())
        .certificates
        .expect("certificates");
    assert_eq!(
        shown(&certificates, "example.com"),
        "0.crt",
        "the first of equals, of those that are valid"
    );
    for name in ["0", "1", "2"] {
        folder.put(name, &made_for(&["example.com"], Kind::Ecdsa, (2020, 2026)));
    }
    let certificates = Certificates::read(folder.path(), now())
        .certificates
        .expect("certificates");
    assert_eq!(
        shown(&certificates, "example.com"),
        "3.crt",
        "RSA rather than what is expired"
    );
}

#[tokio::test]
async fn by_the_signatures_that_a_client_takes() {
    let folder = Folder::new();
    folder.put("both-ecdsa", &made_for(&["both.example"], Kind::Ecdsa, (2020, 2040)));
    folder.put("both-rsa", &made_for(&["both.example"], Kind::Rsa, (2020, 2040)));
    folder.put("ecdsa", &made_for(&["ecdsa.example"], Kind::Ecdsa, (2020, 2040)));
    folder.put("wild", &made_for(&["*.example"], Kind::Rsa, (2020, 2040)));
    folder.put("x25519", &made_for(&["127.0.0.1"], Kind::Rsa, (2020, 2040)));
    let reading = Certificates::read(folder.path(), now());
    let store = crate::tls::Store::new(reading.certificates.expect("certificates"));
    let acceptor = Acceptor::new(Arc::new(store));
    let of_rsa = |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).contains("_RSA_");
    for (name, versions, schemes, rsa_suites_alone, expected) in [
        (
            "both.example",
            rustls::DEFAULT_VERSIONS,
            BOTH,
            false,
            Some("both-ecdsa.crt"),
        ),
        (
            "both.example",
            rustls::DEFAULT_VERSIONS,
            ECDSA,
            false,
            Some("both-ecdsa.crt"),
        ),
        (
            "both.example",
            rustls::DEFAULT_VERSIONS,
            RSA,
            false,
            Some("both-rsa.crt"),
        ),
        (
            "both.example",
            &[&rustls::version::TLS12],
            BOTH,
            false,
            Some("both-ecdsa.crt"),
        ),
        (
            "both.example",
            &[&rustls::version::TLS12],
            RSA,
            false,
            Some("both-rsa.crt"),
        ),
        // It says that it takes ECDSA, and has no suite for it.
        (
            "both.example",
            &[&rustls::version::TLS12],
            BOTH,
            true,
            Some("both-rsa.crt"),
        ),
        // Of its own there is none that it takes, of a wildcard there is.
        ("ecdsa.example", rustls::DEFAULT_VERSIONS, RSA, false, Some("wild.crt")),
        (
            "ecdsa.example",
            rustls::DEFAULT_VERSIONS,
            BOTH,
            false,
            Some("ecdsa.crt"),
        ),
        // Whoever names none gets the first that he takes.
        (
            "127.0.0.1",
            rustls::DEFAULT_VERSIONS,
            BOTH,
            false,
            Some("both-ecdsa.crt"),
        ),
        ("127.0.0.1", rustls::DEFAULT_VERSIONS, RSA, false, Some("both-rsa.crt")),
    ] {
        let mut provider = config::provider();
        if rsa_suites_alone {
            provider.cipher_suites.retain(of_rsa);
        }
        let client = Arc::new(client_of(provider, versions, schemes));
        let (visitor, accepted) = shake(&acceptor, &client, name).await;
        let shown = accepted.ok().map(|accepted| accepted.certificate.name().to_owned());
        assert_eq!(shown.as_deref(), expected, "{name} {schemes:?}");
        assert_eq!(visitor.is_ok(), expected.is_some());
    }
    let taken = folder.read();
    let none = taken.find(Some("ecdsa.example"), |_| false);
    assert_eq!(none.name(), "ecdsa.crt", "none that it takes: what it asked for");
}

#[test]
fn what_a_certificate_covers() {
    let certificates = development();
    let [certificate] = certificates.all() else {
        panic!("one certificate")
    };
    for (host, covered) in [
        ("localhost", true),
        ("a.localhost", true),
        ("a.b.localhost", false),
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("[::1]", true),
        ("::1", true),
        ("[::2]", false),
        ("127.1", false),
        ("example.com", false),
        ("", false),
    ] {
        assert_eq!(certificate.covers(host), covered, "{host}");
    }
}

#[test]
fn a_hundred() {
    let folder = Folder::new();
    for number in 0..100 {
        folder.put(
            &format!("{number}"),
            &made(&[&format!("{number}.example"), &format!("*.{number}.example")]),
        );
    }
    let certificates = folder.read();
    assert_eq!(certificates.all().len(), 100);
    for number in 0..100 {
        let file = format!("{number}.crt");
        assert_eq!(shown(&certificates, &format!("{number}.example")), file);
        assert_eq!(shown(&certificates, &format!("www.{number}.example")), file);
    }
}
