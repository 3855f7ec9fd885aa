//! The seam to the outside: names become addresses, addresses become streams. Tests and simulations script their own.

use std::{
    io,
    mem::MaybeUninit,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    net::{TcpStream, lookup_host},
};

/// How long bytes may go unacknowledged (RFC 5482): a kept connection over a dead path fails a call while there is time for
/// another connection. Two repeats of a lost packet fit in, on a path of 200 ms.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(1);
/// A connection that is silent for this long is asked whether it lives (RFC 1122, section 4.2.3.6), …
const SILENCE: Duration = Duration::from_secs(15);
/// … this often, until it answers or is given up: paths through NAT stay open too.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// A probe may be lost, three in a row are not.
const PROBES: u32 = 3;

/// A connection's two directions of bytes.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Whether the other side has neither said anything that has not been read nor closed the connection. It is asked before a
    /// request goes out: a stream that says no is not used again.
    fn is_quiet(&mut self) -> bool;
}

impl Stream for TcpStream {
    fn is_quiet(&mut self) -> bool {
        // The socket itself is asked: the runtime may not have heard of it yet.
        let came = SockRef::from(&*self).peek(&mut [MaybeUninit::uninit()]);
        came.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Both ends are in this process.
impl Stream for DuplexStream {
    fn is_quiet(&mut self) -> bool {
        says_nothing(self, Waker::noop())
    }
}

/// Whether there is nothing to read of a stream, not even its end, as far as the runtime has heard. `waker` is woken when there is.
pub(super) fn says_nothing<S: AsyncRead + Unpin + ?Sized>(stream: &mut S, waker: &Waker) -> bool {
    let mut context = Context::from_waker(waker);
    let mut byte = [0; 1];
    Pin::new(stream)
        .poll_read(&mut context, &mut ReadBuf::new(&mut byte))
        .is_pending()
}

/// What a [`Network`] is waited for with; dropped, it is not wanted any more.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// How names are resolved and connections made.
pub trait Network: Send + Sync {
    /// The addresses of a host, the preferred first.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, Vec<SocketAddr>>;

    /// A new connection to an address.
    fn connect(&self, address: SocketAddr) -> Pending<'_, Box<dyn Stream>>;
}

/// The network of this machine.
pub struct System;

impl Network for System {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, Vec<SocketAddr>> {
        // Dropped, it leaves a thread to the resolver's own limits.
        Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
    }

    fn connect(&self, address: SocketAddr) -> Pending<'_, Box<dyn Stream>> {
        // Dropped, it closes the socket.
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            // Without it the request would wait for an acknowledgement; a socket that refuses still works.
            let _ = stream.set_nodelay(true);
            let socket = SockRef::from(&stream);
            let keepalive = TcpKeepalive::new()
                .with_time(SILENCE)
                .with_interval(PROBE_EVERY)
                .with_retries(PROBES);
            // The same holds for these.
            let _ = socket.set_tcp_keepalive(&keepalive);
            #[cfg(target_os = "linux")]
            let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_LIMIT));
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}
