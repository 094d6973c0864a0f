//! moto's server: the interfaces of DynamoDB, Secrets Manager and Parameter Store on this machine, all in memory.

use crate::failure::Result;
use crate::process::Service;
use crate::progress::Step;
use crate::root::Root;
use crate::{http, ports, settings, tools};

/// A running server.
#[derive(Debug)]
pub(super) struct Moto {
    _server: Service,
    port: u16,
}

/// Starts a server on a free port.
pub(super) fn start(root: &Root, step: &mut Step) -> Result<Moto> {
    let port = ports::free()?;
    let mut command = root.command(tools::aws(root)?.join("moto_server"));
    command.args(["--host", "127.0.0.1", "--port"]).arg(port.to_string());
    settings::withhold(&mut command);
    let mut server = Service::start("the AWS server (moto)", &mut command, None)?;
    http::await_listener(port, &mut server, step)?;
    Ok(Moto { _server: server, port })
}

impl Moto {
    /// Where all its services are.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
