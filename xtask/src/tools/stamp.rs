//! Stamps: what was installed, so that the second run knows it in an instant.

use std::fs;
use std::path::PathBuf;

use crate::failure::{During, Result};
use crate::root::Root;

/// A file that holds the identity of what is installed.
#[derive(Debug)]
pub(crate) struct Stamp {
    path: PathBuf,
    identity: String,
}

impl Stamp {
    /// The stamp called `name`; `identity` is everything that, when it changes, asks for a new installation.
    pub(crate) fn new(root: &Root, name: &str, identity: impl Into<String>) -> Self {
        Self { path: root.tools().join("stamps").join(name), identity: identity.into() }
    }

    /// Is exactly this installed?
    pub(crate) fn holds(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|found| found == self.identity)
    }

    /// Forgets, before an installation begins: one that is cut short must not look complete.
    pub(crate) fn lift(&self) {
        let _ = fs::remove_file(&self.path);
    }

    /// Remembers that exactly this is installed.
    pub(crate) fn set(&self) -> Result<()> {
        let folder = self.path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&self.path, &self.identity))
            .during(|| format!("write {}", self.path.display()))
    }
}
