//! `http2` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onehop_fuzz::http2::check(bytes));
