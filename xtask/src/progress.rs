//! One line per step, with its time; a step over two seconds shows that it is alive.
//!
//! Everything goes to standard error, so that standard output stays for results (`serve --json`, the closing line of
//! `test`). On a terminal the line of a running step is rewritten in place; elsewhere it is repeated now and then.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::failure::Result;

/// A step that is running.
#[derive(Debug)]
pub(crate) struct Step {
    name: String,
    started: Instant,
    last_sign: Instant,
    terminal: bool,
    shown: bool,
}

impl Step {
    /// Starts the clock of a step. Nothing is shown before it has lasted two seconds or ended.
    pub(crate) fn start(name: impl Into<String>) -> Self {
        let now = Instant::now();
        Self { name: name.into(), started: now, last_sign: now, terminal: io::stderr().is_terminal(), shown: false }
    }

    /// Shows, when it is time to, that the step is alive; `hint` is the last thing it said.
    pub(crate) fn tick(&mut self, hint: &str) {
        let pause = match (self.terminal, self.shown) {
            (_, false) => FIRST_SIGN,
            (true, true) => TERMINAL_SIGN,
            (false, true) => PLAIN_SIGN,
        };
        if self.last_sign.elapsed() < pause {
            return;
        }
        self.last_sign = Instant::now();
        self.shown = true;
        let line = sign_of_life(&self.name, self.started.elapsed(), hint);
        let mut err = io::stderr().lock();
        // A closed terminal must not end the work.
        let _ = if self.terminal {
            write!(err, "\r\x1b[2K{line}").and_then(|()| err.flush())
        } else {
            writeln!(err, "{line}")
        };
    }

    /// Ends the step well; `note` is a short result, or empty.
    pub(crate) fn done(self, note: &str) -> Duration {
        self.end('✓', note)
    }

    /// Ends the step badly.
    pub(crate) fn failed(self, note: &str) -> Duration {
        self.end('✗', note)
    }

    /// Ends the step as its outcome says; `note` is told of what came out.
    pub(crate) fn close<T>(self, outcome: Result<T>, note: impl FnOnce(&T) -> String) -> Result<T> {
        match &outcome {
            Ok(value) => self.done(&note(value)),
            Err(_) => self.failed(""),
        };
        outcome
    }

    fn end(self, mark: char, note: &str) -> Duration {
        let elapsed = self.started.elapsed();
        if self.terminal && self.shown {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
        let note = if note.is_empty() { String::new() } else { format!(" · {note}") };
        say(&format!("{mark} {:<44} {:>8}{note}", self.name, duration(elapsed)));
        elapsed
    }
}

/// Writes a line for the person at the terminal (standard error).
pub(crate) fn say(line: &str) {
    // A closed terminal must not end the work.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes a line of the task's result (standard output).
pub(crate) fn answer(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A time as people read it: `0.4 s`, `12.3 s`, `3 min 07 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

fn sign_of_life(name: &str, elapsed: Duration, hint: &str) -> String {
    let hint: String = hint.trim().chars().filter(|c| !c.is_control()).take(HINT_LENGTH).collect();
    let seconds = elapsed.as_secs();
    if hint.is_empty() { format!("… {name}, {seconds} s") } else { format!("… {name}, {seconds} s: {hint}") }
}

const FIRST_SIGN: Duration = Duration::from_secs(2);
const TERMINAL_SIGN: Duration = Duration::from_millis(500);
const PLAIN_SIGN: Duration = Duration::from_secs(15);
/// Keeps a sign of life on one line of a terminal of 80 columns.
const HINT_LENGTH: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_to_read() {
        assert_eq!(duration(Duration::from_millis(420)), "0.4 s");
        assert_eq!(duration(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(duration(Duration::from_secs(187)), "3 min 07 s");
    }

    #[test]
    fn a_sign_of_life_stays_on_one_line_and_carries_no_control_characters() {
        let line = sign_of_life("build", Duration::from_secs(9), &"\x1b[1m\tab".repeat(40));
        assert!(line.starts_with("… build, 9 s: "));
        assert!(line.chars().count() < 79);
        assert!(!line.chars().any(char::is_control));
    }
}
