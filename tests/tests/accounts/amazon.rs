//! `--lambda`: the real AWS CLI against Secrets Manager and Parameter Store on this machine.

use std::process::Command;

use kiro2api_tests::Config;
use kiro2api_tests::accounts::{credentials, demo};
use serde_json::Value;

use crate::stage::Machine;

fn endpoint() -> String {
    std::env::var("KIRO2API_AWS").expect("KIRO2API_AWS is no endpoint: cargo xtask test --only accounts")
}

const LOGIN: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "simulated"), ("AWS_SECRET_ACCESS_KEY", "simulated"), ("AWS_REGION", "eu-west-1")];

fn machine() -> Machine {
    let machine = Machine::new(Config::default()).with("AWS_ENDPOINT_URL", endpoint());
    LOGIN.iter().fold(machine, |machine, (name, value)| machine.with(name, *value))
}

/// What the service says to the person's own CLI.
fn aws(arguments: &[&str]) -> Value {
    let mut command = Command::new("aws");
    command
        .args(arguments)
        .args(["--output", "json", "--region", "eu-west-1"])
        .env("AWS_ENDPOINT_URL", endpoint())
        .envs(LOGIN);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn value_of(secret: &str) -> Value {
    let kept = aws(&["secretsmanager", "get-secret-value", "--version-stage", "AWSCURRENT", "--secret-id", secret]);
    serde_json::from_str(kept["SecretString"].as_str().unwrap()).unwrap()
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_secret_holds_the_list() {
    let machine = machine();
    let place = ["--lambda", "--secret", "accounts/one"];
    let run = |command: &[&str]| machine.accounts(&[command, &place].concat());
    run(&["list"]).failed(&["there is no secret accounts/one", "create-secret"]);
    aws(&["secretsmanager", "create-secret", "--name", "accounts/one"]);
    assert!(run(&["list"]).ok().contains("there is no account in the secret accounts/one"));
    let file = machine.file("given.json", &credentials(&demo()).to_string());
    assert!(run(&["import", file.to_str().unwrap()]).ok().contains("holds 3 accounts"));
    assert_eq!(value_of("accounts/one").as_array().unwrap().len(), 3);
    assert!(run(&["list"]).ok().contains("demo-idc"));
    run(&["remove", "demo-key"]).ok();
    assert_eq!(value_of("accounts/one").as_array().unwrap().len(), 2);
    // Renewed tokens are stored there.
    let said = run(&["check"]);
    assert!(said.err.contains("once none of the logins they began with works"), "{said:#?}");
    said.ok();
    assert_eq!(value_of("accounts/one")[0]["refreshToken"], machine.service.refresh_token("demo-social").unwrap());
    // By ARN, which brings its region.
    let arn =
        aws(&["secretsmanager", "describe-secret", "--secret-id", "accounts/one"])["ARN"].as_str().unwrap().to_owned();
    assert!(machine.accounts(&["list", "--lambda", "--secret", &arn]).ok().contains("demo-social"));
    // Nothing of it is on this machine.
    assert!(!machine.path("lists/accounts.json").exists());
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn what_somebody_else_stored_meanwhile_is_not_overwritten() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    let machine = machine();
    aws(&["secretsmanager", "create-secret", "--name", "accounts/two", "--secret-string", "[]"]);
    // A CLI that lets somebody else come first: between reading and storing.
    let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|path| path.join("aws"))
        .find(|path| path.is_file());
    let (real, folder) = (real.unwrap(), machine.path("bin"));
    fs::create_dir(&folder).unwrap();
    let other = format!(
        "{} secretsmanager put-secret-value --secret-id accounts/two --secret-string '[{{}}]' --region eu-west-1",
        real.display()
    );
    let script = format!(
        "#!/bin/sh\ncase \"$2\" in put-secret-value) {other} </dev/null >/dev/null;; esac\nexec {} \"$@\"\n",
        real.display()
    );
    fs::write(folder.join("aws"), script).unwrap();
    fs::set_permissions(folder.join("aws"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let machine = machine.with("PATH", path);
    let key = "ksk_simulated_demo_key";
    let said = machine.accounts_with(&["add", "--api-key", "--lambda", "--secret", "accounts/two"], key);
    said.failed(&["somebody else has changed the secret accounts/two", "nothing was stored"]);
    assert_eq!(value_of("accounts/two").to_string(), "[{}]");
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_parameter_holds_the_list() {
    let machine = machine();
    let place = ["--lambda", "--parameter", "/accounts/three"];
    let key = "ksk_simulated_demo_key";
    machine.accounts_with(&[&["add", "--api-key"][..], &place].concat(), key).ok();
    let kept = aws(&["ssm", "get-parameter", "--name", "/accounts/three", "--with-decryption"]);
    assert_eq!(kept["Parameter"]["Type"], "SecureString");
    assert!(kept["Parameter"]["Value"].as_str().unwrap().contains(key));
    assert!(machine.accounts(&[&["list"][..], &place].concat()).ok().contains("apikey"));
    machine.accounts(&[&["disable", "apikey"][..], &place].concat()).ok();
    assert!(machine.accounts(&[&["list"][..], &place].concat()).ok().contains("yes"));
    aws(&["ssm", "put-parameter", "--name", "/accounts/open", "--type", "String", "--value", "[]"]);
    machine.accounts(&["list", "--lambda", "--parameter", "/accounts/open"]).failed(&["is no SecureString"]);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_login_that_could_not_be_stored_is_kept_in_a_file() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    let machine = machine();
    let accounts = credentials(&demo()).to_string();
    aws(&["secretsmanager", "create-secret", "--name", "accounts/four", "--secret-string", &accounts]);
    let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|path| path.join("aws"))
        .find(|path| path.is_file());
    let (real, folder) = (real.unwrap(), machine.path("bin"));
    fs::create_dir(&folder).unwrap();
    let denied = "An error occurred (AccessDeniedException) when calling the PutSecretValue operation: no";
    let script = format!(
        "#!/bin/sh\ncase \"$2\" in put-secret-value) cat >/dev/null; echo '{denied}' >&2; exit 254;; esac\nexec {} \"$@\"\n",
        real.display()
    );
    fs::write(folder.join("aws"), script).unwrap();
    fs::set_permissions(folder.join("aws"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let machine = machine.with("PATH", path);
    let said = machine.accounts(&["check", "demo-social", "--lambda", "--secret", "accounts/four"]);
    let said = said.failed(&["may not do that", "rescued-", "accounts import"]);
    let file =
        fs::read_dir(machine.path("lists")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let file = file.into_iter().find(|name| name.starts_with("rescued-")).unwrap_or_else(|| panic!("{said:#?}"));
    let renewed = machine.service.refresh_token("demo-social").unwrap();
    assert_eq!(machine.list(&file)[0]["refreshToken"], renewed);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_cli_that_is_missing_or_not_logged_in_is_told() {
    let place = ["list", "--lambda", "--secret", "accounts/five"];
    let without = Machine::new(Config::default()).with("PATH", "/nowhere");
    without.accounts(&place).failed(&["the AWS CLI (`aws`) was not found"]);
    let stranger =
        Machine::new(Config::default()).with("AWS_REGION", "eu-west-1").with("AWS_EC2_METADATA_DISABLED", "true");
    stranger.accounts(&place).failed(&["the AWS CLI is not logged in"]);
}
