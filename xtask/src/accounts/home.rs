//! The folder of account lists on this machine: for its owner alone, and every file in it whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kiro2api_core::Millis;

use crate::failure::{During, Failure, Result};
use crate::process::interrupt;
use crate::progress::say;
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
            None => Self { path: root.join(USUAL), shown: ".kiro2api/accounts.json" },
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
        let text = self.read(LOCAL)?.map(|text| text.trim_start_matches('\u{feff}').to_owned());
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
        // Of a link, the file that it leads to.
        let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let draft = target.with_file_name(format!("{name}.{}.tmp", std::process::id()));
        let written =
            write_whole(&draft, text).and_then(|()| fs::rename(&draft, &target)).and_then(|()| settle(&target));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.during(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Sees that a list could be written: rights, and room.
    pub(super) fn try_writing(&self) -> Result<()> {
        self.make()?;
        let draft = self.path.join(format!("trial.{}.tmp", std::process::id()));
        let written = write_whole(&draft, &" ".repeat(ROOM));
        let _ = fs::remove_file(&draft);
        written.during(|| format!("write into {}", self.path.display()))
    }

    /// Keeps a list that its place has not taken: here, or where that fails too, among temporary files.
    pub(super) fn rescue(&self, text: &str, now: Millis) -> Result<PathBuf> {
        let name = format!("rescued-{}.json", now.0);
        self.write(&name, text).or_else(|failure| {
            let path = std::env::temp_dir().join(format!("kiro2api-{name}"));
            write_whole(&path, text).map(|()| path).map_err(|second| Failure::new(format!("{failure}; {second}")))
        })
    }

    /// Waits until no other command changes accounts; Ctrl-C ends the waiting. The turn is over when the file is dropped.
    pub(super) fn turn(&self) -> Result<File> {
        self.make()?;
        let path = self.path.join("lock");
        let what = || format!("lock {}", path.display());
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).during(what)?;
        let mut told = false;
        loop {
            interrupt::check()?;
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if !told => {
                    say("waiting for another `cargo xtask accounts` to end …");
                    told = true;
                }
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
    let was_there = path.is_dir();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // A folder that the person names may be everybody's, such as /tmp: its rights are not ours to change.
    if was_there && !path.ends_with(USUAL) {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    // What stands there is left over, or somebody else's link.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The name of a file is as lasting as its folder.
fn settle(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// The usual folder's name.
const USUAL: &str = ".kiro2api";
/// Bytes that must be free before a login is renewed.
const ROOM: usize = 256 * 1024;
const POLL: Duration = Duration::from_millis(25);
/// The list of local runs.
pub(super) const LOCAL: &str = "accounts.json";
/// The copy of what was last sent to the Worker.
pub(super) const WORKERS: &str = "workers.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_kept_here_is_kept_among_temporary_files() {
        let file = std::env::temp_dir().join(format!("kiro2api-no-folder-{}", std::process::id()));
        fs::write(&file, "").unwrap();
        let home = Home { path: file.join("lists"), shown: "x" };
        assert!(home.try_writing().is_err());
        let kept = home.rescue("[{}]", Millis(u64::from(std::process::id()))).unwrap();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "[{}]");
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(kept).unwrap();
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_folder_that_was_there_keeps_its_rights_and_a_link_its_file() {
        let folder = std::env::temp_dir().join(format!("kiro2api-shared-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.join("own.json"), "[]").unwrap();
        std::os::unix::fs::symlink(folder.join("own.json"), folder.join(LOCAL)).unwrap();
        let home = Home { path: folder.clone(), shown: "x" };
        home.try_writing().unwrap();
        home.write(LOCAL, "\u{feff}[{}]").unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::metadata(folder.join("own.json")).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(folder.join(LOCAL)).unwrap().is_symlink());
        assert_eq!(home.accounts().unwrap().as_deref(), Some("[{}]"));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(folder).unwrap();
    }

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
