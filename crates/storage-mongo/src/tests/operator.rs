//! What operators see and do beside the servers.

use crate::{Config, Error, Operator};

use super::Scratch;

#[tokio::test]
async fn a_database_is_brought_to_the_newest_schema_once_and_says_how_it_stands() {
    let scratch = Scratch::new().await;
    let untouched = Config { database: format!("test_{}", keys::random_id()), ..scratch.config.clone() };
    let operator = Operator::connect(&untouched).await.unwrap();
    let before = operator.status().await.unwrap();
    assert_eq!((before.schema, before.pending(), before.migrating), (0, before.newest, false));
    operator.migrate().await.unwrap();
    operator.migrate().await.unwrap();
    let after = operator.status().await.unwrap();
    assert_eq!((after.schema, after.pending(), after.migrating), (after.newest, 0, false));
    assert!(after.collections.iter().any(|counted| counted.name == "schema" && counted.documents == 1), "{after:?}");
    operator.close().await;
}

#[tokio::test]
async fn collections_of_tenants_are_sharded_by_tenant_and_only_where_there_are_shards() {
    let scratch = Scratch::new().await;
    let operator = Operator::connect(&scratch.config).await.unwrap();
    let commands = operator.shard_commands();
    let database = &scratch.config.database;
    assert_eq!(commands[0], format!("{{ \"enableSharding\": \"{database}\" }}"));
    let of = |collection: &str, key: &str| format!("{{ \"shardCollection\": \"{database}.{collection}\", \"key\": {key} }}");
    assert!(commands.contains(&of("utilities", "{ \"tenant\": 1, \"_id\": 1 }")), "{commands:?}");
    assert!(commands.contains(&of("api_keys", "{ \"_id\": 1 }")), "{commands:?}");
    assert!(!commands.iter().any(|command| command.contains(".leases\"")), "{commands:?}");
    // The server of the tests is one node.
    assert!(matches!(operator.shard().await, Err(Error::NotSharded)));
    operator.close().await;
}
