//! `cargo xtask bundle`: the worker crate, compiled, optimised and bundled into `build/`.
//!
//! ```text
//! worker-cf ──cargo (profile `worker`)──> .wasm ──worker-build: wasm-bindgen, wasm-opt, esbuild──> build/index.js
//!                                                                                                  build/index_bg.wasm
//! ```
//! The second half runs only when the compiled wasm or a tool has changed. The function for Lambda: [`lambda`].

pub(crate) mod lambda;
mod options;
pub(crate) mod program;
mod sections;
mod size;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::failure::{During, Failure, Result};
use crate::gateway::BUNDLE_IS_READY;
use crate::process;
use crate::progress::Step;
use crate::root::Root;
use crate::tools::{BundleTools, WASM};

pub(crate) use options::{HELP, Options};
pub(crate) use size::Size;

/// Builds what was asked for.
pub(crate) fn run(root: &Root, options: Options) -> Result<()> {
    match options {
        // wrangler.toml's build command runs inside commands that have just built the bundle.
        Options::Workers if std::env::var_os(BUNDLE_IS_READY).is_some() => existing(root).map(drop),
        Options::Workers => bundle(root).map(drop),
        Options::Lambda(processor) => lambda::bundle(root, processor).map(drop),
    }
}

/// Builds what has changed and measures the result.
///
/// # Errors
/// When a tool cannot be installed, the crate does not compile, or the bundle is over the platform's limit.
pub(crate) fn bundle(root: &Root) -> Result<Size> {
    let tools = BundleTools::ready(root)?;
    let mut step = Step::start("bundle the worker");
    let outcome =
        build(root, &tools, &mut step).and_then(|()| measure(root)).and_then(|size| size.check().map(|()| size));
    match outcome {
        Ok(size) => {
            step.done(&size.line());
            Ok(size)
        }
        Err(failure) => {
            step.failed("");
            Err(failure)
        }
    }
}

/// The bundle that is there, for commands told not to build one.
pub(crate) fn existing(root: &Root) -> Result<Size> {
    measure(root).map_err(|_| Failure::new("there is no bundle yet: run `cargo xtask bundle` first"))
}

fn build(root: &Root, tools: &BundleTools, step: &mut Step) -> Result<()> {
    process::demand(&mut compile(root), step, LIMIT)?;
    let identity = identity(root)?;
    let stamp = root.bundle().join(STAMP);
    let fresh = fs::read_to_string(&stamp).is_ok_and(|found| found == identity);
    if fresh && measure(root).is_ok() {
        return Ok(());
    }
    let _ = fs::remove_file(&stamp);
    let mut assemble = tools.worker_build(root);
    assemble.args(["worker-cf", "--out-dir", "../build", "--profile", PROFILE, "--locked"]);
    process::demand(&mut assemble, step, LIMIT)?;
    strip(root)?;
    fs::write(&stamp, identity).during(|| format!("write {}", stamp.display()))
}

/// Exactly the compilation that `worker-build` runs, so that its own finds everything built.
fn compile(root: &Root) -> std::process::Command {
    let mut cargo = root.cargo(&["build", "--lib", "--profile", PROFILE, "--target", WASM, "--locked"]);
    cargo.current_dir(root.join("worker-cf")).env("WASM_BINDGEN_USE_JS_SYS", "1");
    cargo
}

/// `worker-build` keeps the functions' names, which every cold isolate would download.
fn strip(root: &Root) -> Result<()> {
    let path = root.bundle().join("index_bg.wasm");
    let wasm = fs::read(&path).during(|| format!("read {}", path.display()))?;
    let bare = sections::without_custom(&wasm).during(|| format!("read the sections of {}", path.display()))?;
    fs::write(&path, bare).during(|| format!("write {}", path.display()))
}

/// What the bundle is made from: the compiled wasm, the manifest (its wasm-opt flags) and the tools.
fn identity(root: &Root) -> Result<String> {
    let wasm = root.target().join(WASM).join(PROFILE).join("kiro2api_worker.wasm");
    let inputs = [
        wasm,
        root.join("worker-cf/Cargo.toml"),
        root.join("Cargo.lock"),
        root.join("package-lock.json"),
        root.join("xtask/src/tools/pins.rs"),
    ];
    let mut sum = flate2::Crc::new();
    let mut length = 0;
    for input in inputs {
        let bytes = fs::read(&input).during(|| format!("read {}", input.display()))?;
        sum.update(&bytes);
        length += bytes.len();
    }
    Ok(format!("{length} bytes, crc {:08x}\n", sum.sum()))
}

/// The sizes of the files that are deployed.
fn measure(root: &Root) -> Result<Size> {
    let mut total = Size::default();
    for file in DEPLOYED {
        let path: PathBuf = root.bundle().join(file);
        let bytes = fs::read(&path).during(|| format!("read {}", path.display()))?;
        total = total.plus(Size::of(&bytes)?);
    }
    Ok(total)
}

/// The cargo profile of the worker, in the root Cargo.toml.
const PROFILE: &str = "worker";
const DEPLOYED: [&str; 2] = ["index.js", "index_bg.wasm"];
const STAMP: &str = ".bundle-stamp";
const LIMIT: Duration = Duration::from_secs(30 * 60);
