//! The folder of account lists on this machine: for its owner alone, and every file in it whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{During, Failure, Result};
use crate::process::interrupt;
use crate::root::Root;

/// Names another folder for the lists. Suites are given one that is not there, so that they never see a person's accounts.
pub(crate) const HOME: &str = "KIRO2API_HOME";

/// The folder; it is made with the first file.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    path: PathBuf,
    shown: &'static str,
}

impl Home {
    /// `.kiro2api` in this checkout, or what [`HOME`] names.
    pub(crate) fn of(root: &Root) -> Self {
        match std::env::var_os(HOME).filter(|folder| !folder.is_empty()) {
            Some(folder) => Self { path: root.join(folder), shown: "$KIRO2API_HOME/accounts.json" },
            None => Self { path: root.join(".kiro2api"), shown: ".kiro2api/accounts.json" },
        }
    }

    /// A folder that is not there, for what must not see a person's accounts.
    pub(crate) fn nobodys(root: &Root) -> PathBuf {
        root.target().join("no-accounts").join(std::process::id().to_string())
    }

    /// What people call the list of local runs.
    pub(crate) fn shown(&self) -> &'static str {
        self.shown
    }

    /// The list of local runs, as it stands there; nothing when there is none, or none in it.
    pub(crate) fn accounts(&self) -> Result<Option<String>> {
        let text = self.read(LOCAL)?;
        Ok(text.filter(|text| !matches!(text.split_whitespace().collect::<String>().as_str(), "" | "[]")))
    }

    /// A file's text; nothing when there is no such file.
    pub(super) fn read(&self, name: &str) -> Result<Option<String>> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::new(format!("{} cannot be read: {error}", path.display()))),
        }
    }

    /// Puts a file there in one step, readable by its owner alone: whoever reads meanwhile sees the old one or the new one,
    /// and so does whoever comes after a crash.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        self.make()?;
        let path = self.path.join(name);
        let draft = self.path.join(format!("{name}.{}.tmp", std::process::id()));
        let written = write_whole(&draft, text).and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.during(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Waits until no other command changes accounts; Ctrl-C ends the waiting where that is allowed. The turn is over when
    /// the file is dropped.
    pub(super) fn turn(&self, interruptible: bool) -> Result<File> {
        self.make()?;
        let path = self.path.join("lock");
        let what = || format!("lock {}", path.display());
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).during(what)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if interruptible => interrupt::check()?,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error).during(what),
            }
            std::thread::sleep(POLL);
        }
    }

    fn make(&self) -> Result<()> {
        make_private(&self.path).during(|| format!("make the folder {}", self.path.display()))
    }
}

fn make_private(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // It may have been there with other rights.
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

const POLL: Duration = Duration::from_millis(25);
/// The list of local runs.
pub(super) const LOCAL: &str = "accounts.json";
/// The copy of what was last sent to the Worker.
pub(super) const WORKERS: &str = "workers.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_private_and_an_empty_one_counts_as_none() {
        let path = std::env::temp_dir().join(format!("kiro2api-home-{}", std::process::id()));
        let home = Home { path: path.join("deep"), shown: "x" };
        assert_eq!(home.accounts().unwrap(), None);
        for empty in ["", " [ ]\n"] {
            home.write(LOCAL, empty).unwrap();
            assert_eq!(home.accounts().unwrap(), None);
        }
        home.write(LOCAL, "[{}]").unwrap();
        assert_eq!(home.accounts().unwrap().as_deref(), Some("[{}]"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&home.path), mode(&home.path.join(LOCAL))), (0o700, 0o600));
        // No draft stays behind.
        assert_eq!(fs::read_dir(&home.path).unwrap().count(), 1);
        fs::remove_dir_all(path).unwrap();
    }
}
