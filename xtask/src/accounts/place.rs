//! Where a list of accounts is: a file, the secret of the deployed Worker, or a secret in an AWS account.

use std::fs::File;

use super::aws::{Kept, Service};
use super::entry::Entry;
use super::home::{Home, LOCAL, WORKERS};
use super::list::List;
use super::{now, workers};
use crate::failure::{Failure, Result};
use crate::progress::say;
use crate::root::Root;

/// Which gateway's accounts are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Where {
    /// That of local runs.
    #[default]
    Local,
    /// The deployed Worker.
    Workers {
        /// Begin a new list although the Worker has one that is not known here.
        replace: bool,
    },
    /// The deployed function: the secret or parameter of this name or ARN.
    Lambda(Service, String),
}

/// A list's place. Changes are made in one step, and never over somebody else's.
pub(super) struct Place<'a> {
    root: &'a Root,
    home: &'a Home,
    which: Where,
}

/// What to do when somebody else has changed the list meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnConflict {
    /// Tell it: what the person decided, they decided of another list.
    Refuse,
    /// Make the same change to the changed list.
    Again,
}

/// A list, and which version of it was read.
struct Held {
    list: List,
    version: Option<String>,
}

/// What became of a list that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    /// Somebody else has stored another one since ours was read.
    Conflict,
}

impl<'a> Place<'a> {
    /// A place; nothing is asked of it.
    pub(super) fn new(root: &'a Root, home: &'a Home, which: Where) -> Self {
        Self { root, home, which }
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        match &self.which {
            Where::Local => self.home.shown().to_owned(),
            Where::Workers { .. } => "the Worker's secret KIRO_AUTH_TOKEN".to_owned(),
            Where::Lambda(service, name) => format!("the {} {name}", service.word()),
        }
    }

    /// Options that name this place again.
    pub(super) fn flags(&self) -> String {
        match &self.which {
            Where::Local => String::new(),
            Where::Workers { .. } => " --workers".to_owned(),
            Where::Lambda(service, name) => format!(" --lambda --{} {name}", service.word()),
        }
    }

    /// The list as it is.
    pub(super) fn load(&self) -> Result<List> {
        self.hold().map(|held| held.list)
    }

    /// Waits until no other command changes accounts on this machine, and sees that a list can be written: what is asked of
    /// the service from here on may exist nowhere else. The turn is over when the file is dropped.
    pub(super) fn turn(&self) -> Result<File> {
        let turn = self.home.turn()?;
        self.home.try_writing()?;
        Ok(turn)
    }

    /// Changes the list. What `edit` returns comes back once the list is stored.
    ///
    /// # Errors
    /// What `edit` says, or why it could not be stored.
    pub(super) fn update<T>(&self, edit: impl FnMut(&mut List) -> Result<T>) -> Result<T> {
        let turn = self.home.turn()?;
        self.update_in(&turn, OnConflict::Refuse, edit)
    }

    /// The same within a turn.
    pub(super) fn update_in<T>(
        &self,
        _turn: &File,
        conflict: OnConflict,
        mut edit: impl FnMut(&mut List) -> Result<T>,
    ) -> Result<T> {
        for _ in 0..TRIES {
            let mut held = self.hold()?;
            let told = edit(&mut held.list)?;
            match self.store(&held).map_err(|failure| quiet(failure, &held.list)) {
                Ok(Stored::Yes) => return Ok(told),
                Ok(Stored::Conflict) if conflict == OnConflict::Again => {}
                Ok(Stored::Conflict) => {
                    return Err(Failure::new(format!(
                        "somebody else has changed {} meanwhile, and nothing was stored: look at the list and try again",
                        self.name()
                    )));
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::new(format!("{} changes all the time", self.name())))
    }

    fn hold(&self) -> Result<Held> {
        match &self.which {
            Where::Local => {
                let text = self.home.read(LOCAL)?.unwrap_or_default();
                Ok(Held { list: List::read(&text, self.home.shown())?, version: None })
            }
            Where::Workers { replace } => {
                workers::load(self.root, self.home, *replace).map(|list| Held { list, version: None })
            }
            Where::Lambda(service, name) => {
                let Kept { text, version } = service.load(name)?;
                Ok(Held { list: List::read(&text, &self.name())?, version })
            }
        }
    }

    fn store(&self, held: &Held) -> Result<Stored> {
        match &self.which {
            Where::Local => self.home.write(LOCAL, &held.list.pretty()).map(|_| Stored::Yes),
            Where::Workers { .. } => workers::store(self.root, self.home, &held.list).map(|()| Stored::Yes),
            Where::Lambda(service, name) => {
                let stored = service.store(name, &held.list.text(), held.version.as_deref())?;
                if stored == Stored::Yes {
                    say(
                        "Instances of the function that are running read it once none of the logins they began with works any more.",
                    );
                }
                Ok(stored)
            }
        }
    }

    /// Keeps an entry that could not be stored, and that may exist nowhere else, in a file: whatever the failure was.
    pub(super) fn rescued(&self, failure: Failure, entry: &Entry) -> Failure {
        if self.has_file_with(entry) {
            return failure;
        }
        let output = failure.output().unwrap_or_default().to_owned();
        let rest = match self.home.rescue(&List::one(entry.clone()).pretty(), now()) {
            Ok(path) => format!(
                "The renewed login is in {}: `cargo xtask accounts import {}{}` stores it once that works; remove the file then",
                path.display(),
                path.display(),
                self.flags()
            ),
            Err(second) => format!("and the renewed login could not be kept in a file either, log in again: {second}"),
        };
        Failure::new(format!("{failure}. {rest}")).with_output(output)
    }

    /// Whether the list's own file, or copy, has got as far as to hold the entry's secret.
    fn has_file_with(&self, entry: &Entry) -> bool {
        let name = match &self.which {
            Where::Local => LOCAL,
            Where::Workers { .. } => WORKERS,
            Where::Lambda(..) => return false,
        };
        let text = self.home.read(name).ok().flatten().unwrap_or_default();
        entry.credential().is_ok_and(|credential| text.contains(credential.secret.reveal()))
    }
}

/// A failure without what the list holds of secrets: a program may quote what it was given when it complains.
fn quiet(failure: Failure, list: &List) -> Failure {
    let secrets = list.secrets();
    let without = |text: &str| secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"));
    Failure::new(without(&failure.to_string())).with_output(without(failure.output().unwrap_or_default()))
}

/// Times that a change is made anew on a list that others change.
const TRIES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_quotes_what_it_was_given_shows_no_secret() {
        let text = r#"[{"refreshToken":"a-s3cret","clientSecret":"b-s3cret"},{"apiKey":"c-s3cret","label":"kept"}]"#;
        let list = List::read(text, "x").unwrap();
        let failure = quiet(Failure::new("no: a-s3cret").with_output(format!("wrong: {text}")), &list);
        let output = failure.output().unwrap();
        assert!(failure.to_string() == "no: …" && !output.contains("s3cret") && output.contains("kept"), "{output}");
    }
}
