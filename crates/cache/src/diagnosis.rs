//! What `zona doctor` looks at in a Redis: whether it answers, whether the user may do what a server does, whether it may do more, and what
//! happens when Redis is full.

use std::time::Duration;

use fred::clients::Client;
use fred::error::Error as RedisError;
use fred::interfaces::{ClientLike as _, KeysInterface as _, LuaInterface as _, PubsubInterface as _};
use fred::types::{ClusterHash, CustomCommand, Expiration, FromValue, Value};
use tokio::time::timeout;

use crate::redis::{Config, Error};

/// How long an answer is waited for: somebody sits before it.
const PATIENCE: Duration = Duration::from_secs(3);
/// A key that no tenant has, and how long what is written there stays.
const KEY: &str = "zona:{doctor}:check";
/// A stream that no tenant has.
const STREAM: &str = "zona:{doctor}:events";
/// What is done with one.
const STREAMING: &str = "\
redis.call('XADD', KEYS[1], 'MAXLEN', '1', '*', 'b', 'checked')
redis.call('EXPIRE', KEYS[1], ARGV[1])
return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', '1')";
/// A key that is not ours.
const OTHERS: &str = "doctor-of-zona";
const KEPT_SECONDS: i64 = 1;
/// A channel that nobody listens to.
const CHANNEL: &str = "zona:doctor";
/// What a server's user is made by.
pub(crate) const ADVICE: &str = "make a user of its own: ACL SETUSER zona on >PASSWORD ~zona:* &zona:* +getrange +get +set +xadd +xrange +expire +eval +time +publish +subscribe +ping +select +client|setname +cluster|slots +cluster|info";

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Limited,
    /// It is of no use so.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What.
    pub name: &'static str,
    /// How good it is.
    pub health: Health,
    /// What was found.
    pub detail: String,
    /// What to change; empty where nothing is.
    pub advice: String,
}

/// Looks at a Redis.
///
/// # Errors
/// There can be no way to it. That it does not answer is an observation.
pub async fn diagnose(config: &Config) -> Result<Vec<Observation>, Error> {
    let mut builder = config.builder()?;
    builder.with_config(|config| config.fail_fast = true);
    builder.with_performance_config(|performance| performance.default_command_timeout = PATIENCE);
    let client = builder.build().map_err(Error::Client)?;
    let observations = match timeout(PATIENCE, client.init()).await {
        Ok(Ok(_task)) => {
            let works = works(&client).await;
            let is_usable = works.health != Health::Bad;
            let mut found = vec![works];
            if is_usable {
                found.extend([rights(&client).await, fullness(&client).await]);
            }
            found
        }
        Ok(Err(error)) => vec![unreachable(config, &error.to_string())],
        Err(_elapsed) => vec![unreachable(config, "no answer in time")],
    };
    // It ends by itself; nothing is asked any more.
    drop(timeout(PATIENCE, client.quit()).await);
    Ok(observations)
}

fn unreachable(config: &Config, problem: &str) -> Observation {
    Observation {
        name: "redis",
        health: Health::Bad,
        detail: format!("{} cannot be used: {problem}", config.address),
        advice: "servers work without it, and read more from the store; see docs/cache.md".to_owned(),
    }
}

/// What a server asks of it.
async fn works(client: &Client) -> Observation {
    let tried = async {
        client.set::<(), _, _>(KEY, "checked", Some(Expiration::EX(KEPT_SECONDS)), None, false).await?;
        client.getrange::<Value, _>(KEY, 0, 1).await?;
        client.eval::<Value, _, _, _>("redis.call('GET', KEYS[1]) return redis.call('TIME')", vec![KEY], Vec::<String>::new()).await?;
        client.eval::<Value, _, _, _>(STREAMING, vec![STREAM], vec![KEPT_SECONDS.to_string()]).await?;
        client.publish::<Value, _, _>(CHANNEL, "checked").await
    };
    let (health, detail, advice) = match tried.await {
        Ok(_) => (Health::Good, "it is read, written, and told of changes".to_owned(), String::new()),
        Err(error) if error.details().starts_with("OOM") => {
            (Health::Limited, "it is full".to_owned(), "set maxmemory-policy to allkeys-lru".to_owned())
        }
        Err(error) => (Health::Bad, error.to_string(), ADVICE.to_owned()),
    };
    Observation { name: "redis", health, detail, advice }
}

/// What its user may do beyond that.
async fn rights(client: &Client) -> Observation {
    let may_change_users = ask::<Value>(client, "ACL", &["LIST"]).await.is_ok();
    let may_read_others = client.getrange::<Value, _>(OTHERS, 0, 1).await.is_ok();
    let user = ask::<String>(client, "ACL", &["WHOAMI"]).await.ok();
    let shown = user.as_deref().unwrap_or("the user");
    let (health, detail, advice) = match (may_change_users, may_read_others) {
        (true, _) => (Health::Limited, format!("{shown} may do everything there"), ADVICE.to_owned()),
        (false, true) => (Health::Limited, format!("{shown} may read what is not ours"), ADVICE.to_owned()),
        (false, false) => (Health::Good, "the user may neither change users nor read what is not ours".to_owned(), String::new()),
    };
    Observation { name: "redis acl", health, detail, advice }
}

/// What happens when it is full.
async fn fullness(client: &Client) -> Observation {
    let read = async |name: &str| ask::<Vec<String>>(client, "CONFIG", &["GET", name]).await.ok().and_then(|pair| pair.into_iter().nth(1));
    let (policy, most) = (read("maxmemory-policy").await, read("maxmemory").await);
    let (health, detail, advice) = match (policy.as_deref(), most.as_deref()) {
        (None, _) => (Health::Limited, "the user may not read maxmemory-policy".to_owned(), "see that it is allkeys-lru".to_owned()),
        (Some(policy), Some("0")) => (
            Health::Limited,
            format!("maxmemory-policy {policy}, without a maxmemory"),
            "set maxmemory: else it grows until the machine has no more".to_owned(),
        ),
        (Some("noeviction"), _) => (
            Health::Limited,
            "maxmemory-policy noeviction: once it is full nothing more is kept, and each server limits calls by itself".to_owned(),
            "set maxmemory-policy to allkeys-lru".to_owned(),
        ),
        (Some(policy), _) => (Health::Good, format!("maxmemory-policy {policy}"), String::new()),
    };
    Observation { name: "redis memory", health, detail, advice }
}

async fn ask<R: FromValue>(client: &Client, command: &'static str, arguments: &[&str]) -> Result<R, RedisError> {
    let command = CustomCommand::new_static(command, ClusterHash::FirstKey, false);
    client.custom(command, arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<String>>()).await
}
