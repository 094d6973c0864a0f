//! No line that a gateway writes may hold a secret: the logs of the gateways that suites share. (The suites search what
//! answers say, and the logs of gateways of their own: `tests/clients/support/secrets.mjs`.)

use std::collections::BTreeSet;

use serde_json::Value;

use crate::failure::{During, Failure, Result};

/// Secrets, by names that may be shown.
#[derive(Debug, Default)]
pub(super) struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Those of a simulated service: its accounts in the form of `KIRO_AUTH_TOKEN`, and every token that it issues.
    pub(super) fn of(credentials: &str) -> Result<Self> {
        let accounts: Vec<Value> = serde_json::from_str(credentials).during(|| "read the accounts".to_owned())?;
        let mut known = ISSUED.map(|(start, name)| (name.to_owned(), start.to_owned())).to_vec();
        for account in &accounts {
            let text = |member: &str| account[member].as_str();
            for member in ["refreshToken", "clientSecret"] {
                let name = || format!("the {member} of {}", text("label").unwrap_or("an account"));
                known.extend(text(member).map(|secret| (name(), secret.to_owned())));
            }
        }
        Ok(Self(known))
    }

    /// An error that names each secret that the log holds, and shows none. A log without a request proves nothing, and
    /// is an error too.
    pub(super) fn search(&self, log: &str) -> Result<usize> {
        let requests = log.lines().filter(|line| line.contains(REQUEST)).count();
        if requests == 0 {
            return Err(Failure::new("the log tells of no request: searching it proves nothing"));
        }
        let held = self.0.iter().filter(|(_, secret)| log.contains(secret.as_str()));
        let names: BTreeSet<&str> = held.map(|(name, _)| name.as_str()).collect();
        if names.is_empty() {
            return Ok(requests);
        }
        let names = Vec::from_iter(names).join(", ");
        Err(Failure::new(format!("the gateway's log holds secrets: {names}")))
    }
}

/// How the simulated service begins what it issues.
const ISSUED: [(&str, &str); 2] = [("aoaSIM-", "an access token"), ("aorSIM-", "a rotated refresh token")];
/// In the line of each request.
const REQUEST: &str = r#""message":"request""#;

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: &str = r#"[{"label":"one","refreshToken":"the-first"},{"label":"two","refreshToken":"the-second","clientSecret":"of-the-client"}]"#;
    const LINE: &str = "{\"message\":\"request\",\"account\":\"one\"}\n";

    #[test]
    fn a_secret_in_a_log_is_named_and_not_shown() {
        let secrets = Secrets::of(ACCOUNTS).unwrap();
        assert_eq!(secrets.search(&LINE.repeat(3)).unwrap(), 3);
        for (planted, name) in [
            ("the-second", "the refreshToken of two"),
            ("of-the-client", "the clientSecret of two"),
            ("Bearer aoaSIM-one-1-0123", "an access token"),
            ("aorSIM-", "a rotated refresh token"),
        ] {
            let words = secrets.search(&format!("{LINE}starting with {planted}.\n")).unwrap_err().to_string();
            assert_eq!(words, format!("the gateway's log holds secrets: {name}"));
        }
    }

    #[test]
    fn a_log_without_requests_proves_nothing() {
        assert!(Secrets::of(ACCOUNTS).unwrap().search("started\n").is_err());
        assert!(Secrets::of("no JSON").is_err());
    }
}
