//! Python environments under the target folder, each with exactly the packages that its committed list names.

use std::fs;
use std::path::{Path, PathBuf};

use super::cargo::{NETWORK_LIMIT, close, explain};
use super::stamp::Stamp;
use crate::failure::{During, Result};
use crate::process;
use crate::progress::Step;
use crate::root::Root;

/// An environment: a folder of the tools, the list of its packages, and what installing them is called.
struct Environment {
    name: &'static str,
    requirements: &'static str,
    label: &'static str,
}

/// The SDKs that the client suites drive.
const CLIENTS: Environment = Environment {
    name: "python",
    requirements: "tests/clients/requirements.txt",
    label: "install client SDKs (Python)",
};

/// What builds, runs and tests the Lambda side. An environment of its own: its packages pin others than the SDKs do.
const AWS: Environment = Environment {
    name: "aws",
    requirements: "xtask/aws-requirements.txt",
    label: "install cargo-lambda, SAM, moto, AWS CLI (Python)",
};

/// The Python of the client suites, made on first use.
pub(crate) fn interpreter(root: &Root) -> Result<PathBuf> {
    CLIENTS.ready(root).map(|programs| programs.join(PYTHON))
}

/// The folder of the Lambda side's programs (`cargo-lambda`, `moto_server`, `sam`, `cfn-lint`, `aws`), made on first use.
pub(crate) fn aws(root: &Root) -> Result<PathBuf> {
    AWS.ready(root)
}

impl Environment {
    /// The folder of its programs.
    fn ready(&self, root: &Root) -> Result<PathBuf> {
        let requirements = root.join(self.requirements);
        let wanted = fs::read_to_string(&requirements).during(|| format!("read {}", requirements.display()))?;
        let folder = root.tools().join(self.name);
        let programs = folder.join("bin");
        let python = programs.join(PYTHON);
        let stamp = Stamp::new(root, self.name, wanted);
        let there = || stamp.holds() && python.is_file();
        if there() {
            return Ok(programs);
        }
        let _turn = stamp.turn()?;
        if there() {
            return Ok(programs);
        }
        stamp.lift();
        let mut step = Step::start(self.label);
        let outcome = make(root, &folder, &mut step).and_then(|()| {
            let mut install = root.command(&python);
            install
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--no-compile",
                    "--disable-pip-version-check",
                    "--requirement",
                ])
                .arg(&requirements);
            process::demand(&mut install, &mut step, NETWORK_LIMIT)
        });
        close(step, outcome).map_err(|failure| explain(failure, "the Python environment could not be made"))?;
        stamp.set()?;
        Ok(programs)
    }
}

fn make(root: &Root, folder: &Path, step: &mut Step) -> Result<()> {
    let mut command = root.command("python3");
    command.args(["-m", "venv", "--clear"]).arg(folder);
    process::demand(&mut command, step, NETWORK_LIMIT).map(drop).map_err(|failure| explain(failure, VENV_HINT))
}

const PYTHON: &str = "python";
const VENV_HINT: &str = "Python 3 with its `venv` module is needed (on Debian and Ubuntu: apt install python3-venv)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_one_exact_version() {
        for environment in [CLIENTS, AWS] {
            let list = fs::read_to_string(Root::find().join(environment.requirements)).unwrap();
            let packages = list.lines().filter(|line| !line.starts_with('#'));
            for package in packages {
                let (name, version) = package.split_once("==").unwrap();
                let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
                assert!(plain(name) && plain(version) && !version.is_empty(), "{package}");
            }
        }
    }
}
