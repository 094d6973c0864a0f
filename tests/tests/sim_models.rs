//! The simulator's lists of models: plans, pages, schemas that change, and fields that are refused in spite of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod sim_client;

use kiro2api_tests::{Config, Upstream};
use serde_json::{Value, json};
use sim_client::{KEY_HEADERS, Reply, chat, post, prompt, request};

fn with(patch: Value) -> Upstream {
    let upstream = Upstream::start(Config::default()).unwrap();
    let reply = post(&upstream, "/_sim/config", &patch);
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body()));
    upstream
}

fn page(upstream: &Upstream, query: &str) -> Value {
    let reply = request(upstream, "GET", &format!("/ListAvailableModels?origin=AI_EDITOR{query}"), KEY_HEADERS, b"");
    assert_eq!(reply.status, 200);
    reply.json()
}

fn ids(page: &Value) -> Vec<String> {
    page["models"].as_array().unwrap().iter().map(|model| model["modelId"].as_str().unwrap().to_owned()).collect()
}

fn ask(upstream: &Upstream, model: &str, fields: Value) -> Reply {
    let mut body = prompt("hi");
    body["conversationState"]["currentMessage"]["userInputMessage"]["modelId"] = json!(model);
    if !fields.is_null() {
        body["additionalModelRequestFields"] = fields;
    }
    chat(upstream, &body)
}

#[test]
fn an_account_is_offered_the_models_of_its_plan_in_the_list_and_in_chats() {
    let upstream = with(json!({"plans": {"demo-key": ["claude-haiku-4.5"], "demo-idc": []}}));
    assert_eq!(ids(&page(&upstream, "")), ["claude-haiku-4.5"]);
    assert_eq!(ask(&upstream, "claude-haiku-4.5", Value::Null).status, 200);
    let refused = ask(&upstream, "claude-opus-5", Value::Null);
    assert_eq!((refused.status, &refused.json()["reason"]), (400, &json!("INVALID_MODEL_ID")));
    post(&upstream, "/_sim/config", &json!({"plans": {"demo-key": null}}));
    assert_eq!(ask(&upstream, "claude-opus-5", Value::Null).status, 200);
}

#[test]
fn pages_end_where_the_switch_says_and_hold_every_model_once() {
    let upstream = with(json!({"models_page": 4}));
    let (mut all, mut next) = (Vec::new(), String::new());
    for _ in 0..6 {
        let page = page(&upstream, &next);
        all.extend(ids(&page));
        match page["nextToken"].as_str() {
            Some(token) => next = format!("&nextToken={token}"),
            None => break,
        }
    }
    let known: Vec<String> = kiro2api_tests::catalogue::models().into_iter().map(|model| model.id).collect();
    assert_eq!(all, known);
}

#[test]
fn a_schema_that_is_changed_is_listed_and_enforced() {
    let narrow = json!({"type": "object", "additionalProperties": false, "properties": {
        "max_tokens": {"type": "integer", "maximum": 5000}}});
    let upstream = with(json!({"schemas": {"claude-opus-5": narrow, "claude-opus-4.8": false}}));
    let list = page(&upstream, "");
    let schema = |id: &str| {
        let models = list["models"].as_array().unwrap();
        models.iter().find(|model| model["modelId"] == id).unwrap()["additionalModelRequestFieldsSchema"].clone()
    };
    assert_eq!((schema("claude-opus-5"), schema("claude-opus-4.8")), (narrow.clone(), Value::Null));
    assert_eq!(ask(&upstream, "claude-opus-5", json!({"max_tokens": 4000})).status, 200);
    for (model, fields) in [
        ("claude-opus-5", json!({"max_tokens": 6000})),
        ("claude-opus-5", json!({"thinking": {"type": "adaptive"}})),
        ("claude-opus-4.8", json!({"max_tokens": 4000})),
    ] {
        assert_eq!(ask(&upstream, model, fields).json()["reason"], "REQUEST_BODY_INVALID");
    }
}

#[test]
fn a_field_can_be_refused_although_the_schema_has_it() {
    let upstream = with(json!({"refused_fields": {"claude-opus-5": ["thinking"]}}));
    let refused = ask(&upstream, "claude-opus-5", json!({"thinking": {"type": "adaptive"}})).json();
    assert_eq!(refused["reason"], "REQUEST_BODY_INVALID");
    assert!(refused["message"].as_str().unwrap().contains("property 'thinking' is not defined"), "{refused}");
    assert_eq!(ask(&upstream, "claude-opus-5", json!({"max_tokens": 4000})).status, 200);
    assert_eq!(ask(&upstream, "claude-opus-4.8", json!({"thinking": {"type": "adaptive"}})).status, 200);
}
