//! What reaches the terminal: order, number, long lines, control characters, colours.

use super::super::{
    Mistake, Mistakes, Secrets, Sources,
    source::{Place, SourceId},
};
use super::rendered;

fn place(source: SourceId, start: usize, end: usize) -> Place {
    Place { source, start, end }
}

#[test]
fn a_mistake_shows_its_line_label_and_help() {
    let mut sources = Sources::default();
    let id = sources.add("conf/onehop.toml", "# é\n\ttraficback_url = \"x\"\n");
    let mistakes = Mistakes::default();
    let mistake = Mistake::error("unknown key `traficback_url`").at(place(id, 6, 20));
    mistakes.push(mistake.label("here").help("did you mean `trafficback_url`?"));
    let expected = "\
error: unknown key `traficback_url`
 --> conf/onehop.toml:2:2
  |
2 |  traficback_url = \"x\"
  |  ^^^^^^^^^^^^^^ here
  |
  = help: did you mean `trafficback_url`?

1 error, 0 warnings
";
    assert_eq!(rendered(&sources, &mistakes), expected);
    let coloured = mistakes.render(&sources, &Secrets::default(), true);
    assert!(coloured.contains("\u{1b}[") && coloured.contains("conf/onehop.toml:2:2"));
    assert!(!coloured.contains(":::"), "{coloured}");
}

#[test]
fn columns_are_those_of_the_file_behind_what_is_masked() {
    let mut sources = Sources::default();
    let text = "secure_key = \"çédille\" x\n";
    let id = sources.add("onehop.toml", text);
    let mistakes = Mistakes::default();
    let at = text.find('x').expect("it is there");
    mistakes.push(Mistake::error("here").at(place(id, at, at + 1)).help("mend it"));
    let rendered = rendered(&sources, &mistakes);
    assert!(
        rendered.contains(":1:24\n") && !rendered.contains("dille"),
        "{rendered}"
    );
}

#[test]
fn the_order_is_by_file_and_position() {
    let mut sources = Sources::default();
    let (a, b) = (sources.add("a.toml", "x\ny\n"), sources.add("b.toml", "z\n"));
    let mistakes = Mistakes::default();
    mistakes.push(Mistake::error("fourth").at(place(b, 0, 1)).help("mend it"));
    mistakes.push(Mistake::warning("third").at(place(a, 2, 3)).help("mend it"));
    mistakes.push(Mistake::error("second").at(place(a, 0, 1)).help("mend it"));
    mistakes.push(Mistake::error("first").help("mend it"));
    let text = rendered(&sources, &mistakes);
    let at = ["error: first", "error: second", "warning: third", "error: fourth"].map(|word| text.find(word).unwrap());
    assert!(at.is_sorted(), "{text}");
    assert!(text.ends_with("3 errors, 1 warning\n"), "{text}");
}

#[test]
fn many_mistakes_do_not_flood() {
    let mut sources = Sources::default();
    let id = sources.add("a.toml", "x = 1\n".repeat(100_000));
    let mistakes = Mistakes::default();
    for line in 0..150_000 {
        mistakes.push(
            Mistake::error(format!("number {line}"))
                .at(place(id, line * 6, line * 6 + 1))
                .help("mend it"),
        );
    }
    // 100,000 are kept and sorted, and all lines are masked.
    let started = std::time::Instant::now();
    let text = rendered(&sources, &mistakes);
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    assert_eq!(text.matches("error: number").count(), 100);
    assert!(
        text.contains("… and 149900 more that are not shown\n150000 errors"),
        "{}",
        text.len()
    );
}

#[test]
fn long_lines_are_cut_around_the_mistake() {
    let mut sources = Sources::default();
    let line = format!("{}WRONG{}", "é".repeat(100_000), "x".repeat(100_000));
    let id = sources.add("a.toml", format!("a = 1\n{line}\n"));
    let mistakes = Mistakes::default();
    let start = 6 + 200_000;
    mistakes.push(
        Mistake::error("m".repeat(10_000))
            .at(place(id, start, start + 5))
            .help("mend it"),
    );
    mistakes.push(
        Mistake::error("to the end")
            .at(place(id, start, usize::MAX))
            .help("mend it"),
    );
    let text = rendered(&sources, &mistakes);
    assert!(text.len() < 6_000, "{} bytes", text.len());
    assert!(text.contains("a.toml:2:100001"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines.iter().position(|line| line.contains("WRONG")).unwrap();
    let column = |line: &str, what: char| line.chars().position(|c| c == what).unwrap();
    assert_eq!(column(lines[shown], 'W'), column(lines[shown + 1], '^'), "{text}");
    assert!(lines[shown + 1].ends_with(" ^^^^^"), "{text}");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let bad = "a\u{1b}[31m\r\u{7}\u{9b}\u{202e}\u{200b}\u{7f}b";
    let mut sources = Sources::default();
    let id = sources.add(format!("{bad}.toml"), format!("{bad} = 1\r\nx\n"));
    let mistakes = Mistakes::default();
    let mistake = Mistake::error(bad).at(place(id, 0, 1)).label(bad).help(bad);
    mistakes.push(mistake.second(place(id, 5, 6), format!("{bad}\nsecond")));
    let text = rendered(&sources, &mistakes);
    let raw: Vec<char> = text
        .chars()
        .filter(|c| *c != '\n' && (c.is_control() || "\u{202e}\u{200b}".contains(*c)))
        .collect();
    assert!(raw.is_empty(), "{raw:?}");
    assert!(text.contains('␛') && text.contains("␊second"), "{text}");
    let ends = text.lines().any(|line| line.ends_with("= 1"));
    assert!(ends, "no sign for the carriage return of a line end:\n{text}");
}

#[test]
fn no_place_is_too_strange() {
    for text in ["", "\n", "é", "a\r\n\r\n", "\t\u{300}é\n\n"] {
        let mut sources = Sources::default();
        let id = sources.add("a.toml", text);
        for start in (0..9).chain([usize::MAX]) {
            for end in (0..9).chain([usize::MAX]) {
                let mistakes = Mistakes::default();
                mistakes.push(
                    Mistake::error("m")
                        .at(place(id, start, end))
                        .second(place(id, end, start), "s")
                        .help("mend it"),
                );
                assert!(
                    rendered(&sources, &mistakes).contains("--> a.toml:"),
                    "{text:?} {start}..{end}"
                );
            }
        }
    }
}
