//! Client keys: who may use the gateway.

use core::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{Error, Kind};
use crate::host::{Headers, header};

/// The configured client keys, as hashes. Holds no key in clear.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ClientKeys(Vec<ClientKey>);

#[derive(Clone, PartialEq, Eq)]
struct ClientKey {
    sha256: [u8; 32],
    label: String,
}

/// A client whose key is configured.
#[derive(Clone, Copy)]
pub struct Caller<'c> {
    /// The label of its key, for the log.
    pub label: &'c str,
    /// The key itself: for a digest, and nothing else.
    pub key: &'c str,
}

impl ClientKeys {
    /// Reads a comma list of keys.
    ///
    /// # Errors
    /// A text that names what is wrong, never a key.
    pub fn parse(list: &str) -> Result<Self, String> {
        let list = list.trim();
        if list.starts_with(['[', '{']) {
            return Err(
                "client keys as JSON objects are not supported by this version: give a comma list of keys".into()
            );
        }
        let keys = list.split(',').map(str::trim).filter(|key| !key.is_empty());
        let keys =
            keys.enumerate().map(|(at, key)| ClientKey { sha256: digest(key), label: format!("key-{}", at + 1) });
        Ok(Self(keys.collect()))
    }

    /// Whether no key is configured; every `/v1/*` then answers 503.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key a request carries, and its label: in `x-api-key` or as a bearer token (the scheme word in any
    /// case). Every configured hash is compared, in constant time.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`] when no key came or it is not configured.
    pub fn check<'c>(&'c self, headers: &'c Headers) -> Result<Caller<'c>, Error> {
        let presented =
            [header(headers, "x-api-key").map(str::trim), header(headers, "authorization").and_then(bearer)];
        let mut caller = None;
        for key in presented.into_iter().flatten() {
            let hash = digest(key);
            for known in &self.0 {
                if bool::from(known.sha256.ct_eq(&hash)) {
                    caller = caller.or(Some(Caller { label: &known.label, key }));
                }
            }
        }
        caller.ok_or_else(|| {
            let text = if presented.iter().flatten().any(|key| !key.is_empty()) { UNKNOWN_KEY } else { NO_KEY };
            Error::new(Kind::Unauthenticated, text)
        })
    }
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKeys({})", self.0.len())
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

const NO_KEY: &str = "no API key: send the gateway's client key as `x-api-key` or `Authorization: Bearer`";
const UNKNOWN_KEY: &str =
    "invalid API key: it is not one of the client keys this gateway is configured with (KIRO_CLIENT_TOKEN)";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)]) -> Result<String, Kind> {
        let keys = ClientKeys::parse(" one, two ,").unwrap();
        let headers = headers.iter().map(|&(name, value)| (name.into(), value.to_owned())).collect();
        keys.check(&headers).map(|caller| caller.label.to_owned()).map_err(|error| error.kind())
    }

    #[test]
    fn a_key_is_taken_from_either_header_in_any_scheme_case() {
        assert_eq!(check(&[("x-api-key", "one")]), Ok("key-1".into()));
        assert_eq!(check(&[("authorization", "Bearer two")]), Ok("key-2".into()));
        assert_eq!(check(&[("authorization", "bEARER   two ")]), Ok("key-2".into()));
        assert_eq!(check(&[("x-api-key", "stale"), ("authorization", "Bearer two")]), Ok("key-2".into()));
    }

    #[test]
    fn no_key_an_unknown_key_and_another_scheme_are_refused() {
        for headers in [
            vec![],
            vec![("x-api-key", "three")],
            vec![("x-api-key", "")],
            vec![("authorization", "Basic one")],
            vec![("authorization", "one")],
        ] {
            assert_eq!(check(&headers), Err(Kind::Unauthenticated), "{headers:?}");
        }
    }

    #[test]
    fn an_empty_list_has_no_key_that_opens() {
        assert!(ClientKeys::parse(" , ").unwrap().is_empty());
        assert!(ClientKeys::default().check(&vec![("x-api-key".into(), String::new())]).is_err());
    }

    #[test]
    fn debug_shows_only_how_many() {
        assert_eq!(format!("{:?}", ClientKeys::parse("one,two").unwrap()), "ClientKeys(2)");
    }
}
