//! The stages of a hit: each is made ready once, and then called with 0, 1, 2 and so on.

use std::{hint::black_box, sync::Arc, time::Duration};

use http::StatusCode;
use onehop::{
    click::{
        Answer, Click, Who,
        cache::{Cache, Key},
        wire::{self, Prefix},
    },
    edge::{Edge, Offer},
    hit::{self, Arrival},
    keyed_hash::KeyedHash,
    link::{Place, Table, place::HostPattern},
    observe::{Record, Seen, Trace, json, shape::Shape},
    redirect::macros::ClickValues,
    visitor::{self, Agents},
};
use tokio::time::Instant;

use crate::{
    COUNTED, WARM,
    edge::{self, ANSWER, Connection},
    visitors::{HOST, PATH, QUERY, Visitor, address, at, user_agent, visitors},
};

/// One call of a stage.
pub(crate) type Call = Box<dyn FnMut(usize)>;

/// Its name, and what makes it ready.
pub(crate) type Stage = (&'static str, fn() -> Call);

/// Every stage, in the order of a hit.
pub(crate) const STAGES: &[Stage] = &[
    ("real_ip", real_ip),
    ("link_of_10", || link(10)),
    ("link_of_1000000", || link(1_000_000)),
    ("device_new", device_new),
    ("device_known", device_known),
    ("country", country),
    ("targeting", targeting),
    ("cache", cache),
    ("request", request),
    ("answer", answer),
    ("location", location),
    ("log_line", log_line),
    ("hit_cached", hit_cached),
    ("hit_asked", hit_asked),
];

/// Visitors who come by turns.
const REGULARS: usize = 100;

/// The address behind two proxies, of which one is the peer.
fn real_ip() -> Call {
    let edge = the_edge();
    let visitors = visitors(REGULARS);
    Box::new(move |n| {
        let visitor = &visitors[n % REGULARS];
        let ip = edge.real_ip.of(crate::visitors::PEER, black_box(visitor.headers()));
        assert_eq!(ip, visitor.ip);
    })
}

/// A link of so many on four hosts, by its host and path. Small tables are many, as each has a hash with another secret, by which
/// links share slots or do not.
fn link(count: usize) -> Call {
    const HOSTS: [&str; 4] = [
        "go.example.com",
        "ads.example.net",
        "click.my-site.example",
        "r.deals.example",
    ];
    let host = |number: usize| HOSTS[number % HOSTS.len()];
    let path = |number: usize| format!("/shoes/{number:07}");
    let table = || {
        let mut table: Table<usize> = Table::default();
        table.reserve(count);
        for number in 0..count {
            let item = table.push(number);
            let place = Place {
                host: HostPattern::Exact(host(number).to_owned()),
                path: path(number),
                subtree: false,
            };
            table.place(&place, item).expect("a free place");
        }
        table
    };
    let tables: Vec<Table<usize>> = (0..(1000 / count).max(1)).map(|_| table()).collect();
    let asked: Vec<(usize, &str, String)> = (0..COUNTED)
        .map(|n| n * 7919 % count)
        .map(|number| (number, host(number), path(number)))
        .collect();
    Box::new(move |n| {
        let table = &tables[n / count % tables.len()];
        let (number, host, path) = &asked[n % COUNTED];
        let found = table.find(black_box(*host), black_box(path.as_str())).expect("a link");
        assert_eq!(found.item, number);
    })
}

/// A User-Agent that comes for the first time: is it a bot, which device, system and browser does it name.
fn device_new() -> Call {
    let agents = Agents::new();
    let new: Vec<&str> = (0..WARM + COUNTED).map(|n| user_agent(n, n)).collect();
    Box::new(move |n| assert!(agents.read(black_box(new[n].as_bytes())).device.is_some()))
}

/// One that has come before.
fn device_known() -> Call {
    let agents = Agents::new();
    let known: Vec<&str> = (0..10).map(|n| user_agent(n, 0)).collect();
    Box::new(move |n| assert!(agents.read(black_box(known[n % 10].as_bytes())).device.is_some()))
}

fn country() -> Call {
    let edge = the_edge();
    Box::new(move |n| assert!(edge.lookups.places.country(black_box(address(n))).is_some()))
}

/// From the headers to the offer that is for the visitor: all that its rules ask is found out.
fn targeting() -> Call {
    let edge = the_edge();
    let visitors = visitors(REGULARS);
    Box::new(move |n| {
        let hit = visitors[n % REGULARS].hit();
        let visitor = visitor::Visitor::read(
            &edge.real_ip,
            &edge.lookups,
            hit.peer,
            black_box(hit.headers),
            hit.sender,
        );
        let arrival = arrive(edge, &hit, &visitor);
        let offers = arrival.link.in_order(&arrival.who);
        let found = offers.filter(|offer| offer.rules.fit(&arrival.subject).is_ok()).count();
        assert_eq!(found, 1);
    })
}

/// A click out of the cache: what it is kept under, and the look.
fn cache() -> Call {
    let hash = KeyedHash::new();
    let cache = Cache::new(1_000_000);
    let now = Instant::now();
    let visitors = visitors(7000);
    let key = move |visitor: &Visitor| Key::new(&hash, 0, 5306, 816, visitor.ip, visitor.user_agent.as_bytes());
    for visitor in &visitors {
        cache.put(&key(visitor), the_click(), now, Duration::from_mins(5));
    }
    Box::new(move |n| {
        let visitor = &visitors[n * 7919 % visitors.len()];
        assert!(cache.get(&key(black_box(visitor)), now).is_some());
    })
}

/// The request to the tracker, with what it is told of the visitor's query.
fn request() -> Call {
    let prefix = Prefix::new("/api/click/create", &edge::key());
    let arrival = the_arrival();
    let offer = wanted(&arrival);
    let values = arrival.values_for(offer);
    Box::new(move |_| {
        let told = hit::told(offer, black_box(&values));
        let who: Who<'_> = arrival.who;
        assert!(black_box(prefix.target(offer.label.ids, &who, &told)).is_some());
    })
}

/// The tracker's answer.
fn answer() -> Call {
    Box::new(|_| {
        let answer = wire::read(StatusCode::OK, black_box(ANSWER.as_bytes()));
        assert!(matches!(answer, Answer::Click(_)));
    })
}

/// The advertiser's link with the click id and other macros in it.
fn location() -> Call {
    let arrival = the_arrival();
    let offer = wanted(&arrival);
    let values = arrival.values_for(offer);
    let click = the_click();
    Box::new(move |_| {
        let click = ClickValues {
            id: &click.id,
            session_id: click.session_id.as_deref(),
            params: &click.params,
        };
        black_box(offer.traffic.location(black_box(&values), click));
    })
}

/// A hit as a line of the click log.
fn log_line() -> Call {
    let visitor = visitors(1)[0];
    let runtime = edge::runtime();
    let (edge, mut trace) = (the_edge(), Trace::new(visitor.ip));
    let outcome = runtime.block_on(hit::serve(edge, &visitor.hit(), &mut trace));
    let target = format!("{PATH}?{QUERY}");
    let (at, ids, sender) = (at(), visitor.hit().ids, visitor.headers().into());
    let (shape, mut line) = (Shape::default(), Vec::with_capacity(4096));
    Box::new(move |_| {
        line.clear();
        let seen = Seen {
            at,
            ids,
            host: HOST,
            head: Some((&target, sender)),
        };
        let record = Record {
            seen: &seen,
            trace: &trace,
            outcome: &outcome,
            total: Duration::from_micros(123),
        };
        json::write(black_box(&record), || Arc::clone(&edge.lookups), &shape, &mut line);
        black_box(&line);
    })
}

/// A whole hit on a kept connection, of a visitor who has a click already.
fn hit_cached() -> Call {
    let visitors = visitors(REGULARS);
    let mut connection = Connection::new();
    Box::new(move |n| connection.serve(visitors[n % REGULARS].request))
}

/// The same of one who has none: the tracker is asked on a kept connection.
fn hit_asked() -> Call {
    let visitors = visitors(WARM + COUNTED);
    let mut connection = Connection::new();
    Box::new(move |n| connection.serve(visitors[n].request))
}

fn the_edge() -> &'static Edge {
    let _within = edge::runtime();
    Box::leak(Box::new(edge::edge()))
}

/// A visitor at the link.
fn the_arrival() -> Arrival<'static> {
    let edge = the_edge();
    let hit = visitors(1)[0].hit();
    let visitor = visitor::Visitor::read(&edge.real_ip, &edge.lookups, hit.peer, hit.headers, hit.sender);
    arrive(edge, &hit, Box::leak(Box::new(visitor)))
}

fn arrive<'a>(edge: &'a Edge, hit: &hit::Hit<'a>, visitor: &'a visitor::Visitor<'a>) -> Arrival<'a> {
    let mut trace = Trace::new(hit.peer);
    hit::arrive(edge, hit, visitor, &mut trace).unwrap_or_else(|outcome| panic!("{outcome:?}"))
}

/// The offer that is for the visitor.
fn wanted<'a>(arrival: &Arrival<'a>) -> &'a Offer {
    let mut offers = arrival.link.offers.iter();
    let found = offers.find(|offer| offer.rules.fit(&arrival.subject).is_ok());
    found.expect("one is for everyone")
}

fn the_click() -> Arc<Click> {
    match wire::read(StatusCode::OK, ANSWER.as_bytes()) {
        Answer::Click(click) => click,
        other => panic!("{other:?}"),
    }
}
