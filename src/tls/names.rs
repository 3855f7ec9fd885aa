//! The names in a certificate, and which hosts they cover (RFC 9525, section 6.3).
//!
//! Pure. Names are lower-case ASCII without a final dot; names in other scripts stand as they do in certificates, `xn--…`.

use std::{borrow::Cow, net::IpAddr};

/// Sorted names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    exact: Box<[Box<str>]>,
    /// What stands behind `*.`.
    parents: Box<[Box<str>]>,
    addresses: Box<[IpAddr]>,
}

impl Names {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>, addresses: Vec<IpAddr>) -> Self {
        let (mut exact, mut parents) = (Vec::new(), Vec::new());
        for name in names {
            let name = canonical(name);
            match name.strip_prefix("*.") {
                Some(parent) => parents.push(Box::from(parent)),
                None => exact.push(Box::from(&*name)),
            }
        }
        for list in [&mut exact, &mut parents] {
            list.sort_unstable();
            list.dedup();
        }
        Self {
            exact: exact.into(),
            parents: parents.into(),
            addresses: addresses.into(),
        }
    }

    /// Whether a host is covered: by its own name, by a wildcard in the place of its first label, or as an address, with
    /// brackets or without.
    pub(super) fn cover(&self, host: &str) -> bool {
        let host = canonical(host);
        let is_among = |list: &[Box<str>], name: &str| list.binary_search_by(|one| (**one).cmp(name)).is_ok();
        is_among(&self.exact, &host)
            || parent(&host).is_some_and(|parent| is_among(&self.parents, parent))
            || self.cover_address(&host)
    }

    fn cover_address(&self, host: &str) -> bool {
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        !self.addresses.is_empty() && inner.parse().is_ok_and(|ip| self.addresses.contains(&ip))
    }

    pub(super) fn exact(&self) -> &[Box<str>] {
        &self.exact
    }

    pub(super) fn parents(&self) -> &[Box<str>] {
        &self.parents
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.parents.is_empty() && self.addresses.is_empty()
    }
}

/// As names are compared. Copies only what is written otherwise.
pub(super) fn canonical(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// What stands behind a host's first label: what a wildcard must name to cover the host.
pub(super) fn parent(host: &str) -> Option<&str> {
    let (first, parent) = host.split_once('.')?;
    (!first.is_empty()).then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_one_label() {
        let names = Names::new(
            [
                "Example.com",
                "*.EXAMPLE.com",
                "www.other.example.",
                "*.xn--bcher-kva.example",
            ]
            .into_iter(),
            vec![IpAddr::from([192, 0, 2, 1]), "2001:db8::1".parse().expect("an address")],
        );
        for (host, covered) in [
            ("example.com", true),
            ("EXAMPLE.com.", true),
            ("a.example.com", true),
            ("A.example.com", true),
            ("a.b.example.com", false),
            (".example.com", false),
            ("*.example.com", true), // nobody's host; one label all the same
            ("aexample.com", false),
            ("com", false),
            ("www.other.example", true),
            ("other.example", false),
            ("a.other.example", false),
            ("www.xn--bcher-kva.example", true),
            ("xn--bcher-kva.example", false),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("2001:db8::1", true),
            ("[2001:DB8:0::1]", true),
            ("[2001:db8::2]", false),
            ("", false),
            (".", false),
        ] {
            assert_eq!(names.cover(host), covered, "{host}");
        }
        assert!(!Names::default().cover("example.com") && Names::default().is_empty());
    }
}
