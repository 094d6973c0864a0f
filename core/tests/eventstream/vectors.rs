//! Known bytes: what a published frame must read as.

use kiro2api_core::eventstream::{Decoder, Value};

use crate::outcome::{Outcome, Seen};
use crate::wire::{self, Field, text};

const EMPTY: &str = "00000010 00000000 05c248eb 7d98c8ff";
const FOO_BAR: &str = "0000001d 00000000 fd528c5a 7b27666f6f273a27626172277d c3653936";
const TEXT: &str = "
    0000007c0000005c3bddcf78 0b3a6576656e742d74797065070016617373697374616e74526573706f6e73654576656e74
    0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e 0d3a6d6573736167652d74797065070005657665
    6e74 7b22636f6e74656e74223a224869227d b02babdc";
const THROTTLED: &str = "
    000000c000000061b682667c 0f3a657863657074696f6e2d747970650700135468726f74746c696e67457863657074696f6e
    0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e 0d3a6d6573736167652d74797065070009657863
    657074696f6e 7b226d657373616765223a22546f6f206d616e792072657175657374732c20706c656173652077616974206265666f
    726520747279696e6720616761696e2e222c22726561736f6e223a6e756c6c7d 1999b6ab";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

#[test]
fn the_encoder_of_these_tests_writes_the_published_bytes() {
    assert_eq!(wire::frame_of(b"", b""), bytes(EMPTY));
    assert_eq!(wire::frame_of(b"", b"{'foo':'bar'}"), bytes(FOO_BAR));
    assert_eq!(wire::event("assistantResponseEvent", r#"{"content":"Hi"}"#), bytes(TEXT));
}

#[test]
fn an_empty_frame_has_no_headers_and_no_payload() {
    let seen = Outcome::whole(&bytes(EMPTY));
    assert_eq!(seen, Outcome { frames: vec![Seen { headers: vec![], payload: vec![] }], end: Ok(()) });
}

#[test]
fn a_payload_without_headers_is_read() {
    let seen = Outcome::whole(&bytes(FOO_BAR));
    assert_eq!(seen.frames, [Seen { headers: vec![], payload: b"{'foo':'bar'}".to_vec() }]);
    assert_eq!(seen.end, Ok(()));
}

#[test]
fn a_text_event_is_read() {
    let stream = bytes(TEXT);
    let mut decoder = Decoder::new();
    let mut frames = decoder.push(&stream);
    let frame = frames.next().unwrap().unwrap();
    assert_eq!(frame.message_type(), Some("event"));
    assert_eq!(frame.event_type(), Some("assistantResponseEvent"));
    assert_eq!((frame.exception_type(), frame.error_code(), frame.error_message()), (None, None, None));
    assert_eq!(frame.headers().find(":content-type"), Some(Value::Str("application/json")));
    assert_eq!(frame.headers().find(":nothing"), None);
    assert_eq!(frame.headers().into_iter().count(), 3);
    assert_eq!(frame.payload(), br#"{"content":"Hi"}"#);
    assert!(frames.next().unwrap().is_none());
    assert!(frames.next().unwrap().is_none());
}

#[test]
fn an_exception_is_read() {
    let stream = bytes(THROTTLED);
    let mut decoder = Decoder::new();
    let mut frames = decoder.push(&stream);
    let frame = frames.next().unwrap().unwrap();
    assert_eq!(frame.message_type(), Some("exception"));
    assert_eq!(frame.exception_type(), Some("ThrottlingException"));
    assert_eq!(frame.event_type(), None);
    assert_eq!(frame.payload(), br#"{"message":"Too many requests, please wait before trying again.","reason":null}"#);
}

#[test]
fn an_error_frame_is_read_with_its_headers_in_any_order() {
    let names = [":error-message", "x-other", ":message-type", ":error-code"];
    let values = ["out of capacity", "1", "error", "InternalError"];
    let headers: Vec<_> = names.iter().zip(values).map(|(n, v)| ((*n).to_owned(), text(v))).collect();
    let stream = wire::frame(&headers, b"");
    let mut decoder = Decoder::new();
    let mut frames = decoder.push(&stream);
    let frame = frames.next().unwrap().unwrap();
    assert_eq!(frame.message_type(), Some("error"));
    assert_eq!(frame.error_code(), Some("InternalError"));
    assert_eq!(frame.error_message(), Some("out of capacity"));
}

#[test]
fn all_ten_header_types_are_read_at_their_extremes() {
    let values = [
        Field::True,
        Field::False,
        Field::Byte(i8::MIN),
        Field::Short(i16::MIN),
        Field::Int(i32::MIN),
        Field::Long(i64::MIN),
        Field::Bytes(vec![]),
        Field::Bytes(vec![0xff; 65_535]),
        Field::Str(String::new()),
        Field::Str("grüß 🦀".to_owned()),
        Field::Timestamp(1_790_000_000_000),
        Field::Uuid(*b"\x00\x01\x02\x03\x04\x05\x06\x07\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff"),
    ];
    let headers: Vec<_> = values.into_iter().enumerate().map(|(i, value)| (format!("h{i}"), value)).collect();
    let seen = Outcome::whole(&wire::frame(&headers, b"x"));
    assert_eq!(seen, Outcome { frames: vec![Seen { headers, payload: b"x".to_vec() }], end: Ok(()) });
}

#[test]
fn a_mark_that_is_no_string_is_a_header_but_no_mark() {
    let stream = wire::frame(&[(":event-type".to_owned(), Field::Int(7))], b"");
    let mut decoder = Decoder::new();
    let mut frames = decoder.push(&stream);
    let frame = frames.next().unwrap().unwrap();
    assert_eq!(frame.event_type(), None);
    assert_eq!(frame.headers().find(":event-type"), Some(Value::Int(7)));
}

/// One header block after another through one decoder: remembered, repeated, too long to be remembered, not UTF-8 as
/// a whole, empty. None may read as the one before it.
#[test]
fn no_frame_is_read_with_the_headers_of_another() {
    let block =
        |kind: &str, extra: &Field| [wire::header(":event-type", &text(kind)), wire::header("x", extra)].concat();
    let long = Field::Str("é".repeat(400));
    let raw = Field::Bytes(vec![0xff; 20]);
    let blocks = [
        block("alpha", &Field::True),
        block("gamma", &Field::True),
        block("alpha", &long),
        Vec::new(),
        block("gamma", &long),
        block("alpha", &raw),
        Vec::new(),
        block("gamma", &raw),
        block("gamma", &Field::False),
    ];
    let expected = ["alpha", "gamma", "alpha", "", "gamma", "alpha", "", "gamma", "gamma"];
    let mut decoder = Decoder::new();
    for (block, expected) in blocks.iter().zip(expected) {
        for _ in 0..2 {
            let stream = wire::frame_of(block, b"");
            let mut frames = decoder.push(&stream);
            let frame = frames.next().unwrap().unwrap();
            assert_eq!(frame.event_type().unwrap_or_default(), expected);
            assert_eq!(Seen::of(&frame), Outcome::whole(&stream).frames[0]);
        }
    }
}

#[test]
fn debug_output_shows_no_payload() {
    let stream = wire::event("assistantResponseEvent", "secret words");
    let mut decoder = Decoder::new();
    let mut frames = decoder.push(&stream[..60]);
    assert!(frames.next().unwrap().is_none());
    drop(frames);
    assert_eq!(format!("{decoder:?}"), "Decoder { held_bytes: 60, failed: None }");
    let mut frames = decoder.push(&stream[60..]);
    assert!(!format!("{frames:?}").contains("secret"));
    let shown = format!("{:?}", frames.next().unwrap().unwrap());
    assert!(shown.contains("payload_bytes: 12") && !shown.contains("secret"), "{shown}");
}
