//! What is to be bundled.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt};

use super::lambda::Processor;

/// The command's options: for which platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Options {
    /// The worker, into `build/`.
    Workers,
    /// The function's zip, for this processor.
    Lambda(Processor),
}

impl Options {
    /// Reads what follows `cargo xtask bundle`.
    pub(crate) fn read(arguments: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let (mut lambda, mut processor) = (false, None);
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("lambda") => lambda = true,
                Arg::Long("arch") => processor = Some(parser.value()?.parse_with(Processor::named)?),
                other => return Err(other.unexpected()),
            }
        }
        match (lambda, processor) {
            (true, processor) => Ok(Self::Lambda(processor.unwrap_or(Processor::Arm64))),
            (false, None) => Ok(Self::Workers),
            (false, Some(_)) => Err("--arch goes with --lambda".into()),
        }
    }
}

/// The command's help.
pub(crate) const HELP: &str = "\
Usage: cargo xtask bundle [--lambda [--arch arm64|x86_64]]

Compiles worker-cf to WebAssembly (cargo profile `worker`), optimises and bundles it into build/, and prints its size.
More than 1 MB after gzip is an error. It is also the build command of wrangler.toml.

  --lambda        instead: compile lambda-aws for AWS Lambda (provided.al2023) with cargo-lambda, as `sam build` does,
                  and put it as `bootstrap` into target/lambda/<arch>/bootstrap.zip; a zip over 5 MB is an error
  --arch NAME     its processor: arm64 (the default, as in template.yaml) or x86_64";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(line.split_whitespace().map(OsString::from).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_platform_is_workers_unless_lambda_is_asked_for() {
        assert_eq!(read(""), Ok(Options::Workers));
        assert_eq!(read("--lambda"), Ok(Options::Lambda(Processor::Arm64)));
        assert_eq!(read("--lambda --arch=x86_64"), Ok(Options::Lambda(Processor::X86_64)));
        assert_eq!(read("--arch arm64 --lambda"), Ok(Options::Lambda(Processor::Arm64)));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, part) in [
            ("now", "now"),
            ("--arch arm64", "goes with --lambda"),
            ("--lambda --arch mips", "arm64 or x86_64"),
            ("--lambda --arch", "--arch"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
