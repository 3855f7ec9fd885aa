//! Tests of `bots`: the list's own crawlers, people of every kind, and the search against plain regular expressions.

use super::*;

const PEOPLE: &str = include_str!("testdata/people.txt");
const CRAWLERS_SEEN: &str = include_str!("testdata/crawlers.txt");

/// Bots that most sites meet.
const WELL_KNOWN: &[&str] = &[
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.31.0",
    "Python-urllib/3.12",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "axios/1.6.8",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "AdsBot-Google (+http://www.google.com/adsbot.html)",
    "AdsBot-Google",
    "Mediapartners-Google",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "WhatsApp/2.23.20.0 A",
    "WhatsApp/2.24.1 i",
    "Viber",
    "TelegramBot (like TwitterBot)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
    // Previewers that name a browser or an app beside their own name.
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; https://zhanzhang.toutiao.com/)",
    "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; TikTokSpider; ttspider-feedback@tiktok.com)",
    "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
    "Overcast/1.0 Podcast Sync (123 subscribers; feed-id=456789; +http://overcast.fm/)",
];

/// The lines of a data file. Spaces at either end of a line belong to it.
fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn people_are_people() {
    let mut count = 0;
    let taken: Vec<_> = lines(PEOPLE)
        .inspect(|_| count += 1)
        .filter(|ua| is_bot(ua.as_bytes()))
        .collect();
    assert_eq!(taken, [] as [&str; 0], "people taken for bots");
    assert!(count >= 60, "only {count} people to tell");
}

#[test]
fn each_exception_spares_someone() {
    // An exception that spares nobody is not needed, and hides bots.
    for &(pattern, _, why) in NARROWED {
        let listed = any_of(&[pattern]);
        assert!(
            lines(PEOPLE).any(|ua| listed.is_match(ua.as_bytes())),
            "testdata/people.txt has nobody for {pattern} ({why})"
        );
    }
}

#[test]
fn each_exception_is_still_in_the_list() {
    for &(pattern, to, _) in NARROWED {
        assert!(lines(CRAWLERS).any(|p| p == pattern), "{pattern}");
        let listed = any_of(&[pattern]);
        let seen: Vec<_> = lines(CRAWLERS_SEEN)
            .filter(|ua| listed.is_match(ua.as_bytes()))
            .collect();
        let Some(to) = to else {
            // A pattern may be left out only if it finds people alone.
            assert!(
                seen.iter().all(|ua| lines(PEOPLE).any(|p| p == *ua)),
                "{pattern} is left out, though it finds {seen:?}"
            );
            continue;
        };
        // What is put in place of a pattern must still find its crawlers.
        let narrowed = any_of(&[to]);
        assert!(
            seen.iter().any(|ua| narrowed.is_match(ua.as_bytes())),
            "{to} finds none of {seen:?}"
        );
    }
}

#[test]
fn crawlers_are_bots() {
    let all: Vec<_> = lines(CRAWLERS_SEEN).collect();
    let missed: Vec<_> = all.iter().filter(|ua| !is_bot(ua.as_bytes())).collect();
    assert!(all.len() >= 2000, "only {} crawlers to tell", all.len());
    assert!(
        missed.len() * 200 <= all.len(),
        "more than one in 200 missed: {missed:#?}"
    );
}

#[test]
fn well_known_bots_are_bots() {
    for ua in WELL_KNOWN {
        assert!(is_bot(ua.as_bytes()), "{ua}");
    }
}

#[test]
fn case_and_anchors_count() {
    for (ua, bot) in [
        ("wget/1.0", true),
        ("WGET/1.0", false),
        ("ClaudeBot/1.0", true),
        ("ClaudeBOT/1.0", false),
        ("curl/8.5.0", true),
        ("libcurl/8.5.0", false),
        ("Silk/1.0", true),
        ("like Silk/1.0", false),
        ("SSL Labs", true),
        ("SSL Labs!", false),
        ("AdsBot-Google", true),
        ("AdsBot-Google-X", false),
        ("a PTST/1", true),
        ("aPTST/1", false),
        ("BlogTraffic/1.2 Feed-Fetcher", true),
        ("BlogTraffic/x.2 Feed-Fetcher", false),
        (" DVbot", true),
        ("DVbot", false),
    ] {
        assert_eq!(is_bot(ua.as_bytes()), bot, "{ua}");
    }
}

#[test]
fn agrees_with_the_patterns_as_regular_expressions() {
    let mut patterns = Patterns(CRAWLERS);
    let patterns: Vec<_> = iter::from_fn(|| patterns.next()).collect();
    assert!(patterns.len() > 1400, "{}", patterns.len());
    let all = RegexBuilder::new(&format!("(?:{})", patterns.join(")|(?:")))
        .unicode(false)
        // Room for all of its states, or it builds them again for each text.
        .dfa_size_limit(1 << 28)
        .build()
        .expect("each of the patterns is one");
    // The patterns themselves come close to what they match; cut at either
    // end, or with a stranger beside them, they come close to not matching.
    // A fourth of the crawlers seen is enough, and the rest takes seconds.
    let texts = lines(CRAWLERS_SEEN)
        .step_by(4)
        .chain(lines(PEOPLE))
        .chain(WELL_KNOWN.iter().copied())
        .map(str::to_owned)
        .chain(patterns.iter().map(|p| p.replace(['\\', '^', '$'], "")));
    for text in texts {
        let bytes = text.as_bytes();
        let most = bytes.len().saturating_sub(1);
        let beside = format!("x{text}x");
        for part in [bytes, &bytes[..most], &bytes[bytes.len().min(1)..], beside.as_bytes()] {
            assert_eq!(is_bot(part), all.is_match(part), "{}", String::from_utf8_lossy(part));
        }
    }
}

#[test]
fn bytes_of_any_kind_are_no_trouble() {
    assert!(!is_bot(b""));
    assert!(!is_bot(b"Mozilla/5.0"));
    assert!(!is_bot(&[0xff; 9000]));
    assert!(!is_bot(&[0; 9000]));
    assert!(is_bot(b"\xff\xfeGooglebot/\x80"));
    // A cheap pseudo-random walk over all bytes and lengths.
    let mut state = 1_u32;
    for len in 0..2000 {
        let text: Vec<u8> = (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        let _ = is_bot(&text);
    }
}

#[test]
fn the_work_is_bounded_and_small_for_people() {
    const { assert!(!LIST.always_rest) };
    // This bounds the work for each byte, whatever a client sends.
    let fullest = (0..BUCKETS).map(|number| LIST.bucket(number).len()).max();
    assert!(fullest <= Some(8), "{fullest:?} literals share a bucket");
    let (mut people, mut looked_up) = (0, 0);
    for ua in lines(PEOPLE) {
        people += 1;
        looked_up += ua
            .as_bytes()
            .windows(WINDOW)
            .filter(|window| is_known(hash(window.iter().copied().fold(0, slide))))
            .count();
    }
    assert!(
        looked_up <= 3 * people,
        "{looked_up} windows looked up for {people} people"
    );
}

#[test]
fn literals_are_read_out_of_patterns() {
    for (pattern, literal, whole) in [
        ("Googlebot\\/", "Googlebot/", true),
        ("[wW]get", "get", false),
        ("^curl", "curl", false),
        ("SSL Labs$", "SSL Labs", false),
        ("(^| )PTST\\/", "PTST/", false),
        ("(a|(b)c)def[)]g", "def", false),
        ("[]|(]", "", false),
        ("abcd?efg", "abc", false),
        ("abc{2,30}de", "ab", false),
        ("a\\dbc", "bc", false),
        ("a.bc", "bc", false),
        ("ab\\", "ab", false),
    ] {
        let (read, is_whole) = longest_literal(pattern);
        let read = str::from_utf8(&read.bytes[..usize::from(read.length)]);
        assert_eq!((read, is_whole), (Ok(literal), whole), "{pattern}");
    }
    let mut others = Some(r"a[|]b|c(d|e)\||");
    let split: Vec<_> = iter::from_fn(|| {
        let (first, rest) = first_alternative(others?);
        others = rest;
        Some(first)
    })
    .collect();
    assert_eq!(split, ["a[|]b", r"c(d|e)\|", ""]);
}
