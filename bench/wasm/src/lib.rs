//! The loop that is measured, the same natively and in wasm: an exchange driven without IO until its answer streams,
//! then chunk after chunk through its relay.
//!
//! A native benchmark links this; as a module of its own (`--crate-type cdylib`, no imports) it runs under node.

#[cfg(target_arch = "wasm32")]
mod exports;

use std::borrow::Cow;

use kiro2api_core::Millis;
use kiro2api_core::config::Config;
use kiro2api_core::exchange::relay::{Flow, Relay};
use kiro2api_core::exchange::{Exchange, Gateway, Input, Step};
use kiro2api_core::host::{Head, Incoming, Payload, Saved};

/// An answer under way: every call of [`Answer::push`] finds it in the same state, so that a run can be repeated.
pub struct Answer {
    relay: Relay,
    out: Vec<u8>,
}

impl Answer {
    /// Takes `request` (the body of a request to `path` that streams) through an exchange up to the relay. `opening` is
    /// what the service says first; it must mean something, or nothing is relayed.
    ///
    /// # Errors
    /// What the exchange did instead.
    pub fn open(path: &str, request: &[u8], opening: &[u8]) -> Result<Self, String> {
        let mut gateway = gateway();
        let mut exchange = Exchange::begin(&mut gateway, post(path, request.to_vec()), NOW, [7; 32]);
        let head =
            Head { status: 200, headers: vec![("content-type".into(), "application/vnd.amazon.eventstream".into())] };
        let mut headed = false;
        for _ in 0..STEPS {
            let input = match exchange.step() {
                Step::Load { .. } => Input::Loaded(Ok(None)),
                Step::Save { .. } => Input::Saved(Ok(Saved::Stored(None))),
                Step::Remove { .. } => Input::Removed(Ok(())),
                Step::Send(_) => Input::Sent,
                Step::Await { .. } if headed => Input::Chunk(opening),
                Step::Await { .. } => Input::Head(&head),
                Step::Open(_) | Step::Write(_) => Input::Written,
                Step::Relay => {
                    let relay = exchange.take_relay().ok_or("the exchange lends no relay")?;
                    return Ok(Self { relay, out: Vec::new() });
                }
                Step::Settings => return Err("the exchange wants other settings".to_owned()),
                Step::Sleep { .. } => return Err("the exchange sleeps".to_owned()),
                Step::Answer(head, body) => {
                    return Err(format!("the exchange answers {}: {}", head.status, String::from_utf8_lossy(body)));
                }
                Step::Done => return Err("the exchange is over".to_owned()),
                Step::Choices => return Err("the exchange wants several answers".to_owned()),
            };
            headed |= matches!(input, Input::Head(_));
            exchange.on(&mut gateway, input, NOW);
        }
        Err(format!("the exchange relays nothing within {STEPS} steps"))
    }

    /// Pushes `stream` in pieces of `chunk` bytes, lends what each gave to `told`, and says how many bytes that were.
    ///
    /// # Errors
    /// The answer ended; what it said last is the reason.
    pub fn push(&mut self, stream: &[u8], chunk: usize, mut told: impl FnMut(&[u8])) -> Result<usize, String> {
        let mut bytes = 0;
        for chunk in stream.chunks(chunk.max(1)) {
            self.out.clear();
            if self.relay.push(chunk, NOW, &mut self.out) == Flow::Done {
                let last = self.out.get(self.out.len().saturating_sub(LAST)..).unwrap_or_default();
                return Err(format!("the answer ended: {}", String::from_utf8_lossy(last)));
            }
            told(&self.out);
            bytes += self.out.len();
        }
        Ok(bytes)
    }
}

/// Both checksums of every frame of `stream` and nothing else, folded into one number.
pub fn checksums(mut stream: &[u8]) -> u32 {
    let mut sum = 0;
    while let Some(&length) = stream.first_chunk::<4>() {
        let length = u32::from_be_bytes(length) as usize;
        let (Some((frame, rest)), Some(prelude)) = (stream.split_at_checked(length), stream.get(..8)) else { break };
        let checked = frame.get(..frame.len().saturating_sub(4)).unwrap_or_default();
        sum ^= crc32fast::hash(prelude) ^ crc32fast::hash(checked);
        stream = rest;
    }
    sum
}

/// A gateway with one account, whose key is never refreshed.
pub fn gateway() -> Gateway {
    Gateway::new(Config::read(&|name| match name {
        "KIRO_CLIENT_TOKEN" => Some(CLIENT_KEY.to_owned()),
        "KIRO_AUTH_TOKEN" => Some(ACCOUNT.to_owned()),
        _ => None,
    }))
}

/// A client's request.
pub fn post(path: &str, body: Vec<u8>) -> Incoming {
    let header = |name: &'static str, value: &str| (Cow::Borrowed(name), value.to_owned());
    Incoming {
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: String::new(),
        headers: vec![header("x-api-key", CLIENT_KEY), header("anthropic-version", "2023-06-01")],
        body: Payload::Bytes(body),
        ends: Millis::NEVER,
    }
}

/// Any time will do: it stands still.
pub const NOW: Millis = Millis(1_795_000_000_000);
/// More than an exchange that goes well takes.
const STEPS: usize = 32;
/// Bytes of an answer's end that say why.
const LAST: usize = 400;
const CLIENT_KEY: &str = "sk-benchmark-client-key-0123456789";
const ACCOUNT: &str = r#"[{"auth":"ApiKey","apiKey":"ksk_benchmark0123456789012345678901234567890123456789","profileArn":"arn:aws:codewhisperer:us-east-1:000000000000:profile/BENCHMARK"}]"#;
