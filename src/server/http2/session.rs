//! The state of an HTTP/2 connection (RFC 9113): what each frame of the client's does to it, and what it is answered.
//!
//! Knows no socket and no clock: bytes are taken in, and `out` is what is to be sent. Not owned: what becomes of requests
//! (`requests`).

use std::{collections::VecDeque, task::Context, time::SystemTime};

use super::{
    counts::Counts,
    frame::{
        self, ACK, CONTINUATION, Code, DATA, ENABLE_PUSH, GOAWAY, HEADER_BYTES, HEADER_TABLE_SIZE, HEADERS, Header,
        INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE, MOST, MOST_BYTES, PING,
        PREFACE, PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, depends,
    },
    hpack::Decoder,
    requests::Opening,
    streams::Streams,
    table::TABLE_BYTES,
};
use crate::{
    outcome::Refusal,
    server::{Server, Way},
};

/// Nothing more is taken in while this much is to be sent.
pub(super) const OUT_BYTES: usize = 16 * 1024;
/// The windows that both sides begin with (section 6.9.2).
const WINDOW: i64 = 65_535;
/// How much of a window is used before it is given back, and of a body that nobody reads before it is refused.
pub(super) const HALF_WINDOW: usize = 32 * 1024;
/// What may still come of streams that the edge has reset is passed over for so many of them.
const REMEMBERED: usize = 64;
/// The PING whose answer says that the client has heard that it is to go (section 6.8).
const GOODBYE: &[u8] = b"good-bye";

/// What is wrong with a frame (section 5.4).
pub(super) enum Fault {
    OfConnection(Code),
    OfStream(u32, Code),
}
use Fault::{OfConnection, OfStream};

pub(super) type Done = Result<(), Fault>;

/// Whether the connection takes new streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Going {
    No,
    /// The client has been told to go, and may not have heard it.
    Told,
    /// Streams beyond this one are passed over.
    Last(u32),
    /// The last word is in `out`.
    Over,
}

/// The state of one connection.
pub(super) struct Session<'a> {
    pub(super) server: &'a Server,
    pub(super) way: &'a Way,
    /// What is to be sent.
    pub(super) out: Vec<u8>,
    pub(super) decoder: Decoder,
    pub(super) streams: Streams<'a>,
    /// A head that goes on in the next frame.
    pub(super) block: Option<Box<(Opening, Vec<u8>)>>,
    /// Streams that the edge has reset.
    pub(super) was_reset: VecDeque<u32>,
    pub(super) newest: u32,
    pub(super) counts: Counts,
    /// What the client may still send, and what of it has been used.
    pub(super) window: i64,
    pub(super) used: usize,
    /// What the client takes: in all, and of a new stream.
    pub(super) takes: i64,
    pub(super) takes_first: i64,
    has_greeted: bool,
    is_settled: bool,
    /// Whether the client is to hear of a smaller table of HPACK's.
    pub(super) forgets: bool,
    pub(super) going: Going,
}

impl<'a> Session<'a> {
    pub(super) fn new(server: &'a Server, way: &'a Way) -> Self {
        Self {
            server,
            way,
            out: Vec::new(),
            decoder: Decoder::new(),
            streams: Streams::new(),
            block: None,
            was_reset: VecDeque::new(),
            newest: 0,
            counts: Counts::default(),
            window: WINDOW,
            used: 0,
            takes: WINDOW,
            takes_first: WINDOW,
            has_greeted: false,
            is_settled: false,
            forgets: false,
            going: Going::No,
        }
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether a head goes on in the next frame, or the first is still to come.
    pub(super) fn is_inside(&self) -> bool {
        self.block.is_some() || !self.is_settled
    }

    /// How many requests wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.streams.waiting()
    }

    /// Whether a body waits for the client's windows.
    pub(super) fn is_shut(&self) -> bool {
        self.streams.iter().any(|stream| !stream.left.is_empty())
    }

    /// Whether nothing is left to be done but to send `out`.
    pub(super) fn is_over(&self) -> bool {
        match self.going {
            Going::No | Going::Told => false,
            Going::Last(_) => self.waiting() == 0 && !self.is_shut(),
            Going::Over => true,
        }
    }

    /// Takes bytes in, and gives how many; the others are to come again with what follows them, or when `out` has been sent.
    pub(super) fn take(&mut self, bytes: &[u8], context: &mut Context<'_>) -> usize {
        let mut from = 0;
        if self.counts.bytes == 0 {
            let length = bytes.len().min(PREFACE.len());
            if bytes[..length] != PREFACE[..length] {
                self.fail(Code::Protocol);
                return bytes.len();
            }
            if length < PREFACE.len() {
                return 0;
            }
            self.greet();
            self.counts.bytes += PREFACE.len() as u64;
            from = PREFACE.len();
        }
        while !self.is_over() && self.out.len() < OUT_BYTES {
            let rest = &bytes[from..];
            let Some(header) = rest.first_chunk() else { break };
            let header = Header::read(*header);
            if header.length > MOST_BYTES {
                self.fail(Code::FrameSize);
                break;
            }
            if !self.is_settled && (header.kind != SETTINGS || header.has(ACK)) {
                self.fail(Code::Protocol);
                break;
            }
            let length = HEADER_BYTES + header.length;
            let Some(holds) = rest.get(HEADER_BYTES..length) else {
                break;
            };
            from += length;
            self.counts.bytes += length as u64;
            match self.frame(header, holds, context) {
                Ok(()) => {}
                Err(OfConnection(code)) => self.fail(code),
                Err(OfStream(stream, code)) => {
                    self.counts.resets += 1;
                    self.end(stream, code);
                }
            }
            if self.counts.are_too_much(&self.server.limits) {
                self.fail(Code::EnhanceYourCalm);
            }
        }
        from
    }

    /// The edge's own preface (section 3.4).
    fn greet(&mut self) {
        if !self.has_greeted {
            self.has_greeted = true;
            let limits = &self.server.limits;
            let settings = [
                (MAX_CONCURRENT_STREAMS, limits.http2_streams),
                (MAX_HEADER_LIST_SIZE, limits.header_bytes),
            ];
            frame::write_settings(&settings, &mut self.out);
        }
    }

    /// Tells the client to go; what it sends before it has heard is served (section 6.8).
    pub(super) fn tell_to_go(&mut self) {
        if self.going == Going::No {
            self.greet();
            self.going = Going::Told;
            frame::write_goaway(MOST, Code::NoError, &mut self.out);
            frame::write(PING, 0, 0, GOODBYE, &mut self.out);
        }
    }

    /// Ends the connection (section 5.4.1).
    fn fail(&mut self, code: Code) {
        if self.going != Going::Over {
            self.greet();
            // What was said to be left out stays so (section 6.8).
            let last = match self.going {
                Going::Last(last) => last,
                _ => self.newest,
            };
            self.going = Going::Over;
            frame::write_goaway(last, code, &mut self.out);
            self.part();
        }
    }

    /// The client is gone, or is left: visitors who wait have left, and a head that was not read to its end never will be.
    pub(super) fn part(&mut self) {
        self.streams = Streams::new();
        if self.counts.read < self.counts.heads {
            self.counts.read = self.counts.heads;
            self.unreadable();
        }
    }

    pub(super) fn unreadable(&self) {
        let observe = &self.server.observe;
        observe.unreadable(SystemTime::now(), self.way.peer, Refusal::BadRequest);
    }

    /// Ends a stream (section 5.4.2).
    pub(super) fn end(&mut self, stream: u32, code: Code) {
        drop(self.streams.remove(stream));
        frame::write_reset(stream, code, &mut self.out);
        if self.was_reset.len() == REMEMBERED {
            self.was_reset.pop_front();
        }
        self.was_reset.push_back(stream);
    }

    /// Whether a stream has never been (section 5.1.1); the edge begins none.
    pub(super) fn is_idle(&self, stream: u32) -> bool {
        stream > self.newest || stream.is_multiple_of(2)
    }

    fn frame(&mut self, header: Header, holds: &[u8], context: &mut Context<'_>) -> Done {
        let is_new = header.kind == HEADERS && header.stream > self.newest;
        if is_new {
            self.counts.heads += 1;
        } else {
            self.counts.others += 1;
        }
        if self.block.is_some() && header.kind != CONTINUATION {
            return Err(OfConnection(Code::Protocol));
        }
        match header.kind {
            DATA => self.data(header, holds),
            HEADERS => {
                let done = self.headers(header, holds, is_new, context);
                // Said behind this one's answer and before any other's: a client that heeds it has no more under way by then than
                // are allowed at a time, and is never taken for one that does too much.
                if self.counts.heads == u64::from(self.server.limits.requests_per_connection) {
                    self.tell_to_go();
                }
                done
            }
            PRIORITY => self.priority(header, holds),
            RST_STREAM => self.reset(header, holds),
            SETTINGS => self.settings(header, holds),
            // A client promises nothing (section 8.4).
            PUSH_PROMISE => Err(OfConnection(Code::Protocol)),
            PING => self.ping(header, holds),
            GOAWAY => self.goaway(header, holds),
            WINDOW_UPDATE => self.window_update(header, holds),
            CONTINUATION => self.continuation(header, holds, context),
            _ => Ok(()),
        }
    }

    /// PRIORITY (section 6.3), which is passed over.
    fn priority(&mut self, header: Header, holds: &[u8]) -> Done {
        let stream = header.stream;
        if stream == 0 {
            return Err(OfConnection(Code::Protocol));
        }
        let code = match holds.try_into() {
            Err(_) => Code::FrameSize,
            Ok(priority) if depends(priority) == stream => Code::Protocol,
            Ok(_) => return Ok(()),
        };
        // A stream that is not there cannot be reset (section 6.4).
        Err(if self.is_idle(stream) {
            OfConnection(code)
        } else {
            OfStream(stream, code)
        })
    }

    /// `RST_STREAM` (section 6.4): the visitor has left.
    fn reset(&mut self, header: Header, holds: &[u8]) -> Done {
        if holds.len() != 4 {
            return Err(OfConnection(Code::FrameSize));
        }
        if self.is_idle(header.stream) {
            return Err(OfConnection(Code::Protocol));
        }
        self.counts.resets += 1;
        drop(self.streams.remove(header.stream));
        Ok(())
    }

    /// SETTINGS (section 6.5).
    fn settings(&mut self, header: Header, holds: &[u8]) -> Done {
        if header.stream != 0 {
            return Err(OfConnection(Code::Protocol));
        }
        if header.has(ACK) {
            return if holds.is_empty() {
                Ok(())
            } else {
                Err(OfConnection(Code::FrameSize))
            };
        }
        let (settings, rest) = holds.as_chunks::<6>();
        if !rest.is_empty() {
            return Err(OfConnection(Code::FrameSize));
        }
        self.is_settled = true;
        for [a, b, value @ ..] in settings {
            let value = u32::from_be_bytes(*value);
            match (u16::from_be_bytes([*a, *b]), value) {
                (HEADER_TABLE_SIZE, value) => self.forgets |= (value as usize) < TABLE_BYTES,
                (ENABLE_PUSH, 2..) | (MAX_FRAME_SIZE, ..16_384 | 0x100_0000..) => {
                    return Err(OfConnection(Code::Protocol));
                }
                (INITIAL_WINDOW_SIZE, ..=MOST) => self.resize_windows(value)?,
                (INITIAL_WINDOW_SIZE, _) => return Err(OfConnection(Code::FlowControl)),
                _ => {}
            }
        }
        frame::write(SETTINGS, ACK, 0, &[], &mut self.out);
        self.send_all();
        Ok(())
    }

    /// Changes the window of every stream by as much as that of new ones (section 6.9.2).
    fn resize_windows(&mut self, first: u32) -> Done {
        let by = i64::from(first) - self.takes_first;
        self.takes_first += by;
        for stream in self.streams.iter_mut() {
            stream.window += by;
            if stream.window > i64::from(MOST) {
                return Err(OfConnection(Code::FlowControl));
            }
        }
        Ok(())
    }

    /// PING (section 6.7).
    fn ping(&mut self, header: Header, holds: &[u8]) -> Done {
        if header.stream != 0 {
            return Err(OfConnection(Code::Protocol));
        }
        if holds.len() != 8 {
            return Err(OfConnection(Code::FrameSize));
        }
        if !header.has(ACK) {
            frame::write(PING, ACK, 0, holds, &mut self.out);
        } else if self.going == Going::Told && holds == GOODBYE {
            self.go();
        }
        Ok(())
    }

    /// The client has heard, or goes by itself: no stream comes beyond these.
    fn go(&mut self) {
        self.going = Going::Last(self.newest);
        frame::write_goaway(self.newest, Code::NoError, &mut self.out);
    }

    /// GOAWAY (section 6.8): the client asks no more.
    fn goaway(&mut self, header: Header, holds: &[u8]) -> Done {
        if header.stream != 0 {
            return Err(OfConnection(Code::Protocol));
        }
        if holds.len() < 8 {
            return Err(OfConnection(Code::FrameSize));
        }
        if !matches!(self.going, Going::Last(_)) {
            self.go();
        }
        Ok(())
    }

    /// `WINDOW_UPDATE` (section 6.9).
    fn window_update(&mut self, header: Header, holds: &[u8]) -> Done {
        let id = header.stream;
        let by: [u8; 4] = holds.try_into().map_err(|_| OfConnection(Code::FrameSize))?;
        let by = u32::from_be_bytes(by) & MOST;
        if id != 0 && self.is_idle(id) {
            return Err(OfConnection(Code::Protocol));
        }
        if id == 0 {
            self.takes += i64::from(by);
            if by == 0 {
                return Err(OfConnection(Code::Protocol));
            }
            if self.takes > i64::from(MOST) {
                return Err(OfConnection(Code::FlowControl));
            }
            self.send_all();
            return Ok(());
        }
        if by == 0 {
            return Err(OfStream(id, Code::Protocol));
        }
        if let Some(stream) = self.streams.find(id) {
            stream.window += i64::from(by);
            if stream.window > i64::from(MOST) {
                return Err(OfStream(id, Code::FlowControl));
            }
            self.send(id);
        }
        Ok(())
    }
}
