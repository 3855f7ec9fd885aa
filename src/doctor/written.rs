//! Findings as text for a person, and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Finding, Mark, count};
use crate::plain_text::plain;

impl Mark {
    fn shown(self, colour: bool) -> String {
        let (word, code) = match self {
            Self::Ok => ("ok", "32"),
            Self::Unknown => ("?", "36"),
            Self::Warn => ("warn", "33"),
            Self::Fail => ("fail", "31"),
        };
        if colour {
            format!("\u{1b}[{code}m{word:<4}\u{1b}[0m")
        } else {
            format!("{word:<4}")
        }
    }
}

/// How many findings there are of a mark.
fn of(findings: &[Finding], mark: Mark) -> u64 {
    findings.iter().filter(|finding| finding.mark == mark).count() as u64
}

/// For a person: a line of each finding, with its mend below, under headings; then the verdict.
pub fn text(findings: &[Finding], colour: bool) -> String {
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| finding.check.group());
    let mut out = String::new();
    let mut heading = None;
    // Writing to a string does not fail.
    for finding in ordered {
        let group = finding.check.group();
        if heading.replace(group) != Some(group) {
            let bold = if colour { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
            let _ = writeln!(out, "{}{}{}", bold.0, group.heading(), bold.1);
        }
        let about = match &*finding.about {
            "" => String::new(),
            about => format!("{}: ", plain(about)),
        };
        let _ = writeln!(
            out,
            "  {}  {about}{}",
            finding.mark.shown(colour),
            plain(&finding.found)
        );
        for line in finding.mend.iter().flat_map(|mend| mend.lines()) {
            let _ = writeln!(out, "        {}", plain(line));
        }
    }
    let _ = writeln!(out, "\n{}", verdict(findings));
    out
}

fn verdict(findings: &[Finding]) -> String {
    let [ok, unknown, warn, fail] = [Mark::Ok, Mark::Unknown, Mark::Warn, Mark::Fail].map(|mark| of(findings, mark));
    let mut parts = vec![format!("{ok} ok")];
    if warn > 0 {
        parts.push(count(warn, "warning"));
    }
    if unknown > 0 {
        parts.push(format!("{unknown} not found out"));
    }
    match fail {
        0 => format!("Nothing fails: {}.", parts.join(", ")),
        1 => format!("1 thing fails: {}.", parts.join(", ")),
        fail => format!("{fail} things fail: {}.", parts.join(", ")),
    }
}

/// For programs.
pub fn json(findings: &[Finding]) -> Value {
    let verdict = findings.iter().map(|finding| finding.mark).max().unwrap_or(Mark::Ok);
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let mut told = json!(finding);
            told["group"] = json!(finding.check.group());
            told
        })
        .collect();
    json!({"verdict": verdict, "findings": findings})
}

#[cfg(test)]
mod tests {
    use super::{super::Check, *};

    #[test]
    fn groups_stand_together_and_the_verdict_counts() {
        let findings = [
            Finding::new(Mark::Warn, Check::LogMacros, "", "a macro").mend("one\ntwo"),
            Finding::new(Mark::Ok, Check::TrackerName, "hoqu", "resolves"),
            Finding::new(Mark::Unknown, Check::TrackerKey, "hoqu", "not known"),
        ];
        let said = text(&findings, false);
        assert_eq!(
            said,
            "Trackers\n  ok    hoqu: resolves\n  ?     hoqu: not known\nClick log\n  warn  a macro\n        one\n        two\n\n\
             Nothing fails: 1 ok, 1 warning, 1 not found out.\n"
        );
        assert_eq!(json(&findings)["verdict"], "warn");
        assert_eq!(json(&findings)["findings"][2]["check"], "tracker_key");
        assert_eq!(json(&findings)["findings"][2]["group"], "trackers");
        let fail = [Finding::new(Mark::Fail, Check::Port, "", "x")];
        assert!(text(&fail, false).ends_with("1 thing fails: 0 ok.\n") && super::super::fails(&fail));
    }

    #[test]
    fn no_text_of_anybodys_moves_the_terminal() {
        let evil = "a\u{1b}]0;title\u{7}b\nforged";
        let finding = Finding::new(Mark::Warn, Check::LogMacros, evil, evil).mend(evil);
        for colour in [false, true] {
            let said = text(std::slice::from_ref(&finding), colour);
            assert!(!said.contains("\u{1b}]") && !said.contains('\u{7}'), "{said:?}");
            assert!(!said.contains("\nforged"), "{said:?}");
        }
    }
}
