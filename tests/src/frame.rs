//! The event-stream frame encoder: an honest one, and ways to make it lie.
//!
//! ```text
//! 0  u32 total    4  u32 headers    8  u32 prelude crc    12 headers … payload    end-4  u32 message crc
//! ```
//! All integers are big-endian, both checksums are zlib's CRC-32. The encoder shares no code with any decoder.

/// One of the ten header value types.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    /// Types 0 and 1: no value bytes.
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Short(i16),
    /// Type 4.
    Int(i32),
    /// Type 5.
    Long(i64),
    /// Type 6; at most 65 535 bytes are written.
    Bytes(Vec<u8>),
    /// Type 7; at most 65 535 bytes are written.
    Text(String),
    /// Type 8: milliseconds since the epoch.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

impl HeaderValue {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(yes) => out.push(u8::from(!yes)),
            Self::Byte(v) => out.extend([2, v.to_be_bytes()[0]]),
            Self::Short(v) => tagged(out, 3, &v.to_be_bytes()),
            Self::Int(v) => tagged(out, 4, &v.to_be_bytes()),
            Self::Long(v) => tagged(out, 5, &v.to_be_bytes()),
            Self::Bytes(v) => sized(out, 6, v),
            Self::Text(v) => sized(out, 7, v.as_bytes()),
            Self::Timestamp(v) => tagged(out, 8, &v.to_be_bytes()),
            Self::Uuid(v) => tagged(out, 9, v),
        }
    }
}

/// A header: a name of at most 255 bytes, and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Written as it is, for example `:event-type`.
    pub name: String,
    /// The value, with its type.
    pub value: HeaderValue,
}

impl Header {
    /// Any header.
    pub fn new(name: impl Into<String>, value: HeaderValue) -> Self {
        Self { name: name.into(), value }
    }

    /// A string header, the only type the service itself was seen to send.
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(name, HeaderValue::Text(value.into()))
    }
}

/// The order of a frame's headers. The protocol leaves it free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Type, content type, message type: as the service writes them.
    #[default]
    Service,
    /// The other way round.
    Reversed,
    /// The message type comes first, then the others as usual.
    Rotated,
}

/// A way to damage an encoded frame. Lengths that lie carry checksums that match the lie, so that only the length can give it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The prelude checksum has one bit flipped.
    PreludeCrc,
    /// The message checksum has one bit flipped.
    MessageCrc,
    /// `total` is this number, with a fitting prelude checksum.
    Total(u32),
    /// `headers` is this number, with a fitting prelude checksum.
    Headers(u32),
    /// The byte at this offset has one bit flipped, no checksum is repaired. Past the end: the last byte.
    Byte(usize),
}

/// A frame before encoding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// In the order they are written.
    pub headers: Vec<Header>,
    /// Written as it is.
    pub payload: Vec<u8>,
}

impl Frame {
    /// An event with a JSON payload.
    pub fn event(kind: &str, payload: impl Into<Vec<u8>>) -> Self {
        Self::message("event", ":event-type", kind, payload.into())
    }

    /// An exception with the service's error body; `reason` is JSON `null` when absent.
    pub fn exception(kind: &str, message: &str, reason: Option<&str>) -> Self {
        let body = format!(
            r#"{{"message":{},"reason":{}}}"#,
            quoted(message),
            reason.map_or_else(|| "null".to_owned(), quoted)
        );
        Self::message("exception", ":exception-type", kind, body.into_bytes())
    }

    /// The third message type: code and message are headers, the payload is empty.
    pub fn error(code: &str, message: &str) -> Self {
        let headers = vec![
            Header::text(":error-code", code),
            Header::text(":error-message", message),
            Header::text(":message-type", "error"),
        ];
        Self { headers, payload: Vec::new() }
    }

    fn message(kind: &str, type_header: &str, type_name: &str, payload: Vec<u8>) -> Self {
        let headers = vec![
            Header::text(type_header, type_name),
            Header::text(":content-type", "application/json"),
            Header::text(":message-type", kind),
        ];
        Self { headers, payload }
    }

    /// The same frame with its headers in another order.
    #[must_use]
    pub fn ordered(mut self, order: Order) -> Self {
        match order {
            Order::Service => {}
            Order::Reversed => self.headers.reverse(),
            Order::Rotated => {
                if !self.headers.is_empty() {
                    self.headers.rotate_right(1);
                }
            }
        }
        self
    }

    /// The same frame with one more header of each type in front of its own.
    #[must_use]
    pub fn with_every_type(mut self) -> Self {
        let extra = [
            ("x-true", HeaderValue::Bool(true)),
            ("x-false", HeaderValue::Bool(false)),
            ("x-byte", HeaderValue::Byte(-7)),
            ("x-short", HeaderValue::Short(-1234)),
            ("x-int", HeaderValue::Int(1 << 20)),
            ("x-long", HeaderValue::Long(-(1 << 40))),
            ("x-bytes", HeaderValue::Bytes(vec![0, 255, 13, 10])),
            ("x-text", HeaderValue::Text("ünïcode".to_owned())),
            ("x-time", HeaderValue::Timestamp(1_795_000_000_000)),
            ("x-uuid", HeaderValue::Uuid([0xAB; 16])),
        ];
        let extra = extra.into_iter().map(|(name, value)| Header::new(name, value));
        self.headers.splice(0..0, extra);
        self
    }

    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut headers = Vec::new();
        for header in &self.headers {
            let name = clipped(header.name.as_bytes(), u8::MAX.into());
            headers.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            headers.extend_from_slice(name);
            header.value.encode(&mut headers);
        }
        let total = headers.len() + self.payload.len() + 16;
        let mut out = Vec::with_capacity(total);
        out.extend(word(total));
        out.extend(word(headers.len()));
        out.extend(crc32fast::hash(&out).to_be_bytes());
        out.extend(headers);
        out.extend(&self.payload);
        out.extend(crc32fast::hash(&out).to_be_bytes());
        out
    }

    /// The frame's bytes with one damage.
    pub fn encode_damaged(&self, damage: Damage) -> Vec<u8> {
        let mut out = self.encode();
        match damage {
            Damage::PreludeCrc => flip(&mut out, 11),
            Damage::MessageCrc => flip(&mut out, usize::MAX),
            Damage::Byte(at) => flip(&mut out, at),
            Damage::Total(lie) => lie_at(&mut out, 0, lie),
            Damage::Headers(lie) => lie_at(&mut out, 4, lie),
        }
        out
    }
}

fn lie_at(frame: &mut Vec<u8>, at: usize, lie: u32) {
    frame.splice(at..at + 4, lie.to_be_bytes());
    let prelude = crc32fast::hash(clipped(frame, 8)).to_be_bytes();
    frame.splice(8..12, prelude);
    frame.truncate(frame.len().saturating_sub(4));
    frame.extend(crc32fast::hash(frame).to_be_bytes());
}

fn flip(frame: &mut [u8], at: usize) {
    let at = at.min(frame.len().saturating_sub(1));
    if let Some(byte) = frame.get_mut(at) {
        *byte ^= 1;
    }
}

fn tagged(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.push(kind);
    out.extend_from_slice(value);
}

fn sized(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let value = clipped(value, u16::MAX.into());
    out.push(kind);
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(value);
}

fn clipped(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

fn word(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// A JSON string literal.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
