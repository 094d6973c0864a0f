//! Goldens as plain files: one folder is one behaviour, named as a sentence.
//!
//! ```text
//! tests/cases/<area>/<what-is-shown>/
//!   client.json    the request's body, without `stream`: the runner puts it in
//!   frames.script  what the service does, in the simulator's language; `#` begins a comment line
//!   case.json      optional: see [`Settings`]
//!   upstream.json  the body the service gets; upstream-2.json … for further ones that differ from the one before
//!   stream.sse     what a streaming client gets
//!   body.json      what another client gets
//!   *.head         only where it is not the usual one: status, and the headers that are not usual
//!   whole.sse      only for streams that break: what comes when the service's bytes arrive in one piece
//! ```
//!
//! `UPDATE_GOLDENS=1 cargo test -p kiro2api-tests --test golden` writes the expected files anew; read the difference
//! before you keep it. Without that variable nothing is ever written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kiro2api_core::host::Incoming;
use serde::Deserialize;

use super::{Answer, Ask, Got, Kind, Operation, Sent, StoreKind, World, login};
use crate::script::Scene;

/// A golden folder.
#[derive(Debug)]
pub struct Case {
    /// `area/what-is-shown`.
    pub name: String,
    dir: PathBuf,
    client: String,
    script: Option<String>,
    /// What `case.json` says.
    pub settings: Settings,
}

/// What a case may say about itself; everything is optional.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The rows of the contract it shows, for the reader.
    pub shows: String,
    /// More headers of the client's request, names in lower case. With `authorization` no `x-api-key` is sent.
    pub headers: BTreeMap<String, String>,
    /// Method and path.
    pub route: String,
    /// Whether it runs streamed.
    pub stream: bool,
    /// Whether it runs with one body.
    pub body: bool,
    /// `key`, `social` or `idc`.
    pub account: String,
    /// More variables.
    pub variables: BTreeMap<String, String>,
    /// Pictures that lie elsewhere: URLs and their bytes in base64.
    pub media: BTreeMap<String, String>,
    /// Whether the bytes must come out the same however the service's bytes are cut. Not so where pauses count.
    pub cuts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shows: String::new(),
            headers: BTreeMap::new(),
            route: "POST /v1/messages".to_owned(),
            stream: true,
            body: true,
            account: "key".to_owned(),
            variables: BTreeMap::new(),
            media: BTreeMap::new(),
            cuts: true,
        }
    }
}

/// How the service's bytes are cut.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// As the script says: a frame is a chunk.
    Frames,
    /// All bytes between two pauses are one chunk.
    Whole,
    /// Two chunks, the second one from this byte on.
    At(usize),
    /// Chunks of so many bytes.
    Every(usize),
}

impl Cut {
    /// The same reply, cut this way.
    pub fn apply(self, answer: Answer) -> Answer {
        match self {
            Self::Frames => answer,
            Self::Whole => answer.joined(),
            Self::At(at) => answer.joined().split_at(at),
            Self::Every(size) => answer.joined().rechunked(|bytes| bytes.chunks(size).map(<[u8]>::to_vec).collect()),
        }
    }
}

impl Case {
    /// Every case below `tests/cases`, by name.
    pub fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
        let mut cases = Vec::new();
        for area in folders(&root) {
            cases.extend(folders(&area).into_iter().map(Self::read));
        }
        cases
    }

    fn read(dir: PathBuf) -> Self {
        let part =
            |path: Option<&Path>| path.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let name = format!("{}/{}", part(dir.parent()), part(Some(&dir)));
        let optional = |file: &str| fs::read_to_string(dir.join(file)).ok();
        let settings = optional("case.json").map_or_else(Settings::default, |text| {
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}/case.json: {error}"))
        });
        let client = optional("client.json").unwrap_or_default();
        let script = optional("frames.script").map(|text| {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            lines.collect::<Vec<_>>().join("\n")
        });
        Self { name, dir, client, script, settings }
    }

    /// One run: what the client got and what the service got.
    pub fn run(&self, stream: bool, cut: Cut) -> (Got, Vec<Sent>) {
        let world = World::new(StoreKind::Compare);
        // The caller looks at the violations, so that they name the case.
        world.tolerate_violations();
        world.service.configure(|config| config.default_script.clone_from(&self.script));
        world.service.cut(move |answer| cut.apply(answer));
        for (url, base64) in &self.settings.media {
            let bytes = STANDARD.decode(base64).unwrap_or_else(|error| panic!("{}: {url}: {error}", self.name));
            world.service.for_url(Operation::Media, url, Answer::plain(200, "image/png", bytes));
        }
        let tokens = match self.settings.account.as_str() {
            "key" => login::key(),
            "social" => login::social(),
            _ => login::idc(),
        };
        let mut variables = vec![("KIRO_AUTH_TOKEN", tokens.as_str())];
        variables.extend(self.settings.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let instance = world.frozen_instance(&variables);
        let ask = Ask::of(self.incoming(stream));
        let got = world.ask(&instance, &ask);
        (got, world.service.sent_of(Operation::Chat))
    }

    /// The script's first four replies.
    pub fn replies(&self) -> Vec<Answer> {
        let Some(script) = &self.script else { return Vec::new() };
        let scene = |attempt| Scene { attempt, seed: "case".to_owned(), ..Scene::default() };
        (0..4).map(|attempt| Answer::scene(script, &scene(attempt))).collect()
    }

    /// The request as a streaming client sends it.
    pub fn incoming(&self, stream: bool) -> Incoming {
        let (method, path) = self.settings.route.split_once(' ').expect("a route is a method and a path");
        let mut ask = Ask::post(path, self.client_body(stream));
        ask.0.method = method.to_owned();
        if self.settings.headers.contains_key("authorization") {
            ask = ask.without_key();
        }
        for (name, value) in &self.settings.headers {
            ask = ask.header(name, value);
        }
        ask.incoming()
    }

    /// The client's body, with `stream` in front of everything else where it is asked for.
    fn client_body(&self, stream: bool) -> String {
        match self.client.trim_start().strip_prefix('{') {
            Some(rest) if stream => format!("{{\"stream\":true,{rest}"),
            _ => self.client.clone(),
        }
    }

    /// Compares a file of the case, or writes it anew when goldens are updated. `None`: there must be no such file.
    pub fn expect(&self, file: &str, actual: Option<&str>, complaints: &mut Vec<String>) {
        let path = self.dir.join(file);
        let expected = fs::read_to_string(&path).ok();
        if expected.as_deref() == actual {
            return;
        }
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            let written = match actual {
                Some(actual) => fs::write(&path, actual),
                None => fs::remove_file(&path),
            };
            written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            return;
        }
        let show = |text: Option<&str>| text.unwrap_or("(nothing)").to_owned();
        complaints.push(format!(
            "{}/{file}\n--- expected\n{}\n--- got\n{}",
            self.name,
            show(expected.as_deref()),
            show(actual)
        ));
    }
}

/// What is unusual about an answer's head: its status when it is not 200, and headers that not every answer has.
pub fn unusual_head(got: &Got) -> Option<String> {
    let Some(head) = &got.head else { return Some("no head\n".to_owned()) };
    let usual: &[(&str, &str)] = match got.kind {
        Kind::Stream => &[
            ("content-type", "text/event-stream; charset=utf-8"),
            ("cache-control", "no-cache, no-transform"),
            ("x-accel-buffering", "no"),
        ],
        _ => &[("content-type", "application/json")],
    };
    let everywhere = [
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "request-id, x-request-id, retry-after, x-kiro2api-ignored"),
    ];
    let mut lines = Vec::new();
    if head.status != 200 {
        lines.push(head.status.to_string());
    }
    for (name, value) in head.headers.iter().filter(|(name, _)| !name.ends_with("request-id")) {
        if !usual.iter().chain(&everywhere).any(|known| (known.0, known.1) == (name.as_ref(), value.as_str())) {
            lines.push(format!("{name}: {value}"));
        }
    }
    for (name, _) in usual.iter().chain(&everywhere).filter(|(name, _)| got.header(name).is_none()) {
        lines.push(format!("no {name}"));
    }
    assert!(got.header("request-id").is_some_and(|id| id.starts_with("req_")), "no request-id: {head:?}");
    (!lines.is_empty()).then(|| lines.join("\n") + "\n")
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}
