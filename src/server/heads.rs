//! The bytes of HTTP/1 heads, where hyper's reader takes what RFC 9112 does not allow, or what another reader takes for
//! something else: a line that ends without CR (section 2.2), a fragment in the target (section 3.2), a length told twice, of
//! which hyper hands on one (section 6.3), and HTTP/2's preface, at which hyper ends without an answer.
//!
//! Whole heads without a doubtful byte, which is what browsers send, are looked at once, by whole registers.

use super::watched::Rules;

/// Enough of a line to know a body's length by.
const LINE_BYTES: usize = 40;
const LENGTH: &[u8] = b"content-length:";
/// What HTTP/2's preface begins with, and no request does (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r";

/// Where in heads the bytes so far end.
#[derive(Debug)]
pub(super) struct Heads {
    at: At,
    /// The first bytes of the line, in lower case.
    line: [u8; LINE_BYTES],
    /// How long the line is so far.
    length: usize,
    /// Whether its last byte is a CR.
    is_cr: bool,
    has_body: bool,
    /// How often the head has told of a length.
    lengths: u8,
    /// Whether any head has come whole.
    any: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Between heads, or in the empty lines before one.
    Start,
    /// In the request line.
    Request,
    /// Behind the request line.
    Fields,
    /// Behind the head of a request with a body: nothing is read as a head any more. Where a head comes whole and without a
    /// doubt, whoever answers it tells of its body.
    Body,
}

impl Heads {
    pub(super) fn new() -> Self {
        Self {
            at: At::Start,
            line: [0; LINE_BYTES],
            length: 0,
            is_cr: false,
            has_body: false,
            lengths: 0,
            any: false,
        }
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut from = 0;
        while from < bytes.len() && self.at != At::Body {
            let rest = &bytes[from..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let piece = &rest[..end.unwrap_or(rest.len())];
            if matches!(self.at, At::Start | At::Request)
                && let Some(fragment) = piece.iter().position(|byte| *byte == b'#')
            {
                return Err(from + fragment);
            }
            self.add(piece);
            let Some(end) = end else { return Ok(()) };
            if !self.is_cr || !self.end_line() {
                return Err(from + end);
            }
            from += end + 1;
        }
        Ok(())
    }

    fn add(&mut self, piece: &[u8]) {
        let kept = self.length.min(LINE_BYTES);
        for (to, byte) in self.line[kept..].iter_mut().zip(piece) {
            *to = byte.to_ascii_lowercase();
        }
        self.length += piece.len();
        if let Some(last) = piece.last() {
            self.is_cr = *last == b'\r';
            if self.at == At::Start && (self.length > 1 || !self.is_cr) {
                self.at = At::Request;
            }
        }
    }

    /// Whether the line may stand there.
    fn end_line(&mut self) -> bool {
        let is_empty = self.length == 1;
        match self.at {
            At::Request if self.start().eq_ignore_ascii_case(PREFACE) => return false,
            At::Request => self.at = At::Fields,
            At::Fields if is_empty => {
                self.at = if self.has_body { At::Body } else { At::Start };
                self.any = true;
                self.lengths = 0;
            }
            At::Fields => {
                self.has_body |= self.tells_of_a_body();
                self.lengths += u8::from(self.start().starts_with(LENGTH));
            }
            At::Start | At::Body => {}
        }
        (self.length, self.is_cr) = (0, false);
        self.lengths < 2
    }

    /// As much of the line as is known.
    fn start(&self) -> &[u8] {
        &self.line[..self.length.min(LINE_BYTES)]
    }

    /// Whether the line is one of the two by which a request has a body (RFC 9112, section 6.3).
    fn tells_of_a_body(&self) -> bool {
        let line = self.start();
        match line.strip_prefix(LENGTH) {
            Some(length) => !(self.length <= LINE_BYTES && length.trim_ascii() == b"0"),
            None => line.starts_with(b"transfer-encoding:"),
        }
    }
}

impl Rules for Heads {
    // No head has a NUL, wherever it stands (RFC 9110, section 5.5). The end of a head has hyper look at once.
    const REFUSED: &'static [u8] = b"\0\r\n\r\n";

    fn look(&mut self, bytes: &[u8]) -> Result<(), usize> {
        if self.at == At::Start
            && self.length == 0
            && bytes.ends_with(b"\r\n\r\n")
            && !is_doubtful(bytes)
            && !may_have_length(bytes)
            && !bytes.windows(PREFACE.len()).any(|piece| piece == PREFACE)
        {
            self.any = true;
            return Ok(());
        }
        self.walk(bytes)
    }

    fn is_inside(&self) -> bool {
        matches!(self.at, At::Request | At::Fields) || !self.any
    }

    fn leaves_unread(&self) -> bool {
        self.at != At::Start
    }
}

/// Whether a line feed stands behind something else than a CR, or a `#` anywhere. Without branches, so that the compiler
/// makes it of whole registers.
pub(super) fn is_doubtful(bytes: &[u8]) -> bool {
    let Some((first, rest)) = bytes.split_first() else {
        return false;
    };
    let doubtful = bytes.iter().zip(rest).fold(0, |doubtful, (before, byte)| {
        doubtful | (u8::from(*byte == b'\n') & u8::from(*before != b'\r')) | u8::from(*byte == b'#')
    });
    doubtful != 0 || matches!(first, b'\n' | b'#')
}

/// Whether a line begins as [`LENGTH`] does and ends its name where that does. Made of whole registers too.
fn may_have_length(bytes: &[u8]) -> bool {
    let (names, colons) = (bytes.get(1..), bytes.get(LENGTH.len()..));
    let lines = bytes
        .iter()
        .zip(names.unwrap_or_default())
        .zip(colons.unwrap_or_default());
    let found = lines.fold(0, |found, ((before, first), colon)| {
        found | (u8::from(*before == b'\n') & u8::from(*first | 0x20 == b'c') & u8::from(*colon == b':'))
    });
    found != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes are good when they come in pieces of this length; `None` when all are.
    fn good(bytes: &[u8], pieces: usize) -> (Option<usize>, Heads) {
        let mut heads = Heads::new();
        let mut from = 0;
        for piece in bytes.chunks(pieces) {
            if let Err(good) = heads.look(piece) {
                return (Some(from + good), heads);
            }
            from += piece.len();
        }
        (None, heads)
    }

    #[test]
    fn a_doubtful_byte_is_found_however_it_comes() {
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], None),
            (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", None),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: #\r\n\r\nGET / HTTP/1.1\r\n\r\n", None),
            (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\n#\n", None),
            (b"POST / HTTP/1.1\r\ntransfer-ENCODING:chunked\r\n\r\n3\n", None),
            (b"GET / HTTP/1.1\nHost: a\r\n\r\n", Some(14)),
            (b"GET / HTTP/1.1\r\nHost: a\n\r\n", Some(23)),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\n", Some(25)),
            (b"GET / HTTP/1.1\r\n\r\n\nGET", Some(18)),
            (b"\nGET / HTTP/1.1\r\n\r\n", Some(0)),
            (b"GET /#a HTTP/1.1\r\n\r\n", Some(5)),
            (b"GET / HTTP/1.1\r\nX: #\r\n\r\nGET /# HTTP/1.1\r\n\r\n", Some(29)),
            (b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET /\n", Some(42)),
            (
                b"GET / HTTP/1.1\r\nContent-Length: 0\r\ncontent-length:0\r\n\r\n",
                Some(52),
            ),
            (
                b"GET / HTTP/1.1\r\nContent-Length: 3\r\nA: b\r\nContent-Length: 3\r\n\r\n",
                Some(59),
            ),
            (
                b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
                None,
            ),
        ] {
            // A head that comes alone is looked at as a whole.
            let head = bytes
                .windows(4)
                .position(|end| end == b"\r\n\r\n")
                .map_or(0, |end| end + 4);
            for pieces in (1..=bytes.len()).filter(|pieces| bytes[0] != b'P' || *pieces != head) {
                let (found, _) = good(bytes, pieces);
                assert_eq!(found, expected, "{:?} by {pieces}", String::from_utf8_lossy(bytes));
            }
        }
    }

    #[test]
    fn where_the_bytes_end() {
        for (bytes, inside, unread) in [
            (&b"\r\n"[..], true, false),
            (b"GET", true, true),
            (b"GET / HTTP/1.1\r\nA: b\r\n", true, true),
            (b"GET / HTTP/1.1\r\nA: b\r\n\r\n", false, false),
            (b"GET / HTTP/1.1\r\nA: b\r\n\r\nG", true, true),
            (b"GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", false, true),
        ] {
            for pieces in [1, 2, bytes.len() - 1] {
                let (_, heads) = good(bytes, pieces);
                let found = (heads.is_inside(), heads.leaves_unread());
                assert_eq!(found, (inside, unread), "{:?}", String::from_utf8_lossy(bytes));
            }
        }
    }
}
