//! What a run costs, in hundredths of a token.
//!
//! The lists are averages over about three megabytes of Rust, Python, JavaScript, JSON, Markdown and plain
//! documentation under the vocabulary Anthropic published for Claude 2; `tests/estimate` holds other texts,
//! their true counts, and the error that is held by a test.

/// The list by which a run is paid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Row {
    /// Goes on, or costs nothing.
    Nothing,
    Blanks,
    /// Blanks of which the last, a space, belongs to what follows.
    Space,
    /// Blanks of which the last is none, with a text behind them.
    Breaks,
    Digits,
    Cyrillic,
    /// One mark, so many times.
    Same,
    Marks,
    JsonMarks,
    LowerSpaced,
    LowerBare,
    CapitalSpaced,
    CapitalBare,
    Upper,
    /// All but the last letter, which belongs to what follows.
    UpperBut,
    /// Letters and digits alternate: an id, a hash, base64.
    Coded,
    CodedBut,
    /// A word of a language other than English.
    Foreign,
}

impl Row {
    /// The list among words of another language.
    pub(super) fn abroad(self) -> Self {
        match self {
            Self::LowerSpaced | Self::LowerBare | Self::CapitalSpaced | Self::CapitalBare => Self::Foreign,
            other => other,
        }
    }

    const fn price(self, length: u64) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Blanks => 100 + length * 2,
            Self::Space if length < 2 => 0,
            Self::Space => 98 + length * 2,
            Self::Breaks if length < 2 => 102,
            Self::Breaks => 200 + length * 2,
            Self::Digits if length <= 3 => 100,
            Self::Digits => length * 40,
            Self::Cyrillic => 55 + length * 51,
            Self::Same => 95 + length * 5,
            Self::Marks => listed(&MARKS, length),
            Self::JsonMarks => listed(&JSON_MARKS, length),
            Self::LowerSpaced => listed(&LOWER_SPACED, length),
            Self::LowerBare => listed(&LOWER_BARE, length),
            Self::CapitalSpaced => listed(&CAPITAL_SPACED, length),
            Self::CapitalBare => listed(&CAPITAL_BARE, length),
            Self::Upper => listed(&UPPER, length),
            Self::UpperBut => listed(&UPPER, length.saturating_sub(1)),
            Self::Coded => 45 + length * 55,
            Self::CodedBut => 45 + length.saturating_sub(1) * 55,
            Self::Foreign => 70 + length * 20,
        }
    }
}

/// The price of a run of so many characters.
pub(super) fn price(row: Row, length: u64) -> u64 {
    let known = usize::try_from(length).ok().and_then(|length| TABLE.get(row as usize)?.get(length));
    known.map_or_else(|| row.price(length), |price| u64::from(*price))
}

/// A price list by length; longer runs add the last step again and again.
type Prices = [u64; 16];

const LOWER_SPACED: Prices = [100, 100, 102, 102, 110, 105, 106, 108, 112, 115, 121, 133, 135, 140, 150, 185];
const CAPITAL_SPACED: Prices = [100, 103, 106, 118, 126, 127, 126, 144, 155, 173, 184, 195, 200, 210, 225, 250];
const LOWER_BARE: Prices = [100, 100, 101, 106, 108, 112, 130, 132, 136, 148, 155, 180, 220, 235, 250, 290];
const CAPITAL_BARE: Prices = [100, 104, 105, 108, 114, 112, 116, 130, 125, 144, 154, 180, 200, 225, 240, 270];
const UPPER: Prices = [100, 100, 122, 139, 140, 165, 170, 190, 205, 240, 290, 330, 360, 395, 420, 450];
const MARKS: Prices = [100, 107, 135, 200, 230, 278, 310, 350, 400, 450, 490, 530, 570, 610, 650, 690];
const JSON_MARKS: Prices = [100, 100, 104, 160, 190, 220, 255, 290, 325, 360, 395, 430, 465, 500, 535, 570];

const fn listed(list: &Prices, length: u64) -> u64 {
    let [.., before, last] = *list;
    match length {
        0 => last,
        1..=16 => list[length as usize - 1],
        _ => last + (length - 16) * (last - before),
    }
}

/// The prices of nearly every run, worked out beforehand: a run has three characters on average, so that a
/// look-up instead of a case distinction is half of the estimate's cost.
static TABLE: [[u16; LENGTHS]; Row::Foreign as usize + 1] = table();
const LENGTHS: usize = 32;

#[expect(clippy::cast_possible_truncation, reason = "the dearest run of 31 characters costs less than 2000")]
const fn table() -> [[u16; LENGTHS]; Row::Foreign as usize + 1] {
    use Row::*;
    let rows = [
        Nothing,
        Blanks,
        Space,
        Breaks,
        Digits,
        Cyrillic,
        Same,
        Marks,
        JsonMarks,
        LowerSpaced,
        LowerBare,
        CapitalSpaced,
        CapitalBare,
        Upper,
        UpperBut,
        Coded,
        CodedBut,
        Foreign,
    ];
    let mut table = [[0; LENGTHS]; Foreign as usize + 1];
    let mut row = 0;
    while row < rows.len() {
        let mut length = 0;
        while length < LENGTHS {
            table[rows[row] as usize][length] = rows[row].price(length as u64) as u16;
            length += 1;
        }
        row += 1;
    }
    table
}

/// A character beyond ASCII.
pub(super) fn wide(char: char) -> u64 {
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
