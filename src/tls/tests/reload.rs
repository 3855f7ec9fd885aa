//! Files that change while they are in use.

use std::{fs, sync::Arc};

use super::{Folder, Kind, Made, day, made, made_for, now};
use crate::tls::{Certificates, Severity, Store, Watch};

fn names(store: &Store) -> Vec<String> {
    store
        .current()
        .all()
        .iter()
        .map(|certificate| certificate.name().to_owned())
        .collect()
}

fn covers(store: &Store, name: &str, host: &str) -> bool {
    let current = store.current();
    let found = current.all().iter().find(|certificate| certificate.name() == name);
    found.is_some_and(|certificate| certificate.covers(host))
}

#[test]
fn a_changed_one_is_taken_up_and_the_others_stay() {
    let folder = Folder::new();
    folder.put("a", &made(&["old.example"]));
    folder.put("b", &made(&["b.example"]));
    let store = folder.store();
    let before = store.current();
    folder.put("a", &made(&["new.example"]));
    let reload = store.reload(now());
    assert!(reload.has_changed && reload.mistakes.is_empty());
    assert!(covers(&store, "a.crt", "new.example") && !covers(&store, "a.crt", "old.example"));
    let after = store.current();
    assert!(!Arc::ptr_eq(&before.all()[0], &after.all()[0]));
    assert!(
        Arc::ptr_eq(&before.all()[1], &after.all()[1]),
        "sessions of what stays go on"
    );
    assert!(!store.reload(now()).has_changed);
}

#[test]
fn one_half_written_leaves_the_last_good_one() {
    let folder = Folder::new();
    let (old, new) = (made(&["old.example"]), made(&["new.example"]));
    folder.put("a", &old);
    folder.put("b", &made(&["b.example"]));
    let store = folder.store();
    let states: [(&str, &dyn Fn()); 6] = [
        ("the certificate is written first", &|| {
            folder.write("a.crt", &new.certificate);
        }),
        ("the key is written first", &|| {
            folder.write("a.crt", &old.certificate);
            folder.write("a.key", &new.key);
        }),
        ("half of it is written", &|| {
            folder.write("a.crt", &new.certificate[..100]);
        }),
        ("nothing of it is written", &|| folder.write("a.crt", "")),
        ("it is away for a moment", &|| folder.remove("a.crt")),
        ("its key is away for a moment", &|| {
            folder.write("a.crt", &new.certificate);
            folder.remove("a.key");
        }),
    ];
    for (state, write) in states {
        write();
        let reload = store.reload(now());
        assert!(!reload.has_changed, "{state}");
        assert_eq!(reload.mistakes.len(), 1, "{state}: {:?}", reload.mistakes);
        assert!(covers(&store, "a.crt", "old.example"), "{state}");
    }
    // What changes beside it is taken up all the same.
    folder.put("b", &made(&["c.example"]));
    assert!(store.reload(now()).has_changed && covers(&store, "b.crt", "c.example"));
    folder.put("a", &new);
    let reload = store.reload(now());
    assert!(reload.has_changed && reload.mistakes.is_empty());
    assert!(covers(&store, "a.crt", "new.example"));
}

#[test]
fn an_expired_one_leaves_the_last_good_one_while_that_is_valid() {
    let folder = Folder::new();
    let (good, expired) = (
        made_for(&["a.example"], Kind::Ecdsa, (2020, 2028)),
        made_for(&["a.example"], Kind::Ecdsa, (2020, 2026)),
    );
    folder.put("a", &good);
    let store = folder.store();
    let before = store.current();
    let is_in_use = || Arc::ptr_eq(&store.current().all()[0], &before.all()[0]);
    folder.put("a", &expired);
    for _ in 0..2 {
        let reload = store.reload(now());
        assert!(!reload.has_changed && is_in_use());
        let [mistake] = &*reload.mistakes else {
            panic!("{:?}", reload.mistakes);
        };
        assert_eq!(mistake.severity, Severity::Error);
        assert!(mistake.path.ends_with("a.crt") && mistake.message == "is expired");
    }
    // A good one is taken up as ever.
    folder.put("b", &expired);
    folder.put("a", &made_for(&["a.example"], Kind::Ecdsa, (2020, 2027)));
    let reload = store.reload(now());
    assert!(reload.has_changed && !is_in_use());
    // One that nothing stands before is used as at the start.
    assert_eq!(names(&store), ["a.crt", "b.crt"]);
    assert!(
        reload
            .mistakes
            .iter()
            .all(|mistake| mistake.severity == Severity::Warning)
    );

    // When that in use ends too, the one on disk takes its place.
    folder.put("a", &expired);
    let mut watch = Watch::default();
    for _ in 0..3 {
        watch.look(&store, now());
    }
    // 2 January 2027.
    let reload = watch.look(&store, day(20_820)).expect("a change");
    assert!(reload.has_changed);
    assert_eq!(store.current().all()[0].not_after(), day(20_454));
}

#[test]
fn a_removed_one_goes_but_never_the_last() {
    let folder = Folder::new();
    folder.put("a", &made(&["a.example"]));
    folder.put("b", &made(&["b.example"]));
    let store = folder.store();
    folder.remove("a.crt");
    folder.remove("a.key");
    let reload = store.reload(now());
    assert!(reload.has_changed && reload.mistakes.is_empty());
    assert_eq!(names(&store), ["b.crt"]);
    folder.remove("b.crt");
    folder.remove("b.key");
    let reload = store.reload(now());
    assert!(!reload.has_changed);
    assert_eq!(reload.mistakes[0].message, "holds no certificate");
    assert_eq!(names(&store), ["b.crt"]);
    fs::remove_dir(folder.path()).expect("an empty folder");
    let reload = store.reload(now());
    assert!(
        !reload.has_changed && reload.mistakes.len() == 1,
        "{:?}",
        reload.mistakes
    );
    assert_eq!(names(&store), ["b.crt"]);
    folder.put("c", &made(&["c.example"]));
    assert!(store.reload(now()).has_changed);
    assert_eq!(names(&store), ["c.crt"]);
}

#[test]
fn broken_new_ones_are_told_of_and_not_served() {
    let folder = Folder::new();
    folder.put("a", &made(&["a.example"]));
    let store = folder.store();
    folder.put(
        "b",
        &Made {
            key: made(&["x"]).key,
            ..made(&["b.example"])
        },
    );
    let reload = store.reload(now());
    assert!(!reload.has_changed && reload.mistakes.len() == 1);
    assert_eq!(names(&store), ["a.crt"]);
}

/// certbot's and Kubernetes' ways.
#[test]
fn links_that_are_swapped() {
    let folder = Folder::new();
    for (version, name) in [("1", "old.example"), ("2", "new.example")] {
        let made = made(&[name]);
        folder.write(&format!(".versions/{version}/tls.crt"), &made.certificate);
        folder.write(&format!(".versions/{version}/tls.key"), &made.key);
    }
    folder.link("..data", ".versions/1");
    folder.link("tls.crt", "..data/tls.crt");
    folder.link("tls.key", "..data/tls.key");
    fs::create_dir(folder.path().join("live")).expect("a folder");
    folder.link("live/fullchain.pem", "../..data/tls.crt");
    folder.link("live/privkey.pem", "../..data/tls.key");
    let store = folder.store();
    let mut watch = Watch::default();
    assert!(watch.look(&store, now()).is_none());
    folder.link("..data", ".versions/2");
    assert!(watch.look(&store, now()).is_none(), "not at rest");
    assert!(watch.look(&store, now()).is_some_and(|reload| reload.has_changed));
    assert!(covers(&store, "tls.crt", "new.example"));
    assert!(covers(&store, "live/fullchain.pem", "new.example"));
    assert!(watch.look(&store, now()).is_none());
}

#[test]
fn a_watch_waits_until_files_are_at_rest_and_tells_once() {
    let folder = Folder::new();
    folder.put("a", &made(&["a.example"]));
    let store = folder.store();
    let mut watch = Watch::default();
    for _ in 0..3 {
        assert!(watch.look(&store, now()).is_none());
    }
    folder.write("a.crt", "half");
    assert!(watch.look(&store, now()).is_none());
    folder.write("a.crt", "half of it");
    assert!(watch.look(&store, now()).is_none(), "somebody is still writing");
    let reload = watch.look(&store, now()).expect("a mistake");
    assert!(!reload.has_changed && reload.mistakes.len() == 1);
    for _ in 0..3 {
        assert!(watch.look(&store, now()).is_none());
    }
    folder.put("a", &made(&["b.example"]));
    watch.look(&store, now());
    assert!(
        watch
            .look(&store, now())
            .is_some_and(|reload| reload.has_changed && reload.mistakes.is_empty())
    );
    assert!(covers(&store, "a.crt", "b.example"));
}

/// What cannot be read is tried at each look, and told of once.
#[test]
fn what_may_pass_is_tried_again() {
    let folder = Folder::new();
    let made = made(&["a.example"]);
    folder.put("a", &made);
    folder.link("a.key", "elsewhere/a.key");
    folder.write("elsewhere/a.key", &made.key);
    let store = folder.store();
    let mut watch = Watch::default();
    watch.look(&store, now());
    folder.remove("elsewhere/a.key");
    watch.look(&store, now());
    assert_eq!(watch.look(&store, now()).expect("a mistake").mistakes.len(), 1);
    assert_eq!(
        store.current().source().print,
        crate::tls::folder::Fingerprint::default()
    );
    assert!(watch.look(&store, now()).is_none());
    folder.write("elsewhere/a.key", &made.key);
    watch.look(&store, now());
    assert!(
        watch
            .look(&store, now())
            .is_some_and(|reload| reload.mistakes.is_empty())
    );
    assert_ne!(
        store.current().source().print,
        crate::tls::folder::Fingerprint::default()
    );
}

#[test]
fn one_that_begins_to_be_valid_is_shown_from_then_on() {
    let folder = Folder::new();
    folder.put("a", &made_for(&["a.example"], Kind::Ecdsa, (2020, 2028)));
    folder.put("b", &made_for(&["a.example"], Kind::Ecdsa, (2027, 2030)));
    let reading = Certificates::read(folder.path(), now());
    let store = Store::new(reading.certificates.expect("certificates"));
    let mut watch = Watch::default();
    let shown = || store.current().find(Some("a.example"), |_| true).name().to_owned();
    watch.look(&store, now());
    assert_eq!(shown(), "a.crt");
    // 2 January 2027.
    watch.look(&store, day(20_820));
    assert_eq!(shown(), "b.crt");
}
