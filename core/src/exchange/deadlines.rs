//! Liveness: which deadline a request has, when silence wants a ping, when it is too long.

use crate::config::Deadlines;
use crate::host::Millis;
use crate::turn::{Part, Turn};

/// Silence towards a streaming client after which a ping is due. Proxies cut quiet connections after 30 to
/// 100 s.
pub const PING_AFTER: Millis = Millis::secs(15);

/// When a request began and when its platform ends it, answered or not: what has to be over how long before.
///
/// ```text
/// begun ──── the answer ────┬── a refresh that is under way ──┬── what must be saved ──┬─ ends
///                      5 s before                        2 s before              0.5 s before
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Term {
    begun: Millis,
    ends: Millis,
}

impl Term {
    /// `ends`: [`Millis::NEVER`] where the platform sets no end. One that has passed is none: emulators of a platform
    /// name such a time.
    pub fn new(begun: Millis, ends: Millis) -> Self {
        Self { begun, ends: if ends > begun { ends } else { Millis::NEVER } }
    }

    /// When the request came.
    pub fn begun(self) -> Millis {
        self.begun
    }

    /// The client has its last word by then.
    pub fn answered(self) -> Millis {
        self.before(FAREWELL)
    }

    /// A token refresh is waited for until then at most, though its client has been answered: the service may have
    /// rotated the refresh token already.
    pub fn refreshed(self) -> Millis {
        self.before(LAST_GRANT)
    }

    /// Whatever is still to be saved or written is given up then.
    pub fn saved(self) -> Millis {
        self.before(LAST_SAVE)
    }

    fn before(self, span: Millis) -> Millis {
        if self.ends == Millis::NEVER { Millis::NEVER } else { self.ends - span }
    }

    /// How long the platform lets the request run.
    pub fn span(self) -> Millis {
        self.ends - self.begun
    }

    /// Whether that is too little to begin an answer at all.
    pub fn is_too_short(self) -> bool {
        self.span() < SHORTEST
    }

    /// The end of the whole request: our own, or the platform's where that is nearer.
    pub fn total(self, own: Millis) -> Total {
        if self.answered() < own { self.platform() } else { Total { at: own, deadline: Deadline::Total } }
    }

    /// The platform's end of the request.
    pub fn platform(self) -> Total {
        Total { at: self.answered(), deadline: Deadline::Platform(self.span()) }
    }
}

/// When a whole request must be over, and which deadline that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Total {
    /// The point in time.
    pub at: Millis,
    /// What has passed then.
    pub deadline: Deadline,
}

/// Watches one answer's silence on both sides.
#[derive(Clone, Debug)]
pub struct Watch {
    heard: Millis,
    said: Millis,
    idle: Millis,
    total: Total,
    pings: bool,
}

/// A deadline that passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deadline {
    /// No byte of the service within this span.
    Idle(Millis),
    /// The whole request took as long as the operator lets it.
    Total,
    /// The platform ends every request after this span.
    Platform(Millis),
}

impl Watch {
    /// Starts watching. `idle` is a span; `pings`: the client's answer is streamed.
    pub fn new(now: Millis, idle: Millis, total: Total, pings: bool) -> Self {
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
        self.over(now).or_else(|| (now >= self.heard + self.idle).then_some(Deadline::Idle(self.idle)))
    }

    /// The end of the whole request, if it has come. That counts although bytes come all the time.
    pub fn over(&self, now: Millis) -> Option<Deadline> {
        (now >= self.total.at).then_some(self.total.deadline)
    }

    /// When something is due next.
    pub fn next(&self) -> Millis {
        let ping = if self.pings { self.said + PING_AFTER } else { Millis::NEVER };
        ping.min(self.deadline())
    }

    /// When the nearest deadline passes if nothing more is heard.
    pub fn deadline(&self) -> Millis {
        (self.heard + self.idle).min(self.total.at)
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

const FAREWELL: Millis = Millis::secs(5);
const LAST_GRANT: Millis = Millis::secs(2);
const LAST_SAVE: Millis = Millis(500);
/// A platform that grants less is set up wrongly: no model answers that fast for sure.
const SHORTEST: Millis = Millis::secs(10);
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

    fn own(at: Millis) -> Total {
        Term::new(Millis(0), Millis::NEVER).total(at)
    }

    #[test]
    fn the_nearer_end_counts_and_a_platform_without_one_has_none() {
        assert_eq!(own(Millis::secs(90)), Total { at: Millis::secs(90), deadline: Deadline::Total });
        let term = Term::new(Millis::secs(10), Millis::secs(100));
        let platform = Total { at: Millis::secs(95), deadline: Deadline::Platform(Millis::secs(90)) };
        assert_eq!([term.total(Millis::secs(96)), term.total(Millis::secs(2000))], [platform; 2]);
        assert_eq!(term.total(Millis::secs(95)).deadline, Deadline::Total);
        let free = Term::new(Millis(0), Millis::NEVER);
        assert_eq!([free.answered(), free.refreshed(), free.saved()], [Millis::NEVER; 3]);
        assert!(!free.is_too_short() && !Term::new(Millis(0), Millis::secs(10)).is_too_short());
        assert!(Term::new(Millis(0), Millis(9_999)).is_too_short());
        assert_eq!(Term::new(Millis::mins(30), Millis::mins(10)).answered(), Millis::NEVER, "it has passed");
    }

    #[test]
    fn silence_pings_first_and_ends_at_the_nearer_deadline() {
        let mut watch = Watch::new(Millis(0), Millis::secs(60), own(Millis::secs(90)), true);
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
        let watch = Watch::new(Millis(0), Millis::secs(60), own(Millis::secs(90)), false);
        assert_eq!(watch.next(), Millis::secs(60));
        assert!(!watch.ping_due(Millis::secs(50)));
    }
}
