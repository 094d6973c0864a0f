//! An encoder written apart from the decoder: its own checksum (bit by bit), its own layout, no shared constant.

/// A header value that owns its bytes, one variant per type code of the wire (true and false are two).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field {
    True,
    False,
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Bytes(Vec<u8>),
    Str(String),
    Timestamp(i64),
    Uuid([u8; 16]),
}

pub(crate) fn text(value: &str) -> Field {
    Field::Str(value.to_owned())
}

/// CRC-32 as zlib has it, one bit at a time.
pub(crate) fn crc(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0, |state, byte| (0..8).fold(state ^ u32::from(*byte), |s, _| (s >> 1) ^ (0xEDB8_8320 * (s & 1))))
}

pub(crate) fn header(name: &str, value: &Field) -> Vec<u8> {
    let mut out = vec![name.len() as u8];
    out.extend(name.as_bytes());
    let mut put = |code: u8, parts: &[&[u8]]| {
        out.push(code);
        parts.iter().for_each(|part| out.extend(*part));
    };
    let run = |bytes: &[u8]| (bytes.len() as u16).to_be_bytes();
    match value {
        Field::True => put(0, &[]),
        Field::False => put(1, &[]),
        Field::Byte(v) => put(2, &[&v.to_be_bytes()]),
        Field::Short(v) => put(3, &[&v.to_be_bytes()]),
        Field::Int(v) => put(4, &[&v.to_be_bytes()]),
        Field::Long(v) => put(5, &[&v.to_be_bytes()]),
        Field::Bytes(v) => put(6, &[&run(v), v]),
        Field::Str(v) => put(7, &[&run(v.as_bytes()), v.as_bytes()]),
        Field::Timestamp(v) => put(8, &[&v.to_be_bytes()]),
        Field::Uuid(v) => put(9, &[v]),
    }
    out
}

/// A frame around a header block, well formed or not.
pub(crate) fn frame_of(block: &[u8], payload: &[u8]) -> Vec<u8> {
    lying((block.len() + payload.len() + 16) as u32, block.len() as u32, &[block, payload].concat())
}

/// A frame whose checksums are right and whose lengths are whatever is asked for.
pub(crate) fn lying(total: u32, headers: u32, body: &[u8]) -> Vec<u8> {
    let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    out.extend(crc(&out).to_be_bytes());
    out.extend(body);
    out.extend(crc(&out).to_be_bytes());
    out
}

pub(crate) fn frame(headers: &[(String, Field)], payload: &[u8]) -> Vec<u8> {
    let block: Vec<u8> = headers.iter().flat_map(|(name, value)| header(name, value)).collect();
    frame_of(&block, payload)
}

/// A frame as the service sends it.
pub(crate) fn event(kind: &str, payload: &str) -> Vec<u8> {
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    frame(&headers.map(|(name, value)| (name.to_owned(), text(value))), payload.as_bytes())
}
