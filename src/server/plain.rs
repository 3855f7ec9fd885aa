//! The head of a request as browsers send it, read in one go: a GET or HEAD of a path over HTTP/1.1, whole, nothing behind it,
//! of visible ASCII alone, and without a field that asks for more than an answer.
//!
//! Reads fewer heads than there are, so that it can be quick and sure of each; whoever asks has another reader for the others.

use http::Method;
use smallvec::SmallVec;

use crate::headers::Header;

/// A head.
#[derive(Debug)]
pub(super) struct Plain<'a> {
    pub(super) method: Method,
    /// Path and query as they came.
    pub(super) target: &'a str,
    /// As browsers send them, most have fewer.
    pub(super) lines: SmallVec<[Header<'a>; 24]>,
    /// The client wants this answer to be the last of its connection.
    pub(super) wants_close: bool,
}

impl<'a> Plain<'a> {
    /// Reads a head; `None` where it is anything else, or there is more to come, or too much.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (method, from) = match bytes {
            [b'G', b'E', b'T', b' ', b'/', ..] => (Method::GET, 4),
            [b'H', b'E', b'A', b'D', b' ', b'/', ..] => (Method::HEAD, 5),
            _ => return None,
        };
        if !bytes.ends_with(b"\r\n\r\n") || !is_visible(bytes) {
            return None;
        }
        let text = str::from_utf8(bytes).ok()?;
        let target_ends = from + bytes[from..].iter().position(|byte| !is(*byte, OF_TARGET))?;
        let fields = text[target_ends..].strip_prefix(" HTTP/1.1\r\n")?;
        let mut plain = Self {
            method,
            target: &text[from..target_ends],
            lines: SmallVec::new(),
            wants_close: false,
        };
        let mut left = fields;
        loop {
            let ends = memchr::memchr(b'\r', left.as_bytes())?;
            let (line, rest) = (&left[..ends], left.get(ends + 2..)?);
            if line.is_empty() {
                return rest.is_empty().then_some(plain);
            }
            plain.add(line)?;
            left = rest;
        }
    }

    fn add(&mut self, line: &'a str) -> Option<()> {
        let bytes = line.as_bytes();
        let colon = bytes.iter().position(|byte| !is(*byte, OF_NAME))?;
        if bytes[colon] != b':' || colon == 0 {
            return None;
        }
        let name = &line[..colon];
        let value = trimmed(&bytes[colon + 1..]);
        match colon {
            6 if name.eq_ignore_ascii_case("expect") => return None,
            7 if name.eq_ignore_ascii_case("upgrade") => return None,
            10 if name.eq_ignore_ascii_case("connection") => {
                if value.eq_ignore_ascii_case(b"close") {
                    self.wants_close = true;
                } else if !value.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
            }
            14 if name.eq_ignore_ascii_case("content-length") => return None,
            17 if name.eq_ignore_ascii_case("transfer-encoding") => return None,
            _ => {}
        }
        self.lines.push(Header { name, value });
        Some(())
    }
}

/// Without the spaces around it (RFC 9112, section 5).
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = value {
        value = rest;
    }
    value
}

/// Whether all bytes are ASCII that is seen, spaces, or whole ends of lines. Without an end before the end, so that the compiler
/// makes it of whole registers.
fn is_visible(bytes: &[u8]) -> bool {
    let pairs = bytes.iter().zip(&bytes[1..]);
    let strange = pairs.fold(0, |strange, (one, next)| {
        let (one, next) = (*one, *next);
        let is_control = u8::from(one < b' ') & u8::from(one != b'\r') & u8::from(one != b'\n');
        // A CR without its LF, or an LF without its CR.
        let is_half = u8::from(one == b'\r') ^ u8::from(next == b'\n');
        strange | is_control | u8::from(one >= 0x7f) | is_half
    });
    // The last byte is the end of the head.
    strange == 0
}

/// May stand in a path or a query (RFC 3986, sections 3.3 and 3.4).
const OF_TARGET: u8 = 1;
/// May stand in a field's name (RFC 9110, section 5.6.2).
const OF_NAME: u8 = 2;

fn is(byte: u8, of: u8) -> bool {
    const KINDS: [u8; 256] = {
        let mut kinds = [0; 256];
        let target = b"-._~!$&'()*+,;=:@/?%";
        let name = b"!#$%&'*+-.^_`|~";
        let mut at = 0;
        while at < target.len() {
            kinds[target[at] as usize] |= OF_TARGET;
            at += 1;
        }
        at = 0;
        while at < name.len() {
            kinds[name[at] as usize] |= OF_NAME;
            at += 1;
        }
        at = 0;
        while at < 128 {
            #[expect(clippy::cast_possible_truncation, reason = "below 128")]
            if (at as u8).is_ascii_alphanumeric() {
                kinds[at] |= OF_TARGET | OF_NAME;
            }
            at += 1;
        }
        kinds
    };
    KINDS[usize::from(byte)] & of != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines<'a>(plain: &'a Plain<'_>) -> Vec<(&'a str, &'a str)> {
        let text = |value| str::from_utf8(value).expect("ASCII");
        plain.lines.iter().map(|line| (line.name, text(line.value))).collect()
    }

    #[test]
    fn what_browsers_send() {
        let head = b"GET /a?b=%20&c HTTP/1.1\r\nHost: a.example\r\nX-Empty:\r\nAccept:  text/html, */*;q=0.8 \r\nConnection: keep-alive\r\n\r\n";
        let plain = Plain::read(head).expect("a plain head");
        assert_eq!(
            (plain.method.as_str(), plain.target, plain.wants_close),
            ("GET", "/a?b=%20&c", false)
        );
        assert_eq!(
            lines(&plain),
            [
                ("Host", "a.example"),
                ("X-Empty", ""),
                ("Accept", "text/html, */*;q=0.8"),
                ("Connection", "keep-alive")
            ]
        );
        let plain = Plain::read(b"HEAD / HTTP/1.1\r\nconnection: CLOSE\r\n\r\n").expect("a plain head");
        assert_eq!(
            (plain.method.as_str(), plain.target, plain.wants_close),
            ("HEAD", "/", true)
        );
        let plain = Plain::read(b"GET / HTTP/1.1\r\n\r\n").expect("a plain head");
        assert!(plain.lines.is_empty());
    }

    #[test]
    fn what_is_left_to_others() {
        for head in [
            "",
            "G",
            "GET / HTTP/1.1\r\nHost: a\r\n",
            "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET /  HTTP/1.1\r\n\r\n",
            "GET /\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
            "GET * HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\n\r\n",
            "get / HTTP/1.1\r\n\r\n",
            "GET /#a HTTP/1.1\r\n\r\n",
            "GET /\"a HTTP/1.1\r\n\r\n",
            "GET /ä HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nA: ä\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\tc\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\x7fc\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\n\r\n",
            "GET / HTTP/1.1\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\r\n\r\n",
            "GET / HTTP/1.1\r\nA\r\n\r\n",
            "GET / HTTP/1.1\r\n: b\r\n\r\n",
            "GET / HTTP/1.1\r\nA : b\r\n\r\n",
            "GET / HTTP/1.1\r\n A: b\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nA\"b: c\r\n\r\n",
            "GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nUPGRADE: h2c\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: close, te\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert!(Plain::read(head.as_bytes()).is_none(), "{head:?}");
        }
    }

    /// Any head, and a byte of it that is another.
    fn spoilt() -> impl Strategy<Value = Vec<u8>> {
        let line = "[A-Za-z-]{1,12}: ?[ -~]{0,20}\r\n";
        let head = (proptest::collection::vec(line, 0..6), "[a-z0-9/?=&%.]{0,20}");
        (head, any::<prop::sample::Index>(), proptest::option::of(any::<u8>())).prop_map(
            |((lines, target), at, other)| {
                let mut head = format!("GET /{target} HTTP/1.1\r\n{}\r\n", lines.concat()).into_bytes();
                let at = at.index(head.len());
                if let Some(other) = other {
                    head[at] = other;
                }
                head
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_so_by_others(head in spoilt()) {
            let Some(plain) = Plain::read(&head) else { return Ok(()) };
            let mut lines = [httparse::EMPTY_HEADER; 64];
            let mut request = httparse::Request::new(&mut lines);
            prop_assert_eq!(request.parse(&head), Ok(httparse::Status::Complete(head.len())));
            prop_assert_eq!(request.method, Some(plain.method.as_str()));
            prop_assert_eq!(request.path, Some(plain.target));
            prop_assert_eq!(request.version, Some(1));
            prop_assert_eq!(&*request.headers, &*plain.lines);
        }
    }
}
