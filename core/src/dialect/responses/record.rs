//! What is kept of a response, so that it can be shown again and continued.
//!
//! ```text
//! {"v":1, "session": what names the client's session, "response": the object as it was told,
//!  "before": items of the responses it continues, "input": its own items,
//!  "output": its items with their thought sealed}
//! ```
//!
//! A record holds the whole conversation, so continuing needs no other record. Every item has an id.

use serde::Deserialize;

use super::items::Item;
use super::object::{Items, State, object};
use super::{Voice, echo::on_one_line, response_id};
use crate::dialect::Ids;
use crate::dialect::read::Path;
use crate::dialect::sse::{raw, string};
use crate::error::Error;
use crate::host::MAX_KEPT;
use crate::json::RawValue;
use crate::turn::Answer;

/// The items a record begins with: lists without their brackets.
#[derive(Debug)]
pub(super) struct Input {
    before: Vec<u8>,
    new: Vec<Vec<u8>>,
}

impl Input {
    /// Copies the items; `None` where they are too large to keep.
    pub(super) fn of(earlier: &[&RawValue], new: &[&RawValue], text: Option<&RawValue>) -> Option<Self> {
        let size = |raws: &[&RawValue]| raws.iter().map(|raw| raw.get().len()).sum::<usize>();
        if size(earlier) + size(new) + text.map_or(0, |raw| raw.get().len()) > MAX_KEPT {
            return None;
        }
        let mut before = Vec::new();
        for (at, item) in earlier.iter().enumerate() {
            raw(if at > 0 { "," } else { "" }, &mut before);
            on_one_line(item, &mut before);
        }
        let mut new: Vec<Vec<u8>> = new.iter().map(|item| item.get().as_bytes().to_vec()).collect();
        if let Some(text) = text {
            new.push(format!("{{\"type\":\"message\",\"role\":\"user\",\"content\":{}}}", text.get()).into_bytes());
        }
        Some(Self { before, new })
    }
}

/// The id and the record of a complete answer, where the client wants it kept. `None` also where the conversation is
/// larger than [`MAX_KEPT`].
pub fn record(voice: &Voice, ids: &Ids, answer: &Answer) -> Option<(String, Vec<u8>)> {
    let input = voice.asked.input.as_ref().filter(|_| voice.store)?;
    let state = State::of(&answer.stop);
    let items = |sealed| Items { asked: &voice.asked, ids, sealed };
    let mut out = Vec::with_capacity(4096);
    raw("{\"v\":1,\"session\":", &mut out);
    match &voice.asked.session {
        Some(session) => string(session, &mut out),
        None => raw("null", &mut out),
    }
    raw(",\"response\":", &mut out);
    let shown = |out: &mut Vec<u8>| items(voice.asked.sealed).all(answer, &[], state.is_cut(), out);
    object(&voice.asked, ids, state, true, shown, Some(&answer.usage), &mut out);
    raw(",\"before\":[", &mut out);
    out.extend_from_slice(&input.before);
    raw("],\"input\":[", &mut out);
    for (at, item) in input.new.iter().enumerate() {
        raw(if at > 0 { "," } else { "" }, &mut out);
        with_id(item, &format!("{}i{at:04x}", ids.stem), &mut out);
    }
    raw("],\"output\":[", &mut out);
    items(true).all(answer, &[], state.is_cut(), &mut out);
    raw("]}", &mut out);
    Some((response_id(ids), out))
}

/// Appends an item with its type, an id of its own, and its content as a list.
fn with_id(item: &[u8], stem: &str, out: &mut Vec<u8>) {
    let item = serde_json::from_slice::<&RawValue>(item).ok();
    let Some(item) = item.and_then(|raw| Item::read(raw, &Path::Root).ok()) else { return raw("{}", out) };
    raw("{\"id\":", out);
    match item.id().filter(|id| !id.is_empty()) {
        Some(id) => string(&id, out),
        None => string(&format!("{}_{stem}", prefix(&item.kind)), out),
    }
    raw(",\"type\":", out);
    string(&item.kind, out);
    let role = item.wire.string("role", &Path::Root).ok().flatten();
    for (name, value) in item.wire.iter().filter(|(name, _)| !matches!(*name, "id" | "type")) {
        raw(",", out);
        string(name, out);
        raw(":", out);
        if name == "content" && item.kind == "message" && value.get().starts_with('"') {
            let kind = if role.as_deref() == Some("assistant") { "output_text" } else { "input_text" };
            raw(&format!("[{{\"type\":\"{kind}\",\"text\":"), out);
            on_one_line(value, out);
            raw(if kind == "output_text" { ",\"annotations\":[]}]" } else { "}]" }, out);
        } else {
            on_one_line(value, out);
        }
    }
    raw("}", out);
}

fn prefix(kind: &str) -> &'static str {
    match kind {
        "message" => "msg",
        "reasoning" => "rs",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "custom_tool_call" => "ctc",
        "custom_tool_call_output" => "ctco",
        "additional_tools" => "at",
        _ => "item",
    }
}

#[derive(Deserialize)]
struct Record<'a> {
    v: u32,
    #[serde(borrow)]
    session: Option<&'a RawValue>,
    #[serde(borrow)]
    response: &'a RawValue,
    #[serde(borrow)]
    before: Vec<&'a RawValue>,
    #[serde(borrow)]
    input: Vec<&'a RawValue>,
    #[serde(borrow)]
    output: Vec<&'a RawValue>,
}

/// `None` for bytes that are no record of this version.
fn read(record: &[u8]) -> Option<Record<'_>> {
    serde_json::from_slice(record).ok().filter(|record: &Record<'_>| record.v == 1)
}

/// The whole conversation of a record, its answer included.
pub(super) fn items(record: &[u8]) -> Option<Vec<&RawValue>> {
    let Record { before, input, output, .. } = read(record)?;
    Some(before.into_iter().chain(input).chain(output).collect())
}

/// The response that made an item, by the item's id: every id of ours holds its response's stem.
pub(super) fn response_of(item: &str) -> Option<String> {
    let (_, rest) = item.split_once('_')?;
    let stem = rest.get(..STEM).filter(|stem| stem.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some(response_id(&Ids { stem: stem.to_owned(), created: 0, choice: None }))
}

/// The length of a stem.
const STEM: usize = 24;

/// What names the client's session, where an earlier request of the conversation said so.
pub(super) fn session(record: &[u8]) -> Option<String> {
    serde_json::from_str(read(record)?.session?.get()).ok()
}

/// The body of `GET /v1/responses/{id}`.
///
/// # Errors
/// Bytes that are no record of this version.
pub fn stored_response(record: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(read(record).ok_or_else(unreadable)?.response.get().as_bytes().to_vec())
}

fn unreadable() -> Error {
    Error::invalid("response_id", "what is kept of this response cannot be read: create it anew")
}

/// The body of `DELETE /v1/responses/{id}`.
pub fn deleted(id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    raw("{\"id\":", &mut out);
    string(id, &mut out);
    raw(",\"object\":\"response\",\"deleted\":true}", &mut out);
    out
}

/// The body of `GET /v1/responses/{id}/input_items` for the query `limit` (1 to 100, 20 where absent), `order`
/// (`desc` where absent), `after` and `before`: the items of the request itself, not those of the responses it
/// continues. Other parameters have no effect.
///
/// # Errors
/// [`Kind::Invalid`](crate::Kind::Invalid) naming the parameter; bytes that are no record.
pub fn input_items(record: &[u8], query: &str) -> Result<Vec<u8>, Error> {
    let Record { input, .. } = read(record).ok_or_else(unreadable)?;
    let mut items = Vec::with_capacity(input.len());
    for raw in input {
        items.push((Item::read(raw, &Path::Root)?.id().unwrap_or_default().into_owned(), raw));
    }
    let page = Page::of(query)?;
    if page.descending {
        items.reverse();
    }
    let place = |id: &str, name: &'static str| {
        let found = items.iter().position(|(known, _)| known == id);
        found.ok_or_else(|| Error::invalid(name, "is the id of no item of this response"))
    };
    let from = page.after.map(|id| place(&id, "after")).transpose()?.map_or(0, |at| at + 1);
    let to = page.before.map(|id| place(&id, "before")).transpose()?.unwrap_or(items.len());
    let within = items.get(from..to).unwrap_or(&[]);
    let shown = within.get(..within.len().min(page.limit)).unwrap_or(&[]);
    Ok(list(shown, shown.len() < within.len()))
}

struct Page {
    limit: usize,
    descending: bool,
    after: Option<String>,
    before: Option<String>,
}

impl Page {
    fn of(query: &str) -> Result<Self, Error> {
        let mut page = Self { limit: 20, descending: true, after: None, before: None };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=100).contains(limit));
                    page.limit =
                        limit.ok_or_else(|| Error::invalid("limit", "must be a whole number from 1 to 100"))?;
                }
                "order" if value == "asc" => page.descending = false,
                "order" if value == "desc" => page.descending = true,
                "order" => return Err(Error::invalid("order", "must be \"asc\" or \"desc\"")),
                "after" if !value.is_empty() => page.after = Some(value.into_owned()),
                "before" if !value.is_empty() => page.before = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(page)
    }
}

fn list(items: &[(String, &RawValue)], more: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    raw("{\"object\":\"list\",\"data\":[", &mut out);
    for (at, (_, item)) in items.iter().enumerate() {
        raw(if at > 0 { "," } else { "" }, &mut out);
        raw(item.get(), &mut out);
    }
    raw("]", &mut out);
    for (name, item) in [(",\"first_id\":", items.first()), (",\"last_id\":", items.last())] {
        raw(name, &mut out);
        match item {
            Some((id, _)) => string(id, &mut out),
            None => raw("null", &mut out),
        }
    }
    raw(if more { ",\"has_more\":true}" } else { ",\"has_more\":false}" }, &mut out);
    out
}
