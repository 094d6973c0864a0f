//! Top-level fields that cannot be honoured: refused where they change what the answer is, else named.

use crate::dialect::limits;
use crate::dialect::read::{self, Members, Path};
use crate::error::Error;

/// Documented fields that are taken and have no effect here.
const WITHOUT_EFFECT: &[&str] = &[
    "frequency_penalty",
    "logit_bias",
    "metadata",
    "moderation",
    "prediction",
    "presence_penalty",
    "prompt_cache_options",
    "prompt_cache_retention",
    "seed",
    "service_tier",
    "temperature",
    "top_p",
    "verbosity",
    "web_search_options",
];

/// The fields that the client set and that have no effect. Their types are checked where a wrong one can only be a
/// mistake.
///
/// # Errors
/// Wrong types, and wishes for answers of a kind that cannot be had.
pub(super) fn ignored(wire: &Members<'_>) -> Result<Vec<&'static str>, Error> {
    let root = Path::Root;
    refuse(wire)?;
    for name in ["temperature", "top_p", "frequency_penalty", "presence_penalty", "seed"] {
        wire.find(name, &root)?.map(|raw| read::number(raw, &root.key(name))).transpose()?;
    }
    for name in ["service_tier", "verbosity", "prompt_cache_retention"] {
        wire.string(name, &root)?;
    }
    for name in ["logit_bias", "metadata", "prediction", "web_search_options", "prompt_cache_options"] {
        wire.find(name, &root)?.map(|raw| Members::of(raw, &root.key(name))).transpose()?;
    }
    let mut ignored = limits::ignored(wire, WITHOUT_EFFECT)?;
    if wire.boolean("store", &root)?.unwrap_or(false) {
        ignored.push("store");
    }
    Ok(ignored)
}

fn refuse(wire: &Members<'_>) -> Result<(), Error> {
    let root = Path::Root;
    if wire.boolean("logprobs", &root)?.unwrap_or(false) {
        return Err(root.key("logprobs").invalid("the service gives no log probabilities: leave it out"));
    }
    if wire.integer("top_logprobs", &root)?.is_some_and(|count| count > 0) {
        return Err(root.key("top_logprobs").invalid("the service gives no log probabilities: leave it out"));
    }
    if wire.find("audio", &root)?.is_some() {
        return Err(root.key("audio").invalid("the service answers in text only: leave it out"));
    }
    let at = root.key("modalities");
    let Some(raw) = wire.find("modalities", &root)? else { return Ok(()) };
    for (index, kind) in read::strings(raw, &at)?.iter().enumerate() {
        if kind != "text" {
            return Err(at.item(index).invalid("must be \"text\": the service answers in nothing else"));
        }
    }
    Ok(())
}
