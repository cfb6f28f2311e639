//! What operators see and do beside the servers.

use futures_util::future::join_all;

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

#[tokio::test]
async fn a_database_belongs_to_the_installation_that_came_first_and_to_no_other() {
    let scratch = Scratch::new().await;
    let operator = Operator::connect(&scratch.config).await.unwrap();
    operator.belong("one").await.unwrap();
    let refused = operator.belong("two").await.unwrap_err();
    assert!(matches!(&refused, Error::OfAnother { installation, owner } if installation == "two" && owner == "one"), "{refused}");
    operator.belong("one").await.unwrap();
    operator.close().await;
}

#[tokio::test]
async fn of_installations_that_take_a_database_at_once_one_has_it() {
    let scratch = Scratch::new().await;
    let operator = Operator::connect(&scratch.config).await.unwrap();
    let taken = join_all((0..8).map(|which| {
        let operator = &operator;
        async move { operator.belong(&format!("number-{which}")).await }
    }));
    let owners = taken.await.into_iter().filter(Result::is_ok).count();
    assert_eq!(owners, 1);
    operator.close().await;
}
