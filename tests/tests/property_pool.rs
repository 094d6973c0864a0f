//! Whatever the service, its logins and the store do: a request ends, no account is asked more often than it may be, one that
//! works is used, and no login is lost. Random worlds of two instances in virtual time; the seed of a failure is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::config::Config;
use kiro2api_tests::world::{Answer, Ask, Instance, Operation, Outage, StoreKind, World, login};
use proptest::prelude::*;

const LABELS: [&str; 3] = ["one", "two", "three"];

/// What happens, in its order.
#[derive(Clone, Debug)]
enum Event {
    /// So many requests at once, on one of the instances.
    Ask { there: bool, times: usize, session: Option<u8> },
    /// The next answers of a kind to an account are refusals of this name.
    Refuse { account: usize, operation: Operation, times: usize, fault: &'static str },
    /// The next answers of a kind to an account do not come, or break off.
    Break { account: usize, operation: Operation, how: u8 },
    /// Every access token ends.
    Expire,
    /// The store does not serve.
    Outage { hangs: bool, seconds: u64 },
    /// Time passes.
    Pass(u64),
    /// An instance ends, and another one begins.
    Restart { there: bool },
}

/// Refusals that say something of the account and nothing of the request.
const CHAT_FAULTS: &[&str] = &[
    "throttle",
    "credit-limit",
    "monthly",
    "daily",
    "overage",
    "bearer",
    "bearer401",
    "unauthorized",
    "feature",
    "profile",
    "unavailable",
];
const LOGIN_FAULTS: &[&str] = &["internal", "throttle", "slow-down", "unavailable"];

fn events(sound: Option<usize>, rich: bool) -> impl Strategy<Value = Vec<Event>> {
    let afflicted: Vec<usize> = (0..LABELS.len()).filter(|at| Some(*at) != sound).collect();
    let account = proptest::sample::select(afflicted);
    let chat = proptest::sample::select(CHAT_FAULTS);
    let login = proptest::sample::select(LOGIN_FAULTS);
    let operation = proptest::sample::select(&[Operation::Chat, Operation::Social, Operation::Usage][..]);
    let session = proptest::option::of(0..3_u8);
    let ask = (any::<bool>(), prop_oneof![4 => Just(1_usize), 1 => 2..12_usize], session)
        .prop_map(|(there, times, session)| Event::Ask { there, times, session });
    let refuse = (account.clone(), 1..6_usize, chat).prop_map(|(account, times, fault)| Event::Refuse {
        account,
        operation: Operation::Chat,
        times,
        fault,
    });
    let renew = (account.clone(), 1..4_usize, login).prop_map(|(account, times, fault)| Event::Refuse {
        account,
        operation: Operation::Social,
        times,
        fault,
    });
    let broken =
        (account, operation, 0..3_u8).prop_map(|(account, operation, how)| Event::Break { account, operation, how });
    let pass = prop_oneof![0..5_000_u64, 0..600_000_u64, 0..20_000_000_u64].prop_map(Event::Pass);
    let outage = (any::<bool>(), 1..90_u64).prop_map(|(hangs, seconds)| Event::Outage { hangs, seconds });
    let restart = any::<bool>().prop_map(|there| Event::Restart { there });
    let rare = u32::from(rich);
    let one = prop_oneof![6 => ask, 3 => refuse, 2 => renew, 1 => broken, 1 => Just(Event::Expire), 3 => pass, rare => outage, rare => restart];
    proptest::collection::vec(one, 1..25)
}

struct Stage {
    world: World,
    here: Rc<Instance>,
    there: Rc<Instance>,
    variables: [(String, String); 2],
}

impl Stage {
    fn new(kind: StoreKind, rotation: bool, strategy: &str) -> Self {
        let config = Config { accounts: login::accounts(&LABELS), rotation, ..Config::default() };
        let world = World::with_service(kind, config);
        let variables = [
            ("KIRO_AUTH_TOKEN".to_owned(), login::socials(&LABELS)),
            ("TOKEN_SELECTION_STRATEGY".to_owned(), strategy.to_owned()),
        ];
        let start = |world: &World| instance(world, &variables);
        let (here, there) = (start(&world), start(&world));
        Self { world, here, there, variables }
    }

    fn instance(&self, there: bool) -> &Rc<Instance> {
        if there { &self.there } else { &self.here }
    }

    /// Plays an event; the statuses of what was asked.
    fn play(&mut self, event: &Event) -> Vec<u16> {
        match *event {
            Event::Ask { there, times, session } => return self.ask(there, times, session),
            Event::Refuse { account, operation, times, fault } => {
                self.world.service.for_account(LABELS[account], operation, times, Answer::refusal(fault));
            }
            Event::Break { account, operation, how } => {
                let answer =
                    [Answer::silence(), Answer::cut_before_head(), Answer::unreachable()][usize::from(how)].clone();
                self.world.service.for_account(LABELS[account], operation, 1, answer);
            }
            Event::Expire => self.world.service.expire_tokens(),
            Event::Outage { hangs, seconds } => {
                let from = self.world.clock.now();
                self.world.store.add_outage(Outage { from, until: from + Millis::secs(seconds), hangs });
            }
            Event::Pass(span) => self.world.pass(span),
            Event::Restart { there: false } => self.here = instance(&self.world, &self.variables),
            Event::Restart { there: true } => self.there = instance(&self.world, &self.variables),
        }
        Vec::new()
    }

    fn ask(&self, there: bool, times: usize, session: Option<u8>) -> Vec<u16> {
        let before = self.world.service.count(Operation::Chat);
        let mut ask = Ask::prompt("hi", true);
        if let Some(session) = session {
            ask = ask.header("x-claude-code-session-id", &format!("0000000{session}-0000-4000-8000-000000000000"));
        }
        let pending: Vec<_> =
            (0..times).map(|_| self.world.begin(self.instance(there), &ask, Default::default())).collect();
        self.world.run();
        assert!(pending.iter().all(kiro2api_tests::world::Pending::is_over), "a request does not end");
        if times == 1 {
            self.bounded(before);
        }
        pending.iter().map(|pending| pending.got().status()).collect()
    }

    /// One request asks an account at most three times with one token, and all of them at most nine times.
    fn bounded(&self, before: usize) {
        let sent = self.world.service.sent_of(Operation::Chat);
        let mut tries: BTreeMap<String, usize> = BTreeMap::new();
        for one in &sent[before..] {
            *tries.entry(one.header("authorization").unwrap_or_default().to_owned()).or_default() += 1;
        }
        assert!(tries.values().all(|tries| *tries <= 3), "too many tries with one token");
        assert!(sent.len() - before <= 9, "too many tries");
    }
}

fn instance(world: &World, variables: &[(String, String)]) -> Rc<Instance> {
    let all: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    world.instance_with(&all)
}

fn kinds() -> impl Strategy<Value = StoreKind> {
    prop_oneof![Just(StoreKind::Compare), Just(StoreKind::Plain), (0..60_000_u64).prop_map(|lag| StoreKind::Kv { lag })]
}

fn strategies() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&["optimal", "balanced", "sequential"][..])
}

/// An account that nothing happens to, whatever happens to the others.
const SOUND: usize = 2;

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every request ends, within its bounds, and is served as long as one account works. Its logins included: other
    /// instances refresh it too, on a store that may not tell them of each other.
    #[test]
    fn an_account_that_works_serves_every_request(
        kind in kinds(), rotation in any::<bool>(), strategy in strategies(), events in events(Some(SOUND), false)
    ) {
        // Where nothing compares, two instances may refresh the sound account at once; a rotating service then refuses one.
        let rotation = rotation && kind == StoreKind::Compare;
        let mut stage = Stage::new(kind, rotation, strategy);
        for event in &events {
            let statuses = stage.play(event);
            prop_assert!(statuses.iter().all(|status| *status == 200), "{event:?}: {statuses:?} in {events:?}");
        }
    }

    /// Whatever happens, with outages of the store and instances that come and go: once all is well again, every account
    /// serves, and so it does for an instance that knows nothing but the store.
    #[test]
    fn no_login_is_lost(
        kind in prop_oneof![Just(StoreKind::Compare), Just(StoreKind::Plain)],
        strategy in strategies(), events in events(None, true)
    ) {
        let mut stage = Stage::new(kind, true, strategy);
        let mut ends = stage.world.clock.now();
        for event in &events {
            // What an instance renewed in an outage is nowhere else: it must live to see the store again, and a request.
            if matches!(event, Event::Restart { .. }) {
                stage.world.pass((ends + Millis::secs(20) - stage.world.clock.now()).0);
                for there in [false, true] {
                    stage.play(&Event::Ask { there, times: 1, session: None });
                }
            }
            if let Event::Outage { seconds, .. } = event {
                ends = ends.max(stage.world.clock.now() + Millis::secs(*seconds));
            }
            let statuses = stage.play(event);
            prop_assert!(statuses.iter().all(|status| [200, 429, 502, 503, 504, 529].contains(status)), "{event:?}: {statuses:?}");
        }
        stage.world.service.forget_rules();
        stage.world.pass(40 * 86_400_000);
        // Each of them stores what it alone knows; then each of them serves.
        for round in 0..2 {
            for there in [false, true] {
                let statuses = stage.ask(there, 1, None);
                prop_assert!(round == 0 || statuses == [200], "{statuses:?}");
            }
            stage.world.pass(3_600_000);
        }
        let fresh = instance(&stage.world, &stage.variables);
        for label in LABELS {
            // Whoever else would serve is out of quota.
            for other in LABELS.iter().filter(|other| **other != label) {
                stage.world.service.for_account(other, Operation::Chat, 99, Answer::refusal("throttle"));
            }
            let got = stage.world.ask(&fresh, &Ask::prompt("hi", true));
            prop_assert_eq!(got.status(), 200, "{} is lost: {} in {:?}; {}", label, got.text(), events, stage.world.ask(&fresh, &Ask::get("/health?deep=1")).text());
            stage.world.service.forget_rules();
            stage.world.pass(3_600_000);
        }
    }
}
