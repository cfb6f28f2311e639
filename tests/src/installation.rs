//! Servers that share: one database, one directory of keys, and a Redis where the story has one.

use tempfile::TempDir;
use test_support::RedisServer;

use crate::{database::Database, server::Server};

/// Servers of an installation, as far as limits are shared.
const SERVERS: u32 = 3;

/// A database that shares two cores with several servers and a compiler answers late, and what a story tells is something else.
const PATIENT: &str = "deadline = \"10s\"\n";

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
        self.server_by(name, more, self.database.port(), self.redis.as_ref().map(RedisServer::port))
    }

    /// As [`Installation::server`], one that finds the database and Redis at these ports.
    pub fn server_by(&self, name: &str, more: &str, database: u16, redis: Option<u16>) -> Server {
        self.start(name, more, (database, PATIENT), redis)
    }

    /// As [`Installation::server_by`], one that gives its database up when servers do where nobody says otherwise.
    pub fn server_as_shipped_by(&self, name: &str, database: u16) -> Server {
        self.start(name, "", (database, ""), None)
    }

    fn start(&self, name: &str, more: &str, (database, patience): (u16, &str), redis: Option<u16>) -> Server {
        let (keys, database) = (self.directory.path().join("shared"), self.database.uri_by(database));
        let redis =
            redis.map(|port| format!("[cache]\nredis = \"redis://127.0.0.1:{port}\"\n[limits]\nservers = {SERVERS}\n")).unwrap_or_default();
        let settings = format!("{more}\n[store]\nmongodb = {database:?}\n{patience}[keys]\ndirectory = {keys:?}\n{redis}");
        Server::for_others(&self.directory.path().join(name), &settings)
    }
}
