//! `when` and `unless`: their keys and values.

use jiff::tz::TimeZone;

use super::{
    Mistake, Mistakes, Node, Spanned, TableReader, Value,
    geoip::Named,
    quoted,
    values::{self, suggestion},
};
use crate::{
    country::{Continent, Country},
    device::{Browser, Device, Os},
    language,
    link::{
        Condition,
        place::HostPattern,
        targeting::{Rule, ValuePattern},
        window::{self, Clock, Window},
    },
    networks::{self, Networks},
};

/// Reads a `when` or `unless` table. `None` where a mistake was told of.
pub(super) fn rules(mut table: TableReader<'_>, unless: bool, named: Named) -> Option<Vec<Rule>> {
    let mistakes = table.mistakes();
    let mut reader = Reader {
        mistakes,
        named,
        conditions: Vec::new(),
    };
    let before = mistakes.errors();
    if table.entries().is_empty() {
        let nothing = Mistake::warning("there is no rule in it, so that it changes nothing").at(table.place());
        mistakes.push(nothing.help("write one, such as { country = [\"DE\"] }, or leave the key out"));
    }
    reader.read(&mut table);
    let of_window = ["days", "from", "to", "zone"];
    table.finish(&[(
        &of_window,
        "is of a window: write it into `time = { … }`",
        "move it to the window",
    )]);
    let rule = |condition| Rule { unless, condition };
    (mistakes.errors() == before).then(|| reader.conditions.into_iter().map(rule).collect())
}

struct Reader<'a> {
    mistakes: &'a Mistakes,
    named: Named,
    conditions: Vec<Condition>,
}

impl Reader<'_> {
    fn read(&mut self, table: &mut TableReader<'_>) {
        let (mistakes, named) = (self.mistakes, self.named);
        if let Some(node) = table.raw("country") {
            named.need_country(node.place, "`country` needs a database", mistakes);
            self.words(node, Country::parse, Condition::Country, country_help);
        }
        if let Some(node) = table.raw("continent") {
            named.need_country(node.place, "`continent` needs a database", mistakes);
            self.words(node, Continent::parse, Condition::Continent, |_| continent_help());
        }
        if let Some(node) = table.raw("asn") {
            named.need_asn(node.place, "`asn` needs a database", mistakes);
            self.asn(node);
        }
        if let Some(list) = table.strings("ip") {
            self.ip(&list);
        }
        if let Some(node) = table.raw("device") {
            self.words(node, Device::parse, Condition::Device, |text| {
                known(text, Device::ALL, Device::as_str, "devices")
            });
        }
        if let Some(node) = table.raw("os") {
            self.words(node, Os::parse, Condition::Os, |text| {
                known(text, Os::ALL, Os::as_str, "systems")
            });
        }
        if let Some(node) = table.raw("browser") {
            self.words(node, Browser::parse, Condition::Browser, |text| {
                known(text, Browser::ALL, Browser::as_str, "browsers")
            });
        }
        if let Some(node) = table.raw("language") {
            // ISO 639 has no longer ones, and words such as "german" would fit nobody.
            let is_code = |text: &str| {
                let code = text.split('-').next().unwrap_or_default();
                matches!(code.len(), 2 | 3) && code.bytes().all(|byte| byte.is_ascii_alphabetic())
            };
            let tag = |text: &str| (language::is_tag(text) && is_code(text)).then(|| text.into());
            self.words(node, tag, Condition::Language, |_| {
                "write a language such as \"de\", which takes \"de-AT\" too, or a variety such as \"pt-BR\"".to_owned()
            });
        }
        if let Some(list) = table.strings("referrer") {
            self.referrer(&list);
        }
        if let Some(query) = table.table("query") {
            self.query(&query);
        }
        if let Some(node) = table.raw("time") {
            self.time(node);
        }
    }

    /// A list of words, each of which stands for something.
    fn words<T>(
        &mut self,
        node: &Node,
        parse: impl Fn(&str) -> Option<T>,
        condition: impl Fn(Box<[T]>) -> Condition,
        help: impl Fn(&str) -> String,
    ) {
        let Some(list) = values::strings(node, self.mistakes) else {
            return;
        };
        let mut found = Vec::new();
        for text in self.not_empty(list) {
            if let Some(word) = parse(text.value) {
                found.push(word);
            } else {
                let mistake = Mistake::error(format!("{} is not known here", quoted(text.value))).at(text.place);
                let help = if text.value.contains(',') {
                    "write a list: [\"…\", \"…\"]".to_owned()
                } else {
                    help(text.value)
                };
                self.mistakes.push(mistake.help(help));
            }
        }
        self.conditions.push(condition(found.into()));
    }

    /// The list's items; none are a mistake, since they fit nobody.
    fn not_empty<T>(&self, list: Spanned<Vec<T>>) -> Vec<T> {
        if list.value.is_empty() {
            let mistake = Mistake::error("an empty list fits nobody").at(list.place);
            self.mistakes.push(mistake.help("name a value, or leave the key out"));
        }
        list.value
    }

    /// Numbers, alone or in a list, with or without `AS`.
    fn asn(&mut self, node: &Node) {
        let mut found: Vec<u32> = Vec::new();
        for item in self.not_empty(one_or_more(node)) {
            let number = match &item.value {
                Value::Integer(number) => u32::try_from(*number).ok(),
                Value::String(text) => {
                    let front = text.get(..2).filter(|front| front.eq_ignore_ascii_case("as"));
                    let digits = &text[front.map_or(0, str::len)..];
                    // A sign would be taken for a part of the number.
                    digits
                        .parse()
                        .ok()
                        .filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
                }
                _ => None,
            };
            if let Some(number) = number {
                found.push(number);
            } else {
                let mistake = Mistake::error("this is no number of an autonomous system").at(item.place);
                self.mistakes.push(mistake.help("write it like 64496, or \"AS64496\""));
            }
        }
        self.conditions.push(Condition::Asn(found.into()));
    }

    fn ip(&mut self, list: &Spanned<Vec<Spanned<&str>>>) {
        let mut found = Vec::new();
        let written: Vec<&str> = list.value.iter().map(|text| text.value).collect();
        for text in self.not_empty(list.clone()) {
            if let Ok(network) = networks::parse(text.value) {
                found.push(network);
            } else {
                let mistake = Mistake::error("this is no network").at(text.place);
                self.mistakes
                    .push(mistake.help("write an address, or a network such as \"192.0.2.0/24\" or \"2001:db8::/32\""));
            }
        }
        let condition = Condition::Ip(Networks::new(found), written.join(" or ").into());
        self.conditions.push(condition);
    }

    fn referrer(&mut self, list: &Spanned<Vec<Spanned<&str>>>) {
        let mut found = Vec::new();
        for text in self.not_empty(list.clone()) {
            let help = if text.value.contains("://") || text.value.contains('/') {
                "write its host alone, such as \"example.com\" or \"*.example.com\""
            } else {
                "write a host, \"*.example.com\" for its subdomains, or \"*\" for any referrer"
            };
            match HostPattern::parse(text.value) {
                Ok(host) if !text.value.is_empty() => found.push(host),
                _ => {
                    let mistake = Mistake::error("this is no host").at(text.place);
                    self.mistakes.push(mistake.help(help));
                }
            }
        }
        self.conditions.push(Condition::Referrer(found.into()));
    }

    /// Each name is a condition of its own.
    fn query(&mut self, table: &TableReader<'_>) {
        if table.entries().is_empty() {
            let mistake = Mistake::error("there is no parameter in it").at(table.place());
            self.mistakes
                .push(mistake.help("write { debug = [\"1\"] }, or { debug = \"*\" } for any value"));
        }
        for (name, node) in table.entries() {
            let Some(list) = values::strings(node, self.mistakes) else {
                continue;
            };
            let values = self.not_empty(list);
            let patterns = values.iter().map(|text| ValuePattern::new(text.value)).collect();
            self.conditions
                .push(Condition::Query(name.name.as_str().into(), patterns));
        }
    }

    /// A window, or a list of them.
    fn time(&mut self, node: &Node) {
        let windows = self.not_empty(one_or_more(node)).into_iter().filter_map(|item| {
            let table = TableReader::new(item, self.mistakes)?;
            self.window(table)
        });
        let windows = windows.collect();
        self.conditions.push(Condition::Time(windows));
    }

    fn window(&self, mut table: TableReader<'_>) -> Option<Window> {
        let place = table.place();
        let days = match table.strings("days") {
            Some(list) => self.days(list),
            None => Some([true; 7]),
        };
        let from = table.string("from").map(|text| self.clock(&text));
        let to = table.string("to").map(|text| self.clock(&text));
        let zone = match table.string("zone") {
            Some(text) => self.zone(&text),
            None => Some(TimeZone::UTC),
        };
        let is_empty = table.entries().iter().all(|(key, _)| key.name == "zone");
        table.finish(&[]);
        if is_empty {
            let mistake = Mistake::error("this window says nothing").at(place);
            let help =
                "write { days = [\"mon\", \"fri\"], from = \"09:00\", to = \"18:00\", zone = \"Europe/Berlin\" }";
            self.mistakes.push(mistake.help(help));
            return None;
        }
        let (from, to) = (from.unwrap_or(Some(Clock::BEGIN))?, to.unwrap_or(Some(Clock::END))?);
        if from == to || from == Clock::END || to == Clock::BEGIN {
            let mistake = Mistake::error("this window has no length, or a doubtful one").at(place);
            self.mistakes.push(
                mistake.help("`to` is the first moment outside; leave both out for whole days, or end at \"24:00\""),
            );
            return None;
        }
        Some(Window {
            days: days?,
            from,
            to,
            zone: zone?,
        })
    }

    fn days(&self, list: Spanned<Vec<Spanned<&str>>>) -> Option<[bool; 7]> {
        let mut days = [false; 7];
        let mut all_known = true;
        for text in self.not_empty(list) {
            if let Some(day) = window::day(text.value) {
                days[day] = true;
            } else {
                let mistake = Mistake::error(format!("{} is no day", quoted(text.value))).at(text.place);
                self.mistakes
                    .push(mistake.help(suggestion(text.value, &window::DAYS, "days")));
                all_known = false;
            }
        }
        (all_known && days != [false; 7]).then_some(days)
    }

    fn clock(&self, text: &Spanned<&str>) -> Option<Clock> {
        let clock = Clock::parse(text.value);
        if clock.is_none() {
            let mistake = Mistake::error("this is no time of the day").at(text.place);
            self.mistakes
                .push(mistake.help("write it like \"09:00\" or \"17:30\", up to \"24:00\""));
        }
        clock
    }

    fn zone(&self, text: &Spanned<&str>) -> Option<TimeZone> {
        let zone = TimeZone::get(text.value).ok();
        if zone.is_none() {
            let mistake = Mistake::error(format!("there is no time zone {}", quoted(text.value))).at(text.place);
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let slip =
                |name: &&&str| strsim::damerau_levenshtein(&text.value.to_lowercase(), &name.to_lowercase()) <= 2;
            let is_offset = text.value.contains(['+', '-']) || text.value.ends_with(|c: char| c.is_ascii_digit());
            let near = names.iter().find(slip).filter(|_| !is_offset).copied().or_else(|| {
                names
                    .iter()
                    .copied()
                    .find(|name| name.rsplit('/').next() == Some(text.value))
            });
            let help = near.map_or_else(
                || "write a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\"".to_owned(),
                |near| format!("did you mean {}?", quoted(near)),
            );
            self.mistakes.push(mistake.help(help));
        }
        zone
    }
}

/// An array's items, or the value alone.
fn one_or_more(node: &Node) -> Spanned<Vec<&Node>> {
    let items = match &node.value {
        Value::Array(items) => items,
        _ => std::slice::from_ref(node),
    };
    Spanned {
        value: items.iter().collect(),
        place: node.place,
    }
}

/// What people call devices and systems beside the words here.
const CALLED: [(&str, &str); 12] = [
    ("mobile", "phones and tablets are [\"phone\", \"tablet\"]"),
    ("smartphone", "write \"phone\""),
    ("pc", "write \"desktop\""),
    ("computer", "write \"desktop\""),
    ("laptop", "write \"desktop\""),
    ("iphone", "write \"ios\""),
    ("ipad", "write \"ios\", or device \"tablet\""),
    ("ipados", "write \"ios\""),
    ("mac", "write \"macos\""),
    ("osx", "write \"macos\""),
    ("mac os", "write \"macos\""),
    ("win", "write \"windows\""),
];

fn known<T: Copy>(text: &str, all: &[T], word: impl Fn(T) -> &'static str, what: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if let Some((_, help)) = CALLED.iter().find(|(called, _)| *called == lower) {
        return (*help).to_owned();
    }
    let words: Vec<&str> = all.iter().map(|&one| word(one)).collect();
    suggestion(text, &words, what)
}

fn country_help(text: &str) -> String {
    match text.to_ascii_uppercase().as_str() {
        "UK" => "the United Kingdom is \"GB\"".to_owned(),
        "EU" => "Europe is a continent: { continent = [\"EU\"] }".to_owned(),
        _ => "write the two letters of ISO 3166, such as \"DE\" or \"AT\"".to_owned(),
    }
}

fn continent_help() -> String {
    let all: Vec<String> = Continent::ALL
        .iter()
        .map(|one| format!("`{}` ({})", one.as_str(), one.name()))
        .collect();
    format!("continents: {}", all.join(", "))
}
