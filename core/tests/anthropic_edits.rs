//! Edits of the history that `context_management` asks for.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod anthropic_support;

use anthropic_support::{decode, shown};

/// A history of three turns: two calls in the first, one in the second, thinking before each.
fn history(edits: &str) -> String {
    let call = |id: &str, name: &str| {
        format!(
            r#"{{"role":"assistant","content":[{{"type":"thinking","thinking":"{id}"}},{{"type":"tool_use","id":"{id}","name":"{name}","input":{{"of":"{id}"}}}}]}},
            {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{id}","content":"did {id}"}}]}}"#
        )
    };
    format!(
        r#"{{"model":"haiku","max_tokens":1,"system":"be kind","context_management":{{"edits":[{edits}]}},"messages":[
        {{"role":"user","content":"one"}},{},{},{{"role":"assistant","content":"done"}},
        {{"role":"user","content":"two"}},{},{{"role":"assistant","content":"done"}},{{"role":"user","content":"three"}}]}}"#,
        call("a", "read"),
        call("b", "grep"),
        call("c", "read")
    )
}

fn all_parts(body: &str) -> Vec<String> {
    let turn = decode(body).unwrap();
    assert!(turn.ignored.is_empty(), "{:?}", turn.ignored);
    turn.messages.iter().flat_map(|message| shown(&message.parts)).filter(|part| !part.starts_with("text ")).collect()
}

#[test]
fn thinking_of_old_turns_is_cleared_when_asked() {
    let thoughts = |edit: &str| {
        let parts = all_parts(&history(edit));
        parts
            .iter()
            .filter_map(|part| part.strip_prefix("thinking "))
            .map(|part| part[..1].to_owned())
            .collect::<String>()
    };
    let keep = |turns: u8| {
        format!(r#"{{"type":"clear_thinking_20251015","keep":{{"type":"thinking_turns","value":{turns}}}}}"#)
    };
    assert_eq!(thoughts(""), "abc");
    assert_eq!(thoughts(r#"{"type":"clear_thinking_20251015","keep":"all"}"#), "abc");
    assert_eq!(thoughts(r#"{"type":"clear_thinking_20251015"}"#), "c");
    assert_eq!(thoughts(&keep(2)), "abc");
    assert_eq!(thoughts(&keep(0)), "");
}

#[test]
fn old_tool_results_are_cleared_when_the_trigger_is_reached() {
    let edit = |rest: &str| all_parts(&history(&format!(r#"{{"type":"clear_tool_uses_20250919"{rest}}}"#)));
    let cleared = |parts: &[String]| {
        parts.iter().filter(|part| part.contains("cleared")).map(|part| part[7..8].to_owned()).collect::<String>()
    };
    let trigger = r#","trigger":{"type":"tool_uses","value":2},"keep":{"type":"tool_uses","value":1}"#;
    assert_eq!(cleared(&edit("")), "", "far from 100,000 tokens");
    assert_eq!(cleared(&edit(&trigger.replace(":2", ":3"))), "");
    let plain = edit(trigger);
    assert_eq!(cleared(&plain), "ab");
    assert!(plain.contains(&r#"call a read {"of":"a"}"#.to_owned()));
    let spared = edit(&format!(r#"{trigger},"exclude_tools":["grep"],"clear_tool_inputs":true"#));
    assert_eq!(cleared(&spared), "a");
    assert!(spared.contains(&"call a read {}".to_owned()) && spared.contains(&r#"call c read {"of":"c"}"#.to_owned()));
    let by_tokens = r#","trigger":{"type":"input_tokens","value":0},"keep":{"type":"tool_uses","value":0}"#;
    assert_eq!(cleared(&edit(by_tokens)), "abc");
}
