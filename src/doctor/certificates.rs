//! The certificates for visitors: how long they are valid, who signed them, and whether they name the links' hosts.

use std::{collections::BTreeSet, time::SystemTime};

use super::{Check, Finding, Mark, count};
use crate::tls::{Certificate, Certificates, Level, Trust, level};

/// More hosts are counted, not named.
const SHOWN: usize = 5;

/// Looks at all certificates. `hosts` are the links', as places have them.
pub fn certificates(certificates: &Certificates, hosts: &BTreeSet<&str>, now: SystemTime) -> Vec<Finding> {
    let mut found = Vec::new();
    for certificate in certificates.all() {
        found.push(end(certificate, now));
        found.push(chain(certificate));
    }
    found.extend(names(certificates, hosts));
    found
}

fn end(certificate: &Certificate, now: SystemTime) -> Finding {
    let told = |mark, found: String| Finding::new(mark, Check::CertificateEnd, certificate.name(), found);
    let days = |until: SystemTime| until.duration_since(now).unwrap_or_default().as_secs() / 86_400;
    if now < certificate.not_before() {
        let found = format!(
            "is not valid yet: in {}",
            count(days(certificate.not_before()) + 1, "day")
        );
        return told(Mark::Fail, found)
            .mend("see whether this machine's clock is right; until then browsers stop their users");
    }
    let left = format!("is valid for {}", count(days(certificate.not_after()), "more day"));
    let renew = "renew it now, and see why it was not renewed by itself (certbot renew --dry-run)";
    match level(certificate, now) {
        None => told(Mark::Ok, format!("{left}; its key fits")),
        Some(Level::First) => told(Mark::Warn, left).mend(renew),
        Some(Level::Second) => told(Mark::Warn, format!("{left}, that is a few days")).mend(renew),
        Some(Level::Over) => {
            let since = now
                .duration_since(certificate.not_after())
                .unwrap_or_default()
                .as_secs()
                / 86_400;
            told(
                Mark::Fail,
                format!("ended {} ago: browsers stop their users", count(since, "day")),
            )
            .mend(renew)
        }
    }
}

fn chain(certificate: &Certificate) -> Finding {
    let told = |mark, found: &str| Finding::new(mark, Check::CertificateChain, certificate.name(), found);
    match certificate.trust() {
        Trust::Known => told(Mark::Ok, "its chain is whole, and leads to a root that browsers know"),
        Trust::OwnIssuer => told(Mark::Warn, "has signed itself: browsers stop their users")
            .mend("have one made by an authority that browsers know, such as Let's Encrypt"),
        Trust::Alone => told(Mark::Warn, "stands alone in its file, and no root that browsers know has signed it")
            .mend("put the certificates of its issuers behind it: fullchain.pem, not cert.pem"),
        Trust::Unknown => told(Mark::Warn, "its chain leads to no root that browsers know")
            .mend("put the missing issuers behind it, in their order; one of an authority of your own is for your own visitors alone"),
        Trust::Unfit => told(Mark::Warn, "something in its chain is not as browsers want it").mend("have it made again"),
    }
}

fn names(certificates: &Certificates, hosts: &BTreeSet<&str>) -> Option<Finding> {
    let covered = |host: &str| certificates.all().iter().any(|certificate| certificate.covers(host));
    let known: Vec<&str> = hosts.iter().copied().filter(|host| *host != "*").collect();
    if known.is_empty() {
        return None;
    }
    let bare: Vec<&str> = known
        .iter()
        .copied()
        // Of a wildcard a name below it stands for all.
        .filter(|host| !covered(&host.replacen('*', "www", 1)))
        .collect();
    let told = |mark, found: String| Finding::new(mark, Check::CertificateNames, "", found);
    if bare.is_empty() {
        let all = count(known.len() as u64, "host");
        return Some(told(
            Mark::Ok,
            format!("the links' {all} are all named by a certificate"),
        ));
    }
    let more = match bare.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = bare[..bare.len().min(SHOWN)].join(", ");
    let found = format!("no certificate names {shown}{more}: through TLS, browsers stop their users there");
    Some(told(Mark::Warn, found).mend("put a certificate for them into tls.certs, unless they are for http alone"))
}
