//! Makes a conversation fit the model's window by leaving out its oldest messages, where the client allows that.

use std::collections::BTreeMap;

use crate::turn::estimate;
use crate::turn::request::{Message, Part, Role, Turn};

/// Leaves out the oldest messages until the estimate fits the window with room for an answer, if the client asked
/// for that; returns how many. The system text and the last message a user wrote stay, and no result stays without
/// its call. Where that is not enough, as much is left out as may be: the service has the last word.
pub fn fit(turn: &mut Turn<'_>) -> usize {
    if !turn.truncate {
        return 0;
    }
    let window = u64::from(turn.model.window);
    let answer = turn.max_tokens.map_or(ROOM, u64::from).min(window / 4);
    let excess = estimate::turn(turn).saturating_sub(window.saturating_sub(answer));
    if excess == 0 {
        return 0;
    }
    let spoken = turn.messages.iter().rposition(is_spoken);
    let sizes: Vec<u64> = turn.messages.iter().map(|message| estimate::message(turn.model, message)).collect();
    let cut = cut(&turn.messages, &sizes, spoken, excess);
    let mut index = 0;
    let before = turn.messages.len();
    turn.messages.retain(|_| {
        index += 1;
        index > cut || Some(index - 1) == spoken
    });
    before - turn.messages.len()
}

/// The first place at which the conversation may begin and fits; else the last at which it may begin.
fn cut(messages: &[Message<'_>], sizes: &[u64], spoken: Option<usize>, excess: u64) -> usize {
    let called = calls(messages);
    // A result needs its call: no cut between the two.
    let mut earliest = messages.len();
    let mut allowed = vec![false; messages.len()];
    for (index, message) in messages.iter().enumerate().rev() {
        let needs = message.parts.iter().filter_map(|part| match part {
            Part::ToolResult { id, .. } => called.get(&**id).copied(),
            _ => None,
        });
        earliest = needs.chain([earliest, index]).min().unwrap_or(index);
        if let Some(allowed) = allowed.get_mut(index) {
            *allowed = earliest == index;
        }
    }
    let (mut freed, mut best) = (0, 0);
    for (index, (allowed, size)) in allowed.into_iter().zip(sizes).enumerate() {
        if allowed {
            best = index;
            if freed >= excess {
                break;
            }
        }
        freed += if Some(index) == spoken { 0 } else { *size };
    }
    best
}

/// Where each call is made, by its id: the first time.
fn calls<'m>(messages: &'m [Message<'_>]) -> BTreeMap<&'m str, usize> {
    let mut calls = BTreeMap::new();
    for (index, message) in messages.iter().enumerate() {
        for part in &message.parts {
            if let Part::ToolUse { id, .. } = part {
                calls.entry(&**id).or_insert(index);
            }
        }
    }
    calls
}

/// Whether a user wrote it, rather than a tool.
fn is_spoken(message: &Message<'_>) -> bool {
    let is_result = |part: &Part<'_>| matches!(part, Part::ToolResult { .. });
    message.role == Role::User && !message.parts.is_empty() && !message.parts.iter().all(is_result)
}

/// Tokens kept free for the answer where the client named no limit.
const ROOM: u64 = 8_000;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::json::RawValue;
    use crate::models::Catalogue;
    use crate::turn::{Thinking, ToolChoice};

    fn text(role: Role, text: &str) -> Message<'static> {
        Message { role, parts: vec![Part::Text(Cow::Owned(text.repeat(400)))] }
    }

    fn call(id: &'static str) -> Message<'static> {
        let input: &RawValue = serde_json::from_str("{}").unwrap();
        Message {
            role: Role::Assistant,
            parts: vec![Part::ToolUse { id: id.into(), name: "t".into(), input: std::borrow::Cow::Borrowed(input) }],
        }
    }

    fn result(id: &'static str, size: usize) -> Message<'static> {
        let parts = vec![Part::Text(Cow::Owned("word ".repeat(size)))];
        Message { role: Role::User, parts: vec![Part::ToolResult { id: id.into(), error: false, parts }] }
    }

    /// What is left of a conversation of which so many tokens are too much.
    fn left(messages: &[Message<'_>], excess: u64) -> Vec<usize> {
        let model = Catalogue::built_in().find("claude-sonnet-4.5").unwrap();
        let sizes: Vec<u64> = messages.iter().map(|message| estimate::message(model, message)).collect();
        let spoken = messages.iter().rposition(is_spoken);
        let cut = cut(messages, &sizes, spoken, excess);
        (0..messages.len()).filter(|index| *index >= cut || Some(*index) == spoken).collect()
    }

    #[test]
    fn the_oldest_go_first_and_calls_stay_with_their_results() {
        let messages = [
            text(Role::User, "old "),
            text(Role::Assistant, "reply "),
            text(Role::User, "last "),
            call("a"),
            result("a", 500),
            call("b"),
            call("c"),
            result("c", 500),
            result("b", 500),
        ];
        assert_eq!(left(&messages, 0), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(left(&messages, 100), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(left(&messages, 700), [2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(left(&messages, 1_200), [2, 5, 6, 7, 8], "the call goes with its result");
        assert_eq!(left(&messages, 1_000_000), [2, 5, 6, 7, 8], "never a result alone, never without the question");
    }

    #[test]
    fn nothing_is_left_out_unless_the_client_allows_it() {
        let model = Catalogue::built_in().find("claude-sonnet-4.5").unwrap();
        let mut turn = Turn {
            model,
            system: vec![],
            messages: (0..1_000).map(|_| text(Role::User, "one two three ")).collect(),
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
        };
        assert_eq!(fit(&mut turn), 0);
        turn.truncate = true;
        let dropped = fit(&mut turn);
        assert!(dropped > 0 && turn.messages.len() == 1_000 - dropped);
        assert!(estimate::turn(&turn) + ROOM <= u64::from(model.window));
        assert_eq!(fit(&mut turn), 0, "what fits is left alone");
    }
}
