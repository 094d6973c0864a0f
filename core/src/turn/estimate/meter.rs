//! Counts the tokens of text as it comes, by the shape of its words.
//!
//! Byte-pair tokenizers first cut a text into runs (a word with the space before it, digits, punctuation,
//! blanks) and then look each run up. What a run costs depends mostly on its kind and length, so the price
//! lists below replace the vocabulary. They are averages over about three megabytes of Rust, Python,
//! JavaScript, JSON, Markdown and plain documentation under the vocabulary Anthropic published for Claude 2;
//! `tests/estimate` holds other texts, their true counts, and the error that is held by a test.

use crate::json::Lit;

/// Tokens of a text that comes in pieces; where it was cut does not matter. Costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Hundredths of a token, without the open run.
    settled: u64,
    run: Run,
    /// Characters of the open run.
    length: u32,
    /// The run swallows the space before it.
    spaced: bool,
    /// Letters and digits alternate: an id, a hash, base64.
    coded: bool,
    /// Words still to be taken for a language other than English.
    foreign: u8,
}

/// What the open run is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Run {
    #[default]
    None,
    /// Blanks; whether the last one is a space.
    Blank(bool),
    /// Letters of one hump of a word: `parse`, `Http`, `URL`.
    Lower,
    Capital,
    Upper,
    Digits,
    /// One ASCII mark, so many times.
    Mark(u8),
    /// Different ASCII marks; whether they are all JSON's.
    Marks(bool),
    Cyrillic,
}

impl Meter {
    /// Nothing counted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a piece of text, thought or tool input.
    pub fn push(&mut self, piece: Lit<'_>) {
        if memchr::memchr(b'\\', piece.escaped().as_bytes()).is_none() {
            return self.push_text(piece.escaped());
        }
        piece.chars().for_each(|char| self.read(char));
    }

    /// Counts a piece of plain text.
    pub fn push_text(&mut self, text: &str) {
        text.chars().for_each(|char| self.read(char));
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
        (self.settled + self.price()).div_ceil(100)
    }

    /// Ends the run: what follows is another text.
    pub fn cut(&mut self) {
        self.settle(Run::None, false);
        self.length = 0;
    }

    fn read(&mut self, char: char) {
        let run = match char {
            'a'..='z' => return self.lower(),
            'A'..='Z' if self.run == Run::Upper => Run::Upper,
            'A'..='Z' => return self.begin(Run::Upper),
            ' ' => Run::Blank(true),
            '\n' | '\t' | '\r' => Run::Blank(false),
            '0'..='9' => Run::Digits,
            '\0'..='\x7f' => return self.mark(char as u8),
            '\u{400}'..='\u{52f}' => Run::Cyrillic,
            _ => {
                return self.wide(char);
            }
        };
        match (self.run, run) {
            (Run::Blank(_), Run::Blank(_)) => {
                self.run = run;
                self.length = self.length.saturating_add(1);
            }
            (open, run) if open == run => self.length = self.length.saturating_add(1),
            _ => self.begin(run),
        }
    }

    fn lower(&mut self) {
        match self.run {
            Run::Lower | Run::Capital => self.length = self.length.saturating_add(1),
            Run::Upper if self.length == 1 => {
                self.run = Run::Capital;
                self.length = 2;
            }
            // `HTTPServer`: the last capital belongs to what follows.
            Run::Upper => {
                self.length = self.length.saturating_sub(1);
                self.begin(Run::Capital);
                self.length = 2;
            }
            _ => self.begin(Run::Lower),
        }
    }

    fn mark(&mut self, mark: u8) {
        let json = |mark| b"\":,{}[]".contains(&mark);
        match self.run {
            Run::Mark(same) if same == mark => {}
            Run::Mark(other) => self.run = Run::Marks(json(other) && json(mark)),
            Run::Marks(all) => self.run = Run::Marks(all && json(mark)),
            _ => return self.begin(Run::Mark(mark)),
        }
        self.length = self.length.saturating_add(1);
    }

    /// A character beyond ASCII has a price of its own, and a Latin letter with a mark on it tells that
    /// the words around it are not English.
    fn wide(&mut self, char: char) {
        self.begin(Run::None);
        self.length = 0;
        self.settled += wide(char);
        if matches!(char, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') {
            self.foreign = FOREIGN_WORDS;
        }
    }

    /// Ends the open run and begins the next with one character.
    fn begin(&mut self, run: Run) {
        let spaced = self.run == Run::Blank(true) && !matches!(run, Run::Blank(_));
        self.settle(run, spaced);
        self.length = 1;
    }

    fn settle(&mut self, next: Run, spaced: bool) {
        if spaced {
            self.length = self.length.saturating_sub(1);
            self.settled += if self.length == 0 { 0 } else { self.price_of_blanks() };
        } else {
            self.settled += match self.run {
                Run::Blank(false) if self.length > 1 && next != Run::None => 100 + self.price_of_blanks(),
                _ => self.price(),
            };
        }
        self.coded = match (self.run, next) {
            (Run::Digits, Run::Lower | Run::Capital | Run::Upper) => true,
            (Run::Lower | Run::Capital | Run::Upper, Run::Lower | Run::Capital | Run::Upper | Run::Digits) => {
                self.coded
            }
            _ => false,
        };
        if spaced {
            self.foreign = self.foreign.saturating_sub(1);
        }
        self.run = next;
        self.spaced = spaced;
    }

    fn price(&self) -> u64 {
        let length = u64::from(self.length);
        match self.run {
            Run::None => 0,
            Run::Blank(_) => self.price_of_blanks(),
            Run::Lower | Run::Capital | Run::Upper => self.price_of_letters(),
            Run::Digits if length <= 3 => 100,
            Run::Digits => length * 40,
            Run::Mark(_) => 100 + length.saturating_sub(1) * 5,
            Run::Marks(false) => at(&MARKS, length),
            Run::Marks(true) => at(&JSON_MARKS, length),
            Run::Cyrillic => 55 + length * 51,
        }
    }

    fn price_of_blanks(&self) -> u64 {
        100 + u64::from(self.length) * 2
    }

    fn price_of_letters(&self) -> u64 {
        let length = u64::from(self.length);
        let list = match (self.run, self.spaced) {
            _ if self.coded => return 45 + length * 55,
            (Run::Upper, _) => &UPPER,
            _ if self.foreign > 0 => return FOREIGN_BASE + length * FOREIGN_LETTER,
            (Run::Capital, true) => &CAPITAL_SPACED,
            (_, true) => &LOWER_SPACED,
            (Run::Capital, false) => &CAPITAL_BARE,
            (_, false) => &LOWER_BARE,
        };
        at(list, length)
    }
}

/// A price list by length, in hundredths of a token; longer runs add the last step again and again.
type Prices = [u64; 16];

/// What marks around a call cost beside its name and input.
const CALL: u64 = 1200;
const LOWER_SPACED: Prices = [100, 100, 102, 102, 110, 105, 106, 108, 112, 115, 121, 133, 135, 140, 150, 185];
const CAPITAL_SPACED: Prices = [100, 103, 106, 118, 126, 127, 126, 144, 155, 173, 184, 195, 200, 210, 225, 250];
const LOWER_BARE: Prices = [100, 100, 101, 106, 108, 112, 130, 132, 136, 148, 155, 180, 220, 235, 250, 290];
const CAPITAL_BARE: Prices = [100, 104, 105, 108, 114, 112, 116, 130, 125, 144, 154, 180, 200, 225, 240, 270];
const UPPER: Prices = [100, 100, 122, 139, 140, 165, 170, 190, 205, 240, 290, 330, 360, 395, 420, 450];
const MARKS: Prices = [100, 107, 135, 200, 230, 278, 310, 350, 400, 450, 490, 530, 570, 610, 650, 690];
const JSON_MARKS: Prices = [100, 100, 104, 160, 190, 220, 255, 290, 325, 360, 395, 430, 465, 500, 535, 570];
/// Words after a letter with a mark on it that are taken for the same language.
const FOREIGN_WORDS: u8 = 10;
const FOREIGN_BASE: u64 = 70;
const FOREIGN_LETTER: u64 = 20;

fn at(list: &Prices, length: u64) -> u64 {
    let [.., before, last] = *list;
    let within = usize::try_from(length).ok().and_then(|length| list.get(length.checked_sub(1)?).copied());
    within.unwrap_or_else(|| last + length.saturating_sub(list.len() as u64) * (last - before))
}

/// A character beyond ASCII, in hundredths of a token.
fn wide(char: char) -> u64 {
    match char {
        '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' => 100,
        // Latin letters with marks: they break the word they stand in.
        '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => 100,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => 115,
        '\u{590}'..='\u{6ff}' => 102,
        '\u{900}'..='\u{97f}' => 142,
        '\u{980}'..='\u{e7f}' => 174,
        '\u{3040}'..='\u{30ff}' => 89,
        '\u{4e00}'..='\u{9fff}' => 118,
        '\u{ac00}'..='\u{d7af}' => 140,
        '\u{2500}'..='\u{257f}' => 100,
        '\u{fe00}'..='\u{fe0f}' => 100,
        '\u{2100}'..='\u{2bff}' => 150,
        '\u{1f000}'..='\u{1faff}' => 240,
        _ => 180,
    }
}
