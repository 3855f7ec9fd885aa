//! A connection from its first byte to its last answer, within limits of time and size.

use std::{
    borrow::Cow,
    convert::Infallible,
    net::IpAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{Request, Version, header};
use hyper::{
    body::{Body, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::timeout,
};

use super::{
    Protocol, Way, preface,
    reply::{self, Reply},
    request,
};
use crate::{
    edge::Current,
    hit::{self, Hit},
    hit_id::HitId,
    observe::{Observe, Seen, Trace},
    outcome::{Outcome, Refusal},
    query::Query,
};

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the first byte, or a whole preface: who connects and says nothing is no visitor.
    pub first_byte: Duration,
    /// For a request's head, and between two requests.
    pub head: Duration,
    /// While draining, how long a connection may stay silent before it is closed: time for a request that is on its way.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(10),
            linger: Duration::from_millis(500),
        }
    }
}

/// The longest head of a request: browsers' cookies for a link's domain fit many times.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Requests of one HTTP/2 connection at a time; each may wait for a tracker.
const MAX_STREAMS: u32 = 100;
/// Streams that a client made us reset, after which it is cut off (CVE-2023-44487, CVE-2025-8671).
const MAX_RESETS: usize = 128;
/// A dead HTTP/2 client is noticed by a PING that is not answered.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_LIMIT: Duration = Duration::from_secs(10);
/// Request bodies are not read; a window is needed all the same (RFC 9113, section 6.9.2).
const WINDOW_BYTES: u32 = 64 * 1024;

/// What serves connections.
pub struct Server {
    /// Where hits go.
    pub edge: Arc<Current>,
    /// Who is told.
    pub observe: Observe,
    /// What a connection may take.
    pub limits: Limits,
    /// Turns true when no new requests are wanted.
    pub draining: watch::Receiver<bool>,
}

impl Server {
    /// Serves one connection to its end.
    ///
    /// Dropped at an await, it closes the connection; calls to trackers go on by themselves.
    pub async fn serve<S>(self: Arc<Self>, stream: S, way: Way)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let _counted = self.observe.metrics.connection();
        match way.tls.as_ref().map(|tls| tls.protocol) {
            Some(Protocol::Http1) => return self.http1(stream, &way).await,
            Some(Protocol::Http2) => return self.http2(stream, way).await,
            None => {}
        }
        let first_byte = timeout(self.limits.first_byte, preface::detect(stream));
        let detected = tokio::select! {
            biased;
            detected = first_byte => detected,
            () = self.silent_while_draining() => return,
        };
        // A connection that fails or ends before its first request was nobody's hit.
        let Ok(Ok(Some((protocol, stream)))) = detected else {
            return;
        };
        match protocol {
            Protocol::Http1 => self.http1(stream, &way).await,
            Protocol::Http2 => self.http2(stream, way).await,
        }
    }

    async fn http1<S>(&self, stream: S, way: &Way)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| async move { Ok::<_, Infallible>(self.answer(request, way).await) });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_header_size(MAX_HEAD_BYTES)
            // Who has said all that he wants to say still hears the answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            ended = connection.as_mut() => return self.ended(ended, way.peer),
            () = self.draining() => {}
        }
        // From here each answer is the last of its connection. A request that is on its way is still taken.
        if let Ok(ended) = timeout(self.limits.linger, connection.as_mut()).await {
            return self.ended(ended, way.peer);
        }
        connection.as_mut().graceful_shutdown();
        self.ended(connection.await, way.peer);
    }

    /// hyper has answered a head that it cannot read; it was a hit all the same. Other errors are of a broken line, whose
    /// hits have been told of.
    fn ended(&self, ended: hyper::Result<()>, peer: IpAddr) {
        if ended.is_err_and(|error| error.is_parse()) {
            self.observe.unreadable(SystemTime::now(), peer);
        }
    }

    async fn http2<S>(self: Arc<Self>, stream: S, way: Way)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (server, way) = (Arc::clone(&self), Arc::new(way));
        let service = service_fn(move |request| {
            let (server, way) = (Arc::clone(&server), Arc::clone(&way));
            async move { Ok::<_, Infallible>(server.answer(request, &way).await) }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_LIMIT)
            .max_concurrent_streams(MAX_STREAMS)
            .max_local_error_reset_streams(MAX_RESETS)
            .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            () = self.draining() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }

    /// Answers one request.
    ///
    /// Dropped at its await, as when the visitor leaves, it records the hit as one whose visitor left.
    async fn answer(&self, request: Request<Incoming>, way: &Way) -> Reply {
        let peer = way.peer;
        let at = SystemTime::now();
        let id = HitId::new(at);
        let (parts, body) = request.into_parts();
        let asked = request::read(&parts).and_then(|asked| match &way.tls {
            Some(tls) if !tls.certificate.covers(&asked.host) => Err(Refusal::Misdirected),
            _ => Ok(asked),
        });
        let host = match &asked {
            Ok(asked) => Cow::Borrowed(&*asked.host),
            Err(_) => request::host(&parts).unwrap_or_default(),
        };
        let trace = Trace::new(peer);
        let seen = Seen {
            at,
            hit_id: id,
            host: &host,
            head: Some((&parts.uri, &parts.headers)),
        };
        let mut watch = self.observe.watch(seen, trace);
        let edge = self.edge.load();
        let outcome = match &asked {
            Ok(asked) => {
                let hit = Hit {
                    at,
                    id,
                    head: asked.head,
                    host: &asked.host,
                    path: &asked.path,
                    query: Query::new(asked.query),
                    headers: &parts.headers,
                    peer,
                };
                hit::serve(&edge, &hit, &mut watch.trace).await
            }
            Err(refusal) => {
                watch.trace.ip = edge.real_ip.of(peer, &parts.headers);
                Outcome::Refused(*refusal)
            }
        };
        watch.end(&outcome);
        let mut reply = reply::reply(outcome);
        // A body is not read, so that what follows it cannot be told from it.
        let is_last = *self.draining.borrow() || !body.is_end_stream();
        if parts.version == Version::HTTP_2 {
            reply.headers_mut().remove(header::CONNECTION);
        } else if is_last {
            reply::close(&mut reply);
        }
        reply
    }

    /// Ends when draining begins.
    async fn draining(&self) {
        // A sender that is gone wants nothing any more.
        let _ = self.draining.clone().wait_for(|draining| *draining).await;
    }

    /// Ends when draining has begun and a connection was given time to speak.
    async fn silent_while_draining(&self) {
        self.draining().await;
        tokio::time::sleep(self.limits.linger).await;
    }
}
