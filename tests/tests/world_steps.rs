//! The table of the pool: accounts, what was before, what the service answers and when, and the exact steps that come of it.
//!
//! `tests/steps/*.txt` hold the rows: commands, and below each `ask`, `states` or `deep` the line that it must come to.
//! `UPDATE_GOLDENS=1` writes those lines; read the difference before you commit it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::accounts::{Account, Usage};
use kiro2api_tests::config::Config;
use kiro2api_tests::world::{Answer, Ask, Instance, Kind, Operation, Outage, START, StoreKind, World, login};

/// One row: its name, and its lines without the expected ones.
struct Row {
    name: String,
    lines: Vec<String>,
}

/// What a row is played with.
struct Stage {
    world: World,
    instances: BTreeMap<String, Rc<Instance>>,
}

#[test]
fn every_row_comes_to_the_steps_that_the_table_says() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("steps");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut rows, mut wrong) = (0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (count, played) = play_all(&text);
        rows += count;
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs::write(&file, &played).unwrap();
        } else if let Some((at, (is, should))) =
            played.lines().zip(text.lines()).enumerate().find(|(_, (is, should))| is != should)
        {
            wrong.push(format!("{}:{}\n  table {should}\n  is    {is}", file.display(), at + 1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows >= 80, "only {rows} rows");
}

/// Plays every row of a file; how many there are, and the file as it should be.
fn play_all(text: &str) -> (usize, String) {
    let (mut rows, mut out) = (0, String::new());
    for block in text.split("\n\n") {
        let (comment, rest): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| line.starts_with('#'));
        let rest: Vec<&str> = rest.into_iter().filter(|line| !line.is_empty()).collect();
        for line in comment {
            out.push_str(line);
            out.push('\n');
        }
        if let Some((first, lines)) = rest.split_first() {
            let name = first.strip_prefix("row ").unwrap_or_else(|| panic!("no row: {first}")).to_owned();
            let lines = lines.iter().filter(|line| !line.starts_with("=> ")).map(|line| (*line).to_owned()).collect();
            out.push_str(&Row { name, lines }.play());
            rows += 1;
        }
        out.push('\n');
    }
    (rows, format!("{}\n", out.trim_end()))
}

impl Row {
    fn play(&self) -> String {
        let mut stage = Stage::new(&self.lines);
        let mut out = format!("row {}\n", self.name);
        for line in &self.lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            out.push_str(line);
            out.push('\n');
            if let Some(came) = stage.perform(&words, &format!("{}: {line}", self.name)) {
                out.push_str(&format!("=> {came}\n"));
            }
        }
        out
    }
}

impl Stage {
    /// Reads what a row says of its world before anything happens.
    fn new(lines: &[String]) -> Self {
        let value = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let kind = match value("store").unwrap_or("compare") {
            "compare" => StoreKind::Compare,
            "plain" => StoreKind::Plain,
            "kv" => StoreKind::Kv { lag: 60_000 },
            other => panic!("no store is called {other}"),
        };
        let described: Vec<Vec<&str>> =
            value("accounts").unwrap_or("one").split(',').map(|one| one.split_whitespace().collect()).collect();
        let accounts: Vec<Account> = described.iter().map(|words| account(words)).collect();
        let entries: Vec<String> = described.iter().map(|words| entry(words)).collect();
        let mut config = Config { accounts, ..Config::default() };
        config.rotation = lines.iter().all(|line| line != "unrotated");
        let world = World::with_service(kind, config);
        // What is learnt of a quota is learnt after what led to the question.
        world.service.slow_down(Operation::Usage, 20);
        let tokens = format!("[{}]", entries.join(","));
        let strategy = value("strategy").unwrap_or("sequential");
        let most = value("concurrent").unwrap_or("");
        let start = || {
            world.instance_with(&[
                ("KIRO_AUTH_TOKEN", &tokens),
                ("TOKEN_SELECTION_STRATEGY", strategy),
                ("ACCOUNT_MAX_CONCURRENT", most),
            ])
        };
        let instances = ["here", "there"].map(|name| (name.to_owned(), start())).into();
        Self { world, instances }
    }

    fn here(&self) -> &Rc<Instance> {
        &self.instances["here"]
    }

    /// Does what a line says; what came of it, where that is to be told.
    fn perform(&mut self, words: &[&str], place: &str) -> Option<String> {
        let wrong = || panic!("{place}: not understood");
        match *words {
            ["accounts" | "store" | "strategy" | "concurrent" | "unrotated", ..] => None,
            ["reply", operation, "any", times, "*", ref fault @ ..] => {
                for _ in 0..times.parse::<usize>().expect(place) {
                    self.world.service.next(of_name(operation), answer(fault));
                }
                None
            }
            ["reply", operation, "always", ref fault @ ..] => {
                self.world.service.always(of_name(operation), answer(fault));
                None
            }
            ["reply", operation, account, ref fault @ ..] => {
                let (times, fault) = match fault {
                    [times, "*", rest @ ..] => (times.parse().expect(place), rest),
                    all => (1, all),
                };
                self.world.service.for_account(account, of_name(operation), times, answer(fault));
                None
            }
            ["pass", span] => {
                self.world.pass(millis(span));
                None
            }
            ["expire"] => {
                self.world.service.expire_tokens();
                None
            }
            ["forget"] => {
                self.world.service.forget_rules();
                None
            }
            ["down", span] => {
                let from = self.world.clock.now();
                let until = from + Millis(millis(span));
                self.world.store.add_outage(Outage { from, until, hangs: false });
                None
            }
            ["there", ref rest @ ..] => Some(self.ask(&Rc::clone(&self.instances["there"]), rest)),
            ["ask", ref rest @ ..] => Some(self.ask(&Rc::clone(self.here()), rest)),
            ["restart"] => {
                let fresh = Rc::clone(&self.instances["there"]);
                self.instances.insert("here".to_owned(), fresh);
                None
            }
            ["states"] => Some(self.states()),
            _ => wrong(),
        }
    }

    /// One request, or several at once; the steps, then the answers.
    fn ask(&self, instance: &Rc<Instance>, words: &[&str]) -> String {
        instance.take_steps();
        let (mut count, mut ask) = (1, Ask::prompt("hi", true));
        for word in words {
            ask = match word.split_once('=').unwrap_or((word, "")) {
                ("whole", _) => Ask::prompt("hi", false),
                ("times", times) => {
                    count = times.parse().expect("a number");
                    ask
                }
                ("session", name) => {
                    ask.header("x-claude-code-session-id", &format!("{name:0>8}-0000-4000-8000-000000000000"))
                }
                other => panic!("no such request: {other:?}"),
            };
        }
        let begun = self.world.clock.since_start();
        let pending: Vec<_> = (0..count).map(|_| self.world.begin(instance, &ask, Default::default())).collect();
        self.world.run();
        let mut at = begun;
        let steps = instance.take_steps().into_iter().map(|(then, word)| {
            let gap = then - core::mem::replace(&mut at, then);
            if gap == 0 { word } else { format!("+{} {word}", span(gap)) }
        });
        let steps: Vec<String> = steps.collect();
        let told = pending.iter().map(|pending| {
            let got = pending.got();
            let after = got.header("retry-after").map(|after| format!(" after {after} s")).unwrap_or_default();
            let broken = got.kind == Kind::Stream && got.names().iter().any(|name| name == "error");
            if broken {
                return "200, then an error".to_owned();
            }
            if got.status() == 200 { "200".to_owned() } else { format!("{} {}{after}", got.status(), got.error_type()) }
        });
        format!("{} -> {}", counted(steps), counted(told.collect()))
    }

    /// Where every account stands.
    fn states(&self) -> String {
        let now = self.world.clock.now();
        let got = self.world.ask(self.here(), &Ask::get("/stats/token-pool"));
        let body = got.json();
        let accounts = body["accounts"].as_array().unwrap_or_else(|| panic!("{}", got.text())).clone();
        let told = accounts.iter().map(|account| {
            let until = account["until"].as_str().and_then(instant).filter(|until| *until > now);
            let until = until
                .map(|until| format!(" for {}", span((until - now).0.next_multiple_of(1_000))))
                .unwrap_or_default();
            format!("{} {}{until}", account["label"].as_str().unwrap(), account["state"].as_str().unwrap())
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

/// The same words one after the other are told once, with their number.
fn counted(words: Vec<String>) -> String {
    let runs = words.chunk_by(|one, next| one == next);
    let told = runs.map(|run| if run.len() == 1 { run[0].clone() } else { format!("{} * {}", run.len(), run[0]) });
    told.collect::<Vec<_>>().join(", ")
}

/// `LABEL [key|idc] [credits=N] [used=N] [overage] [reset=DAYS] [suspended]`, as the service knows it.
fn account(words: &[&str]) -> Account {
    let label = words[0];
    let mut account = if words.contains(&"key") {
        Account::api_key(label, &key(label))
    } else {
        Account::social(label, &login::token(label))
    };
    account.suspended = words.contains(&"suspended");
    let mut usage = Usage { current: 0.0, next_reset: (START.0 / 1000) as i64 + 10 * 86_400, ..Usage::default() };
    for word in words {
        match word.split_once('=') {
            Some(("credits", number)) => usage.limit = number.parse().unwrap(),
            Some(("used", number)) => usage.current = number.parse().unwrap(),
            Some(("reset", days)) => usage.next_reset = (START.0 / 1000) as i64 + days.parse::<i64>().unwrap() * 86_400,
            _ => usage.overage |= *word == "overage",
        }
    }
    Account { usage, ..account }
}

/// The same account as the operator writes it.
fn entry(words: &[&str]) -> String {
    let label = words[0];
    let priority = words.iter().find_map(|word| word.strip_prefix("priority=")).unwrap_or("0");
    let disabled = words.contains(&"disabled");
    let (auth, field, secret) = match words.contains(&"key") {
        true => ("ApiKey", "apiKey", key(label)),
        false => ("Social", "refreshToken", login::token(label)),
    };
    format!(r#"{{"auth":"{auth}","{field}":"{secret}","label":"{label}","priority":{priority},"disabled":{disabled}}}"#)
}

fn key(label: &str) -> String {
    format!("ksk_{label}_0123456789abcdefghijklmnopqrstuvwxyz")
}

fn of_name(name: &str) -> Operation {
    match name {
        "chat" => Operation::Chat,
        "social" => Operation::Social,
        "profiles" => Operation::Profiles,
        "usage" => Operation::Usage,
        other => panic!("no operation is called {other}"),
    }
}

/// `ok`, `slow`, `silence`, `unreachable`, `cut`, `script …`, or a refusal by name with `retry-after=N`.
fn answer(words: &[&str]) -> Answer {
    match *words {
        ["slow"] => Answer::script("text \"ok\"").after(1_000),
        ["ok"] => Answer::script("text \"ok\""),
        ["silence"] => Answer::silence(),
        ["unreachable"] => Answer::unreachable(),
        ["cut"] => Answer::cut_before_head(),
        ["html"] => Answer::plain(200, "text/html", "<!DOCTYPE html><title>Sign in</title>"),
        ["script", ref words @ ..] => Answer::script(&words.join(" ")),
        [fault] => Answer::refusal(fault),
        [fault, after] => {
            let mut refusal = kiro2api_tests::refusal::Refusal::preset(fault).expect(fault);
            refusal.retry_after = Some(after.strip_prefix("retry-after=").expect(after).to_owned());
            Answer::refused(&refusal)
        }
        _ => panic!("no answer: {words:?}"),
    }
}

/// `500ms`, `10s`, `5m`, `2h`, `3d`.
fn millis(text: &str) -> u64 {
    let at = text.find(|letter: char| letter.is_ascii_alphabetic()).expect(text);
    let (number, unit) = text.split_at(at);
    let scale = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => panic!("no unit: {text}"),
    };
    number.parse::<u64>().unwrap() * scale
}

fn span(millis: u64) -> String {
    for (scale, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
        if millis >= scale && millis.is_multiple_of(scale) {
            return format!("{}{unit}", millis / scale);
        }
    }
    if millis > 86_400_000 { format!("{}d+", millis / 86_400_000) } else { format!("{millis}ms") }
}

/// RFC 3339 in UTC, as the gateway writes it: its order is that of time.
fn instant(text: &str) -> Option<Millis> {
    let (mut low, mut high) = (0_u64, 253_402_300_799_999);
    while low < high {
        let middle = low.midpoint(high);
        if Millis(middle).rfc3339().as_str() < text { low = middle + 1 } else { high = middle }
    }
    (Millis(low).rfc3339() == text).then_some(Millis(low))
}
