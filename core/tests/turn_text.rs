//! Marks of thought and stop sequences: what comes out depends on the text, never on how it was cut.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its own functions too")]

mod turn_support;

use kiro2api_core::turn::flow::Options;
use kiro2api_core::turn::{OwnedStop, Progress};
use turn_support::{
    Line, Random, Seen, Stage, TAIL, joined, partitions, play, stopped, stopping, tagged, text, thought,
};

/// `T` text, `H` thought, with their content; the stop is told apart.
fn blocks(seen: &[Seen]) -> Vec<(char, &str)> {
    let mut kind = ' ';
    let mut blocks = Vec::new();
    for step in seen {
        match step {
            Seen::Text => kind = 'T',
            Seen::Thinking => kind = 'H',
            Seen::Piece(piece) => blocks.push((kind, piece.as_str())),
            _ => {}
        }
    }
    blocks
}

fn lines(pieces: &[String]) -> Vec<Line> {
    pieces.iter().map(|piece| text(piece)).collect()
}

/// Plays `whole` at once, char by char and in 40 random cuts; all must agree.
fn however_cut(options: &Options, whole: &str) -> Vec<Seen> {
    let at_once = play(options.clone(), &[text(whole)], TAIL);
    let chars: Vec<_> = whole.chars().map(|char| char.to_string()).collect();
    assert_eq!(play(options.clone(), &lines(&chars), TAIL), at_once, "char by char: {whole:?}");
    for seed in 1..=40 {
        let pieces = Random(seed).cut(whole);
        assert_eq!(play(options.clone(), &lines(&pieces), TAIL), at_once, "seed {seed}: {pieces:?}");
    }
    at_once
}

#[test]
fn thought_is_split_from_the_answer() {
    for (whole, expected) in [
        ("<thinking>a</thinking>\n\nb", vec![('H', "a"), ('T', "b")]),
        ("<thinking>\na\n</thinking>\n\nb", vec![('H', "a\n"), ('T', "b")]),
        ("<thinking>\n\na</thinking>", vec![('H', "\na")]),
        ("<thinking>a</thinking>b", vec![('H', "a"), ('T', "b")]),
        ("<thinking>a</thinking>\n\n\nb", vec![('H', "a"), ('T', "\nb")]),
        (" \n\n<thinking>a</thinking>\nb", vec![('H', "a"), ('T', "b")]),
        ("<thinking>never closed\n<b>", vec![('H', "never closed\n<b>")]),
        ("<thinking>cut </think", vec![('H', "cut </think")]),
        ("x\n<thinking>a</thinking>\n\ny", vec![('T', "x\n"), ('H', "a"), ('T', "y")]),
        ("say <thinking>a</thinking>", vec![('T', "say <thinking>a</thinking>")]),
        ("`<thinking>`a</thinking>", vec![('T', "`<thinking>`a</thinking>")]),
        ("  plain", vec![('T', "  plain")]),
        ("<thinkin", vec![('T', "<thinkin")]),
        ("<think>a</think>", vec![('T', "<think>a</think>")]),
        ("<thinking></thinking>\n\nb", vec![('T', "b")]),
        ("<thinking>a <b> </x> < é</thinking>\n\n", vec![('H', "a <b> </x> < é")]),
        ("<thinking>a</thinking>\n\n<thinking>b</thinking>c", vec![('H', "ab"), ('T', "c")]),
    ] {
        let seen = however_cut(&tagged(), whole);
        assert_eq!(blocks(&seen), expected, "{whole:?}");
    }
}

#[test]
fn tags_in_code_are_text() {
    for (whole, expected) in [
        ("x\n```\n<thinking>\n```\ny", vec![('T', "x\n```\n<thinking>\n```\ny")]),
        ("x\n~~~xml\n<thinking>a\n~~~\n<thinking>b", vec![('T', "x\n~~~xml\n<thinking>a\n~~~\n"), ('H', "b")]),
        ("x\n```a```\n<thinking>b", vec![('T', "x\n```a```\n"), ('H', "b")]),
        ("<thinking>say `</thinking>` now</thinking>\n\nb", vec![('H', "say `</thinking>` now"), ('T', "b")]),
        ("<thinking>\n```\n</thinking>\n```\na</thinking>\n\nb", vec![('H', "```\n</thinking>\n```\na"), ('T', "b")]),
        // One stray backtick, or a fence that is never closed, must not swallow the answer.
        ("<thinking>a ` b</thinking>\n\nc", vec![('H', "a ` b"), ('T', "c")]),
        ("<thinking>\n```\na\n</thinking>\n\nc", vec![('H', "```\na\n"), ('T', "c")]),
        ("<thinking>a ` b</thinking>", vec![('H', "a ` b")]),
        ("<thinking>a ` b</thinking>\n", vec![('H', "a ` b")]),
    ] {
        let seen = however_cut(&tagged(), whole);
        assert_eq!(blocks(&seen), expected, "{whole:?}");
    }
}

#[test]
fn hidden_thought_leaves_one_text_block() {
    let hidden = Options { split_tags: true, ..Options::default() };
    let seen = however_cut(&hidden, "a\n<thinking>secret</thinking>\n\nb");
    assert_eq!(blocks(&seen), [('T', "a\nb")]);
}

#[test]
fn a_tool_call_ends_an_unclosed_thought() {
    let seen = play(tagged(), &[text("<thinking>so"), stopped("a"), text("after")], TAIL);
    assert_eq!(blocks(&seen), [('H', "so"), ('T', "after")]);
}

#[test]
fn native_thought_ends_the_reading_of_tags() {
    let seen = play(tagged(), &[text("\n"), thought("t"), text("<thinking>x</thinking>")], TAIL);
    assert_eq!(blocks(&seen), [('H', "t"), ('T', "<thinking>x</thinking>")]);
}

#[test]
fn what_is_held_for_a_tag_is_small_and_let_go() {
    let mut stage = Stage::new(tagged());
    let _ = stage.say(&text("<thinkin"));
    assert_eq!(stage.flow.held(), 8);
    assert!(!stage.flow.meaningful());
    let _ = stage.say(&text("k about it"));
    assert_eq!(stage.flow.held(), 0);
    assert!(stage.flow.meaningful());
    assert_eq!(blocks(&joined(&stage.seen)), [('T', "<thinkink about it")]);
}

#[test]
fn stop_sequences_match_over_every_cut() {
    for (sequences, whole, expected, stop) in [
        (&["STOP"][..], "ab STOP cd", "ab ", "STOP"),
        (&["abac"], "ababac!", "ab", "abac"),
        (&["aab"], "aaaab", "aa", "aab"),
        (&["\n\nH:"], "x\n\n\nH: y", "x\n", "\n\nH:"),
        (&["é\"\\"], "aé\"\\b", "a", "é\"\\"),
        (&["bc", "abcd"], "xabcd", "xa", "bc"),
        (&["d", "bcd"], "abcd", "a", "bcd"),
        (&["😀"], "a😁😀", "a😁", "😀"),
        (&["a"], "abc", "", "a"),
    ] {
        for pieces in partitions(whole) {
            let mut stage = Stage::new(stopping(sequences));
            let mut done = false;
            for piece in &pieces {
                done |= stage.say(&text(piece)) == Progress::Done;
            }
            assert!(done, "{pieces:?}");
            let finished = stage.finish(TAIL);
            assert_eq!(finished.stop, OwnedStop::Sequence(stop.to_owned()));
            let seen = joined(&stage.seen);
            let out: String = blocks(&seen).iter().map(|(_, text)| *text).collect();
            assert_eq!(out, expected, "{pieces:?}");
        }
    }
}

#[test]
fn text_without_a_match_comes_through_whole_and_late_by_a_prefix_only() {
    let options = stopping(&["STOP", "\n\nHuman:"]);
    for pieces in partitions("a S ST\n\nHumSTO") {
        let mut stage = Stage::new(options.clone());
        for piece in &pieces {
            assert_eq!(stage.say(&text(piece)), Progress::More);
        }
        assert_eq!(stage.flow.held(), 3, "only STO may be held: {pieces:?}");
        assert_eq!(stage.finish(TAIL).stop, OwnedStop::EndTurn);
        assert_eq!(blocks(&joined(&stage.seen)), [('T', "a S ST\n\nHumSTO")]);
    }
}

#[test]
fn stop_sequences_agree_with_a_plain_search_on_random_texts() {
    for seed in 1..=3000 {
        let mut random = Random(seed);
        let letters = ["a", "b", "\n", "\"", "é"];
        let word = |random: &mut Random, most: usize| -> String {
            (0..=random.below(most)).map(|_| *random.pick(&letters)).collect()
        };
        let sequences: Vec<String> = (0..=random.below(3)).map(|_| word(&mut random, 4)).collect();
        let whole = word(&mut random, 30);
        // The sequence that ends first; of those, the one that starts first.
        let expected = sequences
            .iter()
            .filter_map(|sequence| whole.find(sequence.as_str()).map(|at| (at + sequence.len(), at, sequence)))
            .min();
        let mut stage = Stage::new(Options { stop_sequences: sequences.clone(), ..Options::default() });
        for piece in random.cut(&whole) {
            let _ = stage.say(&text(&piece));
        }
        let stop = stage.finish(TAIL).stop;
        let seen = joined(&stage.seen);
        let out: String = blocks(&seen).iter().map(|(_, text)| *text).collect();
        match expected {
            Some((_, at, sequence)) => {
                assert_eq!((out.as_str(), stop), (&whole[..at], OwnedStop::Sequence(sequence.clone())), "seed {seed}");
            }
            None => assert_eq!((out, stop), (whole, OwnedStop::EndTurn), "seed {seed}"),
        }
    }
}

#[test]
fn sequences_are_sought_in_text_only() {
    let options =
        Options { show_thinking: true, split_tags: true, stop_sequences: vec!["END".into()], ..Options::default() };
    let seen = however_cut(&options, "<thinking>an END\n</thinking>\n\nthe END of it");
    assert_eq!(blocks(&seen), [('H', "an END\n"), ('T', "the ")]);
    assert_eq!(seen.last(), Some(&Seen::Finish(OwnedStop::Sequence("END".into()))));
    // Half in one block and half in the next is no match.
    let seen = play(options, &[text("E"), stopped("a"), text("ND")], TAIL);
    assert_eq!(blocks(&seen), [('T', "E"), ('T', "ND")]);
}

#[test]
fn pushes_after_a_match_have_no_effect() {
    let mut stage = Stage::new(stopping(&["x"]));
    assert_eq!(stage.say(&text("ax")), Progress::Done);
    let before = stage.seen.clone();
    assert_eq!(stage.say(&text("more")), Progress::Done);
    assert_eq!(stage.say(&stopped("a")), Progress::Done);
    assert_eq!(stage.seen, before);
    assert_eq!(stage.finish(turn_support::CUT).stop, OwnedStop::Sequence("x".into()));
}

#[test]
fn splitter_and_sequences_agree_on_random_texts_however_cut() {
    let words = ["<thinking>", "</thinking>", "\n", "\n\n", "a ", "`", "```", "<", "END", "E", " ", "é", "\"", "th"];
    for seed in 1..=1500 {
        let mut random = Random(seed);
        let whole: String = (0..random.below(24)).map(|_| *random.pick(&words)).collect();
        let stop_sequences = if random.below(2) == 0 { vec!["END".to_owned(), "\n\na".into()] } else { vec![] };
        let options =
            Options { show_thinking: random.below(3) > 0, split_tags: true, stop_sequences, ..Options::default() };
        let at_once = play(options.clone(), &[text(&whole)], TAIL);
        for _ in 0..6 {
            let pieces = random.cut(&whole);
            assert_eq!(play(options.clone(), &lines(&pieces), TAIL), at_once, "seed {seed}: {pieces:?}");
        }
    }
}
