//! Whatever is said, in any order and state of repair, the deltas obey the grammar and the fold agrees.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failing test panics and prints its case"
)]

mod turn_support;

use kiro2api_core::turn::flow::Options;
use kiro2api_core::turn::{Block, Ending, OwnedStop};
use turn_support::{Line, Part, Random, Seen, Stage, check, escaped, joined};

const IDS: [&str; 4] = ["a", "b", "c", "d"];
const TEXTS: [&str; 8] =
    ["", "x", "<thinking>", "</thinking>\n\n", "EN", "D", "\n\n \"é😀\\", "a longer piece of text, as models say them"];
const PIECES: [&str; 8] = ["", "{", "}", "\"k\"", ":", "1", "{}", "{\"k\": \"v\"}"];
const REASONS: [Option<&str>; 9] = [
    None,
    Some("END_TURN"),
    Some("TOOL_USE"),
    Some("STOP_SEQUENCE"),
    Some("MAX_TOKENS"),
    Some("MODEL_CONTEXT_WINDOW_EXCEEDED"),
    Some("CONTENT_FILTERED"),
    Some("MALFORMED_TOOL_USE"),
    Some("NEW"),
];

fn line(random: &mut Random) -> Line {
    let words = (*random.pick(&TEXTS)).to_owned();
    match random.below(9) {
        0..=2 => Line::Text(words),
        3 => Line::Thought(words),
        4 => Line::Signature(words),
        5 => Line::Redacted(words),
        _ => {
            let part = match random.below(4) {
                0 => Part::Nothing,
                1 => Part::Object((*random.pick(&["{}", "{\"a\":[1, 2]}", "null", "{\"b\": {}}"])).to_owned()),
                _ => Part::Fragment((*random.pick(&PIECES)).to_owned()),
            };
            Line::Tool((*random.pick(&IDS)).to_owned(), part, random.below(3) == 0)
        }
    }
}

fn options(random: &mut Random) -> Options {
    Options {
        show_thinking: random.below(2) == 0,
        split_tags: random.below(2) == 0,
        stop_sequences: if random.below(3) == 0 { vec!["END".into()] } else { vec![] },
        single_call: random.below(4) == 0,
        no_calls: random.below(8) == 0,
    }
}

/// The blocks as a reader of the stream would put them together.
fn fold(seen: &[Seen]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for step in seen {
        match (step, blocks.last_mut()) {
            (Seen::Text, _) => blocks.push(Block::Text(String::new())),
            (Seen::Thinking, _) => blocks.push(Block::Thinking { text: String::new(), signature: None }),
            (Seen::Redacted(data), _) => blocks.push(Block::Redacted(escaped(data))),
            (Seen::Tool(id, name), _) => {
                blocks.push(Block::Tool { id: id.clone(), name: name.clone(), input: String::new() });
            }
            (Seen::Piece(piece), Some(Block::Text(text) | Block::Thinking { text, .. })) => {
                text.push_str(&escaped(piece))
            }
            (Seen::Piece(piece), Some(Block::Tool { input, .. })) => input.push_str(piece),
            (Seen::Sign(new), Some(Block::Thinking { signature, .. })) => *signature = Some(escaped(new)),
            (Seen::Start | Seen::Close | Seen::Finish(_), _) => {}
            other => panic!("{other:?}"),
        }
    }
    blocks.retain_mut(|block| match block {
        Block::Tool { input, .. } if input.is_empty() => {
            input.push_str("{}");
            true
        }
        Block::Tool { input, .. } => serde_json::from_str::<serde_json::Value>(input).is_ok(),
        _ => true,
    });
    blocks
}

#[test]
fn every_random_answer_obeys_the_grammar() {
    let (mut broken, mut whole) = (0, 0);
    for seed in 1..=20_000 {
        let mut random = Random(seed);
        let mut stage = Stage::new(options(&mut random));
        let said: Vec<_> = (0..random.below(24)).map(|_| line(&mut random)).collect();
        if said.iter().any(|line| stage.try_say(line).is_err()) {
            broken += 1;
            continue;
        }
        let ending = Ending { stop_reason: *random.pick(&REASONS), tail: random.below(2) == 0 };
        match stage.try_finish(ending) {
            Err(_) => broken += 1,
            Ok(finished) => {
                whole += 1;
                println!("seed {seed}: {said:?}");
                check(&stage.seen);
                assert_eq!(stage.answer.blocks, fold(&stage.seen), "seed {seed}: {said:?}");
                assert_eq!(stage.answer.stop, finished.stop, "seed {seed}");
                assert_eq!(finished.empty, joined(&stage.seen).len() == 1, "seed {seed}");
                truthful(&stage, &finished, &said, seed);
            }
        }
    }
    assert!(broken > 1000 && whole > 5000, "{broken} broken, {whole} whole");
}

/// What is cut never looks complete.
fn truthful(stage: &Stage, finished: &kiro2api_core::turn::Finished, said: &[Line], seed: u64) {
    let tools = stage.answer.blocks.iter().filter(|block| matches!(block, Block::Tool { .. })).count();
    match finished.stop {
        OwnedStop::ToolUse => assert!(tools > 0 && finished.incomplete_tools == 0, "seed {seed}: {said:?}"),
        OwnedStop::EndTurn => assert!(tools == 0 && finished.incomplete_tools == 0, "seed {seed}: {said:?}"),
        _ => {}
    }
}

#[test]
fn the_cut_of_fragments_and_texts_does_not_matter() {
    let input = r#"{"path": "/tmp/é", "text": "a \"b\"\\ \n", "n": [1, -2.5e3, true, null, {}]}"#;
    let whole = |input: &str, random: &mut Random| -> Vec<Line> {
        let mut lines: Vec<_> =
            random.cut("I look.\n<thinking>hm</thinking>\n\nNow").into_iter().map(Line::Text).collect();
        lines.extend(random.cut(input).into_iter().map(|json| Line::Tool("a".into(), Part::Fragment(json), false)));
        lines.push(Line::Tool("a".into(), Part::Nothing, true));
        lines
    };
    let mut first = None;
    for seed in 1..=300 {
        let mut random = Random(seed);
        let lines = whole(input, &mut random);
        let seen = turn_support::play(turn_support::tagged(), &lines, turn_support::TAIL);
        assert_eq!(*first.get_or_insert_with(|| seen.clone()), seen, "seed {seed}: {lines:?}");
    }
}

#[test]
fn every_cut_of_an_input_is_told_from_the_whole() {
    let input = r#"{"a": "x\u00e9\\\"", "b": [1, -2.5e3, 0, true, false, null, {}, []], "c": {"d": ""}} "#;
    let whole = input.trim_end().len();
    for end in (1..=input.len()).filter(|end| input.is_char_boundary(*end)) {
        let mut stage = Stage::new(Options::default());
        let _ = stage.say(&Line::Tool("a".into(), Part::Fragment(input[..end].into()), false));
        let stop = stage.finish(turn_support::TAIL).stop;
        assert_eq!(stop, if end >= whole { OwnedStop::ToolUse } else { OwnedStop::MaxTokens }, "{}", &input[..end]);
    }
}

#[test]
fn random_json_is_judged_as_serde_judges_it() {
    let tokens =
        ["{", "}", "[", "]", "\"k\"", ":", ",", "1", "-", "0", ".5", "e9", "true", "nul", "\"", "\\n", " ", "\n"];
    let mut objects = 0;
    for seed in 1..=60_000 {
        let mut random = Random(seed);
        let mut json = "{".to_owned();
        (0..random.below(9)).for_each(|_| json.push_str(tokens[random.below(tokens.len())]));
        if random.below(2) == 0 {
            json.push('}');
        }
        let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&json).is_ok();
        let mut stage = Stage::new(Options::default());
        let said = stage.try_say(&Line::Tool("a".into(), Part::Fragment(json.clone()), true));
        let complete = said.is_ok() && stage.finish(turn_support::TAIL).stop == OwnedStop::ToolUse;
        assert_eq!(complete, object, "seed {seed}: {json}");
        objects += u32::from(object);
    }
    assert!(objects > 100, "only {objects} were objects");
}
