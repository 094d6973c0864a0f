//! Frames to writes: where the network cuts.

use super::name;
use super::parse::{Chunks, End};
use super::plan::Action;

/// A frame or what happens between frames.
pub(super) enum Piece {
    Frame(Vec<u8>),
    Wait(u64),
    Stall,
    End(End),
}

/// Cuts after so many bytes.
pub(super) fn truncate(pieces: &mut Vec<Piece>, mut bytes: usize) {
    let mut keep = 0;
    for piece in pieces.iter_mut() {
        match piece {
            Piece::Frame(frame) if bytes <= frame.len() => {
                frame.truncate(bytes);
                keep += 1;
                break;
            }
            Piece::Frame(frame) => bytes -= frame.len(),
            Piece::End(_) | Piece::Stall => break,
            Piece::Wait(_) => {}
        }
        keep += 1;
    }
    pieces.truncate(keep);
}

/// Frames to writes.
pub(super) fn chunked(pieces: Vec<Piece>, chunks: Chunks) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut frames = Vec::new();
    for piece in pieces {
        let action = match piece {
            Piece::Frame(frame) => {
                frames.push(frame);
                continue;
            }
            Piece::Wait(ms) => Action::Wait(ms),
            Piece::Stall => Action::Stall,
            Piece::End(end) => Action::End(end),
        };
        write(std::mem::take(&mut frames), chunks, &mut actions);
        actions.push(action);
    }
    write(frames, chunks, &mut actions);
    actions
}

fn write(frames: Vec<Vec<u8>>, chunks: Chunks, actions: &mut Vec<Action>) {
    let writes: Vec<Vec<u8>> = match chunks {
        Chunks::Frame => frames,
        Chunks::Pair => frames.chunks(2).map(<[Vec<u8>]>::concat).collect(),
        Chunks::All => vec![frames.concat()],
        Chunks::Bytes(size) => frames.concat().chunks(size.max(1)).map(<[u8]>::to_vec).collect(),
        Chunks::Utf8 => frames.iter().flat_map(|frame| cut_characters(frame)).collect(),
        Chunks::Prelude => frames.iter().flat_map(|frame| split_at(frame, 5)).collect(),
        Chunks::Seed(seed) => cut_randomly(&frames.concat(), seed),
    };
    actions.extend(writes.into_iter().filter(|bytes| !bytes.is_empty()).map(Action::Write));
}

fn split_at(frame: &[u8], at: usize) -> [Vec<u8>; 2] {
    let (front, back) = frame.split_at(at.min(frame.len()));
    [front.to_vec(), back.to_vec()]
}

/// A cut after each lead byte that has a continuation byte behind it.
fn cut_characters(frame: &[u8]) -> Vec<Vec<u8>> {
    let mut out = vec![Vec::new()];
    for (at, byte) in frame.iter().enumerate() {
        let inside = at > 0 && byte & 0xC0 == 0x80 && frame.get(at - 1).is_some_and(|before| *before >= 0xC2);
        if inside {
            out.push(Vec::new());
        }
        if let Some(last) = out.last_mut() {
            last.push(*byte);
        }
    }
    out
}

fn cut_randomly(mut bytes: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut state = seed;
    while !bytes.is_empty() {
        state = name::random(state);
        let size = usize::try_from(state % 64).unwrap_or_default() + 1;
        let (front, back) = bytes.split_at(size.min(bytes.len()));
        out.push(front.to_vec());
        bytes = back;
    }
    out
}
