//! What the decoder takes from the heap. A binary of its own: `allocation-counter` installs its global allocator
//! wherever it is linked. It counts per thread, so parallel tests do not disturb each other.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "eventstream/wire.rs"]
#[allow(dead_code, reason = "shared with the decoder's other tests; not all of it is needed here")]
mod wire;

use allocation_counter::measure;
use kiro2api_core::eventstream::{Decoder, FRAME_CAP};

/// Feeds `stream` in pieces of `size`; gives the number of frames and of their payload bytes.
fn drain(decoder: &mut Decoder, stream: &[u8], size: usize) -> (usize, usize) {
    let mut sum = (0, 0);
    for chunk in stream.chunks(size) {
        let mut frames = decoder.push(chunk);
        while let Some(frame) = frames.next().unwrap() {
            assert_eq!(frame.event_type(), Some("assistantResponseEvent"));
            sum = (sum.0 + 1, sum.1 + frame.payload().len());
        }
    }
    sum
}

fn events(count: usize, payload_bytes: usize) -> Vec<u8> {
    wire::event("assistantResponseEvent", &"x".repeat(payload_bytes)).repeat(count)
}

#[test]
fn a_stream_of_whole_frames_costs_one_allocation_to_remember_its_headers() {
    let stream = events(200, 60);
    let mut seen = (0, 0);
    let cost = measure(|| {
        let mut decoder = Decoder::new();
        seen = drain(&mut decoder, &stream, stream.len());
        decoder.finish().unwrap();
    });
    assert_eq!(seen, (200, 200 * 60));
    assert_eq!((cost.count_total, cost.count_current), (1, 0));
    assert!(cost.bytes_max <= 512, "{cost:?}");
}

#[test]
fn frames_without_headers_never_touch_the_heap() {
    let stream = wire::frame_of(b"", b"payload").repeat(50);
    let cost = measure(|| {
        let mut decoder = Decoder::new();
        let mut frames = decoder.push(&stream);
        while let Some(frame) = frames.next().unwrap() {
            assert_eq!(frame.payload(), b"payload");
        }
    });
    assert_eq!(cost.count_total, 0);
}

#[test]
fn headers_that_change_with_every_frame_cost_nothing_once_warm() {
    let pair = [wire::event("toolUseEvent", "{}"), wire::event("assistantResponseEvent", "{}")].concat();
    let stream = pair.repeat(50);
    let mut decoder = Decoder::new();
    let mut read = || {
        let mut frames = decoder.push(&stream);
        let mut count = 0;
        while frames.next().unwrap().is_some() {
            count += 1;
        }
        count
    };
    assert_eq!(read(), 100);
    let cost = measure(|| assert_eq!(read(), 100));
    assert_eq!(cost.count_total, 0);
}

#[test]
fn a_warm_decoder_allocates_nothing_whatever_the_chunks() {
    for (count, payload_bytes) in [(200, 60), (4, 60_000)] {
        let stream = events(count, payload_bytes);
        for size in [1, 7, 64, 1_400, 16 * 1024] {
            let mut decoder = Decoder::new();
            drain(&mut decoder, &stream, size);
            let mut seen = (0, 0);
            let cost = measure(|| seen = drain(&mut decoder, &stream, size));
            assert_eq!(seen, (count, count * payload_bytes));
            assert_eq!(cost.count_total, 0, "{count} frames of {payload_bytes} bytes in chunks of {size}");
        }
    }
}

#[test]
fn a_stated_length_reserves_nothing() {
    let prelude = &wire::lying(FRAME_CAP, 0, b"")[..12];
    let cost = measure(|| {
        let mut decoder = Decoder::new();
        assert!(decoder.push(prelude).next().unwrap().is_none());
        assert!(decoder.push(&[0; 100]).next().unwrap().is_none());
        assert_eq!(decoder.missing(), FRAME_CAP as usize - 112);
    });
    assert!(cost.bytes_max < 1_000, "{cost:?}");
}

#[test]
fn the_buffer_holds_at_most_twice_what_arrived() {
    let stream = events(1, 1_000_000);
    let cost = measure(|| {
        drain(&mut Decoder::new(), &stream[..600_000], 1_400);
    });
    assert!(cost.bytes_max <= 2 * 2 * 600_000, "old and new buffer while it grows: {cost:?}");
}

#[test]
fn a_huge_frame_does_not_pin_its_buffer() {
    let huge = events(1, 1_000_000);
    let small = events(2, 60);
    let mut decoder = Decoder::new();
    let cost = measure(|| {
        assert_eq!(drain(&mut decoder, &huge, 1_400).0, 1);
        assert_eq!(drain(&mut decoder, &small, small.len()).0, 2);
    });
    assert!(cost.bytes_max >= 1_000_000 && cost.bytes_current <= 64 * 1024 + 512, "{cost:?}");
}

#[test]
fn a_failed_decoder_gives_its_buffer_back() {
    let mut stream = events(1, 10_000);
    *stream.last_mut().unwrap() ^= 1;
    let mut decoder = Decoder::new();
    let cost = measure(|| {
        let (head, tail) = stream.split_at(5_000);
        assert!(decoder.push(head).next().unwrap().is_none());
        assert!(decoder.push(tail).next().is_err());
    });
    assert_eq!(cost.bytes_current, 0);
    assert!(decoder.finish().is_err());
}
