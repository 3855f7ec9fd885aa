//! From an outcome to an answer: the only table of statuses.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::outcome::{Nowhere, Outcome, Refusal};

/// An answer to a visitor.
pub type Reply = Response<Full<Bytes>>;

/// Asks prefetch proxies to stay away (Private Prefetch Proxy, "Traffic advice"): what they fetch nobody has clicked.
const TRAFFIC_ADVICE: &str = r#"[{"user_agent":"prefetch-proxy","disallow":true}]"#;
/// How long the advice holds. It is the same for everyone; unsaid, each cache would guess (RFC 9111, section 4.2.2).
const ADVICE_HOLDS: &str = "max-age=86400";

/// The answer for an outcome.
pub fn reply(outcome: Outcome) -> Reply {
    match outcome {
        Outcome::Advertiser(location) => redirect(location.into_value()),
        Outcome::Tracking(location, _)
        | Outcome::Trafficback(location, _)
        | Outcome::Preview(location, _)
        | Outcome::Unmatched(Nowhere::Redirect(location)) => redirect(location.into_value()),
        Outcome::Unmatched(Nowhere::Status(status)) => empty(status),
        Outcome::Refused(Refusal::BadRequest) => last(StatusCode::BAD_REQUEST),
        Outcome::Refused(Refusal::TargetTooLong) => last(StatusCode::URI_TOO_LONG),
        Outcome::Refused(Refusal::TooManyFields) => last(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Outcome::Refused(Refusal::Method) => {
            let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
            let allow = HeaderValue::from_static("GET, HEAD");
            reply.headers_mut().insert(header::ALLOW, allow);
            reply
        }
        // A browser drops a failed prefetch, and asks again when somebody clicks. `Left` is answered to nobody.
        Outcome::Refused(Refusal::Speculative | Refusal::Left) => empty(StatusCode::SERVICE_UNAVAILABLE),
        Outcome::Refused(Refusal::Misdirected) => empty(StatusCode::MISDIRECTED_REQUEST),
        Outcome::Refused(Refusal::TrafficAdvice) => advice(),
    }
}

/// Marks an HTTP/1 answer as the last of its connection.
pub fn close(reply: &mut Reply) {
    reply
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// An answer to a request after which nothing can be trusted, and the end of its connection.
fn last(status: StatusCode) -> Reply {
    let mut reply = empty(status);
    close(&mut reply);
    reply
}

fn redirect(location: HeaderValue) -> Reply {
    let mut reply = empty(StatusCode::FOUND);
    reply.headers_mut().insert(header::LOCATION, location);
    reply
}

/// An answer without a body, that nobody keeps: the next visitor's is another.
fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.reserve(4);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    reply
}

fn advice() -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from_static(TRAFFIC_ADVICE.as_bytes())));
    let headers = reply.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/trafficadvice+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(ADVICE_HOLDS));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(TRAFFIC_ADVICE.len()));
    reply
}
