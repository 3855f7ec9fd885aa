//! The frames of an HTTP/2 connection (RFC 9113, section 4.1), counted: each request pays for some, and a client that
//! sends many more, or resets many, or does not begin with SETTINGS, is cut off.
//!
//! Not owned: whether a frame is right, which h2 judges else, with bounds of its own on header lists and on continuations.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{Limits, limits::FRAMES_PER_REQUEST, watched::Rules};

/// What a client sends before its first frame, in bytes (section 3.4).
const PREFACE_BYTES: usize = 24;
const HEADER_BYTES: usize = 9;
/// Bytes that come to a request at most: its head, and the window of a body that nobody reads.
const BYTES_PER_REQUEST: u64 = 128 * 1024;
/// Bytes without a request.
const BYTES: u64 = 1024 * 1024;

const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const CONTINUATION: u8 = 0x9;
const END_HEADERS: u8 = 0x4;

/// Where in frames the bytes so far end, and what they were.
#[derive(Debug)]
pub(super) struct Frames {
    limits: Limits,
    /// Bytes left of what is not looked at: the preface, and what frames hold.
    left: usize,
    header: [u8; HEADER_BYTES],
    /// How much of the header there is.
    filled: usize,
    /// Whether the head goes on in the next frame.
    goes_on: bool,
    /// Whether the first frame is something else than SETTINGS (section 3.4).
    began_wrong: bool,
    newest: u32,
    bytes: u64,
    others: u64,
    resets: u64,
    heads: Arc<AtomicU64>,
}

impl Frames {
    /// `heads` gets the number of requests as they come.
    pub(super) fn new(limits: Limits, heads: Arc<AtomicU64>) -> Self {
        Self {
            limits,
            left: PREFACE_BYTES,
            header: [0; HEADER_BYTES],
            filled: 0,
            goes_on: false,
            began_wrong: false,
            newest: 0,
            bytes: 0,
            others: 0,
            resets: 0,
            heads,
        }
    }

    fn take_header(&mut self) {
        let [a, b, c, kind, flags, stream @ ..] = self.header;
        self.left = u32::from_be_bytes([0, a, b, c]) as usize;
        self.filled = 0;
        let stream = u32::from_be_bytes(stream) & (u32::MAX >> 1);
        if matches!(kind, HEADERS | CONTINUATION) {
            self.goes_on = flags & END_HEADERS == 0;
        }
        if self.others == 0 && self.newest == 0 {
            self.began_wrong = kind != SETTINGS;
        }
        if kind == HEADERS && stream > self.newest {
            self.newest = stream;
            self.heads.fetch_add(1, Relaxed);
        } else {
            self.others += 1;
        }
        self.resets += u64::from(kind == RST_STREAM);
    }

    fn is_too_much(&self) -> bool {
        let heads = self.heads.load(Relaxed);
        let limits = &self.limits;
        // Those who were told to go may have sent as many as may be under way.
        let requests = u64::from(limits.requests_per_connection) + u64::from(limits.http2_streams);
        self.began_wrong
            || self.resets > u64::from(limits.http2_resets)
            || self.others > u64::from(limits.http2_frames) + FRAMES_PER_REQUEST * heads
            || self.bytes > BYTES + BYTES_PER_REQUEST * heads
            || heads > requests
    }
}

impl Rules for Frames {
    // A PING of a stream, on which h2 says GOAWAY (section 6.7).
    const REFUSED: &'static [u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];

    fn look(&mut self, bytes: &[u8]) -> Result<(), usize> {
        self.bytes += bytes.len() as u64;
        let mut from = 0;
        while from < bytes.len() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len() - from);
                (self.left, from) = (self.left - skipped, from + skipped);
            } else {
                let wanted = (HEADER_BYTES - self.filled).min(bytes.len() - from);
                self.header[self.filled..self.filled + wanted].copy_from_slice(&bytes[from..from + wanted]);
                (self.filled, from) = (self.filled + wanted, from + wanted);
                if self.filled < HEADER_BYTES {
                    break;
                }
                self.take_header();
            }
            // Between frames alone, where another frame may stand.
            if self.left == 0 && self.filled == 0 && self.is_too_much() {
                return Err(from);
            }
        }
        Ok(())
    }

    fn is_inside(&self) -> bool {
        self.left > 0 || self.filled > 0 || self.goes_on
    }

    fn leaves_unread(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
        frame.resize(HEADER_BYTES + usize::from(length), 0);
        frame
    }

    fn limits() -> Limits {
        Limits {
            http2_frames: 4,
            http2_resets: 1,
            requests_per_connection: 2,
            http2_streams: 1,
            ..Limits::default()
        }
    }

    /// How many bytes behind the preface are good, in pieces of each length.
    fn good(frames: &[Vec<u8>]) -> Option<usize> {
        let sent = [vec![b'p'; PREFACE_BYTES], frames.concat()].concat();
        let found: Vec<Option<usize>> = (1..=sent.len())
            .map(|length| {
                let mut rules = Frames::new(limits(), Arc::default());
                let mut from = 0;
                for piece in sent.chunks(length) {
                    if let Err(good) = rules.look(piece) {
                        return Some(from + good - PREFACE_BYTES);
                    }
                    from += piece.len();
                }
                None
            })
            .collect();
        assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
        found[0]
    }

    #[test]
    fn too_much_is_found_between_two_frames() {
        let (ping, head) = (frame(6, 0, 0, 8), frame(HEADERS, END_HEADERS, 1, 5));
        let reset = frame(RST_STREAM, 0, 1, 4);
        let good =
            |frames: &[Vec<u8>]| good(&[&[frame(SETTINGS, 0, 0, 0)], frames].concat()).map(|good| good - HEADER_BYTES);
        assert_eq!(good(&vec![ping.clone(); 3]), None);
        assert_eq!(good(&vec![ping.clone(); 5]), Some(4 * ping.len()));
        assert_eq!(good(&[vec![head.clone()], vec![ping.clone(); 13]].concat()), None);
        assert_eq!(
            good(&[vec![head.clone()], vec![ping.clone(); 15]].concat()),
            Some(head.len() + 14 * ping.len())
        );
        let resets = [head.clone(), reset.clone(), reset.clone(), ping];
        assert_eq!(good(&resets), Some(head.len() + 2 * reset.len()));
        let heads: Vec<_> = (0..5).map(|n| frame(HEADERS, END_HEADERS, 2 * n + 1, 5)).collect();
        assert_eq!(good(&heads), Some(4 * head.len()));
    }

    #[test]
    fn settings_come_first() {
        assert_eq!(good(&[frame(6, 0, 0, 8), frame(SETTINGS, 0, 0, 0)]), Some(17));
        assert_eq!(
            good(&[frame(HEADERS, END_HEADERS, 1, 1), frame(SETTINGS, 0, 0, 0)]),
            Some(10)
        );
    }

    #[test]
    fn where_the_bytes_end() {
        for (sent, inside) in [
            (vec![frame(4, 0, 0, 6)], false),
            (vec![frame(4, 0, 0, 6), vec![0, 0]], true),
            (vec![frame(4, 0, 0, 0), frame(HEADERS, 0, 1, 2)], true),
            (
                vec![
                    frame(4, 0, 0, 0),
                    frame(HEADERS, 0, 1, 2),
                    frame(CONTINUATION, END_HEADERS, 1, 2),
                ],
                false,
            ),
        ] {
            let mut rules = Frames::new(limits(), Arc::default());
            assert!(rules.is_inside());
            rules.look(&[b'p'; PREFACE_BYTES]).expect("a preface");
            rules.look(&sent.concat()).expect("not too much");
            assert_eq!(rules.is_inside(), inside, "{sent:?}");
        }
    }
}
