//! Macros of ad platforms that were not filled in: what a value looks like in which one still stands.
//!
//! Each platform writes them in its own way: `{zone}`, `{{ad.id}}`, `[clickid]`, `${SUBID}`, `%%CACHEBUSTER%%`, `__CLICKID__`.

/// Longer names are no macro's.
const MAX_NAME: usize = 48;

/// The first macro that stands in a value, as it is written there; also where its signs are percent-encoded once more.
pub(super) fn unfilled(value: &str) -> Option<&str> {
    if !value.contains(['{', '[', '%', '_']) {
        return None;
    }
    between(value, "{{", "}}", is_name)
        .or_else(|| between(value, "${", "}", is_name))
        .or_else(|| between(value, "{", "}", is_name))
        .or_else(|| between(value, "%7B", "%7D", is_name))
        .or_else(|| between(value, "%7b", "%7d", is_name))
        .or_else(|| between(value, "%%", "%%", is_name))
        .or_else(|| between(value, "__", "__", is_constant))
        // Words in brackets are common: only where nothing else stands there.
        .or_else(|| whole(value, "[", "]"))
        .or_else(|| whole(value, "%5B", "%5D"))
        .or_else(|| whole(value, "%5b", "%5d"))
}

fn between<'a>(value: &'a str, open: &str, close: &str, is_macro: fn(&str) -> bool) -> Option<&'a str> {
    let mut from = 0;
    while let Some(begin) = value[from..].find(open).map(|at| from + at) {
        let inner = begin + open.len();
        let end = value[inner..].find(close).map(|at| inner + at)?;
        if is_macro(&value[inner..end]) {
            return Some(&value[begin..end + close.len()]);
        }
        from = inner;
    }
    None
}

fn whole<'a>(value: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let inner = value.strip_prefix(open)?.strip_suffix(close)?;
    is_name(inner).then_some(value)
}

/// A word that begins with a letter, and is no UUID in braces.
fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let is_uuid = text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    begins && text.len() <= MAX_NAME && text.chars().all(is_of_word) && !is_uuid
}

/// Underscores stand around ordinary words too: such a macro is in capitals.
fn is_constant(text: &str) -> bool {
    is_name(text) && !text.contains(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_of_every_platform_and_nothing_else() {
        for (value, expected) in [
            ("{clickid}", Some("{clickid}")),
            ("zone-{subid}-7", Some("{subid}")),
            ("{{ad.id}}", Some("{{ad.id}}")),
            ("a_{{campaign.name}}", Some("{{campaign.name}}")),
            ("${SUBID}", Some("${SUBID}")),
            ("%7Bclickid%7D", Some("%7Bclickid%7D")),
            ("%7bzone_id%7d", Some("%7bzone_id%7d")),
            ("%%CACHEBUSTER%%", Some("%%CACHEBUSTER%%")),
            ("%%SITE%%-%%PLACEMENT%%", Some("%%SITE%%")),
            ("__CLICKID__", Some("__CLICKID__")),
            ("x__AID__y", Some("__AID__")),
            ("[clickid]", Some("[clickid]")),
            ("%5Bzone%5D", Some("%5Bzone%5D")),
            ("{ {zone}", Some("{zone}")),
            ("{param:x}", Some("{param:x}")),
            ("", None),
            ("summer-2026", None),
            ("{}", None),
            ("{ }", None),
            ("{12345}", None),
            ("{\"a\":1}", None),
            ("{6f9619ff-8b86-d011-b42d-00c04fc964ff}", None),
            ("{a6f9619ff8b86d011b42d00c04fc964ff}", None),
            ("{zone", None),
            ("zone}", None),
            ("100%", None),
            ("50%%", None),
            ("50%% off, 20%% more", None),
            ("a__init__b", None),
            ("____", None),
            ("my [new] shoes", None),
            ("[1]", None),
            ("{дом}", None),
        ] {
            assert_eq!(unfilled(value), expected, "{value}");
        }
        assert_eq!(unfilled(&format!("{{{}}}", "a".repeat(MAX_NAME + 1))), None);
    }
}
