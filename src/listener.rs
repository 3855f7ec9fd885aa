//! Listening sockets: bound before anything runs, accepted from until told to stop, emptied before they close.

pub mod descriptors;
pub mod inherited;
pub mod proxy_header;
pub mod proxy_reader;

use std::{io, net::SocketAddr, time::Duration};

use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Connections that may wait to be accepted. tokio's own listener lets 1,024 wait at most, which bursts overflow; the
/// kernel bounds this by `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// When descriptors have run out, accepting at once would fail at once; those that are open need time to end.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);
/// A handshake that has begun ends within a round trip of the visitor's.
const HANDSHAKE_GRACE: Duration = Duration::from_millis(200);

/// Binds an address for this process alone. A restarted edge may take it over at once.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    open(address, false)
}

/// Binds an address that another edge may listen at too (`SO_REUSEPORT`), so that a new one begins before the old one ends. `ours` are
/// the ports at which this one listens already, at other addresses; it is added to them.
pub fn bind_beside(address: SocketAddr, ours: &mut Vec<u16>) -> io::Result<TcpListener> {
    let port = address.port();
    // Whoever else is at a port of ours has been told of.
    let is_taken = port != 0
        && !ours.contains(&port)
        && try_to_bind(address, false).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
    let listener = open(address, true)?;
    ours.push(port);
    if is_taken {
        tracing::warn!("another edge listens on {address} too: they share its visitors until one ends");
    }
    Ok(listener)
}

/// Whether an address could be bound, alone or beside an edge that listens there. It is bound and let go, and never listened at:
/// no visitor of whoever does is taken away.
pub fn try_to_bind(address: SocketAddr, beside: bool) -> io::Result<()> {
    bound(address, beside).map(drop)
}

fn open(address: SocketAddr, beside: bool) -> io::Result<TcpListener> {
    let socket = bound(address, beside)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bound(address: SocketAddr, beside: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(beside)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // `[::]` means every address of the machine, as operators expect of it.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Whose a listening socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This process's: who waits in its backlog at the end is waited on by nobody else.
    Us,
    /// A supervisor's: who waits at the end waits for the next process.
    Supervisor,
}

/// Hands every connection to `take` until `stop` ends; then those that already wait, and closes the socket.
///
/// Dropped at an await, it closes the socket at once.
pub async fn run(
    listener: TcpListener,
    owner: Owner,
    stop: impl Future<Output = ()>,
    mut take: impl FnMut(TcpStream, SocketAddr),
) -> io::Result<()> {
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                set_up(&stream);
                take(stream, peer);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(target: "onehop::peers", %error, "no connection can be accepted; check the limit of open files");
                tokio::select! {
                    () = &mut stop => break,
                    () = tokio::time::sleep(EXHAUSTED_PAUSE) => {}
                }
            }
        }
    }
    if owner == Owner::Supervisor {
        return Ok(());
    }
    if hold_off(&listener).is_ok() {
        let begun = async {
            while let Ok((stream, peer)) = listener.accept().await {
                set_up(&stream);
                take(stream, peer);
            }
        };
        // It ends by the time: what it leaves, an error with it, is for the last look.
        let _ = tokio::time::timeout(HANDSHAKE_GRACE, begun).await;
    }
    // The kernel has shaken hands with those in the backlog: they have been promised an answer. Asked directly, since the
    // runtime might not have heard of the last ones yet.
    let listener = listener.into_std()?;
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                stream.set_nonblocking(true)?;
                let stream = TcpStream::from_std(stream)?;
                set_up(&stream);
                take(stream, peer);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Has the kernel pass over new handshakes (segments with SYN, by a filter of the socket's own), so that no connection comes
/// to be between the last look into the backlog and the close, which would reset it. Who is passed over asks again after a
/// second, and finds whoever listens then, or nobody. Handshakes that have begun end as they would.
#[cfg(target_os = "linux")]
fn hold_off(listener: &TcpListener) -> io::Result<()> {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const FLAGS_OFFSET: u32 = 13;
    const SYN: u32 = 0x02;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_OFFSET),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Elsewhere the window stays open.
#[cfg(not(target_os = "linux"))]
fn hold_off(_: &TcpListener) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// An answer is one small packet; waiting to fill it up only delays it.
fn set_up(stream: &TcpStream) {
    // A socket that refuses still works.
    let _ = stream.set_nodelay(true);
}

/// A client that left before it was accepted is not the listener's trouble.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_wait_at_the_end_are_taken() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let address = listener.local_addr().expect("an address");
        let clients: Vec<_> = (0..5)
            .map(|_| std::net::TcpStream::connect(address).expect("a place in the backlog"))
            .collect();
        let mut taken = 0;
        let ended = run(listener, Owner::Us, std::future::ready(()), |_, _| taken += 1).await;
        assert!(ended.is_ok() && taken == clients.len(), "{taken}: {ended:?}");
        assert!(std::net::TcpStream::connect(address).is_err());
    }

    #[tokio::test]
    async fn the_unspecified_address_is_every_address() {
        let listener = bind("[::]:0".parse().expect("an address")).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::net::TcpStream::connect(("127.0.0.1", port)).expect("a listener");
    }
}
