//! `cargo xtask bundle --lambda`: the function's program, zipped as Lambda takes it.
//!
//! ```text
//! lambda-aws ──cargo-lambda (profile `release`, zig as linker)──> target/<triple>/release/kiro2api-lambda
//!                                                                 target/lambda/<arch>/bootstrap.zip
//! ```

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::program;
use crate::failure::{During, Failure, Result};
use crate::process;
use crate::progress::{Step, say};
use crate::root::Root;
use crate::tools;

/// A processor that functions run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processor {
    /// Graviton; a fifth cheaper by the second.
    Arm64,
    /// Intel or AMD.
    X86_64,
}

impl Processor {
    /// By the name that Lambda and the template give it.
    pub(super) fn named(name: &str) -> std::result::Result<Self, &'static str> {
        match name {
            "arm64" => Ok(Self::Arm64),
            "x86_64" => Ok(Self::X86_64),
            _ => Err("it should be arm64 or x86_64"),
        }
    }

    /// The name that Lambda and the template give it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// The name that Rust gives its Linux.
    fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Arm64 => "--arm64",
            Self::X86_64 => "--x86-64",
        }
    }
}

/// Bytes of a deployable function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    program: u64,
    zip: u64,
}

impl Size {
    /// A line for people.
    pub(crate) fn line(self) -> String {
        format!(
            "{} program, {} zip (target {}, limit {})",
            megabytes(self.program),
            megabytes(self.zip),
            megabytes(TARGET),
            megabytes(LIMIT)
        )
    }

    /// An error when the project would not deploy it: each cold start loads it.
    fn check(self) -> Result<()> {
        if self.zip <= LIMIT {
            return Ok(());
        }
        let (zip, limit) = (megabytes(self.zip), megabytes(LIMIT));
        Err(Failure::new(format!("the function's zip is too large: {zip}, the limit is {limit}")))
    }
}

/// Builds the zip and measures it.
///
/// # Errors
/// When a tool cannot be installed, the program does not compile or is not one that the platform runs, or the zip is
/// over the limit.
pub(crate) fn bundle(root: &Root, processor: Processor) -> Result<Size> {
    // Installs it where it is missing, which is a step of its own.
    tools::cargo_lambda(root)?;
    let mut step = Step::start(format!("bundle the function for {}", processor.name()));
    match assemble(root, processor, &mut step) {
        Ok(size) => {
            step.done(&size.line());
            say(&format!("  {}", zip(root, processor).display()));
            Ok(size)
        }
        Err(failure) => {
            step.failed("");
            Err(failure)
        }
    }
}

/// Where the zip is.
pub(crate) fn zip(root: &Root, processor: Processor) -> PathBuf {
    folder(root, processor).join("bootstrap.zip")
}

fn assemble(root: &Root, processor: Processor, step: &mut Step) -> Result<Size> {
    let folder = folder(root, processor);
    // What an earlier run left must not pass for this one's.
    let _ = fs::remove_dir_all(&folder);
    let mut build = tools::cargo_lambda(root)?;
    build.args(["build", "--release", "--locked", "--bin", PROGRAM, "--flatten", PROGRAM, processor.flag()]);
    build.args(["--output-format", "zip", "--lambda-dir"]).arg(&folder);
    build.current_dir(root.join("lambda-aws")).env("CARGO_TARGET_DIR", root.target());
    process::demand(&mut build, step, LIMIT_OF_TIME)?;
    let compiled = root.target().join(processor.triple()).join("release").join(PROGRAM);
    let program = program::check(&compiled, processor)?;
    let path = zip(root, processor);
    let zip = fs::metadata(&path).during(|| format!("measure {}", path.display()))?.len();
    let size = Size { program, zip };
    size.check().map(|()| size)
}

fn folder(root: &Root, processor: Processor) -> PathBuf {
    root.target().join("lambda").join(processor.name())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}

/// The name of the program in lambda-aws/Cargo.toml.
const PROGRAM: &str = "kiro2api-lambda";
const TARGET: u64 = 2_000_000;
const LIMIT: u64 = 5_000_000;
const LIMIT_OF_TIME: Duration = Duration::from_secs(30 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_over_the_limit_is_refused() {
        assert!(Size { program: 2 * LIMIT, zip: LIMIT }.check().is_ok());
        let failure = Size { program: LIMIT, zip: LIMIT + 1 }.check().unwrap_err().to_string();
        assert!(failure.contains("the limit is 5.00 MB"), "{failure}");
    }

    #[test]
    fn sizes_are_told_in_megabytes() {
        let line = Size { program: 4_056_789, zip: 1_999_999 }.line();
        assert_eq!(line, "4.05 MB program, 1.99 MB zip (target 2.00 MB, limit 5.00 MB)");
    }

    #[test]
    fn processors_have_the_names_of_the_template() {
        for processor in [Processor::Arm64, Processor::X86_64] {
            assert_eq!(Processor::named(processor.name()), Ok(processor));
        }
        assert!(Processor::named("aarch64").is_err());
    }
}
