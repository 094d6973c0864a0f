//! What a client of any dialect understands of an answer, so that answers of different dialects can be compared.

use serde_json::Value;

/// The dialect a request is sent in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    Messages,
    Chat,
    Responses,
}

pub(crate) const ALL: [Dialect; 3] = [Dialect::Messages, Dialect::Chat, Dialect::Responses];

impl Dialect {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Messages => "/v1/messages",
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
        }
    }
}

/// Why an answer ended, as far as every dialect can say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    End,
    Tools,
    Cut,
    Filtered,
}

/// An answer without its wrapping.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Told {
    pub(crate) text: String,
    /// Name, arguments as JSON.
    pub(crate) tools: Vec<(String, Value)>,
    pub(crate) stop: Stop,
    /// Input tokens (cached ones included) and output tokens.
    pub(crate) usage: (u64, u64),
}

/// Reads a streamed or whole answer. `None`: it is an error.
pub(crate) fn told(dialect: Dialect, got: &[u8], status: u16) -> Option<Told> {
    let text = String::from_utf8(got.to_vec()).unwrap();
    if status != 200 {
        assert!(serde_json::from_str::<Value>(&text).unwrap()["error"]["message"].is_string(), "{text}");
        return None;
    }
    if let Ok(body) = serde_json::from_str::<Value>(&text) {
        return Some(of_body(dialect, &body));
    }
    let events = data(&text);
    match dialect {
        Dialect::Messages => messages(&events),
        Dialect::Chat => chat(&events, text.ends_with("data: [DONE]\n\n")),
        Dialect::Responses => responses(&events),
    }
}

fn data(stream: &str) -> Vec<Value> {
    assert!(stream.ends_with("\n\n"), "the stream ends inside an event: {stream}");
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    lines.map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))).collect()
}

fn of_body(dialect: Dialect, body: &Value) -> Told {
    match dialect {
        Dialect::Messages => message(body),
        Dialect::Chat => choice(&body["choices"][0]["message"], &body["choices"][0]["finish_reason"], &body["usage"]),
        Dialect::Responses => response(body),
    }
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// The input of a call, or nothing when it was cut.
fn input(text: &str) -> Option<Value> {
    serde_json::from_str(if text.is_empty() { "{}" } else { text }).ok()
}

fn message(message: &Value) -> Told {
    let blocks = message["content"].as_array().unwrap();
    let tools = blocks.iter().filter(|block| block["type"] == "tool_use");
    let usage = &message["usage"];
    let input = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
        .iter()
        .map(|name| usage[*name].as_u64().unwrap_or(0))
        .sum();
    Told {
        text: blocks.iter().map(|block| string(&block["text"])).collect(),
        tools: tools.map(|tool| (string(&tool["name"]), tool["input"].clone())).collect(),
        stop: match message["stop_reason"].as_str().unwrap() {
            "end_turn" | "stop_sequence" => Stop::End,
            "tool_use" => Stop::Tools,
            "max_tokens" | "model_context_window_exceeded" => Stop::Cut,
            "refusal" => Stop::Filtered,
            other => panic!("{other}"),
        },
        usage: (input, number(&usage["output_tokens"])),
    }
}

fn messages(events: &[Value]) -> Option<Told> {
    let mut whole = events.first()?["message"].clone();
    let mut inputs: Vec<String> = Vec::new();
    for event in events {
        let index = usize::try_from(event["index"].as_u64().unwrap_or(0)).unwrap();
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                whole["content"].as_array_mut().unwrap().push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                inputs[index] += event["delta"]["partial_json"].as_str().unwrap_or_default();
                if let Some(text) = event["delta"]["text"].as_str() {
                    whole["content"][index]["text"] = (string(&whole["content"][index]["text"]) + text).into();
                }
            }
            "message_delta" => {
                whole["stop_reason"] = event["delta"]["stop_reason"].clone();
                whole["usage"] = event["usage"].clone();
            }
            "error" => return None,
            _ => {}
        }
    }
    for (block, text) in whole["content"].as_array_mut().unwrap().iter_mut().zip(inputs) {
        if block["type"] == "tool_use" {
            block["input"] = input(&text).unwrap_or(Value::Null);
        }
    }
    whole["content"].as_array_mut().unwrap().retain(|block| block["type"] != "tool_use" || !block["input"].is_null());
    Some(message(&whole))
}

fn choice(message: &Value, finish: &Value, usage: &Value) -> Told {
    let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
    let tools = calls.iter().filter_map(|call| {
        Some((string(&call["function"]["name"]), input(call["function"]["arguments"].as_str().unwrap())?))
    });
    assert_eq!(
        number(&usage["total_tokens"]),
        number(&usage["prompt_tokens"]) + number(&usage["completion_tokens"]),
        "{usage}"
    );
    Told {
        text: string(&message["content"]),
        tools: tools.collect(),
        stop: match finish.as_str().unwrap() {
            "stop" => Stop::End,
            "tool_calls" => Stop::Tools,
            "length" => Stop::Cut,
            "content_filter" => Stop::Filtered,
            other => panic!("{other}"),
        },
        usage: (number(&usage["prompt_tokens"]), number(&usage["completion_tokens"])),
    }
}

fn chat(events: &[Value], done: bool) -> Option<Told> {
    if events.last()?["error"].is_object() {
        assert!(!done, "an error and the end of a complete answer");
        return None;
    }
    assert!(done, "no end: {:?}", events.last());
    let mut message = serde_json::json!({ "content": "", "tool_calls": [] });
    let (mut finish, mut usage) = (Value::Null, Value::Null);
    for event in events {
        assert_eq!(event["object"], "chat.completion.chunk");
        if event["usage"].is_object() {
            usage = event["usage"].clone();
        }
        let Some(choice) = event["choices"].get(0) else { continue };
        assert!(finish.is_null(), "a chunk after the last one: {event}");
        finish = choice["finish_reason"].clone();
        let delta = &choice["delta"];
        message["content"] = (string(&message["content"]) + &string(&delta["content"])).into();
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(piece["index"].as_u64().unwrap()).unwrap();
            let calls = message["tool_calls"].as_array_mut().unwrap();
            if index == calls.len() {
                assert!(piece["id"].is_string() && piece["type"] == "function", "{piece}");
                calls.push(piece.clone());
            } else {
                assert_eq!(index + 1, calls.len(), "calls are interleaved");
                assert!(piece["id"].is_null() && piece["function"]["name"].is_null(), "named twice: {piece}");
                let arguments = &mut calls[index]["function"]["arguments"];
                *arguments = (string(arguments) + &string(&piece["function"]["arguments"])).into();
            }
        }
    }
    Some(choice(&message, &finish, &usage))
}

fn response(response: &Value) -> Told {
    let mut told = Told {
        text: String::new(),
        tools: Vec::new(),
        stop: Stop::End,
        usage: (number(&response["usage"]["input_tokens"]), number(&response["usage"]["output_tokens"])),
    };
    assert_eq!(number(&response["usage"]["total_tokens"]), told.usage.0 + told.usage.1);
    for item in response["output"].as_array().unwrap() {
        match item["type"].as_str().unwrap() {
            "message" => {
                told.text.extend(item["content"].as_array().unwrap().iter().map(|part| string(&part["text"])));
            }
            "function_call" => {
                told.tools
                    .extend(input(item["arguments"].as_str().unwrap()).map(|input| (string(&item["name"]), input)));
            }
            "reasoning" => {}
            other => panic!("{other}"),
        }
    }
    told.stop = match (response["status"].as_str().unwrap(), response["incomplete_details"]["reason"].as_str()) {
        ("completed", None) if told.tools.is_empty() => Stop::End,
        ("completed", None) => Stop::Tools,
        ("incomplete", Some("max_output_tokens")) => Stop::Cut,
        ("incomplete", Some("content_filter")) => Stop::Filtered,
        other => panic!("{other:?}"),
    };
    told
}

fn responses(events: &[Value]) -> Option<Told> {
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], index, "{event}");
    }
    let last = events.last()?;
    match last["type"].as_str().unwrap() {
        "response.failed" => None,
        "response.completed" | "response.incomplete" => {
            let deltas = events.iter().filter(|event| event["type"] == "response.output_text.delta");
            let told = response(&last["response"]);
            assert_eq!(deltas.map(|event| string(&event["delta"])).collect::<String>(), told.text);
            Some(told)
        }
        other => panic!("{other}"),
    }
}
