//! The table is throttled, faulty, refusing or out of reach.

use kiro2api_core::host::{Saved, Stored, TokenStore};
use kiro2api_lambda::machine::Machine;

use crate::support::{Act, aws, environment};
use crate::{CHUNKED, loaded, on_a_table, over, saved};

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn throttling_faults_and_broken_connections_are_tried_again() {
    let (gate, _, store) = on_a_table().await;
    for (at, act) in [
        Act::Refuse(400, "ThrottlingException"),
        Act::Refuse(400, "ProvisionedThroughputExceededException"),
        Act::Refuse(500, "InternalServerError"),
        Act::Refuse(503, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("k{at}");
        for operation in ["PutItem", "GetItem", "DeleteItem"] {
            gate.spoil(operation, "", 3, act.clone());
        }
        saved(&store, &key, b"1", None).await;
        assert_eq!(loaded(&store, &key).await.value, b"1");
        store.remove(&key).await.unwrap();
    }
    gate.spoil("GetItem", "", 1, Act::Hang);
    assert_eq!(store.load("k").await, Ok(None), "a connection that hangs is given up for another");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_save_whose_answer_was_lost_is_no_conflict() {
    let (gate, _, store) = on_a_table().await;
    gate.spoil("PutItem", "", 1, Act::Lose);
    let first = saved(&store, "k", b"1", None).await;
    gate.spoil("PutItem", "", 2, Act::Lose);
    let second = saved(&store, "k", b"2", Some(&first)).await;
    assert_eq!(loaded(&store, "k").await, Stored { value: b"2".to_vec(), version: Some(second.clone()) });
    gate.spoil("PutItem", "\"version\"", 1, Act::Lose);
    saved(&store, "k", &vec![3; CHUNKED], Some(&second)).await;
    assert!(loaded(&store, "k").await.value == vec![3; CHUNKED]);
    gate.spoil("PutItem", "", 1, Act::Lose);
    assert_eq!(store.save("k", b"4", Some(&second), None).await, Ok(Saved::Conflict), "somebody else's is one");
    gate.spoil("DeleteItem", "", 1, Act::Lose);
    assert_eq!(store.remove("k").await, Ok(()));
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_table_that_does_not_serve_is_named_with_what_to_do() {
    let (gate, table, store) = on_a_table().await;
    for (code, advice) in [
        ("AccessDeniedException", "perform dynamodb:GetItem on the table"),
        ("ResourceNotFoundException", "mend TOKEN_TABLE"),
        ("ValidationException", "partition key \"pk\""),
        ("UnrecognizedClientException", "those of its role"),
        ("SomethingNew", "SomethingNew"),
    ] {
        gate.spoil("GetItem", "", 1, Act::Refuse(400, code));
        let error = store.load("a-key").await.unwrap_err().0;
        assert!(error.contains(&table) && error.contains(code) && error.contains(advice), "{error}");
        assert!(!error.contains("hush") && !error.contains("a-key") && !error.contains("123456789012"), "{error}");
    }
    let missing = over(Machine::SYSTEM, &gate, "no-such-table").await;
    let error = missing.save("k", b"secret", None, None).await.unwrap_err().0;
    assert!(error.contains("no-such-table") && error.contains("mend TOKEN_TABLE"), "{error}");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_table_out_of_reach_is_told_with_the_reason() {
    let (gate, table, store) = on_a_table().await;
    gate.spoil("PutItem", "", usize::MAX, Act::Refuse(400, "ThrottlingException"));
    gate.spoil("GetItem", "", usize::MAX, Act::Hang);
    let set = [("TOKEN_TABLE", table.as_str()), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    let refused = environment(Machine::SYSTEM, &gate, &set).await;
    let (throttled, silent, refused) =
        tokio::join!(store.save("k", b"1", None, None), store.load("k"), refused.load("k"));
    let all = [throttled.unwrap_err().0, silent.unwrap_err().0, refused.unwrap_err().0];
    for (error, word) in all.iter().zip(["on demand", "no answer in time", "Connection refused"]) {
        assert!(error.contains(word) && error.contains("tries"), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn what_cannot_be_written_whole_leaves_no_parts_and_no_trace() {
    let (gate, table, store) = on_a_table().await;
    let version = saved(&store, "k", b"before", None).await;
    gate.spoil("PutItem", "#1\"", 1, Act::Refuse(400, "AccessDeniedException"));
    assert!(store.save("k", &vec![1; CHUNKED], Some(&version), None).await.is_err());
    assert_eq!(loaded(&store, "k").await, Stored { value: b"before".to_vec(), version: Some(version) });
    assert_eq!(aws::items(&table).await.len(), 1);
}
