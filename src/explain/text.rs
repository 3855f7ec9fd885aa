//! An explanation as text for a person, with colour where it is shown on a terminal.

use std::fmt::{self, Display, Write as _};

use super::{Explanation, OfferExplained, Seen, rehearsal::End};
use crate::plain_text::plain;

/// How words are set off.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, code: &str, text: impl Display) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_string()
        }
    }

    fn head(self, text: &str) -> String {
        self.with("1", text)
    }

    fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    fn aside(self, text: impl Display) -> String {
        self.with("2", text)
    }
}

/// The explanation's text; `assumed` names what was not given.
pub fn write(explained: &Explanation, assumed: &[&str], colour: bool) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = all(explained, assumed, Paint(colour), &mut out);
    out
}

fn all(explained: &Explanation, assumed: &[&str], paint: Paint, out: &mut String) -> fmt::Result {
    visitor(&explained.visitor, assumed, paint, out)?;
    writeln!(out, "  {:<11} {}", "time", explained.at)?;
    match (&explained.link, &explained.place) {
        (Some(link), Some(place)) => writeln!(
            out,
            "{} {link}  {}",
            paint.head("link"),
            paint.aside(format!("for {place}"))
        )?,
        (None, Some(place)) => writeln!(out, "{} {} for {place}", paint.head("link"), paint.bad("none"))?,
        _ => {}
    }
    if let Some(end) = &explained.ends {
        writeln!(out, "{} {}", paint.head("answer"), shown(end, paint))?;
        return writeln!(out, "  {}", paint.aside("no tracker is asked"));
    }
    let order = explained.order.unwrap_or_default();
    let drawn = if order == "weighted" {
        "weighted, as drawn for this visitor"
    } else {
        order
    };
    writeln!(
        out,
        "{} {}",
        paint.head("offers"),
        paint.aside(format!("in the order in which they are tried: {drawn}"))
    )?;
    for (turn, offer) in (1..).zip(&explained.offers) {
        one(turn, offer, paint, out)?;
    }
    writeln!(out, "{}", paint.head("without a click"))?;
    let ends = explained.otherwise.as_ref().map_or(&[][..], |ends| &ends.0);
    if explained.offers.iter().all(|offer| !offer.fits) {
        // Nobody is asked, so that every answer comes to the same.
        return ends
            .first()
            .map_or(Ok(()), |(_, end)| writeln!(out, "  {}", shown(end, paint)));
    }
    for (reason, end) in ends {
        writeln!(out, "  {reason:<17} {}", shown(end, paint))?;
    }
    Ok(())
}

fn visitor(seen: &Seen, assumed: &[&str], paint: Paint, out: &mut String) -> fmt::Result {
    writeln!(out, "{}", paint.head("visitor"))?;
    let mut line = |name: &str, value: Option<&str>, more: &str| {
        let value = plain(value.unwrap_or("not known"));
        let assumed = if assumed.contains(&name) { " (assumed)" } else { "" };
        writeln!(out, "  {name:<11} {value}{}", paint.aside(format!("{assumed}{more}")))
    };
    line("ip", Some(&seen.ip.to_string()), &format!("  {}", seen.ip_because))?;
    line("user agent", seen.user_agent.as_deref().or(Some("none")), "")?;
    line("referrer", seen.referrer.as_deref().or(Some("none")), "")?;
    let place = [seen.country.as_deref(), seen.continent].map(Option::unwrap_or_default);
    let place = place.join(" ");
    let without = |key| {
        let has = seen.databases.contains(&key);
        if has {
            String::new()
        } else {
            format!("  no database: [geoip] {key}")
        }
    };
    line(
        "country",
        Some(place.trim()).filter(|place| !place.is_empty()),
        &without("country"),
    )?;
    line(
        "asn",
        seen.asn.map(|number| number.to_string()).as_deref(),
        &without("asn"),
    )?;
    line("device", seen.device, "")?;
    line("os", seen.os, "")?;
    line("browser", seen.browser, "")?;
    line("language", seen.language.as_deref(), "")
}

fn one(turn: usize, offer: &OfferExplained, paint: Paint, out: &mut String) -> fmt::Result {
    let verdict = if offer.fits {
        paint.good("fits")
    } else {
        paint.bad("does not fit")
    };
    let name = offer
        .name
        .as_deref()
        .map(|name| format!(" {}", plain(name)))
        .unwrap_or_default();
    let part = match (offer.first, offer.weight) {
        (true, _) => format!(", first; the link's {}.", offer.number),
        (false, Some(weight)) => format!(", weight {weight}; the link's {}.", offer.number),
        (false, None) => String::new(),
    };
    let ids = format!(
        "offer {}, campaign {}, promo {} at {}{part}",
        offer.offer_id, offer.campaign_id, offer.promo_id, offer.tracker
    );
    writeln!(out, "  {}.{name} {verdict}  {}", turn, paint.aside(ids))?;
    if let Some(because) = &offer.because {
        writeln!(out, "     {}", plain(because))?;
    }
    if let Some(request) = &offer.request {
        writeln!(out, "     asks   {request}")?;
    }
    if let Some(click) = &offer.click {
        writeln!(out, "     click  {}", shown(click, paint))?;
    }
    Ok(())
}

fn shown(end: &End, paint: Paint) -> String {
    let mut text = end.status.to_string();
    if let Some(location) = &end.location {
        let _ = write!(text, " {location}");
    }
    let why = match end.reason.or(end.because) {
        Some(reason) => format!("{}, {reason}", end.outcome),
        None => end.outcome.to_owned(),
    };
    format!("{text}  {}", paint.aside(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_visitors_moves_the_terminal() {
        let evil = "a\u{1b}]0;title\u{7}b\nlink forged";
        let explained = Explanation {
            place: Some("go.example.com/".to_owned()),
            at: String::new(),
            visitor: Seen {
                ip: [192, 0, 2, 1].into(),
                ip_because: String::new(),
                user_agent: Some(evil.to_owned()),
                referrer: Some(evil.to_owned()),
                databases: Vec::new(),
                country: None,
                continent: None,
                asn: None,
                device: None,
                os: None,
                browser: None,
                language: None,
            },
            link: Some("go.example.com/".to_owned()),
            ends: None,
            order: Some("listed"),
            offers: vec![OfferExplained {
                number: 1,
                name: Some(evil.to_owned()),
                tracker: "hoqu".to_owned(),
                offer_id: 1,
                campaign_id: 2,
                promo_id: 3,
                weight: None,
                first: false,
                fits: false,
                because: Some(evil.to_owned()),
                request: None,
                click: None,
            }],
            otherwise: None,
        };
        let (plain, coloured) = (write(&explained, &[], false), write(&explained, &[], true));
        assert!(!plain.contains('\u{1b}') && !plain.contains('\u{7}'), "{plain:?}");
        // Colours begin `ESC [`; the visitor's own escape begins otherwise.
        assert!(
            coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}]"),
            "{coloured:?}"
        );
        for text in [plain, coloured] {
            assert!(!text.contains("\nlink forged"), "{text:?}");
        }
    }
}
