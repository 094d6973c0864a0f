//! The service's list of its models.

use std::sync::Arc;

use kiro2api_core::Millis;
use kiro2api_core::models::{Catalogue, Display, FieldSet, Fields, Listed, Model, Scale, Span, Thinking};
use kiro2api_core::secret::Secret;
use kiro2api_core::upstream::catalogue::{Page, read, request};
use kiro2api_core::upstream::endpoint::USER_AGENT;
use kiro2api_core::upstream::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::{body, head, names, sent};

fn page(body: &str) -> Result<Page, Fault> {
    read(&head(200, &[]), body.as_bytes(), Millis(0))
}

/// The models of a page, and that there is no other one.
fn models(list: Value) -> Vec<Listed> {
    let page = page(&json!({ "models": list }).to_string()).unwrap();
    assert_eq!(page.next, None);
    page.models
}

fn fields(schema: Value) -> Fields {
    models(json!([{ "modelId": "m", "additionalModelRequestFieldsSchema": schema }])).remove(0).fields
}

fn object(properties: Value) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn claude(efforts: &[&str]) -> Value {
    object(json!({
        "thinking": { "type": "object", "required": ["type"], "properties": {
            "type": { "type": "string", "enum": ["adaptive", "disabled"] },
            "display": { "type": "string", "enum": ["summarized", "omitted"] } } },
        "output_config": { "type": "object", "properties": {
            "effort": { "type": "string", "enum": efforts, "default": "high" } } },
        "max_tokens": { "type": "integer", "minimum": 1024, "maximum": 128_000 }
    }))
}

#[test]
fn the_request_is_the_target_form() {
    let secret = Secret::new("hidden");
    let made = request("https://host", &secret, false, None, None);
    assert_eq!((made.method, made.url.as_str(), body(&made)), ("POST", "https://host/", r#"{"origin":"AI_EDITOR"}"#));
    assert_eq!(names(&made.headers), ["content-type", "user-agent", "x-amz-target", "authorization"]);
    assert_eq!(sent(&made, "content-type"), Some("application/x-amz-json-1.0"));
    assert_eq!(sent(&made, "x-amz-target"), Some("AmazonCodeWhispererService.ListAvailableModels"));
    assert_eq!(sent(&made, "authorization"), Some("Bearer hidden"));
    assert_eq!(sent(&made, "user-agent"), Some(USER_AGENT));
    let more = request("https://host", &secret, true, Some("an\"arn"), Some("t"));
    assert_eq!(sent(&more, "tokentype"), Some("API_KEY"));
    let said: Value = serde_json::from_str(body(&more)).unwrap();
    assert_eq!(said, json!({ "origin": "AI_EDITOR", "profileArn": "an\"arn", "nextToken": "t" }));
}

#[test]
fn a_page_is_read_in_full_with_its_successor() {
    let body = json!({
        "defaultModel": { "modelId": "auto" },
        "models": [
            { "modelId": "auto", "modelName": "Auto", "supportedInputTypes": ["TEXT"], "rateMultiplier": 1.0,
              "tokenLimits": { "maxInputTokens": 1_000_000, "maxOutputTokens": 64_000 } },
            { "modelId": "claude-opus-5", "modelName": "Opus", "supportedInputTypes": ["TEXT", "IMAGE"],
              "tokenLimits": { "maxInputTokens": 900_000, "maxOutputTokens": 128_000 },
              "additionalModelRequestFieldsSchema": claude(&["low", "medium", "high", "xhigh", "max"]) }
        ],
        "nextToken": "next"
    });
    let page = page(&body.to_string()).unwrap();
    assert_eq!(page.next.as_deref(), Some("next"));
    let listed = |id: &str, name: &str, window, max_output, images, fields| Listed {
        id: id.to_owned(),
        name: name.to_owned(),
        window,
        max_output,
        images: Some(images),
        fields,
    };
    let max_tokens = Some(Span { min: 1_024, max: 128_000 });
    let opus = Fields { max_tokens, ..Fields::claude(Scale::FULL) };
    assert_eq!(
        page.models,
        [
            listed("auto", "Auto", 1_000_000, 64_000, false, Fields::NONE),
            listed("claude-opus-5", "Opus", 900_000, 128_000, true, opus)
        ]
    );
}

#[test]
fn what_the_built_in_rows_take_is_what_the_schemas_of_the_service_say() {
    for (model, schema) in [
        ("claude-opus-5", claude(&["low", "medium", "high", "xhigh", "max"])),
        ("claude-opus-4-6", claude(&["low", "medium", "high", "max"])),
        (
            "gpt-5.6-sol",
            object(json!({ "reasoning": { "type": "object", "properties": {
            "effort": { "enum": ["low", "medium", "high", "xhigh"] } } } })),
        ),
    ] {
        let built_in = Catalogue::built_in().find(model).unwrap().fields;
        let max_tokens = built_in.max_tokens.map(|span| Span { max: 128_000, ..span });
        assert_eq!(fields(schema), Fields { max_tokens, ..built_in }, "{model}");
    }
}

#[test]
fn each_part_of_a_schema_is_understood_or_left_alone() {
    let thinking = |inside: Value| fields(object(json!({ "thinking": inside }))).thinking;
    let kinds = |words: &[&str]| json!({ "type": "object", "properties": { "type": { "enum": words } } });
    let plain = Thinking { adaptive: true, disabled: true, display: Display::Absent };
    assert_eq!(thinking(kinds(&["adaptive", "disabled", "enabled"])), Some(plain));
    assert_eq!(thinking(kinds(&["adaptive"])), Some(Thinking { disabled: false, ..plain }));
    assert_eq!(thinking(kinds(&["enabled"])), Some(Thinking::default()));
    let shown = |display: Value, required: Value| {
        thinking(json!({ "type": "object", "required": required, "properties": {
            "type": { "enum": ["adaptive", "disabled"] }, "display": display } }))
    };
    assert_eq!(shown(json!({ "enum": ["omitted"] }), json!([])), Some(plain));
    let omitted = Thinking { adaptive: true, disabled: false, display: Display::Omitted };
    assert_eq!(shown(json!({ "enum": ["omitted"] }), json!(["display"])), Some(omitted));
    assert_eq!(shown(json!({ "type": "boolean" }), json!(["display"])), Some(Thinking::default()));
    assert_eq!(shown(json!({ "type": "string" }), json!(["type", "budget_tokens"])), None);
    assert_eq!(shown(json!({ "type": "string" }), json!("type")), None);

    let effort = |inside: Value| fields(object(json!({ "output_config": inside }))).effort;
    let scale = |of: Value| effort(json!({ "type": "object", "properties": { "effort": of } }));
    assert_eq!(scale(json!({ "enum": ["none", "low", "HIGH", "max", 3] })), Scale::of(["low", "max"]));
    assert_eq!(scale(json!({ "type": ["string", "null"], "description": "x" })), Scale::FULL);
    assert_eq!(scale(json!({ "const": "medium" })), Scale::of(["medium"]));
    for odd in [json!({ "type": "integer" }), json!({ "pattern": "^h" }), json!({ "enum": "low" }), json!(true)] {
        assert!(scale(odd.clone()).is_empty(), "{odd}");
    }
    assert!(effort(json!({ "required": ["effort", "more"], "properties": { "effort": {} } })).is_empty());

    let span = |inside: Value| fields(object(json!({ "max_tokens": inside }))).max_tokens;
    let of = |min, max| Some(Span { min, max });
    assert_eq!(span(json!({ "type": "integer" })), of(1, u32::MAX));
    assert_eq!(span(json!({ "type": "number", "minimum": 1.5, "maximum": 9.9 })), of(2, 9));
    assert_eq!(span(json!({ "minimum": -7, "maximum": 1e300 })), of(1, u32::MAX));
    for odd in [
        json!({ "minimum": 9, "maximum": 8 }),
        json!({ "minimum": 1e300 }),
        json!({ "minimum": "1024" }),
        json!({ "multipleOf": 7 }),
        json!({ "enum": [4096] }),
        json!({ "type": "string" }),
        json!(null),
    ] {
        assert_eq!(span(odd.clone()), None, "{odd}");
    }
}

#[test]
fn a_schema_that_needs_what_nobody_here_can_write_takes_nothing() {
    let with = |name: &str, value: Value| {
        let mut schema = claude(&["low"]);
        schema[name] = value;
        fields(schema)
    };
    assert_eq!(with("required", json!(["thinking"])).required, FieldSet::of(["thinking"]));
    for (name, value) in [
        ("required", json!(["temperature"])),
        ("required", json!([7])),
        ("required", json!({})),
        ("anyOf", json!([])),
        ("$ref", json!("#/x")),
        ("type", json!("array")),
        ("properties", json!([])),
        ("properties", json!(null)),
    ] {
        assert_eq!(with(name, value.clone()), Fields::NONE, "{name}: {value}");
    }
    for odd in [json!(null), json!(true), json!([]), json!("object"), json!({})] {
        assert_eq!(fields(odd.clone()), Fields::NONE, "{odd}");
    }
}

#[test]
fn entries_that_are_no_models_are_left_out_and_odd_members_say_nothing() {
    let list = json!([
        null, 7, "m", [], {}, { "modelId": null }, { "modelId": "" }, { "modelId": "a b" }, { "modelId": "x".repeat(1000) },
        { "modelId": "bare" },
        { "modelId": "nulls", "modelName": null, "tokenLimits": null, "supportedInputTypes": null,
          "additionalModelRequestFieldsSchema": null },
        { "modelId": "odd", "modelName": 7, "tokenLimits": [], "supportedInputTypes": "IMAGE" },
        { "modelId": "numbers", "tokenLimits": { "maxInputTokens": 1e40, "maxOutputTokens": -5 } },
        { "modelId": "texts", "tokenLimits": { "maxInputTokens": "200000", "maxOutputTokens": 64000.7 } },
        { "modelId": "kinds", "supportedInputTypes": [null, {}, "IMAGE"], "modelName": "\u{1b}[2J<b>".repeat(100) }
    ]);
    let seen: Vec<_> = models(list)
        .into_iter()
        .map(|model| (model.id, model.window, model.max_output, model.images, model.name.chars().count()))
        .collect();
    let row = |id: &str, window, output, images, name| (id.to_owned(), window, output, images, name);
    assert_eq!(
        seen,
        [
            row("bare", 0, 0, None, 0),
            row("nulls", 0, 0, None, 0),
            row("odd", 0, 0, None, 0),
            row("numbers", u32::MAX, 0, None, 0),
            row("texts", 0, 64_000, None, 0),
            row("kinds", 0, 0, Some(true), 128)
        ]
    );
}

#[test]
fn ten_thousand_models_are_read_and_a_page_without_end_says_so() {
    let many: Vec<_> = (0..10_000).map(|at| json!({ "modelId": format!("m-{at}") })).collect();
    assert_eq!(models(json!(many)).len(), 10_000);
    assert_eq!(page(r#"{"models":[],"nextToken":"x"}"#).unwrap().next.as_deref(), Some("x"));
    for token in ["null", "\"\"", "7", "{}", &format!("\"{}\"", "x".repeat(9_000))] {
        assert_eq!(page(&format!(r#"{{"models":[],"nextToken":{token}}}"#)).unwrap().next, None, "{token}");
    }
    let deep = format!(r#"{{"models":[{{"modelId":"m","x":{}}}]}}"#, "[".repeat(100_000));
    assert!(page(&deep).is_err());
}

#[test]
fn anything_else_is_a_fault() {
    for (status, body, kind) in [
        (200, "", FaultKind::NotEventStream),
        (200, "<html><title>Welcome</title>", FaultKind::NotEventStream),
        (200, r#"{"profiles":[]}"#, FaultKind::NotEventStream),
        (200, r#"{"models":null}"#, FaultKind::NotEventStream),
        (200, r#"{"models":[{"modelId":"#, FaultKind::NotEventStream),
        (403, r#"{"message":"The bearer token included in the request is invalid"}"#, FaultKind::BearerInvalid),
        (429, "{}", FaultKind::Throttled),
        (503, "", FaultKind::Unavailable),
    ] {
        assert_eq!(read(&head(status, &[]), body.as_bytes(), Millis(0)).unwrap_err().kind, kind, "{status} {body}");
    }
}

#[test]
fn a_refusal_says_which_fields_it_means() {
    let named = |message: &str| {
        let body = json!({ "message": message, "reason": "REQUEST_BODY_INVALID" }).to_string();
        let fault = Fault::read(&head(400, &[]), body.as_bytes(), Millis(0));
        assert_eq!(fault.kind, FaultKind::Shape { extra_fields: true, task_ids: false }, "{message}");
        fault.named_fields()
    };
    for (message, fields) in [
        (
            "property 'reasoning' is not defined in the schema and the schema does not allow additional properties",
            &["reasoning"][..],
        ),
        (
            "Invalid additionalModelRequestFields: 'output_config.effort' has the value \"max\", which is not allowed",
            &["output_config"],
        ),
        (
            "Invalid additionalModelRequestFields: 'thinking' and 'max_tokens' are odd for 'claude-opus-5'",
            &["thinking", "max_tokens"],
        ),
        ("Invalid additionalModelRequestFields: thinking", &["thinking"]),
        (
            "Invalid additionalModelRequestFields: output_config cannot be combined with disabled thinking",
            &["thinking", "output_config"],
        ),
        ("Invalid additionalModelRequestFields.", &[]),
        ("additionalModelRequestFields is unknown to 'claude-sonnet-4.5'", &[]),
    ] {
        assert_eq!(named(message), FieldSet::of(fields.iter().copied()), "{message}");
    }
}

#[test]
fn a_live_row_serves_like_a_built_in_one() {
    let listed = models(json!([{ "modelId": "claude-opus-7.1", "modelName": "Claude Opus 7.1",
        "tokenLimits": { "maxInputTokens": 2_000_000, "maxOutputTokens": 256_000 },
        "supportedInputTypes": ["TEXT", "IMAGE"],
        "additionalModelRequestFieldsSchema": claude(&["low", "medium", "high", "xhigh", "max"]) }]));
    let catalogue = Catalogue::built_in().live(&listed);
    let model: &Arc<Model> = catalogue.find("claude-opus-7-1").unwrap();
    let told = (&*model.id, &*model.display_name, model.window, model.max_output, model.images, model.family());
    assert_eq!(told, ("claude-opus-7-1", "Claude Opus 7.1", 2_000_000, 256_000, true, "opus"));
}
