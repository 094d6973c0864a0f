//! Whether a value is valid under the rules, and what is wrong where it is not.

use core::fmt;
use std::collections::BTreeSet;

use super::decimal::Decimal;
use super::format;
use super::value::Value;
use super::{Bound, Measure, Node, Rule, Type, Violation};

/// One value under judgement.
pub(super) struct Judge<'j> {
    nodes: &'j [Node],
    /// What may still be done before the judge gives up.
    work: usize,
}

/// Where a value stands. Costs nothing until a violation prints it.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Root,
    Member(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
}

impl<'j> Judge<'j> {
    pub(super) fn new(nodes: &'j [Node]) -> Self {
        Self { nodes, work: MAX_WORK }
    }

    /// Adds what is wrong with `value` under the schema `index` to `found`, up to [`MAX_VIOLATIONS`].
    pub(super) fn judge(&mut self, index: usize, value: &Value, at: &At<'_>, depth: usize, found: &mut Vec<Violation>) {
        let Some(node) = self.nodes.get(index) else { return };
        if depth > MAX_DEPTH || self.work == 0 {
            return found.push(at.wrong("is too complex to be verified"));
        }
        self.work -= 1;
        for rule in &node.rules {
            if found.len() >= MAX_VIOLATIONS {
                return;
            }
            self.rule(rule, value, at, depth, found);
        }
    }

    fn rule(&mut self, rule: &Rule, value: &Value, at: &At<'_>, depth: usize, found: &mut Vec<Violation>) {
        let within = |this: &mut Self, index: usize| {
            let mut found = Vec::new();
            this.judge(index, value, at, depth + 1, &mut found);
            found
        };
        match rule {
            Rule::Same(index) => self.judge(*index, value, at, depth + 1, found),
            Rule::All(all) => all.iter().for_each(|&index| self.judge(index, value, at, depth + 1, found)),
            Rule::Any(any) => self.any(any, value, at, depth, found),
            Rule::One(one) => {
                let fitting = one.iter().filter(|&&index| within(self, index).is_empty()).count();
                match fitting {
                    1 => {}
                    0 => self.any(one, value, at, depth, found),
                    _ => found.push(at.wrong(format!("fits {fitting} of the schemas of oneOf; it must fit one"))),
                }
            }
            Rule::Not(index) => {
                let inner = within(self, *index);
                // What could not be verified proves nothing.
                if inner.is_empty() || self.work == 0 {
                    found.push(at.wrong("fits what its schema forbids (not)"));
                }
            }
            Rule::Members { .. } | Rule::Items { .. } => self.inside(rule, value, at, depth, found),
            plain => found.extend(fault(plain, value).map(|text| at.wrong(text))),
        }
    }

    /// Tells of the alternative that came nearest: the one whose first fault lies deepest in the value.
    fn any(&mut self, any: &[usize], value: &Value, at: &At<'_>, depth: usize, found: &mut Vec<Violation>) {
        let mut nearest: Option<Vec<Violation>> = None;
        for &index in any {
            let mut faults = Vec::new();
            self.judge(index, value, at, depth + 1, &mut faults);
            let Some(first) = faults.first() else { return };
            let best = nearest.as_ref().and_then(|best| best.first());
            if best.is_none_or(|best| first.path.len() > best.path.len()) {
                nearest = Some(faults);
            }
        }
        found.push(at.wrong(format!("fits none of the {} schemas it may have; the nearest one says:", any.len())));
        found.extend(nearest.unwrap_or_default());
    }

    fn inside(&mut self, rule: &Rule, value: &Value, at: &At<'_>, depth: usize, found: &mut Vec<Violation>) {
        match (rule, value) {
            (Rule::Members { known, other }, Value::Object(members)) => {
                for (name, value) in members {
                    if let Some(index) = known.get(name).or(other.as_ref()) {
                        self.judge(*index, value, &At::Member(at, name), depth + 1, found);
                    }
                }
            }
            (Rule::Items { first, rest }, Value::List(items)) => {
                for (place, item) in items.iter().enumerate() {
                    if let Some(index) = first.get(place).or(rest.as_ref()) {
                        self.judge(*index, item, &At::Item(at, place), depth + 1, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What is wrong with a value under a rule that looks at nothing inside of it.
fn fault(rule: &Rule, value: &Value) -> Option<String> {
    match (rule, value) {
        (Rule::Never, _) => Some("must not be there".to_owned()),
        (Rule::Type(types), value) => (!types.iter().any(|kind| kind.fits(value))).then(|| {
            let names: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
            format!("must be {}, not {}", names.join(" or "), value.kind())
        }),
        (Rule::Among(values), value) => (!values.contains(value)).then(|| among(values)),
        (Rule::Required(names), Value::Object(members)) => {
            let missing = names.iter().filter(|name| !members.contains_key(*name));
            let missing: Vec<&str> = missing.map(String::as_str).collect();
            (!missing.is_empty()).then(|| format!("lacks the required {}", missing.join(", ")))
        }
        (Rule::Size { measure, least, limit }, value) => size_fault(*measure, *least, *limit, value),
        (Rule::Distinct, Value::List(items)) => {
            let mut seen = BTreeSet::new();
            (!items.iter().all(|item| seen.insert(item))).then(|| "holds an item twice".to_owned())
        }
        (Rule::Pattern(regex), Value::Text(text)) => {
            (!regex.is_match(text)).then(|| format!("must match the pattern {}", regex.as_str()))
        }
        (Rule::Format(name), Value::Text(text)) => {
            (!format::fits(name, text)).then(|| format!("must have the format {name}"))
        }
        (Rule::Bound(bound, limit), Value::Number(number)) => bound.fault(number, limit),
        (Rule::Multiple(divisor), Value::Number(number)) => {
            (number.is_multiple_of(divisor) != Some(true)).then(|| format!("must be a multiple of {divisor}"))
        }
        _ => None,
    }
}

fn among(values: &[Value]) -> String {
    let mut shown: Vec<String> = values.iter().take(MAX_SHOWN).map(Value::to_string).collect();
    if values.len() > MAX_SHOWN {
        shown.push("…".to_owned());
    }
    match values {
        [_] => format!("must be {}", shown.concat()),
        _ => format!("must be one of {}", shown.join(", ")),
    }
}

fn size_fault(measure: Measure, least: bool, limit: usize, value: &Value) -> Option<String> {
    let (size, unit) = match (measure, value) {
        (Measure::Characters, Value::Text(text)) => (text.chars().count(), "characters"),
        (Measure::Items, Value::List(items)) => (items.len(), "items"),
        (Measure::Members, Value::Object(members)) => (members.len(), "members"),
        _ => return None,
    };
    match least {
        true if size < limit => Some(format!("has {size} {unit}; the least is {limit}")),
        false if size > limit => Some(format!("has {size} {unit}; the most is {limit}")),
        _ => None,
    }
}

impl Bound {
    fn fault(self, number: &Decimal, limit: &Decimal) -> Option<String> {
        let (good, words) = match self {
            Self::AtLeast => (number >= limit, "at least"),
            Self::AtMost => (number <= limit, "at most"),
            Self::Above => (number > limit, "above"),
            Self::Below => (number < limit, "below"),
        };
        (!good).then(|| format!("must be {words} {limit}"))
    }
}

impl Type {
    fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Integer, Value::Number(number)) => number.is_whole(),
            (kind, value) => kind.name() == value.kind(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::Text => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Null => "null",
        }
    }
}

impl At<'_> {
    fn wrong(&self, text: impl Into<String>) -> Violation {
        Violation { path: self.to_string(), text: text.into() }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Root => Ok(()),
            At::Member(At::Root, name) => f.write_str(name),
            At::Member(parent, name) => write!(f, "{parent}.{name}"),
            At::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Violations that are told at once.
pub(super) const MAX_VIOLATIONS: usize = 8;
/// Values times schemas that are looked at: some milliseconds.
const MAX_WORK: usize = 500_000;
/// Schemas and values one inside the other: bounds the stack.
const MAX_DEPTH: usize = 400;
/// Values of an enumeration that are named.
const MAX_SHOWN: usize = 12;
