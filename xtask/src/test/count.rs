//! How many tests a program says it ran. Nothing is guessed: a program that says nothing has run none.

use std::ops::AddAssign;

/// Tests by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Count {
    /// One check that is not a test program's.
    pub(super) const ONE: Self = Self { passed: 1, failed: 0, skipped: 0 };
    /// A failure outside any test: it did not compile, it crashed, it ran no test.
    pub(super) const FAILURE: Self = Self { passed: 0, failed: 1, skipped: 0 };

    /// The closing line.
    pub(crate) fn line(self) -> String {
        let skipped = match self.skipped {
            0 => String::new(),
            skipped => format!(", {skipped} skipped"),
        };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Sums cargo's `test result:` lines, one a test binary.
pub(super) fn cargo(output: &str) -> Count {
    let mut total = Count::default();
    for line in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        total += Count {
            passed: before(line, " passed"),
            failed: before(line, " failed"),
            skipped: before(line, " ignored"),
        };
    }
    total
}

/// A suite's own count, in whichever of the three known forms it speaks: the plain closing line
/// (`3 passed, 0 failed, 1 skipped`), node's TAP summary, or Python's unittest summary.
pub(super) fn suite(output: &str) -> Option<Count> {
    plain(output).or_else(|| tap(output)).or_else(|| unittest(output))
}

fn plain(output: &str) -> Option<Count> {
    output.lines().rev().find_map(|line| {
        let mut count = Count::default();
        let parts: Vec<_> = line.trim().split(", ").collect();
        for (index, part) in parts.iter().enumerate() {
            let (number, word) = part.split_once(' ')?;
            let number = number.parse().ok()?;
            match (index, word) {
                (0, "passed") => count.passed = number,
                (1, "failed") => count.failed = number,
                (2, "skipped") => count.skipped = number,
                _ => return None,
            }
        }
        (parts.len() >= 2).then_some(count)
    })
}

fn tap(output: &str) -> Option<Count> {
    let field = |name: &str| {
        let lines = output.lines().rev();
        let mut values = lines
            .filter_map(|line| line.strip_prefix("# ")?.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok());
        values.next()
    };
    Some(Count {
        passed: field("pass")?,
        failed: field("fail")? + field("cancelled").unwrap_or(0),
        skipped: field("skipped").unwrap_or(0) + field("todo").unwrap_or(0),
    })
}

fn unittest(output: &str) -> Option<Count> {
    let mut lines = output.lines().rev();
    let outcome = lines.find(|line| line.starts_with("OK") || line.starts_with("FAILED ("))?;
    let ran: usize = lines.find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse().ok())?;
    let failed = after(outcome, "failures=") + after(outcome, "errors=") + after(outcome, "unexpected successes=");
    let skipped = after(outcome, "skipped=") + after(outcome, "expected failures=");
    Some(Count { passed: ran.saturating_sub(failed + skipped), failed, skipped })
}

/// The number that stands right before `word`, or 0.
fn before(line: &str, word: &str) -> usize {
    let number = line.split(word).next().filter(|head| head.len() < line.len());
    number.and_then(|head| head.rsplit(' ').next()).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// The number that stands right after `word`, or 0.
fn after(line: &str, word: &str) -> usize {
    let tail = line.split_once(word).map_or("", |(_, tail)| tail);
    let digits: String = tail.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn count(passed: usize, failed: usize, skipped: usize) -> Count {
        Count { passed, failed, skipped }
    }

    #[test]
    fn cargo_counts_are_summed_over_its_binaries() {
        let output = "running 3 tests\ntest a ... ok\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(cargo(output), count(13, 2, 1));
        assert_eq!(cargo("error: could not compile\n"), Count::default());
    }

    #[test]
    fn a_suite_may_close_with_a_plain_line() {
        assert_eq!(suite("ok\n12 passed, 0 failed\n"), Some(count(12, 0, 0)));
        assert_eq!(suite("1 passed, 2 failed, 3 skipped\nbye\n"), Some(count(1, 2, 3)));
        assert_eq!(suite("all 12 passed, hooray\n"), None);
        assert_eq!(suite(""), None);
    }

    #[test]
    fn node_and_python_summaries_are_read() {
        let tap = "TAP version 13\nok 1 - a\n1..1\n# tests 7\n# suites 0\n# pass 4\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 0\n";
        assert_eq!(suite(tap), Some(count(4, 2, 1)));
        assert_eq!(suite("...\nRan 5 tests in 0.1s\n\nOK (skipped=1)\n"), Some(count(4, 0, 1)));
        assert_eq!(suite("Ran 5 tests in 0.1s\n\nFAILED (failures=1, errors=2)\n"), Some(count(2, 3, 0)));
    }

    #[test]
    fn the_closing_line_has_its_agreed_form() {
        assert_eq!(count(5, 0, 0).line(), "5 passed, 0 failed");
        assert_eq!(count(5, 1, 2).line(), "5 passed, 1 failed, 2 skipped");
    }
}
