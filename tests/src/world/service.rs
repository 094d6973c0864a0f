//! The service of a world: rules of what it answers next, else the simulator's own parts: its token world, its strict
//! body checker and its scripts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use kiro2api_core::host::{Outbound, header};
use serde_json::{Value, json};

use super::answer::Answer;
use super::clock::Clock;
use super::sent::{Operation, Sent, operation, region};
use super::wire::Under;
use crate::accounts::{Account, Kind};
use crate::catalogue;
use crate::check::{Dialect, current, declared, history, inspect, text, turns::user_texts};
use crate::config::Config;
use crate::refusal::Refusal;
use crate::script::{self, Scene, Script};
use crate::tokens;

struct Rule {
    operation: Operation,
    account: Option<String>,
    url: Option<String>,
    times: usize,
    answer: Answer,
}

struct Access {
    token: String,
    label: String,
    expires: u64,
}

/// The service of a world.
pub struct Service {
    clock: Clock,
    config: RefCell<Config>,
    tokens: RefCell<tokens::World>,
    issued: RefCell<Vec<Access>>,
    rules: RefCell<Vec<Rule>>,
    sent: RefCell<Vec<Rc<RefCell<Sent>>>>,
    served: RefCell<BTreeMap<String, usize>>,
    cut: RefCell<Box<Cutter>>,
    delays: RefCell<BTreeMap<Operation, u64>>,
}

/// Changes how an answer of the chat operation is cut into chunks.
type Cutter = dyn Fn(Answer) -> Answer;

impl Service {
    pub(super) fn new(clock: Clock, config: Config) -> Self {
        let tokens = RefCell::new(tokens::World::new(&config.accounts));
        Self {
            clock,
            config: RefCell::new(config),
            tokens,
            issued: RefCell::default(),
            rules: RefCell::default(),
            sent: RefCell::default(),
            served: RefCell::default(),
            cut: RefCell::new(Box::new(|answer| answer)),
            delays: RefCell::default(),
        }
    }

    /// Changes the simulator's switches. Of the accounts only their usage can be changed.
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config.borrow_mut());
    }

    /// Answers the next request of a kind with this. Earlier rules come first.
    pub fn next(&self, operation: Operation, answer: Answer) {
        self.rule(operation, None, None, 1, answer);
    }

    /// Answers every request of a kind with this.
    pub fn always(&self, operation: Operation, answer: Answer) {
        self.rule(operation, None, None, usize::MAX, answer);
    }

    /// Answers so many requests of one account with this.
    pub fn for_account(&self, label: &str, operation: Operation, times: usize, answer: Answer) {
        self.rule(operation, Some(label), None, times, answer);
    }

    /// Answers every request to URLs that begin like this with that.
    pub fn for_url(&self, operation: Operation, prefix: &str, answer: Answer) {
        self.rule(operation, None, Some(prefix), usize::MAX, answer);
    }

    fn rule(&self, operation: Operation, account: Option<&str>, url: Option<&str>, times: usize, answer: Answer) {
        let (account, url) = (account.map(str::to_owned), url.map(str::to_owned));
        self.rules.borrow_mut().push(Rule { operation, account, url, times, answer });
    }

    /// From now on every answer of the chat operation passes through this.
    pub fn cut(&self, cutter: impl Fn(Answer) -> Answer + 'static) {
        *self.cut.borrow_mut() = Box::new(cutter);
    }

    /// From now on every answer of a kind, by rule or not, takes so many milliseconds more.
    pub fn slow_down(&self, operation: Operation, milliseconds: u64) {
        self.delays.borrow_mut().insert(operation, milliseconds);
    }

    /// Forgets all rules.
    pub fn forget_rules(&self) {
        self.rules.borrow_mut().clear();
    }

    /// Makes every access token invalid.
    pub fn expire_tokens(&self) {
        self.tokens.borrow_mut().expire();
    }

    /// The refresh token an account has now.
    pub fn refresh_token(&self, label: &str) -> String {
        self.tokens.borrow().refresh_token(label).expect("an account of this label").to_owned()
    }

    /// Every request so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.borrow().iter().map(|sent| sent.borrow().clone()).collect()
    }

    /// Every request of a kind so far.
    pub fn sent_of(&self, operation: Operation) -> Vec<Sent> {
        self.sent().into_iter().filter(|sent| sent.operation == operation).collect()
    }

    /// How many requests of a kind there were.
    pub fn count(&self, operation: Operation) -> usize {
        self.sent.borrow().iter().filter(|sent| sent.borrow().operation == operation).count()
    }

    /// Every access token that was ever issued.
    pub(super) fn access_tokens(&self) -> Vec<String> {
        self.issued.borrow().iter().map(|access| access.token.clone()).collect()
    }

    /// The latest request in words: what for, on which account, and the status it gets.
    pub(super) fn last(&self) -> Option<String> {
        let sent = self.sent.borrow();
        let last = sent.last()?.borrow();
        let operation = format!("{:?}", last.operation).to_lowercase();
        let account = last.account.as_deref().unwrap_or("nobody");
        let status = if last.status == 0 { "no reply".to_owned() } else { last.status.to_string() };
        Some(format!("{operation} {account} {status}"))
    }

    pub(super) fn send(&self, request: &Outbound) -> Under {
        let mut sent = self.read(request);
        let mut answer = self.ruled(&sent).unwrap_or_else(|| self.judged(&sent));
        let delay = self.delays.borrow().get(&sent.operation).copied().unwrap_or(0);
        answer.head_delay += delay;
        if sent.operation == Operation::Chat {
            answer = self.cut.borrow()(answer);
        }
        sent.status = answer.head.as_ref().map_or(0, |head| head.status);
        let record = Rc::new(RefCell::new(sent));
        self.sent.borrow_mut().push(Rc::clone(&record));
        Under::new(self.clock.clone(), answer, record)
    }

    fn read(&self, request: &Outbound) -> Sent {
        let operation = operation(request);
        let bearer = header(&request.headers, "authorization").and_then(|value| value.split_once(' '));
        let account = match operation {
            Operation::Social | Operation::Idc => {
                let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                self.tokens.borrow().owner(text(&body, "refreshToken")).map(str::to_owned)
            }
            _ => bearer.and_then(|(_, token)| self.owner(token)),
        };
        let violations = match operation {
            Operation::Chat => inspect(&request.body, Dialect::Rest, &self.config.borrow()).1.violations,
            _ => Vec::new(),
        };
        Sent {
            at: self.clock.since_start(),
            operation,
            url: request.url.clone(),
            headers: request.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
            body: request.body.clone(),
            account,
            violations,
            status: 0,
            headed: false,
            read: 0,
            read_out: false,
            dropped: None,
        }
    }

    fn owner(&self, token: &str) -> Option<String> {
        let issued = self.issued.borrow();
        let known = issued.iter().find(|access| access.token == token).map(|access| access.label.clone());
        let config = self.config.borrow();
        let key = || config.accounts.iter().find(|account| account.kind == Kind::ApiKey && account.secret == token);
        known.or_else(|| key().map(|account| account.label.clone()))
    }

    fn ruled(&self, sent: &Sent) -> Option<Answer> {
        let mut rules = self.rules.borrow_mut();
        let rule = rules.iter_mut().find(|rule| {
            rule.operation == sent.operation
                && rule.times > 0
                && rule.account.as_ref().is_none_or(|label| Some(label) == sent.account.as_ref())
                && rule.url.as_ref().is_none_or(|prefix| sent.url.starts_with(prefix.as_str()))
        })?;
        rule.times -= 1;
        Some(rule.answer.clone())
    }

    fn judged(&self, sent: &Sent) -> Answer {
        match sent.operation {
            Operation::Social | Operation::Idc => self.refresh(sent),
            Operation::Profiles => match self.authenticate(sent) {
                Ok(account) => Answer::json(200, &profiles(&account)),
                Err(refusal) => Answer::refused(&refusal),
            },
            Operation::Usage => self.usage(sent).unwrap_or_else(|refusal| Answer::refused(&refusal)),
            Operation::Models => match self.authenticate(sent) {
                Ok(account) => Answer::json(200, &self.models(sent, &account)),
                Err(refusal) => Answer::refused(&refusal),
            },
            Operation::Chat => self.chat(sent).unwrap_or_else(|refusal| Answer::refused(&refusal)),
            Operation::Media => Answer::plain(404, "text/html", "<!DOCTYPE html><title>Not found</title>"),
            Operation::Other => Answer::refusal("operation"),
        }
    }

    fn models(&self, sent: &Sent, account: &Account) -> Value {
        let from = text(&sent.json(), "nextToken").parse().unwrap_or(0);
        catalogue::page(&self.config.borrow(), &account.label, from, usize::MAX)
    }

    fn refresh(&self, sent: &Sent) -> Answer {
        let config = self.config.borrow();
        let body = sent.json();
        let mut tokens = self.tokens.borrow_mut();
        let answered = match sent.operation {
            Operation::Social => tokens.refresh_social(&body, &config),
            _ => tokens.refresh_idc(&body, region(&sent.url), &config),
        };
        match answered {
            Ok(grant) => {
                let expires = self.clock.now().0 + config.access_token_seconds * 1000;
                let label = sent.account.clone().unwrap_or_default();
                let token = text(&grant, "accessToken").to_owned();
                self.issued.borrow_mut().push(Access { token, label, expires });
                Answer::json(200, &grant)
            }
            Err(refusal) => Answer::refused(&refusal),
        }
    }

    fn authenticate(&self, sent: &Sent) -> Result<Account, Refusal> {
        let config = self.config.borrow();
        let bearer = sent.header("authorization");
        let token = bearer.and_then(|value| value.split_once(' ')).map(|(_, token)| token).unwrap_or_default();
        let now = self.clock.now().0;
        if self.issued.borrow().iter().any(|access| access.token == token && access.expires <= now) {
            return Err(Refusal::bearer(config.bearer_status));
        }
        self.tokens.borrow().authenticate(bearer, sent.header("tokentype"), &config).cloned()
    }

    /// What is left, as the configuration says now: that may be changed while the world runs.
    fn usage(&self, sent: &Sent) -> Result<Answer, Refusal> {
        let account = self.authenticate(sent)?;
        if account.suspended {
            return Err(Refusal::preset("suspended").unwrap_or_else(Refusal::improper));
        }
        let arn = sent.parameter("profileArn");
        let needs = matches!(account.kind, Kind::Idc { .. });
        if arn.as_deref().map_or(needs, |arn| !account.owns(arn)) {
            return Err(Refusal::validation("Invalid profileArn."));
        }
        let with_email = sent.parameter("isEmailRequired").as_deref() == Some("true");
        let config = self.config.borrow();
        let usage = config.accounts.iter().find(|known| known.label == account.label).map(|known| &known.usage);
        let spent = self.tokens.borrow().spent(&account.label);
        Ok(Answer::json(200, &usage.unwrap_or(&account.usage).encode(spent, with_email, &account.label)))
    }

    fn chat(&self, sent: &Sent) -> Result<Answer, Refusal> {
        let account = self.authenticate(sent)?;
        if account.suspended {
            return Err(Refusal::preset("suspended").unwrap_or_else(Refusal::improper));
        }
        let body = sent.json();
        let arn = body.get("profileArn").and_then(Value::as_str);
        if let Some(first) = sent.violations.first() {
            return Err(first.refusal.clone());
        }
        let config = self.config.borrow();
        let id = current(&body).map(|user| text(user, "modelId")).unwrap_or_default();
        if !catalogue::is_offered(&config, &account.label, id) {
            return Err(catalogue::not_offered());
        }
        let required = config.require_profile_arn && account.kind != Kind::ApiKey;
        match arn {
            None if required => return Err(Refusal::preset("profile").unwrap_or_else(Refusal::improper)),
            Some(arn) if account.kind != Kind::ApiKey && !account.owns(arn) => return Err(Refusal::of_status(403)),
            _ => {}
        }
        Ok(self.play(&body, &config))
    }

    fn play(&self, body: &Value, config: &Config) -> Answer {
        let found = user_texts(body).into_iter().find_map(|(text, step)| script::find(text).map(|found| (found, step)));
        let (directive, step) = found
            .or_else(|| config.default_script.clone().map(|directive| (directive, 0)))
            .unwrap_or_else(|| ("text \"ok\"".to_owned(), 0));
        let mut served = self.served.borrow_mut();
        let count = served.entry(format!("{step} {directive}")).or_default();
        let names = declared(body).iter().filter_map(|tool| tool.get("toolSpecification"));
        let scene = Scene {
            step,
            attempt: *count,
            tools: names.map(|tool| text(tool, "name").to_owned()).collect(),
            seed: format!("{directive}/{step}/{count}/{}", history(body).len()),
            ..Scene::default()
        };
        *count += 1;
        match Script::parse(&directive) {
            Ok(script) => script.plan(&scene).map_or_else(|| Answer::script("text \"the end\""), Answer::plan),
            Err(error) => panic!("{error}: {directive}"),
        }
    }
}

fn profiles(account: &Account) -> Value {
    let entry = |arn: &String| json!({ "arn": arn, "profileName": "P", "profileType": "KIRO", "status": "ACTIVE" });
    json!({ "profiles": account.profiles.iter().map(entry).collect::<Vec<_>>(), "nextToken": null })
}
