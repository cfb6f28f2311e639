//! Shares: grants to another tenant, as both tenants see them.

use domain::access::{Consent, Grant, MAX_GIVEN, MAX_GRANTS, Side, TenantScope};
use domain::change::Changed;
use domain::event::Happened;
use domain::name::{TenantId, UtilityName};
use domain::page::Page;
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use mongodb::bson::{Document, doc};
use storage_documents::GrantDocument;
use storage_rules::PageById;

use super::meeting::meet;
use super::rows::{self, answer, decode, of_grant, of_received, read_all};
use crate::collections::{GRANTS, GRANTS_RECEIVED};
use crate::error::{Error, Result};
use crate::row::{Row, key};
use crate::session::{Select, Session};
use crate::tenants::is_held;
use crate::{counts, epochs, events, request};

/// What a tenant makes of what it was offered.
pub(super) struct Answer<'a> {
    receiver: &'a TenantId,
    before: &'a Grant,
    after: Option<&'a Grant>,
    request: Option<&'a RequestKey>,
    happened: Vec<Happened>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(
        scope: &'a TenantScope,
        before: &'a Grant,
        after: Option<&'a Grant>,
        request: Option<&'a RequestKey>,
    ) -> Result<Self> {
        let about_it = |grant: &Grant| grant.shared_with() == Some(scope.tenant()) && grant.utility == before.utility;
        if !about_it(before) || !after.is_none_or(about_it) {
            return Err(Error::Misused("an answer to what was offered to another tenant"));
        }
        let happened = after.map_or_else(|| Happened::of_revocation(before), Happened::of_grant);
        Ok(Answer { receiver: scope.tenant(), before, after, request, happened })
    }

    /// Does it unless its request was answered before, and remembers the request with it.
    pub(super) async fn once(&self, session: &mut Session, (now, since): (Timestamp, Timestamp)) -> Result<Committed<Grant>> {
        if let Some(key) = self.request
            && let Some(answered) = answer(self.receiver, request::find(session, self.receiver, key, since).await?)?
        {
            return Ok(answered);
        }
        if !self.apply(session).await? {
            return Ok(Committed::Conflict);
        }
        events::note(session, now, &self.happened).await?;
        if let Some(key) = self.request {
            let answered = encode(self.after.unwrap_or(self.before));
            request::remember(session, self.receiver, key, now, &self.before.utility.to_string(), Some(&answered)).await?;
        }
        epochs::advance_grants(session, self.receiver).await?;
        session.tell(Changed::Grants { tenant: self.receiver.clone(), grantee: self.before.grantee.to_string() });
        Ok(Committed::Stored)
    }

    async fn apply(&self, session: &mut Session) -> Result<bool> {
        let utility = &self.before.utility;
        let mut given = rows::key_of(&utility.tenant, &utility.utility, &self.before.grantee.to_string());
        given.insert("document", encode(self.before));
        let received = key_of(self.receiver, utility);
        let Some(after) = self.after.filter(|grant| matches!(grant.consent, Consent::Given { .. })) else {
            if session.delete(GRANTS.name, given).await? == 0 {
                return Ok(false);
            }
            session.delete(GRANTS_RECEIVED.name, received).await?;
            count(session, &utility.tenant, -1).await?;
            return Ok(true);
        };
        meet(session, self.receiver).await?;
        let others =
            doc! { "tenant": self.receiver.as_str(), "accepted": true, "_id": { "$ne": received.get_str("_id").unwrap_or_default() } };
        if session.count(GRANTS_RECEIVED.name, others, MAX_GRANTS).await? >= MAX_GRANTS {
            return Ok(false);
        }
        let document = encode(after);
        if !session.replace(GRANTS.name, given, of_grant(after, &document, true)).await? {
            return Ok(false);
        }
        session.put(GRANTS_RECEIVED.name, of_received(after, self.receiver, &document, true)).await?;
        Ok(true)
    }
}

fn encode(grant: &Grant) -> String {
    storage_documents::encode(&GrantDocument::from(grant))
}

/// Filter of a grant under the tenant that it is shared with.
pub(super) fn key_of(receiver: &TenantId, utility: &UtilityName) -> Document {
    let id = key(&[receiver.as_str(), utility.tenant.as_str(), utility.utility.as_str()]);
    doc! { "_id": id, "tenant": receiver.as_str() }
}

/// Ends some of what others share with a tenant, or have offered to it; says how much. What a legal hold keeps of those others stays.
pub(crate) async fn end_received(session: &mut Session, receiver: &TenantId, now: Timestamp, limit: usize) -> Result<usize> {
    let filter = doc! { "tenant": receiver.as_str() };
    let found = session.find(GRANTS_RECEIVED.name, filter, Select::sorted(doc! { "from": 1, "utility": 1 }, MAX_GIVEN)).await?;
    let mut ended = 0;
    if !found.is_empty() {
        epochs::advance_grants(session, receiver).await?;
    }
    for row in found {
        if ended == limit {
            break;
        }
        let from = row.text("from")?;
        let giver = TenantId::parse("tenant", from).map_err(|error| Error::undecodable(GRANTS_RECEIVED.name, row.key(), error))?;
        if is_held(session, &giver).await? {
            continue;
        }
        let given = doc! { "tenant": from, "utility": row.text("utility")?, "shared_with": receiver.as_str() };
        session.delete(GRANTS.name, given).await?;
        count(session, &giver, -1).await?;
        session.delete(GRANTS_RECEIVED.name, doc! { "_id": row.key(), "tenant": receiver.as_str() }).await?;
        ended += 1;
        // What cannot be read ends as well, and nobody can be told what it was.
        if let Some(grant) = session.shared.readable(decode(&row))? {
            events::note(session, now, &Happened::of_revocation(&grant)).await?;
        }
    }
    Ok(ended)
}

/// Whether a tenant may offer a utility to another one: not in place of what that has accepted, and not where it gives too many. Where it
/// may, the offer is counted.
pub(super) async fn may_be_offered(session: &mut Session, utility: &UtilityName, receiver: &TenantId) -> Result<bool> {
    let offered = session.find_one(GRANTS_RECEIVED.name, key_of(receiver, utility)).await?;
    if let Some(offered) = offered {
        return Ok(!offered.flag("accepted")?);
    }
    if count(session, &utility.tenant, 1).await? <= MAX_GIVEN as u64 {
        return Ok(true);
    }
    // A refusal changes nothing.
    count(session, &utility.tenant, -1).await?;
    Ok(false)
}

/// Counts what a tenant gives to others, offers included.
pub(crate) async fn count(session: &mut Session, giver: &TenantId, more: i64) -> Result<u64> {
    counts::advance(session, giver, GRANTS_RECEIVED.name, more).await
}

/// A page of what a tenant gives, by utility and receiver, or of what it receives, by giver and utility.
pub(super) async fn list(session: &mut Session, tenant: &TenantId, side: Side, page: &PageById) -> Result<Page<Grant>> {
    let (collection, first, second) = match side {
        Side::Given => (GRANTS.name, "utility", "shared_with"),
        Side::Received => (GRANTS_RECEIVED.name, "from", "utility"),
    };
    let mut parts = vec![Document::new()];
    if let Some((last_first, last_second)) = page.after.split_once('/') {
        parts = vec![doc! { first: last_first, second: { "$gt": last_second } }, doc! { first: { "$gt": last_first } }];
    }
    let mut rows = Vec::new();
    for part in parts {
        let mut filter = doc! { "tenant": tenant.as_str() };
        if side == Side::Given {
            filter.insert("shared_with", doc! { "$exists": true });
        }
        if !part.is_empty() {
            filter = doc! { "$and": [filter, part] };
        }
        let rest = page.limit() - rows.len();
        rows.extend(session.find(collection, filter, Select::sorted(doc! { first: 1, second: 1 }, rest)).await?);
    }
    let place = |row: &Row| format!("{}/{}", row.text(first).unwrap_or_default(), row.text(second).unwrap_or_default());
    let mut placed: Vec<(String, Row)> = rows.into_iter().map(|row| (place(&row), row)).collect();
    let next = page.cut(&mut placed, |(place, _)| place);
    let rows: Vec<Row> = placed.into_iter().map(|(_, row)| row).collect();
    Ok(Page { items: read_all(session, &rows)?, next })
}

/// The name of a side's order.
pub(super) const fn order(side: Side) -> &'static str {
    match side {
        Side::Given => "given",
        Side::Received => "received",
    }
}
