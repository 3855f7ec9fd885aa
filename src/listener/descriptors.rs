//! How many files may be open: the limit is raised as far as it helps, and a part is kept back.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// One in so many is kept back for what visitors need beside their connections: calls to trackers, databases, logs, the operator.
const KEPT_BACK: u64 = 20;
/// Kept back at least, where the limit is small.
const LEAST_KEPT_BACK: u64 = 16;
/// Descriptors beside those of connections that a busy edge has.
const OTHERS: u64 = 2_048;

/// The limit of open files that an edge with so many connections would raise its own to.
pub fn wanted(connections: u32) -> u64 {
    u64::from(connections) + u64::from(connections) / KEPT_BACK + OTHERS
}

/// The limit that this process could raise its own to.
pub fn most() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Raises the limit of open files so that this many connections fit, as far as the system lets. Gives how many descriptors
/// may be open before no more connections are taken: 95 % of the limit, and all but sixteen at most.
pub fn make_room(connections: u32) -> u32 {
    let wanted = wanted(connections);
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let mut current = limit.current.unwrap_or(u64::MAX);
    let raised = wanted.min(most);
    if current < raised {
        let limit = Rlimit {
            current: Some(raised),
            maximum: limit.maximum,
        };
        // Who may not raise it has fewer connections.
        if setrlimit(Resource::Nofile, limit).is_ok() {
            current = raised;
        }
    }
    if current < wanted {
        tracing::warn!(
            limit = current,
            wanted,
            "the limit of open files is below what limits.connections needs; raise it (LimitNOFILE, ulimit -n)"
        );
    }
    u32::try_from(current.saturating_sub((current / KEPT_BACK).max(LEAST_KEPT_BACK))).unwrap_or(u32::MAX)
}
