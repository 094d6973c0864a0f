//! A tool call as a row of event payloads.

use super::parse::Tool;
use crate::frame::quoted;

/// A call with the id and the name it gets.
pub(super) struct Call<'t> {
    pub(super) tool: &'t Tool,
    pub(super) id: String,
    pub(super) name: String,
}

impl Call<'_> {
    /// The payloads of its events.
    pub(super) fn events(&self) -> Vec<String> {
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
pub(super) fn fragments<'t>(text: &'t str, every: usize, cuts: &[usize]) -> Vec<&'t str> {
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
