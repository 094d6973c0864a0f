//! One exchange, step by step: the test plays the client, the service and the clock.

use kiro2api_core::config::Config;
use kiro2api_core::exchange::{Exchange, Fresh, Gateway, Input, Step};
use kiro2api_core::host::{
    Head, Headers, Incoming, Millis, Outbound, Payload, Saved, StoreError, Stored, TransportError, TransportFault,
    header,
};

/// 2026-11-21T18:00:00Z.
pub(crate) const NOW: Millis = Millis(1_795_284_000_000);
pub(crate) const CLIENT_KEY: &str = "test-client-key";

/// One exchange and the state it shares with others.
pub(crate) struct Play {
    pub(crate) gateway: Gateway,
    pub(crate) exchange: Exchange,
    pub(crate) now: Millis,
    pub(crate) store: Option<Stored>,
    pub(crate) store_down: bool,
    pub(crate) loads: u32,
    pub(crate) saves: Vec<Vec<u8>>,
    /// What the client got.
    pub(crate) heads: Vec<u16>,
    pub(crate) body: Vec<u8>,
    /// Whether a look for later requests is under way: nobody answers those here.
    looking: bool,
}

/// What the exchange waits for, once store and client have had their say.
#[derive(Debug)]
pub(crate) enum Wants {
    Send(Outbound),
    Await(Millis),
    Sleep(Millis),
    Relay,
    Done,
}

pub(crate) fn gateway(values: &[(&str, &str)]) -> Gateway {
    let get = |name: &str| {
        let own = (name == "KIRO_CLIENT_TOKEN").then(|| CLIENT_KEY.to_owned());
        values.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()).or(own)
    };
    let config = Config::read(&get);
    assert_eq!(config.problems, Vec::<String>::new());
    Gateway::new(config)
}

pub(crate) fn request(body: &str) -> Incoming {
    Incoming {
        method: "POST".into(),
        path: "/v1/messages".into(),
        query: String::new(),
        headers: vec![("x-api-key".into(), CLIENT_KEY.into())],
        body: Payload::Bytes(body.as_bytes().to_vec()),
        ends: Millis::NEVER,
    }
}

pub(crate) fn body(stream: bool, more: &str) -> String {
    format!(
        r#"{{"model":"claude-sonnet-4-5","max_tokens":1024,"stream":{stream},"messages":[{{"role":"user","content":"Hi"}}]{more}}}"#
    )
}

impl Play {
    pub(crate) fn begin(mut gateway: Gateway, body: &str) -> Self {
        let exchange = Exchange::begin(&mut gateway, request(body), NOW, [7; 32]);
        Self {
            gateway,
            exchange,
            now: NOW,
            store: None,
            store_down: false,
            loads: 0,
            saves: Vec::new(),
            heads: Vec::new(),
            body: Vec::new(),
            looking: false,
        }
    }

    /// The next request on the same gateway, a moment later.
    pub(crate) fn again(self, body: &str) -> Self {
        let Self { mut gateway, now, store, store_down, .. } = self;
        let exchange = Exchange::begin(&mut gateway, request(body), now, [8; 32]);
        let (loads, saves, heads, body) = (0, Vec::new(), Vec::new(), Vec::new());
        Self { gateway, exchange, now, store, store_down, loads, saves, heads, body, looking: false }
    }

    pub(crate) fn tell(&mut self, input: Input<'_>) {
        self.exchange.on(&mut self.gateway, input, self.now);
    }

    /// Plays the store, a patient client, and a control plane out of reach, until something else is wanted.
    pub(crate) fn wants(&mut self) -> Wants {
        let unreachable = TransportError { kind: TransportFault::Connect, text: "nobody answers".to_owned() };
        for _ in 0..1_000 {
            let input = match self.exchange.step() {
                Step::Load { .. } => {
                    self.loads += 1;
                    Input::Loaded(if self.store_down { Err(StoreError("down".into())) } else { Ok(self.store.clone()) })
                }
                Step::Save { .. } if self.store_down => Input::Saved(Err(StoreError("down".into()))),
                Step::Save { value, .. } => {
                    let value = value.to_vec();
                    self.saves.push(value.clone());
                    let version = self.store.as_ref().and_then(|stored| stored.version.clone());
                    self.store = Some(Stored { value, version: version.clone() });
                    Input::Saved(Ok(Saved::Stored(version)))
                }
                Step::Remove { .. } => Input::Removed(Ok(())),
                Step::Settings => Input::Settings(Fresh::Fixed),
                Step::Open(head) => {
                    self.heads.push(head.status);
                    Input::Written
                }
                Step::Write(bytes) => {
                    self.body.extend_from_slice(bytes);
                    Input::Written
                }
                Step::Answer(head, bytes) => {
                    self.heads.push(head.status);
                    self.body.extend_from_slice(bytes);
                    Input::Written
                }
                Step::Send(request) if is_look(request) => {
                    self.looking = true;
                    Input::Sent
                }
                Step::Await { .. } if core::mem::take(&mut self.looking) => Input::Broke(&unreachable),
                Step::Send(request) => return Wants::Send(request.clone()),
                Step::Await { until } => return Wants::Await(until),
                Step::Sleep { until } => return Wants::Sleep(until),
                Step::Relay => return Wants::Relay,
                Step::Choices => panic!("one answer was asked for"),
                Step::Done => return Wants::Done,
            };
            self.exchange.on(&mut self.gateway, input, self.now);
        }
        panic!("the exchange turns in circles");
    }

    /// Sends what the exchange wants sent, and returns it. Sleeps on the way.
    pub(crate) fn send(&mut self) -> Outbound {
        for _ in 0..1_000 {
            match self.wants() {
                Wants::Send(request) => {
                    self.tell(Input::Sent);
                    return request;
                }
                Wants::Sleep(until) => {
                    self.now = self.now.max(until);
                    self.tell(Input::Woke);
                }
                other => panic!("a request is wanted, not {other:?}; the client got {:?} {}", self.heads, self.text()),
            }
        }
        panic!("no request comes");
    }

    /// The service answers in one piece.
    pub(crate) fn answer(&mut self, status: u16, headers: &[(&'static str, &str)], body: &[u8]) {
        let head = head(status, headers);
        self.tell(Input::Head(&head));
        self.tell(Input::Chunk(body));
        if matches!(self.exchange.step(), Step::Await { .. }) {
            self.tell(Input::End);
        }
    }

    /// Wakes the exchange at the time it asked for.
    pub(crate) fn wake(&mut self) {
        match self.wants() {
            Wants::Await(until) | Wants::Sleep(until) => {
                assert!(until < Millis::NEVER, "it would wait for ever");
                self.now = self.now.max(until);
                self.tell(Input::Woke);
            }
            other => panic!("nothing to wait for: {other:?}"),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Whether a request is one that comes after the answer.
fn is_look(request: &Outbound) -> bool {
    let target = header(&request.headers, "x-amz-target").unwrap_or_default();
    let looks = ["GetUsageLimits", "ListAvailableModels"];
    looks.iter().any(|look| target.ends_with(look)) || request.url.contains("imits?") || request.url.contains("odels?")
}

pub(crate) fn head(status: u16, headers: &[(&'static str, &str)]) -> Head {
    let headers: Headers = headers.iter().map(|&(name, value)| (name.into(), value.to_owned())).collect();
    Head { status, headers }
}

/// A frame of the service's stream.
pub(crate) fn frame(kind: &str, payload: &str) -> Vec<u8> {
    labelled(&[(":message-type", "event"), (":event-type", kind)], payload)
}

pub(crate) fn exception(kind: &str, payload: &str) -> Vec<u8> {
    labelled(&[(":message-type", "exception"), (":exception-type", kind)], payload)
}

fn labelled(labels: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in labels {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut out = total.to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(payload.as_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

pub(crate) const STREAM: &[(&str, &str)] = &[("content-type", "application/vnd.amazon.eventstream")];
pub(crate) const REFRESH_TOKEN: &str = "aor-configured-refresh-token-0000000000000000";
pub(crate) const ROTATED: &str = "aor-rotated-refresh-token-00000000000000000000";
pub(crate) const ARN: &str = "arn:aws:codewhisperer:us-east-1:123456789012:profile/GOODPROFILE";
