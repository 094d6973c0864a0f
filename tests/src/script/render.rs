//! Operations to actions.

use super::call::{Call, fragments};
use super::chunk::{Piece, chunked, truncate};
use super::parse::{Chunks, End, Op, Tool};
use super::plan::{Head, Plan, Scene};
use super::{name, typical_tail};
use crate::frame::{Damage, Frame, Order, quoted};

pub(super) fn plan(ops: &[Op], scene: &Scene) -> Plan {
    let mut stream = Stream::new(scene);
    let mut head = Head::Stream;
    let (mut head_delay, mut chunks, mut cut) = (0, Chunks::Frame, None);
    for op in ops {
        match op {
            Op::Refuse(refusal) => head = Head::Refused(refusal.clone()),
            Op::Html => head = Head::Html,
            Op::HeadDelay(ms) => head_delay = *ms,
            Op::Chunks(how) => chunks = *how,
            Op::Cut { bytes, end } => cut = Some((*bytes, *end)),
            op => stream.apply(op),
        }
    }
    if head != Head::Stream {
        return Plan { head_delay, head, actions: Vec::new() };
    }
    stream.finish();
    let mut pieces = stream.pieces;
    if let Some((bytes, end)) = cut {
        truncate(&mut pieces, bytes);
        pieces.push(Piece::End(end));
    }
    Plan { head_delay, head, actions: chunked(pieces, chunks) }
}

struct Stream<'s> {
    scene: &'s Scene,
    pieces: Vec<Piece>,
    order: Order,
    odd: bool,
    pace: u64,
    damage: Option<Damage>,
    tear: Option<(Option<usize>, End)>,
    tail: bool,
    stopped: bool,
    measured: bool,
    metered: bool,
    ended: bool,
    calls: usize,
}

impl<'s> Stream<'s> {
    fn new(scene: &'s Scene) -> Self {
        Self {
            scene,
            pieces: Vec::new(),
            order: Order::Service,
            odd: false,
            pace: 0,
            damage: None,
            tear: None,
            tail: true,
            stopped: false,
            measured: false,
            metered: false,
            ended: false,
            calls: 0,
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Text { .. } | Op::Answer | Op::Reason { .. } => self.speak(op),
            Op::Tool(tool) => self.tool(tool),
            Op::Interleave(tools) => self.interleave(tools),
            Op::Event { kind, payload } => self.event(kind, payload.clone()),
            Op::NoTail => self.tail = false,
            Op::Empty => self.tail = false,
            Op::Exception { kind, message, reason } => {
                self.frame(Frame::exception(kind, message, reason.as_deref()));
                self.tail = false;
            }
            Op::Error { code, message } => {
                self.frame(Frame::error(code, message));
                self.tail = false;
            }
            Op::Corrupt(damage) => self.damage = Some(*damage),
            Op::Tear { bytes, end } => self.tear = Some((*bytes, *end)),
            Op::Order(order) => self.order = *order,
            Op::OddHeaders => self.odd = true,
            Op::Pace(ms) => self.pace = *ms,
            Op::Delay(ms) => self.push(Piece::Wait(*ms)),
            Op::Stall => self.end(Piece::Stall),
            Op::End(end) => self.end(Piece::End(*end)),
            Op::Refuse(_) | Op::Html | Op::HeadDelay(_) | Op::Chunks(_) | Op::Cut { .. } | Op::Per(_) => {}
        }
    }

    fn push(&mut self, piece: Piece) {
        if !self.ended {
            self.pieces.push(piece);
        }
    }

    fn end(&mut self, piece: Piece) {
        self.push(piece);
        self.ended = true;
    }

    fn frame(&mut self, frame: Frame) {
        if self.pace > 0 && self.pieces.iter().any(|piece| matches!(piece, Piece::Frame(_))) {
            self.push(Piece::Wait(self.pace));
        }
        let frame = if self.odd { frame.with_every_type() } else { frame }.ordered(self.order);
        let mut bytes = match self.damage.take() {
            Some(damage) => frame.encode_damaged(damage),
            None => frame.encode(),
        };
        match self.tear.take() {
            Some((at, end)) => {
                bytes.truncate(at.unwrap_or(bytes.len() / 2));
                self.push(Piece::Frame(bytes));
                self.end(Piece::End(end));
            }
            None => self.push(Piece::Frame(bytes)),
        }
    }

    fn event(&mut self, kind: &str, payload: String) {
        match kind {
            "metadataEvent" if payload.contains("stopReason") => self.stopped = true,
            "contextUsageEvent" => self.measured = true,
            "meteringEvent" => self.metered = true,
            _ => {}
        }
        let own_id = kind == "initial-response" && payload == super::payload::example(kind);
        let payload =
            if own_id { format!(r#"{{"conversationId":{}}}"#, quoted(&self.scene.conversation)) } else { payload };
        self.frame(Frame::event(kind, payload));
    }

    fn speak(&mut self, op: &Op) {
        match op {
            Op::Text { text, chunk, times, model } => {
                let model = model.as_ref().map(|model| format!(r#","modelId":{}"#, quoted(model))).unwrap_or_default();
                for _ in 0..*times {
                    self.pieces_of("assistantResponseEvent", "content", text, *chunk, &model);
                }
            }
            Op::Reason { text, chunk, signature } => {
                self.pieces_of("reasoningContentEvent", "text", text, *chunk, "");
                if let Some(signature) = signature {
                    self.event("reasoningContentEvent", format!(r#"{{"text":"","signature":{}}}"#, quoted(signature)));
                }
            }
            _ => {
                let answer = self.scene.answer.clone();
                self.pieces_of("assistantResponseEvent", "content", &answer, 24, "");
            }
        }
    }

    fn pieces_of(&mut self, kind: &str, member: &str, text: &str, chunk: usize, more: &str) {
        for piece in fragments(text, chunk, &[]) {
            self.event(kind, format!(r#"{{"{member}":{}{more}}}"#, quoted(piece)));
        }
    }

    fn tool(&mut self, tool: &Tool) {
        let call = self.call(tool);
        for _ in 0..(if tool.twice { 2 } else { 1 }) {
            for payload in call.events() {
                for _ in 0..(if tool.doubled { 2 } else { 1 }) {
                    self.event("toolUseEvent", payload.clone());
                }
            }
        }
        self.tail &= tool.open.is_none();
    }

    fn interleave(&mut self, tools: &[Tool]) {
        let mut queues: Vec<_> = tools.iter().map(|tool| self.call(tool).events().into_iter()).collect();
        loop {
            let round: Vec<String> = queues.iter_mut().filter_map(Iterator::next).collect();
            if round.is_empty() {
                return;
            }
            for payload in round {
                self.event("toolUseEvent", payload);
            }
        }
    }

    fn call<'t>(&mut self, tool: &'t Tool) -> Call<'t> {
        self.calls += 1;
        let id = tool.id.clone().unwrap_or_else(|| name::id(&self.scene.seed, self.calls));
        let declared = (!tool.exact).then(|| name::matched(&tool.name, &self.scene.tools)).flatten();
        Call { tool, id, name: declared.unwrap_or(&tool.name).to_owned() }
    }

    fn finish(&mut self) {
        if !self.tail || self.ended {
            return;
        }
        self.pace = 0;
        for (missing, (kind, payload)) in
            [!self.stopped, !self.measured, !self.metered].into_iter().zip(typical_tail(self.scene))
        {
            if missing {
                self.event(kind, payload);
            }
        }
    }
}
