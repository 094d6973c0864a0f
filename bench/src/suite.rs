//! What is measured: suites of ways to do the same work, the first of which is the limit.
//!
//! To add a way, write a `fn(&Input) -> Result<Run, Fault>` and name it in a suite's table; to add a suite (bytes to SSE,
//! a whole relay, the request side), write a function that gives a [`Suite`] and name it in [`all`].

use std::error::Error;

use crate::corpus::{self, Input};
use crate::{conversation, frames, peer, pool, relay, request};

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

impl Suite {
    /// How a filter names one of its measurements.
    pub(crate) fn name_of(&self, input: &Input, way: &Way) -> String {
        format!("{}/{}/{}", self.name, input.label, way.name)
    }

    /// Whether a wasm module can do its work too.
    pub(crate) fn relays(&self) -> bool {
        self.ways.iter().any(|way| way.name == RELAY.name)
    }
}

/// Every suite there is, in the order of the report.
pub(crate) fn all() -> Result<Vec<Suite>, Fault> {
    request::warm_heap();
    let few = [64, 1_400, usize::MAX];
    Ok(vec![
        // The shape of a real answer: about a thousand events of a few words each.
        stream("events", &corpus::answer()?, &[1, 64, 1_400, 16 * 1024, usize::MAX], STREAM),
        stream("thought", &corpus::thought()?, &few, ANSWER),
        stream("tool input", &corpus::call()?, &few, ANSWER),
        stream("escaped text", &corpus::code()?, &few, ANSWER),
        stream("text watched for tags", &corpus::watched()?, &few, ANSWER),
        // 4 MB in frames of 60 KB: what is left when the cost per frame does not matter.
        stream("bulk", &corpus::bulk()?, &[1_400, 16 * 1024, usize::MAX], STREAM),
        requests("request", 600_000, REQUEST),
        requests("count_tokens", 200_000, COUNT),
        accounts(&[1, 10, 200])?,
    ])
}

const LIMIT: Way = Way { name: "limit: crc32fast", prepare: frames::limit };
const RELAY: Way = Way { name: "relay to Anthropic SSE", prepare: relay::anthropic };
const CHAT: Way = Way { name: "relay to Chat SSE", prepare: relay::chat };
const RESPONSES: Way = Way { name: "relay to Responses SSE", prepare: relay::responses };
const PEER: Way = Way { name: "smithy 0.61 + serde to SSE", prepare: peer::sse };

/// What every way over a stream of events is called and done by.
const STREAM: &[Way] = &[
    LIMIT,
    Way { name: "frames", prepare: frames::ours },
    Way { name: "smithy 0.61 frames", prepare: peer::frames },
    RELAY,
    CHAT,
    RESPONSES,
    PEER,
];

/// The ways from bytes to bytes.
const ANSWER: &[Way] = &[LIMIT, RELAY, CHAT, RESPONSES, PEER];

/// The ways over a conversation that a client sends.
const REQUEST: &[Way] = &[
    Way { name: "limit: one serde_json pass", prepare: request::pass },
    Way { name: "serde_json::Value", prepare: request::value },
    Way { name: "decode", prepare: request::decode },
    Way { name: "decode + encode", prepare: request::encode },
    Way { name: "decode + encode + estimate", prepare: request::estimate },
    Way { name: "Exchange::begin, copied in", prepare: request::begin },
];

const COUNT: &[Way] = &[
    Way { name: "limit: one serde_json pass", prepare: request::pass },
    Way { name: "count_tokens, copied in", prepare: request::count },
];

/// What the accounts cost: a pick for every request, a load now and then, a save when something has changed.
const POOL: &[Way] = &[
    Way { name: "limit: one serde_json pass", prepare: pool::pass },
    Way { name: "pick", prepare: pool::pick },
    Way { name: "pick, with a session", prepare: pool::pick_seat },
    Way { name: "load, nothing changed", prepare: pool::load_same },
    Way { name: "load, all changed", prepare: pool::load_other },
    Way { name: "save, one changed", prepare: pool::save_one },
    Way { name: "save, all changed", prepare: pool::save_all },
];

fn accounts(counts: &[usize]) -> Result<Suite, Fault> {
    let inputs: Result<_, Fault> =
        counts.iter().map(|count| Ok(Input::pooling(*count, pool::ledger(*count, 1)?))).collect();
    Ok(Suite { name: "pool", unit: "request", inputs: inputs?, ways: POOL })
}

fn stream(name: &'static str, stream: &corpus::Stream, sizes: &[usize], ways: &'static [Way]) -> Suite {
    let inputs = sizes.iter().map(|size| Input::cut(stream, *size)).collect();
    Suite { name, unit: "frame", inputs, ways }
}

fn requests(name: &'static str, bytes: usize, ways: &'static [Way]) -> Suite {
    Suite { name, unit: "body", inputs: vec![Input::asking(conversation::write(bytes))], ways }
}
