//! Sockets that a supervisor has opened and hands over (systemd's `sd_listen_fds`), so that connections wait instead of being
//! refused while no edge runs.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
};

use listenfd::ListenFd;
use tokio::net::TcpListener;

/// The sockets, each to be taken once.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(SocketAddr, StdListener)>);

impl Inherited {
    /// Those that this process was given. For one call, before anything else opens files.
    pub fn from_environment() -> Self {
        let mut given = ListenFd::from_env();
        let sockets = (0..given.len()).filter_map(|number| {
            let socket = given.take_tcp_listener(number).ok().flatten()?;
            Some((socket.local_addr().ok()?, socket))
        });
        Self(sockets.collect())
    }

    /// The socket of an address, if it was handed over.
    pub fn take(&mut self, wanted: SocketAddr) -> Option<io::Result<TcpListener>> {
        let place = self.0.iter().position(|(address, _)| *address == wanted)?;
        let (_, socket) = self.0.swap_remove(place);
        Some(
            socket
                .set_nonblocking(true)
                .and_then(|()| TcpListener::from_std(socket)),
        )
    }

    /// The addresses of those that nobody has taken.
    pub fn left(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|(address, _)| *address)
    }
}
