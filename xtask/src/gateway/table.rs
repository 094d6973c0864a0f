//! The token table on this machine: dynalite, a DynamoDB that keeps its tables in a folder.
//!
//! What was stored is in the folder when the answer says so, and is there again after every end, a sudden one too.

use std::path::Path;

use super::folder;
use crate::failure::{During, Failure, Result};
use crate::process::Service;
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

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The same table as template.yaml describes.
    fn create(&self) -> Result<()> {
        let answer =
            http::post(self.port, "/", &CREATE_HEADERS, CREATE).during(|| "make the token table".to_owned())?;
        if answer.status == 200 || answer.body.contains("ResourceInUseException") {
            Ok(())
        } else {
            Err(Failure::new(format!("the token table could not be made (status {})", answer.status))
                .with_output(answer.body))
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
    let table = Table { server, port };
    table.create()?;
    Ok(table)
}

const NAME: &str = "kiro2api";
const CREATE: &str = r#"{"TableName":"kiro2api","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}"#;
const CREATE_HEADERS: [(&str, &str); 4] = [
    ("content-type", "application/x-amz-json-1.0"),
    ("x-amz-target", "DynamoDB_20120810.CreateTable"),
    ("x-amz-date", "20260101T000000Z"),
    // Nobody checks the signature, but there has to be one.
    (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(table: &Table, operation: &'static str, body: &str) -> String {
        let target = format!("DynamoDB_20120810.{operation}");
        let mut headers = CREATE_HEADERS;
        headers[1].1 = &target;
        http::post(table.port, "/", &headers, body).unwrap().body
    }

    #[test]
    fn what_was_stored_is_there_after_everything_has_ended() {
        let root = Root::find();
        let folder = folder::Folder::make(&root).unwrap();
        let state = folder.join("table");
        let table = Table::start(&root, &state).unwrap();
        let put = r#"{"TableName":"kiro2api","Item":{"pk":{"S":"k"},"value":{"S":"rotated"}}}"#;
        assert_eq!(ask(&table, "PutItem", put), "{}");
        drop(table);
        let table = Table::start(&root, &state).unwrap();
        let get = r#"{"TableName":"kiro2api","Key":{"pk":{"S":"k"}},"ConsistentRead":true}"#;
        assert!(ask(&table, "GetItem", get).contains("rotated"));
    }
}
