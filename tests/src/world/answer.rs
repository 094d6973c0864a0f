//! Replies of the service: by script, by refusal, or byte by byte.

use kiro2api_core::host::{Head, TransportError, TransportFault};
use serde_json::Value;

use crate::refusal::Refusal;
use crate::script::{Action, End, Head as ScriptHead, Plan, Scene, Script};

/// A reply.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Milliseconds before the head.
    pub head_delay: u64,
    /// Status and headers, or that there is no reply.
    pub head: Result<Head, TransportError>,
    /// The body. Without a break or a stall it ends cleanly.
    pub pieces: Vec<Piece>,
}

/// One thing that happens with a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// A chunk; empty ones are skipped.
    Bytes(Vec<u8>),
    /// A pause in milliseconds.
    Wait(u64),
    /// Nothing more, and no end.
    Stall,
    /// The connection breaks.
    Break,
}

impl Answer {
    /// A 200 event stream of these pieces.
    pub fn stream(pieces: Vec<Piece>) -> Self {
        Self::of(200, &[("content-type", "application/vnd.amazon.eventstream")], pieces)
    }

    /// The first step of a script, as for a first request.
    pub fn script(directive: &str) -> Self {
        Self::scene(directive, &Scene::default())
    }

    /// The step of a script that a scene asks for.
    pub fn scene(directive: &str, scene: &Scene) -> Self {
        let script = Script::parse(directive).unwrap_or_else(|error| panic!("{error}"));
        Self::plan(script.plan(scene).unwrap_or_else(|| panic!("no such step: {directive}")))
    }

    /// A refusal by its short name in the simulator (`throttle`, `bearer`, …).
    pub fn refusal(name: &str) -> Self {
        Self::refused(&Refusal::preset(name).unwrap_or_else(|| panic!("no refusal is called {name}")))
    }

    /// A refusal.
    pub fn refused(refusal: &Refusal) -> Self {
        let mut headers = vec![("content-type", refusal.content_type.as_deref().unwrap_or("application/json"))];
        if !refusal.kind.is_empty() {
            headers.push(("x-amzn-errortype", &refusal.kind));
        }
        if let Some(after) = &refusal.retry_after {
            headers.push(("retry-after", after));
        }
        Self::of(refusal.status, &headers, vec![Piece::Bytes(refusal.encode(false).into_bytes())])
    }

    /// A whole reply.
    pub fn plain(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::of(status, &[("content-type", content_type)], vec![Piece::Bytes(body.into())])
    }

    /// A whole JSON reply.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::plain(status, "application/json", body.to_string())
    }

    /// Status, headers and pieces.
    pub fn of(status: u16, headers: &[(&str, &str)], pieces: Vec<Piece>) -> Self {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned().into(), value.to_owned())).collect();
        Self { head_delay: 0, head: Ok(Head { status, headers }), pieces }
    }

    /// No connection.
    pub fn unreachable() -> Self {
        Self::broken(TransportFault::Connect)
    }

    /// The connection breaks before the head.
    pub fn cut_before_head() -> Self {
        Self::broken(TransportFault::Broke)
    }

    /// The request is taken and never answered.
    pub fn silence() -> Self {
        Self { head_delay: u64::MAX / 4, ..Self::stream(Vec::new()) }
    }

    fn broken(kind: TransportFault) -> Self {
        let text = "simulated network failure".to_owned();
        Self { head_delay: 0, head: Err(TransportError { kind, text }), pieces: Vec::new() }
    }

    /// The same after a pause before the head.
    #[must_use]
    pub fn after(mut self, milliseconds: u64) -> Self {
        self.head_delay = milliseconds;
        self
    }

    /// The same bytes in other chunks; pauses and breaks keep their place between them.
    #[must_use]
    pub fn rechunked(mut self, mut cut: impl FnMut(&[u8]) -> Vec<Vec<u8>>) -> Self {
        let pieces = std::mem::take(&mut self.pieces);
        self.pieces = pieces
            .into_iter()
            .flat_map(|piece| match piece {
                Piece::Bytes(bytes) => cut(&bytes).into_iter().map(Piece::Bytes).collect(),
                other => vec![other],
            })
            .collect();
        self
    }

    /// The same with everything between two pauses in one chunk.
    #[must_use]
    pub fn joined(mut self) -> Self {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in std::mem::take(&mut self.pieces) {
            match (joined.last_mut(), piece) {
                (Some(Piece::Bytes(before)), Piece::Bytes(bytes)) => before.extend(bytes),
                (_, piece) => joined.push(piece),
            }
        }
        self.pieces = joined;
        self
    }

    /// The same with a cut before this byte of the body.
    #[must_use]
    pub fn split_at(self, at: usize) -> Self {
        let mut before = 0;
        self.rechunked(|bytes| {
            let cut = at.saturating_sub(before).min(bytes.len());
            before += bytes.len();
            let (front, back) = bytes.split_at(cut);
            vec![front.to_vec(), back.to_vec()]
        })
    }

    /// All bytes of the body.
    pub fn bytes(&self) -> Vec<u8> {
        let bytes =
            self.pieces.iter().filter_map(|piece| if let Piece::Bytes(bytes) = piece { Some(bytes) } else { None });
        bytes.flatten().copied().collect()
    }

    pub(super) fn plan(plan: Plan) -> Self {
        let answer = match &plan.head {
            ScriptHead::Stream => Self::stream(plan.actions.into_iter().filter_map(piece).collect()),
            ScriptHead::Refused(refusal) => Self::refused(refusal),
            ScriptHead::Html => Self::plain(200, "text/html; charset=utf-8", HTML),
        };
        answer.after(plan.head_delay)
    }
}

fn piece(action: Action) -> Option<Piece> {
    match action {
        Action::Write(bytes) => Some(Piece::Bytes(bytes)),
        Action::Wait(span) => Some(Piece::Wait(span)),
        Action::Stall => Some(Piece::Stall),
        Action::End(End::Reset | End::Drop) => Some(Piece::Break),
        Action::End(End::Close) => None,
    }
}

const HTML: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>";
