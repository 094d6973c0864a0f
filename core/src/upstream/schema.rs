//! Tool schemas within what the service takes.
//!
//! | what came | what goes |
//! |---|---|
//! | a schema that is fine | the same bytes |
//! | `$ref` to `$defs`, `definitions` or any place in the schema | its target; a recursive one, one too deep or too big is cut to `{}` or `{"type":"object"}` |
//! | `null` anywhere | left out; a property whose schema is `null` becomes `{}` |
//! | a root that is no object, `anyOf`/`oneOf`/`allOf` at the root | see [`root`](super::root) |
//! | keywords of a wrong type (`required: true`) | left out |
//!
//! Key order and the spelling of numbers stay. Cost is bounded: a reference is followed at most
//! [`MAX_DEPTH`] deep, and all together may add [`MAX_EXPANSION`] bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memmem;

use super::node::{Node, items, members};
use super::wire::{self, Shape};
use super::{root, strict};
use crate::json::{Lit, RawValue};

/// Writes the schema of a tool; with `lean`, only what every model host is known to take.
pub(super) fn write(out: &mut String, schema: Option<&RawValue>, lean: bool) {
    let Some(schema) = schema else { return out.push_str(NO_INPUT) };
    if !lean && is_fine(schema) {
        return wire::raw(out, schema.get());
    }
    let text = wire::mended(schema.get());
    if Shape::of(&text).depth.min(MAX_DEPTH).saturating_mul(text.len()) > MAX_WORK {
        return out.push_str(NO_INPUT);
    }
    let Ok(schema) = serde_json::from_str::<&RawValue>(&text) else { return out.push_str(NO_INPUT) };
    let mut node = root::object(Walk::over(schema).schema(schema, 0));
    if lean {
        node = strict::root(node);
    }
    node.write(out);
}

/// The schema of a tool that takes nothing.
pub(super) const NO_INPUT: &str = r#"{"type":"object","properties":{}}"#;

/// Whether a schema can be sent as it is. Errs on the side of a closer look.
fn is_fine(schema: &RawValue) -> bool {
    let text = schema.get();
    let has = |needle: &str| memmem::find(text.as_bytes(), needle.as_bytes()).is_some();
    if SUSPECT.iter().any(|word| has(word)) || wire::has_unicode_escape(text) {
        return false;
    }
    let shape = Shape::of(text);
    !shape.null
        && !shape.empty_key
        && shape.depth <= MAX_DEPTH
        && always_followed_by(text, "\"required\"", b'[')
        && always_followed_by(text, "\"properties\"", b'{')
        && root::is_object(schema)
}

/// Whether each `word` that is a key has a value beginning with `opening`.
fn always_followed_by(text: &str, word: &str, opening: u8) -> bool {
    memmem::find_iter(text.as_bytes(), word.as_bytes()).all(|at| {
        let after = text.as_bytes().get(at + word.len()..).unwrap_or_default().trim_ascii_start();
        after.strip_prefix(b":").is_none_or(|value| value.trim_ascii_start().first() == Some(&opening))
    })
}

/// A walk over one schema document.
struct Walk<'a> {
    document: &'a RawValue,
    /// Members of the root's `$defs` and `definitions`, by their pointer's head.
    definitions: BTreeMap<&'static str, BTreeMap<Cow<'a, str>, &'a RawValue>>,
    /// References being followed.
    active: Vec<Cow<'a, str>>,
    /// Bytes that references may still add.
    budget: usize,
}

type Member<'a> = (Cow<'a, str>, &'a RawValue);

impl<'a> Walk<'a> {
    fn over(document: &'a RawValue) -> Self {
        let mut definitions = BTreeMap::new();
        for (key, value) in members(document).unwrap_or_default() {
            let Some(head) = DEFINITIONS.iter().find(|head| **head == key) else { continue };
            definitions.insert(*head, members(value).unwrap_or_default().into_iter().collect());
        }
        Self { document, definitions, active: Vec::new(), budget: MAX_EXPANSION }
    }

    /// A schema; anything that is none (`true`, `null`, a text) allows everything.
    fn schema(&mut self, raw: &'a RawValue, depth: usize) -> Node<'a> {
        if depth >= MAX_DEPTH {
            return Node::EMPTY;
        }
        let Some(all) = members(raw) else { return Node::EMPTY };
        let reference = all.iter().find(|(key, _)| key == "$ref").and_then(|(_, value)| Lit::of(value));
        match reference {
            Some(pointer) => self.reference(pointer.decode(), all, depth),
            None => Node::Map(self.keywords(all, depth)),
        }
    }

    /// The target of a reference, with the members that stand beside it.
    fn reference(&mut self, pointer: Cow<'a, str>, beside: Vec<Member<'a>>, depth: usize) -> Node<'a> {
        let mut merged = match self.target(&pointer) {
            Some(target) => {
                self.active.push(pointer);
                let node = self.schema(target, depth + 1);
                self.active.pop();
                if let Node::Map(members) = node { members } else { Vec::new() }
            }
            None => self.cut(&pointer),
        };
        let places: BTreeMap<_, _> = merged.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
        for (key, value) in self.keywords(beside, depth) {
            match places.get(&key).and_then(|at| merged.get_mut(*at)) {
                Some((_, known)) => *known = value,
                None => merged.push((key, value)),
            }
        }
        Node::Map(merged)
    }

    /// Where a pointer leads, when it may be followed once more.
    fn target(&mut self, pointer: &str) -> Option<&'a RawValue> {
        if self.active.iter().any(|active| active == pointer) {
            return None;
        }
        let target = self.resolve(pointer)?;
        self.budget = self.budget.checked_sub(target.get().len() + 16)?;
        Some(target)
    }

    fn resolve(&mut self, pointer: &str) -> Option<&'a RawValue> {
        let mut steps = pointer.strip_prefix("#/")?.split('/').map(unescape).peekable();
        let mut place = self.document;
        if let Some(table) = steps.peek().and_then(|head| self.definitions.get(&**head)) {
            steps.next();
            place = table.get(&steps.next()?)?;
        }
        for step in steps {
            self.budget = self.budget.checked_sub(place.get().len())?;
            place = match members(place) {
                Some(members) => members.into_iter().find(|(key, _)| *key == step)?.1,
                None => items(place)?.get(step.parse::<usize>().ok()?).copied()?,
            };
        }
        Some(place)
    }

    /// What stands for a reference that is not followed: its target's type, when that is an object.
    fn cut(&mut self, pointer: &str) -> Vec<(Cow<'a, str>, Node<'a>)> {
        let target = if pointer == "#" { Some(self.document) } else { self.resolve(pointer) };
        let kind = target.and_then(members).and_then(|all| all.into_iter().find(|(key, _)| key == "type"));
        match kind {
            Some((key, value)) if value.get() == "\"object\"" => vec![(key, Node::plain("object"))],
            _ => Vec::new(),
        }
    }

    fn keywords(&mut self, all: Vec<Member<'a>>, depth: usize) -> Vec<(Cow<'a, str>, Node<'a>)> {
        let mut kept = Vec::with_capacity(all.len());
        for (key, value) in all {
            if let Some(node) = self.keyword(&key, value, depth) {
                kept.push((key, node));
            }
        }
        kept
    }

    /// What a keyword's value becomes; `None` leaves the keyword out.
    fn keyword(&mut self, key: &str, value: &'a RawValue, depth: usize) -> Option<Node<'a>> {
        let is_flag = matches!(value.get(), "true" | "false");
        match key {
            "" | "$ref" | "$defs" | "definitions" | "$dynamicRef" | "$recursiveRef" => None,
            "properties" | "patternProperties" | "dependentSchemas" | "dependencies" => self.table(value, depth),
            "additionalProperties" | "unevaluatedProperties" | "unevaluatedItems" | "additionalItems" if is_flag => {
                Some(Node::Raw(Cow::Borrowed(value.get())))
            }
            "items" if value.get().starts_with('[') => self.list(value, depth),
            "additionalProperties"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "additionalItems"
            | "items"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "contentSchema" => value.get().starts_with('{').then(|| self.schema(value, depth + 1)),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => self.list(value, depth),
            "required" => strings(value),
            "type" if value.get().starts_with('"') => Some(Node::Raw(Cow::Borrowed(value.get()))),
            "type" => strings(value).filter(|node| *node != Node::List(Vec::new())),
            "enum" => match data(value, depth) {
                Some(Node::List(items)) if !items.is_empty() => Some(Node::List(items)),
                Some(Node::Raw(text)) if text.starts_with('[') && text.len() > 2 => Some(Node::Raw(text)),
                _ => None,
            },
            _ => data(value, depth),
        }
    }

    /// Schemas by name; lists among them (`dependencies`) are names.
    fn table(&mut self, value: &'a RawValue, depth: usize) -> Option<Node<'a>> {
        let named = members(value)?.into_iter().filter(|(name, _)| !name.is_empty());
        let table = named.map(|(name, schema)| {
            let node = strings(schema).unwrap_or_else(|| self.schema(schema, depth + 2));
            (name, node)
        });
        Some(Node::Map(table.collect()))
    }

    fn list(&mut self, value: &'a RawValue, depth: usize) -> Option<Node<'a>> {
        let schemas = items(value)?.into_iter().filter(|item| item.get() != "null");
        let list: Vec<_> = schemas.map(|schema| self.schema(schema, depth + 2)).collect();
        (!list.is_empty()).then_some(Node::List(list))
    }
}

/// A list of distinct strings; `None` for what is no list.
fn strings(value: &RawValue) -> Option<Node<'_>> {
    let mut seen = std::collections::BTreeSet::new();
    let items = items(value)?.into_iter().map(RawValue::get);
    let texts = items.filter(|text| text.starts_with('"') && seen.insert(*text));
    Some(Node::List(texts.map(|text| Node::Raw(Cow::Borrowed(text))).collect()))
}

/// A value that is no schema, without its nulls; `None` when nothing is left.
fn data(raw: &RawValue, depth: usize) -> Option<Node<'_>> {
    let shape = Shape::of(raw.get());
    if shape.depth + depth > MAX_DEPTH {
        return None;
    }
    if !shape.null && !shape.empty_key {
        return Some(Node::Raw(Cow::Borrowed(raw.get())));
    }
    without_nulls(raw)
}

/// Recurses: [`data`] has bounded the depth.
fn without_nulls(raw: &RawValue) -> Option<Node<'_>> {
    if let Some(members) = members(raw) {
        let kept = members.into_iter().filter(|(key, _)| !key.is_empty());
        return Some(Node::Map(kept.filter_map(|(key, value)| Some((key, without_nulls(value)?))).collect()));
    }
    match items(raw) {
        Some(items) => Some(Node::List(items.into_iter().filter_map(without_nulls).collect())),
        None if raw.get() == "null" => None,
        None => Some(Node::Raw(Cow::Borrowed(raw.get()))),
    }
}

/// A step of a JSON pointer in a URI fragment.
fn unescape(step: &str) -> Cow<'_, str> {
    if !step.contains(['~', '%']) {
        return Cow::Borrowed(step);
    }
    let mut bytes = Vec::with_capacity(step.len());
    let mut rest = step.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| core::str::from_utf8(hex).ok());
        let decoded = hex.filter(|_| first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(decoded.unwrap_or(first));
        rest = if decoded.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~"))
}

/// Where schemas keep parts for reference.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// Words that call for a closer look.
const SUSPECT: [&str; 5] = ["$ref\"", "\"$defs\"", "\"definitions\"", "\"$dynamicRef\"", "\"$recursiveRef\""];

/// Deepest nesting of a schema.
const MAX_DEPTH: usize = 48;

/// Each level of a schema is looked over once per level above it. One that would take long, which no tool's
/// real schema does, is replaced by one that allows everything.
const MAX_WORK: usize = 16 * 1024 * 1024;

/// Bytes that following references may add to one schema: four of the largest catalogues seen to work.
const MAX_EXPANSION: usize = 256 * 1024;
