//! From a schema's JSON to rules.

use std::collections::{BTreeMap, VecDeque};

use regex_lite::{Regex, RegexBuilder};

use super::decimal::Decimal;
use super::value::Value;
use super::{Bound, Measure, Node, Rule, SchemaError, Type};

/// Reads every schema that can be reached from `root`, the first node. `loose`: what cannot be verified is left out
/// instead of refused; the flag says whether there was any.
pub(super) fn nodes(root: &Value, loose: bool) -> Result<(Vec<Node>, bool), SchemaError> {
    let (nodes, known, pending) = (Vec::new(), BTreeMap::new(), VecDeque::new());
    let mut reader = Reader { root, nodes, known, pending, loose, left_out: false };
    reader.node(root, String::new())?;
    while let Some((index, value, path)) = reader.pending.pop_front() {
        let rules = reader.rules(value, &path)?;
        if let Some(node) = reader.nodes.get_mut(index) {
            node.rules = rules;
        }
    }
    let mut heights = vec![None; reader.nodes.len()];
    for index in 0..reader.nodes.len() {
        height(&reader.nodes, index, 0, &mut heights)?;
    }
    if reader.left_out {
        reader.nodes.iter_mut().for_each(weaken);
    }
    Ok((reader.nodes, reader.left_out))
}

/// Drops what would forbid more once something is left out below it: a schema that has lost a part fits more values, so
/// that `not` would forbid and `oneOf` count too many.
fn weaken(node: &mut Node) {
    node.rules.retain(|rule| !matches!(rule, Rule::Not(_)));
    for rule in &mut node.rules {
        if let Rule::One(one) = rule {
            *rule = Rule::Any(core::mem::take(one));
        }
    }
}

struct Reader<'r> {
    root: &'r Value,
    nodes: Vec<Node>,
    /// Nodes by the address of their schema: what is referred to twice is read once.
    known: BTreeMap<*const Value, usize>,
    pending: VecDeque<(usize, &'r Value, String)>,
    loose: bool,
    left_out: bool,
}

impl<'r> Reader<'r> {
    /// The node of a schema; it is read later, so that no chain of references can exhaust the stack.
    fn node(&mut self, value: &'r Value, path: String) -> Result<usize, SchemaError> {
        if let Some(&index) = self.known.get(&core::ptr::from_ref(value)) {
            return Ok(index);
        }
        if self.nodes.len() >= MAX_NODES {
            return Err(SchemaError::new(path, format!("the schema has more than {MAX_NODES} parts")));
        }
        let index = self.nodes.len();
        self.known.insert(core::ptr::from_ref(value), index);
        self.nodes.push(Node { path: path.clone(), rules: Vec::new() });
        self.pending.push_back((index, value, path));
        Ok(index)
    }

    fn rules(&mut self, value: &'r Value, path: &str) -> Result<Vec<Rule>, SchemaError> {
        let schema = match value {
            Value::Bool(true) => return Ok(Vec::new()),
            Value::Bool(false) => return Ok(vec![Rule::Never]),
            Value::Object(schema) => schema,
            other => {
                let text = format!("must be a schema (an object, true or false), not {}", other.kind());
                return Err(SchemaError::new(path.to_owned(), text));
            }
        };
        let mut rules = Vec::new();
        for (name, value) in schema {
            let at = joined(path, name);
            if self.loose && is_unverifiable(name, value) {
                self.left_out = true;
                continue;
            }
            let rule = match name.as_str() {
                "$ref" => Rule::Same(self.referred(value, &at)?),
                "type" => Rule::Type(types(value, &at)?),
                "enum" => Rule::Among(list(value, &at)?.to_vec()),
                "const" => Rule::Among(vec![value.clone()]),
                "required" => Rule::Required(strings(value, &at)?),
                "properties" | "additionalProperties" => continue,
                "items" | "prefixItems" => continue,
                "allOf" => Rule::All(self.schemas(value, &at)?),
                "anyOf" => Rule::Any(self.schemas(value, &at)?),
                "oneOf" => Rule::One(self.schemas(value, &at)?),
                "not" => Rule::Not(self.node(value, at)?),
                "uniqueItems" => match value {
                    Value::Bool(true) => Rule::Distinct,
                    Value::Bool(false) => continue,
                    _ => return Err(SchemaError::new(at, "must be true or false")),
                },
                "pattern" => Rule::Pattern(pattern(value, &at)?),
                "format" => Rule::Format(text(value, &at)?.to_owned()),
                "multipleOf" => Rule::Multiple(divisor(value, &at)?),
                _ => match (size(name), bound(name)) {
                    (Some((measure, least)), _) => Rule::Size { measure, least, limit: count(value, &at)? },
                    (_, Some(bound)) => Rule::Bound(bound, number(value, &at)?.clone()),
                    _ if UNVERIFIED.contains(&name.as_str()) => return Err(SchemaError::new(at, UNVERIFIABLE)),
                    // Titles, descriptions, defaults, and what the specification does not know.
                    _ => continue,
                },
            };
            rules.push(rule);
        }
        self.members(schema, path, &mut rules)?;
        self.items(schema, path, &mut rules)?;
        Ok(rules)
    }

    fn members(
        &mut self,
        schema: &'r BTreeMap<String, Value>,
        path: &str,
        rules: &mut Vec<Rule>,
    ) -> Result<(), SchemaError> {
        let mut known = BTreeMap::new();
        if let Some(value) = schema.get("properties") {
            let path = joined(path, "properties");
            let Value::Object(properties) = value else { return Err(SchemaError::new(path, "must be an object")) };
            for (name, value) in properties {
                known.insert(name.clone(), self.node(value, joined(&path, name))?);
            }
        }
        let other = match schema.get("additionalProperties") {
            Some(value) => Some(self.node(value, joined(path, "additionalProperties"))?),
            None => None,
        };
        if !known.is_empty() || other.is_some() {
            rules.push(Rule::Members { known, other });
        }
        Ok(())
    }

    fn items(
        &mut self,
        schema: &'r BTreeMap<String, Value>,
        path: &str,
        rules: &mut Vec<Rule>,
    ) -> Result<(), SchemaError> {
        let first = match schema.get("prefixItems") {
            Some(value) => self.schemas(value, &joined(path, "prefixItems"))?,
            None => Vec::new(),
        };
        let rest = match schema.get("items") {
            // As drafts before 2020-12 write a tuple.
            Some(tuple @ Value::List(_)) if self.loose && first.is_empty() => {
                let first = self.schemas(tuple, &joined(path, "items"))?;
                rules.push(Rule::Items { first, rest: None });
                return Ok(());
            }
            Some(Value::List(_)) => {
                return Err(SchemaError::new(joined(path, "items"), "must be one schema: use prefixItems for a list"));
            }
            Some(value) => Some(self.node(value, joined(path, "items"))?),
            None => None,
        };
        if !first.is_empty() || rest.is_some() {
            rules.push(Rule::Items { first, rest });
        }
        Ok(())
    }

    fn schemas(&mut self, value: &'r Value, path: &str) -> Result<Vec<usize>, SchemaError> {
        let schemas = list(value, path)?;
        if schemas.is_empty() {
            return Err(SchemaError::new(path.to_owned(), "must hold at least one schema"));
        }
        schemas.iter().enumerate().map(|(index, value)| self.node(value, format!("{path}[{index}]"))).collect()
    }

    /// What a `$ref` names: a JSON pointer into the same schema.
    fn referred(&mut self, value: &Value, path: &str) -> Result<usize, SchemaError> {
        let reference = text(value, path)?;
        let pointer = reference.strip_prefix('#').filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
        let Some(pointer) = pointer else {
            return Err(SchemaError::new(path.to_owned(), "must point into this schema: #/$defs/… or #"));
        };
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        let (mut value, mut at) = (self.root, String::new());
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match value {
                Value::Object(members) => members.get(&step),
                Value::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => None,
            };
            value = next.ok_or_else(|| SchemaError::new(path.to_owned(), "points to nothing"))?;
            at = joined(&at, &step);
        }
        self.node(value, at)
    }
}

/// How many schemas deep a value may be judged without going into it.
fn height(nodes: &[Node], index: usize, depth: usize, heights: &mut [Option<usize>]) -> Result<usize, SchemaError> {
    if let Some(Some(known)) = heights.get(index) {
        return Ok(*known);
    }
    let Some(node) = nodes.get(index) else { return Ok(0) };
    let mut tallest = 0;
    for rule in &node.rules {
        let next = match rule {
            Rule::Same(next) | Rule::Not(next) => core::slice::from_ref(next),
            Rule::All(next) | Rule::Any(next) | Rule::One(next) => next,
            _ => &[],
        };
        for &next in next {
            let below = if depth < MAX_CHAIN { height(nodes, next, depth + 1, heights)? } else { MAX_CHAIN };
            tallest = tallest.max(below + 1);
        }
    }
    if tallest > MAX_CHAIN {
        let text =
            format!("refers to itself, or more than {MAX_CHAIN} schemas stand one inside the other for one value");
        return Err(SchemaError::new(node.path.clone(), text));
    }
    if let Some(height) = heights.get_mut(index) {
        *height = Some(tallest);
    }
    Ok(tallest)
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn text<'v>(value: &'v Value, path: &str) -> Result<&'v str, SchemaError> {
    value.text().ok_or_else(|| SchemaError::new(path.to_owned(), "must be a string"))
}

fn list<'v>(value: &'v Value, path: &str) -> Result<&'v [Value], SchemaError> {
    match value {
        Value::List(items) => Ok(items),
        _ => Err(SchemaError::new(path.to_owned(), "must be an array")),
    }
}

fn strings(value: &Value, path: &str) -> Result<Vec<String>, SchemaError> {
    let items = list(value, path)?.iter().enumerate();
    items.map(|(index, item)| text(item, &format!("{path}[{index}]")).map(str::to_owned)).collect()
}

fn number<'v>(value: &'v Value, path: &str) -> Result<&'v Decimal, SchemaError> {
    match value {
        Value::Number(number) => Ok(number),
        _ => Err(SchemaError::new(path.to_owned(), "must be a number")),
    }
}

fn count(value: &Value, path: &str) -> Result<usize, SchemaError> {
    let count = number(value, path)?.count();
    count.ok_or_else(|| SchemaError::new(path.to_owned(), "must be a whole number of at least 0"))
}

fn divisor(value: &Value, path: &str) -> Result<Decimal, SchemaError> {
    let divisor = number(value, path)?;
    if divisor.is_positive() && divisor.is_handy() {
        return Ok(divisor.clone());
    }
    Err(SchemaError::new(path.to_owned(), "must be a number above 0 of at most 36 digits"))
}

fn types(value: &Value, path: &str) -> Result<Vec<Type>, SchemaError> {
    let read = |value: &Value, path: &str| {
        let name = text(value, path)?;
        let found = TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        found.ok_or_else(|| {
            let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            SchemaError::new(path.to_owned(), format!("must be one of {}", names.join(", ")))
        })
    };
    match value {
        Value::List(names) if names.is_empty() => Err(SchemaError::new(path.to_owned(), "must name at least one type")),
        Value::List(names) => {
            names.iter().enumerate().map(|(index, name)| read(name, &format!("{path}[{index}]"))).collect()
        }
        name => Ok(vec![read(name, path)?]),
    }
}

fn pattern(value: &Value, path: &str) -> Result<Box<Regex>, SchemaError> {
    let pattern = text(value, path)?;
    RegexBuilder::new(pattern).size_limit(MAX_REGEX).build().map(Box::new).map_err(|error| {
        let text = format!("cannot be verified here (no look-around, back references or \\p classes): {error}");
        SchemaError::new(path.to_owned(), text)
    })
}

/// Whether a keyword restricts values in a way that is not verified here.
fn is_unverifiable(name: &str, value: &Value) -> bool {
    match (name, value.text()) {
        ("pattern", Some(_)) => pattern(value, "").is_err(),
        ("$ref", Some(reference)) => !(reference == "#" || reference.starts_with("#/")),
        _ => UNVERIFIED.contains(&name),
    }
}

/// What a keyword measures, and whether it is the least of it.
fn size(name: &str) -> Option<(Measure, bool)> {
    Some(match name {
        "minLength" => (Measure::Characters, true),
        "maxLength" => (Measure::Characters, false),
        "minItems" => (Measure::Items, true),
        "maxItems" => (Measure::Items, false),
        "minProperties" => (Measure::Members, true),
        "maxProperties" => (Measure::Members, false),
        _ => return None,
    })
}

fn bound(name: &str) -> Option<Bound> {
    Some(match name {
        "minimum" => Bound::AtLeast,
        "maximum" => Bound::AtMost,
        "exclusiveMinimum" => Bound::Above,
        "exclusiveMaximum" => Bound::Below,
        _ => return None,
    })
}

const TYPES: &[(&str, Type)] = &[
    ("object", Type::Object),
    ("array", Type::Array),
    ("string", Type::Text),
    ("number", Type::Number),
    ("integer", Type::Integer),
    ("boolean", Type::Boolean),
    ("null", Type::Null),
];

/// Keywords that restrict values and are not verified here.
const UNVERIFIED: &[&str] = &[
    "if",
    "then",
    "else",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contains",
    "minContains",
    "maxContains",
    "additionalItems",
    "$dynamicRef",
    "$recursiveRef",
];
const UNVERIFIABLE: &str =
    "is a keyword that this gateway cannot verify, so the answer's form could not be guaranteed: leave it out";

/// Schemas inside of a schema.
const MAX_NODES: usize = 5000;
/// Schemas one inside the other for one value: references and combinations.
const MAX_CHAIN: usize = 32;
/// Bytes of a compiled pattern.
const MAX_REGEX: usize = 256 * 1024;
