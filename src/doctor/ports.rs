//! The addresses to listen at: bound and let go at once, and never listened at.

use std::{io, net::SocketAddr};

use super::{Check, Finding, Mark, listeners};
use crate::listener::try_to_bind;

/// Tries each address; each stands with the key that names it.
pub fn ports(addresses: &[(&'static str, SocketAddr)]) -> Vec<Finding> {
    addresses.iter().map(|(key, address)| port(key, *address)).collect()
}

fn port(key: &str, address: SocketAddr) -> Finding {
    let told = |mark, found: String| Finding::new(mark, Check::Port, format!("{key} {address}"), found);
    let Err(error) = try_to_bind(address, false) else {
        return told(Mark::Ok, "is free, and can be bound".to_owned());
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => in_use(address, told),
        io::ErrorKind::PermissionDenied => told(Mark::Warn, "cannot be bound by this user".to_owned()).mend(
            "ports below 1024 need root or CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE); if the edge \
             runs as another user, ask as that one",
        ),
        io::ErrorKind::AddrNotAvailable => told(Mark::Fail, "is no address of this machine".to_owned())
            .mend("write one that `ip addr` shows, or [::] for all of them"),
        _ => told(Mark::Fail, format!("cannot be bound: {error}")),
    }
}

fn in_use(address: SocketAddr, told: impl Fn(Mark, String) -> Finding) -> Finding {
    let listeners = listeners::at(address.port());
    let by: Vec<String> = listeners
        .iter()
        .map(|listener| format!("{} (pid {})", listener.name, listener.pid))
        .collect();
    let by = by.join(", ");
    if listeners.iter().any(|listener| listener.name == "onehop") {
        return told(Mark::Ok, format!("a running edge listens there: {by}"));
    }
    if listeners.iter().any(|listener| listener.pid == 1) {
        return told(
            Mark::Ok,
            format!("the supervisor holds it: {by}, for the edge if its onehop.socket says so"),
        );
    }
    if try_to_bind(address, true).is_ok() {
        let by = if by.is_empty() {
            "whoever listens there".to_owned()
        } else {
            by
        };
        return told(Mark::Ok, format!("{by} shares it, as a running edge does"));
    }
    if by.is_empty() {
        return told(
            Mark::Warn,
            "is in use by whom this user may not see; a running edge, maybe".to_owned(),
        )
        .mend("see who it is: ss -ltnp, as root");
    }
    told(Mark::Fail, format!("is in use by {by}")).mend("stop that program, or write another address in [listen]")
}
