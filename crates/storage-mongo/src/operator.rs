//! What operators ask of the database beside any server: how it stands, the newest schema, and how it is spread over shards.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection, Database};
use tokio::time::timeout;

use crate::collections::ALL;
use crate::config::Config;
use crate::connect::connect;
use crate::deadline::within;
use crate::error::{Error, Result, during};
use crate::migrations::{NEWEST, belong, migrate, standing};
use crate::roles;

/// How long one command on shards may take: it waits for all of them.
const SHARDING: Duration = Duration::from_secs(60);
/// What a `mongos` says of itself.
const ROUTER: &str = "isdbgrid";

/// The database of a configuration, for an operator. Its wrapping keys are not looked at.
pub struct Operator {
    client: Client,
    database: Database,
    deadline: Duration,
}

/// How a database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub database: String,
    /// Its schema; 0 where there is nothing yet.
    pub schema: u32,
    /// The newest schema that this program knows.
    pub newest: u32,
    /// Whether a server brings it to a newer schema now.
    pub migrating: bool,
    /// What is in it.
    pub collections: Vec<Counted>,
}

/// A collection, and about how many documents it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Its name.
    pub name: &'static str,
    /// As the database keeps count of them: on shards, some may be counted twice while they move.
    pub documents: u64,
}

impl Status {
    /// How many steps lead to the newest schema.
    pub fn pending(&self) -> u32 {
        self.newest.saturating_sub(self.schema)
    }
}

// === impl Operator ===

impl Operator {
    /// Reads the address and the files that it needs; nothing need answer yet.
    ///
    /// # Errors
    /// They cannot be used.
    pub async fn connect(config: &Config) -> Result<Self> {
        let (client, database) = connect(config).await?;
        Ok(Operator { client, database, deadline: config.deadline })
    }

    /// How the database stands. Changes nothing.
    ///
    /// # Errors
    /// It does not answer, refuses the user, or is foreign.
    pub async fn status(&self) -> Result<Status> {
        let (schema, migrating) = within(self.deadline, standing(&self.database)).await?;
        let mut collections = Vec::new();
        let all: Vec<_> = ALL.iter().copied().flatten().collect();
        for collection in all {
            let kept: Collection<Document> = self.database.collection(collection.name);
            let count = async { kept.estimated_document_count().await.map_err(during("counting documents")) };
            collections.push(Counted { name: collection.name, documents: within(self.deadline, count).await? });
        }
        Ok(Status { database: self.database.name().to_owned(), schema, newest: NEWEST, migrating, collections })
    }

    /// Brings the database to the newest schema, as a server does that starts: one at a time, and the others wait.
    ///
    /// # Errors
    /// As [`Operator::status`]; it is newer, or another one does not get done.
    pub async fn migrate(&self) -> Result<()> {
        migrate(&self.database, self.deadline).await
    }

    /// Makes the database that of this installation, for good. Servers whose keys are of another installation would not understand what it
    /// holds, and would sign its audit logs with another key.
    ///
    /// # Errors
    /// It is another installation's already ([`Error::OfAnother`]), or does not answer.
    pub async fn belong(&self, installation: &str) -> Result<()> {
        within(self.deadline, belong(&self.database, installation)).await
    }

    /// The commands for the database `admin` that spread the collections of tenants over shards.
    pub fn shard_commands(&self) -> Vec<String> {
        self.sharding().iter().map(Document::to_string).collect()
    }

    /// Sends them, behind the newest schema. One that was sent before changes nothing.
    ///
    /// # Errors
    /// As [`Operator::migrate`]; the address is not that of a cluster that shards, or the user may not do that.
    pub async fn shard(&self) -> Result<()> {
        let admin = self.client.database("admin");
        let hello = async { admin.run_command(doc! { "hello": 1 }).await.map_err(during("asking what the database is")) };
        if within(self.deadline, hello).await?.get_str("msg").ok() != Some(ROUTER) {
            return Err(Error::NotSharded);
        }
        self.migrate().await?;
        for command in self.sharding() {
            let sent = async { admin.run_command(command).await.map_err(during("sharding collections")) };
            within(SHARDING, sent).await?;
        }
        Ok(())
    }

    /// The commands for this database that make the roles of a server and of whoever migrates.
    pub fn role_commands(&self) -> Vec<String> {
        roles::commands(self.database.name())
    }

    /// Makes these roles, or brings those that are there to what this program needs. The user of the configuration must be one who may do that.
    ///
    /// # Errors
    /// The database does not answer, or refuses the user or the roles.
    pub async fn make_roles(&self) -> Result<()> {
        within(self.deadline, roles::make(&self.database)).await
    }

    /// Closes the connections.
    pub async fn close(self) {
        // Nothing is under way on them: where they do not close in time, they end with the process.
        drop(timeout(self.deadline, self.client.shutdown()).await);
    }

    fn sharding(&self) -> Vec<Document> {
        let name = self.database.name();
        let sharded = ALL.iter().copied().flatten().filter_map(|collection| {
            let namespace = format!("{name}.{}", collection.name);
            Some(doc! { "shardCollection": namespace, "key": collection.shard_key()? })
        });
        [doc! { "enableSharding": name }].into_iter().chain(sharded).collect()
    }
}
