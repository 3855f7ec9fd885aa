//! Declared bots: whether a User-Agent names itself as a crawler, a link
//! previewer, a monitor, an HTTP library or another program without a person
//! behind it.
//!
//! Owns the reading of the public list `crawlers.txt`, the few exceptions to
//! it, and the search. It does not look for bots that pass themselves off as
//! browsers, and does not decide what a redirect does with the answer.

use std::{collections::HashMap, sync::OnceLock};

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

/// One bit for each hash.
type Bitmap = [u64; (1 << HASH_BITS) / 64];

/// A literal that a pattern asks for.
struct Needle {
    /// Hash of the window by which it is found.
    hash: usize,
    /// Where in `text` that window ends.
    end: usize,
    text: Box<[u8]>,
    /// Whether the literal is the whole pattern, so that finding it is enough.
    whole: bool,
}

/// The compiled list of declared bots.
///
/// Nearly all patterns are plain literals. One pass over the User-Agent hashes
/// every window of four bytes and asks a bitmap whether a literal is found by
/// such a window; only then are literals compared. The patterns that are more
/// than a literal are one regular expression, which runs only if a literal of
/// one of them was found. (The whole list as one regular expression needs more
/// states than its cache holds, and as an Aho-Corasick automaton more memory.)
pub struct Bots {
    /// One bit for each hash that some needle has.
    known: Box<Bitmap>,
    /// The needles, by `hash / HASHES_PER_BUCKET`.
    buckets: Box<[Vec<Needle>]>,
    /// The patterns that are more than a literal, as alternatives.
    rest: Box<[&'static str]>,
    /// The same, compiled when they are first asked: few visitors come to that, and a start need not wait for it.
    compiled: OnceLock<Regex>,
    /// A pattern of `rest` has no literal to be found by, so `rest` always runs.
    /// Not so with today's list; it keeps a renewed one right, if slow.
    always_rest: bool,
}

impl Default for Bots {
    fn default() -> Bots {
        Bots::new()
    }
}

impl Bots {
    /// Compiles the list; meant to be called once, at the start.
    #[must_use]
    pub fn new() -> Bots {
        let mut literals = Vec::new();
        let mut rest = Vec::new();
        for pattern in patterns() {
            for alternative in alternatives(pattern) {
                let (text, whole) = longest_literal(alternative);
                if !whole {
                    rest.push(alternative);
                }
                literals.push((text, whole));
            }
        }
        let (needles, always_rest) = place(literals);
        let mut known = no_hash_known();
        let mut buckets: Vec<Vec<Needle>> = Vec::new();
        buckets.resize_with((1 << HASH_BITS) / HASHES_PER_BUCKET, Vec::new);
        for needle in needles {
            known[needle.hash / 64] |= 1 << (needle.hash % 64);
            buckets[needle.hash / HASHES_PER_BUCKET].push(needle);
        }
        Bots {
            known,
            buckets: buckets.into_boxed_slice(),
            rest: rest.into(),
            compiled: OnceLock::new(),
            always_rest,
        }
    }

    /// Whether this User-Agent declares a bot.
    ///
    /// Takes any bytes. An empty one and a bare `Mozilla/5.0` declare nothing.
    #[must_use]
    pub fn is_bot(&self, user_agent: &[u8]) -> bool {
        let mut run_rest = self.always_rest;
        let mut window = 0;
        for (i, &byte) in user_agent.iter().enumerate() {
            window = slide(window, byte);
            let hash = hash(window);
            if self.known[hash / 64] >> (hash % 64) & 1 == 1 {
                match self.found(user_agent, i + 1, hash) {
                    Some(true) => return true,
                    Some(false) => run_rest = true,
                    None => {}
                }
            }
        }
        run_rest && self.compiled.get_or_init(|| any_of(&self.rest)).is_match(user_agent)
    }

    /// Whether a needle with this hash lies where a window of it ends at `end`;
    /// if so, whether one of them is enough.
    ///
    /// Kept out of the loop that calls it: it runs about once for a person.
    #[cold]
    fn found(&self, user_agent: &[u8], end: usize, hash: usize) -> Option<bool> {
        self.buckets[hash / HASHES_PER_BUCKET]
            .iter()
            .filter(|n| n.hash == hash)
            .filter(|n| {
                end.checked_sub(n.end)
                    .is_some_and(|start| user_agent[start..].starts_with(&n.text))
            })
            .map(|n| n.whole)
            .max()
    }
}

/// The patterns in force: the list's, narrowed.
fn patterns() -> impl Iterator<Item = &'static str> {
    let narrowed: HashMap<_, _> = NARROWED.iter().map(|&(of, to, _)| (of, to)).collect();
    lines(CRAWLERS).filter_map(move |p| narrowed.get(p).copied().unwrap_or(Some(p)))
}

/// The lines of a data file. Spaces at either end of a line belong to it.
fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
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

fn no_hash_known() -> Box<Bitmap> {
    // By way of a vector, so that it never stands on the stack.
    vec![0; (1 << HASH_BITS) / 64]
        .try_into()
        .expect("made with this length")
}

/// Puts one more byte into a window; the oldest falls off the top.
fn slide(window: u32, byte: u8) -> u32 {
    window << 8 | u32::from(byte)
}

fn hash(window: u32) -> usize {
    // Fibonacci hashing; the shift leaves HASH_BITS bits, which fit any usize.
    (window.wrapping_mul(0x9E37_79B1) >> (u32::BITS - HASH_BITS)) as usize
}

/// The hash of every full window in `text`, with the place where it ends.
fn windows(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    text.windows(WINDOW)
        .enumerate()
        .map(|(i, w)| (hash(w.iter().copied().fold(0, slide)), i + WINDOW))
}

/// Chooses the window by which each literal is found. Also tells whether there
/// was a literal too short to have one.
fn place(literals: Vec<(String, bool)>) -> (Vec<Needle>, bool) {
    let mut everyday = vec![false; 1 << HASH_BITS];
    for line in EVERYDAY.lines() {
        windows(line.as_bytes()).for_each(|(hash, _)| everyday[hash] = true);
    }
    let mut too_short = false;
    let mut shared: HashMap<usize, usize> = HashMap::new();
    let mut needles = Vec::with_capacity(literals.len());
    for (text, whole) in literals {
        let text = text.into_bytes();
        let places: Vec<_> = if text.len() == WINDOW - 1 {
            // Once for each byte that may stand before it; before the first
            // byte of a User-Agent the window is as if a zero stood there.
            (0..=u8::MAX)
                .map(|before| text.iter().copied().fold(before.into(), slide))
                .map(|window| (hash(window), text.len()))
                .collect()
        } else {
            // Spread over the hashes, so that no User-Agent has many to compare.
            windows(&text)
                .min_by_key(|&(hash, _)| (everyday[hash], shared.get(&hash).copied()))
                .into_iter()
                .collect()
        };
        too_short |= places.is_empty();
        for (hash, end) in places {
            *shared.entry(hash).or_default() += 1;
            needles.push(Needle {
                hash,
                end,
                text: text.clone().into_boxed_slice(),
                whole,
            });
        }
    }
    (needles, too_short)
}

/// A piece of a pattern, as far as this module has to tell them apart.
#[derive(Clone, Copy)]
enum Piece {
    /// This character and no other.
    Literal(char),
    /// Makes the piece before it optional or repeated.
    Repeat,
    /// `|` outside of any group.
    Or,
    /// Anything else: a class, a group, an anchor.
    Other,
}

/// Splits a pattern into its pieces, each with the place where it ends.
fn pieces(pattern: &str) -> Vec<(Piece, usize)> {
    let mut pieces = Vec::new();
    let mut groups = 0;
    let mut class = false;
    let mut chars = pattern.char_indices();
    while let Some((at, c)) = chars.next() {
        let mut end = at + c.len_utf8();
        let mut piece = match c {
            '\\' => match chars.next() {
                Some((at, c)) => {
                    end = at + c.len_utf8();
                    // An escaped letter or digit is a class such as \d.
                    if c.is_alphanumeric() {
                        Piece::Other
                    } else {
                        Piece::Literal(c)
                    }
                }
                None => Piece::Other,
            },
            ']' if class => {
                class = false;
                Piece::Other
            }
            '[' => {
                class = true;
                Piece::Other
            }
            '(' if !class => {
                groups += 1;
                Piece::Other
            }
            ')' if !class && groups > 0 => {
                groups -= 1;
                Piece::Other
            }
            '{' if !class => {
                if let Some((at, _)) = chars.by_ref().find(|&(_, c)| c == '}') {
                    end = at + 1;
                }
                Piece::Repeat
            }
            '?' | '*' | '+' => Piece::Repeat,
            '|' => Piece::Or,
            '^' | '$' | '.' => Piece::Other,
            _ => Piece::Literal(c),
        };
        if class || groups > 0 {
            piece = Piece::Other;
        }
        pieces.push((piece, end));
    }
    pieces
}

/// The alternatives that a pattern is made of at its top, usually just itself.
fn alternatives(pattern: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let mut cuts: Vec<_> = pieces(pattern)
        .into_iter()
        .filter(|(piece, _)| matches!(piece, Piece::Or))
        .map(|(_, end)| end)
        .collect();
    cuts.push(pattern.len() + 1);
    cuts.into_iter().map(move |end| {
        let alternative = &pattern[start..end - 1];
        start = end;
        alternative
    })
}

/// The longest literal that every match of the pattern holds, and whether it
/// is all that the pattern asks for.
fn longest_literal(pattern: &str) -> (String, bool) {
    let mut longest = String::new();
    let mut run = String::new();
    let mut whole = true;
    for (piece, _) in pieces(pattern) {
        if let Piece::Literal(c) = piece {
            run.push(c);
            continue;
        }
        if let Piece::Repeat = piece {
            run.pop();
        }
        whole = false;
        if run.len() > longest.len() {
            longest.clone_from(&run);
        }
        run.clear();
    }
    if run.len() > longest.len() {
        longest = run;
    }
    (longest, whole)
}

#[cfg(test)]
#[path = "bots_tests.rs"]
mod tests;
