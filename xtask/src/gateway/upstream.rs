//! The simulated upstream, as a program beside the worker.

use std::time::{Duration, Instant};

use crate::failure::{During, Failure, Result};
use crate::process::{self, Service, interrupt};
use crate::progress::Step;
use crate::root::Root;

/// A running simulator.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) service: Service,
    pub(super) url: String,
    /// Its built-in accounts, in the form of `KIRO_AUTH_TOKEN`.
    pub(super) credentials: String,
}

impl Upstream {
    /// Builds it if needed and starts it on `port`.
    pub(super) fn start(root: &Root, port: u16) -> Result<Self> {
        let mut step = Step::start("start the simulated upstream");
        let outcome = build(root, &mut step).and_then(|()| launch(root, port, &mut step));
        step.close(outcome, |upstream| upstream.url.clone())
    }
}

fn build(root: &Root, step: &mut Step) -> Result<()> {
    let mut cargo = root.cargo(&["build", "--locked", "--package", "kiro2api-tests", "--bin", PROGRAM]);
    process::demand(&mut cargo, step, BUILD_LIMIT).map(drop)
}

fn launch(root: &Root, port: u16, step: &mut Step) -> Result<Upstream> {
    let program = root.target().join("debug").join(PROGRAM);
    let credentials = process::value_of(root.command(&program).arg("--print-credentials"))?;
    serde_json::from_str::<serde_json::Value>(&credentials)
        .during(|| format!("read `{PROGRAM} --print-credentials`"))?;
    let mut command = root.command(&program);
    command.args(["--port", &port.to_string(), "--exit-with-stdin"]);
    let mut service = Service::start("the simulated upstream", &mut command, None)?;
    let started = Instant::now();
    loop {
        interrupt::check()?;
        if let Some(url) = url_in(&service.recent_output()) {
            let credentials = credentials.trim().to_owned();
            return Ok(Upstream { service, url, credentials });
        }
        service.check()?;
        if started.elapsed() > START_LIMIT {
            let output = service.recent_output();
            return Err(Failure::new("the simulated upstream did not say where it listens").with_output(output));
        }
        step.tick("");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The first loopback address a program speaks of, without a slash at its end.
fn url_in(text: &str) -> Option<String> {
    let start = text.find("http://")?;
    let url = text.get(start..)?;
    let end = url.find(|c: char| c.is_whitespace() || "\"',;".contains(c))?;
    Some(url.get(..end)?.trim_end_matches('/').to_owned())
}

const PROGRAM: &str = "kiro2api-upstream";
const BUILD_LIMIT: Duration = Duration::from_secs(20 * 60);
const START_LIMIT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_once_its_line_is_whole() {
        assert_eq!(url_in("listening on http://127.0.0.1:4000/\n").as_deref(), Some("http://127.0.0.1:4000"));
        assert_eq!(url_in("{\"url\":\"http://127.0.0.1:1\"}\n").as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(url_in("http://127.0.0.1:40"), None, "the line may not be whole yet");
    }
}
