//! An answer as HTTP/2 writes it (RFC 9113, section 8.1; RFC 7541, section 6.2.2): literals that refer to the static table
//! alone, so that nothing is kept of what was said.

use std::time::SystemTime;

use super::{
    frame::{self, CONTINUATION, END_HEADERS, END_STREAM, HEADER_BYTES, HEADERS, Header, MOST_BYTES},
    table::STATIC,
};
use crate::server::{date, reply::Reply};

/// Most answers are shorter.
const ANSWER_BYTES: usize = 512;

/// Writes the head of a stream's answer. `forgets` tells the client that the table is of no size, which it may have to be
/// told (RFC 7541, section 4.2).
pub(super) fn write(reply: &Reply, stream: u32, flags: u8, at: SystemTime, forgets: bool, out: &mut Vec<u8>) {
    let from = out.len();
    out.reserve(ANSWER_BYTES);
    out.extend_from_slice(&[0; HEADER_BYTES]);
    if forgets {
        out.push(0x20);
    }
    let status = reply.status.as_str();
    match STATIC[7..14].iter().position(|(_, known)| *known == status) {
        Some(nth) => out.push(0x88 | nth.to_le_bytes()[0]),
        None => field(8, status.as_bytes(), out),
    }
    for (name, value) in reply.fields() {
        field(index(name.as_str()), value.as_bytes(), out);
    }
    if let Some(location) = &reply.location {
        field(LOCATION, location.as_bytes(), out);
    }
    date::with(at, |date| field(DATE, date, out));
    let header = Header {
        length: out.len() - from - HEADER_BYTES,
        kind: HEADERS,
        flags: flags | END_HEADERS,
        stream,
    };
    if header.length > MOST_BYTES {
        return split(header, flags, from, out);
    }
    out[from..from + HEADER_BYTES].copy_from_slice(&header.written());
}

/// A head that is longer than a frame goes on in others (RFC 9113, section 6.10).
#[cold]
fn split(header: Header, flags: u8, from: usize, out: &mut Vec<u8>) {
    let block = out.split_off(from + HEADER_BYTES);
    out.truncate(from);
    let pieces = block.len().div_ceil(MOST_BYTES);
    for (nth, piece) in block.chunks(MOST_BYTES).enumerate() {
        let kind = if nth == 0 { HEADERS } else { CONTINUATION };
        let end_stream = if nth == 0 { flags & END_STREAM } else { 0 };
        let end_headers = if nth + 1 == pieces { END_HEADERS } else { 0 };
        frame::write(kind, end_stream | end_headers, header.stream, piece, out);
    }
}

const DATE: u8 = 33;
const LOCATION: u8 = 46;

/// Where the static table has a name that answers have.
fn index(name: &str) -> u8 {
    match name {
        "allow" => 22,
        "cache-control" => 24,
        "content-length" => 28,
        "content-type" => 31,
        other => unreachable!("no answer has {other}"),
    }
}

/// A literal that is not indexed. No length of a value here has more than three bytes.
fn field(index: u8, value: &[u8], out: &mut Vec<u8>) {
    match index.checked_sub(15) {
        None => out.push(index),
        Some(beyond) => out.extend_from_slice(&[15, beyond]),
    }
    match u8::try_from(value.len()) {
        Ok(length @ ..127) => out.push(length),
        _ => long(value.len(), out),
    }
    out.extend_from_slice(value);
}

/// A number of 127 or more behind a prefix of seven bits (RFC 7541, section 5.1).
fn long(number: usize, out: &mut Vec<u8>) {
    out.push(127);
    let mut rest = number - 127;
    while rest >= 128 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}
