//! The exact versions of the tools that cargo installs. npm's and pip's are in their own lock files:
//! `package-lock.json`, `tests/clients/package-lock.json`, `tests/clients/requirements.txt`, `xtask/aws-requirements.txt`.

/// Turns the worker crate into the bundle. Moves together with the `worker` crate in worker-cf/Cargo.toml.
pub(super) const WORKER_BUILD: &str = "0.8.7";

/// The version Cargo.lock holds of `package`: the first, if there are several.
pub(super) fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry = format!("[[package]]\nname = \"{package}\"\nversion = \"");
    let (_, rest) = lock.split_once(&entry)?;
    rest.split_once('"').map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.9\"\nsource = \"x\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.9"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
