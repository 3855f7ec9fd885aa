//! What a visitor holds in their hands: kinds of devices, operating systems and browsers, and the words for them.
//!
//! Closed sets, written in lower case as configurations, macros and logs have them. Which User-Agent is what is decided
//! by `visitor`.

/// Declares a closed set of words: the enum, all of it, and the word of each.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// All of them, in the order of their discriminants.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in configurations, macros and logs.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The one of a word, in whatever case.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str().eq_ignore_ascii_case(word))
            }
        }
    };
}

words! {
    /// A kind of device.
    Device {
        /// A telephone, or a player of its size.
        Phone = "phone",
        /// A tablet.
        Tablet = "tablet",
        /// A desktop or laptop computer.
        Desktop = "desktop",
        /// A television, a set-top box or a game console at one.
        Tv = "tv",
        /// No person's: a declared crawler or link preview.
        Bot = "bot",
    }
}

words! {
    /// A family of operating systems.
    Os {
        /// Android and what is made of it.
        Android = "android",
        /// That of iPhone, iPod and iPad.
        Ios = "ios",
        /// Windows, on telephones too.
        Windows = "windows",
        /// That of the Mac. An iPad that asks for desktop sites says it too.
        Macos = "macos",
        /// Linux on desktops.
        Linux = "linux",
        /// That of Chromebooks.
        Chromeos = "chromeos",
        /// Huawei's.
        Harmonyos = "harmonyos",
        /// That of keypad phones.
        Kaios = "kaios",
        /// Samsung's, on televisions and watches.
        Tizen = "tizen",
        /// LG's, on televisions.
        Webos = "webos",
        /// That of the Apple TV.
        Tvos = "tvos",
    }
}

words! {
    /// A browser, or an app with a browser in it.
    Browser {
        /// Google's, on any system.
        Chrome = "chrome",
        /// Apple's.
        Safari = "safari",
        /// Mozilla's, on any system.
        Firefox = "firefox",
        /// Microsoft's.
        Edge = "edge",
        /// Internet Explorer.
        Ie = "ie",
        /// Opera and its kin.
        Opera = "opera",
        /// Samsung Internet.
        Samsung = "samsung",
        /// Yandex Browser.
        Yandex = "yandex",
        /// UC Browser.
        Uc = "uc",
        /// QQ Browser.
        Qq = "qq",
        /// Xiaomi's.
        Miui = "miui",
        /// Huawei's.
        Huawei = "huawei",
        /// Vivaldi.
        Vivaldi = "vivaldi",
        /// `DuckDuckGo`'s.
        Duckduckgo = "duckduckgo",
        /// Amazon's.
        Silk = "silk",
        /// The search app of Google's.
        Google = "google",
        /// Inside Facebook and Messenger.
        Facebook = "facebook",
        /// Inside Instagram.
        Instagram = "instagram",
        /// Inside `TikTok`.
        Tiktok = "tiktok",
        /// Inside Snapchat.
        Snapchat = "snapchat",
        /// Inside Pinterest.
        Pinterest = "pinterest",
        /// Inside LINE.
        Line = "line",
        /// Inside `WeChat`.
        Wechat = "wechat",
        /// Inside another app.
        Webview = "webview",
    }
}

/// What a User-Agent says of its device, as far as it says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// The kind of device.
    pub device: Option<Device>,
    /// Its operating system.
    pub os: Option<Os>,
    /// Its browser.
    pub browser: Option<Browser>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_written_in_one() {
        assert_eq!(Device::parse("Phone"), Some(Device::Phone));
        assert_eq!(Os::parse("iOS"), Some(Os::Ios));
        assert_eq!(Browser::parse("chrome").map(Browser::as_str), Some("chrome"));
        assert_eq!(Browser::parse("netscape"), None);
    }
}
