//! Bad input of OpenAI clients through the whole gateway: always an answer in their form, a 400 that names the field, never
//! a panic, never a hang.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod hostile_support;

use hostile_support::{collect, world, wrong_values};
use kiro2api_tests::world::{Ask, Got, Kind};
use serde_json::{Value, json};

const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn chat() -> Value {
    json!({
        "model": "claude-sonnet-4-5", "stream": true, "stream_options": {"include_usage": true},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "name": "ada", "content": [
                {"type": "text", "text": "Look."},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,QUJD"}}
            ]},
            {"role": "assistant", "content": "Hm.", "reasoning_content": "Why?", "refusal": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "call_2", "type": "custom", "custom": {"name": "c", "input": "raw"}}
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "one"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "two"}]},
            {"role": "user", "content": "Go on."}
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "F.", "strict": false, "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}},
            {"type": "custom", "custom": {"name": "c", "description": "C.", "format": {"type": "text"}}}
        ],
        "tool_choice": "auto", "parallel_tool_calls": true, "max_completion_tokens": 100, "max_tokens": 200, "n": 1, "stop": ["END"],
        "reasoning_effort": "low", "temperature": 0.5, "top_p": 0.5, "presence_penalty": 0, "frequency_penalty": 0, "seed": 7,
        "logit_bias": {}, "logprobs": false, "user": "u", "metadata": {"k": "v"}, "store": false, "service_tier": "auto",
        "prompt_cache_key": "s", "response_format": {"type": "text"}
    })
}

fn responses() -> Value {
    json!({
        "model": "claude-sonnet-4-5", "stream": true, "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "developer", "content": "Be kind."},
            {"type": "message", "id": "msg_1", "role": "user", "content": [
                {"type": "input_text", "text": "Look."},
                {"type": "input_image", "image_url": PNG, "detail": "low"},
                {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,QUJD"}
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Why?"}], "encrypted_content": "x"},
            {"type": "message", "id": "msg_2", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Hm.", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}", "status": "completed"},
            {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "c", "input": "raw"},
            {"type": "function_call_output", "call_id": "call_1", "output": "one"},
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "two"}]},
            {"role": "user", "content": "Go on."}
        ],
        "tools": [
            {"type": "function", "name": "f", "description": "F.", "strict": false, "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
            {"type": "custom", "name": "c", "description": "C.", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
            {"type": "namespace", "name": "n", "description": "N.", "tools": [{"type": "function", "name": "g", "parameters": {"type": "object"}}]}
        ],
        "tool_choice": "auto", "parallel_tool_calls": true, "max_output_tokens": 100, "max_tool_calls": 3, "store": false,
        "reasoning": {"effort": "low", "summary": "auto"}, "text": {"format": {"type": "text"}, "verbosity": "low"},
        "include": ["reasoning.encrypted_content"], "truncation": "auto", "temperature": 0.5, "top_p": 0.5, "user": "u",
        "metadata": {"k": "v"}, "service_tier": "auto", "prompt_cache_key": "s", "background": false, "top_logprobs": 0
    })
}

/// A path, and a request to it with every field a client may send.
type Api = (&'static str, fn() -> Value);

const APIS: [Api; 2] = [("/v1/chat/completions", chat), ("/v1/responses", responses)];

/// The field a refusal names; `None` when the request was served.
fn refused(got: &Got, what: &str) -> Option<String> {
    match got.kind {
        Kind::Nothing => panic!("{what}: no answer"),
        Kind::Stream => {
            let text = got.text();
            let good = text.ends_with("data: [DONE]\n\n") || text.contains("event: response.completed\n");
            let ended = good || text.contains("\"error\":{\"") || text.contains("event: response.incomplete\n");
            assert!(ended, "{what}: {text}");
            None
        }
        Kind::Answer if got.status() == 200 => None,
        Kind::Answer => {
            assert!([400, 404].contains(&got.status()), "{what}: {} {}", got.status(), got.text());
            assert!(got.body.len() < 4_000, "{what}: an error of {} bytes", got.body.len());
            let error = got.json()["error"].take();
            assert_eq!(error["type"], "invalid_request_error", "{what}: {error}");
            assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {error}");
            Some(error["param"].as_str().unwrap_or_default().to_owned())
        }
    }
}

/// `/input/1/content` as the errors write it: `input[1].content`.
fn written(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            path += &format!("[{step}]");
        } else {
            path += if path.is_empty() { "" } else { "." };
            path += step;
        }
    }
    path
}

#[test]
fn the_full_requests_are_served() {
    for (path, full) in APIS {
        let (world, instance) = world();
        let got = world.ask(&instance, &Ask::post(path, full().to_string()));
        assert_eq!((refused(&got, path), got.status()), (None, 200), "{}", got.text());
    }
}

#[test]
fn every_field_of_the_wrong_type_is_named_or_harmless() {
    for (api, full) in APIS {
        let (world, instance) = world();
        let base = full();
        let mut paths = Vec::new();
        collect(&base, String::new(), &mut paths);
        assert!(paths.len() > 80, "{api}: {} fields", paths.len());
        let (mut named, mut beside) = (0, 0);
        for path in &paths {
            for value in &wrong_values() {
                let mut body = base.clone();
                *body.pointer_mut(path).unwrap() = value.clone();
                let what = format!("{api} {path} = {value}");
                let got = world.ask(&instance, &Ask::post(api, body.to_string()));
                let Some(param) = refused(&got, &what) else { continue };
                let path = written(path);
                // The field itself, what it should have held or what holds it; or, where it decides what the object is,
                // what that asks for beside it.
                let holder = path.rsplit_once('.').map_or("", |(holder, _)| holder);
                assert!(param.starts_with(holder) || path.starts_with(&param), "{what}: names {param}: {}", got.text());
                named += 1;
                beside += u32::from(!param.starts_with(&path) && !path.starts_with(&param));
            }
        }
        assert!(named > 300, "{api}: only {named} were refused");
        assert!(beside * 20 < named, "{api}: {beside} of {named} name another field");
    }
}

#[test]
fn every_field_left_out_or_given_twice_is_named_or_harmless() {
    for (api, full) in APIS {
        let (world, instance) = world();
        let base = full();
        let mut paths = Vec::new();
        collect(&base, String::new(), &mut paths);
        for path in paths.iter().filter(|path| !path.ends_with(|end: char| end.is_ascii_digit())) {
            let (parent, name) = path.rsplit_once('/').unwrap();
            let mut body = base.clone();
            body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            let what = format!("{api} without {path}");
            refused(&world.ask(&instance, &Ask::post(api, body.to_string())), &what);
            let mut body = base.clone();
            body.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert("TWICE".into(), json!(1));
            let text = body.to_string().replace("\"TWICE\":1", &format!("\"{name}\":null"));
            refused(&world.ask(&instance, &Ask::post(api, text)), &format!("{api} {path} twice"));
        }
    }
}

#[test]
fn deep_nesting_is_refused_or_passed_but_never_climbed() {
    for (api, full) in APIS {
        let (world, instance) = world();
        for depth in [120, 10_000, 200_000] {
            for deep in ["[".repeat(depth) + &"]".repeat(depth), "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)] {
                let base = full();
                for name in base.as_object().unwrap().keys() {
                    let mut body = base.clone();
                    body[name] = json!("DEEP");
                    let text = body.to_string().replace("\"DEEP\"", &deep);
                    refused(&world.ask(&instance, &Ask::post(api, text)), &format!("{api} {name} {depth} deep"));
                }
            }
        }
    }
}
