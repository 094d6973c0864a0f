//! Many environments over one table, each with its own gateway, and a real service behind them.

use std::sync::Arc;

use kiro2api_core::Millis;
use kiro2api_lambda::machine::Machine;
use kiro2api_tests::Upstream;
use tokio::task::JoinSet;

use crate::support::service::{KEY, gateway, login, refreshes, service};
use crate::support::{Act, Gate, Logged, aws};

async fn crowd(machine: Machine, gate: &Gate, service: &Upstream, table: &str) -> Vec<Arc<Logged>> {
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(Arc::new(gateway(machine, gate, service, &[("TOKEN_TABLE", table)]).await));
    }
    crowd
}

/// All of them ask at once, and all are served.
async fn all_ask(crowd: &[Arc<Logged>]) {
    let mut asking = JoinSet::new();
    for one in crowd {
        let one = Arc::clone(one);
        asking.spawn(async move { (one.ask(KEY).await, one.log()) });
    }
    for (asked, log) in asking.join_all().await {
        assert_eq!(asked.status, 200, "{}\n{log}", asked.text());
    }
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn of_many_environments_one_refreshes_and_all_are_served() {
    let (service, gate, table) = (service(), Gate::open().await, aws::table().await);
    all_ask(&crowd(Machine::SYSTEM, &gate, &service, &table).await).await;
    assert_eq!(refreshes(&service), 1, "at the first start");

    let two_hours_later = Machine { now: || (Machine::SYSTEM.now)() + Millis::mins(120), ..Machine::SYSTEM };
    all_ask(&crowd(two_hours_later, &gate, &service, &table).await).await;
    assert_eq!(refreshes(&service), 2, "when the token has expired, under the login that the first refresh brought");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn an_environment_goes_on_with_the_login_another_one_rotated() {
    let (service, gate, table) = (service(), Gate::open().await, aws::table().await);
    let first = gateway(Machine::SYSTEM, &gate, &service, &[("TOKEN_TABLE", &table)]).await;
    assert_eq!(first.ask(KEY).await.status, 200);
    drop(first);
    service.expire();
    let second = gateway(Machine::SYSTEM, &gate, &service, &[("TOKEN_TABLE", &table)]).await;
    let asked = second.ask(KEY).await;
    assert_eq!(asked.status, 200, "{}\n{}", asked.text(), second.log());
    assert_eq!(refreshes(&service), 2);
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_table_out_of_reach_costs_a_line_and_no_answer() {
    let (service, gate, table) = (service(), Gate::open().await, aws::table().await);
    for (act, word) in [
        (Act::Refuse(400, "ThrottlingException"), "on demand"),
        (Act::Refuse(400, "AccessDeniedException"), "perform dynamodb:"),
        (Act::Hang, "no answer in time"),
    ] {
        let gate_of_this = Gate::open().await;
        for operation in ["GetItem", "PutItem"] {
            gate_of_this.spoil(operation, "", usize::MAX, act.clone());
        }
        let one = gateway(Machine::SYSTEM, &gate_of_this, &service, &[("TOKEN_TABLE", &table)]).await;
        let asked = one.ask(KEY).await;
        assert_eq!(asked.status, 200, "{word}: {}\n{}", asked.text(), one.log());
        let log = one.log();
        let told: Vec<&str> = log.lines().filter(|line| line.contains(&table)).collect();
        assert_eq!(told.len(), 1, "{word}: one line for one outage\n{log}");
        assert!(told[0].contains(word) && told[0].contains("\"level\":\"error\""), "{word}: {}", told[0]);
        service.reset();
    }
    assert_eq!(gate.count("PutItem"), 0);
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_ledger_of_a_later_version_is_told_and_left_alone() {
    let (service, gate, table) = (service(), Gate::open().await, aws::table().await);
    let ledger = br#"{"v":99,"anything":true}"#;
    aws::put(&table, "pool", ledger).await;
    let one = gateway(Machine::SYSTEM, &gate, &service, &[("TOKEN_TABLE", &table)]).await;
    assert_eq!(one.ask(KEY).await.status, 200);
    assert!(one.log().contains("written by a later version (v99)"), "{}", one.log());
    let items = aws::items(&table).await;
    let pool = items.iter().find(|item| item["pk"]["S"] == "pool").unwrap();
    assert_eq!(pool["version"]["S"], "by-hand", "it is not overwritten");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_wrong_sealing_key_is_told_and_the_service_goes_on() {
    let (service, gate, table) = (service(), Gate::open().await, aws::table().await);
    let stores = |key: &'static str| [("TOKEN_TABLE", table.clone()), ("TOKEN_STORE_KEY", key.to_owned())];
    let [of_table, of_key] = stores("the-first-sealing-key-0");
    let set = [(of_table.0, of_table.1.as_str()), (of_key.0, of_key.1.as_str())];
    let first = gateway(Machine::SYSTEM, &gate, &service, &set).await;
    assert_eq!(first.ask(KEY).await.status, 200, "{}", first.log());
    let shown = serde_json::to_string(&aws::items(&table).await).unwrap();
    assert!(!shown.contains("SIMULATED") && !shown.contains("\"access\""), "the ledger lies open");

    // The login that the first key sealed away cannot be had; the operator has given another one.
    let fresh = service.refresh_token("demo-social").unwrap();
    let login = login(&fresh);
    let set = [
        ("TOKEN_TABLE", table.as_str()),
        ("TOKEN_STORE_KEY", "another-sealing-key-1"),
        ("KIRO_AUTH_TOKEN", login.as_str()),
    ];
    let second = gateway(Machine::SYSTEM, &gate, &service, &set).await;
    let asked = second.ask(KEY).await;
    assert_eq!(asked.status, 200, "{}\n{}", asked.text(), second.log());
    let same = gateway(Machine::SYSTEM, &gate, &service, &[set[0], set[1]]).await;
    same.ask(KEY).await;
    assert!(same.log().contains("no key opens the stored entry"), "{}", same.log());
}

const CROWD: usize = 20;
