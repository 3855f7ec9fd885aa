//! Who signed a certificate, as browsers see it.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;

use super::{Folder, now};
use crate::tls::{Certificates, Trust};

fn params(names: &[&str], subject: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, subject);
    params
}

fn authority(subject: &str) -> CertificateParams {
    let mut params = params(&[], subject);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

#[test]
fn a_chain_is_whole_or_says_where_it_ends() {
    let key = || KeyPair::generate().expect("a key");
    let root = CertifiedIssuer::self_signed(authority("root"), key()).expect("a root");
    let between = CertifiedIssuer::signed_by(authority("between"), key(), &root).expect("an issuer");
    let leaf_key = key();
    let leaf = params(&["a.example"], "leaf")
        .signed_by(&leaf_key, &between)
        .expect("a leaf");
    let own = params(&["a.example"], "own").self_signed(&leaf_key).expect("a leaf");
    let known = || {
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).expect("a root");
        roots
    };
    let (leaf, between, root_pem) = (leaf.pem(), between.pem(), root.pem());
    for (chain, roots, expected) in [
        ([&*leaf, &between].concat(), known(), Trust::Known),
        ([&*leaf, &between, &root_pem].concat(), known(), Trust::Known),
        (leaf.clone(), known(), Trust::Alone),
        ([&*leaf, &root_pem].concat(), known(), Trust::Unknown),
        (
            [&*leaf, &between].concat(),
            RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            },
            Trust::Unknown,
        ),
        (own.pem(), known(), Trust::OwnIssuer),
    ] {
        let folder = Folder::new();
        std::fs::write(folder.path().join("a.crt"), chain).expect("a file");
        std::fs::write(folder.path().join("a.key"), leaf_key.serialize_pem()).expect("a file");
        let read = Certificates::read(folder.path(), now())
            .certificates
            .expect("certificates");
        assert_eq!(read.all()[0].trust_by(roots), expected);
    }
}
