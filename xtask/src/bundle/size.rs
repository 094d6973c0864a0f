//! The bundle's size, and what it may be.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::failure::{During, Failure, Result};

/// Cloudflare's smallest plan takes no larger worker (1 MB after gzip).
pub(super) const LIMIT: usize = 1_000_000;
/// What the project holds itself to (350 KB after gzip).
pub(super) const TARGET: usize = 350_000;

/// Bytes as they are and after gzip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) raw: usize,
    pub(crate) gzip: usize,
}

impl Size {
    /// Measures one file's bytes.
    pub(super) fn of(bytes: &[u8]) -> Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let gzip = encoder.write_all(bytes).and_then(|()| encoder.finish());
        Ok(Self { raw: bytes.len(), gzip: gzip.during(|| "compress the bundle".to_owned())?.len() })
    }

    /// Both files together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self { raw: self.raw + other.raw, gzip: self.gzip + other.gzip }
    }

    /// A line for people.
    pub(crate) fn line(self) -> String {
        format!(
            "{} raw, {} gzip (target {}, limit {})",
            kilobytes(self.raw),
            kilobytes(self.gzip),
            kilobytes(TARGET),
            kilobytes(LIMIT)
        )
    }

    /// An error when the platform would refuse it.
    pub(super) fn check(self) -> Result<()> {
        if self.gzip <= LIMIT {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the bundle is too large to deploy: {} after gzip, the limit is {}",
            kilobytes(self.gzip),
            kilobytes(LIMIT)
        )))
    }
}

fn kilobytes(bytes: usize) -> String {
    format!("{}.{} KB", bytes / 1000, bytes % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compresses_well_is_small_and_what_does_not_is_refused() {
        let zeros = Size::of(&vec![0; 3_000_000]).unwrap();
        assert!(zeros.gzip < 10_000);
        assert!(zeros.check().is_ok());
        let mut state = 1_u64;
        let noise: Vec<u8> = (0..LIMIT + 1)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_le_bytes()[7]
            })
            .collect();
        let failure = Size::of(&noise).unwrap().check().unwrap_err();
        assert!(failure.to_string().contains("the limit is 1000.0 KB"), "{failure}");
    }

    #[test]
    fn sizes_are_told_in_kilobytes() {
        assert_eq!(kilobytes(1_234_567), "1234.5 KB");
    }
}
