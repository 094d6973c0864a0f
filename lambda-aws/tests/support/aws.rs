//! The emulated services themselves, past the gateway's own client.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// Where they are.
pub fn endpoint() -> String {
    let url = std::env::var("KIRO2API_AWS").unwrap_or_else(|_| {
        panic!("KIRO2API_AWS is not set: give the URL of a moto_server, or run `cargo xtask test --only lambda-table`")
    });
    url.trim_end_matches('/').to_owned()
}

/// Sends a request as it came.
pub async fn post(url: &str, headers: &HeaderMap, body: Bytes) -> (u16, Bytes) {
    let mut request = Request::post(format!("{url}/"));
    for name in ["content-type", "x-amz-target", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let reply = client.request(request.body(Full::new(body)).unwrap()).await.expect("the emulated services answer");
    let status = reply.status().as_u16();
    (status, reply.into_body().collect().await.unwrap().to_bytes())
}

/// Performs an operation, which must succeed.
pub async fn perform(service: &str, target: &str, input: &Value) -> Value {
    let mut headers = HeaderMap::new();
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    headers.insert("authorization", scope.parse().unwrap());
    headers.insert("x-amz-target", target.parse().unwrap());
    headers.insert("content-type", "application/x-amz-json-1.0".parse().unwrap());
    let (status, body) = post(&endpoint(), &headers, input.to_string().into()).await;
    assert_eq!(status, 200, "{target}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

/// Waits until the emulated services have loaded themselves, which takes them longer than the gateway waits.
pub async fn ready() {
    static READY: OnceCell<()> = OnceCell::const_new();
    READY
        .get_or_init(|| async {
            perform("dynamodb", "DynamoDB_20120810.ListTables", &json!({})).await;
            perform("secretsmanager", "secretsmanager.ListSecrets", &json!({})).await;
            perform("ssm", "AmazonSSM.DescribeParameters", &json!({})).await;
        })
        .await;
}

/// A name that no other test has.
pub fn unique() -> String {
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    format!("{:016x}", u64::from_be_bytes(random))
}

/// A file with this text, and its path.
pub fn file(name: &str, text: &str) -> String {
    let path = format!("{}/{name}-{}", env!("CARGO_TARGET_TMPDIR"), unique());
    std::fs::write(&path, text).unwrap();
    path
}

/// Bytes as the services take them.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Makes a table of a name of its own, as the deployment's template does.
pub async fn table() -> String {
    let name = format!("tokens-{}", unique());
    let input = json!({
        "TableName": name,
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
        "BillingMode": "PAY_PER_REQUEST",
    });
    perform("dynamodb", "DynamoDB_20120810.CreateTable", &input).await;
    name
}

/// Every item of a table.
pub async fn items(table: &str) -> Vec<Value> {
    let (mut all, mut input) = (Vec::new(), json!({ "TableName": table }));
    loop {
        let page = perform("dynamodb", "DynamoDB_20120810.Scan", &input).await;
        all.extend(page["Items"].as_array().unwrap().iter().cloned());
        match page.get("LastEvaluatedKey") {
            Some(key) => input["ExclusiveStartKey"] = key.clone(),
            None => return all,
        }
    }
}

/// Puts a head into a table as the gateway would.
pub async fn put(table: &str, key: &str, value: &[u8]) {
    let item = json!({ "pk": {"S": key}, "version": {"S": "by-hand"}, "value": {"B": base64(value)} });
    perform("dynamodb", "DynamoDB_20120810.PutItem", &json!({ "TableName": table, "Item": item })).await;
}

/// Removes an item.
pub async fn delete(table: &str, key: &str) {
    let input = json!({ "TableName": table, "Key": { "pk": {"S": key} } });
    perform("dynamodb", "DynamoDB_20120810.DeleteItem", &input).await;
}
