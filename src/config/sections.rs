//! The sections of the main file that stand once: each with its keys, defaults and checks.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use http::{HeaderName, StatusCode};

use super::{
    Mistake, Mistakes, Spanned, TableReader, Value, Zero,
    geoip::Named,
    loops::Loops,
    quoted,
    source::Place,
    trackers::Trackers,
    urls::{self, Fallback},
};
use crate::{
    click::{self, HedgeAfter},
    edge::{BotRule, Unmatched},
    networks::{self, Networks},
    redirect::macros::Use,
    visitor::{RealIp, RealIpHeader},
};

/// Where visitors are served when nothing else is said: on this machine alone.
pub(super) const DEFAULT_HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// A visitor who has waited this long for an ad's landing page is about to leave.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);
pub(super) const CACHE_ENTRIES: i64 = 1_000_000;
pub(super) const CACHE_SIZES: RangeInclusive<i64> = 0..=1 << 32;
/// The window in which the tracker answers a repeated visitor with the same click.
pub(super) const TTL: Duration = Duration::from_mins(5);
/// A click that the tracker had already is at most this much older than the edge thinks, for most visitors.
pub(super) const TTL_WHEN_EXISTS: Duration = Duration::from_mins(1);
/// An affiliate who switches an offer on again does not wait long, and a capped one costs few calls.
pub(super) const OFFER_TTL: Duration = Duration::from_secs(10);
/// What a hit without a link gets: a fault of whoever wrote the link, and none of the edge's.
pub(super) const STATUSES: RangeInclusive<i64> = 400..=499;
pub(super) const DEFAULT_STATUS: StatusCode = StatusCode::NOT_FOUND;
/// The headers that hold a list of addresses; any other holds one.
pub(super) const X_FORWARDED_FOR: &str = "x-forwarded-for";
pub(super) const FORWARDED: &str = "forwarded";
/// Whether declared bots are stopped.
pub(super) const BOTS: [(&str, BotRule); 2] = [("stop", BotRule::Stop), ("click", BotRule::Click)];
/// What `hedge_after` may say beside a duration.
pub(super) const HEDGE_WORDS: [(&str, HedgeAfter); 2] = [("auto", HedgeAfter::Auto), ("off", HedgeAfter::Off)];

/// The headers with a visitor's address that proxies and CDNs write.
const REAL_IP_HEADERS: [&str; 8] = [
    "x-forwarded-for",
    "forwarded",
    "cf-connecting-ip",
    "true-client-ip",
    "fastly-client-ip",
    "x-real-ip",
    "x-client-ip",
    "fly-client-ip",
];

pub(super) struct Listen<'a> {
    pub(super) http: Vec<SocketAddr>,
    pub(super) https: Vec<SocketAddr>,
    /// Where `https` is written, if it is.
    pub(super) https_at: Option<Place>,
    pub(super) admin: Option<SocketAddr>,
    /// Whether trusted proxies begin with a PROXY header, if that is said.
    pub(super) proxy_protocol: Option<Spanned<bool>>,
    taken: Vec<SocketAddr>,
    mistakes: &'a Mistakes,
}

pub(super) fn listen<'a>(table: Option<TableReader<'_>>, mistakes: &'a Mistakes) -> Listen<'a> {
    let mut listen = Listen {
        http: vec![DEFAULT_HTTP],
        https: Vec::new(),
        https_at: None,
        admin: None,
        proxy_protocol: None,
        taken: Vec::new(),
        mistakes,
    };
    let Some(mut table) = table else { return listen };
    if let Some(text) = table.string("admin") {
        listen.admin = listen.free_address(&text);
    }
    let http = table.strings("http");
    if let Some(texts) = table.strings("https") {
        listen.https_at = Some(texts.place);
        listen.https = listen.free_addresses(&texts);
    }
    listen.proxy_protocol = table.bool("proxy_protocol");
    table.finish(&[]);
    match http {
        Some(texts) => listen.http = listen.free_addresses(&texts),
        // Whoever names an address for TLS alone wants that alone.
        None if listen.https_at.is_some() => listen.http.clear(),
        None => {}
    }
    listen
}

impl Listen<'_> {
    /// Every address at which visitors are served.
    pub(super) fn all(&self) -> Vec<SocketAddr> {
        [&self.http[..], &self.https].concat()
    }

    fn free_addresses(&mut self, texts: &Spanned<Vec<Spanned<&str>>>) -> Vec<SocketAddr> {
        if texts.value.is_empty() {
            let mistake = Mistake::error("there is no address to serve visitors at").at(texts.place);
            self.mistakes
                .push(mistake.help("write one, such as \"[::]:80\", or leave the key out"));
        }
        texts.value.iter().filter_map(|text| self.free_address(text)).collect()
    }

    /// An address that nothing else is served at; with port 0 the system chooses one.
    fn free_address(&mut self, text: &Spanned<&str>) -> Option<SocketAddr> {
        let found = address(text, self.mistakes)?;
        if found.port() != 0 && self.taken.contains(&found) {
            let mistake = Mistake::error("this address is listened on already").at(text.place);
            self.mistakes
                .push(mistake.help("give each an address or a port of its own"));
        }
        self.taken.push(found);
        Some(found)
    }
}

fn address(text: &Spanned<&str>, mistakes: &Mistakes) -> Option<SocketAddr> {
    let found = text.value.parse().ok();
    if found.is_none() {
        let mistake = Mistake::error("this is no address to listen on").at(text.place);
        mistakes.push(mistake.help(
            "write an IP address and a port: \"[::]:80\" for every address, \"127.0.0.1:8080\" for this machine alone",
        ));
    }
    found
}

pub(super) struct Visitors {
    pub(super) real_ip: RealIp,
    pub(super) bots: BotRule,
}

pub(super) fn visitor(table: Option<TableReader<'_>>, mistakes: &Mistakes) -> Visitors {
    let mut real_ip = RealIp {
        trusted: Networks::default(),
        header: RealIpHeader::XForwardedFor,
    };
    let mut bots = BotRule::Stop;
    if let Some(mut table) = table {
        let mut trusted = Vec::new();
        for text in table.strings("trusted_proxies").into_iter().flat_map(|list| list.value) {
            if let Ok(network) = networks::parse(text.value) {
                if network.prefix_len() == 0 {
                    let warning = Mistake::warning("everyone is trusted, so that every visitor can choose an address");
                    mistakes.push(warning.at(text.place).help("name your proxies' networks alone"));
                }
                trusted.push(network);
            } else {
                let mistake = Mistake::error("this is no network").at(text.place);
                mistakes
                    .push(mistake.help("write an address, or a network such as \"10.0.0.0/8\" or \"2001:db8::/32\""));
            }
        }
        real_ip.trusted = Networks::new(trusted);
        if let Some(text) = table.string("real_ip_header")
            && let Some(header) = real_ip_header(&text, mistakes)
        {
            real_ip.header = header;
            if real_ip.trusted.is_empty() {
                let warning = Mistake::warning("no proxy is trusted, so that this header is never read").at(text.place);
                mistakes.push(warning.help("name your proxies' networks in trusted_proxies"));
            }
        }
        if let Some(choice) = table.choice("bots", &BOTS) {
            bots = choice.value;
        }
        table.finish(&[]);
    }
    Visitors { real_ip, bots }
}

/// Whether trusted proxies begin with a PROXY header, which there must be some for.
pub(super) fn proxy_protocol(said: Option<Spanned<bool>>, visitors: &Visitors, mistakes: &Mistakes) -> bool {
    let Some(on) = said.filter(|on| on.value) else {
        return false;
    };
    if visitors.real_ip.trusted.is_empty() {
        let mistake = Mistake::error("no proxy is trusted, so that nobody may send a PROXY header").at(on.place);
        mistakes.push(mistake.help("name your proxies' networks in visitor.trusted_proxies"));
    }
    true
}

fn real_ip_header(text: &Spanned<&str>, mistakes: &Mistakes) -> Option<RealIpHeader> {
    match text.value.to_ascii_lowercase().as_str() {
        X_FORWARDED_FOR => Some(RealIpHeader::XForwardedFor),
        FORWARDED => Some(RealIpHeader::Forwarded),
        name => {
            let name = HeaderName::try_from(name).ok();
            if name.is_none() {
                let mistake = Mistake::error("this is no name of a header").at(text.place);
                mistakes.push(mistake.help(
                    "write \"x-forwarded-for\", \"forwarded\", or a header with one address such as \"cf-connecting-ip\"",
                ));
            }
            let slip = |known: &&&str| {
                let distance = strsim::damerau_levenshtein(known, &text.value.to_ascii_lowercase());
                (1..=3).contains(&distance)
            };
            if let Some(known) = REAL_IP_HEADERS.iter().find(slip) {
                let warning = Mistake::warning("this is no header that proxies write").at(text.place);
                mistakes.push(warning.help(format!("did you mean {}?", quoted(known))));
            }
            name.map(RealIpHeader::Single)
        }
    }
}

pub(super) fn click(table: Option<TableReader<'_>>) -> click::Settings {
    let mut settings = click::Settings {
        care: click::Care {
            deadline: DEADLINE,
            hedge_after: HedgeAfter::Auto,
        },
        cache_entries: usize::try_from(CACHE_ENTRIES).unwrap_or(usize::MAX),
        ttl: TTL,
        ttl_when_exists: TTL_WHEN_EXISTS,
        offer_ttl: OFFER_TTL,
    };
    let Some(mut table) = table else { return settings };
    if let Some(deadline) = table.duration("deadline", Zero::Refused) {
        settings.care.deadline = deadline.value;
    }
    if let Some(entries) = table.integer_in("cache_entries", CACHE_SIZES) {
        settings.cache_entries = usize::try_from(entries.value).unwrap_or(usize::MAX);
    }
    if let Some(ttl) = table.duration("ttl", Zero::Allowed) {
        settings.ttl = ttl.value;
        if ttl.value > TTL {
            let warning =
                Mistake::warning("the tracker lets go of a click after 300 s: it may not know those kept longer");
            let help = "leave it at \"300s\", unless your network has told you of another time";
            table.mistakes().push(warning.at(ttl.place).help(help));
        }
    }
    if let Some(ttl) = table.duration("ttl_when_exists", Zero::Allowed) {
        settings.ttl_when_exists = ttl.value;
    }
    if let Some(hedge_after) = hedge_after(&mut table, settings.care.deadline) {
        settings.care.hedge_after = hedge_after;
    }
    if let Some(ttl) = table.duration("offer_ttl", Zero::Allowed) {
        settings.offer_ttl = ttl.value;
    }
    table.finish(&[]);
    settings
}

/// Whether each link's hits are counted.
pub(super) fn per_link(table: Option<TableReader<'_>>) -> bool {
    let Some(mut table) = table else { return false };
    let per_link = table.bool("per_link");
    table.finish(&[]);
    per_link.is_some_and(|on| on.value)
}

/// A word, or a duration within the deadline.
fn hedge_after(table: &mut TableReader<'_>, deadline: Duration) -> Option<HedgeAfter> {
    let node = table.raw("hedge_after")?;
    if let Value::String(text) = &node.value {
        if let Some((_, word)) = HEDGE_WORDS.iter().find(|(word, _)| word == text) {
            return Some(*word);
        }
        if text.trim_start().starts_with(|c: char| !c.is_ascii_digit()) {
            let mistake = Mistake::error(format!("hedge_after has no word {}", quoted(text))).at(node.place);
            let help = "write \"auto\", \"off\", or a duration such as \"150ms\"";
            table.mistakes().push(mistake.help(help));
            return None;
        }
    }
    let after = table.duration("hedge_after", Zero::Refused)?;
    if after.value >= deadline {
        let warning = Mistake::warning("no second request ever goes out: the deadline comes first").at(after.place);
        let help = "make it shorter than click.deadline, or write \"off\" if that is meant";
        table.mistakes().push(warning.help(help));
    }
    Some(HedgeAfter::Fixed(after.value))
}

pub(super) fn unmatched(table: Option<TableReader<'_>>, named: Named, loops: &Loops, mistakes: &Mistakes) -> Unmatched {
    let nothing = Unmatched::Status(DEFAULT_STATUS);
    let Some(mut table) = table else { return nothing };
    let status = table.integer_in("status", STATUSES);
    let redirect = table.string("redirect");
    table.finish(&[]);
    match (status, redirect) {
        (Some(status), Some(redirect)) => {
            let mistake = Mistake::error("a hit without a link gets a status or a redirect, not both");
            let mistake = mistake.at(redirect.place).second(status.place, "the status");
            mistakes.push(mistake.help("leave one of the two out"));
            nothing
        }
        (_, Some(text)) => match urls::fallback(&text, Use::Visitor, named, mistakes) {
            Some(url) => {
                loops.unmatched_leads_to(url.site(), text.place);
                Unmatched::Redirect(url)
            }
            None => nothing,
        },
        (Some(status), None) => u16::try_from(status.value)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .map_or(nothing, Unmatched::Status),
        (None, None) => nothing,
    }
}

/// What links have that do not say otherwise.
#[derive(Default)]
pub(super) struct Defaults {
    pub(super) trafficback: Option<Fallback>,
    /// The number of a tracker.
    pub(super) tracker: Option<usize>,
}

impl Defaults {
    pub(super) fn read(
        table: Option<TableReader<'_>>,
        trackers: &Trackers,
        named: Named,
        loops: &Loops,
        mistakes: &Mistakes,
    ) -> Self {
        let only = trackers.only();
        let Some(mut table) = table else {
            return Self {
                trafficback: None,
                tracker: only,
            };
        };
        let trafficback = table.string("trafficback_url").map(|text| {
            match urls::fallback(&text, Use::Trafficback, named, mistakes) {
                Some(url) => {
                    loops.leads_to(url.site(), text.place);
                    Fallback::Good(Arc::new(url))
                }
                None => Fallback::Bad,
            }
        });
        let tracker = table.string("tracker");
        table.finish(&[]);
        Self {
            trafficback,
            tracker: match tracker {
                Some(name) => trackers.find(&name, mistakes),
                None => only,
            },
        }
    }
}
