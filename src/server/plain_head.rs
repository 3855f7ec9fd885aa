//! The heads of requests as browsers write them: a GET or HEAD of a path in HTTP/1.1, whole, without a body and without a
//! byte beyond doubt. Whatever else bytes are, they are not read here.
//!
//! Pure. Control characters and the ends of names are found in sixteen bytes at once.

use wide::u8x16;

use crate::headers::Header;

/// What the first line of a head asks for, and the connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlainHead<'a> {
    pub(super) is_head: bool,
    /// Path and query as they came.
    pub(super) target: &'a str,
    /// Whether the connection is to be closed behind the answer.
    pub(super) wants_close: bool,
}

/// Reads bytes that are one plain head. Its fields are added to `lines`, of which there are no more than it has room for.
pub(super) fn read<'a>(bytes: &'a [u8], lines: &mut Vec<Header<'a>>) -> Option<PlainHead<'a>> {
    let mut head = None;
    let mut start = 0;
    // Whether a piece ends with a CR, whose LF the next one begins with.
    let mut is_behind_cr = false;
    for from in (0..bytes.len()).step_by(PIECE) {
        let rest = &bytes[from..];
        let mut left = rest
            .first_chunk()
            .map_or_else(|| control_characters_of_last(rest), control_characters);
        left &= !u64::from(is_behind_cr);
        is_behind_cr = false;
        while left != 0 {
            let end = from + left.trailing_zeros() as usize;
            left &= left - 1;
            if bytes.get(end..end + 2) != Some(b"\r\n") {
                return None;
            }
            match left {
                0 => is_behind_cr = true,
                _ => left &= left - 1,
            }
            match &mut head {
                None => head = Some(first(&bytes[start..end])?),
                Some(_) if start == end => return head.filter(|_| end + 2 == bytes.len()),
                // A name ends in the line at the latest where that does: what stands behind may be looked at with it.
                Some(head) => head.add(&bytes[start..], end - start, lines)?,
            }
            start = end + 2;
        }
    }
    None
}

/// Reads a request line.
fn first(line: &[u8]) -> Option<PlainHead<'_>> {
    let line = line.strip_suffix(b" HTTP/1.1")?;
    let (is_head, target) = match line.strip_prefix(b"GET ") {
        Some(target) => (false, target),
        None => (true, line.strip_prefix(b"HEAD ")?),
    };
    (target.first() == Some(&b'/') && is_target(target)).then_some(PlainHead {
        is_head,
        target: str::from_utf8(target).ok()?,
        wants_close: false,
    })
}

impl PlainHead<'_> {
    /// Reads a field's line, which bytes begin with.
    #[inline]
    fn add<'a>(&mut self, bytes: &'a [u8], length: usize, lines: &mut Vec<Header<'a>>) -> Option<()> {
        let (name, value) = bytes[..length].split_at_checked(name_length(bytes))?;
        let value = trimmed(value.strip_prefix(b":")?);
        if name.is_empty() || lines.len() == lines.capacity() {
            return None;
        }
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"expect") => return None,
            7 if name.eq_ignore_ascii_case(b"upgrade") => return None,
            10 if name.eq_ignore_ascii_case(b"connection") => {
                if value.eq_ignore_ascii_case(b"close") {
                    self.wants_close = true;
                } else if !value.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => return None,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => return None,
            _ => {}
        }
        lines.push(Header { name, value });
        Some(())
    }
}

/// A value without the white space around it, which mostly is one space before it.
#[inline]
fn trimmed(value: &[u8]) -> &[u8] {
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match (value.first(), value.last()) {
        (Some(b'!'..), Some(b'!'..)) => value,
        _ => value.trim_ascii(),
    }
}

/// What is looked through at once.
const PIECE: usize = 64;

/// A bit for each control character.
fn control_characters(piece: &[u8; PIECE]) -> u64 {
    let (sixteens, _) = piece.as_chunks();
    sixteens.iter().rev().fold(0, |found, bytes| {
        let bytes = u8x16::new(*bytes);
        let of_bytes = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes) | bytes.simd_eq(u8x16::splat(0x7f));
        found << 16 | u64::from(of_bytes.to_bitmask())
    })
}

fn control_characters_of_last(bytes: &[u8]) -> u64 {
    let mut piece = [b' '; PIECE];
    piece[..bytes.len()].copy_from_slice(bytes);
    control_characters(&piece)
}

/// How many letters, digits and hyphens bytes begin with, as names do that browsers and proxies send.
fn name_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(bytes) = bytes[length..].first_chunk() {
        let bytes = u8x16::new(*bytes);
        let is_in = |bytes: u8x16, from: u8, to: u8| {
            let above = bytes - u8x16::splat(from);
            above.min(u8x16::splat(to - from)).simd_eq(above)
        };
        let of_name = is_in(bytes | u8x16::splat(b' '), b'a', b'z')
            | is_in(bytes, b'0', b'9')
            | bytes.simd_eq(u8x16::splat(b'-'));
        let count = (!of_name.to_bitmask()).trailing_zeros() as usize;
        length += count;
        if count < 16 {
            return length;
        }
    }
    let is_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-';
    length + bytes[length..].iter().take_while(is_of_name).count()
}

/// Whether bytes, which are no control characters, may all stand in a path or a query (RFC 3986, sections 3.3 and 3.4).
fn is_target(bytes: &[u8]) -> bool {
    let (pieces, rest) = bytes.as_chunks();
    let mut last = [b'/'; 16];
    last[..rest.len()].copy_from_slice(rest);
    pieces
        .iter()
        .chain([&last])
        .fold(0, |found, piece| found | strange(*piece))
        == 0
}

/// A bit for each byte but letters, digits and `-._~!$&'()*+,;=:@/?%`; and for none of the control characters.
fn strange(bytes: [u8; 16]) -> u32 {
    let bytes = u8x16::new(bytes);
    let is = |byte| bytes.simd_eq(u8x16::splat(byte));
    // Of pairs that differ in one bit.
    let quote_or_hash = (bytes | u8x16::splat(1)).simd_eq(u8x16::splat(b'#'));
    let less_or_greater = (bytes | u8x16::splat(2)).simd_eq(u8x16::splat(b'>'));
    // Brackets of both kinds, and what stands between them: `[\]` and `{|}`.
    let above = (bytes | u8x16::splat(b' ')) - u8x16::splat(b'{');
    let brackets = above.min(u8x16::splat(b'}' - b'{')).simd_eq(above);
    let others = is(b' ') | is(b'^') | is(b'`');
    // A mask has the upper bit of each byte, and what is not ASCII has it too.
    (quote_or_hash | less_or_greater | brackets | others | bytes).to_bitmask()
}

#[cfg(test)]
mod tests {
    use httparse::{EMPTY_HEADER, Request, Status};
    use proptest::{prelude::*, sample::select};

    use super::*;

    /// What httparse makes of bytes that are one head alone: the method, the target, and the fields.
    type Head<'a> = (&'a str, &'a str, Vec<Header<'a>>);

    fn by_httparse(bytes: &[u8]) -> Option<Head<'_>> {
        let mut lines = [EMPTY_HEADER; 64];
        let mut request = Request::new(&mut lines);
        let length = request.parse(bytes).ok()?;
        let fields = request.headers.iter().map(|line| Header {
            name: line.name.as_bytes(),
            value: line.value,
        });
        let is_one = length == Status::Complete(bytes.len()) && request.version == Some(1);
        is_one.then_some((request.method?, request.path?, fields.collect()))
    }

    fn plain(bytes: &[u8]) -> Option<(PlainHead<'_>, Vec<Header<'_>>)> {
        let mut lines = Vec::with_capacity(8);
        read(bytes, &mut lines).map(|head| (head, lines))
    }

    const BROWSER: &str =
        "GET /shoes?a=%20b HTTP/1.1\r\nHost: go.example.com\r\nUser-Agent:  A \u{e9}\r\nX-Empty:\r\n\r\n";

    #[test]
    fn what_a_browser_sends_is_read() {
        let (head, lines) = plain(BROWSER.as_bytes()).expect("a plain head");
        assert_eq!(
            (head.is_head, head.target, head.wants_close),
            (false, "/shoes?a=%20b", false)
        );
        let lines = lines.iter().map(|line| (line.name, line.value));
        let expected = [("Host", "go.example.com"), ("User-Agent", "A \u{e9}"), ("X-Empty", "")];
        assert!(lines.eq(expected.map(|(name, value)| (name.as_bytes(), value.as_bytes()))));
        for (connection, wants_close) in [("close", true), ("Keep-Alive", false)] {
            let asked = format!("HEAD / HTTP/1.1\r\nConnection: {connection}\r\n\r\n");
            let (head, _) = plain(asked.as_bytes()).expect("a plain head");
            assert_eq!((head.is_head, head.wants_close), (true, wants_close));
        }
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        for asked in [
            "",
            "\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nG",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /# HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\" HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
            "get / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\u{7f}\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\ta\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\n: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, te\r\n\r\n",
            "GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\nh:\r\ni:\r\n\r\n",
        ] {
            assert_eq!(plain(asked.as_bytes()), None, "{asked:?}");
        }
    }

    #[test]
    fn a_target_is_of_the_bytes_that_it_may_have() {
        let allowed = b"-._~!$&'()*+,;=:@/?%0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_control()) {
            for (before, behind) in [(0, 0), (15, 0), (16, 0), (0, 15), (0, 16), (7, 30)] {
                let bytes = [&vec![b'a'; before], &[byte][..], &vec![b'z'; behind]].concat();
                assert_eq!(is_target(&bytes), allowed.contains(&byte), "{byte} {before} {behind}");
            }
        }
    }

    proptest! {
            #![proptest_config(ProptestConfig::with_cases(20_000))]

            /// Wherever its lines end, and the pieces that it is looked through in.
            #[test]
            fn heads_of_any_length_are_read(names in prop::collection::vec("[A-Za-z-]{1,40}", 0..8), values in prop::array::uniform8("[ -~]{0,90}")) {
                let mut text = String::from("GET / HTTP/1.1\r\n");
                for (name, value) in names.iter().zip(&values) {
                    text.extend(["X", name, ": ", value, "\r\n"]);
                }
                text.push_str("\r\n");
                let (_, lines) = plain(text.as_bytes()).expect("a plain head");
                let (_, _, expected) = by_httparse(text.as_bytes()).expect("a head");
                prop_assert_eq!(lines, expected);
            }

            /// Heads with a byte or some changed, taken out or put in: what is read is what httparse reads.
            #[test]
            fn nothing_is_read_that_httparse_reads_otherwise(
                changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3, any_byte()), 0..4),
            ) {
                let mut bytes = BROWSER.as_bytes().to_vec();
                for (at, kind, byte) in changes {
                    let at = at.index(bytes.len());
                    match kind {
                        0 => bytes[at] = byte,
                        1 => bytes.insert(at, byte),
                        _ => drop(bytes.remove(at)),
                    }
                }
                if let Some((head, lines)) = plain(&bytes) {
                    let method = if head.is_head { "HEAD" } else { "GET" };
                    prop_assert_eq!(by_httparse(&bytes), Some((method, head.target, lines)));
                }
            }

            #[test]
            fn a_name_ends_where_it_does(mut bytes in "[a-zA-Z0-9-]{0,40}".prop_map(String::into_bytes), end: u8, more: [u8; 20]) {
                let length = bytes.len();
                prop_assert_eq!(name_length(&bytes), length);
    let end = if end.is_ascii_alphanumeric() || end == b'-' { end | 0x80 } else { end };
                bytes.push(end);
                bytes.extend(more);
                prop_assert_eq!(name_length(&bytes), length);
            }

            #[test]
            fn control_characters_are_found(bytes in prop::collection::vec(any_byte(), PIECE)) {
                let found = control_characters(bytes.first_chunk().expect("a piece"));
                for (at, byte) in bytes.iter().enumerate() {
                    prop_assert_eq!(found >> at & 1 == 1, byte.is_ascii_control());
                }
            }
        }

    fn any_byte() -> impl Strategy<Value = u8> {
        prop_oneof![any::<u8>(), select(&b"\r\n\t :\0\x7f\x80#?%aG/"[..])]
    }
}
