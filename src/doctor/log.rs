//! What a click log tells at once: proxies that are taken for visitors, macros that were not filled in, one visitor who makes
//! most hits, links that send visitors back, failures of trackers.
//!
//! Takes no more memory for more hits. Hits without a link are of no visitor's that counts: scans of the whole internet's.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use super::{
    Check, Finding, Mark, count,
    heavy::{Heavy, Top},
    links::{OfLink, Reasons, is_refusal, wants_click},
    macros,
    proxies::{Owner, Ranges},
};
use crate::{
    history::Whole,
    outcome::{Kind, Reason},
    visitor::{AsnDatabase, RealIp},
};

/// With fewer hits shares say nothing.
pub(super) const ENOUGH: u64 = 20;
/// More links, macros or trackers are not counted apart.
const MAX_ROWS: usize = 10_000;
/// Links, macros and trackers that are shown each by itself.
const SHOWN: usize = 5;
/// An example is shown up to here.
const MAX_EXAMPLE: usize = 80;
/// A click that stands for so many hits is no visitor's.
const MANY_REPEATS: u64 = 100;

/// What is known beside the log.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// How visitors' addresses are decided now.
    pub real_ip: Option<RealIp>,
    /// Whose addresses are.
    pub asn: Option<Arc<AsnDatabase>>,
}

/// Hits of click logs, as far as they have been read.
#[derive(Debug, Default)]
pub struct Log {
    known: Known,
    ranges: Ranges,
    lines: u64,
    first: Box<str>,
    last: Box<str>,
    /// Hits on links.
    hits: u64,
    /// … with an address.
    addressed: u64,
    owned: [u64; Owner::PROXIES.len()],
    addresses: Heavy,
    /// Addresses with their User-Agents, behind a space.
    visitors: Heavy,
    clicks: Heavy,
    nowhere: Heavy,
    unmatched: u64,
    links: HashMap<Box<str>, OfLink>,
    /// By link, field and macro.
    macros: HashMap<[Box<str>; 3], Unfilled>,
    trackers: HashMap<Box<str>, OfTracker>,
    /// Hits on links without a User-Agent.
    nameless: u64,
}

/// Hits that a tracker was asked for, rather than the memory of its answers.
#[derive(Debug, Default)]
struct OfTracker {
    hits: u64,
    /// Why it failed, but for refusals of offers.
    failed: Reasons,
}

#[derive(Debug)]
struct Unfilled {
    hits: u64,
    example: Box<str>,
}

impl Log {
    /// Of nothing yet.
    pub fn new(known: Known) -> Self {
        Self {
            known,
            ..Self::default()
        }
    }

    /// Takes a hit; `false` when its outcome is none.
    #[must_use]
    pub fn add(&mut self, visit: &Whole<'_>) -> bool {
        let Some(kind) = Kind::parse(&visit.outcome) else {
            return false;
        };
        if self.lines == 0 || *visit.time < *self.first {
            self.first = (*visit.time).into();
        }
        if *visit.time > *self.last {
            self.last = (*visit.time).into();
        }
        self.lines += 1;
        if kind == Kind::Unmatched {
            self.unmatched += 1;
            let at = [&visit.host, &visit.path].map(|part| part.as_deref().unwrap_or_default());
            self.nowhere.add(&cut(&at.concat()), "");
        }
        if matches!(kind, Kind::Unmatched | Kind::Refused) {
            return true;
        }
        self.hits += 1;
        let reason = visit.reason.as_deref().and_then(Reason::parse);
        self.nameless += u64::from(reason == Some(Reason::NoUserAgent));
        let link = visit.link.as_deref().unwrap_or("(none)");
        count_row(&mut self.links, link, |row: &mut OfLink| row.count(kind, reason));
        self.count_tracker(visit, kind, reason);
        if let Some(ip) = visit.ip.as_deref() {
            self.count_visitor(ip, visit.user_agent.text().unwrap_or_default());
        }
        if let Some(click) = visit.click_id.as_deref() {
            self.clicks.add(click, "");
        }
        for (field, value) in visit.tags() {
            if let Some(unfilled) = macros::unfilled(value) {
                self.count_macro([link, field, unfilled].map(Into::into), value);
            }
        }
        true
    }

    fn count_tracker(&mut self, visit: &Whole<'_>, kind: Kind, reason: Option<Reason>) {
        let failure = reason.filter(|reason| reason.is_failure());
        // A hit that joined the call of another made none itself, nor does one that a tracker in trouble is spared.
        let was_asked = visit.attempts != Some(0) || visit.cache.as_deref() == Some("joined") || failure.is_some();
        let Some(tracker) = visit
            .tracker
            .as_deref()
            .filter(|_| was_asked && wants_click(kind, reason))
        else {
            return;
        };
        count_row(&mut self.trackers, tracker, |row| {
            row.hits += 1;
            if let Some(failure) = failure.filter(|failure| !is_refusal(*failure)) {
                row.failed[failure as usize] += 1;
            }
        });
    }

    fn count_visitor(&mut self, ip: &str, user_agent: &str) {
        self.addressed += 1;
        self.addresses.add(ip, user_agent);
        self.visitors.add(&format!("{ip} {}", cut(user_agent)), "");
        if let Ok(address) = ip.parse::<IpAddr>() {
            let asn = self.known.asn.as_deref();
            let owner = self.ranges.owner(address, || asn?.asn(address.to_canonical()));
            if let Some(owned) = self.owned.get_mut(owner as usize) {
                *owned += 1;
            }
        }
    }

    fn count_macro(&mut self, key: [Box<str>; 3], value: &str) {
        if let Some(known) = self.macros.get_mut(&key) {
            known.hits += 1;
        } else if self.macros.len() < MAX_ROWS {
            let example = cut(value).into();
            self.macros.insert(key, Unfilled { hits: 1, example });
        }
    }

    /// What they tell. `unfit` lines could not be read.
    pub fn findings(&self, unfit: u64) -> Vec<Finding> {
        let mut found = vec![self.lines_finding(unfit)];
        if self.hits == 0 {
            return found;
        }
        let proxy = self.proxy();
        if proxy.is_none() && self.addressed >= ENOUGH {
            found.push(self.told(
                Mark::Ok,
                Check::LogProxies,
                "visitors' addresses are not those of one proxy or CDN",
            ));
            found.push(self.one_visitor());
        }
        found.extend(proxy);
        found.extend(self.unfilled());
        found.extend(self.one_click());
        found.extend(self.bad_links());
        found.extend(self.failures());
        found.extend(self.no_user_agents());
        found.extend(self.where_no_link_is());
        found
    }

    #[expect(clippy::unused_self, reason = "reads as those that are about one thing")]
    fn told(&self, mark: Mark, check: Check, found: impl Into<String>) -> Finding {
        Finding::new(mark, check, "", found)
    }

    fn lines_finding(&self, unfit: u64) -> Finding {
        let told = |mark, found: String| self.told(mark, Check::LogLines, found);
        if self.lines == 0 {
            return told(Mark::Unknown, "there are no hits in it yet".to_owned());
        }
        let found = format!("{} from {} to {}", count(self.lines, "hit"), self.first, self.last);
        if unfit == 0 {
            return told(Mark::Ok, found);
        }
        told(Mark::Warn, format!("{found}; {} could not be read", count(unfit, "line"))).mend(
            "one at the end of a run is of an edge that was killed; more than that are of another program that writes there. Lines \
             that were never written are counted by the metric onehop_click_log_dropped_total",
        )
    }

    /// Whether most visitors have addresses of a proxy's.
    fn proxy(&self) -> Option<Finding> {
        let (owner, hits) = Owner::PROXIES
            .into_iter()
            .zip(self.owned)
            .max_by_key(|(_, hits)| *hits)
            .filter(|(_, hits)| self.addressed >= ENOUGH && *hits * 2 > self.addressed)?;
        let top = self.addresses.top(100);
        let is_of_owner = |ip: &str| {
            let address = ip.parse::<IpAddr>().ok();
            let asn = self.known.asn.as_deref();
            address.is_some_and(|address| self.ranges.owner(address, || asn?.asn(address.to_canonical())) == owner)
        };
        let seen: Vec<&str> = top.iter().map(|top| top.word).filter(|ip| is_of_owner(ip)).collect();
        let first = seen.first().copied().unwrap_or_default();
        let found = format!(
            "{} of the visitors' addresses are {}, such as {first}: a proxy or CDN is taken for the visitor, and trackers see it \
             instead of them",
            percent(hits, self.addressed),
            owner.shown(),
        );
        let trusted = self.known.real_ip.as_ref().filter(|real_ip| {
            let is_trusted = |ip: &&str| {
                ip.parse()
                    .is_ok_and(|ip: IpAddr| real_ip.trusted.contain(ip.to_canonical()))
            };
            seen.first().is_some_and(is_trusted)
        });
        Some(match trusted {
            Some(real_ip) => self.told(Mark::Fail, Check::LogProxies, found).mend(format!(
                "{first} is in trusted_proxies already: then it does not write {}, or these hits are older than the configuration. See \
                 which header it writes, and name that in real_ip_header",
                real_ip.header.name()
            )),
            None => self.told(Mark::Fail, Check::LogProxies, found).mend(owner.mend(&seen)),
        })
    }

    /// Whether one address, or one visitor, makes a fifth of the hits and more.
    fn one_visitor(&self) -> Finding {
        let is_much = |top: &Top<'_>| top.count * 5 >= self.addressed && self.addressed >= ENOUGH * 5;
        if let Some(top) = self
            .addresses
            .top(1)
            .into_iter()
            .find(|top| is_much(top) && top.has_many())
        {
            let found = format!(
                "{} of {} hits are of one address, {}, with many User-Agents",
                percent(top.count, self.addressed),
                self.addressed,
                top.word
            );
            return self.told(Mark::Warn, Check::LogVisitors, found).mend(format!(
                "if it is a proxy of yours:\n[visitor]\ntrusted_proxies = [{:?}]\nreal_ip_header = \"x-forwarded-for\"\nelse it is many \
                 visitors of one network (NAT), or a bot that changes its name",
                top.word
            ));
        }
        if let Some(top) = self.visitors.top(1).into_iter().find(is_much) {
            let (ip, user_agent) = top.word.split_once(' ').unwrap_or((top.word, ""));
            let found = format!(
                "{} of {} hits are of one visitor, {ip} with the User-Agent \"{user_agent}\"",
                percent(top.count, self.addressed),
                self.addressed,
            );
            return self.told(Mark::Warn, Check::LogVisitors, found).mend(
                "a monitor, a test or a bot: have it ask by HEAD or declare itself, or leave it out by \
                 unless = { ip = [\"…\"] } on the link's offers",
            );
        }
        self.told(
            Mark::Ok,
            Check::LogVisitors,
            "no visitor makes an undue share of the hits",
        )
    }

    fn one_click(&self) -> Option<Finding> {
        let top = self.clicks.top(1).into_iter().find(|top| top.count >= MANY_REPEATS)?;
        let found = format!("one click id, {}, stands for {} hits", cut(top.word), top.count);
        Some(self.told(Mark::Warn, Check::LogClicks, found).mend(
            "it is one click to the network: the same visitor again and again, or many who look alike since their addresses are a \
             proxy's",
        ))
    }

    fn unfilled(&self) -> Vec<Finding> {
        let mut all: Vec<_> = self.macros.iter().collect();
        all.sort_by(|(key, one), (other_key, other)| other.hits.cmp(&one.hits).then_with(|| key.cmp(other_key)));
        let more = all.len().saturating_sub(SHOWN);
        let mut found: Vec<Finding> = all
            .into_iter()
            .take(SHOWN)
            .map(|([link, field, unfilled], Unfilled { hits, example })| {
                let of = self.links.get(link).map_or(*hits, |row| row.hits);
                let told = format!("{field} has {unfilled} in {hits} of {}, as in `{example}`", count(of, "hit"));
                Finding::new(Mark::Warn, Check::LogMacros, link.to_string(), told).mend(
                    "the ad platform did not fill it in: see how that platform writes this macro, and in which field of the ad it \
                     is filled in",
                )
            })
            .collect();
        if more > 0 {
            let told = format!("and {} that were not filled in", count(more as u64, "other macro"));
            found.push(self.told(Mark::Warn, Check::LogMacros, told));
        }
        if found.is_empty() {
            found.push(self.told(
                Mark::Ok,
                Check::LogMacros,
                "no macro of an ad platform was left unfilled",
            ));
        }
        found
    }

    /// Links whose offers are refused, or whose visitors often come to no advertiser.
    fn bad_links(&self) -> Vec<Finding> {
        let mut rows: Vec<_> = self.links.iter().filter(|(_, row)| row.asked > 0).collect();
        rows.sort_by(|(name, one), (other_name, other)| other.asked.cmp(&one.asked).then_with(|| name.cmp(other_name)));
        let mut found: Vec<Finding> = rows
            .iter()
            .flat_map(|(link, row)| [row.refused(link), row.sent_back(link)])
            .flatten()
            .collect();
        let more = found.len().saturating_sub(SHOWN * 2);
        if more > 0 {
            let worst = found.iter().skip(SHOWN * 2).map(|finding| finding.mark).max();
            found.truncate(SHOWN * 2);
            let told = format!("and {} about links", count(more as u64, "other finding"));
            found.push(self.told(worst.unwrap_or(Mark::Warn), Check::LogLinks, told));
        }
        if found.is_empty() {
            let looked_at = rows.iter().filter(|(_, row)| row.asked >= ENOUGH).count() as u64;
            let told = format!(
                "no offer was refused, and no link sent a third of its hits back (looked at: {} of {ENOUGH} hits or more)",
                count(looked_at, "link")
            );
            found.push(self.told(Mark::Ok, Check::LogLinks, told));
        }
        found
    }

    /// Trackers that failed, beside refusals of offers.
    fn failures(&self) -> Vec<Finding> {
        let all = |row: &OfTracker| row.failed.iter().sum::<u64>();
        let rows = self.trackers.iter().filter(|(_, row)| row.hits >= ENOUGH);
        let (mut bad, good): (Vec<_>, Vec<_>) = rows.partition(|(_, row)| all(row) * 100 >= row.hits);
        bad.sort_by(|(name, one), (other_name, other)| all(other).cmp(&all(one)).then_with(|| name.cmp(other_name)));
        if bad.is_empty() {
            let told = "no tracker failed at a hundredth of the hits that asked it";
            let told = || self.told(Mark::Ok, Check::LogFailures, told);
            return good.first().map(|_| told()).into_iter().collect();
        }
        let more = bad.len().saturating_sub(SHOWN);
        let mut found: Vec<Finding> = bad
            .into_iter()
            .take(SHOWN)
            .map(|(tracker, row)| {
                let each: Vec<String> = Reason::ALL
                    .into_iter()
                    .zip(row.failed)
                    .filter(|(_, hits)| *hits > 0)
                    .map(|(reason, hits)| format!("{hits} {}", reason.as_str()))
                    .collect();
                let told = format!(
                    "failed at {} of the {} that asked it: {}",
                    percent(all(row), row.hits),
                    count(row.hits, "hit"),
                    each.join(", ")
                );
                Finding::new(Mark::Warn, Check::LogFailures, tracker.to_string(), told).mend(
                    "timeout: compare click.deadline with the metric onehop_click_api_seconds; the others: ask the network. A \
                     tracking_url keeps such visitors",
                )
            })
            .collect();
        if more > 0 {
            let told = format!("and {} that failed so often", count(more as u64, "other tracker"));
            found.push(self.told(Mark::Warn, Check::LogFailures, told));
        }
        found
    }

    fn no_user_agents(&self) -> Option<Finding> {
        let without = self.nameless;
        if self.hits < ENOUGH || without * 20 < self.hits {
            return None;
        }
        let found = format!(
            "{} of the hits on links have no User-Agent",
            percent(without, self.hits)
        );
        Some(self.told(Mark::Warn, Check::LogUserAgents, found).mend(
            "browsers always send one: they are programs, or a proxy in front takes it away (see its configuration)",
        ))
    }

    fn where_no_link_is(&self) -> Option<Finding> {
        if self.unmatched < ENOUGH || self.unmatched * 20 < self.lines {
            return None;
        }
        let top: Vec<String> = self
            .nowhere
            .top(3)
            .iter()
            .map(|top| format!("{} ({})", top.word, top.count))
            .collect();
        let found = format!(
            "{} of {} came to where no link is: {}",
            percent(self.unmatched, self.lines),
            count(self.lines, "hit"),
            top.join(", ")
        );
        Some(self.told(Mark::Warn, Check::LogUnmatched, found).mend(
            "if an ad leads there, add a [[link]] at that place; `onehop explain` tells what stands where. Scans of the whole \
             internet are nobody's loss",
        ))
    }
}

/// Changes the row of a name; names beyond a number share one.
fn count_row<Row: Default>(rows: &mut HashMap<Box<str>, Row>, name: &str, change: impl FnOnce(&mut Row)) {
    let is_full = rows.len() >= MAX_ROWS;
    match rows.get_mut(name) {
        Some(row) => change(row),
        None => change(rows.entry(if is_full { "(others)" } else { name }.into()).or_default()),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_EXAMPLE {
        return text.to_owned();
    }
    text.chars().take(MAX_EXAMPLE).chain(['…']).collect()
}

fn percent(part: u64, all: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(all.max(1));
    if tenths == 0 && part > 0 {
        return "less than 0.1 %".to_owned();
    }
    if tenths.is_multiple_of(10) {
        return format!("{} %", tenths / 10);
    }
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
