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

fn with(write: impl FnOnce(&Folder, &Made)) -> Vec<String> {
    let folder = Folder::new();
    write(&folder, &made(&["example.com"]));
    mistakes(&folder)
}

#[test]
fn each_is_told_with_its_file() {
    let half = |text: &str| text[..text.len() / 2].to_owned();
    for (expected, found) in [
        (
            "E a.key: is not the key of its certificate",
            with(|folder, made| {
                folder.put(
                    "a",
                    &Made {
                        key: super::made(&["a"]).key,
                        ..made.clone()
                    },
                )
            }),
        ),
        (
            "E a.key: is not the key of its certificate",
            with(|folder, made| {
                let issuer = super::made(&["issuer"]).certificate;
                folder.put(
                    "a",
                    &Made {
                        certificate: issuer + &made.certificate,
                        ..made.clone()
                    },
                );
            }),
        ),
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
            "E a.crt: holds no certificate",
            with(|folder, made| {
                folder.put(
                    "a",
                    &Made {
                        certificate: "garbage\n".into(),
                        ..made.clone()
                    },
                )
            }),
        ),
        (
            "E a.crt: holds no certificate",
            with(|folder, made| {
                folder.put(
                    "a",
                    &Made {
                        certificate: String::new(),
                        ..made.clone()
                    },
                )
            }),
        ),
        (
            "E a.crt: holds no certificate",
            with(|folder, made| {
                folder.put(
                    "a",
                    &Made {
                        certificate: made.key.clone(),
                        ..made.clone()
                    },
                )
            }),
        ),
        (
            "E a.crt: is cut off or damaged",
            with(|folder, made| {
                folder.put(
                    "a",
                    &Made {
                        certificate: half(&made.certificate),
                        ..made.clone()
                    },
                )
            }),
        ),
        (
            "E a.crt: begins with a certificate that cannot be read",
            with(|folder, made| {
                let certificate = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n".into();
                folder.put(
                    "a",
                    &Made {
                        certificate,
                        ..made.clone()
                    },
                );
            }),
        ),
        (
            "E a.crt: has a certificate of an issuer that cannot be read",
            with(|folder, made| {
                let issuer = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
                folder.put(
                    "a",
                    &Made {
                        certificate: made.certificate.clone() + issuer,
                        ..made.clone()
                    },
                );
            }),
        ),
        (
            "E a.crt: has a weak key, RSA of 1024 bits",
            with(|folder, made| {
                folder.put(
                    "a",
                    &Made {
                        certificate: include_str!("rsa-1024.crt").into(),
                        ..made.clone()
                    },
                );
            }),
        ),
        (
            "E a.key: holds no key",
            with(|folder, made| {
                folder.put(
                    "a",
                    &Made {
                        key: made.certificate.clone(),
                        ..made.clone()
                    },
                )
            }),
        ),
        (
            "E a.key: is cut off or damaged",
            with(|folder, made| {
                folder.put(
                    "a",
                    &Made {
                        key: half(&made.key),
                        ..made.clone()
                    },
                )
            }),
        ),
        (
            "E a.key: is a key of a kind that is not known, or damaged",
            with(|folder, made| {
                let key = "-----BEGIN PRIVATE KEY-----\nMAMCAQE=\n-----END PRIVATE KEY-----\n".into();
                folder.put("a", &Made { key, ..made.clone() });
            }),
        ),
        (
            "E a.key: is encrypted",
            with(|folder, made| {
                let key = made.key.replace("PRIVATE", "ENCRYPTED PRIVATE");
                folder.put("a", &Made { key, ..made.clone() });
            }),
        ),
        (
            "E a.key: is encrypted",
            with(|folder, made| {
                let key = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMAMCAQE=\n\
                           -----END EC PRIVATE KEY-----\n";
                folder.put(
                    "a",
                    &Made {
                        key: key.into(),
                        ..made.clone()
                    },
                );
            }),
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
            with(|folder, made| {
                folder.put("a", made);
                folder.write("a.crt", vec![b'\n'; 1024 * 1024 + 1]);
            }),
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
        (
            "W a.crt: is expired",
            with(|folder, _| folder.put("a", &made_for(&["a.example"], Kind::Ecdsa, (2020, 2026)))),
        ),
        (
            "W a.crt: is not valid yet",
            with(|folder, _| folder.put("a", &made_for(&["a.example"], Kind::Ecdsa, (2027, 2030)))),
        ),
        (
            "W a.crt: has a kind of key that many browsers do not take",
            with(|folder, _| folder.put("a", &made_for(&["a.example"], Kind::Ed25519, (2020, 2030)))),
        ),
        (
            "W a.crt: names no host",
            with(|folder, _| folder.put("a", &super::made(&[]))),
        ),
    ] {
        assert_eq!(found, [expected]);
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
