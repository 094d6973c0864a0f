use std::fmt;

use super::error::FrameError;
use super::header::{Familiar, Headers};

/// The largest frame accepted, in bytes (16 MiB; the service's own clients stop between 16 and 24 MiB).
///
/// Prevents: a peer that states a length of 4 GiB in twelve valid bytes and makes the gateway collect until the
/// process, or a worker's 128 MB, is gone.
pub const FRAME_CAP: u32 = 16 * 1024 * 1024;

/// The largest header block accepted, in bytes (128 KiB, as in AWS's own clients).
///
/// Prevents: a frame filled with millions of three-byte headers, walked one by one on every read.
pub const HEADERS_CAP: u32 = 128 * 1024;

/// An empty frame: prelude and message checksum.
pub(super) const FRAME_MIN: u32 = 16;

/// Two lengths and the checksum over them.
pub(super) const PRELUDE: usize = 12;

/// One whole frame whose checksums and headers have been found good. Borrows; costs nothing to copy around.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    payload: &'a [u8],
    headers: Headers<'a>,
}

/// The checked lengths at the front of a frame.
#[derive(Clone, Copy)]
pub(super) struct Prelude {
    total: u32,
    headers: u32,
}

impl<'a> Frame<'a> {
    /// Reads the frame that `bytes` holds from its first to its last byte.
    pub(super) fn read(bytes: &'a [u8], prelude: Prelude, familiar: &'a mut Familiar) -> Result<Self, FrameError> {
        let cut = || FrameError::Truncated { have: bytes.len() };
        let (checked, &stated) = bytes.split_last_chunk().ok_or_else(cut)?;
        let stated = u32::from_be_bytes(stated);
        let computed = crc32fast::hash(checked);
        if computed != stated {
            return Err(FrameError::MessageChecksum { stated, computed });
        }
        let body = checked.get(PRELUDE..).ok_or_else(cut)?;
        let (block, payload) = body.split_at_checked(prelude.headers()).ok_or_else(cut)?;
        let headers = familiar.read(block)?;
        Ok(Self { payload, headers })
    }

    /// The bytes between headers and checksum.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// All headers, in wire order.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        self.headers
    }

    /// `:message-type`, if it is there and a string: `event`, `exception` or `error`.
    #[must_use]
    pub fn message_type(&self) -> Option<&'a str> {
        self.headers.message_type()
    }

    /// `:event-type`, if it is there and a string.
    #[must_use]
    pub fn event_type(&self) -> Option<&'a str> {
        self.headers.event_type()
    }

    /// `:exception-type`, if it is there and a string.
    #[must_use]
    pub fn exception_type(&self) -> Option<&'a str> {
        self.headers.exception_type()
    }

    /// `:error-code`, if it is there and a string.
    #[must_use]
    pub fn error_code(&self) -> Option<&'a str> {
        self.headers.error_code()
    }

    /// `:error-message`, if it is there and a string.
    #[must_use]
    pub fn error_message(&self) -> Option<&'a str> {
        self.headers.error_message()
    }
}

impl fmt::Debug for Frame<'_> {
    /// Shows the payload's length only: it is the user's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("headers", &self.headers).field("payload_bytes", &self.payload.len()).finish()
    }
}

impl Prelude {
    /// Checks the prelude at the front of `bytes`; `None` while fewer than twelve bytes are there.
    ///
    /// The checksum comes first: a flipped length is reported as what it is, and no length is believed before.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some((lengths, rest)) = bytes.split_first_chunk::<8>() else {
            return Ok(None);
        };
        let Some(&stated) = rest.first_chunk() else {
            return Ok(None);
        };
        let stated = u32::from_be_bytes(stated);
        let computed = crc32fast::hash(lengths);
        if computed != stated {
            return Err(FrameError::PreludeChecksum { stated, computed });
        }
        let &[a, b, c, d, e, f, g, h] = lengths;
        let prelude = Self { total: u32::from_be_bytes([a, b, c, d]), headers: u32::from_be_bytes([e, f, g, h]) };
        prelude.check().map(|()| Some(prelude))
    }

    fn check(self) -> Result<(), FrameError> {
        let Self { total, headers } = self;
        if total < FRAME_MIN {
            Err(FrameError::FrameTooShort { total })
        } else if total > FRAME_CAP {
            Err(FrameError::FrameTooLong { total })
        } else if headers > HEADERS_CAP {
            Err(FrameError::HeadersTooLong { headers })
        } else if headers > total - FRAME_MIN {
            Err(FrameError::HeadersOutsideFrame { headers, total })
        } else if headers == 1 {
            Err(FrameError::HeadersOfOneByte)
        } else {
            Ok(())
        }
    }

    /// The length of the whole frame in bytes.
    pub(super) fn total(self) -> usize {
        self.total as usize
    }

    fn headers(self) -> usize {
        self.headers as usize
    }
}
