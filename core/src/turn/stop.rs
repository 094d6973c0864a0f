//! The client's stop sequences, matched over the answer's text as it streams.
//!
//! One Knuth–Morris–Pratt automaton a sequence: its state *is* how much of the text's end could still
//! become a match, so the text held back is never longer than that, and how the text was cut into pieces
//! cannot matter.

/// The sequences of one answer and the end of the text that may be the beginning of one.
#[derive(Debug)]
pub(crate) struct Sequences {
    automata: Vec<Automaton>,
    held: String,
    matched: Option<usize>,
}

/// A sequence longer than this (bytes) is left out: no answer holds it, and its table would only cost memory.
const LONGEST: usize = 64 * 1024;

#[derive(Debug)]
struct Automaton {
    sequence: String,
    /// For each prefix of the sequence, the length of its longest proper prefix that is also its suffix.
    borders: Vec<usize>,
    /// Length of the longest prefix of the sequence that the text so far ends with.
    state: usize,
}

impl Sequences {
    /// `None` when there is nothing to look for. Empty sequences are left out: they match nothing.
    pub(crate) fn new(sequences: Vec<String>) -> Option<Self> {
        let automata: Vec<_> = sequences
            .into_iter()
            .filter(|sequence| (1..=LONGEST).contains(&sequence.len()))
            .map(Automaton::new)
            .collect();
        (!automata.is_empty()).then_some(Self { automata, held: String::new(), matched: None })
    }

    /// The sequence that came, once one has.
    pub(crate) fn matched(&self) -> Option<&str> {
        self.automata.get(self.matched?).map(|automaton| automaton.sequence.as_str())
    }

    /// The only sequence there is, for a service that says "a stop sequence" without saying which.
    pub(crate) fn only(&self) -> Option<&str> {
        match self.automata.as_slice() {
            [one] => Some(&one.sequence),
            _ => None,
        }
    }

    /// Bytes of text held back.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Reads on and lends to `out` the text that cannot be part of a sequence any more. The sequence that
    /// is complete first wins, of several that end together the longest; the text before it is lent, and
    /// everything after it is dropped.
    pub(crate) fn push(&mut self, text: &str, out: &mut dyn FnMut(&str)) {
        if self.matched.is_some() {
            return;
        }
        let known = self.held.len();
        self.held.push_str(text);
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            if let Some((index, length)) = self.step(byte) {
                self.matched = Some(index);
                let cut = (known + at + 1).saturating_sub(length);
                lend(&self.held, cut, out);
                self.held.clear();
                return;
            }
        }
        let keep = self.automata.iter().map(|automaton| automaton.state).max().unwrap_or(0);
        let free = self.held.len().saturating_sub(keep);
        lend(&self.held, free, out);
        self.held.drain(..free);
    }

    /// The text breaks off here (another block, or the end): what is held was only text.
    pub(crate) fn flush(&mut self, out: &mut dyn FnMut(&str)) {
        lend(&self.held, self.held.len(), out);
        self.held.clear();
        for automaton in &mut self.automata {
            automaton.state = 0;
        }
    }

    fn step(&mut self, byte: u8) -> Option<(usize, usize)> {
        let mut longest = None;
        for (index, automaton) in self.automata.iter_mut().enumerate() {
            let length = automaton.sequence.len();
            let whole = automaton.step(byte);
            if whole && longest.is_none_or(|(_, other)| length > other) {
                longest = Some((index, length));
            }
        }
        longest
    }
}

fn lend(text: &str, length: usize, out: &mut dyn FnMut(&str)) {
    match text.get(..length) {
        Some("") | None => {}
        Some(text) => out(text),
    }
}

impl Automaton {
    fn new(sequence: String) -> Self {
        let mut automaton = Self { borders: Vec::with_capacity(sequence.len()), sequence: String::new(), state: 0 };
        // A prefix's border is where the automaton of the shorter prefixes stands after reading it but
        // for its first byte.
        for (at, &byte) in sequence.as_bytes().iter().enumerate() {
            if at > 0 {
                automaton.state = automaton.next(sequence.as_bytes(), byte);
            }
            automaton.borders.push(automaton.state);
        }
        automaton.state = 0;
        automaton.sequence = sequence;
        automaton
    }

    /// Reads a byte; whether the sequence is complete with it.
    fn step(&mut self, byte: u8) -> bool {
        self.state = self.next(self.sequence.as_bytes(), byte);
        self.state == self.sequence.len()
    }

    fn next(&self, sequence: &[u8], byte: u8) -> usize {
        let mut state = self.state;
        loop {
            if sequence.get(state) == Some(&byte) {
                return state + 1;
            }
            let Some(shorter) = state.checked_sub(1) else { return 0 };
            state = self.borders.get(shorter).copied().unwrap_or(0);
        }
    }
}
