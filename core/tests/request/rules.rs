//! Rules on turns, calls, results and ids, one case each.

use serde_json::{Value, json};

use crate::talk::{Bit, Talk, assistant, call, model, result, text, user};
use kiro2api_core::turn::Role;

const CONTEXT: &str = "/userInputMessage/userInputMessageContext/toolResults";

fn results(turn: &Value) -> Vec<(String, String, String)> {
    let all = turn.pointer(CONTEXT).and_then(Value::as_array).cloned().unwrap_or_default();
    let string = |value: &Value| value.as_str().unwrap().to_owned();
    let texts = |result: &Value| {
        result["content"].as_array().unwrap().iter().map(|entry| string(&entry["text"])).collect::<Vec<_>>().join("|")
    };
    all.iter().map(|result| (string(&result["toolUseId"]), string(&result["status"]), texts(result))).collect()
}

fn uses(turn: &Value) -> Vec<Value> {
    turn["assistantResponseMessage"]["toolUses"].as_array().cloned().unwrap_or_default()
}

#[test]
fn neighbours_of_one_role_are_merged() {
    let talk = Talk::of([
        user([text("a"), text("b")]),
        user([text("c")]),
        assistant([text("d")]),
        assistant([text("e")]),
        user([text("f")]),
    ]);
    assert_eq!(talk.contents(), ["a\n\nb\n\nc", "d\n\ne", "f"]);
}

#[test]
fn an_assistant_may_come_first() {
    let contents = Talk::of([assistant([text("hello")]), user([text("hi")])]).contents();
    assert_eq!(contents, ["(the conversation begins with your message)", "hello", "hi"]);
    let mut talk = Talk::of([assistant([text("hello")]), user([text("hi")])]);
    talk.system = vec!["s".to_owned()];
    assert_eq!(talk.contents().len(), 5);
}

#[test]
fn a_prefill_is_history_and_its_rest_is_asked_for() {
    let contents = Talk::of([user([text("Write JSON.")]), assistant([text("{\"a\":")])]).contents();
    assert_eq!(contents[..2], ["Write JSON.", "{\"a\":"]);
    assert!(contents[2].starts_with("Continue your last message from exactly where it ends."));
    assert_eq!(contents.len(), 3);
}

#[test]
fn no_message_at_all_is_still_a_body() {
    assert_eq!(Talk::of([]).contents(), ["(empty message)"]);
    assert_eq!(Talk::of([user([])]).contents(), ["(empty message)"]);
    assert_eq!(Talk::of([assistant([])]).contents(), ["(empty message)"]);
    assert_eq!(Talk::of([user([text(" \n")]), assistant([text("")])]).contents(), ["(empty message)"]);
}

#[test]
fn an_empty_reply_is_left_out_and_an_empty_question_is_not() {
    let talk = Talk::of([user([text("a")]), assistant([text("")]), user([text("b")])]);
    assert_eq!(talk.contents(), ["a\n\nb"]);
    let talk =
        Talk::of([user([text("a")]), assistant([text("b")]), user([]), assistant([text("c")]), user([text("d")])]);
    assert_eq!(talk.contents(), ["a", "b", "(empty message)", "c", "d"]);
}

#[test]
fn text_beside_a_result_is_kept() {
    let talk = Talk::of([
        user([text("go")]),
        assistant([call("t1", "run", "{}")]),
        user([text("before"), result("t1", "out"), text("after")]),
    ]);
    assert_eq!(talk.contents(), ["go", " ", "before\n\nafter"]);
    assert_eq!(results(&talk.turns()[2]), [("t1".into(), "success".into(), "out".into())]);
}

#[test]
fn a_call_without_result_is_answered_as_cancelled() {
    let cancelled = "The user cancelled this tool call; it has no result.";
    let expected = [("t1".to_owned(), "error".to_owned(), cancelled.to_owned())];
    let begin = [user([text("go")]), assistant([call("t1", "run", "{}")])];
    let talk = Talk::of(begin.clone());
    assert_eq!(results(&talk.turns()[2]), expected);
    let mut middle = begin.to_vec();
    middle.extend([user([text("stop")]), assistant([text("ok")]), user([text("go on")])]);
    assert_eq!(results(&Talk::of(middle).turns()[2]), expected);
}

#[test]
fn results_are_collected_from_several_messages_in_the_order_of_calls() {
    let talk = Talk::of([
        user([text("go")]),
        assistant([call("a", "run", "{}"), call("b", "run", "{}")]),
        assistant([call("c", "run", "{}")]),
        user([result("c", "3")]),
        user([result("a", "1"), text("and")]),
        user([result("b", "2")]),
    ]);
    let ids: Vec<_> = results(&talk.turns()[2]).into_iter().map(|(id, _, text)| id + &text).collect();
    assert_eq!(ids, ["a1", "b2", "c3"]);
}

#[test]
fn a_result_nobody_called_for_becomes_text() {
    let talk = Talk::of([user([result("x", "lost"), Bit::Result("y".to_owned(), true, vec![text("found")])])]);
    assert_eq!(talk.contents(), ["[Result of tool call x]\n\nlost\n\n[Error of tool call y]\n\nfound"]);
    let late = Talk::of([
        user([text("go")]),
        assistant([call("t", "run", "{}")]),
        user([text("wait")]),
        assistant([text("ok")]),
        user([result("t", "late")]),
    ]);
    assert_eq!(late.contents()[4], "[Result of tool call t]\n\nlate");
}

#[test]
fn a_second_result_for_one_call_becomes_text() {
    let talk = Talk::of([
        user([text("go")]),
        assistant([call("t", "run", "{}")]),
        user([result("t", "first"), result("t", "second")]),
    ]);
    assert_eq!(results(&talk.turns()[2])[0].2, "first");
    assert_eq!(talk.contents()[2], "[Result of tool call t]\n\nsecond");
}

#[test]
fn a_doubled_call_is_one_and_another_under_its_id_gets_its_own() {
    let twin = call("t", "run", r#"{"a":1}"#);
    let talk = Talk::of([
        user([text("go")]),
        assistant([twin.clone(), twin, call("t", "run", r#"{"a":2}"#)]),
        user([result("t", "one"), result("t", "two")]),
    ]);
    let turns = talk.turns();
    let uses = uses(&turns[1]);
    assert_eq!(uses.iter().map(|call| call["input"]["a"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    let texts: Vec<_> = results(&turns[2]).into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(uses[0]["toolUseId"], "t");
}

#[test]
fn ids_that_count_from_zero_in_every_turn_are_told_apart() {
    let round = |n: &str| [assistant([call("call_0", "run", "{}")]), user([result("call_0", n)])];
    let mut messages = vec![user([text("go")])];
    messages.extend([round("1"), round("2"), round("3")].concat());
    let turns = Talk::of(messages).turns();
    let ids: Vec<_> = turns.iter().flat_map(uses).map(|call| call["toolUseId"].clone()).collect();
    assert_eq!(ids[0], "call_0");
    assert!(ids[1] != ids[0] && ids[2] != ids[1] && ids[2] != ids[0]);
    assert_eq!(results(&turns[6])[0].2, "3");
}

#[test]
fn foreign_ids_become_legal() {
    let talk =
        Talk::of([user([text("go")]), assistant([call("call.1:a/b", "run", "{}")]), user([result("call.1:a/b", "r")])]);
    let turns = talk.turns();
    let id = uses(&turns[1])[0]["toolUseId"].as_str().unwrap().to_owned();
    assert!(id.starts_with("call_1_a_b_"), "{id}");
    assert_eq!(results(&turns[2])[0].0, id);
}

#[test]
fn an_empty_result_says_so() {
    let talk = Talk::of([
        user([text("go")]),
        assistant([call("t", "run", "{}")]),
        user([Bit::Result("t".to_owned(), false, vec![text("")])]),
    ]);
    assert_eq!(results(&talk.turns()[2])[0].2, "(no output)");
}

#[test]
fn results_within_results_are_flattened() {
    let mut nested = text("core");
    for _ in 0..1_000 {
        nested = Bit::Result("in".to_owned(), false, vec![nested]);
    }
    let talk = Talk::of([
        user([text("go")]),
        assistant([call("t", "run", "{}")]),
        user([Bit::Result("t".to_owned(), false, vec![text("a"), nested, text("b")])]),
    ]);
    assert_eq!(results(&talk.turns()[2])[0].2, "a|core|b");
}

#[test]
fn parts_in_the_wrong_role_are_kept() {
    let talk = Talk::of([
        user([text("go"), call("u", "run", "{\"a\":1}")]),
        assistant([text("one"), call("s", "search", "{}"), result("s", "hit"), text("two")]),
        user([text("next")]),
    ]);
    assert_eq!(talk.contents()[..2], ["go\n\n[Tool call run]\n{\"a\":1}", "one"]);
    assert_eq!(results(&talk.turns()[2])[0].2, "hit");
    assert_eq!(talk.contents()[3..], ["two", "next"]);
}

#[test]
fn inputs_are_objects_and_keep_their_spelling() {
    let input = r#"{"z":1.50,"a":123456789012345678901234567890,"n":null}"#;
    let talk =
        Talk::of([user([text("go")]), assistant([call("a", "run", input), call("b", "run", "\"{\\\"x\\\":1}\"")])]);
    assert!(talk.body().contains(input));
    assert_eq!(uses(&talk.turns()[1])[1]["input"], json!({"x": 1}));
}

#[test]
fn ids_follow_the_session_and_without_one_the_opening() {
    let of = |session: Option<&str>, first: &str, last: &str| {
        let mut talk = Talk::of([user([text(first)]), assistant([text("b")]), user([text(last)])]);
        talk.session = session.map(str::to_owned);
        talk.encode().conversation_id().to_owned()
    };
    assert_eq!(of(Some("s"), "a", "b"), of(Some("s"), "c", "d"));
    assert_ne!(of(Some("s"), "a", "b"), of(Some("t"), "a", "b"));
    assert_eq!(of(None, "a", "b"), of(None, "a", "c"));
    assert_ne!(of(None, "a", "b"), of(None, "c", "b"));
    let id = of(None, "a", "b");
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
}

#[test]
fn control_characters_are_escaped() {
    let body = Talk::of([user([text("a\u{0}b\u{1f}\"\\\u{2028}")])]).body();
    assert!(body.contains("a\\u0000b\\u001f\\\"\\\\\u{2028}"));
}

#[test]
fn a_result_over_the_limit_is_told_with_its_numbers() {
    let talk = |n: usize| {
        Talk::of([user([text("go")]), assistant([call("t", "run", "{}")]), user([result("t", &"é".repeat(n))])])
    };
    talk(800_000).body();
    let error = kiro2api_core::upstream::encode(&talk(800_001).turn(), &Default::default()).unwrap_err();
    assert!(matches!(error.kind(), kiro2api_core::Kind::TooLong { tokens: 200_001, maximum: 200_000 }), "{error:?}");
    assert!(error.text().contains("800001 characters") && error.text().contains("tool call t"), "{error}");
}

#[test]
fn every_model_takes_a_plain_turn() {
    for model in kiro2api_core::models::Catalogue::built_in().all() {
        let mut talk = Talk::of([(Role::User, vec![text("hi")])]);
        talk.model = model;
        assert_eq!(talk.current()["modelId"], *model.upstream_id);
    }
    assert_eq!(model("auto").upstream_id, "auto");
}
