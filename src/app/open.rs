//! The connections that are open, to be cut at the end of draining.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::AbortHandle;

/// Open connections. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    last: u64,
    /// None until its task is known.
    tasks: HashMap<u64, Option<AbortHandle>>,
}

/// One that is open until it is dropped.
pub(super) struct Connection {
    all: Connections,
    number: u64,
}

impl Connections {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a connection on a task of its own, which is to hold what it is given. (A future that is awaited by another takes its
    /// room twice.)
    pub(super) fn spawn<F>(&self, run: impl FnOnce(Connection) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let number = {
            let mut open = self.open();
            open.last += 1;
            let number = open.last;
            open.tasks.insert(number, None);
            number
        };
        let connection = Connection {
            all: self.clone(),
            number,
        };
        // Its end may come before it is known, and takes the same lock.
        let task = tokio::spawn(run(connection));
        if let Some(known) = self.open().tasks.get_mut(&number) {
            *known = Some(task.abort_handle());
        }
    }

    /// Ends all that are open, wherever they are.
    pub(super) fn cut(&self) {
        let tasks = std::mem::take(&mut self.open().tasks);
        for task in tasks.into_values().flatten() {
            task.abort();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.open().tasks.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_ends_is_forgotten_and_who_does_not_is_cut() {
        let connections = Connections::default();
        let (ends, mut all_ended) = mpsc::channel::<()>(1);
        let end = ends.clone();
        connections.spawn(|connection| async move { drop((end, connection)) });
        for _ in 0..3 {
            let end = ends.clone();
            connections.spawn(|connection| async move {
                pending::<()>().await;
                drop((end, connection));
            });
        }
        drop(ends);
        tokio::task::yield_now().await;
        assert_eq!(connections.open().tasks.len(), 3);
        connections.cut();
        assert_eq!(all_ended.recv().await, None);
        assert!(connections.open().tasks.is_empty());
    }
}
