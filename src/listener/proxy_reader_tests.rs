//! Headers as connections deliver them.

use std::convert::Infallible;

use http_body_util::Empty;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{
    super::proxy_header::{
        Parsed, parse,
        tests::{INET, all, v2},
    },
    NoHeader, read,
};

/// What reading gives, and what it leaves, when `bytes` come in pieces that end at `cuts`.
async fn delivered(bytes: &[u8], cuts: &[usize]) -> (Result<Option<String>, String>, Vec<u8>) {
    let (mut balancer, mut edge) = duplex(8192);
    let sent = bytes.to_vec();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (sent.len() + 1)).collect();
    cuts.extend([0, sent.len()]);
    cuts.sort_unstable();
    let sending = tokio::spawn(async move {
        for piece in cuts.windows(2) {
            balancer.write_all(&sent[piece[0]..piece[1]]).await.expect("room");
            tokio::task::yield_now().await;
        }
    });
    let source = read(&mut edge).await;
    let mut left = Vec::new();
    edge.read_to_end(&mut left).await.expect("no fault");
    sending.await.expect("no panic");
    let source = source.map(|source| source.map(|source| source.to_string()));
    (source.map_err(|why| why.to_string()), left)
}

const VISITOR: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// What the parser says of the whole, in the reader's words.
fn expected(header: &[u8]) -> Result<Option<String>, String> {
    match parse(header) {
        Parsed::Header { source, .. } => Ok(source.map(|source| source.to_string())),
        Parsed::Malformed(why) => Err(NoHeader::Malformed(why).to_string()),
        Parsed::Incomplete { .. } => Err(NoHeader::CutOff.to_string()),
    }
}

#[tokio::test]
async fn byte_by_byte_or_at_once_it_leaves_the_visitors_bytes() {
    let mut whole = 0;
    for header in all().into_iter().filter(|header| header.len() < 5000) {
        let bytes = [&header[..], VISITOR].concat();
        let cuts: Vec<usize> = (0..bytes.len()).collect();
        for cuts in [&[][..], &cuts] {
            let (source, left) = delivered(&bytes, cuts).await;
            assert_eq!(source, expected(&header), "{header:?}");
            if source.is_ok() {
                assert_eq!(left, VISITOR, "{header:?}");
                whole += 1;
            }
        }
    }
    assert!(whole > 40, "{whole}");
}

#[tokio::test]
async fn who_closes_early_is_told_from_who_says_nothing() {
    let (balancer, mut edge) = duplex(64);
    drop(balancer);
    assert!(matches!(read(&mut edge).await, Err(NoHeader::Nothing)));
    let header = v2(0x21, 0x11, &INET);
    for end in 1..header.len() {
        let (source, _) = delivered(&header[..end], &[]).await;
        assert_eq!(source, Err(NoHeader::CutOff.to_string()), "{end}");
    }
}

/// A visitor behind a balancer who writes a header too, or a balancer before another.
#[tokio::test]
async fn a_second_header_is_refused_by_what_it_meets() {
    let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n".to_vec();
    for second in [line.clone(), v2(0x21, 0x11, &INET)] {
        let (mut balancer, mut edge) = duplex(4096);
        let sent = [&line[..], &second, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"].concat();
        balancer.write_all(&sent).await.expect("room");
        assert!(read(&mut edge).await.is_ok_and(|source| source.is_some()));
        let service = service_fn(|_| async { Ok::<_, Infallible>(http::Response::new(Empty::<bytes::Bytes>::new())) });
        let served = http1::Builder::new()
            .serve_connection(TokioIo::new(edge), service)
            .await;
        assert!(served.is_err_and(|error| error.is_parse()));
        let mut answer = Vec::new();
        balancer.read_to_end(&mut answer).await.expect("no fault");
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{answer:?}");
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        header in prop::sample::select(all()),
        cuts in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        prop_assume!(header.len() < 5000);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let bytes = [&header[..], VISITOR].concat();
        let (source, left) = runtime.block_on(delivered(&bytes, &cuts));
        prop_assert_eq!(&source, &expected(&header));
        prop_assert!(source.is_err() || left == VISITOR);
    }
}
