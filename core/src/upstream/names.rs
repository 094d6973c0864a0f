//! Tool names: any client name to one the service takes, and back.

use std::collections::{BTreeMap, BTreeSet};

use super::ids::{is_word, shortened};

/// The names of one request, both ways.
///
/// A name the service takes (a letter, then letters, digits, `_`, `-`; at most 63) stays. Any other becomes
/// its cleaned head, `_` and eight hex digits of its SHA-256, and so does one of two names that differ in
/// case only, because the service compares them so. The result depends on the set of declared names, not on
/// their order, and for names without such a twin on the name alone: it is stable from turn to turn.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// By the service's name in lower case: the client's.
    by_upstream: BTreeMap<String, String>,
    /// By the client's name: the service's.
    by_client: BTreeMap<String, String>,
}

impl Names {
    /// Maps declared names and names that only history uses. One of the latter that equals a declared name
    /// but for case means that tool.
    pub(super) fn of<'n>(declared: impl IntoIterator<Item = &'n str>, used: impl IntoIterator<Item = &'n str>) -> Self {
        let mut names = Self::default();
        // Legal names first, in byte order, so that they keep their spelling against made ones.
        let declared: BTreeSet<&str> = declared.into_iter().collect();
        let (legal, other): (Vec<&str>, Vec<&str>) = declared.into_iter().partition(|name| is_legal(name));
        for name in legal.into_iter().chain(other) {
            names.add(name);
        }
        // Names of history in the order of their use, so that a later one changes nothing.
        let twins: BTreeMap<String, String> = names
            .by_client
            .iter()
            .rev()
            .map(|(client, upstream)| (client.to_ascii_lowercase(), upstream.clone()))
            .collect();
        for name in used {
            if names.by_client.contains_key(name) {
                continue;
            }
            match twins.get(&name.to_ascii_lowercase()) {
                Some(upstream) => drop(names.by_client.insert(name.to_owned(), upstream.clone())),
                None => names.add(name),
            }
        }
        names
    }

    /// The client's name for a tool the service named; a name that was never sent is returned as it is.
    pub fn client_name<'n>(&'n self, upstream: &'n str) -> &'n str {
        if self.by_client.get(upstream).is_some_and(|sent| sent == upstream) {
            return upstream;
        }
        let known = if upstream.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.by_upstream.get(&upstream.to_ascii_lowercase())
        } else {
            self.by_upstream.get(upstream)
        };
        known.map_or(upstream, String::as_str)
    }

    /// The service's name for a client's tool; every name given to [`Names::of`] has one.
    pub(super) fn upstream_name<'n>(&'n self, client: &'n str) -> &'n str {
        self.by_client.get(client).map_or(client, String::as_str)
    }

    fn add(&mut self, client: &str) {
        let mut upstream = client.to_owned();
        let mut salt = 0;
        while !is_legal(&upstream) || self.by_upstream.contains_key(&upstream.to_ascii_lowercase()) {
            upstream = made(client, salt);
            salt += 1;
        }
        self.by_upstream.insert(upstream.to_ascii_lowercase(), client.to_owned());
        self.by_client.insert(client.to_owned(), upstream);
    }
}

fn made(client: &str, salt: u32) -> String {
    if client.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return shortened(client, MAX_NAME - 9, salt);
    }
    format!("tool_{}", shortened(client, MAX_NAME - 14, salt))
}

fn is_legal(name: &str) -> bool {
    name.len() <= MAX_NAME && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_word)
}

/// Most characters of a tool name: 64 is documented, 63 is what was seen to work.
const MAX_NAME: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&'static str]) -> Names {
        Names::of(names.iter().copied(), [])
    }

    #[test]
    fn legal_names_stay_and_wild_ones_map_back() {
        let long = "mcp__server__".to_owned() + &"x".repeat(90);
        let wild = ["get_weather", "web search", "1st", "", "日本語", &long, "a.b", "a:b", "-x", "_y"];
        let names = Names::of(wild, []);
        assert_eq!(names.upstream_name("get_weather"), "get_weather");
        for name in wild {
            let upstream = names.upstream_name(name);
            assert!(is_legal(upstream), "{upstream}");
            assert_eq!(names.client_name(upstream), name);
            assert_eq!(names.client_name(&upstream.to_ascii_uppercase()), name);
        }
    }

    #[test]
    fn names_that_differ_in_case_only_are_kept_apart_in_any_order() {
        let names = of(&["read", "Read", "READ"]);
        assert_eq!(names, of(&["READ", "read", "Read"]));
        assert_eq!(names.upstream_name("READ"), "READ");
        let lower: BTreeSet<_> =
            ["read", "Read", "READ"].map(|name| names.upstream_name(name).to_ascii_lowercase()).into();
        assert_eq!(lower.len(), 3);
    }

    #[test]
    fn a_name_of_history_that_differs_in_case_means_the_declared_tool() {
        let names = Names::of(["Read"], ["read", "Grep"]);
        assert_eq!(names.upstream_name("read"), "Read");
        assert_eq!(names.client_name("Read"), "Read");
        assert_eq!(names.upstream_name("Grep"), "Grep");
    }

    #[test]
    fn a_declared_name_that_equals_a_made_one_keeps_its_spelling() {
        let made = of(&["web search"]).upstream_name("web search").to_owned();
        let names = Names::of([made.as_str(), "web search"], []);
        assert_eq!(names.upstream_name(&made), made);
        assert_eq!(names.client_name(names.upstream_name("web search")), "web search");
    }

    #[test]
    fn an_unknown_name_is_itself() {
        assert_eq!(of(&["a"]).client_name("Other"), "Other");
    }
}
