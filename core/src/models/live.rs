//! The service's lists as this deployment's instances share them: one value of the store, with no secret in it.
//!
//! ```json
//! {"v":1,
//!  "lists":{"<account id>":{"at":1790000000000,"models":[{"id":"claude-opus-5","window":1000000,…,"fields":{…}}]}},
//!  "refused":{"<service's id>":{"at":1790000000000,"fields":["thinking"],"of":{…}}}}
//! ```
//!
//! Each account has a list of its own, since plans and regions differ. Everything carries the time at which it was
//! learnt, and the newer one wins, so that old bytes do no harm. A refusal says under which schema (`of`) the service
//! refused a field: another schema ends it, and so does a day.

mod record;

use std::collections::BTreeSet;

use record::{List, Record, Refused};

use super::{FieldSet, Listed};
use crate::Millis;

/// What is known of the service's lists.
#[derive(Clone, Debug, Default)]
pub struct Live {
    known: Record,
    /// What the store holds, as last seen.
    stored: Record,
    /// A later version wrote the store's value: it is left alone.
    newer: bool,
}

/// Why stored bytes say nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misread {
    /// A later version wrote them: they are left alone.
    Newer(u64),
    /// They are nothing of ours: the next save replaces them.
    Broken,
}

/// Bytes to store.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The value.
    pub bytes: Vec<u8>,
    record: Record,
}

impl Live {
    /// Takes in what the store holds; `None`: nothing yet.
    ///
    /// # Errors
    /// The bytes say nothing. What is known stays.
    pub fn absorb(&mut self, stored: Option<&[u8]>, now: Millis) -> Result<(), Misread> {
        let record = stored.map_or_else(|| Ok(Record::default()), |bytes| Record::read(bytes, now));
        self.newer = matches!(record, Err(Misread::Newer(_)));
        self.stored = record.clone().unwrap_or_default();
        self.known.merge(record?);
        self.known.prune(now);
        Ok(())
    }

    /// An account's list has come. Of more than [`MAX_MODELS`] models the first ones are kept.
    pub fn list(&mut self, account: &str, mut models: Vec<Listed>, now: Millis) {
        models.truncate(MAX_MODELS);
        for listed in &models {
            if let Some(refused) = self.known.refused.get_mut(&listed.id) {
                refused.of.get_or_insert(listed.fields);
            }
        }
        self.known.lists.insert(account.to_owned(), List { at: now.0, models });
        self.known.prune(now);
    }

    /// The service refused these fields of a model, for these accounts.
    pub fn refuse(&mut self, model: &str, fields: FieldSet, accounts: &[&str], now: Millis) {
        let of = self.union(accounts).iter().find(|listed| listed.id == model).map(|listed| listed.fields);
        let holds = |refused: &&Refused| !refused.is_over(now) && (refused.of.is_none() || refused.of == of);
        let before = self.known.refused.get(model).filter(holds);
        let fields = before.map_or(fields, |refused| refused.fields.and(fields));
        self.known.refused.insert(model.to_owned(), Refused { at: now.0, fields, of });
        self.known.prune(now);
    }

    /// Whether an account's list is younger than [`FRESH_FOR`].
    pub fn is_fresh(&self, account: &str, now: Millis) -> bool {
        self.known.lists.get(account).is_some_and(|list| now - Millis(list.at) < FRESH_FOR)
    }

    /// Whether an account's list has a model, by the service's id.
    pub fn offers(&self, account: &str, model: &str) -> bool {
        self.known.lists.get(account).is_some_and(|list| list.models.iter().any(|listed| listed.id == model))
    }

    /// Every model that one of these accounts is offered, by the service's ids, in the order of the newest list. Where
    /// two lists differ in a model, the newer one is right. Empty: no list is known.
    pub fn union(&self, accounts: &[&str]) -> Vec<Listed> {
        let mut lists: Vec<_> = accounts.iter().filter_map(|id| Some((*id, self.known.lists.get(*id)?))).collect();
        lists.sort_by_key(|(id, list)| (core::cmp::Reverse(list.at), *id));
        let mut all: Vec<Listed> = Vec::new();
        let mut seen = BTreeSet::new();
        for listed in lists.into_iter().flat_map(|(_, list)| &list.models) {
            if seen.insert(&listed.id) {
                all.push(listed.clone());
            }
        }
        all
    }

    /// The fields that models do not take although their schemas, as `listed` says them, have them.
    pub fn refused(&self, listed: &[Listed], now: Millis) -> Vec<(&str, FieldSet)> {
        let holds = |(id, refused): &(&String, &Refused)| {
            let of = listed.iter().find(|listed| listed.id == **id).map(|listed| listed.fields);
            !refused.is_over(now) && (refused.of.is_none() || refused.of == of)
        };
        self.known.refused.iter().filter(holds).map(|(id, refused)| (id.as_str(), refused.fields)).collect()
    }

    /// What to store, if that is worth a write: something else is known than the store holds, or one of its lists is
    /// older than [`STORED_FOR`] and a newer one is known.
    pub fn snapshot(&self, now: Millis) -> Option<Snapshot> {
        let known = &self.known;
        let list_held = |(id, list): (&String, &List)| {
            let stored = self.stored.lists.get(id);
            stored.is_some_and(|stored| {
                stored.models == list.models && (stored.at >= list.at || now - Millis(stored.at) < STORED_FOR)
            })
        };
        let refusal_held = |(id, refused): (&String, &Refused)| {
            let stored = self.stored.refused.get(id).filter(|stored| !stored.is_over(now));
            stored.is_some_and(|stored| stored.fields == refused.fields && stored.of == refused.of)
        };
        if self.newer || (known.lists.iter().all(list_held) && known.refused.iter().all(refusal_held)) {
            return None;
        }
        Some(Snapshot { bytes: known.encode(), record: known.clone() })
    }

    /// The store has taken it.
    pub fn saved(&mut self, snapshot: Snapshot) {
        self.stored = snapshot.record;
    }
}

/// How long a list is taken for the service's word.
pub const FRESH_FOR: Millis = Millis::mins(60);
/// How long the store's copy of a list is left alone while nothing in it changes.
pub const STORED_FOR: Millis = Millis::mins(12 * 60);
/// How long a refusal is remembered.
pub const REFUSED_FOR: Millis = Millis::mins(24 * 60);
/// Models of one list.
pub const MAX_MODELS: usize = 200;

#[cfg(test)]
mod tests {
    use super::record::{MAX_BYTES, MAX_REFUSED};
    use super::*;
    use crate::models::{Fields, Scale};

    const NOW: Millis = Millis(1_790_000_000_000);

    fn listed(id: &str, window: u32) -> Listed {
        let fields = Fields::claude(Scale::FULL);
        Listed { id: id.into(), name: id.into(), window, max_output: 64_000, images: Some(true), fields }
    }

    fn ids(live: &Live, accounts: &[&str]) -> Vec<String> {
        live.union(accounts).into_iter().map(|listed| listed.id).collect()
    }

    fn thinking() -> FieldSet {
        FieldSet::of(["thinking"])
    }

    fn stored(live: &mut Live, now: Millis) -> Option<Vec<u8>> {
        let snapshot = live.snapshot(now)?;
        live.saved(snapshot.clone());
        Some(snapshot.bytes)
    }

    #[test]
    fn what_is_stored_comes_back_at_another_instance() {
        let mut one = Live::default();
        assert_eq!(stored(&mut one, NOW), None, "nothing is known");
        one.list("a", vec![listed("m", 200_000), listed("n", 1_000)], NOW);
        one.refuse("m", thinking(), &["a"], NOW);
        let bytes = stored(&mut one, NOW).unwrap();
        let mut other = Live::default();
        other.absorb(Some(&bytes), NOW).unwrap();
        assert_eq!(other.union(&["a"]), one.union(&["a"]));
        assert_eq!(other.refused(&other.union(&["a"]), NOW), [("m", thinking())]);
        assert!(other.is_fresh("a", NOW) && !other.is_fresh("b", NOW));
        assert!(other.snapshot(NOW).is_none(), "the store has all of it");
    }

    #[test]
    fn the_same_list_again_is_no_write_before_half_a_day_and_another_one_is() {
        let mut live = Live::default();
        live.list("a", vec![listed("m", 200_000)], NOW);
        stored(&mut live, NOW).unwrap();
        for hour in 1..12 {
            let now = NOW + Millis::mins(60 * hour);
            assert!(!live.is_fresh("a", now));
            live.list("a", vec![listed("m", 200_000)], now);
            assert!(live.snapshot(now).is_none(), "{hour}");
        }
        let now = NOW + STORED_FOR;
        assert!(live.snapshot(now).is_some(), "the stored copy is old");
        live.list("a", vec![listed("m", 300_000)], NOW + Millis(1));
        assert!(live.snapshot(NOW + Millis(1)).is_some(), "the window has changed");
    }

    #[test]
    fn the_union_has_each_model_once_and_the_newer_word_on_it() {
        let mut live = Live::default();
        live.list("old", vec![listed("m", 1_000), listed("only", 1_000)], NOW);
        live.list("new", vec![listed("n", 1_000), listed("m", 2_000)], NOW + Millis(1));
        assert_eq!(ids(&live, &["old", "new"]), ["n", "m", "only"]);
        assert_eq!(live.union(&["old", "new"])[1].window, 2_000);
        assert_eq!(ids(&live, &["old"]), ["m", "only"], "lists of accounts that are gone say nothing");
        assert!(live.union(&[]).is_empty());
    }

    #[test]
    fn a_refusal_ends_with_another_schema_and_after_a_day() {
        let mut live = Live::default();
        live.list("a", vec![listed("m", 1_000)], NOW);
        live.refuse("m", thinking(), &["a"], NOW);
        live.refuse("m", FieldSet::of(["max_tokens"]), &["a"], NOW + Millis(1));
        let refused = |live: &Live, now| -> Vec<FieldSet> {
            live.refused(&live.union(&["a"]), now).into_iter().map(|(_, fields)| fields).collect()
        };
        let both = FieldSet::of(["thinking", "max_tokens"]);
        assert_eq!(refused(&live, NOW), [both]);
        live.list("a", vec![listed("m", 5_000)], NOW + Millis(2));
        assert_eq!(refused(&live, NOW), [both], "the schema is the same");
        assert_eq!(refused(&live, NOW + Millis(1) + REFUSED_FOR), []);
        live.list("a", vec![Listed { fields: Fields::GPT, ..listed("m", 1_000) }], NOW + Millis(3));
        assert_eq!(refused(&live, NOW), []);
    }

    #[test]
    fn a_refusal_before_any_list_holds_under_the_schema_of_the_first_one() {
        let mut live = Live::default();
        live.refuse("m", thinking(), &["a"], NOW);
        assert_eq!(live.refused(&[], NOW), [("m", thinking())]);
        live.list("a", vec![listed("m", 1_000)], NOW);
        assert_eq!(live.refused(&live.union(&["a"]), NOW), [("m", thinking())]);
        live.list("a", vec![Listed { fields: Fields::GPT, ..listed("m", 1_000) }], NOW + Millis(1));
        assert_eq!(live.refused(&live.union(&["a"]), NOW), []);
    }

    #[test]
    fn old_bytes_do_no_harm() {
        let mut live = Live::default();
        live.list("a", vec![listed("m", 1_000)], NOW);
        let old = stored(&mut live, NOW).unwrap();
        live.list("a", vec![listed("n", 1_000)], NOW + Millis(1));
        live.absorb(Some(&old), NOW + Millis(2)).unwrap();
        assert_eq!(ids(&live, &["a"]), ["n"]);
        assert!(live.snapshot(NOW + Millis(2)).is_some(), "the store lags behind");
        live.absorb(None, NOW + Millis(3)).unwrap();
        assert_eq!(ids(&live, &["a"]), ["n"]);
    }

    #[test]
    fn a_later_version_is_left_alone_and_anything_else_is_replaced() {
        let mut live = Live::default();
        live.list("a", vec![listed("m", 1_000)], NOW);
        assert_eq!(live.absorb(Some(br#"{"v":2,"lists":[]}"#), NOW), Err(Misread::Newer(2)));
        assert!(live.snapshot(NOW).is_none());
        for broken in ["", "{", "[]", r#"{"v":0}"#, r#"{"v":"1"}"#, "null", "\u{0}"] {
            assert_eq!(live.absorb(Some(broken.as_bytes()), NOW), Err(Misread::Broken), "{broken:?}");
            assert!(live.snapshot(NOW).is_some());
        }
        assert_eq!(ids(&live, &["a"]), ["m"]);
    }

    #[test]
    fn what_cannot_be_read_inside_takes_nothing_else_with_it() {
        let text = r#"{"v":1,"lists":{"a":{"at":99999999999999,"models":[{"id":"m"},{"id":7},null,{"id":"a b"},
            {"id":"n","window":-1},{"id":"o","fields":{"effort":["low","odd"],"later":1}}]},"b":{"at":"x"},"c":[]},
            "refused":{"m":{"at":1790000000000,"fields":["thinking","odd"],"of":{}},"n":5},"more":{}}"#;
        let mut live = Live::default();
        live.absorb(Some(text.as_bytes()), NOW).unwrap();
        assert_eq!(ids(&live, &["a", "b", "c"]), ["m", "o"]);
        assert_eq!(live.refused(&live.union(&["a"]), NOW), [("m", thinking())]);
        assert!(!live.is_fresh("a", NOW + FRESH_FOR), "a time in the future is taken for the present");
        let mut live = Live::default();
        live.absorb(Some(br#"{"v":1,"lists":7,"refused":null}"#), NOW).unwrap();
        assert!(live.union(&["a"]).is_empty());
    }

    #[test]
    fn the_value_stays_small_and_keeps_the_newest() {
        let mut live = Live::default();
        let long = |account: u64| {
            let model = |at| Listed { name: "ü".repeat(128), ..listed(&format!("model-{account}-{at}"), 1_000) };
            (0..10_000).map(model).collect()
        };
        for account in 0..100 {
            live.list(&format!("account-{account}"), long(account), NOW + Millis(account));
        }
        for model in 0..1_000 {
            live.refuse(&format!("model-{model}"), thinking(), &[], NOW + Millis(model));
        }
        let snapshot = live.snapshot(NOW).unwrap();
        assert!(snapshot.bytes.len() <= MAX_BYTES + 16 * 1024, "{}", snapshot.bytes.len());
        assert_eq!(live.union(&["account-99"]).len(), MAX_MODELS);
        assert_eq!((live.union(&["account-0"]).len(), live.known.refused.len()), (0, MAX_REFUSED));
        assert!(live.known.refused.contains_key("model-999"));
    }
}
