//! The simulated service, and the variables of a gateway that uses it.

use kiro2api_lambda::machine::Machine;
use kiro2api_tests::accounts::DEMO_SOCIAL_REFRESH_TOKEN;
use kiro2api_tests::{Config, Fault, Upstream};

use super::{Gate, Logged, environment};

/// The client key of the tests.
pub const KEY: &str = "a-client-key-for-tests";

/// A service that takes its time for a refresh, so that others come while it is under way.
pub fn service() -> Upstream {
    let slow = r#"{"operation":"social","delay_ms":300}"#;
    let slow: Fault = serde_json::from_str(slow).expect("a fault");
    Upstream::start(Config { faults: vec![slow], ..Config::default() }).expect("a free port")
}

/// A login of the service, as `KIRO_AUTH_TOKEN` has it.
pub fn login(refresh_token: &str) -> String {
    format!(r#"[{{"auth":"Social","refreshToken":"{refresh_token}"}}]"#)
}

/// A login that the service takes.
pub fn demo_login() -> String {
    login(DEMO_SOCIAL_REFRESH_TOKEN)
}

/// How many refreshes the service has seen.
pub fn refreshes(service: &Upstream) -> usize {
    service.requests_of("social").len()
}

/// An environment that serves this service's accounts to [`KEY`].
pub async fn gateway(machine: Machine, gate: &Gate, service: &Upstream, set: &[(&str, &str)]) -> Logged {
    let (url, login) = (service.url(), demo_login());
    let mut all =
        vec![("KIRO_API_BASE", url.as_str()), ("KIRO_AUTH_BASE", url.as_str()), ("KIRO_OIDC_BASE", url.as_str())];
    let names = |name: &str| set.iter().any(|(set, _)| set.starts_with(name));
    if !names("KIRO_AUTH_TOKEN") {
        all.push(("KIRO_AUTH_TOKEN", &login));
    }
    if !names("KIRO_CLIENT_TOKEN") {
        all.push(("KIRO_CLIENT_TOKEN", KEY));
    }
    all.extend(set);
    Logged::new(environment(machine, gate, &all).await)
}
