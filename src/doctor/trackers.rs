//! A tracker: whether its name resolves, its addresses take connections, it answers in time, and accepts the key.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{
    Check, Finding, Mark, Witness,
    key::{self, Key},
};
use crate::{
    click::{
        Answer, Denial, Failure, Tracker, Trafficback, Who,
        client::CallError,
        probe::{ANSWER_LIMIT, Heard, Hurdle, NoAnswer, Open, Question, STEP_LIMIT, Untrusted},
    },
    hit_id::HitIds,
    offer_ids::OfferIds,
};

/// More addresses of one name are not tried.
const MAX_ADDRESSES: usize = 8;
/// A documentation address (RFC 5737): nobody's, so that the click is recognised.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
const USER_AGENT: &str = concat!("onehop-doctor/", env!("CARGO_PKG_VERSION"));

/// What was seen of a tracker.
pub struct Look {
    name: String,
    origin: String,
    addresses: Result<(Vec<SocketAddr>, Duration), Hurdle>,
    tried: Vec<(SocketAddr, Result<Open, Hurdle>)>,
    /// What a request without an offer came to; `None` where no address could be reached.
    own: Option<Result<Heard, NoAnswer>>,
    strangers: Option<Result<Heard, NoAnswer>>,
    /// What a real click came to, where one was asked for.
    click: Option<(OfferIds, Result<Heard, NoAnswer>)>,
}

/// What will be sent to whom, before it is.
pub fn announcement(trackers: &[Arc<Tracker>]) -> String {
    let asked: Vec<String> = trackers
        .iter()
        .map(|tracker| format!("{} ({})", tracker.name, tracker.client.origin()))
        .collect();
    format!(
        "Asks {} for a click of no offer, with the key and with one that is nobody's; by the contract of the Click API neither makes a \
         click.",
        asked.join(", ")
    )
}

impl Look {
    /// Looks at a tracker: connections to each address, and two questions that make no click. Takes some 15 seconds at most.
    ///
    /// Dropped at an await, it closes what it has opened.
    pub async fn at(tracker: &Tracker) -> Self {
        let mut look = Self {
            name: tracker.name.to_string(),
            origin: tracker.client.origin(),
            addresses: tracker.addresses().await,
            tried: Vec::new(),
            own: None,
            strangers: None,
            click: None,
        };
        let Ok((addresses, _)) = &look.addresses else {
            return look;
        };
        for (address, came_to) in try_all(tracker, addresses).await {
            look.tried.push((address, came_to));
        }
        if look.tried.iter().any(|(_, came_to)| came_to.is_ok()) {
            let own = tracker.ask(Question::NoOffer).await;
            if own.as_ref().is_ok_and(|heard| key::may_be_compared(&heard.answer)) {
                look.strangers = Some(tracker.ask(Question::NoOfferByAStranger).await);
            }
            look.own = Some(own);
        }
        look
    }

    fn key(&self) -> Option<Key> {
        let own = self.own.as_ref()?.as_ref().ok()?;
        let strangers = self.strangers.as_ref().and_then(|heard| heard.as_ref().ok());
        Some(key::judge(&own.answer, strangers.map(|heard| &heard.answer)))
    }

    /// Whether only a real click can tell whether the key is accepted.
    pub fn needs_a_click(&self) -> bool {
        let own = self.own.as_ref().and_then(|heard| heard.as_ref().ok());
        let fails = own.is_some_and(|heard| matches!(heard.answer, Answer::Failed(Failure::Tracker(500..))));
        fails || self.key().is_some_and(Key::is_open)
    }

    /// What a real click would send, for whoever is to allow it.
    pub fn click_announcement(&self, ids: OfferIds) -> String {
        format!(
            "{}: one real click for offer {}, campaign {}, promo {}, as a visitor {NOBODY} with the User-Agent {USER_AGENT}; it will \
             be counted there",
            self.name, ids.offer, ids.campaign, ids.promo
        )
    }

    /// Makes a real click. For those who were asked.
    pub async fn make_a_click(&mut self, tracker: &Tracker, ids: OfferIds) {
        let who = Who {
            ip: NOBODY,
            user_agent: USER_AGENT.as_bytes(),
            referrer: None,
            hit: HitIds::default(),
        };
        self.click = Some((ids, tracker.ask(Question::Click(ids, who)).await));
    }

    /// What the tracker's clock said; `began` is one moment by both of this machine's clocks.
    pub fn witness(&self, began: (Instant, SystemTime)) -> Option<Witness> {
        let heard = self.own.as_ref()?.as_ref().ok()?;
        let date = heard.date?;
        let round_trip = heard.heard - heard.asked;
        let middle = began.1 + heard.asked.saturating_duration_since(began.0) + round_trip / 2;
        Some(Witness::new(self.name.clone(), middle, date, round_trip))
    }

    /// All that was found. `deadline` is what visitors wait at most.
    pub fn findings(&self, deadline: Duration) -> Vec<Finding> {
        let mut found = vec![self.name_finding()];
        found.extend(self.connections());
        if let Some(own) = &self.own {
            found.push(self.answer(own, deadline));
        }
        if let Some(key) = self.key()
            && !(self.click.is_some() && key.is_open())
        {
            found.extend(key.finding(&self.name));
        }
        if let Some((ids, came_to)) = &self.click {
            found.push(self.click_finding(*ids, came_to));
        }
        found
    }

    fn told(&self, mark: Mark, check: Check, found: impl Into<String>) -> Finding {
        Finding::new(mark, check, &*self.name, found)
    }

    fn name_finding(&self) -> Finding {
        let (mark, found) = match &self.addresses {
            Ok((addresses, took)) if !addresses.is_empty() => {
                let shown: Vec<String> = addresses
                    .iter()
                    .take(4)
                    .map(|address| address.ip().to_string())
                    .collect();
                let more = addresses.len().saturating_sub(4);
                let more = if more > 0 {
                    format!(" and {more} more")
                } else {
                    String::new()
                };
                (
                    Mark::Ok,
                    format!("{} is at {}{more} ({})", self.origin, shown.join(", "), ms(*took)),
                )
            }
            Ok(_) => (Mark::Fail, format!("the name of {} has no address", self.origin)),
            Err(Hurdle::Slow) => (
                Mark::Fail,
                format!(
                    "the name of {} was not resolved within {} s",
                    self.origin,
                    STEP_LIMIT.as_secs()
                ),
            ),
            Err(Hurdle::Failed(error) | Hurdle::NoTls(error)) => (
                Mark::Fail,
                format!("the name of {} does not resolve: {error}", self.origin),
            ),
            Err(Hurdle::Untrusted(_)) => (Mark::Fail, format!("the name of {} does not resolve", self.origin)),
        };
        let finding = self.told(mark, Check::TrackerName, found);
        if mark == Mark::Ok {
            finding
        } else {
            finding.mend(
                "see whether url has the right host, and whether this machine's resolver works (/etc/resolv.conf)",
            )
        }
    }

    fn connections(&self) -> Vec<Finding> {
        let reached: Vec<_> = self
            .tried
            .iter()
            .filter_map(|(address, open)| Some((address, open.as_ref().ok()?)))
            .collect();
        let mut findings = Vec::new();
        let mut passed_over = 0;
        for (address, came_to) in &self.tried {
            let Err(hurdle) = came_to else { continue };
            if !reached.is_empty() && is_of_no_route(hurdle) {
                passed_over += 1;
                continue;
            }
            let (found, mend) = told_of(hurdle);
            let mark = if reached.is_empty() { Mark::Fail } else { Mark::Warn };
            let found = if reached.is_empty() {
                format!("{address} {found}")
            } else {
                format!("{address} {found}; its other addresses are used meanwhile")
            };
            findings.push(self.told(mark, Check::TrackerConnection, found).mend(mend));
        }
        if let Some((address, open)) = reached.first() {
            let tls = open.tls.map_or_else(String::new, |tls| format!(", TLS in {}", ms(tls)));
            let http = if open.is_http2 { "HTTP/2" } else { "HTTP/1.1" };
            let no_route = if passed_over > 0 {
                "; its addresses of the other family cannot be reached from here, and need not be"
            } else {
                ""
            };
            let others = match reached.len() - 1 {
                0 => String::new(),
                1 => " and one more address".to_owned(),
                more => format!(" and {more} more addresses"),
            };
            let found = format!(
                "{address}{others} took a connection: TCP in {}{tls}, {http}{no_route}",
                ms(open.tcp)
            );
            findings.insert(0, self.told(Mark::Ok, Check::TrackerConnection, found));
        }
        findings
    }

    fn answer(&self, own: &Result<Heard, NoAnswer>, deadline: Duration) -> Finding {
        let told = |mark, found: String| self.told(mark, Check::TrackerAnswer, found);
        let heard = match own {
            Err(why) => {
                let mend = "ask the network whether its Click API is well; visitors get their fallback meanwhile";
                return told(Mark::Fail, no_answer(*why)).mend(mend);
            }
            Ok(heard) => heard,
        };
        let status = heard.status;
        let url = "see whether url is the Click API's, path and all: it usually ends with /api/click/create";
        match &heard.answer {
            Answer::Failed(Failure::Tracker(300..400)) => told(
                Mark::Fail,
                format!("answered {status}, a redirect: onehop follows none, since it would carry the key away"),
            )
            .mend("write the URL that it leads to, with https"),
            Answer::Failed(Failure::Tracker(429)) => told(
                Mark::Warn,
                "answered 429: it takes no more calls from here now".to_owned(),
            )
            .mend("ask the network for a higher limit"),
            Answer::Failed(Failure::Tracker(number @ 500..)) => told(
                Mark::Warn,
                format!("answered {number} to a request without an offer: it fails, or cannot take such a request"),
            )
            .mend("`onehop doctor --click` makes one real click, which tells"),
            Answer::Failed(Failure::Tracker(number)) => told(
                Mark::Fail,
                format!("answered {number}: nothing that the Click API says"),
            )
            .mend(url),
            Answer::Failed(Failure::BadAnswer(why)) => {
                told(Mark::Fail, format!("answered {status} with {why}")).mend(url)
            }
            _ => {
                let took = heard.heard - heard.asked;
                let found = format!("answered in {}, the connection included", ms(took));
                if took > deadline {
                    told(
                        Mark::Warn,
                        format!("{found}; visitors wait for {} at most", ms(deadline)),
                    )
                    .mend("raise click.deadline, or ask the network why it is slow")
                } else {
                    told(Mark::Ok, found)
                }
            }
        }
    }

    fn click_finding(&self, ids: OfferIds, came_to: &Result<Heard, NoAnswer>) -> Finding {
        let told = |mark, found: String| self.told(mark, Check::TrackerClick, found);
        let offer = format!("offer {}, campaign {}, promo {}", ids.offer, ids.campaign, ids.promo);
        let card = "compare the ids with the campaign card";
        let heard = match came_to {
            Ok(heard) => heard,
            Err(why) => return told(Mark::Fail, format!("asked for a click of {offer}: {}", no_answer(*why))),
        };
        match &heard.answer {
            Answer::Click(_) => told(Mark::Ok, format!("accepts the key: it gave a click for {offer}")),
            Answer::Trafficback(why) => {
                let why = match why {
                    Trafficback::OfferInactive => "the offer is off",
                    Trafficback::CampaignInactive => "the campaign is off",
                    Trafficback::Targeting => "it does not want a visitor of a documentation address",
                    Trafficback::Overcap => "the cap is reached",
                    Trafficback::Other(_) => "for a reason that the contract does not name",
                };
                told(
                    Mark::Ok,
                    format!("accepts the key: it answered a trafficback for {offer} ({why}), no click was made"),
                )
            }
            Answer::Failed(Failure::Denied(Denial::Key)) => told(
                Mark::Fail,
                "refuses the key: it answered 403 \"Access denied\" to a real click".to_owned(),
            )
            .mend(key::CHECK_KEY),
            Answer::Failed(Failure::Denied(Denial::Offer)) => told(
                Mark::Fail,
                format!("accepts the key, but does not allow the Click API for {offer}"),
            )
            .mend("ask the network to allow it: the campaign card then has an icon of the Click API"),
            Answer::Failed(Failure::Rejected(field)) => told(
                Mark::Fail,
                format!(
                    "finds the request for {offer} wrong{}",
                    field.map_or_else(String::new, |field| format!(", in {field}"))
                ),
            )
            .mend(card),
            Answer::Failed(_) => told(
                Mark::Fail,
                format!("answered {} to a real click for {offer}", heard.status),
            )
            .mend(card),
        }
    }
}

async fn try_all(tracker: &Tracker, addresses: &[SocketAddr]) -> Vec<(SocketAddr, Result<Open, Hurdle>)> {
    // One after the other would add up to more than anybody waits for.
    let mut under_way: Vec<_> = addresses
        .iter()
        .take(MAX_ADDRESSES)
        .map(|address| (*address, Box::pin(tracker.try_address(*address)), None))
        .collect();
    std::future::poll_fn(|context| {
        for (_, attempt, came_to) in under_way.iter_mut().filter(|(.., came_to)| came_to.is_none()) {
            if let std::task::Poll::Ready(ready) = attempt.as_mut().poll(context) {
                *came_to = Some(ready);
            }
        }
        if under_way.iter().all(|(.., came_to)| came_to.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    let ended = under_way.into_iter();
    ended
        .filter_map(|(address, _, came_to)| Some((address, came_to?)))
        .collect()
}

/// As where a machine has no IPv6.
fn is_of_no_route(hurdle: &Hurdle) -> bool {
    let Hurdle::Failed(error) = hurdle else { return false };
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::AddrNotAvailable
    )
}

/// What stopped a connection, and the mend.
fn told_of(hurdle: &Hurdle) -> (String, &'static str) {
    let network = "see whether the network lets this machine out to that port, and whether url has the right port";
    match hurdle {
        Hurdle::Slow => (format!("took no connection within {} s", STEP_LIMIT.as_secs()), network),
        Hurdle::Failed(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            ("refused the connection".to_owned(), network)
        }
        Hurdle::Failed(error) => (format!("could not be connected to: {error}"), network),
        Hurdle::NoTls(error) => (
            format!("does not speak TLS as it should: {error}"),
            "see whether url is rather http than https, or has the wrong port",
        ),
        Hurdle::Untrusted(why) => {
            let (found, mend) = match why {
                Untrusted::Expired => (
                    "shows a certificate that has ended",
                    "tell the network; and see whether this machine's clock is right",
                ),
                Untrusted::NotYetValid => (
                    "shows a certificate that does not hold yet",
                    "see whether this machine's clock is right",
                ),
                Untrusted::OtherName => (
                    "shows a certificate for other hosts",
                    "write the host in url that its certificate names",
                ),
                Untrusted::UnknownIssuer => (
                    "shows a certificate that no known root has signed",
                    "if it is the network's own, name its root: ca = \"root.pem\" in this tracker's table",
                ),
                Untrusted::Unfit => ("shows a certificate that cannot be used", "tell the network"),
            };
            (found.to_owned(), mend)
        }
    }
}

fn no_answer(why: NoAnswer) -> String {
    match why {
        NoAnswer::Silent => format!("no answer within {} s", ANSWER_LIMIT.as_secs()),
        NoAnswer::Call(CallError::Unreachable(why) | CallError::NotTrusted(why)) => format!("no answer: {why}"),
        NoAnswer::Call(CallError::NotHttp) => "what came is not HTTP".to_owned(),
    }
}

fn ms(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}
