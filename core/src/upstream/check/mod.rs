//! A pure proof that a body keeps every rule the service is known to hold.
//!
//! Written apart from the encoder and sharing no code with it: it reads bytes, as the service does. The
//! encoder's tests and the simulated service use it.
//!
//! | rule | what it says |
//! |---|---|
//! | `R1` | user and assistant in turn, the user first, the current turn the user's |
//! | `R2` `R3` | content of user and assistant turns is not empty |
//! | `R4` `R5` | every tool use is answered in the next turn, every result answers one of the turn before |
//! | `R6` `R9` | tool-use ids are unique and match `^[a-zA-Z0-9_-]{1,64}$` |
//! | `R7` `R8` | tools used are declared; names match `^[a-zA-Z][a-zA-Z0-9_-]{0,62}$`, unique but for case |
//! | `R10` `R11` | descriptions are there and have at most 10,000 characters |
//! | `R12` `R13` | a schema's root is an object with `properties` and without combiners; no `null`, no `$ref` |
//! | `R14` `R15` | the trigger is known; no unknown member at the root |
//! | `R16` `R17` | inputs are objects without empty keys |
//! | `R18` | the body is JSON in UTF-8, without lone surrogates |
//! | `R19` `R20` | no cache points, nothing but tool specifications in `tools` |
//! | `R21` | a profile is no empty text |
//! | `size` | 600,000 characters of content, 800,000 of a result, 20 images of 5 MiB |
//! | `member` `required` `type` `enum` `union` `null` `empty` | the service's model, member by member |
//! | `media` | base64 is base64, document names are legal and unique |
//! | `fields` | no effort beside disabled thinking, `max_tokens` from 1024 |

mod model;
mod rules;
mod schema;

use serde_json::Value;

/// A rule a body breaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The rule's name, as in the table above.
    pub rule: &'static str,
    /// Where: a JSON path, empty for the root.
    pub path: String,
    /// What is wrong there.
    pub text: String,
}

/// Every rule `body` breaks; none for a body the service takes.
///
/// Reads at most 128 levels deep; a deeper body breaks `R18`, because other readers stop there too.
pub fn check(body: &[u8]) -> Vec<Broken> {
    let root: Value = match serde_json::from_slice(body) {
        Ok(root) => root,
        Err(error) => return vec![Broken { rule: "R18", path: String::new(), text: error.to_string() }],
    };
    let mut report = Report::default();
    model::hold(&root, &mut report);
    rules::hold(&root, &mut report);
    report.broken
}

/// What was found so far.
#[derive(Default)]
struct Report {
    broken: Vec<Broken>,
}

impl Report {
    fn add(&mut self, rule: &'static str, path: &str, text: impl Into<String>) {
        self.broken.push(Broken { rule, path: path.to_owned(), text: text.into() });
    }

    /// Notes a broken rule unless `holds`.
    fn expect(&mut self, holds: bool, rule: &'static str, path: &str, text: impl FnOnce() -> String) {
        if !holds {
            self.add(rule, path, text());
        }
    }
}

/// A list member, empty when it is not there.
fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text member, empty when it is not there.
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}
