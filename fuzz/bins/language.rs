//! `language` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onehop_fuzz::language::check(bytes));
