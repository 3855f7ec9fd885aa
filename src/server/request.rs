//! From a request's head to a hit: what HTTP demands of it, and the canonical host and path.
//!
//! Pure. What hyper lets pass and HTTP does not is refused here.

use std::{borrow::Cow, ops::Not};

use http::{Method, Version, header, request::Parts, uri::PathAndQuery};

use super::Limits;
use crate::{
    headers::{Headers, Several},
    link::{host as hosts, path},
    outcome::Refusal,
    query::{self, Query},
};

/// Where prefetch proxies ask whether they are welcome.
const TRAFFIC_ADVICE: &str = "/.well-known/traffic-advice";

/// A request's head, as whoever read it hands it on.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// Scheme and authority of an absolute target; the scheme is empty where the target is an authority alone.
    pub authority: Option<(&'a str, &'a str)>,
    /// Path and query as they came.
    pub target: &'a str,
    /// Its version.
    pub version: Version,
    /// Its headers.
    pub headers: Headers<'a>,
}

impl<'a> From<&'a Parts> for Head<'a> {
    fn from(parts: &'a Parts) -> Self {
        let uri = &parts.uri;
        Self {
            method: &parts.method,
            authority: uri
                .authority()
                .map(|authority| (uri.scheme_str().unwrap_or_default(), authority.as_str())),
            target: uri.path_and_query().map_or("", PathAndQuery::as_str),
            version: parts.version,
            headers: (&parts.headers).into(),
        }
    }
}

/// A request that may be a hit.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Whether it is a HEAD.
    pub head: bool,
    /// The canonical host; empty where an HTTP/1.0 client named none.
    pub host: Cow<'a, str>,
    /// The canonical path.
    pub path: Cow<'a, str>,
    /// The query as it came, without its `?`.
    pub query: Query<'a>,
}

/// Reads a request's head.
pub fn read<'a>(asked: &Head<'a>, limits: &Limits) -> Result<Asked<'a>, Refusal> {
    if exceeds(asked.headers.count(), limits.header_fields) {
        return Err(Refusal::TooManyFields);
    }
    let head = match *asked.method {
        Method::GET => false,
        Method::HEAD => true,
        _ => return Err(Refusal::Method),
    };
    // No click has a body whose length is not known, and whether a length stood beside it cannot be seen any more: hyper
    // takes one out (RFC 9112, section 6.1).
    if asked.headers.has(&header::TRANSFER_ENCODING) {
        return Err(Refusal::BadRequest);
    }
    let host = host(asked)?;
    if exceeds(asked.target.len(), limits.target_bytes) {
        return Err(Refusal::TargetTooLong);
    }
    let (path, query) = query::of_target(asked.target);
    // Of an absolute target it may be empty, and stands for this (RFC 9110, section 4.2.3).
    let path = if path.is_empty() && asked.authority.is_some() {
        "/"
    } else {
        path
    };
    if !path.starts_with('/') || !path.is_ascii() {
        return Err(Refusal::BadRequest);
    }
    let path = path::canonical(path).ok_or(Refusal::BadRequest)?;
    if path == TRAFFIC_ADVICE {
        return Err(Refusal::TrafficAdvice);
    }
    Ok(Asked {
        head,
        host,
        path,
        query,
    })
}

fn exceeds(length: usize, limit: u32) -> bool {
    u32::try_from(length).is_ok_and(|length| length <= limit).not()
}

/// The host that a request is for. That of an absolute target counts more than `Host` (RFC 9112, section 3.2.2), which
/// must be there all the same, once, in HTTP/1.1 (section 3.2); in HTTP/2 the two must not differ (RFC 9113, section
/// 8.3.1).
pub fn host<'a>(asked: &Head<'a>) -> Result<Cow<'a, str>, Refusal> {
    let named = single_host(asked.headers)?;
    let target = absolute_host(asked.authority)?;
    match (target, named) {
        (Some(target), Some(named)) if asked.version == Version::HTTP_2 && target != named => Err(Refusal::BadRequest),
        (Some(_), None) if asked.version == Version::HTTP_11 => Err(Refusal::BadRequest),
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) if asked.version < Version::HTTP_11 => Ok(Cow::Borrowed("")),
        (None, None) => Err(Refusal::BadRequest),
    }
}

fn single_host(headers: Headers<'_>) -> Result<Option<Cow<'_, str>>, Refusal> {
    let line = match headers.only(&header::HOST) {
        Ok(None) => return Ok(None),
        Ok(Some(line)) => line,
        Err(Several) => return Err(Refusal::BadRequest),
    };
    str::from_utf8(line)
        .ok()
        .and_then(hosts::canonical)
        .map(Some)
        .ok_or(Refusal::BadRequest)
}

fn absolute_host<'a>(authority: Option<(&str, &'a str)>) -> Result<Option<Cow<'a, str>>, Refusal> {
    match authority {
        None => Ok(None),
        Some(("http" | "https", authority)) => hosts::canonical(authority).map(Some).ok_or(Refusal::BadRequest),
        _ => Err(Refusal::BadRequest),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(method: &str, target: &str, version: Version, hosts: &[&str]) -> Parts {
        let mut request = Request::builder().method(method).uri(target).version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn what_http_demands() {
        use Version as V;
        let ok = |host: &str, path: &str| Ok(format!("{host} {path}"));
        for (method, target, version, hosts, expected) in [
            (
                "GET",
                "/a",
                V::HTTP_11,
                &["go.example.com"][..],
                ok("go.example.com", "/a"),
            ),
            (
                "GET",
                "/%61/",
                V::HTTP_11,
                &["GO.example.com.:80"],
                ok("go.example.com", "/a"),
            ),
            ("HEAD", "/a", V::HTTP_11, &["a"], ok("a", "/a")),
            ("GET", "http://b/a", V::HTTP_11, &["a"], ok("b", "/a")),
            ("GET", "http://b", V::HTTP_11, &["a"], ok("b", "/")),
            ("GET", "http://b?x=1", V::HTTP_11, &["a"], ok("b", "/")),
            ("GET", "/a", V::HTTP_10, &[], ok("", "/a")),
            ("GET", "http://b/a", V::HTTP_10, &[], ok("b", "/a")),
            ("GET", "https://b/a", V::HTTP_2, &[], ok("b", "/a")),
            ("GET", "https://b/a", V::HTTP_2, &["B:443"], ok("b", "/a")),
            ("GET", "/a", V::HTTP_2, &["b"], ok("b", "/a")),
            ("GET", "https://b/a", V::HTTP_2, &["c"], Err(Refusal::BadRequest)),
            ("GET", "/a", V::HTTP_2, &[], Err(Refusal::BadRequest)),
            ("GET", "/a", V::HTTP_11, &[], Err(Refusal::BadRequest)),
            ("GET", "http://b/a", V::HTTP_11, &[], Err(Refusal::BadRequest)),
            ("GET", "/a", V::HTTP_11, &["a", "a"], Err(Refusal::BadRequest)),
            ("GET", "/a", V::HTTP_11, &["a, b"], Err(Refusal::BadRequest)),
            ("GET", "/a", V::HTTP_11, &["u@a"], Err(Refusal::BadRequest)),
            ("GET", "/a", V::HTTP_11, &["a/b"], Err(Refusal::BadRequest)),
            ("GET", "/a", V::HTTP_11, &["a:b"], Err(Refusal::BadRequest)),
            ("GET", "/a", V::HTTP_11, &[""], Err(Refusal::BadRequest)),
            ("GET", "http://u@b/a", V::HTTP_11, &["a"], Err(Refusal::BadRequest)),
            ("GET", "ftp://b/a", V::HTTP_11, &["a"], Err(Refusal::BadRequest)),
            ("GET", "*", V::HTTP_11, &["a"], Err(Refusal::BadRequest)),
            ("GET", "a:80", V::HTTP_11, &["a"], Err(Refusal::BadRequest)),
            ("GET", "/%zz", V::HTTP_11, &["a"], Err(Refusal::BadRequest)),
            ("GET", "/%00", V::HTTP_11, &["a"], Err(Refusal::BadRequest)),
            ("POST", "/a", V::HTTP_11, &["a"], Err(Refusal::Method)),
            ("OPTIONS", "*", V::HTTP_11, &["a"], Err(Refusal::Method)),
            ("CONNECT", "a:80", V::HTTP_11, &["a"], Err(Refusal::Method)),
            (
                "GET",
                "/.well-known/traffic-advice",
                V::HTTP_11,
                &["a"],
                Err(Refusal::TrafficAdvice),
            ),
        ] {
            let parts = parts(method, target, version, hosts);
            let asked =
                read(&Head::from(&parts), &Limits::default()).map(|asked| format!("{} {}", asked.host, asked.path));
            assert_eq!(asked, expected, "{method} {target} {version:?} {hosts:?}");
        }
    }
}
