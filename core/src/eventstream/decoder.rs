use std::fmt;

use super::error::FrameError;
use super::frame::{Frame, PRELUDE, Prelude};
use super::header::Familiar;

/// Turns chunks of bytes, cut anywhere, into [`Frame`]s.
///
/// A frame that lies wholly inside a pushed chunk is handed out in place; only one that straddles chunks is copied,
/// into a buffer that is kept. Once that buffer is warm, no frame costs an allocation.
///
/// The first fault is final: afterwards every call gives the same error.
#[derive(Default)]
pub struct Decoder {
    held: Held,
    familiar: Familiar,
    failed: Option<FrameError>,
}

/// The frames of one pushed chunk. Call [`next`](Frames::next) until it gives `Ok(None)`.
///
/// Dropping it earlier loses nothing: what was not read is kept (copied) and comes first after the next
/// [`push`](Decoder::push), which may be of an empty chunk.
#[must_use = "the frames of this chunk are read by calling `next`"]
pub struct Frames<'d> {
    decoder: &'d mut Decoder,
    rest: &'d [u8],
}

/// Bytes that arrived and were not handed out: the frame that straddles chunks, or what a dropped [`Frames`] left.
///
/// Grows only by bytes that are there, never by a stated length.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    /// How much of `bytes` has been handed out.
    used: usize,
    /// The checked prelude of the frame that begins at `used`, once its twelve bytes are there.
    prelude: Option<Prelude>,
}

/// How much buffer is kept between frames, in bytes.
///
/// Prevents: one huge frame pinning up to 32 MiB for the rest of a long stream.
const KEPT: usize = 64 * 1024;

impl Decoder {
    /// A decoder at the start of a stream. Allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { held: Held::new(), familiar: Familiar::new(), failed: None }
    }

    /// Feeds a chunk of any size; the result gives its frames.
    pub fn push<'d>(&'d mut self, chunk: &'d [u8]) -> Frames<'d> {
        Frames { decoder: self, rest: chunk }
    }

    /// Says whether the stream may end here.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] inside a frame (or with frames left unread), or the fault that ended the stream.
    pub fn finish(&self) -> Result<(), FrameError> {
        match (self.failed, self.held.len()) {
            (Some(error), _) => Err(error),
            (None, 0) => Ok(()),
            (None, have) => Err(FrameError::Truncated { have }),
        }
    }

    /// How many bytes are known to be missing from the frame begun: up to 12 while its prelude is incomplete, then
    /// exactly the rest of the frame. 0 between frames, after a fault, and while frames are left unread.
    ///
    /// So many bytes may be waited for at no cost in latency.
    #[must_use]
    pub fn missing(&self) -> usize {
        let wanted = match (self.held.len(), self.held.prelude) {
            _ if self.failed.is_some() => 0,
            (0, _) => 0,
            (_, None) => PRELUDE,
            (_, Some(prelude)) => prelude.total(),
        };
        wanted.saturating_sub(self.held.len())
    }
}

impl Frames<'_> {
    /// The next whole frame, or `None` when the rest of the chunk (now kept) holds none.
    ///
    /// # Errors
    /// The first fault of the stream; from then on always the same.
    pub fn next<'a>(&'a mut self) -> Result<Option<Frame<'a>>, FrameError> {
        let Decoder { held, familiar, failed } = &mut *self.decoder;
        if let Some(error) = *failed {
            return Err(error);
        }
        held.release();
        let read = if held.len() == 0 {
            in_place(&mut self.rest, held, familiar)
        } else {
            held.next(&mut self.rest, familiar)
        };
        if let Err(error) = read {
            *failed = Some(error);
        }
        read
    }
}

impl Drop for Frames<'_> {
    fn drop(&mut self) {
        let Decoder { held, failed, .. } = &mut *self.decoder;
        if failed.is_some() {
            *held = Held::new();
        } else {
            held.release();
            held.append(self.rest);
        }
    }
}

impl Held {
    const fn new() -> Self {
        Self { bytes: Vec::new(), used: 0, prelude: None }
    }

    fn len(&self) -> usize {
        self.bytes.len() - self.used
    }

    /// Empties the buffer once all of it has been handed out.
    fn release(&mut self) {
        if self.used == self.bytes.len() {
            self.bytes.clear();
            self.used = 0;
            self.bytes.shrink_to(KEPT);
        }
    }

    /// Keeps `rest` behind what is held.
    fn append(&mut self, rest: &[u8]) {
        // Moving only what is the smaller half keeps a caller that reads one frame per push from quadratic work.
        if self.used > self.len() {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
        self.bytes.extend_from_slice(rest);
    }

    /// Completes the frame begun with bytes from the front of `rest`; `None` when they do not suffice.
    fn next<'a>(&'a mut self, rest: &mut &[u8], familiar: &'a mut Familiar) -> Result<Option<Frame<'a>>, FrameError> {
        if self.prelude.is_none() {
            self.fill(PRELUDE, rest);
            self.prelude = Prelude::read(self.bytes.get(self.used..).unwrap_or_default())?;
        }
        let Some(prelude) = self.prelude else {
            return Ok(None);
        };
        self.fill(prelude.total(), rest);
        let end = self.used + prelude.total();
        let Some(bytes) = self.bytes.get(self.used..end) else {
            return Ok(None);
        };
        self.used = end;
        self.prelude = None;
        Frame::read(bytes, prelude, familiar).map(Some)
    }

    /// Takes bytes from the front of `rest` until `wanted` are held or `rest` is empty.
    fn fill(&mut self, wanted: usize, rest: &mut &[u8]) {
        let missing = wanted.saturating_sub(self.len()).min(rest.len());
        let (taken, left) = rest.split_at(missing);
        self.bytes.extend_from_slice(taken);
        *rest = left;
    }
}

impl fmt::Debug for Decoder {
    /// Shows how much is held, never what: it is the user's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("held_bytes", &self.held.len()).field("failed", &self.failed).finish()
    }
}

impl fmt::Debug for Frames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("decoder", self.decoder).field("rest_bytes", &self.rest.len()).finish()
    }
}

/// Reads a frame where it lies, at the front of `rest`; when `rest` ends before the frame does, moves it to `held`.
fn in_place<'a, 'd: 'a>(
    rest: &mut &'d [u8],
    held: &mut Held,
    familiar: &'a mut Familiar,
) -> Result<Option<Frame<'a>>, FrameError> {
    let prelude = Prelude::read(rest)?;
    if let Some(prelude) = prelude
        && let Some((bytes, left)) = rest.split_at_checked(prelude.total())
    {
        *rest = left;
        return Frame::read(bytes, prelude, familiar).map(Some);
    }
    held.bytes.extend_from_slice(rest);
    held.prelude = prelude;
    *rest = &[];
    Ok(None)
}
