//! The end of a connection on which more may be on its way than will be read: enough of it for a form, and no film.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::timeout,
};

/// For a client that was told to go, and has nothing under way.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// What of a client's last words is read when nobody wants them: a connection that is closed with bytes unread is reset, and
/// a reset overtakes what was said last.
pub(super) const UNREAD_BYTES: usize = 64 * 1024;
/// What of it is read at once.
const READ_BYTES: usize = 4096;

/// Closes this side, and reads what was on its way. Who does not take it has gone.
pub(super) async fn part<S>(stream: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _ = timeout(FAREWELL, close(stream)).await;
}

async fn close<S>(stream: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut left = UNREAD_BYTES;
    while left > 0 {
        let read = poll_fn(|context| {
            let mut room = [MaybeUninit::uninit(); READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            Poll::Ready(io::Result::Ok(buffer.filled().len()))
        });
        left = match read.await {
            Ok(0) | Err(_) => 0,
            Ok(read) => left.saturating_sub(read),
        };
    }
}
