//! Pictures by URL: what is fetched, from where, how long, and what the client hears when that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kiro2api_core::Millis;
use kiro2api_tests::world::{Answer, Ask, Got, Instance, Operation, Patience, Piece, START, StoreKind, World, login};
use serde_json::{Value, json};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn png() -> Answer {
    Answer::plain(200, "image/png", STANDARD.decode(PNG).unwrap())
}

fn redirect(status: u16, to: &str) -> Answer {
    Answer::of(status, &[("location", to)], vec![])
}

fn picture(url: &str) -> Value {
    json!({ "type": "image", "source": { "type": "url", "url": url } })
}

/// One user message of these blocks.
fn asking(blocks: Vec<Value>, stream: bool) -> Ask {
    let messages = json!([{ "role": "user", "content": blocks }]);
    Ask::messages(
        json!({ "model": "claude-sonnet-4-5", "max_tokens": 100, "stream": stream, "messages": messages }).to_string(),
    )
}

fn ask(world: &World, instance: &Rc<Instance>, url: &str) -> Got {
    world.ask(instance, &asking(vec![picture(url), json!({ "type": "text", "text": "what is it?" })], false))
}

fn images(world: &World) -> Vec<Value> {
    let sent = world.service.sent_of(Operation::Chat);
    let sent = sent.last().expect("a request to the service").json();
    sent["conversationState"]["currentMessage"]["userInputMessage"]["images"].as_array().cloned().unwrap_or_default()
}

fn urls(world: &World) -> Vec<String> {
    world.service.sent_of(Operation::Media).into_iter().map(|sent| sent.url).collect()
}

/// The message of a 400 that names the first picture.
fn refused(got: &Got) -> String {
    assert_eq!((got.status(), got.error_type().as_str()), (400, "invalid_request_error"), "{}", got.text());
    let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
    let rest = message.strip_prefix("messages[0].content[0].source.url: ");
    rest.unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[test]
fn a_picture_is_fetched_with_nothing_of_the_client_and_sent_like_one_in_the_request() {
    for stream in [true, false] {
        let world = World::default();
        let instance = world.instance();
        world.service.for_url(Operation::Media, "https://pictures.example/a.png", png());
        let url = "https://pictures.example/a.png?signature=topsecret#part";
        let got = world.ask(&instance, &asking(vec![picture(url), json!({ "type": "text", "text": "x" })], stream));
        assert_eq!(got.status(), 200, "{}", got.text());
        assert_eq!(images(&world), [json!({ "format": "png", "source": { "bytes": PNG } })]);
        let sent = world.service.sent_of(Operation::Media);
        assert_eq!((sent.len(), sent[0].url.as_str()), (1, "https://pictures.example/a.png?signature=topsecret"));
        let names: Vec<&str> = sent[0].headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, sent[0].body.len()), (vec!["accept", "user-agent"], 0));
        assert!(sent[0].header("user-agent").unwrap().starts_with("kiro2api/"));
        assert!(sent[0].at <= world.service.sent_of(Operation::Chat)[0].at, "before the account is asked");
        let log = got.log.join("\n");
        assert!(log.contains("image https://pictures.example/a.png: 70 bytes"), "{log}");
        assert!(!log.contains("topsecret"), "{log}");
    }
}

#[test]
fn two_pictures_of_one_url_are_fetched_once_and_others_in_the_order_of_the_request() {
    let world = World::default();
    let instance = world.instance();
    world.service.always(Operation::Media, png());
    let (a, b) = ("https://pictures.example/a.png", "https://pictures.example/b.png");
    let result = json!({ "type": "tool_result", "tool_use_id": "t", "content": [picture(b)] });
    let body = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 100,
        "messages": [
            { "role": "user", "content": [picture(a), { "type": "text", "text": "x" }] },
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "t", "name": "look", "input": {} }] },
            { "role": "user", "content": [result, picture(a)] },
        ],
        "tools": [{ "name": "look", "input_schema": { "type": "object" } }],
    });
    let got = world.ask(&instance, &Ask::messages(body.to_string()));
    assert_eq!(got.status(), 200, "{}", got.text());
    assert_eq!(urls(&world), [a, b]);
    let sent = String::from_utf8(world.service.sent_of(Operation::Chat)[0].body.clone()).unwrap();
    assert!(sent.matches(PNG).count() >= 2, "{sent}");
}

#[test]
fn redirects_are_followed_up_to_three_and_each_one_is_judged() {
    let world = World::default();
    let instance = world.instance();
    for (from, to) in [("/1", "/2"), ("/2", "//other.example/3"), ("/3", "http://third.example/4")] {
        let host = if from == "/3" { "other" } else { "pictures" };
        world.service.for_url(Operation::Media, &format!("https://{host}.example{from}"), redirect(302, to));
    }
    world.service.for_url(Operation::Media, "http://third.example/4", png());
    assert_eq!(ask(&world, &instance, "https://pictures.example/1").status(), 200);
    assert_eq!(
        urls(&world),
        [
            "https://pictures.example/1",
            "https://pictures.example/2",
            "https://other.example/3",
            "http://third.example/4"
        ]
    );
    assert_eq!(images(&world).len(), 1);

    let world = World::default();
    let instance = world.instance();
    world.service.always(Operation::Media, redirect(307, "/again"));
    let text = refused(&ask(&world, &instance, "https://pictures.example/"));
    assert!(text.contains("redirected more than 3 times"), "{text}");
    assert_eq!((urls(&world).len(), world.service.count(Operation::Chat)), (4, 0));

    for to in [
        "http://169.254.169.254/latest/meta-data/",
        "//localhost/x",
        "http://[::1]/",
        "file:///etc/passwd",
        "http://u:p@a.example/",
    ] {
        let world = World::default();
        let instance = world.instance();
        world.service.always(Operation::Media, redirect(301, to));
        let text = refused(&ask(&world, &instance, "https://pictures.example/a"));
        assert!(text.contains("redirected to a URL that"), "{to}: {text}");
        assert_eq!(world.service.sent().len(), 1, "{to}: nobody else is asked");
    }
}

#[test]
fn what_is_no_picture_or_does_not_come_is_a_400_that_says_so() {
    let large = vec![Piece::Bytes(vec![0x89; 5 << 20]); 5];
    let long = Answer::of(200, &[("content-length", "20971521")], vec![Piece::Stall]);
    let cut = Answer::of(200, &[], vec![Piece::Bytes(vec![0x89; 10]), Piece::Break]);
    let stalled = Answer::of(200, &[], vec![Piece::Bytes(vec![0x89; 10]), Piece::Stall]);
    let drip = Answer::of(200, &[], vec![[Piece::Bytes(vec![1]), Piece::Wait(900)]; 60].concat());
    for (answer, words) in [
        (Answer::plain(404, "text/plain", "no"), "answered with status 404"),
        (Answer::plain(204, "image/png", ""), "answered with status 204"),
        (redirect(302, ""), "no Location"),
        (Answer::of(304, &[], vec![]), "status 304"),
        (Answer::plain(200, "Text/HTML; charset=utf-8", "<html>"), "answered with text/html, not with an image"),
        (Answer::plain(200, "image/png", "<html>"), "is not a PNG, JPEG, GIF or WebP image"),
        (Answer::plain(200, "image/png", ""), "it is empty"),
        (Answer::plain(200, "image/bmp", "BM000000000000"), "BMP"),
        (Answer::of(200, &[], large), "more than 20 MiB"),
        (long, "more than 20 MiB"),
        (cut, "broke in the middle"),
        (stalled, "did not come in time"),
        (drip, "did not come in time"),
        (png().after(10_001), "did not come in time"),
        (Answer::silence(), "did not come in time"),
        (Answer::unreachable(), "cannot be reached"),
        (Answer::cut_before_head(), "cannot be reached"),
    ] {
        let world = World::default();
        let instance = world.instance();
        world.service.always(Operation::Media, answer);
        let got = ask(&world, &instance, "https://pictures.example/a.png");
        let text = refused(&got);
        assert!(text.contains(words), "{words}: {text}");
        assert_eq!(world.service.sent().len(), 1, "{words}: no account is asked");
        assert!(world.clock.now() <= START + Millis::secs(11), "{words}: {:?}", world.clock.now());
        assert!(world.service.sent()[0].dropped.is_some());
    }
}

#[test]
fn all_pictures_of_a_request_have_thirty_seconds() {
    let world = World::default();
    let instance = world.instance();
    world.service.always(Operation::Media, png().after(8_000));
    let blocks = (0..20).map(|at| picture(&format!("https://pictures.example/{at}.png"))).collect();
    let got = world.ask(&instance, &asking(blocks, true));
    assert_eq!(got.status(), 400, "{}", got.text());
    assert!(got.text().contains("content[3].source.url"), "{}", got.text());
    assert_eq!((world.clock.now(), urls(&world).len()), (START + Millis::secs(30), 4));
}

#[test]
fn the_deadline_of_the_request_counts_from_its_beginning() {
    let world = World::default();
    let instance = world.instance_with(&[
        ("KIRO_AUTH_TOKEN", &login::social()),
        ("SIMPLE_REQUEST_TIMEOUT_MINUTES", "0.2"),
        ("REQUEST_TIMEOUT_MINUTES", "0.2"),
    ]);
    world.service.always(Operation::Media, png().after(9_000));
    world.service.always(Operation::Chat, Answer::silence());
    let got = ask(&world, &instance, "https://pictures.example/a.png");
    assert_eq!((got.status(), world.clock.now()), (504, START + Millis::secs(12)), "{}", got.text());
}

#[test]
fn too_many_or_too_large_pictures_are_refused() {
    let world = World::default();
    let instance = world.instance();
    let blocks = (0..21).map(|at| picture(&format!("https://pictures.example/{at}.png"))).collect();
    let got = world.ask(&instance, &asking(blocks, false));
    assert_eq!((got.status(), world.service.sent().len()), (400, 0));
    assert!(got.text().contains("content[20].source.url"), "{}", got.text());

    let mut bytes = STANDARD.decode(PNG).unwrap();
    bytes.resize(15 << 20, 0);
    world.service.always(Operation::Media, Answer::plain(200, "image/png", bytes));
    let blocks = (0..3).map(|at| picture(&format!("https://pictures.example/{at}.png"))).collect();
    let got = world.ask(&instance, &asking(blocks, false));
    assert!(got.text().contains("larger than 32 MiB"), "{}", got.text());
    assert_eq!(world.service.sent().len(), 2);
}

#[test]
fn private_addresses_are_refused_before_anybody_is_asked() {
    for url in [
        "http://127.0.0.1:8080/a.png",
        "http://2130706433/",
        "https://localhost/",
        "http://[::ffff:10.0.0.1]/",
        "http://db.internal/",
    ] {
        let world = World::default();
        let instance = world.instance();
        let blocks = vec![picture(url), picture("https://pictures.example/a.png")];
        let text = refused(&world.ask(&instance, &asking(blocks, true)));
        assert!(text.contains("private or reserved address"), "{url}: {text}");
        assert_eq!(world.service.sent().len(), 0);
    }
}

#[test]
fn the_operator_switches_it_off_or_allows_a_private_host() {
    let world = World::default();
    let token = login::social();
    let off = world.instance_with(&[("KIRO_AUTH_TOKEN", &token), ("IMAGE_URLS", "OFF")]);
    let text = refused(&ask(&world, &off, "https://pictures.example/a.png"));
    assert!(text.contains("IMAGE_URLS=off"), "{text}");
    assert_eq!(world.service.sent().len(), 0);

    let own = world.instance_with(&[("KIRO_AUTH_TOKEN", &token), ("IMAGE_URLS", "127.0.0.1:9000")]);
    world.service.for_url(Operation::Media, "http://127.0.0.1:9000/a.png", png());
    assert_eq!(ask(&world, &own, "http://127.0.0.1:9000/a.png").status(), 200);
    refused(&ask(&world, &own, "http://127.0.0.1:9001/a.png"));
}

#[test]
fn a_client_that_leaves_ends_the_fetch() {
    let world = World::default();
    let instance = world.instance();
    world.service.always(Operation::Media, png().after(9_000));
    let patience = Patience { until: Some(START + Millis::secs(2)), tells: true, ..Patience::default() };
    let ask = asking(vec![picture("https://pictures.example/a.png")], true);
    let got = world.ask_patiently(&instance, &ask, patience);
    assert_eq!(got.head, None);
    let sent = world.service.sent();
    assert_eq!((sent.len(), sent[0].dropped), (1, Some(START + Millis::secs(2))));
}

#[test]
fn a_repair_sends_the_fetched_picture_again_and_counting_fetches_nothing() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    world.service.always(Operation::Media, png());
    world.service.next(Operation::Chat, Answer::refusal("tool-format"));
    let body = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 100,
        "messages": [{ "role": "user", "content": [picture("https://pictures.example/a.png")] }],
        "tools": [{ "name": "look", "input_schema": {
            "type": "object", "properties": { "a": { "type": "string", "format": "uri", "pattern": "^x" } }
        } }],
    });
    let got = world.ask(&instance, &Ask::messages(body.to_string()));
    let chats = world.service.sent_of(Operation::Chat);
    assert_eq!((got.status(), urls(&world).len()), (200, 1), "{}", got.text());
    assert_eq!(chats.len(), 2);
    assert_eq!(images(&world), [json!({ "format": "png", "source": { "bytes": PNG } })]);

    let counted = world.ask(&instance, &Ask::post("/v1/messages/count_tokens", body.to_string()));
    assert!(counted.json()["input_tokens"].as_u64().unwrap() > 1000, "{}", counted.text());
    assert_eq!(urls(&world).len(), 1);
}

#[test]
fn openai_clients_get_the_same_with_the_path_of_their_own_field() {
    let url = "https://pictures.example/a.png";
    let chat = json!({ "model": "claude-sonnet-4-5", "messages": [{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": url } }, { "type": "text", "text": "x" },
    ] }] });
    let input = json!([{ "role": "user", "content": [
        { "type": "input_image", "image_url": url }, { "type": "input_text", "text": "x" },
    ] }]);
    let responses = json!({ "model": "claude-sonnet-4-5", "input": input });
    for (path, body, field) in [
        ("/v1/chat/completions", &chat, "messages[0].content[0].image_url.url"),
        ("/v1/responses", &responses, "input[0].content[0].image_url"),
    ] {
        let world = World::default();
        let instance = world.instance();
        world.service.next(Operation::Media, png());
        let got = world.ask(&instance, &Ask::post(path, body.to_string()));
        assert_eq!((got.status(), urls(&world).len()), (200, 1), "{path}: {}", got.text());
        assert_eq!(images(&world).len(), 1, "{path}");
        let got = world.ask(&instance, &Ask::post(path, body.to_string()));
        assert_eq!((got.status(), got.json()["error"]["param"].as_str()), (400, Some(field)), "{path}: {}", got.text());
    }
}
