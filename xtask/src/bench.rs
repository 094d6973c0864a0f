//! `cargo xtask bench`: the project beside its peers, in one run.

use std::ffi::OsString;
use std::process::Stdio;

use crate::accounts::{HOME, Home};
use crate::failure::{During, Failure, Result};
use crate::process::{group, interrupt};
use crate::root::Root;

/// Runs the benchmarks with the terminal as their output; `arguments` are theirs. `lambda` as the first one runs those of
/// the function alone.
pub(crate) fn run(root: &Root, arguments: &[OsString]) -> Result<()> {
    if let Some((first, rest)) = arguments.split_first()
        && first == "lambda"
    {
        return lambda(root, rest);
    }
    let mut native =
        root.cargo(&["run", "--locked", "--profile", "bench", "--package", "kiro2api-bench", "--bin", "bench", "--"]);
    native.args(arguments);
    attended(native, "the benchmarks")?;
    let workers = root.join("bench/workers/run.mjs");
    if workers.is_file() {
        crate::bundle::bundle(root)?;
        let mut script = root.command("node");
        script.arg(workers).args(arguments).env("KIRO2API_XTASK", crate::root::this_program().unwrap_or_default());
        script.env(HOME, Home::nobodys(root));
        attended(script, "the Workers benchmarks")?;
    }
    // Filters and files are the native benchmarks' alone.
    let plain = arguments.iter().all(|argument| argument == "--quick");
    if plain { lambda(root, arguments) } else { Ok(()) }
}

/// The function, built as it is shipped, beside one that passes the service's bytes through.
fn lambda(root: &Root, arguments: &[OsString]) -> Result<()> {
    let mut build = root.cargo(&["build", "--locked", "--release", "--package", "kiro2api-lambda"]);
    build.args(["--bin", "kiro2api-lambda", "--example", "passthrough"]);
    attended(build, "the functions' build")?;
    let built = root.target().join("release");
    let mut driver = root.cargo(&["run", "--locked", "--release", "--package", "kiro2api-bench-lambda", "--"]);
    driver.arg("--gateway").arg(built.join("kiro2api-lambda"));
    driver.arg("--pass-through").arg(built.join("examples/passthrough")).args(arguments);
    attended(driver, "the Lambda benchmarks")
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
