//! The state of an HTTP/2 connection (RFC 9113): what each frame of the client's does to it, and what it is answered.
//!
//! Knows no socket and no clock: bytes are taken in, and `out` is what is to be sent. Each request pays for some frames that
//! are none, and a client that sends many more, or resets much, is cut off.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
    time::SystemTime,
};

use super::{
    answer,
    fields::{Fields, Request},
    frame::{
        self, ACK, CONTINUATION, Code, DATA, ENABLE_PUSH, END_HEADERS, END_STREAM, GOAWAY, HAS_PRIORITY, HEADER_BYTES,
        HEADER_TABLE_SIZE, HEADERS, Header, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, MAX_FRAME_SIZE,
        MAX_HEADER_LIST_SIZE, MOST, MOST_BYTES, PING, PREFACE, PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS,
        WINDOW_UPDATE,
    },
    hpack::Decoder,
    streams::{Body, Stream, Streams},
    table::TABLE_BYTES,
};
use crate::{
    outcome::{Outcome, Refusal},
    server::{Server, Way, limits::FRAMES_PER_REQUEST, reply::Reply},
};

/// Nothing more is taken in while this much is to be sent.
pub(super) const OUT_BYTES: usize = 16 * 1024;
/// The windows that both sides begin with (section 6.9.2).
const WINDOW: i64 = 65_535;
/// How much of a window is used before it is given back, and of a body that nobody reads before it is refused.
const HALF_WINDOW: usize = 32 * 1024;
/// How much longer than a head may be its block is, before the connection ends and not the stream alone.
const BLOCK_BYTES: usize = 16 * 1024;
/// Bytes that come to a request at most: its head, and the window of a body that nobody reads.
const BYTES_PER_REQUEST: u64 = 128 * 1024;
/// Bytes without a request.
const BYTES: u64 = 1024 * 1024;
/// What may still come of streams that the edge has reset is passed over for so many of them.
const REMEMBERED: usize = 64;
/// The PING whose answer says that the client has heard that it is to go (section 6.8).
const GOODBYE: &[u8] = b"good-bye";

/// What is wrong with a frame (section 5.4).
enum Fault {
    OfConnection(Code),
    OfStream(u32, Code),
}
use Fault::{OfConnection, OfStream};

type Done = Result<(), Fault>;

/// Whether the connection takes new streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    No,
    /// The client has been told to go, and may not have heard it.
    Told,
    /// Streams beyond this one are passed over.
    Last(u32),
}

/// A HEADERS frame.
#[derive(Clone, Copy)]
struct Opening {
    stream: u32,
    is_new: bool,
    ends: bool,
    /// Which is a fault of the stream's (RFC 7540, section 5.3.1).
    depends_on_itself: bool,
}

/// The state of one connection.
pub(super) struct Session<'a> {
    server: &'a Server,
    way: &'a Way,
    /// What is to be sent.
    pub(super) out: Vec<u8>,
    decoder: Decoder,
    streams: Streams<'a>,
    /// A head that goes on in the next frame.
    block: Option<Box<(Opening, Vec<u8>)>>,
    /// Streams that the edge has reset.
    was_reset: VecDeque<u32>,
    newest: u32,
    heads: u64,
    /// How many of them were read to the end.
    read: u64,
    /// Frames that are no heads.
    others: u64,
    resets: u64,
    bytes: u64,
    /// What the client may still send, and what of it has been used.
    window: i64,
    used: usize,
    /// What the client takes: in all, and of a new stream.
    takes: i64,
    takes_first: i64,
    has_greeted: bool,
    is_settled: bool,
    /// Whether the client is to hear of a smaller table of HPACK's.
    forgets: bool,
    going: Going,
    /// Whether the last word is in `out`.
    is_over: bool,
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
            heads: 0,
            read: 0,
            others: 0,
            resets: 0,
            bytes: 0,
            window: WINDOW,
            used: 0,
            takes: WINDOW,
            takes_first: WINDOW,
            has_greeted: false,
            is_settled: false,
            forgets: false,
            going: Going::No,
            is_over: false,
        }
    }

    /// How many requests have begun.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// How many frames there were.
    pub(super) fn frames(&self) -> u64 {
        self.heads + self.others
    }

    /// Whether a head goes on in the next frame, or the first is still to come.
    pub(super) fn is_inside(&self) -> bool {
        self.block.is_some() || !self.is_settled
    }

    /// How many requests wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.streams.waiting()
    }

    /// Whether nothing is left to be done but to send `out`.
    pub(super) fn is_over(&mut self) -> bool {
        let is_last = matches!(self.going, Going::Last(_));
        self.is_over || is_last && self.waiting() == 0 && self.streams.iter_mut().all(|stream| stream.left.is_empty())
    }

    /// Takes bytes in, and gives how many; the others are to come again with what follows them, or when `out` has been sent.
    pub(super) fn take(&mut self, bytes: &[u8], context: &mut Context<'_>) -> usize {
        let mut from = 0;
        if self.bytes == 0 {
            let length = bytes.len().min(PREFACE.len());
            if bytes[..length] != PREFACE[..length] {
                self.fail(Code::Protocol);
                return bytes.len();
            }
            if length < PREFACE.len() {
                return 0;
            }
            self.greet();
            self.bytes += PREFACE.len() as u64;
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
            self.bytes += length as u64;
            match self.frame(header, holds, context) {
                Ok(()) => {}
                Err(OfConnection(code)) => self.fail(code),
                Err(OfStream(stream, code)) => {
                    self.resets += 1;
                    self.end(stream, code);
                }
            }
            if self.is_too_much() {
                self.fail(Code::EnhanceYourCalm);
            }
        }
        from
    }

    fn is_too_much(&self) -> bool {
        let (heads, limits) = (self.heads, &self.server.limits);
        // Those who were told to go may have sent as many as may be under way.
        let requests = u64::from(limits.requests_per_connection) + u64::from(limits.http2_streams);
        self.resets > u64::from(limits.http2_resets)
            || self.others > u64::from(limits.http2_frames) + FRAMES_PER_REQUEST * heads
            || self.bytes > BYTES + BYTES_PER_REQUEST * heads
            || heads > requests
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
        if self.going == Going::No && !self.is_over {
            self.greet();
            self.going = Going::Told;
            frame::write_goaway(MOST, Code::NoError, &mut self.out);
            frame::write(PING, 0, 0, GOODBYE, &mut self.out);
        }
    }

    /// Ends the connection (section 5.4.1).
    fn fail(&mut self, code: Code) {
        if !self.is_over {
            self.greet();
            self.is_over = true;
            frame::write_goaway(self.newest, code, &mut self.out);
            self.part();
        }
    }

    /// The client is gone, or is left: visitors who wait have left, and a head that was not read to its end never will be.
    pub(super) fn part(&mut self) {
        self.streams = Streams::new();
        if self.read < self.heads {
            self.read = self.heads;
            self.unreadable();
        }
    }

    fn unreadable(&self) {
        self.server.observe.unreadable(SystemTime::now(), self.way.peer);
    }

    /// Ends a stream (section 5.4.2).
    fn end(&mut self, stream: u32, code: Code) {
        drop(self.streams.remove(stream));
        frame::write_reset(stream, code, &mut self.out);
        if self.was_reset.len() == REMEMBERED {
            self.was_reset.pop_front();
        }
        self.was_reset.push_back(stream);
    }

    /// Whether a stream has never been (section 5.1.1); the edge begins none.
    fn is_idle(&self, stream: u32) -> bool {
        stream > self.newest || stream.is_multiple_of(2)
    }

    fn frame(&mut self, header: Header, holds: &[u8], context: &mut Context<'_>) -> Done {
        let is_new = header.kind == HEADERS && header.stream > self.newest;
        if is_new {
            self.heads += 1;
        } else {
            self.others += 1;
        }
        if self.block.is_some() && header.kind != CONTINUATION {
            return Err(OfConnection(Code::Protocol));
        }
        match header.kind {
            DATA => self.data(header, holds),
            HEADERS => self.headers(header, holds, is_new, context),
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

    /// DATA (section 6.1): a body, of which no more is wanted than its length.
    fn data(&mut self, header: Header, holds: &[u8]) -> Done {
        let id = header.stream;
        if self.is_idle(id) {
            return Err(OfConnection(Code::Protocol));
        }
        self.window -= i64::try_from(holds.len()).unwrap_or(i64::MAX);
        if self.window < 0 {
            return Err(OfConnection(Code::FlowControl));
        }
        self.used += holds.len();
        if self.used >= HALF_WINDOW {
            let used = u32::try_from(self.used).unwrap_or(0);
            self.window += i64::from(used);
            self.used = 0;
            frame::write_window_update(0, used, &mut self.out);
        }
        let length = frame::unpadded(header, holds).map_err(OfConnection)?.len();
        let Some(stream) = self.streams.find(id) else {
            let is_late = self.was_reset.contains(&id);
            return if is_late {
                Ok(())
            } else {
                Err(OfStream(id, Code::StreamClosed))
            };
        };
        let body = stream.body.as_mut().ok_or(OfStream(id, Code::StreamClosed))?;
        body.received += holds.len();
        if let Some(due) = &mut body.due {
            *due = due.checked_sub(length as u64).ok_or(OfStream(id, Code::Protocol))?;
        }
        if header.has(END_STREAM) {
            if body.due.is_some_and(|due| due > 0) {
                return Err(OfStream(id, Code::Protocol));
            }
            stream.body = None;
        }
        self.settle(id);
        Ok(())
    }

    /// HEADERS (section 6.2).
    fn headers(&mut self, header: Header, holds: &[u8], is_new: bool, context: &mut Context<'_>) -> Done {
        let stream = header.stream;
        if stream.is_multiple_of(2) {
            return Err(OfConnection(Code::Protocol));
        }
        self.newest = self.newest.max(stream);
        let mut block = frame::unpadded(header, holds).map_err(OfConnection)?;
        let mut depends_on_itself = false;
        if header.has(HAS_PRIORITY) {
            let (priority, rest) = block.split_first_chunk().ok_or(OfConnection(Code::FrameSize))?;
            depends_on_itself = depends(*priority) == stream;
            block = rest;
        }
        let opening = Opening {
            stream,
            is_new,
            ends: header.has(END_STREAM),
            depends_on_itself,
        };
        if header.has(END_HEADERS) {
            return self.head(opening, block, context);
        }
        self.block = Some(Box::new((opening, block.to_vec())));
        Ok(())
    }

    /// CONTINUATION (section 6.10).
    fn continuation(&mut self, header: Header, holds: &[u8], context: &mut Context<'_>) -> Done {
        let mut begun = self.block.take().ok_or(OfConnection(Code::Protocol))?;
        let (opening, block) = &mut *begun;
        if opening.stream != header.stream {
            return Err(OfConnection(Code::Protocol));
        }
        if block.len() + holds.len() > self.header_bytes() + BLOCK_BYTES {
            return Err(OfConnection(Code::EnhanceYourCalm));
        }
        block.extend_from_slice(holds);
        if header.has(END_HEADERS) {
            return self.head(*opening, block, context);
        }
        self.block = Some(begun);
        Ok(())
    }

    fn header_bytes(&self) -> usize {
        usize::try_from(self.server.limits.header_bytes).unwrap_or(usize::MAX)
    }

    /// A whole head, or trailers.
    fn head(&mut self, opening: Opening, block: &[u8], context: &mut Context<'_>) -> Done {
        let id = opening.stream;
        let mut fields = Fields::new(self.header_bytes());
        if self.decoder.read(block, &mut fields).is_err() {
            return Err(OfConnection(Code::Compression));
        }
        if !opening.is_new {
            return self.trailers(opening, &fields);
        }
        self.read += 1;
        if matches!(self.going, Going::Last(last) if id > last) {
            return Ok(());
        }
        let refused = if opening.depends_on_itself {
            Code::Protocol
        } else if self.streams.count() >= usize::try_from(self.server.limits.http2_streams).unwrap_or(usize::MAX) {
            Code::RefusedStream
        } else if fields.are_too_many() {
            self.unreadable();
            let body = (!opening.ends).then(Body::default);
            let reply = Reply::of(Outcome::Refused(Refusal::TooManyFields));
            self.answer_new(id, body, false, &reply, SystemTime::now());
            return Ok(());
        } else if let Some(request) = fields.into_request(opening.ends) {
            self.ask(opening, request, context);
            return Ok(());
        } else {
            Code::Protocol
        };
        self.unreadable();
        Err(OfStream(id, refused))
    }

    /// Trailers end a body (section 8.1); else a stream has one head.
    fn trailers(&mut self, opening: Opening, fields: &Fields) -> Done {
        let id = opening.stream;
        let Some(stream) = self.streams.find(id) else {
            // Where every stream was used this one has been closed; else it may have been left out (section 5.1.1).
            let used_all = u64::from(self.newest).div_ceil(2) == self.heads;
            return match self.was_reset.contains(&id) {
                true => Ok(()),
                false if used_all => Err(OfConnection(Code::StreamClosed)),
                false => Err(OfConnection(Code::Protocol)),
            };
        };
        let body = stream.body.take().ok_or(OfStream(id, Code::StreamClosed))?;
        let is_short = body.due.is_some_and(|due| due > 0);
        if opening.depends_on_itself || !opening.ends || is_short || !fields.are_trailers() {
            return Err(OfStream(id, Code::Protocol));
        }
        self.settle(id);
        Ok(())
    }

    /// Serves a request. Its answer nearly always is there at once.
    fn ask(&mut self, opening: Opening, request: Request, context: &mut Context<'_>) {
        let id = opening.stream;
        let body = (!opening.ends).then_some(Body {
            received: 0,
            due: request.length,
        });
        let is_head = request.method == http::Method::HEAD;
        let at = SystemTime::now();
        let mut hit = Box::pin(hit(self.server, self.way, request, at));
        let mut polled = hit.as_mut().poll(context);
        let waker = match polled {
            Poll::Ready(reply) => return self.answer_new(id, body, is_head, &reply, at),
            Poll::Pending => self.streams.waker(id, context),
        };
        polled = hit.as_mut().poll(&mut Context::from_waker(&waker));
        if let Poll::Ready(reply) = polled {
            return self.answer_new(id, body, is_head, &reply, at);
        }
        self.streams.push(Stream {
            id,
            body,
            is_head,
            window: self.takes_first,
            left: b"",
            hit: Some((hit, waker)),
        });
    }

    /// Answers a request that has not been waited for.
    fn answer_new(&mut self, id: u32, body: Option<Body>, is_head: bool, reply: &Reply, at: SystemTime) {
        let left = self.answer(id, is_head, reply, at);
        if body.is_some() || !left.is_empty() {
            let window = self.takes_first;
            self.streams.push(Stream {
                id,
                body,
                is_head,
                window,
                left,
                hit: None,
            });
            self.send(id);
        }
    }

    /// Writes the head of an answer, and gives its body.
    fn answer(&mut self, id: u32, is_head: bool, reply: &Reply, at: SystemTime) -> &'static [u8] {
        let body = if is_head { "" } else { reply.body() };
        let flags = if body.is_empty() { END_STREAM } else { 0 };
        let forgets = std::mem::take(&mut self.forgets);
        answer::write(reply, id, flags, at, forgets, &mut self.out);
        body.as_bytes()
    }

    /// Begins a turn of the connection's.
    pub(super) fn turn(&mut self, context: &Context<'_>) {
        self.streams.turn(context);
    }

    /// Answers requests that have been waited for; whether any was.
    pub(super) fn answer_waiting(&mut self) -> bool {
        let mut any = false;
        while self.out.len() < OUT_BYTES
            && let Some((id, reply)) = self.streams.next()
        {
            any = true;
            let is_head = self.streams.find(id).is_some_and(|stream| stream.is_head);
            let left = self.answer(id, is_head, &reply, SystemTime::now());
            if let Some(stream) = self.streams.find(id) {
                stream.left = left;
            }
            self.send(id);
        }
        any
    }

    /// Sends of a stream's answer what its windows let pass (section 6.9).
    fn send(&mut self, id: u32) {
        let Some(stream) = self.streams.find(id) else { return };
        let window = usize::try_from(stream.window.min(self.takes)).unwrap_or(0);
        let (now, later) = stream.left.split_at(window.min(stream.left.len()));
        if !now.is_empty() {
            stream.left = later;
            let length = i64::try_from(now.len()).unwrap_or(0);
            stream.window -= length;
            self.takes -= length;
            let flags = if later.is_empty() { END_STREAM } else { 0 };
            frame::write(DATA, flags, id, now, &mut self.out);
        }
        self.settle(id);
    }

    /// Sends of all answers that wait for a window.
    fn send_all(&mut self) {
        let waiting = self.streams.iter_mut().filter(|stream| !stream.left.is_empty());
        let waiting: Vec<u32> = waiting.map(|stream| stream.id).collect();
        for id in waiting {
            self.send(id);
        }
    }

    /// Forgets a stream that has come to its end; one whose body goes on and on behind its answer is ended (section 8.1).
    fn settle(&mut self, id: u32) {
        let Some(stream) = self.streams.find(id) else { return };
        if stream.hit.is_some() || !stream.left.is_empty() {
            return;
        }
        match stream.body {
            None => drop(self.streams.remove(id)),
            Some(body) if body.received > HALF_WINDOW => self.end(id, Code::NoError),
            Some(_) => {}
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
        self.resets += 1;
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

/// The stream that another depends on (RFC 7540, section 6.3).
fn depends([a, b, c, d, _]: [u8; 5]) -> u32 {
    u32::from_be_bytes([a, b, c, d]) & MOST
}

/// Answers one request.
///
/// Dropped at its await, as when the visitor leaves, it records the hit as one whose visitor left.
async fn hit(server: &Server, way: &Way, request: Request, at: SystemTime) -> Reply {
    let lines = request.lines();
    Reply::of(server.hit(&request.head(&lines), way, at).await)
}
