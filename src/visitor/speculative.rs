//! Requests that a browser makes before anybody has clicked: prefetch, prerender, preview.

use http::HeaderName;

use crate::headers::Headers;

/// Headers and the values by which browsers say that they only guess (Chromium and Safari `Sec-Purpose` and `Purpose`,
/// old Firefox `X-Moz`, Safari's top sites `X-Purpose`).
static MARKS: [(HeaderName, &[&str]); 4] = [
    (HeaderName::from_static("sec-purpose"), &["prefetch", "prerender"]),
    (HeaderName::from_static("purpose"), &["prefetch", "prerender"]),
    (HeaderName::from_static("x-moz"), &["prefetch"]),
    (HeaderName::from_static("x-purpose"), &["preview"]),
];

/// Whether the request declares itself speculative. `Sec-Purpose: prefetch;prerender` is a list with parameters.
pub fn is_speculative(headers: Headers<'_>) -> bool {
    MARKS
        .iter()
        .any(|(name, words)| headers.any(name, |value| says(value, words)))
}

fn says(value: &[u8], words: &[&str]) -> bool {
    value
        .split(|byte| matches!(byte, b',' | b';'))
        .map(<[u8]>::trim_ascii)
        .any(|said| words.iter().any(|word| said.eq_ignore_ascii_case(word.as_bytes())))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn browsers_own_words() {
        for (name, value, expected) in [
            ("sec-purpose", "prefetch", true),
            ("sec-purpose", "prefetch;prerender", true),
            ("sec-purpose", "prefetch;anonymous-client-ip", true),
            ("purpose", "Prefetch", true),
            ("purpose", "prerender", true),
            ("x-moz", "prefetch", true),
            ("x-purpose", "preview", true),
            ("x-purpose", "instant", false),
            ("purpose", "navigation", false),
            ("sec-purpose", "noprefetch", false),
            ("x-moz", "preview", false),
            ("sec-fetch-purpose", "prefetch", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("a header value"));
            assert_eq!(is_speculative((&headers).into()), expected, "{name}: {value}");
            headers.insert(name, HeaderValue::from_static("x"));
            headers.append(name, value.parse().expect("a header value"));
            assert_eq!(is_speculative((&headers).into()), expected, "{name}: x, and {value}");
        }
    }
}
