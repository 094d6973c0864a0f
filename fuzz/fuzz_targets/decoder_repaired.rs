//! Frames of any header bytes and any payload behind lengths and checksums made right, so that the fuzzer reaches the
//! headers; and lengths that lie behind checksums made right, so that it reaches every check of the prelude.

#![no_main]

use kiro2api_core::eventstream::FrameError;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<(&[u8], &[u8])>, Option<(u32, u32)>, &[u8])| {
    let (parts, lie, sizes) = input;
    let mut stream = Vec::new();
    for (headers, payload) in &parts {
        let total = (headers.len() + payload.len() + 16) as u32;
        write_frame(
            &mut stream,
            [total, headers.len() as u32],
            &[*headers, *payload].concat(),
        );
    }
    if let Some((total, headers)) = lie {
        write_frame(&mut stream, [total, headers], b"");
    }
    let outcome = kiro2api_fuzz::read_both_ways(&stream, sizes);
    for (seen, (_, payload)) in outcome.frames.iter().zip(&parts) {
        assert_eq!(seen.payload, *payload);
    }
    // The checksums are right by construction; only a lying length moves the place where one is looked for.
    if lie.is_none() {
        assert!(!matches!(
            outcome.end,
            Err(FrameError::PreludeChecksum { .. }
                | FrameError::MessageChecksum { .. }
                | FrameError::Truncated { .. })
        ));
        assert_eq!(outcome.end.is_ok(), outcome.frames.len() == parts.len());
    }
});

/// A frame whose checksums are right whatever its lengths say.
fn write_frame(stream: &mut Vec<u8>, lengths: [u32; 2], body: &[u8]) {
    let begun = stream.len();
    lengths
        .iter()
        .for_each(|length| stream.extend(length.to_be_bytes()));
    stream.extend(crc32fast::hash(&stream[begun..]).to_be_bytes());
    stream.extend(body);
    stream.extend(crc32fast::hash(&stream[begun..]).to_be_bytes());
}
