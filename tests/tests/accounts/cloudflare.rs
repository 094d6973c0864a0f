//! `--workers`, with a stand-in for wrangler: `node` in PATH that writes down how it is called. Nothing here speaks to Cloudflare:
//! what is held is that the list goes by standard input alone, and that what the Worker has is not lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use kiro2api_tests::Config;
use kiro2api_tests::accounts::{credentials, demo};
use serde_json::{Value, json};

use crate::stage::Machine;

/// A machine whose `node` is this script: `$1` is wrangler, what follows are its arguments.
fn machine(put: &str, secrets: &str) -> Machine {
    let machine = Machine::new(Config::default());
    let folder = machine.path("bin");
    fs::create_dir(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\nshift\necho \"$*\" >> {0}/calls\ncase \"$2\" in\n  list) {secrets} ;;\n  put) cat > {0}/sent; {put} ;;\nesac\n",
        machine.path("").display()
    );
    let node = folder.join("node");
    fs::write(&node, script).unwrap();
    fs::set_permissions(&node, fs::Permissions::from_mode(0o755)).unwrap();
    let paths = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    machine.with("PATH", paths)
}

fn calls(machine: &Machine) -> Vec<String> {
    let calls = fs::read_to_string(machine.path("calls")).unwrap_or_default();
    for secret in demo().iter().map(|account| account.secret.clone()).chain(["simulated-client-secret".to_owned()]) {
        assert!(!calls.contains(&secret), "a secret is among the arguments");
    }
    calls.lines().map(str::to_owned).collect()
}

fn sent(machine: &Machine) -> Value {
    serde_json::from_slice(&fs::read(machine.path("sent")).unwrap()).unwrap()
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn the_whole_list_is_sent_by_standard_input_and_kept_here() {
    let machine = machine("echo done", "echo '[]'");
    let file = machine.file("given.json", &credentials(&demo()).to_string());
    machine.accounts(&["import", file.to_str().unwrap(), "--workers"]).ok();
    assert_eq!(calls(&machine), ["secret list --format json", "secret put KIRO_AUTH_TOKEN"]);
    assert_eq!(sent(&machine), json!(machine.list("workers.json")));
    assert!(machine.accounts(&["remove", "demo-key", "--workers"]).ok().contains("holds 2 accounts"));
    assert_eq!(sent(&machine).as_array().unwrap().len(), 2);
    assert!(machine.accounts(&["list", "--workers"]).ok().contains("demo-idc"));
    // With a copy there is nothing to ask.
    assert_eq!(calls(&machine).len(), 3);
    assert!(!machine.path("lists/accounts.json").exists(), "the list of local runs is another one");
    // A renewed token reaches the Worker too.
    machine.accounts(&["check", "demo-social", "--workers"]).ok();
    let renewed = machine.service.refresh_token("demo-social").unwrap();
    assert_eq!(
        (&sent(&machine)[0]["refreshToken"], &machine.list("workers.json")[0]["refreshToken"]),
        (&json!(renewed), &json!(renewed))
    );
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn accounts_that_are_not_known_here_are_not_replaced_by_accident() {
    let machine = machine("echo done", r#"echo '[{"name":"KIRO_AUTH_TOKEN","type":"secret_text"}]'"#);
    let entry = json!({ "auth": "ApiKey", "apiKey": "ksk_simulated_demo_key" }).to_string();
    let said = machine.accounts_with(&["add", "--workers"], &entry);
    said.failed(&["what is in it is not known here", "--replace"]);
    assert!(!machine.path("sent").exists());
    machine.accounts_with(&["add", "--workers", "--replace"], &entry).ok();
    assert_eq!(sent(&machine).as_array().unwrap().len(), 1);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_list_that_could_not_be_sent_is_kept_and_sent_again() {
    let machine = machine(
        "test -e \"$HOME/in\" || { echo 'You are not authenticated' >&2; exit 1; }",
        "echo 'This Worker does not exist on your account. [code: 10007]' >&2; exit 1",
    );
    let entry = json!({ "auth": "ApiKey", "apiKey": "ksk_simulated_demo_key" }).to_string();
    let said = machine.accounts_with(&["add", "--workers"], &entry);
    said.failed(&["not logged in to Cloudflare", "accounts push --workers"]);
    assert_eq!(machine.list("workers.json").len(), 1);
    fs::create_dir_all(machine.path("home/in")).unwrap();
    machine.accounts(&["push", "--workers"]).ok();
    assert_eq!(sent(&machine).as_array().unwrap().len(), 1);
}
