//! The layer rule as data: who may name whom, read from the `use` lines and paths of the sources.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// layer · the other layers its files may name. Itself is always allowed.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("drive", &["config", "exchange", "host"]),
    (
        "exchange",
        &[
            "auth",
            "config",
            "dialect",
            "error",
            "eventstream",
            "host",
            "json",
            "models",
            "pool",
            "route",
            "seal",
            "summary",
            "turn",
            "upstream",
        ],
    ),
    ("dialect", &["error", "host", "json", "models", "turn"]),
    ("upstream", &["error", "eventstream", "host", "json", "models", "place", "secret", "turn"]),
    ("pool", &["error", "host", "json", "place", "seal", "secret"]),
    ("turn", &["error", "json", "models"]),
    ("config", &["auth", "host", "models", "pool", "seal", "upstream"]),
    ("summary", &["host", "turn"]),
    ("auth", &["error", "host", "json"]),
    ("route", &["host"]),
    ("models", &["json"]),
    // Times and waits are in `Millis`, the one word every layer shares.
    ("error", &["host"]),
    ("host", &[]),
    ("eventstream", &[]),
    ("json", &[]),
    ("place", &[]),
    ("seal", &[]),
    ("secret", &[]),
];

#[test]
fn no_layer_of_the_core_names_another_than_it_may() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let mut broken = Vec::new();
    let mut used = BTreeSet::new();
    let mut seen = 0;
    for file in sources(&core) {
        let relative = file.strip_prefix(&core).unwrap();
        let layer =
            relative.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        if layer == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == layer) else {
            broken.push(format!("{}: the layer {layer} is not in the table", relative.display()));
            continue;
        };
        for (line, other) in named(&fs::read_to_string(&file).unwrap()) {
            seen += 1;
            used.insert((layer.clone(), other.clone()));
            let exported = matches!(other.as_str(), "Error" | "Kind" | "Millis");
            if other != layer && !exported && !allowed.contains(&other.as_str()) {
                broken.push(format!("{}:{line}: {layer} names {other}", relative.display()));
            }
        }
    }
    assert!(seen > 200, "only {seen} paths were read: the reader is broken");
    for (layer, others) in MAY_NAME {
        for other in others.iter().filter(|other| !used.contains(&((*layer).to_owned(), (**other).to_owned()))) {
            broken.push(format!("the table allows {layer} to name {other}, which it does not: take it out"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A mistake in the core must not be a mistake in what tests it.
#[test]
fn the_simulated_service_shares_no_code_with_the_core() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for file in sources(&tests) {
        let relative = file.strip_prefix(&tests).unwrap();
        if relative.starts_with("world") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("kiro2api_core"), "{} names the core", relative.display());
        let names_world = text.lines().any(|line| line.contains("world::") && !line.trim_start().starts_with("//"));
        let is_token_world = relative.ends_with("tokens.rs") || text.contains("tokens::World");
        assert!(!names_world || is_token_world, "{} names the world", relative.display());
        seen += 1;
    }
    assert!(seen > 20);
}

#[test]
fn the_core_reads_no_clock_no_environment_and_no_socket() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    for file in sources(&core) {
        for (number, line) in product(&fs::read_to_string(&file).unwrap()) {
            for word in [
                "std::time::Instant",
                "SystemTime::now",
                "std::env",
                "std::net::Tcp",
                "std::fs",
                "std::thread",
                "tokio",
                "getrandom",
            ] {
                assert!(!line.contains(word), "{}:{number}: {word}", file.display());
            }
        }
    }
}

/// Nothing waits but the module that performs the steps, so that everything else is a function of bytes and time.
#[test]
fn only_the_driver_of_the_core_awaits() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let mut driver = 0;
    for file in sources(&core) {
        let relative = file.strip_prefix(&core).unwrap();
        let drives = relative == Path::new("drive.rs") || relative.starts_with("drive");
        for (number, line) in product(&fs::read_to_string(&file).unwrap()) {
            let waits = [".await", "async fn", "async move", "async {"].iter().any(|word| line.contains(word));
            driver += usize::from(waits && drives);
            assert!(drives || !waits, "{}:{number}: {line}", relative.display());
        }
    }
    assert!(driver > 20, "only {driver} lines of the driver await: the reader is broken");
}

/// Every `crate::x` of a source, with its line; tests at its end are left out.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in product(text) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let names = group.split(['}', ',']).map(|name| name.trim().split("::").next().unwrap_or_default());
                found.extend(names.filter(|name| !name.is_empty()).map(|name| (number, name.to_owned())));
            } else {
                let name: String =
                    rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                found.push((number, name));
            }
        }
    }
    found
}

/// The lines before the tests that are not comments.
fn product(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(number, line)| (number + 1, line))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
