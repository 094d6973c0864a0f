//! A private folder for one running gateway: its settings file and, unless told otherwise, its stored state.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, test_kill_process};

use crate::failure::{During, Result};
use crate::root::Root;

/// Readable by its owner alone; removed when dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder, and removes those of processes that were killed before they could.
    pub(super) fn make(root: &Root) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let parent = root.target().join("gateways");
        sweep(&parent);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{}-{number}", std::process::id()));
        make_private(&path)?;
        Ok(Self(path))
    }

    /// A path inside.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that only its owner can read.
    pub(super) fn write_private(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.join(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .during(|| format!("write {}", path.display()))?;
        Ok(path)
    }
}

/// Makes a folder, if it is not there, that only its owner can enter.
pub(super) fn make_private(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).during(|| format!("make the folder {}", path.display()))
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if owner(&entry.file_name().to_string_lossy()).is_some_and(|pid| test_kill_process(pid).is_err()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn owner(name: &str) -> Option<Pid> {
    Pid::from_raw(name.split('-').next()?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_written_is_private_and_gone_afterwards() {
        let folder = Folder::make(&Root::find()).unwrap();
        let path = folder.write_private("settings", "secret").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn folders_of_the_dead_are_swept_and_those_of_the_living_kept() {
        let parent = Root::find().target().join(format!("sweep-test-{}", std::process::id()));
        let dead = parent.join("2147483646-0");
        let living = parent.join(format!("{}-0", std::process::id()));
        fs::create_dir_all(&dead).unwrap();
        fs::create_dir_all(&living).unwrap();
        sweep(&parent);
        let outcome = (dead.exists(), living.exists());
        fs::remove_dir_all(parent).unwrap();
        assert_eq!(outcome, (false, true));
    }
}
