//! Tools from crates.io, built into target/tools/bin, and the wasm target.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::pins;
use super::stamp::Stamp;
use crate::failure::{During, Failure, Result};
use crate::process;
use crate::progress::Step;
use crate::root::Root;

/// A program that `cargo install` builds.
struct Tool<'a> {
    krate: &'a str,
    program: &'a str,
    version: &'a str,
    flags: &'a [&'a str],
}

/// `worker-build`, installed on first use.
pub(super) fn worker_build(root: &Root) -> Result<PathBuf> {
    install(root, &Tool { krate: "worker-build", program: "worker-build", version: pins::WORKER_BUILD, flags: &[] })
}

/// `wasm-bindgen` of the version that Cargo.lock holds, installed on first use.
pub(super) fn wasm_bindgen(root: &Root) -> Result<PathBuf> {
    let lock = fs::read_to_string(root.join("Cargo.lock")).during(|| "read Cargo.lock".to_owned())?;
    let version = pins::locked_version(&lock, "wasm-bindgen")
        .ok_or_else(|| Failure::new("Cargo.lock holds no wasm-bindgen: worker-cf depends on it"))?;
    install(
        root,
        &Tool {
            krate: "wasm-bindgen-cli",
            program: "wasm-bindgen",
            version,
            // Its TLS stack serves the test runner alone.
            flags: &["--no-default-features"],
        },
    )
}

/// Adds a target's standard library to the pinned toolchain where it is missing.
pub(crate) fn target(root: &Root, triple: &str) -> Result<()> {
    let mut query = root.command("rustc");
    query.args(["--print", "target-libdir", "--target", triple]);
    let folder = process::value_of(&mut query)?;
    if fs::read_dir(folder.trim()).is_ok_and(|mut entries| entries.next().is_some()) {
        return Ok(());
    }
    let mut step = Step::start(format!("add Rust target {triple}"));
    let mut add = root.command("rustup");
    add.args(["target", "add", triple]);
    let outcome = process::demand(&mut add, &mut step, NETWORK_LIMIT);
    close(step, outcome).map_err(|failure| explain(failure, "rustup could not add the target"))
}

/// The target every Workers bundle is compiled for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

fn install(root: &Root, tool: &Tool<'_>) -> Result<PathBuf> {
    let program = root.tools().join("bin").join(tool.program);
    let stamp = Stamp::new(root, tool.krate, format!("{} {} {:?}", tool.version, COMPILER, tool.flags));
    let there = || stamp.holds() && program.is_file();
    if there() {
        return Ok(program);
    }
    let _turn = stamp.turn()?;
    if there() {
        return Ok(program);
    }
    stamp.lift();
    let mut step = Step::start(format!("install {} {}", tool.krate, tool.version));
    let mut command = root.cargo(&["install", "--locked", "--force", "--bin", tool.program, "--root"]);
    command.arg(root.tools()).args(["--version", tool.version]).args(tool.flags).arg(tool.krate);
    // A tool that runs for a second need not be built for speed: this halves the time of the first run.
    command
        .env("CARGO_TARGET_DIR", root.tools().join("build"))
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env_remove("RUSTFLAGS");
    let outcome = process::demand(&mut command, &mut step, BUILD_LIMIT);
    close(step, outcome).map_err(|failure| explain(failure, "a tool could not be built"))?;
    stamp.set()?;
    Ok(program)
}

/// Ends a step as its outcome says.
pub(super) fn close(step: Step, outcome: Result<String>) -> Result<()> {
    match outcome {
        Ok(_) => {
            step.done("");
            Ok(())
        }
        Err(failure) => {
            step.failed("");
            Err(failure)
        }
    }
}

/// Puts the plain words before the technical ones.
pub(super) fn explain(failure: Failure, words: &str) -> Failure {
    if failure.is_interrupt() {
        return failure;
    }
    let output = failure.output().unwrap_or_default().to_owned();
    Failure::new(format!("{words}: {failure}")).with_output(output)
}

/// Part of the stamps: a new toolchain builds the tools anew only when this file says so.
const COMPILER: &str = "opt1";
pub(super) const NETWORK_LIMIT: Duration = Duration::from_secs(15 * 60);
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);
