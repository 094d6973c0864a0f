//! This project's way from the service's bytes to the client's: the relay a host drives, in each dialect.

use kiro2api_bench_loop::Answer;

use crate::corpus::Input;
use crate::suite::{Fault, Run, Work};

/// Bytes to the events of a Messages stream.
pub(crate) fn anthropic(input: &Input) -> Result<Run<'_>, Fault> {
    relay(input, "/v1/messages", &input.request, "event: content_block_delta\n")
}

/// Bytes to the chunks of a Chat Completions stream.
pub(crate) fn chat(input: &Input) -> Result<Run<'_>, Fault> {
    relay(input, "/v1/chat/completions", input.chat.as_bytes(), "data: {")
}

/// Bytes to the events of a Responses stream, which keeps the whole answer for its last event.
pub(crate) fn responses(input: &Input) -> Result<Run<'_>, Fault> {
    relay(input, "/v1/responses", input.responses.as_bytes(), ".delta\ndata: ")
}

/// `mark` stands once in all that tells the client of one event.
fn relay<'i>(input: &'i Input, path: &str, request: &[u8], mark: &str) -> Result<Run<'i>, Fault> {
    let mut answer = Answer::open(path, request, &input.opening)?;
    let mut told = Vec::new();
    answer.push(&input.stream, input.chunk, |bytes| told.extend_from_slice(bytes))?;
    let deltas = String::from_utf8(told)?.matches(mark).count();
    if deltas != input.told {
        return Err(format!("the relay to {path} told {deltas} of {} events", input.told).into());
    }
    // The events of a Responses stream are numbered, so a later run may have a few bytes more.
    let bytes = answer.push(&input.stream, input.chunk, |_| ())?;
    let work = Work { units: input.holds.units, bytes };
    Ok(Box::new(move || {
        let told = answer.push(&input.stream, input.chunk, |bytes| _ = std::hint::black_box(bytes))?;
        if told < bytes { Err(format!("the relay told {told} bytes, before it {bytes}").into()) } else { Ok(work) }
    }))
}
