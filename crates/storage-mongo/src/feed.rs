//! The feed of changes: what one server changes is told to the listeners of the others. A transaction adds to it what it has changed, and
//! every server follows it as a change stream. It is forgotten after an hour.
//!
//! A stream that breaks off is opened again where it was: the database remembers that longer than the feed. Where it does not, what was
//! added since shortly before is read; hearing of a change twice voids a copy twice. Where it broke off, and where what was added is forgotten,
//! listeners are told that anything may have changed; and while it is followed, several times a second, that they have heard of all: without
//! that they serve no copy. What decides about access does not wait for it (see `epochs`).

use std::sync::Arc;
use std::time::Duration;

use domain::change::{ChangeListener, Changed};
use domain::name::{TenantId, UtilityId};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::change_stream::event::ResumeToken;
use mongodb::{ClientSession, Collection};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::collections::{NEWS, NEWS_KEPT};
use crate::deadline::within;
use crate::error::{Result, during};
use crate::session::Session;
use crate::shared::Shared;
use crate::tasks;

/// What is read again where a place in the stream is not known: more than a transaction can be open between its news and its commit, which is a
/// minute, and than clocks of servers differ.
const AGAIN: Duration = Duration::from_secs(90);
/// Rest before a stream that broke is opened again: within the second in which a change is known everywhere.
const REST: Duration = Duration::from_millis(250);
/// How long the database waits for a change before it says that there is none: what it says then shows that the connection is not cut. Half of
/// [`HEARD_WITHIN`], so that one answer may be slow.
const AWAITED: Duration = Duration::from_millis(500);
/// Copies of what others change are to be served for no longer since it was heard of all changes ([`ChangeListener::heard_all`]): so a change
/// is known everywhere within that, also where the news of it does not come.
pub const HEARD_WITHIN: Duration = Duration::from_secs(1);

const DOING: &str = "following the feed of changes";

/// The task that follows the feed; it ends with this value.
pub(crate) struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How far the feed was heard.
pub(crate) struct Heard {
    /// The place in the stream; `None` where none was opened yet, or where the database does not know it any more.
    pub(crate) place: Option<ResumeToken>,
    /// When the stream said something last, if only that nothing has come: by the clock of this server.
    pub(crate) at: DateTime,
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
        let mut heard = Heard::nothing();
        loop {
            if let Err(error) = listen(&shared, &*listener, &mut heard).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the feed of changes broke off and is followed anew");
                if !error.is_unavailability() {
                    // The place may be what is refused: the database remembers the last hours or days only.
                    heard.place = None;
                }
            }
            // Of what is changed until it is followed again, it is heard late.
            listener.changed(&Changed::Anything).await;
            sleep(REST).await;
        }
    };
    Following(tasks::spawn(&Handle::current(), "follow the feed of changes", following))
}

/// Follows the feed until it breaks off.
pub(crate) async fn listen(shared: &Shared, listener: &dyn ChangeListener, heard: &mut Heard) -> Result<()> {
    let news: Collection<Document> = shared.database.collection(NEWS.name);
    let mut session = within(shared.deadline, async { shared.client.start_session().await.map_err(during(DOING)) }).await?;
    let added = [doc! { "$match": { "operationType": "insert" } }];
    let watch = news.watch().pipeline(added).max_await_time(AWAITED).resume_after(heard.place.clone());
    let mut stream = within(shared.deadline, async { watch.session(&mut session).await.map_err(during(DOING)) }).await?;
    if heard.place.is_none() {
        // In the same session: what the stream begins behind is seen by these reads.
        catch_up(shared, listener, (&news, &mut session), heard.at).await?;
        heard.place = stream.resume_token();
    }
    listener.heard_all();
    while stream.is_alive() {
        let event = within(AWAITED + shared.deadline, async { stream.next_if_any(&mut session).await.map_err(during(DOING)) }).await?;
        if let Some(entry) = event.and_then(|event| event.full_document) {
            tell(shared, listener, &entry).await;
        }
        heard.place = stream.resume_token().or(heard.place.take());
        heard.at = DateTime::now();
        listener.heard_all();
    }
    Ok(())
}

/// Tells of what was added since shortly before a time.
async fn catch_up(
    shared: &Shared,
    listener: &dyn ChangeListener,
    (news, session): (&Collection<Document>, &mut ClientSession),
    since: DateTime,
) -> Result<()> {
    let away = Duration::from_millis(DateTime::now().timestamp_millis().saturating_sub(since.timestamp_millis()).unsigned_abs());
    if away + AGAIN > NEWS_KEPT {
        tracing::warn!(?away, "changes of other servers were missed and are forgotten: every copy in memory is void");
        listener.changed(&Changed::Anything).await;
    }
    let before = i64::try_from(AGAIN.as_millis()).expect("it is short");
    let since = DateTime::from_millis(since.timestamp_millis().saturating_sub(before));
    let find = news.find(doc! { "at": { "$gt": since } }).sort(doc! { "at": 1 }).max_time(shared.deadline);
    let mut missed = within(shared.deadline, async { find.session(&mut *session).await.map_err(during(DOING)) }).await?;
    while let Some(entry) = within(shared.deadline, async { missed.next(&mut *session).await.transpose().map_err(during(DOING)) }).await? {
        tell(shared, listener, &entry).await;
    }
    Ok(())
}

async fn tell(shared: &Shared, listener: &dyn ChangeListener, entry: &Document) {
    if entry.get_str("server").is_ok_and(|server| server == shared.server) {
        return;
    }
    for change in entry.get_array("changes").into_iter().flatten().filter_map(|change| decode(change.as_document()?)) {
        listener.changed(&change).await;
    }
}

impl Heard {
    /// Nothing yet.
    pub(crate) fn nothing() -> Self {
        Heard { place: None, at: DateTime::now() }
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
        Changed::Anything => doc! { "kind": "anything" },
    }
}

/// `None` of what a newer server may have added, of which this one keeps no copies.
fn decode(change: &Document) -> Option<Changed> {
    if change.get_str("kind").is_ok_and(|kind| kind == "anything") {
        return Some(Changed::Anything);
    }
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
            Changed::Anything,
        ] {
            assert_eq!(decode(&encode(&changed)), Some(changed));
        }
        assert_eq!(decode(&doc! { "kind": "newer", "tenant": "acme" }), None);
    }
}
