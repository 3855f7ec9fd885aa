//! What each stage of a hit costs, in instructions, which a busy or slow machine does not change.
//!
//! `cargo bench --bench stages` runs each stage under valgrind, prints its instructions beside those of `baseline`, and ends with 1
//! if one takes more than a tenth more. `-- --save` writes `baseline` anew; `-- WORD` measures only the stages with it in their names.

mod edge;
mod stages;
mod visitors;

use std::{
    collections::HashMap,
    env, fs, iter,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use self::stages::{Call, STAGES};

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls before any is counted: what is made once is made, and what is kept is full.
const WARM: usize = 200;
/// Calls that are counted.
const COUNTED: usize = 1000;
/// How much more a stage may take than the baseline says, in per cent.
const MOST_GROWTH: f64 = 10.0;
/// How the program calls itself under valgrind.
const COUNT: &str = "--count";

fn main() -> ExitCode {
    // `cargo bench` adds a word of its own.
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [COUNT, stage] => {
            call(stage);
            ExitCode::SUCCESS
        }
        ["--save"] => save(),
        ref words => compare(words),
    }
}

/// Under valgrind: calls a stage, of which only [`counted`] is counted.
fn call(stage: &str) {
    let (_, ready) = STAGES.iter().find(|(name, _)| *name == stage).expect("a stage");
    let mut call = ready();
    for n in 0..WARM {
        call(n);
    }
    counted(&mut call);
}

/// Valgrind knows it by its name.
#[inline(never)]
fn counted(call: &mut Call) {
    for n in WARM..WARM + COUNTED {
        call(n);
    }
}

/// A stage, and the instructions of one call.
type Measured = (String, u64);

/// Measures the stages whose names hold one of the words, or all if there is none.
fn measure(words: &[&str]) -> Option<Vec<Measured>> {
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        println!("stages: not measured, as valgrind cannot be run ({error}): on Debian, apt install valgrind");
        return None;
    }
    let wanted = |name: &&str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let names = STAGES.iter().map(|(name, _)| *name).filter(wanted);
    Some(names.map(|name| (name.to_owned(), instructions(name))).collect())
}

fn instructions(stage: &str) -> u64 {
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{stage}.callgrind"));
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=stages::counted"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe().expect("a program"))
        .args([COUNT, stage])
        .output()
        .expect("valgrind can be run");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{stage}: {said}");
    let profile = fs::read_to_string(profile).expect("valgrind has written it");
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    let total: u64 = total
        .and_then(|total| total.parse().ok())
        .expect("valgrind has counted");
    assert!(total > 0, "{stage}: nothing is counted");
    total / COUNTED as u64
}

fn baseline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/stages/baseline")
}

/// What compiles: another version of it makes other instructions.
fn compiler() -> String {
    let said = Command::new("rustc").arg("--version").output();
    let said = said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    said.unwrap_or_default()
}

/// The first line is the compiler's, each other one a stage's.
fn save() -> ExitCode {
    let Some(measured) = measure(&[]) else {
        return ExitCode::FAILURE;
    };
    let stages = measured.iter().map(|(name, now)| format!("{name} {now}"));
    let lines: Vec<String> = iter::once(compiler()).chain(stages).collect();
    fs::write(baseline(), lines.join("\n") + "\n").expect("the baseline can be written");
    println!("{}", baseline().display());
    ExitCode::SUCCESS
}

fn compare(words: &[&str]) -> ExitCode {
    let Some(measured) = measure(words) else {
        return ExitCode::SUCCESS;
    };
    if measured.is_empty() {
        println!("stages: none has a name with {}", words.join(" or "));
        return ExitCode::FAILURE;
    }
    let text = fs::read_to_string(baseline()).unwrap_or_default();
    let (compiled_by, lines) = text.split_once('\n').unwrap_or_default();
    let baseline: HashMap<&str, u64> = lines
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, before)| Some((name, before.parse().ok()?)))
        .collect();
    println!(
        "{:<16} {:>10} {:>10} {:>10}",
        "instructions", "baseline", "now", "growth"
    );
    let mut is_fine = true;
    for (name, now) in measured {
        let Some(&before) = baseline.get(&*name) else {
            is_fine = false;
            println!("{name:<16} {:>10} {now:>10}   NOT IN THE BASELINE", "none");
            continue;
        };
        let growth = (count(now) / count(before) - 1.0) * 100.0;
        let is_much = growth > MOST_GROWTH;
        is_fine &= !is_much;
        let mark = if is_much { "   TOO MUCH" } else { "" };
        println!("{name:<16} {before:>10} {now:>10} {growth:>+8.1} %{mark}");
    }
    if is_fine {
        return ExitCode::SUCCESS;
    }
    let compiler = compiler();
    if compiler != compiled_by {
        println!("\nThe baseline is of {compiled_by}, and this of {compiler}.");
    }
    println!("\nIf it is meant: cargo bench --bench stages -- --save");
    ExitCode::FAILURE
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn count(instructions: u64) -> f64 {
    instructions as f64
}
