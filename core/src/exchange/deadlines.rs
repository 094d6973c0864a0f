//! Liveness: which deadline a request has, when silence wants a ping, when it is too long.

use crate::config::Deadlines;
use crate::host::Millis;
use crate::turn::{Part, Turn};

/// Silence towards a streaming client after which a ping is due. Proxies cut quiet connections after 30 to
/// 100 s.
pub const PING_AFTER: Millis = Millis::secs(15);

/// Watches one answer's silence on both sides.
#[derive(Clone, Debug)]
pub struct Watch {
    heard: Millis,
    said: Millis,
    idle: Millis,
    total: Millis,
    pings: bool,
}

/// A deadline that passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deadline {
    /// No byte of the service within this span.
    Idle(Millis),
    /// The whole request took this span.
    Total,
}

impl Watch {
    /// Starts watching. `total` is a point in time, `idle` a span; `pings`: the client's answer is streamed.
    pub fn new(now: Millis, idle: Millis, total: Millis, pings: bool) -> Self {
        Self { heard: now, said: now, idle, total, pings }
    }

    /// Bytes came from the service.
    pub fn heard(&mut self, now: Millis) {
        self.heard = now;
    }

    /// Bytes went to the client.
    pub fn said(&mut self, now: Millis) {
        self.said = now;
    }

    /// Whether silence towards the client has lasted long enough for a ping.
    pub fn ping_due(&self, now: Millis) -> bool {
        self.pings && now >= self.said + PING_AFTER
    }

    /// The deadline that has passed, if one has.
    pub fn passed(&self, now: Millis) -> Option<Deadline> {
        if now >= self.total {
            Some(Deadline::Total)
        } else {
            (now >= self.heard + self.idle).then_some(Deadline::Idle(self.idle))
        }
    }

    /// When something is due next.
    pub fn next(&self) -> Millis {
        let ping = if self.pings { self.said + PING_AFTER } else { Millis::NEVER };
        ping.min(self.deadline())
    }

    /// When the nearest deadline passes if nothing more is heard.
    pub fn deadline(&self) -> Millis {
        (self.heard + self.idle).min(self.total)
    }
}

/// How long a whole request may take: streams by their own span, others by how complex they look.
pub fn total(turn: &Turn<'_>, deadlines: &Deadlines) -> Millis {
    if turn.stream {
        deadlines.stream
    } else if complexity(turn) >= COMPLEX {
        deadlines.complex
    } else {
        deadlines.simple
    }
}

/// Points for what makes an answer long: a high limit, much text, tools, a long system prompt, and words that
/// ask for analysis.
fn complexity(turn: &Turn<'_>) -> u32 {
    let texts = || turn.messages.iter().flat_map(|message| &message.parts).filter_map(text);
    let characters: usize = texts().map(str::len).sum();
    let system: usize = turn.system.iter().map(|text| text.len()).sum();
    let asks = texts()
        .any(|text| KEYWORDS.iter().any(|word| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some()));
    2 * u32::from(turn.max_tokens.is_some_and(|tokens| tokens > 4000))
        + 2 * u32::from(characters > 10_000)
        + 2 * u32::from(!turn.tools.is_empty())
        + u32::from(system > 2_000)
        + u32::from(asks)
}

fn text<'t>(part: &'t Part<'_>) -> Option<&'t str> {
    match part {
        Part::Text(text) => Some(text),
        _ => None,
    }
}

const COMPLEX: u32 = 2;
const KEYWORDS: &[&str] = &[
    "analyze",
    "analyse",
    "refactor",
    "implement",
    "optimize",
    "debug",
    "review",
    "step by step",
    "分析",
    "重构",
    "实现",
    "优化",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_pings_first_and_ends_at_the_nearer_deadline() {
        let mut watch = Watch::new(Millis(0), Millis::secs(60), Millis::secs(90), true);
        assert_eq!(watch.next(), Millis::secs(15));
        assert!(!watch.ping_due(Millis(14_999)) && watch.ping_due(Millis::secs(15)));
        watch.said(Millis::secs(15));
        assert_eq!(watch.next(), Millis::secs(30));
        assert_eq!(watch.passed(Millis(59_999)), None);
        assert_eq!(watch.passed(Millis::secs(60)), Some(Deadline::Idle(Millis::secs(60))));
        watch.heard(Millis::secs(59));
        assert_eq!(watch.passed(Millis::secs(89)), None);
        assert_eq!(watch.passed(Millis::secs(90)), Some(Deadline::Total));
    }

    #[test]
    fn an_answer_in_one_body_is_never_pinged() {
        let watch = Watch::new(Millis(0), Millis::secs(60), Millis::secs(90), false);
        assert_eq!(watch.next(), Millis::secs(60));
        assert!(!watch.ping_due(Millis::secs(50)));
    }
}
