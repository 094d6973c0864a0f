//! A whole gateway on this machine: the worker under `wrangler dev` (the real workerd, local KV), or the function on the
//! Lambda emulator with a local table, and, when no account is configured, the simulated upstream beside it.

mod folder;
mod lambda;
mod log;
mod noise;
mod table;
mod upstream;
mod workers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use folder::Folder;
use upstream::Upstream;

use crate::failure::{Failure, Result};
use crate::process::{Service, interrupt};
use crate::progress::Step;
use crate::root::Root;
use crate::settings::{ClientKey, Settings};
use crate::{bundle, http, ports};

pub(crate) use log::Log;
pub(crate) use workers::BUNDLE_IS_READY;

/// The variable that names the function's program, for commands that are to run another one than the debug build.
pub(crate) const PROGRAM: &str = "KIRO2API_BOOTSTRAP";

/// The variable that tells a suite which platform it runs on: the value is [`Platform::id`].
pub(crate) const PLATFORM: &str = "KIRO2API_PLATFORM";

/// Where the gateway runs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    /// Cloudflare Workers: workerd.
    #[default]
    Workers,
    /// AWS Lambda: the emulator of cargo-lambda.
    Lambda,
}

/// Names and values that the gateway is configured with.
type Values = BTreeMap<String, String>;

/// What to start.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) platform: Platform,
    /// 0 chooses a free port, here and below.
    pub(crate) port: u16,
    pub(crate) upstream_port: u16,
    /// Where the local KV or table is kept; nothing leaves the choice to [`Gateway::start`].
    pub(crate) persist: Option<PathBuf>,
    pub(crate) settings: Settings,
    /// Show all that the platform's programs say.
    pub(crate) verbose: bool,
    /// Let wrangler rebuild the bundle when sources change.
    pub(crate) rebuild: bool,
    /// Keep the gateway's log lines off the terminal.
    pub(crate) quiet: bool,
    /// The function's program, instead of the one that was built here.
    pub(crate) program: Option<PathBuf>,
    /// Where everything that its programs write is kept as well.
    pub(crate) log: Option<Log>,
}

/// What a platform's programs are started with, beside the plan.
struct Site<'a> {
    port: ports::Held,
    values: &'a Values,
    /// Private, and gone with the gateway.
    folder: &'a Folder,
    /// Where the local KV or table is kept.
    state: &'a Path,
    /// Set once the gateway answers.
    ready: &'a Arc<AtomicBool>,
}

/// A running gateway; dropping it ends every process and removes its settings file.
#[derive(Debug)]
pub(crate) struct Gateway {
    // Dropped in this order: what serves before the upstream it talks to, the folder last.
    serving: Serving,
    upstream: Option<Upstream>,
    _folder: Folder,
    kept: Option<PathBuf>,
    port: u16,
    key: ClientKey,
    account: Option<&'static str>,
    last_pulse: Instant,
    last_answer: Instant,
}

impl Gateway {
    /// Starts everything and waits until the gateway answers `/health`.
    ///
    /// Stored state lives in the private folder with a simulated upstream (its accounts do not outlive it) and in a
    /// folder of the project with a real account, so that a rotated refresh token survives.
    pub(crate) fn start(root: &Root, plan: Plan) -> Result<Self> {
        let held = ports::hold(plan.port, "--port")?;
        let port = held.port();
        let account = plan.settings.account();
        let upstream = match account {
            Some(_) => None,
            None => Some(Upstream::start(root, ports::claim(plan.upstream_port, "--upstream-port")?)?),
        };
        let folder = Folder::make(root)?;
        let kept = plan.persist.clone().or_else(|| account.map(|_| plan.platform.state())).map(|path| root.join(path));
        let state = kept.clone().unwrap_or_else(|| folder.join("state"));
        let values = values(&plan.settings, upstream.as_ref());
        let ready = Arc::new(AtomicBool::new(false));
        let site = Site { port: held, values: &values, folder: &folder, state: &state, ready: &ready };
        let serving = match plan.platform {
            Platform::Workers => Serving::Workers(workers::start(root, &plan, site)?),
            Platform::Lambda => Serving::Lambda(lambda::Function::start(root, &plan, site)?),
        };
        let key = plan.settings.client_key();
        let now = Instant::now();
        let mut gateway =
            Self { serving, upstream, _folder: folder, kept, port, key, account, last_pulse: now, last_answer: now };
        gateway.wait_until_healthy()?;
        ready.store(true, Ordering::Relaxed);
        Ok(gateway)
    }

    /// Where it runs.
    pub(crate) fn platform(&self) -> Platform {
        match self.serving {
            Serving::Workers(_) => Platform::Workers,
            Serving::Lambda(_) => Platform::Lambda,
        }
    }

    /// The gateway's base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The simulator's base URL, unless a real account is used.
    pub(crate) fn upstream_url(&self) -> Option<&str> {
        self.upstream.as_ref().map(|upstream| upstream.url.as_str())
    }

    /// The simulator's accounts, in the form of `KIRO_AUTH_TOKEN`.
    pub(crate) fn simulated_accounts(&self) -> Option<&str> {
        self.upstream.as_ref().map(|upstream| upstream.credentials.as_str())
    }

    /// The variable or file that brought a real account.
    pub(crate) fn account(&self) -> Option<&'static str> {
        self.account
    }

    /// The folder of stored state, when it is there for the next run too.
    pub(crate) fn kept(&self) -> Option<&Path> {
        self.kept.as_deref()
    }

    /// What clients must present.
    pub(crate) fn key(&self) -> &ClientKey {
        &self.key
    }

    /// An error as soon as one of the processes has ended or nobody accepts connections any more (wrangler lives on when
    /// workerd dies, and says nothing).
    pub(crate) fn check(&mut self) -> Result<()> {
        self.check_processes()?;
        if self.last_pulse.elapsed() < PULSE {
            return Ok(());
        }
        self.last_pulse = Instant::now();
        if http::accepts(self.port) {
            self.last_answer = self.last_pulse;
        } else if self.last_answer.elapsed() > SILENCE_LIMIT {
            let output = self.serving.recent_output();
            return Err(Failure::new("the gateway no longer accepts connections").with_output(output));
        }
        Ok(())
    }

    fn check_processes(&mut self) -> Result<()> {
        self.serving.check()?;
        self.upstream.as_mut().map_or(Ok(()), |upstream| upstream.service.check())
    }

    fn wait_until_healthy(&mut self) -> Result<()> {
        let mut step = Step::start(match self.platform() {
            Platform::Workers => "start the worker on workerd",
            Platform::Lambda => "start the function on the emulator",
        });
        let started = Instant::now();
        loop {
            let outcome = interrupt::check().and_then(|()| self.check_processes()).and_then(|()| {
                if started.elapsed() < START_LIMIT {
                    return Ok(());
                }
                let limit = START_LIMIT.as_secs();
                let output = self.serving.recent_output();
                Err(Failure::new(format!("the gateway did not answer /health with 200 within {limit} s"))
                    .with_output(output))
            });
            if let Err(failure) = outcome {
                step.failed("");
                return Err(failure);
            }
            if http::get(self.port, "/health").is_ok_and(|answer| is_healthy(&answer)) {
                step.done(&self.url());
                self.last_answer = Instant::now();
                return Ok(());
            }
            step.tick(&self.serving.latest());
            std::thread::sleep(POLL);
        }
    }
}

/// The function that was built for Lambda, or the one that [`PROGRAM`] names.
///
/// # Errors
/// There is none yet.
pub(crate) fn function(root: &Root) -> Result<PathBuf> {
    lambda::existing(root)
}

impl Platform {
    /// Its name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Workers => "Cloudflare Workers (workerd)",
            Self::Lambda => "AWS Lambda (the cargo-lambda emulator)",
        }
    }

    /// Its name for programs.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::Lambda => "lambda",
        }
    }

    /// Installs what runs the function, for a program that somebody else has built.
    ///
    /// # Errors
    /// A tool cannot be installed.
    pub(crate) fn install_lambda(root: &Root) -> Result<()> {
        lambda::install(root)
    }

    /// Builds what the platform runs, or with `build` off makes sure that it is there.
    pub(crate) fn prepare(self, root: &Root, build: bool) -> Result<()> {
        match (self, build) {
            (Self::Workers, true) => bundle::bundle(root).map(drop),
            (Self::Workers, false) => bundle::existing(root).map(drop),
            (Self::Lambda, true) => lambda::build(root),
            (Self::Lambda, false) => lambda::existing(root).map(drop),
        }
    }

    /// Where state lives that has to outlive the gateway: the rotated refresh tokens of a real account.
    fn state(self) -> PathBuf {
        PathBuf::from(match self {
            Self::Workers => ".wrangler/state",
            Self::Lambda => ".lambda/state",
        })
    }
}

/// The programs of the platform.
#[derive(Debug)]
enum Serving {
    Workers(Service),
    Lambda(lambda::Function),
}

impl Serving {
    fn check(&mut self) -> Result<()> {
        match self {
            Self::Workers(worker) => worker.check(),
            Self::Lambda(function) => function.check(),
        }
    }

    fn latest(&self) -> String {
        match self {
            Self::Workers(worker) => worker.latest(),
            Self::Lambda(function) => function.latest(),
        }
    }

    fn recent_output(&self) -> String {
        match self {
            Self::Workers(worker) => worker.recent_output(),
            Self::Lambda(function) => function.recent_output(),
        }
    }
}

/// The answer of a gateway, and not of some other program that was quicker to listen.
fn is_healthy(answer: &http::Answer) -> bool {
    answer.status == 200 && answer.body.contains(r#""configured":"#)
}

/// Everything the gateway is configured with.
fn values(settings: &Settings, upstream: Option<&Upstream>) -> Values {
    let mut defaults = vec![("KIRO_CLIENT_TOKEN", DEVELOPMENT_KEY)];
    if let Some(Upstream { url, credentials, .. }) = upstream {
        defaults.push(("KIRO_AUTH_TOKEN", credentials));
        for base in ["KIRO_API_BASE", "KIRO_AUTH_BASE", "KIRO_OIDC_BASE"] {
            defaults.push((base, url));
        }
    }
    settings.with_defaults(&defaults)
}

/// The client key of local runs, as documented; a deployed worker has none.
pub(crate) const DEVELOPMENT_KEY: &str = "123456";
const START_LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
const PULSE: Duration = Duration::from_secs(1);
/// Longer than a rebuilt worker takes to be back.
const SILENCE_LIMIT: Duration = Duration::from_secs(8);
