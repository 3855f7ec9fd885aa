//! What is held against any bytes: one module for each target, whose `check` panics where something does not hold that has to.
//!
//! They run under libFuzzer (`fuzz/run`), and over their seeds with each `cargo test` (`tests/it/fuzzed.rs`).

pub mod answer;
pub mod configuration;
pub mod forwarded;
pub mod head;
pub mod http2;
pub mod language;
pub mod place;
pub mod proxy_header;
pub mod query;
pub mod template;

/// Lines of a seed that a person can read: as many as are wanted, empty where there are no more; the last is all that is left.
fn lines<const N: usize>(bytes: &[u8]) -> [&[u8]; N] {
    let mut pieces = bytes.splitn(N, |&byte| byte == b'\n');
    std::array::from_fn(|_| pieces.next().unwrap_or_default())
}

/// The part of bytes that is text.
fn text(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).expect("valid up to there"),
    }
}
