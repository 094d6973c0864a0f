//! Client keys: who may use the gateway, what for, which models, and until when.

mod entries;

use core::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{Error, Kind};
use crate::host::{Headers, Millis, header};

/// The configured client keys, as hashes. Holds no key in clear.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ClientKeys(Vec<ClientKey>);

#[derive(Clone, PartialEq, Eq)]
struct ClientKey {
    sha256: [u8; 32],
    label: String,
    scopes: Scopes,
    /// Public names of the models it may use; `None`: every one.
    models: Option<Vec<String>>,
    /// It opens nothing from then on.
    expires: Option<Millis>,
}

/// What a key is good for. None of them holds another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Answers, token counts and the models.
    Use,
    /// Numbers of the gateway, such as what is left of the accounts' quotas.
    Metrics,
    /// Numbers of the gateway with the accounts' addresses, and having them read anew.
    Admin,
}

impl Scope {
    /// Its word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Metrics => "metrics",
            Self::Admin => "admin",
        }
    }

    const ALL: [Self; 3] = [Self::Use, Self::Metrics, Self::Admin];
}

/// A set of [`Scope`]s.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Scopes(u8);

impl Scopes {
    /// What a key has where nothing is said.
    const USUAL: Self = Self(1 << Scope::Use as u8 | 1 << Scope::Metrics as u8);

    fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u8)
    }

    fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = Scope::ALL.into_iter().filter(|scope| self.has(*scope)).map(Scope::word).collect();
        f.write_str(&words.join(", "))
    }
}

/// A client whose key is configured.
#[derive(Clone, Copy)]
pub struct Caller<'c> {
    known: &'c ClientKey,
    /// The key itself: for a digest, and nothing else.
    pub key: &'c str,
}

impl<'c> Caller<'c> {
    /// The label of its key, for the log.
    pub fn label(&self) -> &'c str {
        &self.known.label
    }

    /// The models it may use, by public names; `None`: every one.
    pub fn models(&self) -> Option<&'c [String]> {
        self.known.models.as_deref()
    }

    /// Whether its key has this scope.
    pub fn has(&self, scope: Scope) -> bool {
        self.known.scopes.has(scope)
    }

    /// # Errors
    /// [`Kind::Unauthenticated`] when its key has expired.
    pub fn check_term(&self, now: Millis) -> Result<(), Error> {
        match self.known.expires {
            Some(end) if end <= now => {
                let text = format!(
                    "this API key has expired ({}): ask the operator of this gateway for another one",
                    end.rfc3339()
                );
                Err(Error::new(Kind::Unauthenticated, text))
            }
            _ => Ok(()),
        }
    }

    /// # Errors
    /// [`Kind::Forbidden`] when its key has none of these scopes.
    pub fn check_scope(&self, any_of: &[Scope]) -> Result<(), Error> {
        if any_of.iter().any(|scope| self.has(*scope)) {
            return Ok(());
        }
        let needed: Vec<_> = any_of.iter().map(|scope| format!("`{}`", scope.word())).collect();
        let text = format!(
            "this API key is not allowed to do that: it needs the scope {} and has {}",
            needed.join(" or "),
            self.known.scopes
        );
        Err(Error::new(Kind::Forbidden, text))
    }
}

impl ClientKeys {
    /// Reads a comma list of keys, each with the scopes `use` and `metrics`, or JSON: an object or a list of objects
    /// `{key | sha256, label, scopes, models, expires}`.
    ///
    /// # Errors
    /// A text that names what is wrong by index and field, never a value.
    pub fn parse(list: &str) -> Result<Self, String> {
        let list = list.trim();
        if list.starts_with(['[', '{']) {
            return entries::parse(list).map(Self);
        }
        let keys = list.split(',').map(str::trim).filter(|key| !key.is_empty()).enumerate();
        let plain = |(at, key)| ClientKey {
            sha256: digest(key),
            label: usual_label(at),
            scopes: Scopes::USUAL,
            models: None,
            expires: None,
        };
        Ok(Self(keys.map(plain).collect()))
    }

    /// Whether no key is configured; every `/v1/*` then answers 503.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every name of a model that a key is limited to: the key's label, the place of the name, and the name.
    pub fn models(&self) -> impl Iterator<Item = (&str, usize, &str)> {
        self.0.iter().flat_map(|key| {
            let names = key.models.iter().flatten().enumerate();
            names.map(|(at, name)| (key.label.as_str(), at, name.as_str()))
        })
    }

    /// The key a request carries: in `x-api-key` or as a bearer token (the scheme word in any case). Every configured
    /// hash is compared, in constant time. Of two keys that are configured the first that has not expired counts.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`] when no key came or it is not configured. Whether it has expired is not judged here:
    /// see [`Caller::check_term`].
    pub fn check<'c>(&'c self, headers: &'c Headers, now: Millis) -> Result<Caller<'c>, Error> {
        let presented =
            [header(headers, "x-api-key").map(str::trim), header(headers, "authorization").and_then(bearer)];
        let mut callers = Vec::new();
        for key in presented.into_iter().flatten() {
            let hash = digest(key);
            for known in &self.0 {
                if bool::from(known.sha256.ct_eq(&hash)) {
                    callers.push(Caller { known, key });
                }
            }
        }
        let current = callers.iter().find(|caller| caller.check_term(now).is_ok());
        current.or_else(|| callers.first()).copied().ok_or_else(|| {
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

/// The label of a key that has none of its own, by its place in the list.
fn usual_label(at: usize) -> String {
    format!("key-{}", at + 1)
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
mod tests;
