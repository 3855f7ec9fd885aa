//! Makes `certs/localhost.crt` and `certs/localhost.key`, the pair to develop with: `cargo run --example localhost-cert`.

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

fn main() {
    let names = ["localhost", "*.localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, "onehop development");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2046, 1, 1);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/certs");
    std::fs::write(format!("{folder}/localhost.crt"), certificate.pem()).expect("the file is written");
    std::fs::write(format!("{folder}/localhost.key"), key.serialize_pem()).expect("the file is written");
}
