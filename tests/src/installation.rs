//! Servers that share: one database, one directory of keys, and a Redis where the story has one.

use tempfile::TempDir;
use test_support::RedisServer;

use crate::{database::Database, server::Server};

/// An installation of several servers, each with a data directory of its own.
pub struct Installation {
    /// Its database.
    pub database: Database,
    /// Its Redis, if it has one.
    pub redis: Option<RedisServer>,
    /// Where everything else of it lies; the keys in `shared`.
    pub directory: TempDir,
}

impl Default for Installation {
    fn default() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        Installation { database: Database::start(), redis: None, directory }
    }
}

impl Installation {
    /// One whose servers have a Redis, too.
    pub fn with_redis() -> Self {
        Installation { redis: Some(RedisServer::start()), ..Installation::default() }
    }

    /// Starts one of its servers, or starts it again.
    pub fn server(&self, name: &str, more: &str) -> Server {
        Server::for_others(&self.directory.path().join(name), &self.settings(more))
    }

    fn settings(&self, more: &str) -> String {
        let keys = self.directory.path().join("shared");
        let redis = self.redis.as_ref().map(|redis| format!("[cache]\nredis = {:?}\n", redis.url())).unwrap_or_default();
        format!("{more}\n[store]\nmongodb = {:?}\n[keys]\ndirectory = {keys:?}\n{redis}", self.database.uri())
    }
}
