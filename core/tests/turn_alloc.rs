//! The common text event costs no allocation. A binary of its own: `allocation-counter` installs its global allocator
//! wherever it is linked.

use allocation_counter::measure;
use kiro2api_core::json::Lit;
use kiro2api_core::turn::flow::{Input, Options};
use kiro2api_core::turn::{Count, Delta, Flow, Progress, Said};

#[test]
fn an_event_without_anything_to_look_for_allocates_nothing() {
    // First that the counter counts.
    assert_eq!(measure(|| drop(std::hint::black_box(String::from("something")))).count_total, 1);

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

    let texts = measure(|| {
        for _ in 0..1000 {
            for said in [Said::Thought(plain), Said::Text(plain), Said::Text(marked), Said::Text(Lit::EMPTY)] {
                assert_eq!(flow.push(said, &mut sink), Ok(Progress::More));
            }
        }
    });
    assert_eq!(texts.count_total, 0, "{texts:?}");

    let tool = |input| Said::Tool { id: "tooluse_1", name: "write", input, stop: false };
    assert_eq!(flow.push(tool(Input::Fragment(input)), &mut sink), Ok(Progress::More));
    let fragments = measure(|| {
        for _ in 0..1000 {
            assert_eq!(flow.push(tool(Input::Fragment(more)), &mut sink), Ok(Progress::More));
        }
    });
    assert_eq!(fragments.count_total, 0, "{fragments:?}");
    assert!(bytes > 100_000, "{bytes}");
}
