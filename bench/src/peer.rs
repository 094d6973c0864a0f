//! aws-smithy-eventstream, fed as aws-smithy-http feeds it: network chunks as `Bytes` in a segmented buffer.

use std::hint::black_box;
use std::io::Write;

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_eventstream::smithy::parse_response_headers;
use aws_smithy_types::event_stream::Message;
use bytes::Bytes;
use bytes_utils::SegmentedBuf;
use serde::{Deserialize, Serialize};

use crate::corpus::Input;
use crate::suite::{Fault, Run, Work};

/// Bytes to frames, with the event type read through the peer's own helper.
pub(crate) fn frames(input: &Input) -> Result<Run<'_>, Fault> {
    let mut feed = Feed::of(input);
    Ok(Box::new(move || {
        let mut work = Work { units: 0, bytes: 0 };
        feed.run(|message| {
            black_box(parse_response_headers(message)?.smithy_type.as_str());
            work.units += 1;
            work.bytes += message.payload().len();
            Ok(())
        })?;
        Ok(work)
    }))
}

/// The same, then a typed event and a typed Anthropic delta: the way one would write it with these libraries.
pub(crate) fn sse(input: &Input) -> Result<Run<'_>, Fault> {
    let mut feed = Feed::of(input);
    let mut out = Vec::new();
    Ok(Box::new(move || {
        out.clear();
        let mut units = 0;
        feed.run(|message| {
            units += 1;
            let delta: fn(&str) -> Delta<'_> = match parse_response_headers(message)?.smithy_type.as_str() {
                "assistantResponseEvent" => |text| Delta::Text { text },
                "reasoningContentEvent" => |thinking| Delta::Thinking { thinking },
                "toolUseEvent" => |partial_json| Delta::InputJson { partial_json },
                _ => return Ok(()),
            };
            write_delta(message.payload(), delta, &mut out)
        })?;
        Ok(Work { units, bytes: black_box(&out).len() })
    }))
}

/// The peer's decoder with chunks made beforehand: in a real client the HTTP library made them.
struct Feed {
    chunks: Vec<Bytes>,
    decoder: MessageFrameDecoder,
    buffer: SegmentedBuf<Bytes>,
}

impl Feed {
    fn of(input: &Input) -> Self {
        let whole = Bytes::copy_from_slice(&input.stream);
        let chunks = input.chunks().scan(0, |at, chunk| {
            *at += chunk.len();
            Some(whole.slice(*at - chunk.len()..*at))
        });
        Self { chunks: chunks.collect(), decoder: MessageFrameDecoder::new(), buffer: SegmentedBuf::new() }
    }

    fn run(&mut self, mut each: impl FnMut(&Message) -> Result<(), Fault>) -> Result<(), Fault> {
        for chunk in &self.chunks {
            self.buffer.push(chunk.clone());
            while let DecodedFrame::Complete(message) = self.decoder.decode_frame(&mut self.buffer)? {
                each(&message)?;
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(alias = "text", alias = "input")]
    content: String,
}

#[derive(Serialize)]
struct Framed<'a> {
    r#type: &'static str,
    index: u32,
    delta: Delta<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
}

fn write_delta(payload: &[u8], delta: fn(&str) -> Delta<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let event: Event = serde_json::from_slice(payload)?;
    out.write_all(b"event: content_block_delta\ndata: ")?;
    let framed = Framed { r#type: "content_block_delta", index: 0, delta: delta(&event.content) };
    serde_json::to_writer(&mut *out, &framed)?;
    out.write_all(b"\n\n")?;
    Ok(())
}
