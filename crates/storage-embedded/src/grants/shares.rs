//! Shares: grants to another tenant, as both tenants see them.

use domain::access::{Consent, Grant, MAX_GIVEN, MAX_GRANTS, Side, TenantScope};
use domain::change::Changed;
use domain::event::Happened;
use domain::name::{TenantId, UtilityName};
use domain::page::Page;
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use rusqlite::{Connection, params};
use storage_documents::GrantDocument;
use storage_rules::Cursor;

use crate::error::{Error, Result, during};
use crate::events;
use crate::grants::rows::{Stored, answer, texts};
use crate::request;
use crate::tenants::HELD;
use crate::vault::Vault;

/// What a tenant has accepted of others.
pub(super) const ACCEPTED: &str =
    "SELECT tenant, utility, grantee, document FROM grants INDEXED BY grants_received WHERE shared_with = ?1 AND accepted";

/// What a tenant makes of what it was offered, encoded before it waits for the writer.
pub(super) struct Answer {
    receiver: TenantId,
    grantee: String,
    utility: UtilityName,
    before: String,
    after: Option<String>,
    /// What a repetition of the request is answered with.
    answered: String,
    happened: Vec<Happened>,
    request: Option<RequestKey>,
}

impl Answer {
    pub(super) fn new(scope: &TenantScope, before: &Grant, after: Option<&Grant>, request: Option<&RequestKey>) -> Result<Self> {
        let about_it = |grant: &Grant| grant.shared_with() == Some(scope.tenant()) && grant.utility == before.utility;
        if !about_it(before) || !after.is_none_or(about_it) {
            return Err(Error::Misused("an answer to what was offered to another tenant"));
        }
        let encoded = |grant: &Grant| storage_documents::encode(&GrantDocument::from(grant));
        Ok(Answer {
            receiver: scope.tenant().clone(),
            grantee: before.grantee.to_string(),
            utility: before.utility.clone(),
            before: encoded(before),
            after: after.filter(|grant| matches!(grant.consent, Consent::Given { .. })).map(encoded),
            answered: encoded(after.unwrap_or(before)),
            happened: after.map_or_else(|| Happened::of_revocation(before), Happened::of_grant),
            request: request.cloned(),
        })
    }

    pub(super) fn told(&self) -> Changed {
        Changed::Grants { tenant: self.receiver.clone(), grantee: self.grantee.clone() }
    }

    /// Does it unless its request was answered before, and remembers the request with it.
    pub(super) fn once(&self, connection: &Connection, (now, since): (Timestamp, Timestamp)) -> Result<Committed<Grant>> {
        if let Some(key) = &self.request
            && let Some(answered) = answer(&self.receiver, request::find(connection, &self.receiver, key, since)?)?
        {
            return Ok(answered);
        }
        if !self.apply(connection).map_err(during("answering what was offered"))? {
            return Ok(Committed::Conflict);
        }
        events::note(connection, now, &self.happened)?;
        if let Some(key) = &self.request {
            request::remember(connection, &self.receiver, key, now, &self.utility.to_string(), Some(&self.answered))?;
        }
        Ok(Committed::Stored)
    }

    fn apply(&self, connection: &Connection) -> rusqlite::Result<bool> {
        const OTHERS: &str = "SELECT count(*) FROM grants INDEXED BY grants_received \
                              WHERE shared_with = ?1 AND accepted AND NOT (tenant = ?2 AND utility = ?3)";
        const ACCEPT: &str = "UPDATE grants SET document = ?5, accepted = TRUE \
                              WHERE tenant = ?1 AND utility = ?2 AND grantee = ?3 AND document = ?4";
        const DECLINE: &str = "DELETE FROM grants WHERE tenant = ?1 AND utility = ?2 AND grantee = ?3 AND document = ?4";
        let (tenant, utility) = (self.utility.tenant.as_str(), self.utility.utility.as_str());
        let Some(after) = &self.after else {
            return Ok(connection.prepare_cached(DECLINE)?.execute(params![tenant, utility, self.grantee, self.before])? == 1);
        };
        let key = params![self.receiver.as_str(), tenant, utility];
        let others: u32 = connection.prepare_cached(OTHERS)?.query_row(key, |row| row.get(0))?;
        let fits = (others as usize) < MAX_GRANTS;
        Ok(fits && connection.prepare_cached(ACCEPT)?.execute(params![tenant, utility, self.grantee, self.before, after])? == 1)
    }
}

/// Ends some of what others share with a tenant, or have offered to it; says how much. What a legal hold keeps of those others stays.
pub(crate) fn end_received(connection: &Connection, vault: &Vault, receiver: &TenantId, now: Timestamp, limit: u32) -> Result<usize> {
    const END: &str = "DELETE FROM grants WHERE tenant = ?1 AND utility = ?2 AND shared_with = ?3";
    let doing = "ending what is shared with a tenant";
    let query = format!(
        "SELECT tenant, utility, grantee, document FROM grants INDEXED BY grants_received \
         WHERE shared_with = ?1 AND tenant NOT IN ({HELD}) LIMIT ?2"
    );
    let found = texts(connection, &query, params![receiver.as_str(), limit], Stored::of).map_err(during(doing))?;
    let count = found.len();
    for stored in found {
        let end = || connection.prepare_cached(END)?.execute(params![stored.tenant, stored.utility, receiver.as_str()]);
        end().map_err(during(doing))?;
        // What cannot be read ends as well, and nobody can be told what it was.
        if let Some(grant) = stored.grant(vault)? {
            events::note(connection, now, &Happened::of_revocation(&grant))?;
        }
    }
    Ok(count)
}

/// Whether a tenant may offer a utility to another one: not in place of what that has accepted, and not where it gives too many.
pub(super) fn may_be_offered(connection: &Connection, (tenant, utility, receiver): (&str, &str, &str)) -> rusqlite::Result<bool> {
    const ACCEPTED: &str = "SELECT EXISTS (SELECT 1 FROM grants INDEXED BY grants_given \
                            WHERE tenant = ?1 AND utility = ?2 AND shared_with = ?3 AND accepted)";
    const OTHERS: &str = "SELECT count(*) FROM grants INDEXED BY grants_given \
                          WHERE tenant = ?1 AND shared_with IS NOT NULL AND NOT (utility = ?2 AND shared_with = ?3)";
    let key = params![tenant, utility, receiver];
    let accepted: bool = connection.prepare_cached(ACCEPTED)?.query_row(key, |row| row.get(0))?;
    let others: u32 = connection.prepare_cached(OTHERS)?.query_row(key, |row| row.get(0))?;
    Ok(!accepted && (others as usize) < MAX_GIVEN)
}

/// A page of what a tenant gives or receives.
pub(super) fn list(
    connection: &Connection,
    vault: &Vault,
    (tenant, side): (&TenantId, Side),
    (after, size): (&str, u32),
) -> Result<Page<Grant>> {
    const GIVEN_QUERY: &str = "SELECT tenant, utility, grantee, document FROM grants INDEXED BY grants_given \
         WHERE tenant = ?1 AND shared_with IS NOT NULL AND (utility, shared_with) > (?2, ?3) ORDER BY utility, shared_with LIMIT ?4";
    const RECEIVED_QUERY: &str = "SELECT tenant, utility, grantee, document FROM grants INDEXED BY grants_received \
         WHERE shared_with = ?1 AND (tenant, utility) > (?2, ?3) ORDER BY tenant, utility LIMIT ?4";
    let query = match side {
        Side::Given => GIVEN_QUERY,
        Side::Received => RECEIVED_QUERY,
    };
    let (first, second) = after.split_once('/').unwrap_or(("", ""));
    let values = params![tenant.as_str(), first, second, size + 1];
    let rows = texts(connection, query, values, Stored::of).map_err(during("listing what is shared"))?;
    page(vault, rows, size, |last| Cursor { millis: 0, id: place(last, side) }.encode(order(side)))
}

/// A page of rows, of which one more than fit may have been read; it goes on behind the last, whether that can be read or not.
pub(super) fn page(vault: &Vault, mut rows: Vec<Stored>, size: u32, place: impl Fn(&Stored) -> String) -> Result<Page<Grant>> {
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| more).map(place);
    let items = rows.into_iter().filter_map(|row| row.grant(vault).transpose()).collect::<Result<_>>()?;
    Ok(Page { items, next })
}

/// The name of a side's order.
pub(super) const fn order(side: Side) -> &'static str {
    match side {
        Side::Given => "given",
        Side::Received => "received",
    }
}

/// Where a share stands in a list.
fn place(share: &Stored, side: Side) -> String {
    match side {
        Side::Given => format!("{}/{}", share.utility, share.grantee.trim_start_matches("tenants/")),
        Side::Received => format!("{}/{}", share.tenant, share.utility),
    }
}
