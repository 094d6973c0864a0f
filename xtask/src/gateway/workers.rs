//! The worker under `wrangler dev`: the real workerd, and a local KV.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Plan, Site, noise};
use crate::failure::Result;
use crate::process::{Service, Watch};
use crate::progress::say;
use crate::root::Root;
use crate::{env_file, ports, tools};

/// Starts wrangler.
pub(super) fn start(root: &Root, plan: &Plan, site: Site<'_>) -> Result<Service> {
    let settings = site.folder.write_private("settings.env", &env_file::encode(site.values)?)?;
    let mut command = tools::wrangler(root)?;
    command.args(["dev", "--ip", "127.0.0.1", "--show-interactive-dev-session=false"]);
    command.arg("--inspector-port").arg(ports::free()?.to_string());
    command.arg("--env-file").arg(settings).arg("--persist-to").arg(site.state);
    // Wrangler's inspector makes a request to itself, and keeps the message, for every chunk of every response: a few busy
    // streams use up its file descriptors and its heap. It has no option to go without; this variable makes it.
    command.env("VSCODE_INSPECTOR_OPTIONS", "{}");
    command.env("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV", "true").env("CLOUDFLARE_INCLUDE_PROCESS_ENV", "false");
    if !plan.rebuild {
        command.env(BUNDLE_IS_READY, "1");
    }
    command.arg("--port").arg(site.port.release().to_string());
    Service::start("the worker (wrangler dev)", &mut command, Some(watch(plan, Arc::clone(site.ready))))
}

fn watch(plan: &Plan, ready: Arc<AtomicBool>) -> Watch {
    let (verbose, quiet, log) = (plan.verbose, plan.quiet, plan.log.clone());
    Arc::new(move |line| {
        log.iter().for_each(|log| log.push(line));
        let shown = match ready.load(Ordering::Relaxed) {
            _ if quiet => false,
            true => noise::is_worth_showing(line),
            false => noise::is_an_error(line),
        };
        if verbose || shown {
            say(line);
        }
    })
}

/// Set for wrangler's build command by commands that have just built the bundle.
pub(crate) const BUNDLE_IS_READY: &str = "KIRO2API_BUNDLE_IS_READY";
