//! Counts the tokens of text as it comes, by the shape of its words.
//!
//! Byte-pair tokenizers first cut a text into runs (a word with the space before it, digits, punctuation,
//! blanks) and then look each run up. What a run costs depends mostly on its kind and length, so the price
//! lists of [`price`] replace the vocabulary, and the rules of [`run`] tell where a run ends.

mod price;
mod run;

use crate::json::{Lit, unescape};
use price::{Row, price, wide};
use run::{Class, Run, Step};

/// Tokens of a text that comes in pieces; where it was cut does not matter. Costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Hundredths of a token, without the open run.
    settled: u64,
    run: Run,
    /// Characters of the open run.
    length: u64,
    /// The last byte of ASCII.
    last: u8,
    /// Words still to be taken for a language other than English.
    foreign: u8,
}

impl Meter {
    /// Nothing counted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a piece of text, thought or tool input.
    pub fn push(&mut self, piece: Lit<'_>) {
        self.read::<true>(piece.escaped());
    }

    /// Counts a piece of plain text.
    pub fn push_text(&mut self, text: &str) {
        self.read::<false>(text);
    }

    /// Counts what a tool call costs beside its input: its name and the marks around it.
    pub fn call(&mut self, name: &str) {
        self.cut();
        self.push_text(name);
        self.cut();
        self.settled += CALL;
    }

    /// Counts encrypted thought by its size: base64 of bytes of which about four make a token.
    pub fn sealed(&mut self, data: Lit<'_>) {
        self.sealed_text(data.escaped());
    }

    /// [`Meter::sealed`] of plain text.
    pub fn sealed_text(&mut self, data: &str) {
        self.settled += data.len() as u64 * 100 * 3 / 16;
    }

    /// Tokens so far, rounded up.
    pub fn tokens(&self) -> u64 {
        (self.settled + self.due()).div_ceil(100)
    }

    /// Ends the run: what follows is another text.
    pub fn cut(&mut self) {
        self.settled += self.due();
        (self.run, self.length) = (Run::Nothing, 0);
    }

    /// Reads a text; where it is `ESCAPED`, an escape is the character it stands for.
    fn read<const ESCAPED: bool>(&mut self, text: &str) {
        // On a copy: what is known to be nobody else's stays in registers.
        let mut meter = self.clone();
        let mut at = 0;
        while let Some(&byte) = text.as_bytes().get(at) {
            at += match Class::of(byte) {
                Class::Inside => 1,
                Class::Lead => meter.read_wide(text.get(at..).unwrap_or_default()),
                Class::Lower => meter.read_lower(text.as_bytes().get(at..).unwrap_or_default()),
                Class::Mark if ESCAPED && byte == b'\\' => meter.read_escape(text.get(at..).unwrap_or_default()),
                class => meter.read_byte(class, byte),
            };
        }
        *self = meter;
    }

    fn read_byte(&mut self, class: Class, byte: u8) -> usize {
        self.take(self.run.step(class, byte == self.last));
        self.last = byte;
        1
    }

    /// Reads the escape at the head of a text; how many bytes it has.
    fn read_escape(&mut self, text: &str) -> usize {
        let (decoded, rest) = unescape(text);
        match decoded.map(|char| (char, u8::try_from(char))) {
            Some((_, Ok(byte @ ..0x80))) => _ = self.read_byte(Class::of(byte), byte),
            Some((char, _)) => _ = self.read_wide(char.encode_utf8(&mut [0; 4])),
            None => {}
        }
        text.len() - rest.len()
    }

    fn take(&mut self, step: Step) {
        let row = if self.foreign == 0 { step.price } else { self.abroad(step.price) };
        self.settled += price(row, self.length);
        self.run = step.next;
        self.length = self.length * u64::from(step.goes_on) + u64::from(step.length);
    }

    /// The list by which words are paid while they are taken for another language than English.
    fn abroad(&mut self, row: Row) -> Row {
        self.foreign -= u8::from(row == Row::Space);
        row.abroad()
    }

    /// What the open run has cost by now.
    fn due(&self) -> u64 {
        let row = self.run.row();
        price(if self.foreign == 0 { row } else { row.abroad() }, self.length)
    }

    /// Reads the small letters at the head of a text, of which there is one; how many there are.
    fn read_lower(&mut self, text: &[u8]) -> usize {
        let letters = lower_prefix(text).max(1);
        self.take(self.run.step(Class::Lower, false));
        self.length += letters as u64 - 1;
        letters
    }

    /// Reads the character at the head of a text, which is beyond ASCII; how many bytes it has.
    ///
    /// It has a price of its own (but for Cyrillic, whose words count as such), and a Latin letter with a mark
    /// on it tells that the words around it are not English.
    fn read_wide(&mut self, text: &str) -> usize {
        let Some(char) = text.chars().next() else { return 1 };
        if matches!(char, '\u{400}'..='\u{52f}') {
            self.take(self.run.step(Class::Cyrillic, false));
            return char.len_utf8();
        }
        self.take(self.run.step(Class::Lead, false));
        self.settled += wide(char);
        if matches!(char, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') {
            self.foreign = FOREIGN_WORDS;
        }
        char.len_utf8()
    }
}

/// How many small letters a text begins with. Looks at eight at a time: words are short and of so many lengths that a
/// processor cannot foresee the end of a loop over their letters.
fn lower_prefix(text: &[u8]) -> usize {
    let (words, tail) = text.as_chunks::<8>();
    let mut letters = 0;
    for word in words {
        let others = not_lower(u64::from_le_bytes(*word));
        if others != 0 {
            return letters + (others.trailing_zeros() / 8) as usize;
        }
        letters += 8;
    }
    letters + tail.iter().take_while(|byte| byte.is_ascii_lowercase()).count()
}

/// The high bit of every byte that is no small letter.
fn not_lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES * 0x80;
    let low = word & !HIGH;
    let from_a = low + ONES * (0x80 - 0x61);
    let past_z = low + ONES * (0x80 - 0x7b);
    (word | !from_a | past_z) & HIGH
}

/// What marks around a call cost beside its name and input.
const CALL: u64 = 1200;
/// Words after a letter with a mark on it that are taken for the same language.
const FOREIGN_WORDS: u8 = 10;
