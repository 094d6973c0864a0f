//! Configuration: names to values, read once from whatever the platform calls its environment.

mod image_urls;

pub use image_urls::ImageUrls;

use crate::auth::ClientKeys;
use crate::host::Millis;
use crate::models::{Catalogue, ModelMap};
use crate::pool::{self, Credential, Strategy};
use crate::seal::Sealing;
use crate::upstream::endpoint::Bases;

/// Names of the original project that this version does not act on.
const WITHOUT_EFFECT: &[&str] = &[
    "MAX_CONCURRENT_SESSIONS",
    "SESSION_TIMEOUT_MINUTES",
    "DISABLE_STREAM",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "LOG_CONSOLE",
    "LOG_FILE",
    "METRICS_ENABLED",
    "RESPONSE_CACHE",
    "GIN_MODE",
];

/// What an operator configured.
#[derive(Debug)]
pub struct Config {
    /// Keys clients present.
    pub client_keys: ClientKeys,
    /// The models there are: the built-in ones with the operator's map, until the service's own list is known.
    pub catalogue: Catalogue,
    /// The operator's map, which comes over every list of the service.
    pub model_map: ModelMap,
    /// Accounts of the service.
    pub credentials: Vec<Credential>,
    /// Which account serves next.
    pub strategy: Strategy,
    /// How many requests may be under way on one account; `None`: as many as come.
    pub account_max_concurrent: Option<u32>,
    /// How stored tokens are sealed.
    pub sealing: Sealing,
    /// Hosts of the service.
    pub bases: Bases,
    /// Deadline of one token refresh.
    pub refresh_timeout: Millis,
    /// Deadlines of requests.
    pub deadlines: Deadlines,
    /// How long an answer of the Responses API is kept where its client wants that; `None`: none is.
    pub responses_kept: Option<Millis>,
    /// Origins a browser may call from.
    pub cors: Origins,
    /// Whose pictures are fetched.
    pub image_urls: ImageUrls,
    /// What has to be set or mended before `/v1/*` can serve: one sentence each, no values.
    pub problems: Vec<String>,
    /// Accounts that are left out because something about them is wrong, while others serve: one sentence each, no
    /// values.
    pub left_out: Vec<String>,
    /// Whether one of the problems is a value that is kept elsewhere and could not be read: another try may help.
    pub unread: bool,
    /// What the operator should know and can live with.
    pub notes: Vec<String>,
}

/// Deadlines (L2). All spans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// A whole simple request, not streamed.
    pub simple: Millis,
    /// A whole complex request, not streamed.
    pub complex: Millis,
    /// A whole streamed request.
    pub stream: Millis,
    /// From the request to the service until its answer's first meaningful frame.
    pub first: Millis,
    /// Between two chunks of the service's answer.
    pub idle: Millis,
}

/// Origins a browser may call from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origins {
    /// Every one, without credentials.
    Any,
    /// These, compared whole.
    Listed(Vec<String>),
}

impl Config {
    /// Reads every name through `get`. Never fails: what cannot be read is in [`Config::problems`].
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::read_with(&|name| Ok(get(name)))
    }

    /// The same where a value may lie out of reach: `Err` says why, and what to do, without a value. That is a problem
    /// too, and sets [`Config::unread`].
    pub fn read_with(get: &dyn Fn(&str) -> Result<Option<String>, String>) -> Self {
        let mut reader = Reader { get, problems: Vec::new(), left_out: Vec::new(), notes: Vec::new(), unread: false };
        let client_keys = reader.client_keys();
        let credentials = reader.credentials();
        let strategy = reader.checked("TOKEN_SELECTION_STRATEGY", Strategy::parse);
        let account_max_concurrent = reader.parsed("ACCOUNT_MAX_CONCURRENT", concurrency);
        let sealing = reader.checked("TOKEN_STORE_KEY", Sealing::parse);
        let bases = reader.bases();
        let refresh_timeout = reader.parsed("TOKEN_REFRESH_TIMEOUT", duration).unwrap_or(Millis::secs(10));
        let deadlines = reader.deadlines();
        let responses_kept = reader.responses_kept();
        let cors = reader.origins();
        let (catalogue, model_map) = reader.catalogue();
        reader.note_models(&client_keys, &catalogue);
        let image_urls = reader.parsed("IMAGE_URLS", ImageUrls::parse).unwrap_or_default();
        for name in WITHOUT_EFFECT {
            if reader.value(name).is_some() {
                reader.notes.push(format!("{name} is set and has no effect in this version"));
            }
        }
        let Reader { problems, left_out, notes, unread, .. } = reader;
        Self {
            client_keys,
            catalogue,
            model_map,
            credentials,
            strategy,
            account_max_concurrent,
            sealing,
            bases,
            refresh_timeout,
            deadlines,
            responses_kept,
            cors,
            image_urls,
            problems,
            left_out,
            unread,
            notes,
        }
    }
}

struct Reader<'g> {
    get: &'g dyn Fn(&str) -> Result<Option<String>, String>,
    problems: Vec<String>,
    left_out: Vec<String>,
    notes: Vec<String>,
    unread: bool,
}

impl Reader<'_> {
    /// A value that says something.
    fn value(&mut self, name: &str) -> Option<String> {
        let value = (self.get)(name).unwrap_or_else(|why| {
            self.unread = true;
            self.problems.push(format!("{name} cannot be read: {why}"));
            None
        });
        value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(&self.value(name)?) {
            Ok(value) => Some(value),
            Err(text) => {
                self.problems.push(format!("{name} cannot be read: {text}"));
                None
            }
        }
    }

    /// A value whose reader knows the default and names the variable itself.
    fn checked<T: Default>(&mut self, name: &str, parse: impl FnOnce(Option<&str>) -> Result<T, String>) -> T {
        parse(self.value(name).as_deref()).unwrap_or_else(|text| {
            self.problems.push(text);
            T::default()
        })
    }

    fn client_keys(&mut self) -> ClientKeys {
        let before = self.problems.len();
        let keys = self.parsed("KIRO_CLIENT_TOKEN", ClientKeys::parse).unwrap_or_default();
        if keys.is_empty() && self.problems.len() == before {
            self.problems.push(NO_CLIENT_KEY.into());
        }
        keys
    }

    /// The service may offer a model that is not known at the start.
    fn note_models(&mut self, keys: &ClientKeys, catalogue: &Catalogue) {
        let unknown = keys.models().filter(|(.., name)| catalogue.find(name).is_none());
        self.notes.extend(unknown.map(|(label, at, _)| {
            format!(
                "KIRO_CLIENT_TOKEN: models[{at}] of the key {label:?} is no model that this gateway knows at its start"
            )
        }));
    }

    fn credentials(&mut self) -> Vec<Credential> {
        let before = self.problems.len();
        let (tokens, social) = (self.value("KIRO_AUTH_TOKEN"), self.value("AWS_REFRESHTOKEN"));
        if self.problems.len() > before {
            return Vec::new();
        }
        if tokens.is_none() && social.is_none() {
            self.problems.push(NO_ACCOUNT.into());
            return Vec::new();
        }
        let parsed = pool::parse(tokens.as_deref(), social.as_deref());
        self.notes.extend(parsed.notes);
        // Without one that can serve, what is wrong with the others is what the operator has to mend first.
        let serves = parsed.credentials.iter().any(|credential| !credential.disabled);
        if serves { &mut self.left_out } else { &mut self.problems }.extend(parsed.problems);
        if parsed.credentials.is_empty() && self.problems.len() == before {
            self.problems.push("KIRO_AUTH_TOKEN holds no account: give at least one object with a refreshToken".into());
        }
        parsed.credentials
    }

    fn catalogue(&mut self) -> (Catalogue, ModelMap) {
        let built_in = Catalogue::built_in();
        let map = self.parsed("MODEL_MAP", ModelMap::parse).unwrap_or_default();
        match map.apply(built_in) {
            Ok((catalogue, notes)) => {
                self.notes.extend(notes);
                (catalogue, map)
            }
            Err(problems) => {
                self.problems.extend(problems.iter().map(|text| format!("MODEL_MAP cannot be used: {text}")));
                (built_in.clone(), map)
            }
        }
    }

    fn bases(&mut self) -> Bases {
        match Bases::read(|name: &str| (self.get)(name).unwrap_or_default()) {
            Ok(bases) => bases,
            Err(error) => {
                self.problems.push(error.to_string());
                Bases::default()
            }
        }
    }

    fn deadlines(&mut self) -> Deadlines {
        let mut span = |name: &str, default: Millis| self.parsed(name, minutes).unwrap_or(default);
        let (read, write) = ("SERVER_READ_TIMEOUT_MINUTES", "SERVER_WRITE_TIMEOUT_MINUTES");
        let idle = match span(read, Millis::NEVER).min(span(write, Millis::NEVER)) {
            Millis::NEVER => Millis::mins(5),
            set => set,
        };
        Deadlines {
            simple: span("SIMPLE_REQUEST_TIMEOUT_MINUTES", Millis::mins(2)),
            complex: span("REQUEST_TIMEOUT_MINUTES", Millis::mins(15)),
            stream: span("STREAM_REQUEST_TIMEOUT_MINUTES", Millis::mins(30)),
            first: idle,
            idle,
        }
    }

    fn responses_kept(&mut self) -> Option<Millis> {
        let kept = self.parsed("RESPONSES_STORE", switch).unwrap_or(true);
        let lifetime = self.parsed("RESPONSES_TTL_HOURS", hours).unwrap_or(Millis::mins(24 * 60));
        kept.then_some(lifetime)
    }

    fn origins(&mut self) -> Origins {
        match self.value("CORS_ALLOW_ORIGINS") {
            None => Origins::Any,
            Some(list) if list == "*" => Origins::Any,
            Some(list) => {
                Origins::Listed(list.split(',').map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect())
            }
        }
    }
}

/// How many at once.
fn concurrency(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_CONCURRENT).contains(number));
    number.ok_or_else(|| format!("give a whole number from 1 to {MAX_CONCURRENT}, or leave it out for no limit"))
}

/// Minutes as a decimal number.
fn minutes(text: &str) -> Result<Millis, String> {
    let minutes: f64 = text.parse().map_err(|_| String::from("give a number of minutes, such as 15"))?;
    if !(minutes.is_finite() && minutes > 0.0 && minutes <= MAX_MINUTES) {
        return Err(format!("give a number of minutes above 0 and up to {MAX_MINUTES}"));
    }
    Ok(millis(minutes * 60_000.0))
}

/// Hours as a decimal number.
fn hours(text: &str) -> Result<Millis, String> {
    match text.parse::<f64>() {
        Ok(hours) if (MIN_HOURS..=MAX_HOURS).contains(&hours) => Ok(millis(hours * 3_600_000.0)),
        _ => Err(format!("give a number of hours from {MIN_HOURS} to {MAX_HOURS}, such as 24")),
    }
}

/// On or off.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("give on or off".into()),
    }
}

/// A duration such as `10s`, `500ms`, `1m`, or plain seconds.
fn duration(text: &str) -> Result<Millis, String> {
    let at = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(at).unwrap_or((text, ""));
    let scale = match unit {
        "" | "s" => 1_000.0,
        "ms" => 1.0,
        "m" => 60_000.0,
        _ => return Err("give a duration such as 10s, 500ms or 1m".into()),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 && number * scale <= MAX_MINUTES * 60_000.0 => {
            Ok(millis(number * scale))
        }
        _ => Err("give a duration above zero such as 10s, 500ms or 1m".into()),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the callers bound the value")]
fn millis(value: f64) -> Millis {
    Millis(value.ceil() as u64)
}

/// Anything above is no limit.
const MAX_CONCURRENT: u32 = 10_000;
/// More than a minute, the shortest lifetime that every store takes; and a year.
const MIN_HOURS: f64 = 0.02;
const MAX_HOURS: f64 = 8760.0;
/// A day: longer than any platform keeps a request.
const MAX_MINUTES: f64 = 1440.0;
const NO_CLIENT_KEY: &str = "no client key is set: set KIRO_CLIENT_TOKEN (Workers: `wrangler secret put KIRO_CLIENT_TOKEN`; Lambda: a secret, its ARN in the stack's parameter ClientTokenArn) to a key of your own, and give it to your clients";
const NO_ACCOUNT: &str = "no account is set: set KIRO_AUTH_TOKEN (Workers: `wrangler secret put KIRO_AUTH_TOKEN`; Lambda: a secret, its ARN in the stack's parameter AuthTokenArn) to JSON such as [{\"auth\":\"Social\",\"refreshToken\":\"…\"}]";

#[cfg(test)]
mod tests;
