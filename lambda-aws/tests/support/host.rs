//! An environment whose log can be read, and a client of it.

use std::sync::Mutex;

use kiro2api_core::config::Config;
use kiro2api_core::drive::{self, Client, Gone, Host, drive};
use kiro2api_core::exchange::Gateway;
use kiro2api_core::exchange::relay::Relay;
use kiro2api_core::host::{
    Clock, Entropy, Head, Incoming, Millis, Outbound, Payload, Saved, StoreError, Stored, TokenStore, Transport,
};
use kiro2api_lambda::environment::Environment;
use kiro2api_lambda::machine::Machine;

use super::Gate;

/// An environment with these variables, whose services are behind the gate.
pub async fn environment(machine: Machine, gate: &Gate, set: &[(&str, &str)]) -> Environment {
    let url = gate.url();
    let usual = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", url.as_str()),
    ];
    let set: Vec<(String, String)> =
        usual.iter().chain(set).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment::start(machine, move |name| {
        set.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    })
    .await
}

/// The environment, with its lines kept.
pub struct Logged {
    environment: Environment,
    lines: Mutex<Vec<String>>,
}

impl Logged {
    pub fn new(environment: Environment) -> Self {
        Self { environment, lines: Mutex::default() }
    }

    /// What was logged so far.
    pub fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Sends a prompt as a client with this key.
    pub async fn ask(&self, key: &str) -> Asked {
        let body = r#"{"model":"claude-sonnet-4-5","max_tokens":64,"messages":[{"role":"user","content":"hi"}]}"#;
        let headers = [("content-type", "application/json".to_owned()), ("x-api-key", key.to_owned())];
        let incoming = Incoming {
            method: "POST".into(),
            path: "/v1/messages".into(),
            query: String::new(),
            headers: headers.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            body: Payload::Bytes(body.into()),
            ends: Millis::NEVER,
        };
        let mut asked = Asked::default();
        drive(self, incoming, &mut asked).await;
        asked
    }
}

/// A client and what it got.
#[derive(Default, Debug)]
pub struct Asked {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client<Logged> for Asked {
    async fn answer(&mut self, head: &Head, body: &[u8]) -> Result<(), Gone> {
        self.status = head.status;
        self.write(body).await
    }

    async fn open(&mut self, head: &Head) -> Result<(), Gone> {
        self.status = head.status;
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    async fn pump(
        &mut self,
        host: &Logged,
        relay: Relay,
        reply: <Logged as Transport>::Reply,
    ) -> (Relay, Result<(), Gone>) {
        drive::pump(host, self, relay, reply).await
    }
}

impl Host for Logged {
    fn with<T>(&self, use_it: impl FnOnce(&mut Gateway) -> T) -> T {
        self.environment.with(use_it)
    }

    fn log(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    async fn settings(&self) -> Option<Config> {
        self.environment.settings().await
    }
}

impl Clock for Logged {
    fn now(&self) -> Millis {
        self.environment.now()
    }

    async fn sleep(&self, until: Millis) {
        self.environment.sleep(until).await;
    }
}

impl Entropy for Logged {
    fn fill(&self, buffer: &mut [u8]) {
        self.environment.fill(buffer);
    }
}

impl TokenStore for Logged {
    fn compares(&self) -> bool {
        self.environment.compares()
    }

    async fn load(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        self.environment.load(key).await
    }

    async fn save(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<&str>,
        lifetime: Option<Millis>,
    ) -> Result<Saved, StoreError> {
        self.environment.save(key, value, expected, lifetime).await
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.environment.remove(key).await
    }
}

impl Transport for Logged {
    type Reply = <Environment as Transport>::Reply;

    fn send(&self, request: &Outbound) -> Self::Reply {
        self.environment.send(request)
    }
}
