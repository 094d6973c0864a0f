//! Everything that the programs of a gateway write, for whoever has to look through all of it.

use std::sync::{Arc, Mutex, PoisonError};

/// Lines in the order in which they came; copies share them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Log(Arc<Mutex<String>>);

impl Log {
    pub(super) fn push(&self, line: &str) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
    }

    /// All lines so far.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
