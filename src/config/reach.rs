//! Offers that no visitor reaches, by their rules or by those before them. Not all is told, and by the continents of countries
//! as most databases have them.

use super::{Mistake, Mistakes, offers::ReadOffer};
use crate::{
    device::Device,
    edge::BotRule,
    link::{Condition, Rules},
};

pub(super) fn warn_of_unreachable(offers: &[ReadOffer], weighted: bool, bots: BotRule, mistakes: &Mistakes) {
    for (number, read) in offers.iter().enumerate() {
        if let Some(why) = never_fits(&read.offer.rules, bots) {
            let warning = Mistake::warning("no visitor can reach this offer").at(read.place);
            mistakes.push(warning.help(why));
        }
        // A weighted order puts either first.
        if weighted {
            continue;
        }
        let same = |before: &&ReadOffer| {
            let (before, after) = (&before.offer, &read.offer);
            before.label.tracker == after.label.tracker
                && before.label.ids == after.label.ids
                && takes_all_of(&before.rules, &after.rules)
        };
        if let Some(before) = offers[..number].iter().find(same) {
            let warning = Mistake::warning("this offer is never reached: one before it asks the tracker for the same");
            mistakes.push(
                warning
                    .at(read.place)
                    .second(
                        before.place,
                        "every visitor of the later one comes by here, and the tracker's answer is the same",
                    )
                    .help("give the first a `when`, or the link order = \"weighted\" to share visitors between both"),
            );
        }
    }
}

/// Whether whoever fits `after` fits `before`.
fn takes_all_of(before: &Rules, after: &Rules) -> bool {
    let has = |rule: &crate::link::targeting::Rule| {
        after
            .all()
            .iter()
            .any(|other| other.unless == rule.unless && other.condition == rule.condition)
    };
    before.all().iter().all(has)
}

/// Why rules fit nobody.
fn never_fits(rules: &Rules, bots: BotRule) -> Option<String> {
    let when = || {
        rules
            .all()
            .iter()
            .filter(|rule| !rule.unless)
            .map(|rule| &rule.condition)
    };
    let unless = || {
        rules
            .all()
            .iter()
            .filter(|rule| rule.unless)
            .map(|rule| &rule.condition)
    };
    let is_stopped_bot = |wanted: &Condition| {
        bots == BotRule::Stop && matches!(wanted, Condition::Device(all) if all.iter().all(|one| *one == Device::Bot))
    };
    if when().any(is_stopped_bot) {
        return Some("declared bots get no click unless [visitor] bots = \"click\"".to_owned());
    }
    for wanted in when() {
        if let Some(other) = when().find(|other| exclude_each_other(wanted, other)) {
            return Some(format!("`when` asks for {wanted} and {other}, which nobody meets"));
        }
        if let Some(other) = unless().find(|other| covers(other, wanted)) {
            return Some(format!("`unless` excludes {other}, which is all that `when` takes"));
        }
    }
    None
}

/// Whether whoever meets `part` meets `whole`.
fn covers(whole: &Condition, part: &Condition) -> bool {
    fn within<T: PartialEq>(part: &[T], whole: &[T]) -> bool {
        part.iter().all(|one| whole.contains(one))
    }
    match (whole, part) {
        (Condition::Country(whole), Condition::Country(part)) => within(part, whole),
        (Condition::Continent(whole), Condition::Continent(part)) => within(part, whole),
        (Condition::Asn(whole), Condition::Asn(part)) => within(part, whole),
        (Condition::Device(whole), Condition::Device(part)) => within(part, whole),
        (Condition::Os(whole), Condition::Os(part)) => within(part, whole),
        (Condition::Browser(whole), Condition::Browser(part)) => within(part, whole),
        (Condition::Continent(whole), Condition::Country(part)) => {
            part.iter().all(|country| whole.contains(&country.continent()))
        }
        _ => whole == part,
    }
}

/// Whether nobody meets both, as far as continents tell.
fn exclude_each_other(a: &Condition, b: &Condition) -> bool {
    match (a, b) {
        (Condition::Country(countries), Condition::Continent(continents)) => countries
            .iter()
            .all(|country| !continents.contains(&country.continent())),
        _ => false,
    }
}
