//! Bad replies of the service and its login through the whole gateway: always an error in the dialect, never a panic, never a
//! hang, and never a turn that looks complete.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod hostile_support;

use hostile_support::{is_sound, world};
use kiro2api_tests::frame::{Damage, Frame, Header, HeaderValue};
use kiro2api_tests::world::{Answer, Ask, Kind, Operation, Piece, World};
use serde_json::json;

fn stream(bytes: Vec<u8>) -> Answer {
    Answer::stream(vec![Piece::Bytes(bytes)])
}

fn answer() -> Vec<u8> {
    kiro2api_tests::script::render(r#"text "The quick brown fox." chunk=6; tool get_x {"a":[1,2]}; stop TOOL_USE"#)
        .unwrap()
}

#[test]
fn a_flipped_bit_anywhere_in_a_stream_is_never_a_good_answer() {
    let bytes = answer();
    let (whole, _) = {
        let (world, instance) = world();
        world.service.always(Operation::Chat, stream(bytes.clone()));
        (world.ask(&instance, &Ask::prompt("hi", false)), 0)
    };
    assert_eq!(whole.status(), 200);
    for at in 0..bytes.len() {
        let (world, instance) = world();
        let mut broken = bytes.clone();
        broken[at] ^= 1 << (at % 8);
        world.service.always(Operation::Chat, stream(broken));
        let got = world.ask(&instance, &Ask::prompt("hi", at % 2 == 0));
        is_sound(&got, &format!("bit of byte {at}"));
        assert!(
            got.status() != 200 || got.names().last().map(String::as_str) == Some("error"),
            "byte {at}: {}",
            got.text()
        );
    }
}

#[test]
fn a_stream_cut_anywhere_never_ends_the_turn() {
    let bytes = answer();
    for at in 0..bytes.len() {
        for broken in [false, true] {
            let (world, instance) = world();
            let mut pieces = vec![Piece::Bytes(bytes[..at].to_vec())];
            pieces.extend(broken.then_some(Piece::Break));
            world.service.always(Operation::Chat, Answer::stream(pieces));
            let got = world.ask(&instance, &Ask::prompt("hi", true));
            is_sound(&got, &format!("cut at {at}"));
            if got.kind == Kind::Stream {
                assert_ne!(
                    got.stop_reason().as_deref(),
                    Some("end_turn"),
                    "cut at {at}, broken {broken}: {}",
                    got.text()
                );
            }
        }
    }
}

#[test]
fn lying_frames_are_an_error_and_never_waited_for() {
    let event = |payload: &str| Frame::event("assistantResponseEvent", payload.as_bytes().to_vec());
    let good = event(r#"{"content":"Half"}"#);
    let mut lies: Vec<Vec<u8>> = [
        Damage::PreludeCrc,
        Damage::MessageCrc,
        Damage::Total(0),
        Damage::Total(15),
        Damage::Total(u32::MAX),
        Damage::Total(16 << 20),
        Damage::Headers(u32::MAX),
        Damage::Headers(1),
    ]
    .into_iter()
    .map(|damage| good.encode_damaged(damage))
    .collect();
    for payload in ["", "{", "null", "[]", "7", r#"{"content":7}"#, r#"{"content":null}"#, "\u{0}"] {
        lies.push(event(payload).encode());
    }
    for payload in [
        r#"{}"#,
        r#"{"toolUseId":7,"name":"f"}"#,
        r#"{"toolUseId":"","name":""}"#,
        r#"{"toolUseId":"t","name":"f","input":[1],"stop":true}"#,
        r#"{"toolUseId":"t","name":"f","input":"}{","stop":true}"#,
        r#"{"toolUseId":"t","name":"f","input":"[]","stop":true}"#,
    ] {
        lies.push(Frame::event("toolUseEvent", payload.as_bytes().to_vec()).encode());
    }
    for (at, lie) in lies.into_iter().enumerate() {
        for before in [&b""[..], &good.encode()] {
            let (world, instance) = world();
            world.service.always(
                Operation::Chat,
                Answer::stream(vec![Piece::Bytes([before, &lie].concat()), Piece::Wait(1_000_000), Piece::Stall]),
            );
            let got = world.ask(&instance, &Ask::prompt("hi", true));
            is_sound(&got, &format!("lie {at}"));
            assert!(got.kind != Kind::Stream || got.stop_reason().as_deref() != Some("end_turn"), "lie {at}");
        }
    }
}

#[test]
fn odd_headers_of_frames_and_many_unknown_events_are_passed_over() {
    let (world, instance) = world();
    let mut bytes = Vec::new();
    for at in 0..2_000 {
        bytes.extend(
            Frame::event(&format!("futureEvent{at}"), br#"{"x":[1,{"y":null}]}"#.to_vec()).with_every_type().encode(),
        );
    }
    let mut frame = Frame::event("assistantResponseEvent", br#"{"content":"ok"}"#.to_vec());
    for at in 0..200 {
        frame.headers.insert(0, Header::new(format!("x-{at}"), HeaderValue::Bytes(vec![0; 200])));
    }
    bytes.extend(frame.encode());
    bytes.extend(Frame::event("metadataEvent", br#"{"stopReason":"END_TURN"}"#.to_vec()).encode());
    world.service.always(Operation::Chat, stream(bytes));
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!((got.said().as_str(), got.stop_reason().as_deref()), ("ok", Some("end_turn")));
    assert_eq!(got.summary()["unknown_events"], 2_000);
}

#[test]
fn replies_that_are_not_the_services_are_errors() {
    let page = "<html><head><title>Sign in</title></head><body>please</body></html>";
    for reply in [
        Answer::plain(200, "text/html", page),
        Answer::plain(200, "application/json", r#"{"ok":true}"#),
        Answer::plain(200, "application/vnd.amazon.eventstream", page),
        Answer::plain(200, "", ""),
        Answer::plain(204, "text/plain", ""),
        Answer::plain(302, "text/html", page),
        Answer::plain(400, "text/html", page),
        Answer::plain(400, "application/json", "{\"message\":"),
        Answer::plain(400, "application/json", "[]"),
        Answer::plain(403, "text/html", page),
        Answer::plain(418, "text/plain", "teapot"),
        Answer::plain(429, "text/html", page),
        Answer::plain(500, "application/json", "x".repeat(1_000_000)),
        Answer::plain(599, "text/plain", ""),
        Answer::of(429, &[("retry-after", "99999999999999999999")], vec![]),
        Answer::of(503, &[("retry-after", "never")], vec![]),
        Answer::of(500, &[], vec![Piece::Bytes(b"half".to_vec()), Piece::Break]),
        Answer::of(500, &[], vec![Piece::Bytes(b"half".to_vec()), Piece::Stall]),
    ] {
        for stream in [true, false] {
            let (world, instance) = world();
            world.service.always(Operation::Chat, reply.clone());
            let got = world.ask(&instance, &Ask::prompt("hi", stream));
            is_sound(&got, &format!("{reply:?}").chars().take(200).collect::<String>());
            assert!(
                got.status() != 200 || got.kind == Kind::Stream && got.names().contains(&"error".to_owned()),
                "{}",
                got.text()
            );
            assert!(![401, 403].contains(&got.status()));
        }
    }
}

#[test]
fn a_login_endpoint_that_answers_nonsense_is_an_error_of_ours() {
    for reply in [
        Answer::plain(200, "text/html", "<html>"),
        Answer::json(200, &json!({})),
        Answer::json(200, &json!({"accessToken": 7})),
        Answer::json(200, &json!({"accessToken": ""})),
        Answer::json(200, &json!([])),
        Answer::plain(200, "application/json", "x".repeat(500_000)),
        Answer::plain(302, "text/html", ""),
        Answer::cut_before_head(),
        Answer::unreachable(),
        Answer::of(200, &[], vec![Piece::Bytes(b"{\"accessToken\":".to_vec()), Piece::Stall]),
    ] {
        let (world, instance) = World::of_accounts(kiro2api_tests::world::StoreKind::Compare, &["only"]);
        world.service.always(Operation::Social, reply.clone());
        let got = world.ask(&instance, &Ask::prompt("hi", true));
        is_sound(&got, "login");
        assert!(got.status() >= 500 || got.names().contains(&"error".to_owned()), "{}", got.text());
        assert_eq!(world.service.count(Operation::Chat), 0);
        assert!(world.service.count(Operation::Social) <= 6, "{}", world.service.count(Operation::Social));
    }
}

/// Half a pair is no text: strict clients cannot read the event.
#[test]
#[ignore = "the core passes half a surrogate pair of the service on"]
fn half_a_pair_from_the_service_is_mended() {
    let (world, instance) = world();
    let half = Frame::event("assistantResponseEvent", br#"{"content":"a \ud800 b"}"#.to_vec());
    let tail = Frame::event("metadataEvent", br#"{"stopReason":"END_TURN"}"#.to_vec());
    world.service.always(Operation::Chat, stream([half.encode(), tail.encode()].concat()));
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "a \u{fffd} b");
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", false)).json()["content"][0]["text"], "a \u{fffd} b");
}
