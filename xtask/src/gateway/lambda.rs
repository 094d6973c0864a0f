//! The function on the emulator of cargo-lambda, beside a table of its own.
//!
//! ```text
//! client ─▶ emulator (cargo lambda watch --only-lambda-apis) ◀─ next invocation, streamed response ─ kiro2api-lambda ─▶ table
//! ```
//!
//! The emulator only serves the function URL and the runtime's interface; the function is built and started here, so
//! that no request waits for a compiler, nothing is rebuilt under a test, and its settings are its whole environment:
//! nothing of the person's AWS account is in reach. Up to [`CONCURRENCY`] requests are served side by side by the one
//! process; on the platform each would have an environment of its own.
//!
//! What the emulator does that a real function URL does not:
//!
//! - the deadline that it sends with an invocation is always 600000, a time of 1970;
//! - of a repeated request header the function gets the first value alone;
//! - a body called text or JSON, or called nothing, that is not UTF-8, and a header that is not, it answers by itself with
//!   status 500 and a problem document;
//! - it takes bodies of any size, and the paths `/.rt/…`, `/lambda-url/…` and `/2015-03-31/functions/…` are its own;
//! - a `content-length` of the function appears as `x-amzn-remapped-content-length`, and two headers of the runtime's
//!   interface (`lambda-runtime-function-response-mode`, `lambda-runtime-aws-request-id`) reach the client;
//! - when a client leaves a stream, the function notices at its second write after that (the platform tells it never);
//! - when the function dies, its clients wait for ever (the platform answers 502);
//! - more than a hundred requests that wait for a free slot of the function stop it for good.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::table::Table;
use super::{Plan, Site};
use crate::failure::{Failure, Result};
use crate::ports::Held;
use crate::process::{self, Service, Watch};
use crate::progress::{Step, say};
use crate::root::Root;
use crate::{http, settings, tools};

/// A running function with what it needs.
#[derive(Debug)]
pub(super) struct Function {
    // Dropped in this order: whoever calls before what is called.
    process: Service,
    emulator: Service,
    table: Table,
}

impl Function {
    /// Starts the table, the emulator and the function, in this order.
    pub(super) fn start(root: &Root, plan: &Plan, site: Site<'_>) -> Result<Self> {
        let program = plan.program.clone().map_or_else(|| existing(root), Ok)?;
        let table = Table::start(root, &site.state.join("table"))?;
        // Before the function, which ends at once when it cannot ask for its first invocation.
        let port = site.port.port();
        let emulator = emulate(root, plan, site.port)?;
        let mut command = function(root, &program, port);
        command.envs(site.values).envs(table.settings());
        let watch = of_function(plan, Arc::clone(site.ready));
        let process = Service::start("the function (kiro2api-lambda)", &mut command, Some(watch))?;
        Ok(Self { process, emulator, table })
    }

    /// An error as soon as one of the programs has ended.
    pub(super) fn check(&mut self) -> Result<()> {
        self.process.check()?;
        self.emulator.check()?;
        self.table.check()
    }

    /// The function's last line, for a sign of life.
    pub(super) fn latest(&self) -> String {
        self.process.latest()
    }

    /// The last lines of the function and of the emulator.
    pub(super) fn recent_output(&self) -> String {
        format!("{}{}", self.emulator.recent_output(), self.process.recent_output())
    }
}

/// Installs what runs the function.
pub(super) fn install(root: &Root) -> Result<()> {
    tools::dynalite(root)?;
    tools::cargo_lambda(root).map(drop)
}

/// Installs what runs the function, and compiles it for this machine: tests want it soon, not fast.
pub(super) fn build(root: &Root) -> Result<()> {
    // Tools first: that one is missing is best told before minutes of compiling.
    install(root)?;
    let mut step = Step::start("build the function (debug)");
    let mut cargo = root.cargo(&["build", "--locked", "--package", PROGRAM, "--bin", PROGRAM]);
    let outcome = process::demand(&mut cargo, &mut step, BUILD_LIMIT).map(drop);
    step.close(outcome, |()| String::new())
}

/// The function that was built, or the one that [`super::PROGRAM`] names.
pub(super) fn existing(root: &Root) -> Result<PathBuf> {
    let named = std::env::var_os(super::PROGRAM).map(PathBuf::from);
    match named.clone().unwrap_or_else(|| root.target().join("debug").join(PROGRAM)) {
        program if program.is_file() => Ok(program),
        program if named.is_some() => {
            Err(Failure::new(format!("{}: there is no file {}", super::PROGRAM, program.display())))
        }
        _ => Err(Failure::new(format!("there is no function yet: run `cargo build --package {PROGRAM}` first"))),
    }
}

fn emulate(root: &Root, plan: &Plan, port: Held) -> Result<Service> {
    let mut command = emulator(root, port.port())?;
    let mut step = Step::start("start the Lambda emulator");
    let port = port.release();
    let outcome = Service::start("the Lambda emulator (cargo lambda)", &mut command, Some(of_emulator(plan)))
        .and_then(|mut service| http::await_listener(port, &mut service, &mut step).map(|()| service));
    step.close(outcome, |_| String::new())
}

fn emulator(root: &Root, port: u16) -> Result<Command> {
    let mut command = tools::cargo_lambda(root)?;
    // The package makes its function the one behind the root path. CORS is the gateway's to answer.
    command.args(["watch", "--only-lambda-apis", "--disable-cors", "--color", "never", "--package", PROGRAM]);
    command.args(["--invoke-address", "127.0.0.1", "--invoke-port"]).arg(port.to_string());
    settings::withhold(&mut command);
    Ok(command)
}

/// The function as the platform starts it: nothing in its environment but what is named here and its settings.
fn function(root: &Root, program: &Path, port: u16) -> Command {
    let mut command = root.command(program);
    command.env_clear().env("RUST_BACKTRACE", "1");
    command
        .env("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{port}/.rt"))
        .env("AWS_LAMBDA_FUNCTION_NAME", PROGRAM)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_MAX_CONCURRENCY", CONCURRENCY.to_string());
    command
}

/// The function's own lines are the gateway's log; those of its start are held back unless they warn.
fn of_function(plan: &Plan, ready: Arc<AtomicBool>) -> Watch {
    let (verbose, quiet, log) = (plan.verbose, plan.quiet, plan.log.clone());
    Arc::new(move |line| {
        log.iter().for_each(|log| log.push(line));
        let shown = !quiet && (ready.load(Ordering::Relaxed) || !line.contains(r#""level":"info""#));
        if verbose || shown {
            say(line);
        }
    })
}

/// The emulator talks about itself.
fn of_emulator(plan: &Plan) -> Watch {
    let (verbose, quiet, log) = (plan.verbose, plan.quiet, plan.log.clone());
    Arc::new(move |line| {
        log.iter().for_each(|log| log.push(line));
        if verbose || !quiet && is_complaint(line) {
            say(line);
        }
    })
}

fn is_complaint(line: &str) -> bool {
    ["ERROR ", "WARN "].iter().any(|level| line.trim_start().starts_with(level))
}

const PROGRAM: &str = "kiro2api-lambda";
const CONCURRENCY: u16 = 64;
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_inherits_nothing() {
        let command = function(&Root::find(), Path::new("/function"), 9000);
        let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        assert!(names.iter().all(|name| name.starts_with("AWS_LAMBDA_") || name == "RUST_BACKTRACE"), "{names:?}");
        let inherited = std::process::Command::new("env").env_clear().output().unwrap();
        assert_eq!(inherited.stdout, b"", "a cleared environment is empty");
    }

    #[test]
    fn the_emulators_complaints_are_told_from_its_talk() {
        assert!(is_complaint("ERROR failed to serve HTTP requests error=x"));
        assert!(!is_complaint(" INFO starting Runtime server runtime_addr=127.0.0.1:9000"));
    }
}
