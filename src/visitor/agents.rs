//! What a User-Agent says: whether it is a declared bot's, and which device, system and browser it names; with a memo of the
//! latest, as some thousand User-Agents make nearly all visits.

use std::{
    fmt, iter,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{bots, devices};
use crate::{
    device::{Agent, Browser, Device, Os},
    keyed_hash::KeyedHash,
};

/// Slots of the memo, a power of two.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 13;

/// Bits of a slot that hold an answer: one that there is any, 3 of the device, 4 of the system, 5 of the browser. The
/// slot's place and the bits above these are together the whole hash.
const ANSWER: u64 = (1 << SLOT_BITS) - 1;
const FILLED: u64 = 1 << 12;

const _: () = assert!(Device::ALL.len() < 1 << 3 && Os::ALL.len() < 1 << 4 && Browser::ALL.len() < 1 << 5);

/// Reads User-Agents.
pub struct Agents {
    /// An answer beside what its place does not tell of the User-Agent's hash. Each is one word, written whole, so
    /// that threads need not agree on anything; what shares a slot displaces one another.
    memo: Box<[AtomicU64]>,
    /// Of this process alone, so that nobody can choose a User-Agent that passes for another.
    hash: KeyedHash,
}

impl fmt::Debug for Agents {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Agents").finish_non_exhaustive()
    }
}

impl Default for Agents {
    fn default() -> Self {
        Self::new()
    }
}

impl Agents {
    /// With nothing remembered.
    pub fn new() -> Self {
        Self {
            memo: iter::repeat_with(|| AtomicU64::new(0)).take(SLOTS).collect(),
            hash: KeyedHash::new(),
        }
    }

    /// What the bytes of a `User-Agent` say. A declared bot's device is [`Device::Bot`], whatever else it names.
    pub fn read(&self, user_agent: &[u8]) -> Agent {
        let hash = self.hash.of(user_agent);
        let slot = &self.memo[usize::try_from(hash & ANSWER).expect("of a few bits")];
        let kept = slot.load(Ordering::Relaxed);
        if kept & FILLED != 0 && kept & !ANSWER == hash & !ANSWER {
            return unpack(kept);
        }
        let agent = read_anew(user_agent);
        slot.store(hash & !ANSWER | FILLED | pack(agent), Ordering::Relaxed);
        agent
    }
}

fn read_anew(user_agent: &[u8]) -> Agent {
    let mut agent = devices::read(user_agent);
    if bots::is_bot(user_agent) {
        agent.device = Some(Device::Bot);
    }
    agent
}

/// An answer in few bits, each word as its place among all of its kind, from 1 on.
pub(super) fn pack(agent: Agent) -> u64 {
    let device = agent.device.map_or(0, |one| one as u64 + 1);
    let os = agent.os.map_or(0, |one| one as u64 + 1);
    let browser = agent.browser.map_or(0, |one| one as u64 + 1);
    device | os << 3 | browser << 7
}

pub(super) fn unpack(bits: u64) -> Agent {
    fn word<T: Copy>(all: &[T], bits: u64) -> Option<T> {
        all.get(usize::try_from(bits).ok()?.checked_sub(1)?).copied()
    }
    Agent {
        device: word(Device::ALL, bits & 0b111),
        os: word(Os::ALL, bits >> 3 & 0b1111),
        browser: word(Browser::ALL, bits >> 7 & 0b1_1111),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOME: [&str; 4] = [
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Something/1.0",
    ];

    #[test]
    fn a_bot_is_one_whatever_it_names() {
        let agents = Agents::new();
        let phone = "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/131.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
        let expected = Agent {
            device: Some(Device::Bot),
            os: Some(Os::Android),
            browser: Some(Browser::Chrome),
        };
        assert_eq!(agents.read(phone.as_bytes()), expected);
        assert_eq!(agents.read(phone.as_bytes()), expected);
    }

    #[test]
    fn every_answer_fits_a_slot() {
        fn or_none<T: Copy>(all: &[T]) -> Vec<Option<T>> {
            all.iter().copied().map(Some).chain([None]).collect()
        }
        for device in or_none(Device::ALL) {
            for os in or_none(Os::ALL) {
                for browser in or_none(Browser::ALL) {
                    let agent = Agent { device, os, browser };
                    assert_eq!(unpack(pack(agent) | FILLED), agent);
                    assert_eq!(pack(agent) & !(FILLED - 1), 0, "{agent:?}");
                }
            }
        }
    }

    #[test]
    fn what_shares_a_slot_is_told_apart() {
        let agents = Agents::new();
        // Many times as many as there are slots, so that most displace another.
        for round in 0..SLOTS * 4 {
            let user_agent = SOME[round % SOME.len()];
            let user_agent = format!("{user_agent} {round}");
            let user_agent = user_agent.as_bytes();
            assert_eq!(agents.read(user_agent), read_anew(user_agent), "{round}");
        }
    }

    #[test]
    fn an_answer_is_remembered() {
        let agents = Agents::new();
        let kept = || {
            agents
                .memo
                .iter()
                .filter(|slot| slot.load(Ordering::Relaxed) != 0)
                .count()
        };
        assert_eq!(kept(), 0);
        // Even the one that says that nothing is told.
        agents.read(b"Something/1.0");
        assert_eq!(kept(), 1);
        // Another answer put in its place is what is read, so nothing is read anew.
        let phone = Agent {
            device: Some(Device::Phone),
            ..Agent::default()
        };
        for slot in agents.memo.iter().filter(|slot| slot.load(Ordering::Relaxed) != 0) {
            slot.fetch_or(pack(phone), Ordering::Relaxed);
        }
        assert_eq!(agents.read(b"Something/1.0"), phone);
    }

    proptest! {
        #[test]
        fn the_memo_changes_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..40), some in 0..SOME.len()) {
            let agents = Agents::new();
            let user_agent = [SOME[some].as_bytes(), &bytes].concat();
            let told = read_anew(&user_agent);
            prop_assert_eq!(agents.read(&user_agent), told);
            prop_assert_eq!(agents.read(&user_agent), told);
        }
    }
}
