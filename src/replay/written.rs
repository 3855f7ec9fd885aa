//! What a replay came to: for a person, and as JSON.

use std::{fmt::Write as _, path::Path};

use serde_json::{Map, Value, json};

use super::{
    Certainty, Replay,
    changes::{Change, Example, Group, quoted},
};
use crate::{plain_text::plain, report::bar};

/// For a person, with the `top` largest groups. `new` is the file of the configuration that is to come.
pub fn table(replay: &Replay, new: &Path, top: usize) -> String {
    let tally = &replay.tally;
    let (Some(first), Some(last)) = (&tally.first, &tally.last) else {
        return "No hits.\n".to_owned();
    };
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(out, "{} hits from {first} to {last}", tally.hits);
    verdict(replay, &mut out);
    let groups = tally.changes.sorted();
    let most = groups.first().map_or(0, |(_, group)| group.hits());
    for (change, group) in groups.iter().take(top) {
        one(change, group, most, new, &mut out);
    }
    if groups.len() > top {
        let number = groups.len();
        let _ = writeln!(
            out,
            "\n… and {} more changes (--top {number} shows them; --json has all)",
            number - top
        );
    }
    notes(replay, &mut out);
    out
}

fn verdict(replay: &Replay, out: &mut String) {
    let (elsewhere, replayed) = replay.elsewhere();
    let percent = replay.percent();
    let sure: Vec<String> = certainties(&replay.tally.elsewhere)
        .map(|(certainty, hits)| format!("{hits} {}", certainty.as_str()))
        .collect();
    let _ = match (elsewhere, replayed) {
        (_, 0) => writeln!(out, "None of them could be replayed"),
        (0, _) => writeln!(out, "None of the {replayed} that were replayed would go elsewhere"),
        _ => writeln!(
            out,
            "{elsewhere} of the {replayed} that were replayed ({percent:.1} %) would go elsewhere: {}",
            sure.join(", ")
        ),
    };
}

/// Those that there are.
fn certainties(hits: &[u64; Certainty::ALL.len()]) -> impl Iterator<Item = (Certainty, u64)> {
    let all = Certainty::ALL.into_iter().zip(*hits);
    all.filter(|(_, hits)| *hits > 0)
}

fn one(change: &Change, group: &Group, most: u64, new: &Path, out: &mut String) {
    let Change { from, to, why } = change;
    let link = |link: &Option<String>| plain(link.as_deref().unwrap_or("(no link)")).into_owned();
    let mut links = link(&from.link);
    if from.link != to.link {
        let _ = write!(links, " → {}", link(&to.link));
    }
    let unsure: Vec<String> = certainties(&group.by_certainty)
        .filter(|(certainty, _)| *certainty != Certainty::Certain)
        .map(|(certainty, hits)| format!(", {hits} {}", certainty.as_str()))
        .collect();
    let hits = group.hits();
    let _ = writeln!(out, "\n{hits:>9}  {}  {links}", bar(hits, most));
    let why = why.as_deref().map(|why| format!("  ({})", plain(why)));
    let _ = writeln!(
        out,
        "           {} → {}{}{}",
        plain(&from.to_string()),
        plain(&to.to_string()),
        why.unwrap_or_default(),
        unsure.concat()
    );
    // Where all are shown they tell it themselves.
    let who = [group.countries(), group.devices()].map(|most| {
        let some = most.iter().map(|(word, hits)| format!("{word} {hits}"));
        some.collect::<Vec<_>>().join(", ")
    });
    let who: Vec<String> = who.into_iter().filter(|words| !words.is_empty()).collect();
    if hits > group.examples.len() as u64 && !who.is_empty() {
        let _ = writeln!(out, "           most from {}", who.join("; "));
    }
    for example in &group.examples {
        shown(example, new, out);
    }
}

fn shown(example: &Example, new: &Path, out: &mut String) {
    let or_none = |text: &Option<String>| plain(text.as_deref().unwrap_or("-")).into_owned();
    let _ = writeln!(
        out,
        "           hit {} at {}: {} from {}, {}, {}",
        plain(&example.hit_id),
        plain(&example.time),
        plain(&example.place),
        plain(&example.ip),
        or_none(&example.country),
        or_none(&example.device),
    );
    if example.went.is_some() {
        let _ = writeln!(out, "             went to  {}", or_none(&example.went));
        let _ = writeln!(out, "             goes to  {}", or_none(&example.goes));
    }
    if let Some(arguments) = &example.explain {
        let _ = writeln!(out, "             {}", plain(&command(new, arguments)));
    }
}

fn command(new: &Path, arguments: &str) -> String {
    format!("onehop explain -c {} {arguments}", quoted(&new.to_string_lossy()))
}

/// What of the verdict is not sure and why, and what was left out of it.
fn notes(replay: &Replay, out: &mut String) {
    let tally = &replay.tally;
    let sure = |certainty: Certainty| tally.elsewhere[certainty as usize] > 0;
    let mut notes: Vec<String> = Vec::new();
    if sure(Certainty::Likely) {
        notes.push("likely: as other visitors were told of the offer in the ten minutes before.".to_owned());
    }
    if sure(Certainty::Assumed) {
        let assumed = "assumed: where they go hangs on an answer that the tracker was not asked for then. A click is assumed, or \
                       `targeting` where there was none. Where the change names a rule or that the offer is gone, it is sure that they leave \
                       the offer that they had: only what the tracker would say of the next one is assumed.";
        let advice = " Offers may be among them that were asked for in vain: --old FILE, the configuration of then, tells them apart.";
        let advice = if replay.old.is_some() { "" } else { advice };
        notes.push(format!("{assumed}{advice}"));
    }
    for (key, hits) in &tally.unknown {
        notes.push(format!("unclear: {} Hits at such links: {hits}.", unknown(key)));
    }
    if replay.old.is_some() {
        notes.push(
            "Locations are compared as far as a line has what they are made of: of the query only utm_* and subid* that no `send` replaced, and nothing of what \
             the tracker sends beside the click id."
                .to_owned(),
        );
    }
    if tally.refused > 0 {
        notes.push(format!(
            "Not replayed, as they were refused: {}. The log does not tell why: another method, a prefetch, a broken request, a visitor who \
             left.",
            tally.refused
        ));
    }
    for (field, hits) in &tally.incomplete {
        notes.push(format!("Not replayed, as their lines lack {field}: {hits}."));
    }
    let (unlike, first) = &tally.unlike;
    if let Some((id, then, leads)) = first {
        notes.push(format!(
            "Not replayed, as they ended otherwise than the configuration of --old leads: {unlike}. Something decided that no log has, or it \
             was another one then. The first is {}: {}, and it leads to {}.",
            plain(id),
            plain(&then.to_string()),
            plain(&leads.to_string())
        ));
    }
    if !notes.is_empty() {
        let _ = writeln!(out, "\n{}", notes.join("\n"));
    }
}

/// What is not known where a rule or a draw asks for this, and what is made of it.
fn unknown(key: &str) -> String {
    match key {
        "language" => "a rule asks for the language: no log has it, and no hit meets it.".to_owned(),
        "query" => {
            "a rule asks for a parameter other than utm_* and subid*: no log has it, and no hit meets it.".to_owned()
        }
        "ip" => "the whole address decides, and the log hides it.".to_owned(),
        _ => format!("a rule asks for the {key}, and lines lack what tells it: no hit meets it."),
    }
}

/// For programs.
pub fn json(replay: &Replay, new: &Path) -> Value {
    let tally = &replay.tally;
    let (elsewhere, replayed) = replay.elsewhere();
    let certainty = |hits: &[u64; Certainty::ALL.len()]| {
        let all = Certainty::ALL.into_iter().zip(*hits);
        all.map(|(certainty, hits)| (certainty.as_str().to_owned(), hits.into()))
            .collect::<Map<_, Value>>()
    };
    let changes = tally.changes.sorted().into_iter().map(|(change, group)| {
        let examples = group.examples.iter().map(|example| {
            let mut told = json!(example);
            told["explain"] = example.explain.as_deref().map(|words| command(new, words)).into();
            told
        });
        let mut told = json!(change);
        told["hits"] = group.hits().into();
        let most = |words: Vec<(&str, u64)>, name: &str| -> Value {
            words
                .iter()
                .map(|(word, hits)| json!({name: word, "hits": hits}))
                .collect()
        };
        told["countries"] = most(group.countries(), "country");
        told["devices"] = most(group.devices(), "device");
        told["certainty"] = certainty(&group.by_certainty).into();
        told["examples"] = examples.collect();
        told
    });
    json!({
        "first": tally.first,
        "last": tally.last,
        "hits": tally.hits,
        "replayed": replayed,
        "same": tally.same,
        "elsewhere": elsewhere,
        "certainty": certainty(&tally.elsewhere),
        "not_replayed": {
            "refused": tally.refused,
            "incomplete": tally.incomplete,
            "unlike": tally.unlike.0,
        },
        "not_in_log": tally.unknown,
        "changes": changes.collect::<Vec<_>>(),
    })
}
