//! A place as an affiliate writes it: `go.example.com/shoes`, `*.example.com/shoes/*`, `*/deals`, `/deals`.

use std::fmt;

use super::{host, path};

/// A host and a path at which a link stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Whose requests.
    pub host: HostPattern,
    /// The canonical path; of a subtree its root, without the slash and star.
    pub path: String,
    /// Whether everything below `path` belongs to it.
    pub subtree: bool,
}

/// Which hosts a place is on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This canonical host alone.
    Exact(String),
    /// Every name below this one, at any depth.
    Below(String),
    /// Any host.
    Any,
}

/// Why text is no place: what is wrong and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPlace {
    /// What is wrong.
    pub message: &'static str,
    /// How to mend it.
    pub help: &'static str,
}

const fn wrong(message: &'static str, help: &'static str) -> NotAPlace {
    NotAPlace { message, help }
}

impl Place {
    /// Reads a place. A port after the host is left out of it, as hosts are compared without one.
    pub fn parse(text: &str) -> Result<Self, NotAPlace> {
        if text.contains("://") {
            return Err(wrong(
                "a place is a host and a path, without a scheme",
                "leave out `https://`",
            ));
        }
        if text.contains(['?', '#']) {
            return Err(wrong(
                "a place has no query and no fragment",
                "end it before `?` or `#`; a link takes every query",
            ));
        }
        if text.is_empty() {
            return Err(wrong(
                "a place is missing",
                "write a host and a path, such as `go.example.com/shoes`",
            ));
        }
        let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        let host = HostPattern::parse(host)?;
        let (path, subtree) = match path {
            "" => ("/", false),
            "/*" => ("/", true),
            path => match path.strip_suffix("/*") {
                Some(root) => (root, true),
                None => (path, false),
            },
        };
        if path.contains('*') {
            return Err(wrong(
                "`*` takes whole subtrees only",
                "put it alone behind the last slash, such as `/shoes/*`",
            ));
        }
        let path = path::canonical(path).ok_or(wrong(
            "a `%` in the path begins no escape",
            "write `%25` for a percent sign",
        ))?;
        Ok(Self {
            host,
            path: path.into_owned(),
            subtree,
        })
    }
}

impl HostPattern {
    /// Whether a canonical host is one of these.
    pub fn takes(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => host == name,
            Self::Below(name) => host
                .strip_suffix(name.as_str())
                .is_some_and(|front| front.ends_with('.') && front.len() > 1),
            Self::Any => true,
        }
    }

    /// Reads a host, `*.example.com`, or `*`.
    pub fn parse(text: &str) -> Result<Self, NotAPlace> {
        let below = match text {
            "" | "*" => return Ok(Self::Any),
            text => text.strip_prefix("*."),
        };
        let name = below.unwrap_or(text);
        if name.contains('*') {
            return Err(wrong(
                "`*` stands for any host, or for any subdomain at the front",
                "write `*` or `*.example.com`",
            ));
        }
        let ascii = if name.is_ascii() {
            name.to_owned()
        } else {
            idna::domain_to_ascii(name).unwrap_or_default()
        };
        let name = host::canonical(&ascii).ok_or(wrong(
            "this is no host name",
            "a place begins with a host, such as `go.example.com/shoes`, or with `*` for any",
        ))?;
        Ok(match below {
            Some(_) => Self::Below(name.into_owned()),
            None => Self::Exact(name.into_owned()),
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => out.write_str(name),
            Self::Below(name) => write!(out, "*.{name}"),
            Self::Any => out.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: HostPattern, path: &str, subtree: bool) -> Place {
        Place {
            host,
            path: path.to_owned(),
            subtree,
        }
    }

    #[test]
    fn places() {
        let exact = |name: &str| HostPattern::Exact(name.to_owned());
        for (text, expected) in [
            ("go.example.com/shoes", place(exact("go.example.com"), "/shoes", false)),
            (
                "GO.example.com:8080/Shoes/",
                place(exact("go.example.com"), "/Shoes", false),
            ),
            ("go.example.com", place(exact("go.example.com"), "/", false)),
            ("go.example.com/*", place(exact("go.example.com"), "/", true)),
            ("go.example.com/shoes/*", place(exact("go.example.com"), "/shoes", true)),
            (
                "*.example.com/",
                place(HostPattern::Below("example.com".to_owned()), "/", false),
            ),
            ("*/deals", place(HostPattern::Any, "/deals", false)),
            ("/deals", place(HostPattern::Any, "/deals", false)),
            ("*", place(HostPattern::Any, "/", false)),
            (
                "bücher.example/größe",
                place(exact("xn--bcher-kva.example"), "/gr%C3%B6%C3%9Fe", false),
            ),
            ("[::1]:8080/a", place(exact("[::1]"), "/a", false)),
        ] {
            assert_eq!(Place::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn not_places() {
        for text in [
            "",
            "https://go.example.com/shoes",
            "go.example.com/shoes?a=b",
            "go.*.com/shoes",
            "go.example.com/*/shoes",
            "go.example.com/shoes*",
            "go example.com/shoes",
            "user@go.example.com/",
            "go.example.com/%zz",
        ] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
    }
}
