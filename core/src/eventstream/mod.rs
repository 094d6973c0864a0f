//! The AWS binary event stream: bytes in, whole checked frames out.
//!
//! ```text
//! offset 0   u32  total length      of the frame, both checksums included
//! offset 4   u32  headers length
//! offset 8   u32  prelude checksum  CRC-32 (zlib) of bytes 0..8
//! offset 12       headers           name length u8, name, type u8, value …
//!                 payload
//! end - 4    u32  message checksum  CRC-32 (zlib) of everything before it
//! ```
//!
//! All integers are big-endian. A frame may be cut at any byte by the transport and several may share a chunk;
//! however the stream is cut, the [`Decoder`] gives the same frames and the same error.
//!
//! What this module is not: it knows no event, no JSON and no client. It never skips or repairs: the first fault
//! ends the stream, because a resynchronised stream is one that silently lost text or half of a tool call.
//!
//! ```
//! # use kiro2api_core::eventstream::{Decoder, FrameError};
//! fn texts(chunks: &[&[u8]]) -> Result<Vec<Vec<u8>>, FrameError> {
//!     let mut decoder = Decoder::new();
//!     let mut payloads = Vec::new();
//!     for chunk in chunks {
//!         let mut frames = decoder.push(chunk);
//!         while let Some(frame) = frames.next()? {
//!             payloads.push(frame.payload().to_vec());
//!         }
//!     }
//!     decoder.finish()?;
//!     Ok(payloads)
//! }
//! let whole = b"\0\0\0\x1d\0\0\0\0\xfd\x52\x8c\x5a{'foo':'bar'}\xc3\x65\x39\x36";
//! let (head, tail) = whole.split_at(7);
//! assert_eq!(texts(&[head, tail]).unwrap(), [b"{'foo':'bar'}"]);
//! assert!(texts(&[head]).is_err());
//! ```

#![deny(clippy::indexing_slicing, clippy::string_slice)] // every length here is the peer's word

mod decoder;
mod error;
mod frame;
mod header;

pub use decoder::{Decoder, Frames};
pub use error::{FrameError, HeaderFault};
pub use frame::{FRAME_CAP, Frame, HEADERS_CAP};
pub use header::{HeaderIter, Headers, Value};
