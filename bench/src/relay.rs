//! This project's way from the service's bytes to the client's: the relay a host drives.

use kiro2api_bench_loop::Answer;

use crate::corpus::Input;
use crate::suite::{Fault, Run, Work};

/// Bytes to the events of a Messages stream.
pub(crate) fn anthropic(input: &Input) -> Result<Run<'_>, Fault> {
    let mut answer = Answer::open(&input.request, &input.opening)?;
    let mut told = Vec::new();
    answer.push(&input.stream, input.chunk, |bytes| told.extend_from_slice(bytes))?;
    let deltas = String::from_utf8(told)?.matches("event: content_block_delta\n").count();
    if deltas != input.told {
        return Err(format!("the relay told {deltas} of {} events", input.told).into());
    }
    Ok(Box::new(move || {
        let bytes = answer.push(&input.stream, input.chunk, |bytes| _ = std::hint::black_box(bytes))?;
        Ok(Work { units: input.holds.units, bytes })
    }))
}
