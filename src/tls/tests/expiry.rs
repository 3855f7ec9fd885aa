//! Certificates that end soon.

use std::time::Duration;

use super::{Folder, Kind, day, made_for, now};
use crate::tls::{Certificates, ExpiryWatch, Level};

/// What is told when somebody looks, on each of these days before the end.
fn told(years: (i32, i32), end: u64, looks: &[u64]) -> Vec<(u64, Level, u64)> {
    let folder = Folder::new();
    folder.put("a", &made_for(&["a.example"], Kind::Ecdsa, years));
    let certificates = Certificates::read(folder.path(), now())
        .certificates
        .expect("certificates");
    let mut watch = ExpiryWatch::default();
    let mut told = Vec::new();
    for before in looks {
        for expiring in watch.due(&certificates, day(end - before)) {
            assert_eq!((&*expiring.certificate, expiring.not_after), ("a.crt", day(end)));
            assert_eq!(expiring.path, folder.path().join("a.crt"));
            told.push((*before, expiring.level, expiring.left.as_secs() / 86_400));
        }
    }
    told
}

/// 1 January 2027.
const END: u64 = 20_819;

#[test]
fn each_level_once() {
    assert_eq!(
        told((2020, 2027), END, &[300, 22, 21, 20, 8, 7, 6, 1, 0, 0]),
        [(21, Level::First, 21), (7, Level::Second, 7), (0, Level::Over, 0)]
    );
    assert_eq!(
        told((2020, 2027), END, &[3, 2]),
        [(3, Level::Second, 3)],
        "no level that has passed"
    );
    assert_eq!(told((2020, 2027), END, &[0]), [(0, Level::Over, 0)]);
    assert_eq!(
        told((2020, 2027), END, &[7, 300, 21, 7]),
        [(7, Level::Second, 7)],
        "a clock that was set back"
    );
}

#[test]
fn another_certificate_of_the_name_begins_anew() {
    let folder = Folder::new();
    let mut watch = ExpiryWatch::default();
    let mut told = |years, today| {
        folder.put("a", &made_for(&["a.example"], Kind::Ecdsa, years));
        let certificates = Certificates::read(folder.path(), now())
            .certificates
            .expect("certificates");
        watch.due(&certificates, day(today)).len()
    };
    assert_eq!(told((2020, 2027), END - 7), 1);
    assert_eq!(told((2021, 2027), END - 7), 0, "of the same end");
    assert_eq!(told((2020, 2028), END - 7), 0);
    assert_eq!(told((2020, 2028), END + 365 - 20), 1);
}

/// What lives for weeks is renewed within weeks of its end: nobody is told of that.
#[test]
fn short_lives_have_short_warnings() {
    let whole = Duration::from_hours(24 * 48);
    let (mut params, key) = (
        rcgen::CertificateParams::new(vec!["a.example".to_owned()]).expect("names"),
        rcgen::KeyPair::generate().expect("a key"),
    );
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    params.not_before = params.not_after - whole;
    let folder = Folder::new();
    folder.write("a.crt", params.self_signed(&key).expect("a certificate").pem());
    folder.write("a.key", key.serialize_pem());
    let certificates = Certificates::read(folder.path(), day(END - 20))
        .certificates
        .expect("certificates");
    let mut watch = ExpiryWatch::default();
    let mut levels = Vec::new();
    for before in (0..=20).rev() {
        levels.extend(
            watch
                .due(&certificates, day(END - before))
                .iter()
                .map(|expiring| (before, expiring.level)),
        );
    }
    assert_eq!(levels, [(12, Level::First), (4, Level::Second), (0, Level::Over)]);
}
