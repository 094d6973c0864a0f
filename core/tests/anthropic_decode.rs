//! What becomes of messages, their blocks and the system prompt.

mod anthropic_support;

use std::borrow::Cow;

use anthropic_support::{PNG, decode, parts_of, refusal, saying, shown, with};
use kiro2api_core::dialect::anthropic::UNSIGNED;
use kiro2api_core::turn::{Effort, Part, Role, Thinking};

#[test]
fn every_block_type_becomes_parts() {
    let image = format!(r#"{{"type":"image","source":{{"type":"base64","media_type":"image/jpeg","data":"{PNG}"}}}}"#);
    let data_url = format!(r#"[{{"type":"image","source":{{"type":"url","url":"data:image/png;base64,{PNG}"}}}}]"#);
    let nested = format!(
        r#"[{{"type":"tool_result","tool_use_id":"a","is_error":true,"content":[["x",[{{"type":"text","text":"y"}}]],{image}]}}]"#
    );
    let table: &[(&str, &[&str])] = &[
        (r#""hi\n\"you\" \ud83d\ude00""#, &["text hi\n\"you\" 😀"]),
        (
            r#"[{"type":"text","text":"a","cache_control":{"type":"ephemeral"},"citations":null},"b"]"#,
            &["text a", "text b"],
        ),
        (&format!("[{image}]"), &["image png Some((1, 1))"]),
        (&data_url, &["image png Some((1, 1))"]),
        (
            r#"[{"type":"document","title":"Plan","context":"read me","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}]"#,
            &["text read me", "document Plan pdf JVBERi0="],
        ),
        (
            r#"[{"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"plain"}}]"#,
            &["text Document: T", "text plain"],
        ),
        (r#"[{"source":{"type":"content","content":[{"type":"text","text":"in"}]},"type":"document"}]"#, &["text in"]),
        (
            r#"[{"type":"tool_use","id":"a","name":"n","input":{"z":1.50,"a":12345678901234567890123}}]"#,
            &[r#"call a n {"z":1.50,"a":12345678901234567890123}"#],
        ),
        (r#"[{"type":"tool_use","id":"a","name":"n"}]"#, &["call a n {}"]),
        (
            r#"[{"type":"tool_result","tool_use_id":"a","content":"done"},{"type":"text","text":"and now?"}]"#,
            &["result a false [text done]", "text and now?"],
        ),
        (r#"[{"content":"done","type":"tool_result","tool_use_id":"a"}]"#, &["result a false [text done]"]),
        (r#"[{"type":"tool_result","tool_use_id":"a"}]"#, &["result a false []"]),
        (&nested, &["result a true [text x; text y; image png Some((1, 1))]"]),
        (
            r#"[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"Grep"},{"type":"text","text":"Tool loaded."}]}]"#,
            &["result a false [text The tool Grep is loaded and can be called now.; text Tool loaded.]"],
        ),
        (r#"[{"type":"thinking","thinking":"hm","signature":"EqQB"}]"#, &[r#"thinking hm Some("EqQB")"#]),
        (r#"[{"type":"thinking","thinking":"hm","signature":""}]"#, &["thinking hm None"]),
        (&format!(r#"[{{"type":"thinking","thinking":"hm","signature":"{UNSIGNED}"}}]"#), &["thinking hm None"]),
        (r#"[{"type":"redacted_thinking","data":"AbC="}]"#, &["redacted AbC="]),
        (
            r#"[{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}}]"#,
            &[r#"text [The server tool web_search was called with {"query":"q"}]"#],
        ),
        (
            r#"[{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"T","url":"http://u","encrypted_content":"long"}]}]"#,
            &["text [Result of the server tool web_search]", "text T (http://u)"],
        ),
        (
            r#"[{"type":"web_search_tool_result","tool_use_id":"s","content":{"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}}]"#,
            &[
                "text [Result of the server tool web_search]",
                r#"text {"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}"#,
            ],
        ),
        (
            r#"[{"type":"web_fetch_tool_result","tool_use_id":"s","content":{"type":"web_fetch_result","url":"http://u","content":{"type":"document","source":{"type":"text","data":"page"}}}}]"#,
            &["text [Result of the server tool web_fetch]", "text http://u", "text page"],
        ),
        (
            r#"[{"type":"code_execution_tool_result","tool_use_id":"s","content":{"type":"code_execution_result","stdout":"4","return_code":0}}]"#,
            &[
                "text [Result of the server tool code_execution]",
                r#"text {"type":"code_execution_result","stdout":"4","return_code":0}"#,
            ],
        ),
        (
            r#"[{"type":"tool_search_tool_result","tool_use_id":"s","content":{"type":"tool_search_tool_search_result","tool_references":[{"type":"tool_reference","tool_name":"Grep"}]}}]"#,
            &["text [Result of the server tool tool_search]", "text The tool Grep is loaded and can be called now."],
        ),
        (
            r#"[{"type":"mcp_tool_use","id":"m","name":"echo","server_name":"srv","input":{}},{"type":"mcp_tool_result","tool_use_id":"m","is_error":true,"content":[{"type":"text","text":"no"}]}]"#,
            &[
                "text [The server tool echo of srv was called with {}]",
                "text [Result of the server tool mcp, which failed]",
                "text no",
            ],
        ),
        (
            r#"[{"type":"search_result","source":"http://s","title":"T","content":[{"type":"text","text":"found"}]}]"#,
            &["text Search result: T (http://s)", "text found"],
        ),
        (r#"[{"type":"compaction","content":"so far"}]"#, &["text so far"]),
        (r#"[{"type":"container_upload","file_id":"f"}]"#, &[r#"text {"type":"container_upload","file_id":"f"}"#]),
        (
            r#"[{"text":5,"ne\"w":[1,{}],"content":{"a":"b"},"source":"s","type":"from \"tomorrow\""}]"#,
            &[r#"text {"type":"from \"tomorrow\"","ne\"w":[1,{}],"text":5,"content":{"a":"b"},"source":"s"}"#],
        ),
    ];
    for (content, expected) in table {
        assert_eq!(parts_of(content), *expected, "{content}");
    }
}

#[test]
fn blocks_that_cannot_be_served_are_refused_by_their_path() {
    let source = |kind: &str, source: &str| format!(r#"[{{"type":"{kind}","source":{source}}}]"#);
    let table = [
        (source("image", r#"{"type":"url","url":"https://x/y.png"}"#), "source.url", "was not fetched"),
        (source("document", r#"{"type":"url","url":"https://x/y.pdf"}"#), "source.url", "fetches images alone"),
        (source("image", r#"{"type":"file","file_id":"f"}"#), "source.file_id", "Files API"),
        (source("image", r#"{"type":"base64","media_type":"image/png","data":"???"}"#), "source.data", "base64"),
        (source("image", r#"{"type":"base64","data":"Qk0AAAAA"}"#), "source.data", "BMP"),
        (source("image", r#"{"type":"base64"}"#), "source.data", "is required"),
        (source("image", r#"{"type":"gopher"}"#), "source.type", "must be \"base64\""),
        (
            source("document", r#"{"type":"base64","media_type":"image/png","data":"AAAA"}"#),
            "source.media_type",
            "document type",
        ),
        (r#"[{"type":"image"}]"#.to_owned(), "source", "is required"),
        (r#"[{"type":"text"}]"#.to_owned(), "text", "is required"),
        (r#"[{"type":"tool_use","id":"a","input":{}}]"#.to_owned(), "name", "is required"),
        (r#"[{"type":"tool_use","id":"a","id":"b","name":"n"}]"#.to_owned(), "id", "twice"),
        (r#"[{"type":"tool_result","content":""}]"#.to_owned(), "tool_use_id", "is required"),
    ];
    for (content, member, text) in table {
        let (path, told) = refusal(&saying(&content));
        assert_eq!(path, format!("messages[0].content[0].{member}"), "{content}");
        assert!(told.contains(text), "{content}: {told}");
    }
    let inner = r#"[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"base64","data":"!"}}]}]"#;
    assert_eq!(refusal(&saying(inner)).0, "messages[0].content[0].content[0].source.data");
}

#[test]
fn text_without_escapes_is_borrowed_from_the_body() {
    let body = saying(r#"[{"type":"text","text":"plain"},{"type":"tool_result","tool_use_id":"a","content":"plain"}]"#);
    let turn = decode(&body).unwrap();
    let Part::Text(text) = &turn.messages[0].parts[0] else { panic!() };
    let Part::ToolResult { id, parts, .. } = &turn.messages[0].parts[1] else { panic!() };
    let Part::Text(inner) = &parts[0] else { panic!() };
    for text in [text, id, inner] {
        assert!(matches!(text, Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn system_turns_join_the_user_before_them() {
    let body = r#"{"model":"haiku","max_tokens":1,"messages":[
        {"role":"system","content":"zero"},{"role":"user","content":"one"},
        {"role":"system","content":[{"type":"text","text":"two"}]},
        {"role":"assistant","content":null},{"role":"system","content":"three"},{"role":"user","content":"four"}]}"#;
    let turn = decode(body).unwrap();
    let told: Vec<_> = turn.messages.iter().map(|message| (message.role, shown(&message.parts))).collect();
    let text = |text: &str| format!("text {text}");
    assert_eq!(
        told,
        [
            (Role::User, vec![text("zero")]),
            (Role::User, vec![text("one"), text("two")]),
            (Role::Assistant, vec![]),
            (Role::User, vec![text("three")]),
            (Role::User, vec![text("four")]),
        ]
    );
}

#[test]
fn the_system_prompt_loses_its_billing_line_and_nothing_else() {
    for (system, expected) in [
        (r#""be kind""#, vec!["be kind"]),
        (r#"null"#, vec![]),
        (r#""""#, vec![]),
        (
            r#"[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.329.abc; cc_entrypoint=cli;"},{"type":"text","text":"You are Claude Code","cache_control":{"type":"ephemeral"}},{"type":"text","text":"long"}]"#,
            vec!["You are Claude Code", "long"],
        ),
        (r#""x-anthropic-billing-header: a;\nrest""#, vec!["rest"]),
    ] {
        let body = with(&format!(r#""system":{system}"#));
        assert_eq!(decode(&body).unwrap().system, expected, "{system}");
    }
    assert_eq!(refusal(&with(r#""system":[{"type":"image","source":{}}]"#)).0, "system[0]");
}

/// The shape of a real Claude Code request: reminders in a system turn after the user's, deferred tools, a
/// picture in a tool result, a billing line that changes with every request.
#[test]
fn a_request_of_claude_code_is_taken_whole() {
    let body = format!(
        r#"{{"model":"claude-opus-5-5","messages":[
        {{"role":"user","content":[{{"type":"text","text":"<system-reminder>a</system-reminder>"}},{{"type":"text","text":"look","cache_control":{{"type":"ephemeral"}}}}]}},
        {{"role":"system","content":[{{"type":"text","text":"<system-reminder>b</system-reminder>"}}]}},
        {{"role":"assistant","content":[{{"type":"thinking","thinking":"hm","signature":"EqQB"}},{{"type":"tool_use","id":"toolu_1","name":"Read","input":{{"file_path":"/x.png"}}}}]}},
        {{"role":"user","content":[{{"tool_use_id":"toolu_1","type":"tool_result","content":[{{"type":"image","source":{{"type":"base64","data":"{PNG}","media_type":"image/png"}}}}],"is_error":false,"cache_control":{{"type":"ephemeral"}}}}]}}],
        "system":[{{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.329.1f3; cc_entrypoint=sdk-cli;"}},{{"type":"text","text":"You are Claude Code","cache_control":{{"type":"ephemeral"}}}}],
        "tools":[{{"name":"Read","description":"Reads","input_schema":{{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false}}}},{{"name":"Workflow","description":"","input_schema":{{"type":"object"}},"defer_loading":true}}],
        "metadata":{{"user_id":"{{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"5c0e\"}}"}},
        "max_tokens":128000,"thinking":{{"type":"adaptive","display":"updates"}},
        "context_management":{{"edits":[{{"type":"clear_thinking_20251015","keep":"all"}}]}},
        "output_config":{{"effort":"medium"}},"stream":true}}"#
    );
    let turn = decode(&body).unwrap();
    assert!(turn.ignored.is_empty(), "{:?}", turn.ignored);
    assert_eq!(turn.system, ["You are Claude Code"]);
    assert_eq!((turn.session.as_deref(), turn.max_tokens, turn.stream), (Some("5c0e"), Some(128_000), true));
    assert_eq!(turn.thinking, Thinking::On { effort: Effort::Medium, budget: None });
    assert_eq!(turn.tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["Read", "Workflow"]);
    let told: Vec<_> = turn.messages.iter().map(|message| shown(&message.parts)).collect();
    assert_eq!(told[0].len(), 3);
    assert_eq!(told[1], [r#"thinking hm Some("EqQB")"#, r#"call toolu_1 Read {"file_path":"/x.png"}"#]);
    assert_eq!(told[2], ["result toolu_1 false [image png Some((1, 1))]"]);
}
