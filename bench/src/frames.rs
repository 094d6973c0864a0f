//! The limit, and this project's decoder.

use std::hint::black_box;

use kiro2api_core::eventstream::Decoder;

use crate::corpus::Input;
use crate::suite::{Fault, Run, Work};

/// Both checksums of every frame and nothing else. The frames are known beforehand, so chunks do not matter here.
pub(crate) fn limit(input: &Input) -> Result<Run<'_>, Fault> {
    Ok(Box::new(move || {
        for range in &input.frames {
            let frame = input.stream.get(range.clone()).ok_or("a frame outside its stream")?;
            let (prelude, _) = frame.split_at(8);
            let (checked, _) = frame.split_at(frame.len() - 4);
            black_box((crc32fast::hash(prelude), crc32fast::hash(checked)));
        }
        Ok(input.holds)
    }))
}

/// Bytes to checked frames, with the event type read as a caller would.
pub(crate) fn ours(input: &Input) -> Result<Run<'_>, Fault> {
    let mut decoder = Decoder::new();
    Ok(Box::new(move || {
        let mut work = Work { units: 0, bytes: 0 };
        for chunk in input.chunks() {
            let mut frames = decoder.push(chunk);
            while let Some(frame) = frames.next()? {
                black_box((frame.message_type(), frame.event_type()));
                work.units += 1;
                work.bytes += frame.payload().len();
            }
        }
        decoder.finish()?;
        Ok(work)
    }))
}
