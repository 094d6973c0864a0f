//! All that can be seen of a decoded stream, owned, so that two ways of feeding it can be compared whole.

use kiro2api_core::eventstream::{Decoder, Frame, FrameError, Value};

use crate::wire::Field;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) frames: Vec<Seen>,
    /// What `finish` said, or the fault that came before it.
    pub(crate) end: Result<(), FrameError>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) headers: Vec<(String, Field)>,
    pub(crate) payload: Vec<u8>,
}

impl Outcome {
    pub(crate) fn of<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Self {
        let mut decoder = Decoder::new();
        let mut frames = Vec::new();
        for chunk in chunks {
            if let Err(error) = read_all(&mut decoder, chunk, &mut frames) {
                assert_fused(&mut decoder, error);
                return Self { frames, end: Err(error) };
            }
        }
        Self { frames, end: decoder.finish() }
    }

    pub(crate) fn whole(stream: &[u8]) -> Self {
        Self::of([stream])
    }

    pub(crate) fn in_pieces(stream: &[u8], size: usize) -> Self {
        Self::of(stream.chunks(size))
    }

    /// The error of a stream that must have one, with no frame before it.
    pub(crate) fn only_error(stream: &[u8]) -> FrameError {
        let whole = Self::whole(stream);
        assert_eq!(whole, Self::in_pieces(stream, 1));
        assert_eq!(whole.frames, []);
        whole.end.unwrap_err()
    }
}

impl Seen {
    /// Also checks that each mark is what a walk over the headers finds.
    pub(crate) fn of(frame: &Frame<'_>) -> Self {
        let marks = [
            (":message-type", frame.message_type()),
            (":event-type", frame.event_type()),
            (":exception-type", frame.exception_type()),
            (":error-code", frame.error_code()),
            (":error-message", frame.error_message()),
        ];
        for (name, mark) in marks {
            let mut texts = frame.headers().iter().filter_map(|(n, value)| match value {
                Value::Str(text) if n == name => Some(text),
                _ => None,
            });
            assert_eq!((texts.next(), texts.next()), (mark, None), "{name}");
        }
        Self {
            headers: frame.headers().iter().map(|(name, value)| (name.to_owned(), own(value))).collect(),
            payload: frame.payload().to_vec(),
        }
    }
}

pub(crate) fn read_all(decoder: &mut Decoder, chunk: &[u8], into: &mut Vec<Seen>) -> Result<(), FrameError> {
    let mut frames = decoder.push(chunk);
    while let Some(frame) = frames.next()? {
        into.push(Seen::of(&frame));
    }
    Ok(())
}

/// After a fault nothing but that fault comes out, whatever goes in.
fn assert_fused(decoder: &mut Decoder, error: FrameError) {
    let good = crate::wire::frame_of(b"", b"fine");
    assert_eq!(decoder.push(&good).next().unwrap_err(), error);
    assert_eq!(decoder.push(&good).next().unwrap_err(), error);
    assert_eq!(decoder.finish(), Err(error));
    assert_eq!(decoder.missing(), 0);
}

fn own(value: Value<'_>) -> Field {
    match value {
        Value::Bool(true) => Field::True,
        Value::Bool(false) => Field::False,
        Value::Byte(v) => Field::Byte(v),
        Value::Short(v) => Field::Short(v),
        Value::Int(v) => Field::Int(v),
        Value::Long(v) => Field::Long(v),
        Value::Bytes(v) => Field::Bytes(v.to_vec()),
        Value::Str(v) => Field::Str(v.to_owned()),
        Value::Timestamp(v) => Field::Timestamp(v),
        Value::Uuid(v) => Field::Uuid(v),
    }
}
