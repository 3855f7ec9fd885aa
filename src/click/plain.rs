//! A success as trackers write it, read in one go: plain JSON, no name but the known ones, each once.
//!
//! Owned here: speed alone. What is not plain, be it a mistake or not, is left to `wire`; whatever is read here, `wire` reads
//! the same.

use super::answer::{Click, Params};
use crate::{click_id::ClickId, plain_json::Plain};

/// The click of a success, whose HTTP status was 200. `None` if it is not plain.
pub(super) fn click(body: &str) -> Option<Click> {
    let mut plain = Plain::new(body, 0);
    let (mut is_success, mut has_code, mut click) = (false, false, None);
    table(&mut plain, |name, plain| match name {
        "status" if !is_success => {
            is_success = true;
            (plain.peek()? == b'"' && plain.string()? == "success").then_some(())
        }
        "code" if !has_code => {
            has_code = true;
            plain.peek()?;
            (plain.digits()? == "200").then_some(())
        }
        "data" if click.is_none() => {
            click = Some(data(plain)?);
            Some(())
        }
        _ => None,
    })?;
    let is_all = plain.peek().is_none();
    click.filter(|_| is_success && is_all)
}

fn data(plain: &mut Plain<'_>) -> Option<Click> {
    let (mut id, mut session_id, mut read, mut existed) = (None, None, None, None);
    table(plain, |name, plain| {
        let is_again = match name {
            "click_id" => {
                let text = (plain.peek()? == b'"').then(|| plain.string())??;
                id.replace(ClickId::try_from(text).ok()?).is_some()
            }
            "session_id" => session_id.replace(Box::from(value(plain)?)).is_some(),
            "exists" => existed.replace(yes_or_no(plain)? == "true").is_some(),
            "params" => read.replace(params(plain)?).is_some(),
            _ => true,
        };
        (!is_again).then_some(())
    })?;
    Some(Click {
        id: id?,
        session_id,
        params: read.unwrap_or_default(),
        existed: existed.unwrap_or_default(),
    })
}

/// Names and values in the order of the names, without the click id.
fn params(plain: &mut Plain<'_>) -> Option<Params> {
    let mut params: Vec<(Box<str>, Box<str>)> = Vec::new();
    table(plain, |name, plain| {
        let value = value(plain)?;
        if name != "click_id" {
            params.push((name.into(), value.into()));
        }
        Some(())
    })?;
    params.sort();
    let is_twice = params.windows(2).any(|two| two[0].0 == two[1].0);
    (!is_twice).then(|| params.into())
}

/// A value that is a text, as it is written.
fn value<'t>(plain: &mut Plain<'t>) -> Option<&'t str> {
    match plain.peek()? {
        b'"' => plain.string(),
        b't' | b'f' => yes_or_no(plain),
        _ => plain.digits(),
    }
}

fn yes_or_no(plain: &mut Plain<'_>) -> Option<&'static str> {
    plain.peek()?;
    ["true", "false"].into_iter().find(|word| plain.word(word).is_some())
}

/// Reads a table; `entry` reads the value of a name.
fn table<'t>(plain: &mut Plain<'t>, mut entry: impl FnMut(&'t str, &mut Plain<'t>) -> Option<()>) -> Option<()> {
    plain.take(b'{')?;
    let mut is_first = true;
    while plain.goes_on(is_first, b'}')? {
        is_first = false;
        if plain.peek()? != b'"' {
            return None;
        }
        let name = plain.string()?;
        plain.take(b':')?;
        entry(name, plain)?;
    }
    Some(())
}
