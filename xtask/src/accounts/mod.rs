//! `cargo xtask accounts`: the accounts of a gateway on this machine, on Workers or on Lambda.
//!
//! ```text
//! desktop client's file, standard input, device login ─▶ entry ─▶ list ─▶ place: file · Worker's secret · AWS secret
//! ```
//!
//! A list has exactly the form of `KIRO_AUTH_TOKEN`, and the gateway's own reader judges its entries. No token is shown,
//! and none is an argument of a program.

mod aws;
mod check;
mod desktop;
mod entry;
mod home;
mod list;
mod login;
mod oidc;
mod options;
mod place;
mod show;
mod web;
mod workers;

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use kiro2api_core::Millis;
use kiro2api_core::upstream::endpoint::Bases;
use serde_json::{Map, Value};

use crate::failure::{During, Failure, Result};
use crate::process::interrupt;
use crate::progress::{answer, say};
use crate::root::Root;
use entry::{Entry, Marks};
use list::{Change, List};
use options::{Action, Source};
use place::Place;

pub(crate) use home::{HOME, Home};
pub(crate) use options::{Options, help};

/// Performs the command.
pub(crate) fn run(root: &Root, options: Options) -> Result<()> {
    let home = Home::of(root);
    let place = Place::new(root, &home, options.place);
    match options.action {
        Action::Import { file, marks } => import(&place, file.as_deref(), &marks),
        Action::List { json } => {
            let list = place.load()?;
            answer(&if json { show::json(&list) } else { show::table(&list, &place.name()) });
            Ok(())
        }
        Action::Add { source, api_key, marks } => add(&place, &source, api_key, &marks),
        Action::Remove(which) => remove(&place, &which),
        Action::Switch { which, on } => switch(&place, &which, on),
        Action::Check(which) => check::run(&place, which.as_deref()),
        Action::Login { start_url, region, marks } => login::run(&place, start_url, region, &marks),
        Action::Push => {
            let count = place.update(|list| Ok(list.len()))?;
            answer(&format!("{} holds {}", place.name(), accounts(count)));
            Ok(())
        }
    }
}

fn import(place: &Place<'_>, file: Option<&Path>, marks: &Marks) -> Result<()> {
    let file = match file {
        Some(file) => file.to_path_buf(),
        None => desktop::usual_file()?,
    };
    let found = desktop::read(&file, now())?;
    put(place, &found.entries, marks)?;
    if found.shared {
        say(
            "The desktop client and the gateway share this login from here on: where a renewal ends the old token, the one that comes \
             second has to log in again. `cargo xtask accounts login` makes a login of the gateway's own.",
        );
    }
    Ok(())
}

fn add(place: &Place<'_>, source: &Source, api_key: bool, marks: &Marks) -> Result<()> {
    let (text, name) = given(source, if api_key { "the API key" } else { "one account as JSON" })?;
    let entry = if api_key {
        let mut members = Map::new();
        members.insert("auth".to_owned(), "ApiKey".into());
        members.insert("apiKey".to_owned(), text.trim().into());
        Entry::new(members)
    } else {
        match desktop::json(&text, &name)? {
            Value::Object(members) => Entry::new(members),
            _ => return Err(Failure::new(format!("{name} holds no JSON object: `accounts import` takes a list"))),
        }
    };
    entry.credential().map_err(|problem| Failure::new(format!("{name}: {problem}")))?;
    put(place, &[entry], marks)
}

/// Adds entries to the list, or puts them in the place of what they renew, and says which.
fn put(place: &Place<'_>, entries: &[Entry], marks: &Marks) -> Result<()> {
    if entries.len() > 1 && marks.label.is_some() {
        return Err(Failure::new(format!("--label names one account, and there are {} of them", entries.len())));
    }
    let (changes, count) = place.update(|list: &mut List| {
        let apart = entries.iter().map(|entry| entry.apart_from(entries).marked(marks));
        let changes: Result<Vec<Change>> = apart.map(|entry| list.put(entry)).collect();
        Ok((changes?, list.len()))
    })?;
    changes.iter().for_each(|change| answer(&change.text()));
    answer(&format!("{} holds {}", place.name(), accounts(count)));
    Ok(())
}

fn remove(place: &Place<'_>, which: &str) -> Result<()> {
    let (label, count) = place.update(|list| {
        let at = list.find(which)?;
        Ok((list.remove(at), list.len()))
    })?;
    answer(&format!("removed {label}; {} holds {}", place.name(), accounts(count)));
    say("Removing ends no session: to do that, sign out where the account was signed in to.");
    Ok(())
}

fn switch(place: &Place<'_>, which: &str, on: bool) -> Result<()> {
    let label = place.update(|list| {
        let at = list.find(which)?;
        list.change(at, |entry| entry.switch(on))
    })?;
    answer(&format!("{label} is switched {}", if on { "on" } else { "off" }));
    Ok(())
}

/// What the person gives, and its name for messages.
fn given(source: &Source, what: &str) -> Result<(String, String)> {
    match source {
        Source::File(path) => {
            let name = path.display().to_string();
            Ok((text_of(path).during(|| format!("read {name}"))?, name))
        }
        Source::Input => {
            if std::io::stdin().is_terminal() {
                say(&format!("Paste {what}, then Enter and Ctrl-D:"));
            }
            Ok((input()?, "standard input".to_owned()))
        }
    }
}

/// A file's text.
fn text_of(path: &Path) -> std::io::Result<String> {
    all_of(File::open(path)?)
}

/// All of a source that holds accounts: one without end is not read to memory's end.
fn all_of(source: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    let length = source.take(MOST + 1).read_to_string(&mut text)?;
    if u64::try_from(length).is_ok_and(|length| length <= MOST) {
        Ok(text)
    } else {
        Err(std::io::Error::other(format!("it is larger than {} MiB", MOST >> 20)))
    }
}

/// Bytes of accounts: some thousands of them.
const MOST: u64 = 8 << 20;

/// Standard input to its end, or to Ctrl-C.
fn input() -> Result<String> {
    let (sender, whole) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits for it any more when the person has given up.
        let _ = sender.send(all_of(std::io::stdin()));
    });
    loop {
        interrupt::check()?;
        match whole.recv_timeout(Duration::from_millis(50)) {
            Ok(text) => return text.during(|| "read standard input".to_owned()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::new("standard input cannot be read")),
        }
    }
}

/// `1 account`, `2 accounts`.
fn accounts(count: usize) -> String {
    if count == 1 { "1 account".to_owned() } else { format!("{count} accounts") }
}

/// Where the service is: the documented names of this environment, so that the simulated service can stand in.
fn bases() -> Result<Bases> {
    Bases::read(|name| std::env::var(name).ok()).map_err(|error| Failure::new(error.text()))
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The day of a point in time: `2027-02-19`.
fn day(time: Millis) -> String {
    time.rfc3339().chars().take(10).collect()
}
