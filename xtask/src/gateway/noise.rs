//! Tells the worker's own lines from wrangler's talk about itself.

/// True for a line worth showing while the gateway runs.
pub(super) fn is_worth_showing(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty()
        && !NOISE_STARTS.iter().any(|start| line.starts_with(start))
        && !NOISE_PARTS.iter().any(|part| line.contains(part))
}

/// True for a line worth showing even before the gateway is up.
pub(super) fn is_an_error(line: &str) -> bool {
    line.contains("[ERROR]")
}

const NOISE_STARTS: [&str; 11] =
    ["⎔", "╭", "│", "╰", "─", "[wrangler:info]", "Using secrets", "Using vars", "Your Worker", "Binding ", "env."];
const NOISE_PARTS: [&str; 4] = ["Request.cf", "wrangler.log", "Logs were written to", "⛅"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_pass_and_talk_does_not() {
        assert!(is_worth_showing(r#"{"level":"info","message":"request"}"#));
        assert!(is_worth_showing("✘ [ERROR] Uncaught RuntimeError: unreachable"));
        assert!(!is_worth_showing("[wrangler:info] GET /health 200 OK (3ms)"));
        assert!(!is_worth_showing("  ⎔ Starting local server..."));
        assert!(!is_worth_showing(""));
        assert!(is_an_error("✘ [ERROR] Build failed"));
    }
}
