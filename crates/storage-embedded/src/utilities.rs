//! The port of utilities and versions.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::change::Changed;
use domain::name::{TenantId, UtilityId};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::utility::{Utility, UtilityChange, UtilityQuery, UtilityRepository, Version};
use rusqlite::{Connection, OptionalExtension, params};

use crate::document::{self, UtilityDocument, VersionDocument};
use crate::error::{Error, Result, during};
use crate::request::{self, Remembered};
use crate::store::EmbeddedStore;

mod commit;
mod list;
mod versions;

const TABLE: &str = "utilities";

#[async_trait]
impl UtilityRepository for EmbeddedStore {
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> domain::Result<Found<Utility>> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(Found::of(self.read(move |connection| find(connection, &tenant, &id)).await?))
    }

    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> domain::Result<Found<(Utility, Version)>> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(Found::of(self.read(move |connection| find_current(connection, &tenant, &id)).await?))
    }

    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> domain::Result<Found<Version>> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(Found::of(self.read(move |connection| versions::find(connection, &tenant, &id, number)).await?))
    }

    async fn list(&self, scope: &TenantScope, query: &UtilityQuery, page: &PageRequest) -> domain::Result<Found<Page<Utility>>> {
        let list = list::List::new(scope.tenant().clone(), query.clone(), page)?;
        Ok(Found::one(self.read(move |connection| list.page(connection)).await?))
    }

    async fn list_versions(&self, scope: &TenantScope, id: &UtilityId, page: &PageRequest) -> domain::Result<Found<Page<Version>>> {
        let (tenant, id, page) = (scope.tenant().clone(), id.clone(), versions::VersionPage::new(page)?);
        Ok(Found::one(self.read(move |connection| versions::page(connection, &tenant, &id, &page)).await?))
    }

    async fn commit(&self, scope: &TenantScope, change: UtilityChange) -> domain::Result<Committed<Utility>> {
        let what = Changed::Utility { tenant: scope.tenant().clone(), id: change.utility.name.utility.clone() };
        let commit = commit::Commit::new(scope.tenant().clone(), change)?;
        let (now, since) = self.request_window();
        Ok(self.change(what, move |connection| commit.apply(connection, now, since)).await?)
    }

    async fn mark_compiled(&self, scope: &TenantScope, id: &UtilityId, number: u32, digest: &str) -> domain::Result<()> {
        const QUERY: &str = "UPDATE versions SET document = json_set(document, '$.compiled_on', ?4) \
             WHERE tenant = ?1 AND id = ?2 AND number = ?3";
        let (tenant, id, digest) = (scope.tenant().clone(), id.clone(), digest.to_owned());
        let what = Changed::Version { tenant: tenant.clone(), id: id.clone(), number };
        let marked = self.change(what, move |connection| {
            let run = || connection.prepare_cached(QUERY)?.execute(params![tenant.as_str(), id.as_str(), number, digest]);
            run().map_err(during("marking a version as compiled"))
        });
        marked.await?;
        Ok(())
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Utility>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        Ok(self.read(move |connection| answer(&tenant, request::find(connection, &tenant, &request, since)?)).await?)
    }
}

fn find(connection: &Connection, tenant: &TenantId, id: &UtilityId) -> Result<Option<Utility>> {
    const QUERY: &str = "SELECT document FROM utilities WHERE tenant = ?1 AND id = ?2";
    let decoded = |row: &rusqlite::Row<'_>| Ok(decode(tenant, id, row.get_ref(0)?.as_str()?));
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id.as_str()], decoded);
    run().optional().map_err(during("reading a utility"))?.transpose()
}

fn find_current(connection: &Connection, tenant: &TenantId, id: &UtilityId) -> Result<Option<(Utility, Version)>> {
    const QUERY: &str = "SELECT u.document, v.number, v.document, v.code FROM utilities u \
         JOIN versions v ON v.tenant = u.tenant AND v.id = u.id AND v.number = u.latest_version \
         WHERE u.tenant = ?1 AND u.id = ?2";
    let decoded = |row: &rusqlite::Row<'_>| {
        let utility = decode(tenant, id, row.get_ref(0)?.as_str()?);
        let version = versions::decode(tenant, id, row.get(1)?, row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
        Ok(utility.and_then(|utility| Ok((utility, version?))))
    };
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id.as_str()], decoded);
    run().optional().map_err(during("reading a utility with its version"))?.transpose()
}

fn answer(tenant: &TenantId, remembered: Option<Remembered>) -> Result<Option<Committed<Utility>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source| Error::undecodable("requests", format!("{tenant}/.../{resource}"), source);
    let id = UtilityId::parse("id", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    let utility = document::decode::<UtilityDocument>(&text).map_err(broken)?.into_utility(tenant.clone(), id);
    Ok(Some(Committed::Answered(Box::new(utility.map_err(|error| broken(error.into()))?))))
}

fn decode(tenant: &TenantId, id: &UtilityId, text: &str) -> Result<Utility> {
    let document = document::decode::<UtilityDocument>(text);
    let utility = document.and_then(|document| Ok(document.into_utility(tenant.clone(), id.clone())?));
    utility.map_err(|source| Error::undecodable(TABLE, format!("{tenant}/{id}"), source))
}

fn encode(utility: &Utility) -> String {
    document::encode(&UtilityDocument::from(utility))
}

fn encode_version(version: &Version) -> String {
    document::encode(&VersionDocument::from(version))
}

/// Stores a change inside of a larger write.
#[cfg(test)]
pub(crate) fn insert_for_tests(connection: &Connection, scope: &TenantScope, change: UtilityChange) -> Result<()> {
    let epoch = domain::time::Timestamp::default();
    commit::Commit::new(scope.tenant().clone(), change)?.apply(connection, epoch, epoch).map(drop)
}
