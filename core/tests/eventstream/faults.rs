//! Damaged and lying streams: always an error that names the check, never a different frame, never a wait.

use kiro2api_core::eventstream::{Decoder, FRAME_CAP, FrameError, HEADERS_CAP, HeaderFault};

use crate::outcome::Outcome;
use crate::wire::{self, Field, text};

#[test]
fn every_flipped_bit_is_an_error_after_only_the_frames_before_it() {
    let first = wire::event("assistantResponseEvent", r#"{"content":"Hi"}"#);
    let second = wire::event("meteringEvent", r#"{"usage":1}"#);
    let stream = [first.clone(), second].concat();
    let whole = Outcome::whole(&stream);
    for bit in 0..stream.len() * 8 {
        let mut flipped = stream.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let before = usize::from(bit / 8 >= first.len());
        let seen = Outcome::whole(&flipped);
        assert_eq!(seen.frames, whole.frames[..before], "bit {bit}");
        assert!(
            matches!(seen.end, Err(FrameError::PreludeChecksum { .. } | FrameError::MessageChecksum { .. })),
            "bit {bit}: {:?}",
            seen.end
        );
        assert_eq!(Outcome::in_pieces(&flipped, 9), seen, "bit {bit}");
    }
}

#[test]
fn a_flipped_length_is_found_with_the_twelfth_byte() {
    let mut stream = wire::event("assistantResponseEvent", r#"{"content":"Hi"}"#);
    stream[1] ^= 1;
    let mut decoder = Decoder::new();
    assert!(decoder.push(&stream[..11]).next().unwrap().is_none());
    let error = decoder.push(&stream[11..12]).next().unwrap_err();
    assert_eq!(error, FrameError::PreludeChecksum { stated: 0x3bdd_cf78, computed: wire::crc(&stream[..8]) });
}

#[test]
fn lengths_that_lie_are_found_in_the_prelude() {
    let prelude_error = |total, headers| {
        let lie = wire::lying(total, headers, b"");
        let error = Outcome::only_error(&lie[..12]);
        assert_eq!(Outcome::only_error(&lie), error);
        error
    };
    for total in [0, 1, 15] {
        assert_eq!(prelude_error(total, 0), FrameError::FrameTooShort { total });
    }
    for total in [FRAME_CAP + 1, u32::MAX] {
        assert_eq!(prelude_error(total, 0), FrameError::FrameTooLong { total });
    }
    for headers in [HEADERS_CAP + 1, u32::MAX] {
        assert_eq!(prelude_error(FRAME_CAP, headers), FrameError::HeadersTooLong { headers });
    }
    for (total, headers) in [(16, 1), (16, 2), (100, 85), (16, HEADERS_CAP)] {
        assert_eq!(prelude_error(total, headers), FrameError::HeadersOutsideFrame { headers, total });
    }
    assert_eq!(prelude_error(17, 1), FrameError::HeadersOfOneByte);
    assert_eq!(prelude_error(100, 1), FrameError::HeadersOfOneByte);
}

#[test]
fn the_caps_themselves_are_allowed() {
    let waits = |total, headers| {
        let mut decoder = Decoder::new();
        assert!(decoder.push(&wire::lying(total, headers, b"")[..12]).next().unwrap().is_none());
        decoder.missing()
    };
    assert_eq!(waits(FRAME_CAP, 0), 16 * 1024 * 1024 - 12);
    assert_eq!(waits(HEADERS_CAP + 16, HEADERS_CAP), 128 * 1024 + 4);
    assert_eq!(waits(16, 0), 4);
}

#[test]
fn a_wrong_message_checksum_is_told_with_both_numbers() {
    let mut stream = wire::frame_of(b"", b"{'foo':'bar'}");
    stream[12] = b'[';
    let computed = wire::crc(&stream[..stream.len() - 4]);
    assert_eq!(Outcome::only_error(&stream), FrameError::MessageChecksum { stated: 0xc365_3936, computed });
}

#[test]
fn a_header_length_that_ends_inside_a_header_is_an_error_at_that_header() {
    let block = [wire::header("a", &text("b")), wire::header("name", &text("value"))].concat();
    for end in 2..block.len() {
        let stream = wire::lying((block.len() + 16) as u32, end as u32, &block);
        let seen = Outcome::whole(&stream);
        if end == 6 {
            assert_eq!((seen.frames.len(), seen.end), (1, Ok(())));
        } else {
            let at = if end < 6 { 0 } else { 6 };
            assert_eq!(Outcome::only_error(&stream), FrameError::Header { at, fault: HeaderFault::Cut }, "{end}");
        }
    }
}

#[test]
fn every_fixed_size_value_that_is_cut_is_an_error() {
    let values =
        [Field::Byte(1), Field::Short(1), Field::Int(1), Field::Long(1), Field::Timestamp(1), Field::Uuid([1; 16])];
    for value in values {
        let block = wire::header("n", &value);
        for end in 3..block.len() {
            let error = Outcome::only_error(&wire::frame_of(&block[..end], b""));
            assert_eq!(error, FrameError::Header { at: 0, fault: HeaderFault::Cut }, "{value:?} cut at {end}");
        }
    }
}

#[test]
fn header_blocks_that_are_no_headers_are_errors() {
    let cases: [(&[u8], HeaderFault); 7] = [
        (b"\x00\x00", HeaderFault::EmptyName),
        (b"\x01\xff\x00", HeaderFault::NameNotUtf8),
        (b"\x01n\x0a", HeaderFault::UnknownType(10)),
        (b"\x01n\xff", HeaderFault::UnknownType(255)),
        (b"\x01n\x07\x00\x01\xc3", HeaderFault::ValueNotUtf8),
        (b"\x01n\x07\xff\xff", HeaderFault::Cut),
        (b"\xffn", HeaderFault::Cut),
    ];
    for (block, fault) in cases {
        assert_eq!(Outcome::only_error(&wire::frame_of(block, b"")), FrameError::Header { at: 0, fault });
        let behind = [&wire::header("good", &Field::True)[..], block].concat();
        assert_eq!(Outcome::only_error(&wire::frame_of(&behind, b"")), FrameError::Header { at: 6, fault });
    }
}

#[test]
fn a_frame_that_says_twice_what_it_is_is_refused() {
    for name in [":message-type", ":event-type", ":exception-type", ":error-code", ":error-message"] {
        let once = wire::header(name, &text("event"));
        let twice = [&once[..], &wire::header(name, &text("exception"))].concat();
        assert_eq!(Outcome::whole(&wire::frame_of(&once, b"")).end, Ok(()));
        let fault = HeaderFault::Repeated;
        assert_eq!(Outcome::only_error(&wire::frame_of(&twice, b"")), FrameError::Header { at: once.len(), fault });
    }
    let other = wire::header("x", &text("1")).repeat(2);
    assert_eq!(Outcome::whole(&wire::frame_of(&other, b"")).end, Ok(()));
}

#[test]
fn every_error_says_what_was_wrong_with_its_numbers() {
    let said = [
        FrameError::PreludeChecksum { stated: 1, computed: 0xabc },
        FrameError::MessageChecksum { stated: 1, computed: 0xabc },
        FrameError::FrameTooShort { total: 3 },
        FrameError::FrameTooLong { total: 16_777_217 },
        FrameError::HeadersTooLong { headers: 131_073 },
        FrameError::HeadersOutsideFrame { headers: 85, total: 100 },
        FrameError::HeadersOfOneByte,
        FrameError::Header { at: 6, fault: HeaderFault::UnknownType(10) },
        FrameError::Truncated { have: 5 },
    ]
    .map(|error| error.to_string());
    assert_eq!(
        said,
        [
            "event stream: prelude checksum is 00000abc, the frame says 00000001",
            "event stream: message checksum is 00000abc, the frame says 00000001",
            "event stream: a frame of 3 bytes is below the minimum of 16",
            "event stream: a frame of 16777217 bytes is above the cap of 16777216",
            "event stream: headers of 131073 bytes are above the cap of 131072",
            "event stream: headers of 85 bytes do not fit a frame of 100",
            "event stream: no header fits into one byte",
            "event stream: header at byte 6: type 10 is unknown",
            "event stream: ended inside a frame, after 5 of its bytes",
        ]
    );
}
