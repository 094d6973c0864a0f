//! The gateway that the suites of one platform share. There is one at a time: two cores serve no more.

use std::path::Path;
use std::time::Instant;

use super::count::Count;
use super::report::Report;
use crate::failure::Result;
use crate::gateway::{Gateway, Plan, Platform};
use crate::progress::say;
use crate::root::Root;

/// The running gateway, and the platforms on which none could be started.
#[derive(Debug, Default)]
pub(super) struct Gateways {
    running: Option<Gateway>,
    broken: Vec<Platform>,
}

impl Gateways {
    /// The gateway on this platform, if it is the one that runs.
    pub(super) fn of(&self, platform: Platform) -> Option<&Gateway> {
        self.running.as_ref().filter(|gateway| gateway.platform() == platform)
    }

    /// Starts the gateway before the platform's first suite, and starts it anew if a suite has brought it down.
    /// `program`: the function's, when it is not the one that was built here.
    ///
    /// # Errors
    /// Only an interrupt: a gateway that did not start is in the report.
    pub(super) fn ready(
        &mut self,
        root: &Root,
        platform: Platform,
        program: Option<&Path>,
        report: &mut Report,
    ) -> Result<bool> {
        let name = match platform {
            Platform::Workers => "gateway",
            Platform::Lambda => "lambda-gateway",
        };
        if self.running.as_ref().is_some_and(|gateway| gateway.platform() != platform) {
            self.running = None;
        }
        if let Some(gateway) = &mut self.running {
            match gateway.check() {
                Ok(()) => return Ok(true),
                Err(failure) => {
                    report.failed(root, name, std::time::Duration::ZERO, &failure, Count::default());
                    self.running = None;
                }
            }
        }
        if self.broken.contains(&platform) {
            return Ok(false);
        }
        let started = Instant::now();
        let program = program.map(Path::to_path_buf);
        match Gateway::start(root, Plan { platform, quiet: true, program, ..Plan::default() }) {
            Ok(gateway) => {
                self.running = Some(gateway);
                Ok(true)
            }
            Err(failure) if failure.is_interrupt() => Err(failure),
            Err(failure) => {
                say("");
                report.failed(root, name, started.elapsed(), &failure, Count::default());
                self.broken.push(platform);
                Ok(false)
            }
        }
    }
}
