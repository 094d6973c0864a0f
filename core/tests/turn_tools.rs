//! Tool calls: once each, one at a time, in order, and never complete when they are not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its own functions too")]

mod turn_support;

use kiro2api_core::Kind;
use kiro2api_core::turn::flow::{HELD_MAX, Options};
use kiro2api_core::turn::{Block, OwnedStop};
use turn_support::{
    CUT, Line, Part, Seen, Stage, TAIL, escaped, fragment, joined, object, opened, play, said, shown, stopped, text,
    thought,
};

fn tool(id: &str) -> Seen {
    Seen::Tool(id.into(), "weather".into())
}

fn piece(text: &str) -> Seen {
    Seen::Piece(text.into())
}

const ENDED: Seen = Seen::Finish(OwnedStop::ToolUse);

#[test]
fn a_call_streams_its_fragments_as_they_come() {
    let mut stage = Stage::new(Options::default());
    for line in [opened("a"), fragment("a", "{\"ci"), fragment("a", ""), fragment("a", "ty\": \"Å\\n\"}"), stopped("a")]
    {
        let _ = stage.say(&line);
    }
    let expected = [Seen::Start, tool("a"), piece("{\"ci"), piece("ty\": \"Å\\n\"}"), Seen::Close];
    assert_eq!(stage.seen, expected);
    assert_eq!(stage.finish(TAIL).stop, OwnedStop::ToolUse);
    assert_eq!(
        stage.answer.blocks,
        [Block::Tool { id: "a".into(), name: "weather".into(), input: "{\"city\": \"Å\\n\"}".into() }]
    );
}

#[test]
fn a_call_without_input_has_no_piece_and_folds_to_an_empty_object() {
    for lines in [
        vec![stopped("a")],
        vec![opened("a"), fragment("a", ""), stopped("a")],
        vec![fragment("a", " \n"), object("a", "null"), stopped("a")],
    ] {
        assert_eq!(play(shown(), &lines, TAIL), [tool("a"), Seen::Close, ENDED]);
        let mut stage = Stage::new(shown());
        stage.say_all(&lines);
        stage.finish(TAIL);
        assert!(matches!(&stage.answer.blocks[..], [Block::Tool { input, .. }] if input == "{}"));
    }
}

#[test]
fn an_input_that_is_an_object_comes_as_one_fragment_byte_for_byte() {
    let json = "{\"b\":1,\n \"a\": 12345678901234567890123, \"q\":\"\\u00e9\\\"\"}";
    assert_eq!(play(shown(), &[object("a", json), stopped("a")], TAIL), [tool("a"), piece(json), Seen::Close, ENDED]);
}

#[test]
fn events_of_a_complete_call_are_ignored_and_counted() {
    let mut stage = Stage::new(shown());
    for _ in 0..2 {
        for line in [opened("a"), fragment("a", "{}"), stopped("a")] {
            let _ = stage.say(&line);
        }
    }
    let _ = stage.say(&object("b", "{\"x\":1}"));
    let _ = stage.say(&object("b", "{\"x\":1}"));
    let _ = stage.say(&stopped("b"));
    let finished = stage.finish(TAIL);
    assert_eq!(finished.repeated_tools, 4);
    assert_eq!(stage.answer.blocks.len(), 2);
}

#[test]
fn interleaved_calls_and_text_come_one_after_the_other_in_order() {
    let lines = [
        text("first"),
        fragment("a", "{\"n\":"),
        fragment("b", "{\"m\""),
        text("be"),
        text("tween"),
        opened("c"),
        fragment("a", "1}"),
        fragment("b", ":2}"),
        stopped("c"),
        text("late"),
        stopped("a"),
        stopped("b"),
        text("r"),
    ];
    assert_eq!(
        play(shown(), &lines, TAIL),
        [
            Seen::Text,
            piece("first"),
            Seen::Close,
            tool("a"),
            piece("{\"n\":1}"),
            Seen::Close,
            tool("b"),
            piece("{\"m\":2}"),
            Seen::Close,
            Seen::Text,
            piece("between"),
            Seen::Close,
            tool("c"),
            Seen::Close,
            Seen::Text,
            piece("later"),
            Seen::Close,
            ENDED,
        ]
    );
}

#[test]
fn a_call_that_waited_streams_once_it_is_its_turn() {
    let mut stage = Stage::new(shown());
    for line in [fragment("a", "{"), fragment("b", "{\"x\":"), fragment("a", "}"), stopped("a")] {
        let _ = stage.say(&line);
    }
    assert_eq!(stage.flow.held(), 0);
    let _ = stage.say(&fragment("b", "1"));
    assert_eq!(joined(&stage.seen), [tool("a"), piece("{}"), Seen::Close, tool("b"), piece("{\"x\":1")]);
}

#[test]
fn a_whole_object_without_its_stop_is_accepted_and_a_cut_one_is_told() {
    let whole = [fragment("a", "{\"x\":[1,{}]"), fragment("a", "} ")];
    for ending in [TAIL, CUT, said("END_TURN"), said("TOOL_USE")] {
        assert_eq!(play(shown(), &whole, ending).last(), Some(&ENDED));
    }
    for cut in ["{", "{\"x\":\"}", "{\"x\":{}", "{\"x\":1"] {
        for ending in [TAIL, CUT, said("END_TURN"), said("TOOL_USE"), said("NEW")] {
            for end in [vec![], vec![stopped("a")]] {
                let mut stage = Stage::new(shown());
                let _ = stage.say(&text("x"));
                let _ = stage.say(&fragment("a", cut));
                stage.say_all(&end);
                let finished = stage.finish(ending);
                assert_eq!((finished.stop, finished.incomplete_tools), (OwnedStop::MaxTokens, 1), "{cut}");
                assert_eq!(stage.answer.blocks, [Block::Text("x".into())]);
                assert_eq!(stage.answer.stop, OwnedStop::MaxTokens);
            }
        }
    }
}

#[test]
fn a_cut_call_the_client_never_saw_stays_unseen() {
    // Neither a call that has only been named nor one that was cut while it waited is ever opened.
    for cut in [vec![opened("b")], vec![fragment("b", "{\"x"), stopped("b")]] {
        let mut lines = vec![fragment("a", "{")];
        lines.extend(cut);
        lines.extend([fragment("a", "}"), text("t"), stopped("a")]);
        let t = [Seen::Text, piece("t"), Seen::Close];
        let expected = [&[tool("a"), piece("{}"), Seen::Close][..], &t, &[Seen::Finish(OwnedStop::MaxTokens)]].concat();
        assert_eq!(play(shown(), &lines, TAIL), expected);
    }
    assert_eq!(play(shown(), &[opened("a")], CUT), [Seen::Finish(OwnedStop::MaxTokens)]);
    // Cut at the very end while it waits behind one that is whole.
    let lines = [fragment("a", "{}"), fragment("b", "{\"x"), text("t")];
    let seen = play(shown(), &lines, TAIL);
    assert!(!seen.contains(&tool("b")) && seen.contains(&piece("t")), "{seen:?}");
}

#[test]
fn input_that_is_no_object_is_an_error_at_once() {
    for (json, part) in [
        ("[1]", Part::Fragment("[1]".into())),
        ("text", Part::Object("\"text\"".into())),
        ("{\"a\":}", Part::Fragment("{\"a\":}".into())),
        ("{} {", Part::Fragment("{} {".into())),
    ] {
        let mut stage = Stage::new(shown());
        let error = stage.try_say(&Line::Tool("call_7".into(), part, true)).unwrap_err();
        assert_eq!(error.kind(), Kind::UpstreamBroke, "{json}");
        assert!(error.text().contains("call_7"), "{error}");
        assert!(!stage.seen.contains(&Seen::Close));
    }
    for (id, name) in [("", "weather"), ("a", "")] {
        let mut flow = kiro2api_core::turn::Flow::new(shown());
        let said =
            kiro2api_core::turn::Said::Tool { id, name, input: kiro2api_core::turn::flow::Input::None, stop: true };
        assert_eq!(flow.push(said, &mut |_| ()).unwrap_err().kind(), Kind::UpstreamBroke);
    }
}

#[test]
fn what_waits_is_counted_and_bounded() {
    let mut stage = Stage::new(shown());
    let _ = stage.say(&opened("a"));
    let _ = stage.say(&fragment("b", "{\"x\":\""));
    assert_eq!(stage.flow.held(), escaped("{\"x\":\"").len());
    let chunk = "y".repeat(1000);
    let error = (0..1000).find_map(|round| {
        let line = if round % 2 == 0 { fragment("b", &chunk) } else { text(&chunk) };
        stage.try_say(&line).err()
    });
    assert_eq!(error.unwrap().kind(), Kind::UpstreamBroke);
    assert!(stage.flow.held() <= HELD_MAX + chunk.len());
    // A live call of any size waits for nothing.
    let mut stage = Stage::new(shown());
    let _ = stage.say(&fragment("a", "{\"x\":\""));
    (0..1000).for_each(|_| stage.say_all(&[fragment("a", &chunk)]));
    assert_eq!(stage.flow.held(), 0);
}

#[test]
fn thought_and_its_signature_keep_their_order() {
    let sign = |text: &str| Line::Signature(text.into());
    let lines = [
        thought("t1"),
        sign("s1"),
        thought("t2"),
        text("x"),
        sign("late"),
        opened("a"),
        thought("t3"),
        sign("s3"),
        Line::Redacted("AbC=".into()),
        stopped("a"),
    ];
    let mut stage = Stage::new(shown());
    stage.say_all(&lines);
    let finished = stage.finish(TAIL);
    assert_eq!(finished.dropped_signatures, 1);
    let thinking = |text: &str, signature: Option<&str>| Block::Thinking {
        text: text.into(),
        signature: signature.map(str::to_owned),
    };
    assert_eq!(
        stage.answer.blocks,
        [
            thinking("t1", Some("s1")),
            thinking("t2", None),
            Block::Text("x".into()),
            Block::Tool { id: "a".into(), name: "weather".into(), input: "{}".into() },
            thinking("t3", Some("s3")),
            Block::Redacted("AbC=".into()),
        ]
    );
}

#[test]
fn a_signature_alone_is_an_empty_thought() {
    let seen = play(shown(), &[thought(""), Line::Signature("s".into()), text("x")], TAIL);
    assert_eq!(seen[..3], [Seen::Thinking, Seen::Sign("s".into()), Seen::Close]);
}

#[test]
fn thought_nobody_asked_for_is_counted_and_not_shown() {
    let mut stage = Stage::new(Options::default());
    for line in [thought("a long thought about it"), Line::Signature("s".into()), Line::Redacted("AbC=".into())] {
        let _ = stage.say(&line);
    }
    assert!(!stage.flow.meaningful());
    assert!(stage.flow.output_tokens() >= 5);
    let finished = stage.finish(TAIL);
    assert!(finished.empty);
    assert_eq!(stage.seen, [Seen::Start, Seen::Finish(OwnedStop::EndTurn)]);
}

#[test]
fn meaningful_is_what_a_client_would_see() {
    for (line, expected) in [
        (text(""), false),
        (thought(""), false),
        (text("x"), true),
        (thought("x"), true),
        (opened("a"), true),
        (Line::Redacted("x".into()), true),
    ] {
        let mut stage = Stage::new(shown());
        let _ = stage.say(&line);
        assert_eq!(stage.flow.meaningful(), expected, "{line:?}");
    }
}
