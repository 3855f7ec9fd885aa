//! The operator's listener: health, readiness and metrics. Never shared with visitors.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot, watch},
};

use crate::observe::Metrics;

/// A scraper sends its head at once.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// Asks for a changed configuration to be taken up, and is told what came of it: what is wrong, in words for the operator.
pub type Ask = oneshot::Sender<Result<(), String>>;

/// What the admin listener shows.
pub struct Admin {
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Turns true when the edge takes no new visitors.
    pub draining: watch::Receiver<bool>,
    /// Who takes up a changed configuration.
    pub reload: mpsc::Sender<Ask>,
}

impl Admin {
    /// Serves one connection to its end.
    pub async fn serve(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request| {
            let admin = Arc::clone(&self);
            async move { Ok::<_, Infallible>(admin.answer(&request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), service);
        // Its errors are the client's.
        let _ = connection.await;
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() == "/reload" {
            if !is_of_the_operator(request.headers()) {
                return text(
                    StatusCode::FORBIDDEN,
                    "not for pages of a browser; call it by an address or `localhost`\n",
                );
            }
            return self.reload(request.method()).await;
        }
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
            "/metrics" => self.metrics(request).await,
            _ => text(StatusCode::NOT_FOUND, "/healthz, /readyz, /metrics, POST /reload\n"),
        }
    }

    /// Dropped at an await, it leaves the reload to its end.
    async fn reload(&self, method: &Method) -> Response<Full<Bytes>> {
        if method != Method::POST {
            let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "POST\n");
            reply
                .headers_mut()
                .insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            return reply;
        }
        let (ask, answer) = oneshot::channel();
        if self.reload.send(ask).await.is_err() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "the edge is stopping\n");
        }
        match answer.await {
            Ok(Ok(())) => text(StatusCode::OK, "the configuration is in use\n"),
            Ok(Err(why)) => with_type(
                StatusCode::UNPROCESSABLE_ENTITY,
                why.into(),
                "text/plain; charset=utf-8",
            ),
            Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the edge is stopping\n"),
        }
    }

    /// Dropped at its await, it leaves the text to be written for nobody.
    async fn metrics(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let wants_open = request
            .headers()
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("application/openmetrics-text"));
        let (write, kind): (fn(&Metrics) -> String, _) = if wants_open {
            (
                Metrics::open_metrics,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )
        } else {
            (Metrics::prometheus, "text/plain; version=0.0.4; charset=utf-8")
        };
        let metrics = Arc::clone(&self.metrics);
        // Those of many links take their time, and visitors are served meanwhile.
        match tokio::task::spawn_blocking(move || write(&metrics)).await {
            Ok(body) => with_type(StatusCode::OK, body.into(), kind),
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be told\n"),
        }
    }
}

/// Whether a request is of an operator, and not of a page that a browser shows: such a page names its site (Fetch, "`Origin`
/// header"), or reaches this address by a name of its own (DNS rebinding).
fn is_of_the_operator(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let is_called_by_its_own = host.is_none_or(|host| {
        let without_port = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        let name = without_port.map_or(host, |(name, _)| name);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
    });
    is_called_by_its_own && !headers.contains_key(header::ORIGIN) && !headers.contains_key("sec-fetch-site")
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
