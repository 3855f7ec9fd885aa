//! The streams of a connection that something is still to happen on: a request's end, an answer, or the rest of its body.
//!
//! Most never come here: they end with their first frame, and are answered at once.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use crate::server::reply::Reply;

/// A request that is being answered. Dropped, it is one whose visitor has left.
pub(super) type Hit<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// A stream under way.
pub(super) struct Stream<'a> {
    pub(super) id: u32,
    /// What is still to come of its request; `None` behind its end.
    pub(super) body: Option<Body>,
    pub(super) is_head: bool,
    /// What the client takes of an answer's body (RFC 9113, section 6.9.1).
    pub(super) window: i64,
    /// What waits for that.
    pub(super) left: &'static [u8],
    pub(super) hit: Option<Asked<'a>>,
}

/// What has become of a request.
pub(super) enum Asked<'a> {
    /// It is being answered.
    Waits(Hit<'a>, Waker),
    /// Its answer has no room yet among what is to be sent.
    Answered(Reply),
}

/// A body that is not read, but counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Body {
    /// All that has come, with padding.
    pub(super) received: usize,
    /// How much is to come, if its head has said so.
    pub(super) due: Option<u64>,
}

/// All of them, by their number.
pub(super) struct Streams<'a> {
    list: Vec<Stream<'a>>,
    /// How many wait for an answer.
    waiting: usize,
    woken: Option<Arc<Woken>>,
    /// Those that were woken before this turn of the connection's.
    ready: Vec<u32>,
    /// Those whose answers are there.
    answered: Vec<u32>,
}

impl<'a> Streams<'a> {
    pub(super) fn new() -> Self {
        Self {
            list: Vec::new(),
            waiting: 0,
            woken: None,
            ready: Vec::new(),
            answered: Vec::new(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// How many wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn find(&mut self, id: u32) -> Option<&mut Stream<'a>> {
        let at = self.list.binary_search_by_key(&id, |stream| stream.id).ok()?;
        Some(&mut self.list[at])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stream<'a>> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream<'a>> {
        self.list.iter_mut()
    }

    /// Adds the newest.
    pub(super) fn push(&mut self, stream: Stream<'a>) {
        self.waiting += usize::from(stream.hit.is_some());
        self.list.push(stream);
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, id: u32) -> Option<Stream<'a>> {
        let at = self.list.binary_search_by_key(&id, |stream| stream.id).ok()?;
        let stream = self.list.remove(at);
        self.waiting -= usize::from(stream.hit.is_some());
        if self.list.is_empty() {
            self.list = Vec::new();
        }
        Some(stream)
    }

    /// What wakes the connection for one stream.
    pub(super) fn waker(&mut self, id: u32, context: &Context<'_>) -> Waker {
        let woken = self.woken.get_or_insert_with(|| {
            Arc::new(Woken {
                ids: Mutex::new(Vec::new()),
                connection: Mutex::new(context.waker().clone()),
            })
        });
        let woken = Arc::clone(woken);
        Waker::from(Arc::new(OfStream { woken, id }))
    }

    /// Begins a turn of the connection's: those that may go on by now are asked in it, and they wake this context again.
    pub(super) fn turn(&mut self, context: &Context<'_>) {
        let Some(woken) = &self.woken else { return };
        let mut connection = woken.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if !connection.will_wake(context.waker()) {
            connection.clone_from(context.waker());
        }
        self.ready
            .append(&mut woken.ids.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Goes on with those that may. It is not to wait for room: calls to trackers, which others may wait for too and which hold
    /// places there, are carried along by these.
    pub(super) fn go_on(&mut self) {
        while let Some(id) = self.ready.pop() {
            let Some(stream) = self.find(id) else { continue };
            let Some(Asked::Waits(hit, waker)) = &mut stream.hit else {
                continue;
            };
            if let Poll::Ready(reply) = hit.as_mut().poll(&mut Context::from_waker(waker)) {
                stream.hit = Some(Asked::Answered(reply));
                self.answered.push(id);
            }
        }
    }

    /// The next answer that was waited for.
    pub(super) fn next(&mut self) -> Option<(u32, Reply)> {
        while let Some(id) = self.answered.pop() {
            let Some(stream) = self.find(id) else { continue };
            if let Some(Asked::Answered(reply)) = stream.hit.take() {
                self.waiting -= 1;
                return Some((id, reply));
            }
        }
        None
    }
}

/// Which streams may go on, so that not all are asked whenever one may.
struct Woken {
    ids: Mutex<Vec<u32>>,
    connection: Mutex<Waker>,
}

struct OfStream {
    woken: Arc<Woken>,
    id: u32,
}

impl Wake for OfStream {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Woken { ids, connection } = &*self.woken;
        ids.lock().unwrap_or_else(PoisonError::into_inner).push(self.id);
        connection.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::outcome::{Outcome, Refusal};

    #[tokio::test]
    async fn a_hit_goes_on_while_answers_have_no_room() {
        let mut streams = Streams::new();
        let (say, said) = oneshot::channel();
        let mut hit: Hit<'_> = Box::pin(async move {
            let _: Result<(), _> = said.await;
            Reply::of(Outcome::Refused(Refusal::Left))
        });
        let context = Context::from_waker(Waker::noop());
        let waker = streams.waker(1, &context);
        assert!(hit.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        streams.push(Stream {
            id: 1,
            body: None,
            is_head: false,
            window: 0,
            left: b"",
            hit: Some(Asked::Waits(hit, waker)),
        });
        assert!(streams.next().is_none());
        say.send(()).expect("it is waited for");
        streams.turn(&context);
        streams.go_on();
        // It has come to its end, whether or not anybody asks for its answer.
        assert!(matches!(
            streams.find(1).and_then(|stream| stream.hit.as_ref()),
            Some(Asked::Answered(_))
        ));
        assert_eq!(streams.waiting(), 1);
        assert!(streams.next().is_some_and(|(id, _)| id == 1));
        assert_eq!(streams.waiting(), 0);
    }
}
