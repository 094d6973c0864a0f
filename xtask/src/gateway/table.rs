//! The token table on this machine: dynalite, a DynamoDB that keeps its tables in a folder.
//!
//! What was stored is in the folder when the answer says so, and is there again after every end, a sudden one too.

use std::path::Path;
use std::time::{Duration, Instant};

use super::folder;
use crate::failure::{During, Failure, Result};
use crate::process::{Service, interrupt};
use crate::progress::Step;
use crate::root::Root;
use crate::{http, ports, settings, tools};

/// A running table.
#[derive(Debug)]
pub(super) struct Table {
    server: Service,
    port: u16,
}

impl Table {
    /// Starts a server that keeps its data in `state`, and makes the table if it is not there.
    pub(super) fn start(root: &Root, state: &Path) -> Result<Self> {
        let mut command = tools::dynalite(root)?;
        let mut step = Step::start("start the token table");
        let outcome = launch(&mut command, state, &mut step);
        step.close(outcome, Table::url)
    }

    /// What leads the function to this table and to nothing else of AWS. The keys open nothing.
    pub(super) fn settings(&self) -> [(&'static str, String); 5] {
        [
            ("TOKEN_TABLE", NAME.to_owned()),
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ]
    }

    pub(super) fn check(&mut self) -> Result<()> {
        self.server.check()
    }

    /// The server listens before it has opened its folder, and ends a moment later when it cannot: then its own words
    /// say more than its silence.
    fn last_words(&mut self) -> Option<Failure> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Err(failure) = self.check() {
                return Some(failure);
            }
            std::thread::sleep(POLL);
        }
        None
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes the table that template.yaml describes, if it is not there, and waits until it can be used.
    fn create(&self) -> Result<()> {
        self.ask("CreateTable", CREATE, "ResourceInUseException")?;
        let started = Instant::now();
        while !self.ask("DescribeTable", DESCRIBE, "")?.contains(ACTIVE) {
            interrupt::check()?;
            if started.elapsed() > PATIENCE {
                return Err(Failure::new("the token table was not ready in time"));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// One request; an error whose body names `pardoned` is as good as an answer.
    fn ask(&self, operation: &str, input: &str, pardoned: &str) -> Result<String> {
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", &*target),
            ("x-amz-date", "20260101T000000Z"),
            // Nobody checks the signature, but there has to be one.
            ("authorization", "AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=none"),
        ];
        let answer = http::post(self.port, "/", &headers, input).during(|| format!("ask the table: {operation}"))?;
        if answer.status == 200 || !pardoned.is_empty() && answer.body.contains(pardoned) {
            Ok(answer.body)
        } else {
            let status = answer.status;
            Err(Failure::new(format!("the token table refused {operation} ({status})")).with_output(answer.body))
        }
    }
}

fn launch(command: &mut std::process::Command, state: &Path, step: &mut Step) -> Result<Table> {
    folder::make_private(state)?;
    let port = ports::free()?;
    command.args(["--host", "127.0.0.1", "--createTableMs", "1", "--port"]).arg(port.to_string());
    command.arg("--path").arg(state);
    settings::withhold(command);
    let mut server = Service::start("the token table (dynalite)", command, None)?;
    http::await_listener(port, &mut server, step)?;
    let mut table = Table { server, port };
    match table.create() {
        Ok(()) => Ok(table),
        Err(failure) if failure.is_interrupt() => Err(failure),
        Err(failure) => {
            let failure = table.last_words().unwrap_or(failure);
            let output = failure.output().unwrap_or_default().to_owned();
            let folder = state.display();
            Err(Failure::new(format!("{failure}. Another gateway may be using its folder, {folder}"))
                .with_output(output))
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(2);
const NAME: &str = "kiro2api";
const CREATE: &str = r#"{"TableName":"kiro2api","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}"#;
const DESCRIBE: &str = r#"{"TableName":"kiro2api"}"#;
const ACTIVE: &str = r#""TableStatus":"ACTIVE""#;
const POLL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_named() {
        let root = Root::find();
        let folder = folder::Folder::make(&root).unwrap();
        let _first = Table::start(&root, &folder.join("table")).unwrap();
        let failure = Table::start(&root, &folder.join("table")).unwrap_err();
        let words = failure.to_string();
        assert!(words.starts_with("the token table (dynalite) ended unexpectedly"), "{words}");
        assert!(words.ends_with(&format!("using its folder, {}", folder.join("table").display())), "{words}");
    }

    #[test]
    fn what_was_stored_is_there_after_everything_has_ended() {
        let root = Root::find();
        let folder = folder::Folder::make(&root).unwrap();
        let state = folder.join("table");
        let table = Table::start(&root, &state).unwrap();
        let put = r#"{"TableName":"kiro2api","Item":{"pk":{"S":"k"},"value":{"S":"rotated"}}}"#;
        assert_eq!(table.ask("PutItem", put, "").unwrap(), "{}");
        drop(table);
        let table = Table::start(&root, &state).unwrap();
        let get = r#"{"TableName":"kiro2api","Key":{"pk":{"S":"k"}},"ConsistentRead":true}"#;
        assert!(table.ask("GetItem", get, "").unwrap().contains("rotated"));
    }
}
