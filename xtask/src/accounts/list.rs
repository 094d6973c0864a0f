//! A list of accounts: reading, finding, and putting one in.

use serde_json::Value;

use super::entry::{Entry, may_be_secret};
use crate::failure::{Failure, Result};

/// The accounts of a place, in their order. Holds secrets: it has no `Debug`.
#[derive(Clone, Default)]
pub(super) struct List(Vec<Entry>);

/// What putting an entry into a list did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was not there.
    Added(String),
    /// The same account was there.
    Updated(String),
    /// Another account had its label.
    Replaced(String),
}

impl Change {
    /// For the person.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Added(label) => format!("added {label}"),
            Self::Updated(label) => format!("updated {label}, which was in the list"),
            Self::Replaced(label) => format!("replaced the account that was called {label}"),
        }
    }
}

impl List {
    /// Reads a list, or one account. `name` says where the text is from.
    ///
    /// # Errors
    /// What is wrong with the text and what to do; never any of it.
    pub(super) fn read(text: &str, name: &str) -> Result<Self> {
        let text = text.trim().trim_start_matches('\u{feff}');
        if text.is_empty() {
            return Ok(Self::default());
        }
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Failure::new(format!(
                "{name} is no list of accounts: not JSON at line {}, column {}. Correct it, or move it away and import the accounts again",
                error.line(),
                error.column()
            ))
        })?;
        Self::of(value, name)
    }

    /// A list of one.
    pub(super) fn one(entry: Entry) -> Self {
        Self(vec![entry])
    }

    /// The list that a JSON value is.
    pub(super) fn of(value: Value, name: &str) -> Result<Self> {
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        let mut entries = Vec::new();
        for (at, value) in values.into_iter().enumerate() {
            match value {
                Value::Object(members) => entries.push(Entry::new(members)),
                _ => return Err(Failure::new(format!("{name}[{at}] is no account: expected a JSON object"))),
            }
        }
        Ok(Self(entries))
    }

    /// The list in the form of `KIRO_AUTH_TOKEN`.
    pub(super) fn text(&self) -> String {
        Value::Array(self.0.iter().map(Entry::value).collect()).to_string()
    }

    /// The same for a file that people look into.
    pub(super) fn pretty(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(|entry| format!("  {}", entry.value())).collect();
        if lines.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", lines.join(",\n")) }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// What must not be shown: every text in it that is named as a secret or as long as one.
    pub(super) fn secrets(&self) -> Vec<String> {
        self.0.iter().flat_map(Entry::secrets).collect()
    }

    /// All of them, to be taken over.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.0
    }

    /// What the gateway calls an account. One that it cannot use is called by its place: what stands for its label may be
    /// anything.
    pub(super) fn label(&self, at: usize) -> String {
        let label = self.0.get(at).and_then(|entry| entry.credential().ok()).map(|credential| credential.label);
        label.unwrap_or_else(|| format!("[{at}]"))
    }

    /// Puts an account in: over the same account, over the one with its label, or at the end.
    ///
    /// The same account has the same secret, or, since a login's tokens rotate, the same client registration. Of the latter
    /// another label makes another account.
    ///
    /// # Errors
    /// When the gateway could not use it.
    pub(super) fn put(&mut self, mut entry: Entry) -> Result<Change> {
        let refuse = |problem: String| Failure::new(format!("the account cannot be used: {problem}"));
        let id = entry.credential().map_err(refuse)?.id;
        let labels: Vec<String> = (0..self.len()).map(|at| self.label(at)).collect();
        let same_label = labels.iter().position(|its| Some(its.as_str()) == entry.label());
        let same = match self.with_id(&id) {
            Some(at) => Some(at),
            None => self.with_registration_of(&entry, &labels)?,
        };
        if let (Some(own), Some(other)) = (same, same_label)
            && own != other
        {
            let label = entry.label().unwrap_or_default();
            return Err(Failure::new(format!(
                "another account is called {label}: choose another --label, or remove that one"
            )));
        }
        let Some(at) = same.or(same_label) else {
            if entry.label().is_none() {
                entry.relabel(&free_label(&entry.usual_label(), &labels));
            }
            let label = entry.label().unwrap_or_default().to_owned();
            self.0.push(entry);
            return Ok(Change::Added(label));
        };
        if let Some(old) = self.0.get(at) {
            entry.inherit(old);
            if entry.label().is_none() {
                entry.relabel(&free_label(&entry.usual_label(), &labels));
            }
        }
        let label = entry.label().unwrap_or_default().to_owned();
        if let Some(old) = self.0.get_mut(at) {
            *old = entry;
        }
        Ok(if same.is_some() { Change::Updated(label) } else { Change::Replaced(label) })
    }

    /// The account that is bound to the same client registration, under the same or no label.
    fn with_registration_of(&self, entry: &Entry, labels: &[String]) -> Result<Option<usize>> {
        let Some(client) = entry.client_id() else { return Ok(None) };
        let named = |at: usize| entry.label().is_none_or(|label| labels.get(at).is_some_and(|its| its == label));
        let bound = self.0.iter().enumerate().filter(|(_, known)| known.client_id() == Some(client));
        let found: Vec<usize> = bound.map(|(at, _)| at).filter(|at| named(*at)).collect();
        match found.as_slice() {
            [_, _, ..] if entry.label().is_none() => Err(Failure::new(format!(
                "{} accounts are bound to this client registration: say with --label which of them it renews, or a label of its own",
                found.len()
            ))),
            found => Ok(found.first().copied()),
        }
    }

    /// The account that a person means: by label, by id or the beginning of one, or by its place in the list.
    pub(super) fn find(&self, which: &str) -> Result<usize> {
        let places = || 0..self.len();
        let id = |at: usize| self.0.get(at).and_then(|entry| entry.credential().ok()).map(|credential| credential.id);
        let labelled: Vec<usize> = places().filter(|at| self.label(*at) == which).collect();
        let by_id = || places().filter(|at| id(*at).is_some_and(|id| which.len() >= 4 && id.starts_with(which)));
        let found = if labelled.is_empty() { by_id().collect() } else { labelled };
        match found.as_slice() {
            [one] => Ok(*one),
            [] => match which.parse::<usize>() {
                Ok(at) if at < self.len() => Ok(at),
                _ => Err(self.unknown(which)),
            },
            many => Err(Failure::new(format!(
                "{} accounts are meant by `{which}`: name one by its id or place",
                many.len()
            ))),
        }
    }

    fn unknown(&self, which: &str) -> Failure {
        if may_be_secret(which) {
            return Failure::new(
                "an account is named by its label, id or place in the list, never by its token or key",
            );
        }
        let labels: Vec<String> = (0..self.len()).map(|at| self.label(at)).collect();
        Failure::new(match labels.as_slice() {
            [] => "the list is empty".to_owned(),
            labels => format!("no account is called `{which}`: there are {}", labels.join(", ")),
        })
    }

    /// The account whose secret has this id.
    pub(super) fn with_id(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|entry| entry.credential().is_ok_and(|credential| credential.id == id))
    }

    /// Takes an account out and says what it was called.
    pub(super) fn remove(&mut self, at: usize) -> String {
        let label = self.label(at);
        if at < self.len() {
            self.0.remove(at);
        }
        label
    }

    /// Changes an account and says what it is called.
    pub(super) fn change(&mut self, at: usize, change: impl FnOnce(&mut Entry)) -> Result<String> {
        let label = self.label(at);
        match self.0.get_mut(at) {
            Some(entry) => change(entry),
            None => return Err(Failure::new("the account is no longer in the list")),
        }
        Ok(label)
    }
}

/// `google`, or `google-2` when that is taken, and so on.
fn free_label(usual: &str, taken: &[String]) -> String {
    let free = |label: &String| !taken.contains(label);
    let numbered = (2..).map(|number: u32| format!("{usual}-{number}"));
    std::iter::once(usual.to_owned()).chain(numbered).find(free).unwrap_or_else(|| usual.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::entry::Marks;
    use super::*;
    use serde_json::json;

    fn entry(value: Value) -> Entry {
        let Value::Object(members) = value else { unreachable!("an object was written") };
        Entry::new(members)
    }

    fn social(token: &str) -> Entry {
        entry(
            json!({ "auth": "Social", "provider": "Google", "refreshToken": format!("aor-{token}-{}", "x".repeat(90)) }),
        )
    }

    fn idc(client: &str, token: &str) -> Entry {
        let token = format!("aor-{token}-{}", "x".repeat(90));
        entry(json!({ "auth": "IdC", "clientId": client, "clientSecret": "s", "refreshToken": token }))
    }

    #[test]
    fn social_accounts_are_told_apart_by_their_token() {
        let mut list = List::default();
        assert_eq!(list.put(social("a")).unwrap(), Change::Added("google".to_owned()));
        assert_eq!(list.put(social("b")).unwrap(), Change::Added("google-2".to_owned()));
        assert_eq!(list.put(social("a")).unwrap(), Change::Updated("google".to_owned()));
        assert_eq!(list.len(), 2);
    }

    #[test]
    fn a_label_that_is_given_replaces_its_account_and_keeps_its_priority() {
        let mut list = List::default();
        let marks = Marks { label: Some("mine".to_owned()), priority: Some(3) };
        list.put(social("a").marked(&marks)).unwrap();
        let again = Marks { priority: None, ..marks };
        assert_eq!(list.put(social("b").marked(&again)).unwrap(), Change::Replaced("mine".to_owned()));
        assert_eq!((list.len(), list.entries()[0].credential().unwrap().priority), (1, 3));
    }

    #[test]
    fn a_registration_is_one_account_unless_another_label_says_otherwise() {
        let mut list = List::default();
        list.put(idc("c1", "a")).unwrap();
        assert_eq!(list.put(idc("c1", "b")).unwrap(), Change::Updated("idc".to_owned()));
        assert_eq!(list.put(idc("c2", "c")).unwrap(), Change::Added("idc-2".to_owned()));
        let marks = Marks { label: Some("second".to_owned()), priority: None };
        assert_eq!(list.put(idc("c1", "d").marked(&marks)).unwrap(), Change::Added("second".to_owned()));
    }

    #[test]
    fn accounts_that_share_a_registration_are_not_taken_for_one() {
        let given = [idc("c1", "a"), idc("c1", "b")];
        let mut list = List::default();
        for _ in 0..2 {
            given.iter().for_each(|entry| drop(list.put(entry.apart_from(&given)).unwrap()));
            assert_eq!(list.len(), 2);
        }
        // Their own tokens tell them apart, and without one nothing does.
        list.put(idc("c1", "b")).unwrap();
        let id = |entry: &Entry| entry.credential().unwrap().id;
        assert!(given.iter().zip(list.entries()).all(|(given, kept)| id(given) == id(kept)));
        assert!(list.put(idc("c1", "c")).unwrap_err().to_string().contains("--label which"));
    }

    #[test]
    fn a_key_in_the_place_of_a_name_is_not_repeated() {
        let mut list = List::default();
        list.put(social("a")).unwrap();
        assert!(!list.find("ksk_s3cret").unwrap_err().to_string().contains("s3cret"));
    }

    #[test]
    fn an_account_cannot_take_the_name_of_another() {
        let mut list = List::default();
        list.put(social("a")).unwrap();
        list.put(social("b")).unwrap();
        let marks = Marks { label: Some("google".to_owned()), priority: None };
        assert!(list.put(social("b").marked(&marks)).unwrap_err().to_string().contains("another account is called"));
    }

    #[test]
    fn an_account_is_found_by_label_id_or_place() {
        let mut list = List::default();
        list.put(social("a")).unwrap();
        list.put(social("b")).unwrap();
        let id = list.entries()[1].credential().unwrap().id;
        for which in ["google-2", id.as_str(), &id[..6], "1"] {
            assert_eq!(list.find(which).unwrap(), 1, "{which}");
        }
        for which in ["2", "github", ""] {
            assert!(list.find(which).unwrap_err().to_string().contains("google, google-2"));
        }
    }

    #[test]
    fn what_is_no_list_is_refused_without_showing_it() {
        for (text, part) in [("{\"s3cret\"", "line 1"), ("[{}, \"s3cret\"]", "x[1]"), ("\"s3cret\"", "x[0]")] {
            let Err(failure) = List::read(text, "x") else { unreachable!("{text} was read") };
            let text = failure.to_string();
            assert!(text.contains(part) && !text.contains("s3cret"), "{text}");
        }
        assert_eq!(List::read("\u{feff}[]", "x").unwrap().len(), 0);
    }
}
