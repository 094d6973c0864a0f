//! What the person asked of `accounts`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Error, Parser, ValueExt};

use super::aws::Service;
use super::entry::Marks;
use super::place::Where;

/// A command with its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(super) place: Where,
    pub(super) action: Action,
}

/// What to do with the accounts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Import { file: Option<PathBuf>, marks: Marks },
    List { json: bool },
    Add { source: Source, api_key: bool, marks: Marks },
    Remove(String),
    Switch { which: String, on: bool },
    Check(Option<String>),
    Login { start_url: Option<String>, region: Option<String>, marks: Marks },
    Push,
}

/// Where an account is read from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    Input,
    File(PathBuf),
}

/// Everything that may be written after a command.
#[derive(Default)]
struct Given {
    place: Where,
    lambda: bool,
    workers: bool,
    replace: bool,
    marks: Marks,
    file: Option<PathBuf>,
    json: bool,
    api_key: bool,
    start_url: Option<String>,
    region: Option<String>,
    word: Option<OsString>,
}

impl Options {
    /// Reads what follows `accounts`.
    pub(crate) fn read(arguments: Vec<OsString>) -> Result<Self, Error> {
        Self::of(arguments).map_err(|error| match error {
            // What stands there may be a key: it is not repeated.
            Error::UnexpectedValue { option, .. } => {
                format!("{option} takes no value: keys and JSON come by standard input").into()
            }
            other => other,
        })
    }

    fn of(arguments: Vec<OsString>) -> Result<Self, Error> {
        let mut arguments = arguments.into_iter();
        let command = arguments.next().unwrap_or_default().string()?;
        let allowed = *COMMANDS
            .iter()
            .find_map(|(name, allowed)| (*name == command).then_some(allowed))
            .ok_or_else(|| Error::from(format!("there is no command `accounts {command}`")))?;
        let given = Given::read(Parser::from_args(arguments), &command, allowed)?;
        let place = given.place()?;
        let word = |what: &str| -> Result<String, Error> {
            given.word.clone().ok_or_else(|| Error::from(format!("{what} is missing")))?.string()
        };
        let action = match command.as_str() {
            "import" => Action::Import { file: given.word.clone().map(PathBuf::from), marks: given.marks },
            "list" => Action::List { json: given.json },
            "add" => {
                let source = given.file.map_or(Source::Input, Source::File);
                Action::Add { source, api_key: given.api_key, marks: given.marks }
            }
            "remove" => Action::Remove(word(WHICH)?),
            "enable" | "disable" => Action::Switch { which: word(WHICH)?, on: command == "enable" },
            "check" => Action::Check(given.word.clone().map(ValueExt::string).transpose()?),
            "login" => Action::Login { start_url: given.start_url, region: given.region, marks: given.marks },
            _ if place == (Where::Workers { replace: false }) => Action::Push,
            _ => return Err("push sends the copy of --workers alone".into()),
        };
        Ok(Self { place, action })
    }
}

impl Given {
    fn read(mut parser: Parser, command: &str, allowed: &[&str]) -> Result<Self, Error> {
        let mut given = Self::default();
        while let Some(argument) = parser.next()? {
            let name = match &argument {
                Arg::Long(name) => (*name).to_owned(),
                Arg::Value(_) => "WORD".to_owned(),
                Arg::Short(_) => return Err(argument.unexpected()),
            };
            if !PLACES.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
                // What stands there may be a key: it is not repeated.
                return Err(match argument {
                    Arg::Value(_) => {
                        format!("`accounts {command}` takes options alone: keys and JSON come by standard input").into()
                    }
                    other => other.unexpected(),
                });
            }
            match argument {
                Arg::Value(word) if given.word.is_none() => given.word = Some(word),
                Arg::Value(_) => return Err(Error::from(format!("{command} takes one account or file"))),
                _ => given.option(&name, &mut parser)?,
            }
        }
        Ok(given)
    }

    fn option(&mut self, name: &str, parser: &mut Parser) -> Result<(), Error> {
        match name {
            "workers" => self.workers = true,
            "replace" => self.replace = true,
            "lambda" => self.lambda = true,
            "secret" => self.place = Where::Lambda(Service::Secret, parser.value()?.string()?),
            "parameter" => self.place = Where::Lambda(Service::Parameter, parser.value()?.string()?),
            "label" => self.marks.label = Some(parser.value()?.string()?),
            "priority" => self.marks.priority = Some(parser.value()?.parse()?),
            "file" => self.file = Some(PathBuf::from(parser.value()?)),
            "json" => self.json = true,
            "api-key" => self.api_key = true,
            "start-url" => self.start_url = Some(parser.value()?.string()?),
            _ => self.region = Some(parser.value()?.string()?),
        }
        Ok(())
    }

    fn place(&self) -> Result<Where, Error> {
        match (self.workers, self.lambda, &self.place) {
            (true, false, Where::Local) => Ok(Where::Workers { replace: self.replace }),
            (false, true, Where::Lambda(..)) if !self.replace => Ok(self.place.clone()),
            (false, true, Where::Local) => Err("--lambda needs --secret NAME_OR_ARN or --parameter NAME_OR_ARN".into()),
            (false, false, Where::Local) if !self.replace => Ok(Where::Local),
            (false, false, Where::Lambda(..)) => Err("--secret and --parameter belong to --lambda".into()),
            (true, true, _) | (true, _, Where::Lambda(..)) => Err("--workers and --lambda exclude each other".into()),
            _ => Err("--replace belongs to --workers".into()),
        }
    }
}

/// The text for a command of `accounts`, or for all of it.
pub(crate) fn help(command: Option<&str>) -> &'static str {
    match command {
        Some("import") => HELP_IMPORT,
        Some("add") => HELP_ADD,
        Some("check") => HELP_CHECK,
        Some("login") => HELP_LOGIN,
        _ => HELP,
    }
}

/// Options of every command.
const PLACES: [&str; 5] = ["workers", "replace", "lambda", "secret", "parameter"];
/// The commands, and what each takes beside the place.
const COMMANDS: [(&str, &[&str]); 9] = [
    ("import", &["WORD", "label", "priority"]),
    ("list", &["json"]),
    ("add", &["file", "api-key", "label", "priority"]),
    ("remove", &["WORD"]),
    ("enable", &["WORD"]),
    ("disable", &["WORD"]),
    ("check", &["WORD"]),
    ("login", &["start-url", "region", "label", "priority"]),
    ("push", &[]),
];
const WHICH: &str = "the account (LABEL, ID or place in the list)";

/// The text for `accounts` as a whole.
const HELP: &str = "\
Usage: cargo xtask accounts <command> [options] [--workers | --lambda --secret NAME_OR_ARN]

The accounts of a gateway, in the form of KIRO_AUTH_TOKEN. No token is ever shown, and none is an argument of a program.

Commands:
  import [FILE]    take over the desktop client's login, or a file in the form of KIRO_AUTH_TOKEN
  login            sign in through the browser with a code: a login of the gateway's own (Builder ID, IAM Identity Center)
  add              read one account as JSON, or with --api-key a key, from standard input or --file FILE
  list [--json]    what there is: label, kind, region, profile, priority, id
  check [WHICH]    try the accounts for real: login, profile, quota. Exit code 1 when one of them cannot serve
  remove WHICH     take an account out; WHICH is a label, an id or the beginning of one, or the place in the list
  enable WHICH, disable WHICH    switch an account on or off
  push             with --workers: send the list again

Where the list is:
  (default)        .kiro2api/accounts.json in this checkout, readable by you alone. `cargo xtask dev` uses it when neither
                   KIRO_AUTH_TOKEN nor AWS_REFRESHTOKEN is set. KIRO2API_HOME names another folder
  --workers        the deployed Worker's secret KIRO_AUTH_TOKEN, through wrangler. Cloudflare gives no secret back, so
                   .kiro2api/workers.json keeps a copy, and every change sends the whole of it: what was set from another
                   machine, or by hand, is replaced. Without a copy, --replace begins a new list
  --lambda --secret NAME_OR_ARN, --lambda --parameter NAME_OR_ARN
                   a secret in Secrets Manager or a SecureString parameter, through the AWS CLI and your login to it.
                   In a secret, what somebody else changes meanwhile is never overwritten; of a parameter, which compares
                   nothing, it is told when that has happened

`cargo xtask accounts <command> --help` tells more of import, login, add and check.";

const HELP_IMPORT: &str = "\
Usage: cargo xtask accounts import [FILE] [--label LABEL] [--priority N] [--workers | --lambda --secret NAME_OR_ARN]

Reads the desktop client's kiro-auth-token.json (default: ~/.aws/sso/cache/kiro-auth-token.json) with the device
registration beside it, or a file in the form of KIRO_AUTH_TOKEN: an object or an array. The same account again is
updated, not doubled: the same token, or the same device registration under the same or no label. Where somebody else signs
in with the same desktop client, give --label. An account of the same label is replaced, and that is said.

  --label LABEL    what the account is called in the gateway's logs (default: by who signs it in, such as google)
  --priority N     lower numbers serve first (default: 0)

The desktop client goes on using the same login: `cargo xtask accounts login` makes one of the gateway's own.";

const HELP_ADD: &str = "\
Usage: cargo xtask accounts add [--api-key] [--file FILE] [--label LABEL] [--priority N] [--workers | --lambda --secret NAME_OR_ARN]

Reads one account from standard input, or from FILE: as JSON in the form of KIRO_AUTH_TOKEN, such as
  {\"auth\":\"Social\",\"refreshToken\":\"…\"}
  {\"auth\":\"IdC\",\"refreshToken\":\"…\",\"clientId\":\"…\",\"clientSecret\":\"…\",\"region\":\"us-east-1\"}
or with --api-key the key alone (ksk_…). A key in an argument would be in the shell's history and in the list of processes.";

const HELP_CHECK: &str = "\
Usage: cargo xtask accounts check [LABEL | ID | PLACE] [--workers | --lambda --secret NAME_OR_ARN]

Tries each account that is not switched off as the gateway would: renews its access token, finds its profile, asks for
its quota; then says its state, plan, what is left and when it begins anew, and what to do where something is wrong. Exit
code 1 when one of them cannot serve. A refresh token that the renewal brings is stored at once, in the same place.

A gateway keeps the tokens it was given in a store of its own, where this command does not look: of an account that it
has used, the token in the list may have been replaced since, and `needs login` may mean the list alone.

KIRO_API_BASE, KIRO_AUTH_BASE and KIRO_OIDC_BASE name another service, such as the simulated one.";

const HELP_LOGIN: &str = "\
Usage: cargo xtask accounts login [--start-url URL] [--region REGION] [--label LABEL] [--priority N] [--workers | --lambda --secret NAME_OR_ARN]

Registers a client, shows a page and a code, waits until you have signed in there, and stores the login: one of the
gateway's own, which no other program uses. Ctrl-C gives up; nothing is stored then.

  --start-url URL    the access portal of your IAM Identity Center (default: Builder ID, https://view.awsapps.com/start)
  --region REGION    where that Identity Center is (default: KIRO_REGION, or us-east-1)
  --label LABEL      what it is called in the gateway's logs; an account of this label is replaced
  --priority N       lower numbers serve first (default: 0)

Such a login ends with its client registration, after some 90 days: `list` and `check` tell when.";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(line.split_whitespace().map(OsString::from).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_and_places_are_read() {
        let marks = Marks { label: Some("a".to_owned()), priority: Some(-2) };
        let file = Some(PathBuf::from("f"));
        assert_eq!(
            read("import f --label a --priority=-2").unwrap(),
            Options { place: Where::Local, action: Action::Import { file, marks } }
        );
        assert_eq!(
            read("check me --lambda --secret arn:x").unwrap(),
            Options {
                place: Where::Lambda(Service::Secret, "arn:x".to_owned()),
                action: Action::Check(Some("me".to_owned()))
            }
        );
        assert_eq!(
            read("push --workers").unwrap(),
            Options { place: Where::Workers { replace: false }, action: Action::Push }
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (line, part) in [
            ("", "no command"),
            ("delete x", "no command `accounts delete`"),
            ("remove", "is missing"),
            ("remove a b", "takes one"),
            ("list --label x", "--label"),
            ("add ksk_key --api-key", "takes options alone"),
            ("add --api-key=ksk_key", "takes no value"),
            ("list --lambda", "--lambda needs"),
            ("list --secret x", "belong to --lambda"),
            ("list --workers --lambda --secret x", "exclude each other"),
            ("list --replace", "belongs to --workers"),
            ("push", "--workers alone"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(part) && !error.contains("ksk_key"), "{line}: {error}");
        }
    }
}
