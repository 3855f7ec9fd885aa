//! From an outcome to an answer: the only table of statuses, and of what an answer says.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use super::date;
use crate::outcome::{Nowhere, Outcome, Refusal};

/// Asks prefetch proxies to stay away (Private Prefetch Proxy, "Traffic advice"): what they fetch nobody has clicked.
const TRAFFIC_ADVICE: &str = r#"[{"user_agent":"prefetch-proxy","disallow":true}]"#;
/// Of the advice, which is the same for everyone; unsaid, each cache would guess how long it holds (RFC 9111, section 4.2.2).
const ADVICE_FIELDS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "max-age=86400"),
    (header::CONTENT_LENGTH, "49"),
    (header::CONTENT_TYPE, "application/trafficadvice+json"),
];
/// Of an answer without a body, that nobody keeps: the next visitor's is another.
const EMPTY_FIELDS: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_LENGTH, "0")];
const ALLOW: (HeaderName, &str) = (header::ALLOW, "GET, HEAD");
const CLOSE: (HeaderName, &str) = (header::CONNECTION, "close");

/// How nearly all answers begin: a redirect, with what stands in [`EMPTY_FIELDS`].
const FOUND: &[u8] = b"HTTP/1.1 302 Found\r\ncache-control: no-store\r\ncontent-length: 0";

/// An answer to a visitor.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Where the visitor goes, if anywhere.
    pub location: Option<HeaderValue>,
    /// Whether nothing that follows on its connection can be trusted, so that it is the last there.
    pub is_last: bool,
    says: Says,
}

/// What an answer says beside that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    /// Which methods there are.
    Methods,
    /// The traffic advice.
    Advice,
}

impl Reply {
    /// The answer for an outcome.
    pub fn of(outcome: Outcome) -> Self {
        let says = |says, status| Self {
            status,
            location: None,
            is_last: false,
            says,
        };
        let empty = |status| says(Says::Nothing, status);
        let to = |location| Self {
            location: Some(location),
            ..empty(StatusCode::FOUND)
        };
        let last = |status| Self {
            is_last: true,
            ..empty(status)
        };
        match outcome {
            Outcome::Advertiser(location) => to(location.into_value()),
            Outcome::Tracking(location, _)
            | Outcome::Trafficback(location, _)
            | Outcome::Preview(location, _)
            | Outcome::Unmatched(Nowhere::Redirect(location)) => to(location.into_value()),
            Outcome::Unmatched(Nowhere::Status(status)) => empty(status),
            Outcome::Refused(Refusal::BadRequest) => last(StatusCode::BAD_REQUEST),
            Outcome::Refused(Refusal::TargetTooLong) => last(StatusCode::URI_TOO_LONG),
            Outcome::Refused(Refusal::TooManyFields) => last(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Outcome::Refused(Refusal::Method) => says(Says::Methods, StatusCode::METHOD_NOT_ALLOWED),
            // A browser drops a failed prefetch, and asks again when somebody clicks. `Left` is answered to nobody.
            Outcome::Refused(Refusal::Speculative | Refusal::Left) => empty(StatusCode::SERVICE_UNAVAILABLE),
            Outcome::Refused(Refusal::Misdirected) => empty(StatusCode::MISDIRECTED_REQUEST),
            Outcome::Refused(Refusal::TrafficAdvice) => says(Says::Advice, StatusCode::OK),
        }
    }

    /// Its body, of which a HEAD's answer has none.
    pub(super) fn body(&self) -> &'static str {
        match self.says {
            Says::Advice => TRAFFIC_ADVICE,
            Says::Nothing | Says::Methods => "",
        }
    }

    /// What it says whatever came of the hit.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'static (HeaderName, &'static str)> {
        let (fields, more): (&[_], &[_]) = match self.says {
            Says::Nothing => (&EMPTY_FIELDS, &[]),
            Says::Methods => (&EMPTY_FIELDS, &[ALLOW]),
            Says::Advice => (&ADVICE_FIELDS, &[]),
        };
        fields.iter().chain(more)
    }

    /// For hyper to write.
    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from_static(self.body().as_bytes())));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.reserve(4);
        for (name, value) in self.fields() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(location) = self.location {
            headers.insert(header::LOCATION, location);
        }
        if self.is_last {
            headers.insert(CLOSE.0, HeaderValue::from_static(CLOSE.1));
        }
        response
    }

    /// As HTTP/1.1 writes it. A HEAD's answer has no body, and says of one what a GET's would.
    pub(super) fn write(&self, is_head: bool, at: SystemTime, out: &mut Vec<u8>) {
        if self.status == StatusCode::FOUND && self.says == Says::Nothing {
            out.extend_from_slice(FOUND);
        } else {
            out.extend_from_slice(b"HTTP/1.1 ");
            out.extend_from_slice(self.status.as_str().as_bytes());
            out.push(b' ');
            out.extend_from_slice(self.status.canonical_reason().unwrap_or_default().as_bytes());
            for (name, value) in self.fields() {
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(name.as_str().as_bytes());
                out.extend_from_slice(b": ");
                out.extend_from_slice(value.as_bytes());
            }
        }
        if let Some(location) = &self.location {
            out.extend_from_slice(b"\r\nlocation: ");
            out.extend_from_slice(location.as_bytes());
        }
        if self.is_last {
            out.extend_from_slice(b"\r\nconnection: close");
        }
        out.extend_from_slice(b"\r\ndate: ");
        date::with(at, |date| out.extend_from_slice(date));
        out.extend_from_slice(b"\r\n\r\n");
        if !is_head {
            out.extend_from_slice(self.body().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_redirects_say_the_same() {
        let reply = |location| Reply {
            status: StatusCode::FOUND,
            location,
            is_last: false,
            says: Says::Nothing,
        };
        let mut redirect = Vec::new();
        reply(None).write(false, SystemTime::UNIX_EPOCH, &mut redirect);
        let mut other = Vec::new();
        let status = StatusCode::SEE_OTHER;
        Reply { status, ..reply(None) }.write(false, SystemTime::UNIX_EPOCH, &mut other);
        let text = |bytes| String::from_utf8(bytes).expect("text");
        assert_eq!(text(redirect), text(other).replace("303 See Other", "302 Found"));
    }

    #[test]
    fn the_advice_is_as_long_as_it_says() {
        assert_eq!(ADVICE_FIELDS[1].1, TRAFFIC_ADVICE.len().to_string());
    }
}
