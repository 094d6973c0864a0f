//! Two environments of one function, as two requests at a time bring them about, and their one table.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kiro2api_tests::runtime_api::{End, Environment, Invocation};
use kiro2api_tests::{Config, Fault, Upstream};
use serde_json::{Value, json};

use crate::stage::{Dialect, line_of_the_log, plan};

#[test]
#[ignore = "needs the function built and KIRO2API_AWS: cargo xtask test --only lambda-runtime"]
fn two_environments_with_one_table_refresh_an_account_once() {
    let aws =
        std::env::var("KIRO2API_AWS").expect("KIRO2API_AWS is no endpoint: cargo xtask test --only lambda-runtime");
    let table = format!("tokens-{}", std::process::id());
    create(&aws, &table);
    let upstream = Upstream::start(Config::default()).unwrap();
    // Slow enough that the second environment comes while the first is at it.
    upstream.set(|config| {
        config.faults = vec![Fault {
            operation: "social".to_owned(),
            account: String::new(),
            skip: 0,
            times: None,
            delay_ms: 700,
            answer: None,
        }];
    });
    let plan = plan(&upstream, "demo-social")
        .with("TOKEN_TABLE", &table)
        .with("TOKEN_STORE_KEY", "a-sealing-key-of-the-tests")
        .with("AWS_ENDPOINT_URL", &aws)
        .with("AWS_ACCESS_KEY_ID", "test")
        .with("AWS_SECRET_ACCESS_KEY", "test");
    let mut pair = [Environment::start(&plan).unwrap(), Environment::start(&plan).unwrap()];
    for environment in &mut pair {
        environment.ready().unwrap();
    }
    let event = Dialect::Messages.ask("@sim text \"served\"", true).function_url();
    let both = pair.each_ref().map(|environment| environment.invoke(Invocation::new(&event)).unwrap());
    for answer in both {
        let answer = answer.whole().unwrap();
        assert_eq!((answer.status(), &answer.end), (200, &End::Complete), "{}", answer.text());
        assert!(answer.text().contains("served"), "{}", answer.text());
    }
    assert_eq!(upstream.requests_of("social").len(), 1, "one environment refreshes, the other waits for its result");
    // A third one, begun later, finds the token in the table.
    let mut third = Environment::start(&plan).unwrap();
    third.ready().unwrap();
    assert_eq!(third.invoke(Invocation::new(&event)).unwrap().whole().unwrap().status(), 200);
    assert_eq!(upstream.requests_of("social").len(), 1);
    for environment in pair.iter().chain([&third]) {
        assert_eq!(environment.api().offences(), Vec::<String>::new());
        environment.log().iter().for_each(|line| line_of_the_log(line));
    }
}

/// The table of template.yaml.
fn create(aws: &str, table: &str) {
    let body = json!({
        "TableName": table, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
    });
    let answer = call(aws, "DynamoDB_20120810.CreateTable", &body);
    assert!(answer.contains("200 OK"), "{answer}");
}

fn call(aws: &str, target: &str, body: &Value) -> String {
    let host = aws.trim_start_matches("http://").trim_end_matches('/');
    let body = body.to_string();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amz-target: {target}\r\ncontent-length: {}\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
