//! A piece of text, of thought or of a call's arguments costs the encoder no allocation. A binary of its own:
//! `allocation-counter` installs its global allocator wherever it is linked.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use allocation_counter::measure;
use kiro2api_core::dialect::{Ids, Voice, chat};
use kiro2api_core::json::Lit;
use kiro2api_core::turn::{Count, Delta, Open};

#[test]
fn a_piece_allocates_nothing() {
    // First that the counter counts.
    assert_eq!(measure(|| drop(std::hint::black_box(String::from("something")))).count_total, 1);
    let voice = chat::Voice {
        model: "claude-opus-5-5".to_owned(),
        choices: 1,
        include_usage: true,
        functions: false,
        custom: Vec::new(),
    };
    let ids = Ids { stem: "0123".to_owned(), created: 1, choice: None };
    let mut encoder = Voice::Chat(Box::new(voice)).encoder(&ids);
    let mut out = Vec::with_capacity(1 << 20);
    encoder.delta(&Delta::Start { input: Count::estimated(1) }, &mut out);
    let piece = Delta::Piece(Lit::plain("a piece of an answer").unwrap());
    for open in [Open::Text, Open::Thinking, Open::Tool { id: "a", name: "b" }] {
        encoder.delta(&Delta::Open(open), &mut out);
        let cost = measure(|| {
            for _ in 0..1000 {
                encoder.delta(&piece, &mut out);
            }
        });
        assert_eq!(cost.count_total, 0, "{open:?}: {cost:?}");
        encoder.delta(&Delta::Close, &mut out);
    }
    assert!(out.len() > 200_000 && out.len() < 1 << 20, "{}", out.len());
}
