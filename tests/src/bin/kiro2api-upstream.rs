//! The simulated upstream as a program: prints one line with its URL when it is ready.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kiro2api_tests::accounts::credentials;
use kiro2api_tests::{Config, Upstream};
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in for the Kiro streaming service on loopback: chat, control plane and token endpoints on one port.
#[derive(Parser)]
#[command(name = "kiro2api-upstream", after_help = AFTER_HELP)]
struct Options {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Whether bearers other than API keys must name a profile
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, default_value_t = true)]
    require_profile_arn: bool,
    /// Whether the rules on the conversation's content are enforced
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, default_value_t = true)]
    strict: bool,
    /// Whether a refresh makes the old refresh token invalid
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, default_value_t = true)]
    rotation: bool,
    /// Lifetime of access tokens in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    token_lifetime: u64,
    /// Largest chat body in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 615_000)]
    body_cap: usize,
    /// JSON merged over the configuration (see tests/SIMULATOR.md), for example '{"bearer_status":401}'
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
    /// Writes the body of each accepted chat request into this folder
    #[arg(long, value_name = "DIR")]
    record_dir: Option<PathBuf>,
    /// Prints the accounts as JSON in the form of KIRO_AUTH_TOKEN, and ends
    #[arg(long)]
    print_credentials: bool,
    /// Ends when standard input is closed
    #[arg(long)]
    exit_with_stdin: bool,
}

impl Options {
    fn config(self) -> Result<Config, String> {
        let mut config = Config {
            port: self.port,
            record_dir: self.record_dir,
            require_profile_arn: self.require_profile_arn,
            strict: self.strict,
            rotation: self.rotation,
            access_token_seconds: self.token_lifetime,
            ..Config::default()
        };
        config.limits.body_bytes = self.body_cap;
        match self.config {
            None => Ok(config),
            Some(patch) => {
                let patch = serde_json::from_str(&patch).map_err(|error| format!("--config is not JSON: {error}"))?;
                config.patched(&patch).map_err(|error| format!("--config: {error}"))
            }
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell it to if standard error is closed.
            let _ = writeln!(io::stderr(), "kiro2api-upstream: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), String> {
    let (with_stdin, port, print_credentials) = (options.exit_with_stdin, options.port, options.print_credentials);
    let config = options.config()?;
    let mut out = io::stdout();
    if print_credentials {
        return writeln!(out, "{}", credentials(&config.accounts)).map_err(|error| error.to_string());
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let upstream = Upstream::start(config).map_err(|error| format!("port {port}: {error}"))?;
    writeln!(out, "simulated upstream at {}", upstream.url())
        .and_then(|()| out.flush())
        .map_err(|error| error.to_string())?;
    let ended = runtime.block_on(end(with_stdin)).map_err(|error| error.to_string());
    // A read of standard input may be waiting for ever.
    runtime.shutdown_background();
    ended
}

async fn end(with_stdin: bool) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        result = stdin_closed(), if with_stdin => result,
    }
}

async fn stdin_closed() -> io::Result<()> {
    let mut stdin = tokio::io::stdin();
    let mut sink = [0; 1024];
    while stdin.read(&mut sink).await? > 0 {}
    Ok(())
}

const AFTER_HELP: &str = r#"Any prompt may hold a line that directs the answer, step by step through an agent's loop:
  @sim tool Read {"file_path":"x"} => think "hm"; text "Done."
  @sim 2 * status 429 retry-after=1 || text "third time lucky"
  @sim text "before"; exception ThrottlingException
  @sim chunks utf8; text "naïve"; stop END_TURN      @sim text "a"; tear; text "b"      @sim stall
Actions: text think answer reason sig redacted reason-empty tool interleave event initial kinds invalid-state stop usage context meter
notail exception error empty corrupt tear cut reset drop close delay pace stall head-delay chunks order odd-headers status fault html per.
tests/SIMULATOR.md explains them all, the configuration, and the demo credentials.
Records and switches: GET /_sim/requests, GET or POST /_sim/config, POST /_sim/reset, POST /_sim/expire."#;
