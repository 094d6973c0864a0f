//! One gateway, three dialects: the same conversation asks the service for the same, and what the service says is told
//! the same to each client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "dialects/said.rs"]
mod said;
#[path = "dialects/talk.rs"]
mod talk;
#[path = "dialects/told.rs"]
mod told;

use kiro2api_tests::world::{Answer, Ask, Operation, Piece, World, login, steps};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use said::{frames, say};
use serde_json::Value;
use talk::talks;
use told::{ALL, Dialect, told};

/// Every run tries the same; change it to try others.
const SEED: u64 = 20_261_122;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(SEED), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn one_conversation_asks_for_the_same_in_every_dialect(talk in talks()) {
        let asked = ALL.map(|dialect| {
            let world = World::default();
            let instance = world.frozen_instance(&[("KIRO_AUTH_TOKEN", &login::key())]);
            // A forced call is asked for again when none comes, and one that is not allowed is left out.
            world.service.configure(|config| config.default_script = Some("text \"ok\"; tool tool_0 {\"a\":\"b\"}".to_owned()));
            let got = world.ask(&instance, &Ask::post(dialect.path(), talk.body(dialect).to_string()));
            assert_eq!(got.status(), 200, "{dialect:?}: {}", got.text());
            let sent = world.service.sent_of(Operation::Chat);
            serde_json::from_slice::<Value>(&sent[0].body).unwrap()
        });
        prop_assert_eq!(&asked[0], &asked[1], "Messages and Chat");
        prop_assert_eq!(&asked[0], &asked[2], "Messages and Responses");
    }
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn one_answer_is_told_the_same_in_every_dialect(said in prop::collection::vec(say(), 0..10), cut in 1_usize..200) {
        let bytes: Vec<u8> = said.iter().flat_map(frames).flat_map(|frame| frame.encode()).collect();
        let reply = Answer::stream(bytes.chunks(cut).map(|chunk| Piece::Bytes(chunk.to_vec())).collect());
        let run = |dialect: Dialect, stream: bool| {
            let more = match dialect {
                Dialect::Messages => r#""max_tokens":100000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[{"role":"user","content":"hi"}]"#,
                Dialect::Chat if stream => r#""reasoning_effort":"high","stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]"#,
                Dialect::Chat => r#""reasoning_effort":"high","messages":[{"role":"user","content":"hi"}]"#,
                Dialect::Responses => r#""store":false,"reasoning":{"effort":"high","summary":"auto"},"input":"hi""#,
            };
            let body = format!(r#"{{"model":"claude-sonnet-4-5","stream":{stream},{more}}}"#);
            let outcome = steps::run(&mut steps::gateway(), Ask::post(dialect.path(), body).incoming(), [3; 32], std::slice::from_ref(&reply));
            told(dialect, &outcome.body, outcome.status)
        };
        let expected = run(Dialect::Messages, false);
        for dialect in ALL {
            for stream in [false, true] {
                prop_assert_eq!(&run(dialect, stream), &expected, "{:?}, stream: {}", dialect, stream);
            }
        }
    }
}
