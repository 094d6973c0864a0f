//! How thought is asked for, and how earlier thought goes back.

use kiro2api_core::models::FieldSet;
use kiro2api_core::turn::{Effort, Thinking};
use kiro2api_core::upstream::{Wishes, encode};
use serde_json::{Value, json};

use crate::talk::{Bit, Talk, assistant, call, model, text, user};

fn fields(name: &str, thinking: Thinking, max_tokens: Option<u32>) -> (Value, bool) {
    let mut talk = Talk::of([user([text("hi")])]);
    (talk.model, talk.thinking, talk.max_tokens) = (model(name), thinking, max_tokens);
    (talk.value()["additionalModelRequestFields"].take(), talk.encode().tags())
}

fn on(effort: Effort) -> Thinking {
    Thinking::On { effort, budget: None }
}

#[test]
fn native_models_are_asked_by_fields() {
    let adaptive = |effort: &str| json!({"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": effort}});
    assert_eq!(fields("claude-opus-5", on(Effort::XHigh), None), (adaptive("xhigh"), false));
    assert_eq!(fields("claude-opus-4-6", on(Effort::XHigh), None), (adaptive("high"), false));
    assert_eq!(fields("claude-opus-4-6", on(Effort::Max), None), (adaptive("max"), false));
    let disabled = json!({"thinking": {"type": "disabled"}});
    assert_eq!(fields("claude-opus-5", Thinking::Off, None), (disabled, false));
    assert_eq!(fields("gpt-5.6-sol", on(Effort::Max), Some(5_000)), (json!({"reasoning": {"effort": "xhigh"}}), false));
    assert_eq!(fields("gpt-5.6-sol", Thinking::Off, None), (Value::Null, false));
    assert_eq!(fields("glm-5", on(Effort::High), Some(5_000)), (Value::Null, false));
}

#[test]
fn a_limit_of_tokens_is_sent_where_the_model_takes_one() {
    let limit = |wanted| fields("claude-opus-5", Thinking::Off, Some(wanted)).0["max_tokens"].clone();
    assert_eq!(limit(1_024), 1_024);
    assert_eq!(limit(1_000_000), 128_000);
    assert_eq!(limit(1_023), Value::Null);
}

#[test]
fn fields_are_left_out_when_the_account_refused_them() {
    let mut talk = Talk::of([user([text("hi")])]);
    talk.model = model("claude-opus-5");
    let wishes = Wishes { refused: FieldSet::ALL, task_ids: false, ..Wishes::default() };
    let mut encoded = encode(&talk.turn(), &wishes).unwrap();
    let body: Value = serde_json::from_slice(encoded.body(None)).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1);
    let state = body["conversationState"].as_object().unwrap();
    assert!(!state.contains_key("agentTaskType") && !state.contains_key("agentContinuationId"));
}

#[test]
fn other_models_are_asked_by_tags_at_the_head_of_the_system_text() {
    let head = |thinking, system: &[&str]| {
        let mut talk = Talk::of([user([text("hi")])]);
        talk.thinking = thinking;
        talk.system = system.iter().map(|text| (*text).to_owned()).collect();
        assert!(talk.encode().tags());
        talk.contents()[0].clone()
    };
    let tags = |budget: u32| {
        format!("<thinking_mode>enabled</thinking_mode><max_thinking_length>{budget}</max_thinking_length>")
    };
    assert_eq!(head(on(Effort::High), &[]), tags(20_000));
    assert_eq!(head(on(Effort::Low), &["Be brief."]), tags(4_000) + "\n\nBe brief.");
    let budget = |budget| Thinking::On { effort: Effort::Low, budget: Some(budget) };
    assert_eq!(head(budget(31_999), &[]), tags(24_576));
    assert_eq!(head(budget(0), &[]), tags(1_024));
    assert_eq!(fields("claude-sonnet-4-5", Thinking::Off, Some(9_999)), (Value::Null, false));
}

fn replay(name: &str, bits: Vec<Bit>, strict: bool) -> Value {
    let mut talk = Talk::of([user([text("q")]), assistant(bits), user([text("r")])]);
    talk.model = model(name);
    talk.body();
    let mut encoded = encode(&talk.turn(), &Wishes { strict, ..Wishes::default() }).unwrap();
    let mut body: Value = serde_json::from_slice(encoded.body(None)).unwrap();
    body["conversationState"]["history"][1]["assistantResponseMessage"].take()
}

fn thought(text: &str, signature: Option<&str>) -> Bit {
    Bit::Thinking(text.to_owned(), signature.map(str::to_owned))
}

#[test]
fn signed_thought_goes_back_with_its_signature() {
    let bits = vec![thought("early", Some("s1")), thought("hm", Some("sig")), text("a"), call("t", "run", "{}")];
    let signed = json!({"reasoningText": {"text": "hm", "signature": "sig"}});
    assert_eq!(replay("claude-opus-5", bits.clone(), false)["reasoningContent"], signed);
    assert_eq!(replay("claude-opus-5", bits.clone(), true)["reasoningContent"], Value::Null);
    assert_eq!(replay("claude-sonnet-4-5", bits, false)["reasoningContent"], Value::Null);
}

#[test]
fn encrypted_thought_goes_back_as_it_came() {
    let bits = |base64: &str| vec![Bit::Redacted(base64.to_owned()), text("a")];
    assert_eq!(replay("gpt-5.6-sol", bits("AbC="), false)["reasoningContent"], json!({"redactedContent": "AbC="}));
    assert_eq!(replay("gpt-5.6-sol", bits("not base64"), false)["reasoningContent"], Value::Null);
}

#[test]
fn unsigned_thought_is_sent_only_where_nothing_else_is() {
    let message = replay("claude-sonnet-4-5", vec![thought("hm", None), text("a")], false);
    assert_eq!(message, json!({"content": "a"}));
    let message = replay("claude-sonnet-4-5", vec![thought("hm", None)], false);
    assert_eq!(message, json!({"content": "<thinking>hm</thinking>"}));
}
