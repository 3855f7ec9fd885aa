//! What is read of an answer, however its bytes come, and what becomes of the connection.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::Instant,
};

use super::{
    super::scripted::{address, plain, target},
    *,
};

fn card() -> Card {
    Card {
        number: 1,
        address: address("192.0.2.1"),
        ends: Instant::now(),
    }
}

/// What comes of an answer whose bytes come in pieces of this length, after which the tracker closes or not.
async fn answered(answer: &[u8], pieces: usize, closes: bool) -> Result<(Reply, bool), CallError> {
    let (near, mut far) = duplex(pieces);
    let answer = answer.to_vec();
    let tracker = tokio::spawn(async move {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(far.read_buf(&mut request).await.expect("a request"), 0);
        }
        // Whoever has read enough closes.
        let _ = far.write_all(&answer).await;
        if !closes {
            let _ = far.read(&mut [0]).await;
        }
        String::from_utf8(request).expect("text")
    });
    let exchanged = Http1::new(Box::new(near), card()).exchange(&plain(), &target()).await;
    let exchanged = exchanged.map_err(|lost| lost.error).map(|(reply, again)| {
        let can_be_used = again.is_some();
        (reply, can_be_used)
    });
    let request = tracker.await.expect("no panic");
    assert!(
        request.starts_with("GET /c?secure_key=k&offer_id=1&campaign_id=2&promo_id=3&user_ip=192.0.2.1&"),
        "{request}"
    );
    assert!(request.contains(" HTTP/1.1\r\nhost: tracker.test:443\r\n"), "{request}");
    exchanged
}

const CUT: Result<&str, BrokenBody> = Err(BrokenBody::CutShort);
const LARGE: Result<&str, BrokenBody> = Err(BrokenBody::TooLarge);

#[tokio::test]
async fn a_body_ends_where_its_head_says() {
    #[rustfmt::skip]
    let rows: &[(&str, Result<&str, BrokenBody>, bool)] = &[
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Ok("{}"), true),
        ("HTTP/1.1 200\r\ncontent-length:2\r\n\r\n{}", Ok("{}"), true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\n{}", Ok("{}"), true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", CUT, false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", LARGE, false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n", LARGE, false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\n{}", Ok("{}"), false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", Ok("{}"), false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}", Ok("{}"), true),
        ("HTTP/1.1 200 OK\r\n\r\n{}", Ok("{}"), false),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", Ok(""), true),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", Ok(""), true),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Ok("{}"), true),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Ok(""), false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\n\r\n", Ok("{}"), true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n0002\r\n{}\r\n0\r\nServer-Timing: a\r\nB: c\r\n\r\n", Ok("{}"), true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\n{}", Ok("{}"), false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\n{}\r\n0\r\n\r\n", Ok("{}"), false),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n2\r\n{}\r\n0\r\n\r\n", Ok("{}"), false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", CUT, false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n", CUT, false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{", CUT, false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n", CUT, false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n{}", LARGE, false),
    ];
    for (answer, body, again) in rows {
        for pieces in [1, 2, 3, 7, 16 * 1024] {
            let (reply, can_be_used) = answered(answer.as_bytes(), pieces, true).await.expect("a reply");
            let read = reply.body.as_ref().map(|body| std::str::from_utf8(body).expect("text"));
            assert_eq!(
                (read.map_err(|why| *why), can_be_used),
                (*body, *again),
                "{answer:?} by {pieces}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_with_a_length_is_not_waited_for_longer() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let (_, can_be_used) = answered(answer.as_bytes(), 5, false).await.expect("a reply");
        assert!(can_be_used, "{answer:?}");
    }
}

#[tokio::test]
async fn bytes_behind_an_answer_end_the_connection() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n!",
        "HTTP/1.1 204 No Content\r\n\r\n{}",
    ] {
        let (_, can_be_used) = answered(answer.as_bytes(), 16 * 1024, false).await.expect("a reply");
        assert!(!can_be_used, "{answer:?}");
    }
    let (near, mut far) = duplex(64);
    let mut kept = Http1::new(Box::new(near), card());
    assert!(kept.is_quiet());
    assert!(!kept.is_over(Waker::noop()));
    far.write_all(b"HTTP").await.expect("room");
    assert!(!kept.is_quiet());
    let (near, far) = duplex(64);
    let mut kept = Http1::new(Box::new(near), card());
    drop(far);
    assert!(kept.is_over(Waker::noop()));
    assert!(!kept.is_quiet());
}

#[tokio::test]
async fn what_is_no_answer() {
    const CLOSED: CallError = CallError::Unreachable("the connection was closed before an answer came");
    let long = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(MAX_HEAD_BYTES));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(MAX_FIELDS + 1));
    for (answer, error) in [
        ("", CLOSED),
        ("HTTP/1.1 200 OK\r\nContent-Len", CLOSED),
        ("HTTP/1.1 100 Continue\r\n\r\n", CLOSED),
        ("SSH-2.0-OpenSSH_9.2\r\n", CallError::NotHttp),
        ("HTTP/2 200\r\n\r\n", CallError::NotHttp),
        ("HTTP/1.1 99 Few\r\n\r\n", CallError::NotHttp),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", CallError::NotHttp),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            CallError::NotHttp,
        ),
        (&long, CallError::NotHttp),
        (&many, CallError::NotHttp),
    ] {
        let found = answered(answer.as_bytes(), 4096, true).await.err();
        assert_eq!(found, Some(error), "{answer:?}");
    }
}

#[tokio::test]
async fn how_long_to_leave_it_alone() {
    for (field, expected) in [
        ("Retry-After: 3", Some(Duration::from_secs(3))),
        ("retry-after:120\r\nRetry-After: 3", Some(Duration::from_mins(2))),
        ("Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("Retry-After: 99999999999999999999", Some(Duration::from_secs(u64::MAX))),
        ("Retry-After: -1", None),
        ("Retry-After: +1", None),
        ("Retry-After:", None),
        ("Retry-After: 9999999999999999999s", None),
    ] {
        let answer = format!("HTTP/1.1 503 Busy\r\n{field}\r\nContent-Length: 0\r\n\r\n");
        let (reply, _) = answered(answer.as_bytes(), 4096, true).await.expect("a reply");
        assert_eq!((reply.status.as_u16(), reply.retry_after), (503, expected), "{field}");
    }
}

#[tokio::test]
async fn what_the_trackers_clock_says() {
    const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";
    for (field, expected) in [
        ("Date: Sun, 06 Nov 1994 08:49:37 GMT", Some(*DATE)),
        ("date:  Sun, 06 Nov 1994 08:49:37 GMT ", Some(*DATE)),
        ("Date: Sunday, 06-Nov-94 08:49:37 GMT", None),
        ("Date: now", None),
        ("Late: Sun, 06 Nov 1994 08:49:37 GMT", None),
    ] {
        let answer = format!("HTTP/1.1 400 x\r\n{field}\r\nContent-Length: 0\r\n\r\n");
        let (reply, _) = answered(answer.as_bytes(), 4096, true).await.expect("a reply");
        assert_eq!(reply.date, expected, "{field}");
    }
}
