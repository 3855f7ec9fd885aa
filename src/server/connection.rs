//! A connection from its first byte to its last answer, within limits of time and size.

use std::{
    borrow::Cow,
    convert::Infallible,
    net::IpAddr,
    os::fd::AsRawFd,
    pin::{Pin, pin},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response};
use http_body_util::Full;
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    Crowd, Limits, Place, Protocol, Way, farewell,
    heads::Heads,
    http2,
    patience::{Over, Patience},
    preface::{self, Replayed},
    progress::Progress,
    reply::Reply,
    request::{self, Head},
    requests::{self, Rest},
    watched::Watched,
};
use crate::{
    edge::Current,
    headers::{Headers, Sender},
    hit::{self, Hit},
    hit_id::{HitId, HitIds},
    observe::{Observe, Seen, Trace},
    outcome::{Outcome, Refusal},
    trace_id::TraceId,
};

/// While draining, how long a connection may stay silent before it is closed: time for a request that is on its way.
pub(super) const LINGER: Duration = Duration::from_millis(500);
/// As many fields as hyper has room for without another allocation.
const ROOM_FOR_FIELDS: u32 = 100;

/// In which a client says what trace its request belongs to.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What serves connections.
pub struct Server {
    /// Where hits go.
    pub edge: Arc<Current>,
    /// Who is told.
    pub observe: Observe,
    /// What a connection may take.
    pub limits: Limits,
    /// Who is in.
    pub crowd: Arc<Crowd>,
    /// Turns true when no new requests are wanted.
    pub draining: watch::Receiver<bool>,
}

impl Server {
    /// A place for a connection that was accepted, if there is one; if there is none, it is to be closed.
    pub fn admit(&self, stream: &TcpStream, peer: IpAddr) -> Option<Place> {
        let is_proxy = self.edge.load().real_ip.trusted.contain(peer);
        let descriptor = u32::try_from(stream.as_raw_fd()).unwrap_or(u32::MAX);
        self.crowd.enter(peer, is_proxy, descriptor, &self.observe.metrics)
    }

    /// Serves one connection to its end.
    ///
    /// Dropped at an await, it closes the connection; calls to trackers go on by themselves.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async function holds its arguments twice as long as it runs"
    )]
    pub fn serve<S>(self: Arc<Self>, mut stream: S, way: Way) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        async move {
            let _counted = self.observe.metrics.connection();
            // What not every connection comes to takes no room of the others: hence the boxes.
            if way.tls.as_ref().is_some_and(|tls| tls.protocol == Protocol::Http2) {
                return Box::pin(http2::serve(&self, &mut stream, &way, Vec::new())).await;
            }
            let Some(rest) = requests::serve(&self, &mut stream, &way).await else {
                return;
            };
            Box::pin(self.strange(rest, stream, &way)).await;
        }
    }

    /// Serves a connection that does not begin, or go on, as browsers do.
    async fn strange<S>(&self, Rest { first, served }: Rest, mut stream: S, way: &Way)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if is_endless_line(&first, &self.limits) {
            return self.refuse(&mut stream, way, Refusal::TargetTooLong).await;
        }
        if served > 0 || way.tls.is_some() {
            return self.http1(Replayed::new(first, stream), way, served).await;
        }
        let head = timeout(self.limits.head, preface::detect(first, &mut stream));
        let detected = tokio::select! {
            biased;
            detected = head => detected,
            () = self.silent_while_draining() => return,
        };
        // A connection that fails or ends before its first request was nobody's hit.
        let Ok(Ok(Some((protocol, first)))) = detected else {
            return;
        };
        match protocol {
            Protocol::Http1 => self.http1(Replayed::new(first, stream), way, served).await,
            Protocol::Http2 => http2::serve(self, &mut stream, way, first).await,
        }
    }

    /// Answers what can be read as no request, tells of it, and ends the connection.
    async fn refuse<S>(&self, stream: &mut S, way: &Way, refusal: Refusal)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let at = SystemTime::now();
        self.observe.unreadable(at, way.peer, refusal);
        let mut answer = Vec::new();
        Reply::of(Outcome::Refused(refusal)).write(false, at, &mut answer);
        if requests::write(stream, &answer, &self.limits).await {
            farewell::part(stream).await;
        }
    }

    /// Serves HTTP/1 by hyper, with so many requests before it.
    async fn http1<S>(&self, stream: S, way: &Way, served: u32)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let progress = Arc::new(Progress::after(served));
        let stream = Watched::new(stream, Heads::new(), Arc::clone(&progress));
        let progress = &*progress;
        let service =
            service_fn(|request| async move { Ok::<_, Infallible>(self.answer(request, way, progress).await) });
        let mut builder = http1::Builder::new();
        builder
            .max_header_size(to_usize(self.limits.header_bytes))
            // Who has said all that he wants to say still hears the answer.
            .half_close(true)
            // Time is kept by `patience`.
            .header_read_timeout(None);
        if self.limits.header_fields >= ROOM_FOR_FIELDS {
            builder.max_headers(to_usize(self.limits.header_fields) + 1);
        }
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let patience = Patience::new(progress, &self.limits);
        // While draining each answer is the last of its connection, and a request that is on its way is still taken.
        let leave = self.silent_while_draining();
        let ended = to_the_end(pin!(connection), patience, leave, http1::Connection::graceful_shutdown).await;
        // hyper has answered a head that it cannot read; it was a hit all the same. Other errors are of a broken line, whose
        // hits have been told of.
        if ended.is_some_and(|ended| ended.is_err_and(|error| error.is_parse())) {
            self.observe
                .unreadable(SystemTime::now(), way.peer, Refusal::BadRequest);
        }
    }

    /// Answers one request that hyper has read.
    async fn answer(&self, request: Request<Incoming>, way: &Way, progress: &Progress) -> Response<Full<Bytes>> {
        let answering = progress.begin();
        let (parts, body) = request.into_parts();
        let mut reply = Reply::of(self.hit(&Head::from(&parts), way, SystemTime::now()).await);
        // A body is not read, so that what follows it cannot be told from it; and what follows a CONNECT may be meant for
        // somebody else.
        let has_body = !body.is_end_stream() || parts.method == Method::CONNECT;
        if has_body {
            progress.leave_unread();
        }
        reply.is_last |= has_body || answering.number >= self.limits.requests_per_connection || self.is_draining();
        reply.into_response()
    }

    /// Serves the hit that a request is, and tells of it.
    ///
    /// Dropped at its await, as when the visitor leaves, it records the hit as one whose visitor left.
    pub(super) async fn hit(&self, head: &Head<'_>, way: &Way, at: SystemTime) -> Outcome {
        let began = Instant::now();
        let peer = way.peer;
        let ids = HitIds {
            hit: HitId::new(at),
            trace: trace_id(head.headers),
        };
        let asked = request::read(head, &self.limits).and_then(|asked| match &way.tls {
            Some(tls) if !tls.certificate.covers(&asked.host) => Err(Refusal::Misdirected),
            _ => Ok(asked),
        });
        let host = match &asked {
            Ok(asked) => Cow::Borrowed(&*asked.host),
            Err(_) => request::host(head).unwrap_or_default(),
        };
        let sender = Sender::from(head.headers);
        let seen = Seen {
            at,
            ids,
            host: &host,
            head: Some((head.target, sender)),
        };
        let mut watch = self.observe.watch(seen, began, Trace::new(peer));
        let edge = self.edge.load();
        let outcome = match &asked {
            Ok(asked) => {
                let hit = Hit {
                    at,
                    began,
                    ids,
                    head: asked.head,
                    host: &asked.host,
                    path: &asked.path,
                    query: asked.query,
                    headers: head.headers,
                    sender,
                    peer,
                };
                hit::serve(&edge, &hit, &mut watch.trace).await
            }
            Err(refusal) => {
                watch.trace.ip = edge.real_ip.of(peer, head.headers);
                Outcome::Refused(*refusal)
            }
        };
        watch.end(&outcome);
        outcome
    }

    /// Whether no new requests are wanted.
    pub(super) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Ends when draining begins.
    pub(super) async fn draining(&self) {
        // A sender that is gone wants nothing any more.
        let _ = self.draining.clone().wait_for(|draining| *draining).await;
    }

    /// Ends when draining has begun and a connection was given time to speak.
    async fn silent_while_draining(&self) {
        self.draining().await;
        tokio::time::sleep(LINGER).await;
    }
}

/// Whether bytes are more than a head may have, and all of one line: hyper would say of its fields what is so of its target (RFC
/// 9112, section 3).
fn is_endless_line(bytes: &[u8], limits: &Limits) -> bool {
    let head = bytes.get(..to_usize(limits.header_bytes));
    head.is_some_and(|head| (head.starts_with(b"GET ") || head.starts_with(b"HEAD ")) && !head.contains(&b'\n'))
}

/// The trace that a request belongs to, where it says so once.
fn trace_id(headers: Headers<'_>) -> Option<TraceId> {
    TraceId::of_traceparent(headers.only(&TRACEPARENT).ok()??)
}

/// Runs a connection until it ends, or until patience does; asked to leave, or at the end of its time, it says goodbye
/// first. `None` when it is to be closed as it is.
///
/// Dropped at its await, it closes the connection.
async fn to_the_end<C: Future>(
    mut connection: Pin<&mut C>,
    mut patience: Patience<'_>,
    leave: impl Future<Output = ()>,
    goodbye: impl Fn(Pin<&mut C>),
) -> Option<C::Output> {
    let mut leave = pin!(leave);
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => return Some(ended),
            over = patience.over() => match over {
                // How it ended is still to be heard.
                Over::Patience if patience.end_parting() => continue,
                Over::Patience => return None,
                Over::Time => {}
            },
            () = &mut leave, if !leaving => leaving = true,
        }
        goodbye(connection.as_mut());
    }
}

fn to_usize(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
