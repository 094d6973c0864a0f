//! What the module offers to a script: three buffers to fill, and the loop.
#![allow(unsafe_code, reason = "an exported name counts as unsafe; nothing here is")]

use std::cell::RefCell;

use crate::{Answer, checksums};

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State { buffers: [const { Vec::new() }; 3], answer: None }) };
}

struct State {
    /// The client's request, what the service says first, and the stream that is measured.
    buffers: [Vec<u8>; 3],
    answer: Option<Answer>,
}

/// Makes buffer 0 (request), 1 (opening) or 2 (stream) `length` bytes long and says where to write them; 0 for others.
#[unsafe(no_mangle)]
extern "C" fn buffer(which: usize, length: usize) -> usize {
    STATE.with_borrow_mut(|state| {
        let Some(buffer) = state.buffers.get_mut(which) else { return 0 };
        *buffer = vec![0; length];
        buffer.as_ptr().addr()
    })
}

/// Drives the exchange up to its relay; 1 when it got there.
#[unsafe(no_mangle)]
extern "C" fn open() -> u32 {
    STATE.with_borrow_mut(|State { buffers: [request, opening, _], answer }| {
        *answer = Answer::open("/v1/messages", request, opening).ok();
        u32::from(answer.is_some())
    })
}

/// Pushes the stream in pieces of `chunk` bytes; how many bytes came out, 0 on failure.
#[unsafe(no_mangle)]
extern "C" fn relay(chunk: usize) -> usize {
    STATE.with_borrow_mut(|State { buffers: [_, _, stream], answer }| {
        answer.as_mut().and_then(|answer| answer.push(stream, chunk, |_| ()).ok()).unwrap_or(0)
    })
}

/// The limit: both checksums of every frame.
#[unsafe(no_mangle)]
extern "C" fn limit() -> u32 {
    STATE.with_borrow(|state| checksums(&state.buffers[2]))
}
