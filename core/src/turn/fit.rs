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
