//! Schemas of tools.

use kiro2api_core::upstream::check::check;
use kiro2api_core::upstream::{Wishes, encode};
use serde_json::{Value, json};

use crate::talk::{Declared, Talk, text, tool, user};

fn sent_as(schema: Option<&str>, strict: bool) -> String {
    let mut talk = Talk::of([user([text("go")])]);
    talk.tools = vec![Declared { schema: Ok(schema.map(str::to_owned)), ..tool("a", "d", "{}") }];
    let mut encoded = encode(&talk.turn(), &Wishes { strict, ..Wishes::default() }).unwrap();
    let body = std::str::from_utf8(encoded.body(None)).unwrap();
    let broken = check(body.as_bytes());
    assert!(broken.is_empty(), "{broken:#?}\n{body}");
    let (_, after) = body.split_once(r#""inputSchema":{"json":"#).unwrap();
    after.strip_suffix("}}}]}}}}}").unwrap_or_else(|| panic!("{after}")).to_owned()
}

fn sent(schema: &str) -> String {
    sent_as(Some(schema), false)
}

fn sent_value(schema: &str) -> Value {
    serde_json::from_str(&sent(schema)).unwrap()
}

#[test]
fn a_fine_schema_keeps_its_bytes() {
    for schema in [
        r#"{"type":"object","properties":{}}"#,
        "{ \"type\": \"object\",\n \"properties\": {\"b\": {\"maximum\": 1.50e3}, \"a\": {}}, \"required\": [\"b\"] }",
        concat!(
            r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"t":"#,
            r#"{"anyOf":[{"type":"string"},{"type":"null"}],"not":{}}},"additionalProperties":false}"#
        ),
    ] {
        assert_eq!(sent(schema), schema);
    }
}

#[test]
fn what_is_no_object_becomes_one() {
    let nothing = r#"{"type":"object","properties":{}}"#;
    assert_eq!(sent_as(None, false), nothing);
    for schema in ["null", "true", "[]", "\"x\"", "7", "{}", r#"{"type":"object"}"#, r#"{"type":"array","items":{}}"#] {
        assert_eq!(sent(schema), nothing, "{schema}");
    }
    assert_eq!(
        sent(r#"{"description":"d","type":"string"}"#),
        r#"{"type":"object","description":"d","properties":{}}"#
    );
    assert_eq!(
        sent(r#"{"properties":{"a":{}},"type":["null","object"]}"#),
        r#"{"properties":{"a":{}},"type":"object"}"#
    );
}

#[test]
fn nulls_are_dropped_and_order_and_numbers_are_kept() {
    let schema = r#"{"type":"object","required":null,"properties":{"z":{"default":null,"enum":["a",null],"maximum":1.0},
        "a":null,"c":{"const":null,"examples":[{"k":null,"v":12345678901234567890123}]}}}"#;
    assert_eq!(
        sent(schema),
        concat!(
            r#"{"type":"object","properties":{"z":{"enum":["a"],"maximum":1.0},"a":{},"#,
            r#""c":{"examples":[{"v":12345678901234567890123}]}}}"#
        )
    );
    assert_eq!(sent(r#"{"type":"object","properties":null}"#), r#"{"type":"object","properties":{}}"#);
}

#[test]
fn of_two_members_with_one_name_the_last_counts() {
    let schema =
        r#"{"type":"string","properties":{"a":{"default":null}},"type":"object","properties":{"b":{"default":null}}}"#;
    assert_eq!(sent(schema), r#"{"type":"object","properties":{"b":{}}}"#);
}

#[test]
fn keywords_of_a_wrong_type_are_dropped() {
    let schema = r#"{"type":"object","properties":{"a":{"type":"string","required":true},"b":{"properties":[],"enum":[]}},"required":["a",7,"a"]}"#;
    assert_eq!(sent(schema), r#"{"type":"object","properties":{"a":{"type":"string"},"b":{}},"required":["a"]}"#);
}

#[test]
fn references_are_inlined_with_what_stands_beside_them() {
    let schema = r##"{"type":"object","properties":{"p":{"$ref":"#/$defs/P~1x","description":"mine"},"q":{"$ref":"#/properties/p"},
        "r":{"$ref":"#/definitions/R%20R"},"s":{"$ref":"https://elsewhere"},"t":{"$ref":"#/$defs/none"},
        "definitions":{"type":"string"}},
        "$defs":{"P/x":{"type":"string","description":"theirs"}},"definitions":{"R R":{"type":"integer"}}}"##;
    assert_eq!(
        sent_value(schema),
        json!({"type": "object", "properties": {
            "p": {"type": "string", "description": "mine"}, "q": {"type": "string", "description": "mine"},
            "r": {"type": "integer"}, "s": {}, "t": {}, "definitions": {"type": "string"}}})
    );
}

#[test]
fn a_recursive_reference_is_cut() {
    let tree = r##"{"type":"object","properties":{"root":{"$ref":"#/$defs/node"},"self":{"$ref":"#"}},
        "$defs":{"node":{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#/$defs/node"}}}}}}"##;
    let children = json!({"type": "array", "items": {"type": "object"}});
    let sent = sent_value(tree);
    assert_eq!(sent["properties"]["root"], json!({"type": "object", "properties": {"children": children}}));
    let loops = r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##;
    assert_eq!(sent_value(loops)["properties"]["a"], json!({}));
    assert_eq!(sent_value(r##"{"$ref":"#"}"##), json!({"type": "object", "properties": {}}));
}

#[test]
fn references_that_multiply_stay_small() {
    let mut defs = serde_json::Map::new();
    for n in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
        defs.insert(format!("d{n}"), json!({"properties": {"l": next, "r": next}}));
    }
    let schema = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": defs});
    let len = sent(&schema.to_string()).len();
    assert!((10_000..600_000).contains(&len), "{len}");
}

#[test]
fn very_deep_schemas_are_cut() {
    let deep = format!("{}1{}", r#"{"type":"object","properties":{"a":"#.repeat(10_000), "}}".repeat(10_000));
    assert!(sent(&deep).len() < 2_000);
    let data = format!(
        r#"{{"type":"object","properties":{{"a":{{"default":{}{},"description":"d"}}}}}}"#,
        "[".repeat(9_999),
        "]".repeat(9_999)
    );
    assert_eq!(sent(&data), r#"{"type":"object","properties":{"a":{"description":"d"}}}"#);
}

#[test]
fn combiners_at_the_root_are_merged() {
    let schema = r#"{"anyOf":[{"type":"object","properties":{"a":{"type":"string"},"k":{}},"required":["a","k"]},
        {"properties":{"b":{},"a":{"type":"integer"}},"required":["k"]}],
        "allOf":[{"required":["z"],"properties":{"z":{}}}],"properties":{"o":{}},"required":["o"]}"#;
    assert_eq!(
        sent_value(schema),
        json!({"type": "object", "properties": {"o": {}, "a": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "k": {}, "b": {}, "z": {}}, "required": ["o", "k", "z"]})
    );
    let nested = r##"{"$ref":"#/$defs/u","$defs":{"u":{"oneOf":[{"allOf":[{"properties":{"a":{}}}]},{"properties":{"b":{}}}]}}}"##;
    assert_eq!(sent_value(nested), json!({"type": "object", "properties": {"a": {}, "b": {}}}));
}

#[test]
fn a_lone_surrogate_in_a_schema_is_mended() {
    let schema = r##"{"type":"object","properties":{"a":{"description":"\ud83d","$ref":"#/x"},"\ud83d":{}}}"##;
    assert_eq!(
        sent(schema),
        "{\"type\":\"object\",\"properties\":{\"a\":{\"description\":\"\\ufffd\"},\"\u{fffd}\":{}}}"
    );
}

#[test]
fn the_lean_profile_keeps_only_what_every_host_takes() {
    let schema = r#"{"$schema":"x","type":"object","additionalProperties":false,"required":[],"properties":{
        "a":{"type":["null","string"],"minLength":1,"pattern":"x","format":"uri","description":"d"},
        "b":{"anyOf":[{"type":"null"},{"type":"array","items":{"type":"integer","minimum":0}}]},
        "c":{"const":"k"},"e":{"enum":["x"],"default":"x"}}}"#;
    assert_eq!(
        sent_as(Some(schema), true),
        concat!(
            r#"{"type":"object","properties":{"a":{"type":"string","description":"d"},"#,
            r#""b":{"type":"array","items":{"type":"integer"}},"c":{"enum":["k"]},"e":{"enum":["x"]}}}"#
        )
    );
}
