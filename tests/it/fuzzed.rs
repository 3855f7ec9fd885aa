//! The targets of fuzzing, each over its seeds and over some thousand changes of them, which are the same with every run.
//! `fuzz/run` looks for new ones.

#[path = "../../fuzz/targets/mod.rs"]
#[expect(unreachable_pub, reason = "a library of its own")]
mod targets;

use std::{fs, panic, path::Path};

use fastrand::Rng;

/// How many changed seeds a target is tried with.
const ROUNDS: usize = 3000;
const LONGEST: usize = 4096;

fn files(kind: &str, target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(kind)
        .join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// The words of a dictionary: what stands between quotes.
fn words(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/dictionaries/{target}"));
    let text = fs::read_to_string(path).unwrap_or_default();
    let escapes = [("\\x0d", "\r"), ("\\x0a", "\n"), ("\\\"", "\""), ("\\\\", "\\")];
    let plain = |word: &str| {
        escapes
            .iter()
            .fold(word.to_owned(), |word, (escape, to)| word.replace(escape, to))
    };
    let word = |line: &str| Some(plain(line.strip_prefix('"')?.strip_suffix('"')?));
    text.lines().filter_map(word).map(String::into_bytes).collect()
}

/// One change, as those of libFuzzer.
fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[Vec<u8>], random: &mut Rng) {
    let some = |random: &mut Rng, bytes: &[u8]| {
        let begin = random.usize(..=bytes.len());
        begin..random.usize(begin..=bytes.len().min(begin + 32))
    };
    let at = some(random, bytes);
    let new = match random.u8(..6) {
        0 => vec![random.u8(..)],
        1 => Vec::new(),
        2 => vec![
            *random
                .choice(b"\0\t\r\n \"#%&'*+,-./:;=?@[\\]_`{}~\x7f\xff")
                .expect("bytes"),
        ],
        3 if !words.is_empty() => random.choice(words).expect("words").clone(),
        4 => bytes[some(random, bytes)].to_vec(),
        _ => {
            let other = random.choice(seeds).expect("seeds");
            other[some(random, other)].to_vec()
        }
    };
    let at = if random.bool() { at } else { at.start..at.start };
    bytes.splice(at, new);
    bytes.truncate(LONGEST);
}

fn try_all(target: &str, check: fn(&[u8])) {
    let (seeds, words) = (files("seeds", target), words(target));
    assert!(seeds.len() > 1, "{target}");
    let tried = |bytes: &[u8]| {
        let holds = panic::catch_unwind(|| check(bytes)).is_ok();
        assert!(holds, "{target} fails with b\"{}\"", bytes.escape_ascii());
    };
    for seed in &seeds {
        tried(seed);
    }
    let mut random = Rng::with_seed(7);
    for round in 0..ROUNDS {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..random.usize(1..6) {
            change(&mut bytes, &seeds, &words, &mut random);
        }
        tried(&bytes);
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        const TARGETS: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            try_all(stringify!($name), targets::$name::check);
        })*
    };
}

targets!(answer configuration forwarded head http2 language place proxy_header query template);

#[test]
fn each_target_is_fuzzed_and_tested() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |folder: &str| {
        let entries = fs::read_dir(fuzz.join(folder)).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let stem = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut names: Vec<String> = paths.map(|path| stem(&path)).filter(|name| name != "mod").collect();
        names.sort();
        names
    };
    for folder in ["targets", "bins", "seeds"] {
        assert_eq!(names(folder), TARGETS, "{folder}");
    }
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
    for target in TARGETS {
        assert!(manifest.contains(&format!("path = \"bins/{target}.rs\"")), "{target}");
        let bin = fs::read_to_string(fuzz.join(format!("bins/{target}.rs"))).expect("a bin");
        assert!(bin.contains(&format!("onehop_fuzz::{target}::check(")), "{target}");
    }
}
