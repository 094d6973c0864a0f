//! Any bytes in any pieces: frames or an error, never a panic, and the same as when read whole.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (stream, sizes) = input;
    kiro2api_fuzz::read_both_ways(stream, sizes);
});
