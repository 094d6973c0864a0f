//! What a test run tells: each step's time and count, failures in full, and a closing line for machines.

use std::fs;
use std::time::Duration;

use super::count::Count;
use crate::failure::{Failure, Result};
use crate::progress::{duration, say};
use crate::root::Root;

/// The steps that have ended.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    time: Duration,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed(Count),
    Failed(Count),
    /// Not run because what it needs failed.
    Blocked,
}

impl Report {
    /// A step ended well.
    pub(super) fn passed(&mut self, name: &str, time: Duration, count: Count) {
        self.add(name, time, Outcome::Passed(count));
    }

    /// A step failed. The first failure is shown whole, later ones by their end; every one is kept in a file.
    pub(super) fn failed(&mut self, root: &Root, name: &str, time: Duration, failure: &Failure, count: Count) {
        let first = !self.rows.iter().any(|row| matches!(row.outcome, Outcome::Failed(_)));
        show(root, name, failure, first);
        self.add_failed(name, time, count);
    }

    fn add_failed(&mut self, name: &str, time: Duration, count: Count) {
        let failed = count.failed.max(1);
        self.add(name, time, Outcome::Failed(Count { failed, ..count }));
    }

    /// A step could not run.
    pub(super) fn blocked(&mut self, name: &str) {
        self.add(name, Duration::ZERO, Outcome::Blocked);
    }

    /// Every step on a line of its own, for people.
    pub(super) fn summary(&self, total_time: Duration) -> String {
        let mut text = String::new();
        for row in &self.rows {
            text.push_str(&row.line());
            text.push('\n');
        }
        text.push_str(&format!("total {}", duration(total_time)));
        text
    }

    /// An error unless every step passed.
    pub(super) fn verdict(&self) -> Result<()> {
        let passed = |row: &&Row| matches!(row.outcome, Outcome::Passed(_));
        let bad: Vec<_> = self.rows.iter().filter(|row| !passed(row)).map(|row| row.name.as_str()).collect();
        if bad.is_empty() { Ok(()) } else { Err(Failure::new(format!("not passed: {}", bad.join(", ")))) }
    }

    fn add(&mut self, name: &str, time: Duration, outcome: Outcome) {
        self.rows.push(Row { name: name.to_owned(), time, outcome });
    }

    /// All counts together.
    pub(super) fn total(&self) -> Count {
        let mut total = Count::default();
        for row in &self.rows {
            total += match row.outcome {
                Outcome::Passed(count) | Outcome::Failed(count) => count,
                // What did not run is neither passed nor skipped on purpose.
                Outcome::Blocked => Count::FAILURE,
            };
        }
        total
    }
}

impl Row {
    fn line(&self) -> String {
        let (mark, text) = match self.outcome {
            Outcome::Passed(count) if count == Count::default() => ('✓', String::new()),
            Outcome::Passed(count) => ('✓', count.line()),
            Outcome::Failed(count) => ('✗', count.line()),
            Outcome::Blocked => ('✗', "not run: what it needs failed".to_owned()),
        };
        format!("{mark} {:<28} {:>12}  {text}", self.name, duration(self.time)).trim_end().to_owned()
    }
}

fn show(root: &Root, name: &str, failure: &Failure, whole: bool) {
    let output = failure.output().unwrap_or_default();
    let lines: Vec<_> = output.trim_end().lines().filter(|line| !is_cargo_progress(line)).collect();
    let start = if whole { 0 } else { lines.len().saturating_sub(LATER_FAILURE_LINES) };
    say("");
    say(&format!("──── {name} failed: {failure}"));
    lines.iter().skip(start).for_each(|line| say(line));
    match keep(root, name, output) {
        Some(path) => say(&format!("──── end of {name} (also in {path})")),
        None => say(&format!("──── end of {name}")),
    }
    say("");
}

/// Cargo's account of what it is doing: in the log file, but in the way of what went wrong.
fn is_cargo_progress(line: &str) -> bool {
    let doing = ["Compiling", "Checking", "Downloading", "Downloaded", "Updating", "Blocking"];
    line.starts_with("  ") && doing.iter().any(|word| line.trim_start().starts_with(&format!("{word} ")))
}

fn keep(root: &Root, name: &str, output: &str) -> Option<String> {
    let folder = root.target().join("test-logs");
    let path = folder.join(format!("{}.log", name.replace(':', "-")));
    fs::create_dir_all(&folder).and_then(|()| fs::write(&path, output)).ok()?;
    Some(path.display().to_string())
}

const LATER_FAILURE_LINES: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: Count = Count { passed: 3, failed: 0, skipped: 0 };

    #[test]
    fn only_cargos_own_progress_is_left_out() {
        assert!(is_cargo_progress("   Compiling serde v1.0.0"));
        assert!(!is_cargo_progress("error: Compiling failed"));
        assert!(!is_cargo_progress("  left: 3"));
    }

    #[test]
    fn all_passed_is_a_success() {
        let mut report = Report::default();
        report.passed("fmt", Duration::ZERO, Count::default());
        report.passed("test-core", Duration::ZERO, THREE);
        assert_eq!(report.total().line(), "3 passed, 0 failed");
        assert!(report.verdict().is_ok());
    }

    #[test]
    fn a_failure_without_a_failed_test_counts_as_one() {
        let mut report = Report::default();
        report.passed("test-core", Duration::ZERO, THREE);
        report.add_failed("clippy", Duration::ZERO, Count::default());
        assert_eq!(report.total().line(), "3 passed, 1 failed");
        let failure = report.verdict().unwrap_err().to_string();
        assert_eq!(failure, "not passed: clippy");
    }

    #[test]
    fn a_step_that_could_not_run_never_looks_like_success() {
        let mut report = Report::default();
        report.passed("test-core", Duration::ZERO, THREE);
        report.blocked("suite:smoke");
        assert_eq!(report.total().line(), "3 passed, 1 failed");
        assert!(report.verdict().is_err());
        assert!(report.summary(Duration::ZERO).contains("✗ suite:smoke"));
    }
}
