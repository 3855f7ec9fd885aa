//! A connection's bytes against the server: what is answered is right HTTP, the same however the bytes come in pieces, and no
//! request is served of which another reader could make something else.
//!
//! A seed is what a client sends before it says no more.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use onehop::{
    config,
    edge::Current,
    link::{host, path},
    observe::{Metrics, Observe},
    percent,
    query::Query,
    server::{Crowd, Server},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
};
use url::Url;

/// Whatever link is met, its location tells what of a request was understood; no tracker is ever asked.
const CONFIGURATION: &str = r#"
[unmatched]
redirect = "https://unmatched.example/?host={host}&path={path}&q={query.q}"

[tracker.t]
url = "http://127.0.0.1:1/api"
secure_key = "Qz7Vx2Lm9Rt4Wb6Yp3Hs8Jd5"

[[link]]
at = "go.example.com/shoes/*"
trafficback_url = "https://trafficback.example/?host={host}&path={path}&q={query.q}&r={reason}"

  [[link.offer]]
  offer_id = 1
  campaign_id = 2
  promo_id = 3
  traffic_url = "https://advertiser.example/?c={click_id}"
  when = { query = { nobody = ["a"] } }
  unless = { query = { nobody = ["a"] } }
"#;
pub(super) const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const TRAFFIC_ADVICE: &str = r#"[{"user_agent":"prefetch-proxy","disallow":true}]"#;
/// Longer than any limit of time but a connection's age.
const PATIENCE: Duration = Duration::from_mins(10);

static SERVER: LazyLock<Arc<Server>> = LazyLock::new(|| {
    let read = config::read_text(Path::new("head.toml"), CONFIGURATION, &[], &|_| Box::new(|_| ()));
    let config = read.config.unwrap_or_else(|| panic!("{}", read.text));
    let limits = config.limits;
    let (draining, wanted) = watch::channel(false);
    // It never begins.
    std::mem::forget(draining);
    Arc::new(Server {
        edge: Arc::new(Current::new(config.into_edge())),
        observe: Observe {
            metrics: Arc::new(Metrics::default()),
            log: None,
        },
        limits,
        crowd: Arc::new(Crowd::new(&limits, u32::MAX)),
        draining: wanted,
    })
});

pub fn check(bytes: &[u8]) {
    // The longest head that is taken is told apart by what comes at once.
    if bytes.len() > 4096 {
        return;
    }
    // Those are `http2`'s.
    if bytes.starts_with(HTTP2) {
        return;
    }
    let said = talk(bytes, bytes.len());
    served(&answers(&said, bytes), bytes);
    // What is wrong with a head that does not end, and with a preface behind a request, hyper says or does not, as they come
    // in pieces or at once.
    let whole = [bytes, b"\r\n\r\n"].concat();
    if whole.windows(HTTP2.len()).any(|found| found == HTTP2) {
        return;
    }
    let at_once = answers(&talk(&whole, whole.len()), &whole);
    served(&at_once, &whole);
    for piece in [1 + whole.len() / 48, 1 + whole.len() / 2] {
        let in_pieces = answers(&talk(&whole, piece), &whole);
        assert_eq!(in_pieces, at_once, "in pieces of {piece}: {}", whole.escape_ascii());
    }
}

/// All that is answered to what comes in pieces.
pub(super) fn talk(bytes: &[u8], piece: usize) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let said = Arc::default();
    let client = Client {
        left: bytes.to_vec(),
        piece: piece.max(1),
        breath: false,
        said: Arc::clone(&said),
    };
    let peer = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
    let served = async { tokio::time::timeout(PATIENCE, Arc::clone(&SERVER).serve(client, peer.into())).await };
    runtime.block_on(served).expect("nobody stays for ever");
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.clone()
}

/// A client that has made up its mind.
struct Client {
    left: Vec<u8>,
    piece: usize,
    /// Whether others are let to do something before the next piece.
    breath: bool,
    said: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.breath = !self.breath;
        if self.breath {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = self.piece.min(self.left.len()).min(buffer.remaining());
        let piece: Vec<u8> = self.left.drain(..length).collect();
        buffer.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    location: Option<String>,
    closes: bool,
}

/// Reads answers, each of which is one that there is.
fn answers(said: &[u8], bytes: &[u8]) -> Vec<Answer> {
    let shown = || format!("{} to {}", said.escape_ascii(), bytes.escape_ascii());
    let said = str::from_utf8(said).unwrap_or_else(|_| panic!("{}", shown()));
    let mut rest = said;
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let (head, after) = rest.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{}", shown()));
        rest = after;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1."));
        let status = status.and_then(|line| line.get(2..5)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("{}", shown()));
        let mut answer = Answer {
            status,
            location: None,
            // Without a word a connection stays in HTTP/1.1, and ends in HTTP/1.0.
            closes: head.starts_with("HTTP/1.0"),
        };
        let mut length = None;
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{}", shown()));
            match name {
                "location" => assert!(answer.location.replace(value.to_owned()).is_none(), "{}", shown()),
                "content-length" => assert!(length.replace(value).is_none(), "{}", shown()),
                // To a client of HTTP/1.0 hyper says both; then it ends (RFC 9112, section 9.3).
                "connection" => answer.closes = value.split(", ").any(|word| word == "close"),
                "date" | "cache-control" | "content-type" | "allow" => {}
                _ => panic!("{name}: {}", shown()),
            }
        }
        match status {
            200 => rest = rest.strip_prefix(TRAFFIC_ADVICE).unwrap_or(rest),
            302 => assert!(answer.location.is_some(), "{}", shown()),
            400 | 405 | 414 | 431 | 503 => {}
            _ => panic!("{}", shown()),
        }
        assert!(length == Some("0") || status == 200, "{}", shown());
        assert_eq!(answer.location.is_some(), status == 302, "{}", shown());
        assert!(!answer.closes || rest.is_empty(), "{}", shown());
        assert!(answer.closes || !matches!(status, 400 | 414 | 431), "{}", shown());
        answers.push(answer);
    }
    answers
}

/// Each redirect is for a request without a doubt, and says what that asked for.
fn served(answers: &[Answer], bytes: &[u8]) {
    let mut rest = bytes;
    for answer in answers {
        let shown = || format!("{answer:?} to {}", bytes.escape_ascii());
        while let Some(after) = rest.strip_prefix(b"\r\n") {
            rest = after;
        }
        let end = rest.windows(4).position(|found| found == b"\r\n\r\n");
        let request = end.and_then(|end| Request::read(&rest[..end]));
        rest = end.map_or(&[], |end| &rest[end + 4..]);
        let Some(location) = &answer.location else { continue };
        let request = request.unwrap_or_else(|| panic!("{}", shown()));
        let location = Url::parse(location).unwrap_or_else(|_| panic!("{}", shown()));
        assert!(
            matches!(location.host_str(), Some("unmatched.example" | "trafficback.example")),
            "{}",
            shown()
        );
        let told = |name: &str| {
            location
                .query_pairs()
                .find(|pair| pair.0 == name)
                .map(|pair| pair.1.into_owned())
        };
        assert_eq!(told("host"), Some(request.host), "{}", shown());
        assert_eq!(told("path"), Some(request.path), "{}", shown());
        assert_eq!(told("q"), Some(request.q), "{}", shown());
        assert!(!request.has_body || answer.closes, "{}", shown());
    }
}

/// A request as a reader understands it who takes nothing that RFC 9112 does not allow.
struct Request {
    host: String,
    path: String,
    q: String,
    has_body: bool,
}

impl Request {
    /// `None` when it is not to be served.
    fn read(head: &[u8]) -> Option<Self> {
        let mut lines = Vec::new();
        let mut rest = head;
        while let Some(end) = rest.windows(2).position(|found| found == b"\r\n") {
            lines.push(&rest[..end]);
            rest = &rest[end + 2..];
        }
        lines.push(rest);
        if lines
            .iter()
            .any(|line| line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)))
        {
            return None;
        }
        let mut lines = lines.into_iter();
        let line = str::from_utf8(lines.next()?).ok()?;
        let words: Vec<&str> = line.split(' ').collect();
        let ["GET" | "HEAD", target, version @ ("HTTP/1.0" | "HTTP/1.1")] = words[..] else {
            return None;
        };
        let mut hosts = Vec::new();
        let mut has_body = false;
        for line in lines {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.is_empty()
                || !name
                    .iter()
                    .all(|&b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
            {
                return None;
            }
            match name.to_ascii_lowercase().as_slice() {
                b"host" => hosts.push(str::from_utf8(value).ok()?),
                b"transfer-encoding" => return None,
                b"content-length" if value.is_empty() || !value.iter().all(u8::is_ascii_digit) => return None,
                b"content-length" => has_body |= value.iter().any(|&digit| digit != b'0'),
                _ => {}
            }
        }
        let absolute = ["http://", "https://"].iter().find_map(|scheme| {
            let begin = target.get(..scheme.len())?;
            begin.eq_ignore_ascii_case(scheme).then(|| &target[scheme.len()..])
        });
        let (authority, target) = match absolute {
            Some(after) => {
                let end = after.find(['/', '?']).unwrap_or(after.len());
                (Some(&after[..end]), &after[end..])
            }
            None if target.starts_with('/') => (None, target),
            None => return None,
        };
        let host = match (authority, &hosts[..]) {
            (_, [_, _, ..]) => return None,
            (_, []) if version == "HTTP/1.1" => return None,
            (Some(authority), _) => authority,
            (None, [host]) => host,
            (None, _) => "",
        };
        let host = if host.is_empty() && version == "HTTP/1.0" {
            "".into()
        } else {
            host::canonical(host)?
        };
        if target.contains('#') {
            return None;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path::canonical(if path.is_empty() { "/" } else { path })?;
        let decoded = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Self {
            host: host.into_owned(),
            path: decoded(&percent::decode_path(path.as_bytes())),
            q: decoded(&percent::decode_form(
                Query::new(query).get("q").unwrap_or_default().as_bytes(),
            )),
            has_body,
        })
    }
}
