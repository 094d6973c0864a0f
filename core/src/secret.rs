//! A string that never shows itself.

use core::fmt;

/// A credential: refresh token, access token, client secret, API key.
///
/// `Debug` and `Display` print a fixed mark, so a secret cannot reach a log, a page or an error text by
/// accident. [`Secret::reveal`] is the only way out, and is searched for in reviews.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The credential itself: for an `Authorization` header, a refresh body or a digest, and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MARK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MARK)
    }
}

const MARK: &str = "[secret]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_display_shows_the_value() {
        let secret = Secret::new("aor-refresh");
        assert_eq!(format!("{secret} {secret:?}"), "[secret] [secret]");
    }
}
