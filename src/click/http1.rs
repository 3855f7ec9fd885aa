//! A connection of HTTP/1.1 to a tracker: one request, its answer, and then the next (RFC 9112).
//!
//! On the socket, because a client for everything costs more than the rest of a call. An idle connection holds no buffer.
//! Redirects are not followed: they would carry the key away.

use std::{task::Waker, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use httparse::{Header, Response, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    client::{BrokenBody, CallError, Date, MAX_ANSWER_BYTES, Reply},
    connection::{Card, Lost},
    endpoint::Endpoint,
    network::{Stream, says_nothing},
    wire::Target,
};

/// Most requests and most answers are shorter.
const BUFFER_BYTES: usize = 2048;
/// More than any tracker says before its answer.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// More fields than trackers send.
const MAX_FIELDS: usize = 100;
/// The longest line between two chunks, and the longest trailer.
const MAX_CHUNK_LINE_BYTES: usize = 4096;

const BROKE: &str = "the connection broke before an answer came";

/// A connection that is one call's, or waits for one.
pub(super) struct Http1 {
    stream: Box<dyn Stream>,
    pub(super) card: Card,
}

impl Http1 {
    pub(super) fn new(stream: Box<dyn Stream>, card: Card) -> Self {
        Self { stream, card }
    }

    /// Whether a request may go out on it: the tracker has neither closed it nor said anything that nobody asked for, which the
    /// next visitor would take for an answer.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }

    /// Has `waker` woken when the tracker closes it or says something; whether it has already.
    pub(super) fn is_over(&mut self, waker: &Waker) -> bool {
        !says_nothing(&mut *self.stream, waker)
    }

    /// Sends a request and reads its reply. With the reply comes the connection if it can take another request.
    ///
    /// Dropped at an await, it closes the connection.
    pub(super) async fn exchange(
        mut self,
        endpoint: &Endpoint,
        target: &Target,
    ) -> Result<(Reply, Option<Self>), Lost> {
        let mut bytes = BytesMut::with_capacity(BUFFER_BYTES);
        bytes.extend_from_slice(b"GET ");
        bytes.extend_from_slice(target.expose());
        bytes.extend_from_slice(endpoint.behind_target());
        self.send(&bytes).await.map_err(|_| broken(BROKE))?;
        bytes.clear();
        let head = self.head(&mut bytes).await?;
        let body = match head.body {
            Body::Bytes(length) => self.of_length(length, &mut bytes).await,
            Body::Chunks => self.chunks(&mut bytes).await,
            Body::UntilClose => self.until_close(&mut bytes).await,
        };
        // Bytes behind the body are no answer to anything.
        let again = head.may_go_on && body.is_ok() && bytes.is_empty();
        let reply = Reply {
            status: head.status,
            body,
            retry_after: head.retry_after,
            date: head.date,
        };
        Ok((reply, again.then_some(self)))
    }

    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Reads until the head of the answer itself has come, and takes it off `bytes`.
    async fn head(&mut self, bytes: &mut BytesMut) -> Result<Head, Lost> {
        loop {
            match self.stream.read_buf(bytes).await {
                Ok(1..) => {}
                Ok(0) => return Err(broken("the connection was closed before an answer came")),
                Err(_) => return Err(broken(BROKE)),
            }
            loop {
                match Head::read(bytes) {
                    Ok(None) if bytes.len() < MAX_HEAD_BYTES => break,
                    Ok(Some((head, length))) => {
                        bytes.advance(length);
                        if !head.is_interim() {
                            return Ok(head);
                        }
                    }
                    Ok(None) | Err(NotHttp) => {
                        return Err(Lost {
                            error: CallError::NotHttp,
                            is_unsent: false,
                            is_of_stream: false,
                            is_broken: false,
                        });
                    }
                }
            }
        }
    }

    /// Reads more; whether there was any.
    async fn more(&mut self, bytes: &mut BytesMut) -> Result<bool, BrokenBody> {
        let read = self.stream.read_buf(bytes).await;
        Ok(read.map_err(|_| BrokenBody::CutShort)? > 0)
    }

    async fn of_length(&mut self, length: u64, bytes: &mut BytesMut) -> Result<Bytes, BrokenBody> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_ANSWER_BYTES {
            return Err(BrokenBody::TooLarge);
        }
        while bytes.len() < length {
            if !self.more(bytes).await? {
                return Err(BrokenBody::CutShort);
            }
        }
        Ok(bytes.split_to(length).freeze())
    }

    async fn until_close(&mut self, bytes: &mut BytesMut) -> Result<Bytes, BrokenBody> {
        while bytes.len() <= MAX_ANSWER_BYTES {
            if !self.more(bytes).await? {
                return Ok(bytes.split().freeze());
            }
        }
        Err(BrokenBody::TooLarge)
    }

    async fn chunks(&mut self, bytes: &mut BytesMut) -> Result<Bytes, BrokenBody> {
        let mut chunks = Chunks::default();
        while !chunks.take(bytes)? {
            if !self.more(bytes).await? {
                return Err(BrokenBody::CutShort);
            }
        }
        Ok(chunks.body.freeze())
    }
}

fn broken(why: &'static str) -> Lost {
    Lost {
        error: CallError::Unreachable(why),
        is_unsent: false,
        is_of_stream: false,
        is_broken: true,
    }
}

/// What an answer says before its body.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: StatusCode,
    body: Body,
    /// The connection may take another request.
    may_go_on: bool,
    retry_after: Option<Duration>,
    date: Option<Date>,
}

/// How the end of a body is known (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Bytes(u64),
    Chunks,
    UntilClose,
}

/// Bytes that are no head of an answer.
#[derive(Debug, PartialEq, Eq)]
struct NotHttp;

impl Head {
    /// Reads a head at the front of `bytes`, and how long it is; `None` when there is more to come.
    fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, NotHttp> {
        let mut fields = [const { std::mem::MaybeUninit::<Header<'_>>::uninit() }; MAX_FIELDS];
        let mut response = Response::new(&mut []);
        let read =
            httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut fields);
        let length = match read {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(_) => return Err(NotHttp),
        };
        let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(NotHttp)?;
        let is_http11 = response.version == Some(1);
        let (mut may_go_on, mut length_told, mut is_coded, mut is_chunked) = (is_http11, None, false, false);
        let (mut retry_after, mut date) = (None, None);
        for Header { name, value } in &*response.headers {
            match name.len() {
                4 if name.eq_ignore_ascii_case("date") => date = (*value).try_into().ok(),
                10 if name.eq_ignore_ascii_case("connection") => {
                    for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                        may_go_on &= !option.eq_ignore_ascii_case(b"close");
                        may_go_on |= !is_http11 && option.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                11 if name.eq_ignore_ascii_case("retry-after") => retry_after = retry_after.or_else(|| seconds(value)),
                14 if name.eq_ignore_ascii_case("content-length") => {
                    for told in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                        let told = number(told).ok_or(NotHttp)?;
                        if length_told.replace(told).is_some_and(|before| before != told) {
                            return Err(NotHttp);
                        }
                    }
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                    is_coded = true;
                    is_chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
                }
                _ => {}
            }
        }
        let has_none = status.is_informational() || matches!(status.as_u16(), 204 | 304);
        let body = match length_told {
            _ if has_none => Body::Bytes(0),
            _ if is_chunked => Body::Chunks,
            Some(length) if !is_coded => Body::Bytes(length),
            _ => Body::UntilClose,
        };
        // Where a length stands beside a coding, somebody on the way may see another end (RFC 9112, section 6.1).
        may_go_on &= body != Body::UntilClose && !(is_coded && (length_told.is_some() || !is_http11));
        may_go_on &= status != StatusCode::SWITCHING_PROTOCOLS;
        let head = Self {
            status,
            body,
            may_go_on,
            retry_after,
            date,
        };
        Ok(Some((head, length)))
    }

    /// Whether the answer itself is still to come (RFC 9110, section 15.2).
    fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}

/// A time in seconds; one that is longer than any is the longest.
pub(super) fn seconds(digits: &[u8]) -> Option<Duration> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| Duration::from_secs(number(digits).unwrap_or(u64::MAX)))
}

fn number(digits: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add)).flatten()
}

/// A body that comes in chunks (RFC 9112, section 7.1).
#[derive(Default)]
struct Chunks {
    body: BytesMut,
    at: At,
}

#[derive(Clone, Copy, Default)]
enum At {
    #[default]
    Size,
    /// So many bytes are still to come of a chunk.
    Data(usize),
    /// At the end of a line behind a chunk.
    DataEnd,
    Trailer,
}

impl Chunks {
    /// Takes off `bytes` what is of the body; whether it has come to its end.
    fn take(&mut self, bytes: &mut BytesMut) -> Result<bool, BrokenBody> {
        loop {
            match self.at {
                At::Size => match httparse::parse_chunk_size(bytes) {
                    Ok(Status::Complete((length, size))) => {
                        let size = usize::try_from(size).unwrap_or(usize::MAX);
                        if size > MAX_ANSWER_BYTES - self.body.len() {
                            return Err(BrokenBody::TooLarge);
                        }
                        bytes.advance(length);
                        self.at = if size == 0 { At::Trailer } else { At::Data(size) };
                    }
                    Ok(Status::Partial) if bytes.len() < MAX_CHUNK_LINE_BYTES => return Ok(false),
                    Ok(Status::Partial) | Err(_) => return Err(BrokenBody::CutShort),
                },
                At::Data(_) if bytes.is_empty() => return Ok(false),
                At::Data(left) => {
                    let come = bytes.split_to(left.min(bytes.len()));
                    self.body.extend_from_slice(&come);
                    self.at = match left - come.len() {
                        0 => At::DataEnd,
                        left => At::Data(left),
                    };
                }
                At::DataEnd => match **bytes {
                    [b'\r', b'\n', ..] => {
                        bytes.advance(2);
                        self.at = At::Size;
                    }
                    [] | [b'\r'] => return Ok(false),
                    _ => return Err(BrokenBody::CutShort),
                },
                At::Trailer => match bytes.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        let line = bytes.split_to(end + 1);
                        if matches!(*line, [b'\n'] | [b'\r', b'\n']) {
                            return Ok(true);
                        }
                    }
                    None if bytes.len() < MAX_CHUNK_LINE_BYTES => return Ok(false),
                    None => return Err(BrokenBody::CutShort),
                },
            }
        }
    }
}

#[cfg(test)]
#[path = "http1_tests.rs"]
mod tests;
