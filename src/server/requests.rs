//! The requests of an HTTP/1.1 connection as browsers send them: a GET or HEAD of a path, its head whole and beyond doubt,
//! nothing behind it. What is anything else is left to hyper, from its first byte to the connection's end.
//!
//! Between requests a connection holds neither buffers nor the state of an answer.

use std::{
    cell::Cell,
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::SystemTime,
};

use http::{Method, Version};
use httparse::{EMPTY_HEADER, Request, Status};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Limits, Way,
    connection::{LINGER, Server},
    farewell::FAREWELL,
    heads, plain_head,
    reply::Reply,
    request::Head,
};
use crate::{
    headers::{Header, Lines},
    in_place,
    spare::Spare,
};

/// What is read at once. Most heads are shorter.
const READ_BYTES: usize = 4096;
/// More fields than browsers send, and proxies add.
const FIELDS: usize = 32;
/// Most answers are shorter.
const ANSWER_BYTES: usize = 512;

/// What is left of a connection to hyper.
pub(super) struct Rest {
    /// Bytes that have been read.
    pub(super) first: Vec<u8>,
    /// Requests that have been answered.
    pub(super) served: u32,
}

/// Serves requests until the connection ends, or until one comes that is not served here.
///
/// Dropped at an await, it closes the connection; calls to trackers go on by themselves.
pub(super) async fn serve<S>(server: &Server, stream: &mut S, way: &Way) -> Option<Rest>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = &server.limits;
    let began = Instant::now();
    let ends = began + limits.connection_age;
    let mut draining = pin!(server.draining());
    let mut is_listening = false;
    let mut leaves: Option<Instant> = None;
    let mut timer = pin!(sleep_until(began + limits.first_byte));
    let mut since = began;
    let mut count = 0;
    let mut bytes = Spare::default();
    let goes_on = loop {
        let limit = match (bytes.is_empty(), count) {
            (false, _) => limits.head,
            (true, 0) => limits.first_byte,
            (true, _) => limits.keep_alive,
        };
        let had = bytes.len();
        let came = {
            let mut due = ends.min(since + limit);
            due = leaves.map_or(due, |leaves| due.min(leaves));
            // It is mostly set for an earlier moment, and then only asked again.
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            let came = poll_fn(|context| {
                if let Poll::Ready(came) = poll_some(stream, context, &mut bytes) {
                    // Without the error itself, for which an idle connection would hold room.
                    return Poll::Ready(came.map(Some).map_err(drop));
                }
                // Once asked, it wakes this task; until then there is nothing to ask it.
                let may_drain = !std::mem::replace(&mut is_listening, true) || server.is_draining();
                if leaves.is_none() && may_drain && draining.as_mut().poll(context).is_ready() {
                    let soon = Instant::now() + LINGER;
                    leaves = Some(soon);
                    due = due.min(soon);
                    timer.as_mut().reset(due);
                }
                while timer.as_mut().poll(context).is_ready() {
                    if due <= Instant::now() {
                        return Poll::Ready(Ok(None));
                    }
                    timer.as_mut().reset(due);
                }
                Poll::Pending
            });
            came.await
        };
        match came {
            // A line that is torn, as browsers tear it that end TLS without a goodbye, has nobody at its end to hear one.
            Err(()) => return None,
            Ok(None) => break false,
            Ok(Some(0)) => break had > 0,
            Ok(Some(_)) => {}
        }
        let is_last = count + 1 >= limits.requests_per_connection || since >= ends;
        // By a statement of its own, so that what was matched is not held while the answer is written.
        let (answer, is_last) = match in_place::pinned(|| answer(server, way, &bytes, is_last)).await {
            Read::Answered { answer, is_last } => (answer, is_last),
            Read::Strange => break true,
            Read::Part => {
                // A head's time begins with its first byte.
                if had == 0 {
                    since = Instant::now();
                }
                continue;
            }
        };
        bytes = Spare::default();
        count += 1;
        if !write(stream, &answer, limits).await || is_last {
            break false;
        }
        since = Instant::now();
    };
    if goes_on {
        return Some(Rest {
            first: bytes.into(),
            served: count,
        });
    }
    // Who does not take it has gone.
    let _ = timeout(FAREWELL, stream.shutdown()).await;
    None
}

/// Reads what is there, without holding room for it while nothing is.
fn poll_some<S>(stream: &mut S, context: &mut Context<'_>, bytes: &mut Spare) -> Poll<io::Result<usize>>
where
    S: AsyncRead + Unpin,
{
    let mut room = [MaybeUninit::uninit(); READ_BYTES];
    let mut buffer = ReadBuf::uninit(&mut room);
    ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
    let came = buffer.filled();
    if bytes.is_empty() {
        *bytes = Spare::with_room(came.len());
    }
    bytes.extend_from_slice(came);
    Poll::Ready(Ok(came.len()))
}

/// Writes an answer; false when it cannot be, or is not taken in time.
pub(super) async fn write<S>(stream: &mut S, answer: &[u8], limits: &Limits) -> bool
where
    S: AsyncWrite + Unpin,
{
    let mut written = pin!(async {
        stream.write_all(answer).await?;
        stream.flush().await
    });
    // It nearly always is at once, and needs no clock.
    match poll_fn(|context| Poll::Ready(written.as_mut().poll(context))).await {
        Poll::Ready(written) => written.is_ok(),
        Poll::Pending => matches!(Box::pin(timeout(limits.write_stall, written)).await, Ok(Ok(()))),
    }
}

/// What bytes are.
enum Read {
    /// The beginning of a head.
    Part,
    /// Nothing that is served here.
    Strange,
    /// A request, and its answer.
    Answered { answer: Spare, is_last: bool },
}

/// Reads and answers one request.
///
/// Dropped at its await, as when the visitor leaves, it records the hit as one whose visitor left.
async fn answer(server: &Server, way: &Way, bytes: &[u8], is_last: bool) -> Read {
    let fits = u32::try_from(bytes.len()).is_ok_and(|length| length <= server.limits.header_bytes);
    if !fits || !(bytes.starts_with(b"GET /") || bytes.starts_with(b"HEAD /")) {
        return Read::Strange;
    }
    let mut lines: Vec<Header<'_>> = LINES.take();
    lines.reserve_exact(FIELDS);
    let Some(plain) = plain_head::read(bytes, &mut lines) else {
        return if is_part(bytes) { Read::Part } else { Read::Strange };
    };
    let row = Lines::of(&lines);
    let head = Head {
        method: if plain.is_head { &Method::HEAD } else { &Method::GET },
        authority: None,
        target: plain.target,
        version: Version::HTTP_11,
        headers: (&row).into(),
    };
    let at = SystemTime::now();
    let outcome = server.hit(&head, way, at).await;
    LINES.set(emptied(lines));
    let mut reply = Reply::of(outcome);
    reply.is_last |= is_last || plain.wants_close || server.is_draining();
    let mut answer = Spare::with_room(ANSWER_BYTES);
    reply.write(plain.is_head, at, &mut answer);
    Read::Answered {
        answer,
        is_last: reply.is_last,
    }
}

thread_local! {
    /// Room for a head's fields, kept from one request for the next.
    static LINES: Cell<Vec<Header<'static>>> = const { Cell::new(Vec::new()) };
}

/// The same room with nothing in it: collecting into one's own room is what the standard library does where it can.
fn emptied<'a>(mut lines: Vec<Header<'_>>) -> Vec<Header<'a>> {
    lines.clear();
    lines.into_iter().map(|_| Header { name: b"", value: b"" }).collect()
}

/// Whether bytes are the beginning of a head that may be one.
fn is_part(bytes: &[u8]) -> bool {
    let mut lines = [EMPTY_HEADER; FIELDS];
    matches!(Request::new(&mut lines).parse(bytes), Ok(Status::Partial)) && !heads::is_doubtful(bytes)
}
