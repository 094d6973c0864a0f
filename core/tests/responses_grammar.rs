//! Whatever the model says, the events of a response keep their grammar, and what they add up to is the body.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failing test panics and prints its case"
)]

mod responses_support;

use std::collections::BTreeMap;

use kiro2api_core::dialect::Voice;
use kiro2api_core::json::Lit;
use kiro2api_core::turn::flow::{Input, Options};
use kiro2api_core::turn::{Answer, Count, Delta, Ending, Flow, Open, Said, Usage};
use responses_support::{events, ids, lit, storing_voice, voice};
use serde_json::{Value, json};

/// A small generator whose seed a failure prints.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

const REQUEST: &str = r#"{"model":"claude-opus-5-5","input":"hi","reasoning":SHOWN,"include":SEALED,"tools":[
  {"type":"function","name":"weather"},{"type":"custom","name":"patch"},
  {"type":"namespace","name":"ns","tools":[{"type":"function","name":"weather"},{"type":"custom","name":"exec"}]}]}"#;
const NAMES: [&str; 5] = ["weather", "patch", "ns__weather", "ns__exec", "undeclared"];
const TEXTS: [&str; 4] = ["x", "é😀", "line\n\"quoted\" \\ \u{1}", "a longer piece of text"];
const INPUTS: [&str; 6] =
    ["{}", r#"{"input":"a\nb \ud83d\ude00"}"#, r#"{"q":[1,"}"],"input":"z"}"#, r#"{"input":7}"#, r#"{"a":1}"#, ""];
const REASONS: [Option<&str>; 5] =
    [None, Some("END_TURN"), Some("TOOL_USE"), Some("MAX_TOKENS"), Some("CONTENT_FILTERED")];

fn random_voice(random: &mut Random) -> Voice {
    let body = REQUEST
        .replace("SHOWN", random.pick(&["null", r#"{"summary":"auto"}"#, r#"{"effort":"low"}"#]))
        .replace("SEALED", random.pick(&["null", r#"["reasoning.encrypted_content"]"#]));
    if random.below(2) == 0 { voice(&body) } else { storing_voice(&body) }
}

/// One answer: its stream, the fold of the same deltas, and whether the last event was held back.
fn told(random: &mut Random, voice: &Voice) -> (String, Answer) {
    let mut flow = Flow::new(Options { show_thinking: true, ..Options::default() });
    let (mut encoder, mut answer, mut out) = (voice.encoder(&ids()), Answer::new(), Vec::new());
    let mut sink = |delta: &Delta<'_>| {
        encoder.delta(delta, &mut out);
        answer.push(delta);
    };
    flow.start(Count::estimated(3), &mut sink);
    let mut failed = false;
    for call in 0..random.below(9) {
        let mut scratch = String::new();
        let text = Lit::escape(random.pick(&TEXTS), &mut scratch);
        let done = match random.below(6) {
            0 | 1 => flow.push(Said::Text(text), &mut sink),
            2 => flow.push(Said::Thought(text), &mut sink),
            3 => flow.push(Said::Signature(lit("Eq==")), &mut sink),
            4 => flow.push(Said::Redacted(lit("AbC=")), &mut sink),
            _ => call_of(random, &mut flow, call, &mut sink),
        };
        failed |= done.is_err();
    }
    let ending = Ending { stop_reason: REASONS[random.below(5)], tail: random.below(4) > 0 };
    let usage = Usage { input: Count::derived(5), output: Count::estimated(6), ..Usage::default() };
    if failed {
        flow.abort(&mut sink);
    } else {
        flow.finish(ending, usage, &mut sink).unwrap();
    }
    if encoder.unconcluded().is_some() {
        encoder.conclude(true, &mut out);
    }
    if failed {
        encoder.fault(&kiro2api_core::Error::new(kiro2api_core::Kind::UpstreamBroke, "broke"), "r", &mut out);
    }
    (String::from_utf8(out).unwrap(), answer)
}

fn call_of(
    random: &mut Random,
    flow: &mut Flow,
    call: usize,
    sink: &mut impl FnMut(&Delta<'_>),
) -> Result<kiro2api_core::turn::Progress, kiro2api_core::Error> {
    let (id, name, input) = (format!("call_{call}"), random.pick(&NAMES), random.pick(&INPUTS));
    let chars: Vec<char> = input.chars().collect();
    let size = 1 + random.below(6);
    // Sometimes the call is cut.
    let keep = if random.below(5) == 0 { chars.len() / 2 } else { chars.len() };
    let whole = keep == chars.len();
    let mut last = Ok(kiro2api_core::turn::Progress::More);
    for piece in chars[..keep].chunks(size) {
        let mut scratch = String::new();
        let piece: String = piece.iter().collect();
        let input = Input::Fragment(Lit::escape(&piece, &mut scratch));
        last = flow.push(Said::Tool { id: &id, name, input, stop: false }, sink);
        last.as_ref().map_err(Clone::clone)?;
    }
    if whole {
        last = flow.push(Said::Tool { id: &id, name, input: Input::None, stop: true }, sink);
    }
    last
}

/// What a client has put together from the events of one item.
#[derive(Default)]
struct Item {
    added: Value,
    pieces: String,
    whole: Option<Value>,
    part: Option<Value>,
    parts_open: i32,
    done: Option<Value>,
}

fn check(stream: &str) -> (Value, usize) {
    let told = events(stream);
    for (number, event) in told.iter().enumerate() {
        assert_eq!(event["sequence_number"], number as u64, "{event}");
    }
    assert_eq!(told[0]["type"], "response.created");
    assert_eq!(told[1]["type"], "response.in_progress");
    let id = &told[0]["response"]["id"];
    let mut items: BTreeMap<u64, Item> = BTreeMap::new();
    let last = told.last().unwrap();
    for event in &told[2..told.len() - 1] {
        let place = event["output_index"].as_u64().unwrap();
        let kind = event["type"].as_str().unwrap();
        if kind == "response.output_item.added" {
            assert_eq!(place, items.len() as u64, "places in their order");
            let added = Item { added: event["item"].clone(), ..Item::default() };
            assert!(items.insert(place, added).is_none());
            continue;
        }
        let open = items.len() as u64 - 1;
        let item = items.get_mut(&place).unwrap();
        assert!(item.done.is_none() && place == open, "{event}");
        heard(item, kind, event);
    }
    let finished = &last["response"];
    assert_eq!(&finished["id"], id);
    let output: Vec<&Value> = finished["output"].as_array().unwrap().iter().collect();
    let done: Vec<&Value> = items.values().filter_map(|item| item.done.as_ref()).collect();
    assert_eq!(output, done, "the last object holds what was done");
    match last["type"].as_str().unwrap() {
        "response.completed" => assert_eq!(done.len(), items.len(), "nothing is left open"),
        "response.incomplete" => assert!(finished["incomplete_details"]["reason"].is_string()),
        "response.failed" => assert!(finished["error"]["code"].is_string()),
        other => panic!("{other} ends a stream"),
    }
    (finished.clone(), items.len() - done.len())
}

fn heard(item: &mut Item, kind: &str, event: &Value) {
    if kind != "response.output_item.done" {
        assert_eq!(event["item_id"], item.added["id"]);
    }
    match kind {
        "response.output_item.done" => {
            let done = event["item"].clone();
            for name in ["id", "type", "call_id", "name", "namespace"] {
                assert_eq!(done.get(name), item.added.get(name));
            }
            assert_eq!(item.parts_open, 0);
            complete(item, &done);
            item.done = Some(done);
        }
        "response.content_part.added" | "response.reasoning_summary_part.added" => item.parts_open += 1,
        "response.content_part.done" | "response.reasoning_summary_part.done" => {
            item.parts_open -= 1;
            item.part = Some(event["part"].clone());
        }
        _ if kind.ends_with(".delta") => {
            assert!(item.whole.is_none());
            item.pieces.push_str(event["delta"].as_str().unwrap());
        }
        _ => {
            let names = ["text", "refusal", "arguments", "input"];
            let whole = names.into_iter().find_map(|name| event.get(name)).unwrap_or_else(|| panic!("{event}"));
            assert_eq!(whole, item.pieces.as_str());
            item.whole = Some(whole.clone());
        }
    }
}

/// The item that is done holds what its pieces add up to.
fn complete(item: &Item, done: &Value) {
    match done["type"].as_str().unwrap() {
        "message" => assert_eq!(done["content"][0]["text"], item.pieces.as_str()),
        "reasoning" if item.pieces.is_empty() => assert_eq!(done["summary"], json!([])),
        "reasoning" => assert_eq!(done["summary"][0]["text"], item.pieces.as_str()),
        "function_call" => {
            assert_eq!(done["arguments"], item.pieces.as_str());
            assert!(serde_json::from_str::<Value>(&item.pieces).unwrap().is_object());
        }
        "custom_tool_call" => assert_eq!(done["input"], item.pieces.as_str()),
        other => panic!("{other}"),
    }
}

#[test]
fn random_answers_keep_the_grammar_and_add_up_to_the_body() {
    let (mut compared, mut cuts) = (0, 0);
    for seed in 0..4000_u64 {
        println!("seed {seed}");
        let mut random = Random(seed);
        let voice = random_voice(&mut random);
        let (stream, answer) = told(&mut random, &voice);
        let (finished, cut) = check(&stream);
        if finished["status"] == "failed" {
            continue;
        }
        cuts += cut;
        let mut body = Vec::new();
        voice.body(&ids(), &[&answer], finished["store"] == true, &mut body);
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), finished);
        compared += 1;
    }
    assert!(compared > 2000 && cuts > 100, "only {compared} answers could be compared, {cuts} cut calls");
}

#[test]
fn a_refusal_is_a_part_of_its_own() {
    let voice = voice(r#"{"model":"claude-opus-5-5","input":"hi"}"#);
    let (mut encoder, mut out) = (voice.encoder(&ids()), Vec::new());
    for delta in [
        Delta::Open(Open::Refusal),
        Delta::Piece(lit("I can")),
        Delta::Piece(lit("not")),
        Delta::Close,
        Delta::Finish { stop: kiro2api_core::turn::Stop::EndTurn, usage: Usage::default() },
    ] {
        encoder.delta(&delta, &mut out);
    }
    let told = events(core::str::from_utf8(&out).unwrap());
    let names: Vec<&str> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        names[2..],
        [
            "response.output_item.added",
            "response.content_part.added",
            "response.refusal.delta",
            "response.refusal.delta",
            "response.refusal.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed"
        ]
    );
    let content = json!([{"type": "refusal", "refusal": "I cannot"}]);
    assert_eq!(told.last().unwrap()["response"]["output"][0]["content"], content);
}
