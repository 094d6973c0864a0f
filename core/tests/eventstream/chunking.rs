//! However the stream is cut, the outcome is the same; whatever is left unread is kept; `missing` tells the truth.

use kiro2api_core::eventstream::{Decoder, FrameError};

use crate::outcome::{Outcome, Seen, read_all};
use crate::wire;

/// Frames of several shapes: events, an empty frame, no headers, no payload, and one longer than its neighbours.
fn frames() -> Vec<Vec<u8>> {
    vec![
        wire::event("assistantResponseEvent", r#"{"content":"Hello"}"#),
        wire::frame_of(b"", b""),
        wire::frame_of(b"", b"payload only"),
        wire::frame_of(&wire::header("headers", &wire::text("only")), b""),
        wire::event("toolUseEvent", &"long ".repeat(60)),
        wire::event("meteringEvent", r#"{"usage":0.1}"#),
    ]
}

#[test]
fn every_cut_in_two_gives_the_same_frames() {
    let stream = frames().concat();
    let whole = Outcome::whole(&stream);
    assert_eq!((whole.frames.len(), whole.end), (6, Ok(())));
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(Outcome::of([head, tail]), whole, "cut at {at}");
        assert_eq!(Outcome::of([head, &[], tail, &[]]), whole, "cut at {at}, with empty chunks");
    }
}

#[test]
fn pieces_of_every_small_size_give_the_same_frames() {
    let stream = frames().concat();
    let whole = Outcome::whole(&stream);
    for size in 1..=17 {
        assert_eq!(Outcome::in_pieces(&stream, size), whole, "pieces of {size}");
    }
}

#[test]
fn every_truncation_is_an_error_except_between_frames() {
    let frames = frames();
    let stream = frames.concat();
    let mut ends = vec![0];
    frames.iter().for_each(|frame| ends.push(ends.last().unwrap() + frame.len()));
    for length in 0..=stream.len() {
        let begun = *ends.iter().rev().find(|end| **end <= length).unwrap();
        let expected = match length - begun {
            0 => Ok(()),
            have => Err(FrameError::Truncated { have }),
        };
        for size in [1, 5, stream.len()] {
            let seen = Outcome::in_pieces(&stream[..length], size);
            assert_eq!(seen.end, expected, "{length} bytes in pieces of {size}");
            assert_eq!(seen.frames.len(), ends.iter().filter(|end| **end <= length).count() - 1);
        }
    }
}

#[test]
fn missing_counts_down_to_the_end_of_the_frame() {
    let frame = wire::event("assistantResponseEvent", r#"{"content":"Hello"}"#);
    let mut decoder = Decoder::new();
    assert_eq!(decoder.missing(), 0);
    let mut seen = Vec::new();
    for (have, byte) in (1..).zip(&frame) {
        read_all(&mut decoder, &[*byte], &mut seen).unwrap();
        let wanted = if have < 12 { 12 } else { frame.len() };
        assert_eq!(decoder.missing(), wanted - have, "after {have} bytes");
    }
    assert_eq!((seen.len(), decoder.finish()), (1, Ok(())));
    // The same when the frame begins inside a chunk that holds whole frames before it.
    read_all(&mut decoder, &[&frame[..], &frame[..40]].concat(), &mut seen).unwrap();
    assert_eq!((seen.len(), decoder.missing()), (2, frame.len() - 40));
}

#[test]
fn dropping_the_frames_early_loses_nothing() {
    let stream = frames().concat();
    let whole = Outcome::whole(&stream);
    for size in [1, 7, 100, 333, stream.len()] {
        for reads in 0..3 {
            let mut decoder = Decoder::new();
            let mut seen = Vec::new();
            for chunk in stream.chunks(size) {
                let mut frames = decoder.push(chunk);
                for _ in 0..reads {
                    seen.extend(frames.next().unwrap().as_ref().map(Seen::of));
                }
            }
            let left = whole.frames.len() - seen.len();
            assert_eq!(decoder.finish().is_ok(), left == 0, "{left} frames are unread");
            read_all(&mut decoder, &[], &mut seen).unwrap();
            assert_eq!((seen, decoder.finish()), (whole.frames.clone(), Ok(())), "{reads} reads of {size} bytes");
        }
    }
}

#[test]
fn one_frame_per_push_reads_a_large_backlog_in_order() {
    let stream: Vec<u8> = (0..500_u32).flat_map(|n| wire::frame_of(b"", &n.to_be_bytes())).collect();
    let mut decoder = Decoder::new();
    drop(decoder.push(&stream));
    for n in 0..500_u32 {
        let mut frames = decoder.push(&[]);
        assert_eq!(frames.next().unwrap().unwrap().payload(), n.to_be_bytes());
    }
    assert_eq!(decoder.finish(), Ok(()));
}
