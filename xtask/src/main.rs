//! `cargo xtask`: everything there is to do with this project, each as one command.
//!
//! A fresh machine needs Rust (through rustup), Node 20 and Python 3; the commands install the rest, pinned, under
//! `target/` and `node_modules/`.

mod accounts;
mod bench;
mod bundle;
mod cli;
mod dev;
mod env_file;
mod failure;
mod gateway;
mod http;
mod ports;
mod process;
mod progress;
mod root;
mod serve;
mod settings;
mod test;
mod tools;

use std::process::ExitCode;

use cli::Request;
use failure::{Failure, Result};
use progress::say;
use root::Root;

fn main() -> ExitCode {
    match cli::read(std::env::args_os().skip(1)).and_then(perform) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn perform(request: Request) -> Result<()> {
    process::interrupt::listen()?;
    let root = Root::find();
    match request {
        Request::Help(text) => progress::answer(text),
        Request::Bundle(options) => bundle::run(&root, options)?,
        Request::Dev(options) => dev::run(&root, &options)?,
        Request::Serve(options) => serve::run(&root, &options)?,
        Request::Test(options) => test::run(&root, &options)?,
        Request::Accounts(options) => accounts::run(&root, options)?,
        Request::Bench(arguments) => bench::run(&root, &arguments)?,
    }
    Ok(())
}

fn report(failure: &Failure) {
    if let Some(output) = failure.output() {
        say(output.trim_end());
        say("");
    }
    say(&format!("error: {failure}"));
}
