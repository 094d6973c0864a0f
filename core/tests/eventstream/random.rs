//! Random streams, cut at random places. A failure prints its seed and smallest input.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::outcome::{Outcome, Seen};
use crate::wire::{self, Field};

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![
        Just(Field::True),
        Just(Field::False),
        any::<i8>().prop_map(Field::Byte),
        any::<i16>().prop_map(Field::Short),
        any::<i32>().prop_map(Field::Int),
        any::<i64>().prop_map(Field::Long),
        vec(any::<u8>(), 0..40).prop_map(Field::Bytes),
        ".{0,20}".prop_map(Field::Str),
        any::<i64>().prop_map(Field::Timestamp),
        any::<[u8; 16]>().prop_map(Field::Uuid),
    ]
}

const MARKS: [&str; 5] = [":message-type", ":event-type", ":exception-type", ":error-code", ":error-message"];

/// Half of the names decide what a frame means; such a one is not repeated.
fn headers() -> impl Strategy<Value = Vec<(String, Field)>> {
    let name = prop_oneof!["[a-z:é-]{1,20}", prop::sample::select(&MARKS).prop_map(str::to_owned)];
    vec((name, field()), 0..5).prop_map(|mut headers| {
        let mut names = BTreeSet::new();
        headers.retain(|(name, _)| names.insert(name.clone()));
        headers
    })
}

/// Frames in runs that share their headers, as in a real answer.
fn runs(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Seen>> {
    let run = (headers(), vec(vec(any::<u8>(), 0..300), 1..4)).prop_map(|(headers, payloads)| {
        payloads.into_iter().map(|payload| Seen { headers: headers.clone(), payload }).collect::<Vec<_>>()
    });
    vec(run, count).prop_map(|runs| runs.concat())
}

/// Cuts `stream` into pieces of the given sizes, over and over.
fn cut<'s>(mut stream: &'s [u8], sizes: &[usize]) -> Vec<&'s [u8]> {
    let mut pieces = Vec::new();
    let mut sizes = sizes.iter().cycle();
    while !stream.is_empty() {
        let (piece, rest) = stream.split_at((*sizes.next().unwrap()).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}

fn encode(frames: &[Seen]) -> Vec<u8> {
    frames.iter().flat_map(|f| wire::frame(&f.headers, &f.payload)).collect()
}

fn config() -> ProptestConfig {
    // Relative to the package, where cargo runs its tests.
    let seeds = FileFailurePersistence::Direct("proptest-regressions/eventstream.txt");
    ProptestConfig { failure_persistence: Some(Box::new(seeds)), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_encoded_is_decoded(frames in runs(0..5), sizes in vec(1_usize..200, 1..8)) {
        let stream = encode(&frames);
        prop_assert_eq!(Outcome::of(cut(&stream, &sizes)), Outcome { frames, end: Ok(()) });
    }

    #[test]
    fn noise_gives_the_same_outcome_in_any_pieces(noise in vec(any::<u8>(), 0..200), sizes in vec(1_usize..40, 1..8)) {
        prop_assert_eq!(Outcome::of(cut(&noise, &sizes)), Outcome::whole(&noise));
    }

    #[test]
    fn random_header_blocks_behind_good_checksums_give_the_same_outcome_in_any_pieces(
        block in vec(0_u8..12, 2..60),
        sizes in vec(1_usize..40, 1..8),
    ) {
        let stream = wire::frame_of(&block, b"payload");
        prop_assert_eq!(Outcome::of(cut(&stream, &sizes)), Outcome::whole(&stream));
    }

    #[test]
    fn a_damaged_stream_ends_in_an_error_after_true_frames(
        frames in runs(1..4),
        place in any::<prop::sample::Index>(),
        damage in 1_u8..,
        sizes in vec(1_usize..200, 1..8),
    ) {
        let mut stream = encode(&frames);
        let at = place.index(stream.len());
        stream[at] ^= damage;
        let outcome = Outcome::of(cut(&stream, &sizes));
        prop_assert!(outcome.end.is_err());
        prop_assert_eq!(&outcome.frames[..], &frames[..outcome.frames.len()]);
    }
}
