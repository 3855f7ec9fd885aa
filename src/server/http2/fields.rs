//! The fields of a request of HTTP/2, and whether they are one (RFC 9113, sections 8.2 and 8.3).
//!
//! Pure. Names and pseudo-headers' values, which are text, lie one behind the other, and other values too, so that a request
//! is a few pieces of memory however many fields it has. Not owned: what any HTTP demands of a head (`request`).

use std::ops::Range;

use http::{Method, Version};

use super::{
    hpack::Literal,
    table::{Entry, FIELD_BYTES},
};
use crate::{
    headers::{Header, Lines},
    server::request::Head,
};

/// Room for what a browser sends.
const NAMES_BYTES: usize = 512;
const VALUES_BYTES: usize = 1024;
const FIELDS: usize = 32;

/// What a field is, by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Method,
    Scheme,
    Authority,
    Path,
    /// `content-length`.
    Length,
    /// `cookie`, which browsers send in crumbs, each a field of its own (section 8.2.3).
    Cookie,
    /// Any other that may be there.
    Plain,
    /// One that makes a request malformed.
    Wrong,
}

impl Kind {
    pub(super) fn of(name: &[u8], value: &[u8]) -> Self {
        if !is_value(value) {
            return Self::Wrong;
        }
        match name {
            b":method" => Self::Method,
            b":scheme" => Self::Scheme,
            b":authority" => Self::Authority,
            b":path" => Self::Path,
            b"content-length" => Self::Length,
            b"cookie" => Self::Cookie,
            // Of the connection (section 8.2.2).
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" | b"" => {
                Self::Wrong
            }
            b"te" if !value.eq_ignore_ascii_case(b"trailers") => Self::Wrong,
            _ if name.iter().all(|byte| OF_NAMES[usize::from(*byte)]) => Self::Plain,
            _ => Self::Wrong,
        }
    }
}

/// Whether a byte may stand in a name: a token's without capitals (sections 8.2 and 8.2.1).
const OF_NAMES: [bool; 256] = table(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");

const fn table(of: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < of.len() {
        table[of[at] as usize] = true;
        at += 1;
    }
    table
}

/// Whether a value may be one: without controls, and without white space around it (section 8.2.1).
fn is_value(value: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    !is_space(value.first())
        && !is_space(value.last())
        && value
            .iter()
            .all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

/// Whether a path and query may be asked for: in ASCII without white space, fragments or brackets of HTML, as hyper has it.
fn is_path(path: &[u8]) -> bool {
    (path.starts_with(b"/") || path == b"*")
        && path
            .iter()
            .all(|&byte| byte > b' ' && !matches!(byte, b'#' | b'<' | b'>' | 0x7f))
}

/// Where a field ends, in the names and in the values.
#[derive(Clone, Copy, Debug)]
struct Place {
    name: u32,
    value: u32,
}

/// Fields as they are read.
#[derive(Debug)]
pub(super) struct Fields {
    /// Pseudo-headers' values, and names behind them.
    pub(super) names: Vec<u8>,
    pub(super) values: Vec<u8>,
    places: Vec<Place>,
    method: Option<Range<usize>>,
    scheme: Option<Range<usize>>,
    authority: Option<Range<usize>>,
    path: Option<Range<usize>>,
    length: Option<u64>,
    has_cookie: bool,
    is_malformed: bool,
    /// How much room is left (section 10.5.1).
    room: Option<usize>,
}

impl Fields {
    /// With room for this many bytes, as `SETTINGS_MAX_HEADER_LIST_SIZE` counts them.
    pub(super) fn new(room: usize) -> Self {
        Self {
            names: Vec::with_capacity(NAMES_BYTES),
            values: Vec::with_capacity(VALUES_BYTES),
            places: Vec::with_capacity(FIELDS),
            method: None,
            scheme: None,
            authority: None,
            path: None,
            length: None,
            has_cookie: false,
            is_malformed: false,
            room: Some(room),
        }
    }

    /// Adds a field of a table.
    pub(super) fn add(&mut self, entry: Entry<'_>) {
        // One that has no room is not kept, however often a table is referred to.
        if self.fits(entry.name.len() + entry.value.len()) {
            if entry.kind == Kind::Plain {
                self.names.extend_from_slice(entry.name);
                self.values.extend_from_slice(entry.value);
                return self.place();
            }
            let literal = Literal {
                kind: entry.kind,
                name: self.names.len(),
                value: self.values.len(),
            };
            self.names.extend_from_slice(entry.name);
            self.values.extend_from_slice(entry.value);
            self.keep(literal);
        }
    }

    /// The field that was read to the end.
    pub(super) fn entry(&self, literal: Literal) -> Entry<'_> {
        Entry {
            kind: literal.kind,
            name: &self.names[literal.name..],
            value: &self.values[literal.value..],
        }
    }

    /// Takes up the field that was read to the end.
    pub(super) fn take(&mut self, literal: Literal) {
        let Entry { name, value, .. } = self.entry(literal);
        if self.fits(name.len() + value.len()) {
            self.keep(literal);
        } else {
            self.names.truncate(literal.name);
            self.values.truncate(literal.value);
        }
    }

    fn fits(&mut self, length: usize) -> bool {
        self.room = self.room.and_then(|room| room.checked_sub(length + FIELD_BYTES));
        self.room.is_some()
    }

    fn place(&mut self) {
        let short = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        self.places.push(Place {
            name: short(self.names.len()),
            value: short(self.values.len()),
        });
    }

    fn keep(&mut self, Literal { kind, name, value }: Literal) {
        let pseudo = match kind {
            Kind::Method => &mut self.method,
            Kind::Scheme => &mut self.scheme,
            Kind::Authority => &mut self.authority,
            Kind::Path => &mut self.path,
            // They are one field, for which the first stands: nobody reads it.
            Kind::Cookie if std::mem::replace(&mut self.has_cookie, true) => {
                self.names.truncate(name);
                self.values.truncate(value);
                return;
            }
            Kind::Plain | Kind::Cookie => return self.place(),
            Kind::Length => {
                let length = length(&self.values[value..]);
                self.is_malformed |= length.is_none() || self.length.is_some();
                self.length = length;
                return self.place();
            }
            Kind::Wrong => {
                self.is_malformed = true;
                self.names.truncate(name);
                self.values.truncate(value);
                return;
            }
        };
        self.names.truncate(name);
        self.names.extend_from_slice(&self.values[value..]);
        self.values.truncate(value);
        // Once each, and before all others (section 8.3).
        self.is_malformed |= pseudo.replace(name..self.names.len()).is_some() || !self.places.is_empty();
    }

    /// Whether they are more than there is room for.
    pub(super) fn are_too_many(&self) -> bool {
        self.room.is_none()
    }

    /// Whether they may stand behind a body (section 8.1).
    pub(super) fn are_trailers(&self) -> bool {
        let pseudo = [&self.method, &self.scheme, &self.authority, &self.path];
        !self.is_malformed && pseudo.iter().all(|value| value.is_none())
    }

    /// The request that they are, if they are one (section 8.3.1); `ends` where no body follows.
    pub(super) fn into_request(self, ends: bool) -> Option<Request> {
        let value = |range: &Option<Range<usize>>| range.clone().map(|range| &self.names[range]);
        let method = match value(&self.method)? {
            b"GET" => Method::GET,
            b"HEAD" => Method::HEAD,
            other => Method::from_bytes(other).ok()?,
        };
        let (scheme, authority, path) = (value(&self.scheme), value(&self.authority), value(&self.path));
        let is_target = match (scheme, path) {
            (None, None) => method == Method::CONNECT && authority.is_some(),
            (Some(scheme), Some(path)) => method != Method::CONNECT && !scheme.is_empty() && is_path(path),
            _ => false,
        };
        let wants_more = ends && self.length.is_some_and(|length| length > 0);
        if self.is_malformed || wants_more || !is_target || authority.is_some_and(<[u8]>::is_empty) {
            return None;
        }
        let pseudo = [&self.method, &self.scheme, &self.authority, &self.path];
        Some(Request {
            method,
            fields_from: pseudo.iter().filter_map(|range| Some(range.as_ref()?.end)).max()?,
            names: String::from_utf8(self.names).ok()?,
            values: self.values,
            places: self.places,
            scheme: self.scheme.unwrap_or_default(),
            authority: self.authority,
            path: self.path.unwrap_or_default(),
            length: self.length,
        })
    }
}

fn length(value: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(value).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    digits.parse().ok()
}

/// A request that is no malformed one.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// How long its body says it is.
    pub(super) length: Option<u64>,
    names: String,
    /// Where its fields' names begin.
    fields_from: usize,
    values: Vec<u8>,
    places: Vec<Place>,
    scheme: Range<usize>,
    authority: Option<Range<usize>>,
    path: Range<usize>,
}

impl Request {
    /// Its fields.
    pub(super) fn lines(&self) -> Vec<Header<'_>> {
        let (mut name, mut value) = (self.fields_from, 0);
        let line = |place: &Place| {
            let (name_to, value_to) = (place.name as usize, place.value as usize);
            let line = Header {
                name: self.text(name..name_to).as_bytes(),
                value: &self.values[value..value_to],
            };
            (name, value) = (name_to, value_to);
            line
        };
        self.places.iter().map(line).collect()
    }

    /// Its head, with its fields.
    pub(super) fn head<'a>(&'a self, lines: &'a Lines<'a>) -> Head<'a> {
        let authority = self.authority.clone();
        Head {
            method: &self.method,
            authority: authority.map(|authority| (self.text(self.scheme.clone()), self.text(authority))),
            target: self.text(self.path.clone()),
            version: Version::HTTP_2,
            headers: lines.into(),
        }
    }

    /// Text alone together, two may be no text each, and are nothing then.
    fn text(&self, range: Range<usize>) -> &str {
        self.names.get(range).unwrap_or_default()
    }
}
