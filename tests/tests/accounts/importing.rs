//! Taking over logins, and looking after the list.

use std::fs;

use kiro2api_tests::Config;
use serde_json::{Value, json};

use crate::stage::{Machine, refresh_token, social_cache};

/// The desktop client's files of an IdC login whose registration ends then.
fn idc_login(machine: &Machine, registration: Option<&str>) -> String {
    let token = refresh_token("idc");
    machine.keep_secret(&token);
    machine.keep_secret("the-secret-of-the-registration");
    if let Some(ends) = registration {
        let registration =
            json!({ "clientId": "the-client", "clientSecret": "the-secret-of-the-registration", "expiresAt": ends });
        machine.desktop("0123abcd.json", &registration.to_string());
    }
    let cache = json!({
        "accessToken": "aoa-x", "refreshToken": token, "expiresAt": "2026-01-01T00:00:00.000Z", "clientIdHash": "0123abcd",
        "authMethod": "IdC", "provider": "BuilderId", "region": "us-east-1"
    });
    machine.desktop("kiro-auth-token.json", &cache.to_string()).display().to_string()
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn the_desktop_clients_social_login_is_taken_over_from_its_usual_place() {
    let machine = Machine::new(Config::default());
    let token = refresh_token("social");
    machine.keep_secret(&token);
    machine.desktop("kiro-auth-token.json", &social_cache(&token, "Google"));
    let said = machine.accounts(&["import", "--priority", "2"]);
    assert!(said.err.contains("share this login"), "{said:#?}");
    let out = said.ok();
    assert!(out.contains("added google") && out.contains("holds 1 account"), "{out}");
    let [entry] = machine.list("accounts.json").try_into().unwrap();
    assert_eq!(
        (&entry["auth"], &entry["refreshToken"], &entry["priority"]),
        (&json!("Social"), &json!(token), &json!(2))
    );
    assert!(entry.get("accessToken").is_none(), "what nobody needs is not kept");
    // The same again is no second account.
    assert!(machine.accounts(&["import"]).ok().contains("updated google"));
    assert_eq!(machine.list("accounts.json").len(), 1);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn an_idc_login_brings_its_registration() {
    let machine = Machine::new(Config::default());
    let file = idc_login(&machine, Some("2999-01-01T00:00:00.000Z"));
    assert!(machine.accounts(&["import", &file]).ok().contains("added builder-id"));
    let [entry] = machine.list("accounts.json").try_into().unwrap();
    assert_eq!((&entry["clientId"], &entry["region"]), (&json!("the-client"), &json!("us-east-1")));
    let table = machine.accounts(&["list"]).ok();
    assert!(table.contains("builder-id") && table.contains("2999-01-01"), "{table}");
    // The client has renewed its login since: the same registration, the same account.
    let renewed = refresh_token("renewed");
    machine.keep_secret(&renewed);
    let text = fs::read_to_string(&file).unwrap().replace(&refresh_token("idc"), &renewed);
    fs::write(&file, text).unwrap();
    assert!(machine.accounts(&["import", &file]).ok().contains("updated builder-id"));
    assert_eq!(machine.list("accounts.json")[0]["refreshToken"], renewed);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn an_idc_login_without_a_registration_that_lasts_is_refused() {
    let machine = Machine::new(Config::default());
    let file = idc_login(&machine, None);
    machine.accounts(&["import", &file]).failed(&["0123abcd.json", "sign in with the desktop client again"]);
    idc_login(&machine, Some("2020-05-06T00:00:00Z"));
    machine.accounts(&["import", &file]).failed(&["has expired on 2020-05-06", "accounts login"]);
    machine.desktop("0123abcd.json", "{}");
    machine.accounts(&["import", &file]).failed(&["is no device registration"]);
    assert!(!machine.path("lists/accounts.json").exists(), "something was stored");
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_wrong_file_is_told_with_the_one_that_is_meant() {
    let machine = Machine::new(Config::default());
    idc_login(&machine, Some("2999-01-01T00:00:00Z"));
    let path = |name: &str, text: &str| machine.desktop(name, text).display().to_string();
    let registration = path("0123abcd.json", r#"{"clientId":"c","clientSecret":"the-secret-of-the-registration"}"#);
    machine.accounts(&["import", &registration]).failed(&["is the device registration", "kiro-auth-token.json"]);
    machine.accounts(&["import", &path("a.json", "not JSON at all")]).failed(&["is not JSON", "kiro-auth-token.json"]);
    machine.accounts(&["import", &path("b.json", "{\"a\":1}")]).failed(&["no refreshToken", "kiro-auth-token.json"]);
    machine.accounts(&["import", &path("c.json", "[]")]).failed(&["is an empty list"]);
    machine.accounts(&["import", "nowhere.json"]).failed(&["nowhere.json cannot be read", "~/.aws/sso/cache"]);
    let external = path("d.json", r#"{"refreshToken":"x","authMethod":"external_idp","clientIdHash":"0"}"#);
    machine.accounts(&["import", &external]).failed(&["authMethod is of a kind"]);
    let short = path("e.json", r#"[{"refreshToken":"aor-short..."}]"#);
    machine.accounts(&["import", &short]).failed(&["e.json[0].refreshToken", "ellipsis"]);
    machine.accounts(&["import", "/dev/zero"]).failed(&["larger than 8 MiB"]);
    // A token in the place of a file is not repeated.
    let said = machine.accounts(&["import", "aorTHISISATOKEN"]).failed(&["takes the name of a file"]);
    assert!(!said.err.contains("THISISATOKEN"));
    assert!(!machine.path("lists/accounts.json").exists(), "something was stored");
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn an_array_is_taken_over_whole_and_managed() {
    let machine = Machine::new(Config::default());
    let (a, b) = (refresh_token("a"), refresh_token("b"));
    machine.write_list(&json!([
        { "auth": "Social", "refreshToken": a, "label": "first" },
        { "auth": "Social", "refreshToken": b, "priority": 5 },
        { "auth": "ApiKey", "apiKey": "ksk_simulated_key_of_the_test", "label": "key" }
    ]));
    let table = machine.accounts(&["list"]).ok();
    assert_eq!(table.lines().count(), 4, "{table}");
    let listed: Value = serde_json::from_str(&machine.accounts(&["list", "--json"]).ok()).unwrap();
    assert_eq!(listed[1]["label"], "social");
    assert_eq!((&listed[2]["kind"], &listed[1]["priority"]), (&json!("apikey"), &json!(5)));
    let id = listed[0]["id"].as_str().unwrap();
    assert!(machine.accounts(&["disable", "social"]).ok().contains("switched off"));
    assert!(machine.accounts(&["list"]).ok().lines().nth(2).unwrap().contains("yes"));
    assert!(machine.accounts(&["enable", "1"]).ok().contains("social is switched on"));
    assert!(machine.accounts(&["remove", id]).ok().contains("removed first"));
    machine.accounts(&["remove", "first"]).failed(&["no account is called `first`", "social, key"]);
    machine.accounts(&["remove", "1"]).ok();
    assert_eq!(machine.list("accounts.json").len(), 1);
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn accounts_and_keys_are_added_by_standard_input() {
    let machine = Machine::new(Config::default());
    let (token, key) = (refresh_token("given"), "ksk_simulated_key_of_the_test");
    machine.keep_secret(&token);
    machine.keep_secret(key);
    let entry = json!({ "auth": "Social", "refreshToken": token }).to_string();
    assert!(machine.accounts_with(&["add", "--label", "mine"], &entry).ok().contains("added mine"));
    assert!(machine.accounts_with(&["add", "--api-key"], &format!("{key}\n")).ok().contains("added apikey"));
    assert_eq!(machine.list("accounts.json")[1]["apiKey"], key);
    machine.accounts_with(&["add", "--api-key"], "").failed(&["apiKey: is missing"]);
    machine.accounts_with(&["add"], "[]").failed(&["no JSON object"]);
    machine.accounts_with(&["add"], "{\"auth\":\"IdC\",\"refreshToken\":\"x\"}").failed(&["standard input: "]);
    let said = machine.accounts(&["add", "--api-key", "ksk_in_an_argument"]).failed(&["standard input"]);
    assert!(!said.err.contains("in_an_argument"));
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn a_list_that_somebody_has_spoilt_is_not_written_over() {
    let machine = Machine::new(Config::default());
    machine.write_list(&json!([{ "auth": "Social", "refreshToken": refresh_token("a") }]));
    let path = machine.path("lists/accounts.json");
    fs::write(&path, "[{\"refreshToken\":").unwrap();
    machine.accounts_with(&["add", "--api-key"], "ksk_simulated_key").failed(&["no list of accounts", "line 1"]);
    assert_eq!(fs::read_to_string(path).unwrap(), "[{\"refreshToken\":");
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn an_entry_that_cannot_be_used_is_told_without_a_word_of_it() {
    let machine = Machine::new(Config::default());
    machine.write_list(&json!([{ "auth": "Social", "refreshToken": refresh_token("a"), "label": "good" }]));
    let token = refresh_token("wrong");
    let list = json!([
        { "auth": "Social", "refreshToken": refresh_token("a"), "label": "good" },
        { "auth": "Social", "refreshToken": token, "label": format!("my {token}") }
    ]);
    fs::write(machine.path("lists/accounts.json"), list.to_string()).unwrap();
    let table = machine.accounts(&["list"]).ok();
    assert!(table.contains("[1]: label: holds the token itself"), "{table}");
    let listed: Value = serde_json::from_str(&machine.accounts(&["list", "--json"]).ok()).unwrap();
    assert_eq!((&listed[1]["label"], &listed[0]["problem"]), (&json!("[1]"), &Value::Null));
    let said = machine.accounts(&["check", "1"]).failed(&["1 of 1 account cannot serve"]);
    assert!(said.out.contains("wrong entry: label: "), "{said:#?}");
    machine.accounts(&["remove", "1"]).ok();
}

#[test]
#[ignore = "needs the built program: cargo xtask test --only accounts"]
fn commands_that_run_side_by_side_lose_nothing() {
    let machine = Machine::new(Config::default());
    std::thread::scope(|scope| {
        for number in 0..6 {
            let machine = &machine;
            scope.spawn(move || {
                machine.accounts_with(&["add", "--api-key"], &format!("ksk_simulated_key_{number}")).ok();
            });
        }
    });
    assert_eq!(machine.list("accounts.json").len(), 6);
}
