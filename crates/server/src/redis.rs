//! What tools say of the Redis that servers share.

use cache::{Health, Observation};
use sandbox::{Check, Verdict};

use crate::Error;
use crate::config::Config;

/// Looks at the Redis of the configuration; nothing where there is none.
///
/// # Errors
/// There can be no way to it. That it does not answer is a check that is bad.
pub async fn diagnose(config: &Config) -> Result<Vec<Check>, Error> {
    match config.cache.redis()? {
        None => Ok(Vec::new()),
        Some(redis) => Ok(cache::diagnose(&redis).await?.into_iter().map(check).collect()),
    }
}

fn check(observation: Observation) -> Check {
    let Observation { name, health, detail, advice } = observation;
    let verdict = match health {
        Health::Good => Verdict::Good,
        Health::Limited => Verdict::Limited,
        Health::Bad => Verdict::Bad,
    };
    Check { name, verdict, detail, advice }
}
