//! Secrets that lie elsewhere: found, out of reach, and changed while the environment lives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use kiro2api_core::drive::Host;
use kiro2api_lambda::machine::Machine;
use serde_json::json;
use support::service::{KEY, demo_login, gateway, login, refreshes, service};
use support::{Act, Gate, Logged, aws, environment};

/// A secret of Secrets Manager with a name of its own: the name, and its ARN.
async fn secret(content: &serde_json::Value) -> (String, String) {
    let name = format!("accounts/{}", aws::unique());
    let mut input = json!({ "Name": name });
    input.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
    let made = aws::perform("secretsmanager", "secretsmanager.CreateSecret", &input).await;
    (name, made["ARN"].as_str().unwrap().to_owned())
}

async fn problems(gate: &Gate, set: &[(&str, &str)]) -> Vec<String> {
    environment(Machine::SYSTEM, gate, set).await.with(|gateway| gateway.config().problems.clone())
}

async fn serves(one: &Logged, key: &str, what: &str) {
    let asked = one.ask(key).await;
    assert_eq!(asked.status, 200, "{what}: {}\n{}", asked.text(), one.log());
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn an_account_is_read_from_wherever_its_name_says() {
    let (service, gate, login) = (service(), Gate::open().await, demo_login());
    let (name, arn) = secret(&json!({ "SecretString": login })).await;
    let (binary, _) = secret(&json!({ "SecretBinary": aws::base64(login.as_bytes()) })).await;
    let parameter = format!("/kiro2api/{}", aws::unique());
    let input = json!({ "Name": parameter, "Value": login, "Type": "SecureString" });
    aws::perform("ssm", "AmazonSSM.PutParameter", &input).await;
    let parameter_arn = format!("arn:aws:ssm:us-east-1:123456789012:parameter{parameter}");
    for place in [&name, &arn, &binary, &parameter, &parameter_arn] {
        service.reset();
        let one = gateway(Machine::SYSTEM, &gate, &service, &[("KIRO_AUTH_TOKEN_ARN", place)]).await;
        serves(&one, KEY, place).await;
    }
    service.reset();
    let path = aws::file("account", &format!("{login}\n"));
    let one = gateway(Machine::SYSTEM, &gate, &service, &[("KIRO_AUTH_TOKEN_FILE", &path)]).await;
    serves(&one, KEY, &path).await;
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn every_secret_can_lie_elsewhere() {
    let (service, gate) = (service(), Gate::open().await);
    let (clients, _) = secret(&json!({ "SecretString": "a-client-key-that-lies-elsewhere" })).await;
    let (sealing, _) = secret(&json!({ "SecretString": "a-sealing-key-that-lies-elsewhere" })).await;
    let (social, _) = secret(&json!({ "SecretString": kiro2api_tests::accounts::DEMO_SOCIAL_REFRESH_TOKEN })).await;
    let set = [
        ("KIRO_CLIENT_TOKEN_ARN", clients.as_str()),
        ("TOKEN_STORE_KEY_ARN", sealing.as_str()),
        ("AWS_REFRESHTOKEN_ARN", social.as_str()),
        ("KIRO_AUTH_TOKEN", ""),
    ];
    let one = gateway(Machine::SYSTEM, &gate, &service, &set).await;
    serves(&one, "a-client-key-that-lies-elsewhere", "all of them").await;
    assert_eq!(one.ask(KEY).await.status, 401, "the key is the one in the secret");
    assert_eq!(format!("{:?}", one.with(|gateway| gateway.config().sealing.clone())), "Sealing(1 keys)");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_secret_that_cannot_be_read_is_told_with_what_to_do_and_no_more() {
    let gate = Gate::open().await;
    let (name, arn) = secret(&json!({ "SecretString": "hush" })).await;
    let (binary, _) = secret(&json!({ "SecretBinary": aws::base64(b"\xff\xfe") })).await;
    let (empty, _) = secret(&json!({ "SecretString": " \n" })).await;
    let path = aws::file("empty", "\n");
    let missing = "arn:aws:secretsmanager:us-east-1:123456789012:secret:no-such-abcdef";
    for (variable, place, wanted) in [
        ("KIRO_AUTH_TOKEN_ARN", missing, "ResourceNotFoundException; KIRO_AUTH_TOKEN_ARN names nothing that is there"),
        ("KIRO_AUTH_TOKEN_ARN", "/no/such", "ParameterNotFound; KIRO_AUTH_TOKEN_ARN names nothing that is there"),
        ("KIRO_AUTH_TOKEN_ARN", "arn:aws:s3:::hush", "the ARN of neither a secret"),
        ("KIRO_AUTH_TOKEN_ARN", binary.as_str(), "holds no text"),
        ("KIRO_AUTH_TOKEN_ARN", empty.as_str(), "what KIRO_AUTH_TOKEN_ARN names is empty"),
        ("KIRO_AUTH_TOKEN_FILE", path.as_str(), "what KIRO_AUTH_TOKEN_FILE names is empty"),
        ("KIRO_AUTH_TOKEN_FILE", "/no/such/hush", "the file that KIRO_AUTH_TOKEN_FILE names: entity not found"),
    ] {
        told(&problems(&gate, &[("KIRO_CLIENT_TOKEN", KEY), (variable, place)]).await, wanted);
    }
    for (code, wanted) in [
        ("AccessDeniedException", "perform secretsmanager:GetSecretValue"),
        ("DecryptionFailure", "perform kms:Decrypt"),
        ("InvalidRequestException", "marked for deletion"),
        ("ExpiredTokenException", "those of its role"),
    ] {
        gate.spoil("GetSecretValue", "", 1, Act::Refuse(400, code));
        told(&problems(&gate, &[("KIRO_CLIENT_TOKEN", KEY), ("KIRO_AUTH_TOKEN_ARN", &arn)]).await, wanted);
    }
    let both = [("KIRO_CLIENT_TOKEN", KEY), ("KIRO_AUTH_TOKEN", "hush"), ("KIRO_AUTH_TOKEN_ARN", name.as_str())];
    told(&problems(&gate, &both).await, "KIRO_AUTH_TOKEN and KIRO_AUTH_TOKEN_ARN are set at once");
}

/// One problem, which begins with the variable and shows neither a value nor an account's number.
fn told(problems: &[String], wanted: &str) {
    let [problem] = problems else { panic!("{wanted}: {problems:?}") };
    assert!(problem.starts_with("KIRO_AUTH_TOKEN cannot be read: ") && problem.contains(wanted), "{wanted}: {problem}");
    assert!(!problem.contains("hush") && !problem.contains("123456789012"), "{problem}");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_secrets_service_that_is_away_stops_no_start_and_is_asked_again_later() {
    let (service, gate) = (service(), Gate::open().await);
    let (name, _) = secret(&json!({ "SecretString": demo_login() })).await;
    gate.spoil("GetSecretValue", "", 3, Act::Hang);
    let one = gateway(Machine::SYSTEM, &gate, &service, &[("KIRO_AUTH_TOKEN_ARN", &name)]).await;
    let problems = one.with(|gateway| gateway.config().problems.join("; "));
    assert!(problems.contains("no answer in time"), "{problems}");
    serves(&one, KEY, "the service is back").await;
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_missing_secret_answers_503_and_is_not_asked_for_on_every_request() {
    let (service, gate) = (service(), Gate::open().await);
    let one = gateway(Machine::SYSTEM, &gate, &service, &[("KIRO_AUTH_TOKEN_ARN", "no-such")]).await;
    for _ in 0..5 {
        let asked = one.ask(KEY).await;
        assert_eq!(asked.status, 503, "{}", asked.text());
        assert!(asked.text().contains("KIRO_AUTH_TOKEN_ARN names nothing"), "{}", asked.text());
    }
    assert_eq!(gate.count("GetSecretValue"), 2, "at the start, and once more");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_login_that_the_operator_replaces_serves_after_the_old_one_failed() {
    let (service, gate) = (service(), Gate::open().await);
    let stale = login(&"aorSTALE0123456789".repeat(10));
    let (name, _) = secret(&json!({ "SecretString": stale })).await;
    let one = gateway(Machine::SYSTEM, &gate, &service, &[("KIRO_AUTH_TOKEN_ARN", &name)]).await;
    let input = json!({ "SecretId": name, "SecretString": demo_login() });
    aws::perform("secretsmanager", "secretsmanager.PutSecretValue", &input).await;
    serves(&one, KEY, "the fresh login").await;
    assert_eq!(refreshes(&service), 2, "with the stale login, then with the fresh one");
    assert!(one.log().contains("the settings were read again"), "{}", one.log());
    serves(&one, KEY, "and goes on").await;
    assert_eq!(gate.count("GetSecretValue"), 2);
}

#[test]
fn the_program_says_at_its_start_what_is_missing_and_what_is_lost() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kiro2api-lambda"))
        .env_clear()
        .envs([("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"), ("AWS_LAMBDA_FUNCTION_NAME", "f")])
        .envs([("AWS_LAMBDA_FUNCTION_VERSION", "1"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")])
        .envs([("KIRO_AUTH_TOKEN", "{hush"), ("KIRO_CLIENT_TOKEN_FILE", "/no/such/hush")])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(program.stderr.take().unwrap());
    let mut seen = Vec::new();
    for line in stderr.lines() {
        seen.push(line.unwrap());
        if seen.last().unwrap().contains("TOKEN_TABLE") {
            break;
        }
    }
    program.kill().unwrap();
    program.wait().unwrap();
    let text = seen.join("\n");
    for wanted in ["TOKEN_TABLE is not set", "KIRO_AUTH_TOKEN", "the file that KIRO_CLIENT_TOKEN_FILE names"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("hush"), "{text}");
    assert!(seen.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
}
