//! A function's program, run as the platform runs `bootstrap`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Answering, Fault, GUARD, Invocation, RuntimeApi, Usage};

/// What to start.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program.
    pub program: PathBuf,
    /// The function's variables, beside the platform's own.
    pub variables: Vec<(String, String)>,
    /// Memory of the function in megabytes: told, not enforced.
    pub memory: u32,
    /// Invocations at a time; more than one only on managed instances.
    pub concurrency: usize,
}

impl Plan {
    /// One invocation at a time, 256 MB.
    pub fn new(program: &Path) -> Self {
        Self { program: program.to_owned(), variables: Vec::new(), memory: 256, concurrency: 1 }
    }

    /// With one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running program and its endpoint. Dropping it kills the program.
pub struct Environment {
    api: RuntimeApi,
    child: Child,
    started: Instant,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Environment {
    /// Starts the program, with nothing of this process's environment.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(plan: &Plan) -> Result<Self, Fault> {
        let api = RuntimeApi::start(plan.concurrency)?;
        let mut command = Command::new(&plan.program);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(PLATFORM.iter().copied());
        command.env("AWS_LAMBDA_RUNTIME_API", api.address());
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", plan.memory.to_string());
        if plan.concurrency > 1 {
            command.env("AWS_LAMBDA_MAX_CONCURRENCY", plan.concurrency.to_string());
        }
        command.envs(plan.variables.iter().map(|(name, value)| (name, value)));
        let started = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", plan.program.display()))?;
        let lines = Arc::default();
        let readers = [child.stdout.take().map(boxed), child.stderr.take().map(boxed)];
        let readers = readers.into_iter().flatten().map(|pipe| collect(pipe, Arc::clone(&lines))).collect();
        Ok(Self { api, child, started, lines, readers })
    }

    /// Waits until the program has asked for its first event, and tells how long that took since it was started.
    ///
    /// # Errors
    /// It ended before, or did not ask within a minute.
    pub fn ready(&mut self) -> Result<Duration, Fault> {
        loop {
            if let Some(at) = self.api.first_poll() {
                return Ok(at.duration_since(self.started));
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the program ended with {status} before its first event: {:?}", self.log()).into());
            }
            if self.started.elapsed() > GUARD {
                return Err(format!("no event was asked for: {:?}", self.log()).into());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Queues an event.
    ///
    /// # Errors
    /// It is larger than the platform allows: the front end answers 413 itself then.
    pub fn invoke(&self, invocation: Invocation) -> Result<Answering, Fault> {
        self.api.invoke(invocation)
    }

    /// Its endpoint.
    pub fn api(&self) -> &RuntimeApi {
        &self.api
    }

    /// What it has cost so far.
    ///
    /// # Errors
    /// It has ended.
    pub fn usage(&self) -> Result<Usage, Fault> {
        Usage::of(self.child.id())
    }

    /// Stops the process, as the platform does between invocations.
    ///
    /// # Errors
    /// It has ended.
    pub fn freeze(&self) -> Result<(), Fault> {
        self.signal(Signal::STOP)
    }

    /// Lets it run again.
    ///
    /// # Errors
    /// It has ended.
    pub fn thaw(&self) -> Result<(), Fault> {
        self.signal(Signal::CONT)
    }

    /// What it has written to either output, line by line.
    pub fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many lines are as wanted.
    ///
    /// # Errors
    /// They were not within a minute.
    pub fn lines(&self, count: usize, wanted: impl Fn(&str) -> bool) -> Result<(), Fault> {
        let began = Instant::now();
        while began.elapsed() < GUARD {
            if self.log().iter().filter(|line| wanted(line)).count() >= count {
                return Ok(());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Err(format!("there are no {count} such lines: {:#?}", self.log()).into())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Fault> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It goes on after a minute.
    pub fn wait(&mut self) -> Result<ExitStatus, Fault> {
        let began = Instant::now();
        while began.elapsed() < GUARD {
            if let Some(status) = self.child.try_wait()? {
                // The pipes end with the process: what it wrote last is in the log as well.
                for reader in self.readers.drain(..) {
                    let _ = reader.join();
                }
                return Ok(status);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Err("the program goes on".into())
    }

    fn signal(&self, signal: Signal) -> Result<(), Fault> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or("no such process")?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn boxed(pipe: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(pipe)
}

fn collect(pipe: Box<dyn Read + Send>, lines: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).into_owned();
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })
}

/// Between two looks at a process. It shortens no wait and lengthens none by more than itself.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// What the platform sets for every function of this runtime.
const PLATFORM: &[(&str, &str)] = &[
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_LAMBDA_FUNCTION_NAME", "kiro2api"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/kiro2api"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]00000000000000000000000000000000"),
    ("AWS_REGION", "us-east-1"),
    ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    ("LAMBDA_TASK_ROOT", "/var/task"),
    ("LANG", "en_US.UTF-8"),
    ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ("TZ", ":UTC"),
    ("_HANDLER", "bootstrap"),
];
