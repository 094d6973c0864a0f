//! Where a run of characters ends, and by which list it is paid then.

use super::price::Row;

/// What the open run is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Run {
    #[default]
    Nothing,
    /// Blanks, of which the last is a space.
    Space,
    /// Blanks, of which the last is none.
    Break,
    Digits,
    Cyrillic,
    /// One of JSON's marks, so many times.
    JsonMark,
    /// One other mark, so many times.
    Mark,
    /// Different marks, all of them JSON's.
    JsonMarks,
    /// Different marks.
    Marks,
    /// Small letters: after no space, after one, after digits (an id, a hash, base64).
    Lower,
    LowerSpaced,
    LowerCoded,
    /// A capital and small letters.
    Capital,
    CapitalSpaced,
    CapitalCoded,
    /// A capital.
    Initial,
    InitialSpaced,
    InitialCoded,
    /// More than one capital.
    Upper,
    UpperCoded,
}

/// What a byte is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Lower,
    Upper,
    Space,
    Break,
    Digit,
    JsonMark,
    Mark,
    /// Of a character beyond ASCII, the first byte.
    Lead,
    Cyrillic,
    /// Another of its bytes.
    Inside,
}

/// What a character does to the open run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) next: Run,
    /// What is due.
    pub(super) price: Row,
    /// The character belongs to the run.
    pub(super) goes_on: bool,
    /// By how much the run grows, or the length of the next one.
    pub(super) length: u8,
}

impl Class {
    pub(super) fn of(byte: u8) -> Self {
        CLASSES[usize::from(byte)]
    }

    const fn read(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Lower,
            b'A'..=b'Z' => Self::Upper,
            b' ' => Self::Space,
            b'\n' | b'\t' | b'\r' => Self::Break,
            b'0'..=b'9' => Self::Digit,
            b'"' | b':' | b',' | b'{' | b'}' | b'[' | b']' => Self::JsonMark,
            ..0x80 => Self::Mark,
            0x80..0xc0 => Self::Inside,
            0xc0.. => Self::Lead,
        }
    }
}

impl Run {
    /// What a character does to this run; `again` when it is the same as the one before.
    pub(super) fn step(self, class: Class, again: bool) -> Step {
        STEPS[self as usize][class as usize * 2 + usize::from(again)]
    }

    /// How the run is paid when nothing follows.
    pub(super) const fn row(self) -> Row {
        match self {
            Self::Nothing => Row::Nothing,
            Self::Space | Self::Break => Row::Blanks,
            Self::Digits => Row::Digits,
            Self::Cyrillic => Row::Cyrillic,
            Self::JsonMark | Self::Mark => Row::Same,
            Self::JsonMarks => Row::JsonMarks,
            Self::Marks => Row::Marks,
            Self::Lower => Row::LowerBare,
            Self::LowerSpaced => Row::LowerSpaced,
            Self::Capital => Row::CapitalBare,
            Self::CapitalSpaced => Row::CapitalSpaced,
            Self::Initial | Self::InitialSpaced | Self::Upper => Row::Upper,
            Self::LowerCoded | Self::CapitalCoded | Self::InitialCoded | Self::UpperCoded => Row::Coded,
        }
    }

    const fn read(self, class: Class, again: bool) -> Step {
        if let Some(next) = self.with(class, again) {
            return Step { next, price: Row::Nothing, goes_on: true, length: 1 };
        }
        let (price, length) = match (self, class) {
            (Self::Space, _) => (Row::Space, 1),
            (Self::Break, Class::Lead) => (Row::Blanks, 1),
            (Self::Break, _) => (Row::Breaks, 1),
            // `HTTPServer`: the last capital belongs to what follows.
            (Self::Upper, Class::Lower) => (Row::UpperBut, 2),
            (Self::UpperCoded, Class::Lower) => (Row::CodedBut, 2),
            _ => (self.row(), 1),
        };
        Step { next: self.before(class), price, goes_on: false, length }
    }

    /// The run with one more character, if that belongs to it.
    const fn with(self, class: Class, again: bool) -> Option<Self> {
        use Run::*;
        Some(match (self, class) {
            (Space | Break, Class::Space) => Space,
            (Space | Break, Class::Break) => Break,
            (Digits, Class::Digit) | (Cyrillic, Class::Cyrillic) => self,
            (JsonMark | Mark, Class::JsonMark | Class::Mark) if again => self,
            (JsonMark | JsonMarks, Class::JsonMark) => JsonMarks,
            (JsonMark | Mark | JsonMarks | Marks, Class::JsonMark | Class::Mark) => Marks,
            (Lower | LowerSpaced | LowerCoded | Capital | CapitalSpaced | CapitalCoded, Class::Lower) => self,
            (Initial, Class::Lower) => Capital,
            (InitialSpaced, Class::Lower) => CapitalSpaced,
            (InitialCoded, Class::Lower) => CapitalCoded,
            (Initial | InitialSpaced | Upper, Class::Upper) => Upper,
            (InitialCoded | UpperCoded, Class::Upper) => UpperCoded,
            _ => return None,
        })
    }

    /// The run that begins with a character behind this one.
    const fn before(self, class: Class) -> Self {
        use Run::*;
        match (class, self) {
            (Class::Lower, Upper) => Capital,
            (Class::Lower, UpperCoded) => CapitalCoded,
            (Class::Lower, Space) => LowerSpaced,
            (Class::Lower, Digits) => LowerCoded,
            (Class::Lower, _) => Lower,
            (Class::Upper, Space) => InitialSpaced,
            (Class::Upper, Digits | LowerCoded | CapitalCoded) => InitialCoded,
            (Class::Upper, _) => Initial,
            (Class::Space, _) => Space,
            (Class::Break, _) => Break,
            (Class::Digit, _) => Digits,
            (Class::JsonMark, _) => JsonMark,
            (Class::Mark, _) => Mark,
            (Class::Cyrillic, _) => Cyrillic,
            (Class::Lead | Class::Inside, _) => Nothing,
        }
    }
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Inside; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = Class::read(byte as u8);
        byte += 1;
    }
    classes
};

type Steps = [[Step; Class::Inside as usize * 2 + 2]; Run::UpperCoded as usize + 1];

/// [`Run::read`] of everything.
static STEPS: Steps = {
    use Run::*;
    const RUNS: [Run; UpperCoded as usize + 1] = [
        Nothing,
        Space,
        Break,
        Digits,
        Cyrillic,
        JsonMark,
        Mark,
        JsonMarks,
        Marks,
        Lower,
        LowerSpaced,
        LowerCoded,
        Capital,
        CapitalSpaced,
        CapitalCoded,
        Initial,
        InitialSpaced,
        InitialCoded,
        Upper,
        UpperCoded,
    ];
    const ALL: [Class; 10] = [
        Class::Lower,
        Class::Upper,
        Class::Space,
        Class::Break,
        Class::Digit,
        Class::JsonMark,
        Class::Mark,
        Class::Lead,
        Class::Cyrillic,
        Class::Inside,
    ];
    let nothing = Step { next: Nothing, price: Row::Nothing, goes_on: true, length: 1 };
    let mut steps: Steps = [[nothing; Class::Inside as usize * 2 + 2]; RUNS.len()];
    let mut run = 0;
    while run < RUNS.len() {
        let mut class = 0;
        while class < ALL.len() {
            steps[run][class * 2] = RUNS[run].read(ALL[class], false);
            steps[run][class * 2 + 1] = RUNS[run].read(ALL[class], true);
            class += 1;
        }
        run += 1;
    }
    steps
};
