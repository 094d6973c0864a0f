//! Versions of values.

use core::fmt;

use crate::machine::Machine;

/// A version: 128 random bits, so that none comes back after a removal and a writer knows its own; and how many parts
/// hold the value. As text `<hex>`, or `<hex>.<parts>`.
///
/// The number of parts is in the version because a writer knows of what it replaces nothing but the version, and has
/// to remove its parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Version {
    text: String,
    parts: usize,
}

impl Version {
    /// The version of a value that nobody has stored yet.
    pub(super) fn draw(machine: Machine, parts: usize) -> Self {
        let mut bits = [0; 16];
        (machine.fill)(&mut bits);
        let hex = format!("{:032x}", u128::from_be_bytes(bits));
        Self { text: if parts == 0 { hex } else { format!("{hex}.{parts}") }, parts }
    }

    /// Reads a version as text. Of one that this gateway did not write no parts are known.
    pub(super) fn read(text: &str) -> Self {
        let parts = text.split_once('.').and_then(|(_, parts)| parts.parse().ok());
        Self { text: text.to_owned(), parts: parts.filter(|parts| *parts <= MAX_PARTS).unwrap_or(0) }
    }

    /// The keys of its parts; none when the value is in the head.
    pub(super) fn parts(&self, key: &str) -> impl Iterator<Item = String> {
        (0..self.parts).map(move |number| format!("{key}#{}#{number}", self.text))
    }

    /// Whether parts hold the value.
    pub(super) fn has_parts(&self) -> bool {
        self.parts > 0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The most parts a value may have.
pub(super) const MAX_PARTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_comes_back_from_its_text_with_its_parts() {
        for parts in [0, 1, MAX_PARTS] {
            let version = Version::draw(Machine::SYSTEM, parts);
            assert_eq!(Version::read(&version.to_string()), version);
            assert_eq!(version.parts("k").count(), parts);
        }
        assert_eq!(Version::read("a.2").parts("k").collect::<Vec<_>>(), ["k#a.2#0", "k#a.2#1"]);
    }

    #[test]
    fn no_two_versions_are_the_same() {
        assert_ne!(Version::draw(Machine::SYSTEM, 0), Version::draw(Machine::SYSTEM, 0));
    }

    #[test]
    fn of_a_strange_version_nothing_is_removed() {
        for text in ["", ".", "a", "a.b", "a.-1", "a.17", "a.1.2", "1.99999999999999999999"] {
            assert!(!Version::read(text).has_parts(), "{text}");
        }
    }
}
