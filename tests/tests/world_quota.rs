//! What is left of the accounts' quotas: asked for once clients have their answers, and never to be noticed by them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::refusal::Refusal;
use kiro2api_tests::world::{Answer, Ask, Got, Instance, Operation, Outage, Patience, START, StoreKind, World, login};
use serde_json::json;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const KINDS: [StoreKind; 3] = [StoreKind::Plain, StoreKind::Compare, StoreKind::Kv { lag: 60_000 }];

fn one() -> (World, Rc<Instance>) {
    World::of_accounts(StoreKind::Compare, &["only"])
}

fn ok(world: &World, instance: &Rc<Instance>) -> Got {
    let got = world.ask(instance, &Ask::prompt("hi", true));
    assert_eq!((got.status(), got.said().as_str()), (200, "ok"), "{}", got.text());
    got
}

fn looks(world: &World) -> usize {
    world.service.count(Operation::Usage)
}

/// What is left of the first account, as the operator is told.
fn remaining(world: &World, instance: &Rc<Instance>) -> Option<f64> {
    let told = world.ask(instance, &Ask::get("/stats/token-pool"));
    assert_eq!(told.status(), 200, "{}", told.text());
    told.json()["accounts"][0]["quota"]["remaining"].as_f64()
}

/// Lines that are not those of requests.
fn events(instance: &Instance) -> Vec<String> {
    instance.log().into_iter().filter(|line| !line.contains("\"request_id\"")).collect()
}

#[test]
fn an_account_is_asked_after_its_first_answer_and_then_every_fifteen_minutes() {
    let (world, instance) = one();
    for _ in 0..91 {
        ok(&world, &instance);
        world.pass(20 * SECOND);
    }
    // Half an hour and the first minute: at its beginning, after 15 and after 30 minutes.
    assert_eq!(looks(&world), 3);
    let at: Vec<u64> = world.service.sent_of(Operation::Usage).iter().map(|sent| sent.at / MINUTE).collect();
    assert_eq!(at, [0, 15, 30]);
    assert_eq!(remaining(&world, &instance), Some(876.55));
}

#[test]
fn a_look_is_never_part_of_the_answer_or_of_its_time() {
    for stream in [true, false] {
        let (world, instance) = one();
        world.service.slow_down(Operation::Usage, 2_500);
        let got = world.ask(&instance, &Ask::prompt("hi", stream));
        assert_eq!(looks(&world), 1);
        let last = got.writes.last().unwrap().at;
        let sent = world.service.sent_of(Operation::Usage).remove(0);
        assert!(sent.read_out && START + Millis(sent.at) >= last, "asked when everything is said");
        assert_eq!(got.closed, Some(last), "its connection is free");
        assert_eq!((got.ended.unwrap() - last).0, 2_500, "stream {stream}: only the end of the exchange waits");
        let line = got.summary();
        assert_eq!((&line["status"], &line["level"], line.get("verdicts")), (&json!(200), &json!("info"), None));
        assert_eq!(line["response_time"], (last - START).0, "the time of the look is not the request's");
    }
}

#[test]
fn a_failed_look_has_a_line_of_its_own_and_the_request_looks_as_good_as_it_was() {
    for (answer, told) in [
        (Answer::refusal("suspended"), "TEMPORARILY_SUSPENDED"),
        (Answer::plain(200, "text/html", "<html></html>"), "NotEventStream"),
        (Answer::json(200, &json!({ "usageBreakdownList": [] })), "NotEventStream"),
        (Answer::json(500, &json!({ "message": "x" })), "500"),
        (Answer::cut_before_head(), "Broke"),
        (Answer::unreachable(), "Connect"),
        (Answer::silence(), "no answer in time"),
    ] {
        let (world, instance) = one();
        world.service.always(Operation::Usage, answer);
        let got = ok(&world, &instance);
        let line = got.summary();
        assert_eq!(
            (&line["status"], &line["level"], line.get("verdicts")),
            (&json!(200), &json!("info"), None),
            "{told}"
        );
        let told: Vec<_> = events(&instance).into_iter().filter(|line| line.contains(told)).collect();
        assert_eq!(told.len(), 1, "{:?}", instance.log());
        assert!(told[0].contains("what is left of the account only cannot be read"), "{told:?}");
        assert!(told[0].contains("\"level\":\"warn\""));
        assert_eq!(remaining(&world, &instance), None);
        ok(&world, &instance);
    }
}

#[test]
fn an_account_that_cannot_be_read_is_asked_ever_more_seldom() {
    let (world, instance) = one();
    world.service.always(Operation::Usage, Answer::json(500, &json!({})));
    for _ in 0..24 * 60 {
        ok(&world, &instance);
        world.pass(MINUTE);
        if world.service.sent_of(Operation::Usage).len() > 30 {
            break;
        }
    }
    let at: Vec<u64> = world.service.sent_of(Operation::Usage).iter().map(|sent| sent.at / MINUTE).collect();
    assert!((8..=12).contains(&at.len()), "{at:?}");
    let gaps: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.windows(2).all(|pair| pair[0] <= pair[1]), "{gaps:?}");
    assert!(*gaps.last().unwrap() <= 6 * 60, "{gaps:?}");
    // Once it answers, everything is as usual.
    world.service.forget_rules();
    world.pass(6 * 60 * MINUTE);
    ok(&world, &instance);
    assert_eq!(remaining(&world, &instance), Some(876.55));
}

#[test]
fn another_way_to_ask_is_taken_where_one_is_not_served_and_remembered() {
    let management = "https://management.us-east-1.kiro.dev";
    let q = "https://q.us-east-1.amazonaws.com";
    let gone = || Answer::refused(&Refusal::new(404, "UnknownOperationException", "no such operation"));
    for (broken, asked, served) in [
        (vec![(management, Answer::unreachable())], 2, "https://q.us-east-1.amazonaws.com/"),
        (vec![(management, gone())], 3, "https://q.us-east-1.amazonaws.com/"),
        (vec![(management, gone()), (q, Answer::unreachable())], 4, "https://codewhisperer.us-east-1.amazonaws.com/"),
    ] {
        let (world, instance) = one();
        for (url, answer) in broken {
            world.service.for_url(Operation::Usage, url, answer);
        }
        ok(&world, &instance);
        let sent = world.service.sent_of(Operation::Usage);
        assert_eq!((sent.len(), sent.last().unwrap().url.as_str()), (asked, served));
        assert_eq!(remaining(&world, &instance), Some(876.55));
        assert_eq!(events(&instance).iter().filter(|line| line.contains("cannot be read")).count(), 0);
        world.pass(16 * MINUTE);
        ok(&world, &instance);
        let sent = world.service.sent_of(Operation::Usage);
        assert_eq!((sent.len(), sent.last().unwrap().url.as_str()), (asked + 1, served), "at once the way that worked");
    }
}

#[test]
fn both_forms_of_the_request_are_understood() {
    for host in ["management.us-east-1.kiro.dev", "q.us-east-1.amazonaws.com"] {
        let (world, instance) = one();
        let other = if host.starts_with('m') { "https://nowhere" } else { "https://management" };
        world.service.for_url(Operation::Usage, other, Answer::unreachable());
        // The first form is unknown there.
        let unknown = Answer::refused(&Refusal::new(404, "UnknownOperationException", "no such operation"));
        world.service.for_account("only", Operation::Usage, 1, unknown);
        ok(&world, &instance);
        let last = world.service.sent_of(Operation::Usage).pop().unwrap();
        assert!(last.url.starts_with(&format!("https://{host}/")) && last.url.contains('?'), "{}", last.url);
        assert_eq!(last.parameter("isEmailRequired").as_deref(), Some("true"));
        assert_eq!(remaining(&world, &instance), Some(876.55));
    }
}

#[test]
fn a_burst_of_requests_makes_one_look() {
    let (world, instance) = one();
    ok(&world, &instance);
    world.pass(16 * MINUTE);
    world.service.slow_down(Operation::Usage, 1_000);
    let before = looks(&world);
    let all: Vec<_> = (0..50).map(|_| world.begin(&instance, &Ask::prompt("hi", true), Patience::default())).collect();
    world.run();
    assert!(all.iter().all(|pending| pending.got().said() == "ok"));
    assert_eq!(looks(&world) - before, 1);
}

#[test]
fn much_metering_makes_a_reading_old_before_its_time() {
    let (world, instance) = one();
    world.service.always(Operation::Chat, Answer::script("text \"ok\"; meter 30"));
    for _ in 0..14 {
        ok(&world, &instance);
        world.pass(MINUTE);
    }
    let at: Vec<u64> = world.service.sent_of(Operation::Usage).iter().map(|sent| sent.at / MINUTE).collect();
    // A tenth of what was left is spent after three answers; five minutes are the least.
    assert_eq!(at, [0, 5, 10]);
}

#[test]
fn a_client_that_leaves_takes_nothing_with_it() {
    // Right after its last byte: it has its answer, and the look goes on.
    let (world, instance) = one();
    world.service.slow_down(Operation::Usage, 1_000);
    let pending = world.begin(
        &instance,
        &Ask::prompt("hi", true),
        Patience { until: Some(START + Millis(500)), tells: true, ..Patience::default() },
    );
    world.run();
    assert_eq!(pending.got().said(), "ok");
    assert_eq!((looks(&world), remaining(&world, &instance)), (1, Some(876.55)));
    assert!(pending.got().summary().get("verdicts").is_none(), "{}", pending.got().summary());
    // Before its last byte: nothing is begun for it.
    let (world, instance) = one();
    let whole = ok(&world, &instance).body.len();
    world.pass(16 * MINUTE);
    for bytes in [0, whole / 2, whole - 1] {
        let before = looks(&world);
        let leaving = Patience { bytes: Some(bytes), ..Patience::default() };
        let got = world.ask_patiently(&instance, &Ask::prompt("hi", true), leaving);
        assert!(got.gone);
        assert_eq!(looks(&world), before, "{bytes}");
    }
}

#[test]
fn what_an_answer_cost_counts_once_however_its_client_leaves() {
    let (world, instance) = one();
    world.service.always(Operation::Chat, Answer::script("text \"ok\"; meter 2"));
    let whole = ok(&world, &instance).body.len();
    let mut left = remaining(&world, &instance).unwrap();
    for bytes in [whole - 1, whole / 2, whole, usize::MAX] {
        let leaving = Patience { bytes: Some(bytes), ..Patience::default() };
        let got = world.ask_patiently(&instance, &Ask::prompt("hi", true), leaving);
        assert_eq!(got.gone, bytes < whole);
        let before = std::mem::replace(&mut left, remaining(&world, &instance).unwrap());
        assert!(before - left <= 2.0, "{bytes}: {before} {left}");
    }
    assert_eq!(remaining(&world, &instance), Some(left));
}

#[test]
fn a_slow_client_has_its_last_byte_before_the_look_begins() {
    let (world, instance) = one();
    let slow = Patience { slow: 4 * SECOND, ..Patience::default() };
    let got = world.ask_patiently(&instance, &Ask::prompt("hi", true), slow);
    let sent = world.service.sent_of(Operation::Usage);
    assert_eq!(sent.len(), 1);
    assert_eq!(START + Millis(sent[0].at), got.writes.last().unwrap().at);
    assert_eq!(remaining(&world, &instance), Some(876.55));
}

#[test]
fn the_end_of_the_platform_is_kept_and_a_service_that_hangs_holds_nothing_up() {
    // The answer comes when too little time is left for a look.
    let (world, instance) = one();
    ok(&world, &instance);
    world.pass(16 * MINUTE);
    let before = looks(&world);
    world.service.next(Operation::Chat, Answer::script("text \"ok\"").after(23 * SECOND));
    let got = world.ask(&instance, &Ask::prompt("hi", true).ends_after(30 * SECOND));
    assert_eq!((got.said().as_str(), looks(&world)), ("ok", before));
    // There is time, and the service hangs.
    world.service.always(Operation::Usage, Answer::silence());
    let begun = world.clock.now();
    let got = world.ask(&instance, &Ask::prompt("hi", true).ends_after(30 * SECOND));
    assert_eq!((got.said().as_str(), looks(&world)), ("ok", before + 1));
    assert_eq!((got.ended.unwrap() - begun).0, 3 * SECOND);
    // It sends a head and no end, drop by drop.
    world.service.forget_rules();
    let drops = (0..100)
        .flat_map(|_| [kiro2api_tests::world::Piece::Wait(500), kiro2api_tests::world::Piece::Bytes(b" ".to_vec())]);
    world.service.always(Operation::Usage, Answer::of(200, &[("content-type", "application/json")], drops.collect()));
    world.pass(16 * MINUTE);
    let begun = world.clock.now();
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!(((got.ended.unwrap() - begun).0, looks(&world)), (3 * SECOND, before + 2));
}

#[test]
fn an_outage_of_the_store_after_a_look_loses_nothing_but_the_write() {
    for hangs in [false, true] {
        let (world, instance) = one();
        world.service.slow_down(Operation::Usage, 1_000);
        let (from, until) = (START + Millis(500), START + Millis::mins(10));
        world.store.add_outage(Outage { from, until, hangs });
        let got = ok(&world, &instance);
        assert!((got.ended.unwrap() - START).0 <= 12 * SECOND, "{:?}", got.ended);
        assert_eq!(remaining(&world, &instance), Some(876.55));
        world.pass(11 * MINUTE);
        ok(&world, &instance);
        // Another instance knows it from the store.
        let other = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
        ok(&world, &other);
        assert!(remaining(&world, &other).unwrap() > 876.0, "hangs {hangs}");
        assert_eq!(looks(&world), 1, "hangs {hangs}");
    }
}

#[test]
fn every_kind_of_login_is_asked_with_what_it_needs() {
    for (login, label) in [(login::social(), "demo-social"), (login::idc(), "demo-idc"), (login::key(), "demo-key")] {
        let world = World::default();
        let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login)]);
        ok(&world, &instance);
        assert_eq!(remaining(&world, &instance), Some(876.55), "{label}: {:?}", instance.log());
        let sent = world.service.sent_of(Operation::Usage).remove(0);
        assert_eq!(sent.account.as_deref(), Some(label));
        assert_eq!(sent.header("tokentype").is_some(), label == "demo-key");
        assert_eq!(sent.parameter("profileArn").is_some(), label != "demo-key");
    }
}

/// The store of Workers takes one write a second. A refresh costs one, and a second one where it is claimed first.
#[test]
fn quotas_cost_the_store_less_than_two_writes_in_a_thousand_requests() {
    for kind in KINDS {
        for labels in [&["a"][..], &["a", "b", "c"]] {
            let (world, instance) = World::of_accounts(kind, labels);
            world.service.always(Operation::Chat, Answer::script("text \"ok\"; meter 0.05"));
            // Every account has its token and its first reading before the hour begins.
            for _ in 0..2 * labels.len() {
                ok(&world, &instance);
            }
            assert_eq!(looks(&world), labels.len());
            world.pass(60 * SECOND);
            let count = || (world.store.count("save"), world.service.count(Operation::Social), looks(&world));
            let before = count();
            for _ in 0..1_000 {
                ok(&world, &instance);
                world.pass(3_600);
            }
            let after = count();
            let (saves, refreshes, looks) = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
            let for_refreshes = if kind == StoreKind::Compare { 2 * refreshes } else { refreshes };
            println!(
                "{kind:?}, {} accounts, 1000 requests in an hour: {looks} looks, {refreshes} refreshes, {saves} saves",
                labels.len()
            );
            assert!(saves - for_refreshes < 2, "{kind:?} {labels:?}: {saves} saves, {refreshes} refreshes");
            assert!(looks >= 3 * labels.len(), "{kind:?} {labels:?}: {looks} looks");
        }
    }
}
