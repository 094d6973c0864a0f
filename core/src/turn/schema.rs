//! JSON Schema, as far as answers are verified by it.
//!
//! | keywords | |
//! |---|---|
//! | `type` (also a list), `enum`, `const` | verified |
//! | `properties`, `required`, `additionalProperties`, `minProperties`, `maxProperties` | verified |
//! | `items`, `prefixItems`, `minItems`, `maxItems`, `uniqueItems` | verified |
//! | `minLength`, `maxLength`, `pattern` (without look-around), `format` (the table in [`format`]) | verified |
//! | `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf` | verified, in decimals |
//! | `anyOf`, `oneOf`, `allOf`, `not`, `$ref` into the same schema, recursion included | verified |
//! | `if`, `patternProperties`, `contains`, `dependent…`, `unevaluated…` and their kind | refused by name |
//! | everything else (`title`, `description`, `default`, `x-…`) | says nothing |
//!
//! What cannot be verified is refused rather than passed over: a guarantee with a hole is none. A client that asks for
//! no guarantee (`strict` is not set) gets what can be verified. The libraries for
//! this weigh more than half of the gateway's bundle; the tests compare with one of them.

mod check;
mod decimal;
mod format;
mod read;
mod value;

use std::collections::BTreeMap;

use decimal::Decimal;
use value::Value;

use crate::json::RawValue;

/// A schema that answers can be verified by.
#[derive(Debug)]
pub struct Schema {
    nodes: Vec<Node>,
}

/// Why a schema cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchemaError {
    /// The JSON path of the part at fault; empty for the schema itself.
    pub path: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// What is wrong with a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The JSON path of the value at fault; empty for the whole value.
    pub path: String,
    /// What is wrong with it.
    pub text: String,
}

/// A schema or a part of one.
#[derive(Debug)]
struct Node {
    /// Where it stands.
    path: String,
    rules: Vec<Rule>,
}

/// What a keyword demands. Numbers are places in [`Schema::nodes`].
#[derive(Debug)]
enum Rule {
    /// Nothing fits: the schema `false`.
    Never,
    Same(usize),
    Type(Vec<Type>),
    Among(Vec<Value>),
    Members {
        known: BTreeMap<String, usize>,
        other: Option<usize>,
    },
    Required(Vec<String>),
    Items {
        first: Vec<usize>,
        rest: Option<usize>,
    },
    Distinct,
    Size {
        measure: Measure,
        /// Whether the limit is the least; else it is the most.
        least: bool,
        limit: usize,
    },
    Pattern(Box<regex_lite::Regex>),
    Format(String),
    Bound(Bound, Decimal),
    Multiple(Decimal),
    All(Vec<usize>),
    Any(Vec<usize>),
    One(Vec<usize>),
    Not(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    Object,
    Array,
    Text,
    Number,
    Integer,
    Boolean,
    Null,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Measure {
    Characters,
    Items,
    Members,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bound {
    AtLeast,
    AtMost,
    Above,
    Below,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// Names the part that is no schema or cannot be verified. At most 5,000 parts, 100 levels deep.
    pub fn read(raw: &RawValue) -> Result<Self, SchemaError> {
        Self::of(raw, false).map(|(schema, _)| schema)
    }

    /// Reads a schema as far as answers can be verified by it; whether something of it is left out: keywords of the
    /// table's refused kind, patterns with look-around, references elsewhere; then `not` says nothing and `oneOf` is
    /// `anyOf`. A list as `items` is a tuple.
    ///
    /// # Errors
    /// Names the part that is no schema. The limits of [`Schema::read`].
    pub fn read_loosely(raw: &RawValue) -> Result<(Self, bool), SchemaError> {
        Self::of(raw, true)
    }

    fn of(raw: &RawValue, loose: bool) -> Result<(Self, bool), SchemaError> {
        let root = Value::read(raw.get()).map_err(|text| SchemaError::new(String::new(), format!("is {text}")))?;
        let (nodes, left_out) = read::nodes(&root, loose)?;
        Ok((Self { nodes }, left_out))
    }

    /// Verifies a JSON text.
    ///
    /// # Errors
    /// What is wrong with it, up to about 8 things. Work and depth are bounded: what is too complex to be verified is
    /// not valid.
    pub fn validate(&self, value: &str) -> Result<(), Vec<Violation>> {
        let value = value::Value::read(value).map_err(|text| vec![Violation::whole(format!("is {text}"))])?;
        let mut found = Vec::new();
        check::Judge::new(&self.nodes).judge(0, &value, &check::At::Root, 0, &mut found);
        found.truncate(check::MAX_VIOLATIONS);
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

/// Verifies that a JSON text is one object.
///
/// # Errors
/// What it is instead.
pub fn object(value: &str) -> Result<(), Vec<Violation>> {
    match Value::read(value) {
        Ok(Value::Object(_)) => Ok(()),
        Ok(other) => Err(vec![Violation::whole(format!("must be an object, not {}", other.kind()))]),
        Err(text) => Err(vec![Violation::whole(format!("is {text}"))]),
    }
}

impl SchemaError {
    fn new(path: String, text: impl Into<String>) -> Self {
        Self { path, text: text.into() }
    }
}

impl Violation {
    fn whole(text: String) -> Self {
        Self { path: String::new(), text }
    }
}

/// `path: text`, where there is a path.
impl core::fmt::Display for Violation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the answer {}", self.text),
            path => write!(f, "{path} {}", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Result<Schema, SchemaError> {
        Schema::read(serde_json::from_str(text).unwrap())
    }

    fn told(text: &str, value: &str) -> Vec<String> {
        let found = schema(text).unwrap().validate(value).err().unwrap_or_default();
        found.iter().map(Violation::to_string).collect()
    }

    #[test]
    fn each_violation_names_its_place() {
        let person = r#"{"type":"object","properties":{"name":{"type":"string","minLength":1},"age":{"type":"integer","minimum":0},
            "tags":{"type":"array","items":{"enum":["a","b"]},"maxItems":2}},"required":["name","age"],"additionalProperties":false}"#;
        assert_eq!(told(person, r#"{"name":"x","age":3,"tags":["a"]}"#), [""; 0]);
        assert_eq!(
            told(person, r#"{"name":"","age":-1.5,"tags":["a","c","b"],"more":1}"#),
            [
                "age must be at least 0",
                "age must be integer, not number",
                "more must not be there",
                "name has 0 characters; the least is 1",
                "tags has 3 items; the most is 2",
                "tags[1] must be one of \"a\", \"b\"",
            ]
        );
        assert_eq!(told(person, "{}"), ["the answer lacks the required name, age"]);
        assert_eq!(told(person, "[]"), ["the answer must be object, not array"]);
        assert!(told(person, "{\"name\":").concat().starts_with("the answer is not JSON: EOF"));
    }

    #[test]
    fn references_may_recurse_with_the_value_but_not_without_it() {
        let tree = r##"{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/node"},
            {"type":"null"}]}},"required":["next"]}}}"##;
        assert_eq!(told(tree, r#"{"next":{"next":null}}"#), [""; 0]);
        assert_eq!(told(tree, r#"{"next":{"next":7}}"#).len(), 3);
        let deep = format!("{}null{}", r#"{"next":"#.repeat(99), "}".repeat(99));
        assert_eq!(told(tree, &deep), [""; 0]);
        for circle in [
            r##"{"$ref":"#"}"##,
            r##"{"anyOf":[{"type":"null"},{"$ref":"#"}]}"##,
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"not":{"$ref":"#/$defs/b"}},"b":{"allOf":[{"$ref":"#/$defs/a"}]}}}"##,
        ] {
            assert!(schema(circle).unwrap_err().text.contains("refers to itself"), "{circle}");
        }
    }

    #[test]
    fn what_cannot_be_verified_is_named_by_its_path() {
        for (text, path) in [
            (r#"{"properties":{"a":{"items":{"if":{}}}}}"#, "properties.a.items.if"),
            (r#"{"anyOf":[{"type":"null"},{"patternProperties":{}}]}"#, "anyOf[1].patternProperties"),
            (r##"{"$ref":"#/$defs/x","$defs":{"x":{"contains":{}}}}"##, "$defs.x.contains"),
            (r#"{"pattern":"(?=a)"}"#, "pattern"),
            (r#"{"type":"text"}"#, "type"),
            (r#"{"type":["string",7]}"#, "type[1]"),
            (r##"{"$ref":"#/nowhere"}"##, "$ref"),
            (r#"{"$ref":"https://example.org/s"}"#, "$ref"),
            (r#"{"items":[{}]}"#, "items"),
            (r#"{"properties":[]}"#, "properties"),
            (r#"{"properties":{"a":7}}"#, "properties.a"),
            (r#"{"minLength":-1}"#, "minLength"),
            (r#"{"multipleOf":0}"#, "multipleOf"),
            (r#"{"required":[1]}"#, "required[0]"),
            (r#"{"anyOf":[]}"#, "anyOf"),
            (r#"{"enum":{}}"#, "enum"),
            ("7", ""),
        ] {
            assert_eq!(schema(text).unwrap_err().path, path, "{text}");
        }
    }

    #[test]
    fn read_loosely_what_cannot_be_verified_is_left_out_and_the_rest_is_verified() {
        let loose = |text: &str| Schema::read_loosely(serde_json::from_str(text).unwrap());
        for (text, good, bad) in [
            // As zod writes a record, an e-mail address and a tuple, and pydantic a decimal number.
            (
                r#"{"type":"object","propertyNames":{"type":"string"},"additionalProperties":{"type":"number"}}"#,
                r#"{"a":1}"#,
                r#"{"a":"b"}"#,
            ),
            (r#"{"type":"string","pattern":"^(?!\\.)[a-z.]+@x$"}"#, r#"".""#, "1"),
            (
                r#"{"type":"array","items":[{"type":"string"},{"type":"number"}],"minItems":2,"additionalItems":false}"#,
                r#"["a",1]"#,
                r#"["a","b"]"#,
            ),
            (r#"{"anyOf":[{"type":"number"},{"type":"string","pattern":"^(?!^[-+.]*$)\\d*$"}]}"#, r#""1.5""#, "null"),
            (r#"{"$ref":"https://example.org/s","type":"object"}"#, "{}", "[]"),
        ] {
            let (schema, left_out) = loose(text).unwrap();
            assert!(left_out && schema.validate(good).is_ok() && schema.validate(bad).is_err(), "{text}");
        }
        // What is left out makes nothing stricter.
        let picky =
            r#"{"not":{"contains":{"const":1}},"oneOf":[{"type":"array","contains":{"const":2}},{"type":"array"}]}"#;
        assert!(loose(picky).unwrap().0.validate("[3]").is_ok());
        assert!(!loose(r#"{"type":"string","pattern":"^a$"}"#).unwrap().1);
        for (text, path) in
            [(r#"{"type":"text"}"#, "type"), (r#"{"pattern":7}"#, "pattern"), (r##"{"$ref":"#/no"}"##, "$ref")]
        {
            assert_eq!(loose(text).unwrap_err().path, path, "{text}");
        }
    }

    #[test]
    fn work_stays_bounded_whatever_the_schema() {
        // Each level doubles what is to be done.
        let mut text = r##"{"$ref":"#/$defs/l0","$defs":{"##.to_owned();
        for level in 0..30 {
            let next = level + 1;
            text += &format!(
                r##""l{level}":{{"allOf":[{{"anyOf":[false,{{"$ref":"#/$defs/l{next}"}}]}},{{"$ref":"#/$defs/l{next}"}}]}},"##
            );
        }
        text += r#""l30":{}}}"#;
        let outcome = schema(&text).map(|schema| schema.validate("1"));
        assert!(!matches!(outcome, Ok(Ok(()))), "a bound must have been met");
        let wide = format!(
            r#"{{"type":"array","items":{{"type":"object","properties":{{"a":{{"enum":[{}1]}}}}}}}}"#,
            "0,".repeat(900)
        );
        let items = format!("[{}{{}}]", "{\"a\":1},".repeat(20_000));
        assert_eq!(told(&wide, &items), [""; 0]);
        let chain: String = (0..4000).map(|at| format!(r##""d{at}":{{"$ref":"#/$defs/d{}"}},"##, at + 1)).collect();
        let chain = format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{chain}"d4000":{{}}}}}}"##);
        assert!(schema(&chain).is_err());
    }
}
