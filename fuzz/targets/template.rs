//! Templates with hostile values in them: the location is the template's, with each value at its place once, and no more.
//!
//! The lines of a seed: a template, and what macros stand for: a query, a path, a User-Agent, an `Accept-Language`, a click id,
//! any other text of the tracker's.

use std::{fmt::Write, time::SystemTime};

use http::{HeaderMap, HeaderValue, header::ACCEPT_LANGUAGE};
use onehop::{
    about::About,
    click_id::ClickId,
    country::{Continent, Country},
    device::Agent,
    hit_id::HitId,
    language::Languages,
    link::path,
    offer_ids::OfferIds,
    percent,
    query::Query,
    redirect::{
        FallbackUrl, Forward, SendValue, TrafficUrl, Values,
        macros::{ClickValues, Macro, Use},
    },
};
use url::Url;

use super::{lines, text};

/// What a macro's place is marked by, with its number between.
const MARK: &str = "zq";
const END: &str = "qz";
const IP: &str = "2001:db8::7";

pub fn check(bytes: &[u8]) {
    let [template, query, path, user_agent, language, click_id, other] = lines(bytes).map(text);
    let user_agent = user_agent.as_bytes();
    let mut headers = HeaderMap::new();
    if let Ok(language) = HeaderValue::from_str(language) {
        headers.insert(ACCEPT_LANGUAGE, language);
    }
    let path = path::canonical(path).filter(|path| path.starts_with('/'));
    let path = path.as_deref().unwrap_or("/");
    // A path ends with one slash at most where there were two.
    let rest = path.get(1..).unwrap_or_default();
    let values = Values {
        about: &Somebody(headers),
        ip: IP.parse().expect("an address"),
        user_agent,
        referrer: other.as_bytes(),
        host: "go.example.com",
        path,
        rest,
        query: Query::new(query),
        hit_id: HitId::new(SystemTime::UNIX_EPOCH),
        offer: Some(OfferIds {
            offer: 1,
            campaign: 2,
            promo: 3,
        }),
        reason: "overcap",
    };
    let plain = percent::decode_path(template.as_bytes());
    let plain = String::from_utf8_lossy(&plain);
    if plain.contains(MARK) || plain.contains(END) {
        return;
    }

    for usage in [Use::Tracking, Use::Trafficback, Use::Visitor] {
        if let Ok(url) = FallbackUrl::parse(template, usage) {
            let location = url.location(&values);
            let site = url.site();
            let expected = Expected::new(template, &values, None);
            expected.compare(location.as_str(), Vec::new());
            assert_eq!(Some(site.host), expected.url.host_str(), "{template:?}");
            assert_eq!(Some(site.port), expected.url.port_or_known_default(), "{template:?}");
            assert_eq!(site.secure, expected.url.scheme() == "https", "{template:?}");
        }
    }
    if let Ok(id) = ClickId::try_from(click_id) {
        traffic(template, &values, &id, other);
    }
    if let Ok(send) = SendValue::parse(template) {
        let mut out = Vec::new();
        send.write(&values, &mut out);
        assert!(
            out.iter().all(|&b| b.is_ascii_alphanumeric() || b"-._~%+".contains(&b)),
            "{template:?}"
        );
        let (marked, macros) = mark(template);
        let macros: Vec<Vec<u8>> = macros.iter().map(|what| value(what, &values, None)).collect();
        // Text stands for itself there, escapes or not.
        let mut encoded = Vec::new();
        percent::encode(marked.as_bytes(), &mut encoded);
        assert_eq!(*percent::decode_form(&out), filled(&encoded, &macros), "{template:?}");
    }
}

fn traffic(template: &str, values: &Values<'_>, id: &ClickId, other: &str) {
    let Ok(plain) = TrafficUrl::parse(template, Forward::Nothing) else {
        return;
    };
    let params: Vec<(Box<str>, Box<str>)> = plain.params().map(|name| (name.into(), other.into())).collect();
    let click = ClickValues {
        id,
        session_id: Some(other),
        params: &params,
    };
    let expected = Expected::new(template, values, Some(click));
    let location = plain.location(values, click);
    expected.compare(location.as_str(), Vec::new());
    let encoded = |text: &str| {
        let mut out = Vec::new();
        percent::encode(text.as_bytes(), &mut out);
        String::from_utf8(out).expect("ASCII")
    };
    assert!(location.as_str().contains(&encoded(id.as_str())), "{template:?}");

    let own = expected.own_names();
    let visitors: Vec<Pair> = pairs(values.query, |name| !own.iter().any(|own| own == name));
    let all = TrafficUrl::parse(template, Forward::All).expect("as before");
    expected.compare(all.location(values, click).as_str(), visitors);
    let visitors: Vec<Pair> = pairs(values.query, |name| {
        name == b"gclid" && !own.iter().any(|own| own == name)
    });
    let named = TrafficUrl::parse(template, Forward::Names([Box::from("gclid")].into())).expect("as before");
    expected.compare(named.location(values, click).as_str(), visitors);
}

#[derive(Debug)]
struct Somebody(HeaderMap);

impl About for Somebody {
    fn country(&self) -> Option<Country> {
        Country::parse("DE")
    }

    fn continent(&self) -> Option<Continent> {
        None
    }

    fn asn(&self) -> Option<u32> {
        Some(64_496)
    }

    fn agent(&self) -> Agent {
        Agent::default()
    }

    fn languages(&self) -> Languages<'_> {
        Languages::of((&self.0).into())
    }
}

/// What a macro stands for, before any encoding.
fn value(what: &Macro, values: &Values<'_>, click: Option<ClickValues<'_>>) -> Vec<u8> {
    let of_click = |read: fn(ClickValues<'_>) -> &str| click.map(read).unwrap_or_default().as_bytes().to_vec();
    match what {
        Macro::ClickId => of_click(|click| click.id.as_str()),
        Macro::SessionId => of_click(|click| click.session_id.unwrap_or_default()),
        Macro::Param(_) => of_click(|click| click.params.first().map_or("", |param| &param.1)),
        Macro::OfferId => b"1".to_vec(),
        Macro::CampaignId => b"2".to_vec(),
        Macro::PromoId => b"3".to_vec(),
        Macro::Country => b"DE".to_vec(),
        Macro::Asn => b"64496".to_vec(),
        Macro::Device | Macro::Os | Macro::Browser => Vec::new(),
        Macro::Language => values.about.languages().preferred().unwrap_or_default().into(),
        Macro::Ip => IP.into(),
        Macro::UserAgent => values.user_agent.to_vec(),
        Macro::Referrer => values.referrer.to_vec(),
        Macro::Host => values.host.into(),
        Macro::Path => percent::decode_path(values.path.as_bytes()).into(),
        Macro::Rest => percent::decode_path(values.rest.as_bytes()).into(),
        Macro::Reason => values.reason.into(),
        Macro::HitId => {
            let mut out = Vec::new();
            values.hit_id.write(&mut out);
            out
        }
        Macro::Query(name) => percent::decode_form(values.query.get(name).unwrap_or_default().as_bytes()).into(),
    }
}

/// A name and a value, decoded.
type Pair = (Vec<u8>, Vec<u8>);

fn pairs(query: Query<'_>, wanted: impl Fn(&[u8]) -> bool) -> Vec<Pair> {
    let decoded = |text: &str| percent::decode_form(text.as_bytes()).into_owned();
    query
        .pairs()
        .map(|pair| (decoded(pair.name), decoded(pair.value.unwrap_or_default())))
        .filter(|pair| wanted(&pair.0))
        .collect()
}

/// A template with a mark in place of each macro, and the macros.
fn mark(template: &str) -> (String, Vec<Macro>) {
    let mut macros = Vec::new();
    let mut pieces = template.split('{');
    let mut marked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, after) = piece.split_once('}').expect("it has been read");
        let usage = [Use::Traffic, Use::Trafficback];
        let found = usage.into_iter().find_map(|usage| Macro::parse(name, usage).ok());
        write!(marked, "{MARK}{}{END}{after}", macros.len()).expect("a string");
        macros.push(found.expect("it has been read"));
    }
    (marked, macros)
}

/// Text that was marked, decoded, with values at its marks.
fn filled(marked: &[u8], values: &[Vec<u8>]) -> Vec<u8> {
    let text = percent::decode_form(marked);
    let (mut out, mut from) = (Vec::new(), 0);
    for (number, value) in values.iter().enumerate() {
        let mark = format!("{MARK}{number}{END}").into_bytes();
        if let Some(at) = text[from..].windows(mark.len()).position(|found| found == mark) {
            out.extend_from_slice(&text[from..from + at]);
            out.extend_from_slice(value);
            from += at + mark.len();
        }
    }
    out.extend_from_slice(&text[from..]);
    out
}

/// What becomes of a template, read by another parser.
struct Expected {
    url: Url,
    values: Vec<Vec<u8>>,
    /// How many slashes each value brings into a path as such: those of a path alone do.
    slashes: Vec<usize>,
}

impl Expected {
    fn new(template: &str, values: &Values<'_>, click: Option<ClickValues<'_>>) -> Self {
        let (marked, macros) = mark(template);
        let slashes = |what: &Macro| match what {
            Macro::Path => values.path.matches('/').count(),
            Macro::Rest => values.rest.matches('/').count(),
            _ => 0,
        };
        Self {
            url: Url::parse(&marked).unwrap_or_else(|error| panic!("{error}: {template:?}")),
            values: macros.iter().map(|what| value(what, values, click)).collect(),
            slashes: macros.iter().map(slashes).collect(),
        }
    }

    /// Names of the template's own parameters, macros left out.
    fn own_names(&self) -> Vec<Vec<u8>> {
        let mut query = self.url.query().unwrap_or_default().to_owned();
        for number in 0..self.values.len() {
            query = query.replace(&format!("{MARK}{number}{END}"), "");
        }
        let own = pairs(Query::new(&query), |_| true);
        own.into_iter().map(|pair| pair.0).collect()
    }

    fn compare(&self, location: &str, forwarded: Vec<Pair>) {
        assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
        let url = Url::parse(location).unwrap_or_else(|error| panic!("{error}: {location}"));
        assert_eq!(url.origin(), self.url.origin(), "{location}");
        assert_eq!((url.username(), url.password()), ("", None), "{location}");

        // No browser makes another path of it.
        let end = location.find(['?', '#']).unwrap_or(location.len());
        let begin = location.find("://").expect("a URL") + 3;
        let raw = location[begin..end]
            .find('/')
            .map_or("/", |at| &location[begin + at..end]);
        assert_eq!(url.path(), raw, "{location}");
        assert_eq!(*percent::decode_path(url.path().as_bytes()), self.path(), "{location}");
        let slashes = |text: &str| text.matches('/').count();
        let of_values: usize = self.slashes[..self.in_path()].iter().sum();
        assert_eq!(slashes(url.path()), slashes(self.url.path()) + of_values, "{location}");

        let mut expected: Vec<Pair> = self
            .url
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (
                    filled(name.as_bytes(), &self.values),
                    filled(value.as_bytes(), &self.values),
                )
            })
            .collect();
        expected.extend(forwarded);
        // Nothing is left of a pair that is a macro alone whose value is empty.
        expected.retain(|pair| *pair != Pair::default());
        let mut found = pairs(Query::new(url.query().unwrap_or_default()), |_| true);
        found.retain(|pair| *pair != Pair::default());
        assert_eq!(found, expected, "{location}");

        let fragment = |url: &Url| url.fragment().map(|text| text.replace('+', "%2B").into_bytes());
        let expected = fragment(&self.url).map(|text| filled(&text, &self.values));
        let found = fragment(&url).map(|text| percent::decode_form(&text).into_owned());
        assert_eq!(found, expected, "{location}");
    }

    /// How many of the macros stand in the path: the first ones.
    fn in_path(&self) -> usize {
        let is_there = |number: &usize| self.url.path().contains(&format!("{MARK}{number}{END}"));
        (0..self.values.len()).take_while(is_there).count()
    }

    /// The path, decoded. Of a value of one or two dots nothing is there.
    fn path(&self) -> Vec<u8> {
        let no_dots = |value: &Vec<u8>| match value.as_slice() {
            b"." | b".." => Vec::new(),
            value => value.to_vec(),
        };
        let values: Vec<Vec<u8>> = self.values[..self.in_path()].iter().map(no_dots).collect();
        filled(self.url.path().replace('+', "%2B").as_bytes(), &values)
    }
}
