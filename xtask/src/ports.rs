//! Ports on loopback.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use crate::failure::{During, Failure, Result};

/// A port that nobody else gets until this is released.
#[derive(Debug)]
pub(crate) struct Held {
    listener: TcpListener,
    port: u16,
}

impl Held {
    /// The port's number.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Lets the program have it that is about to be started.
    pub(crate) fn release(self) -> u16 {
        drop(self.listener);
        self.port
    }
}

/// `wanted` if nobody listens there, or a free port when it is 0. `flag` is the option that chooses another.
pub(crate) fn claim(wanted: u16, flag: &str) -> Result<u16> {
    hold(wanted, flag).map(Held::release)
}

/// Like [`claim`], for a program that is started later: between asking for a free port and using it, others ask too.
pub(crate) fn hold(wanted: u16, flag: &str) -> Result<Held> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)) {
        Ok(listener) => {
            let port = listener.local_addr().during(|| "read a free port".to_owned())?.port();
            Ok(Held { listener, port })
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Failure::new(format!(
            "port {wanted} is in use by another program. End that program, or choose another port: {flag} {}",
            if wanted == u16::MAX { 0 } else { wanted + 1 }
        ))),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Failure::new(format!(
            "port {wanted} needs more rights than this user has. Choose one above 1023: {flag} 8080"
        ))),
        Err(error) => Err(Failure::new(format!("cannot listen on port {wanted}: {error}"))),
    }
}

/// A port that is free now.
pub(crate) fn free() -> Result<u16> {
    claim(0, "--port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named_with_a_way_out() {
        let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = busy.local_addr().unwrap().port();
        let failure = claim(port, "--upstream-port").unwrap_err().to_string();
        assert!(failure.contains(&format!("port {port} is in use")), "{failure}");
        assert!(failure.contains("--upstream-port"), "{failure}");
    }

    #[test]
    fn a_held_port_is_nobody_elses_until_it_is_released() {
        let held = hold(0, "--port").unwrap();
        let port = held.port();
        assert!(claim(port, "--port").is_err());
        assert_eq!(held.release(), port);
        assert_eq!(claim(port, "--port").unwrap(), port);
    }

    #[test]
    fn zero_asks_for_any_port() {
        assert_ne!(claim(0, "--port").unwrap(), 0);
    }
}
