//! Every rule of the checker can fail: a body that breaks it and nothing else.

use std::collections::BTreeSet;

use kiro2api_core::upstream::check::check;
use serde_json::{Value, json};

fn good() -> Value {
    json!({
        "conversationState": {
            "agentContinuationId": "c", "agentTaskType": "vibe", "chatTriggerType": "MANUAL", "conversationId": "i",
            "history": [
                {"userInputMessage": {"content": "q", "modelId": "m", "origin": "AI_EDITOR"}},
                {"assistantResponseMessage": {"content": " ", "toolUses": [
                    {"toolUseId": "t1", "name": "look", "input": {"a": null}}]}}
            ],
            "currentMessage": {"userInputMessage": {
                "content": "x", "modelId": "m", "origin": "AI_EDITOR",
                "images": [{"format": "png", "source": {"bytes": "AAAA"}}],
                "documents": [{"name": "a", "format": "pdf", "source": {"bytes": "AAAA"}}],
                "userInputMessageContext": {
                    "toolResults": [{"toolUseId": "t1", "content": [{"text": "r"}], "status": "success"}],
                    "tools": [{"toolSpecification": {"name": "look", "description": "d",
                        "inputSchema": {"json": {"type": "object", "properties": {}, "required": []}}}}]
                }
            }}
        },
        "additionalModelRequestFields": {"thinking": {"type": "disabled"}, "max_tokens": 1024},
        "profileArn": "arn"
    })
}

const CURRENT: &str = "/conversationState/currentMessage/userInputMessage";
const CONTEXT: &str = "/conversationState/currentMessage/userInputMessage/userInputMessageContext";
const HISTORY: &str = "/conversationState/history";
const ASSISTANT: &str = "/conversationState/history/1/assistantResponseMessage";
const SPEC: &str =
    "/conversationState/currentMessage/userInputMessage/userInputMessageContext/tools/0/toolSpecification";

fn rules(body: &Value) -> BTreeSet<&'static str> {
    check(body.to_string().as_bytes()).into_iter().map(|broken| broken.rule).collect()
}

/// Sets the member `name` of the object at `pointer`, or the item of a list.
fn set(body: &mut Value, pointer: &str, name: &str, value: Value) {
    match body.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        object => object[name] = value,
    }
}

#[track_caller]
fn breaks(rule: &'static str, pointer: &str, name: &str, value: Value) {
    let mut body = good();
    set(&mut body, pointer, name, value);
    assert_eq!(rules(&body), BTreeSet::from([rule]), "{:#?}", check(body.to_string().as_bytes()));
}

#[track_caller]
fn lacking(rule: &'static str, pointer: &str, name: &str) {
    let mut body = good();
    body.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    assert_eq!(rules(&body), BTreeSet::from([rule]), "{name}");
}

#[test]
fn a_good_body_breaks_nothing() {
    assert_eq!(check(good().to_string().as_bytes()), []);
}

#[test]
fn order_and_content() {
    let mut body = good();
    let user = json!({"userInputMessage": {"content": "q", "modelId": "m", "origin": "AI_EDITOR"}});
    body.pointer_mut(HISTORY).unwrap().as_array_mut().unwrap().insert(0, user);
    assert_eq!(rules(&body), ["R1"].into());
    let mut body = good();
    body["conversationState"].as_object_mut().unwrap().remove("history");
    body.pointer_mut(CONTEXT).unwrap().as_object_mut().unwrap().remove("toolResults");
    assert_eq!(rules(&body), [].into());
    body["conversationState"]["currentMessage"] = json!({"assistantResponseMessage": {"content": "q"}});
    assert_eq!(rules(&body), ["R1"].into());
    breaks("R2", CURRENT, "content", json!(" \n"));
    breaks("R2", "/conversationState/history/0/userInputMessage", "content", json!(""));
    breaks("R3", ASSISTANT, "content", json!(""));
}

#[test]
fn calls_and_results() {
    let mut body = good();
    body.pointer_mut(CONTEXT).unwrap().as_object_mut().unwrap().remove("toolResults");
    assert_eq!(rules(&body), ["R4"].into());
    let mut body = good();
    body.pointer_mut(ASSISTANT).unwrap().as_object_mut().unwrap().remove("toolUses");
    set(&mut body, ASSISTANT, "content", json!("a"));
    assert_eq!(rules(&body), ["R5"].into());
    let twice = |pointer: &str, name: &str| {
        let mut body = good();
        let list = body.pointer_mut(pointer).unwrap()[name].as_array_mut().unwrap();
        list.push(list[0].clone());
        rules(&body)
    };
    assert_eq!(twice(CONTEXT, "toolResults"), ["R6"].into());
    assert_eq!(twice(ASSISTANT, "toolUses"), ["R6"].into());
    let mut body = good();
    set(&mut body, &format!("{CONTEXT}/toolResults/0"), "toolUseId", json!("t.1"));
    set(&mut body, &format!("{ASSISTANT}/toolUses/0"), "toolUseId", json!("t.1"));
    assert_eq!(rules(&body), ["R9"].into());
    let input = format!("{ASSISTANT}/toolUses/0");
    breaks("R16", &input, "input", json!({"a": [{"": 1}]}));
    for value in [json!("text"), json!([]), json!(null)] {
        breaks("R17", &input, "input", value);
    }
}

#[test]
fn declared_tools() {
    breaks("R7", &format!("{ASSISTANT}/toolUses/0"), "name", json!("other"));
    let long = format!("l{}", "o".repeat(63));
    for name in ["1look", "lo ok", "", "lóok", &long] {
        let mut body = good();
        set(&mut body, SPEC, "name", json!(name));
        set(&mut body, &format!("{ASSISTANT}/toolUses/0"), "name", json!(name));
        assert_eq!(rules(&body), ["R8"].into(), "{name}");
    }
    let mut body = good();
    let tools = body.pointer_mut(CONTEXT).unwrap()["tools"].as_array_mut().unwrap();
    let mut twin = tools[0].clone();
    twin["toolSpecification"]["name"] = json!("LOOK");
    tools.push(twin);
    assert_eq!(rules(&body), ["R8"].into());
    breaks("R10", SPEC, "description", json!(" "));
    breaks("R11", SPEC, "description", json!("é".repeat(10_001)));
    for marker in [json!({"type": "web_search_20250305", "name": "w"}), json!({"webSearch": {}})] {
        let mut body = good();
        body.pointer_mut(CONTEXT).unwrap()["tools"].as_array_mut().unwrap().push(marker);
        assert!(rules(&body).contains("R20"));
    }
    let mut body = good();
    let point = json!({"cachePoint": {"type": "default"}});
    body.pointer_mut(CONTEXT).unwrap()["tools"].as_array_mut().unwrap().push(point);
    assert_eq!(rules(&body), ["R19"].into());
    breaks("R19", CURRENT, "cachePoint", json!({"type": "default"}));
}

#[test]
fn schemas() {
    let input = format!("{SPEC}/inputSchema");
    for schema in [
        json!({"properties": {}}),
        json!({"type": "string", "properties": {}}),
        json!({"type": "object"}),
        json!({"type": "object", "properties": {}, "anyOf": [{}]}),
        json!({"type": "object", "properties": {}, "required": "a"}),
        json!({"type": "object", "properties": {}, "required": [1]}),
        json!("text"),
    ] {
        breaks("R12", &input, "json", schema);
    }
    for schema in [
        json!({"type": "object", "properties": {"a": {"default": null}}}),
        json!({"type": "object", "properties": {"a": {"enum": [1, null]}}}),
        json!({"type": "object", "properties": {"a": {"items": {"$ref": "#/$defs/a"}}}}),
        json!({"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#"}]}}}),
    ] {
        breaks("R13", &input, "json", schema);
    }
    let mut body = good();
    let named = json!({"type": "object", "properties": {"$ref": {"type": "string"}}});
    set(&mut body, &input, "json", named);
    assert_eq!(rules(&body), [].into());
}

#[test]
fn the_model() {
    breaks("R14", "/conversationState", "chatTriggerType", json!("AUTO"));
    breaks("R15", "", "systemPrompt", json!("x"));
    breaks("R15", "", "agentMode", json!("vibe"));
    breaks("R21", "", "profileArn", json!(""));
    breaks("member", &format!("{CONTEXT}/toolResults/0"), "isError", json!(false));
    breaks("member", "/conversationState/history/0/userInputMessage", "userIntent", json!("x"));
    let tools = json!({"tools": [{"toolSpecification": {"name": "b", "description": "d",
        "inputSchema": {"json": {"type": "object", "properties": {}}}}}]});
    breaks("member", "/conversationState/history/0/userInputMessage", "userInputMessageContext", tools);
    lacking("required", CURRENT, "modelId");
    lacking("required", CURRENT, "origin");
    lacking("required", &format!("{CONTEXT}/toolResults/0"), "status");
    lacking("required", "/conversationState", "chatTriggerType");
    breaks("type", CURRENT, "modelId", json!(1));
    breaks("enum", CURRENT, "origin", json!("NOWHERE"));
    breaks("enum", &format!("{CURRENT}/images/0"), "format", json!("bmp"));
    breaks("union", &format!("{CONTEXT}/toolResults/0/content"), "0", json!({"text": "a", "json": {}}));
    breaks("null", CURRENT, "modelId", json!(null));
    breaks("null", "", "profileArn", json!(null));
    breaks("empty", CURRENT, "images", json!([]));
    breaks("empty", "/conversationState/history/0/userInputMessage", "userInputMessageContext", json!({}));
}

#[test]
fn media_sizes_and_fields() {
    breaks("media", &format!("{CURRENT}/images/0/source"), "bytes", json!("AA_A"));
    breaks("media", &format!("{CURRENT}/documents/0/source"), "bytes", json!(""));
    breaks("media", &format!("{CURRENT}/documents/0"), "name", json!("a/b"));
    let document = json!({"name": "a", "format": "pdf", "source": {"bytes": "AAAA"}});
    breaks("media", CURRENT, "documents", json!([document, document]));
    let image = json!({"format": "png", "source": {"bytes": "AAAA"}});
    breaks("size", CURRENT, "images", json!(vec![image; 21]));
    breaks("size", &format!("{CURRENT}/images/0/source"), "bytes", json!("A".repeat(5_242_884)));
    breaks("size", CURRENT, "content", json!("é".repeat(600_001)));
    breaks("size", &format!("{CONTEXT}/toolResults/0/content"), "0", json!({"text": "a".repeat(800_001)}));
    breaks("fields", "/additionalModelRequestFields", "output_config", json!({"effort": "low"}));
    breaks("fields", "/additionalModelRequestFields", "max_tokens", json!(1023));
    breaks("member", "/additionalModelRequestFields", "temperature", json!(1));
    breaks("enum", "/additionalModelRequestFields/thinking", "type", json!("enabled"));
}

#[test]
fn text_that_is_no_json() {
    for body in [b"{".as_slice(), b"\xff", br#"{"conversationState":"\ud83d"}"#, b"", b"{} {}"] {
        let rules: Vec<_> = check(body).into_iter().map(|broken| broken.rule).collect();
        assert_eq!(rules, ["R18"]);
    }
    assert!(!check(b"{}").is_empty());
    assert!(!check(b"[]").is_empty());
}
