//! A whole gateway on this machine: the worker under `wrangler dev` (the real workerd, local KV) and, when no account is
//! configured, the simulated upstream beside it.

mod folder;
mod noise;
mod upstream;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use folder::Folder;
use upstream::Upstream;

use crate::failure::{Failure, Result};
use crate::process::{Service, Watch, interrupt};
use crate::progress::{Step, say};
use crate::root::Root;
use crate::settings::{ClientKey, Settings};
use crate::{env_file, http, ports, tools};

/// What to start.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// 0 chooses a free port, here and below.
    pub(crate) port: u16,
    pub(crate) upstream_port: u16,
    /// Where local KV is kept; nothing leaves the choice to [`Gateway::start`].
    pub(crate) persist: Option<PathBuf>,
    pub(crate) settings: Settings,
    /// Show all that wrangler says.
    pub(crate) verbose: bool,
    /// Let wrangler rebuild the bundle when sources change.
    pub(crate) rebuild: bool,
    /// Keep the worker's log lines off the terminal.
    pub(crate) quiet: bool,
}

/// A running gateway; dropping it ends every process and removes its settings file.
#[derive(Debug)]
pub(crate) struct Gateway {
    // Dropped in this order: the worker before the upstream it talks to, the folder last.
    worker: Service,
    upstream: Option<Upstream>,
    _folder: Folder,
    port: u16,
    key: ClientKey,
    account: Option<&'static str>,
    last_pulse: Instant,
    last_answer: Instant,
}

impl Gateway {
    /// Starts everything and waits until the worker answers `/health`.
    ///
    /// Local KV lives in the private folder with a simulated upstream (its accounts do not outlive it) and under
    /// `.wrangler/` with a real account, so that a rotated refresh token survives.
    pub(crate) fn start(root: &Root, plan: Plan) -> Result<Self> {
        let port = ports::claim(plan.port, "--port")?;
        let account = plan.settings.account();
        let upstream = match account {
            Some(_) => None,
            None => Some(Upstream::start(root, ports::claim(plan.upstream_port, "--upstream-port")?)?),
        };
        let folder = Folder::make(root)?;
        let settings =
            folder.write_private("settings.env", &env_file::encode(&values(&plan.settings, upstream.as_ref()))?)?;
        let state = match (&plan.persist, account) {
            (Some(folder), _) => root.join(folder),
            (None, Some(_)) => root.join(".wrangler/state"),
            (None, None) => folder.join("state"),
        };
        let mut command = tools::wrangler(root)?;
        command.args(["dev", "--ip", "127.0.0.1", "--show-interactive-dev-session=false"]);
        command.arg("--port").arg(port.to_string());
        command.arg("--inspector-port").arg(ports::free()?.to_string());
        command.arg("--env-file").arg(settings).arg("--persist-to").arg(state);
        // Wrangler's inspector makes a request to itself, and keeps the message, for every chunk of every response: a few busy
        // streams use up its file descriptors and its heap. It has no option to go without; this variable makes it.
        command.env("VSCODE_INSPECTOR_OPTIONS", "{}");
        command.env("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV", "true").env("CLOUDFLARE_INCLUDE_PROCESS_ENV", "false");
        if !plan.rebuild {
            command.env(BUNDLE_IS_READY, "1");
        }
        let ready = Arc::new(AtomicBool::new(false));
        let worker = Service::start("the worker (wrangler dev)", &mut command, Some(watch(&plan, Arc::clone(&ready))))?;
        let key = plan.settings.client_key();
        let now = Instant::now();
        let mut gateway =
            Self { worker, upstream, _folder: folder, port, key, account, last_pulse: now, last_answer: now };
        gateway.wait_until_healthy()?;
        ready.store(true, Ordering::Relaxed);
        Ok(gateway)
    }

    /// The worker's base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The simulator's base URL, unless a real account is used.
    pub(crate) fn upstream_url(&self) -> Option<&str> {
        self.upstream.as_ref().map(|upstream| upstream.url.as_str())
    }

    /// The variable that brought a real account.
    pub(crate) fn account(&self) -> Option<&'static str> {
        self.account
    }

    /// What clients must present.
    pub(crate) fn key(&self) -> &ClientKey {
        &self.key
    }

    /// An error as soon as one of the processes has ended or workerd no longer accepts connections (wrangler lives on
    /// when workerd dies, and says nothing).
    pub(crate) fn check(&mut self) -> Result<()> {
        self.check_processes()?;
        if self.last_pulse.elapsed() < PULSE {
            return Ok(());
        }
        self.last_pulse = Instant::now();
        if http::accepts(self.port) {
            self.last_answer = self.last_pulse;
        } else if self.last_answer.elapsed() > SILENCE_LIMIT {
            let output = self.worker.recent_output();
            return Err(Failure::new("the worker no longer accepts connections").with_output(output));
        }
        Ok(())
    }

    fn check_processes(&mut self) -> Result<()> {
        self.worker.check()?;
        self.upstream.as_mut().map_or(Ok(()), |upstream| upstream.service.check())
    }

    fn wait_until_healthy(&mut self) -> Result<()> {
        let mut step = Step::start("start the worker on workerd");
        let started = Instant::now();
        loop {
            let outcome = interrupt::check().and_then(|()| self.check_processes()).and_then(|()| {
                if started.elapsed() < START_LIMIT {
                    return Ok(());
                }
                let limit = START_LIMIT.as_secs();
                let output = self.worker.recent_output();
                Err(Failure::new(format!("the worker did not answer /health with 200 within {limit} s"))
                    .with_output(output))
            });
            if let Err(failure) = outcome {
                step.failed("");
                return Err(failure);
            }
            if http::status(self.port, "/health") == Some(200) {
                step.done(&self.url());
                self.last_answer = Instant::now();
                return Ok(());
            }
            step.tick(&self.worker.latest());
            std::thread::sleep(POLL);
        }
    }
}

/// Everything the worker is configured with.
fn values(settings: &Settings, upstream: Option<&Upstream>) -> std::collections::BTreeMap<String, String> {
    let mut defaults = vec![("KIRO_CLIENT_TOKEN", DEVELOPMENT_KEY)];
    if let Some(Upstream { url, credentials, .. }) = upstream {
        defaults.push(("KIRO_AUTH_TOKEN", credentials));
        for base in ["KIRO_API_BASE", "KIRO_AUTH_BASE", "KIRO_OIDC_BASE"] {
            defaults.push((base, url));
        }
    }
    settings.with_defaults(&defaults)
}

fn watch(plan: &Plan, ready: Arc<AtomicBool>) -> Watch {
    let (verbose, quiet) = (plan.verbose, plan.quiet);
    Arc::new(move |line| {
        let shown = match ready.load(Ordering::Relaxed) {
            _ if quiet => false,
            true => noise::is_worth_showing(line),
            false => noise::is_an_error(line),
        };
        if verbose || shown {
            say(line);
        }
    })
}

/// The client key of local runs, as documented; a deployed worker has none.
pub(crate) const DEVELOPMENT_KEY: &str = "123456";
/// Set for wrangler's build command by commands that have just built the bundle.
pub(crate) const BUNDLE_IS_READY: &str = "KIRO2API_BUNDLE_IS_READY";
const START_LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
const PULSE: Duration = Duration::from_secs(1);
/// Longer than a rebuilt worker takes to be back.
const SILENCE_LIMIT: Duration = Duration::from_secs(8);
