//! What the person asked for.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::failure::{Failure, Result};
use crate::gateway::Platform;
use crate::{accounts, bundle, dev, serve, test};

/// One command with its options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Help(&'static str),
    Dev(dev::Options),
    Serve(serve::Options),
    Test(test::Options),
    Bundle(bundle::Options),
    Accounts(accounts::Options),
    Bench(Vec<OsString>),
}

/// Reads the arguments that follow `cargo xtask`.
pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Request> {
    let mut arguments = arguments.into_iter();
    let Some(command) = arguments.next() else {
        return Ok(Request::Help(HELP));
    };
    let rest: Vec<OsString> = arguments.collect();
    let help = rest.iter().any(|argument| argument == "--help" || argument == "-h");
    match command.to_str().unwrap_or_default() {
        "-h" | "--help" | "help" => Ok(Request::Help(HELP)),
        "dev" if help => Ok(Request::Help(HELP_DEV)),
        "dev" => read_dev(rest, |name| std::env::var(name).ok()).map(Request::Dev),
        "serve" if help => Ok(Request::Help(HELP_SERVE)),
        "serve" => read_serve(rest).map(Request::Serve),
        "test" if help => Ok(Request::Help(HELP_TEST)),
        "test" => read_test(rest).map(Request::Test),
        "bundle" if help => Ok(Request::Help(bundle::HELP)),
        "bundle" => {
            bundle::Options::read(rest).map(Request::Bundle).map_err(|error| misused("bundle", &error.to_string()))
        }
        "accounts" if help || rest.is_empty() => {
            Ok(Request::Help(accounts::help(rest.first().and_then(|word| word.to_str()))))
        }
        "accounts" => accounts::Options::read(rest)
            .map(Request::Accounts)
            .map_err(|error| misused("accounts", &error.to_string())),
        "bench" if help => Ok(Request::Help(HELP_BENCH)),
        "bench" => Ok(Request::Bench(rest.into_iter().filter(|argument| argument != "--").collect())),
        other => Err(Failure::new(format!("there is no command `{other}`: see `cargo xtask --help`"))),
    }
}

fn read_dev(arguments: Vec<OsString>, lookup: impl Fn(&str) -> Option<String>) -> Result<dev::Options> {
    let (port, mut options) =
        dev_options(Parser::from_args(arguments)).map_err(|error| misused("dev", &error.to_string()))?;
    options.port = match (port, lookup("PORT").filter(|value| !value.is_empty())) {
        (Some(port), _) => port,
        (None, Some(value)) => {
            value.parse().map_err(|_| Failure::new("PORT should hold a port number from 0 to 65535"))?
        }
        (None, None) => DEFAULT_PORT,
    };
    Ok(options)
}

fn dev_options(mut parser: Parser) -> std::result::Result<(Option<u16>, dev::Options), lexopt::Error> {
    let mut port = None;
    let mut options = dev::Options {
        platform: Platform::Workers,
        port: DEFAULT_PORT,
        upstream_port: 0,
        persist: None,
        build: true,
        verbose: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("lambda") => options.platform = Platform::Lambda,
            Arg::Long("port") => port = Some(parser.value()?.parse()?),
            Arg::Long("upstream-port") => options.upstream_port = parser.value()?.parse()?,
            Arg::Long("persist") => options.persist = Some(PathBuf::from(parser.value()?)),
            Arg::Long("no-build") => options.build = false,
            Arg::Long("verbose") | Arg::Short('v') => options.verbose = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok((port, options))
}

fn read_serve(arguments: Vec<OsString>) -> Result<serve::Options> {
    serve_options(Parser::from_args(arguments)).map_err(|error| misused("serve", &error.to_string()))
}

fn serve_options(mut parser: Parser) -> std::result::Result<serve::Options, lexopt::Error> {
    let mut options = serve::Options {
        platform: Platform::Workers,
        port: 0,
        upstream_port: 0,
        persist: None,
        build: true,
        json: false,
        verbose: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("lambda") => options.platform = Platform::Lambda,
            Arg::Long("port") => options.port = parser.value()?.parse()?,
            Arg::Long("upstream-port") => options.upstream_port = parser.value()?.parse()?,
            Arg::Long("persist") => options.persist = Some(PathBuf::from(parser.value()?)),
            Arg::Long("no-build") => options.build = false,
            Arg::Long("json") => options.json = true,
            Arg::Long("verbose") | Arg::Short('v') => options.verbose = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn read_test(arguments: Vec<OsString>) -> Result<test::Options> {
    let options = test_options(Parser::from_args(arguments)).map_err(|error| misused("test", &error.to_string()))?;
    if options.fast && options.only.is_some() {
        return Err(misused("test", "--fast and --only exclude each other"));
    }
    Ok(options)
}

fn test_options(mut parser: Parser) -> std::result::Result<test::Options, lexopt::Error> {
    let mut options = test::Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("fast") => options.fast = true,
            Arg::Long("list") => options.list = true,
            Arg::Long("only") => options.only = Some(parser.value()?.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn misused(command: &str, what: &str) -> Failure {
    Failure::new(format!("{what}: see `cargo xtask {command} --help`"))
}

const DEFAULT_PORT: u16 = 8080;

const HELP: &str = "\
Usage: cargo xtask <command> [options]

Commands:
  dev        set everything up and run a working gateway on this machine
  accounts   import, sign in, list and check the accounts of a gateway
  test       set everything up and run all tests (--fast: the inner loop)
  bench      measure the project beside its peers
  bundle     build the Cloudflare Workers bundle, or the zip for AWS Lambda, and check its size
  serve      a gateway for one test suite; ends with its standard input

A fresh machine needs Rust (rustup), Node 20 or newer and Python 3. Everything else is installed on first use, in
pinned versions, under target/ and node_modules/. `cargo xtask <command> --help` tells more.";

const HELP_DEV: &str = "\
Usage: cargo xtask dev [--lambda] [--port N] [--upstream-port N] [--persist DIR] [--no-build] [--verbose]

Builds the worker and runs it on workerd (wrangler dev) with a local KV; with --lambda, builds the function and runs it
on the Lambda emulator (cargo lambda) with a local DynamoDB table (dynalite). Without an account it starts a simulated
upstream and says so; with one it talks to the real service. Ctrl-C ends everything. Changed sources of the worker are
rebuilt; for a changed function, start again. Nothing of your AWS configuration is used.

  --lambda            on the Lambda emulator instead of workerd
  --port N            port of the gateway; 0 chooses a free one (default: PORT, or 8080)
  --upstream-port N   port of the simulated upstream (default: a free one)
  --persist DIR       keep the local KV or table here (default: with a real account .wrangler/state or .lambda/state,
                      else not kept). Neither platform sees the tokens that the other has kept
  --no-build          serve the bundle or the function that is there, and do not rebuild
  -v, --verbose       show everything that wrangler or the emulator says

Without an account in the environment it uses those of `cargo xtask accounts`, where there are any.

Environment, all optional; every other documented setting is passed on to the gateway too:
  KIRO_AUTH_TOKEN, KIRO_AUTH_TOKEN_FILE   your account(s): JSON, or the path of a file that holds it
  AWS_REFRESHTOKEN                        instead: a comma list of Social refresh tokens
  KIRO_CLIENT_TOKEN                       key for clients (default, for local runs only: 123456)";

const HELP_SERVE: &str = "\
Usage: cargo xtask serve [--lambda] [--port N] [--upstream-port N] [--persist DIR] [--no-build] [--json] [--verbose]

Starts a gateway as `dev` does, on free ports, for a test suite that needs one of its own. When it is ready it prints,
with --json, one line on standard output:
  {\"event\":\"ready\",\"key\":\"123456\",\"sim_url\":\"http://127.0.0.1:…\",\"url\":\"http://127.0.0.1:…\"}
`key` is null when the environment set one; `sim_url` is null with a real account. With --persist the local KV
(or, with --lambda, the table) outlives it in DIR. Accounts are those of the environment, else those of
`cargo xtask accounts`. It ends, with everything it started, when its standard input ends.";

const HELP_TEST: &str = "\
Usage: cargo xtask test [--fast | --only NAME] [--list]

Runs everything: formatting, lints, tests of each package, the account commands as a new user runs them, the core's empty
import list, the bundle and its size, the function's store against local AWS servers, and the suites in tests/clients with
a simulated upstream twice: against the worker on workerd (`suite:`) and against the function on the Lambda emulator
(`lambda:`). A failed step does not stop the others. The last line of standard output is `N passed, N failed`. Your own
accounts and keys are never used.

  --fast         the inner loop: no deploy check, and of the suites only the smoke suite, on both platforms
  --only NAME    one step, or a family: `--only suite:smoke`, `--only test`, `--only lambda`
  --list         name the steps";

const HELP_BENCH: &str = "\
Usage: cargo xtask bench [arguments of the benchmarks]
       cargo xtask bench lambda [--quick]

Runs the native benchmarks (cargo profile `bench`), then those of the Workers bundle and, where there is no filter, of the
Lambda function. `lambda` runs the last alone.";

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<Request> {
        read(line.split_whitespace().map(OsString::from))
    }

    fn port(line: &str, variable: Option<&str>) -> Result<u16> {
        let arguments = line.split_whitespace().map(OsString::from).collect();
        read_dev(arguments, |_| variable.map(str::to_owned)).map(|options| options.port)
    }

    #[test]
    fn the_port_is_the_option_then_the_variable_then_8080() {
        assert_eq!(port("--port 1", Some("2")).unwrap(), 1);
        assert_eq!(port("", Some("2")).unwrap(), 2);
        assert_eq!(port("", Some("")).unwrap(), 8080);
        assert_eq!(port("", None).unwrap(), 8080);
        assert!(port("", Some("http")).unwrap_err().to_string().starts_with("PORT should hold"));
        assert!(port("--port 99999", None).unwrap_err().to_string().contains("cargo xtask dev --help"));
    }

    #[test]
    fn options_are_read() {
        let Request::Dev(options) =
            request("dev --lambda --port=1 --upstream-port 9 --persist d --no-build -v").unwrap()
        else {
            unreachable!("dev was asked for");
        };
        let persist = Some(PathBuf::from("d"));
        let platform = Platform::Lambda;
        assert_eq!(options, dev::Options { platform, port: 1, upstream_port: 9, persist, build: false, verbose: true });
        let only = Some("fmt".to_owned());
        assert_eq!(request("test --only fmt").unwrap(), Request::Test(test::Options { only, ..Default::default() }));
        assert_eq!(request("bench -- core --quick").unwrap(), Request::Bench(vec!["core".into(), "--quick".into()]));
    }

    #[test]
    fn what_is_not_understood_is_named_with_where_to_look() {
        for (line, part) in [
            ("deploy", "no command `deploy`"),
            ("dev --prot 1", "--prot"),
            ("test --fast --only fmt", "exclude each other"),
            ("bundle now", "now"),
        ] {
            let failure = request(line).unwrap_err().to_string();
            assert!(failure.contains(part) && failure.contains("--help"), "{failure}");
        }
    }

    #[test]
    fn every_command_has_help() {
        for command in ["accounts", "dev", "serve", "test", "bundle", "bench"] {
            let Request::Help(text) = request(&format!("{command} --help")).unwrap() else {
                unreachable!("help was asked for");
            };
            assert!(text.starts_with(&format!("Usage: cargo xtask {command}")), "{text}");
            assert!(HELP.contains(&format!("\n  {command} ")));
        }
    }
}
