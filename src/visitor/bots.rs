//! Declared bots: whether a User-Agent names itself as a crawler, a link
//! previewer, a monitor, an HTTP library or another program without a person
//! behind it.
//!
//! Owns the reading of the public list `crawlers.txt`, the few exceptions to
//! it, and the search. It does not look for bots that pass themselves off as
//! browsers, and does not decide what a redirect does with the answer.

use std::{iter, sync::LazyLock};

use regex::bytes::{Regex, RegexBuilder};

/// The maintained list, as `renew-crawlers` wrote it.
const CRAWLERS: &str = include_str!("crawlers.txt");

/// The list's patterns that also match people, each with what is put in its
/// place (nothing: no crawler is left to find by it) and why.
///
/// Patterns not named here mean what the list says.
const NARROWED: &[(&str, Option<&str>, &str)] = &[
    // Browsers inside apps, and apps that are browsers.
    (
        "MetaIAB Facebook",
        None,
        "the browser inside Meta's apps; the previewer is facebookexternalhit",
    ),
    (
        "WhatsApp",
        Some("^WhatsApp"),
        "the previewer begins with it; the browser inside the app names it later",
    ),
    (
        "Viber",
        Some("^Viber"),
        "the previewer begins with it; the browser inside the app names it later",
    ),
    (
        "Sogou",
        Some("Sogou.{0,20}[sS]pider"),
        "Sogou also makes browsers (SogouMSE, SogouMobileBrowser)",
    ),
    (
        r"Code\/1\.",
        None,
        "Visual Studio Code, in which a person opens the link",
    ),
    (
        r"Trae\/",
        None,
        "an editor like Visual Studio Code, in which a person opens the link",
    ),
    (
        r"Notion\/",
        Some(r"^Notion\/"),
        "the fetcher begins with it; the desktop app names it later",
    ),
    ("Fluid", None, "a browser that makes a Mac app of one site"),
    // Apps in which a person reads or listens, by the maker of a fetcher.
    (
        r"Overcast\/",
        Some(r"Overcast\/.* Podcast Sync"),
        "that is the fetcher of feeds; the rest is the player",
    ),
    (
        r"PocketCasts\/",
        Some(r"PocketCasts\/.*Feed Parser"),
        "that is the fetcher of feeds; the rest is the player",
    ),
    (
        "Podimo",
        Some(r"Podimo\/.*podimo\.com"),
        "that is the fetcher of feeds; the rest is the player",
    ),
    (
        "NewsBlur",
        Some("NewsBlur .*Fetcher"),
        "that is the fetcher of feeds; the rest is the reader",
    ),
    (
        "Chirp|gotosocial",
        Some(r"gotosocial|chirp\.zadzmo"),
        "GoogleChirp is a loudspeaker",
    ),
    // Phones and tablets, and what they run.
    (
        r"AP3A\.240617\.008",
        None,
        "the build of Android 15 on very many phones, told by apps on them",
    ),
    (
        "Sonic",
        Some("compatible; (Rank)?Sonic"),
        "phones (ViewSonic, Cherry Sonic), and Slack's desktop app",
    ),
    ("Butterfly", Some(r"compatible; Butterfly\/"), "a phone (HTC Butterfly)"),
    ("Fever", Some(r"^Fever\/"), "a tablet (Fever_Plus)"),
    ("Expanse", Some("^Expanse"), "a phone"),
    (r"008\/", Some(r"^008\/"), "the end of a phone's model"),
];

/// Bytes in a window.
const WINDOW: usize = 4;

/// Bits of a window's hash. 2^18 bits are 32 KiB, of which browsers touch few,
/// and one in a hundred windows of no interest is looked up.
const HASH_BITS: u32 = 18;

/// Hashes that share a bucket: so many that most buckets hold one needle or none.
const HASHES_PER_BUCKET: usize = 64;
const BUCKETS: usize = (1 << HASH_BITS) / HASHES_PER_BUCKET;

/// What browsers say most. A literal is looked for by a window of it that does
/// not come up here, so that a person's User-Agent raises few candidates.
const EVERYDAY: &str = "\
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0 OPR/100.0.0.0
Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15
Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.0.0 Mobile/15E148 Safari/604.1
Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/300.0.0.0 Mobile/15E148 Safari/604.1
Mozilla/5.0 (Linux; Android 10; K Build/QP1A.190711.020; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36 SamsungBrowser/23.0
Mozilla/4.0 (compatible; MSIE 8.0; Trident/7.0) (SMART-TV; Linux; Tizen 6.0) (Web0S; SmartTV) Opera Electron
Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0 CrOS
Instagram 300.0.0.0.0 Android (33/13; 420dpi; 1080x2400; samsung; Xiaomi; Redmi; HUAWEI; Pixel; en_US) [FBAN/FBIOS;FBAV/400.0.0.0.0;FBBV/500;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.0;FBSS/3;FBCR/;FBID/phone;FBLC/en_US;FBOP/80] [FB_IAB/FB4A;FBAV/400.0;IABMV/1;]
";

/// Room for the needles, and for the longest of them; a list that needs more does not compile.
const NEEDLES: usize = 4096;
const LONGEST: usize = 64;

/// The list, read when this is compiled so that a start does none of it.
///
/// Nearly all patterns are plain literals. One pass over the User-Agent hashes
/// every window of four bytes and asks a bitmap whether a literal is found by
/// such a window; only then are literals compared. The patterns that are more
/// than a literal are one regular expression, which runs only if a literal of
/// one of them was found. (The whole list as one regular expression needs more
/// states than its cache holds, and as an Aho-Corasick automaton more memory.)
static LIST: List = List::of(CRAWLERS);

/// The patterns that are more than a literal, as alternatives; compiled when
/// they are first asked, as few visitors come to that.
static REST: LazyLock<Regex> = LazyLock::new(|| any_of(&rest()));

/// A literal that a pattern asks for.
#[derive(Clone, Copy)]
struct Needle {
    /// Hash of the window by which it is found.
    hash: u32,
    /// Where in the literal that window ends.
    end: u8,
    /// Where in `List::text` the literal lies.
    start: u16,
    length: u8,
    /// Whether the literal is the whole pattern, so that finding it is enough.
    whole: bool,
}

impl Needle {
    const NONE: Self = Self {
        hash: 0,
        end: 0,
        start: 0,
        length: 0,
        whole: false,
    };

    const fn bucket(self) -> usize {
        self.hash as usize / HASHES_PER_BUCKET
    }
}

struct List {
    /// One bit for each hash that some needle has.
    known: [u64; (1 << HASH_BITS) / 64],
    /// The needles, by bucket.
    needles: [Needle; NEEDLES],
    /// Where in `needles` each bucket begins, and where the last ends.
    buckets: [u16; BUCKETS + 1],
    /// The literals.
    text: [u8; CRAWLERS.len()],
    /// A pattern has no literal to be found by, so `REST` always runs.
    /// Not so with today's list; it keeps a renewed one right, if slow.
    always_rest: bool,
}

impl List {
    #[expect(clippy::large_stack_arrays, reason = "only the compiler runs it")]
    const fn of(list: &'static str) -> Self {
        let mut made = Self {
            known: [0; (1 << HASH_BITS) / 64],
            needles: [Needle::NONE; NEEDLES],
            buckets: [0; BUCKETS + 1],
            text: [0; CRAWLERS.len()],
            always_rest: false,
        };
        let everyday = everyday();
        // How many needles have each hash.
        let mut shared = [0_u16; 1 << HASH_BITS];
        // The needles in the order of the list.
        let mut needles = [Needle::NONE; NEEDLES];
        let (mut count, mut written) = (0, 0);
        let mut alternatives = Alternatives::of(list);
        while let Some(alternative) = alternatives.next() {
            let (literal, whole) = longest_literal(alternative);
            let mut needle = Needle {
                start: written,
                length: literal.length,
                whole,
                ..Needle::NONE
            };
            let mut at = 0;
            while at < literal.length {
                made.text[written as usize] = literal.bytes[at as usize];
                written += 1;
                at += 1;
            }
            // By one window; a literal shorter than that, by one for each byte that may stand before it. (Before the first byte
            // of a User-Agent the window is as if a zero stood there.)
            let mut windows = 1;
            needle.end = literal.length;
            if literal.length as usize >= WINDOW {
                (needle.hash, needle.end) = rarest(&literal, &everyday, &shared);
            } else if literal.length as usize == WINDOW - 1 {
                windows = 256;
            } else {
                made.always_rest = true;
                continue;
            }
            let mut before = 0;
            while before < windows {
                if windows > 1 {
                    let [first, second, third, ..] = literal.bytes;
                    needle.hash = hash(before << 24 | u32::from_be_bytes([0, first, second, third]));
                }
                shared[needle.hash as usize] += 1;
                needles[count] = needle;
                count += 1;
                before += 1;
            }
        }
        made.sort(&needles, count);
        made
    }

    const fn sort(&mut self, needles: &[Needle], count: usize) {
        let mut at = 0;
        while at < count {
            self.known[needles[at].hash as usize / 64] |= 1 << (needles[at].hash % 64);
            self.buckets[needles[at].bucket() + 1] += 1;
            at += 1;
        }
        let mut bucket = 0;
        while bucket < BUCKETS {
            self.buckets[bucket + 1] += self.buckets[bucket];
            bucket += 1;
        }
        let mut free = self.buckets;
        at = 0;
        while at < count {
            let place = &mut free[needles[at].bucket()];
            self.needles[*place as usize] = needles[at];
            *place += 1;
            at += 1;
        }
    }

    fn bucket(&self, number: usize) -> &[Needle] {
        &self.needles[usize::from(self.buckets[number])..usize::from(self.buckets[number + 1])]
    }

    fn literal(&self, needle: &Needle) -> &[u8] {
        &self.text[usize::from(needle.start)..][..usize::from(needle.length)]
    }
}

/// Whether this User-Agent declares a bot.
///
/// Takes any bytes. An empty one and a bare `Mozilla/5.0` declare nothing.
#[must_use]
pub fn is_bot(user_agent: &[u8]) -> bool {
    let mut run_rest = LIST.always_rest;
    let mut window = 0;
    for (i, &byte) in user_agent.iter().enumerate() {
        window = slide(window, byte);
        let hash = hash(window);
        if is_known(hash) {
            match found(user_agent, i + 1, hash) {
                Some(true) => return true,
                Some(false) => run_rest = true,
                None => {}
            }
        }
    }
    run_rest && REST.is_match(user_agent)
}

fn is_known(hash: u32) -> bool {
    LIST.known[hash as usize / 64] >> (hash % 64) & 1 == 1
}

/// Whether a needle with this hash lies where a window of it ends at `end`;
/// if so, whether one of them is enough.
///
/// Kept out of the loop that calls it: it runs about once for a person.
#[cold]
fn found(user_agent: &[u8], end: usize, hash: u32) -> Option<bool> {
    LIST.bucket(hash as usize / HASHES_PER_BUCKET)
        .iter()
        .filter(|n| n.hash == hash)
        .filter(|n| {
            end.checked_sub(usize::from(n.end))
                .is_some_and(|start| user_agent[start..].starts_with(LIST.literal(n)))
        })
        .map(|n| n.whole)
        .max()
}

/// The patterns that are more than a literal, as alternatives.
fn rest() -> Vec<&'static str> {
    let mut alternatives = Alternatives::of(CRAWLERS);
    iter::from_fn(|| alternatives.next())
        .filter(|alternative| !longest_literal(alternative).1)
        .collect()
}

/// One regular expression for all of the patterns.
fn any_of(patterns: &[&str]) -> Regex {
    let alternatives: Vec<_> = patterns.iter().map(|p| format!("(?:{p})")).collect();
    RegexBuilder::new(&alternatives.join("|"))
        // A User-Agent is bytes, in no certain encoding.
        .unicode(false)
        .build()
        .expect("the patterns are built in and tested")
}

/// Puts one more byte into a window; the oldest falls off the top.
const fn slide(window: u32, byte: u8) -> u32 {
    window << 8 | byte as u32
}

const fn hash(window: u32) -> u32 {
    // Fibonacci hashing; the shift leaves HASH_BITS bits.
    window.wrapping_mul(0x9E37_79B1) >> (u32::BITS - HASH_BITS)
}

/// The hashes of the windows of what browsers say.
#[expect(clippy::large_stack_arrays, reason = "only the compiler runs it")]
const fn everyday() -> [bool; 1 << HASH_BITS] {
    let mut everyday = [false; 1 << HASH_BITS];
    let text = EVERYDAY.as_bytes();
    let (mut window, mut at) = (0, 0);
    while at < text.len() {
        window = slide(window, text[at]);
        everyday[hash(window) as usize] = true;
        at += 1;
    }
    everyday
}

/// The hash of the window by which a literal is found, with the place where it ends: one that browsers do not say, and spread
/// over the hashes, so that no User-Agent has many to compare.
const fn rarest(literal: &Literal, everyday: &[bool], shared: &[u16]) -> (u32, u8) {
    let (mut rarest, mut least) = ((0, 0), u32::MAX);
    let (mut window, mut end) = (0, 0);
    while end < literal.length {
        window = slide(window, literal.bytes[end as usize]);
        end += 1;
        let hash = hash(window);
        let taken = (everyday[hash as usize] as u32) << 16 | shared[hash as usize] as u32;
        if end as usize >= WINDOW && taken < least {
            (rarest, least) = ((hash, end), taken);
        }
    }
    rarest
}

/// The patterns in force, the list's narrowed, one after the other.
struct Patterns(&'static str);

impl Patterns {
    const fn next(&mut self) -> Option<&'static str> {
        while !self.0.is_empty() {
            // Spaces at either end of a line belong to it.
            let (line, rest) = split_at_line(self.0);
            self.0 = rest;
            if line.is_empty() || line.as_bytes()[0] == b'#' {
                continue;
            }
            if let Some(pattern) = narrowed(line) {
                return Some(pattern);
            }
        }
        None
    }
}

const fn split_at_line(text: &str) -> (&str, &str) {
    let (bytes, mut end) = (text.as_bytes(), 0);
    while end < bytes.len() && bytes[end] != b'\n' {
        end += 1;
    }
    let (line, rest) = text.split_at(end);
    (line, if rest.is_empty() { rest } else { rest.split_at(1).1 })
}

const fn narrowed(pattern: &'static str) -> Option<&'static str> {
    let mut narrowed = NARROWED;
    while let [(of, to, _), rest @ ..] = narrowed {
        if is_same(of.as_bytes(), pattern.as_bytes()) {
            return *to;
        }
        narrowed = rest;
    }
    Some(pattern)
}

const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, after_a @ ..], [b, after_b @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (after_a, after_b);
    }
    one.is_empty() && other.is_empty()
}

/// The alternatives that the patterns in force are made of at their top, one after the other.
struct Alternatives {
    patterns: Patterns,
    /// Those of the pattern that the last one was of.
    others: Option<&'static str>,
}

impl Alternatives {
    const fn of(list: &'static str) -> Self {
        Self {
            patterns: Patterns(list),
            others: None,
        }
    }

    const fn next(&mut self) -> Option<&'static str> {
        if self.others.is_none() {
            self.others = self.patterns.next();
        }
        let Some(pattern) = self.others else { return None };
        let (first, others) = first_alternative(pattern);
        self.others = others;
        Some(first)
    }
}

/// The first of the alternatives of a pattern, usually just itself, and the others.
const fn first_alternative(pattern: &str) -> (&str, Option<&str>) {
    let mut pieces = Pieces::of(pattern);
    let mut end = 0;
    while let Some(piece) = pieces.next() {
        if let Piece::Or = piece {
            return (pattern.split_at(end).0, Some(pattern.split_at(pieces.at).1));
        }
        end = pieces.at;
    }
    (pattern, None)
}

/// A piece of a pattern, as far as this module has to tell them apart.
#[derive(Clone, Copy)]
enum Piece {
    /// This byte and no other.
    Literal(u8),
    /// Makes the piece before it optional or repeated.
    Repeat,
    /// `|` outside of any group.
    Or,
    /// Anything else: a class, a group, an anchor.
    Other,
}

/// The pieces of a pattern, one after the other.
struct Pieces<'a> {
    pattern: &'a [u8],
    /// Where the last one ended.
    at: usize,
    groups: usize,
    class: bool,
}

impl<'a> Pieces<'a> {
    const fn of(pattern: &'a str) -> Self {
        assert!(pattern.is_ascii(), "a byte is a piece only in ASCII");
        Self {
            pattern: pattern.as_bytes(),
            at: 0,
            groups: 0,
            class: false,
        }
    }

    const fn byte(&mut self) -> Option<u8> {
        if self.at == self.pattern.len() {
            return None;
        }
        self.at += 1;
        Some(self.pattern[self.at - 1])
    }

    const fn next(&mut self) -> Option<Piece> {
        let Some(byte) = self.byte() else { return None };
        let piece = match byte {
            b'\\' => match self.byte() {
                // An escaped letter or digit is a class such as \d.
                Some(byte) if !byte.is_ascii_alphanumeric() => Piece::Literal(byte),
                _ => Piece::Other,
            },
            b']' if self.class => {
                self.class = false;
                Piece::Other
            }
            b'[' => {
                self.class = true;
                Piece::Other
            }
            b'(' if !self.class => {
                self.groups += 1;
                Piece::Other
            }
            b')' if !self.class && self.groups > 0 => {
                self.groups -= 1;
                Piece::Other
            }
            b'{' if !self.class => {
                while let Some(byte) = self.byte() {
                    if byte == b'}' {
                        break;
                    }
                }
                Piece::Repeat
            }
            b'?' | b'*' | b'+' => Piece::Repeat,
            b'|' => Piece::Or,
            b'^' | b'$' | b'.' => Piece::Other,
            _ => Piece::Literal(byte),
        };
        Some(if self.class || self.groups > 0 {
            Piece::Other
        } else {
            piece
        })
    }
}

/// What a pattern asks for byte by byte.
#[derive(Clone, Copy)]
struct Literal {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Literal {
    const NONE: Self = Self {
        bytes: [0; LONGEST],
        length: 0,
    };

    const fn push(&mut self, byte: u8) {
        self.bytes[self.length as usize] = byte;
        self.length += 1;
    }
}

/// The longest literal that every match of the pattern holds, and whether it
/// is all that the pattern asks for.
const fn longest_literal(pattern: &str) -> (Literal, bool) {
    let mut longest = Literal::NONE;
    let mut run = Literal::NONE;
    let mut whole = true;
    let mut pieces = Pieces::of(pattern);
    while let Some(piece) = pieces.next() {
        if let Piece::Literal(byte) = piece {
            run.push(byte);
            continue;
        }
        if let Piece::Repeat = piece {
            run.length = run.length.saturating_sub(1);
        }
        whole = false;
        if run.length > longest.length {
            longest = run;
        }
        run = Literal::NONE;
    }
    if run.length > longest.length {
        longest = run;
    }
    (longest, whole)
}

#[cfg(test)]
#[path = "bots_tests.rs"]
mod tests;
