//! The requests of an HTTP/2 connection: their heads, their bodies, which nobody reads, and their answers (RFC 9113, section 8.1).

use std::{
    task::{Context, Poll},
    time::SystemTime,
};

use http::Method;

use super::{
    answer,
    fields::{Fields, Request},
    frame::{self, Code, DATA, END_HEADERS, END_STREAM, HAS_PRIORITY, Header, depends},
    session::{
        Done,
        Fault::{OfConnection, OfStream},
        Going, HALF_WINDOW, OUT_BYTES, Session,
    },
    streams::{Asked, Body, Stream},
};
use crate::{
    headers::Lines,
    in_place,
    outcome::{Outcome, Refusal},
    server::{Server, Way, reply::Reply},
};

/// How much longer than a head may be its block is, before the connection ends and not the stream alone.
const BLOCK_BYTES: usize = 16 * 1024;

/// A HEADERS frame.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    stream: u32,
    is_new: bool,
    ends: bool,
    /// Which is a fault of the stream's (RFC 7540, section 5.3.1).
    depends_on_itself: bool,
}

impl Session<'_> {
    /// DATA (section 6.1): a body, of which no more is wanted than its length.
    pub(super) fn data(&mut self, header: Header, holds: &[u8]) -> Done {
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
            return if self.is_passed_over(id) {
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

    /// Whether what comes on a stream that is not under way is of no interest: the client may not have heard of its end yet, or it
    /// was said to be left out (section 6.8).
    fn is_passed_over(&self, id: u32) -> bool {
        self.was_reset.contains(&id) || matches!(self.going, Going::Last(last) if id > last)
    }

    /// HEADERS (section 6.2).
    pub(super) fn headers(&mut self, header: Header, holds: &[u8], is_new: bool, context: &mut Context<'_>) -> Done {
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
    pub(super) fn continuation(&mut self, header: Header, holds: &[u8], context: &mut Context<'_>) -> Done {
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
        self.counts.read += 1;
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
            let used_all = u64::from(self.newest).div_ceil(2) == self.counts.heads;
            return match self.is_passed_over(id) {
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
        let is_head = request.method == Method::HEAD;
        let at = SystemTime::now();
        let mut hit = in_place::pinned(|| hit(self.server, self.way, request, at));
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
            hit: Some(Asked::Waits(hit, waker)),
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

    /// Answers requests that have been waited for.
    pub(super) fn answer_waiting(&mut self) {
        self.streams.go_on();
        while self.out.len() < OUT_BYTES
            && let Some((id, reply)) = self.streams.next()
        {
            let is_head = self.streams.find(id).is_some_and(|stream| stream.is_head);
            let left = self.answer(id, is_head, &reply, SystemTime::now());
            if let Some(stream) = self.streams.find(id) {
                stream.left = left;
            }
            self.send(id);
        }
    }

    /// Sends of a stream's answer what its windows let pass (section 6.9).
    pub(super) fn send(&mut self, id: u32) {
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
    pub(super) fn send_all(&mut self) {
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
}

/// Answers one request.
///
/// Dropped at its await, as when the visitor leaves, it records the hit as one whose visitor left.
async fn hit(server: &Server, way: &Way, request: Request, at: SystemTime) -> Reply {
    let lines = request.lines();
    let lines = Lines::of(&lines);
    Reply::of(server.hit(&request.head(&lines), way, at).await)
}
