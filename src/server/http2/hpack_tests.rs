//! The examples of RFC 7541, blocks that are none, and what another implementation's encoder makes of requests.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc,
    time::timeout,
};

use super::{
    super::{
        fields::Request,
        frame::{self, ACK, CONTINUATION, END_HEADERS, END_STREAM, HEADER_BYTES, HEADERS, Header, PREFACE, SETTINGS},
    },
    *,
};
use crate::headers::Lines;

const ROOM: usize = 1 << 20;

/// A block as the RFC prints it.
fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("digits");
    digits.chunks(2).map(byte).collect()
}

fn read(decoder: &mut Decoder, block: &[u8]) -> Result<Fields, Broken> {
    let mut fields = Fields::new(ROOM);
    decoder.read(block, &mut fields)?;
    Ok(fields)
}

/// A request's head in a line, and its fields.
fn shown(request: &Request) -> (String, Vec<(String, String)>) {
    let lines = request.lines();
    let row = Lines::of(&lines);
    let head = request.head(&row);
    let (scheme, authority) = head.authority.unwrap_or_default();
    let line = format!("{} {scheme} {authority} {}", head.method, head.target);
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let fields = lines
        .iter()
        .map(|line| (String::from_utf8_lossy(line.name).into_owned(), text(line.value)));
    (line, fields.collect())
}

/// The newest first.
fn table(decoder: &Decoder) -> Vec<String> {
    let entries = (62..).map_while(|index| decoder.table.get(index));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let shown = entries.map(|entry| format!("{}: {}", text(entry.name), text(entry.value)));
    shown.collect()
}

/// Appendix C.3 without Huffman, and C.4 with it.
#[test]
fn requests_of_the_rfc() {
    for blocks in [
        [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ],
        [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ],
    ] {
        let mut decoder = Decoder::new();
        for (block, line, fields, last) in [
            (
                blocks[0],
                "GET http www.example.com /",
                &[][..],
                ":authority: www.example.com",
            ),
            (
                blocks[1],
                "GET http www.example.com /",
                &[("cache-control", "no-cache")],
                "cache-control: no-cache",
            ),
            (
                blocks[2],
                "GET https www.example.com /index.html",
                &[("custom-key", "custom-value")],
                "custom-key: custom-value",
            ),
        ] {
            let read = read(&mut decoder, &bytes(block)).expect("a block");
            let request = read.into_request(true).expect("a request");
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect();
            assert_eq!(shown(&request), (line.to_owned(), fields));
            assert_eq!(table(&decoder)[0], last);
        }
        assert_eq!(table(&decoder).len(), 3);
    }
}

/// Appendix C.5 without Huffman, and C.6 with it, in a table of 256 bytes.
#[test]
fn a_small_table_of_the_rfc() {
    for blocks in [
        [
            "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d \
             546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "4803 3330 37c1 c0bf",
            "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f \
             6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b \
             2076 6572 7369 6f6e 3d31",
        ],
        [
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 \
             8f0b 97c8 e9ae 82ae 43d3",
            "4883 640e ffc1 c0bf",
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 \
             dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        ],
    ] {
        let mut decoder = Decoder::new();
        assert!(decoder.table.resize(256));
        let one = |day: &str| format!("date: Mon, 21 Oct 2013 20:13:{day} GMT");
        let (location, private) = ("location: https://www.example.com", "cache-control: private");
        for (block, expected) in [
            (
                blocks[0],
                vec![location.into(), one("21"), private.into(), ":status: 302".into()],
            ),
            (
                blocks[1],
                vec![":status: 307".into(), location.into(), one("21"), private.into()],
            ),
            (
                blocks[2],
                vec![
                    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1".into(),
                    "content-encoding: gzip".into(),
                    one("22"),
                ],
            ),
        ] {
            read(&mut decoder, &bytes(block)).expect("a block");
            assert_eq!(table(&decoder), expected);
        }
    }
}

#[test]
fn numbers_of_the_rfc() {
    for (prefix, written, expected) in [
        (5, &b"\x0a"[..], 10),
        (5, b"\x1f\x9a\x0a", 1337),
        (8, b"\x2a", 42),
        (7, b"\x7f\x00", 127),
        (7, b"\x7f\xff\xff\xff\x7f", 127 + (1 << 28) - 1),
    ] {
        assert_eq!(number(prefix, &mut &written[..]), Ok(expected));
    }
    for written in [
        &b""[..],
        b"\x7f",
        b"\x7f\x80",
        b"\x7f\x80\x80\x80\x80\x00",
        b"\x7f\xff\xff\xff\xff\xff\xff\xff\x7f",
    ] {
        assert_eq!(number(7, &mut &written[..]), Err(Broken), "{written:?}");
    }
}

#[test]
fn blocks_that_are_none() {
    for (what, block) in [
        ("index 0", &b"\x80"[..]),
        ("an index beyond the tables", b"\xbe"),
        ("a name beyond the tables", b"\x7e\x01a"),
        ("a number cut short", b"\xff"),
        ("a string cut short", b"\x00\x05abc"),
        ("no value", b"\x00\x01a"),
        ("no string", b"\x40"),
        ("a word of Huffman's cut short", b"\x00\x01a\x81\xff"),
        ("the end in a string", b"\x00\x01a\x84\xff\xff\xff\xff"),
        ("a table larger than offered", b"\x3f\xe2\x1f"),
        ("another size behind a field", b"\x82\x20"),
        ("a field of a table that was emptied", b"\x40\x01a\x01b\xbe\x82\x20"),
    ] {
        assert_eq!(read(&mut Decoder::new(), block).err(), Some(Broken), "{what}");
    }
    for (what, block) in [
        ("nothing", &b""[..]),
        ("the table's size", b"\x3f\xe1\x1f\x82"),
        ("two sizes", b"\x20\x3f\xe1\x1f\x82"),
        ("a field never to be indexed", b"\x10\x01a\x01b"),
    ] {
        assert!(read(&mut Decoder::new(), block).is_ok(), "{what}");
    }
}

/// However little room there is, the table is what it would be with more.
#[test]
fn what_has_no_room_is_not_kept_but_known() {
    let block = b"\x40\x01a\x03xyz\xbe\xbe\x40\x01b\x01z";
    let (mut one, mut two) = (Decoder::new(), Decoder::new());
    let mut fields = Fields::new(40);
    one.read(block, &mut fields).expect("a block");
    assert!(fields.are_too_many());
    assert_eq!((&*fields.names, &*fields.values), (&b"a"[..], &b"xyz"[..]));
    assert!(!read(&mut two, block).expect("a block").are_too_many());
    assert_eq!(table(&one), ["b: z", "a: xyz"]);
    assert_eq!(table(&one), table(&two));
}

/// Plays a server, and gives the blocks of a client's requests, each as it was cut into frames.
async fn blocks(mut stream: DuplexStream, to: mpsc::UnboundedSender<Vec<u8>>) {
    let mut out = Vec::new();
    frame::write_settings(&[], &mut out);
    stream.read_exact(&mut [0; PREFACE.len()]).await.expect("a preface");
    let mut block = Vec::new();
    loop {
        stream.write_all(&out).await.expect("a reader");
        out.clear();
        let mut header = [0; HEADER_BYTES];
        if stream.read_exact(&mut header).await.is_err() {
            return;
        }
        let header = Header::read(header);
        let mut holds = vec![0; header.length];
        stream.read_exact(&mut holds).await.expect("a frame");
        match header.kind {
            SETTINGS if !header.has(ACK) => frame::write(SETTINGS, ACK, 0, &[], &mut out),
            HEADERS | CONTINUATION => {
                block.extend(holds);
                if header.has(END_HEADERS) {
                    let _ = to.send(std::mem::take(&mut block));
                    frame::write(HEADERS, END_HEADERS | END_STREAM, header.stream, &[0x88], &mut out);
                }
            }
            _ => {}
        }
    }
}

fn requests() -> impl Strategy<Value = Vec<http::Request<Empty<Bytes>>>> {
    let name = prop_oneof![
        4 => prop::sample::select(vec!["user-agent", "accept", "cookie", "sec-fetch-dest", "referer", "x-a"]).prop_map(str::to_owned),
        1 => "[a-z0-9!#$%&'*+.^_`|~-]{1,40}".prop_filter("of a connection", |name| {
            !["connection", "keep-alive", "te", "upgrade", "host"].contains(&&**name)
        }),
    ];
    let value = prop_oneof![
        4 => "[a-zA-Z0-9/;=.]{0,60}".prop_map(String::into_bytes),
        2 => prop::sample::select(vec!["", "a", "document", "text/html"]).prop_map(Into::into),
        1 => prop::collection::vec(0x21..=0xff_u8, 0..200).prop_map(|mut value| {
            value.retain(|byte| *byte != 0x7f);
            value
        }),
        1 => "[ -~]{0,3000}".prop_map(|value| value.trim().into()),
    ];
    let fields = prop::collection::vec((name, value, prop::bool::weighted(0.2)), 0..20);
    let request = ("/[a-z0-9?=&%.]{0,80}", "[a-z]{1,20}(:[1-9][0-9]{0,3})?", fields);
    let request = request.prop_map(|(path, authority, fields)| {
        let path = path.replace('%', "%25");
        let mut request = http::Request::get(format!("https://{authority}{path}"))
            .body(Empty::new())
            .expect("a request");
        for (name, value, is_sensitive) in fields {
            let mut value = HeaderValue::from_bytes(&value).expect("a value");
            value.set_sensitive(is_sensitive);
            request
                .headers_mut()
                .append(name.parse::<HeaderName>().expect("a name"), value);
        }
        request
    });
    prop::collection::vec(request, 1..12)
}

async fn agree(requests: Vec<http::Request<Empty<Bytes>>>) {
    let (client, server) = duplex(1 << 16);
    let (to, mut came) = mpsc::unbounded_channel();
    tokio::spawn(blocks(server, to));
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(client));
    let (mut sender, connection) = handshake.await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut decoder = Decoder::new();
    for request in requests {
        let text = |value: &HeaderValue| value.as_bytes().escape_ascii().to_string();
        let fields = request.headers().iter();
        let mut expected: Vec<_> = fields.map(|(name, value)| (name.to_string(), text(value))).collect();
        let mut cookies = 0;
        expected.retain(|(name, _)| {
            cookies += usize::from(name == "cookie");
            name != "cookie" || cookies == 1
        });
        let uri = request.uri();
        let line = format!(
            "GET https {} {}",
            uri.authority().expect("one"),
            uri.path_and_query().expect("one")
        );
        sender.send_request(request).await.expect("an answer");
        let block = came.recv().await.expect("a block");
        let read = read(&mut decoder, &block).expect("a block");
        let (said, mut lines) = shown(&read.into_request(true).expect("a request"));
        assert_eq!(said, line);
        expected.sort();
        lines.sort();
        assert_eq!(lines, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_another_encoder_writes_is_read(requests in requests()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let agree = async { timeout(Duration::from_secs(20), agree(requests)).await };
        runtime.block_on(agree).expect("no end");
    }
}

proptest! {
    /// What is kept of a block has a bound, whatever it refers to.
    #[test]
    fn any_bytes_are_read_within_bounds(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20)) {
        let mut decoder = Decoder::new();
        for block in blocks {
            let mut fields = Fields::new(300);
            let read = decoder.read(&block, &mut fields);
            prop_assert!(fields.names.len() + fields.values.len() <= 300 + 2 * block.len());
            if read.is_err() {
                break;
            }
        }
    }
}

/// A block is read whole or not at all.
#[test]
fn any_cutting_is_known() {
    let block = bytes(
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff 5886 a8eb 1064 9cbf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf \
         0f2b 0361 6263 0001 6104 6263 6465 be",
    );
    let ends = [0, 1, 2, 3, 17, 25, 45, 51, 59, 60];
    assert_eq!(block.len(), 60);
    for cut in 0..=60 {
        let is_whole = read(&mut Decoder::new(), &block[..cut]).is_ok();
        assert_eq!(is_whole, ends.contains(&cut), "{cut}");
    }
}
