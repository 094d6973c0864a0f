//! Server-sent events, appended to one output buffer.
//!
//! A text between quotes is spliced in as an escaped JSON literal: such a literal holds no raw control
//! character, so it can never end a line of an event.

use std::io::Write as _;

/// Begins an event with a name; the JSON of its data follows, then [`end`].
pub fn begin(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
}

/// Begins an event without a name; the JSON of its data follows, then [`end`].
pub fn data(out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
}

/// Ends an event.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\n\n");
}

/// A line that every client skips: keeps a silent connection alive. `text` must hold no line break.
pub fn comment(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b": ");
    out.extend_from_slice(text.as_bytes());
    end(out);
}

/// Appends a text as it is.
pub fn raw(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends a text as a JSON string with its quotes.
pub fn string(text: &str, out: &mut Vec<u8>) {
    // A text always has a JSON form and a buffer always takes it: there is no error to tell.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a number.
pub fn number(number: u64, out: &mut Vec<u8>) {
    // Writing into a buffer cannot fail.
    let _ = write!(out, "{number}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_name_its_data_and_an_empty_line() {
        let mut out = Vec::new();
        begin("ping", &mut out);
        string("a\n\"b\"", &mut out);
        number(u64::MAX, &mut out);
        end(&mut out);
        comment("ping", &mut out);
        assert_eq!(
            core::str::from_utf8(&out).unwrap(),
            "event: ping\ndata: \"a\\n\\\"b\\\"\"18446744073709551615\n\n: ping\n\n"
        );
    }
}
