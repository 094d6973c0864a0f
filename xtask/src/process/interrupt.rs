//! Ctrl-C and SIGTERM, as a flag that every waiting loop looks at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::{During, Failure, Result};

static ASKED_TO_END: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on SIGINT, SIGTERM and SIGHUP raise the flag instead of ending this process, so that it can end its children.
pub(crate) fn listen() -> Result<()> {
    let flag = ASKED_TO_END.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag)).during(|| format!("listen to signal {signal}"))?;
    }
    Ok(())
}

/// Has someone asked this process to end?
pub(crate) fn raised() -> bool {
    ASKED_TO_END.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// An error once someone has asked this process to end.
pub(crate) fn check() -> Result<()> {
    if raised() { Err(Failure::interrupted()) } else { Ok(()) }
}
