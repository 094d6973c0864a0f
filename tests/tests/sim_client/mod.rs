//! A blocking HTTP/1.1 client and a frame reader for the tests of the simulated upstream, written apart from both.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kiro2api_tests::Upstream;
use kiro2api_tests::accounts::DEMO_API_KEY;
use serde_json::Value;

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The HTTP chunks, or one piece for a body of known length.
    pub chunks: Vec<Vec<u8>>,
    pub end: Ending,
}

/// How the body ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    Clean,
    Closed,
    Reset,
}

impl Reply {
    pub fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn frames(&self) -> Vec<Decoded> {
        frames(&self.body()).unwrap()
    }
}

pub const KEY_HEADERS: &[(&str, &str)] = &[
    ("authorization", concat!("Bearer ", "ksk_simulated_demo_key")),
    ("tokentype", "API_KEY"),
    ("content-type", "application/json"),
];

pub fn chat(upstream: &Upstream, body: &Value) -> Reply {
    assert_eq!(KEY_HEADERS[0].1, format!("Bearer {DEMO_API_KEY}"));
    request(upstream, "POST", "/generateAssistantResponse", KEY_HEADERS, body.to_string().as_bytes())
}

pub fn post(upstream: &Upstream, path: &str, body: &Value) -> Reply {
    request(upstream, "POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
}

/// Sends the request and reads to the end of the connection.
pub fn request(upstream: &Upstream, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut stream = open(upstream, method, path, headers, body);
    let mut raw = Vec::new();
    let mut buffer = [0; 16_384];
    let mut reset = false;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => raw.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                reset = true;
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    parse(&raw, reset)
}

/// Sends the request and leaves the answer unread.
pub fn open(upstream: &Upstream, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> TcpStream {
    let address = upstream.url();
    let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    // A hang of the server fails the test instead of blocking it.
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str("host: 127.0.0.1\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    stream
}

fn parse(raw: &[u8], reset: bool) -> Reply {
    let split = raw.windows(4).position(|window| window == b"\r\n\r\n").expect("a response head");
    let head = std::str::from_utf8(&raw[..split]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> =
        lines.map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let mut rest = &raw[split + 4..];
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let mut chunks = Vec::new();
    let mut end = if reset { Ending::Reset } else { Ending::Closed };
    if !chunked {
        return Reply { status, headers, chunks: vec![rest.to_vec()], end: Ending::Clean };
    }
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            end = Ending::Clean;
            break;
        }
        let from = line + 2;
        chunks.push(rest[from..from + size].to_vec());
        rest = &rest[from + size + 2..];
    }
    Reply { status, headers, chunks, end }
}

/// A frame as a reader sees it: string headers only, other types are skipped by their length.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    pub headers: Vec<(String, String)>,
    pub payload: Vec<u8>,
}

impl Decoded {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    pub fn kind(&self) -> &str {
        [":event-type", ":exception-type", ":error-code"]
            .iter()
            .map(|name| self.header(name))
            .find(|value| !value.is_empty())
            .unwrap_or("")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap()
    }
}

/// All frames, or what is wrong with the first bad one.
pub fn frames(mut bytes: &[u8]) -> Result<Vec<Decoded>, String> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        if bytes.len() < 16 {
            return Err(format!("{} bytes are left over", bytes.len()));
        }
        let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let (total, length) = (word(0) as usize, word(4) as usize);
        if crc(&bytes[..8]) != word(8) {
            return Err("prelude checksum".to_owned());
        }
        if total < 16 || length > total - 16 || total > bytes.len() {
            return Err(format!("lengths {total} and {length} with {} bytes", bytes.len()));
        }
        if crc(&bytes[..total - 4]) != word(total - 4) {
            return Err("message checksum".to_owned());
        }
        out.push(Decoded {
            headers: headers(&bytes[12..12 + length]),
            payload: bytes[12 + length..total - 4].to_vec(),
        });
        bytes = &bytes[total..];
    }
    Ok(out)
}

fn headers(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let name = usize::from(bytes[0]);
        let text = String::from_utf8(bytes[1..=name].to_vec()).unwrap();
        let kind = bytes[1 + name];
        bytes = &bytes[2 + name..];
        let size = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            9 => 16,
            _ => {
                let size = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
                bytes = &bytes[2..];
                size
            }
        };
        if kind == 7 {
            out.push((text, String::from_utf8(bytes[..size].to_vec()).unwrap()));
        }
        bytes = &bytes[size..];
    }
    out
}

/// CRC-32, bit by bit, so that it is not the encoder's.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
        crc
    })
}

/// A plain chat body with this prompt.
pub fn prompt(content: &str) -> Value {
    let mut body: Value = serde_json::from_str(include_str!("../sim_bodies/plain.json")).unwrap();
    body["conversationState"]["currentMessage"]["userInputMessage"]["content"] = content.into();
    body.as_object_mut().unwrap().remove("profileArn");
    body
}

/// The same conversation after an assistant turn with this text, and a next prompt.
pub fn continued(first: &str, turns: usize, next: &str) -> Value {
    let mut body = prompt(next);
    let user = |content: &str| serde_json::json!({ "userInputMessage": { "content": content, "modelId": "claude-sonnet-4.5", "origin": "AI_EDITOR" } });
    let mut history = vec![user(first)];
    for turn in 0..turns {
        history.push(serde_json::json!({ "assistantResponseMessage": { "content": "Done." } }));
        if turn + 1 < turns {
            history.push(user("Go on."));
        }
    }
    body["conversationState"]["history"] = history.into();
    body
}
