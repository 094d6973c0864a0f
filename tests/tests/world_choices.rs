//! Several answers to one Chat Completions request: side by side, in one stream or one body, and one failure for all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::world::{Answer, Ask, Got, Instance, Kind, Operation, Patience, START, StoreKind, World};
use serde_json::Value;

fn world() -> (World, Rc<Instance>) {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    // The login is fresh before each test begins.
    assert_eq!(world.ask(&instance, &Ask::prompt("warm up", true)).said(), "ok");
    (world, instance)
}

fn ask(n: usize, stream: bool, members: &str) -> Ask {
    let options = if stream { r#""stream":true,"stream_options":{"include_usage":true},"# } else { "" };
    Ask::post(
        "/v1/chat/completions",
        format!(
            r#"{{"model":"claude-sonnet-4-5","n":{n},{options}{members}"messages":[{{"role":"user","content":"hi"}}]}}"#
        ),
    )
}

/// Each request to the service gets the next of these.
fn script(world: &World, scripts: &[&str]) {
    scripts.iter().for_each(|script| world.service.next(Operation::Chat, Answer::script(script)));
}

/// The data of each event; comments are left out.
fn data(got: &Got) -> Vec<String> {
    let text = got.text();
    assert!(text.is_empty() || text.ends_with("\n\n"), "{text}");
    let blocks = text.split("\n\n").filter(|block| !block.is_empty() && *block != ": ping");
    blocks.map(|block| block.strip_prefix("data: ").unwrap_or_else(|| panic!("{block:?}")).to_owned()).collect()
}

/// What a stream told.
#[derive(Default, Debug)]
struct Told {
    /// By index: texts, how often the role came, finish reasons.
    texts: Vec<String>,
    finishes: Vec<Vec<String>>,
    usage: Option<Value>,
    error: Option<Value>,
    done: bool,
}

/// Reads a stream as the SDKs do, and fails where they would.
fn told(got: &Got, n: usize) -> Told {
    let mut told = Told { texts: vec![String::new(); n], finishes: vec![Vec::new(); n], ..Told::default() };
    let (mut roles, mut id) = (vec![0; n], None);
    for data in data(got) {
        assert!(!told.done && told.error.is_none(), "something follows the end: {data}");
        if data == "[DONE]" {
            told.done = true;
            continue;
        }
        let chunk: Value = serde_json::from_str(&data).unwrap();
        if !chunk["error"].is_null() {
            told.error = Some(chunk["error"].clone());
            continue;
        }
        assert!(told.usage.is_none(), "a chunk behind the usage: {data}");
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(&chunk["id"], id.get_or_insert_with(|| chunk["id"].clone()));
        let choices = chunk["choices"].as_array().unwrap();
        if choices.is_empty() {
            told.usage = Some(chunk["usage"].clone());
            continue;
        }
        assert!(choices.len() == 1 && chunk["usage"].is_null(), "{data}");
        let choice = &choices[0];
        let index = usize::try_from(choice["index"].as_u64().unwrap()).unwrap();
        assert!(told.finishes[index].is_empty(), "choice {index} goes on behind its end: {data}");
        if choice["delta"]["role"] == "assistant" {
            roles[index] += 1;
        }
        assert_eq!(roles[index], 1, "one role, and first: {data}");
        told.texts[index] += choice["delta"]["content"].as_str().unwrap_or_default();
        told.finishes[index].extend(choice["finish_reason"].as_str().map(str::to_owned));
    }
    told
}

/// The log has one line for the request; it.
fn line(instance: &Rc<Instance>, got: &Got) -> Value {
    let id = got.header("request-id").unwrap().to_owned();
    let lines: Vec<String> = instance.log().into_iter().filter(|line| line.contains(&id)).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    serde_json::from_str(&lines[0]).unwrap()
}

fn counts(usage: &Value) -> [u64; 3] {
    ["prompt_tokens", "completion_tokens", "total_tokens"].map(|name| usage[name].as_u64().unwrap())
}

#[test]
fn choices_share_a_stream_with_one_end_and_the_prompt_counts_once() {
    let (world, instance) = world();
    let one = "text \"one\" chunk=1; delay 900; text \" more\"; usage {\"uncachedInputTokens\":10,\"outputTokens\":3,\"totalTokens\":13,\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":0}";
    script(
        &world,
        &[
            one,
            "delay 100; text \"two\"; usage {\"uncachedInputTokens\":10,\"outputTokens\":5,\"totalTokens\":15,\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":0}",
            "text \"three\"; usage {\"uncachedInputTokens\":10,\"outputTokens\":7,\"totalTokens\":17,\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":0}",
        ],
    );
    let got = world.ask(&instance, &ask(3, true, ""));
    let told = told(&got, 3);
    assert_eq!(told.texts, ["one more", "two", "three"], "{}", got.text());
    assert_eq!(told.finishes, [["stop"], ["stop"], ["stop"]]);
    assert!(told.done && told.error.is_none());
    let [prompt, completion, total] = counts(told.usage.as_ref().unwrap());
    assert_eq!((completion, total), (15, prompt + 15), "{:?}", told.usage);
    let line = line(&instance, &got);
    assert_eq!((line["attempts"].as_u64(), line["status"].as_u64()), (Some(3), Some(200)), "{line}");
    assert_eq!((line["input_tokens"].as_u64(), line["output_tokens"].as_u64()), (Some(prompt), Some(15)), "{line}");
    assert!(line["verdicts"].is_null() && line["error"].is_null(), "{line}");
    let bodies: Vec<Vec<u8>> =
        world.service.sent_of(Operation::Chat)[1..].iter().map(|sent| sent.body.clone()).collect();
    assert!(bodies.len() == 3 && bodies.iter().all(|body| *body == bodies[0]), "the same is asked");
}

#[test]
fn choices_share_a_body_in_their_order_whichever_comes_first() {
    let (world, instance) = world();
    script(
        &world,
        &[
            "delay 900; text \"one\"; usage {\"uncachedInputTokens\":10,\"outputTokens\":3,\"totalTokens\":13,\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":0}",
            "delay 300; text \"two\"; stop MAX_TOKENS; usage {\"uncachedInputTokens\":10,\"outputTokens\":5,\"totalTokens\":15,\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":0}",
            "text \"three\"; usage {\"uncachedInputTokens\":10,\"outputTokens\":7,\"totalTokens\":17,\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":0}",
        ],
    );
    let got = world.ask(&instance, &ask(3, false, ""));
    assert_eq!((got.status(), got.kind, got.writes.len()), (200, Kind::Answer, 1));
    let body = got.json();
    for (index, (text, finish)) in [("one", "stop"), ("two", "length"), ("three", "stop")].into_iter().enumerate() {
        let choice = &body["choices"][index];
        assert_eq!(choice["index"].as_u64(), Some(index as u64));
        assert_eq!(choice["message"]["content"], text, "{body}");
        assert_eq!(choice["finish_reason"], finish, "{body}");
    }
    let [prompt, completion, total] = counts(&body["usage"]);
    assert_eq!((completion, total), (15, prompt + 15), "{body}");
    assert_eq!(line(&instance, &got)["status"], 200);
}

#[test]
fn eight_choices_are_served_and_none_or_nine_are_refused() {
    for stream in [true, false] {
        let (world, instance) = world();
        let got = world.ask(&instance, &ask(8, stream, ""));
        if stream {
            let told = told(&got, 8);
            assert!(told.done && told.texts.iter().all(|text| text == "ok"), "{}", got.text());
        } else {
            assert_eq!(got.json()["choices"].as_array().unwrap().len(), 8);
        }
        assert_eq!(world.service.count(Operation::Chat) - 1, 8);
        for n in [0, 9] {
            let got = world.ask(&instance, &ask(n, stream, ""));
            assert_eq!((got.status(), got.json()["error"]["param"].as_str()), (400, Some("n")), "{}", got.text());
        }
        assert_eq!(world.service.count(Operation::Chat) - 1, 8);
    }
}

/// The others are left at once, and the log names the cause, not a client that was there all the time.
#[test]
fn a_choice_that_fails_before_the_head_is_the_status_of_all() {
    for stream in [true, false] {
        let (world, instance) = world();
        world.service.next(Operation::Chat, Answer::script("text \"slow\"").after(9_000));
        world.service.next(Operation::Chat, Answer::refusal("too-long").after(500));
        world.service.next(Operation::Chat, Answer::silence());
        let begun = world.clock.now();
        let got = world.ask(&instance, &ask(3, stream, ""));
        assert_eq!((got.status(), got.kind), (400, Kind::Answer), "{}", got.text());
        assert_eq!(got.json()["error"]["code"], "context_length_exceeded", "{}", got.text());
        assert_eq!((world.clock.now() - begun).0, 500);
        assert!(world.service.sent_of(Operation::Chat).iter().all(|sent| sent.dropped.is_some()));
        let line = line(&instance, &got);
        assert_eq!(line["status"], 400, "{line}");
        assert!(!line.to_string().contains("client gone"), "{line}");
    }
}

#[test]
fn a_choice_that_fails_behind_the_head_ends_the_stream_of_all_in_band() {
    for fault in ["exception ThrottlingException", "reset", "exception InternalServerException", "corrupt message"] {
        let (world, instance) = world();
        let second = format!("text \"two\"; delay 300; {fault}");
        script(&world, &["text \"one\"; delay 9000; text \" more\"", &second, "text \"three\""]);
        let begun = world.clock.now();
        let got = world.ask(&instance, &ask(3, true, ""));
        let told = told(&got, 3);
        assert_eq!(told.texts, ["one", "two", "three"], "{fault}: {}", got.text());
        assert!(told.error.is_some() && !told.done && told.usage.is_none(), "{fault}: {}", got.text());
        assert_eq!((world.clock.now() - begun).0, 300, "{fault}");
        assert!(world.service.sent_of(Operation::Chat).iter().all(|sent| sent.dropped.is_some() || sent.read_out));
        let line = line(&instance, &got);
        assert_eq!(line["status"], 200, "{line}");
        assert!(line["error"].is_string() && !line.to_string().contains("client gone"), "{line}");
    }
}

/// What a choice tells in the middle of an answer is never the fault of the request, as for a single one.
#[test]
fn a_fault_behind_the_head_is_the_same_for_one_choice_and_for_several() {
    for fault in ["ValidationException", "ThrottlingException", "AccessDeniedException", "SomethingNewException"] {
        let errors = [1, 2].map(|n| {
            let (world, instance) = world();
            let first = format!("text \"one\"; delay 300; exception {fault}");
            script(&world, &[&first, "text \"two\"; delay 9000; text \".\""]);
            let got = world.ask(&instance, &ask(n, true, ""));
            told(&got, n).error.unwrap_or_else(|| panic!("{fault}: {}", got.text()))
        });
        assert_eq!(errors[0], errors[1], "{fault}");
    }
}

/// A forced call, a form, thought, stop texts and several choices, all in one request.
#[test]
fn everything_at_once_is_still_one_sound_answer() {
    let members = r#""reasoning_effort":"high","stop":["STOP"],"parallel_tool_calls":false,"max_completion_tokens":500,
        "tool_choice":"required","tools":[{"type":"function","function":{"name":"get x!","parameters":{"type":"object"}}}],
        "response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","required":["a"]}}},"#;
    for stream in [true, false] {
        let (world, instance) = world();
        script(
            &world,
            &[
                "think \"hm\"; text \"{\\\"a\\\":1}\"",
                "text \"STOP\"",
                "think \"hm\"; text \"no\"; stop MAX_TOKENS",
                "text \"still no call\"",
            ],
        );
        let got = world.ask(&instance, &ask(3, stream, members));
        assert_eq!(got.status(), 200, "{}", got.text());
        if stream {
            let told = told(&got, 3);
            assert!(told.done, "{}", got.text());
            assert_eq!(told.finishes, [["stop"], ["length"], ["stop"]], "{}", got.text());
            assert_eq!(told.texts, ["", "no", ""], "cut by the stop text, cut by the limit, refused: {}", got.text());
        } else {
            let choices = got.json()["choices"].clone();
            let reasons = [0, 1, 2].map(|at: usize| choices[at]["finish_reason"].as_str().unwrap().to_owned());
            assert_eq!(reasons, ["stop", "length", "stop"], "{choices}");
            assert!(choices[2]["message"]["refusal"].is_string(), "{choices}");
        }
        line(&instance, &got);
    }
}

/// A refusal of one choice while another has the stream open already: the client got 200.
#[test]
fn a_refusal_behind_the_head_of_another_choice_is_told_in_band() {
    let (world, instance) = world();
    script(&world, &["text \"one\"; delay 9000; text \" more\""]);
    world.service.next(Operation::Chat, Answer::refusal("too-long").after(500));
    let got = world.ask(&instance, &ask(2, true, ""));
    let told = told(&got, 2);
    assert_eq!((got.status(), told.texts[0].as_str(), told.done), (200, "one", false));
    assert_eq!(told.error.unwrap()["code"], "context_length_exceeded");
    assert_eq!(line(&instance, &got)["status"], 200);
}

#[test]
fn a_choice_may_be_tried_again_without_the_others_noticing() {
    for stream in [true, false] {
        for first in ["empty", "exception InternalServerException"] {
            let (world, instance) = world();
            script(&world, &["text \"one\"", first, "text \"three\"", "text \"two\""]);
            let got = world.ask(&instance, &ask(3, stream, ""));
            let mut texts = if stream {
                told(&got, 3).texts
            } else {
                let body = got.json();
                (0..3).map(|at| body["choices"][at]["message"]["content"].as_str().unwrap().to_owned()).collect()
            };
            texts.sort();
            assert_eq!(texts, ["one", "three", "two"], "{first}: {}", got.text());
            assert_eq!(line(&instance, &got)["attempts"], 4);
        }
    }
}

#[test]
fn each_choice_must_be_as_demanded_and_only_the_wrong_one_is_asked_again() {
    let form = r#""response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object","required":["a"]}}},"#;
    for stream in [true, false] {
        let (world, instance) = world();
        script(&world, &[r#"text "{\"a\":1}""#, "text \"no JSON\"", r#"text "{\"a\":2}""#]);
        let got = world.ask(&instance, &ask(2, stream, form));
        let texts = if stream {
            told(&got, 2).texts
        } else {
            let body = got.json();
            (0..2).map(|at| body["choices"][at]["message"]["content"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(texts, [r#"{"a":1}"#, r#"{"a":2}"#], "{}", got.text());
        assert_eq!(world.service.count(Operation::Chat) - 1, 3);
    }
}

#[test]
fn silence_is_filled_with_pings_while_all_choices_wait() {
    let form = r#""response_format":{"type":"json_object"},"#;
    let (world, instance) = world();
    script(&world, &[r#"text "{"; delay 40000; text "}""#, r#"text "{"; delay 50000; text "}""#]);
    let begun = world.clock.now();
    let got = world.ask(&instance, &ask(2, true, form));
    let told = told(&got, 2);
    assert!(told.done && told.texts == ["{}", "{}"], "{}", got.text());
    let seconds: Vec<u64> = got.writes.iter().map(|write| (write.at - begun).0 / 1000).collect();
    assert!(seconds.starts_with(&[15, 30]) && seconds.windows(2).all(|pair| pair[1] - pair[0] <= 15), "{seconds:?}");
}

#[test]
fn eight_choices_make_one_refresh() {
    for kind in [StoreKind::Plain, StoreKind::Compare, StoreKind::Kv { lag: 60_000 }] {
        for stream in [true, false] {
            let (world, instance) = World::of_accounts(kind, &["only"]);
            world.store.set_latency(30);
            let got = world.ask(&instance, &ask(8, stream, ""));
            assert_eq!((got.status(), world.service.count(Operation::Social)), (200, 1), "{kind:?}: {}", got.text());
            world.service.expire_tokens();
            world.service.cut(|answer| answer.after(200));
            let got = world.ask(&instance, &ask(8, stream, ""));
            assert_eq!((got.status(), world.service.count(Operation::Social)), (200, 2), "{kind:?}: {}", got.text());
            assert!(!stream || told(&got, 8).done, "{kind:?}: {}", got.text());
            line(&instance, &got);
        }
    }
}

/// Every moment of an exchange with a refresh, a retry and streams in it.
#[test]
fn a_client_may_hang_up_at_any_time_and_no_choice_goes_on() {
    for stream in [true, false] {
        for tells in [false, true] {
            for at in (0..9_000).step_by(170) {
                let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
                world.store.set_latency(100);
                world.service.next(Operation::Chat, Answer::refusal("unavailable").after(500));
                let script = "head-delay 700; text \"one\"; delay 2000; text \"two\"; delay 3000; text \"three\"";
                (0..3).for_each(|_| world.service.next(Operation::Chat, Answer::script(script)));
                let until = Some(START + Millis(at));
                let patience = if tells {
                    Patience { until, tells: true, ..Patience::default() }
                } else {
                    Patience { dropped_at: until, ..Patience::default() }
                };
                let got = world.ask_patiently(&instance, &ask(3, stream, ""), patience);
                let sent = world.service.sent();
                assert!(sent.iter().all(|sent| sent.dropped.is_some()), "at {at}: a reply is open: {sent:?}");
                assert!(!stream || told(&got, 3).error.is_none(), "at {at}: {}", got.text());
                if got.gone {
                    // A refresh under way is brought to its end, and nothing else is begun.
                    assert!(
                        sent.iter().all(|sent| sent.operation == Operation::Social || sent.at <= at),
                        "at {at}: {sent:?}"
                    );
                    let lines = instance.log();
                    let line = lines.last().unwrap();
                    assert_eq!(line.matches("client gone").count(), 1, "at {at}: {line}");
                }
                world.pass(11_000);
                world.service.forget_rules();
                let next = world.ask(&instance, &Ask::prompt("again", true));
                assert_eq!(next.said(), "ok", "at {at}, told {tells}: {}", next.text());
            }
        }
    }
}

#[test]
fn a_client_may_hang_up_at_any_byte() {
    let scripts = ["text \"The quick brown fox.\" chunk=5; stall", "text \"jumps\"; delay 50; text \" over\"; stall"];
    let begin = |patience: Patience| {
        let (world, instance) = world();
        script(&world, &scripts);
        let got = world.ask_patiently(&instance, &ask(2, true, ""), patience);
        let open = world.service.sent().iter().filter(|sent| sent.dropped.is_none()).count();
        assert_eq!(open, 0);
        got
    };
    let whole = begin(Patience { until: Some(START + Millis::secs(5)), tells: true, ..Patience::default() }).body;
    for bytes in (0..whole.len()).step_by(13) {
        let got = begin(Patience { bytes: Some(bytes), ..Patience::default() });
        assert!(got.gone && got.body == whole[..bytes], "at byte {bytes}");
    }
}

#[test]
fn a_slow_client_gets_everything_in_bounded_pieces() {
    let (world, instance) = world();
    let long = format!("text \"{}\" chunk=4000", "abcdefghij".repeat(20_000));
    script(&world, &[&long, &long, "pace 10; text \"abcdefghij\" chunk=1"]);
    let got = world.ask_patiently(&instance, &ask(3, true, ""), Patience { slow: 700, ..Patience::default() });
    let told = told(&got, 3);
    assert!(told.done && told.texts[0].len() == 200_000 && told.texts[0] == told.texts[1], "{}", got.text().len());
    assert_eq!(told.texts[2], "abcdefghij");
    let largest = got.writes.iter().map(|write| write.len).max().unwrap();
    assert!(largest <= 128 * 1024, "a write of {largest} bytes");
}

/// A refresh token may be spent by the time its answer is read: a client that is slow to take one choice must not
/// hold up the refresh that another one makes.
#[test]
fn a_slow_client_does_not_hold_up_a_refresh() {
    let (world, instance) = world();
    script(&world, &["text \"one\""]);
    world.service.next(Operation::Chat, Answer::refusal("bearer"));
    script(&world, &["text \"two\""]);
    let login = serde_json::json!({"accessToken": "aoaSIM-new", "expiresIn": 3600, "profileArn": "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"});
    world.service.next(Operation::Social, Answer::json(200, &login).after(1_000));
    let got = world.ask_patiently(&instance, &ask(2, true, ""), Patience { slow: 60_000, ..Patience::default() });
    let told = told(&got, 2);
    assert!(told.done && told.texts == ["one", "two"], "{}", got.text());
    let refresh = world.service.sent_of(Operation::Social).pop().unwrap();
    assert_eq!((refresh.dropped.unwrap() - START).0, refresh.at + 1_000);
}

#[test]
fn a_body_of_many_choices_that_is_too_large_is_refused_by_n() {
    let (world, instance) = world();
    let text = "word ".repeat(1_000_000);
    let members = format!(r#""messages":[{{"role":"user","content":"{text}"}}],"n":8,"model":"claude-sonnet-4-5""#);
    let got = world.ask(&instance, &Ask::post("/v1/chat/completions", format!("{{{members}}}")));
    assert_eq!((got.status(), got.json()["error"]["param"].as_str()), (400, Some("n")), "{}", got.text());
    assert_eq!(world.service.count(Operation::Chat) - 1, 0);
}

/// The time that pictures took counts as it does for one choice.
#[test]
fn the_deadline_of_choices_counts_from_the_request() {
    let (world, instance) = world();
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, png).unwrap();
    world.service.always(Operation::Media, Answer::plain(200, "image/png", bytes).after(8_000));
    world.service.always(Operation::Chat, Answer::silence());
    let body = r#"{"model":"claude-sonnet-4-5","n":2,"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}"#;
    let begun = world.clock.now();
    let got = world.ask(&instance, &Ask::post("/v1/chat/completions", body));
    assert_eq!(got.status(), 504, "{}", got.text());
    assert_eq!((world.clock.now() - begun).0, 120_000, "a simple request has two minutes");
}
