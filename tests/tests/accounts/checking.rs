//! Trying accounts for real.

use kiro2api_tests::accounts::{Account, Usage, credentials, demo};
use kiro2api_tests::{Config, Fault, Refusal};

use crate::stage::{Machine, refresh_token};

fn machine(accounts: Vec<Account>) -> Machine {
    let machine = Machine::new(Config { accounts: accounts.clone(), ..Config::default() });
    machine.write_list(&credentials(&accounts));
    machine
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn every_kind_of_account_is_tried_to_its_quota() {
    let machine = machine(demo());
    let out = machine.accounts(&["check"]).ok();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    for line in lines {
        assert!(line.ends_with("ok: KIRO PRO, 876.55 of 1000 left, begins anew on 2027-01-01"), "{line}");
    }
    // The profile of an IdC account is in the list of profiles alone.
    assert!(!machine.service.requests_of("profiles").is_empty());
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_rotated_token_is_stored_so_that_the_login_is_not_lost() {
    let machine = machine(demo());
    // Even when what comes after the renewal fails.
    machine.service.set(|config| config.faults = vec![Fault::new("usage", Refusal::of_status(500))]);
    let said = machine.accounts(&["check"]).failed(&["3 of 3 accounts cannot serve"]);
    assert!(said.out.contains("its login works, and its quota could not be read"), "{said:#?}");
    for (place, label) in ["demo-social", "demo-idc"].into_iter().enumerate() {
        let stored = machine.list("accounts.json")[place]["refreshToken"].as_str().unwrap().to_owned();
        assert_eq!(stored, machine.service.refresh_token(label).unwrap());
        assert!(stored.starts_with("aorSIM-"), "it did not rotate");
    }
    machine.service.set(|config| config.faults.clear());
    machine.accounts(&["check"]).ok();
    machine.accounts(&["check", "demo-idc"]).ok();
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn two_checks_at_once_do_not_end_each_others_logins() {
    let machine = machine(demo());
    let both = [machine.spawn(&["check"]), machine.spawn(&["check"])];
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    for (place, label) in ["demo-social", "demo-idc"].into_iter().enumerate() {
        let stored = machine.list("accounts.json")[place]["refreshToken"].as_str().unwrap().to_owned();
        assert_eq!(stored, machine.service.refresh_token(label).unwrap());
    }
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn what_cannot_serve_is_told_with_what_to_do() {
    let token = |of: &str| refresh_token(of);
    let mut suspended = Account::social("locked", &token("locked"));
    suspended.suspended = true;
    let mut empty = Account::social("empty", &token("empty"));
    empty.usage = Usage::exhausted();
    let mut over = Account::social("over", &token("over"));
    over.usage = Usage { overage: true, ..Usage::exhausted() };
    let accounts = vec![
        suspended,
        empty,
        over,
        Account::social("gone", &token("gone")),
        Account::api_key("key", "ksk_simulated_revoked"),
    ];
    let machine = machine(accounts);
    machine.service.set(|config| config.accounts.retain(|account| !["gone", "key"].contains(&account.label.as_str())));
    let said = machine.accounts(&["check"]).failed(&["4 of 5 accounts cannot serve"]);
    let line = |label: &str| {
        said.out.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{said:#?}")).to_owned()
    };
    assert!(line("locked").contains("suspended: "), "{}", line("locked"));
    assert!(line("empty").contains("quota used up: KIRO PRO, 0 of 1000 left, begins anew on 2027-01-01"));
    assert!(line("over").contains("ok, at the price of overage"));
    assert!(line("gone").contains("needs login: the refresh token is no longer valid"));
    assert!(line("key").contains("needs login: "), "{}", line("key"));
    for part in
        ["accounts import --label gone", "accounts add --api-key --label key", "locked this account", "allow overage"]
    {
        assert!(said.out.contains(part), "{part} is missing in {said:#?}");
    }
    // One of them alone, and one that is switched off.
    machine.accounts(&["check", "empty"]).failed(&["1 of 1 account cannot serve"]);
    machine.accounts(&["check", "over"]).ok();
    machine.accounts(&["disable", "over"]).ok();
    machine.accounts(&["check", "over"]).failed(&["every account is switched off"]);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_login_that_needs_its_registration_anew_says_how() {
    let accounts =
        vec![Account::idc("work", &refresh_token("work"), "the-client", "the-secret-of-the-client", "us-east-1")];
    let machine = machine(accounts);
    let faults = vec![Fault::new("idc", Refusal::preset("invalid-client").unwrap())];
    machine.service.set(|config| config.faults = faults);
    let said = machine.accounts(&["check"]).failed(&["1 of 1 account cannot serve"]);
    assert!(said.out.contains("needs login: the client registration is expired or unknown"), "{said:#?}");
    assert!(said.out.contains("`cargo xtask accounts login --label work --region us-east-1`"), "{said:#?}");
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_service_that_cannot_be_reached_is_not_the_accounts_fault() {
    let machine =
        machine(demo()).with("KIRO_AUTH_BASE", "http://127.0.0.1:9").with("KIRO_OIDC_BASE", "http://127.0.0.1:9");
    let said = machine.accounts(&["check", "demo-social"]).failed(&["cannot serve"]);
    assert!(said.out.contains("not known: the login endpoint could not be reached"), "{said:#?}");
    let empty = Machine::new(Config::default());
    empty.accounts(&["check"]).failed(&["there is no account in"]);
    empty.with("KIRO_API_BASE", "not a URL").accounts(&["login"]).failed(&["KIRO_API_BASE cannot be used"]);
}
