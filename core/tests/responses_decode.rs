//! What a Responses request becomes, item by item and wish by wish.
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test panics")]

mod responses_support;

use kiro2api_core::dialect::{Fetched, Given, Need, responses};
use kiro2api_core::host::Headers;
use kiro2api_core::turn::{Effort, Format, Part, Role, Thinking, ToolChoice, ToolKind, Turn};
use responses_support::{PNG, ids, refused, storing_voice, turn, usage};
use serde_json::{Value, json};

const CODEX: &[(&str, &str)] = &[("originator", "codex_exec")];

fn request(members: &str) -> String {
    format!("{{\"model\":\"claude-opus-5-5\",{members}}}")
}

/// A conversation in short.
fn told(turn: &Turn<'_>) -> String {
    let part = |part: &Part<'_>| match part {
        Part::Text(text) => format!("{text:?}"),
        Part::Image(image) => image.format.to_owned(),
        Part::Document { name, format, .. } => format!("{name}.{format}"),
        Part::ToolUse { id, name, input } => format!("{id}={name}({})", input.get()),
        Part::ToolResult { id, error, parts } => format!("{id}:{error}:{}", parts.len()),
        Part::Thinking { text, signature } => format!("think {text:?} {signature:?}"),
        Part::Redacted(data) => format!("redacted {data}"),
    };
    let mut lines: Vec<String> = turn.system.iter().map(|text| format!("S {text:?}")).collect();
    for message in &turn.messages {
        let who = if message.role == Role::User { "U" } else { "A" };
        lines.push(format!("{who} {}", message.parts.iter().map(part).collect::<Vec<_>>().join(" ")));
    }
    lines.join("\n")
}

fn input(items: &str) -> String {
    turn(&request(&format!("\"input\":{items}")), &[], told)
}

#[test]
fn messages_of_every_form() {
    assert_eq!(input(r#""hi""#), "U \"hi\"");
    assert_eq!(input(r#"[{"role":"user","content":"hi"}]"#), "U \"hi\"");
    assert_eq!(
        input(
            r#"[{"role":"system","content":"a"},{"type":"message","role":"developer","content":[{"type":"input_text","text":"b"}]},
            {"role":"user","content":[{"type":"input_text","text":"c"}]},{"role":"developer","content":"d"},
            {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[
              {"type":"output_text","text":"e","annotations":[],"logprobs":[]},{"type":"refusal","refusal":"f"}]},
            {"role":"system","content":"g"}]"#
        ),
        "S \"a\"\nS \"b\"\nU \"c\" \"d\"\nA \"e\" \"f\"\nU \"g\""
    );
    // Instructions alone are what there is to answer.
    assert_eq!(input(r#"[{"role":"developer","content":"a"},{"role":"developer","content":"b"}]"#), "S \"a\"\nU \"b\"");
    let body = request(
        r#""instructions":"first","input":[{"role":"developer","content":"second"},{"role":"user","content":"x"}]"#,
    );
    assert_eq!(turn(&body, &[], told), "S \"first\"\nS \"second\"\nU \"x\"");
}

#[test]
fn pictures_and_files() {
    let url = format!("data:image/jpeg;base64,{PNG}");
    let items = format!(
        r#"[{{"role":"user","content":[{{"type":"input_text","text":"a"}},{{"type":"input_image","image_url":"{url}","detail":"high"}},
           {{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,QUJD"}}]}}]"#
    );
    assert_eq!(input(&items), "U \"a\" png a.pdf");
    let far = request(r#""input":[{"role":"user","content":[{"type":"input_image","image_url":"https://a/b.png"}]}]"#);
    let headers = Headers::new();
    let given = Given::of(&headers);
    let needs = responses::decode(far.as_bytes(), &given).unwrap().needs;
    let path = "input[0].content[0].image_url".to_owned();
    assert_eq!(needs, [Need::Image { url: "https://a/b.png".to_owned(), path }]);
    let fetched = [Fetched { url: "https://a/b.png".to_owned(), base64: PNG.to_owned() }];
    let decoded = responses::decode(far.as_bytes(), &Given { fetched: &fetched, ..given }).unwrap();
    assert_eq!(told(&decoded.turn), "U png");
}

#[test]
fn calls_and_what_they_came_to() {
    assert_eq!(
        input(
            r#"[{"role":"user","content":"go"},
            {"type":"function_call","id":"fc_1","status":"completed","call_id":"c1","name":"read","arguments":"{\"path\":\"/x\"}"},
            {"type":"custom_tool_call","call_id":"c2","name":"exec","namespace":"functions","input":"a\n\"b\""},
            {"type":"function_call","call_id":"c3","name":"read","arguments":"{\"cmd\":"},
            {"type":"local_shell_call","call_id":"c4","action":{"type":"exec"}},
            {"type":"function_call_output","call_id":"c1","output":"done"},
            {"type":"custom_tool_call_output","call_id":"c2","output":[{"type":"input_text","text":"x"},{"type":"input_text","text":"y"}]},
            {"type":"function_call_output","call_id":"c3","output":"failed"},
            {"type":"local_shell_call_output","id":"c4","output":"ok"}]"#
        ),
        concat!(
            "U \"go\"\n",
            "A c1=read({\"path\":\"/x\"}) c2=functions__exec({\"input\":\"a\\n\\\"b\\\"\"}) ",
            "\"[Tool call read (c3) with arguments that are not a JSON object]\\n{\\\"cmd\\\":\" ",
            "c4=local_shell({\"type\":\"exec\"})\n",
            "U c1:false:1 c2:false:2 \"[Result of the tool call read (c3)]\" \"failed\" c4:false:1",
        )
    );
}

#[test]
fn items_nobody_knows_are_kept_and_those_nobody_can_read_are_named() {
    let body = request(
        r#""input":[{"role":"user","content":"hi"},{"type":"web_search_call","id":"ws_1","status":"completed"},
        {"type":"brand_new","x":[1]},{"type":"image_generation_call","result":"AAAA"},{"type":"compaction","encrypted_content":"E"}]"#,
    );
    turn(&body, &[], |turn| {
        let text = told(turn);
        assert!(text.contains("web_search_call") && text.contains("brand_new"), "{text}");
        assert!(!text.contains("AAAA") && !text.contains("compaction"), "{text}");
        assert_eq!(turn.ignored, ["input.compaction"]);
    });
}

#[test]
fn thought_comes_back_as_it_was_sealed() {
    let body = request(r#""input":"hi","reasoning":{"effort":"low"},"include":["reasoning.encrypted_content"]"#);
    let voice = responses_support::voice(&body);
    let mut answer = kiro2api_core::turn::Answer::new();
    use kiro2api_core::turn::{Delta, Open, Stop};
    for delta in [
        Delta::Open(Open::Thinking),
        Delta::Piece(responses_support::lit("hm")),
        Delta::Sign(responses_support::lit("Eq==")),
        Delta::Close,
        Delta::Open(Open::Redacted(responses_support::lit("AbC="))),
        Delta::Close,
        Delta::Finish { stop: Stop::EndTurn, usage: usage(1, 1) },
    ] {
        answer.push(&delta);
    }
    let mut out = Vec::new();
    voice.body(&ids(), &[&answer], false, &mut out);
    let body: Value = serde_json::from_slice(&out).unwrap();
    let mut items = vec![json!({"role": "user", "content": "hi"})];
    items.extend(body["output"].as_array().unwrap().iter().cloned());
    assert_eq!(input(&json!(items).to_string()), "U \"hi\"\nA think \"hm\" Some(\"Eq==\") redacted AbC=");
    let foreign = r#"[{"role":"user","content":"hi"},
        {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"content":null,"encrypted_content":"ENC"},
        {"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":null},
        {"type":"reasoning","id":"rs_3","summary":[],"content":[{"type":"reasoning_text","text":"c"}]}]"#;
    assert_eq!(input(foreign), "U \"hi\"\nA think \"a\\n\\nb\" None think \"c\" None");
}

#[test]
fn tools_of_every_kind() {
    let body = request(
        r#""input":[{"type":"additional_tools","id":"at_1","role":"developer","tools":[
            {"type":"namespace","name":"functions","description":"","tools":[
              {"type":"custom","name":"exec","description":"runs","format":{"type":"grammar","syntax":"lark","definition":"start: x"}},
              {"type":"function","name":"wait","description":"waits","strict":false,"parameters":{"type":"object"}}]},
            {"type":"namespace","name":"clock","description":"Time.","tools":[{"type":"function","name":"wait"}]}]},
          {"role":"user","content":"hi"},
          {"type":"function_call","call_id":"a","name":"wait","namespace":"clock","arguments":""},
          {"type":"custom_tool_call","call_id":"b","name":"exec","input":"x"},
          {"type":"function_call","call_id":"c","name":"wait","arguments":"{}"}],
        "tools":[{"type":"function","name":"read","parameters":null},{"type":"web_search","external_web_access":true},
          {"type":"tool_search","execution":"client"}]"#,
    );
    turn(&body, CODEX, |turn| {
        let names: Vec<&str> = turn.tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, ["read", "functions__exec", "functions__wait", "clock__wait"]);
        assert!(turn.tools[1].description.contains("start: x"));
        assert!(matches!(turn.tools[1].kind, ToolKind::Client(Some(schema)) if schema.get().contains("input")));
        assert_eq!(turn.tools[3].description, "Tools whose names begin with clock__: Time.");
        assert_eq!(turn.ignored, ["tools.web_search", "tools.tool_search"]);
        // A name that two namespaces have stands for neither.
        assert_eq!(told(turn), "U \"hi\"\nA a=clock__wait({}) b=functions__exec({\"input\":\"x\"}) c=wait({})");
    });
}

#[test]
fn tools_of_the_vendor_are_refused_unless_codex_sends_them() {
    for kind in [
        "web_search",
        "web_search_preview",
        "file_search",
        "code_interpreter",
        "image_generation",
        "computer_use_preview",
        "mcp",
        "tool_search",
        "local_shell",
        "shell",
        "apply_patch",
    ] {
        let body = request(&format!("\"input\":\"hi\",\"tools\":[{{\"type\":\"{kind}\"}}]"));
        let error = refused(&body);
        assert_eq!(error.path(), Some("tools[0].type"));
        assert!(error.text().contains(kind), "{error}");
        for headers in [CODEX, &[("user-agent", "codex_cli_rs/0.169.0")][..]] {
            turn(&body, headers, |turn| assert!(turn.tools.is_empty() && turn.ignored.len() == 1));
        }
    }
    assert_eq!(refused(&request(r#""input":"hi","tools":[{"type":"new"}]"#)).path(), Some("tools[0].type"));
}

#[test]
fn choices_among_tools() {
    let tools = r#""input":"hi","tools":[{"type":"function","name":"a"},{"type":"custom","name":"b"},
        {"type":"namespace","name":"n","tools":[{"type":"function","name":"c"}]}],"tool_choice":"#;
    let choice = |choice: &str| {
        turn(&request(&format!("{tools}{choice}")), &[], |turn| (format!("{:?}", turn.tool_choice), turn.tools.len()))
    };
    assert_eq!(choice("null"), ("Auto".to_owned(), 3));
    assert_eq!(choice("\"required\""), ("Any".to_owned(), 3));
    assert_eq!(choice("\"none\""), ("None".to_owned(), 3));
    assert_eq!(choice(r#"{"type":"function","name":"a"}"#).0, "Tool(\"a\")");
    assert_eq!(choice(r#"{"type":"custom","name":"b"}"#).0, "Tool(\"b\")");
    assert_eq!(choice(r#"{"type":"function","name":"c"}"#).0, "Tool(\"n__c\")");
    assert_eq!(choice(r#"{"type":"function","name":"c","namespace":"n"}"#).0, "Tool(\"n__c\")");
    let allowed = r#"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"a"}]}"#;
    assert_eq!(choice(allowed), ("Any".to_owned(), 1));
    for (wrong, path) in [
        ("7", "tool_choice"),
        ("\"always\"", "tool_choice"),
        (r#"{"type":"function","name":"z"}"#, "tool_choice.name"),
        (r#"{"type":"web_search"}"#, "tool_choice.type"),
    ] {
        assert_eq!(refused(&request(&format!("{tools}{wrong}"))).path(), Some(path), "{wrong}");
    }
}

#[test]
fn thinking_is_on_where_effort_or_a_summary_is_asked_for() {
    let on = |effort| Thinking::On { effort, budget: None };
    for (reasoning, thinking) in [
        ("null", Thinking::Off),
        ("{}", Thinking::Off),
        (r#"{"effort":null,"summary":null}"#, Thinking::Off),
        (r#"{"effort":"none","summary":"auto"}"#, Thinking::Off),
        (r#"{"summary":"auto"}"#, on(Effort::Medium)),
        (r#"{"effort":"minimal"}"#, on(Effort::Low)),
        (r#"{"effort":"xhigh","summary":"detailed","context":"all_turns"}"#, on(Effort::XHigh)),
    ] {
        let body = request(&format!("\"input\":\"hi\",\"reasoning\":{reasoning}"));
        turn(&body, &[], |turn| assert_eq!(turn.thinking, thinking, "{reasoning}"));
    }
}

#[test]
fn wishes_and_what_has_no_effect() {
    let body = request(
        r#""input":"hi","stream":true,"parallel_tool_calls":false,"max_output_tokens":99,"truncation":"auto","temperature":0.5,
        "top_p":1,"metadata":{"a":"b"},"service_tier":"flex","user":"u","prompt_cache_key":"key","max_tool_calls":3,"top_logprobs":0,
        "background":false,"include":["message.output_text.logprobs"],"text":{"verbosity":"low","format":{"type":"json_schema","name":"n","schema":{"type":"object"}}},
        "client_metadata":{"x":"y"},"something_new":1"#,
    );
    turn(&body, &[], |turn| {
        assert!(turn.stream && !turn.parallel_tools && turn.truncate);
        assert_eq!((turn.max_tokens, turn.session.as_deref()), (Some(99), Some("key")));
        assert!(matches!(turn.format, Some(Format::Schema(schema)) if schema.get() == r#"{"type":"object"}"#));
        assert_eq!(
            turn.ignored,
            ["text.verbosity", "include", "max_tool_calls", "metadata", "service_tier", "temperature", "top_p", "user"]
        );
    });
    turn(&request(r#""input":"hi""#), &[], |turn| {
        assert!(!turn.stream && turn.parallel_tools && !turn.truncate && turn.ignored.is_empty());
        assert_eq!((turn.max_tokens, &turn.tool_choice), (None, &ToolChoice::Auto));
    });
}

#[test]
fn what_cannot_be_done_is_refused_by_its_path() {
    for (members, path) in [
        (r#""input":"hi","background":true"#, "background"),
        (r#""input":"hi","conversation":"conv_1""#, "conversation"),
        (r#""input":"hi","prompt":{"id":"p"}"#, "prompt"),
        (r#""input":"hi","top_logprobs":2"#, "top_logprobs"),
        (r#""input":"hi","store":true"#, "store"),
        (r#""input":"hi","previous_response_id":"resp_1""#, "previous_response_id"),
        (r#""input":"hi","max_output_tokens":0"#, "max_output_tokens"),
        (r#""input":"hi","truncation":"some""#, "truncation"),
        (r#""input":"hi","text":{"verbosity":"huge"}"#, "text.verbosity"),
        (r#""input":"hi","text":{"format":{"type":"xml"}}"#, "text.format.type"),
        (r#""input":"hi","reasoning":{"effort":"much"}"#, "reasoning.effort"),
        (r#""input":"hi","reasoning":{"summary":"long"}"#, "reasoning.summary"),
        (
            r#""input":"hi","tools":[{"type":"namespace","name":"n","tools":[{"type":"function"}]}]"#,
            "tools[0].tools[0].name",
        ),
        (r#""stream":true"#, "input"),
        (r#""input":[]"#, "input"),
        (r#""input":" ""#, "input"),
        (r#""input":[{"x":1}]"#, "input[0].type"),
        (r#""input":[{"role":"robot","content":"x"}]"#, "input[0].role"),
        (r#""input":[{"type":"item_reference","id":"msg_1"}]"#, "input[0].id"),
        (r#""input":[{"type":"function_call","name":"a","arguments":"{}"}]"#, "input[0].call_id"),
        (r#""input":[{"type":"function_call_output","output":"a"}]"#, "input[0].call_id"),
        (
            r#""input":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]"#,
            "input[0].content[0].type",
        ),
        (
            r#""input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]"#,
            "input[0].content[0].file_id",
        ),
        (r#""input":[{"role":"user","content":[{"type":"input_image"}]}]"#, "input[0].content[0].image_url"),
        (r#""input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]"#, "input[0].content[0].file_id"),
        (
            r#""input":[{"role":"user","content":[{"type":"input_file","file_url":"https://a"}]}]"#,
            "input[0].content[0].file_url",
        ),
    ] {
        assert_eq!(refused(&request(members)).path(), Some(path), "{members}");
    }
    assert_eq!(refused("{}").path(), Some("model"));
    assert_eq!(refused("[]").path(), Some(""));
}

/// A whole answer of one text.
fn answer_of(text: &str) -> kiro2api_core::turn::Answer {
    use kiro2api_core::turn::{Delta, Open, Stop};
    let mut answer = kiro2api_core::turn::Answer::new();
    answer.push(&Delta::Open(Open::Text));
    answer.push(&Delta::Piece(responses_support::lit(text)));
    answer.push(&Delta::Close);
    answer.push(&Delta::Finish { stop: Stop::EndTurn, usage: usage(1, 1) });
    answer
}

#[test]
fn an_item_that_is_only_named_comes_from_the_record_of_its_response() {
    let first = storing_voice(&request(r#""input":"one""#));
    let (id, record) = first.record(&ids(), &answer_of("two")).unwrap();
    let stored: Value = serde_json::from_slice(&responses::stored_response(&record).unwrap()).unwrap();
    let item = stored["output"][0]["id"].as_str().unwrap();
    let next = request(&format!(
        r#""input":[{{"role":"user","content":"one"}},{{"type":"item_reference","id":"{item}"}},{{"role":"user","content":"three"}}]"#
    ));
    let headers = Headers::new();
    let given = Given { storing: true, ..Given::of(&headers) };
    let needs = [Need::Previous { id, path: "input[1].id".into() }];
    assert_eq!(responses::decode(next.as_bytes(), &given).unwrap().needs, needs);
    let given = Given { previous: Some(&record), ..given };
    let decoded = responses::decode(next.as_bytes(), &given).unwrap();
    assert_eq!((told(&decoded.turn).as_str(), decoded.needs), ("U \"one\"\nA \"two\"\nU \"three\"", vec![]));
    // The next record holds what was only named, so that it alone is enough later.
    let (_, second) = decoded.voice.record(&ids(), &answer_of("four")).unwrap();
    let given = Given { previous: Some(&second), ..given };
    assert_eq!(told(&responses::decode(next.as_bytes(), &given).unwrap().turn), "U \"one\"\nA \"two\"\nU \"three\"");
    for unknown in [item.replace("msg_", "msg_00"), "msg_1".to_owned(), "é".to_owned()] {
        let next = request(&format!(r#""input":[{{"type":"item_reference","id":"{unknown}"}}]"#));
        assert_eq!(responses::decode(next.as_bytes(), &given).unwrap_err().path(), Some("input[0].id"), "{unknown}");
    }
    let without = Given::of(&headers);
    assert_eq!(responses::decode(next.as_bytes(), &without).unwrap_err().path(), Some("input[1].id"));
}

#[test]
fn a_response_is_continued_from_its_record() {
    let first = storing_voice(&request(
        r#""instructions":"be kind","input":[{"role":"user","content":"one"},{"type":"message","id":"mine","role":"user","content":"two"}]"#,
    ));
    let answer = answer_of("three");
    let (id, record) = first.record(&ids(), &answer).unwrap();
    let next = request(&format!(
        r#""previous_response_id":"{id}","input":[{{"type":"item_reference","id":"mine"}},{{"role":"user","content":"four"}}]"#
    ));
    let headers = Headers::new();
    let without = Given { storing: true, ..Given::of(&headers) };
    let needs = [Need::Previous { id: id.clone(), path: "previous_response_id".into() }];
    assert_eq!(responses::decode(next.as_bytes(), &without).unwrap().needs, needs);
    let given = Given { previous: Some(&record), ..without };
    let decoded = responses::decode(next.as_bytes(), &given).unwrap();
    assert_eq!(told(&decoded.turn), "U \"one\" \"two\"\nA \"three\"\nU \"four\"");
    let (_, second) = decoded.voice.record(&ids(), &answer).unwrap();
    let third = request(&format!(r#""previous_response_id":"{id}","input":"five""#));
    let given = Given { previous: Some(&second), ..without };
    let decoded = responses::decode(third.as_bytes(), &given).unwrap();
    assert_eq!(told(&decoded.turn), "U \"one\" \"two\"\nA \"three\"\nU \"four\"\nA \"three\"\nU \"five\"");

    let stored: Value = serde_json::from_slice(&responses::stored_response(&record).unwrap()).unwrap();
    assert_eq!((&stored["id"], &stored["instructions"]), (&json!(id), &json!("be kind")));
    let list = |query: &str| serde_json::from_slice::<Value>(&responses::input_items(&record, query).unwrap()).unwrap();
    let all = list("order=asc");
    assert_eq!(all["data"][0]["content"], json!([{"type": "input_text", "text": "one"}]));
    assert_eq!((&all["data"][1]["id"], &all["has_more"]), (&json!("mine"), &json!(false)));
    assert_eq!(list("limit=1")["first_id"], "mine");
    assert_eq!(list("limit=1")["has_more"], true);
    assert_eq!(list("after=mine")["data"], json!([all["data"][0]]));
    for (query, parameter) in
        [("limit=0", "limit"), ("limit=101", "limit"), ("order=up", "order"), ("after=x", "after")]
    {
        assert_eq!(responses::input_items(&record, query).unwrap_err().path(), Some(parameter));
    }
    let gone: Value = serde_json::from_slice(&responses::deleted("resp_\"1")).unwrap();
    assert_eq!(gone, json!({"id": "resp_\"1", "object": "response", "deleted": true}));
    for broken in [&b"{}"[..], b"", b"{\"v\":2}"] {
        assert!(responses::stored_response(broken).is_err() && responses::input_items(broken, "").is_err());
    }
}

#[test]
fn tokens_are_counted_without_asking_anyone() {
    let headers = Headers::new();
    let count = |members: &str| {
        responses::input_tokens(request(members).as_bytes(), &Given::of(&headers), |_, tokens| tokens * 2)
    };
    let body = count(r#""input":"How warm is it in Oslo today?""#).unwrap().unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["object"], "response.input_tokens");
    assert!(body["input_tokens"].as_u64().unwrap() > 8);
    assert_eq!(count(r#""input":7"#).unwrap_err().path(), Some("input"));
}
