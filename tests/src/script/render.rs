//! Operations to actions.

use super::parse::{Chunks, End, Op, Tool};
use super::plan::{Action, Head, Plan, Scene};
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

enum Piece {
    Frame(Vec<u8>),
    Wait(u64),
    Stall,
    End(End),
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

struct Call<'t> {
    tool: &'t Tool,
    id: String,
    name: String,
}

impl Call<'_> {
    fn events(&self) -> Vec<String> {
        let tool = self.tool;
        let stop = if tool.open.is_none() { r#","stop":true"# } else { "" };
        let input = clipped(&tool.input, tool.open.unwrap_or(usize::MAX));
        let whole = match (tool.noinput, tool.object) {
            (true, _) => String::new(),
            (false, true) => format!(r#","input":{}"#, tool.input),
            (false, false) => format!(r#","input":{}"#, quoted(input)),
        };
        if tool.single {
            return vec![self.event(&format!("{whole}{stop}"))];
        }
        let mut events = vec![self.event("")];
        if tool.object {
            events.push(self.event(&whole));
        } else if !tool.noinput {
            let pieces = fragments(input, tool.cut, &tool.cuts);
            events.extend(pieces.into_iter().map(|piece| self.event(&format!(r#","input":{}"#, quoted(piece)))));
        }
        if !stop.is_empty() {
            events.push(self.event(stop));
        }
        events
    }

    fn event(&self, more: &str) -> String {
        format!(r#"{{"toolUseId":{},"name":{}{more}}}"#, quoted(&self.id), quoted(&self.name))
    }
}

/// Pieces of `every` characters (0: one piece), or pieces that end at the given character positions.
fn fragments<'t>(text: &'t str, every: usize, cuts: &[usize]) -> Vec<&'t str> {
    let starts = text.char_indices().map(|(at, _)| at).enumerate();
    let is_cut = |index: usize| {
        if cuts.is_empty() { every > 0 && index.is_multiple_of(every) } else { cuts.contains(&index) }
    };
    let mut edges: Vec<usize> = starts.filter(|(index, _)| *index > 0 && is_cut(*index)).map(|(_, at)| at).collect();
    edges.push(text.len());
    let mut from = 0;
    let mut pieces = Vec::new();
    for edge in edges {
        pieces.push(text.get(from..edge).unwrap_or_default());
        from = edge;
    }
    pieces
}

fn clipped(text: &str, most: usize) -> &str {
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

fn truncate(pieces: &mut Vec<Piece>, mut bytes: usize) {
    let mut keep = 0;
    for piece in pieces.iter_mut() {
        match piece {
            Piece::Frame(frame) if bytes <= frame.len() => {
                frame.truncate(bytes);
                keep += 1;
                break;
            }
            Piece::Frame(frame) => bytes -= frame.len(),
            Piece::End(_) | Piece::Stall => break,
            Piece::Wait(_) => {}
        }
        keep += 1;
    }
    pieces.truncate(keep);
}

fn chunked(pieces: Vec<Piece>, chunks: Chunks) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut frames = Vec::new();
    for piece in pieces {
        let action = match piece {
            Piece::Frame(frame) => {
                frames.push(frame);
                continue;
            }
            Piece::Wait(ms) => Action::Wait(ms),
            Piece::Stall => Action::Stall,
            Piece::End(end) => Action::End(end),
        };
        write(std::mem::take(&mut frames), chunks, &mut actions);
        actions.push(action);
    }
    write(frames, chunks, &mut actions);
    actions
}

fn write(frames: Vec<Vec<u8>>, chunks: Chunks, actions: &mut Vec<Action>) {
    let writes: Vec<Vec<u8>> = match chunks {
        Chunks::Frame => frames,
        Chunks::Pair => frames.chunks(2).map(<[Vec<u8>]>::concat).collect(),
        Chunks::All => vec![frames.concat()],
        Chunks::Bytes(size) => frames.concat().chunks(size.max(1)).map(<[u8]>::to_vec).collect(),
        Chunks::Utf8 => frames.iter().flat_map(|frame| cut_characters(frame)).collect(),
        Chunks::Prelude => frames.iter().flat_map(|frame| split_at(frame, 5)).collect(),
        Chunks::Seed(seed) => cut_randomly(&frames.concat(), seed),
    };
    actions.extend(writes.into_iter().filter(|bytes| !bytes.is_empty()).map(Action::Write));
}

fn split_at(frame: &[u8], at: usize) -> [Vec<u8>; 2] {
    let (front, back) = frame.split_at(at.min(frame.len()));
    [front.to_vec(), back.to_vec()]
}

/// A cut after each lead byte that has a continuation byte behind it.
fn cut_characters(frame: &[u8]) -> Vec<Vec<u8>> {
    let mut out = vec![Vec::new()];
    for (at, byte) in frame.iter().enumerate() {
        let inside = at > 0 && byte & 0xC0 == 0x80 && frame.get(at - 1).is_some_and(|before| *before >= 0xC2);
        if inside {
            out.push(Vec::new());
        }
        if let Some(last) = out.last_mut() {
            last.push(*byte);
        }
    }
    out
}

fn cut_randomly(mut bytes: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut state = seed;
    while !bytes.is_empty() {
        state = name::random(state);
        let size = usize::try_from(state % 64).unwrap_or_default() + 1;
        let (front, back) = bytes.split_at(size.min(bytes.len()));
        out.push(front.to_vec());
        bytes = back;
    }
    out
}
