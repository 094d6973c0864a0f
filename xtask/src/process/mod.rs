//! Running other programs: to their end ([`run`]), or beside this one ([`Service`]).
//!
//! Every program leads a process group of its own, so that ending it ends what it started, and every wait looks at the
//! interrupt flag.

mod ask;
pub(crate) mod group;
pub(crate) mod interrupt;
mod output;
mod service;

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub(crate) use ask::{Said, ask};
pub(crate) use output::{Output, Watch};
pub(crate) use service::Service;

use crate::failure::{During, Failure, Result};
use crate::progress::Step;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Exit code 0.
    pub(crate) success: bool,
    /// Both streams, line by line.
    pub(crate) output: String,
}

/// Runs a program to its end and collects what it writes, showing on `step` that it is alive.
///
/// # Errors
/// When it cannot start, was interrupted, or ran longer than `limit` (it and its children are ended then).
pub(crate) fn run(command: &mut Command, step: &mut Step, limit: Duration) -> Result<Finished> {
    interrupt::check()?;
    let name = describe(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = group::spawn(command)?;
    let output = gather(&mut child, KEPT_LINES, None);
    let status = wait(&mut child, &output, step, limit, &name);
    output.settle(PIPE_PATIENCE);
    let text = output.text();
    match status {
        Ok(status) => Ok(Finished { success: status.success(), output: text }),
        Err(failure) if failure.is_interrupt() => Err(failure),
        Err(failure) => Err(failure.with_output(text)),
    }
}

/// Like [`run`], but a non-zero exit is a failure that carries the output.
pub(crate) fn demand(command: &mut Command, step: &mut Step, limit: Duration) -> Result<String> {
    let name = describe(command);
    let finished = run(command, step, limit)?;
    if finished.success {
        Ok(finished.output)
    } else {
        Err(Failure::new(format!("`{name}` failed")).with_output(finished.output))
    }
}

/// Standard output of a quick program whose output is a value, possibly a secret one: it is never shown.
pub(crate) fn value_of(command: &mut Command) -> Result<String> {
    let name = describe(command);
    let output = command.stdin(Stdio::null()).output().during(|| format!("start `{name}`"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::new(format!("`{name}` failed")).with_output(complaint));
    }
    String::from_utf8(output.stdout).during(|| format!("read what `{name}` wrote"))
}

/// Collects both streams of a child.
fn gather(child: &mut Child, limit: usize, watch: Option<Watch>) -> Output {
    let mut output = Output::keeping(limit);
    if let Some(stdout) = child.stdout.take() {
        output.collect(stdout, watch.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        output.collect(stderr, watch);
    }
    output
}

fn wait(child: &mut Child, output: &Output, step: &mut Step, limit: Duration, name: &str) -> Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().during(|| format!("wait for `{name}`"))? {
            return Ok(status);
        }
        if interrupt::raised() {
            group::end(child);
            return Err(Failure::interrupted());
        }
        if started.elapsed() > limit {
            group::end(child);
            let limit = limit.as_secs();
            return Err(Failure::new(format!("`{name}` did not end within {limit} s and was stopped")));
        }
        step.tick(&output.latest());
        std::thread::sleep(POLL);
    }
}

/// The program's name and first arguments, for messages.
fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut text = program.file_name().unwrap_or_else(|| command.get_program()).to_string_lossy().into_owned();
    for argument in command.get_args().take(4) {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// Long enough for any test run's failures to be shown whole.
const KEPT_LINES: usize = 20_000;
const POLL: Duration = Duration::from_millis(25);
const PIPE_PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failing_program_is_a_failure_that_carries_its_output() {
        let mut step = Step::start("test");
        let failure =
            demand(&mut shell("echo out; echo err >&2; exit 3"), &mut step, Duration::from_secs(60)).unwrap_err();
        let output = failure.output().unwrap();
        assert!(output.contains("out\n") && output.contains("err\n"), "{output}");
        assert_eq!(failure.exit_code(), 1);
    }

    #[test]
    fn a_program_over_its_limit_is_stopped_and_says_so() {
        let mut step = Step::start("test");
        let failure = run(&mut shell("echo started; sleep 600"), &mut step, Duration::from_millis(200)).unwrap_err();
        assert!(failure.to_string().contains("did not end within"), "{failure}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let mut step = Step::start("test");
        let failure = run(&mut Command::new("no-such-program-here"), &mut step, Duration::from_secs(1)).unwrap_err();
        assert!(failure.to_string().contains("no-such-program-here"), "{failure}");
    }
}
