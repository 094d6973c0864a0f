//! A wasm module without what only tools read.

use wasmparser::{BinaryReaderError, Parser, Payload};

/// The same module without its custom sections: names, producers, features. What runs is untouched.
///
/// # Errors
/// When the bytes are no wasm module.
pub(super) fn without_custom(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut bare = Vec::with_capacity(wasm.len());
    let mut end = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        // Each section reaches from the end of the one before, its id and length included, to its own end.
        let section = match &payload {
            Payload::Version { range, .. } => Some(range.clone()),
            other => other.as_section().map(|(_, range)| range),
        };
        let Some(next) = section.and_then(|range| usize::try_from(range.end).ok()) else { continue };
        if !matches!(payload, Payload::CustomSection(_)) {
            bare.extend_from_slice(wasm.get(end..next).unwrap_or_default());
        }
        end = next;
    }
    Ok(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"\0asm\x01\0\0\0";
    const NAMES: &[u8] = b"\0\x07\x04nameab";
    const TYPES: &[u8] = b"\x01\x04\x01\x60\0\0";
    const FUNCTIONS: &[u8] = b"\x03\x02\x01\0";
    const CODE: &[u8] = b"\x0a\x04\x01\x02\0\x0b";

    #[test]
    fn custom_sections_go_wherever_they_stand_and_the_rest_stays_byte_for_byte() {
        let wasm = [HEADER, NAMES, TYPES, FUNCTIONS, NAMES, CODE, NAMES].concat();
        assert_eq!(without_custom(&wasm).unwrap(), [HEADER, TYPES, FUNCTIONS, CODE].concat());
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(without_custom(b"\0asn").is_err());
        assert!(without_custom(&[HEADER, b"\x01\x7f"].concat()).is_err());
    }
}
