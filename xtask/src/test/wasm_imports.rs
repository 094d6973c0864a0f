//! The proof that the core does no I/O: linked whole as a WebAssembly module, it asks its host for nothing.
//!
//! Dead code is kept in the link (`-C link-dead-code` compiles it, `--no-gc-sections` links it), so a function that nobody calls yet counts too.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use wasmparser::{Parser, Payload, TypeRef};

use crate::failure::{During, Failure, Result};
use crate::root::Root;
use crate::tools::WASM;

/// Compiles the core as a module of its own.
pub(super) fn compile(root: &Root) -> Command {
    let mut cargo = root.cargo(&[
        "rustc",
        "--locked",
        "--package",
        "kiro2api-core",
        "--lib",
        "--crate-type",
        "cdylib",
        "--target",
        WASM,
        "--profile",
        PROFILE,
    ]);
    cargo.arg("--target-dir").arg(folder(root)).args([
        "--",
        "-C",
        "link-dead-code=yes",
        "-C",
        "link-arg=--no-gc-sections",
    ]);
    cargo
}

/// Reads the module that [`compile`] made.
///
/// # Errors
/// Names every import, or says that the module holds no code and so proves nothing.
pub(super) fn check(root: &Root) -> Result<String> {
    let path = folder(root).join(WASM).join("debug").join("kiro2api_core.wasm");
    let bytes = fs::read(&path).during(|| format!("read {}", path.display()))?;
    let module = Module::read(&bytes)?;
    if !module.imports.is_empty() {
        return Err(Failure::new("the core's WebAssembly module imports from its host, so it is not free of I/O")
            .with_output(module.imports.join("\n")));
    }
    if module.functions == 0 {
        return Err(Failure::new("the core's WebAssembly module holds no function: the check proves nothing"));
    }
    Ok(format!("{} functions, 0 imports", module.functions))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Module {
    imports: Vec<String>,
    functions: u32,
}

impl Module {
    fn read(bytes: &[u8]) -> Result<Self> {
        let reading = || "read the core's WebAssembly module".to_owned();
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.during(reading)? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.during(reading)?;
                        module.imports.push(format!("{} {}.{}", kind(import.ty), import.module, import.name));
                    }
                }
                Payload::FunctionSection(section) => module.functions += section.count(),
                _ => {}
            }
        }
        Ok(module)
    }
}

fn kind(reference: TypeRef) -> &'static str {
    match reference {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => "function",
        TypeRef::Table(_) => "table",
        TypeRef::Memory(_) => "memory",
        TypeRef::Global(_) => "global",
        TypeRef::Tag(_) => "tag",
    }
}

/// A folder of its own: other flags would make cargo build the core anew for everyone else.
fn folder(root: &Root) -> PathBuf {
    root.target().join("wasm-imports")
}

const PROFILE: &str = "dev";

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 8] = [0, b'a', b's', b'm', 1, 0, 0, 0];

    #[test]
    fn an_import_is_seen_and_named() {
        let mut bytes = HEAD.to_vec();
        bytes.extend([1, 4, 1, 0x60, 0, 0]); // one type: () -> ()
        bytes.extend([2, 11, 1, 3, b'e', b'n', b'v', 3, b'n', b'o', b'w', 0, 0]); // import env.now, a function of it
        let module = Module::read(&bytes).unwrap();
        assert_eq!(module.imports, ["function env.now"]);
    }

    #[test]
    fn a_module_without_imports_has_none_and_its_functions_are_counted() {
        let mut bytes = HEAD.to_vec();
        bytes.extend([1, 4, 1, 0x60, 0, 0]);
        bytes.extend([3, 2, 1, 0]); // one function
        bytes.extend([10, 4, 1, 2, 0, 0x0b]); // its empty body
        assert_eq!(Module::read(&bytes).unwrap(), Module { imports: Vec::new(), functions: 1 });
    }

    #[test]
    fn what_is_not_wasm_is_an_error() {
        assert!(Module::read(b"not wasm").is_err());
    }
}
