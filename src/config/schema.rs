//! JSON Schemas of configurations, for editors: what a key is for, and whether its value can be right.
//!
//! Owned here: the shape of what the readers take, in words for a person who writes it. Where a list or a range decides, it
//! is the reader's own. Not owned: what only a look at the rest can tell (names of trackers, files, URLs). A schema refuses
//! nothing that is accepted.

use serde_json::{Value, json};

use super::{
    click_log, links, offers,
    schema_shapes::{
        SPACE, UNITS, any_case, choice, duration, integer, longer_than_zero, of, one_or_more, string, strings, table,
        told, with_default,
    },
    sections, values,
};
use crate::{
    country::{Continent, Country},
    device::{Browser, Device, Os},
    link::window,
    observe::shape::Dropped,
    query::TAGS,
    server::limits::{LIMITS, Limits, Measure},
};

/// The dialect that editors support best.
const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// `from` of a window: no window begins at the day's end.
const FROM: &str = "^([01]?[0-9]|2[0-3]):[0-5][0-9]$";
/// `to` of a window: none ends at the day's beginning.
const TO: &str = "^(0?0:(0[1-9]|[1-5][0-9])|(0?[1-9]|1[0-9]|2[0-3]):[0-5][0-9]|24:00)$";

/// The schema of a configuration's main file.
pub fn schema() -> Value {
    let mut root = table(
        "A configuration of onehop: where visitors are served, the trackers, and the links.",
        &["tracker"],
        json!({
            "$schema": editors(),
            "links": told(
                "More files of [[link]], TOML or JSON, relative to this one; patterns are allowed.",
                strings(0, json!([["links/*.toml"]])),
            ),
            "listen": listen(),
            "visitor": visitor(),
            "tracker": {
                "description": "The trackers, each a Click API with a key: [tracker.NAME].",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": tracker(),
            },
            "geoip": geoip(),
            "click": click(),
            "tls": table(
                "The certificates for https.",
                &["certs"],
                json!({ "certs": told(
                    "Their folder: NAME.crt and NAME.key, or NAME/fullchain.pem and NAME/privkey.pem.",
                    string(json!(["certs"])),
                ) }),
            ),
            "click_log": click_log(),
            "limits": limits(),
            "metrics": table(
                "What is counted.",
                &[],
                json!({ "per_link": told(
                    "Whether hits and clicks are counted for each link too: some series more for each link that is hit.",
                    json!({ "type": "boolean", "default": false }),
                ) }),
            ),
            "unmatched": unmatched(),
            "defaults": defaults(),
            "link": list_of_links(),
        }),
    );
    // A configuration without a link cannot be used.
    root["anyOf"] = json!([
        { "required": ["link"], "properties": { "link": { "minItems": 1 } } },
        { "required": ["links"], "properties": { "links": { "minItems": 1 } } },
    ]);
    // Visitors without a click go where the link says, or else where the defaults say.
    root["if"] = json!({
        "required": ["defaults"],
        "properties": { "defaults": { "required": ["trafficback_url"] } },
    });
    root["else"] = json!({ "properties": { "link": { "items": { "required": ["trafficback_url"] } } } });
    document("onehop", root)
}

/// The schema of the files that `links` names.
pub fn links_schema() -> Value {
    let what = "Links of onehop, beside those of the main file.";
    document(
        "onehop links",
        table(what, &[], json!({ "$schema": editors(), "link": list_of_links() })),
    )
}

fn editors() -> Value {
    told(
        "The schema, for editors; onehop does not look at it.",
        string(json!(["./onehop.schema.json"])),
    )
}

fn document(title: &str, mut root: Value) -> Value {
    root["$schema"] = DIALECT.into();
    root["title"] = title.into();
    root["definitions"] = definitions();
    root
}

/// What is written more than once.
fn definitions() -> Value {
    let countries: Vec<Country> = Country::all().collect();
    let three_letters = window::DAYS.iter().map(|day| &day[..3]);
    json!({
        "link": link(),
        "offer": offer(),
        "rules": rules(),
        "window": window(),
        "duration": {
            "type": "string",
            "pattern": format!(r"^[{SPACE}]*([0-9][0-9{SPACE}]*(\.[0-9{SPACE}]*[0-9][0-9{SPACE}]*)?({UNITS})[{SPACE}]*)+$"),
            "examples": ["300s", "1500ms", "5m"],
        },
        "country": any_case(countries.iter().map(Country::as_str)),
        "continent": any_case(Continent::ALL.iter().map(|one| one.as_str())),
        "device": any_case(Device::ALL.iter().map(|one| one.as_str())),
        "os": any_case(Os::ALL.iter().map(|one| one.as_str())),
        "browser": any_case(Browser::ALL.iter().map(|one| one.as_str())),
        "day": any_case(three_letters.chain(window::DAYS)),
        "language": {
            "type": "string",
            "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
            "maxLength": crate::language::MAX_TAG_BYTES,
            "examples": ["de", "pt-BR"],
        },
        "asn": {
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                { "type": "string", "pattern": r"^([Aa][Ss])?[0-9]+$" },
            ],
            "examples": [64496, "AS64496"],
        },
    })
}

fn listen() -> Value {
    table(
        "Where onehop listens.",
        &[],
        json!({
            "http": told(
                "Addresses for visitors; \"[::]:80\" is every address of the machine. None if https alone is named.",
                with_default(strings(1, json!(["[::]:80"])), json!([sections::DEFAULT_HTTP.to_string()])),
            ),
            "https": told(
                "Addresses for visitors through TLS, with the certificates of [tls].",
                strings(1, json!(["[::]:443"])),
            ),
            "admin": told(
                "Address for health and metrics; never share it with visitors.",
                string(json!(["127.0.0.1:9180"])),
            ),
            "proxy_protocol": told(
                "Whether trusted proxies begin each connection with a PROXY header, version 1 or 2; nobody else may.",
                json!({ "type": "boolean", "default": false }),
            ),
        }),
    )
}

fn visitor() -> Value {
    table(
        "Who a visitor is.",
        &[],
        json!({
            "trusted_proxies": told(
                "Addresses and networks of the proxies before onehop, whose header is believed.",
                strings(0, json!([["10.0.0.0/8", "2001:db8::/32"]])),
            ),
            "real_ip_header": told(
                "The header in which trusted proxies write the visitor's address: a list, or one address such as in cf-connecting-ip.",
                with_default(
                    string(json!([sections::X_FORWARDED_FOR, sections::FORWARDED, "cf-connecting-ip"])),
                    sections::X_FORWARDED_FOR.into(),
                ),
            ),
            "bots": told(
                "Declared bots and link previews are stopped before they make a click, or are visitors as all others.",
                choice(&sections::BOTS),
            ),
        }),
    )
}

fn tracker() -> Value {
    let mut secure_key = table(
        "The secret key of your account at the network: from the environment, from a file, or the key itself.",
        &[],
        json!({
            "env": told("The variable of the environment that holds the key.", string(json!(["HOQU_SECURE_KEY"]))),
            "file": told("The file that holds the key.", string(json!(["key.txt"]))),
        }),
    );
    secure_key["type"] = json!(["string", "object"]);
    // It comes from one place.
    secure_key["minProperties"] = 1.into();
    secure_key["maxProperties"] = 1.into();
    secure_key["examples"] = json!([{ "env": "HOQU_SECURE_KEY" }, { "file": "key.txt" }]);
    table(
        "A tracker: a Click API with a key.",
        &["url", "secure_key"],
        json!({
            "url": told("The Click API's URL.", string(json!(["https://tracker.hoqu.com/api/click/create"]))),
            "secure_key": secure_key,
            "ca": told("PEM file of root certificates, trusted beside Mozilla's.", string(json!(["ca.pem"]))),
        }),
    )
}

fn geoip() -> Value {
    table(
        "Databases of places, files in the MaxMind DB format.",
        &[],
        json!({
            "country": told(
                "The database of countries and continents, which rules and macros of them need.",
                string(json!(["country.mmdb"])),
            ),
            "asn": told(
                "The database of autonomous systems, which rules and macros of them need.",
                string(json!(["asn.mmdb"])),
            ),
        }),
    )
}

fn click() -> Value {
    let deadline = longer_than_zero(duration(
        "The longest a visitor waits for trackers, all offers together.",
        sections::DEADLINE,
    ));
    table(
        "How trackers are asked for clicks, and how long their answers are kept.",
        &[],
        json!({
            "deadline": deadline,
            "cache_entries": told(
                "Clicks kept; their memory is bounded by 1 KB for each.",
                with_default(integer(&sections::CACHE_SIZES), sections::CACHE_ENTRIES.into()),
            ),
            "ttl": duration("How long a new click is kept; the tracker's own window.", sections::TTL),
            "ttl_when_exists": duration(
                "The same for a click that the tracker had already, whose age is unknown.",
                sections::TTL_WHEN_EXISTS,
            ),
            "hedge_after": told(
                "When a second request goes out beside one that is slow: after the tracker's own recent 95th percentile, after a \
                 fixed time, or never.",
                json!({ "anyOf": [choice(&sections::HEDGE_WORDS), longer_than_zero(of("duration"))] }),
            ),
            "offer_ttl": duration(
                "How long an answer that holds for every visitor of an offer (off, capped, 400, 403) is kept.",
                sections::OFFER_TTL,
            ),
        }),
    )
}

fn click_log() -> Value {
    let fields: Vec<&str> = Dropped::names().collect();
    let units = values::SIZE_UNITS.map(|(unit, _)| unit).join("|");
    table(
        "Where hits are written down.",
        &["path"],
        json!({
            "path": told("File that gets a JSON line for each hit.", string(json!(["clicks.jsonl"]))),
            "rotate_size": told(
                "The size that the file does not grow beyond: it is moved away, and another begun.",
                json!({
                    "type": "string",
                    "pattern": format!("^0*[1-9][0-9]{{0,5}}({units})$"),
                    "examples": ["1GB", "500MB"],
                }),
            ),
            "rotate_every": told(
                "The time after which the file is moved away and another begun, at multiples of it in UTC.",
                longer_than_zero(of("duration")),
            ),
            "keep": told("How many rotated files are kept; all if it is not said.", integer(&click_log::KEPT)),
            "gzip": told("Whether rotated files are compressed.", json!({ "type": "boolean", "default": false })),
            "ip": told(
                "What lines tell of a visitor's address: all of it, its network (/24 or /48), or a word that stands for it until the next start.",
                choice(&click_log::IP_FORMS),
            ),
            "drop": told(
                "Fields that lines leave out.",
                json!({
                    "anyOf": [{ "enum": fields }, { "type": "array", "items": { "enum": fields } }],
                    "examples": [["user_agent", "referrer"]],
                }),
            ),
        }),
    )
}

fn limits() -> Value {
    let mut keys = json!({});
    for limit in &LIMITS {
        let mut defaults = Limits::default();
        keys[limit.key] = match &limit.measure {
            Measure::Count(_, range, at) => told(limit.what, with_default(integer(range), (*at(&mut defaults)).into())),
            Measure::Time(at) => longer_than_zero(duration(limit.what, *at(&mut defaults))),
            Measure::TimeOrNone(at) => duration(limit.what, *at(&mut defaults)),
        };
    }
    table(
        "What bounds the edge; `onehop check --explain-limits` has the reasons.",
        &[],
        keys,
    )
}

fn unmatched() -> Value {
    let mut unmatched = table(
        "What a hit gets that no link matches: a status or a redirect.",
        &[],
        json!({
            "status": told(
                "The answer's status, any 4xx.",
                with_default(integer(&sections::STATUSES), sections::DEFAULT_STATUS.as_u16().into()),
            ),
            "redirect": told("The URL to go to instead.", string(json!(["https://my-site.example/"]))),
        }),
    );
    unmatched["not"] = json!({ "required": ["status", "redirect"] });
    unmatched
}

fn defaults() -> Value {
    table(
        "What links have that do not say otherwise.",
        &[],
        json!({
            "trafficback_url": told(
                "Where visitors without a click go, for links without a trafficback_url of their own.",
                string(json!(["https://my-site.example/deals?why={reason}"])),
            ),
            "tracker": told(
                "Name of the [tracker.NAME] for links without their own; the only one needs no naming.",
                string(json!(["hoqu"])),
            ),
        }),
    )
}

fn list_of_links() -> Value {
    json!({
        "description": "The links, each a place on the affiliate's own domain and the offers that it leads to.",
        "type": "array",
        "items": { "$ref": "#/definitions/link" },
    })
}

fn link() -> Value {
    table(
        "A link: what an affiliate spreads.",
        &["at", "offer"],
        json!({
            "at": told(
                "A place or a list of them: host and path; /* at the end takes a subtree, *. before the host its subdomains, and without a host it is any.",
                strings(1, json!(["go.example.com/shoes", ["go.example.com/shoes", "*.example.com/shop/*"]])),
            ),
            "trafficback_url": told(
                "Where visitors without a click go, unless [defaults] says it for all.",
                string(json!(["https://my-site.example/deals?why={reason}"])),
            ),
            "preview_url": told(
                "Where bots, link previews and HEAD go: the advertiser's page without a click id.",
                string(json!(["https://advertisers-web-site.com/"])),
            ),
            "tracker": told("Name of a [tracker.NAME], unless [defaults] says it for all.", string(json!(["hoqu"]))),
            "order": told(
                "How offers are tried: in the order in which they stand, or drawn by their weights.",
                choice(&links::ORDERS),
            ),
            "offer": {
                "description": "The offers that the link can lead to, one or more.",
                "type": "array",
                "items": { "$ref": "#/definitions/offer" },
                "minItems": 1,
            },
        }),
    )
}

fn offer() -> Value {
    let tags = TAGS.map(|tag| {
        let what = format!("The tracker's {tag}; macros such as {{query.zone}} are filled in.");
        (tag.to_owned(), told(&what, string(json!(["{query.zone}"]))))
    });
    table(
        "An offer: ids of a tracker, and the advertiser's link.",
        &["offer_id", "campaign_id", "promo_id", "traffic_url"],
        json!({
            "name": told("The offer's name, for logs.", string(json!(["shoes-summer"]))),
            "offer_id": told("The tracker's id of the offer.", integer(&offers::IDS)),
            "campaign_id": told("The tracker's id of the campaign.", integer(&offers::IDS)),
            "promo_id": told("The tracker's id of the promo.", integer(&offers::IDS)),
            "tracker": told("Name of a [tracker.NAME], unless the link says it.", string(json!(["hoqu"]))),
            "traffic_url": told(
                "The advertiser's link, with {click_id} in its path or query.",
                string(json!(["https://advertisers-web-site.com/?click_id={click_id}"])),
            ),
            "tracking_url": told(
                "The ordinary tracking link, used when the Click API fails.",
                string(json!(["https://tracker.hoqu.com/c/816"])),
            ),
            "send": table(
                "What the tracker is told beside the visitor's own parameters.",
                &[],
                Value::Object(tags.into_iter().collect()),
            ),
            "forward_query": told(
                "The visitor's parameters that are added to the traffic URL: a list of names, or \"all\".",
                json!({
                    "anyOf": [
                        { "enum": [offers::ALL_PARAMETERS] },
                        { "type": "array", "items": { "type": "string" } },
                    ],
                    "examples": [["gclid"], offers::ALL_PARAMETERS],
                }),
            ),
            "when": told("For which visitors the offer is: all of these must fit.", of("rules")),
            "unless": told("For which visitors the offer is not: one of these is enough.", of("rules")),
            "weight": told(
                "The offer's part in the draw of a link whose order is \"weighted\".",
                with_default(integer(&offers::WEIGHTS), offers::DEFAULT_WEIGHT.into()),
            ),
            "first": told(
                "In a link whose order is \"weighted\": before the offers that are drawn, for whom it fits.",
                json!({ "type": "boolean", "default": false }),
            ),
        }),
    )
}

fn rules() -> Value {
    table(
        "Rules about visitors; each takes a value or a list, of which one must fit.",
        &[],
        json!({
            "country": told("Countries of the visitor's address, by ISO 3166; needs geoip.country.", one_or_more("country")),
            "continent": told("Continents of the visitor's address; needs geoip.country.", one_or_more("continent")),
            "asn": told("Autonomous systems of the visitor's address, by number; needs geoip.asn.", one_or_more("asn")),
            "ip": told("Addresses and networks of visitors.", strings(1, json!([["192.0.2.0/24", "2001:db8::/32"]]))),
            "device": told("Kinds of devices.", one_or_more("device")),
            "os": told("Operating systems.", one_or_more("os")),
            "browser": told("Browsers, or apps with a browser in them.", one_or_more("browser")),
            "language": told("Languages that the browser asks for; \"de\" takes \"de-AT\" too.", one_or_more("language")),
            "referrer": told(
                "Hosts that visitors come from; \"*.example.com\" for its subdomains, \"*\" for any referrer.",
                strings(1, json!([["example.com", "*.example.com"]])),
            ),
            "query": {
                "description": "Parameters of the visitor's query, each with its values; \"*\" stands for any text.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": strings(1, json!(["*", ["1", "yes"]])),
                "examples": [{ "debug": ["1"] }],
            },
            "time": told("A window of the week, or a list of them.", one_or_more("window")),
        }),
    )
}

fn window() -> Value {
    let mut window = table(
        "A window of the week, as clocks show it in a time zone.",
        &[],
        json!({
            "days": told("The days on which it begins; every day if there are none.", one_or_more("day")),
            "from": told(
                "Its first moment.",
                json!({ "type": "string", "pattern": FROM, "default": "00:00", "examples": ["09:00"] }),
            ),
            "to": told(
                "The first moment outside; earlier than `from` it is in the next day.",
                json!({ "type": "string", "pattern": TO, "default": "24:00", "examples": ["18:00"] }),
            ),
            "zone": told(
                "The time zone, a name of the IANA database.",
                with_default(string(json!(["Europe/Berlin", "America/New_York"])), "UTC".into()),
            ),
        }),
    );
    window["minProperties"] = 1.into();
    window
}
