//! A person's machine: a home, a folder of lists, the program, and what must never be seen.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use kiro2api_tests::{Config, Upstream};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A machine with nothing on it, before a simulated service.
pub(crate) struct Machine {
    folder: TempDir,
    pub(crate) service: Upstream,
    environment: Vec<(&'static str, String)>,
    secrets: Mutex<Vec<String>>,
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Machine {
    pub(crate) fn new(config: Config) -> Self {
        let secrets = config.accounts.iter().flat_map(|account| {
            let client_secret = match &account.kind {
                kiro2api_tests::accounts::Kind::Idc { client_secret, .. } => Some(client_secret.clone()),
                _ => None,
            };
            client_secret.into_iter().chain([account.secret.clone()])
        });
        let secrets = Mutex::new(secrets.collect());
        let service = Upstream::start(config).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), service, environment: Vec::new(), secrets }
    }

    /// The same machine with a variable set.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// From here on this must not be seen either.
    pub(crate) fn keep_secret(&self, secret: &str) {
        self.secrets.lock().unwrap().push(secret.to_owned());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the desktop client's folder of this home, and gives its path.
    pub(crate) fn desktop(&self, name: &str, text: &str) -> PathBuf {
        let folder = self.path("home/.aws/sso/cache");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs `xtask accounts …` to its end.
    pub(crate) fn accounts(&self, arguments: &[&str]) -> Said {
        self.accounts_with(arguments, "")
    }

    /// The same with a text on standard input.
    pub(crate) fn accounts_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self.spawn(arguments);
        // A program that refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        self.quiet(Said { code, out: text(output.stdout), err: text(output.stderr) }, arguments)
    }

    fn quiet(&self, said: Said, arguments: &[&str]) -> Said {
        for secret in self.secrets.lock().unwrap().iter().chain(&self.in_lists()) {
            for text in [&said.out, &said.err] {
                assert!(!text.contains(secret.as_str()), "a secret is shown by {arguments:?}");
            }
            assert!(!arguments.iter().any(|word| word.contains(secret.as_str())), "the test itself put a secret there");
        }
        said
    }

    /// Whatever any list on this machine holds of secrets, those that came by renewal and login too.
    fn in_lists(&self) -> Vec<String> {
        let mut found = Vec::new();
        let Ok(files) = fs::read_dir(self.path("lists")) else { return found };
        for file in files {
            // A draft may be gone already.
            let Ok(bytes) = fs::read(file.unwrap().path()) else { continue };
            let Ok(Value::Array(entries)) = serde_json::from_slice(&bytes) else { continue };
            for (entry, name) in entries.iter().flat_map(|entry| MEMBERS.map(|name| (entry, name))) {
                found.extend(entry[name].as_str().map(str::to_owned));
            }
        }
        found
    }

    /// Starts `xtask accounts …`.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(program());
        command.arg("accounts").args(arguments).current_dir(self.folder.path());
        // Nothing of the person who runs the tests; what the tools need to be found.
        command.env_clear().env("HOME", self.path("home")).env("KIRO2API_HOME", self.path("lists"));
        for name in ["PATH", "CARGO_TARGET_DIR", "LANG"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        for base in ["KIRO_API_BASE", "KIRO_AUTH_BASE", "KIRO_OIDC_BASE"] {
            command.env(base, self.service.url());
        }
        command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// The entries of a list of this machine.
    pub(crate) fn list(&self, name: &str) -> Vec<Value> {
        let path = self.path("lists").join(name);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700), "others can read {}", path.display());
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// Puts a list there, as the program would have.
    pub(crate) fn write_list(&self, entries: &Value) {
        let said = self.accounts_with(&["import", self.file("given.json", &entries.to_string()).to_str().unwrap()], "");
        said.ok();
    }

    /// A file of the person's.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.out
    }

    /// It failed, with a message that holds all of these.
    #[track_caller]
    pub(crate) fn failed(self, parts: &[&str]) -> Self {
        assert_eq!(self.code, 1, "{self:#?}");
        let last = self.err.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default().to_owned();
        for part in parts {
            assert!(last.contains(part), "{part:?} is missing in {self:#?}");
        }
        self
    }
}

/// Reads lines of a running program until one holds `mark`.
pub(crate) fn read_until(source: &mut BufReader<impl Read>, mark: &str) -> String {
    let mut text = String::new();
    while !text.contains(mark) {
        assert_ne!(source.read_line(&mut text).unwrap(), 0, "it ended without {mark:?}: {text}");
    }
    text
}

/// A refresh token of the length of a real one.
pub(crate) fn refresh_token(of: &str) -> String {
    format!("aor-simulated-{of}-{}", "0123456789abcdef".repeat(8))
}

/// What the desktop client stores for a Social login.
pub(crate) fn social_cache(token: &str, provider: &str) -> String {
    json!({
        "accessToken": "aoa-of-the-desktop-client", "refreshToken": token, "expiresAt": "2026-01-01T00:00:00.000Z",
        "authMethod": "social", "provider": provider,
        "profileArn": "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"
    })
    .to_string()
}

fn program() -> PathBuf {
    let path = std::env::var_os("KIRO2API_XTASK").map(PathBuf::from);
    let path = path.expect("KIRO2API_XTASK does not name the program: cargo xtask test --only accounts");
    assert!(path.is_file(), "KIRO2API_XTASK: there is no file {}", path.display());
    path
}

const MEMBERS: [&str; 4] = ["refreshToken", "clientSecret", "apiKey", "accessToken"];
