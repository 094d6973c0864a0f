//! Packages from npm, installed exactly as the committed lock files say.

use std::fs;
use std::path::{Path, PathBuf};

use super::cargo::{NETWORK_LIMIT, close, explain};
use super::stamp::Stamp;
use crate::failure::{During, Failure, Result};
use crate::process;
use crate::progress::Step;
use crate::root::Root;

/// What bundling, `dev` and deploying need: wrangler, binaryen, esbuild, dynalite, in the root's node_modules.
pub(super) fn tools(root: &Root) -> Result<PathBuf> {
    install(root, "npm-tools", "", "install wrangler, binaryen, … (npm)")
}

/// What the client suites need, in tests/clients/node_modules.
pub(crate) fn clients(root: &Root) -> Result<PathBuf> {
    install(root, "npm-clients", "tests/clients", "install client SDKs and CLIs (npm)")
}

fn install(root: &Root, stamp: &str, folder: &str, label: &str) -> Result<PathBuf> {
    let folder = root.join(folder);
    let modules = folder.join("node_modules");
    let stamp = Stamp::new(root, stamp, identity(&folder)?);
    let there = || stamp.holds() && modules.join(".package-lock.json").is_file();
    if there() {
        return Ok(modules);
    }
    let _turn = stamp.turn()?;
    if there() {
        return Ok(modules);
    }
    check_node(root)?;
    stamp.lift();
    let mut step = Step::start(label);
    let mut command = root.command("npm");
    // No install scripts: what they would fetch by themselves is not in the lock file.
    command.current_dir(&folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    let outcome = process::demand(&mut command, &mut step, NETWORK_LIMIT);
    close(step, outcome).map_err(|failure| explain(failure, "npm could not install what package-lock.json names"))?;
    stamp.set()?;
    Ok(modules)
}

/// The lock file's bytes say what is to be installed.
fn identity(folder: &Path) -> Result<String> {
    let lock = folder.join("package-lock.json");
    let bytes = fs::read(&lock).during(|| format!("read {}", lock.display()))?;
    let mut sum = flate2::Crc::new();
    sum.update(&bytes);
    Ok(format!("{} bytes, crc {:08x}", bytes.len(), sum.sum()))
}

fn check_node(root: &Root) -> Result<()> {
    let mut query = root.command("node");
    query.arg("--version");
    let version = process::value_of(&mut query)
        .map_err(|failure| explain(failure, "Node 20 or newer is needed and was not found (https://nodejs.org)"))?;
    match major(&version) {
        Some(20..) => Ok(()),
        _ => Err(Failure::new(format!("Node 20 or newer is needed, and `node --version` says {}", version.trim()))),
    }
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_are_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("nonsense"), None);
    }

    #[test]
    fn lock_files_name_every_package_by_checksum_and_no_foreign_host() {
        for folder in ["", "tests/clients"] {
            let path = Root::find().join(folder).join("package-lock.json");
            let lock: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let packages = lock["packages"].as_object().unwrap();
            assert!(packages.len() > 10);
            for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
                assert!(package["integrity"].is_string(), "{name} has no checksum");
                let address = package["resolved"].as_str().unwrap_or(NPM);
                assert!(address.starts_with(NPM), "{name} comes from {address}");
            }
        }
    }

    const NPM: &str = "https://registry.npmjs.org/";
}
