//! Where a list of accounts is: a file, the secret of the deployed Worker, or a secret in an AWS account.

use kiro2api_core::Millis;

use super::aws::{Kept, Service};
use super::home::{Home, LOCAL};
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

    /// Changes the list. What `edit` returns comes back once the list is stored.
    ///
    /// # Errors
    /// What `edit` says, or why it could not be stored. A list that could not be stored in an AWS account is in a file then:
    /// it may hold the only copy of a login.
    pub(super) fn update<T>(&self, conflict: OnConflict, mut edit: impl FnMut(&mut List) -> Result<T>) -> Result<T> {
        // A renewed login is not given up for a Ctrl-C.
        let _turn = self.home.turn(conflict == OnConflict::Refuse)?;
        for _ in 0..TRIES {
            let mut held = self.hold()?;
            let told = edit(&mut held.list)?;
            match self.store(&held) {
                Ok(Stored::Yes) => return Ok(told),
                Ok(Stored::Conflict) if conflict == OnConflict::Again => {}
                Ok(Stored::Conflict) => {
                    return Err(Failure::new(format!(
                        "somebody else has changed {} meanwhile, and nothing was stored: look at the list and try again",
                        self.name()
                    )));
                }
                Err(failure) => return Err(self.rescued(failure, &held.list, now())),
            }
        }
        let held = self.hold()?;
        let mut list = held.list;
        edit(&mut list)?;
        let failure = Failure::new(format!("{} changes all the time", self.name()));
        Err(self.rescued(failure, &list, now()))
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

    /// Keeps what may exist nowhere else.
    fn rescued(&self, failure: Failure, list: &List, now: Millis) -> Failure {
        // The other places write a file first.
        let Where::Lambda(..) = self.which else { return failure };
        let output = failure.output().unwrap_or_default().to_owned();
        let name = format!("rescued-{}.json", now.0);
        let rest = match self.home.write(&name, &list.pretty()) {
            Ok(path) => format!(
                "The whole list is in {}: `cargo xtask accounts import {}{}` stores it once that works",
                path.display(),
                path.display(),
                self.flags()
            ),
            Err(second) => format!("and the list could not be kept in a file either: {second}"),
        };
        Failure::new(format!("{failure}. {rest}")).with_output(output)
    }
}

/// Times that a change is made anew on a list that others change.
const TRIES: usize = 4;
