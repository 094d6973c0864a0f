//! Stamps: what was installed, so that the second run knows it in an instant.

use std::fs::{self, File};
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

    /// Waits until nobody else installs this, in this process or another one. The turn is over when the file is dropped.
    pub(crate) fn turn(&self) -> Result<File> {
        let path = self.path.with_extension("lock");
        let folder = self.path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder)
            .and_then(|()| File::create(&path))
            .and_then(|file| file.lock().map(|()| file))
            .during(|| format!("lock {}", path.display()))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_at_a_time_installs() {
        let name = format!("turn-test-{}", std::process::id());
        let stamp = || Stamp::new(&Root::find(), &name, "it");
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _turn = stamp().turn().unwrap();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        fs::remove_file(stamp().path.with_extension("lock")).unwrap();
        assert_eq!(most.into_inner(), 1);
    }
}
