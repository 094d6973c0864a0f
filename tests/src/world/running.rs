//! The world itself, and its executor.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use kiro2api_core::Millis;
use kiro2api_core::drive::drive;

use super::ask::{Ask, CLIENT_KEY};
use super::clock::{Clock, START};
use super::got::Got;
use super::instance::{Instance, Patience, Recorder};
use super::login;
use super::secrets::Secrets;
use super::service::Service;
use super::store::{Store, StoreKind};
use crate::config::Config;

/// A world: a clock, a store, a service, and whoever is under way. See the module.
pub struct World {
    /// Its time.
    pub clock: Clock,
    /// Its token store.
    pub store: Rc<Store>,
    /// Its service.
    pub service: Rc<Service>,
    tasks: RefCell<Vec<Task>>,
    instances: RefCell<Vec<Rc<Instance>>>,
    gots: RefCell<Vec<Rc<RefCell<Got>>>>,
    tolerant: Cell<bool>,
    seed: Cell<u64>,
}

/// An exchange under way; [`World::run`] brings it to its end.
#[derive(Clone)]
pub struct Pending(Rc<RefCell<Got>>);

impl Pending {
    /// What the client has got so far.
    pub fn got(&self) -> Got {
        self.0.borrow().clone()
    }

    /// Whether the exchange is over.
    pub fn is_over(&self) -> bool {
        self.0.borrow().ended.is_some()
    }
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    flag: Arc<Flag>,
    name: String,
    drop_at: Option<Pin<Box<super::clock::Sleep>>>,
    done: bool,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new(StoreKind::Compare)
    }
}

impl World {
    /// A world whose service is strict and knows the simulator's demo accounts.
    pub fn new(store: StoreKind) -> Self {
        Self::with_service(store, Config::default())
    }

    /// A world whose service knows Social accounts of these labels, and an instance that has them in this order.
    pub fn of_accounts(store: StoreKind, labels: &[&str]) -> (Self, Rc<Instance>) {
        let world = Self::with_service(store, Config { accounts: login::accounts(labels), ..Config::default() });
        let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(labels))]);
        (world, instance)
    }

    /// A world with a service of its own.
    pub fn with_service(store: StoreKind, config: Config) -> Self {
        let clock = Clock::default();
        Self {
            store: Rc::new(Store::new(clock.clone(), store)),
            service: Rc::new(Service::new(clock.clone(), config)),
            clock,
            tasks: RefCell::default(),
            instances: RefCell::default(),
            gots: RefCell::default(),
            tolerant: Cell::new(false),
            seed: Cell::new(1),
        }
    }

    /// An instance with the demo Social account.
    pub fn instance(&self) -> Rc<Instance> {
        self.instance_with(&[("KIRO_AUTH_TOKEN", &login::social())])
    }

    /// An instance with these variables; `KIRO_CLIENT_TOKEN` is set unless it is given. An empty value unsets.
    pub fn instance_with(&self, variables: &[(&str, &str)]) -> Rc<Instance> {
        self.seed.set(self.seed.get() + 1);
        self.build(self.seed.get(), false, variables)
    }

    /// An instance whose exchanges all draw the same bytes, for goldens.
    pub fn frozen_instance(&self, variables: &[(&str, &str)]) -> Rc<Instance> {
        self.build(1, true, variables)
    }

    fn build(&self, seed: u64, frozen: bool, variables: &[(&str, &str)]) -> Rc<Instance> {
        let mut all = vec![("KIRO_CLIENT_TOKEN".to_owned(), CLIENT_KEY.to_owned())];
        for &(name, value) in variables {
            all.retain(|(other, _)| other != name);
            all.push((name.to_owned(), value.to_owned()));
        }
        let (clock, store, service) = (self.clock.clone(), Rc::clone(&self.store), Rc::clone(&self.service));
        let instance = Rc::new(Instance::new(clock, store, service, seed, frozen, &all));
        self.instances.borrow_mut().push(Rc::clone(&instance));
        instance
    }

    /// Starts an exchange; nothing happens before [`World::run`].
    pub fn begin(&self, instance: &Rc<Instance>, ask: &Ask, patience: Patience) -> Pending {
        let got = Rc::new(RefCell::new(Got::default()));
        self.gots.borrow_mut().push(Rc::clone(&got));
        let mut recorder = Recorder { clock: self.clock.clone(), got: Rc::clone(&got), patience, leaves: None };
        let (instance, incoming, clock, seen) =
            (Rc::clone(instance), ask.begun(self.clock.now()), self.clock.clone(), Rc::clone(&got));
        let name = format!("{} {}", incoming.method, incoming.path);
        let future = async move {
            drive(&*instance, incoming, &mut recorder).await;
            let mut got = seen.borrow_mut();
            got.ended = Some(clock.now());
            got.log = own_lines(&instance, &got);
        };
        self.spawn(name, future, patience.dropped_at);
        Pending(got)
    }

    /// Starts any future, for instance one that changes the world at a certain time.
    pub fn spawn(&self, name: impl Into<String>, future: impl Future<Output = ()> + 'static, drop_at: Option<Millis>) {
        let task = Task {
            future: Box::pin(future),
            flag: Arc::new(Flag(AtomicBool::new(true))),
            name: name.into(),
            drop_at: drop_at.map(|at| Box::pin(self.clock.sleep(at))),
            done: false,
        };
        self.tasks.borrow_mut().push(task);
    }

    /// Does something to the service or store at a point in time.
    pub fn at(&self, milliseconds: u64, act: impl FnOnce(&Service, &Store) + 'static) {
        let (service, store, clock) = (Rc::clone(&self.service), Rc::clone(&self.store), self.clock.clone());
        let future = async move {
            clock.sleep(START + Millis(milliseconds)).await;
            act(&service, &store);
        };
        self.spawn("at", future, None);
    }

    /// One exchange from its beginning to its end.
    pub fn ask(&self, instance: &Rc<Instance>, ask: &Ask) -> Got {
        self.ask_patiently(instance, ask, Patience::default())
    }

    /// The same for a client that is not patient.
    pub fn ask_patiently(&self, instance: &Rc<Instance>, ask: &Ask, patience: Patience) -> Got {
        let pending = self.begin(instance, ask, patience);
        self.run();
        pending.got()
    }

    /// Runs until everything is over.
    ///
    /// # Panics
    /// When nobody can go on, time stands still for too long, or a day has passed.
    pub fn run(&self) {
        self.run_while(|| true);
    }

    /// Runs until this many milliseconds after the beginning of the world; who is not done stays under way.
    pub fn run_until(&self, milliseconds: u64) {
        let end = START + Millis(milliseconds);
        self.run_while(|| self.clock.next_timer().is_some_and(|at| at <= end));
        self.clock.set(end);
    }

    /// Moves the clock forward; nobody may be under way.
    pub fn pass(&self, milliseconds: u64) {
        assert!(self.tasks.borrow().is_empty(), "somebody is under way");
        self.clock.set(self.clock.now() + Millis(milliseconds));
    }

    fn run_while(&self, go_on: impl Fn() -> bool) {
        let begun = self.clock.now();
        let mut quiet = 0_u32;
        loop {
            let polled = self.poll_woken();
            if self.tasks.borrow().is_empty() {
                return;
            }
            if polled {
                quiet += 1;
                assert!(quiet < TOO_OFTEN, "no progress: {quiet} rounds without time passing; {}", self.waiting());
                continue;
            }
            if !go_on() {
                return;
            }
            let before = self.clock.now();
            assert!(self.clock.advance(), "hung: nobody can go on and no timer is left; {}", self.waiting());
            if self.clock.now() > before {
                quiet = 0;
            }
            assert!(self.clock.now() < begun + A_DAY, "still not over after a day; {}", self.waiting());
        }
    }

    /// Polls every task that was woken; whether there was one.
    fn poll_woken(&self) -> bool {
        let mut tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        let mut polled = false;
        for task in &mut tasks {
            if task.flag.0.swap(false, Ordering::Relaxed) {
                polled = true;
                let waker = Waker::from(Arc::clone(&task.flag));
                let mut cx = Context::from_waker(&waker);
                let dropped = task.drop_at.as_mut().is_some_and(|sleep| sleep.as_mut().poll(&mut cx).is_ready());
                task.done = dropped || task.future.as_mut().poll(&mut cx).is_ready();
            }
        }
        tasks.retain(|task| !task.done);
        let mut started = self.tasks.borrow_mut();
        tasks.append(&mut started);
        *started = tasks;
        polled
    }

    fn waiting(&self) -> String {
        let names: Vec<String> = self.tasks.borrow().iter().map(|task| task.name.clone()).collect();
        format!("at +{} ms wait: {}", self.clock.since_start(), names.join(", "))
    }

    /// The strict checker's findings do not fail this world: its bodies are meant to be refused.
    pub fn tolerate_violations(&self) {
        self.tolerant.set(true);
    }

    /// Looks for every known secret in what clients got, in logs and in the store; a text for each find.
    pub fn leaks(&self) -> Vec<String> {
        let secrets = Secrets::of(&self.service);
        let mut leaks = Vec::new();
        for got in self.gots.borrow().iter().map(|got| got.borrow()) {
            secrets.search("a body", &got.body, &mut leaks);
            for (name, value) in got.head.iter().flat_map(|head| &head.headers) {
                secrets.search(&format!("the header {name}"), value.as_bytes(), &mut leaks);
            }
        }
        for line in self.instances.borrow().iter().flat_map(|instance| instance.log()) {
            secrets.search("a log line", line.as_bytes(), &mut leaks);
        }
        for value in self.store.journal().into_iter().filter_map(|entry| entry.value) {
            secrets.search("the store", &value, &mut leaks);
        }
        leaks
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in self.instances.borrow().iter().flat_map(|instance| instance.log()) {
                eprintln!("{line}");
            }
            for sent in self.service.sent() {
                eprintln!("+{} {:?} {} {:?}", sent.at, sent.operation, sent.url, sent.account);
            }
            return;
        }
        let leaks = self.leaks();
        assert!(leaks.is_empty(), "secrets came out: {leaks:#?}");
        if !self.tolerant.get() {
            for sent in self.service.sent() {
                let body = String::from_utf8_lossy(&sent.body);
                assert!(sent.violations.is_empty(), "{:#?}\n{body}", sent.violations);
            }
        }
    }
}

/// The lines of the exchange that has just ended: it logged them at its very end, in one go.
fn own_lines(instance: &Instance, got: &Got) -> Vec<String> {
    let id = got.header("request-id").unwrap_or_default().to_owned();
    let lines = instance.log();
    match lines.iter().rposition(|line| !id.is_empty() && line.contains(&id)) {
        Some(at) => lines.into_iter().take(at + 1).collect(),
        None => lines,
    }
}

const TOO_OFTEN: u32 = 200_000;
const A_DAY: Millis = Millis::mins(24 * 60);
