//! Templates: a URL or a value with macros in it, read once when the configuration is read.
//!
//! A URL's scheme, host and port are the author's alone: a macro can stand in none of them, and values are encoded so
//! that they end no component. What a macro stands for is expanded once, never read again.

use std::ops::Range;

use url::Url;

use super::macros::{ClickValues, Macro, NoMacro, Spot, Use, Values};
use crate::percent;

/// Text with macros in it. A configuration may have millions, so that all text stands in one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    /// In the order in which they stand, those of the fragment last.
    holes: Box<[Hole]>,
    /// Where in the text the fragment begins, which `#` is a part of; what is added to a query comes before.
    fragment: u32,
    has_query: bool,
}

/// The fixed part of where a URL leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site<'a> {
    /// Whether the scheme is `https`.
    pub secure: bool,
    /// The host, in lower case and ASCII; a dot at its end is kept.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The path, its macros left out.
    pub path: &'a str,
}

/// A macro, and before which byte of the text it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hole {
    at: u32,
    spot: Spot,
    what: Macro,
}

/// A template under way.
#[derive(Default)]
struct Draft {
    text: String,
    holes: Vec<Hole>,
    fragment: Option<u32>,
    has_query: bool,
}

impl Draft {
    fn len(&self) -> u32 {
        u32::try_from(self.text.len()).expect("a file's text is far shorter than 4 GiB, its bytes escaped or not")
    }

    fn push(&mut self, what: Macro, spot: Spot) {
        let at = self.len();
        self.holes.push(Hole { at, spot, what });
    }

    fn finish(self) -> Template {
        let end = self.len();
        // Copies: allocators leave a block at its size that is to shrink to half of it and more.
        let mut holes = Vec::with_capacity(self.holes.len());
        holes.extend(self.holes);
        Template {
            text: self.text.as_str().into(),
            holes: holes.into(),
            fragment: self.fragment.unwrap_or(end),
            has_query: self.has_query,
        }
    }
}

/// What is wrong with a template: each mistake, in the order of the text.
pub type TemplateMistakes = Vec<TemplateMistake>;

/// One thing that is wrong with a template, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateMistake {
    /// Bytes of the template's text.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: String,
}

fn mistake(at: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> TemplateMistake {
    TemplateMistake {
        at,
        message: message.into(),
        help: help.into(),
    }
}

impl Template {
    /// Reads an absolute `http` or `https` URL with macros in its path, query or fragment.
    pub fn url(text: &str, usage: Use) -> Result<Self, TemplateMistakes> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if !is_plain
            && let Some((at, found)) = text
                .char_indices()
                .find(|&(_, c)| c.is_whitespace() || c.is_control() || c == '\\')
        {
            let help = match found {
                ' ' => "write `%20` for a space",
                '\\' => "write `/` between segments, or `%5C` for a backslash",
                _ => "leave it out",
            };
            return Err(vec![mistake(
                at..at + found.len_utf8(),
                format!("a URL cannot hold {found:?}"),
                help,
            )]);
        }
        let (origin, rest_at) = origin(text).map_err(|mistake| vec![mistake])?;
        let mut reader = Reader {
            text,
            usage,
            spot: Spot::Path,
            draft: Draft::default(),
            mistakes: Vec::new(),
        };
        reader.draft.text.push_str(&origin);
        reader.read(rest_at);
        if has_dot_segment(&text[rest_at..]) {
            reader.mistakes.push(mistake(
                rest_at..text.len(),
                "a path segment of dots is resolved away by browsers, and what stands before it with it",
                "write the path as it is meant, without `.` and `..`",
            ));
        }
        if reader.mistakes.is_empty() {
            Ok(reader.draft.finish())
        } else {
            Err(reader.mistakes)
        }
    }

    /// Reads a value for the tracker: any text, macros anywhere.
    pub fn value(text: &str) -> Result<Self, TemplateMistakes> {
        let mut draft = Draft::default();
        let mut mistakes = Vec::new();
        for piece in pieces(text, 0) {
            let read = piece.and_then(|piece| {
                match piece {
                    Piece::Text(at) => {
                        let mut encoded = Vec::new();
                        percent::encode(text[at].as_bytes(), &mut encoded);
                        draft.text.push_str(&String::from_utf8_lossy(&encoded));
                    }
                    Piece::Macro(at) => draft.push(find(text, at, Use::Send)?, Spot::Query),
                }
                Ok(())
            });
            mistakes.extend(read.err());
        }
        if mistakes.is_empty() {
            Ok(draft.finish())
        } else {
            Err(mistakes)
        }
    }

    /// The macros, in the order in which they stand.
    pub fn macros(&self) -> impl Iterator<Item = (&Macro, Spot)> {
        self.holes.iter().map(|hole| (&hole.what, hole.spot))
    }

    /// Where a URL leads.
    pub fn site(&self) -> Site<'_> {
        let (secure, after) = match self.text.strip_prefix("https://") {
            Some(after) => (true, after),
            None => (false, self.text.strip_prefix("http://").unwrap_or_default()),
        };
        let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
            _ => (authority, None),
        };
        Site {
            secure,
            host,
            port: port.unwrap_or(if secure { 443 } else { 80 }),
            path: &rest[..rest.find(['?', '#']).unwrap_or(rest.len())],
        }
    }

    /// Whether there is a `?` in it.
    pub fn has_query(&self) -> bool {
        self.has_query
    }

    /// The text of the query, macros left out.
    pub fn query_text(&self) -> String {
        let before_fragment = &self.text[..self.fragment as usize];
        before_fragment
            .split_once('?')
            .map_or(String::new(), |(_, query)| query.to_owned())
    }

    /// Appends everything up to the fragment, with the values of a hit.
    pub fn write(&self, values: &Values<'_>, click: Option<ClickValues<'_>>, out: &mut Vec<u8>) {
        let mut from = 0;
        for hole in self.holes.iter().take_while(|hole| hole.spot != Spot::Fragment) {
            self.write_hole(&mut from, hole, values, click, out);
        }
        out.extend_from_slice(&self.text.as_bytes()[from..self.fragment as usize]);
    }

    /// Appends the fragment, if there is one, with its `#`.
    pub fn write_fragment(&self, values: &Values<'_>, click: Option<ClickValues<'_>>, out: &mut Vec<u8>) {
        let mut from = self.fragment as usize;
        if from == self.text.len() {
            return;
        }
        for hole in self.holes.iter().filter(|hole| hole.spot == Spot::Fragment) {
            self.write_hole(&mut from, hole, values, click, out);
        }
        out.extend_from_slice(&self.text.as_bytes()[from..]);
    }

    /// Appends the text from `from` to a macro, and the macro's value.
    fn write_hole(
        &self,
        from: &mut usize,
        hole: &Hole,
        values: &Values<'_>,
        click: Option<ClickValues<'_>>,
        out: &mut Vec<u8>,
    ) {
        let at = hole.at as usize;
        out.extend_from_slice(&self.text.as_bytes()[*from..at]);
        values.write(&hole.what, hole.spot, click, out);
        *from = at;
    }
}

/// The scheme, host and port in one form, and where what follows begins.
fn origin(text: &str) -> Result<(String, usize), TemplateMistake> {
    let absolute = "write a whole URL, such as `https://example.com/…`";
    let Some((scheme, after)) = text.split_once("://") else {
        return Err(mistake(0..text.len(), "this is no absolute URL", absolute));
    };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        let message = if scheme.contains('{') {
            "a macro may not stand in the scheme"
        } else {
            "only `http` and `https` lead a visitor on"
        };
        return Err(mistake(0..scheme.len(), message, absolute));
    }
    let begin = scheme.len() + "://".len();
    let end = begin + after.find(['/', '?', '#']).unwrap_or(after.len());
    let authority = &text[begin..end];
    if let Some(at) = authority.find(['{', '}']) {
        return Err(mistake(
            begin + at..end,
            "a macro may not stand in the host",
            "write the host out; macros may stand in the path, the query and the fragment",
        ));
    }
    if authority.contains('@') {
        return Err(mistake(
            begin..end,
            "a user name or password in a URL is shown to every visitor",
            "leave out what stands before `@`",
        ));
    }
    if matches!(scheme, "http" | "https") && is_canonical(authority) {
        return Ok((text[..end].to_owned(), end));
    }
    let url = Url::parse(&text[..end])
        .ok()
        .filter(|url| url.host().is_some())
        .ok_or_else(|| mistake(begin..end, "this is no host", absolute))?;
    let mut origin = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        origin.push(':');
        origin.push_str(&port.to_string());
    }
    Ok((origin, end))
}

/// Whether this is certainly a host name in the form that URLs are written in: most are, and to find it out is most of what
/// reading them takes. A last label that begins with a letter makes it no IPv4 address, in whatever writing.
fn is_canonical(authority: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    let last = authority.rsplit('.').next().unwrap_or_default();
    authority.bytes().all(plain) && last.starts_with(|c: char| c.is_ascii_lowercase()) && !authority.contains("xn--")
}

struct Reader<'t> {
    text: &'t str,
    usage: Use,
    spot: Spot,
    draft: Draft,
    mistakes: TemplateMistakes,
}

impl Reader<'_> {
    fn read(&mut self, from: usize) {
        for piece in pieces(self.text, from) {
            let read = piece.and_then(|piece| match piece {
                Piece::Text(at) => self.text(at),
                Piece::Macro(at) => {
                    self.draft.push(find(self.text, at, self.usage)?, self.spot);
                    Ok(())
                }
            });
            self.mistakes.extend(read.err());
        }
    }

    fn text(&mut self, at: Range<usize>) -> Result<(), TemplateMistake> {
        let text = &self.text[at.clone()];
        if !percent::well_formed(text.as_bytes()) {
            let percent = text.find('%').unwrap_or_default();
            return Err(mistake(
                at.start + percent..at.end,
                "a `%` begins no escape",
                "write `%25` for a percent sign",
            ));
        }
        let mut from = 0;
        for (found, byte) in text.bytes().enumerate() {
            let next = match (byte, self.spot) {
                (b'?', Spot::Path) => Spot::Query,
                (b'#', Spot::Path | Spot::Query) => Spot::Fragment,
                (b'#', Spot::Fragment) => {
                    // A second `#` is data of the fragment (RFC 3986, section 3.5).
                    self.draft.text.push_str(&percent::encode_written(&text[from..found]));
                    self.draft.text.push_str("%23");
                    from = found + 1;
                    continue;
                }
                _ => continue,
            };
            self.draft.text.push_str(&percent::encode_written(&text[from..found]));
            self.spot = next;
            self.draft.has_query |= next == Spot::Query;
            if next == Spot::Fragment {
                self.draft.fragment = Some(self.draft.len());
            }
            from = found;
        }
        self.draft.text.push_str(&percent::encode_written(&text[from..]));
        Ok(())
    }
}

/// Whether a segment of the path may become `.` or `..`: with values that are empty, or with a slash at either end, as those of
/// `{path}` and `{rest}` may have. What stands in a macro's name ends neither a segment nor the path.
fn has_dot_segment(after_host: &str) -> bool {
    // Hardly any has what could be a dot.
    if !after_host.contains(['.', '%']) {
        return false;
    }
    let mut path = String::with_capacity(after_host.len());
    // What is wrong with a brace has been told.
    for piece in pieces(after_host, 0).flatten() {
        match piece {
            Piece::Text(at) => {
                let text = &after_host[at];
                let end = text.find(['?', '#']);
                path.push_str(&text[..end.unwrap_or(text.len())]);
                if end.is_some() {
                    break;
                }
            }
            Piece::Macro(at) if matches!(&after_host[at.clone()], "path" | "rest") => path.push('/'),
            Piece::Macro(_) => {}
        }
    }
    let mut segments = path.split('/').skip(1);
    segments.any(|segment| matches!(&*percent::decode_path(segment.as_bytes()), b"." | b".."))
}

enum Piece {
    Text(Range<usize>),
    /// The name, without its braces.
    Macro(Range<usize>),
}

/// Splits the text behind `from` at its braces.
fn pieces(text: &str, from: usize) -> impl Iterator<Item = Result<Piece, TemplateMistake>> {
    let mut at = from;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let stray = |begin: usize, brace: &str| {
            let escape = if brace == "{" { "%7B" } else { "%7D" };
            Some(Err(mistake(
                begin..begin + 1,
                format!("a `{brace}` without its partner"),
                format!("macros are written `{{name}}`; write `{escape}` for a brace of your own"),
            )))
        };
        let begin = at;
        match rest.find(['{', '}']) {
            Some(0) if rest.starts_with('{') => {
                let Some(length) = rest[1..].find(['{', '}']) else {
                    at = text.len();
                    return stray(begin, "{");
                };
                if rest.as_bytes()[1 + length] == b'{' {
                    at = text.len();
                    return stray(begin, "{");
                }
                at += length + 2;
                Some(Ok(Piece::Macro(begin + 1..begin + 1 + length)))
            }
            Some(0) => {
                at = text.len();
                stray(begin, "}")
            }
            found => {
                at += found.unwrap_or(rest.len());
                Some(Ok(Piece::Text(begin..at)))
            }
        }
    })
}

fn find(text: &str, at: Range<usize>, usage: Use) -> Result<Macro, TemplateMistake> {
    let name = &text[at.clone()];
    Macro::parse(name, usage).map_err(|why| match why {
        NoMacro::Unknown(near) => mistake(
            at,
            format!("there is no macro `{{{name}}}`"),
            match near {
                Some(near) => format!("did you mean `{{{near}}}`?"),
                None => "a parameter of the visitor's own is `{query.NAME}`".to_owned(),
            },
        ),
        NoMacro::NotHere(why) => mistake(at, format!("`{{{name}}}` has no value here"), why),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mistakes_name_their_place() {
        for (text, usage, at, words) in [
            ("//example.com/", Use::Tracking, 0..14, "no absolute URL"),
            ("javascript://a/", Use::Tracking, 0..10, "only `http` and `https`"),
            ("data:text/html,x", Use::Tracking, 0..16, "no absolute URL"),
            ("{query.s}://a/", Use::Tracking, 0..9, "in the scheme"),
            ("https://{host}/", Use::Tracking, 8..14, "in the host"),
            ("https://example.com{path}", Use::Tracking, 19..25, "in the host"),
            ("https://a@b/", Use::Tracking, 8..11, "shown to every visitor"),
            ("https:///x", Use::Tracking, 8..8, "no host"),
            ("https://a b/", Use::Tracking, 9..10, "cannot hold ' '"),
            ("https://a/\r\nX: y", Use::Tracking, 10..11, "cannot hold '\\r'"),
            ("https://a\\b/", Use::Tracking, 9..10, "cannot hold '\\\\'"),
            ("https://a/%z", Use::Tracking, 10..12, "begins no escape"),
            ("https://a/%{ip}", Use::Tracking, 10..11, "begins no escape"),
            ("https://a/{ip", Use::Tracking, 10..11, "without its partner"),
            ("https://a/ip}", Use::Tracking, 12..13, "without its partner"),
            ("https://a/{{ip}}", Use::Tracking, 10..11, "without its partner"),
            ("https://a/{ipp}", Use::Tracking, 11..14, "no macro `{ipp}`"),
            ("https://a/{click_id}", Use::Trafficback, 11..19, "no value here"),
            ("https://a/{session_id}", Use::Trafficback, 11..21, "no value here"),
            ("https://a/{click_id}", Use::Tracking, 11..19, "no value here"),
            ("https://a/{reason}", Use::Traffic, 11..17, "no value here"),
            ("https://a/{reason}", Use::Tracking, 11..17, "no value here"),
            ("https://a/{reason}", Use::Visitor, 11..17, "no value here"),
            ("https://a/{offer_id}", Use::Visitor, 11..19, "no value here"),
            ("https://a/{reason}", Use::Traffic, 11..17, "no value here"),
            ("https://a/{query.}", Use::Traffic, 11..17, "no macro"),
        ] {
            let found = Template::url(text, usage).expect_err(text).remove(0);
            assert_eq!(found.at, at, "{text}: {found:?}");
            assert!(found.message.contains(words), "{text}: {found:?}");
        }
    }

    #[test]
    fn the_nearest_macro_is_named() {
        let found = Template::url("https://a/?r={resaon}", Use::Trafficback).expect_err("a slip");
        assert_eq!(found[0].help, "did you mean `{reason}`?");
    }

    #[test]
    fn all_mistakes_of_a_text_are_found() {
        let found = Template::url("https://a.example/{x}/%z?{click_id}&{y", Use::Tracking).expect_err("four slips");
        let begins: Vec<_> = found.iter().map(|mistake| mistake.at.start).collect();
        assert_eq!(begins, [19, 22, 26, 36]);
        assert_eq!(Template::value("{x}{y}").expect_err("two slips").len(), 2);
    }

    proptest! {
        #[test]
        fn a_canonical_host_is_what_a_url_makes_of_it(host in "[a-z0-9.-]{0,12}(\\.[a-zA-Z0-9:%_-]{1,4})?") {
            if is_canonical(&host) {
                let url = Url::parse(&format!("https://{host}")).expect("a URL");
                prop_assert_eq!(url.host_str(), Some(&*host));
                prop_assert_eq!(url.port(), None);
            }
        }
    }

    #[test]
    fn dot_segments_are_refused() {
        for path in [
            "/..",
            "/a/../b",
            "/{ip}/.",
            "/%2e%2E/x",
            "/.{ip}.",
            "/{ip}../",
            "/{query.a?b}%2e",
            "/{query.a#b}/../x",
            "/.{query.a/b}.",
            "/..{path}x",
            "/x{rest}.",
            "/x{rest}%2e.{path}x",
        ] {
            let text = format!("https://a.example{path}?x={{ip}}");
            let found = Template::url(&text, Use::Tracking).expect_err(path);
            assert!(found[0].message.contains("dots"), "{path}: {found:?}");
        }
        for path in [
            "/.well-known/x",
            "/a../b",
            "/{ip}...",
            "/x?/../",
            "/x#/../",
            "/x{query.a/../b}",
            "/{rest}.html",
            "/v1.{path}",
            "/{query.a?b}?/../",
        ] {
            assert!(
                Template::url(&format!("https://a.example{path}"), Use::Tracking).is_ok(),
                "{path}"
            );
        }
    }
}
