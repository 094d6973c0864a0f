//! Why an answer ended: one table.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its own functions too")]

mod turn_support;

use kiro2api_core::Kind;
use kiro2api_core::turn::flow::Options;
use kiro2api_core::turn::{Ending, OwnedStop};
use turn_support::{CUT, Line, Seen, Stage, TAIL, fragment, opened, said, shown, stopped, stopping, text};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Came {
    Text,
    Complete,
    /// One complete, one cut.
    Cut,
}

fn lines(came: Came) -> Vec<Line> {
    let mut lines = vec![text("x")];
    if came != Came::Text {
        lines.push(stopped("a"));
    }
    if came == Came::Cut {
        lines.extend([opened("b"), fragment("b", "{\"x")]);
    }
    lines
}

fn outcome(options: Options, came: Came, ending: Ending<'_>) -> Result<OwnedStop, Kind> {
    let mut stage = Stage::new(options);
    stage.say_all(&lines(came));
    stage.try_finish(ending).map(|finished| finished.stop).map_err(|error| error.kind())
}

#[test]
fn the_table_of_stop_reasons() {
    use OwnedStop::{ContextWindow, EndTurn, MaxTokens, Refusal, ToolUse};
    let broke = Err(Kind::UpstreamBroke);
    for (ending, after_text, after_tool, after_cut) in [
        (TAIL, Ok(EndTurn), Ok(ToolUse), Ok(MaxTokens)),
        (CUT, Ok(MaxTokens), Ok(ToolUse), Ok(MaxTokens)),
        (said("END_TURN"), Ok(EndTurn), Ok(ToolUse), Ok(MaxTokens)),
        (said("TOOL_USE"), Ok(MaxTokens), Ok(ToolUse), Ok(MaxTokens)),
        (said("STOP_SEQUENCE"), Ok(EndTurn), Ok(ToolUse), Ok(MaxTokens)),
        (said("MAX_TOKENS"), Ok(MaxTokens), Ok(MaxTokens), Ok(MaxTokens)),
        (said("MODEL_CONTEXT_WINDOW_EXCEEDED"), Ok(ContextWindow), Ok(ContextWindow), Ok(ContextWindow)),
        (said("CONTENT_FILTERED"), Ok(Refusal), Ok(Refusal), Ok(Refusal)),
        (said("GUARDRAIL_INTERVENED"), Ok(Refusal), Ok(Refusal), Ok(Refusal)),
        (said("MALFORMED_TOOL_USE"), broke.clone(), broke.clone(), broke.clone()),
        (said("MALFORMED_MODEL_OUTPUT"), broke.clone(), broke.clone(), broke.clone()),
        (said("SOMETHING_NEW"), Ok(EndTurn), Ok(ToolUse), Ok(MaxTokens)),
        (Ending { stop_reason: Some("END_TURN"), tail: false }, Ok(EndTurn), Ok(ToolUse), Ok(MaxTokens)),
    ] {
        for (came, expected) in [(Came::Text, after_text), (Came::Complete, after_tool), (Came::Cut, after_cut)] {
            assert_eq!(outcome(shown(), came, ending), expected, "{ending:?} after {came:?}");
        }
    }
}

#[test]
fn a_sequence_that_came_wins_over_everything_the_service_says() {
    for ending in [TAIL, CUT, said("MAX_TOKENS"), said("MALFORMED_MODEL_OUTPUT"), said("TOOL_USE")] {
        for came in [Came::Text, Came::Complete] {
            assert_eq!(outcome(stopping(&["x"]), came, ending), Ok(OwnedStop::Sequence("x".into())), "{ending:?}");
        }
    }
}

#[test]
fn the_services_own_stop_sequence_is_named_when_there_is_only_one() {
    assert_eq!(outcome(stopping(&["y"]), Came::Text, said("STOP_SEQUENCE")), Ok(OwnedStop::Sequence("y".into())));
    assert_eq!(outcome(stopping(&["y", "z"]), Came::Text, said("STOP_SEQUENCE")), Ok(OwnedStop::EndTurn));
}

#[test]
fn an_unknown_reason_is_noted() {
    let mut stage = Stage::new(shown());
    let _ = stage.say(&text("x"));
    assert_eq!(stage.finish(said("SOMETHING_NEW")).unknown_stop.as_deref(), Some("SOMETHING_NEW"));
    let mut stage = Stage::new(shown());
    let _ = stage.say(&text("x"));
    assert_eq!(stage.finish(said("END_TURN")).unknown_stop, None);
}

#[test]
fn a_malformed_answer_emits_nothing_more() {
    let mut stage = Stage::new(stopping(&["xy"]));
    let _ = stage.say(&text("abx"));
    let before = stage.seen.clone();
    let error = stage.try_finish(said("MALFORMED_TOOL_USE")).unwrap_err();
    assert!(error.text().contains("MALFORMED_TOOL_USE"), "{error}");
    assert_eq!(stage.seen, before);
}

#[test]
fn an_abort_is_silent_and_final() {
    let mut stage = Stage::new(shown());
    let _ = stage.say(&fragment("a", "{\"x"));
    let before = stage.seen.clone();
    let mut late = 0;
    stage.flow.abort(&mut |_| late += 1);
    stage.flow.abort(&mut |_| late += 1);
    let _ = stage.say(&text("more"));
    assert_eq!((late, &stage.seen), (0, &before));
    assert_eq!(stage.try_finish(TAIL).unwrap_err().kind(), Kind::Internal);
    assert_eq!(stage.seen, before);
}

#[test]
fn nothing_at_all_is_empty_and_whole_in_its_grammar() {
    let mut flow = kiro2api_core::turn::Flow::new(shown());
    let mut count = 0;
    let finished = flow.finish(TAIL, kiro2api_core::turn::Usage::default(), &mut |_| count += 1).unwrap();
    assert!(finished.empty);
    assert_eq!(count, 2);
    let mut stage = Stage::new(stopping(&["STOP"]));
    let _ = stage.say(&text("ST"));
    assert!(!stage.flow.meaningful());
    assert!(!stage.finish(TAIL).empty);
    assert!(stage.seen.contains(&Seen::Piece("ST".into())));
}
