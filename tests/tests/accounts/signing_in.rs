//! Device logins: approved, declined, too late, too fast.

use std::io::BufReader;

use kiro2api_tests::devices::{Answer, Device};
use kiro2api_tests::{Config, Fault, Refusal};
use serde_json::json;

use crate::stage::{Machine, read_until};

fn machine(device: Device) -> Machine {
    Machine::new(Config { device, ..Config::default() })
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn an_approved_login_is_stored_and_serves() {
    let machine = machine(Device { answer: Answer::Approve, after: 1, ..Device::default() });
    let said = machine.accounts(&["login", "--label", "mine", "--priority", "1"]);
    assert!(said.err.contains("/device?user_code=SIMU-0001") && said.err.contains("Ctrl-C gives up"), "{said:#?}");
    assert!(said.ok().contains("added mine"));
    let [entry] = machine.list("accounts.json").try_into().unwrap();
    assert_eq!((&entry["auth"], &entry["region"], &entry["priority"]), (&json!("IdC"), &json!("us-east-1"), &json!(1)));
    let registered = &machine.service.requests_of("register")[0];
    assert_eq!(
        (&registered.body["clientName"], &registered.body["clientType"]),
        (&json!("kiro2api"), &json!("public"))
    );
    assert!(registered.header("user-agent").unwrap().starts_with("kiro2api/"));
    assert_eq!(machine.service.requests_of("device")[0].body["startUrl"], "https://view.awsapps.com/start");
    // It is an account of the service from here on; its first renewal rotates the token.
    assert!(machine.accounts(&["check", "mine"]).ok().contains("ok: KIRO PRO"));
    assert_eq!(machine.list("accounts.json")[0]["refreshToken"], machine.service.refresh_token("device-1").unwrap());
    // Signing in again under the same name replaces it.
    assert!(machine.accounts(&["login", "--label", "mine"]).ok().contains("replaced the account that was called mine"));
    assert_eq!(machine.list("accounts.json").len(), 1);
    assert_eq!(machine.list("accounts.json")[0]["priority"], 1);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_login_that_does_not_come_about_stores_nothing() {
    for (device, part) in [
        (Device { answer: Answer::Decline, after: 1, ..Device::default() }, "was declined: nothing was stored"),
        (Device { answer: Answer::Expire, ..Device::default() }, "nobody approved the login"),
        (Device { registration_seconds: 0, ..Device::default() }, "invalid_client"),
    ] {
        let machine = machine(device);
        machine.accounts(&["login"]).failed(&[part]);
        assert!(!machine.path("lists/accounts.json").exists(), "something was stored");
    }
    let machine = machine(Device::default());
    machine.accounts(&["login", "--start-url", "nowhere"]).failed(&["invalid_request", "--start-url"]);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_poller_that_is_told_to_slow_down_does() {
    let slow = Refusal::preset("slow-down").unwrap();
    let faults = vec![Fault::new("idc", slow).times(1)];
    let device = Device { answer: Answer::Approve, after: 1, interval: 1, ..Device::default() };
    let machine = Machine::new(Config { device, faults, ..Config::default() });
    machine.accounts(&["login"]).ok();
    let told: Vec<String> = machine.service.requests_of("idc").iter().map(|record| record.status.to_string()).collect();
    // The fault, one that is pending, the approval: none of the later ones came too early.
    assert_eq!(told, ["400", "400", "200"]);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_trouble_of_the_service_is_waited_out() {
    let faults = vec![Fault::new("idc", Refusal::preset("internal").unwrap()).times(1)];
    let device = Device { answer: Answer::Approve, ..Device::default() };
    let machine = Machine::new(Config { device, faults, ..Config::default() });
    assert!(machine.accounts(&["login"]).ok().contains("added builder-id"));
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn ctrl_c_gives_up_and_stores_nothing() {
    let machine = machine(Device::default());
    let mut child = machine.spawn(&["login"]);
    let mut err = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut err, "Ctrl-C gives up");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!machine.path("lists/accounts.json").exists(), "something was stored");
}
