//! Everything that may be wrong with files.

use rustls_pki_types::{PrivateKeyDer, pem::PemObject};

use super::{Folder, Kind, Made, made, made_for, now};
use crate::tls::{Certificates, Severity};

/// Each mistake as `E` or `W`, the file and what is said of it.
fn mistakes(folder: &Folder) -> Vec<String> {
    let reading = Certificates::read(folder.path(), now());
    let mistakes = reading.mistakes.iter().map(|mistake| {
        assert!(!mistake.help.is_empty());
        let severity = match mistake.severity {
            Severity::Error => 'E',
            Severity::Warning => 'W',
        };
        let path = mistake.path.strip_prefix(folder.path()).expect("below the folder");
        format!("{severity} {}: {}", path.display(), mistake.message)
    });
    mistakes.collect()
}

/// What is said of a folder into which something was put.
fn with(write: impl FnOnce(&Folder, &Made)) -> Vec<String> {
    let folder = Folder::new();
    write(&folder, &made(&["example.com"]));
    mistakes(&folder)
}

/// The same of a good pair but for the certificate, made out of the good one.
fn certificate(wrong: impl FnOnce(&Made) -> String) -> Vec<String> {
    with(|folder, made| {
        let certificate = wrong(made);
        let key = made.key.clone();
        folder.put("a", &Made { certificate, key });
    })
}

/// The same but for the key.
fn key(wrong: impl FnOnce(&Made) -> String) -> Vec<String> {
    with(|folder, made| {
        let key = wrong(made);
        let certificate = made.certificate.clone();
        folder.put("a", &Made { certificate, key });
    })
}

fn half(text: &str) -> String {
    text[..text.len() / 2].to_owned()
}

/// PEM of what is DER, and nothing else.
fn number(label: &str) -> String {
    format!("-----BEGIN {label}-----\nMAMCAQE=\n-----END {label}-----\n")
}

#[test]
fn of_certificates() {
    for (expected, found) in [
        ("holds no certificate", certificate(|_| "garbage\n".into())),
        ("holds no certificate", certificate(|_| String::new())),
        ("holds no certificate", certificate(|made| made.key.clone())),
        ("is cut off or damaged", certificate(|made| half(&made.certificate))),
        (
            "begins with a certificate that cannot be read",
            certificate(|_| number("CERTIFICATE")),
        ),
        (
            "has a certificate of an issuer that cannot be read",
            certificate(|made| made.certificate.clone() + &number("CERTIFICATE")),
        ),
        (
            "has a weak key, RSA of 1024 bits",
            certificate(|_| include_str!("rsa-1024.crt").into()),
        ),
    ] {
        assert_eq!(found, [format!("E a.crt: {expected}")]);
    }
}

#[test]
fn of_keys() {
    let another = || super::made(&["example.com"]);
    for (expected, found) in [
        ("is not the key of its certificate", key(|_| another().key)),
        (
            "is not the key of its certificate",
            certificate(|made| another().certificate + &made.certificate),
        ),
        ("holds no key", key(|made| made.certificate.clone())),
        ("holds no key", key(|_| String::new())),
        ("is cut off or damaged", key(|made| half(&made.key))),
        (
            "is a key of a kind that is not known, or damaged",
            key(|_| number("PRIVATE KEY")),
        ),
        (
            "is encrypted",
            key(|made| made.key.replace("PRIVATE", "ENCRYPTED PRIVATE")),
        ),
        (
            "is encrypted",
            key(|_| number("EC PRIVATE KEY").replace("MA", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMA")),
        ),
    ] {
        assert_eq!(found, [format!("E a.key: {expected}")]);
    }
}

#[test]
fn of_files() {
    for (expected, found) in [
        (
            "E a.crt: has no key beside it",
            with(|folder, made| folder.write("a.crt", &made.certificate)),
        ),
        (
            "E a.key: has no certificate beside it",
            with(|folder, made| folder.write("a.key", &made.key)),
        ),
        (
            "E a/fullchain.pem: has no key beside it",
            with(|folder, made| folder.write("a/fullchain.pem", &made.certificate)),
        ),
        (
            "E a.crt: is no file",
            with(|folder, made| {
                folder.write("a.key", &made.key);
                folder.write("a.crt/file", "");
            }),
        ),
        (
            "E a.crt: is larger than 1 MB",
            certificate(|_| "\n".repeat(1024 * 1024 + 1)),
        ),
        (
            "E a.key: cannot be read: No such file or directory (os error 2)",
            with(|folder, made| {
                folder.put("a", made);
                folder.link("a.key", "gone");
            }),
        ),
        (
            "E : holds no certificate",
            with(|folder, _| folder.write("README/other", "")),
        ),
    ] {
        assert_eq!(found, [expected]);
    }
}

#[test]
fn of_what_can_be_served_all_the_same() {
    for (expected, made) in [
        ("is expired", made_for(&["a.example"], Kind::Ecdsa, (2020, 2026))),
        ("is not valid yet", made_for(&["a.example"], Kind::Ecdsa, (2027, 2030))),
        (
            "has a kind of key that many browsers do not take",
            made_for(&["a.example"], Kind::Ed25519, (2020, 2030)),
        ),
        ("names no host", made(&[])),
    ] {
        let found = with(|folder, _| folder.put("a", &made));
        assert_eq!(found, [format!("W a.crt: {expected}")]);
    }
}

#[test]
fn a_folder_that_is_not_there() {
    let folder = Folder::new();
    let reading = Certificates::read(&folder.path().join("none"), now());
    assert!(reading.certificates.is_none());
    assert!(
        reading.mistakes[0].message.starts_with("cannot be looked into: "),
        "{:?}",
        reading.mistakes
    );
}

#[test]
fn all_of_them_at_once_and_the_good_ones_are_served() {
    let folder = Folder::new();
    folder.put("good", &made(&["example.com"]));
    folder.put(
        "bad",
        &Made {
            certificate: "garbage".into(),
            key: "garbage".into(),
        },
    );
    folder.put(
        "worse",
        &Made {
            certificate: made(&["worse.example"]).certificate,
            key: String::new(),
        },
    );
    folder.put("old", &made_for(&["old.example"], Kind::Ecdsa, (2020, 2026)));
    assert_eq!(
        mistakes(&folder),
        [
            "E bad.crt: holds no certificate",
            "E bad.key: holds no key",
            "W old.crt: is expired",
            "E worse.key: holds no key"
        ]
    );
    let certificates = Certificates::read(folder.path(), now())
        .certificates
        .expect("certificates");
    let names: Vec<&str> = certificates
        .all()
        .iter()
        .map(|certificate| certificate.name())
        .collect();
    assert_eq!(names, ["good.crt", "old.crt"]);
}

#[test]
fn the_mend_is_of_the_mistake() {
    let folder = Folder::new();
    let (leaf, issuer) = (made(&["example.com"]), made(&["issuer"]));
    let certificate = issuer.certificate + &leaf.certificate;
    folder.put(
        "order",
        &Made {
            certificate,
            ..leaf.clone()
        },
    );
    folder.put(
        "der",
        &Made {
            certificate: "\u{30}".into(),
            ..leaf
        },
    );
    folder.write("der.crt", b"\x30\x82\x01\x00");
    let reading = Certificates::read(folder.path(), now());
    let help: Vec<&str> = reading.mistakes.iter().map(|mistake| &*mistake.help).collect();
    assert!(help[0].starts_with("it is binary"), "{help:?}");
    assert!(help[1].starts_with("it is that of a later one"), "{help:?}");
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let is_there = digit <= chunk.len();
            let index = (number >> (18 - 6 * digit)) & 63;
            text.push(if is_there { DIGITS[index as usize].into() } else { '=' });
        }
    }
    text
}

/// What PKCS #8 wraps: the key as PKCS #1 or SEC 1 have it.
fn unwrapped(key: &str) -> Vec<u8> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let mut bytes = key.secret_der();
    let mut last = Vec::new();
    (_, bytes, _) = crate::tls::x509::element(bytes).expect("a sequence");
    for _ in 0..3 {
        let (_, content, rest) = crate::tls::x509::element(bytes).expect("version, algorithm, key");
        last = content.to_vec();
        bytes = rest;
    }
    last
}

#[test]
fn every_way_to_write_them() {
    let ecdsa = made(&["ecdsa.example"]);
    let rsa = made_for(&["rsa.example"], Kind::Rsa, (2020, 2040));
    let folder = Folder::new();
    let windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    folder.put(
        "windows",
        &Made {
            certificate: windows(&ecdsa.certificate),
            key: windows(&ecdsa.key),
        },
    );
    let sec1 = format!(
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n-----BEGIN EC PRIVATE KEY-----\n{}\n\
         -----END EC PRIVATE KEY-----\n",
        base64(&unwrapped(&ecdsa.key))
    );
    folder.put(
        "sec1",
        &Made {
            key: sec1,
            ..ecdsa.clone()
        },
    );
    let pkcs1 = base64(&unwrapped(&rsa.key));
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{pkcs1}\n-----END RSA PRIVATE KEY-----\n");
    folder.put("pkcs1", &Made { key, ..rsa });
    folder.put(
        "words",
        &Made {
            certificate: format!("Subject: words\n\n{}", ecdsa.certificate),
            ..ecdsa.clone()
        },
    );
    folder.put(
        "chain",
        &Made {
            certificate: ecdsa.certificate.clone() + &made(&["issuer"]).certificate,
            ..ecdsa
        },
    );
    folder.write(".hidden.crt", "garbage");
    folder.write("..data/fullchain.pem", "garbage");
    assert_eq!(folder.read().all().len(), 5);
}
