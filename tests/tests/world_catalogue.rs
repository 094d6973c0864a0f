//! The service's own list of models: asked for after answers, shared through the store, laid over the built-in ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::catalogue::{Model, models};
use kiro2api_tests::config::Config;
use kiro2api_tests::world::{Answer, Ask, Got, Instance, Operation, Outage, START, StoreKind, World, login};
use serde_json::{Value, json};

const KINDS: [StoreKind; 2] = [StoreKind::Compare, StoreKind::Kv { lag: 0 }];
const HOUR: u64 = 3_600_000;

fn ask(model: &str) -> Ask {
    Ask::messages(
        json!({"model": model, "max_tokens": 2000, "messages": [{"role": "user", "content": "hi"}]}).to_string(),
    )
}

/// A request for thought.
fn thinking(model: &str, effort: &str) -> Ask {
    let body = json!({"model": model, "max_tokens": 2000, "thinking": {"type": "adaptive"},
        "output_config": {"effort": effort}, "messages": [{"role": "user", "content": "hi"}]});
    Ask::messages(body.to_string())
}

fn served(world: &World, instance: &Rc<Instance>, ask: &Ask) -> Got {
    let got = world.ask(instance, ask);
    assert_eq!(got.status(), 200, "{}", got.text());
    got
}

fn ids(world: &World, instance: &Rc<Instance>) -> Vec<String> {
    let body = served(world, instance, &Ask::get("/v1/models")).json();
    body["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

fn only(names: &[&str]) -> Vec<Model> {
    models().into_iter().filter(|model| names.contains(&model.id.as_str())).collect()
}

/// A model that no version of the gateway knows.
fn unheard() -> Model {
    Model { id: "claude-opus-9.1".to_owned(), ..only(&["claude-opus-5"]).remove(0) }
}

/// A world whose service has these models beside the usual ones, and an instance.
fn world_with(kind: StoreKind, more: Vec<Model>) -> (World, Rc<Instance>) {
    let mut config = Config { accounts: login::accounts(&["one"]), ..Config::default() };
    config.models.extend(more);
    let world = World::with_service(kind, config);
    let instance = another(&world);
    (world, instance)
}

fn another(world: &World) -> Rc<Instance> {
    world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["one"]))])
}

fn writes(world: &World) -> usize {
    world.store.journal().iter().filter(|entry| entry.key == "models" && entry.what == "save").count()
}

fn reads(world: &World) -> usize {
    world.store.journal().iter().filter(|entry| entry.key == "models" && entry.what == "load").count()
}

/// What the latest chat said beside its conversation.
fn fields(world: &World) -> Value {
    world.service.sent_of(Operation::Chat).last().unwrap().json()["additionalModelRequestFields"].take()
}

#[test]
fn a_list_is_asked_for_once_an_hour_and_written_when_it_says_something_else() {
    for kind in KINDS {
        let (world, instance) = world_with(kind, vec![]);
        for hour in 0..10_u64 {
            for _ in 0..3 {
                served(&world, &instance, &ask("claude-sonnet-4-5"));
                world.pass(60_000);
            }
            assert_eq!(world.service.count(Operation::Models) as u64, hour + 1, "{kind:?}");
            assert_eq!(writes(&world), 1, "{kind:?}: the same list is no write");
            world.pass(HOUR);
        }
        world.service.configure(|config| config.models.push(unheard()));
        served(&world, &instance, &ask("claude-sonnet-4-5"));
        assert_eq!(writes(&world), 2, "{kind:?}");
        world.pass(12 * HOUR);
        served(&world, &instance, &ask("claude-sonnet-4-5"));
        assert_eq!(writes(&world), 3, "{kind:?}: others are told that it is still so");
        let sent = world.service.sent_of(Operation::Models).remove(0);
        assert!(sent.json()["profileArn"].as_str().unwrap().starts_with("arn:"), "{}", sent.json());
    }
}

#[test]
fn a_known_model_is_served_without_a_step_for_the_lists_before_its_answer() {
    let (world, instance) = world_with(StoreKind::Compare, vec![]);
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    let steps: Vec<String> = instance.take_steps().into_iter().map(|(_, word)| word).collect();
    let at = |word: &str| steps.iter().position(|step| step == word).unwrap_or_else(|| panic!("{word}: {steps:?}"));
    assert!(at("chat one 200") < at("load models"), "{steps:?}");
    assert!(at("load models") < at("models one 200") && at("models one 200") < at("save models"), "{steps:?}");
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    let steps: Vec<String> = instance.take_steps().into_iter().map(|(_, word)| word).collect();
    assert_eq!(steps, ["chat one 200"]);
}

#[test]
fn a_list_that_one_instance_has_found_serves_another_one() {
    for kind in KINDS {
        let (world, first) = world_with(kind, vec![unheard()]);
        assert!(!ids(&world, &first).contains(&"claude-opus-9-1".to_owned()), "{kind:?}: nobody knows the list");
        served(&world, &first, &ask("claude-sonnet-4-5"));
        assert!(ids(&world, &first).contains(&"claude-opus-9-1".to_owned()), "{kind:?}");
        world.pass(60_000);
        let second = another(&world);
        let one = served(&world, &second, &Ask::get("/v1/models/claude-opus-9-1")).json();
        assert_eq!((&one["id"], &one["max_input_tokens"]), (&json!("claude-opus-9-1"), &json!(1_000_000)), "{kind:?}");
        let before = reads(&world);
        assert!(ids(&world, &second).contains(&"claude-opus-9-1".to_owned()), "{kind:?}");
        served(&world, &second, &ask("claude-opus-9.1"));
        assert_eq!((reads(&world), world.service.count(Operation::Models)), (before, 1), "{kind:?}");
    }
}

#[test]
fn a_model_of_the_list_is_served_in_every_dialect() {
    let (world, instance) = world_with(StoreKind::Compare, vec![unheard()]);
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    let chat = r#"{"model":"claude-opus-9-1","reasoning_effort":"xhigh","messages":[{"role":"user","content":"hi"}]}"#;
    let responses = r#"{"model":"claude-opus-9.1","reasoning":{"effort":"high"},"input":"hi"}"#;
    for (ask, effort) in [
        (thinking("claude-opus-9-1", "max"), "max"),
        (Ask::post("/v1/chat/completions", chat), "xhigh"),
        (Ask::post("/v1/responses", responses), "high"),
    ] {
        let got = served(&world, &instance, &ask);
        assert_eq!(got.summary()["upstream_model"], "claude-opus-9.1");
        assert_eq!(fields(&world)["output_config"]["effort"], effort);
    }
    let count = r#"{"model":"claude-opus-9-1","messages":[{"role":"user","content":"hi"}]}"#;
    served(&world, &instance, &Ask::post("/v1/messages/count_tokens", count));
}

#[test]
fn the_models_of_two_accounts_are_listed_together() {
    let config = Config { accounts: login::accounts(&["free", "paid"]), ..Config::default() };
    let world = World::with_service(StoreKind::Compare, config);
    let plan = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    world.service.configure(|config| {
        config.plans.insert("free".into(), plan(&["claude-haiku-4.5", "claude-sonnet-4.5"]));
        config.plans.insert("paid".into(), plan(&["claude-opus-5", "claude-sonnet-4.5"]));
    });
    let instance = |labels: &[&str]| world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(labels))]);
    // Both at once, so that the saves meet.
    let both = [instance(&["free"]), instance(&["paid"])];
    let pending: Vec<_> = both
        .iter()
        .map(|one| world.begin(one, &ask("claude-sonnet-4-5"), kiro2api_tests::world::Patience::default()))
        .collect();
    world.run();
    assert!(pending.iter().all(|pending| pending.got().status() == 200));
    let mut all = ids(&world, &instance(&["free", "paid"]));
    all.sort();
    assert_eq!(all, ["claude-haiku-4-5", "claude-opus-5", "claude-sonnet-4-5"]);
    let mut own = ids(&world, &instance(&["free"]));
    own.sort();
    assert_eq!(own, ["claude-haiku-4-5", "claude-sonnet-4-5"], "lists of others say nothing");
}

#[test]
fn a_model_that_one_plan_lacks_is_asked_of_the_account_that_is_offered_it() {
    let config = Config { accounts: login::accounts(&["free", "paid"]), ..Config::default() };
    let world = World::with_service(StoreKind::Compare, config);
    world.service.configure(|config| drop(config.plans.insert("free".into(), vec!["claude-sonnet-4.5".into()])));
    let variables =
        [("KIRO_AUTH_TOKEN", &*login::socials(&["free", "paid"])), ("TOKEN_SELECTION_STRATEGY", "sequential")];
    let instance = world.instance_with(&variables);
    world.tolerate_violations();
    let first = world.ask(&instance, &ask("claude-opus-5"));
    assert_eq!(first.status(), 404, "nobody knows yet who is offered it: {}", first.text());
    served(&world, &world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["paid"]))]), &ask("claude-sonnet-4-5"));
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    let got = served(&world, &instance, &ask("claude-opus-5"));
    assert_eq!((&got.summary()["account"], &got.summary()["attempts"]), (&json!("paid"), &json!(2)));
    world.service.configure(|config| drop(config.plans.insert("paid".into(), vec!["claude-sonnet-4.5".into()])));
    let got = world.ask(&instance, &ask("claude-opus-5"));
    assert_eq!((got.status(), got.error_type().as_str()), (404, "not_found_error"), "{}", got.text());
}

#[test]
fn a_model_that_is_not_in_the_list_is_not_listed_and_its_request_is_left_to_the_service() {
    let (world, instance) = world_with(StoreKind::Compare, vec![]);
    world.service.configure(|config| config.models = only(&["claude-haiku-4.5", "claude-sonnet-4.5", "auto"]));
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    assert_eq!(ids(&world, &instance), ["claude-sonnet-4-5", "claude-haiku-4-5", "auto"]);
    world.tolerate_violations();
    let got = world.ask(&instance, &ask("claude-opus-5"));
    assert_eq!((got.status(), got.error_type().as_str()), (404, "not_found_error"), "{}", got.text());
    assert_eq!(world.service.sent_of(Operation::Chat).last().unwrap().status, 400);
    world.service.configure(|config| config.models = models());
    served(&world, &instance, &ask("claude-opus-5"));
}

#[test]
fn the_operators_map_comes_over_the_list() {
    let config =
        Config { accounts: login::accounts(&["one"]), models: only(&["claude-sonnet-5"]), ..Config::default() };
    let world = World::with_service(StoreKind::Compare, config);
    let map = r#"{"mine":"sonnet","claude-sonnet-5":{"max_output_tokens":3000},"glm-5":{"context_window":5000}}"#;
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["one"])), ("MODEL_MAP", map)]);
    served(&world, &instance, &ask("mine"));
    assert_eq!(ids(&world, &instance), ["claude-sonnet-5", "glm-5", "mine"]);
    let one = served(&world, &instance, &Ask::get("/v1/models/mine")).json();
    assert_eq!((&one["max_tokens"], &one["max_input_tokens"]), (&json!(3000), &json!(1_000_000)));
}

#[test]
fn an_unknown_model_is_looked_for_in_the_store_once_a_minute() {
    for (path, body) in [
        ("/v1/messages", r#"{"model":"claude-opus-9-1","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#),
        ("/v1/messages/count_tokens", r#"{"model":"claude-opus-9-1","messages":[{"role":"user","content":"hi"}]}"#),
        ("/v1/chat/completions", r#"{"model":"claude-opus-9-1","messages":[{"role":"user","content":"hi"}]}"#),
        ("/v1/responses", r#"{"model":"claude-opus-9-1","input":"hi"}"#),
        ("/v1/responses/input_tokens", r#"{"model":"claude-opus-9-1","input":"hi"}"#),
    ] {
        let (world, first) = world_with(StoreKind::Compare, vec![]);
        let asked = Ask::post(path, body);
        assert_eq!(world.ask(&first, &asked).status(), 404, "{path}");
        let before = reads(&world);
        assert_eq!(world.ask(&first, &asked).status(), 404, "{path}");
        assert_eq!(reads(&world), before, "{path}: the store was read just now");
        world.service.configure(|config| config.models.push(unheard()));
        served(&world, &another(&world), &ask("claude-sonnet-4-5"));
        world.pass(60_000);
        let got = world.ask(&first, &asked);
        assert_eq!(got.status(), 200, "{path}: {}", got.text());
    }
}

#[test]
fn a_schema_that_changes_changes_what_is_sent() {
    let (world, instance) = world_with(StoreKind::Compare, vec![]);
    served(&world, &instance, &thinking("claude-opus-5", "max"));
    assert_eq!(fields(&world)["output_config"]["effort"], "max");
    let narrow = json!({"type": "object", "additionalProperties": false, "properties": {
        "output_config": {"type": "object", "properties": {"effort": {"enum": ["low", "medium"]}}},
        "max_tokens": {"type": "integer", "minimum": 4096}}});
    world.service.configure(|config| drop(config.schemas.insert("claude-opus-5".into(), narrow)));
    world.pass(HOUR);
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    served(&world, &instance, &thinking("claude-opus-5", "max"));
    assert_eq!(fields(&world), json!({"output_config": {"effort": "medium"}}));
    world.service.configure(|config| drop(config.schemas.insert("claude-opus-5".into(), json!(false))));
    world.pass(HOUR);
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    served(&world, &instance, &thinking("claude-opus-5", "max"));
    assert_eq!(fields(&world), Value::Null);
    let body = String::from_utf8(world.service.sent_of(Operation::Chat).pop().unwrap().body).unwrap();
    assert!(body.contains("<thinking_mode>enabled"), "a Claude without a schema is asked by tags");
}

/// The statuses of all chats since the last time.
fn statuses(world: &World, from: &mut usize) -> Vec<u16> {
    let sent = world.service.sent_of(Operation::Chat);
    let new = sent.iter().skip(*from).map(|sent| sent.status).collect();
    *from = sent.len();
    new
}

#[test]
fn a_field_that_was_refused_is_left_out_from_then_on_by_every_instance() {
    for kind in KINDS {
        let (world, first) = world_with(kind, vec![]);
        world.tolerate_violations();
        let refused = vec!["thinking".to_owned()];
        world.service.configure(|config| drop(config.refused_fields.insert("claude-opus-5".into(), refused)));
        let mut at = 0;
        served(&world, &first, &thinking("claude-opus-5", "high"));
        assert_eq!(statuses(&world, &mut at), [400, 200], "{kind:?}");
        assert_eq!(fields(&world), json!({"output_config": {"effort": "high"}, "max_tokens": 2000}), "{kind:?}");
        served(&world, &first, &thinking("claude-opus-5", "low"));
        assert_eq!(statuses(&world, &mut at), [200], "{kind:?}");
        served(&world, &first, &thinking("claude-opus-4-8", "low"));
        assert_eq!(fields(&world)["thinking"]["type"], "adaptive", "{kind:?}: another model has it");

        let second = another(&world);
        served(&world, &second, &ask("claude-sonnet-4-5"));
        at = world.service.count(Operation::Chat);
        served(&world, &second, &thinking("claude-opus-5", "low"));
        assert_eq!(statuses(&world, &mut at), [200], "{kind:?}: another instance has read it");

        world.pass(24 * HOUR);
        world.service.configure(|config| config.refused_fields.clear());
        served(&world, &first, &ask("claude-sonnet-4-5"));
        served(&world, &first, &thinking("claude-opus-5", "low"));
        assert_eq!(fields(&world)["thinking"]["type"], "adaptive", "{kind:?}: a day is over");
    }
}

#[test]
fn a_refusal_that_names_no_field_drops_them_all_and_one_that_does_not_help_is_not_remembered() {
    let (world, instance) = world_with(StoreKind::Compare, vec![]);
    let refusal = |message: &str| {
        let body = json!({"message": message, "reason": "REQUEST_BODY_INVALID"});
        Answer::json(400, &body)
    };
    world.service.next(Operation::Chat, refusal("Invalid additionalModelRequestFields."));
    served(&world, &instance, &thinking("claude-opus-5", "low"));
    assert_eq!(fields(&world), Value::Null);
    served(&world, &instance, &thinking("claude-opus-5", "low"));
    assert_eq!(fields(&world), Value::Null);

    world.service.always(Operation::Chat, refusal("Invalid additionalModelRequestFields: thinking"));
    assert_eq!(world.ask(&instance, &thinking("claude-opus-4-8", "low")).status(), 400);
    world.service.forget_rules();
    served(&world, &instance, &thinking("claude-opus-4-8", "low"));
    assert_eq!(fields(&world)["thinking"]["type"], "adaptive");
}

#[test]
fn pages_are_followed_and_a_list_that_breaks_off_is_none() {
    let (world, instance) = world_with(StoreKind::Compare, vec![unheard()]);
    world.service.configure(|config| config.models_page = 5);
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    assert_eq!(world.service.count(Operation::Models), 5);
    assert_eq!(ids(&world, &instance).len(), 22);
    let (world, instance) = world_with(StoreKind::Compare, vec![]);
    let page = json!({"models": [{"modelId": "glm-5"}], "nextToken": "5"});
    world.service.next(Operation::Models, Answer::json(200, &page));
    world.service.always(Operation::Models, Answer::refusal("internal"));
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    assert_eq!(ids(&world, &instance).len(), 21);
}

#[test]
fn whatever_comes_instead_of_a_list_harms_nobody_and_is_asked_for_again_later() {
    let many: Vec<Value> = (0..10_000).map(|at| json!({"modelId": format!("m-{at}")})).collect();
    let endless = json!({"models": [], "nextToken": "again"});
    for (name, answer, listed) in [
        ("nothing", Answer::plain(200, "application/json", ""), 21),
        ("a page", Answer::plain(200, "text/html", "<html><title>Hello</title>"), 21),
        ("no list", Answer::json(200, &json!({"models": null})), 21),
        ("an empty list", Answer::json(200, &json!({"models": []})), 21),
        ("pages without end", Answer::json(200, &endless), 21),
        ("a torn body", Answer::plain(200, "application/json", r#"{"models":[{"modelId":"glm-5"}"#), 21),
        ("too much", Answer::plain(200, "application/json", " ".repeat(3 << 20)), 21),
        ("too many", Answer::json(200, &json!({"models": many})), 200),
        (
            "odd entries",
            Answer::json(
                200,
                &json!({"models": [null, {"modelId": "a b"}, {"modelId": "glm-5", "tokenLimits": {"maxInputTokens": -1}}]}),
            ),
            1,
        ),
        ("no account", Answer::refusal("suspended"), 21),
        ("a throttle", Answer::refusal("throttle"), 21),
        ("no host", Answer::unreachable(), 21),
        ("silence", Answer::silence(), 21),
        ("half a head", Answer::cut_before_head(), 21),
    ] {
        let (world, instance) = world_with(StoreKind::Compare, vec![]);
        world.service.always(Operation::Models, answer);
        let got = served(&world, &instance, &ask("claude-sonnet-4-5"));
        let took = got.ended.unwrap() - START;
        assert!(took <= Millis::secs(4), "{name}: {took:?}");
        assert_eq!(ids(&world, &instance).len(), listed, "{name}");
        served(&world, &instance, &ask("claude-sonnet-4-5"));
        let asked = world.service.count(Operation::Models);
        assert!(asked <= 10, "{name}: {asked}");
        world.service.forget_rules();
        world.pass(HOUR);
        served(&world, &instance, &ask("claude-sonnet-4-5"));
        assert_eq!(ids(&world, &instance).len(), 21, "{name}");
    }
}

#[test]
fn a_store_out_of_reach_leaves_the_built_in_models_and_loses_no_list() {
    for hangs in [false, true] {
        let (world, instance) = world_with(StoreKind::Compare, vec![unheard()]);
        world.store.add_outage(Outage { from: START, until: START + Millis::mins(5), hangs });
        assert_eq!(ids(&world, &instance).len(), 21);
        served(&world, &instance, &ask("claude-sonnet-4-5"));
        assert_eq!(world.ask(&instance, &ask("gpt-0")).status(), 404);
        world.pass(10 * 60_000);
        served(&world, &instance, &ask("claude-sonnet-4-5"));
        assert_eq!(ids(&world, &instance).len(), 22, "hangs {hangs}");
        assert_eq!(ids(&world, &another(&world)).len(), 22, "hangs {hangs}");
    }
}

#[test]
fn what_lies_under_the_key_and_is_nothing_of_ours_is_replaced_and_a_later_version_is_not() {
    for garbage in [&b"hello"[..], b"{}", b"[1,2]", b"\xff\xfe", br#"{"v":1,"lists":[7]}"#, b""] {
        let (world, instance) = world_with(StoreKind::Compare, vec![unheard()]);
        world.store.put("models", garbage);
        served(&world, &instance, &ask("claude-sonnet-4-5"));
        assert_eq!(ids(&world, &another(&world)).len(), 22, "{garbage:?}");
    }
    let (world, instance) = world_with(StoreKind::Compare, vec![unheard()]);
    let later = br#"{"v":2,"models":{}}"#;
    world.store.put("models", later);
    served(&world, &instance, &ask("claude-sonnet-4-5"));
    assert_eq!(world.store.newest("models").as_deref(), Some(&later[..]));
    assert_eq!(ids(&world, &instance).len(), 22, "this instance has its list in memory");
    assert!(instance.log().iter().any(|line| line.contains("later version (v2)")), "{:?}", instance.log());
}

#[test]
fn many_requests_at_once_ask_for_the_list_once() {
    let (world, instance) = world_with(StoreKind::Compare, vec![]);
    world.service.slow_down(Operation::Models, 500);
    world.store.set_latency(20);
    let patience = kiro2api_tests::world::Patience::default;
    let all: Vec<_> = (0..100).map(|_| world.begin(&instance, &ask("claude-sonnet-4-5"), patience())).collect();
    world.run();
    assert!(all.iter().all(|pending| pending.got().status() == 200));
    assert_eq!((world.service.count(Operation::Models), writes(&world)), (1, 1));
    assert!(reads(&world) <= 2, "{}", reads(&world));
}
