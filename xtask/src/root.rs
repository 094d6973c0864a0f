//! Where things are.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's root folder.
#[derive(Debug, Clone)]
pub(crate) struct Root(PathBuf);

impl Root {
    /// The workspace whose cargo runs this program; run without cargo, the one it was built from.
    ///
    /// The two differ when several checkouts share one target folder.
    pub(crate) fn find() -> Self {
        let running = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let built = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let members = running.iter().chain([&built]);
        let mut roots =
            members.filter_map(|member| member.parent()).filter(|root| root.join("wrangler.toml").is_file());
        Self(roots.next().unwrap_or(&built).to_path_buf())
    }

    /// A path inside the workspace.
    pub(crate) fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// Cargo's target folder, where everything that is built or installed goes.
    pub(crate) fn target(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => self.0.join(folder),
            None => self.0.join("target"),
        }
    }

    /// Folder of installed tools and their stamps.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target().join("tools")
    }

    /// Where the Workers bundle goes; `main` in wrangler.toml names a file in it.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.0.join("build")
    }

    /// A program to run in the workspace's root.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.0);
        command
    }

    /// Cargo, in the workspace's root, held to Cargo.lock.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("cargo");
        command.args(arguments);
        command
    }
}

/// This program, to be started again. Where another build has taken its place since it was started, the system marks the
/// old path, and the new program is the one to start: what it is made of may change while a gateway is built.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    Ok(path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from).unwrap_or(path))
}
