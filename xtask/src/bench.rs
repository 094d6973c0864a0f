//! `cargo xtask bench`: the project beside its peers, in one run.

use std::ffi::OsString;
use std::process::Stdio;

use crate::failure::{During, Failure, Result};
use crate::process::{group, interrupt};
use crate::root::Root;

/// Runs the benchmarks with the terminal as their output; `arguments` are theirs.
pub(crate) fn run(root: &Root, arguments: &[OsString]) -> Result<()> {
    let mut native =
        root.cargo(&["run", "--locked", "--profile", "bench", "--package", "kiro2api-bench", "--bin", "bench", "--"]);
    native.args(arguments);
    attended(native, "the benchmarks")?;
    let workers = root.join("bench/workers/run.mjs");
    if workers.is_file() {
        crate::bundle::bundle(root)?;
        let mut script = root.command("node");
        script.arg(workers).args(arguments).env("KIRO2API_XTASK", std::env::current_exe().unwrap_or_default());
        attended(script, "the Workers benchmarks")?;
    }
    Ok(())
}

/// Runs a program in the foreground of the terminal, until it ends or Ctrl-C.
fn attended(mut command: std::process::Command, name: &str) -> Result<()> {
    command.stdin(Stdio::null());
    let mut child = group::spawn(&mut command)?;
    loop {
        match child.try_wait().during(|| format!("wait for {name}"))? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(Failure::new(format!("{name} failed ({status})"))),
            None if interrupt::raised() => {
                group::end(&mut child);
                return Err(Failure::interrupted());
            }
            None => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    }
}
