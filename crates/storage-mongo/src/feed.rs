//! The feed of changes: what one server changes is told to the listeners of the others. A transaction adds to it what it has changed, and
//! every server follows it. It is forgotten after an hour.
//!
//! A stream that breaks is opened again, and what was added since shortly before is told once more: hearing of a change twice voids a copy
//! twice. What decides about access does not wait for it (see `epochs`).

use std::sync::Arc;
use std::time::Duration;

use domain::change::{ChangeListener, Changed};
use domain::name::{TenantId, UtilityId};
use futures_util::{StreamExt as _, TryStreamExt as _};
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Document, doc};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::collections::NEWS;
use crate::error::{Error, Result, during};
use crate::session::Session;
use crate::shared::Shared;
use crate::tasks;

/// What is told again where a stream was opened: more than clocks of servers differ, and than a transaction takes.
const AGAIN: Duration = Duration::from_secs(20);
/// Rest before a stream that broke is opened again: within the second in which a change is known everywhere.
const REST: Duration = Duration::from_millis(250);

/// The task that follows the feed; it ends with this value.
pub(crate) struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Adds what a transaction has changed, before it is committed.
pub(crate) async fn add(session: &mut Session) -> Result<()> {
    if session.noted.changed.is_empty() {
        return Ok(());
    }
    let changes: Vec<Document> = session.noted.changed.iter().map(encode).collect();
    let server = session.shared.server.clone();
    session.add(NEWS.name, doc! { "_id": ObjectId::new(), "at": DateTime::now(), "server": server, "changes": changes }).await
}

/// Tells `listener` of what others change, from now on.
pub(crate) fn follow(shared: Arc<Shared>, listener: Arc<dyn ChangeListener>) -> Following {
    let following = async move {
        let mut heard = DateTime::now();
        loop {
            if let Err(error) = listen(&shared, &*listener, &mut heard).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the feed of changes broke off and is followed anew");
            }
            sleep(REST).await;
        }
    };
    Following(tasks::spawn(&Handle::current(), "follow the feed of changes", following))
}

/// Follows the feed until it breaks off.
async fn listen(shared: &Shared, listener: &dyn ChangeListener, heard: &mut DateTime) -> Result<()> {
    let doing = "following the feed of changes";
    let news: Collection<Document> = shared.database.collection(NEWS.name);
    let added = [doc! { "$match": { "operationType": "insert" } }];
    let opened = timeout(shared.deadline, async { news.watch().pipeline(added).await.map_err(during(doing)) }).await;
    let mut stream = opened.unwrap_or(Err(Error::Deadline(shared.deadline)))?;
    let before = i64::try_from(AGAIN.as_millis()).expect("it is short");
    let since = DateTime::from_millis(heard.timestamp_millis() - before);
    let mut missed = news.find(doc! { "at": { "$gt": since } }).sort(doc! { "at": 1 }).await.map_err(during(doing))?;
    while let Some(entry) = missed.try_next().await.map_err(during(doing))? {
        tell(shared, listener, &entry, heard).await;
    }
    while let Some(event) = stream.next().await.transpose().map_err(during(doing))? {
        if let Some(entry) = &event.full_document {
            tell(shared, listener, entry, heard).await;
        }
    }
    Ok(())
}

async fn tell(shared: &Shared, listener: &dyn ChangeListener, entry: &Document, heard: &mut DateTime) {
    if let Ok(at) = entry.get_datetime("at") {
        *heard = (*heard).max(*at);
    }
    if entry.get_str("server").is_ok_and(|server| server == shared.server) {
        return;
    }
    for change in entry.get_array("changes").into_iter().flatten().filter_map(|change| decode(change.as_document()?)) {
        listener.changed(&change).await;
    }
}

fn encode(changed: &Changed) -> Document {
    match changed {
        Changed::Utility { tenant, id } => doc! { "kind": "utility", "tenant": tenant.as_str(), "id": id.as_str() },
        Changed::Version { tenant, id, number } => {
            doc! { "kind": "version", "tenant": tenant.as_str(), "id": id.as_str(), "number": i64::from(*number) }
        }
        Changed::CodePolicy { tenant } => doc! { "kind": "code_policy", "tenant": tenant.as_str() },
        Changed::Grants { tenant, grantee } => doc! { "kind": "grants", "tenant": tenant.as_str(), "grantee": grantee },
    }
}

/// `None` of what a newer server may have added, of which this one keeps no copies.
fn decode(change: &Document) -> Option<Changed> {
    let tenant = TenantId::parse("tenant", change.get_str("tenant").ok()?).ok()?;
    let id = || UtilityId::parse("id", change.get_str("id").ok()?).ok();
    match change.get_str("kind").ok()? {
        "utility" => Some(Changed::Utility { tenant, id: id()? }),
        "version" => Some(Changed::Version { id: id()?, number: u32::try_from(change.get_i64("number").ok()?).ok()?, tenant }),
        "code_policy" => Some(Changed::CodePolicy { tenant }),
        "grants" => Some(Changed::Grants { tenant, grantee: change.get_str("grantee").ok()?.to_owned() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use test_support::sample::{tenant, utility_id};

    use super::*;

    #[test]
    fn every_change_survives_the_feed() {
        let (tenant, id) = (tenant("acme"), utility_id("extract"));
        for changed in [
            Changed::Utility { tenant: tenant.clone(), id: id.clone() },
            Changed::Version { tenant: tenant.clone(), id, number: 7 },
            Changed::CodePolicy { tenant: tenant.clone() },
            Changed::Grants { tenant: tenant.clone(), grantee: "tenants/acme/users/ann".to_owned() },
        ] {
            assert_eq!(decode(&encode(&changed)), Some(changed));
        }
        assert_eq!(decode(&doc! { "kind": "newer", "tenant": "acme" }), None);
    }
}
