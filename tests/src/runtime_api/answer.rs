//! The caller's side of an invocation: what comes, piece by piece, and how the caller leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::shape::Head;
use super::{Fault, GUARD};

/// Bytes of the body, as one read of the connection gave them.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// When they came.
    pub at: Instant,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The streamed answer is complete.
    Complete,
    /// The answer came whole, outside of the streaming mode.
    Buffered(Value),
    /// The program told of a failure in mid-stream, by trailers: the kind and the decoded body.
    Trailer(String, String),
    /// `POST …/error`: the kind and the body.
    Error(String, Value),
    /// The connection broke, or what came had not the form of an answer.
    Broken(String),
    /// The deadline passed; the platform kills the environment.
    TimedOut,
}

/// How a caller leaves before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The platform reads on and throws away what comes: what Lambda documents for a client that has left.
    Drain,
    /// The connection on which the program answers is closed.
    Close,
    /// The same with a reset.
    Reset,
    /// The platform refuses the rest with status 410, then closes.
    Refuse,
}

impl Leave {
    const ALL: [Self; 4] = [Self::Drain, Self::Close, Self::Reset, Self::Refuse];
}

/// What the server tells the caller.
pub(super) enum Said {
    Head(Head),
    Piece(Piece),
    End(End),
}

/// The server's end.
#[derive(Clone)]
pub(super) struct Teller {
    said: mpsc::Sender<Said>,
    leave: Arc<AtomicU8>,
}

impl Teller {
    /// The two ends. The caller takes one thing at a time: what it does not take is not read from the program.
    pub(super) fn new(runtime: Handle) -> (Self, Answering) {
        let (sender, receiver) = mpsc::channel(1);
        let leave = Arc::new(AtomicU8::new(Leave::Close as u8));
        let answering = Answering {
            said: Some(receiver),
            leave: Arc::clone(&leave),
            runtime,
            began: Instant::now(),
            head: None,
            end: None,
        };
        (Self { said: sender, leave }, answering)
    }

    /// False: the caller has left.
    pub(super) async fn tell(&self, said: Said) -> bool {
        self.said.send(said).await.is_ok()
    }

    /// Waits until the caller has left.
    pub(super) async fn left(&self) -> Leave {
        self.said.closed().await;
        self.leave()
    }

    pub(super) fn leave(&self) -> Leave {
        let how = usize::from(self.leave.load(Ordering::Acquire));
        Leave::ALL.get(how).copied().unwrap_or(Leave::Close)
    }
}

/// An invocation under way. Dropping it leaves with [`Leave::Close`].
pub struct Answering {
    said: Option<mpsc::Receiver<Said>>,
    leave: Arc<AtomicU8>,
    runtime: Handle,
    began: Instant,
    head: Option<Head>,
    end: Option<End>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The head, if there was a streamed answer.
    pub head: Option<Head>,
    /// The body as it came.
    pub pieces: Vec<Piece>,
    /// How it ended.
    pub end: End,
    /// From the call to the first bytes of the body.
    pub first: Option<Duration>,
    /// From the call to the end.
    pub total: Duration,
}

impl Answering {
    /// Waits for the head. `None`: the invocation ended without one, see [`Answering::end`].
    ///
    /// # Errors
    /// Nothing came for a minute.
    pub fn head(&mut self) -> Result<Option<&Head>, Fault> {
        while self.head.is_none() && self.end.is_none() {
            if let Some(Said::Piece(_)) = self.listen()? {
                return Err("a piece of the body came before the head".into());
            }
        }
        Ok(self.head.as_ref())
    }

    /// Waits for the next piece of the body. `None`: there is no more.
    ///
    /// # Errors
    /// Nothing came for a minute.
    pub fn piece(&mut self) -> Result<Option<Piece>, Fault> {
        while self.end.is_none() {
            if let Some(Said::Piece(piece)) = self.listen()? {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Reads until the body holds this text, and gives all of it so far.
    ///
    /// # Errors
    /// It ended without, or nothing came for a minute.
    pub fn until(&mut self, text: &str) -> Result<String, Fault> {
        let mut body = String::new();
        while let Some(piece) = self.piece()? {
            body.push_str(&String::from_utf8_lossy(&piece.bytes));
            if body.contains(text) {
                return Ok(body);
            }
        }
        Err(format!("the answer ended with {:?} and without {text:?}: {body}", self.end).into())
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Reads to the end.
    ///
    /// # Errors
    /// Nothing came for a minute.
    pub fn whole(mut self) -> Result<Answer, Fault> {
        let mut pieces = Vec::new();
        while let Some(piece) = self.piece()? {
            pieces.push(piece);
        }
        let first = pieces.first().map(|piece| piece.at.duration_since(self.began));
        let end = self.end.take().ok_or("no end")?;
        Ok(Answer { head: self.head.take(), pieces, end, first, total: self.began.elapsed() })
    }

    /// Leaves before the end.
    pub fn leave(mut self, how: Leave) {
        self.leave.store(how as u8, Ordering::Release);
        self.said = None;
    }

    fn listen(&mut self) -> Result<Option<Said>, Fault> {
        let said = self.said.as_mut().ok_or("the caller has left")?;
        let waiting = async { tokio::time::timeout(GUARD, said.recv()).await };
        let heard = self.runtime.block_on(waiting).map_err(|_| "no answer within a minute")?;
        match heard {
            Some(Said::Head(head)) => self.head = Some(head),
            Some(Said::End(end)) => self.end = Some(end),
            None => self.end = Some(End::Broken("the program ended, or hung up".to_owned())),
            piece @ Some(Said::Piece(_)) => return Ok(piece),
        }
        Ok(None)
    }
}

impl Answer {
    /// The body, as the client gets it: of a streamed answer, or of a whole one in the form of payload 2.0.
    pub fn body(&self) -> Vec<u8> {
        if let End::Buffered(whole) = &self.end {
            let text = whole["body"].as_str().unwrap_or_default();
            let encoded = whole["isBase64Encoded"].as_bool() == Some(true);
            return if encoded { BASE64_STANDARD.decode(text).unwrap_or_default() } else { text.as_bytes().to_vec() };
        }
        self.pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect()
    }

    /// The body as text, whatever is no UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    /// The status, or 0 where there is none.
    pub fn status(&self) -> u16 {
        match (&self.head, &self.end) {
            (Some(head), _) => head.status,
            (None, End::Buffered(whole)) => whole["statusCode"].as_u64().and_then(|it| it.try_into().ok()).unwrap_or(0),
            (None, _) => 0,
        }
    }
}
