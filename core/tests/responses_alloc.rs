//! Pieces cost no allocation beyond the growth of buffers. A binary of its own: `allocation-counter` installs its
//! global allocator wherever it is linked.

mod responses_support;

use allocation_counter::measure;
use kiro2api_core::json::Lit;
use kiro2api_core::turn::{Delta, Open};
use responses_support::{ids, lit, voice};

const REQUEST: &str = r#"{"model":"claude-opus-5-5","input":"hi","reasoning":{"summary":"auto"},
  "tools":[{"type":"custom","name":"exec"},{"type":"function","name":"read"}]}"#;

#[test]
fn a_thousand_pieces_cost_a_few_dozen_allocations() {
    // First that the counter counts.
    assert_eq!(measure(|| drop(std::hint::black_box(String::from("something")))).count_total, 1);
    let (mut first, mut more) = (String::new(), String::new());
    let head = Lit::escape("{\"input\":\"", &mut first);
    let code = Lit::escape("let x = \\\"1\\\";\\n", &mut more);
    for (open, head, piece) in [
        (Open::Text, lit("a"), lit("Hello, this is a piece of an answer")),
        (Open::Thinking, lit("a"), lit("Hm, this is a piece of a thought")),
        (Open::Tool { id: "call_1", name: "read" }, head, code),
        (Open::Tool { id: "call_1", name: "exec" }, head, code),
    ] {
        let mut encoder = voice(REQUEST).encoder(&ids());
        let mut out = Vec::with_capacity(1 << 20);
        for delta in [Delta::Open(open), Delta::Piece(head), Delta::Piece(piece)] {
            encoder.delta(&delta, &mut out);
        }
        let pieces = measure(|| {
            for _ in 0..1000 {
                encoder.delta(&Delta::Piece(piece), &mut out);
            }
        });
        assert!(pieces.count_total <= 24, "{open:?}: {pieces:?}");
    }
}
