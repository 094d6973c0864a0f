//! The gateway that the suites of one platform share. There is one at a time: two cores serve no more.

use std::path::Path;
use std::time::{Duration, Instant};

use super::count::Count;
use super::report::Report;
use super::secrets::Secrets;
use crate::failure::{Failure, Result};
use crate::gateway::{Gateway, Log, Plan, Platform};
use crate::progress::say;
use crate::root::Root;

/// The running gateway, and the platforms on which none could be started.
#[derive(Debug, Default)]
pub(super) struct Gateways {
    family: Option<Family>,
    broken: Vec<Platform>,
}

/// What the suites of one platform have shared so far.
#[derive(Debug)]
struct Family {
    platform: Platform,
    running: Gateway,
    /// Of every gateway of the family.
    log: Log,
    secrets: Secrets,
}

impl Gateways {
    /// The gateway on this platform, if it is the one that runs.
    pub(super) fn of(&self, platform: Platform) -> Option<&Gateway> {
        self.family.as_ref().filter(|family| family.platform == platform).map(|family| &family.running)
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
        if self.family.as_ref().is_some_and(|family| family.platform != platform) {
            self.end(root, report);
        }
        if let Some(family) = &mut self.family {
            match family.running.check() {
                Ok(()) => return Ok(true),
                Err(failure) => report.failed(root, name(platform), Duration::ZERO, &failure, Count::default()),
            }
        }
        if self.broken.contains(&platform) {
            return Ok(false);
        }
        let started = Instant::now();
        let log = self.family.take().map(|family| family.log).unwrap_or_default();
        let plan = Plan {
            platform,
            quiet: true,
            program: program.map(Path::to_path_buf),
            log: Some(log.clone()),
            ..Plan::default()
        };
        match Gateway::start(root, plan).and_then(|gateway| Family::of(platform, gateway, log)) {
            Ok(family) => {
                self.family = Some(family);
                Ok(true)
            }
            Err(failure) if failure.is_interrupt() => Err(failure),
            Err(failure) => {
                say("");
                report.failed(root, name(platform), started.elapsed(), &failure, Count::default());
                self.broken.push(platform);
                Ok(false)
            }
        }
    }

    /// Ends the gateway that runs, and looks through all that it has written.
    pub(super) fn end(&mut self, root: &Root, report: &mut Report) {
        let Some(Family { platform, running, log, secrets }) = self.family.take() else { return };
        drop(running);
        let (name, started) = (format!("{}-log", name(platform)), Instant::now());
        match secrets.search(&log.text()) {
            Ok(_) => report.passed(&name, started.elapsed(), Count::ONE),
            Err(failure) => report.failed(root, &name, started.elapsed(), &failure, Count::default()),
        }
    }
}

impl Family {
    fn of(platform: Platform, gateway: Gateway, log: Log) -> Result<Self> {
        let accounts = gateway.simulated_accounts();
        let secrets = Secrets::of(accounts.ok_or_else(|| Failure::new("the suites need the simulated upstream"))?)?;
        Ok(Self { platform, running: gateway, log, secrets })
    }
}

/// What a report calls the gateway on a platform.
fn name(platform: Platform) -> &'static str {
    match platform {
        Platform::Workers => "gateway",
        Platform::Lambda => "lambda-gateway",
    }
}
