//! A tracker by script, and the way to it: no socket, and no time but the simulation's.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use onehop::click::client::{Network, Pending, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::{Semaphore, mpsc},
    time::{Instant, sleep},
};

/// Half of the answers take less.
pub(crate) const MEDIAN: Duration = Duration::from_millis(60);
/// The spread of their logarithms: one in a hundred takes 107 ms.
const SPREAD: f64 = 0.25;
/// What a stalled one takes more.
const STALL: Duration = Duration::from_secs(2);
/// Requests at a time of a tracker that is well.
pub(crate) const WORKERS: usize = 40;
/// What a new connection takes.
const CONNECT: Duration = Duration::from_millis(30);

/// What ails it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Nothing.
    Well,
    /// One call in a hundred stalls.
    Stalls,
    /// Each call fails at once.
    Errors,
    /// No call is answered.
    Hangs,
    /// Calls wait for one of so many workers, who finish what they have begun.
    Workers(usize),
}

/// The tracker.
pub(crate) struct Tracker {
    moods: Vec<(Duration, Mood)>,
    began: Instant,
    random: Mutex<fastrand::Rng>,
    /// Requests, by when they came.
    pub(crate) requests: Mutex<Vec<Duration>>,
    /// The workers of each mood that has some.
    workers: Vec<Semaphore>,
}

/// The mean of what answers take.
pub(crate) fn mean() -> Duration {
    MEDIAN.mul_f64((SPREAD * SPREAD / 2.0).exp())
}

impl Tracker {
    /// One with moods of so long each, from now on.
    pub(crate) fn new(phases: &[(Mood, Duration)]) -> Arc<Self> {
        let mut until = Duration::ZERO;
        let mut moods = Vec::new();
        let mut workers = Vec::new();
        for (mood, lasts) in phases {
            until += *lasts;
            moods.push((until, *mood));
            workers.push(Semaphore::new(match mood {
                Mood::Workers(number) => *number,
                _ => Semaphore::MAX_PERMITS,
            }));
        }
        Arc::new(Self {
            moods,
            began: Instant::now(),
            random: Mutex::new(fastrand::Rng::with_seed(4)),
            requests: Mutex::default(),
            workers,
        })
    }

    /// The number of the present phase.
    fn phase(&self) -> usize {
        let now = self.began.elapsed();
        let phase = self.moods.iter().position(|(until, _)| now < *until);
        phase.unwrap_or(self.moods.len() - 1)
    }

    /// What an answer takes: a logarithm that is spread normally (Box and Muller, 1958).
    fn takes(&self) -> Duration {
        let mut random = self.random.lock().expect("nothing panics under it");
        let (one, other) = (1.0 - random.f64(), random.f64());
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        MEDIAN.mul_f64((SPREAD * normal).exp())
    }

    /// The answer to a request; `None` if there is none.
    async fn answer(&self) -> Option<Vec<u8>> {
        self.requests
            .lock()
            .expect("nothing panics under it")
            .push(self.began.elapsed());
        let phase = self.phase();
        match self.moods[phase].1 {
            Mood::Well => sleep(self.takes()).await,
            Mood::Stalls => {
                let stalls = self.random.lock().expect("nothing panics under it").u8(0..100) == 0;
                sleep(self.takes() + if stalls { STALL } else { Duration::ZERO }).await;
            }
            Mood::Errors => {
                sleep(self.takes()).await;
                return Some(response(
                    "500 Internal Server Error",
                    r#"{"status":"error","code":500}"#,
                ));
            }
            Mood::Hangs => return None,
            Mood::Workers(_) => {
                let _worker = self.workers[phase].acquire().await.ok()?;
                sleep(self.takes()).await;
            }
        }
        let click = r#"{"status":"success","data":{"click_id":"c","exists":false,"params":{},"session_id":"s"}}"#;
        Some(response("200 OK", click))
    }

    /// A connection: each request is worked on whether its caller stays or not.
    async fn serve(self: Arc<Self>, stream: DuplexStream) {
        let (mut read, mut write) = tokio::io::split(stream);
        let (answers, mut answered) = mpsc::unbounded_channel::<Vec<u8>>();
        let reading = async move {
            let mut head = Vec::new();
            while read.read_buf(&mut head).await.is_ok_and(|bytes| bytes > 0) {
                if head.ends_with(b"\r\n\r\n") {
                    head.clear();
                    let (tracker, answers) = (Arc::clone(&self), answers.clone());
                    tokio::spawn(async move {
                        if let Some(answer) = tracker.answer().await {
                            // Its caller may have gone.
                            let _ = answers.send(answer);
                        }
                    });
                }
            }
        };
        let writing = async move {
            while let Some(answer) = answered.recv().await {
                if write.write_all(&answer).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(reading, writing);
    }
}

fn response(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The way to it.
pub(crate) struct Way(pub(crate) Arc<Tracker>);

impl Network for Way {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> Pending<'a, Vec<SocketAddr>> {
        Box::pin(async move { Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]) })
    }

    fn connect(&self, _: SocketAddr) -> Pending<'_, Box<dyn Stream>> {
        Box::pin(async move {
            sleep(CONNECT).await;
            let (ours, theirs) = duplex(16 * 1024);
            tokio::spawn(Arc::clone(&self.0).serve(theirs));
            io::Result::Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }
}
