//! Ids that follow from what the client sent: the same conversation has the same ids on every turn, so the
//! service's prefix cache can hit, and nothing is drawn or stored.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::turn::{Part, Role, Turn};

/// The ids of one conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ConversationIds {
    /// Names the conversation.
    pub(super) conversation: String,
    /// Names the agent's run over it.
    pub(super) continuation: String,
}

impl ConversationIds {
    /// From the client's session; without one, from what stays the same in a conversation: its system text
    /// and its first user message.
    pub(super) fn of(turn: &Turn<'_>) -> Self {
        let seed = match &turn.session {
            Some(session) => digest(&[b"session", session.as_bytes()]),
            None => opening_digest(turn),
        };
        Self { conversation: uuid(&digest(&[b"conversation", &seed])), continuation: uuid(&digest(&[b"run", &seed])) }
    }
}

fn opening_digest(turn: &Turn<'_>) -> [u8; 32] {
    let mut pieces: Vec<&[u8]> = vec![b"opening"];
    pieces.extend(turn.system.iter().map(|text| text.as_bytes()));
    pieces.push(b"first");
    let first = turn.messages.iter().find(|message| message.role == Role::User);
    for part in first.into_iter().flat_map(|message| &message.parts) {
        match part {
            Part::Text(text) => pieces.push(text.as_bytes()),
            Part::Image(image) => pieces.push(image.base64.as_bytes()),
            Part::Document { base64, .. } => pieces.push(base64.as_bytes()),
            _ => {}
        }
    }
    digest(&pieces)
}

/// SHA-256 over pieces, each led by its length so that no two lists collide.
fn digest(pieces: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update((piece.len() as u64).to_le_bytes());
        hash.update(piece);
    }
    hash.finalize().into()
}

/// The digest's first 16 bytes as a name-based UUID (version 5, RFC 9562).
fn uuid(digest: &[u8; 32]) -> String {
    let mut text = String::with_capacity(36);
    for (at, &byte) in digest.iter().take(16).enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        push_hex(
            &mut text,
            match at {
                6 => (byte & 0x0f) | 0x50,
                8 => (byte & 0x3f) | 0x80,
                _ => byte,
            },
        );
    }
    text
}

fn push_hex(text: &mut String, byte: u8) {
    for nibble in [byte >> 4, byte & 15] {
        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
    }
}

/// `head`, cut to `max_head` characters and cleaned of what `[A-Za-z0-9_-]` does not hold, then `_` and eight
/// hex digits of the SHA-256 of `original` (and of `salt` beyond the first try).
pub(super) fn shortened(original: &str, max_head: usize, salt: u32) -> String {
    let clean = |c: char| if is_word(c) { c } else { '_' };
    let mut text: String = original.chars().take(max_head).map(clean).collect();
    text.push('_');
    let salt_bytes = salt.to_le_bytes();
    let salted: &[u8] = if salt == 0 { &[] } else { &salt_bytes };
    for &byte in digest(&[original.as_bytes(), salted]).iter().take(4) {
        push_hex(&mut text, byte);
    }
    text
}

/// Whether the service takes this character in tool names and tool-use ids.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Gives every call of a conversation a legal id that no other call has.
///
/// A legal id that is new stays as it is. An illegal one, and one that was used before (clients exist that
/// count from zero in every turn), gets a hash suffix. Depends on earlier calls only, so history keeps its
/// bytes when the conversation grows.
#[derive(Debug, Default)]
pub(super) struct CallIds<'t> {
    taken: BTreeSet<String>,
    salts: BTreeMap<&'t str, u32>,
}

impl<'t> CallIds<'t> {
    /// The id to send for the next call the client names `id`.
    pub(super) fn assign(&mut self, id: &'t str) -> String {
        if is_legal_call_id(id) && self.taken.insert(id.to_owned()) {
            return id.to_owned();
        }
        let salt = self.salts.entry(id).or_default();
        loop {
            let short = shortened(id, MAX_CALL_ID - 9, *salt);
            *salt = salt.saturating_add(1);
            if self.taken.insert(short.clone()) {
                return short;
            }
        }
    }
}

fn is_legal_call_id(id: &str) -> bool {
    (1..=MAX_CALL_ID).contains(&id.len()) && id.chars().all(is_word)
}

/// Most characters of a tool-use id.
const MAX_CALL_ID: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_ids_stay_and_all_others_become_legal_and_distinct() {
        let mut ids = CallIds::default();
        assert_eq!(ids.assign("tooluse_Vb0-x"), "tooluse_Vb0-x");
        let long = "x".repeat(300);
        let all =
            ["call.1:a", "call.1;a", "", "日本", &long, "tooluse_Vb0-x", "tooluse_Vb0-x"].map(|id| ids.assign(id));
        for id in &all {
            assert!(is_legal_call_id(id), "{id}");
        }
        assert_eq!(BTreeSet::from(all).len(), 7);
    }

    #[test]
    fn an_id_that_equals_an_earlier_made_one_is_told_apart() {
        let made = CallIds::default().assign("a b");
        let mut ids = CallIds::default();
        assert_eq!(ids.assign("a b"), made);
        assert_ne!(ids.assign(&made), made);
    }
}
