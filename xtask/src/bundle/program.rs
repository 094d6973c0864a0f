//! Whether a compiled program is one that Lambda's system can start.

use std::fs;
use std::path::Path;

use object::read::elf::ElfFile64;
use object::{Architecture, Endianness, Object};

use super::lambda::Processor;
use crate::failure::{During, Failure, Result};

/// Checks the file and tells its size in bytes.
///
/// # Errors
/// When it is missing, no program for this processor's Linux, or asks for a newer C library than `provided.al2023` has:
/// each would fail every invocation and nothing before it.
pub(crate) fn check(path: &Path, processor: Processor) -> Result<u64> {
    let bytes = fs::read(path).during(|| format!("read {}", path.display()))?;
    let problem = |text: String| Failure::new(format!("{} {text}", path.display()));
    let program =
        ElfFile64::<Endianness>::parse(&*bytes).map_err(|error| problem(format!("is no program: {error}")))?;
    let wanted = architecture(processor);
    if program.architecture() != wanted {
        return Err(problem(format!("is for {:?} and not for {wanted:?}", program.architecture())));
    }
    let asked = c_library(&program).during(|| format!("read the symbol versions of {}", path.display()))?;
    if asked > C_LIBRARY {
        let (major, minor) = asked;
        return Err(problem(format!("needs glibc {major}.{minor}, and provided.al2023 has 2.{}", C_LIBRARY.1)));
    }
    Ok(bytes.len() as u64)
}

/// The newest version of glibc that any symbol asks for; zero for a program that is linked statically.
fn c_library(program: &ElfFile64<'_, Endianness>) -> object::Result<Version> {
    let endian = program.endian();
    let sections = program.elf_section_table();
    let mut newest = (0, 0);
    let Some((mut needs, link)) = sections.gnu_verneed(endian, program.data())? else { return Ok(newest) };
    let names = sections.strings(endian, program.data(), link)?;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            let name = version.name(endian, names)?;
            newest = newest.max(std::str::from_utf8(name).map_or((0, 0), glibc));
        }
    }
    Ok(newest)
}

/// `GLIBC_2.34` as numbers; zero for any other name.
fn glibc(name: &str) -> Version {
    let numbers = name.strip_prefix("GLIBC_").and_then(|version| version.split_once('.'));
    let read = |(major, rest): (&str, &str)| {
        let minor = rest.split('.').next()?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    numbers.and_then(read).unwrap_or_default()
}

fn architecture(processor: Processor) -> Architecture {
    match processor {
        Processor::Arm64 => Architecture::Aarch64,
        Processor::X86_64 => Architecture::X86_64,
    }
}

type Version = (u32, u32);

/// What Amazon Linux 2023 has.
const C_LIBRARY: Version = (2, 34);

#[cfg(test)]
mod tests {
    use super::*;

    /// This test's own program.
    fn this() -> std::path::PathBuf {
        std::env::current_exe().unwrap()
    }

    #[test]
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn a_program_for_the_other_processor_is_refused() {
        let other = if cfg!(target_arch = "x86_64") { Processor::Arm64 } else { Processor::X86_64 };
        let failure = check(&this(), other).unwrap_err().to_string();
        assert!(failure.contains("and not for"), "{failure}");
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn the_c_library_of_a_program_is_read() {
        let bytes = fs::read(this()).unwrap();
        let (major, minor) = c_library(&ElfFile64::parse(&*bytes).unwrap()).unwrap();
        assert!(major == 2 && minor >= 17, "{major}.{minor}");
    }

    #[test]
    fn versions_of_the_c_library_are_told_from_other_names() {
        assert_eq!(glibc("GLIBC_2.34"), (2, 34));
        assert_eq!(glibc("GLIBC_2.2.5"), (2, 2));
        for other in ["GCC_3.0", "GLIBC_PRIVATE", "GLIBCXX_3.4", ""] {
            assert_eq!(glibc(other), (0, 0), "{other}");
        }
    }

    #[test]
    fn what_is_no_program_is_refused() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let failure = check(&manifest, Processor::X86_64).unwrap_err().to_string();
        assert!(failure.contains("is no program"), "{failure}");
        assert!(check(&manifest.join("none"), Processor::X86_64).is_err());
    }
}
