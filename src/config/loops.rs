//! URLs that lead back to the edge, so that a visitor would go round and round.

use std::{
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
    sites: RefCell<HashMap<(Box<str>, u16), Vec<Place>>>,
    unmatched: RefCell<Option<(Box<str>, u16, Box<str>, Place)>>,
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
        let mut sites = self.sites.borrow_mut();
        let places = sites.entry((canonical(site.host), site.port)).or_default();
        if places.len() < MOST_TOLD {
            places.push(place);
        }
    }

    /// Hits without a link are sent there.
    pub(super) fn unmatched_leads_to(&self, site: Site<'_>, place: Place) {
        *self.unmatched.borrow_mut() = Some((canonical(site.host), site.port, site.path.into(), place));
    }

    /// Tells of those that lead to the edge itself.
    pub(super) fn tell(&self, served: &Served<'_>, mistakes: &Mistakes) {
        for ((host, port), places) in self.sites.borrow().iter() {
            if !served.serves(host, *port) {
                continue;
            }
            for &place in places {
                let mistake = Mistake::error(format!("this leads back to onehop: links stand on `{host}`")).at(place);
                mistakes.push(mistake.help("name a page on another host; visitors would go round in circles"));
            }
        }
        if let Some((host, port, at, place)) = &*self.unmatched.borrow()
            && served.serves(host, *port)
            && path::canonical(at).is_none_or(|path| served.links.find(host, &path).is_none())
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
fn canonical(host: &str) -> Box<str> {
    host::canonical(host).map_or_else(|| host.into(), Into::into)
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
