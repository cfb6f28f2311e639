//! Roles of the database by least privilege: what a server of Zona may do in its database, and what it may do while it brings that to a new
//! schema. Neither of them reaches another database, updates an audit record in place, or drops anything. Who has the role of a server can
//! remove a record and insert another: that shows in the tree of its log, not here.

use mongodb::Database;
use mongodb::bson::{Document, doc};

use crate::collections::{ALL, AUDIT_RECORDS, HINTS, NEWS};
use crate::error::{Result, during};

/// The role of a server: it reads and writes documents, and follows the feed of changes and the hints of other servers. It suffices where the schema is the newest.
pub(crate) const SERVER: &str = "zonaServer";
/// The role of whoever brings the database to the newest schema, beside [`SERVER`]: it makes collections and indexes.
pub(crate) const MIGRATOR: &str = "zonaMigrator";

const DOING: &str = "applying the roles of the database";

/// The commands that make the roles in this database, as JSON texts, for whoever applies them by hand.
pub(crate) fn commands(database: &str) -> Vec<String> {
    let command = |role: &Role| serde_json::to_string(&role.create()).expect("texts and lists are JSON");
    [server(database), migrator(database)].iter().map(command).collect()
}

/// Makes the roles, or brings those that are there to what this program needs.
pub(crate) async fn make(database: &Database) -> Result<()> {
    for role in [server(database.name()), migrator(database.name())] {
        let found = database.run_command(doc! { "rolesInfo": role.name }).await.map_err(during(DOING))?;
        let is_there = found.get_array("roles").is_ok_and(|roles| !roles.is_empty());
        let command = if is_there { role.update() } else { role.create() };
        database.run_command(command).await.map_err(during(DOING))?;
    }
    Ok(())
}

/// A role, and what it may do.
struct Role {
    name: &'static str,
    privileges: Vec<Document>,
}

impl Role {
    fn create(&self) -> Document {
        doc! { "createRole": self.name, "privileges": self.privileges.clone(), "roles": [] }
    }

    fn update(&self) -> Document {
        doc! { "updateRole": self.name, "privileges": self.privileges.clone(), "roles": [] }
    }
}

fn server(database: &str) -> Role {
    let of = |name: &str| {
        let mut actions = vec!["find", "insert", "remove"];
        // A record is written once, and removed when its time is over.
        if name != AUDIT_RECORDS.name {
            actions.push("update");
        }
        if [NEWS.name, HINTS.name].contains(&name) {
            actions.push("changeStream");
        }
        doc! { "resource": { "db": database, "collection": name }, "actions": actions }
    };
    Role { name: SERVER, privileges: ALL.iter().copied().flatten().map(|collection| of(collection.name)).collect() }
}

fn migrator(database: &str) -> Role {
    let everywhere = doc! { "db": database, "collection": "" };
    Role {
        name: MIGRATOR,
        privileges: vec![doc! { "resource": everywhere, "actions": ["createCollection", "createIndex", "listCollections"] }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_follow_what_the_others_tell_it_and_nothing_else() {
        let follows = |privilege: &Document| {
            let actions = privilege.get_array("actions").unwrap();
            actions.iter().any(|action| action.as_str() == Some("changeStream"))
        };
        let privileges = server("zona").privileges.into_iter().filter(follows);
        let followed: Vec<Document> = privileges.map(|privilege| privilege.get_document("resource").unwrap().clone()).collect();
        assert_eq!(followed, [NEWS.name, HINTS.name].map(|name| doc! { "db": "zona", "collection": name }));
    }

    #[test]
    fn nobody_may_update_an_audit_record_or_drop_anything_or_reach_another_database() {
        for role in [server("zona"), migrator("zona")] {
            for privilege in &role.privileges {
                let (resource, actions) = (privilege.get_document("resource").unwrap(), privilege.get_array("actions").unwrap());
                let may = |action: &str| actions.iter().any(|may| may.as_str() == Some(action));
                assert_eq!(resource.get_str("db").unwrap(), "zona");
                assert!(!may("dropCollection") && !may("dropDatabase") && !may("collMod"), "{privilege}");
                assert!(resource.get_str("collection").unwrap() != AUDIT_RECORDS.name || !may("update"), "{privilege}");
            }
        }
    }
}
