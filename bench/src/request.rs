//! The way of a client's request to the service's body, and the passes over JSON it is compared with.

use std::hint::black_box;

use kiro2api_bench_loop::{NOW, gateway, post};
use kiro2api_core::dialect::{Given, anthropic};
use kiro2api_core::exchange::{Exchange, Step};
use kiro2api_core::turn::estimate as tokens;
use kiro2api_core::upstream::{self, Wishes};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::corpus::Input;
use crate::suite::{Fault, Run, Work};

/// Keeps the system's allocator from handing every large block back to the system: a page fault for each page of it
/// would be all that is seen of the work.
pub(crate) fn warm_heap() {
    drop(black_box(vec![1_u8; 16 << 20]));
}

/// The limit: one pass over the text that keeps nothing.
pub(crate) fn pass(input: &Input) -> Result<Run<'_>, Fault> {
    Ok(Box::new(|| {
        black_box(serde_json::from_slice::<IgnoredAny>(&input.request)?);
        Ok(input.holds)
    }))
}

/// A tree of owned values, and nothing done with it.
pub(crate) fn value(input: &Input) -> Result<Run<'_>, Fault> {
    Ok(Box::new(|| {
        black_box(serde_json::from_slice::<Value>(&input.request)?);
        Ok(input.holds)
    }))
}

/// Body to turn.
pub(crate) fn decode(input: &Input) -> Result<Run<'_>, Fault> {
    let headers = Vec::new();
    Ok(Box::new(move || {
        black_box(anthropic::decode(&input.request, &Given::of(&headers))?);
        Ok(input.holds)
    }))
}

/// Body to turn to the service's body.
pub(crate) fn encode(input: &Input) -> Result<Run<'_>, Fault> {
    let headers = Vec::new();
    Ok(Box::new(move || {
        let turn = anthropic::decode(&input.request, &Given::of(&headers))?;
        Ok(Work { units: 1, bytes: upstream::encode(&turn, &Wishes::default())?.body(None).len() })
    }))
}

/// The same, with the estimate of its tokens: what each request costs.
pub(crate) fn estimate(input: &Input) -> Result<Run<'_>, Fault> {
    let headers = Vec::new();
    Ok(Box::new(move || {
        let turn = anthropic::decode(&input.request, &Given::of(&headers))?;
        black_box(tokens::turn(&turn));
        Ok(Work { units: 1, bytes: upstream::encode(&turn, &Wishes::default())?.body(None).len() })
    }))
}

/// All an exchange does before it first asks for something.
pub(crate) fn begin(input: &Input) -> Result<Run<'_>, Fault> {
    let mut gateway = gateway();
    Ok(Box::new(move || {
        let exchange = Exchange::begin(&mut gateway, post("/v1/messages", input.request.clone()), NOW, [7; 32]);
        match exchange.step() {
            Step::Load { .. } => Ok(input.holds),
            other => Err(format!("an exchange begins with {other:?}").into()),
        }
    }))
}

/// The whole answer to a count.
pub(crate) fn count(input: &Input) -> Result<Run<'_>, Fault> {
    let mut gateway = gateway();
    Ok(Box::new(move || {
        let incoming = post("/v1/messages/count_tokens", input.request.clone());
        match Exchange::begin(&mut gateway, incoming, NOW, [7; 32]).step() {
            Step::Answer(head, body) if head.status == 200 && body.starts_with(br#"{"input_tokens":"#) => {
                Ok(input.holds)
            }
            other => Err(format!("a count begins with {other:?}").into()),
        }
    }))
}
