//! The conversation's order, its contents, and the pairing of tool uses and results.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Findings, current, history, list, text};
use crate::config::Limits;
use crate::refusal::Refusal;

/// A turn of the conversation, the current message included.
struct Turn<'b> {
    path: String,
    user: Option<&'b Value>,
    assistant: Option<&'b Value>,
}

pub(super) fn check(body: &Value, limits: &Limits, findings: &mut Findings) {
    let state = body.get("conversationState").unwrap_or(&Value::Null);
    let turns = turns(body, state);
    order(&turns, state, limits, findings);
    conversation_id(state, findings);
    for turn in &turns {
        contents(turn, limits, findings);
    }
    pairing(&turns, findings);
    identity(&turns, findings);
}

fn turns<'b>(body: &'b Value, state: &'b Value) -> Vec<Turn<'b>> {
    let entries = history(body).iter().enumerate();
    let mut turns: Vec<Turn<'b>> =
        entries.map(|(index, entry)| turn(format!("conversationState.history[{index}]"), entry)).collect();
    if let Some(current) = state.get("currentMessage") {
        turns.push(turn("conversationState.currentMessage".to_owned(), current));
    }
    turns
}

fn turn(path: String, entry: &Value) -> Turn<'_> {
    Turn { path, user: entry.get("userInputMessage"), assistant: entry.get("assistantResponseMessage") }
}

fn order(turns: &[Turn<'_>], state: &Value, limits: &Limits, findings: &mut Findings) {
    for (index, turn) in turns.iter().enumerate() {
        let user = index % 2 == 0;
        if turn.user.is_some() != user {
            let expected = if user { "userInputMessage" } else { "assistantResponseMessage" };
            findings.improper(
                "R1",
                &turn.path,
                format!("out of turn: {expected} expected (the history alternates, user first, assistant last)"),
            );
            break;
        }
    }
    if let Some(last) = turns.last().filter(|last| last.path.ends_with("currentMessage") && last.user.is_none()) {
        findings.improper("R1", &last.path, "not a userInputMessage");
    }
    let entries = list(state, "history").len();
    if entries > limits.history {
        findings.improper(
            "size",
            "conversationState.history",
            format!("{entries} entries, the limit is {}", limits.history),
        );
    }
    if state.get("history").is_some_and(|history| history.as_array().is_some_and(Vec::is_empty)) {
        findings.warn("conversationState.history", "empty; official clients leave it out");
    }
}

fn conversation_id(state: &Value, findings: &mut Findings) {
    let Some(id) = state.get("conversationId").and_then(Value::as_str) else {
        return;
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    if id.is_empty() || id.len() > 256 || !id.chars().all(allowed) {
        let refusal = Refusal::validation("Invalid conversation id.").because("INVALID_CONVERSATION_ID");
        findings.broken(
            "conversation-id",
            "conversationState.conversationId",
            "not 1 to 256 of A-Z a-z 0-9 . _ : -",
            refusal,
        );
    }
}

fn contents(turn: &Turn<'_>, limits: &Limits, findings: &mut Findings) {
    if let Some(user) = turn.user {
        let path = format!("{}.userInputMessage", turn.path);
        let content = text(user, "content");
        if user.get("content").is_some_and(Value::is_string) && content.is_empty() {
            findings.improper("R2", format!("{path}.content"), "empty");
        }
        if content.chars().count() > limits.content_chars {
            let detail = format!("more than {} characters", limits.content_chars);
            findings.improper("size", format!("{path}.content"), detail);
        }
        let context = user.get("userInputMessageContext").unwrap_or(&Value::Null);
        results(context, &path, limits, findings);
        let is_history = !turn.path.ends_with("currentMessage");
        if is_history && !list(context, "tools").is_empty() {
            findings.warn(&format!("{path}.userInputMessageContext.tools"), "tools belong to the current message only");
        }
    }
    if let Some(assistant) = turn.assistant {
        let path = format!("{}.assistantResponseMessage.content", turn.path);
        if assistant.get("content").is_some_and(Value::is_string) && text(assistant, "content").is_empty() {
            findings.broken("R3", path, "empty", Refusal::invalid_body());
        }
    }
}

fn results(context: &Value, path: &str, limits: &Limits, findings: &mut Findings) {
    for (index, result) in list(context, "toolResults").iter().enumerate() {
        let path = format!("{path}.userInputMessageContext.toolResults[{index}].content");
        let parts = list(result, "content");
        if parts.is_empty() {
            findings.improper("R2", &path, "no content in a tool result");
        }
        for (at, part) in parts.iter().enumerate() {
            let content = part.get("text").and_then(Value::as_str);
            if content == Some("") {
                findings.improper("R2", format!("{path}[{at}].text"), "empty");
            }
            if content.is_some_and(|content| content.chars().count() > limits.tool_result_chars) {
                findings.improper(
                    "size",
                    format!("{path}[{at}].text"),
                    format!("more than {} characters", limits.tool_result_chars),
                );
            }
        }
    }
}

/// R4 and R5: what one turn asks for, the next one answers, and nothing else.
fn pairing(turns: &[Turn<'_>], findings: &mut Findings) {
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for turn in turns {
        let answered = uses_or_results(turn, false);
        let mismatch = |detail: &str| Refusal::validation(detail).because("TOOL_USE_RESULT_MISMATCH");
        if turn.user.is_some() {
            let path = format!("{}.userInputMessage.userInputMessageContext.toolResults", turn.path);
            for id in asked.iter().filter(|id| !answered.contains(id)) {
                let refusal = mismatch("A tool use has no matching tool result.");
                findings.broken(
                    "R4",
                    &path,
                    format!("no result for the tool use \"{id}\" of the turn before"),
                    refusal,
                );
            }
            for id in answered.iter().filter(|id| !asked.contains(*id)) {
                let refusal = mismatch("A tool result has no matching tool use.");
                findings.broken(
                    "R5",
                    &path,
                    format!("the result for \"{id}\" answers no tool use of the turn before"),
                    refusal,
                );
            }
        }
        asked = uses_or_results(turn, true).into_iter().collect();
    }
}

fn uses_or_results<'b>(turn: &Turn<'b>, uses: bool) -> Vec<&'b str> {
    let items = match (uses, turn.user, turn.assistant) {
        (true, _, Some(assistant)) => list(assistant, "toolUses"),
        (false, Some(user), _) => {
            user.get("userInputMessageContext").map(|context| list(context, "toolResults")).unwrap_or_default()
        }
        _ => &[],
    };
    items.iter().map(|item| text(item, "toolUseId")).collect()
}

/// R6 and R9: ids are unique in the conversation and made of plain characters.
fn identity(turns: &[Turn<'_>], findings: &mut Findings) {
    for uses in [true, false] {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let what = if uses {
            "assistantResponseMessage.toolUses"
        } else {
            "userInputMessage.userInputMessageContext.toolResults"
        };
        for turn in turns {
            for (index, id) in uses_or_results(turn, uses).into_iter().enumerate() {
                let path = format!("{}.{what}[{index}].toolUseId", turn.path);
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
                    findings.broken(
                        "R9",
                        &path,
                        format!("\"{id}\" is not 1 to 64 of A-Z a-z 0-9 _ -"),
                        Refusal::validation(FORMAT),
                    );
                }
                if !seen.insert(id) {
                    findings.broken("R6", path, format!("\"{id}\" occurs twice"), Refusal::validation(FORMAT));
                }
            }
        }
    }
}

/// The texts a person wrote, newest first, each with the number of assistant turns after it.
pub(crate) fn user_texts(body: &Value) -> Vec<(&str, usize)> {
    let mut texts: Vec<(&str, usize)> = current(body).map(|user| (text(user, "content"), 0)).into_iter().collect();
    let mut after = 0;
    for entry in history(body).iter().rev() {
        match entry.get("userInputMessage") {
            Some(user) => texts.push((text(user, "content"), after)),
            None => after += 1,
        }
    }
    texts
}

const FORMAT: &str = "Invalid tool use format.";
