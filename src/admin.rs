//! The operator's listener: health, readiness and metrics. Never shared with visitors.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, sync::watch};

use crate::observe::Metrics;

/// A scraper sends its head at once.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// What the admin listener shows.
pub struct Admin {
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Turns true when the edge takes no new visitors.
    pub draining: watch::Receiver<bool>,
}

impl Admin {
    /// Serves one connection to its end.
    pub async fn serve(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request| {
            let reply = self.answer(&request);
            async { Ok::<_, Infallible>(reply) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), service);
        // Its errors are the client's.
        let _ = connection.await;
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
            reply
                .headers_mut()
                .insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if *self.draining.borrow() => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            "/readyz" => text(StatusCode::OK, "ready\n"),
            "/metrics" => self.metrics(request),
            _ => text(StatusCode::NOT_FOUND, "/healthz, /readyz, /metrics\n"),
        }
    }

    fn metrics(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let wants_open = request
            .headers()
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("application/openmetrics-text"));
        let (body, kind) = if wants_open {
            (
                self.metrics.open_metrics(),
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )
        } else {
            (self.metrics.prometheus(), "text/plain; version=0.0.4; charset=utf-8")
        };
        with_type(StatusCode::OK, body.into(), kind)
    }
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    with_type(status, Bytes::from_static(body.as_bytes()), "text/plain; charset=utf-8")
}

fn with_type(status: StatusCode, body: Bytes, kind: &'static str) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    reply
}
