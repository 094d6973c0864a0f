//! What is measured: suites of ways to do the same work, the first of which is the limit.
//!
//! To add a way, write a `fn(&Input) -> Result<Run, Fault>` and name it in a suite's table; to add a suite (bytes to SSE,
//! a whole relay, the request side), write a function that gives a [`Suite`] and name it in [`all`].

use std::error::Error;

use crate::corpus::{self, Input};
use crate::{frames, peer};

/// Why a way could not do its work. Ends the benchmark: a way that fails has no time.
pub(crate) type Fault = Box<dyn Error>;

/// One prepared way, run over and over. State that a real stream keeps (a decoder, an output buffer) lives in it.
pub(crate) type Run<'i> = Box<dyn FnMut() -> Result<Work, Fault> + 'i>;

/// What a run did; checked against the input, so that a way that does nothing is no record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// Units done: frames, or requests.
    pub(crate) units: usize,
    /// Bytes of result: payload found, or output written.
    pub(crate) bytes: usize,
}

/// One way to do a suite's work.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// Everything that is not measured: cutting chunks, allocating the first buffers.
    pub(crate) prepare: fn(&Input) -> Result<Run<'_>, Fault>,
}

/// Ways that are compared over the same inputs.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// What a unit is called in the table.
    pub(crate) unit: &'static str,
    pub(crate) inputs: Vec<Input>,
    /// The limit comes first.
    pub(crate) ways: &'static [Way],
}

/// Every suite there is, in the order of the report.
pub(crate) fn all() -> Result<Vec<Suite>, Fault> {
    Ok(vec![small_frames()?, large_frames()?])
}

/// What every way over a stream of text events is called and done by.
const STREAM: &[Way] = &[
    Way { name: "limit: crc32fast", prepare: frames::limit },
    Way { name: "frames", prepare: frames::ours },
    Way { name: "smithy 0.61 frames", prepare: peer::frames },
    Way { name: "smithy 0.61 + serde to SSE", prepare: peer::sse },
];

/// The shape of a real answer: about a thousand events of a few words each.
fn small_frames() -> Result<Suite, Fault> {
    let stream = corpus::answer()?;
    let sizes = [1, 64, 1_400, 16 * 1024, usize::MAX];
    let inputs = sizes.map(|size| Input::cut(&stream, size)).into();
    Ok(Suite { name: "events", unit: "frame", inputs, ways: STREAM })
}

/// 4 MB in frames of 60 KB: what is left when the cost per frame does not matter.
fn large_frames() -> Result<Suite, Fault> {
    let stream = corpus::bulk()?;
    let sizes = [1_400, 16 * 1024, usize::MAX];
    let inputs = sizes.map(|size| Input::cut(&stream, size)).into();
    Ok(Suite { name: "bulk", unit: "frame", inputs, ways: STREAM })
}
