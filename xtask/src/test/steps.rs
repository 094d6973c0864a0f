//! The steps of `cargo xtask test`, in their order.

use super::sam::Check;
use super::suites::Suite;
use crate::bundle::lambda::Processor;
use crate::gateway::Platform;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TestStep {
    pub(super) name: String,
    /// Also part of `--fast`.
    pub(super) fast: bool,
    pub(super) work: Work,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// Cargo commands that pass or fail as one.
    Cargo(Vec<Vec<&'static str>>),
    /// `cargo test` of one package.
    Tests(&'static str),
    /// The core's wasm module imports nothing.
    WasmImports,
    /// The bundle is built and within its size limit.
    Bundle,
    /// `wrangler deploy` would take it.
    DeployCheck,
    /// The zip for Lambda is built and within its size limit.
    LambdaBundle(Processor),
    /// A check of template.yaml.
    Sam(Check),
    /// The function is built for this machine.
    Function,
    /// The function's store and settings against servers of AWS's interfaces on this machine.
    LambdaTable,
    /// The function's program under the emulated Runtime API.
    LambdaRuntime,
    /// The commands for accounts, as a new user runs them.
    Accounts,
    /// A suite against the gateway on a platform.
    Suite(Suite, Platform),
}

impl Work {
    /// The platforms whose bundle or function has to have been built.
    pub(super) fn needs(&self) -> &'static [Platform] {
        match self {
            Self::Suite(suite, _) if suite.name == BOTH => &[Platform::Workers, Platform::Lambda],
            Self::DeployCheck | Self::Suite(_, Platform::Workers) => &[Platform::Workers],
            Self::LambdaRuntime | Self::Suite(_, Platform::Lambda) => &[Platform::Lambda],
            _ => &[],
        }
    }
}

/// All steps. Packages are checked one by one: built together they would switch on each other's features.
pub(super) fn all(suites: &[Suite]) -> Vec<TestStep> {
    let mut steps = vec![
        step("fmt", true, Work::Cargo(vec![vec!["fmt", "--all", "--check"]])),
        step("clippy", true, Work::Cargo(NATIVE.iter().map(|package| clippy(package)).collect())),
        step("clippy-wasm", true, Work::Cargo(WASM_PACKAGES.iter().map(|package| clippy_wasm(package)).collect())),
    ];
    for package in TESTED {
        steps.push(step(&format!("test-{}", short(package)), true, Work::Tests(package)));
    }
    steps.push(step("accounts", true, Work::Accounts));
    steps.push(step("wasm-imports", true, Work::WasmImports));
    steps.push(step("bundle", true, Work::Bundle));
    steps.push(step("deploy-check", false, Work::DeployCheck));
    steps.push(step("sam-validate", false, Work::Sam(Check::Validate)));
    steps.push(step("sam-lint", false, Work::Sam(Check::Lint)));
    steps.push(step("sam-stack", false, Work::Sam(Check::Stack)));
    steps.push(step("sam-build", false, Work::Sam(Check::Build)));
    // The processor of the template, which `sam-build` leaves out.
    steps.push(step("lambda-bundle", false, Work::LambdaBundle(Processor::Arm64)));
    steps.extend(on("suite", suites, Platform::Workers));
    steps.push(step("lambda-table", false, Work::LambdaTable));
    steps.push(step("lambda-function", true, Work::Function));
    steps.push(step("lambda-runtime", false, Work::LambdaRuntime));
    steps.extend(on("lambda", suites, Platform::Lambda));
    steps
}

/// Every suite on one platform.
fn on(family: &str, suites: &[Suite], platform: Platform) -> impl Iterator<Item = TestStep> {
    // What starts both platforms runs once, where both have been built.
    let here = move |suite: &&Suite| platform == Platform::Lambda || suite.name != BOTH;
    suites.iter().filter(here).map(move |suite| {
        let fast = suite.name == SMOKE;
        step(&format!("{family}:{}", suite.name), fast, Work::Suite(suite.clone(), platform))
    })
}

/// The steps a run asks for: all, the fast ones, or those whose name is `only` or starts with `only:` or `only-`.
pub(super) fn chosen(steps: Vec<TestStep>, fast: bool, only: Option<&str>) -> Vec<TestStep> {
    let wanted = |step: &TestStep| match only {
        Some(only) => {
            let rest = step.name.strip_prefix(only);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '-']))
        }
        None => !fast || step.fast,
    };
    steps.into_iter().filter(wanted).collect()
}

fn step(name: &str, fast: bool, work: Work) -> TestStep {
    TestStep { name: name.to_owned(), fast, work }
}

fn clippy(package: &'static str) -> Vec<&'static str> {
    vec!["clippy", "--locked", "--package", package, "--all-targets", "--", "--deny", "warnings"]
}

fn clippy_wasm(package: &'static str) -> Vec<&'static str> {
    let target = crate::tools::WASM;
    vec!["clippy", "--locked", "--package", package, "--lib", "--target", target, "--", "--deny", "warnings"]
}

fn short(package: &str) -> &str {
    package.strip_prefix("kiro2api-").unwrap_or(package)
}

const NATIVE: [&str; 6] =
    ["kiro2api-core", "kiro2api-lambda", "kiro2api-tests", "xtask", "kiro2api-bench", "kiro2api-bench-lambda"];
const WASM_PACKAGES: [&str; 2] = ["kiro2api-core", "kiro2api-worker"];
const TESTED: [&str; 4] = ["kiro2api-core", "kiro2api-lambda", "kiro2api-tests", "xtask"];
/// The suite that `--fast` runs.
const SMOKE: &str = "smoke";
/// The suite that compares the platforms.
const BOTH: &str = "twins";

#[cfg(test)]
mod tests {
    use super::*;

    fn names(fast: bool, only: Option<&str>) -> Vec<String> {
        let suites = super::super::suites::find(&crate::root::Root::find()).unwrap();
        chosen(all(&suites), fast, only).into_iter().map(|step| step.name).collect()
    }

    #[test]
    fn the_suite_that_compares_the_platforms_finds_both_built() {
        let suites = super::super::suites::find(&crate::root::Root::find()).unwrap();
        let needs = |name: &str| all(&suites).into_iter().find(|step| step.name == name).unwrap().work.needs();
        assert_eq!(needs("lambda:twins"), [Platform::Workers, Platform::Lambda]);
        assert_eq!(needs("lambda:smoke"), [Platform::Lambda]);
        assert_eq!(needs("suite:smoke"), [Platform::Workers]);
    }

    #[test]
    fn only_takes_one_step_or_a_family() {
        assert_eq!(names(false, Some("fmt")), ["fmt"]);
        assert_eq!(names(false, Some("test")), ["test-core", "test-lambda", "test-tests", "test-xtask"]);
        assert!(names(false, Some("suite")).contains(&"suite:smoke".to_owned()));
        assert!(names(false, Some("bund")).is_empty());
    }

    #[test]
    fn every_suite_runs_on_both_platforms() {
        let suites = |family: &str| -> Vec<String> {
            let names = names(false, Some(family)).into_iter();
            names.filter_map(|name| Some(name.split_once(':')?.1.to_owned())).collect()
        };
        let mut lambda = suites("lambda");
        lambda.retain(|suite| suite != BOTH);
        assert_eq!(suites("suite"), lambda);
        assert!(suites("lambda").contains(&BOTH.to_owned()));
        // The program is built before the suites run it, and `sam build` made it before it is tested as it is shipped.
        let whole = names(false, None);
        let place = |name: &str| whole.iter().position(|other| other == name).unwrap();
        assert!(place("lambda-function") < place("lambda:smoke"));
        assert!(place("sam-build") < place("lambda-runtime"));
    }

    #[test]
    fn the_fast_run_is_a_part_of_the_whole_in_the_same_order() {
        let whole = names(false, None);
        let fast = names(true, None);
        let positions: Vec<_> = fast.iter().map(|name| whole.iter().position(|other| other == name).unwrap()).collect();
        assert!(positions.is_sorted(), "{fast:?}");
        assert!(fast.len() < whole.len());
        assert!(["suite:smoke", "lambda:smoke"].iter().all(|name| fast.contains(&(*name).to_owned())));
    }
}
