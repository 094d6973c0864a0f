//! The environment itself: its start, its sleep between invocations, its memory, its end.

use std::process::Command;

use kiro2api_tests::runtime_api::{End, Environment, Plan, Request};
use kiro2api_tests::{Config, Upstream};

use crate::stage::{Dialect, KEY, Stage, bootstrap, line_of_the_log, plan};

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn connections_that_the_service_closed_in_the_environments_sleep_are_replaced() {
    let upstream = Upstream::start(Config::default()).unwrap();
    let port = upstream.url().rsplit(':').next().unwrap().parse().unwrap();
    let mut environment = Environment::start(&plan(&upstream, "demo-key")).unwrap();
    environment.ready().unwrap();
    let mut stage = Stage { upstream, environment };
    stage.serves();
    for _ in 0..3 {
        stage.environment.freeze().unwrap();
        drop(stage.upstream);
        let upstream = Upstream::start(Config { port, ..Config::default() }).unwrap();
        stage = Stage { upstream, environment: stage.environment };
        stage.environment.thaw().unwrap();
        stage.serves();
        assert_eq!(stage.upstream.requests_of("chat").len(), 1);
    }
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn a_function_without_settings_starts_and_says_what_is_missing() {
    let mut environment = Environment::start(&Plan::new(&bootstrap())).unwrap();
    environment.ready().unwrap();
    let ask = |request: &Request| {
        let invocation = kiro2api_tests::runtime_api::Invocation::new(&request.function_url());
        environment.invoke(invocation).unwrap().whole().unwrap()
    };
    assert_eq!(ask(&Request::new("GET", "/health")).end, End::Complete);
    let answer = ask(&Dialect::Messages.ask("hello", false));
    assert_eq!(answer.status(), 503);
    assert!(answer.text().contains("KIRO_CLIENT_TOKEN"), "{}", answer.text());
    assert_eq!(environment.api().offences(), Vec::<String>::new());
    environment.log().iter().for_each(|line| line_of_the_log(line));
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn a_hundred_invocations_leave_the_memory_where_it_was() {
    let stage = Stage::new();
    let round = |count: usize| {
        for at in 0..count {
            let request = Dialect::ALL[at % 3].ask("@sim text \"0123456789\" times=200 chunk=10", at % 2 == 0);
            let answer = stage.ask(&request);
            assert_eq!((answer.status(), answer.end), (200, End::Complete));
        }
        stage.environment.usage().unwrap().resident
    };
    let warm = round(30);
    let after = round(100);
    assert!(after < warm + (2 << 20), "{warm} bytes after 30 invocations, {after} after 130");
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn outside_of_lambda_the_program_says_so_and_fails() {
    let output = Command::new(bootstrap()).env_clear().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code().is_some_and(|code| code != 0), "{:?}: {said}", output.status);
    assert!(said.contains("AWS_LAMBDA") && !said.contains("panicked"), "{said}");
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn without_its_runtime_api_the_program_ends_with_a_failure() {
    let output = Command::new(bootstrap())
        .env_clear()
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "kiro2api"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            // Nobody listens on the discard port.
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
            ("KIRO_CLIENT_TOKEN", KEY),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code().is_some_and(|code| code != 0), "{:?}: {said}", output.status);
    assert!(!said.contains("panicked") && !said.contains(KEY), "{said}");
}
