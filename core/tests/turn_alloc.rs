//! The common text event costs no allocation. A binary of its own: it counts the whole process.

use std::alloc::System;

use kiro2api_core::json::Lit;
use kiro2api_core::turn::flow::{Input, Options};
use kiro2api_core::turn::{Count, Delta, Flow, Progress, Said};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn an_event_without_anything_to_look_for_allocates_nothing() {
    // One test only, since others would run beside it; first that the counter counts.
    let region = Region::new(ALLOCATOR);
    let text = String::from("something");
    assert!(region.change().allocations >= 1, "{text}");

    let plain = Lit::plain("Hello, this is a piece of an answer").unwrap();
    let mut escaped = String::new();
    let marked = Lit::escape("line one\n\"quoted\" \u{1} 数字 <thinking>", &mut escaped);
    let mut json = String::new();
    let input = Lit::escape("{\"k\": \"", &mut json);
    let more = Lit::plain("some text in a tool's input").unwrap();

    let mut bytes = 0;
    let mut sink = |delta: &Delta<'_>| {
        if let Delta::Piece(piece) = delta {
            bytes += piece.escaped().len();
        }
    };
    let mut flow = Flow::new(Options { show_thinking: true, ..Options::default() });
    flow.start(Count::estimated(10), &mut sink);

    let region = Region::new(ALLOCATOR);
    for _ in 0..1000 {
        for said in [Said::Thought(plain), Said::Text(plain), Said::Text(marked), Said::Text(Lit::EMPTY)] {
            assert_eq!(flow.push(said, &mut sink), Ok(Progress::More));
        }
    }
    let texts = region.change();
    assert_eq!(texts.allocations + texts.reallocations, 0, "{texts:?}");

    let tool = |input| Said::Tool { id: "tooluse_1", name: "write", input, stop: false };
    assert_eq!(flow.push(tool(Input::Fragment(input)), &mut sink), Ok(Progress::More));
    let region = Region::new(ALLOCATOR);
    for _ in 0..1000 {
        assert_eq!(flow.push(tool(Input::Fragment(more)), &mut sink), Ok(Progress::More));
    }
    let fragments = region.change();
    assert_eq!(fragments.allocations + fragments.reallocations, 0, "{fragments:?}");
    assert!(bytes > 100_000, "{bytes}");
}
