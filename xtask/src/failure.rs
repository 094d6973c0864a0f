//! What went wrong, in words for the person at the terminal.

use std::fmt;

/// A failed task: what failed, what to do about it, and the output that shows why.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    output: Option<String>,
    interrupted: bool,
}

/// The result of every task.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with nothing more to show than its message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), output: None, interrupted: false }
    }

    /// The person pressed Ctrl-C, or the process was asked to end.
    pub(crate) fn interrupted() -> Self {
        Self { interrupted: true, ..Self::new("interrupted") }
    }

    /// Adds what the failed program wrote.
    pub(crate) fn with_output(mut self, output: impl Into<String>) -> Self {
        let output = output.into();
        self.output = (!output.trim().is_empty()).then_some(output);
        self
    }

    /// True when nothing failed: the person ended it.
    pub(crate) fn is_interrupt(&self) -> bool {
        self.interrupted
    }

    /// What the failed program wrote, if it wrote anything.
    pub(crate) fn output(&self) -> Option<&str> {
        self.output.as_deref()
    }

    /// The shell's exit code: 130 after an interrupt, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.interrupted { 130 } else { 1 }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Says what was being attempted when an I/O error came.
pub(crate) trait During<T> {
    /// Turns the error into a [`Failure`] that starts with `what`.
    fn during(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> During<T> for std::result::Result<T, E> {
    fn during(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure::new(format!("{}: {error}", what())))
    }
}
