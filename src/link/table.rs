//! The table of links: from a canonical host and path to the link that stands there.
//!
//! An exact host beats a wildcard, a longer wildcard a shorter one; on one host an exact path beats a subtree, a deeper
//! subtree a shallower one. A place of a more particular host that does not take the path leaves it to the next.

use std::collections::{BTreeSet, HashSet};

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::place::{HostPattern, Place};
use crate::keyed_hash::KeyedHash;

/// Places and what stands at them. Made for millions: a place takes its text and some 30 bytes.
#[derive(Debug)]
pub struct Table<T> {
    items: Vec<T>,
    keys: Keys,
    /// Numbers of places.
    exact: HashTable<u32>,
    /// The same for the roots of subtrees.
    subtrees: HashTable<u32>,
    hash: KeyedHash,
    /// How many segments the roots of subtrees have, so that no other prefix is looked up.
    depths: Vec<usize>,
    /// Host patterns with a star.
    wildcards: HashSet<Box<str>>,
}

/// The keys of all places, by number: host pattern and path, written one after the other (`go.example.com/shoes`,
/// `*.example.com/`, `*/deals`), the root of a host's subtree as its pattern alone. A host holds no slash, so that no two
/// places share a key.
#[derive(Debug, Default)]
struct Keys {
    text: String,
    /// Where each ends in the text, and its item's number.
    ends: Vec<(usize, u32)>,
}

impl Keys {
    fn key(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1].0 };
        &self.text.as_bytes()[start..self.ends[number].0]
    }
}

/// A link and what its `*` stood for.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'t, 'p, T> {
    /// What stands at the place.
    pub item: &'t T,
    /// The path below a subtree's root, without its leading slash; empty for an exact path.
    pub rest: &'p str,
}

/// The place is taken, by the place of this number: they are counted in the order in which they were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken(pub usize);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            keys: Keys::default(),
            exact: HashTable::new(),
            subtrees: HashTable::new(),
            hash: KeyedHash::new(),
            depths: Vec::new(),
            wildcards: HashSet::new(),
        }
    }
}

impl<T> Table<T> {
    /// Adds an item that stands nowhere yet, and gives its number.
    pub fn push(&mut self, item: T) -> usize {
        self.items.push(item);
        self.items.len() - 1
    }

    /// Puts the item of a number at a place. A place has one item; one of a number that no item has takes its place from
    /// others and is never found.
    pub fn place(&mut self, place: &Place, item: usize) -> Result<(), Taken> {
        let (star, host) = match &place.host {
            HostPattern::Exact(host) => ("", host.as_str()),
            HostPattern::Below(host) => ("*.", host.as_str()),
            HostPattern::Any => ("*", ""),
        };
        let path = match place.path.as_str() {
            "/" if place.subtree => "",
            path => path,
        };
        let Self { keys, hash, .. } = self;
        let map = if place.subtree {
            &mut self.subtrees
        } else {
            &mut self.exact
        };
        // The key is tried where it is to stay.
        let begin = keys.text.len();
        for part in [star, host, path] {
            keys.text.push_str(part);
        }
        let key = &keys.text.as_bytes()[begin..];
        let at = hash.of(key);
        if let Some(&taken) = map.find(at, |&known| keys.key(known) == key) {
            keys.text.truncate(begin);
            return Err(Taken(taken as usize));
        }
        let number = u32::try_from(keys.ends.len()).expect("fewer places than memory for them");
        keys.ends
            .push((keys.text.len(), u32::try_from(item).unwrap_or(u32::MAX)));
        map.insert_unique(at, number, |&known| hash.of(keys.key(known)));
        if place.subtree {
            let depth = segments(&place.path);
            if let Err(at) = self.depths.binary_search_by(|known| depth.cmp(known)) {
                self.depths.insert(at, depth);
            }
        }
        if !star.is_empty() {
            self.wildcards.insert(format!("{star}{host}").into());
        }
        Ok(())
    }

    /// Makes room for more items, with a place for each.
    pub fn reserve(&mut self, more: usize) {
        let Self { keys, hash, .. } = self;
        self.items.reserve(more);
        keys.ends.reserve(more);
        self.exact.reserve(more, |&known| hash.of(keys.key(known)));
    }

    /// Gives back what was taken in advance, once all is placed.
    pub fn shrink_to_fit(&mut self) {
        self.items.shrink_to_fit();
        self.keys.text.shrink_to_fit();
        self.keys.ends.shrink_to_fit();
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items in the order in which they came.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The hosts of all places as they are matched, each once and in order: `go.example.com`, `*.example.com`, `*`.
    pub fn hosts(&self) -> BTreeSet<&str> {
        let places = 0..u32::try_from(self.keys.ends.len()).unwrap_or(u32::MAX);
        let keys = places.filter_map(|number| str::from_utf8(self.keys.key(number)).ok());
        keys.map(|key| key.split('/').next().unwrap_or_default()).collect()
    }

    /// The same, to be changed where they stand.
    pub fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// The link for a canonical host and path.
    pub fn find<'p>(&self, host: &str, path: &'p str) -> Option<Found<'_, 'p, T>> {
        if let Some(found) = self.on(host, path) {
            return Some(found);
        }
        if self.wildcards.is_empty() {
            return None;
        }
        let mut pattern: SmallVec<[u8; 64]> = SmallVec::new();
        let mut below = host;
        while let Some((_, parent)) = below.split_once('.') {
            pattern.clear();
            pattern.extend_from_slice(b"*.");
            pattern.extend_from_slice(parent.as_bytes());
            if let Some(found) = str::from_utf8(&pattern)
                .ok()
                .filter(|pattern| self.wildcards.contains(*pattern))
                .and_then(|pattern| self.on(pattern, path))
            {
                return Some(found);
            }
            below = parent;
        }
        self.on("*", path)
    }

    fn on<'p>(&self, host: &str, path: &'p str) -> Option<Found<'_, 'p, T>> {
        let mut key: SmallVec<[u8; 128]> = SmallVec::from_slice(host.as_bytes());
        key.extend_from_slice(path.as_bytes());
        if let Some(item) = self.item(&self.exact, &key) {
            return Some(Found { item, rest: "" });
        }
        let depth = segments(path);
        for &root in self.depths.iter().filter(|&&root| root <= depth) {
            let ends = end_of_segments(path, root);
            if let Some(item) = self.item(&self.subtrees, &key[..host.len() + ends]) {
                let rest = path[ends..].strip_prefix('/').unwrap_or_default();
                return Some(Found { item, rest });
            }
        }
        None
    }

    fn item(&self, map: &HashTable<u32>, key: &[u8]) -> Option<&T> {
        let hash = self.hash.of(key);
        let number = *map.find(hash, |&known| self.keys.key(known) == key)?;
        let (_, item) = self.keys.ends[number as usize];
        self.items.get(item as usize)
    }
}

/// `/` has none, `/a` one, `/a/b` two.
fn segments(path: &str) -> usize {
    if path == "/" {
        0
    } else {
        path.bytes().filter(|&byte| byte == b'/').count()
    }
}

/// Where the first `count` segments of a path end.
fn end_of_segments(path: &str, count: usize) -> usize {
    path.bytes()
        .enumerate()
        .filter(|&(_, byte)| byte == b'/')
        .map(|(at, _)| at)
        .nth(count)
        .unwrap_or(path.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(places: &[&str]) -> Table<String> {
        let mut table = Table::default();
        for text in places {
            let item = table.push((*text).to_owned());
            let place = Place::parse(text).expect("a place");
            table.place(&place, item).expect("a free place");
        }
        table
    }

    #[test]
    fn the_most_particular_place_wins() {
        let table = table(&[
            "go.example.com/shoes",
            "go.example.com/shoes/*",
            "go.example.com/shoes/red/*",
            "*.example.com/shoes",
            "*.go.example.com/*",
            "*/shoes",
            "*/any/*",
            "root.example/*",
        ]);
        for (host, path, expected) in [
            ("go.example.com", "/shoes", Some(("go.example.com/shoes", ""))),
            (
                "go.example.com",
                "/shoes/blue",
                Some(("go.example.com/shoes/*", "blue")),
            ),
            (
                "go.example.com",
                "/shoes/blue/42",
                Some(("go.example.com/shoes/*", "blue/42")),
            ),
            ("go.example.com", "/shoes/red", Some(("go.example.com/shoes/red/*", ""))),
            (
                "go.example.com",
                "/shoes/red/42",
                Some(("go.example.com/shoes/red/*", "42")),
            ),
            ("go.example.com", "/shoesred", None),
            ("www.example.com", "/shoes", Some(("*.example.com/shoes", ""))),
            ("a.b.example.com", "/shoes", Some(("*.example.com/shoes", ""))),
            ("x.go.example.com", "/shoes", Some(("*.go.example.com/*", "shoes"))),
            ("example.com", "/shoes", Some(("*/shoes", ""))),
            ("go.example.com", "/any/x", Some(("*/any/*", "x"))),
            ("127.0.0.1", "/any", Some(("*/any/*", ""))),
            ("root.example", "/", Some(("root.example/*", ""))),
            ("root.example", "/a/b", Some(("root.example/*", "a/b"))),
            ("root.example", "//", Some(("root.example/*", "/"))),
            ("other.example", "/", None),
        ] {
            let found = table.find(host, path);
            assert_eq!(
                found.map(|found| (found.item.as_str(), found.rest)),
                expected,
                "{host}{path}"
            );
        }
    }

    #[test]
    fn an_item_that_is_none_is_not_found() {
        let mut table = table(&["*/a"]);
        let place = Place::parse("go.example.com/a").expect("a place");
        assert_eq!(table.place(&place, usize::MAX), Ok(()));
        assert_eq!(table.place(&place, 0), Err(Taken(1)));
        assert_eq!(
            table.find("go.example.com", "/a").map(|found| found.item.as_str()),
            Some("*/a")
        );
    }

    #[test]
    fn a_place_is_taken_once() {
        let mut table = table(&["go.example.com/a", "go.example.com/a/*"]);
        let again = Place::parse("GO.example.com/%61/").expect("a place");
        assert_eq!(table.place(&again, 0), Err(Taken(0)));
        let again = Place::parse("go.example.com/a/*").expect("a place");
        assert_eq!(table.place(&again, 0), Err(Taken(1)));
        let other = Place::parse("go.example.com/b").expect("a place");
        assert_eq!(table.place(&other, 1), Ok(()));
        assert_eq!(table.place(&other, 0), Err(Taken(2)));
        assert_eq!(
            table.find("go.example.com", "/b").map(|found| found.item.as_str()),
            Some("go.example.com/a/*")
        );
    }
}
