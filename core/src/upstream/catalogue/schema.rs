//! A model's `additionalModelRequestFieldsSchema` as the [`Fields`] it comes to.
//!
//! What is written by those fields is valid under the schema: a member whose schema says more than is understood here
//! (`anyOf`, `pattern`, `$ref`, …) is no field, and neither is one that needs members the gateway has nothing for.
//! Members that are not described are not written, whether or not the schema lets others in.

use serde_json::Value;

use crate::models::{Display, FieldSet, Fields, Scale, Span, Thinking};

/// The fields of a schema; none for anything that is no schema of an object.
pub(super) fn fields(schema: &Value) -> Fields {
    let Some(root) = Node::object(schema) else { return Fields::NONE };
    let required: Vec<&str> = root.required().collect();
    let fields = Fields {
        thinking: root.member("thinking").and_then(thinking),
        effort: root.member("output_config").map(effort).unwrap_or_default(),
        reasoning: root.member("reasoning").map(effort).unwrap_or_default(),
        max_tokens: root.member("max_tokens").and_then(span),
        required: FieldSet::of(required.iter().copied()),
    };
    // Something must be there that nobody here can write.
    if required.iter().all(|name| fields.required.has(name)) { fields } else { Fields::NONE }
}

fn thinking(schema: &Value) -> Option<Thinking> {
    let node = Node::object(schema)?;
    let kind = node.member("type")?;
    let required: Vec<&str> = node.required().collect();
    if required.iter().any(|name| !["type", "display"].contains(name)) {
        return None;
    }
    let needs_display = required.contains(&"display");
    let shows = |word: &str| node.member("display").is_some_and(|display| takes(display, word));
    let display = match () {
        () if shows("summarized") => Display::Summarized,
        () if needs_display && shows("omitted") => Display::Omitted,
        () => Display::Absent,
    };
    Some(Thinking {
        adaptive: takes(kind, "adaptive") && (!needs_display || display != Display::Absent),
        disabled: takes(kind, "disabled") && !needs_display,
        display,
    })
}

/// The scale of a member's `effort`.
fn effort(schema: &Value) -> Scale {
    let Some(node) = Node::object(schema) else { return Scale::default() };
    let Some(effort) = node.member("effort").filter(|_| node.required().all(|name| name == "effort")) else {
        return Scale::default();
    };
    Scale::of(Scale::FULL.words().filter(|word| takes(effort, word)))
}

fn span(schema: &Value) -> Option<Span> {
    let plain = is_of(schema, "integer") || is_of(schema, "number");
    if !plain || !is_understood(schema) || schema.get("enum").is_some() || schema.get("const").is_some() {
        return None;
    }
    let bound = |name: &str| match schema.get(name) {
        None => Some(None),
        Some(value) => value.as_f64().map(Some),
    };
    let min = bound("minimum")?.unwrap_or(1.0).ceil().max(1.0);
    let max = bound("maximum")?.unwrap_or(MOST).floor().min(MOST);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and no number is NaN")]
    let span = Span { min: min as u32, max: max as u32 };
    (min <= max).then_some(span)
}

/// Whether a member may be this text.
fn takes(schema: &Value, word: &str) -> bool {
    is_of(schema, "string")
        && is_understood(schema)
        && schema.get("const").is_none_or(|only| only == word)
        && match schema.get("enum") {
            None => true,
            Some(words) => words.as_array().is_some_and(|words| words.iter().any(|known| known == word)),
        }
}

/// The schema of an object.
struct Node<'s>(&'s Value);

impl<'s> Node<'s> {
    fn object(schema: &'s Value) -> Option<Self> {
        let plain = is_of(schema, "object") && is_understood(schema);
        (plain && schema.get("enum").is_none() && schema.get("const").is_none()).then_some(Self(schema))
    }

    fn member(&self, name: &str) -> Option<&'s Value> {
        self.0.get("properties")?.get(name)
    }

    /// The members that must be there. What is no list of names is taken for a member that nobody knows.
    fn required(&self) -> impl Iterator<Item = &'s str> {
        let (list, odd) = match self.0.get("required") {
            None => (&[][..], None),
            Some(Value::Array(names)) => (names.as_slice(), None),
            Some(_) => (&[][..], Some(UNKNOWN)),
        };
        list.iter().map(|name| name.as_str().unwrap_or(UNKNOWN)).chain(odd)
    }
}

/// Whether a schema takes values of this type.
fn is_of(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        None => schema.is_object(),
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        Some(one) => one == kind,
    }
}

/// Whether a schema says nothing that is not understood here.
fn is_understood(schema: &Value) -> bool {
    schema.as_object().is_some_and(|members| members.keys().all(|name| !LIMITING.contains(&name.as_str())))
}

/// The largest u32.
const MOST: f64 = 4_294_967_295.0;

/// No member of the service's.
const UNKNOWN: &str = "";

/// Keywords that limit a value in ways this does not read.
const LIMITING: &[&str] = &[
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "multipleOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "patternProperties",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
];
