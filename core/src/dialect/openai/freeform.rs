//! Tools whose input is plain text: the model is offered an object with one member, `input`, and the client gets
//! that member's text.
//!
//! The model's JSON comes as literals that are cut anywhere, so the text is taken out character by character and
//! never decoded as a whole.

use crate::dialect::sse::raw;
use crate::json::{Lit, Run, escape_into};

/// The schema such a tool is offered with.
pub(crate) const SCHEMA: &str = r#"{"type":"object","properties":{"input":{"type":"string","description":"The whole input of the tool as plain text, not wrapped in JSON and not quoted."}},"required":["input"],"additionalProperties":false}"#;

/// Takes the text of the first member `input` that is a string out of an object that comes in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Freeform {
    place: Place,
    /// The name of the member that is read, escaped as it came.
    key: String,
    /// An escape that is not complete yet.
    escape: String,
    /// The first half of a surrogate pair, waiting for the second.
    high: Option<String>,
    found: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Before the object.
    Root,
    /// Before a member's name.
    Member,
    /// Inside a member's name; whether after a backslash.
    Key(bool),
    /// Between a name and its value.
    Colon,
    /// Inside a value that is not wanted.
    Other(Other),
    /// Inside the text that is wanted.
    Text,
    /// Behind everything that matters.
    End,
}

/// Inside a value that is skipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Other {
    depth: u32,
    quoted: bool,
    escaped: bool,
}

impl Freeform {
    pub(crate) fn new() -> Self {
        Self { place: Place::Root, key: String::new(), escape: String::new(), high: None, found: false }
    }

    /// Whether the wanted text is complete.
    pub(crate) fn found(&self) -> bool {
        self.found
    }

    /// Reads the next piece of the JSON and appends what it holds of the wanted text, as the inside of a JSON string
    /// literal. Complete literals only: half an escape waits for its rest.
    pub(crate) fn push(&mut self, piece: Lit<'_>, out: &mut String) {
        for run in piece.runs() {
            match run {
                Run::Escape(char) => self.char(char, out),
                Run::Plain(text) => self.plain(text, out),
            }
        }
    }

    fn plain(&mut self, mut text: &str, out: &mut String) {
        // A run of plain text holds neither quotes nor backslashes.
        while self.place != Place::Text || !self.escape.is_empty() {
            let mut chars = text.chars();
            let Some(char) = chars.next() else { return };
            self.char(char, out);
            text = chars.as_str();
        }
        if !text.is_empty() {
            self.lonely(out);
            out.push_str(text);
        }
    }

    fn char(&mut self, char: char, out: &mut String) {
        self.place = match self.place {
            Place::Root if char == '{' => Place::Member,
            Place::Root => Place::Root,
            Place::Member if char == '"' => {
                self.key.clear();
                Place::Key(false)
            }
            Place::Member if char == '}' => Place::End,
            Place::Member => Place::Member,
            Place::Key(escaped) => self.in_key(char, escaped),
            Place::Colon => self.before_value(char),
            Place::Other(other) => other.next(char),
            Place::Text => self.in_text(char, out),
            Place::End => Place::End,
        };
    }

    fn in_key(&mut self, char: char, escaped: bool) -> Place {
        if char == '"' && !escaped {
            return Place::Colon;
        }
        // Longer than any spelling of the one name that is looked for.
        if self.key.len() <= MAX_KEY {
            self.key.push(char);
        }
        Place::Key(char == '\\' && !escaped)
    }

    fn before_value(&self, char: char) -> Place {
        match char {
            ':' | ' ' | '\n' | '\r' | '\t' => Place::Colon,
            '"' if !self.found && Lit::joined(&self.key).decode() == "input" => Place::Text,
            _ => Other { depth: 0, quoted: false, escaped: false }.next(char),
        }
    }

    fn in_text(&mut self, char: char, out: &mut String) -> Place {
        if !self.escape.is_empty() {
            self.escape.push(char);
            self.settle(out);
            return Place::Text;
        }
        match char {
            '\\' => self.escape.push(char),
            '"' => {
                self.lonely(out);
                self.found = true;
                return Place::Other(Other { depth: 0, quoted: false, escaped: false });
            }
            _ => {
                self.lonely(out);
                escape_into(char.encode_utf8(&mut [0; 4]), out);
            }
        }
        Place::Text
    }

    /// Writes the escape once it is complete; a surrogate only together with its other half.
    fn settle(&mut self, out: &mut String) {
        let is_unicode = self.escape.as_bytes().get(1) == Some(&b'u');
        if is_unicode && self.escape.len() < 6 {
            return;
        }
        let unit = self.escape.get(2..).filter(|_| is_unicode).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match (self.high.take(), unit) {
            (Some(high), Some(0xDC00..=0xDFFF)) => {
                out.push_str(&high);
                out.push_str(&self.escape);
            }
            (high, unit) => {
                out.push_str(if high.is_some() { REPLACED } else { "" });
                match unit {
                    Some(0xD800..=0xDBFF) => self.high = Some(self.escape.clone()),
                    Some(0xDC00..=0xDFFF) => out.push_str(REPLACED),
                    _ => out.push_str(&self.escape),
                }
            }
        }
        self.escape.clear();
    }

    /// A first half that no second one followed.
    fn lonely(&mut self, out: &mut String) {
        if self.high.take().is_some() {
            out.push_str(REPLACED);
        }
    }
}

impl Other {
    fn next(self, char: char) -> Place {
        let Self { depth, quoted, escaped } = self;
        if quoted {
            let escape = char == '\\' && !escaped;
            return Place::Other(Self { depth, quoted: char != '"' || escaped, escaped: escape });
        }
        match char {
            '"' => Place::Other(Self { depth, quoted: true, escaped: false }),
            '{' | '[' => Place::Other(Self { depth: depth + 1, quoted, escaped }),
            '}' | ']' if depth > 0 => Place::Other(Self { depth: depth - 1, quoted, escaped }),
            ',' if depth == 0 => Place::Member,
            '}' => Place::End,
            _ => Place::Other(self),
        }
    }
}

/// Appends a call's plain input as the inside of a JSON string literal. `json` is the whole object the model wrote;
/// one without a string `input` is itself the input, since nothing the model said may get lost.
pub(crate) fn input_of(json: &str, out: &mut Vec<u8>) {
    let (mut scratch, mut text) = (String::new(), String::new());
    let whole = Lit::escape(json, &mut scratch);
    let mut freeform = Freeform::new();
    freeform.push(whole, &mut text);
    if freeform.found() {
        raw(&text, out);
    } else if !is_empty_object(json) {
        raw(whole.escaped(), out);
    }
}

/// The object that stands for a plain input whose literal is given, for a call in history.
pub(crate) fn object_of(input: Lit<'_>) -> String {
    format!("{{\"input\":\"{}\"}}", input.escaped())
}

fn is_empty_object(json: &str) -> bool {
    let inside = json.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| inside.trim().is_empty())
}

/// What stands for half a surrogate pair.
const REPLACED: &str = "\\ufffd";
/// `input` with every letter as `\u0000`.
const MAX_KEY: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of a JSON text that is cut before each of these characters.
    fn pieces(json: &str, cuts: &[usize]) -> (String, bool) {
        let chars: Vec<char> = json.chars().collect();
        let (mut freeform, mut all) = (Freeform::new(), String::new());
        let mut from = 0;
        for &to in cuts.iter().chain([&chars.len()]) {
            let piece: String = chars[from..to].iter().collect();
            let (mut scratch, mut out) = (String::new(), String::new());
            freeform.push(Lit::escape(&piece, &mut scratch), &mut out);
            // Every piece is a literal of its own.
            let _: String = serde_json::from_str(&format!("\"{out}\"")).unwrap();
            all.push_str(&out);
            from = to;
        }
        (serde_json::from_str(&format!("\"{all}\"")).unwrap(), freeform.found())
    }

    #[test]
    fn every_split_gives_the_same_text() {
        for (json, text) in [
            (r#"{"input":"plain"}"#, "plain"),
            (r#"{ "input" : "a\n\"b\"\\ \/ \u0041\ud83d\ude00é😀" }"#, "a\n\"b\"\\ / A😀é😀"),
            (r#"{"a":{"input":"no"},"b":["}","\"]"],"input":"yes","c":1}"#, "yes"),
            (r#"{"input":7,"in":"x","input":"second","input":"third"}"#, "second"),
            (r#"{"\u0069nput":"spelled"}"#, "spelled"),
            (r#"{"input":""}"#, ""),
            (r#"{"note":"\\","input":"\\"}"#, "\\"),
        ] {
            let count = json.chars().count();
            for first in 0..=count {
                for second in first..=count {
                    assert_eq!(pieces(json, &[first, second]), (text.to_owned(), true), "{json} {first} {second}");
                }
            }
            assert_eq!(pieces(json, &(1..count).collect::<Vec<_>>()), (text.to_owned(), true), "{json}");
        }
    }

    #[test]
    fn lone_surrogates_become_the_replacement_character() {
        for (json, text) in [
            (r#"{"input":"\ud83d"}"#, "\u{fffd}"),
            (r#"{"input":"\ud83dx"}"#, "\u{fffd}x"),
            (r#"{"input":"\ude00\ud83d\n"}"#, "\u{fffd}\u{fffd}\n"),
            (r#"{"input":"\ud83d\ud83d\ude00"}"#, "\u{fffd}😀"),
        ] {
            for cut in 0..json.len() {
                assert_eq!(pieces(json, &[cut]).0, text, "{json} {cut}");
            }
        }
    }

    #[test]
    fn an_object_without_the_member_is_the_input_itself() {
        for (json, text) in [
            (r#"{"cmd":"ls"}"#, r#"{"cmd":"ls"}"#),
            (r#"{"input":["a"]}"#, r#"{"input":["a"]}"#),
            (r#"{"input":"x","b":{}}"#, "x"),
            ("{ }", ""),
        ] {
            let mut out = b"\"".to_vec();
            input_of(json, &mut out);
            out.push(b'"');
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn a_cut_object_is_never_found() {
        let json = r#"{"input":"a\nb"}"#;
        for end in 0..json.len() - 2 {
            assert!(!pieces(&json[..end], &[]).1, "{end}");
        }
    }
}
