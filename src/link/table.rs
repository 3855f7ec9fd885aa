//! The table of links: from a canonical host and path to the link that stands there.
//!
//! An exact host beats a wildcard, a longer wildcard a shorter one; on one host an exact path beats a subtree, a deeper
//! subtree a shallower one. A place of a more particular host that does not take the path leaves it to the next.

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;

use super::place::{HostPattern, Place};

/// Places and what stands at them.
#[derive(Debug)]
pub struct Table<T> {
    items: Vec<T>,
    /// Host pattern and path, written one after the other (`go.example.com/shoes`, `*.example.com/`, `*/deals`); a host
    /// holds no slash, so that no two places share a key.
    exact: HashMap<Box<str>, u32>,
    /// The same for the roots of subtrees, the root of a host as its pattern alone.
    subtrees: HashMap<Box<str>, u32>,
    /// How many segments the roots of subtrees have, so that no other prefix is looked up.
    depths: Vec<usize>,
    wildcards: bool,
    hosts: HashSet<Box<str>>,
}

/// A link and what its `*` stood for.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'t, 'p, T> {
    /// What stands at the place.
    pub item: &'t T,
    /// The path below a subtree's root, without its leading slash; empty for an exact path.
    pub rest: &'p str,
}

/// The place is taken, by the item of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken(pub usize);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            exact: HashMap::new(),
            subtrees: HashMap::new(),
            depths: Vec::new(),
            wildcards: false,
            hosts: HashSet::new(),
        }
    }
}

impl<T> Table<T> {
    /// Adds an item that stands nowhere yet, and gives its number.
    pub fn push(&mut self, item: T) -> usize {
        self.items.push(item);
        self.items.len() - 1
    }

    /// Puts the item of a number at a place. A place has one item.
    pub fn place(&mut self, place: &Place, item: usize) -> Result<(), Taken> {
        let number = u32::try_from(item).unwrap_or(u32::MAX);
        let host = place.host.to_string();
        let path = place.path.as_str();
        let (map, key) = if place.subtree {
            (&mut self.subtrees, root_key(&host, path))
        } else {
            (&mut self.exact, format!("{host}{path}"))
        };
        if let Some(&taken) = map.get(key.as_str()) {
            return Err(Taken(taken as usize));
        }
        map.insert(key.into(), number);
        if place.subtree {
            let depth = segments(path);
            if let Err(at) = self.depths.binary_search_by(|known| depth.cmp(known)) {
                self.depths.insert(at, depth);
            }
        }
        self.wildcards |= !matches!(place.host, HostPattern::Exact(_));
        self.hosts.insert(host.into());
        Ok(())
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

    /// The link for a canonical host and path.
    pub fn find<'p>(&self, host: &str, path: &'p str) -> Option<Found<'_, 'p, T>> {
        if let Some(found) = self.on(host, path) {
            return Some(found);
        }
        if !self.wildcards {
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
                .filter(|pattern| self.hosts.contains(*pattern))
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

    fn item(&self, map: &HashMap<Box<str>, u32>, key: &[u8]) -> Option<&T> {
        let number = *map.get(str::from_utf8(key).ok()?)?;
        self.items.get(number as usize)
    }
}

fn root_key(host: &str, path: &str) -> String {
    format!("{host}{}", if path == "/" { "" } else { path })
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
    fn a_place_is_taken_once() {
        let mut table = table(&["go.example.com/a", "go.example.com/a/*"]);
        let again = Place::parse("GO.example.com/%61/").expect("a place");
        assert_eq!(table.place(&again, 0), Err(Taken(0)));
        let again = Place::parse("go.example.com/a/*").expect("a place");
        assert_eq!(table.place(&again, 0), Err(Taken(1)));
    }
}
