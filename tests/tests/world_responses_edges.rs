//! Responses where something is unusual: what the client sends, when it comes, what the service does meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_tests::world::{Answer, Ask, Event, Got, Instance, Operation, StoreKind, World};
use serde_json::{Value, json};

fn world() -> (World, Rc<Instance>) {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    // The login is fresh before each test begins.
    assert_eq!(world.ask(&instance, &Ask::prompt("warm up", true)).said(), "ok");
    (world, instance)
}

fn request(mut members: Value) -> Ask {
    members["model"] = "claude-sonnet-4-5".into();
    Ask::post("/v1/responses", members.to_string())
}

fn path(response: &Value) -> String {
    format!("/v1/responses/{}", response["id"].as_str().unwrap())
}

/// The events of a stream, without the comments that fill its silence.
fn events(got: &Got) -> Vec<Event> {
    let text = got.text();
    let told = text.split("\n\n").filter(|block| !block.is_empty() && !block.starts_with(':'));
    let event = |block: &str| {
        let (name, data) = block.split_once('\n').expect("a name and data");
        let name = name.strip_prefix("event: ").expect("a name").to_owned();
        Event { name, data: serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON") }
    };
    told.map(event).collect()
}

fn last(got: &Got) -> Value {
    let told = events(got);
    assert_eq!(told[0].name, "response.created", "{}", got.text());
    assert_eq!(told[1].name, "response.in_progress", "{}", got.text());
    for (number, event) in told.iter().enumerate() {
        assert_eq!(
            (event.data["sequence_number"].as_u64(), &event.data["type"]),
            (Some(number as u64), &json!(event.name))
        );
    }
    told.last().unwrap().data["response"].clone()
}

fn sent(world: &World) -> String {
    String::from_utf8(world.service.sent_of(Operation::Chat).last().unwrap().body.clone()).unwrap()
}

#[test]
fn a_cut_response_is_continued_and_a_reference_to_its_item_is_no_second_copy() {
    let (world, instance) = world();
    world.service.next(Operation::Chat, Answer::script("text \"half an ans\"; stop MAX_TOKENS"));
    let first = world.ask(&instance, &request(json!({"input": "question"}))).json();
    assert_eq!((&first["status"], &first["output"][0]["status"]), (&json!("incomplete"), &json!("incomplete")));
    let item = &first["output"][0]["id"];
    for input in [
        json!([]),
        json!([{"type": "item_reference", "id": item}]),
        json!([{"id": item}, {"role": "user", "content": "go on"}]),
    ] {
        let got = world.ask(&instance, &request(json!({"input": input, "previous_response_id": first["id"]})));
        assert_eq!(got.status(), 200, "{}", got.text());
        assert_eq!(sent(&world).matches("half an ans").count(), 1, "{}", sent(&world));
    }
}

#[test]
fn an_answer_that_waits_for_its_form_is_told_and_kept_alike() {
    let (world, instance) = world();
    let form = json!({"format": {"type": "json_schema", "name": "x", "strict": true,
        "schema": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}}});
    for stream in [false, true] {
        world.service.next(Operation::Chat, Answer::script("text \"no JSON\"").after(20_000));
        world.service.next(Operation::Chat, Answer::script(r#"text "Here: {\"a\":2}""#).after(20_000));
        let got = world.ask(&instance, &request(json!({"input": "hi", "stream": stream, "text": form})));
        let response = if stream { last(&got) } else { got.json() };
        assert_eq!(response["output"][0]["content"][0]["text"], "{\"a\":2}", "{}", got.text());
        assert_eq!(world.ask(&instance, &Ask::get(&path(&response))).json(), response);
        // Twice not of the form: a refusal, kept as such.
        world.service.next(Operation::Chat, Answer::script("text \"no\""));
        world.service.next(Operation::Chat, Answer::script("text \"never\""));
        let got = world.ask(&instance, &request(json!({"input": "hi", "stream": stream, "text": form})));
        let response = if stream { last(&got) } else { got.json() };
        assert_eq!(response["output"][0]["content"][0]["type"], "refusal", "{}", got.text());
        assert_eq!(world.ask(&instance, &Ask::get(&path(&response))).json(), response);
        let next = world.ask(&instance, &request(json!({"input": "why?", "previous_response_id": response["id"]})));
        assert_eq!(next.status(), 200, "{}", next.text());
    }
}

#[test]
fn a_demanded_call_is_told_and_kept_alike() {
    let (world, instance) = world();
    let tools = json!([{"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "run"}]}]);
    for stream in [false, true] {
        world.service.next(Operation::Chat, Answer::script("text \"I would rather not\""));
        world.service.next(Operation::Chat, Answer::script(r#"tool n__run id=call_1 {"input":"a\nb"}"#));
        let body = json!({"input": "hi", "stream": stream, "tools": tools, "tool_choice": "required"});
        let got = world.ask(&instance, &request(body));
        let response = if stream { last(&got) } else { got.json() };
        let call = &response["output"][0];
        assert_eq!(call["type"], "custom_tool_call", "{}", got.text());
        assert_eq!((&call["namespace"], &call["name"], &call["input"]), (&json!("n"), &json!("run"), &json!("a\nb")));
        assert_eq!(world.ask(&instance, &Ask::get(&path(&response))).json(), response);
        let output = json!([{"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "fine"}]);
        // The tools are not carried over, and the call must still be told.
        let next = request(json!({"input": output, "previous_response_id": response["id"]}));
        assert_eq!(world.ask(&instance, &next).status(), 200);
        assert!(sent(&world).contains("n__run") && sent(&world).contains("fine"), "{}", sent(&world));
    }
}

#[test]
fn a_failure_after_a_ping_is_a_failed_response() {
    for (refusal, code) in
        [("too-long", "context_length_exceeded"), ("unavailable", "slow_down"), ("monthly", "insufficient_quota")]
    {
        let (world, instance) = world();
        world.service.always(Operation::Chat, Answer::refusal(refusal).after(20_000));
        let got = world.ask(&instance, &request(json!({"input": "hi", "stream": true})));
        assert!(got.text().starts_with(':'), "{}", got.text());
        let response = last(&got);
        assert_eq!((&response["status"], &response["error"]["code"]), (&json!("failed"), &json!(code)), "{response}");
        assert_eq!(
            (&response["output"], &response["usage"], &response["store"]),
            (&json!([]), &json!(null), &json!(false))
        );
        assert_eq!(world.ask(&instance, &Ask::get(&path(&response))).status(), 404);
    }
}

#[test]
fn half_surrogates_and_odd_json_are_kept_as_something_readable() {
    let (world, instance) = world();
    world.service.next(Operation::Chat, Answer::script("text \"ok\""));
    let body = r#"{"model":"claude-sonnet-4-5","metadata":{"a":"\ud83d"},"input":[
        {"type":"message","id":"\ud83d","role":"user","content":"half \ude00 pair"},
        {"type":"nobody_knows","x":1e999,"y":{"y":1,"y":2}},
        {"type":"function_call_output","call_id":"never_called","output":"\ud83dx"}]}"#;
    let got = world.ask(&instance, &Ask::post("/v1/responses", body));
    assert_eq!(got.status(), 200, "{}", got.text());
    let response = got.json();
    assert_eq!(response["store"], true);
    assert_eq!(world.ask(&instance, &Ask::get(&path(&response))).json(), response);
    let items = world.ask(&instance, &Ask::get(&format!("{}/input_items?order=asc&limit=100", path(&response))));
    assert_eq!(items.status(), 200, "{}", items.text());
    assert!(items.text().contains("half \\ufffd pair") && items.text().contains("1e999"), "{}", items.text());
    let next = world.ask(&instance, &request(json!({"input": "go on", "previous_response_id": response["id"]})));
    assert_eq!(next.status(), 200, "{}", next.text());
}

#[test]
fn hostile_bodies_are_refused_by_path_or_answered() {
    let (world, instance) = world();
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let many = vec![r#"{"role":"user","content":"x"}"#; 100_001].join(",");
    for (members, param) in [
        (format!("\"input\":{deep}"), Some("input[0]")),
        (format!("\"input\":[{many}]"), Some("input")),
        ("\"input\":\"x\",\"max_output_tokens\":1e400".to_owned(), Some("max_output_tokens")),
        ("\"input\":\"x\",\"max_output_tokens\":-1".to_owned(), Some("max_output_tokens")),
        ("\"input\":\"x\",\"input\":\"y\"".to_owned(), Some("input")),
        ("\"input\":[{\"role\":\"user\",\"role\":\"user\",\"content\":\"x\"}]".to_owned(), Some("input[0].role")),
        (format!("\"input\":[{{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"n\",\"arguments\":{{\"a\":{deep}}}}}]"), Some("input[0].arguments")),
        ("\"input\":\"x\",\"previous_response_id\":7".to_owned(), Some("previous_response_id")),
        ("\"input\":\"x\",\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"tools\":[{\"type\":\"namespace\",\"name\":\"m\",\"tools\":[]}]}]".to_owned(), Some("tools[0].tools[0].type")),
        (format!("\"input\":\"x\",\"metadata\":{{\"a\":{deep}}}"), None),
        (format!("\"input\":[{{\"type\":\"x_call\",\"a\":{deep}}}]"), None),
    ] {
        let got = world.ask(&instance, &Ask::post("/v1/responses", format!("{{\"model\":\"claude-sonnet-4-5\",{members}}}")));
        let told = &members[..members.len().min(90)];
        match param {
            Some(param) => assert_eq!((got.status(), got.json()["error"]["param"].as_str()), (400, Some(param)), "{told}: {}", got.text()),
            None => assert_eq!(got.status(), 200, "{told}: {}", got.text()),
        }
    }
}

#[test]
fn requests_have_their_id_in_both_headers_and_pages_may_read_and_delete() {
    let (world, instance) = world();
    let first = world.ask(&instance, &request(json!({"input": "hi"})));
    let stream = world.ask(&instance, &request(json!({"input": "hi", "stream": true})));
    let bad = world.ask(&instance, &request(json!({})));
    let missing = world.ask(&instance, &Ask::get("/v1/responses/resp_none"));
    for got in [&first, &stream, &bad, &missing] {
        let id = got.header("x-request-id").expect("an id");
        assert!(id.starts_with("req_") && got.header("request-id") == Some(id), "{id}");
        assert!(got.header("access-control-expose-headers").unwrap().contains("x-request-id"));
    }
    let first = first.json();
    let preflight = Ask::new("OPTIONS", &path(&first)).without_key().header("access-control-request-method", "DELETE");
    let got = world.ask(&instance, &preflight);
    assert!(got.status() == 204 && got.header("access-control-allow-methods").unwrap().contains("DELETE"));
    assert_eq!(world.ask(&instance, &Ask::new("HEAD", &format!("{}/", path(&first)))).status(), 200);
    assert_eq!(world.ask(&instance, &Ask::new("DELETE", &path(&first))).status(), 200);
    assert_eq!(world.ask(&instance, &Ask::new("DELETE", &path(&first))).status(), 404);
}

#[test]
fn no_log_line_holds_a_word_of_the_conversation() {
    let (world, instance) = world();
    world
        .service
        .next(Operation::Chat, Answer::script("text \"very private\"; tool read id=call_1 {\"a\":\"very private\"}"));
    let tools = json!([{"type": "function", "name": "read"}]);
    let first = world
        .ask(&instance, &request(json!({"input": "very private", "instructions": "very private", "tools": tools})));
    let id = first.json()["id"].clone();
    for body in [
        json!({"input": "very private", "previous_response_id": id, "stream": true}),
        json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "very private"}]}]}),
        json!({"input": [{"type": "item_reference", "id": "very private"}]}),
        json!({"input": [{"type": "function_call", "call_id": "c", "name": "n", "arguments": ["very private"]}]}),
    ] {
        world.ask(&instance, &request(body));
    }
    let told: Vec<String> = instance.log().into_iter().filter(|line| line.contains("private")).collect();
    assert!(told.is_empty(), "{told:?}");
}
