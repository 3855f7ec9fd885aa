//! What HPACK refers to by number (RFC 7541, section 2.3): the static table, and the dynamic one of what a connection has said.
//!
//! The dynamic table is a queue of bytes and a queue of where fields end in it; while a connection has said nothing it is none.

use std::collections::VecDeque;

use super::fields::Kind;

/// The largest that a client may make it: what both sides begin with (RFC 9113, section 6.5.2).
pub(super) const TABLE_BYTES: usize = 4_096;
/// What a field counts beyond its name and value (RFC 7541, section 4.1).
pub(super) const FIELD_BYTES: usize = 32;

/// Appendix A.
pub(super) const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// A field of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

/// A field's place in the bytes.
#[derive(Clone, Copy, Debug)]
struct Place {
    kind: Kind,
    from: u16,
    name: u16,
    value: u16,
}

impl Place {
    fn counts(self) -> usize {
        usize::from(self.name) + usize::from(self.value) + FIELD_BYTES
    }
}

/// A dynamic table.
#[derive(Debug)]
pub(super) struct Table {
    /// The oldest first.
    places: VecDeque<Place>,
    bytes: Vec<u8>,
    size: usize,
    most: usize,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            places: VecDeque::new(),
            bytes: Vec::new(),
            size: 0,
            most: TABLE_BYTES,
        }
    }

    /// The field of an index of the whole address space (section 2.3.3).
    pub(super) fn get(&self, index: usize) -> Option<Entry<'_>> {
        if let Some((name, value)) = STATIC.get(index.checked_sub(1)?) {
            let (name, value) = (name.as_bytes(), value.as_bytes());
            let kind = kind(index);
            return Some(Entry { kind, name, value });
        }
        let newer = index - STATIC.len();
        let place = self.places.get(self.places.len().checked_sub(newer)?)?;
        let (name, rest) = self.bytes[usize::from(place.from)..].split_at(place.name.into());
        Some(Entry {
            kind: place.kind,
            name,
            value: &rest[..place.value.into()],
        })
    }

    /// Takes up a field (section 4.4); one that has no room leaves the table empty.
    pub(super) fn insert(&mut self, entry: Entry<'_>) {
        let length = entry.name.len() + entry.value.len();
        let room = self.most.checked_sub(length + FIELD_BYTES);
        self.shrink(room.unwrap_or(0));
        if room.is_none() {
            return;
        }
        // What has gone stays until it is as much as there may be.
        if self.bytes.len() + length > 2 * TABLE_BYTES {
            let gone = self.places.front().map_or(self.bytes.len(), |place| place.from.into());
            self.bytes.drain(..gone);
            let gone = u16::try_from(gone).unwrap_or(0);
            for place in &mut self.places {
                place.from -= gone;
            }
        }
        let short = |length: usize| u16::try_from(length).unwrap_or(0);
        self.places.push_back(Place {
            kind: entry.kind,
            from: short(self.bytes.len()),
            name: short(entry.name.len()),
            value: short(entry.value.len()),
        });
        self.bytes.extend_from_slice(entry.name);
        self.bytes.extend_from_slice(entry.value);
        self.size += length + FIELD_BYTES;
    }

    /// Changes how large it may be (section 4.3); false where that is more than was offered.
    pub(super) fn resize(&mut self, most: usize) -> bool {
        if most > TABLE_BYTES {
            return false;
        }
        self.most = most;
        self.shrink(most);
        true
    }

    fn shrink(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.places.pop_front() else { return };
            self.size -= oldest.counts();
        }
        if self.places.is_empty() {
            self.bytes.clear();
        }
    }
}

/// What a field of the static table is.
fn kind(index: usize) -> Kind {
    match index {
        1 => Kind::Authority,
        2 | 3 => Kind::Method,
        4 | 5 => Kind::Path,
        6 | 7 => Kind::Scheme,
        // Of answers, and of HTTP/1.
        8..=14 | 57 => Kind::Wrong,
        28 => Kind::Length,
        32 => Kind::Cookie,
        _ => Kind::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_fields_are_what_they_would_be_else() {
        for (nth, (name, value)) in STATIC.iter().enumerate() {
            assert_eq!(kind(nth + 1), Kind::of(name.as_bytes(), value.as_bytes()), "{name}");
        }
    }

    fn entry<'a>(name: &'a str, value: &'a str) -> Entry<'a> {
        Entry {
            kind: Kind::Plain,
            name: name.as_bytes(),
            value: value.as_bytes(),
        }
    }

    fn at(table: &Table, index: usize) -> Option<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        table.get(index).map(|entry| (text(entry.name), text(entry.value)))
    }

    #[test]
    fn the_newest_is_the_first() {
        let mut table = Table::new();
        assert_eq!(at(&table, 0), None);
        assert_eq!(at(&table, 2), Some((":method".into(), "GET".into())));
        assert_eq!(at(&table, 61), Some(("www-authenticate".into(), String::new())));
        assert_eq!(at(&table, 62), None);
        table.insert(entry("a", "1"));
        table.insert(entry("b", "2"));
        assert_eq!(at(&table, 62), Some(("b".into(), "2".into())));
        assert_eq!(at(&table, 63), Some(("a".into(), "1".into())));
        assert_eq!(at(&table, 64), None);
        assert_eq!(at(&table, usize::MAX), None);
    }

    #[test]
    fn the_oldest_go() {
        let mut table = Table::new();
        assert!(table.resize(100) && !table.resize(TABLE_BYTES + 1));
        for value in ["1", "2", "3", "4"] {
            table.insert(entry("a", value));
        }
        assert_eq!(at(&table, 62), Some(("a".into(), "4".into())));
        assert_eq!(at(&table, 63), Some(("a".into(), "3".into())));
        assert_eq!(at(&table, 64), None);
        table.insert(entry("a", &"x".repeat(68)));
        assert_eq!(at(&table, 62), None, "too large");
        table.insert(entry("a", &"x".repeat(67)));
        assert!(at(&table, 62).is_some());
        assert!(table.resize(99));
        assert_eq!(at(&table, 62), None);
    }

    /// Beside a table that keeps each field by itself.
    #[test]
    fn whatever_is_said_it_holds_the_newest_that_fit_and_no_more_bytes_than_may_be() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut table = Table::new();
        let mut plain: VecDeque<(String, String)> = VecDeque::new();
        let mut most = TABLE_BYTES;
        for n in 0..20_000 {
            if random.u8(..) < 2 {
                most = random.usize(..=TABLE_BYTES);
                assert!(table.resize(most));
            } else {
                let (name, value) = (n.to_string(), "x".repeat(random.usize(..400)));
                table.insert(entry(&name, &value));
                plain.push_front((name, value));
            }
            let (mut size, mut kept) = (0, 0);
            for (name, value) in &plain {
                size += name.len() + value.len() + FIELD_BYTES;
                kept += usize::from(size <= most);
            }
            // One too large takes all with it.
            plain.truncate(kept);
            for (nth, field) in plain.iter().enumerate() {
                assert_eq!(at(&table, 62 + nth).as_ref(), Some(field));
            }
            assert_eq!(at(&table, 62 + kept), None);
            assert!(table.bytes.len() <= 2 * TABLE_BYTES);
        }
    }
}
