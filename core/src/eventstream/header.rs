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
    rest: &'a [u8],
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
        let mut rest = block;
        while !rest.is_empty() {
            let begun = rest;
            let read = read_header(&mut rest).and_then(|(name, value)| marks.note(name, value));
            if let Err(fault) = read {
                let at = block.len() - begun.len();
                return Err(FrameError::Header { at, fault });
            }
        }
        Ok((Self { block }, marks))
    }

    /// Walks over all headers in wire order.
    #[must_use]
    pub fn iter(&self) -> HeaderIter<'a> {
        HeaderIter { rest: self.block }
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
        read_header(&mut self.rest).ok()
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

/// Takes one header off the front of `rest`.
fn read_header<'a>(rest: &mut &'a [u8]) -> Result<(&'a str, Value<'a>), HeaderFault> {
    let [length] = take(rest)?;
    if length == 0 {
        return Err(HeaderFault::EmptyName);
    }
    let name = take_slice(rest, usize::from(length))?;
    let name = str::from_utf8(name).map_err(|_| HeaderFault::NameNotUtf8)?;
    Ok((name, read_value(rest)?))
}

fn read_value<'a>(rest: &mut &'a [u8]) -> Result<Value<'a>, HeaderFault> {
    let [code] = take(rest)?;
    Ok(match code {
        0 => Value::Bool(true),
        1 => Value::Bool(false),
        2 => Value::Byte(i8::from_be_bytes(take(rest)?)),
        3 => Value::Short(i16::from_be_bytes(take(rest)?)),
        4 => Value::Int(i32::from_be_bytes(take(rest)?)),
        5 => Value::Long(i64::from_be_bytes(take(rest)?)),
        6 => Value::Bytes(take_run(rest)?),
        7 => Value::Str(str::from_utf8(take_run(rest)?).map_err(|_| HeaderFault::ValueNotUtf8)?),
        8 => Value::Timestamp(i64::from_be_bytes(take(rest)?)),
        9 => Value::Uuid(take(rest)?),
        unknown => return Err(HeaderFault::UnknownType(unknown)),
    })
}

/// A run of bytes behind its own length of two bytes.
fn take_run<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], HeaderFault> {
    let length = u16::from_be_bytes(take(rest)?);
    take_slice(rest, usize::from(length))
}

fn take_slice<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], HeaderFault> {
    let (taken, left) = rest.split_at_checked(length).ok_or(HeaderFault::Cut)?;
    *rest = left;
    Ok(taken)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], HeaderFault> {
    let (taken, left) = rest.split_first_chunk().ok_or(HeaderFault::Cut)?;
    *rest = left;
    Ok(*taken)
}
