//! The schemas of structured answers: the core's verdict is that of an independent validator, on random schemas with
//! values made for them and on values that were not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

use kiro2api_core::turn::schema::Schema;
use serde_json::{Map, Value, json};

const ROUNDS: u64 = 6_000;
const SEED: u64 = 0x5ee_d0f5_c4e3;

#[test]
fn every_verdict_is_that_of_an_independent_validator() {
    let (mut valid, mut invalid) = (0, 0);
    for round in 0..ROUNDS {
        let mut random = Random(SEED ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let schema = with_definitions(&mut random);
        let text = schema.to_string();
        let ours = match Schema::read(serde_json::from_str(&text).unwrap()) {
            Ok(ours) => ours,
            // A circle that never goes into the value: refused, and endless for others.
            Err(error) if error.text.starts_with("refers to itself") => continue,
            Err(error) => panic!("round {round}: {}: {} in {text}", error.path, error.text),
        };
        let theirs = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
        for _ in 0..6 {
            let value =
                if random.below(3) == 0 { any(&mut random, 3) } else { fitting(&mut random, &schema, &schema, 6) };
            let expected = theirs.is_valid(&value);
            let got = ours.validate(&value.to_string());
            assert_eq!(got.is_ok(), expected, "round {round}: {value} under {text}: {got:?}");
            if expected {
                valid += 1;
            } else {
                invalid += 1;
            }
        }
    }
    eprintln!("seed {SEED:#x}: {valid} valid, {invalid} invalid");
    assert!(valid > 5_000 && invalid > 5_000, "{valid} valid, {invalid} invalid: the generator is lopsided");
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

const NAMES: &[&str] = &["a", "b", "c", "n/~m"];
const TEXTS: &[&str] = &["", "a", "ab", "abc", "é😀", "2024-02-29", "127.0.0.1", "x@y.org", "12", "a\nb"];
const PATTERNS: &[&str] = &["^a", "b$", "^[a-z]{2}$", "^\\d+$", "a|b", "^$", "\\w"];
const FORMATS: &[&str] = &["date", "ipv4", "email"];
const TYPES: &[&str] = &["object", "array", "string", "number", "integer", "boolean", "null"];

fn numbers() -> [Value; 10] {
    [json!(0), json!(1), json!(2), json!(-1), json!(1.5), json!(0.1), json!(3), json!(1.0), json!(100), json!(2.5)]
}

/// A schema whose definitions may refer to each other and to themselves, always by way of a member or an item.
fn with_definitions(random: &mut Random) -> Value {
    let mut root = schema(random, 3);
    let names = ["x", "n/~m"];
    let definitions: Map<String, Value> = names
        .iter()
        .map(|name| {
            let inner = random.one(&["x", "n~1~0m"]);
            let reference = json!({"$ref": format!("#/$defs/{inner}")});
            let definition = match random.below(3) {
                0 => json!({"type": "object", "properties": {"a": {"anyOf": [reference, {"type": "null"}]}}}),
                1 => json!({"type": "array", "items": reference, "maxItems": 2}),
                _ => schema(random, 1),
            };
            ((*name).to_owned(), definition)
        })
        .collect();
    if let Value::Object(root) = &mut root {
        root.insert("$defs".to_owned(), Value::Object(definitions));
        return json!(root);
    }
    root
}

fn schema(random: &mut Random, depth: usize) -> Value {
    if random.below(20) == 0 {
        return json!(random.below(3) > 0);
    }
    let mut schema = Map::new();
    let mut put = |name: &str, value: Value| schema.insert(name.to_owned(), value);
    match random.below(10) {
        0 => {
            put("type", json!([random.one(&TYPES[..6]), "null"]));
        }
        1 => {
            put("enum", json!([any(random, 1), any(random, 1), any(random, 0)]));
        }
        2 => {
            put("const", any(random, 1));
        }
        3 if depth > 0 => {
            let word = random.one(&["anyOf", "oneOf", "allOf"]);
            put(word, json!([self::schema(random, depth - 1), self::schema(random, depth - 1)]));
        }
        4 if depth > 0 => {
            put("not", self::schema(random, depth - 1));
        }
        5 if depth < 3 => {
            put("$ref", json!(random.one(&["#/$defs/x", "#/$defs/n~1~0m"])));
        }
        6 | 7 => {
            put("type", json!("object"));
        }
        _ => {
            put("type", json!(random.one(TYPES)));
        }
    }
    for _ in 0..random.below(4) {
        keyword(random, depth, &mut put);
    }
    // Inside of definitions a reference without a step into the value could be a circle.
    if depth == 1 {
        schema.remove("$ref");
    }
    Value::Object(schema)
}

fn keyword<R>(random: &mut Random, depth: usize, put: &mut impl FnMut(&str, Value) -> R) {
    let small = json!(random.below(4));
    match random.below(14) {
        0..=2 if depth > 0 => {
            let members: Map<String, Value> =
                (0..2).map(|_| (random.one(NAMES).to_owned(), schema(random, depth - 1))).collect();
            put("properties", Value::Object(members));
            put("required", json!([random.one(NAMES)]));
            if random.below(2) == 0 {
                put("additionalProperties", schema(random, depth - 1));
            }
        }
        3 | 4 if depth > 0 => {
            put("items", schema(random, depth - 1));
            if random.below(3) == 0 {
                put("prefixItems", json!([schema(random, depth - 1)]));
            }
        }
        5 => drop(put(random.one(&["minItems", "maxItems", "minProperties", "maxProperties"]), small)),
        6 => drop(put("uniqueItems", json!(random.below(4) > 0))),
        7 => drop(put(random.one(&["minLength", "maxLength"]), small)),
        8 => drop(put("pattern", json!(random.one(PATTERNS)))),
        9 => drop(put("format", json!(random.one(FORMATS)))),
        10 | 11 => {
            let word = random.one(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]);
            put(word, random.one(&numbers()));
        }
        12 => drop(put("multipleOf", random.one(&[json!(1), json!(2), json!(0.5), json!(3)]))),
        _ => drop(put("description", json!("says nothing"))),
    }
}

fn any(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth > 0 { 8 } else { 5 }) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 | 3 => random.one(&numbers()),
        4 => json!(random.one(TEXTS)),
        5 => (0..random.below(4)).map(|_| any(random, depth - 1)).collect(),
        _ => {
            let names = (0..random.below(4)).map(|_| random.one(NAMES).to_owned()).collect::<Vec<_>>();
            Value::Object(names.into_iter().map(|name| (name, any(random, depth - 1))).collect())
        }
    }
}

/// A value that has a good chance to be valid.
fn fitting(random: &mut Random, schema: &Value, root: &Value, depth: usize) -> Value {
    let Value::Object(words) = schema else { return any(random, 1) };
    if depth == 0 {
        return any(random, 0);
    }
    if let Some(value) = words.get("const") {
        return value.clone();
    }
    if let Some(values) = words.get("enum").and_then(Value::as_array) {
        return random.one(values);
    }
    if let Some(target) = words.get("$ref").and_then(Value::as_str).and_then(|name| root.pointer(&name[1..])) {
        return fitting(random, target, root, depth - 1);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        if let Some(inner) = words.get(word).and_then(Value::as_array) {
            let inner = random.one(inner);
            return fitting(random, &inner, root, depth - 1);
        }
    }
    let kind = match words.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => random.one(kinds).as_str().unwrap().to_owned(),
        _ => random.one(TYPES).to_owned(),
    };
    match kind.as_str() {
        "object" => {
            let mut members = Map::new();
            let known = words.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
            for (name, schema) in &known {
                if random.below(4) > 0 {
                    members.insert(name.clone(), fitting(random, schema, root, depth - 1));
                }
            }
            for name in words.get("required").and_then(Value::as_array).into_iter().flatten() {
                let name = name.as_str().unwrap();
                let other = words.get("additionalProperties").cloned().unwrap_or_else(|| json!({}));
                let schema = known.get(name).unwrap_or(&other).clone();
                members.entry(name.to_owned()).or_insert_with(|| fitting(random, &schema, root, depth - 1));
            }
            Value::Object(members)
        }
        "array" => {
            let schema = words.get("items").cloned().unwrap_or_else(|| json!({}));
            (0..random.below(3)).map(|_| fitting(random, &schema, root, depth - 1)).collect()
        }
        "string" => json!(random.one(TEXTS)),
        "boolean" => json!(random.below(2) == 0),
        "null" => Value::Null,
        "integer" => random.one(&[json!(0), json!(1), json!(2), json!(3.0)]),
        _ => random.one(&numbers()),
    }
}
