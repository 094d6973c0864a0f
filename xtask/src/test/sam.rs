//! Checks of template.yaml with the tools that deploy it: SAM, cfn-lint, and tests of what the transform makes of it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::Verdict;
use super::count::{self, Count};
use crate::bundle::lambda::Processor;
use crate::bundle::program;
use crate::failure::{During, Result};
use crate::process;
use crate::progress::Step;
use crate::root::Root;
use crate::tools;

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// SAM takes the template.
    Validate,
    /// cfn-lint has nothing to say, warnings included.
    Lint,
    /// The stack that comes of it: permissions, parameters, table, names of settings.
    Stack,
    /// `sam build` makes a program that the platform can start.
    Build,
}

impl Check {
    /// Runs it.
    pub(super) fn perform(self, root: &Root, progress: &mut Step) -> Verdict {
        match self {
            Self::Validate => validate(root, progress).map_err(super::plain),
            Self::Lint => lint(root, progress).map_err(super::plain),
            Self::Stack => stack(root, progress),
            Self::Build => build(root, progress).map_err(super::plain),
        }
    }
}

/// Where [`Check::Build`] leaves the function's program.
pub(super) fn built(root: &Root) -> PathBuf {
    folder(root).join(FUNCTION).join("bootstrap")
}

fn validate(root: &Root, progress: &mut Step) -> Result<(Count, String)> {
    process::demand(program_of(root, "sam")?.args(["validate", "--lint"]), progress, QUICK)?;
    Ok((Count::ONE, String::new()))
}

fn lint(root: &Root, progress: &mut Step) -> Result<(Count, String)> {
    let mut command = program_of(root, "cfn-lint")?;
    command.args(["--non-zero-exit-code", "warning", "template.yaml"]);
    process::demand(&mut command, progress, QUICK)?;
    Ok((Count::ONE, String::new()))
}

fn stack(root: &Root, progress: &mut Step) -> Verdict {
    let mut command = program_of(root, "python").map_err(super::plain)?;
    command.current_dir(root.join("tests/template")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["-W", "ignore", "-m", "unittest", "-v", "template_test"]);
    let finished = process::run(&mut command, progress, QUICK).map_err(super::plain)?;
    let count = count::suite(&finished.output).unwrap_or_default();
    super::verdict(finished, count, "the template's test")
}

fn build(root: &Root, progress: &mut Step) -> Result<(Count, String)> {
    let program = built(root);
    // What an earlier run left must not pass for this one's.
    let _ = std::fs::remove_file(&program);
    let mut command = program_of(root, "sam")?;
    // A folder of its own: the usual one holds what the person is about to deploy.
    command.args(["build", "--build-dir"]).arg(folder(root));
    command.args(["--parameter-overrides", &format!("Architecture={}", PROCESSOR.name())]);
    process::demand(&mut command, progress, COMPILING)?;
    let size = program::check(&program, PROCESSOR)?;
    Ok((Count::ONE, format!("{} KB for {}", size / 1000, PROCESSOR.name())))
}

/// One of the AWS tools, silent about itself, and led to no account.
fn program_of(root: &Root, name: &str) -> Result<Command> {
    let programs = tools::aws(root)?;
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(programs.clone()).chain(std::env::split_paths(&paths));
    let mut command = root.command(programs.join(name));
    command
        .env("PATH", std::env::join_paths(paths).during(|| "extend PATH".to_owned())?)
        .env("CARGO_TARGET_DIR", root.target())
        .env("SAM_CLI_TELEMETRY", "0")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env_remove("AWS_PROFILE")
        .env("AWS_ACCESS_KEY_ID", "none")
        .env("AWS_SECRET_ACCESS_KEY", "none");
    Ok(command)
}

fn folder(root: &Root) -> PathBuf {
    root.target().join("sam/build")
}

/// The function's name in the template.
const FUNCTION: &str = "Gateway";
/// The program is run by tests, which the other processor's could not.
const PROCESSOR: Processor = if cfg!(target_arch = "aarch64") { Processor::Arm64 } else { Processor::X86_64 };
const QUICK: Duration = Duration::from_secs(5 * 60);
const COMPILING: Duration = Duration::from_secs(30 * 60);
