//! Kept responses: continued, shown and removed, by the client key that made them alone, for as long as they live.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::world::{Answer, Ask, Got, Instance, Operation, Outage, Patience, StoreKind, World};
use serde_json::{Value, json};

const LAG: u64 = 60_000;
const KINDS: [StoreKind; 3] = [StoreKind::Plain, StoreKind::Compare, StoreKind::Kv { lag: LAG }];
const DAY: u64 = 24 * 60 * 60 * 1000;

fn request(input: &str, previous: Option<&str>, stream: bool) -> Ask {
    let mut body = json!({"model": "claude-sonnet-4-5", "input": input, "stream": stream});
    if let Some(id) = previous {
        body["previous_response_id"] = id.into();
    }
    Ask::post("/v1/responses", body.to_string())
}

fn path(id: &str) -> String {
    format!("/v1/responses/{id}")
}

/// The response object of a body, or of a stream's last event.
fn response(got: &Got, stream: bool) -> Value {
    assert_eq!(got.status(), 200, "{}", got.text());
    if !stream {
        return got.json();
    }
    let last = got.events().pop().expect("a stream has events");
    assert!(matches!(last.name.as_str(), "response.completed" | "response.incomplete"), "{}", got.text());
    last.data["response"].clone()
}

fn id(response: &Value) -> String {
    response["id"].as_str().unwrap().to_owned()
}

/// A world whose service says `words`, one after another.
fn world(kind: StoreKind, words: &[&str]) -> World {
    let world = World::new(kind);
    for word in words {
        world.service.next(Operation::Chat, Answer::script(&format!("text \"{word}\"")));
    }
    world
}

/// The keys of what is kept of responses.
fn records(world: &World) -> Vec<String> {
    world.store.keys().into_iter().filter(|key| key.starts_with("response/")).collect()
}

/// A response that is kept and can be seen.
fn kept(world: &World, instance: &Rc<Instance>, input: &str, previous: Option<&str>, stream: bool) -> Value {
    let got = world.ask(instance, &request(input, previous, stream));
    let response = response(&got, stream);
    assert_eq!(response["store"], true, "{}", got.text());
    assert_eq!(got.summary()["kept"], true, "{}", got.summary());
    world.pass(LAG);
    response
}

fn refused(got: &Got, status: u16, code: &str, param: Option<&str>) {
    let error = &got.json()["error"];
    assert_eq!((got.status(), error["code"].as_str()), (status, Some(code)), "{}", got.text());
    assert_eq!(error["param"].as_str(), param, "{}", got.text());
}

fn lost(world: &World, instance: &Rc<Instance>, id: &str) {
    let got = world.ask(instance, &request("and?", Some(id), false));
    refused(&got, 400, "previous_response_not_found", Some("previous_response_id"));
    assert!(got.error_text().contains("whole conversation"), "{}", got.text());
    for ask in [Ask::get(&path(id)), Ask::get(&format!("{}/input_items", path(id))), Ask::new("DELETE", &path(id))] {
        refused(&world.ask(instance, &ask), 404, "not_found", None);
    }
}

#[test]
fn a_response_is_continued_shown_listed_and_removed() {
    for kind in KINDS {
        for stream in [false, true] {
            let world = world(kind, &["first answer", "second answer"]);
            let instance = world.instance();
            let first = kept(&world, &instance, "first question", None, stream);
            let second = kept(&world, &instance, "second question", Some(&id(&first)), stream);
            assert_eq!(second["previous_response_id"], first["id"], "{kind:?} {stream}");

            let sent = world.service.sent_of(Operation::Chat);
            let body = String::from_utf8(sent[1].body.clone()).unwrap();
            for text in ["first question", "first answer", "second question"] {
                assert!(body.contains(text), "{kind:?} {stream}: no {text} in {body}");
            }
            let conversation = |at: usize| sent[at].json()["conversationState"]["conversationId"].clone();
            assert_eq!(conversation(0), conversation(1), "{kind:?} {stream}");

            let shown = world.ask(&instance, &Ask::get(&path(&id(&second))));
            assert_eq!(shown.json(), second, "{kind:?} {stream}");
            let items = world.ask(&instance, &Ask::get(&format!("{}/input_items?order=asc", path(&id(&second)))));
            let text = items.text();
            assert!(text.contains("second question") && !text.contains("second answer"), "{text}");

            let gone = world.ask(&instance, &Ask::new("DELETE", &path(&id(&second))));
            assert_eq!(gone.json(), json!({"id": second["id"], "object": "response", "deleted": true}));
            world.pass(LAG);
            lost(&world, &instance, &id(&second));
            assert_eq!(world.ask(&instance, &Ask::get(&path(&id(&first)))).json(), first, "{kind:?} {stream}");
        }
    }
}

#[test]
fn another_instance_continues_and_input_tokens_counts_the_whole_conversation() {
    let world = world(StoreKind::Compare, &["a rather long first answer, word after word after word", "ok"]);
    let first = kept(&world, &world.instance(), "first question", None, true);
    let other = world.instance();
    kept(&world, &other, "second question", Some(&id(&first)), false);
    let count = |body: Value| {
        let got = world.ask(&other, &Ask::post("/v1/responses/input_tokens", body.to_string()));
        assert_eq!(got.json()["object"], "response.input_tokens", "{}", got.text());
        got.json()["input_tokens"].as_u64().unwrap()
    };
    let alone = count(json!({"model": "claude-sonnet-4-5", "input": "hi"}));
    let whole = count(json!({"model": "claude-sonnet-4-5", "input": "hi", "previous_response_id": first["id"]}));
    assert!(alone > 0 && whole > alone + 5, "{alone} {whole}");
    let got = world.ask(
        &other,
        &Ask::post(
            "/v1/responses/input_tokens",
            json!({"model": "claude-sonnet-4-5", "input": "hi", "previous_response_id": "resp_none"}).to_string(),
        ),
    );
    refused(&got, 400, "previous_response_not_found", Some("previous_response_id"));
}

#[test]
fn a_session_that_was_named_once_names_the_conversation_ever_after() {
    let world = world(StoreKind::Compare, &["ok", "ok", "ok"]);
    let instance = world.instance();
    let mut body = json!({"model": "claude-sonnet-4-5", "input": "hi", "prompt_cache_key": "thread-7"});
    let mut last = world.ask(&instance, &Ask::post("/v1/responses", body.to_string())).json();
    for _ in 0..2 {
        body = json!({"model": "claude-sonnet-4-5", "input": "and?", "previous_response_id": last["id"],
            "instructions": last["id"]});
        last = world.ask(&instance, &Ask::post("/v1/responses", body.to_string())).json();
    }
    let sent = world.service.sent_of(Operation::Chat);
    let ids: Vec<Value> = sent.iter().map(|sent| sent.json()["conversationState"]["conversationId"].clone()).collect();
    assert!(ids.iter().all(|id| id.is_string() && *id == ids[0]), "{ids:?}");
}

#[test]
fn another_client_key_sees_nothing() {
    let world = world(StoreKind::Compare, &["ok"]);
    let keys = format!("{},another-client-key-91kd", kiro2api_tests::world::CLIENT_KEY);
    let social = kiro2api_tests::world::login::social();
    let instance = world.instance_with(&[("KIRO_CLIENT_TOKEN", &keys), ("KIRO_AUTH_TOKEN", &social)]);
    let first = kept(&world, &instance, "hi", None, false);
    let foreign = |ask: Ask| ask.without_key().header("authorization", "Bearer another-client-key-91kd");
    let got = world.ask(&instance, &foreign(request("and?", Some(&id(&first)), false)));
    refused(&got, 400, "previous_response_not_found", Some("previous_response_id"));
    for method in ["GET", "DELETE"] {
        refused(&world.ask(&instance, &foreign(Ask::new(method, &path(&id(&first))))), 404, "not_found", None);
    }
    assert_eq!(world.ask(&instance, &Ask::get(&path(&id(&first)))).status(), 200);
    assert_eq!(world.ask(&instance, &Ask::get(&path(&id(&first))).without_key()).status(), 401);
}

#[test]
fn a_response_lives_as_long_as_it_is_told_to() {
    for kind in KINDS {
        for (hours, life) in [("", DAY), ("0.5", 30 * 60 * 1000)] {
            let world = world(kind, &["ok"]);
            let social = kiro2api_tests::world::login::social();
            let instance = world.instance_with(&[("RESPONSES_TTL_HOURS", hours), ("KIRO_AUTH_TOKEN", &social)]);
            let first = kept(&world, &instance, "hi", None, false);
            world.pass(life - LAG - 10_000);
            assert_eq!(world.ask(&instance, &Ask::get(&path(&id(&first)))).status(), 200, "{kind:?}");
            // The store may still show it; it has expired all the same.
            world.pass(10_000);
            lost(&world, &instance, &id(&first));
        }
    }
}

#[test]
fn a_store_out_of_reach_loses_no_history_in_silence() {
    for hangs in [false, true] {
        let world = world(StoreKind::Compare, &["ok"]);
        let instance = world.instance();
        let first = kept(&world, &instance, "hi", None, false);
        let sent = world.service.count(Operation::Chat);
        let now = world.clock.now();
        world.store.add_outage(Outage { from: now, until: now + Millis::secs(600), hangs });
        for ask in [
            request("and?", Some(&id(&first)), true),
            Ask::get(&path(&id(&first))),
            Ask::new("DELETE", &path(&id(&first))),
        ] {
            let got = world.ask(&instance, &ask);
            refused(&got, 503, "store_unreachable", None);
            assert!(got.log.iter().any(|line| line.contains("cannot be reached")), "{:?}", got.log);
        }
        assert_eq!(world.service.count(Operation::Chat), sent, "nothing is asked without the history");
    }
}

#[test]
fn an_answer_that_cannot_be_stored_is_told_as_such_and_is_an_answer() {
    for hangs in [false, true] {
        for stream in [false, true] {
            let world = world(StoreKind::Compare, &["warm", "ok"]);
            let instance = world.instance();
            kept(&world, &instance, "warm up", None, false);
            let now = world.clock.now();
            world.store.add_outage(Outage { from: now, until: now + Millis::secs(600), hangs });
            let got = world.ask(&instance, &request("hi", None, stream));
            let response = response(&got, stream);
            assert_eq!(response["store"], false, "{}", got.text());
            assert_eq!(response["status"], "completed");
            assert!(response.to_string().contains("ok"), "{response}");
            assert_eq!(got.header("x-kiro2api-ignored"), (!stream).then_some("store"));
            assert_eq!(got.summary()["kept"], false);
            assert!(got.log.iter().any(|line| line.contains("is not kept")), "{:?}", got.log);
        }
    }
}

#[test]
fn an_id_that_is_taken_is_not_overwritten_where_the_store_compares() {
    let world = world(StoreKind::Compare, &["one", "two"]);
    let social = kiro2api_tests::world::login::social();
    let instance = world.frozen_instance(&[("KIRO_AUTH_TOKEN", &social)]);
    let first = response(&world.ask(&instance, &request("hi", None, true)), true);
    let second = response(&world.ask(&instance, &request("hi", None, true)), true);
    assert_eq!((&first["id"], &first["store"], &second["store"]), (&second["id"], &json!(true), &json!(false)));
    assert_eq!(world.ask(&instance, &Ask::get(&path(&id(&first)))).json(), first);
}

#[test]
fn a_conversation_too_large_to_keep_is_answered_and_told() {
    for stream in [false, true] {
        let world = world(StoreKind::Compare, &["ok"]);
        let instance = world.instance();
        // The service would refuse so much; here it is what has to be kept that counts.
        world.tolerate_violations();
        let got = world.ask(&instance, &request(&"word ".repeat(500_000), None, stream));
        let response = response(&got, stream);
        assert_eq!(response["store"], false);
        assert!(instance.log().iter().any(|line| line.contains("is not kept")), "{:?}", instance.log());
        assert!(records(&world).is_empty(), "{:?}", world.store.keys());
    }
}

#[test]
fn nothing_is_kept_that_is_not_wanted_or_where_keeping_is_off() {
    let world = world(StoreKind::Compare, &["ok", "ok", "ok"]);
    let social = kiro2api_tests::world::login::social();
    let on = world.instance();
    let unwanted = json!({"model": "claude-sonnet-4-5", "input": "hi", "store": false}).to_string();
    let got = world.ask(&on, &Ask::post("/v1/responses", unwanted));
    assert_eq!(got.json()["store"], false);
    assert_eq!(got.summary().get("kept"), None);
    lost(&world, &on, &id(&got.json()));

    let first = kept(&world, &on, "hi", None, false);
    let off = world.instance_with(&[("RESPONSES_STORE", "off"), ("KIRO_AUTH_TOKEN", &social)]);
    let got = world.ask(&off, &request("hi", None, false));
    assert_eq!((got.status(), &got.json()["store"]), (200, &json!(false)), "{}", got.text());
    for ask in [
        request("and?", Some(&id(&first)), false),
        Ask::get(&path(&id(&first))),
        Ask::get(&format!("{}/input_items", path(&id(&first)))),
        Ask::new("DELETE", &path(&id(&first))),
    ] {
        let got = world.ask(&off, &ask);
        assert_eq!(got.status(), 400, "{}", got.text());
        assert!(got.error_text().contains("kept") || got.error_text().contains("keeps"), "{}", got.text());
    }
    assert_eq!(records(&world).len(), 1, "{:?}", world.store.keys());
}

#[test]
fn a_client_that_leaves_once_the_answer_is_complete_finds_it_later() {
    let whole = {
        let world = world(StoreKind::Compare, &["ok"]);
        let social = kiro2api_tests::world::login::social();
        let instance = world.frozen_instance(&[("KIRO_AUTH_TOKEN", &social)]);
        world.ask(&instance, &request("hi", None, true))
    };
    let last = whole.text().rfind("event: response.completed").unwrap();
    let id = id(&response(&whole, true));
    for bytes in [last, last + 20, whole.body.len() - 1] {
        let world = world(StoreKind::Compare, &["ok"]);
        let social = kiro2api_tests::world::login::social();
        let instance = world.frozen_instance(&[("KIRO_AUTH_TOKEN", &social)]);
        let leaving = Patience { bytes: Some(bytes), ..Patience::default() };
        let got = world.ask_patiently(&instance, &request("hi", None, true), leaving);
        assert!(got.gone);
        assert_eq!(got.summary()["kept"], true, "{bytes}: {}", got.summary());
        assert_eq!(world.ask(&instance, &Ask::get(&path(&id))).status(), 200, "{bytes}");
    }
    // Before that there is no answer to keep.
    for bytes in [0, 10, last / 2] {
        let world = world(StoreKind::Compare, &["ok"]);
        let social = kiro2api_tests::world::login::social();
        let instance = world.frozen_instance(&[("KIRO_AUTH_TOKEN", &social)]);
        let leaving = Patience { bytes: Some(bytes), ..Patience::default() };
        let got = world.ask_patiently(&instance, &request("hi", None, true), leaving);
        assert!(got.gone);
        let there = world.ask(&instance, &Ask::get(&path(&id))).status();
        assert_eq!(there == 200, got.summary()["kept"] == true, "{bytes}: {}", got.summary());
    }
}

#[test]
fn the_last_event_waits_for_the_store_and_nothing_else_does() {
    let world = world(StoreKind::Compare, &["warm", "ok"]);
    let instance = world.instance();
    kept(&world, &instance, "warm up", None, false);
    world.store.set_latency(2_000);
    let got = world.ask(&instance, &request("hi", None, true));
    let end = got.text().find("event: response.completed").unwrap();
    let (last, before) = got.writes.split_last().unwrap();
    assert_eq!(last.from, end, "{:?}", got.writes);
    assert!(before.iter().all(|write| (last.at - write.at).0 == 2_000), "{:?}", got.writes);
}

#[test]
fn a_broken_answer_is_not_kept() {
    let world = World::new(StoreKind::Compare);
    world.service.always(Operation::Chat, Answer::script("text \"half\"; corrupt message; text \"bad\""));
    let instance = world.instance();
    let got = world.ask(&instance, &request("hi", None, true));
    assert!(got.text().contains("response.failed"), "{}", got.text());
    assert_eq!(got.summary().get("kept"), None);
    assert!(records(&world).is_empty(), "{:?}", world.store.keys());
}

#[test]
fn what_no_key_opens_is_missing_and_logged() {
    let world = world(StoreKind::Compare, &["ok"]);
    let social = kiro2api_tests::world::login::social();
    let with = |key: &str| world.instance_with(&[("TOKEN_STORE_KEY", key), ("KIRO_AUTH_TOKEN", &social)]);
    let first = kept(&world, &with("the-first-store-key-01"), "hi", None, false);
    let second = with("a-second-store-key-02,the-first-store-key-01");
    assert_eq!(world.ask(&second, &Ask::get(&path(&id(&first)))).status(), 200);
    let third = with("a-third-store-key-003");
    lost(&world, &third, &id(&first));
    assert!(third.log().iter().any(|line| line.contains("no key opens the kept response")), "{:?}", third.log());
    // A record at another's place opens no more.
    let keys = world.store.keys();
    let key = keys.iter().find(|key| key.starts_with("response/")).unwrap();
    let value = world.store.newest(key).unwrap();
    world.store.put(&key.replace(&id(&first), "resp_moved"), &value);
    lost(&world, &second, "resp_moved");
}

#[test]
fn one_response_is_continued_twice_at_the_same_time() {
    let world = world(StoreKind::Compare, &["root", "left", "right"]);
    let instance = world.instance();
    let root = kept(&world, &instance, "hi", None, false);
    let pending: Vec<_> = ["go left", "go right"]
        .map(|text| world.begin(&instance, &request(text, Some(&id(&root)), true), Patience::default()))
        .into();
    world.run();
    let answers: Vec<Value> = pending.iter().map(|pending| response(&pending.got(), true)).collect();
    assert_ne!(answers[0]["id"], answers[1]["id"]);
    for answer in &answers {
        assert_eq!(answer["previous_response_id"], root["id"]);
        assert_eq!(world.ask(&instance, &Ask::get(&path(&id(answer)))).json(), *answer);
    }
}

#[test]
fn the_store_holds_no_word_of_a_conversation_and_no_key() {
    let world = world(StoreKind::Compare, &["a very private answer"]);
    let instance = world.instance();
    kept(&world, &instance, "a very private question", None, false);
    for entry in world.store.journal() {
        let text = format!("{} {}", entry.key, String::from_utf8_lossy(&entry.value.unwrap_or_default()));
        assert!(!text.contains("private") && !text.contains(kiro2api_tests::world::CLIENT_KEY), "{text}");
    }
    let key = world.store.keys().into_iter().find(|key| key.starts_with("response/")).unwrap();
    assert!(key.len() < 128, "{key}");
}

#[test]
fn paths_and_ids_that_cannot_be_are_told() {
    let world = World::new(StoreKind::Compare);
    let instance = world.instance();
    for id in ["none", "%2e%2e%2fpool", "..", "resp_%00", &"x".repeat(500)] {
        refused(&world.ask(&instance, &Ask::get(&path(id))), 404, "not_found", None);
    }
    assert_eq!(world.store.count("load"), 1, "only an id that can be is looked for");
    for (method, path, status) in [
        ("POST", "/v1/responses/resp_1", 405),
        ("PUT", "/v1/responses/resp_1/input_items", 405),
        ("GET", "/v1/responses", 405),
        ("POST", "/v1/responses/resp_1/cancel", 400),
        ("GET", "/v1/responses/resp_1?stream=true", 400),
    ] {
        let got = world.ask(&instance, &Ask::new(method, path));
        assert_eq!(got.status(), status, "{method} {path}: {}", got.text());
        assert_eq!(got.header("allow").is_some(), status == 405, "{method} {path}");
        assert!(got.json()["error"]["message"].is_string(), "{method} {path}: {}", got.text());
    }
    let got = world.ask(&instance, &Ask::get("/v1/responses/resp_1?stream=true"));
    assert_eq!(got.json()["error"]["param"], "stream");
}
