//! `cargo xtask serve`: a gateway for a test suite that needs one of its own. It ends with its standard input.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::failure::Result;
use crate::gateway::{DEVELOPMENT_KEY, Gateway, Plan, Platform};
use crate::process::interrupt;
use crate::progress::{answer, say};
use crate::root::Root;
use crate::settings::{ClientKey, Settings};

/// The command's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) platform: Platform,
    pub(crate) port: u16,
    pub(crate) upstream_port: u16,
    pub(crate) persist: Option<PathBuf>,
    pub(crate) build: bool,
    pub(crate) json: bool,
    pub(crate) verbose: bool,
}

/// Starts a gateway, tells its addresses on standard output, and runs until standard input ends or Ctrl-C.
pub(crate) fn run(root: &Root, options: &Options) -> Result<()> {
    let input_ended = watch_input();
    let settings = Settings::of_person(root)?;
    if let Some(source) = settings.account() {
        say(&format!("upstream: REAL, with the account of {source}"));
    }
    options.platform.prepare(root, options.build)?;
    let mut gateway = Gateway::start(
        root,
        Plan {
            platform: options.platform,
            port: options.port,
            upstream_port: options.upstream_port,
            persist: options.persist.clone(),
            settings,
            verbose: options.verbose,
            ..Plan::default()
        },
    )?;
    answer(&announcement(&gateway.url(), gateway.key(), gateway.upstream_url(), options.json));
    while !interrupt::raised() && !input_ended.load(Ordering::Relaxed) {
        gateway.check()?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The addresses: one JSON line, or lines of `name value`. A key that the caller brought is the caller's to know.
fn announcement(url: &str, key: &ClientKey, upstream: Option<&str>, as_json: bool) -> String {
    let key = match key {
        ClientKey::Development => Some(DEVELOPMENT_KEY),
        ClientKey::Own(_) | ClientKey::Several => None,
    };
    if as_json {
        return json!({"event": "ready", "url": url, "key": key, "sim_url": upstream}).to_string();
    }
    let mut text = format!("url {url}");
    for (name, value) in [("key", key), ("sim_url", upstream)] {
        if let Some(value) = value {
            text.push_str(&format!("\n{name} {value}"));
        }
    }
    text
}

fn watch_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    std::thread::spawn(move || {
        let mut ignored = [0; 256];
        while matches!(std::io::stdin().lock().read(&mut ignored), Ok(1..)) {}
        flag.store(true, Ordering::Relaxed);
    });
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_one_json_line_without_a_foreign_key() {
        let line = announcement("http://a", &ClientKey::Own("s3cret".to_owned()), Some("http://b"), true);
        assert_eq!(line, r#"{"event":"ready","key":null,"sim_url":"http://b","url":"http://a"}"#);
        let line = announcement("http://a", &ClientKey::Development, None, true);
        assert_eq!(line, r#"{"event":"ready","key":"123456","sim_url":null,"url":"http://a"}"#);
    }
}
