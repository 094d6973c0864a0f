//! Directives: what each verb renders to, where writes are cut, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod sim_client;

use kiro2api_tests::script::{Action, End, Head, Plan, Scene, Script, find, matched, render};
use serde_json::{Value, json};
use sim_client::{Decoded, frames};

fn decoded(directive: &str) -> Vec<Decoded> {
    frames(&render(directive).unwrap()).unwrap()
}

/// Types and payloads in short.
fn events(directive: &str) -> Vec<(String, Value)> {
    decoded(directive).iter().map(|frame| (frame.kind().to_owned(), frame.json())).collect()
}

fn plan(directive: &str, scene: &Scene) -> Plan {
    Script::parse(directive).unwrap().plan(scene).unwrap()
}

fn writes(plan: &Plan) -> Vec<Vec<u8>> {
    let bytes = plan.actions.iter().filter_map(|action| match action {
        Action::Write(bytes) => Some(bytes.clone()),
        _ => None,
    });
    bytes.collect()
}

/// The concatenated input fragments of a directive's only tool call.
fn input(directive: &str) -> String {
    let events = events(directive);
    let inputs =
        events.iter().filter(|(kind, _)| kind == "toolUseEvent").filter_map(|(_, payload)| payload["input"].as_str());
    inputs.collect()
}

#[test]
fn a_text_is_followed_by_the_usual_tail() {
    assert_eq!(
        events("@sim text \"Hi\""),
        [
            ("assistantResponseEvent".to_owned(), json!({ "content": "Hi" })),
            ("metadataEvent".to_owned(), json!({ "stopReason": "END_TURN" })),
            ("contextUsageEvent".to_owned(), json!({ "contextUsagePercentage": 10.867 })),
            ("meteringEvent".to_owned(), json!({ "unit": "credit", "unitPlural": "credits", "usage": 0.0897 })),
        ]
    );
}

#[test]
fn what_a_script_says_of_the_tail_replaces_it() {
    let kinds: Vec<String> =
        events("text 'a'; context 3.5; stop MAX_TOKENS; usage").into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        kinds,
        ["assistantResponseEvent", "contextUsageEvent", "metadataEvent", "metadataEvent", "meteringEvent"]
    );
    assert_eq!(events("stop TOOL_USE; notail"), [("metadataEvent".to_owned(), json!({ "stopReason": "TOOL_USE" }))]);
    assert_eq!(render("empty").unwrap(), b"");
}

#[test]
fn chunks_and_repeats_multiply_events() {
    let texts: Vec<Value> = events("text \"añb\" chunk=1 times=2; notail")
        .into_iter()
        .map(|(_, payload)| payload["content"].clone())
        .collect();
    assert_eq!(texts, ["a", "ñ", "b", "a", "ñ", "b"]);
    let thought = events("think \"hm\"; notail");
    assert_eq!(thought[0].1["content"], "<thin");
    let whole: String = thought.iter().filter_map(|(_, payload)| payload["content"].as_str()).collect();
    assert_eq!(whole, "<thinking>hm</thinking>\n\n");
}

#[test]
fn a_tool_call_is_start_fragments_stop() {
    let calls = events(r#"tool Read {"file_path":"x"} cut=6; notail"#);
    assert_eq!(calls[0].1["name"], "Read");
    assert!(calls[0].1.get("input").is_none());
    assert_eq!(calls.last().unwrap().1["stop"], true);
    assert_eq!(calls[1].1["input"], "{\"file");
    let id = calls[0].1["toolUseId"].as_str().unwrap();
    assert_eq!((id.len(), &id[..8]), (30, "tooluse_"));
    assert!(calls.iter().all(|(_, payload)| payload["toolUseId"] == id));
    assert_eq!(
        input(r#"tool Read {"a": "q\"\u00e9\n"} cut=1"#),
        r#"{"a": "q\"\u00e9\n"}"#,
        "cut inside escapes, spelled as written"
    );
    assert_eq!(input(r#"tool Read {"a":1} cuts=1,4"#), r#"{"a":1}"#);
}

#[test]
fn each_variant_of_a_tool_call_has_its_events() {
    let kinds = |directive: &str| -> Vec<Vec<String>> {
        let events = events(directive);
        let members = |payload: &Value| {
            payload.as_object().unwrap().keys().filter(|key| *key != "name" && *key != "toolUseId").cloned().collect()
        };
        events.iter().map(|(_, payload)| members(payload)).collect()
    };
    let none: Vec<String> = Vec::new();
    let one = |name: &str| vec![name.to_owned()];
    assert_eq!(kinds("tool A {\"a\":1} single; notail"), [vec!["input".to_owned(), "stop".to_owned()]]);
    assert_eq!(kinds("tool A noinput; notail"), [none.clone(), one("stop")]);
    assert_eq!(kinds("tool A {\"a\":1} object; notail"), [none.clone(), one("input"), one("stop")]);
    assert_eq!(events("tool A {\"a\":1} object; notail")[1].1["input"], json!({ "a": 1 }));
    assert_eq!(
        kinds("tool A {\"a\":1} cut=99 doubled; notail"),
        [none.clone(), none.clone(), one("input"), one("input"), one("stop"), one("stop")]
    );
    assert_eq!(kinds("tool A noinput twice; notail"), [none.clone(), one("stop"), none.clone(), one("stop")]);
    assert_eq!(kinds("tool A {\"abc\":1} cut=99 open=4"), [none, one("input")], "no stop and no tail");
    assert_eq!(input("tool A {\"abc\":1} open=4"), "{\"ab");
    assert_eq!(input("tool A raw=\"{not json\""), "{not json");
}

#[test]
fn interleaved_calls_take_turns_and_stay_apart() {
    let events = events(r#"interleave A {"a":1} B {"b":2} cut=4; notail"#);
    let names: Vec<&str> = events.iter().map(|(_, payload)| payload["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["A", "B", "A", "B", "A", "B", "A", "B"]);
    assert_ne!(events[0].1["toolUseId"], events[1].1["toolUseId"]);
}

#[test]
fn names_find_the_declared_tool() {
    let declared: Vec<String> =
        ["Read", "mcp__files__list_dir", "a_very_long_tool_name_that_was_cut_1a2b3c4d"].map(str::to_owned).to_vec();
    assert_eq!(matched("Read", &declared), Some("Read"));
    assert_eq!(matched("read", &declared), Some("Read"));
    assert_eq!(matched("list_dir", &declared), Some("mcp__files__list_dir"));
    assert_eq!(
        matched("a_very_long_tool_name_that_was_cut_because_of_its_length", &declared),
        Some("a_very_long_tool_name_that_was_cut_1a2b3c4d")
    );
    assert_eq!(matched("Write", &declared), None);
    let scene = Scene { tools: declared, ..Scene::default() };
    let name = |directive: &str| frames(&plan(directive, &scene).bytes()).unwrap()[0].json()["name"].clone();
    assert_eq!(name("tool read"), "Read");
    assert_eq!(name("tool read exact"), "read");
    assert_eq!(name("tool Write"), "Write", "an undeclared tool is called as written");
}

#[test]
fn reasoning_comes_as_text_signature_and_secret() {
    assert_eq!(
        events("reason \"ab\" chunk=1 sig=\"Eq==\"; redacted \"QUI=\"; reason-empty; notail")
            .into_iter()
            .map(|(_, payload)| payload)
            .collect::<Vec<_>>(),
        [
            json!({ "text": "a" }),
            json!({ "text": "b" }),
            json!({ "text": "", "signature": "Eq==" }),
            json!({ "redactedContent": "QUI=" }),
            json!({ "text": "" })
        ]
    );
}

#[test]
fn failures_end_the_stream_without_a_tail() {
    let frames = decoded("text 'a'; exception ThrottlingException reason=INSUFFICIENT_MODEL_CAPACITY");
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1].header(":message-type"), "exception");
    assert_eq!(
        frames[1].json(),
        json!({ "message": "Too many requests, please wait before trying again.", "reason": "INSUFFICIENT_MODEL_CAPACITY" })
    );
    let error = &decoded("error InternalFailure \"bad day\"")[0];
    assert_eq!(
        (error.header(":message-type"), error.header(":error-message"), error.payload.len()),
        ("error", "bad day", 0)
    );
    assert_eq!(decoded("exception error")[0].json()["reason"], "MODEL_TEMPORARILY_UNAVAILABLE");
    assert_eq!(decoded("invalid-state").len(), 1);
}

#[test]
fn every_event_type_has_a_typical_payload_and_unknown_ones_are_allowed() {
    let kinds: Vec<String> = events("kinds; notail").into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds.len(), 10, "{kinds:?}");
    assert!(kinds.contains(&"documentCitationEvent".to_owned()));
    assert_eq!(events("event futureEvent {\"x\":[1]}; notail"), [("futureEvent".to_owned(), json!({ "x": [1] }))]);
    let odd = &decoded("initial; order reversed; odd-headers; text 'a'; notail");
    assert_eq!(odd[0].kind(), "initial-response");
    assert_eq!(odd[1].headers[0].0, ":message-type");
    assert_eq!(odd[1].header("x-text"), "ünïcode");
}

#[test]
fn damage_hits_the_next_frame_only() {
    let fault = |directive: &str| frames(&render(directive).unwrap()).unwrap_err();
    assert_eq!(fault("text 'a'; corrupt prelude; text 'b'"), "prelude checksum");
    assert_eq!(fault("text 'a'; corrupt message; text 'b'"), "message checksum");
    assert!(fault("corrupt total=4000000; text 'b'").starts_with("lengths 4000000"));
    assert!(fault("corrupt headers=900; text 'b'").contains("and 900"));
    let torn = plan("text 'a'; tear 20 close; text 'b'; text 'c'", &Scene::default());
    assert_eq!(torn.actions.len(), 3);
    assert_eq!((writes(&torn)[1].len(), torn.actions.last().unwrap()), (20, &Action::End(End::Close)));
    let cut = plan("text 'a' times=3; cut 200", &Scene::default());
    assert_eq!((cut.bytes().len(), cut.actions.last().unwrap()), (200, &Action::End(End::Reset)));
}

#[test]
fn chunking_moves_the_cuts_and_never_the_bytes() {
    let text = "text \"né\" times=2; tool A {\"a\":\"ü\"}";
    let whole = render(text).unwrap();
    for how in ["frame", "pair", "all", "1", "7", "utf8", "prelude", "seed=7"] {
        let option = if how.contains('=') { how.to_owned() } else { format!(" {how}") };
        let plan = plan(&format!("chunks {option}; {text}"), &Scene::default());
        assert_eq!(plan.bytes(), whole, "{how}");
    }
    let first = |how: &str| writes(&plan(&format!("chunks {how}; {text}"), &Scene::default()))[0].clone();
    assert_eq!(first("1").len(), 1);
    assert_eq!(first("prelude").len(), 5);
    assert_eq!(first("all"), whole);
    assert_eq!(first("pair").len(), 2 * first("frame").len());
    assert!(first("utf8").ends_with(b"\"n\xC3"), "ends inside a character");
}

#[test]
fn pauses_stand_where_they_were_written() {
    let plan = plan("head-delay 5; pace 3; text 'a'; text 'b'; delay 9; text 'c'; stall", &Scene::default());
    assert_eq!(plan.head_delay, 5);
    let shape: Vec<String> = plan
        .actions
        .iter()
        .map(|action| match action {
            Action::Write(_) => "write".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(shape, ["write", "Wait(3)", "write", "Wait(9)", "Wait(3)", "write", "Stall"]);
}

#[test]
fn attempts_choose_the_alternative_and_turns_the_step() {
    let script = Script::parse("@sim 2 * status 429 retry-after=7 || text 'ok' => text 'second'").unwrap();
    let at = |step, attempt| script.plan(&Scene { step, attempt, ..Scene::default() });
    for attempt in 0..2 {
        let Head::Refused(refusal) = at(0, attempt).unwrap().head else { panic!("attempt {attempt} is a stream") };
        assert_eq!(
            (refusal.status, refusal.retry_after.as_deref(), refusal.kind.as_str()),
            (429, Some("7"), "ThrottlingException")
        );
    }
    assert_eq!(at(0, 2).unwrap().head, Head::Stream);
    assert_eq!(at(0, 9).unwrap().head, Head::Stream);
    let second = frames(&at(1, 0).unwrap().bytes()).unwrap();
    assert_eq!(second[0].json()["content"], "second");
    assert_eq!(at(2, 0), None);
}

#[test]
fn a_directive_is_found_on_its_line_with_its_continuation() {
    assert_eq!(
        find("hello\n  @sim text \"a\"\n  => text \"b\"\nbye"),
        Some("@sim text \"a\" => text \"b\"".to_owned())
    );
    assert_eq!(find("@sim text 'old'\n\n@sim text 'new'"), Some("@sim text 'new'".to_owned()));
    assert_eq!(find("write to me@sim text, or @simon"), None);
    assert_eq!(find("@simon says"), None);
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    let cases = [
        ("", 1, "without an action"),
        ("bogus", 1, "no such action"),
        ("text", 1, "needs a text"),
        ("text \"open", 6, "bad JSON"),
        ("text 'open", 6, "has no end"),
        ("tool A {\"a\":}", 8, "bad JSON"),
        ("text \"a\" =>", 12, "without an action"),
        ("text \"a\" colour=red", 10, "no option colour="),
        ("text \"a\" extra", 10, "does not take \"extra\""),
        ("text \"a\"; delay soon", 11, "not a number"),
        ("status 99", 1, "not in 200..=599"),
        ("fault nothing", 1, "is none of improper"),
        ("3 text \"a\"", 1, "is not an action"),
        ("chunks 0", 1, "no progress"),
        ("order upside-down", 1, "is none of service"),
        ("interleave A", 1, "at least two"),
        ("redacted QUI=", 14, "needs quotes"),
        ("corrupt", 1, "needs prelude"),
    ];
    for (directive, column, text) in cases {
        let error = Script::parse(directive).expect_err(directive);
        assert!(error.message.contains(text), "{directive}: {error}");
        assert_eq!(error.column, column, "{directive}: {error}");
    }
    assert!(render("status 500").is_err());
}

#[test]
fn every_directive_in_the_guide_can_be_parsed() {
    let guide = include_str!("../SIMULATOR.md");
    let directives: Vec<&str> = guide.lines().filter(|line| line.starts_with("@sim ")).collect();
    assert!(directives.len() > 10, "{directives:?}");
    for directive in directives {
        Script::parse(directive).unwrap_or_else(|error| panic!("{directive}: {error}"));
    }
    for (name, ..) in kiro2api_tests::refusal::PRESETS {
        assert!(guide.contains(name), "the guide does not name the fault {name}");
    }
    for rule in kiro2api_tests::check::RULES {
        assert!(rule.starts_with('R') || guide.contains(rule), "the guide does not name the rule {rule}");
    }
}

/// Splitmix64; the seed of each round is in the failure's text.
fn random(seed: &mut u64) -> usize {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((z ^ (z >> 31)) >> 33).unwrap()
}

#[test]
fn mangled_directives_are_refused_or_rendered_but_never_break_the_server() {
    let guide = include_str!("../SIMULATOR.md");
    let directives: Vec<&str> =
        guide.lines().filter(|line| line.starts_with("@sim ") && !line.contains("5000")).collect();
    for round in 0..4_000_u64 {
        let mut seed = round;
        let mut chars: Vec<char> = directives[random(&mut seed) % directives.len()].chars().skip(5).collect();
        for _ in 0..=random(&mut seed) % 4 {
            let at = random(&mut seed) % chars.len();
            match random(&mut seed) % 3 {
                0 => drop(chars.remove(at)),
                1 => chars
                    .insert(at, ['"', ';', '{', '=', '>', '|', '\'', '0', '9', '\\', 'é', ' '][random(&mut seed) % 12]),
                _ => chars.truncate(at + 1),
            }
            chars.push(' ');
        }
        let directive: String = chars.into_iter().collect();
        let outcome = std::panic::catch_unwind(|| {
            let script = Script::parse(&directive).ok()?;
            (0..3).find_map(|step| script.plan(&Scene { step, attempt: 9, ..Scene::default() }))
        });
        assert!(outcome.is_ok(), "seed {round}: {directive}");
    }
}
