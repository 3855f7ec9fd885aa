//! The sandbox's HTTP server: connections, methods and paths, faults and waiting. What is answered to a call is
//! decided elsewhere.

use super::answer::Answer;
use super::contract::Tracker;
use super::faults::{self, Fault};
use super::log;
use super::options::Options;
use super::query::Query;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Where the Click API is.
pub const PATH: &str = "/api/click/create";

/// Where its own list of clicks is, as a network's reports have one.
pub const EXPORT: &str = "/clicks.csv";

/// How long a connection may be idle, or take to send a request's head; as long as web servers commonly wait.
const IDLE: Duration = Duration::from_secs(75);

/// Answers calls until `shutdown`. Calls in flight are then dropped: some would never end.
pub async fn serve(listener: TcpListener, options: Options, shutdown: impl Future<Output = ()>) {
    let sandbox = Arc::new(Sandbox::new(options));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            stream = accept(&listener) => {
                connections.spawn(connection(stream, Arc::clone(&sandbox)));
            }
            // Ended tasks would otherwise pile up in the set.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                // Most often too many open files, which a busy loop would not cure.
                tracing::warn!(target: "onehop::peers", %error, "no connection accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, sandbox: Arc<Sandbox>) {
    // Without it the answer's time would not be --latency but the kernel's; a failure costs only that.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let sandbox = Arc::clone(&sandbox);
        async move { Ok::<_, Infallible>(sandbox.respond(request.method(), request.uri()).await) }
    });
    // An error here is the client leaving or not speaking HTTP: nothing to tell anyone.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

struct Sandbox {
    tracker: Mutex<Tracker>,
    options: Options,
}

impl Sandbox {
    fn new(options: Options) -> Self {
        let tracker = Tracker::new(options.key.clone(), options.cap, fastrand::Rng::new());
        Self {
            tracker: Mutex::new(tracker),
            options,
        }
    }

    async fn respond(&self, method: &Method, uri: &Uri) -> Response<Full<Bytes>> {
        if (uri.path(), method) == (EXPORT, &Method::GET) {
            let mut response = Response::new(Full::from(self.export(SystemTime::now())));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
            return response;
        }
        let answer = match (uri.path(), method) {
            (PATH, &Method::GET) => self.call(uri.query().unwrap_or("")).await,
            (PATH, _) => Answer::method_not_allowed(),
            _ => Answer::not_found(),
        };
        match response(&answer) {
            Some(response) => response,
            // Ends when the client gives up and hyper drops this future.
            None => std::future::pending().await,
        }
    }

    /// A click is made when the call arrives, not when it is answered: a caller who gives up has it all the same.
    async fn call(&self, query: &str) -> Answer {
        let query = Query::parse(query);
        let delay = faults::delay(&self.options, fastrand::f64());
        let answer = match faults::fault(&self.options, fastrand::f64()) {
            Some(Fault::Hang) => Answer::Silence,
            Some(Fault::Fail) => Answer::failed(),
            None => self.ask(&query),
        };
        log::call(&query, &answer, delay);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        answer
    }

    /// The clicks of the last 300 seconds, with their times in UTC.
    fn export(&self, at: SystemTime) -> String {
        let tracker = self.tracker();
        let now = Instant::now().into_std();
        let mut out = String::from("click_id,created_at,offer_id,campaign_id,ip\r\n");
        for (age, offer, campaign, ip, click_id) in tracker.clicks().all(now) {
            let created = humantime::format_rfc3339_seconds(at - age);
            // Writing to a string does not fail.
            let _ = write!(out, "{click_id},{created},{offer},{campaign},{ip}\r\n");
        }
        out
    }

    fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, query: &Query) -> Answer {
        let mut tracker = self.tracker();
        // Read under the lock, so that time never runs backwards from call to call.
        let now = Instant::now().into_std();
        tracker.answer(query, now)
    }
}

fn response(answer: &Answer) -> Option<Response<Full<Bytes>>> {
    let (status, body) = answer.http()?;
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if *answer == Answer::method_not_allowed() {
        headers.insert(ALLOW, HeaderValue::from_static("GET"));
    }
    Some(response)
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
