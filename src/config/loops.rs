//! URLs that lead back to the edge, so that a visitor would go round and round.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{HashMap, HashSet},
    net::SocketAddr,
};

use super::{Mistake, Mistakes, source::Place};
use crate::{
    edge::Link,
    link::{Table, host, path, place::HostPattern},
    redirect::Site,
};

/// As many mistakes as are shown.
const MOST_TOLD: usize = 100;

/// Where the URLs of a configuration lead.
#[derive(Default)]
pub(super) struct Loops {
    by_host: RefCell<HashMap<Box<str>, Vec<Goal>>>,
    unmatched: RefCell<Option<Unmatched>>,
}

/// Where hits without a link are sent.
struct Unmatched {
    host: Box<str>,
    port: u16,
    path: Box<str>,
    place: Place,
}

/// A port of a host, and the URLs that lead there.
struct Goal {
    port: u16,
    places: Vec<Place>,
}

/// The hosts that links stand on, and the ports that are listened at.
pub(super) struct Served<'a> {
    pub(super) links: &'a Table<Link>,
    pub(super) hosts: &'a HashSet<HostPattern>,
    pub(super) listen: &'a [SocketAddr],
}

impl Loops {
    /// A URL of a link leads there.
    pub(super) fn leads_to(&self, site: Site<'_>, place: Place) {
        let mut by_host = self.by_host.borrow_mut();
        // Millions of URLs lead to a few hosts: no copy of the name for each.
        if !by_host.contains_key(site.host) {
            by_host.insert(site.host.into(), Vec::new());
        }
        let Some(goals) = by_host.get_mut(site.host) else {
            return;
        };
        match goals.iter_mut().find(|goal| goal.port == site.port) {
            Some(goal) if goal.places.len() >= MOST_TOLD => {}
            Some(goal) => goal.places.push(place),
            None => goals.push(Goal {
                port: site.port,
                places: vec![place],
            }),
        }
    }

    /// Hits without a link are sent there.
    pub(super) fn unmatched_leads_to(&self, site: Site<'_>, place: Place) {
        *self.unmatched.borrow_mut() = Some(Unmatched {
            host: site.host.into(),
            port: site.port,
            path: site.path.into(),
            place,
        });
    }

    /// Tells of those that lead to the edge itself.
    pub(super) fn tell(&self, served: &Served<'_>, mistakes: &Mistakes) {
        for (host, goals) in self.by_host.borrow().iter() {
            let host = canonical(host);
            for goal in goals.iter().filter(|goal| served.serves(&host, goal.port)) {
                for &place in &goal.places {
                    let mistake = Mistake::error(format!("this leads back to onehop: links stand on `{host}`"));
                    let mend = "name a page on another host; visitors would go round in circles";
                    mistakes.push(mistake.at(place).help(mend));
                }
            }
        }
        let unmatched = self.unmatched.borrow();
        let Some(Unmatched {
            host,
            port,
            path: at,
            place,
        }) = unmatched.as_ref()
        else {
            return;
        };
        let host = canonical(host);
        if served.serves(&host, *port)
            && path::canonical(at).is_none_or(|path| served.links.find(&host, &path).is_none())
        {
            let mistake = Mistake::error(format!(
                "this leads back to onehop, where no link stands at `{host}{at}`"
            ));
            mistakes.push(
                mistake
                    .at(*place)
                    .help("name a page on another host, or a link of yours"),
            );
        }
    }
}

/// As hosts of links are: a trailing dot changes nothing.
fn canonical(host: &str) -> Cow<'_, str> {
    host::canonical(host).unwrap_or(Cow::Borrowed(host))
}

impl Served<'_> {
    /// Whether the edge answers for a host. Of links on any host nothing follows. Another port than the web's own is the edge's
    /// only if it listens there.
    fn serves(&self, host: &str, port: u16) -> bool {
        let is_port = matches!(port, 80 | 443) || self.listen.iter().any(|address| address.port() == port);
        let has_host = self.hosts.contains(&HostPattern::Exact(host.to_owned()))
            || host
                .match_indices('.')
                .any(|(dot, _)| self.hosts.contains(&HostPattern::Below(host[dot + 1..].to_owned())));
        is_port && has_host
    }
}
