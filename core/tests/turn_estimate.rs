//! Token estimates against true counts: of texts (`estimate/counts.json` says where those come from) and of
//! the examples in Anthropic's documentation.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failing test panics and prints its case"
)]

mod turn_support;

use std::borrow::Cow;
use std::collections::BTreeMap;

use kiro2api_core::json::{Lit, RawValue};
use kiro2api_core::models;
use kiro2api_core::turn::estimate::{self, Meter};
use kiro2api_core::turn::{Image, Message, Part, Role, Thinking, Tool, ToolChoice, ToolKind, Turn};
use turn_support::Random;

#[derive(serde::Deserialize)]
struct Counts {
    files: BTreeMap<String, Known>,
}

#[derive(serde::Deserialize)]
struct Known {
    claude: u64,
}

fn corpus() -> Vec<(String, String, u64)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/estimate/");
    let counts: Counts = serde_json::from_str(include_str!("estimate/counts.json")).unwrap();
    let read = |name: &str| std::fs::read_to_string(format!("{folder}{name}")).unwrap();
    counts.files.into_iter().map(|(name, known)| (name.clone(), read(&name), known.claude)).collect()
}

#[test]
fn every_text_is_counted_within_its_bound() {
    let mut errors = Vec::new();
    for (name, text, known) in corpus() {
        let guess = estimate::text(&text);
        let error = guess as f64 / known as f64 - 1.0;
        println!("{name:<18} {known:>6} {guess:>6} {:>6.1} %", error * 100.0);
        assert!((-0.08..=0.13).contains(&error), "{name}: {guess} for {known}");
        errors.push(error.abs());
    }
    assert!(errors.len() >= 20, "only {} texts", errors.len());
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    println!("mean error {:.1} %", mean * 100.0);
    assert!(mean <= 0.05, "mean error {mean}");
}

#[test]
fn where_a_text_is_cut_does_not_matter() {
    for (name, text, _) in corpus() {
        let whole = estimate::text(&text);
        for seed in 1..=3 {
            let (mut plain, mut literal) = (Meter::new(), Meter::new());
            let mut scratch = String::new();
            for piece in Random(seed).cut(&text) {
                plain.push_text(&piece);
                literal.push(Lit::escape(&piece, &mut scratch));
            }
            assert_eq!((plain.tokens(), literal.tokens()), (whole, whole), "{name}, seed {seed}");
        }
    }
}

#[test]
fn a_count_never_falls_while_text_grows_by_words() {
    for (name, text, _) in corpus() {
        let (mut meter, mut last) = (Meter::new(), 0);
        for piece in text.split_inclusive('\n') {
            meter.push_text(piece);
            assert!(meter.tokens() >= last, "{name}");
            last = meter.tokens();
        }
    }
}

fn turn<'a>(model: &str, messages: Vec<Message<'a>>) -> Turn<'a> {
    Turn {
        model: models::Catalogue::built_in().find(model).unwrap(),
        system: vec![],
        messages,
        tools: vec![],
        tool_choice: ToolChoice::Auto,
        parallel_tools: true,
        thinking: Thinking::Off,
        max_tokens: None,
        stop_sequences: vec![],
        session: None,
        format: None,
        truncate: false,
        stream: false,
        ignored: vec![],
    }
}

fn user<'a>(parts: Vec<Part<'a>>) -> Message<'a> {
    Message { role: Role::User, parts }
}

fn words(text: &str) -> Part<'_> {
    Part::Text(Cow::Borrowed(text))
}

fn close(guess: u64, known: u64, percent: u64) {
    assert!(guess.abs_diff(known) * 100 <= known * percent, "{guess} for {known}");
}

#[test]
fn the_documented_examples_are_met() {
    let mut simple = turn("claude-sonnet-4-5", vec![user(vec![words("Hello, Claude")])]);
    simple.system = vec!["You are a scientist".into()];
    close(estimate::turn(&simple), 14, 8);

    let schema: &RawValue = serde_json::from_str(
        r#"{"type":"object","properties":{"location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"}},"required":["location"]}"#,
    )
    .unwrap();
    let mut tools = turn("claude-sonnet-4-5", vec![user(vec![words("What's the weather like in San Francisco?")])]);
    tools.tools = vec![Tool {
        name: "get_weather".into(),
        description: "Get the current weather in a given location".into(),
        kind: ToolKind::Client(Some(schema)),
    }];
    close(estimate::turn(&tools), 403, 4);
    let auto = estimate::turn(&tools);
    tools.tool_choice = ToolChoice::Any;
    assert_eq!(auto - estimate::turn(&tools), 346 - 313);

    // The photograph of the documentation is larger than what is taken unscaled.
    let photo = Image { format: "jpeg", base64: "".into(), size: Some((4288, 2848)) };
    let image = turn("claude-sonnet-4-5", vec![user(vec![Part::Image(photo), words("Describe this image")])]);
    close(estimate::turn(&image), 1551, 1);
}

#[test]
fn pictures_cost_their_area_up_to_a_limit() {
    for (size, tokens) in [
        (Some((200, 200)), 54),
        (Some((1000, 1000)), 1334),
        (Some((1092, 1092)), 1590),
        (Some((784, 1568)), 1640),
        (Some((4000, 4000)), 1534),
        (Some((16_000, 100)), 21),
        (Some((1, 1)), 4),
        (Some((0, 0)), 4),
        (Some((u32::MAX, u32::MAX)), 1534),
        (None, 1640),
    ] {
        assert_eq!(estimate::image(size), tokens, "{size:?}");
    }
}

#[test]
fn documents_are_read_for_what_they_hold() {
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let text = "Plain words in a text file. ".repeat(3000);
    close(estimate::document("txt", &base64(text.as_bytes())), estimate::text(&text), 1);
    // Pages are counted wherever the borders of the chunks fall.
    for filler in [0, 1, 24_560, 24_566, 24_570, 24_575, 24_580, 60_000] {
        let mut pdf = b"%PDF-1.7 << /Type /Pages /Count 3 >> ".to_vec();
        for _ in 0..3 {
            pdf.extend(std::iter::repeat_n(b'x', filler));
            pdf.extend_from_slice(b"<< /Type /Page /Parent 1 0 R >> << /Type/Font >>");
        }
        assert_eq!(estimate::document("pdf", &base64(&pdf)), 3 * 2200, "{filler}");
    }
    assert_eq!(estimate::document("pdf", &base64(&[0; 120_000])), 3 * 2200);
    assert_eq!(estimate::document("docx", &base64(&[0; 30_000])), 3000);
    assert_eq!(estimate::document("txt", "not base64!"), 0);
}

#[test]
fn every_part_of_a_turn_counts_and_newer_models_count_more() {
    let long = "Some words that a person may well have said. ".repeat(50);
    let input: &RawValue = serde_json::from_str(r#"{"path":"/tmp/a.txt","lines":[1,2,3]}"#).unwrap();
    let parts = || {
        vec![
            words(&long),
            Part::ToolUse { id: "a".into(), name: "read".into(), input: std::borrow::Cow::Borrowed(input) },
            Part::ToolResult { id: "a".into(), error: false, parts: vec![words(&long)] },
            Part::Thinking { text: long.as_str().into(), signature: None },
            Part::Redacted("QUJD".repeat(100).into()),
            Part::Document { name: "notes".into(), format: "pdf".into(), base64: "AAAA".into() },
        ]
    };
    let mut last = 0;
    for end in 0..=6 {
        let count = estimate::turn(&turn("claude-sonnet-4-5", vec![user(parts().into_iter().take(end).collect())]));
        assert!(count > last, "part {end}: {count} after {last}");
        last = count;
    }
    let old = estimate::turn(&turn("claude-sonnet-4-5", vec![user(vec![words(&long)])]));
    let new = estimate::turn(&turn("claude-opus-4-7", vec![user(vec![words(&long)])]));
    close(new, old * 6 / 5, 2);
}
