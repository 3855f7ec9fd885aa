//! Clicks already had, for the time in which the tracker would give the same ones again.
//!
//! A bound in entries is a bound in bytes too: an entry that is larger than others takes the room of several.

use std::{
    hash::{BuildHasherDefault, Hasher},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::answer::Click;
use crate::keyed_hash::KeyedHash;

/// Room for an entry. A browser's click takes about 600 bytes, so that the number of entries is what binds.
const BYTES_PER_ENTRY: usize = 1024;
/// What an entry takes beside its key and texts: list node, table slot, reference counts, allocator.
const OVERHEAD_BYTES: usize = 320;
/// More locks than cores that would meet at one.
const MAX_SHARDS: usize = 64;
/// A shard with fewer entries would forget unfairly.
const MIN_SHARD_ENTRIES: usize = 1024;

/// What the tracker takes for the same click: tracker, offer, campaign, IP and User-Agent, in this order, every part but
/// the last of a fixed length, so that two keys are equal only when all parts are. Before them stands their hash, which is made
/// once for all tables that the key is looked for in, with a secret of this process, so that no visitor can aim at a slot.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(SmallVec<[u8; 320]>);

const HASH_BYTES: usize = size_of::<u64>();

impl Key {
    /// `tracker` is a number of the tracker, `ip` the visitor's canonical address.
    pub fn new(hash: &KeyedHash, tracker: u32, offer_id: u64, campaign_id: u64, ip: IpAddr, user_agent: &[u8]) -> Self {
        const FIXED_BYTES: usize = HASH_BYTES + 4 + 8 + 8 + 16;
        let ip = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let mut fixed = [0; FIXED_BYTES];
        fixed[HASH_BYTES..][..4].copy_from_slice(&tracker.to_be_bytes());
        fixed[HASH_BYTES + 4..][..8].copy_from_slice(&offer_id.to_be_bytes());
        fixed[HASH_BYTES + 12..][..8].copy_from_slice(&campaign_id.to_be_bytes());
        fixed[HASH_BYTES + 20..].copy_from_slice(&ip.octets());
        let mut key = SmallVec::with_capacity(FIXED_BYTES + user_agent.len());
        key.extend_from_slice(&fixed);
        key.extend_from_slice(user_agent);
        let hash = hash.of(&key[HASH_BYTES..]);
        key[..HASH_BYTES].copy_from_slice(&hash.to_ne_bytes());
        Self(key)
    }

    /// One of so many shards, by bits that the tables in them hardly use. `shards` is a power of two, 65,536 at most.
    pub(super) fn shard(&self, shards: usize) -> usize {
        usize::from(u16::from_ne_bytes([self.0[4], self.0[5]])) & (shards - 1)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The hash that stands before a key.
#[derive(Default)]
pub(super) struct Made(u64);

impl Hasher for Made {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(hash) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*hash);
        }
    }

    // The length of what follows.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// For tables whose keys are the bytes of a [`Key`].
pub(super) type HashMade = BuildHasherDefault<Made>;

/// A bounded store of clicks, safe to share.
pub struct Cache {
    shards: Box<[Mutex<Shard>]>,
}

struct Shard {
    clicks: LruCache<Box<[u8]>, Entry, HashMade>,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
}

struct Entry {
    click: Arc<Click>,
    until: Instant,
    bytes: usize,
}

impl Cache {
    /// A cache of at most `entries` clicks and a kilobyte for each; with 0 it keeps none.
    pub fn new(entries: usize) -> Self {
        let shards = (entries / MIN_SHARD_ENTRIES)
            .clamp(1, MAX_SHARDS)
            .next_power_of_two()
            .min(MAX_SHARDS);
        let max_entries = entries.div_ceil(shards);
        let shard = || {
            Mutex::new(Shard {
                clicks: LruCache::unbounded_with_hasher(HashMade::default()),
                bytes: 0,
                max_entries,
                max_bytes: max_entries.saturating_mul(BYTES_PER_ENTRY),
            })
        };
        Self {
            shards: (0..shards).map(|_| shard()).collect(),
        }
    }

    /// The click kept for a key, if its time is not over.
    pub fn get(&self, key: &Key, now: Instant) -> Option<Arc<Click>> {
        let mut shard = self.shard(key);
        let entry = shard.clicks.get(key.as_bytes())?;
        if entry.until > now {
            return Some(Arc::clone(&entry.click));
        }
        shard.remove(key.as_bytes());
        None
    }

    /// Keeps a click for a while, at the cost of those that were not asked for longest.
    pub fn put(&self, key: &Key, click: Arc<Click>, now: Instant, ttl: Duration) {
        let texts = click.id.as_str().len()
            + click.session_id.as_deref().map_or(0, str::len)
            + click
                .params
                .iter()
                .map(|(name, value)| name.len() + value.len() + 2 * size_of::<Box<str>>())
                .sum::<usize>();
        let bytes = OVERHEAD_BYTES + key.as_bytes().len() + texts;
        let mut shard = self.shard(key);
        shard.remove(key.as_bytes());
        if ttl.is_zero() || bytes > shard.max_bytes {
            return;
        }
        while shard.clicks.len() >= shard.max_entries || shard.bytes + bytes > shard.max_bytes {
            match shard.clicks.pop_lru() {
                Some((_, gone)) => shard.bytes -= gone.bytes,
                None => return,
            }
        }
        shard.bytes += bytes;
        let until = now + ttl;
        shard.clicks.put(key.as_bytes().into(), Entry { click, until, bytes });
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        // A panic elsewhere leaves the map whole: nothing in here runs foreign code between its steps.
        self.shards[key.shard(self.shards.len())]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn remove(&mut self, key: &[u8]) {
        if let Some(gone) = self.clicks.pop(key) {
            self.bytes -= gone.bytes;
        }
    }
}

/// For keys that are equal in several places of a test.
#[cfg(test)]
pub(super) static HASHER: std::sync::LazyLock<KeyedHash> = std::sync::LazyLock::new(KeyedHash::new);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::click_id::ClickId;

    const TTL: Duration = Duration::from_mins(5);

    fn key(ip: &str, user_agent: &str) -> Key {
        Key::new(&HASHER, 0, 1, 2, ip.parse().expect("an address"), user_agent.as_bytes())
    }

    fn click(id: &str) -> Arc<Click> {
        Arc::new(Click {
            id: ClickId::try_from(id).expect("a click id"),
            session_id: None,
            params: Box::default(),
            existed: false,
        })
    }

    fn total_bytes(cache: &Cache) -> usize {
        let shard = |shard: &Mutex<Shard>| shard.lock().expect("no test panics in here").bytes;
        cache.shards.iter().map(shard).sum()
    }

    #[test]
    fn a_click_is_kept_for_its_time() {
        let cache = Cache::new(10);
        let now = Instant::now();
        let key = key("192.0.2.1", "a");
        cache.put(&key, click("1"), now, TTL);
        let just_before = now + TTL - Duration::from_millis(1);
        assert_eq!(cache.get(&key, just_before), Some(click("1")));
        assert_eq!(cache.get(&key, now + TTL), None);
        assert_eq!(total_bytes(&cache), 0);
        cache.put(&key, click("1"), now, Duration::ZERO);
        assert_eq!(cache.get(&key, now), None);
    }

    #[test]
    fn a_click_that_takes_the_place_of_another_takes_its_room() {
        let cache = Cache::new(10);
        let now = Instant::now();
        let key = key("192.0.2.1", "a");
        cache.put(&key, click("1"), now, TTL);
        let once = total_bytes(&cache);
        cache.put(&key, click("2"), now, TTL);
        assert_eq!(cache.get(&key, now), Some(click("2")));
        assert_eq!(total_bytes(&cache), once);
    }

    #[test]
    fn keys_are_told_apart_by_every_part() {
        let ip = "192.0.2.1".parse().expect("an address");
        let keys = [
            Key::new(&HASHER, 0, 1, 23, ip, b"a"),
            Key::new(&HASHER, 1, 1, 23, ip, b"a"),
            Key::new(&HASHER, 0, 12, 3, ip, b"a"),
            Key::new(&HASHER, 0, 1, 23, "192.0.2.2".parse().expect("an address"), b"a"),
            Key::new(&HASHER, 0, 1, 23, ip, b"b"),
            Key::new(&HASHER, 0, 1, 23, ip, b"aa"),
        ];
        let cache = Cache::new(100);
        let now = Instant::now();
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(cache.get(key, now), None);
            cache.put(key, click(&n.to_string()), now, TTL);
        }
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(cache.get(key, now), Some(click(&n.to_string())));
        }
    }

    #[test]
    fn the_oldest_unused_goes_first() {
        let cache = Cache::new(2);
        let now = Instant::now();
        cache.put(&key("192.0.2.1", "a"), click("1"), now, TTL);
        cache.put(&key("192.0.2.1", "b"), click("2"), now, TTL);
        cache.get(&key("192.0.2.1", "a"), now);
        cache.put(&key("192.0.2.1", "c"), click("3"), now, TTL);
        assert!(cache.get(&key("192.0.2.1", "a"), now).is_some());
        assert!(cache.get(&key("192.0.2.1", "b"), now).is_none());
        assert!(cache.get(&key("192.0.2.1", "c"), now).is_some());
    }

    #[test]
    fn large_entries_take_the_room_of_several() {
        let cache = Cache::new(5000);
        let now = Instant::now();
        for n in 0..20_000 {
            let user_agent = format!("{n} {}", "x".repeat(if n % 2 == 0 { 64_000 } else { 100 }));
            cache.put(&key("192.0.2.1", &user_agent), click("1"), now, TTL);
            assert!(total_bytes(&cache) <= 5000 * BYTES_PER_ENTRY + MAX_SHARDS * BYTES_PER_ENTRY);
        }
        let huge = key("192.0.2.1", &"x".repeat(6_000_000));
        cache.put(&huge, click("1"), now, TTL);
        assert!(cache.get(&huge, now).is_none());
    }

    #[test]
    fn no_entries_keep_nothing() {
        let cache = Cache::new(0);
        let now = Instant::now();
        cache.put(&key("192.0.2.1", "a"), click("1"), now, TTL);
        assert!(cache.get(&key("192.0.2.1", "a"), now).is_none());
    }
}
