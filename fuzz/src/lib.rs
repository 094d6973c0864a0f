//! What both decoder targets hold to be true of any stream, however it is cut.

use kiro2api_core::eventstream::{Decoder, Frame, FrameError};

/// All that can be seen of a stream: its frames, and how it ended.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub frames: Vec<Seen>,
    pub end: Result<(), FrameError>,
}

/// One frame, owned. Headers as their debug text: it shows names, types and values.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub headers: String,
    pub marks: [Option<String>; 5],
    pub payload: Vec<u8>,
}

/// Reads `stream` whole and cut into pieces, and checks that both tell the same; gives what they told.
///
/// Each byte of `sizes` is the size of a piece, less one; they are used over and over.
pub fn read_both_ways(stream: &[u8], sizes: &[u8]) -> Outcome {
    let whole = read([stream]);
    assert_eq!(read(cut(stream, sizes)), whole);
    whole
}

fn read<'s>(chunks: impl IntoIterator<Item = &'s [u8]>) -> Outcome {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for chunk in chunks {
        if let Err(error) = read_chunk(&mut decoder, chunk, &mut frames) {
            assert_eq!(decoder.finish(), Err(error));
            assert_eq!(decoder.push(chunk).next().map(|_| ()), Err(error));
            assert_eq!(decoder.missing(), 0);
            return Outcome {
                frames,
                end: Err(error),
            };
        }
        assert_eq!(decoder.missing() == 0, decoder.finish().is_ok());
    }
    Outcome {
        frames,
        end: decoder.finish(),
    }
}

fn read_chunk(decoder: &mut Decoder, chunk: &[u8], into: &mut Vec<Seen>) -> Result<(), FrameError> {
    let mut frames = decoder.push(chunk);
    while let Some(frame) = frames.next()? {
        into.push(Seen::of(&frame));
    }
    Ok(())
}

impl Seen {
    fn of(frame: &Frame<'_>) -> Self {
        let marks = [
            frame.message_type(),
            frame.event_type(),
            frame.exception_type(),
            frame.error_code(),
            frame.error_message(),
        ];
        Self {
            headers: format!("{:?}", frame.headers()),
            marks: marks.map(|mark| mark.map(str::to_owned)),
            payload: frame.payload().to_vec(),
        }
    }
}

fn cut<'s>(mut stream: &'s [u8], sizes: &'s [u8]) -> impl Iterator<Item = &'s [u8]> {
    let mut sizes = sizes.iter().cycle();
    std::iter::from_fn(move || {
        let size = sizes.next().map_or(1, |size| usize::from(*size) + 1);
        let (piece, rest) = stream.split_at(size.min(stream.len()));
        stream = rest;
        (!piece.is_empty()).then_some(piece)
    })
}
