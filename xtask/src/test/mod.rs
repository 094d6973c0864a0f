//! `cargo xtask test`: everything set up, and every test there is.

mod count;
mod gateways;
mod moto;
mod report;
mod sam;
mod secrets;
mod steps;
mod suites;
mod wasm_imports;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use count::Count;
use gateways::Gateways;
use report::Report;
use sam::Check;
use steps::{TestStep, Work};
use suites::Suite;

use crate::failure::{During, Failure, Result};
use crate::gateway::{self, BUNDLE_IS_READY, Platform};
use crate::process::Finished;
use crate::progress::{Step, answer, say};
use crate::root::Root;
use crate::{bundle, process, settings, tools};

/// The command's options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// The inner loop: everything quick, and the smoke suite.
    pub(crate) fast: bool,
    /// One step, or a family of steps.
    pub(crate) only: Option<String>,
    /// Name the steps and run none.
    pub(crate) list: bool,
}

/// Runs the chosen steps, one after the other, all of them even when one fails.
pub(crate) fn run(root: &Root, options: &Options) -> Result<()> {
    let started = Instant::now();
    let all = steps::all(&suites::find(root)?);
    if options.list {
        all.iter().for_each(|step| answer(&step.name));
        return Ok(());
    }
    let chosen = steps::chosen(all, options.fast, options.only.as_deref());
    if chosen.is_empty() {
        let only = options.only.as_deref().unwrap_or_default();
        return Err(Failure::new(format!("no test step is called {only}: see `cargo xtask test --list`")));
    }
    let mut run = Run { root, report: Report::default(), built: Built::default(), gateways: Gateways::default() };
    for step in &chosen {
        run.perform(step)?;
    }
    run.gateways.end(root, &mut run.report);
    say("");
    say(&run.report.summary(started.elapsed()));
    answer(&run.report.total().line());
    run.report.verdict()
}

/// A run and what its steps share.
struct Run<'a> {
    root: &'a Root,
    report: Report,
    built: Built,
    gateways: Gateways,
}

/// Whether what a platform runs is there, once that is known.
#[derive(Debug, Default)]
struct Built {
    bundle: Option<bool>,
    function: Option<bool>,
    /// The program that `sam build` made in this run.
    shipped: Option<PathBuf>,
}

impl Built {
    fn of(&mut self, platform: Platform) -> &mut Option<bool> {
        match platform {
            Platform::Workers => &mut self.bundle,
            Platform::Lambda => &mut self.function,
        }
    }
}

/// A step's result: its count and a short note, or the failure and the count that came with it.
type Verdict = std::result::Result<(Count, String), (Failure, Count)>;

impl Run<'_> {
    /// # Errors
    /// Only an interrupt: a failed step is in the report.
    fn perform(&mut self, step: &TestStep) -> Result<()> {
        process::interrupt::check()?;
        if !self.is_possible(&step.work)? {
            self.report.blocked(&step.name);
            return Ok(());
        }
        let mut progress = Step::start(step.name.clone());
        match self.work(&step.work, &mut progress) {
            Ok((count, note)) => {
                let time = progress.done(&note);
                self.report.passed(&step.name, time, count);
            }
            Err((failure, _)) if failure.is_interrupt() => {
                progress.failed("interrupted");
                return Err(failure);
            }
            Err((failure, count)) => {
                let time = progress.failed("");
                self.report.failed(self.root, &step.name, time, &failure, count);
            }
        }
        Ok(())
    }

    /// Is everything there that this work needs? What is not is built or started first.
    fn is_possible(&mut self, work: &Work) -> Result<bool> {
        for platform in work.needs() {
            if !self.is_built(*platform)? {
                return Ok(false);
            }
        }
        match work {
            Work::Suite(_, platform) => {
                self.gateways.ready(self.root, *platform, self.built.shipped.as_deref(), &mut self.report)
            }
            _ => Ok(true),
        }
    }

    fn work(&mut self, work: &Work, progress: &mut Step) -> Verdict {
        match work {
            Work::Cargo(commands) => self.cargo(commands, progress),
            Work::Tests(package) => self.tests(package, progress),
            Work::Accounts => self.accounts(progress),
            Work::WasmImports => self.wasm_imports(progress),
            Work::Bundle => self.build_bundle(),
            Work::Function => self.build_function(),
            Work::LambdaTable => self.lambda_table(progress),
            Work::LambdaRuntime => self.lambda_runtime(progress),
            Work::DeployCheck => self.deploy_check(progress),
            Work::LambdaBundle(processor) => {
                let size = bundle::lambda::bundle(self.root, *processor).map_err(plain)?;
                Ok((Count::ONE, size.line()))
            }
            Work::Sam(check) => self.sam(*check, progress),
            Work::Suite(suite, platform) => self.suite(suite, *platform, progress),
        }
    }

    fn cargo(&self, commands: &[Vec<&'static str>], progress: &mut Step) -> Verdict {
        tools::target(self.root, tools::WASM).map_err(plain)?;
        for arguments in commands {
            process::demand(&mut self.root.cargo(arguments), progress, BUILD_LIMIT).map_err(plain)?;
        }
        Ok((Count::default(), String::new()))
    }

    fn tests(&self, package: &str, progress: &mut Step) -> Verdict {
        let mut command = self.root.cargo(&["test", "--locked", "--no-fail-fast", "--package", package]);
        for (name, _) in std::env::vars_os().filter(|(name, _)| suites::is_personal(name)) {
            command.env_remove(name);
        }
        let finished = process::run(&mut command, progress, BUILD_LIMIT).map_err(plain)?;
        let count = count::cargo(&finished.output);
        verdict(finished, count, &format!("`cargo test --package {package}`"))
    }

    /// This very program, in homes of its own, before the simulated service and servers of AWS's interfaces.
    fn accounts(&self, progress: &mut Step) -> Verdict {
        // What stands in for wrangler there installs nothing.
        tools::wrangler(self.root).map_err(plain)?;
        let server = moto::start(self.root, progress).map_err(plain)?;
        let mut command = self.root.cargo(&["test", "--locked", "--no-fail-fast", "--package", "kiro2api-tests"]);
        command.args(["--test", "accounts", "--", "--include-ignored"]);
        settings::withhold(&mut command);
        let program = crate::root::this_program().during(|| "find the path of xtask".to_owned()).map_err(plain)?;
        command.env("KIRO2API_XTASK", program).env("KIRO2API_AWS", server.url());
        command.env("PATH", tools::aws_first(self.root).map_err(plain)?);
        let finished = process::run(&mut command, progress, BUILD_LIMIT).map_err(plain)?;
        let count = count::cargo(&finished.output);
        verdict(finished, count, "the test of `cargo xtask accounts`")
    }

    fn wasm_imports(&self, progress: &mut Step) -> Verdict {
        tools::target(self.root, tools::WASM).map_err(plain)?;
        process::demand(&mut wasm_imports::compile(self.root), progress, BUILD_LIMIT).map_err(plain)?;
        let note = wasm_imports::check(self.root).map_err(plain)?;
        Ok((Count::ONE, note))
    }

    fn build_bundle(&mut self) -> Verdict {
        let outcome = bundle::bundle(self.root);
        self.built.bundle = Some(outcome.is_ok());
        let size = outcome.map_err(plain)?;
        Ok((Count::ONE, size.line()))
    }

    /// The suites run what is shipped, where this run has made that.
    fn build_function(&mut self) -> Verdict {
        let (outcome, which) = match self.built.shipped {
            Some(_) => (Platform::install_lambda(self.root), SHIPPED),
            None => (Platform::Lambda.prepare(self.root, true), DEBUG),
        };
        self.built.function = Some(outcome.is_ok());
        outcome.map_err(plain)?;
        Ok((Count::ONE, which.to_owned()))
    }

    fn lambda_table(&self, progress: &mut Step) -> Verdict {
        let server = moto::start(self.root, progress).map_err(plain)?;
        let mut command = self.root.cargo(&["test", "--locked", "--no-fail-fast", "--package", "kiro2api-lambda"]);
        command.args(["--test", "table", "--test", "settings", "--", "--include-ignored"]);
        settings::withhold(&mut command);
        command.env("KIRO2API_AWS", server.url());
        let finished = process::run(&mut command, progress, BUILD_LIMIT).map_err(plain)?;
        let count = count::cargo(&finished.output);
        verdict(finished, count, "the test against moto")
    }

    fn sam(&mut self, check: Check, progress: &mut Step) -> Verdict {
        let outcome = check.perform(self.root, progress)?;
        if check == Check::Build {
            self.built.shipped = Some(sam::built(self.root));
        }
        Ok(outcome)
    }

    /// With the program as it is shipped, where this run has made that.
    fn lambda_runtime(&self, progress: &mut Step) -> Verdict {
        let (program, which) = match &self.built.shipped {
            Some(program) => (program.clone(), SHIPPED),
            None => (gateway::function(self.root).map_err(plain)?, DEBUG),
        };
        let server = moto::start(self.root, progress).map_err(plain)?;
        let mut command = self.root.cargo(&["test", "--locked", "--no-fail-fast", "--package", "kiro2api-tests"]);
        command.args(["--test", "lambda", "--", "--include-ignored"]);
        settings::withhold(&mut command);
        command.env(gateway::PROGRAM, program).env("KIRO2API_AWS", server.url());
        let finished = process::run(&mut command, progress, BUILD_LIMIT).map_err(plain)?;
        let count = count::cargo(&finished.output);
        let (count, note) = verdict(finished, count, "the test of the function's program")?;
        Ok((count, format!("{note}, {which}")))
    }

    fn deploy_check(&self, progress: &mut Step) -> Verdict {
        let mut command = tools::wrangler(self.root).map_err(plain)?;
        command.args(["deploy", "--dry-run", "--outdir"]).arg(self.root.target().join("deploy-check"));
        command.env(BUNDLE_IS_READY, "1");
        let output = process::demand(&mut command, progress, SUITE_LIMIT).map_err(plain)?;
        let upload = output.lines().find(|line| line.starts_with("Total Upload:")).ok_or_else(|| {
            plain(Failure::new("`wrangler deploy --dry-run` did not say what it would upload").with_output(&*output))
        })?;
        Ok((Count::ONE, upload.to_owned()))
    }

    fn suite(&self, suite: &Suite, platform: Platform, progress: &mut Step) -> Verdict {
        let Some(gateway) = self.gateways.of(platform) else {
            return Err(plain(Failure::new("the gateway does not run")));
        };
        let mut command = suite.command(self.root, gateway).map_err(plain)?;
        if let Some(program) = &self.built.shipped {
            command.env(gateway::PROGRAM, program);
        }
        let finished = process::run(&mut command, progress, SUITE_LIMIT).map_err(plain)?;
        let count = count::suite(&finished.output).unwrap_or_default();
        verdict(finished, count, "the suite")
    }

    /// Builds what the platform runs for a step that needs it, when no earlier step has.
    fn is_built(&mut self, platform: Platform) -> Result<bool> {
        if let Some(known) = self.built.of(platform) {
            return Ok(*known);
        }
        let (name, outcome) = match platform {
            Platform::Workers => ("bundle", self.build_bundle()),
            Platform::Lambda => ("lambda-function", self.build_function()),
        };
        match outcome {
            Err((failure, _)) if failure.is_interrupt() => Err(failure),
            Err((failure, count)) => {
                self.report.failed(self.root, name, Duration::ZERO, &failure, count);
                Ok(false)
            }
            Ok(_) => Ok(true),
        }
    }
}

/// A test program passed when it says that tests ran, that none failed, and exits as it should.
fn verdict(finished: Finished, count: Count, what: &str) -> Verdict {
    let problem = match (finished.success, count) {
        (_, Count { failed: 1.., .. }) => "has failures",
        (false, _) => "exited with an error",
        (true, Count { passed: 0, .. }) => "ran no test",
        (true, _) => return Ok((count, count.line())),
    };
    Err((Failure::new(format!("{what} {problem}")).with_output(finished.output), count))
}

fn plain(failure: Failure) -> (Failure, Count) {
    (failure, Count::default())
}

/// The two programs of the function.
const SHIPPED: &str = "the program of sam build";
const DEBUG: &str = "the debug program";
/// A cold build of everything on two slow cores, and the tests after it.
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);
const SUITE_LIMIT: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(success: bool, passed: usize, failed: usize) -> Verdict {
        let count = Count { passed, failed, skipped: 0 };
        verdict(Finished { success, output: "its output".to_owned() }, count, "the suite")
    }

    #[test]
    fn only_tests_that_ran_and_passed_are_a_success() {
        assert!(outcome(true, 3, 0).is_ok());
        for (success, passed, failed, problem) in [
            (true, 3, 1, "has failures"),
            (false, 3, 1, "has failures"),
            (false, 3, 0, "exited with an error"),
            (true, 0, 0, "ran no test"),
        ] {
            let (failure, count) = outcome(success, passed, failed).unwrap_err();
            assert_eq!(failure.to_string(), format!("the suite {problem}"));
            assert_eq!(failure.output(), Some("its output"));
            assert_eq!(count.failed, failed);
        }
    }
}
