//! Histories as real Chat Completions clients send them: each is answered, and what the service gets breaks no rule of its
//! own (the world's strict checker looks at every body).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use kiro2api_tests::world::{Ask, Operation, World, login};

/// What a client is known for, and its messages.
const HISTORIES: &[(&str, &str)] = &[
    (
        "LangChain: blank content beside calls, a name on results, results as parts",
        r#"{"role":"system","content":""},{"role":"user","content":[{"type":"text","text":"q"}],"name":"bob"},
        {"role":"assistant","content":"","tool_calls":[{"type":"function","id":"call_1","function":{"name":"search","arguments":"{\"q\": \"x\"}"}}],"refusal":null},
        {"role":"tool","content":[{"type":"text","text":"found"},{"type":"text","text":""}],"tool_call_id":"call_1","name":"search"}"#,
    ),
    (
        "LiteLLM: every member of its own message class, null where there is nothing",
        r#"{"role":"user","content":"q"},
        {"content":null,"role":"assistant","tool_calls":[{"index":0,"function":{"arguments":"{}","name":"now"},"id":"toolu_1","type":"function"}],"function_call":null,"provider_specific_fields":{"refusal":null},"reasoning_content":null,"thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"x"}],"audio":null,"annotations":[],"images":[]},
        {"tool_call_id":"toolu_1","role":"tool","name":"now","content":"12:00"}"#,
    ),
    (
        "Vercel AI SDK: results as JSON text, an error among them, calls of two steps",
        r#"{"role":"user","content":"q"},
        {"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{\"a\":2}"}}]},
        {"role":"tool","tool_call_id":"a","content":"{\"type\":\"error-text\",\"value\":\"no\"}"},{"role":"tool","tool_call_id":"b","content":"\"ok\""},
        {"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":3}"}}]},
        {"role":"tool","tool_call_id":"c","content":""}"#,
    ),
    (
        "Continue and Cursor: consecutive messages of one role, instructions in the middle, cache marks",
        r#"{"role":"system","content":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]},{"role":"user","content":"a"},{"role":"user","content":"b"},
        {"role":"assistant","content":"c"},{"role":"assistant","content":""},{"role":"assistant","content":null},{"role":"assistant","content":"d"},
        {"role":"system","content":"be brief"},{"role":"user","content":[{"type":"text","text":"e","cache_control":{"type":"ephemeral"}}]}"#,
    ),
    (
        "an id that every call has, results in another order, one too many, one missing",
        r#"{"role":"user","content":"q"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"x","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"x","function":{"name":"f","arguments":"{\"a\":2}"}},{"id":"y","function":{"name":"g","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"y","content":"3"},{"role":"tool","tool_call_id":"x","content":"1"},{"role":"tool","tool_call_id":"z","content":"?"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"x","function":{"name":"f","arguments":"{\"a\":1}"}}]},
        {"role":"user","content":"never mind"}"#,
    ),
    (
        "names and ids no other API would take",
        r#"{"role":"user","content":"q"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"","function":{"name":"get weather (v2)!","arguments":"{}"}},{"id":"call.1:with/all~sorts and a very long tail, longer than sixty-four characters","function":{"name":"mcp__server__über","arguments":"{}"}},{"id":"1","function":{"name":"GET WEATHER (V2)!","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"","content":"1"},{"role":"tool","tool_call_id":"call.1:with/all~sorts and a very long tail, longer than sixty-four characters","content":"2"},{"role":"tool","tool_call_id":"1","content":"3"}"#,
    ),
    (
        "the form before tools, twice the same function, a result without a call",
        r#"{"role":"user","content":"q"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"}},{"role":"function","name":"f","content":"1"},
        {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"not JSON"}},{"role":"function","name":"f","content":"2"},{"role":"function","name":"g","content":"3"}"#,
    ),
    (
        "broken arguments, an id that is used again for a sound call, and the reverse",
        r#"{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","arguments":"{\"a\":"}}]},{"role":"tool","tool_call_id":"x","content":"bad"},
        {"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"x","content":"good"},
        {"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","arguments":"[]"}}]},{"role":"tool","tool_call_id":"x","content":"bad again"}"#,
    ),
    (
        "a conversation that begins with the model",
        r#"{"role":"assistant","content":"Hello!"},{"role":"user","content":"hi"}"#,
    ),
    ("a reply that is to be continued", r#"{"role":"user","content":"hi"},{"role":"assistant","content":"Once upon"}"#),
    ("a result first", r#"{"role":"tool","tool_call_id":"x","content":"left over"},{"role":"user","content":"hi"}"#),
    (
        "content that is an empty list",
        r#"{"role":"user","content":[]},{"role":"assistant","content":[]},{"role":"user","content":"hi"}"#,
    ),
    ("instructions alone", r#"{"role":"developer","content":"Say hi."}"#),
];

/// Members that clients send beside messages, null or empty where they mean nothing.
const MEMBERS: &[&str] = &[
    "",
    r#""tools":null,"tool_choice":null,"functions":null,"function_call":null,"parallel_tool_calls":null,"#,
    r#""tools":[],"stop":null,"n":null,"stream":null,"stream_options":null,"user":null,"logit_bias":null,"seed":null,"logprobs":null,"top_logprobs":null,"response_format":null,"modalities":null,"audio":null,"metadata":null,"reasoning_effort":null,"temperature":null,"top_p":null,"max_tokens":null,"max_completion_tokens":null,"store":null,"service_tier":null,"#,
    r#""tools":[{"type":"function","function":{"name":"f","description":null,"parameters":null,"strict":null}},{"type":"function","function":{"name":"f","parameters":{}}},{"type":"function","function":{"name":"F"}},{"type":"function","function":{"name":"get weather (v2)!","parameters":{"type":"object","properties":{"":{"type":"string"}},"additionalProperties":false,"$schema":"http://json-schema.org/draft-07/schema#"}}}],"tool_choice":"auto","#,
    r#""tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"sql"}}],"tool_choice":"none","stop":[],"logit_bias":{},"metadata":{},"logprobs":false,"top_logprobs":0,"modalities":["text"],"response_format":{"type":"text"},"#,
];

#[test]
fn every_history_is_answered_whatever_stands_beside_it() {
    for (client, messages) in HISTORIES {
        for members in MEMBERS {
            let world = World::default();
            let instance = world.frozen_instance(&[("KIRO_AUTH_TOKEN", &login::key())]);
            let body = format!(r#"{{"model":"claude-sonnet-4-5",{members}"messages":[{messages}]}}"#);
            let got = world.ask(&instance, &Ask::post("/v1/chat/completions", body.clone()));
            assert_eq!(got.status(), 200, "{client}: {}\n{body}", got.text());
            assert_eq!(got.json()["choices"][0]["message"]["content"], "ok", "{client}: {}", got.text());
            let sent = world.service.sent_of(Operation::Chat);
            assert_eq!(sent.len(), 1, "{client}");
            let broken = kiro2api_core::upstream::check::check(&sent[0].body);
            assert!(broken.is_empty(), "{client}: {broken:?}");
        }
    }
}

/// Nothing a client said is missing in what the service gets.
#[test]
fn no_word_of_a_history_is_lost() {
    for (messages, words) in [
        (HISTORIES[4].1, vec!["never mind", "[Result of tool call z]"]),
        (HISTORIES[6].1, vec!["not JSON"]),
        (HISTORIES[7].1, vec!["bad", "good", "bad again"]),
        (HISTORIES[3].1, vec!["be brief"]),
        (HISTORIES[10].1, vec!["left over"]),
    ] {
        let world = World::default();
        let instance = world.frozen_instance(&[("KIRO_AUTH_TOKEN", &login::key())]);
        let body = format!(r#"{{"model":"claude-sonnet-4-5","messages":[{messages}]}}"#);
        assert_eq!(world.ask(&instance, &Ask::post("/v1/chat/completions", body)).status(), 200);
        let sent = String::from_utf8(world.service.sent_of(Operation::Chat)[0].body.clone()).unwrap();
        for word in words {
            assert!(sent.contains(word), "{word} is missing in {sent}");
        }
    }
}
