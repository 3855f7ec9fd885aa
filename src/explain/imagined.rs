//! A request that nobody made: a URL and headers as they are given on a command line, as a browser would send them.

use std::{net::IpAddr, time::SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header, request::Parts};
use url::Url;

/// A request that might come.
#[derive(Clone, Debug)]
pub struct Imagined {
    /// When.
    pub at: SystemTime,
    /// The other end of its connection.
    pub peer: IpAddr,
    /// The host and port that it is for.
    host: HeaderValue,
    /// Path and query.
    target: Uri,
    /// Its headers.
    headers: HeaderMap,
}

/// Why a request cannot be made of what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRequest(pub String);

impl Imagined {
    /// A GET of a URL, which may lack its scheme, or its scheme and host.
    pub fn new(url: &str, peer: IpAddr, at: SystemTime) -> Result<Self, NoRequest> {
        let whole = if url.starts_with('/') {
            format!("http://localhost{url}")
        } else if url
            .split(['/', '?', '#'])
            .next()
            .is_some_and(|front| front.ends_with(':'))
        {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let wrong = || {
            NoRequest(format!(
                "`{url}` is no URL: write it like https://go.example.com/shoes?zone=1"
            ))
        };
        // As a browser does: in ASCII, with escapes, dot segments resolved.
        let parsed = Url::parse(&whole).map_err(|_| wrong())?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong());
        }
        let mut host = parsed.host_str().ok_or_else(wrong)?.to_owned();
        if let Some(port) = parsed.port() {
            host = format!("{host}:{port}");
        }
        let mut target = parsed.path().to_owned();
        if let Some(query) = parsed.query() {
            target = format!("{target}?{query}");
        }
        Ok(Self {
            at,
            peer,
            host: host.try_into().map_err(|_| wrong())?,
            target: target.try_into().map_err(|_| wrong())?,
            headers: HeaderMap::new(),
        })
    }

    /// With a header more. An empty value takes part as it would on the wire.
    pub fn header(&mut self, name: &str, value: &str) -> Result<(), NoRequest> {
        let wrong = |what| NoRequest(format!("`{name}: {value}` is no header: {what}"));
        let name =
            HeaderName::try_from(name.trim()).map_err(|_| wrong("its name has other characters than letters"))?;
        let value =
            HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| wrong("its value has control characters"))?;
        self.headers.append(name, value);
        Ok(())
    }

    pub(super) fn parts(&self) -> Parts {
        let mut request = Request::new(());
        *request.uri_mut() = self.target.clone();
        request.headers_mut().clone_from(&self.headers);
        // Who gives one of their own means it.
        request
            .headers_mut()
            .entry(header::HOST)
            .or_insert_with(|| self.host.clone());
        request.into_parts().0
    }

    /// Whether it has a header.
    pub fn has(&self, name: HeaderName) -> bool {
        self.headers.contains_key(name)
    }
}
