//! The frames of a streamed response's events: what every event, and every event of an item, has.

use super::object::summary_part;
use crate::dialect::sse::{self, end, number, raw};

/// Numbers events and names the open item in them.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The number of the next event.
    sequence: u64,
    /// The place of the open item, or of the next one.
    pub(super) place: u64,
    /// The open item's id.
    pub(super) id: String,
}

impl Events {
    /// Begins an event: its name, type and number.
    pub(super) fn begin(&mut self, name: &str, out: &mut Vec<u8>) {
        sse::begin(name, out);
        raw("{\"type\":\"", out);
        raw(name, out);
        raw("\",\"sequence_number\":", out);
        number(self.sequence, out);
        self.sequence += 1;
    }

    /// Tells the place of the open item.
    pub(super) fn place(&self, out: &mut Vec<u8>) {
        raw(",\"output_index\":", out);
        number(self.place, out);
    }

    /// Names the open item.
    pub(super) fn item(&self, out: &mut Vec<u8>) {
        raw(",\"item_id\":\"", out);
        raw(&self.id, out);
        raw("\"", out);
        self.place(out);
    }

    /// An event that carries a whole text as `member`; `index` says in which part, `tail` follows.
    pub(super) fn whole(
        &mut self,
        name: &str,
        index: &str,
        (member, text): (&str, &str),
        tail: &str,
        out: &mut Vec<u8>,
    ) {
        self.begin(name, out);
        self.item(out);
        raw(index, out);
        raw(",\"", out);
        raw(member, out);
        raw("\":\"", out);
        raw(text, out);
        raw("\"", out);
        raw(tail, out);
        finish(out);
    }

    /// An event that carries a message's part.
    pub(super) fn part(&mut self, name: &str, text: &str, part: fn(&str, &mut Vec<u8>), out: &mut Vec<u8>) {
        self.carry(name, CONTENT, text, part, out);
    }

    /// An event that carries a summary's part.
    pub(super) fn summary(&mut self, name: &str, text: &str, out: &mut Vec<u8>) {
        self.carry(name, SUMMARY, text, summary_part, out);
    }

    fn carry(&mut self, name: &str, index: &str, text: &str, part: fn(&str, &mut Vec<u8>), out: &mut Vec<u8>) {
        self.begin(name, out);
        self.item(out);
        raw(index, out);
        raw(",\"part\":", out);
        part(text, out);
        finish(out);
    }
}

/// Ends an event.
pub(super) fn finish(out: &mut Vec<u8>) {
    raw("}", out);
    end(out);
}

/// A message has one part.
pub(super) const CONTENT: &str = ",\"content_index\":0";
/// A thought has one summary.
pub(super) const SUMMARY: &str = ",\"summary_index\":0";
