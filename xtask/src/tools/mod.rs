//! Everything the project's commands need, pinned, from the Rust, npm and Python registries alone.
//!
//! Each tool is installed on first use, with a stamp that makes every later use instant.

mod cargo;
mod npm;
mod pins;
mod python;
mod stamp;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

pub(crate) use cargo::{WASM, target};
pub(crate) use npm::clients;
pub(crate) use python::{aws, interpreter as python};

use crate::failure::{During, Result};
use crate::root::Root;

/// What it takes to turn the worker crate into a bundle.
#[derive(Debug)]
pub(crate) struct BundleTools {
    worker_build: PathBuf,
    wasm_bindgen: PathBuf,
    modules: PathBuf,
}

impl BundleTools {
    /// Installs what is missing.
    pub(crate) fn ready(root: &Root) -> Result<Self> {
        cargo::target(root, WASM)?;
        // npm first: it is quick, and a missing Node is best told before minutes of compiling.
        let modules = npm::tools(root)?;
        Ok(Self { modules, worker_build: cargo::worker_build(root)?, wasm_bindgen: cargo::wasm_bindgen(root)? })
    }

    /// `worker-build`, told to use the installed tools: left alone it would download its own.
    pub(crate) fn worker_build(&self, root: &Root) -> Command {
        let mut command = root.command(&self.worker_build);
        command
            .env("WASM_BINDGEN_BIN", &self.wasm_bindgen)
            .env("WASM_OPT_BIN", self.modules.join(".bin/wasm-opt"))
            .env("ESBUILD_BIN", self.modules.join(".bin/esbuild"));
        command
    }
}

/// `wrangler`, silent about itself: no telemetry, no banner, its logs under the target folder.
pub(crate) fn wrangler(root: &Root) -> Result<Command> {
    let modules = npm::tools(root)?;
    let mut command = root.command("node");
    command
        .arg(modules.join("wrangler/bin/wrangler.js"))
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_HIDE_BANNER", "true")
        .env("WRANGLER_LOG_PATH", root.target().join("wrangler-logs"))
        .env("WRANGLER_REGISTRY_PATH", root.target().join("wrangler-registry"))
        .env("NO_COLOR", "1");
    Ok(command)
}

/// `dynalite`, a DynamoDB for one machine.
pub(crate) fn dynalite(root: &Root) -> Result<Command> {
    let modules = npm::tools(root)?;
    let mut command = root.command("node");
    command.arg(modules.join("dynalite/cli.js"));
    Ok(command)
}

/// `cargo-lambda`, which finds its own Python tools first in its PATH.
pub(crate) fn cargo_lambda(root: &Root) -> Result<Command> {
    let mut command = root.command(aws(root)?.join("cargo-lambda"));
    command.arg("lambda").env("PATH", aws_first(root)?);
    Ok(command)
}

/// `PATH` with the programs of the Lambda side before all others.
pub(crate) fn aws_first(root: &Root) -> Result<OsString> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(aws(root)?).chain(std::env::split_paths(&paths));
    std::env::join_paths(paths).during(|| "extend PATH".to_owned())
}
