//! The `Location` of one hit, of a kind for each promise: to the advertiser never without a click id.

use http::HeaderValue;

use super::{
    macros::{ClickValues, Macro, Spot, Use, Values},
    template::{Site, Template, TemplateMistakes},
};
use crate::{percent, query::Query, spare::Spare};

/// A value for the `Location` header: an absolute URI whose scheme, host and port a configuration wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(HeaderValue);

/// A [`Location`] with a click id in it. Only [`TrafficUrl::location`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertiserLocation(Location);

impl Location {
    /// The header's value.
    pub fn into_value(self) -> HeaderValue {
        self.0
    }

    /// The header's value, to look at.
    pub fn value(&self) -> &HeaderValue {
        &self.0
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    fn new(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut written = Spare::with_room(256);
        write(&mut written);
        Self(
            HeaderValue::from_bytes(&written)
                .expect("templates are written in visible ASCII, values are percent-encoded"),
        )
    }
}

impl AdvertiserLocation {
    /// The header's value.
    pub fn into_value(self) -> HeaderValue {
        self.0.into_value()
    }

    /// The header's value, to look at.
    pub fn value(&self) -> &HeaderValue {
        self.0.value()
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A URL for visitors without a click: trafficback, tracking, preview, unmatched.
#[derive(Clone, Debug)]
pub struct FallbackUrl(Template);

impl FallbackUrl {
    /// Reads a template; `usage` says which macros it may hold.
    pub fn parse(text: &str, usage: Use) -> Result<Self, TemplateMistakes> {
        Template::url(text, usage).map(Self)
    }

    /// Its macros.
    pub fn macros(&self) -> impl Iterator<Item = &Macro> {
        self.0.macros().map(|(found, _)| found)
    }

    /// Where it leads.
    pub fn site(&self) -> Site<'_> {
        self.0.site()
    }

    /// Where this visitor goes.
    pub fn location(&self, values: &Values<'_>) -> Location {
        Location::new(|out| {
            self.0.write(values, None, out);
            self.0.write_fragment(values, None, out);
        })
    }
}

/// Which of the visitor's parameters are added to the traffic URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Forward {
    /// None.
    #[default]
    Nothing,
    /// Those of these names.
    Names(Box<[Box<str>]>),
    /// All.
    All,
}

/// The advertiser's link, with the click id in it.
#[derive(Clone, Debug)]
pub struct TrafficUrl {
    template: Template,
    /// `None` where nothing is: so it is with most links.
    forwarded: Option<Box<Forwarded>>,
}

/// The visitor's parameters that are added.
#[derive(Clone, Debug)]
struct Forwarded {
    which: Forward,
    /// Parameters that the link has of its own: no visitor's stands beside them.
    own: Box<[Box<str>]>,
}

/// What is wrong with a traffic URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrafficMistake {
    /// It is no template.
    Template(TemplateMistakes),
    /// There is no `{click_id}` in it.
    NoClickId,
}

impl TrafficUrl {
    /// Reads a template, which must hold `{click_id}`.
    pub fn parse(text: &str, forward: Forward) -> Result<Self, TrafficMistake> {
        let template = Template::url(text, Use::Traffic).map_err(TrafficMistake::Template)?;
        if !template.macros().any(|(found, _)| *found == Macro::ClickId) {
            return Err(TrafficMistake::NoClickId);
        }
        let own = || {
            Query::new(&template.query_text())
                .pairs()
                .map(|pair| String::from_utf8_lossy(&percent::decode_form(pair.name.as_bytes())).into())
                .collect()
        };
        let forwarded = (forward != Forward::Nothing).then(|| {
            Box::new(Forwarded {
                which: forward,
                own: own(),
            })
        });
        Ok(Self { template, forwarded })
    }

    /// Whether the click id stands behind `#` alone, where the advertiser's page sees it and the server does not.
    pub fn hides_click_id_from_server(&self) -> bool {
        self.template
            .macros()
            .all(|(found, spot)| *found != Macro::ClickId || spot == Spot::Fragment)
    }

    /// Its macros.
    pub fn macros(&self) -> impl Iterator<Item = &Macro> {
        self.template.macros().map(|(found, _)| found)
    }

    /// Where it leads.
    pub fn site(&self) -> Site<'_> {
        self.template.site()
    }

    /// Macros that are the tracker's, or slips of the pen.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.template.macros().filter_map(|(found, _)| match found {
            Macro::Param(name) => Some(&**name),
            _ => None,
        })
    }

    /// Where this visitor goes with this click.
    pub fn location(&self, values: &Values<'_>, click: ClickValues<'_>) -> AdvertiserLocation {
        AdvertiserLocation(Location::new(|out| {
            self.template.write(values, Some(click), out);
            if let Some(forwarded) = &self.forwarded {
                self.forward(forwarded, values.query, out);
            }
            self.template.write_fragment(values, Some(click), out);
        }))
    }

    fn forward(&self, forwarded: &Forwarded, query: Query<'_>, out: &mut Vec<u8>) {
        let mut has_query = self.template.has_query();
        for pair in query.pairs() {
            let wanted = match &forwarded.which {
                Forward::Nothing => return,
                Forward::Names(names) => names.iter().any(|name| pair.is(name)),
                Forward::All => true,
            };
            if !wanted || forwarded.own.iter().any(|name| pair.is(name)) {
                continue;
            }
            match (has_query, out.last()) {
                (false, _) => out.push(b'?'),
                (true, Some(b'&')) => {}
                // A second `?` is data of the query (RFC 3986, section 3.4).
                (true, Some(b'?')) if out.iter().position(|&byte| byte == b'?') == Some(out.len() - 1) => {}
                (true, _) => out.push(b'&'),
            }
            has_query = true;
            percent::keep_query_value(pair.name.as_bytes(), out);
            if let Some(value) = pair.value {
                out.push(b'=');
                percent::keep_query_value(value.as_bytes(), out);
            }
        }
    }
}

/// A parameter that the affiliate sends to the tracker beside the visitor's own.
#[derive(Clone, Debug)]
pub struct SendValue(Template);

impl SendValue {
    /// Reads a value: any text, with macros of the visitor's and the offer's.
    pub fn parse(text: &str) -> Result<Self, TemplateMistakes> {
        Template::value(text).map(Self)
    }

    /// Its macros.
    pub fn macros(&self) -> impl Iterator<Item = &Macro> {
        self.0.macros().map(|(found, _)| found)
    }

    /// The value, encoded for a query; empty where its macros are.
    pub fn write(&self, values: &Values<'_>, out: &mut Vec<u8>) {
        self.0.write(values, None, out);
    }
}

#[cfg(test)]
#[path = "location_tests.rs"]
mod tests;
