//! A tracker whose every byte is scripted, on a raw socket.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// What the tracker does with a call.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends these bytes and keeps the connection.
    Send(Vec<u8>),
    /// Sends these bytes and closes.
    SendAndClose(Vec<u8>),
    /// Closes without a word.
    Close,
    /// Resets the connection.
    Reset,
    /// Sends these bytes and then nothing for ever.
    SendAndHang(Vec<u8>),
    /// Sends the first bytes, then the others one at a time.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// Sends the bytes again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// Waits until it is let go, then sends these bytes.
    WaitAndSend(Arc<Notify>, Vec<u8>),
}

/// One call as it came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The request line and headers.
    pub head: String,
    /// Which call of the tracker's this is, from 0.
    pub number: usize,
    /// Which call of its connection, from 0.
    pub on_connection: usize,
}

impl Call {
    /// The request target.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).expect("a target")
    }

    /// Names and decoded values of the query, in the order in which they came.
    pub(crate) fn parameters(&self) -> Vec<(String, Vec<u8>)> {
        let query = self.target().split_once('?').expect("a query").1;
        query
            .split('&')
            .map(|pair| {
                let (name, value) = pair.split_once('=').expect("a value");
                (name.to_owned(), decode(value))
            })
            .collect()
    }

    /// The decoded value of a parameter that stands once.
    pub(crate) fn parameter(&self, name: &str) -> Option<Vec<u8>> {
        let mut found = self.parameters().into_iter().filter(|(n, _)| n == name);
        let value = found.next().map(|(_, value)| value);
        assert!(found.next().is_none(), "{name} stands twice in {}", self.head);
        value
    }
}

fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().expect("a digit"), bytes.next().expect("a digit")];
            let digits = str::from_utf8(&digits).expect("digits");
            out.push(u8::from_str_radix(digits, 16).expect("digits"));
        } else {
            out.push(byte);
        }
    }
    out
}

/// A running tracker; it ends with the test's runtime.
pub(crate) struct ClickApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Box<dyn Fn(&Call) -> Act + Send + Sync>,
    calls: Mutex<Vec<Call>>,
    connections: AtomicUsize,
    called: Notify,
}

impl ClickApi {
    /// Starts a tracker that acts by a script.
    pub(crate) async fn start(script: impl Fn(&Call) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            calls: Mutex::default(),
            connections: AtomicUsize::new(0),
            called: Notify::new(),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, shared }
    }

    /// Starts a tracker that always does the same.
    pub(crate) async fn always(act: Act) -> Self {
        Self::start(move |_| act.clone()).await
    }

    /// The URL for a configuration.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/click/create", self.address)
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().expect("no panic in a call").clone()
    }

    /// The only call so far.
    pub(crate) fn only_call(&self) -> Call {
        let calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.into_iter().next().expect("a call")
    }

    /// How many connections have been made.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Ends once there have been so many calls.
    pub(crate) async fn called(&self, times: usize) {
        loop {
            let called = self.shared.called.notified();
            if self.calls().len() >= times {
                return;
            }
            called.await;
        }
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut unread = Vec::new();
    let mut on_connection = 0;
    while let Some(head) = read_head(&mut stream, &mut unread).await {
        let call = {
            let mut calls = shared.calls.lock().expect("no panic in a call");
            let number = calls.len();
            let call = Call {
                head,
                number,
                on_connection,
            };
            calls.push(call.clone());
            call
        };
        on_connection += 1;
        shared.called.notify_waiters();
        if act((shared.script)(&call), &mut stream).await.is_none() {
            return;
        }
    }
}

async fn read_head(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = unread.drain(..end + 4).collect();
            return Some(String::from_utf8(head).expect("an ASCII request"));
        }
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    }
}

/// Acts; `None` when the connection is over.
async fn act(act: Act, stream: &mut TcpStream) -> Option<()> {
    match act {
        Act::Send(bytes) => stream.write_all(&bytes).await.ok(),
        Act::SendAndClose(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            None
        }
        Act::Close => None,
        Act::Reset => {
            socket2::SockRef::from(&*stream)
                .set_linger(Some(Duration::ZERO))
                .expect("a socket");
            None
        }
        Act::SendAndHang(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            std::future::pending().await
        }
        Act::Drip(first, rest, every) => {
            stream.write_all(&first).await.ok()?;
            for byte in rest {
                tokio::time::sleep(every).await;
                stream.write_all(&[byte]).await.ok()?;
            }
            Some(())
        }
        Act::Endless(first, again) => {
            stream.write_all(&first).await.ok()?;
            loop {
                stream.write_all(&again).await.ok()?;
            }
        }
        Act::WaitAndSend(go, bytes) => {
            go.notified().await;
            stream.write_all(&bytes).await.ok()
        }
    }
}

/// An answer with a length.
pub(crate) fn answer(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A click, as the article has it.
pub(crate) fn click(id: &str) -> Act {
    Act::Send(click_bytes(id))
}

/// The bytes of a click.
pub(crate) fn click_bytes(id: &str) -> Vec<u8> {
    let id = serde_json::to_string(id).expect("JSON");
    answer(
        200,
        &format!(
            r#"{{"data":{{"click_id":{id},"params":{{"click_id":{id},"goal":"g 1"}},"exists":false,"session_id":"s-1"}},"status":"success"}}"#
        ),
    )
}

/// A trafficback, as the article has it.
pub(crate) fn trafficback(reason: &str) -> Act {
    Act::Send(answer(
        202,
        &format!(r#"{{"reason":"{reason}","status":"trafficback","code":202}}"#),
    ))
}

/// An error, as the article has it.
pub(crate) fn error(code: u16, message: &str) -> Act {
    Act::Send(answer(
        code,
        &format!(r#"{{"message":"{message}","status":"error","code":{code}}}"#),
    ))
}
