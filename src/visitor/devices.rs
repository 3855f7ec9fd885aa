//! What a visitor holds: the kind of device, the operating system and the browser, as far as a User-Agent tells.
//!
//! Owns the tokens that User-Agents carry and which of them counts before which. The words for the answers are those of
//! `device`; who is a bot is decided by `bots`, and what a link does with any of it by others.

use crate::device::{Agent, Browser, Device, Os};

/// What a token tells.
#[derive(Clone, Copy)]
enum Sign {
    Kind(Kind),
    Os(Os),
    Browser(Browser),
    Hint(Hint),
}

/// What a token tells of the kind of device.
#[derive(Clone, Copy)]
enum Kind {
    Is(Device),
    /// None of the kinds there are words for: a headset, a car.
    Other,
    /// A phone, a tablet or a box at a television: the hints tell.
    Handheld,
    /// A Mac, or an iPad that passes for one.
    Mac,
}

/// What decides only beside another token.
#[derive(Clone, Copy, PartialEq)]
enum Hint {
    /// Phones say so, and tablets of Apple's.
    Mobile,
    /// A browser made this User-Agent, not an app by its own hand: only of browsers is it known that those on phones
    /// say `Mobile`.
    WebKit,
    /// Nothing on its own, for it may be part of a model's or an app's name.
    TvLike,
    /// Everybody's word, meant only on the systems that have that browser.
    Safari,
}

/// The tokens, in the case in which they are sent. Of those of one question that a User-Agent holds, the highest row
/// answers it: the false ones that browsers carry for the sake of old sites stand below the true ones.
const SIGNS: &[(Sign, &[&str])] = &[
    // Devices. A headset says Android, and Mobile or X11.
    (
        Sign::Kind(Kind::Other),
        &["OculusBrowser", "Mobile VR", "Tesla/", "QtCarBrowser"],
    ),
    // Say Windows (the Xbox even Windows Phone), Android, Linux or X11.
    (
        Sign::Kind(Kind::Is(Device::Tv)),
        &[
            "SMART-TV",
            "Smart-TV",
            "SmartTV",
            "Smart TV",
            "SmartTv",
            "SmartHub",
            "NETTV",
            "WebTV",
            "TV Store",
            "OMI/",
            "LG Browser",
            "HbbTV",
            "CE-HTML",
            "Web0S",
            "NetCast",
            "VIDAA",
            "Roku",
            "AppleTV",
            "Apple TV",
            "tvOS",
            "CrKey",
            "Chromecast",
            "GoogleTV",
            "Google TV",
            "Android TV",
            "AndroidTV",
            "BRAVIA",
            "Viera",
            "VIERA",
            "InettvBrowser",
            "; AFT",
            "PlayStation",
            "PLAYSTATION",
            "Nintendo",
            "Xbox",
        ],
    ),
    // Some say Mobile, or pass for a Mac.
    (
        Sign::Kind(Kind::Is(Device::Tablet)),
        &[
            "iPad", "; KF", "Silk", "Kindle", "SM-T", "SM-X", "SM-P", "GT-P", "PlayBook",
        ],
    ),
    // Say Windows, Android or iPhone.
    (
        Sign::Kind(Kind::Is(Device::Phone)),
        &[
            "Windows Phone",
            "Windows Mobile",
            "Windows CE",
            "IEMobile",
            "WPDesktop",
            "Opera Mini",
            "Opera Mobi",
            "UCWEB",
        ],
    ),
    // Old ones with a pen say Tablet PC.
    (Sign::Kind(Kind::Is(Device::Desktop)), &["Windows", "(PC; OpenHarmony"]),
    (Sign::Kind(Kind::Is(Device::Tablet)), &["Tablet"]),
    // Some phones with Android are sold as iPhones.
    (Sign::Kind(Kind::Handheld), &["Android", "HarmonyOS", "OpenHarmony"]),
    (Sign::Kind(Kind::Is(Device::Phone)), &["iPhone", "iPod"]),
    // An iPad that asks for desktop sites in a browser that tells it.
    (Sign::Kind(Kind::Is(Device::Tablet)), &["CriOS", "FxiOS", "EdgiOS"]),
    (Sign::Kind(Kind::Mac), &["Macintosh", "Intel Mac OS X"]),
    (
        Sign::Kind(Kind::Is(Device::Phone)),
        &[
            "Mobile",
            "MIDP",
            "BlackBerry",
            "BB10",
            "Symbian",
            "Nokia",
            "KAIOS",
            "KaiOS",
            "DoCoMo",
            "SoftBank",
            "FOMA",
            "KDDI-",
            "J2ME",
            "UP.Browser",
        ],
    ),
    (
        Sign::Kind(Kind::Is(Device::Desktop)),
        &["X11", "CrOS", "Linux x86_64", "Linux i686", "Ubuntu", "Mac_PowerPC"],
    ),
    // Systems. A headset runs Android whatever it says; Windows Phone says Android and iPhone, and many say Linux.
    (Sign::Os(Os::Android), &["OculusBrowser"]),
    (Sign::Os(Os::Windows), &["Windows", "Xbox"]),
    (Sign::Os(Os::Tvos), &["AppleTV", "Apple TV", "tvOS"]),
    (Sign::Os(Os::Harmonyos), &["HarmonyOS", "OpenHarmony"]),
    (Sign::Os(Os::Tizen), &["Tizen"]),
    (Sign::Os(Os::Webos), &["Web0S", "webOS", "WEBOS"]),
    (Sign::Os(Os::Kaios), &["KAIOS", "KaiOS"]),
    (Sign::Os(Os::Chromeos), &["CrOS"]),
    (Sign::Os(Os::Linux), &["Kindle/"]),
    (
        Sign::Os(Os::Android),
        &["Android", "Silk-Accelerated", " like Chrome/", "; Adr "],
    ),
    (
        Sign::Os(Os::Ios),
        &["iPhone", "iPad", "iPod", "CriOS", "FxiOS", "EdgiOS", "; iOS"],
    ),
    (Sign::Os(Os::Macos), &["Macintosh", "Intel Mac OS X", "Mac_PowerPC"]),
    (Sign::Os(Os::Linux), &["Linux", "LINUX", "Ubuntu"]),
    // Browsers: first the apps, which name the browser they are made of too.
    (Sign::Browser(Browser::Instagram), &["Instagram"]),
    (
        Sign::Browser(Browser::Facebook),
        &["FBAN/", "FBAV/", "FB_IAB/", "MetaIAB Facebook"],
    ),
    (
        Sign::Browser(Browser::Tiktok),
        &["musical_ly", "BytedanceWebview", "trill_", "TikTok"],
    ),
    (Sign::Browser(Browser::Snapchat), &["Snapchat"]),
    (Sign::Browser(Browser::Pinterest), &["Pinterest"]),
    (Sign::Browser(Browser::Line), &[" Line/"]),
    (Sign::Browser(Browser::Wechat), &["MicroMessenger"]),
    (Sign::Browser(Browser::Edge), &["Edg/", "EdgA/", "EdgiOS/", "Edge/"]),
    // Some name Opera Mini.
    (Sign::Browser(Browser::Uc), &["UCBrowser", "UCWEB", " UBrowser/"]),
    (
        Sign::Browser(Browser::Opera),
        &["OPR/", "OPT/", "OPX/", "OPiOS/", "Opera/", "Opera "],
    ),
    // A headset names Samsung's.
    (Sign::Browser(Browser::Chrome), &["OculusBrowser"]),
    (Sign::Browser(Browser::Samsung), &["SamsungBrowser"]),
    (Sign::Browser(Browser::Yandex), &["YaBrowser", "YaSearchBrowser"]),
    (Sign::Browser(Browser::Qq), &["QQBrowser"]),
    (Sign::Browser(Browser::Miui), &["MiuiBrowser"]),
    (Sign::Browser(Browser::Huawei), &["HuaweiBrowser"]),
    (Sign::Browser(Browser::Vivaldi), &["Vivaldi"]),
    (Sign::Browser(Browser::Duckduckgo), &["DuckDuckGo/", "Ddg/"]),
    (Sign::Browser(Browser::Silk), &["Silk"]),
    (Sign::Browser(Browser::Google), &["GSA/"]),
    // Before they said wv, Android's said this.
    (
        Sign::Browser(Browser::Webview),
        &["; wv)", "Version/4.0 Chrome/", "Electron/"],
    ),
    (
        Sign::Browser(Browser::Firefox),
        &["Firefox/", "FxiOS/", "Focus/", "Klar/"],
    ),
    (Sign::Browser(Browser::Ie), &["MSIE ", "Trident/", "IEMobile/"]),
    (
        Sign::Browser(Browser::Chrome),
        &["Chrome/", "CriOS/", "CrMo/", "Chromium/"],
    ),
    (Sign::Hint(Hint::Mobile), &["Mobile"]),
    (Sign::Hint(Hint::WebKit), &["AppleWebKit/"]),
    (Sign::Hint(Hint::TvLike), &["TV", "BOX"]),
    (Sign::Hint(Hint::Safari), &["Safari"]),
];

// A set of rows is the bits of one word.
const _: () = assert!(SIGNS.len() <= 64);

/// Kinds of bytes: each that a token holds, and all others.
const CLASSES: usize = 64;

/// Room for every state: that of no token, and one for each byte of a token that begins like no other before it.
const STATES: usize = 1024;

/// The tokens as one automaton (Aho and Corasick, 1975), made when this is compiled so that a start does none of it.
static TOKENS: Automaton = Automaton::of(SIGNS);

struct Automaton {
    /// The class of each byte.
    classes: [u8; 256],
    /// The state after each state, by the class of the byte that comes.
    next: [[u16; CLASSES]; STATES],
    /// The rows of the tokens that end where a state is reached, a bit for each.
    ended: [u64; STATES],
}

impl Automaton {
    #[expect(clippy::large_stack_arrays, reason = "only the compiler runs it")]
    const fn of(signs: &[(Sign, &[&str])]) -> Self {
        let mut made = Self {
            classes: [0; 256],
            next: [[0; CLASSES]; STATES],
            ended: [0; STATES],
        };
        let (mut classes, mut states, mut row) = (1, 1, 0);
        while row < signs.len() {
            let mut tokens = signs[row].1;
            while let [token, others @ ..] = tokens {
                made.add(token.as_bytes(), 1 << row, &mut classes, &mut states);
                tokens = others;
            }
            row += 1;
        }
        made.close(states);
        made
    }

    /// Adds a token to the tree of them.
    const fn add(&mut self, mut token: &[u8], row: u64, classes: &mut u8, states: &mut u16) {
        let mut state = 0;
        while let [byte, rest @ ..] = token {
            let class = &mut self.classes[*byte as usize];
            if *class == 0 {
                *class = *classes;
                *classes += 1;
            }
            let next = &mut self.next[state][*class as usize];
            if *next == 0 {
                *next = *states;
                *states += 1;
            }
            state = *next as usize;
            token = rest;
        }
        self.ended[state] |= row;
    }

    /// Where the tree does not lead on, it leads where the longest end of what was read that begins a token does.
    const fn close(&mut self, states: u16) {
        // States by depth, and for each that of its longest such end.
        let (mut queue, mut shorter) = ([0; STATES], [0; STATES]);
        let (mut taken, mut queued) = (0, 1);
        while taken < states as usize {
            let state = queue[taken];
            taken += 1;
            let mut class = 0;
            while class < CLASSES {
                // The first state has none, and what it does not lead on from it stays in.
                let beside = if state == 0 {
                    0
                } else {
                    self.next[shorter[state]][class]
                };
                let next = self.next[state][class] as usize;
                if next == 0 {
                    self.next[state][class] = beside;
                } else {
                    shorter[next] = beside as usize;
                    self.ended[next] |= self.ended[beside as usize];
                    queue[queued] = next;
                    queued += 1;
                }
                class += 1;
            }
        }
    }

    /// The rows of the tokens that a text holds, a bit for each.
    fn rows(&self, text: &[u8]) -> u64 {
        let (mut state, mut rows) = (0, 0);
        for &byte in text {
            state = usize::from(self.next[state][usize::from(self.classes[usize::from(byte)])]);
            rows |= self.ended[state];
        }
        rows
    }
}

/// What a User-Agent tells, of any bytes. Nothing is made up: what it does not tell is `None`, and no answer is
/// ever a bot.
pub fn read(user_agent: &[u8]) -> Agent {
    let mut seen = TOKENS.rows(user_agent);
    let (mut kind, mut os, mut browser, mut hints) = (None, None, None, [false; 4]);
    while seen != 0 {
        match SIGNS[seen.trailing_zeros() as usize].0 {
            Sign::Kind(one) => kind = kind.or(Some(one)),
            Sign::Os(one) => os = os.or(Some(one)),
            Sign::Browser(one) => browser = browser.or(Some(one)),
            Sign::Hint(hint) => hints[hint as usize] = true,
        }
        seen &= seen - 1;
    }
    let says = |hint: Hint| hints[hint as usize];
    let device = match kind {
        Some(Kind::Is(device)) => Some(device),
        Some(Kind::Handheld) if says(Hint::Mobile) => Some(Device::Phone),
        Some(Kind::Handheld) if says(Hint::TvLike) => Some(Device::Tv),
        Some(Kind::Handheld) if says(Hint::WebKit) => Some(Device::Tablet),
        Some(Kind::Mac) if says(Hint::Mobile) => Some(Device::Tablet),
        Some(Kind::Mac) => Some(Device::Desktop),
        Some(Kind::Handheld | Kind::Other) | None => None,
    };
    if os == Some(Os::Macos) && says(Hint::Mobile) {
        os = Some(Os::Ios);
    }
    let browser = browser.or(match os {
        Some(Os::Ios | Os::Macos | Os::Windows) if says(Hint::Safari) => Some(Browser::Safari),
        // The bare engine, as apps embed it.
        Some(Os::Ios) if says(Hint::WebKit) => Some(Browser::Webview),
        _ => None,
    });
    Agent { device, os, browser }
}

#[cfg(test)]
#[path = "devices_tests.rs"]
mod tests;
