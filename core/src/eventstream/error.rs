use std::fmt;

use super::frame::{FRAME_CAP, FRAME_MIN, HEADERS_CAP};

/// Why a stream is not (or no longer) a valid event stream.
///
/// Holds numbers only, never a byte of header or payload text, so it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The first eight bytes do not match the checksum beside them, so neither length can be trusted.
    PreludeChecksum {
        /// The checksum the frame carries.
        stated: u32,
        /// The checksum of the bytes that arrived.
        computed: u32,
    },
    /// The stated frame length is below 16 bytes, the size of an empty frame.
    FrameTooShort {
        /// The stated frame length in bytes.
        total: u32,
    },
    /// The stated frame length is above [`FRAME_CAP`].
    FrameTooLong {
        /// The stated frame length in bytes.
        total: u32,
    },
    /// The stated header length is above [`HEADERS_CAP`].
    HeadersTooLong {
        /// The stated header length in bytes.
        headers: u32,
    },
    /// The stated headers do not fit into the stated frame.
    HeadersOutsideFrame {
        /// The stated header length in bytes.
        headers: u32,
        /// The stated frame length in bytes.
        total: u32,
    },
    /// The stated header length is 1; the smallest header there can be has 3 bytes.
    HeadersOfOneByte,
    /// The frame does not match the checksum at its end.
    MessageChecksum {
        /// The checksum the frame carries.
        stated: u32,
        /// The checksum of the bytes that arrived.
        computed: u32,
    },
    /// The checksums match, but the header block is not a list of headers.
    Header {
        /// Where the faulty header begins, in bytes from the start of the header block.
        at: usize,
        /// What is wrong with it.
        fault: HeaderFault,
    },
    /// The stream ended inside a frame.
    Truncated {
        /// How many bytes of the unfinished frame arrived.
        have: usize,
    },
}

/// What is wrong with one header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderFault {
    /// The name has no byte.
    EmptyName,
    /// The name is not UTF-8.
    NameNotUtf8,
    /// The value's type is none of the ten known ones.
    UnknownType(u8),
    /// The header runs past the end of the header block.
    Cut,
    /// A string value is not UTF-8.
    ValueNotUtf8,
    /// A header that decides what the frame means (`:message-type` and its like) occurs twice.
    Repeated,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::PreludeChecksum { stated, computed } => {
                write!(f, "event stream: prelude checksum is {computed:08x}, the frame says {stated:08x}")
            }
            Self::FrameTooShort { total } => {
                write!(f, "event stream: a frame of {total} bytes is below the minimum of {FRAME_MIN}")
            }
            Self::FrameTooLong { total } => {
                write!(f, "event stream: a frame of {total} bytes is above the cap of {FRAME_CAP}")
            }
            Self::HeadersTooLong { headers } => {
                write!(f, "event stream: headers of {headers} bytes are above the cap of {HEADERS_CAP}")
            }
            Self::HeadersOutsideFrame { headers, total } => {
                write!(f, "event stream: headers of {headers} bytes do not fit a frame of {total}")
            }
            Self::HeadersOfOneByte => write!(f, "event stream: no header fits into one byte"),
            Self::MessageChecksum { stated, computed } => {
                write!(f, "event stream: message checksum is {computed:08x}, the frame says {stated:08x}")
            }
            Self::Header { at, fault } => write!(f, "event stream: header at byte {at}: {fault}"),
            Self::Truncated { have } => {
                write!(f, "event stream: ended inside a frame, after {have} of its bytes")
            }
        }
    }
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::EmptyName => write!(f, "its name is empty"),
            Self::NameNotUtf8 => write!(f, "its name is not UTF-8"),
            Self::UnknownType(code) => write!(f, "type {code} is unknown"),
            Self::Cut => write!(f, "it runs past the end of the headers"),
            Self::ValueNotUtf8 => write!(f, "its string value is not UTF-8"),
            Self::Repeated => write!(f, "it repeats a header that decides what the frame means"),
        }
    }
}

impl std::error::Error for FrameError {}
impl std::error::Error for HeaderFault {}
