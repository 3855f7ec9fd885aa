//! Frames of HTTP/2, byte by byte (RFC 9113, section 4.1), with heads in HPACK's plainest form: literals that are not
//! indexed, and references where a test is about them (RFC 7541, section 6).

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const PRIORITY: u8 = 0x2;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PUSH_PROMISE: u8 = 0x5;
pub(crate) const PING: u8 = 0x6;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, holds: &[u8]) -> Vec<u8> {
    let length = u32::try_from(holds.len()).expect("a length").to_be_bytes();
    let mut out = vec![length[1], length[2], length[3], kind, flags];
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(holds);
    out
}

/// The preface, SETTINGS with these, and the acknowledgement of the edge's.
pub(crate) fn begin(settings: &[(u16, u32)]) -> Vec<u8> {
    [PREFACE.to_vec(), self::settings(settings), frame(SETTINGS, ACK, 0, &[])].concat()
}

pub(crate) fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let holds: Vec<u8> = settings
        .iter()
        .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    frame(SETTINGS, 0, 0, &holds)
}

pub(crate) fn ping() -> Vec<u8> {
    frame(PING, 0, 0, &[7; 8])
}

pub(crate) fn window_update(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}

pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())
}

/// An integer of HPACK behind a prefix of so many bits (RFC 7541, section 5.1).
pub(crate) fn integer(first: u8, bits: u8, mut value: usize) -> Vec<u8> {
    let most = (1 << bits) - 1;
    if value < most {
        return vec![first | u8::try_from(value).expect("small")];
    }
    let mut out = vec![first | u8::try_from(most).expect("small")];
    value -= most;
    while value >= 128 {
        out.push(u8::try_from(value % 128).expect("small") | 128);
        value /= 128;
    }
    out.push(u8::try_from(value).expect("small"));
    out
}

/// A field that is not indexed (section 6.2.2).
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    literal(0, name, value)
}

/// A field that goes into the table (section 6.2.1).
pub(crate) fn indexed_field(name: &str, value: &str) -> Vec<u8> {
    literal(0x40, name, value)
}

fn literal(first: u8, name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![first];
    for text in [name, value] {
        out.extend(integer(0, 7, text.len()));
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// Fields one behind the other.
pub(crate) fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// The fields of a visitor's request.
pub(crate) fn head(method: &str, path: &str) -> Vec<u8> {
    fields(&[
        (":method", method),
        (":scheme", "http"),
        (":authority", "go.example.com"),
        (":path", path),
        ("user-agent", "Mozilla/5.0"),
        ("x-forwarded-for", "192.0.2.1"),
    ])
}

/// A request, with or without an end.
pub(crate) fn request(stream: u32, method: &str, path: &str, ends: bool) -> Vec<u8> {
    let flags = END_HEADERS | if ends { END_STREAM } else { 0 };
    frame(HEADERS, flags, stream, &head(method, path))
}

pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    request(stream, "GET", path, true)
}

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub holds: Vec<u8>,
}

impl Came {
    /// The code of a GOAWAY, or of a `RST_STREAM`.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.holds[at..at + 4].try_into().expect("a code"))
    }
}

/// The next frame; `None` when the edge has closed.
pub(crate) async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Came> {
    let mut header = [0; 9];
    stream.read_exact(&mut header).await.ok()?;
    let [a, b, c, kind, flags, id @ ..] = header;
    let mut holds = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    stream.read_exact(&mut holds).await.ok()?;
    Some(Came {
        kind,
        flags,
        stream: u32::from_be_bytes(id),
        holds,
    })
}

/// Sends bytes, and gives all frames that come until the edge closes, or until one is what is waited for.
pub(crate) async fn talk(stream: &mut TcpStream, bytes: &[u8], enough: impl Fn(&Came) -> bool) -> Vec<Came> {
    let (mut from, mut to) = stream.split();
    let mut came = Vec::new();
    let reading = async {
        while let Some(frame) = read(&mut from).await {
            let last = enough(&frame);
            came.push(frame);
            if last {
                return;
            }
        }
    };
    let writing = async {
        // An edge that has closed takes no more.
        let _ = to.write_all(bytes).await;
        std::future::pending::<()>().await;
    };
    let talking = async {
        tokio::select! {
            () = reading => {}
            () = writing => {}
        }
    };
    timeout(Duration::from_secs(30), talking)
        .await
        .expect("an answer, or an end");
    came
}
