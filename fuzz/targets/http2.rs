//! A client's frames against the server: what comes back is right HTTP/2 with one answer to a request at most, is no more than
//! was asked for, and is the same however the bytes come in pieces.
//!
//! A seed is what a client sends behind its preface.

use std::collections::BTreeMap;

use super::head::{HTTP2, talk};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// More than an answer takes, but for its location; that has some hundred bytes in each seed.
const ANSWER_BYTES: usize = 256;

pub fn check(bytes: &[u8]) {
    if bytes.len() > 4096 {
        return;
    }
    let sent = [HTTP2, bytes].concat();
    let at_once = frames(&talk(&sent, sent.len()), &sent);
    right(&at_once, &sent);
    for piece in [1, 1 + sent.len() / 48, 1 + sent.len() / 2] {
        let in_pieces = frames(&talk(&sent, piece), &sent);
        assert_eq!(in_pieces, at_once, "in pieces of {piece}: {}", bytes.escape_ascii());
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    /// Of a head, its fields but for the date; else as it came.
    holds: Vec<u8>,
}

/// Cuts bytes into frames; each ends where it says.
fn frames(said: &[u8], sent: &[u8]) -> Vec<Frame> {
    let mut rest = said;
    let mut frames = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<9>() {
        let [a, b, c, kind, flags, stream @ ..] = *header;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let holds = after
            .get(..length)
            .unwrap_or_else(|| panic!("{} to {}", said.escape_ascii(), sent.escape_ascii()));
        frames.push(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            holds: if kind == HEADERS {
                without_date(holds)
            } else {
                holds.to_vec()
            },
        });
        rest = &after[length..];
    }
    assert!(rest.is_empty(), "{} to {}", said.escape_ascii(), sent.escape_ascii());
    frames
}

/// A head is a status and literals whose names stand in the static table, the date the last of them.
fn without_date(block: &[u8]) -> Vec<u8> {
    let date = [0x0f, 33 - 15, 29];
    let at = block.len().checked_sub(date.len() + 29);
    assert!(
        at.is_some_and(|at| block[at..].starts_with(&date)),
        "{}",
        block.escape_ascii()
    );
    block[..at.unwrap_or(0)].to_vec()
}

/// What RFC 9113 lets a server say, in the order in which it may.
fn right(frames: &[Frame], sent: &[u8]) {
    let shown = || format!("{frames:?} to {}", sent.escape_ascii());
    assert!(
        frames
            .first()
            .is_none_or(|frame| frame.kind == SETTINGS && frame.flags == 0),
        "{}",
        shown()
    );
    // By stream, whether its answer has ended.
    let mut streams: BTreeMap<u32, bool> = BTreeMap::new();
    let mut is_over = false;
    for frame in &frames[frames.len().min(1)..] {
        assert!(!is_over, "{}", shown());
        let length = frame.holds.len();
        let ends = frame.flags & END_STREAM != 0;
        match frame.kind {
            HEADERS => {
                assert!(frame.stream % 2 == 1 && frame.flags & END_HEADERS != 0, "{}", shown());
                assert!(streams.insert(frame.stream, ends).is_none(), "two answers: {}", shown());
            }
            DATA => {
                assert_eq!(streams.insert(frame.stream, ends), Some(false), "{}", shown());
                assert!(length > 0, "{}", shown());
            }
            RST_STREAM => assert!(frame.stream > 0 && length == 4, "{}", shown()),
            SETTINGS => assert!(frame.stream == 0 && frame.flags == 1 && length == 0, "{}", shown()),
            PING => assert!(frame.stream == 0 && frame.flags == 1 && length == 8, "{}", shown()),
            GOAWAY => {
                assert!(frame.stream == 0 && length == 8, "{}", shown());
                // Behind an error there is nothing.
                is_over = frame.holds[4..] != [0; 4];
            }
            WINDOW_UPDATE => assert!(frame.stream == 0 && length == 4, "{}", shown()),
            CONTINUATION => panic!("no answer here is that long: {}", shown()),
            _ => panic!("{}", shown()),
        }
    }
    let asked = asked(sent);
    assert!(streams.len() <= asked, "{} were asked: {}", asked, shown());
    let said: usize = frames.iter().map(|frame| 9 + frame.holds.len()).sum();
    // A location tells thrice what was asked at most: each byte of it percent-encoded.
    assert!(
        said <= 256 + 20 * sent.len() + asked * (ANSWER_BYTES + 3 * 8192),
        "{said}: {}",
        shown()
    );
}

/// How many heads there are.
fn asked(sent: &[u8]) -> usize {
    let mut rest = &sent[HTTP2.len()..];
    let mut heads = 0;
    while let Some((header, after)) = rest.split_first_chunk::<9>() {
        heads += usize::from(header[3] == HEADERS);
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        rest = after.get(length..).unwrap_or_default();
    }
    heads
}
