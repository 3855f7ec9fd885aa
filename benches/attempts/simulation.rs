//! Visitors who come at random, and what became of each.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Uri;
use onehop::{
    click::{
        Answer, BreakerState, Care, ClickApi, Event, HedgeAfter, SecretKey, Settings, Told, Tracker, Who,
        api::OfferRequest,
        client::{Client, Endpoint, Roots},
        wire::Prefix,
    },
    hit_id::HitIds,
    offer_ids::OfferIds,
};
use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::tracker::{self, Mood, Way};

/// The default.
const DEADLINE: Duration = Duration::from_secs(2);

/// What became of all visitors.
pub(crate) struct Run {
    hits: Vec<Hit>,
    requests: Vec<Duration>,
    /// When the breaker opened first.
    pub(crate) opened: Option<Duration>,
}

/// One visitor: when they came, how long they waited, and whether they have a click. Times since the beginning.
#[derive(Clone, Copy)]
struct Hit {
    at: Duration,
    waited: Duration,
    has_click: bool,
}

/// Visitors, so many a second, while the tracker has its moods.
pub(crate) fn simulate(a_second: f64, hedge_after: HedgeAfter, phases: &[(Mood, Duration)]) -> Run {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    fastrand::seed(7);
    runtime.block_on(run(a_second, hedge_after, phases))
}

async fn run(a_second: f64, hedge_after: HedgeAfter, phases: &[(Mood, Duration)]) -> Run {
    let began = Instant::now();
    let scripted = tracker::Tracker::new(phases);
    let endpoint = Endpoint::new(&Uri::from_static("http://tracker.test/click"), &Roots::default()).expect("a URL");
    let opened = Arc::new(Mutex::new(None));
    let opening = Arc::clone(&opened);
    let care = Care {
        deadline: DEADLINE,
        hedge_after,
    };
    let tracker = Arc::new(Tracker::new(
        "t".into(),
        0,
        0,
        Arc::new(Client::new(endpoint, Arc::new(Way(Arc::clone(&scripted))))),
        Prefix::new("/click", &SecretKey::new("k").expect("a key")),
        care,
        Box::new(move |event| {
            if matches!(event, Event::Breaker(BreakerState::Open)) {
                opening
                    .lock()
                    .expect("nothing panics under it")
                    .get_or_insert(began.elapsed());
            }
        }),
    ));
    let clicks = Arc::new(ClickApi::new(Settings {
        care,
        cache_entries: 1,
        ttl: Duration::ZERO,
        ttl_when_exists: Duration::ZERO,
        offer_ttl: Duration::ZERO,
    }));
    let ends: Duration = phases.iter().map(|(_, lasts)| *lasts).sum();
    let mut random = fastrand::Rng::with_seed(1);
    let mut visitors = JoinSet::new();
    let mut at = Duration::ZERO;
    for number in 0.. {
        // What lies between two who come by chance.
        at += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / a_second);
        if at >= ends {
            break;
        }
        let (clicks, tracker) = (Arc::clone(&clicks), Arc::clone(&tracker));
        visitors.spawn(async move {
            sleep_until(began + at).await;
            hit(&clicks, &tracker, number, at).await
        });
    }
    let mut hits = visitors.join_all().await;
    hits.sort_by_key(|hit| hit.at);
    let requests = std::mem::take(&mut *scripted.requests.lock().expect("nothing panics under it"));
    let opened = *opened.lock().expect("nothing panics under it");
    Run { hits, requests, opened }
}

async fn hit(clicks: &Arc<ClickApi>, tracker: &Arc<Tracker>, number: u32, at: Duration) -> Hit {
    let came = Instant::now();
    let who = Who {
        ip: IpAddr::V4(Ipv4Addr::from_bits(number)),
        user_agent: b"Mozilla/5.0",
        referrer: None,
        hit: HitIds::default(),
    };
    let ids = OfferIds {
        offer: 1,
        campaign: 2,
        promo: 3,
    };
    let offer = OfferRequest { tracker, ids };
    let asked = clicks.ask(offer, &who, came, Told::default, || came + DEADLINE).await;
    Hit {
        at,
        waited: came.elapsed(),
        has_click: matches!(asked.answer, Answer::Click(_)),
    }
}

impl Run {
    fn of(&self, when: impl Fn(Duration) -> bool) -> impl Iterator<Item = &Hit> {
        self.hits.iter().filter(move |hit| when(hit.at))
    }

    /// Who came at some times.
    pub(crate) fn hits(&self, when: impl Fn(Duration) -> bool) -> usize {
        self.of(when).count()
    }

    /// Who of them has a click.
    pub(crate) fn clicks(&self, when: impl Fn(Duration) -> bool) -> usize {
        self.of(when).filter(|hit| hit.has_click).count()
    }

    /// What the tracker was asked at some times.
    pub(crate) fn requests(&self, when: impl Fn(Duration) -> bool) -> usize {
        self.requests.iter().filter(|at| when(**at)).count()
    }

    /// How long this part of those waited at most who came at some times.
    pub(crate) fn waited(&self, quantile: f64, when: impl Fn(Duration) -> bool) -> Duration {
        let mut waited: Vec<Duration> = self.of(when).map(|hit| hit.waited).collect();
        waited.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list"
        )]
        let place = (waited.len() as f64 * quantile).ceil() as usize;
        waited.get(place.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// How long after a time somebody still has no click.
    pub(crate) fn normal_after(&self, time: Duration) -> Duration {
        let without = self.of(|at| at >= time).filter(|hit| !hit.has_click);
        without.map(|hit| hit.at.saturating_sub(time)).max().unwrap_or_default()
    }
}
