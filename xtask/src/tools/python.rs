//! A Python environment under the target folder, with exactly the packages that requirements.txt names.

use std::fs;
use std::path::PathBuf;

use super::cargo::{NETWORK_LIMIT, close, explain};
use super::stamp::Stamp;
use crate::failure::{During, Result};
use crate::process;
use crate::progress::Step;
use crate::root::Root;

/// The environment's Python, made on first use.
pub(crate) fn interpreter(root: &Root) -> Result<PathBuf> {
    let requirements = root.join("tests/clients/requirements.txt");
    let wanted = fs::read_to_string(&requirements).during(|| format!("read {}", requirements.display()))?;
    let folder = root.tools().join("python");
    let python = folder.join("bin/python");
    let stamp = Stamp::new(root, "python", wanted);
    if stamp.holds() && python.is_file() {
        return Ok(python);
    }
    stamp.lift();
    let mut step = Step::start("install client SDKs (Python)");
    let outcome = make(root, &folder, &mut step).and_then(|()| {
        let mut install = root.command(&python);
        install
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements);
        process::demand(&mut install, &mut step, NETWORK_LIMIT)
    });
    close(step, outcome).map_err(|failure| explain(failure, "the Python environment could not be made"))?;
    stamp.set()?;
    Ok(python)
}

fn make(root: &Root, folder: &PathBuf, step: &mut Step) -> Result<()> {
    let mut command = root.command("python3");
    command.args(["-m", "venv", "--clear"]).arg(folder);
    process::demand(&mut command, step, NETWORK_LIMIT).map(drop).map_err(|failure| explain(failure, VENV_HINT))
}

const VENV_HINT: &str = "Python 3 with its `venv` module is needed (on Debian and Ubuntu: apt install python3-venv)";
