//! The wire format of the Click API: the request target and the JSON of the answer.
//!
//! Pure. The source is the tracker's help article on its Click API; where it leaves something open, the rule taken here
//! stands beside the code.

use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc};

use http::StatusCode;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::{
    answer::{Answer, Click, Denial, Failure, Params, Trafficback},
    plain,
    secret::SecretKey,
};
use crate::{
    click_id::ClickId,
    hit_id::HitIds,
    offer_ids::OfferIds,
    percent,
    query::{Query, TAGS},
};

/// Documented to be answered by 400. The address and the User-Agent say to whoever reads the tracker's log what it was.
const OF_NO_OFFER: &[u8] = concat!(
    "&offer_id=none&campaign_id=none&promo_id=none&user_ip=0.0.0.0&user_useragent=onehop-doctor%2F",
    env!("CARGO_PKG_VERSION")
)
.as_bytes();
/// The longest request target that common readers take.
const MAX_TARGET_BYTES: usize = 65_534;

/// What the tracker takes of a visitor's query beside the required parameters, undecoded, the first of each name.
pub fn tags(query: Query<'_>) -> impl Iterator<Item = (&'static str, &str)> {
    let mut seen = [false; TAGS.len()];
    query.pairs().filter_map(move |pair| {
        let number = pair.tag()?;
        let is_again = std::mem::replace(&mut seen[number], true);
        (!is_again).then_some((TAGS[number], pair.value.unwrap_or_default()))
    })
}

/// The visitor, as the tracker is told, and whose hit it is, as the operator is.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The visitor's canonical address.
    pub ip: IpAddr,
    /// The User-Agent's bytes; not empty.
    pub user_agent: &'a [u8],
    /// The referrer's bytes; `None` is left out.
    pub referrer: Option<&'a [u8]>,
    /// The hit.
    pub hit: HitIds,
}

/// Optional parameters and their values, encoded for a query. Each name stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told(SmallVec<[Parameter; 4]>);

/// A name, and its value encoded for a query; `None` where it is left out.
type Parameter = (&'static str, Option<Vec<u8>>);

impl Told {
    /// Adds a parameter of [`TAGS`] that is not there yet; `value` is encoded for a query.
    pub fn add(&mut self, name: &'static str, value: Vec<u8>) {
        if !self.has(name) {
            self.0.push((name, Some(value)));
        }
    }

    /// Leaves a parameter out, whoever adds it later.
    pub fn leave_out(&mut self, name: &'static str) {
        if !self.has(name) {
            self.0.push((name, None));
        }
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }

    /// The parameters in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.0
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
    }
}

/// A shorter key is none that a network gives, and may well stand in other words.
const LEAST_SECRET: usize = 16;

/// The fixed part of a tracker's requests. Holds the key, so it cannot be printed either.
pub struct Prefix {
    bytes: Box<[u8]>,
    /// Where the key begins, which ends it.
    key_at: usize,
    /// As it may come back.
    key: Box<str>,
}

/// A whole request target. Holds the key, so it cannot be printed.
#[derive(Clone)]
pub struct Target(Vec<u8>);

impl Target {
    /// For the one who sends it.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Prefix {
    /// `path` is the tracker URL's path and query.
    pub fn new(path: &str, key: &SecretKey) -> Self {
        let mut out = path.as_bytes().to_vec();
        out.push(if path.contains('?') { b'&' } else { b'?' });
        out.extend_from_slice(b"secure_key=");
        let key_at = out.len();
        percent::encode(key.expose().as_bytes(), &mut out);
        Self {
            bytes: out.into(),
            key_at,
            key: key.expose().into(),
        }
    }

    /// An answer in which the key does not stand, whatever the tracker writes: its click goes to the visitor, its reason into
    /// logs.
    pub(super) fn without_key(&self, answer: Answer) -> Answer {
        let has_key = |text: &str| text.len() >= self.key.len() && text.contains(&*self.key);
        match answer {
            _ if self.key.len() < LEAST_SECRET => answer,
            Answer::Click(click)
                if has_key(click.id.as_str())
                    || click.session_id.as_deref().is_some_and(has_key)
                    || click.params.iter().any(|(name, value)| has_key(name) || has_key(value)) =>
            {
                Answer::Failed(Failure::BadAnswer("the secret key stands in it"))
            }
            // A reason is cut, and so is a key in it.
            Answer::Trafficback(Trafficback::Other(reason))
                if reason.contains(&*reason_word(&self.key.as_bytes()[..LEAST_SECRET / 2])) =>
            {
                Answer::Trafficback(Trafficback::Other("hidden".into()))
            }
            answer => answer,
        }
    }

    /// The target of a visitor's request for an offer.
    ///
    /// `None` when it would be longer than 64 KB, which no head that the edge takes is, or when a value
    /// that is told has a byte that stands in no target.
    pub fn target(&self, ids: OfferIds, who: &Who<'_>, told: &Told) -> Option<Target> {
        let mut out = Vec::with_capacity(self.bytes.len() + 512);
        out.extend_from_slice(&self.bytes);
        write_rest(ids, who, told, &mut out);
        // The tracker's own path has been read as one, and everything else is encoded here.
        let is_target = out.len() <= MAX_TARGET_BYTES && told.iter().all(|(_, value)| is_of_target(value));
        is_target.then_some(Target(out))
    }

    /// A request that can make no click: what stands for its ids is no number.
    pub(super) fn of_no_offer(&self) -> Target {
        Target([&*self.bytes, OF_NO_OFFER].concat())
    }

    /// The same with a key that is nobody's.
    pub(super) fn of_no_offer_by_a_stranger(&self) -> Target {
        let key = format!(
            "{:08x}-0000-4000-8000-{:012x}",
            fastrand::u32(..),
            fastrand::u64(..1 << 48)
        );
        Target([&self.bytes[..self.key_at], key.as_bytes(), OF_NO_OFFER].concat())
    }

    /// The same for a person to read: `…` stands for the key.
    pub fn shown(&self, ids: OfferIds, who: &Who<'_>, told: &Told) -> String {
        let mut out = self.bytes[..self.key_at].to_vec();
        out.extend_from_slice("…".as_bytes());
        write_rest(ids, who, told, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Whether bytes may stand in a target wherever it is read (RFC 3986, sections 3.3 and 3.4).
fn is_of_target(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'~'))
}

/// Appends what follows the key.
fn write_rest(ids: OfferIds, who: &Who<'_>, told: &Told, out: &mut Vec<u8>) {
    for (name, id) in [
        ("&offer_id=", ids.offer),
        ("&campaign_id=", ids.campaign),
        ("&promo_id=", ids.promo),
    ] {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
    }
    out.extend_from_slice(b"&user_ip=");
    percent::encode_ip(who.ip, out);
    out.extend_from_slice(b"&user_useragent=");
    percent::encode(who.user_agent, out);
    if let Some(referrer) = who.referrer {
        out.extend_from_slice(b"&user_referrer=");
        percent::encode(referrer, out);
    }
    for (name, value) in told.iter() {
        out.push(b'&');
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    code: Option<u64>,
    #[serde(borrow)]
    reason: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Object<'a>,
}

/// The values of an object as they are written, by their names; `None` is anything else.
#[derive(Default)]
struct Object<'a>(Option<Vec<(Cow<'a, str>, &'a RawValue)>>);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Object<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("any value")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut values = Vec::with_capacity(4);
                while let Some((Text(name), value)) = map.next_entry()? {
                    values.push((name, value));
                }
                Ok(Object(Some(values)))
            }

            // PHP writes an empty map as `[]`.
            fn visit_seq<S: SeqAccess<'de>>(self, mut values: S) -> Result<Self::Value, S::Error> {
                while values.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Object(None))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Object(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Object(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Object(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Object(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Object(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Object(None))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// Reads an answer. `body` is the whole body, or what stands for one that could not be had: an empty one.
///
/// A body is readable when it is an object with one of the three known words as `status` and, if there is a `code`, a
/// number in it. What is not readable is an error by its HTTP status outside 2xx, and a bad answer inside. What
/// contradicts itself is a bad answer: a doubt never makes a click.
pub fn read(http: StatusCode, body: &[u8]) -> Answer {
    if http == StatusCode::OK
        && let Ok(text) = std::str::from_utf8(body)
        && let Some(click) = plain::click(text)
    {
        return Answer::Click(Arc::new(click));
    }
    read_any(http, body)
}

fn read_any(http: StatusCode, body: &[u8]) -> Answer {
    let Some(body) = object::<Body<'_>>(body) else {
        return Answer::Failed(if http.is_success() {
            Failure::BadAnswer("not the JSON of the Click API")
        } else {
            error(u64::from(http.as_u16()), None)
        });
    };
    match &*body.status {
        "success" if http != StatusCode::OK || body.code.is_some_and(|code| code != 200) => {
            Answer::Failed(Failure::BadAnswer("a success whose code is not 200"))
        }
        "success" => click(body.data),
        "trafficback" if http.is_success() && body.code.is_none_or(|code| (200..300).contains(&code)) => {
            Answer::Trafficback(trafficback(body.reason))
        }
        "trafficback" => Answer::Failed(Failure::BadAnswer("a trafficback with an error's code")),
        "error" => Answer::Failed(error(
            body.code.unwrap_or(u64::from(http.as_u16())),
            body.message.and_then(string),
        )),
        _ if http.is_success() => Answer::Failed(Failure::BadAnswer("a status that the Click API does not have")),
        _ => Answer::Failed(error(u64::from(http.as_u16()), None)),
    }
}

/// An object, and nothing else: a derived reader would take an array for one too.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    if !json.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    // What is known to be text is not looked at again for each string in it.
    match std::str::from_utf8(json) {
        Ok(json) => serde_json::from_str(json).ok(),
        Err(_) => serde_json::from_slice(json).ok(),
    }
}

fn click(Object(data): Object<'_>) -> Answer {
    let data = data.unwrap_or_default();
    let [mut click_id, mut params, mut exists, mut session_id] = [None; 4];
    for (name, value) in data.into_iter().filter(|(_, value)| value.get() != "null") {
        let place = match &*name {
            "click_id" => &mut click_id,
            "params" => &mut params,
            "exists" => &mut exists,
            "session_id" => &mut session_id,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Answer::Failed(Failure::BadAnswer("a success with two of one name"));
        }
    }
    let Some(click_id) = click_id.and_then(string) else {
        return Answer::Failed(Failure::BadAnswer("a success without a click id"));
    };
    let Ok(id) = ClickId::try_from(&*click_id) else {
        return Answer::Failed(Failure::BadAnswer("a click id of no or too many bytes"));
    };
    Answer::Click(Arc::new(Click {
        id,
        session_id: session_id.and_then(text),
        params: params.map(usable).unwrap_or_default(),
        // Anything but a clear `false` leaves the click's age unknown.
        existed: exists.is_some_and(|exists| exists.get() != "false"),
    }))
}

/// The usable values of `params`, in the order of their names. What is no object has none.
fn usable(params: &RawValue) -> Params {
    let Some(Object(Some(mut values))) = object(params.get().as_bytes()) else {
        return Box::default();
    };
    values.retain(|(name, _)| name != "click_id");
    // Of several of one name the last one counts.
    values.reverse();
    values.sort_by(|(one, _), (other, _)| one.cmp(other));
    values.dedup_by(|(one, _), (other, _)| one == other);
    values
        .into_iter()
        .filter_map(|(name, value)| Some((name.into(), text(value)?)))
        .collect()
}

/// A string's text, or a number or boolean as it is written.
fn text(value: &RawValue) -> Option<Box<str>> {
    match value.get().as_bytes() {
        [b'"', ..] => string(value).map(Into::into),
        [b't' | b'f' | b'-' | b'0'..=b'9', ..] => Some(value.get().into()),
        _ => None,
    }
}

fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get()).ok().map(|Text(text)| text)
}

fn trafficback(reason: Option<&RawValue>) -> Trafficback {
    /// Enough to recognise a reason by, too little to fill a log.
    const MAX_REASON_BYTES: usize = 64;
    let reason = reason.and_then(string).unwrap_or_default();
    match &*reason {
        "offer_inactive" => Trafficback::OfferInactive,
        "campaign_inactive" => Trafficback::CampaignInactive,
        "targeting" => Trafficback::Targeting,
        "overcap" => Trafficback::Overcap,
        other => Trafficback::Other(reason_word(&other.as_bytes()[..other.len().min(MAX_REASON_BYTES)])),
    }
}

/// A reason as it is shown.
fn reason_word(reason: &[u8]) -> Box<str> {
    let letter = |byte: &u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'_' => char::from(*byte),
        _ => '_',
    };
    reason.iter().map(letter).collect()
}

/// An error by its number. Of the message only what the article documents is kept: a tracker might put the key in it.
fn error(number: u64, message: Option<Cow<'_, str>>) -> Failure {
    let message = message.unwrap_or_default();
    match number {
        400 => Failure::Rejected(
            [
                "offer_id",
                "campaign_id",
                "promo_id",
                "user_ip",
                "user_useragent",
                "secure_key",
            ]
            .into_iter()
            .find(|field| message.contains(&format!("request.{field} "))),
        ),
        403 if message.eq_ignore_ascii_case("access denied") => Failure::Denied(Denial::Key),
        403 if message.to_ascii_lowercase().contains("click api disabled") => Failure::Denied(Denial::Offer),
        403 => Failure::Denied(Denial::Unsaid),
        _ => Failure::Tracker(number),
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
