//! What an operator asks: how the accounts are (`/stats/token-pool`), and whether the gateway can really serve
//! (`/health?deep=1`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::config::Config;
use kiro2api_tests::world::{Answer, Ask, Got, Instance, Operation, Outage, Patience, START, StoreKind, World, login};
use serde_json::{Value, json};

const SECOND: u64 = 1_000;
const KEYS: &str = r#"[{"key":"operator-key-1","label":"boss","scopes":["admin"]},
    {"key":"dashboard-key-2","label":"dashboard","scopes":["metrics"]},{"key":"client-key-3","label":"client"}]"#;

fn world(kind: StoreKind, labels: &[&str]) -> (World, Rc<Instance>) {
    let world = World::with_service(kind, Config { accounts: login::accounts(labels), ..Config::default() });
    let instance = instance(&world, labels);
    (world, instance)
}

fn instance(world: &World, labels: &[&str]) -> Rc<Instance> {
    world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(labels)), ("KIRO_CLIENT_TOKEN", KEYS)])
}

fn with(key: &str, path: &str) -> Ask {
    Ask::get(path).without_key().header("x-api-key", key)
}

fn stats(world: &World, instance: &Rc<Instance>) -> Value {
    ok(world.ask(instance, &with("operator-key-1", "/stats/token-pool")))
}

fn refreshed(world: &World, instance: &Rc<Instance>) -> Value {
    ok(world.ask(instance, &with("operator-key-1", "/stats/token-pool?refresh=1")))
}

fn deep(world: &World, instance: &Rc<Instance>) -> Got {
    world.ask(instance, &with("client-key-3", "/health?deep=1"))
}

fn ok(got: Got) -> Value {
    assert_eq!(got.status(), 200, "{}", got.text());
    got.json()
}

fn prompt(world: &World, instance: &Rc<Instance>) -> Got {
    let got = world.ask(instance, &Ask::prompt("hi", true).without_key().header("x-api-key", "client-key-3"));
    assert_eq!(got.said(), "ok", "{}", got.text());
    got
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_pool_is_told_in_full_and_addresses_to_administrators_alone() {
    let (world, instance) = world(StoreKind::Compare, &["one", "two"]);
    world.service.configure(|config| config.accounts[0].usage.overage = true);
    prompt(&world, &instance);
    let told = stats(&world, &instance);
    assert_eq!((&told["strategy"], &told["store"]), (&json!("optimal"), &json!({ "ok": true })));
    assert_eq!(told["totals"], json!({ "accounts": 2, "usable": 2, "remaining": 876.55 }));
    assert_eq!(told.get("refreshed"), None);
    let one = &told["accounts"][0];
    assert_eq!((&one["label"], &one["login"], &one["state"]), (&json!("one"), &json!("social"), &json!("ready")));
    let begun = START.rfc3339();
    assert_eq!(
        one["quota"],
        json!({ "remaining": 876.55, "used": 123.45, "limit": 1000.0, "overage": true, "plan": "KIRO PRO",
            "resets_at": "2027-01-01T00:00:00.000Z", "exhausted_at": null, "read_at": begun })
    );
    assert_eq!(one["requests"], json!({ "served": 1, "failed": 0 }));
    assert_eq!((&one["in_flight"], &one["priority"]), (&json!(0), &json!(0)));
    assert_eq!((&one["last_used"], &one["email"]), (&json!(begun), &json!("user@example.com")));
    assert_eq!(one["cache"], json!({ "answers": 0, "tokens": 0 }));
    assert_eq!(told["accounts"][1]["quota"], Value::Null, "never used, never asked");
    for key in ["dashboard-key-2", "client-key-3"] {
        let told = ok(world.ask(&instance, &with(key, "/v1/stats/token-pool")));
        assert!(!told.to_string().contains("user@example.com") && !names(&told["accounts"][0]).contains(&"email"));
        assert_eq!(told["totals"], json!({ "accounts": 2, "usable": 2, "remaining": 876.55 }));
    }
    assert_eq!(world.service.count(Operation::Usage), 1, "nothing is asked for it");
}

#[test]
fn an_instance_that_has_served_nothing_tells_what_others_have_stored() {
    let (world, first) = world(StoreKind::Compare, &["one"]);
    prompt(&world, &first);
    let second = instance(&world, &["one"]);
    let told = stats(&world, &second);
    assert_eq!(told["accounts"][0]["quota"]["remaining"], 876.55);
    assert_eq!(told["accounts"][0]["state"], "ready");
    let until = START + Millis::mins(5);
    world.store.add_outage(Outage { from: START, until, hangs: false });
    let third = instance(&world, &["one"]);
    let told = stats(&world, &third);
    assert_eq!(told["store"]["ok"], false);
    assert!(told["store"]["error"].as_str().unwrap().contains("outage"));
}

#[test]
fn heads_other_methods_origins_and_missing_keys_are_answered_as_elsewhere() {
    let (world, instance) = world(StoreKind::Plain, &["one"]);
    let ask = |method: &str| Ask::new(method, "/stats/token-pool").without_key().header("x-api-key", "operator-key-1");
    assert_eq!(world.ask(&instance, &ask("HEAD")).status(), 200);
    let got = world.ask(&instance, &ask("POST"));
    assert_eq!((got.status(), got.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    let preflight = Ask::new("OPTIONS", "/stats/token-pool").without_key().header("origin", "https://a.example");
    assert_eq!(world.ask(&instance, &preflight).status(), 204);
    let got = world.ask(&instance, &ask("GET").header("origin", "https://a.example"));
    assert_eq!(got.header("access-control-allow-origin"), Some("*"));
    let got = world.ask(&instance, &Ask::get("/stats/token-pool").without_key());
    assert_eq!((got.status(), got.error_type().as_str()), (401, "authentication_error"));
    let got = world.ask(&instance, &with("client-key-3", "/stats/token-pool?refresh=1"));
    assert_eq!((got.status(), got.error_type().as_str()), (403, "permission_error"));
    assert!(world.ask(&instance, &Ask::get("/").without_key()).text().contains("/stats/token-pool"));
    assert!(world.ask(&instance, &Ask::get("/nothing")).text().contains("/stats/token-pool"));
}

#[test]
fn an_administrator_has_every_usable_account_asked_with_new_tokens_saved_before_their_use() {
    for kind in [StoreKind::Compare, StoreKind::Plain, StoreKind::Kv { lag: 60_000 }] {
        let (world, instance) = world(kind, &["one", "two", "locked"]);
        world.service.for_account("locked", Operation::Usage, usize::MAX, Answer::refusal("suspended"));
        let got = world.ask(&instance, &with("operator-key-1", "/stats/token-pool?refresh=1"));
        assert_eq!(got.summary()["audit"], "refresh");
        assert_eq!((&got.summary()["key"], &got.summary()["route"]), (&json!("boss"), &json!("GET /stats/token-pool")));
        let told = ok(got);
        assert_eq!(told["refreshed"]["asked"], 2, "{told}");
        assert_eq!(told["refreshed"]["not_asked"][0]["label"], "locked");
        assert_eq!(told["accounts"][2]["state"], "suspended");
        assert_eq!(told["totals"], json!({ "accounts": 3, "usable": 2, "remaining": 1753.1 }));
        assert_eq!(told["accounts"][1]["email"], "user@example.com");
        assert_eq!(world.service.count(Operation::Social), 3);
        // Another instance lives on with what was saved.
        if kind == StoreKind::Compare {
            let other = self::instance(&world, &["one", "two", "locked"]);
            prompt(&world, &other);
            assert_eq!(world.service.count(Operation::Social), 3);
        }
    }
}

#[test]
fn two_administrators_at_once_ask_once() {
    let (world, instance) = world(StoreKind::Compare, &["one", "two"]);
    world.service.slow_down(Operation::Usage, 500);
    let ask = with("operator-key-1", "/stats/token-pool?refresh=1");
    let all: Vec<_> = (0..5).map(|_| world.begin(&instance, &ask, Patience::default())).collect();
    world.run();
    for pending in &all {
        assert_eq!(ok(pending.got())["refreshed"]["asked"], 2);
    }
    assert_eq!(world.service.count(Operation::Usage), 2);
    world.pass(11 * SECOND);
    refreshed(&world, &instance);
    assert_eq!(world.service.count(Operation::Usage), 4);
}

#[test]
fn asking_is_bounded_in_number_and_in_time() {
    let labels: Vec<String> = (0..25).map(|at| format!("account-{at}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let (many, instance) = world(StoreKind::Plain, &labels);
    let told = refreshed(&many, &instance);
    assert_eq!((&told["refreshed"]["asked"], told["accounts"].as_array().unwrap().len()), (&json!(20), 25));
    let unasked = told["refreshed"]["not_asked"].as_array().unwrap();
    assert_eq!(unasked.len(), 5);
    assert!(unasked[0]["error"].as_str().unwrap().contains("no more than 20"), "{unasked:?}");
    // A service that hangs costs 3 s an account, and 20 s in all.
    let (slow, instance) = world(StoreKind::Plain, &labels[..10]);
    slow.service.always(Operation::Usage, Answer::silence());
    let got = slow.ask(&instance, &with("operator-key-1", "/stats/token-pool?refresh=1"));
    assert_eq!((got.ended.unwrap() - START).0, 20 * SECOND);
    let told = ok(got);
    assert_eq!(told["refreshed"]["asked"], 0);
    let errors: Vec<&str> =
        told["refreshed"]["not_asked"].as_array().unwrap().iter().map(|one| one["error"].as_str().unwrap()).collect();
    assert_eq!(errors.iter().filter(|error| error.contains("no answer in time")).count(), 7, "{errors:?}");
    assert_eq!(errors.iter().filter(|error| error.contains("no time was left")).count(), 3, "{errors:?}");
}

#[test]
fn a_deep_check_renews_the_token_saves_it_and_asks_the_service_for_real() {
    for kind in [StoreKind::Compare, StoreKind::Plain] {
        let (world, instance) = world(kind, &["one"]);
        let told = ok(deep(&world, &instance));
        assert_eq!((&told["status"], &told["store"]), (&json!("ok"), &json!("ok")));
        assert_eq!(told["checked"], json!({ "label": "one", "ok": true, "remaining": 876.55 }));
        assert_eq!(told["accounts"].as_array().unwrap().len(), 1);
        let sent = world.service.sent();
        let kinds: Vec<_> = sent.iter().map(|sent| sent.operation).collect();
        assert_eq!(kinds, [Operation::Social, Operation::Usage]);
        assert!(world.store.count("save") >= 1, "a rotated token is kept");
        // The answer is not the last word of a stream: no look follows it.
        prompt(&world, &instance);
        assert_eq!(world.service.count(Operation::Social), 1);
    }
}

#[test]
fn many_deep_checks_make_one_and_a_young_one_is_told_again() {
    let (world, instance) = world(StoreKind::Compare, &["one"]);
    world.service.slow_down(Operation::Usage, 1_000);
    let ask = with("client-key-3", "/health?deep=1");
    let all: Vec<_> = (0..40).map(|_| world.begin(&instance, &ask, Patience::default())).collect();
    world.run();
    for pending in &all {
        assert_eq!(ok(pending.got())["checked"]["remaining"], 876.55);
    }
    assert_eq!((world.service.count(Operation::Usage), world.service.count(Operation::Social)), (1, 1));
    world.pass(8 * SECOND);
    ok(deep(&world, &instance));
    assert_eq!(world.service.count(Operation::Usage), 1);
    world.pass(3 * SECOND);
    ok(deep(&world, &instance));
    assert_eq!(world.service.count(Operation::Usage), 2);
}

#[test]
fn a_deep_check_says_what_is_wrong() {
    // The service locks the only account.
    let (locked, instance) = world(StoreKind::Compare, &["one"]);
    locked.service.always(Operation::Usage, Answer::refusal("suspended"));
    let got = deep(&locked, &instance);
    let told = got.json();
    assert_eq!((got.status(), &told["status"], &told["checked"]["ok"]), (503, &json!("degraded"), &json!(false)));
    assert!(told["checked"]["error"].as_str().unwrap().contains("SUSPENDED"), "{told}");
    assert_eq!(told["accounts"][0]["state"], "suspended");
    // The login is over.
    let (dead, instance) = world(StoreKind::Compare, &["one"]);
    dead.service.always(Operation::Social, Answer::refusal("stale-401"));
    let got = deep(&dead, &instance);
    assert_eq!(got.status(), 503, "{}", got.text());
    assert_eq!(got.json()["checked"]["ok"], false);
    // A token that the service refuses is renewed once.
    let (stale, instance) = world(StoreKind::Compare, &["one"]);
    prompt(&stale, &instance);
    stale.pass(20 * SECOND);
    stale.service.expire_tokens();
    assert_eq!(ok(deep(&stale, &instance))["checked"]["ok"], true);
    assert_eq!(stale.service.count(Operation::Social), 2);
    // The store is out of reach.
    let (lost, instance) = world(StoreKind::Compare, &["one"]);
    lost.store.add_outage(Outage { from: START, until: START + Millis::mins(5), hangs: false });
    let told = ok(deep(&lost, &instance));
    assert_eq!((&told["status"], &told["checked"]["ok"]), (&json!("degraded"), &json!(true)));
    assert_ne!(told["store"], "ok");
}

#[test]
fn a_deep_check_finds_the_profile_of_a_login_that_has_none() {
    let world = World::default();
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::idc())]);
    let told = ok(world.ask(&instance, &Ask::get("/health?deep=1")));
    assert_eq!(told["checked"], json!({ "label": "demo-idc", "ok": true, "remaining": 876.55 }));
    assert!(world.service.count(Operation::Profiles) >= 1);
    // A key needs neither.
    let world = World::default();
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::key())]);
    let told = ok(world.ask(&instance, &Ask::get("/health?deep=1")));
    assert_eq!(told["checked"], json!({ "label": "demo-key", "ok": true, "remaining": 876.55 }));
    assert_eq!(world.service.sent().len(), 1);
}

#[test]
fn a_deep_check_is_over_in_ten_seconds_and_loses_no_token() {
    // The service hangs.
    let (hanging, instance) = world(StoreKind::Compare, &["one"]);
    hanging.service.always(Operation::Usage, Answer::silence());
    let got = deep(&hanging, &instance);
    assert_eq!((got.ended.unwrap() - START).0, 3 * SECOND);
    assert_eq!(got.json()["checked"]["error"], "no answer in time");
    // The store hangs, then the login endpoint: the client is told, and the token is saved all the same.
    let (slow, instance) = world(StoreKind::Plain, &["one"]);
    slow.store.add_outage(Outage { from: START, until: START + Millis::secs(4), hangs: true });
    slow.service.slow_down(Operation::Social, 8 * SECOND);
    let got = deep(&slow, &instance);
    assert_eq!((got.writes[0].at - START).0, 10 * SECOND);
    assert_eq!(got.closed, Some(got.writes[0].at));
    assert_eq!(got.json()["checked"]["ok"], false);
    assert_eq!((got.ended.unwrap() - START).0, 12 * SECOND);
    assert_eq!(slow.store.count("save"), 1, "what the service rotated is kept");
    slow.service.forget_rules();
    prompt(&slow, &instance);
    assert_eq!(slow.service.count(Operation::Social), 1);
    // The store hangs when there is something to save: that is tried once more when the client has been told.
    let (stuck, instance) = world(StoreKind::Plain, &["one"]);
    stuck.service.slow_down(Operation::Social, 8 * SECOND);
    let until = START + Millis::secs(12);
    stuck.store.add_outage(Outage { from: START + Millis::secs(6), until, hangs: true });
    let got = deep(&stuck, &instance);
    assert_eq!((got.closed, got.ended), (Some(START + Millis::secs(10)), Some(until)));
    assert_eq!(stuck.store.keys(), ["pool"]);
    // A client that leaves takes nothing with it either.
    let (left, instance) = world(StoreKind::Plain, &["one"]);
    left.service.slow_down(Operation::Social, 5 * SECOND);
    let leaving = Patience { until: Some(START + Millis::secs(1)), tells: true, ..Patience::default() };
    left.ask_patiently(&instance, &with("client-key-3", "/health?deep=1"), leaving);
    assert_eq!((left.service.count(Operation::Social), left.service.count(Operation::Usage)), (1, 0));
    assert_eq!(left.store.count("save"), 1);
    assert_eq!(ok(deep(&left, &instance))["checked"]["ok"], true, "nobody waits for the one that left");
    // The platform's end is nearer than any of it.
    let (short, instance) = world(StoreKind::Plain, &["one"]);
    short.service.slow_down(Operation::Usage, 60 * SECOND);
    let got = short.ask(&instance, &with("client-key-3", "/health?deep=1").ends_after(6 * SECOND));
    assert_eq!((got.ended.unwrap() - START).0, SECOND);
}

#[test]
fn a_login_that_fails_is_not_hammered_for_an_account_that_rests_for_its_quota() {
    for (fault, state) in [("unavailable", "refresh-failing"), ("stale-401", "needs-login")] {
        let (world, instance) = world(StoreKind::Compare, &["one"]);
        prompt(&world, &instance);
        world.service.always(Operation::Chat, Answer::refusal("monthly"));
        world.service.always(Operation::Usage, Answer::refusal("unavailable"));
        let refused = world.ask(&instance, &Ask::prompt("hi", true).without_key().header("x-api-key", "client-key-3"));
        assert_eq!(refused.status(), 429, "{}", refused.text());
        // The token ends, and the login endpoint refuses to give another one.
        world.pass(3 * 3_600 * SECOND);
        world.service.always(Operation::Social, Answer::refusal(fault));
        let logins = world.service.count(Operation::Social);
        let begun = world.clock.now();
        let got = deep(&world, &instance);
        assert!((got.ended.unwrap() - begun).0 < 5 * SECOND, "{fault}: {} ms", (got.ended.unwrap() - begun).0);
        assert!(got.json()["checked"]["error"].as_str().unwrap_or_default().contains(state), "{fault}: {}", got.text());
        assert!(world.service.count(Operation::Social) - logins <= 2, "{}", world.service.count(Operation::Social));
        let begun = world.clock.now();
        let got = world.ask(&instance, &with("operator-key-1", "/stats/token-pool?refresh=1"));
        assert!((got.ended.unwrap() - begun).0 < 5 * SECOND, "{fault}: {}", got.text());
        assert!(world.service.count(Operation::Social) - logins <= 2, "{}", world.service.count(Operation::Social));
    }
}

#[test]
fn a_quota_that_refuses_a_bearer_which_serves_parks_no_account() {
    for account in [login::key(), login::idc()] {
        let world = World::default();
        let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &account)]);
        world.service.always(Operation::Usage, Answer::refusal("bearer"));
        for _ in 0..5 {
            assert_eq!(world.ask(&instance, &Ask::get("/health?deep=1")).json()["checked"]["ok"], false);
            world.pass(20 * SECOND);
        }
        let got = world.ask(&instance, &Ask::prompt("hi", true));
        assert_eq!(got.said(), "ok", "{}", got.text());
    }
}
