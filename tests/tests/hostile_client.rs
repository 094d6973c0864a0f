//! Bad input of clients through the whole gateway: always an answer in the dialect, never a panic, never a hang (the
//! world's executor fails when nobody can go on).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod hostile_support;

use hostile_support::{collect, is_sound, world, wrong_values};
use kiro2api_tests::world::{Ask, Kind};
use serde_json::{Value, json};

/// A request with every field a client may send.
fn full() -> Value {
    json!({
        "model": "claude-sonnet-4-5", "max_tokens": 1000, "stream": true,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Look."},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "document", "title": "Notes", "context": "c", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
                {"type": "redacted_thinking", "data": "AbCd"},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
                {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [{"type": "web_search_result", "url": "u", "title": "t"}]}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": false, "content": [{"type": "text", "text": "r"}]},
                {"type": "text", "text": "Go on."}
            ]},
            {"role": "system", "content": "Remember."}
        ],
        "tools": [
            {"name": "f", "description": "F.", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, "cache_control": {"type": "ephemeral"}, "defer_loading": false},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": false},
        "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "updates"},
        "output_config": {"effort": "high"},
        "stop_sequences": ["END"], "temperature": 0.5, "top_p": 0.5, "top_k": 5, "service_tier": "auto",
        "metadata": {"user_id": "{\"session_id\":\"s\"}"}, "container": "c", "betas": ["b"], "mcp_servers": [],
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    })
}

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[test]
fn the_full_request_is_served() {
    let (world, instance) = world();
    let got = world.ask(&instance, &Ask::messages(full().to_string()));
    assert_eq!(got.said(), "ok", "{}", got.text());
}

#[test]
fn every_field_of_the_wrong_type_is_an_error_or_harmless() {
    let (world, instance) = world();
    let base = full();
    let mut paths = Vec::new();
    collect(&base, String::new(), &mut paths);
    assert!(paths.len() > 90, "{} fields", paths.len());
    let mut refused = 0;
    for path in &paths {
        for value in &wrong_values() {
            let mut body = base.clone();
            *body.pointer_mut(path).unwrap() = value.clone();
            let got = world.ask(&instance, &Ask::messages(body.to_string()));
            let what = format!("{path} = {value}");
            is_sound(&got, &what);
            if got.kind == Kind::Answer && got.status() != 200 {
                assert!([400, 404].contains(&got.status()), "{what}: {} {}", got.status(), got.text());
                refused += 1;
            }
        }
    }
    assert!(refused > 300, "only {refused} were refused");
}

#[test]
fn every_field_left_out_or_given_twice_is_an_error_or_harmless() {
    let (world, instance) = world();
    let base = full();
    let mut paths = Vec::new();
    collect(&base, String::new(), &mut paths);
    for path in paths.iter().filter(|path| !path.rsplit('/').next().unwrap().bytes().all(|byte| byte.is_ascii_digit()))
    {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut body = base.clone();
        body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        is_sound(&world.ask(&instance, &Ask::messages(body.to_string())), &format!("without {path}"));
        let mut body = base.clone();
        body.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert("TWICE".into(), json!(1));
        let text = body.to_string().replace("\"TWICE\":1", &format!("\"{name}\":null"));
        is_sound(&world.ask(&instance, &Ask::messages(text)), &format!("{path} twice"));
    }
}

fn with(member: &str, value: &str) -> String {
    format!(
        r#"{{"model":"claude-sonnet-4-5","max_tokens":10,"{member}":{value},"messages":[{{"role":"user","content":"hi"}}]}}"#
    )
}

#[test]
fn deep_nesting_is_refused_or_passed_but_never_climbed() {
    let (world, instance) = world();
    let deep = |open: &str, close: &str, depth: usize| open.repeat(depth) + "1" + &close.repeat(depth);
    for depth in [120, 500, 10_000, 200_000] {
        let (list, object) = (deep("[", "]", depth), deep("{\"a\":", "}", depth));
        for value in [&list, &object] {
            let schema = format!(
                r#"[{{"name":"f","input_schema":{{"type":"object","properties":{{"a":{{"default":{value}}}}}}}}}]"#
            );
            let input = format!(
                r#"{{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{{"role":"user","content":"x"}},{{"role":"assistant","content":[{{"type":"tool_use","id":"t","name":"f","input":{{"a":{value}}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":"r"}}]}}]}}"#
            );
            let content = format!(
                r#"{{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{{"role":"user","content":{value}}}]}}"#
            );
            for body in
                [value.clone(), with("metadata", value), with("unknown", value), with("tools", &schema), input, content]
            {
                let got = world.ask(&instance, &Ask::messages(body.clone()));
                is_sound(&got, &format!("depth {depth}: {}", &body[..80.min(body.len())]));
            }
        }
    }
}

#[test]
fn odd_numbers_are_an_error_or_harmless() {
    let (world, instance) = world();
    for number in [
        "99999999999999999999999999",
        "-0",
        "1e-400",
        "0.1e1",
        "1E2",
        "18446744073709551616",
        "4294967296",
        "00",
        "+1",
        "0x10",
        "NaN",
        "Infinity",
        "1.",
    ] {
        for member in ["max_tokens", "temperature", "top_k", "unknown"] {
            let text = with("x", "0").replace("\"x\":0", &format!("\"{member}\":{number}"));
            let text = if member == "max_tokens" { text.replacen("\"max_tokens\":10,", "", 1) } else { text };
            let got = world.ask(&instance, &Ask::messages(text));
            is_sound(&got, &format!("{member} = {number}"));
        }
        let input = format!(
            r#"{{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{{"role":"user","content":"x"}},{{"role":"assistant","content":[{{"type":"tool_use","id":"t","name":"f","input":{{"a":{number}}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":"r"}}]}}]}}"#
        );
        is_sound(&world.ask(&instance, &Ask::messages(input)), number);
    }
}

/// Strict readers refuse a body that holds such a number, so the service may too.
#[test]
fn numbers_beyond_a_double_do_not_reach_the_service() {
    let (world, instance) = world();
    for number in ["1e400", "-1e400"] {
        let input = format!(
            r#"{{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{{"role":"user","content":"x"}},{{"role":"assistant","content":[{{"type":"tool_use","id":"t","name":"f","input":{{"a":{number}}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":"r"}}]}}]}}"#
        );
        is_sound(&world.ask(&instance, &Ask::messages(input)), number);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let (world, instance) = world();
    for bytes in [
        &b"\xff\xfe"[..],
        b"\x00",
        b"{\"model\":\"\xc3\x28\"}",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b"null",
        b"\"text\"",
        b"7",
        b"{",
        b"{\"model\"",
        b"{\"a\":\"\\ud800\"}",
        b"{\"\\u0000\":1}",
    ] {
        let got = world.ask(&instance, &Ask::messages(bytes));
        is_sound(&got, &format!("{bytes:?}"));
        assert_eq!(got.status(), 400, "{bytes:?}: {}", got.text());
    }
    // A mutation at each place of a real body.
    let body = full().to_string().into_bytes();
    for at in (0..body.len()).step_by(11) {
        for byte in [0, b'"', b'{', b'}', 0x80, b'\\', b','] {
            let mut broken = body.clone();
            broken[at] = byte;
            is_sound(&world.ask(&instance, &Ask::messages(broken)), &format!("byte {at} = {byte}"));
        }
        is_sound(&world.ask(&instance, &Ask::messages(&body[..at])), &format!("cut at {at}"));
    }
}

#[test]
fn large_bodies_are_told_to_be_too_long_or_served() {
    let (world, instance) = world();
    world.service.configure(|config| config.limits.body_bytes = usize::MAX);
    let text = "word ".repeat(5_000_000);
    let got = world.ask(&instance, &Ask::prompt(&text, true));
    is_sound(&got, "25 MB of text");
    let many: Vec<Value> =
        (0..20_000).map(|at| json!({"role": if at % 2 == 0 { "user" } else { "assistant" }, "content": "x"})).collect();
    let got = world.ask(
        &instance,
        &Ask::messages(json!({"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": many}).to_string()),
    );
    is_sound(&got, "20000 turns");
    world.tolerate_violations();
}

#[test]
fn floods_of_headers_change_nothing() {
    let (world, instance) = world();
    let mut ask = Ask::prompt("hi", true);
    for at in 0..2_000 {
        ask = ask.header(&format!("x-flood-{at}"), &"v".repeat(50));
    }
    ask = ask
        .header("anthropic-beta", &"b,".repeat(20_000))
        .header("x-claude-code-session-id", &"s".repeat(100_000))
        .header("user-agent", "\u{7f}");
    assert_eq!(world.ask(&instance, &ask).said(), "ok");
}
