//! A program that runs beside this one until it is dropped.

use std::process::{Child, Command, Stdio};

use super::{Output, Watch, gather, group};
use crate::failure::{Failure, Result};

/// A running program; dropping it ends it and everything it started.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    output: Output,
}

impl Service {
    /// Starts a program. `watch` sees each line it writes. Its standard input stays open until it is dropped, so that a
    /// program that ends with its input ends even when this process is killed outright.
    pub(crate) fn start(name: &'static str, command: &mut Command, watch: Option<Watch>) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = group::spawn(command)?;
        let output = gather(&mut child, KEPT_LINES, watch);
        Ok(Self { name, child, output })
    }

    /// An error when the program has ended, with the last lines it wrote.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                self.output.settle(super::PIPE_PATIENCE);
                Err(Failure::new(format!("{} ended unexpectedly ({status})", self.name))
                    .with_output(self.output.text()))
            }
            Err(error) => Err(Failure::new(format!("cannot watch {}: {error}", self.name))),
        }
    }

    /// What people call the program.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The program's last line, for a sign of life.
    pub(crate) fn latest(&self) -> String {
        self.output.latest()
    }

    /// The last lines the program wrote.
    pub(crate) fn recent_output(&self) -> String {
        self.output.text()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        group::end(&mut self.child);
        // Whoever watches it has seen its last line too.
        self.output.settle(super::PIPE_PATIENCE);
    }
}

/// Enough to see why it ended.
const KEPT_LINES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_service_that_dies_shows_its_last_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo it hurts >&2; exit 7"]);
        let mut service = Service::start("the service", &mut command, None).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let failure = loop {
            match service.check() {
                Ok(()) => assert!(Instant::now() < deadline, "it never ended"),
                Err(failure) => break failure,
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(failure.to_string().contains("the service ended unexpectedly"), "{failure}");
        assert_eq!(failure.output(), Some("it hurts\n"));
    }
}
