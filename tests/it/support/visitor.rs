//! A visitor on a raw socket, who sees every byte.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longer than any deadline of the tests: whoever waits this long waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

/// Someone with a browser, behind the trusted proxy that this machine is.
#[derive(Clone)]
pub(crate) struct Visitor {
    edge: SocketAddr,
    method: String,
    host: String,
    headers: Vec<(String, Vec<u8>)>,
}

/// What came back, and when.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    pub took: Duration,
}

impl Answer {
    /// The value of a header that stands once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.head.lines().skip(1).filter_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        });
        let value = found.next();
        assert!(found.next().is_none(), "{name} stands twice: {}", self.head);
        value
    }

    /// Where the visitor is sent, by a redirect as every redirect must be.
    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, 302, "{}", self.head);
        assert_eq!(self.header("cache-control"), Some("no-store"), "{}", self.head);
        assert_eq!(self.header("content-length"), Some("0"), "{}", self.head);
        for telling in ["server", "via", "x-powered-by"] {
            assert_eq!(self.header(telling), None, "{}", self.head);
        }
        self.header("location").expect("a location")
    }

    /// The reason by which the visitor is sent back.
    pub(crate) fn reason(&self) -> &str {
        self.location()
            .strip_prefix("https://back.example/?why=")
            .unwrap_or_else(|| panic!("a trafficback expected: {}", self.head))
    }
}

impl Visitor {
    pub(crate) fn new(edge: SocketAddr) -> Self {
        Self {
            edge,
            method: "GET".to_owned(),
            host: "go.example.com".to_owned(),
            headers: vec![
                ("User-Agent".to_owned(), b"Mozilla/5.0 (X11; Linux x86_64)".to_vec()),
                ("X-Forwarded-For".to_owned(), b"192.0.2.1".to_vec()),
            ],
        }
    }

    /// The same at another edge.
    pub(crate) fn at(mut self, edge: SocketAddr) -> Self {
        self.edge = edge;
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Sends a header in place of one of that name.
    pub(crate) fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let mut without = self.without(name);
        without.headers.push((name.to_owned(), value.as_ref().to_vec()));
        without
    }

    /// Sends one more header of a name.
    pub(crate) fn also(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn user_agent(self, value: impl AsRef<[u8]>) -> Self {
        self.header("User-Agent", value)
    }

    pub(crate) fn from(self, ip: &str) -> Self {
        self.header("X-Forwarded-For", ip)
    }

    /// The request as it goes out.
    pub(crate) fn request(&self, target: &str) -> Vec<u8> {
        let mut out = format!("{} {target} HTTP/1.1\r\nHost: {}\r\n", self.method, self.host).into_bytes();
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    /// Asks on a connection of its own.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        let mut stream = self.connect().await;
        self.get_on(&mut stream, target).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.edge).await.expect("the edge listens")
    }

    /// Asks on a connection of its own, and does not wait for the answer.
    pub(crate) async fn send(&self, target: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(&self.request(target)).await.expect("the edge reads");
        stream
    }

    /// Asks on a connection that is kept.
    pub(crate) async fn get_on(&self, stream: &mut TcpStream, target: &str) -> Answer {
        let began = Instant::now();
        stream.write_all(&self.request(target)).await.expect("the edge reads");
        read_answer(stream, began).await
    }
}

/// Reads one answer.
pub(crate) async fn read_answer(stream: &mut TcpStream, began: Instant) -> Answer {
    timeout(PATIENCE, read(stream, began)).await.expect("an answer in time")
}

async fn read(stream: &mut TcpStream, began: Instant) -> Answer {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let read = stream.read_buf(&mut bytes).await.expect("the edge answers");
        assert!(read > 0, "closed before an answer: {}", String::from_utf8_lossy(&bytes));
    };
    let took = began.elapsed();
    let mut body = bytes.split_off(end);
    let head = String::from_utf8(bytes).expect("an ASCII head");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    let mut answer = Answer {
        status,
        head,
        body: Vec::new(),
        took,
    };
    let length = answer
        .header("content-length")
        .map_or(0, |n| n.parse().expect("a length"));
    while body.len() < length {
        assert!(stream.read_buf(&mut body).await.expect("a body") > 0);
    }
    assert_eq!(body.len(), length, "bytes after an answer");
    answer.body = body;
    answer
}
