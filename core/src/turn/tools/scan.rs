//! Tells a whole JSON object from a cut or a broken one, character by character and without a buffer.

use crate::json::{Lit, Run};

/// Follows one JSON text. Accepts exactly the objects of RFC 8259, up to [`DEPTH`] levels deep.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    expect: Expect,
    depth: u32,
    /// One bit a level, the innermost lowest: set in an object, clear in an array.
    objects: u128,
}

/// How far a JSON text has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extent {
    /// Nothing but blanks.
    Blank,
    /// The beginning of an object.
    Partial,
    /// A whole object.
    Whole,
    /// No beginning of an object: nothing that follows can mend it.
    Broken,
}

/// Levels a tool's input may nest: what the common JSON parsers take.
const DEPTH: u32 = 128;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    Root,
    Value,
    /// A value or the end of the array.
    Element,
    Key,
    /// A key or the end of the object.
    Member,
    Colon,
    /// A comma or the end of what is open.
    Next,
    Text(Place, Char),
    Word(&'static str),
    Number(Digits),
    End,
    Broken,
}

/// Whether a string is a member's name or a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Key,
    Value,
}

/// Where inside a string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Char {
    Plain,
    Escape,
    /// Hexadecimal digits still to come.
    Hex(u8),
}

/// The part of a number that was read last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Scanner {
    pub(crate) fn new() -> Self {
        Self { expect: Expect::Root, depth: 0, objects: 0 }
    }

    /// How much of an object the literals fed so far are.
    pub(crate) fn extent(&self) -> Extent {
        match self.expect {
            Expect::Root => Extent::Blank,
            Expect::End => Extent::Whole,
            Expect::Broken => Extent::Broken,
            _ => Extent::Partial,
        }
    }

    /// Reads on: the *decoded* literal is the next piece of the JSON text.
    pub(crate) fn feed(&mut self, piece: Lit<'_>) -> Extent {
        for run in piece.runs() {
            match run {
                Run::Escape(char) => self.expect = self.after(char),
                // Quotes are escaped in a literal: nothing in this piece can end the string.
                Run::Plain(_) if matches!(self.expect, Expect::Text(_, Char::Plain)) => {}
                Run::Plain(text) => text.chars().for_each(|char| self.expect = self.after(char)),
            }
        }
        self.extent()
    }

    fn after(&mut self, char: char) -> Expect {
        match self.expect {
            Expect::Text(place, within) => in_text(place, within, char),
            Expect::Number(digits) => match in_number(digits, char) {
                Some(digits) => Expect::Number(digits),
                None if digits.may_end() => self.next(char),
                None => Expect::Broken,
            },
            Expect::Word(rest) => match rest.strip_prefix(char) {
                Some("") => Expect::Next,
                Some(rest) => Expect::Word(rest),
                None => Expect::Broken,
            },
            settled if matches!(char, ' ' | '\n' | '\r' | '\t') => settled,
            Expect::Root if char == '{' => self.open(true),
            Expect::Member if char == '}' => self.close(char),
            Expect::Member | Expect::Key if char == '"' => Expect::Text(Place::Key, Char::Plain),
            Expect::Colon if char == ':' => Expect::Value,
            Expect::Element if char == ']' => self.close(char),
            Expect::Element | Expect::Value => self.value(char),
            Expect::Next => self.next(char),
            _ => Expect::Broken,
        }
    }

    fn value(&mut self, first: char) -> Expect {
        match first {
            '{' => self.open(true),
            '[' => self.open(false),
            '"' => Expect::Text(Place::Value, Char::Plain),
            't' => Expect::Word("rue"),
            'f' => Expect::Word("alse"),
            'n' => Expect::Word("ull"),
            '-' => Expect::Number(Digits::Minus),
            '0' => Expect::Number(Digits::Zero),
            '1'..='9' => Expect::Number(Digits::Whole),
            _ => Expect::Broken,
        }
    }

    fn open(&mut self, object: bool) -> Expect {
        if self.depth == DEPTH {
            return Expect::Broken;
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        if object { Expect::Member } else { Expect::Element }
    }

    /// After a value: a comma, the end of what is open, or a blank.
    fn next(&mut self, char: char) -> Expect {
        match char {
            ' ' | '\n' | '\r' | '\t' => Expect::Next,
            ',' if self.in_object() => Expect::Key,
            ',' => Expect::Value,
            '}' | ']' => self.close(char),
            _ => Expect::Broken,
        }
    }

    fn close(&mut self, char: char) -> Expect {
        if self.in_object() != (char == '}') {
            return Expect::Broken;
        }
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        if self.depth == 0 { Expect::End } else { Expect::Next }
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

fn in_text(place: Place, within: Char, char: char) -> Expect {
    let within = match (within, char) {
        (Char::Plain, '"') => {
            return match place {
                Place::Key => Expect::Colon,
                Place::Value => Expect::Next,
            };
        }
        (Char::Plain, '\\') => Char::Escape,
        (Char::Plain, '\0'..='\u{1f}') => return Expect::Broken,
        (Char::Plain, _) | (Char::Escape, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => Char::Plain,
        (Char::Escape, 'u') => Char::Hex(4),
        (Char::Hex(1), '0'..='9' | 'a'..='f' | 'A'..='F') => Char::Plain,
        (Char::Hex(left), '0'..='9' | 'a'..='f' | 'A'..='F') => Char::Hex(left.saturating_sub(1)),
        _ => return Expect::Broken,
    };
    Expect::Text(place, within)
}

impl Digits {
    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Power)
    }
}

/// The number goes on with `char`; `None` when it does not.
fn in_number(digits: Digits, char: char) -> Option<Digits> {
    use Digits::{Exponent, Fraction, Minus, Point, Power, Sign, Whole, Zero};
    match (digits, char) {
        (Minus, '0') => Some(Zero),
        (Minus, '1'..='9') | (Whole, '0'..='9') => Some(Whole),
        (Zero | Whole, '.') => Some(Point),
        (Point | Fraction, '0'..='9') => Some(Fraction),
        (Zero | Whole | Fraction, 'e' | 'E') => Some(Exponent),
        (Exponent, '+' | '-') => Some(Sign),
        (Exponent | Sign | Power, '0'..='9') => Some(Power),
        _ => None,
    }
}
