//! Tells thought from answer in a text that marks thought by `<thinking>` … `</thinking>`.
//!
//! What counts as a mark depends on the text alone, never on how it was cut into events:
//!
//! | where | opens | closes |
//! |---|---|---|
//! | at the start of the answer, after blanks (which are dropped) | yes | |
//! | at the start of a line | yes | |
//! | anywhere else outside of code | no | yes |
//! | in a code fence or between backticks of one line | no | only before an empty line or the end |
//!
//! The last rule keeps one stray backtick in a thought from swallowing the answer. One line break after
//! the opening mark and two after the closing one belong to the marks. An unclosed mark is thought up to the
//! end of the answer or the next tool call.

use std::mem;

/// The state of one answer's text.
#[derive(Debug)]
pub(crate) struct Splitter {
    inside: Inside,
    line: Line,
    /// Line breaks still to be dropped after a mark.
    breaks: u8,
    /// The end of the text, while it may still turn out to be a mark.
    held: String,
}

/// A piece of text, told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part<'a> {
    Text(&'a str),
    Thought(&'a str),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Inside {
    /// Nothing but blanks so far.
    Lead,
    Text,
    Thought,
}

/// What to do at a place in the text.
enum Verdict {
    Plain,
    /// Pass over so many bytes, then be inside of that.
    Mark(usize, Inside),
    /// What follows decides.
    Wait,
}

const OPEN: &[u8] = b"<thinking>";
const CLOSE: &[u8] = b"</thinking>";
/// What closes a thought that seems to be in the middle of code.
const CLOSE_BLANK: &[u8] = b"</thinking>\n\n";
/// Blanks held before the first mark (bytes); with more of them the answer has begun.
const LEAD: usize = 256;

impl Splitter {
    pub(crate) fn new() -> Self {
        Self { inside: Inside::Lead, line: Line::default(), breaks: 0, held: String::new() }
    }

    /// Bytes of text held back.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Reads on and hands what is decided to `out`.
    pub(crate) fn push(&mut self, text: &str, out: &mut dyn FnMut(Part<'_>)) {
        let mut held = mem::take(&mut self.held);
        held.push_str(text);
        let used = self.scan(&held, false, out);
        held.drain(..used);
        self.held = held;
    }

    /// The text breaks off here (a tool call, or the end): decides what is held and begins afresh.
    pub(crate) fn flush(&mut self, out: &mut dyn FnMut(Part<'_>)) {
        let mut held = mem::take(&mut self.held);
        if self.inside != Inside::Lead || !held.bytes().all(|byte| byte.is_ascii_whitespace()) {
            self.scan(&held, true, out);
        }
        held.clear();
        *self = Self { held, ..Self::new() };
    }

    /// Works through `text` up to the first undecided place; returns how far that is.
    fn scan(&mut self, text: &str, end: bool, out: &mut dyn FnMut(Part<'_>)) -> usize {
        let (mut from, mut at) = (0, 0);
        loop {
            at += self.plain_prefix(text.as_bytes().get(at..).unwrap_or_default());
            let Some(&byte) = text.as_bytes().get(at) else { break };
            let verdict = match byte {
                b'\n' if self.breaks > 0 => {
                    self.breaks -= 1;
                    Verdict::Mark(1, self.inside)
                }
                _ => self.judge(text.as_bytes().get(at..).unwrap_or_default(), end),
            };
            match verdict {
                Verdict::Plain => {
                    self.breaks = 0;
                    self.line.read(byte);
                    at += 1;
                }
                Verdict::Mark(length, inside) => {
                    self.hand_over(text.get(from..at), out);
                    self.enter(inside);
                    at += length;
                    from = at;
                }
                Verdict::Wait => break,
            }
        }
        self.hand_over(text.get(from..at), out);
        at
    }

    /// How many bytes at the head of `rest` change nothing: in the middle of a line only its end, a mark or a
    /// backtick does.
    fn plain_prefix(&self, rest: &[u8]) -> usize {
        let Line { head: Head::Body, tick: false, .. } = self.line else { return 0 };
        if self.inside == Inside::Lead || self.breaks > 0 {
            return 0;
        }
        memchr::memchr3(b'\n', b'<', b'`', rest).unwrap_or(rest.len())
    }

    fn hand_over(&self, text: Option<&str>, out: &mut dyn FnMut(Part<'_>)) {
        match text {
            None | Some("") => {}
            Some(text) if self.inside == Inside::Thought => out(Part::Thought(text)),
            Some(text) => out(Part::Text(text)),
        }
    }

    fn enter(&mut self, inside: Inside) {
        if self.inside != inside {
            self.breaks = if inside == Inside::Thought { 1 } else { 2 };
            self.inside = inside;
        }
        self.line = Line::default();
    }

    fn judge(&mut self, rest: &[u8], end: bool) -> Verdict {
        match self.inside {
            Inside::Lead => self.judge_lead(rest, end),
            Inside::Text if self.line.at_start() && rest.starts_with(b"<") => match reach(rest, OPEN) {
                Reach::Whole => Verdict::Mark(OPEN.len(), Inside::Thought),
                Reach::Part if !end => Verdict::Wait,
                _ => Verdict::Plain,
            },
            Inside::Thought if rest.starts_with(b"<") => self.judge_close(rest, end),
            _ => Verdict::Plain,
        }
    }

    fn judge_lead(&mut self, rest: &[u8], end: bool) -> Verdict {
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let body = rest.get(blanks..).unwrap_or_default();
        match reach(body, OPEN) {
            _ if blanks > LEAD => {}
            Reach::Whole => return Verdict::Mark(blanks + OPEN.len(), Inside::Thought),
            Reach::Part if !end => return Verdict::Wait,
            _ => {}
        }
        self.inside = Inside::Text;
        Verdict::Plain
    }

    fn judge_close(&self, rest: &[u8], end: bool) -> Verdict {
        let mark = if self.line.in_code() { CLOSE_BLANK } else { CLOSE };
        match reach(rest, mark) {
            Reach::Whole => Verdict::Mark(CLOSE.len(), Inside::Text),
            Reach::Part if !end => Verdict::Wait,
            Reach::Part if rest.starts_with(CLOSE) => Verdict::Mark(CLOSE.len(), Inside::Text),
            _ => Verdict::Plain,
        }
    }
}

/// How much of `mark` a text begins with.
enum Reach {
    Whole,
    /// All of the text is the beginning of the mark.
    Part,
    None,
}

fn reach(text: &[u8], mark: &[u8]) -> Reach {
    if text.starts_with(mark) {
        Reach::Whole
    } else if mark.starts_with(text) {
        Reach::Part
    } else {
        Reach::None
    }
}

/// The current line, as far as it tells code from prose.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// Bytes of the line so far, as far as they matter.
    head: Head,
    /// The last byte was a backtick.
    tick: bool,
    /// An odd number of runs of backticks so far.
    inline: bool,
    /// Between the fences of a code block, by the fence's character.
    fence: Option<u8>,
    /// The fence opened on this line.
    fresh: bool,
}

/// The beginning of a line, where a fence may stand.
#[derive(Clone, Copy, Debug)]
enum Head {
    /// So many spaces.
    Indent(u8),
    /// So many of one fence character.
    Run(u8, u8),
    Body,
}

impl Default for Head {
    fn default() -> Self {
        Self::Indent(0)
    }
}

impl Line {
    fn at_start(&self) -> bool {
        matches!(self.head, Head::Indent(0)) && self.fence.is_none()
    }

    fn in_code(&self) -> bool {
        self.inline || self.fence.is_some()
    }

    fn read(&mut self, byte: u8) {
        if byte == b'\n' {
            *self = Self { fence: self.fence, ..Self::default() };
            return;
        }
        let starts_run = byte == b'`' && !self.tick;
        self.tick = byte == b'`';
        self.inline ^= starts_run;
        self.head = match (self.head, byte) {
            (Head::Indent(spaces @ 0..=2), b' ') => Head::Indent(spaces + 1),
            (Head::Indent(_), b'`' | b'~') => Head::Run(byte, 1),
            (Head::Run(mark, 1), _) if byte == mark => Head::Run(mark, 2),
            (Head::Run(mark, 2), _) if byte == mark => {
                self.toggle(mark);
                Head::Body
            }
            _ => Head::Body,
        };
        // Three backticks with more of them further on in the line are inline code, not a fence.
        if starts_run && self.fresh && self.fence == Some(b'`') {
            self.fence = None;
            self.inline = false;
        }
    }

    fn toggle(&mut self, mark: u8) {
        self.fresh = self.fence.is_none();
        match self.fence {
            None => self.fence = Some(mark),
            Some(open) if open == mark => self.fence = None,
            Some(_) => {}
        }
        self.inline = false;
    }
}
