//! `cargo xtask dev`: from a fresh checkout to a working gateway, on workerd or on the Lambda emulator.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::Result;
use crate::gateway::{DEVELOPMENT_KEY, Gateway, Plan, Platform};
use crate::ports;
use crate::process::interrupt;
use crate::progress::say;
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
    pub(crate) verbose: bool,
}

/// Runs until Ctrl-C (a success) or until something it started ends by itself (a failure).
pub(crate) fn run(root: &Root, options: &Options) -> Result<()> {
    // What is wrong with the settings or the port is told before minutes of installing.
    let settings = Settings::of_person(root)?;
    ports::claim(options.port, "--port")?;
    ports::claim(options.upstream_port, "--upstream-port")?;
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
            rebuild: options.build,
            quiet: false,
            program: None,
            log: None,
        },
    )?;
    say(&Banner {
        platform: options.platform,
        url: &gateway.url(),
        key: gateway.key(),
        account: gateway.account(),
        upstream: gateway.upstream_url(),
        kept: gateway.kept(),
    }
    .text());
    while !interrupt::raised() {
        gateway.check()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    say("ending …");
    drop(gateway);
    Ok(())
}

/// What the person has to know about a gateway that is ready.
struct Banner<'a> {
    platform: Platform,
    url: &'a str,
    key: &'a ClientKey,
    account: Option<&'a str>,
    upstream: Option<&'a str>,
    kept: Option<&'a Path>,
}

impl Banner<'_> {
    fn text(&self) -> String {
        let (url, platform) = (self.url, self.platform.name());
        let (key, key_note) = match self.key {
            ClientKey::Development => {
                (DEVELOPMENT_KEY, format!("{DEVELOPMENT_KEY} (for local runs only; set KIRO_CLIENT_TOKEN for another)"))
            }
            ClientKey::Own(_) => ("\"$KIRO_CLIENT_TOKEN\"", "the one you set in KIRO_CLIENT_TOKEN".to_owned()),
            ClientKey::Several => ("<one of your keys>", "those you set in KIRO_CLIENT_TOKEN".to_owned()),
        };
        let (upstream, state) = (self.upstream(), self.state());
        format!(
            "
  kiro2api is ready

  URL       {url}
  key       {key_note}
  platform  {platform}
  upstream  {upstream}
  state     {state}

  Claude Code:
    export ANTHROPIC_BASE_URL={url}
    export ANTHROPIC_AUTH_TOKEN={key}

  Try it:
    curl {url}/v1/messages -H x-api-key:{key} -H 'content-type: application/json' \\
      -d '{{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":256,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'

  Ctrl-C ends it. Log lines follow.
"
        )
    }

    fn upstream(&self) -> String {
        match (self.account, self.upstream) {
            (Some(source), _) => format!("REAL, with the account of {source}"),
            (None, url) => format!(
                "SIMULATED at {}: answers are made up.\n            To use your account, run `cargo xtask accounts login` or `… import`, or set KIRO_AUTH_TOKEN (JSON, or the path of a\n            JSON file), and start again.",
                url.unwrap_or("an unknown address")
            ),
        }
    }

    fn state(&self) -> String {
        match self.kept {
            Some(folder) => format!("{} (rotated refresh tokens: they outlive this run)", folder.display()),
            None => "not kept".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(platform: Platform, key: &ClientKey, account: Option<&str>, upstream: Option<&str>) -> String {
        let kept = account.map(|_| Path::new("/kept"));
        Banner { platform, url: "http://127.0.0.1:8080", key, account, upstream, kept }.text()
    }

    #[test]
    fn a_simulated_upstream_is_said_loudly_with_the_way_out() {
        let upstream = Some("http://127.0.0.1:9999");
        let text = banner(Platform::Lambda, &ClientKey::Development, None, upstream);
        for part in [
            "SIMULATED at http://127.0.0.1:9999",
            "set KIRO_AUTH_TOKEN",
            "platform  AWS Lambda",
            "state     not kept",
            "export ANTHROPIC_BASE_URL=http://127.0.0.1:8080\n",
            "export ANTHROPIC_AUTH_TOKEN=123456\n",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn a_key_of_ones_own_is_never_shown() {
        let text = banner(Platform::Workers, &ClientKey::Own("s3cret".to_owned()), Some("AWS_REFRESHTOKEN"), None);
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("state     /kept (rotated refresh tokens"), "{text}");
        assert!(text.contains("REAL, with the account of AWS_REFRESHTOKEN"), "{text}");
        assert!(text.contains("export ANTHROPIC_AUTH_TOKEN=\"$KIRO_CLIENT_TOKEN\"\n"), "{text}");
    }
}
