use std::fmt;
use std::str;

use super::error::{FrameError, HeaderFault};

/// The headers of one frame, checked as a block when the frame was.
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    block: &'a [u8],
}

/// Walks over [`Headers`] in wire order.
#[derive(Clone)]
pub struct HeaderIter<'a> {
    block: &'a [u8],
    /// The block as text, when all of it happens to be UTF-8: lengths and type codes of ordinary headers are, and
    /// one look at the whole block is cheaper than one at each name and value.
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

/// The string headers that say what a frame means, picked out in the one pass that checks the block.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks<'a> {
    pub(super) message_type: Option<&'a str>,
    pub(super) event_type: Option<&'a str>,
    pub(super) exception_type: Option<&'a str>,
    pub(super) error_code: Option<&'a str>,
    pub(super) error_message: Option<&'a str>,
}

impl<'a> Headers<'a> {
    /// Checks every header of `block` and picks out the marks.
    pub(super) fn read(block: &'a [u8]) -> Result<(Self, Marks<'a>), FrameError> {
        let mut marks = Marks::default();
        let mut walk = HeaderIter::over(block);
        while walk.at < block.len() {
            let at = walk.at;
            let read = walk
                .read()
                .and_then(|(name, value)| marks.note(name, value));
            if let Err(fault) = read {
                return Err(FrameError::Header { at, fault });
            }
        }
        Ok((Self { block }, marks))
    }

    /// Walks over all headers in wire order.
    #[must_use]
    pub fn iter(&self) -> HeaderIter<'a> {
        HeaderIter::over(self.block)
    }

    /// The value of the first header called `name`. Names are case-sensitive.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Value<'a>> {
        self.iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
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

impl<'a> Marks<'a> {
    fn note(&mut self, name: &str, value: Value<'a>) -> Result<(), HeaderFault> {
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
        match mark.replace(text) {
            None => Ok(()),
            // Two readers could take the same frame for an event and for an exception.
            Some(_) => Err(HeaderFault::Repeated),
        }
    }
}

impl<'a> HeaderIter<'a> {
    fn over(block: &'a [u8]) -> Self {
        Self {
            block,
            text: str::from_utf8(block).ok(),
            at: 0,
        }
    }

    fn read(&mut self) -> Result<(&'a str, Value<'a>), HeaderFault> {
        let [length] = self.take()?;
        if length == 0 {
            return Err(HeaderFault::EmptyName);
        }
        let name = self
            .take_text(usize::from(length))?
            .ok_or(HeaderFault::NameNotUtf8)?;
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
        Ok(self.text.map_or_else(
            || str::from_utf8(bytes).ok(),
            |text| text.get(begun..self.at),
        ))
    }
}
