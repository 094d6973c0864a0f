//! The suites that talk to a real gateway: `tests/clients/*_suite.mjs` and `*_suite.py`.
//!
//! A suite is a program. It finds the shared gateway through environment variables (see [`surroundings`]), prints its
//! own count (a closing line, node's TAP or Python's unittest summary) and exits with 0 only when all is well.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::accounts::{HOME, Home};
use crate::failure::{During, Failure, Result};
use crate::gateway::{BUNDLE_IS_READY, DEVELOPMENT_KEY, Gateway, PLATFORM};
use crate::root::Root;
use crate::settings;
use crate::tools;

/// One suite: a file and what runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) name: String,
    file: PathBuf,
    language: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Node,
    Python,
}

/// All suites, by name.
pub(super) fn find(root: &Root) -> Result<Vec<Suite>> {
    let folder = root.join(FOLDER);
    let mut suites = Vec::new();
    for entry in fs::read_dir(&folder).during(|| format!("list {}", folder.display()))? {
        let path = entry.during(|| format!("list {}", folder.display()))?.path();
        suites.extend(recognise(&path));
    }
    suites.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(suites)
}

impl Suite {
    /// Installs what its language needs and says how to run it.
    pub(super) fn command(&self, root: &Root, gateway: &Gateway) -> Result<Command> {
        let modules = tools::clients(root)?;
        let mut command = match self.language {
            Language::Node => {
                let mut command = root.command("node");
                command.arg("--test-reporter=tap").arg(&self.file);
                command
            }
            Language::Python => {
                let mut command = root.command(tools::python(root)?);
                command.args(["-m", "unittest", "-v"]).arg(self.file.file_stem().unwrap_or_default());
                command
            }
        };
        command.current_dir(root.join(FOLDER));
        surroundings(&mut command, root, &modules, gateway)?;
        Ok(command)
    }
}

/// What a suite finds in its environment: the gateway, and nothing of the person's own accounts and keys.
fn surroundings(command: &mut Command, root: &Root, modules: &Path, gateway: &Gateway) -> Result<()> {
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_personal(name)) {
        command.env_remove(name);
    }
    let upstream = gateway.upstream_url().ok_or_else(|| Failure::new("the suites need the simulated upstream"))?;
    let xtask = crate::root::this_program().during(|| "find the path of xtask".to_owned())?;
    command
        // Gateways that a suite starts by itself look into this folder, which is not there.
        .env(HOME, Home::nobodys(root))
        .env(PLATFORM, gateway.platform().id())
        .env("KIRO2API_URL", gateway.url())
        .env("KIRO2API_KEY", DEVELOPMENT_KEY)
        .env("SIM_URL", upstream)
        .env("KIRO2API_XTASK", xtask)
        .env("CLAUDE_BIN", claude(modules))
        .env("CODEX_BIN", codex(modules))
        .env(BUNDLE_IS_READY, "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1");
    Ok(())
}

/// Names that would lead a suite to a real account, or a client past the gateway under test.
pub(super) fn is_personal(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    settings::is_setting(&name)
        || name.starts_with("ANTHROPIC_")
        || name.starts_with("OPENAI_")
        || name.starts_with("CLAUDE")
        || name.starts_with("CODEX_")
}

/// The native program of Claude Code: its package's launcher would need an install script.
fn claude(modules: &Path) -> PathBuf {
    modules.join(format!("@anthropic-ai/claude-code-{SYSTEM}-{NODE_MACHINE}")).join("claude")
}

/// The native program of Codex: ending its launcher, a Node program, by force would leave this one behind.
fn codex(modules: &Path) -> PathBuf {
    let target = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-musl" };
    let package = modules.join(format!("@openai/codex-{SYSTEM}-{NODE_MACHINE}"));
    package.join(format!("vendor/{RUST_MACHINE}-{target}/bin/codex"))
}

/// How npm packages name this machine's system and processor, and how Rust names the processor.
const SYSTEM: &str = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
const NODE_MACHINE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
const RUST_MACHINE: &str = if cfg!(target_arch = "aarch64") { "aarch64" } else { "x86_64" };

fn recognise(path: &Path) -> Option<Suite> {
    let language = match path.extension()?.to_str()? {
        "mjs" => Language::Node,
        "py" => Language::Python,
        _ => return None,
    };
    let name = path.file_stem()?.to_str()?.strip_suffix("_suite")?.to_owned();
    (!name.is_empty()).then(|| Suite { name, file: path.to_path_buf(), language })
}

const FOLDER: &str = "tests/clients";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_told_from_other_files() {
        let name = |path: &str| recognise(Path::new(path)).map(|suite| (suite.name, suite.language));
        assert_eq!(name("x/smoke_suite.mjs"), Some(("smoke".to_owned(), Language::Node)));
        assert_eq!(name("anthropic_suite.py"), Some(("anthropic".to_owned(), Language::Python)));
        for other in ["smoke.mjs", "_suite.mjs", "smoke_suite.js", "package.json", "node_modules"] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn the_repository_has_a_smoke_suite() {
        let suites = find(&Root::find()).unwrap();
        assert!(suites.iter().any(|suite| suite.name == "smoke"), "{suites:?}");
    }

    #[test]
    fn personal_names_stay_out_of_suites() {
        for name in ["KIRO_AUTH_TOKEN", "AWS_PROFILE", "ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CODEX_HOME"] {
            assert!(is_personal(&OsString::from(name)), "{name}");
        }
        assert!(!is_personal(&OsString::from("PATH")));
    }
}
