use std::fmt;
use std::ops::Range;
use std::str;

use super::error::{FrameError, HeaderFault};

/// The headers of one frame, checked as a block when the frame was.
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    block: &'a [u8],
    text: Option<&'a str>,
    marks: &'a Marks,
}

/// Walks over [`Headers`] in wire order.
#[derive(Clone)]
pub struct HeaderIter<'a> {
    block: &'a [u8],
    /// The block as text, when it is known to be UTF-8 as a whole (the lengths and type codes of ordinary headers
    /// are): saves looking again at each name and value.
    text: Option<&'a str>,
    at: usize,
}

/// A header's value; the variants are in the order of their type codes (0 and 1 are both [`Value::Bool`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Types 0 (true) and 1 (false); no value bytes.
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Short(i16),
    /// Type 4.
    Int(i32),
    /// Type 5.
    Long(i64),
    /// Type 6; at most 65,535 bytes.
    Bytes(&'a [u8]),
    /// Type 7; at most 65,535 bytes of UTF-8. The only type seen from this service.
    Str(&'a str),
    /// Type 8; milliseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// Type 9; the 16 bytes in wire order.
    Uuid([u8; 16]),
}

/// The header block read last, and what it says.
///
/// Nearly every frame of an answer carries the same headers as the one before it, so that one comparison stands for
/// reading them. Costs one allocation in a stream.
#[derive(Default)]
pub(super) struct Familiar {
    /// The block, if it is short and UTF-8 as a whole, as all ordinary ones are; else empty.
    text: String,
    marks: Marks,
}

/// Where in a block the string headers lie that say what a frame means.
#[derive(Default)]
pub(super) struct Marks {
    message_type: Option<Range<usize>>,
    event_type: Option<Range<usize>>,
    exception_type: Option<Range<usize>>,
    error_code: Option<Range<usize>>,
    error_message: Option<Range<usize>>,
}

/// The longest block that is remembered, in bytes; those of this service have about 100.
///
/// Prevents: copying and comparing 128 KiB per frame for a peer that sends such headers.
const FAMILIAR_CAP: usize = 512;

impl Familiar {
    pub(super) const fn new() -> Self {
        Self { text: String::new(), marks: Marks::new() }
    }

    /// Checks every header of `block`, unless it is the block that was checked last.
    pub(super) fn read<'a>(&'a mut self, block: &'a [u8]) -> Result<Headers<'a>, FrameError> {
        // An empty text may also stand for a block that was not remembered.
        if block.is_empty() || !same(block, self.text.as_bytes()) {
            self.learn(block)?;
        }
        let text = (block.len() == self.text.len()).then_some(&*self.text);
        Ok(Headers { block, text, marks: &self.marks })
    }

    #[cold]
    fn learn(&mut self, block: &[u8]) -> Result<(), FrameError> {
        let text = str::from_utf8(block).ok();
        self.text.clear();
        self.marks = Marks::read(HeaderIter { block, text, at: 0 })?;
        if let Some(text) = text
            && text.len() <= FAMILIAR_CAP
        {
            self.text.push_str(text);
        }
        Ok(())
    }
}

impl<'a> Headers<'a> {
    pub(super) fn message_type(&self) -> Option<&'a str> {
        self.text_at(self.marks.message_type.as_ref())
    }

    pub(super) fn event_type(&self) -> Option<&'a str> {
        self.text_at(self.marks.event_type.as_ref())
    }

    pub(super) fn exception_type(&self) -> Option<&'a str> {
        self.text_at(self.marks.exception_type.as_ref())
    }

    pub(super) fn error_code(&self) -> Option<&'a str> {
        self.text_at(self.marks.error_code.as_ref())
    }

    pub(super) fn error_message(&self) -> Option<&'a str> {
        self.text_at(self.marks.error_message.as_ref())
    }

    fn text_at(&self, mark: Option<&Range<usize>>) -> Option<&'a str> {
        let range = mark?.clone();
        match self.text {
            Some(text) => text.get(range),
            None => str::from_utf8(self.block.get(range)?).ok(),
        }
    }

    /// Walks over all headers in wire order.
    #[must_use]
    pub fn iter(&self) -> HeaderIter<'a> {
        HeaderIter { block: self.block, text: self.text, at: 0 }
    }

    /// The value of the first header called `name`. Names are case-sensitive.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Value<'a>> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        // The block was checked when the frame was read, so an error can only mean its end.
        self.read().ok()
    }
}

impl<'a> IntoIterator for Headers<'a> {
    type Item = (&'a str, Value<'a>);
    type IntoIter = HeaderIter<'a>;

    fn into_iter(self) -> HeaderIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(*self).finish()
    }
}

impl Marks {
    const fn new() -> Self {
        Self { message_type: None, event_type: None, exception_type: None, error_code: None, error_message: None }
    }

    /// Walks to the end of the block; the first fault on the way is the block's.
    fn read(mut walk: HeaderIter<'_>) -> Result<Self, FrameError> {
        let mut marks = Self::new();
        while walk.at < walk.block.len() {
            let at = walk.at;
            let read = walk.read().and_then(|(name, value)| marks.note(name, value, walk.at));
            read.map_err(|fault| FrameError::Header { at, fault })?;
        }
        Ok(marks)
    }

    /// Notes a header whose value ends at `end`.
    fn note(&mut self, name: &str, value: Value<'_>, end: usize) -> Result<(), HeaderFault> {
        let mark = match name {
            ":message-type" => &mut self.message_type,
            ":event-type" => &mut self.event_type,
            ":exception-type" => &mut self.exception_type,
            ":error-code" => &mut self.error_code,
            ":error-message" => &mut self.error_message,
            _ => return Ok(()),
        };
        let Value::Str(text) = value else {
            return Ok(());
        };
        match mark.replace(end - text.len()..end) {
            None => Ok(()),
            // Two readers could take the same frame for an event and for an exception.
            Some(_) => Err(HeaderFault::Repeated),
        }
    }
}

impl<'a> HeaderIter<'a> {
    fn read(&mut self) -> Result<(&'a str, Value<'a>), HeaderFault> {
        let [length] = self.take()?;
        if length == 0 {
            return Err(HeaderFault::EmptyName);
        }
        let name = self.take_text(usize::from(length))?.ok_or(HeaderFault::NameNotUtf8)?;
        Ok((name, self.read_value()?))
    }

    fn read_value(&mut self) -> Result<Value<'a>, HeaderFault> {
        let [code] = self.take()?;
        Ok(match code {
            0 => Value::Bool(true),
            1 => Value::Bool(false),
            2 => Value::Byte(i8::from_be_bytes(self.take()?)),
            3 => Value::Short(i16::from_be_bytes(self.take()?)),
            4 => Value::Int(i32::from_be_bytes(self.take()?)),
            5 => Value::Long(i64::from_be_bytes(self.take()?)),
            6 => {
                let length = self.take_length()?;
                Value::Bytes(self.take_slice(length)?)
            }
            7 => {
                let length = self.take_length()?;
                Value::Str(self.take_text(length)?.ok_or(HeaderFault::ValueNotUtf8)?)
            }
            8 => Value::Timestamp(i64::from_be_bytes(self.take()?)),
            9 => Value::Uuid(self.take()?),
            unknown => return Err(HeaderFault::UnknownType(unknown)),
        })
    }

    fn take_length(&mut self) -> Result<usize, HeaderFault> {
        Ok(usize::from(u16::from_be_bytes(self.take()?)))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], HeaderFault> {
        let rest = self.block.get(self.at..).ok_or(HeaderFault::Cut)?;
        let taken = rest.first_chunk().ok_or(HeaderFault::Cut)?;
        self.at += N;
        Ok(*taken)
    }

    fn take_slice(&mut self, length: usize) -> Result<&'a [u8], HeaderFault> {
        let end = self.at + length;
        let taken = self.block.get(self.at..end).ok_or(HeaderFault::Cut)?;
        self.at = end;
        Ok(taken)
    }

    /// `None` inside when the bytes are no UTF-8.
    fn take_text(&mut self, length: usize) -> Result<Option<&'a str>, HeaderFault> {
        let begun = self.at;
        let bytes = self.take_slice(length)?;
        // Inside UTF-8, a run of bytes is UTF-8 exactly if both its ends are between characters.
        Ok(self.text.map_or_else(|| str::from_utf8(bytes).ok(), |text| text.get(begun..self.at)))
    }
}

/// Equality by words: on wasm32 `==` on slices calls a `memcmp` that goes byte by byte. Without an early way out, since
/// the answer is nearly always yes.
fn same(a: &[u8], b: &[u8]) -> bool {
    let ((a_words, a_rest), (b_words, b_rest)) = (a.as_chunks(), b.as_chunks());
    let words = a_words.iter().zip(b_words);
    let differing = words.fold(0, |bits, (a, b)| bits | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)));
    a.len() == b.len() && differing == 0 && a_rest == b_rest
}
