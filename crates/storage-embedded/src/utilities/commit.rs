//! One change of a utility: entity, version, tags, imports and answered request, whole or not at all.

use domain::event::Happened;
use domain::name::{TenantId, UtilityId};
use domain::request::{Committed, Expected, RequestKey};
use domain::revision::Revision;
use domain::time::Timestamp;
use domain::utility::{Utility, UtilityChange, Version};
use rusqlite::{Connection, OptionalExtension as _, params};
use storage_rules::{Refusal, Spot};

use super::epoch;
use super::rows::{answer, encode, encode_version};
use crate::connection::integer;
use crate::error::{Error, Result, during};
use crate::vault::Vault;
use crate::{contents, events, request};

/// A change, encoded before it waits for the writer.
pub(super) struct Commit {
    tenant: TenantId,
    expected: Expected,
    utility: Utility,
    happened: Happened,
    document: String,
    version: Option<(Version, String)>,
    request: Option<RequestKey>,
}

/// A request that changed nothing, with its answer.
pub(super) struct Note {
    tenant: TenantId,
    request: RequestKey,
    resource: UtilityId,
    document: String,
}

impl Note {
    pub(super) fn new(tenant: TenantId, request: RequestKey, answer: &Utility) -> Result<Self> {
        check_tenant(&tenant, answer)?;
        Ok(Note { tenant, request, resource: answer.name.utility.clone(), document: encode(answer) })
    }

    pub(super) fn store(self, connection: &Connection, now: Timestamp, since: Timestamp) -> Result<Committed<Utility>> {
        if let Some(answered) = answer(&self.tenant, request::find(connection, &self.tenant, &self.request, since)?)? {
            return Ok(answered);
        }
        request::remember(connection, &self.tenant, &self.request, now, self.resource.as_str(), Some(&self.document))?;
        Ok(Committed::Stored)
    }
}

fn check_tenant(tenant: &TenantId, utility: &Utility) -> Result<()> {
    if utility.name.tenant == *tenant { Ok(()) } else { Err(Error::Misused("a utility of another tenant")) }
}

impl Commit {
    pub(super) fn new(tenant: TenantId, change: UtilityChange) -> Result<Self> {
        check_tenant(&tenant, &change.utility)?;
        let (document, happened) = (encode(&change.utility), Happened::of_utility(&change));
        let version = change.new_version.map(|version| {
            let document = encode_version(&version);
            (version, document)
        });
        Ok(Commit { tenant, expected: change.expected, utility: change.utility, happened, document, version, request: change.request })
    }

    pub(super) fn apply(self, connection: &Connection, vault: &Vault, now: Timestamp, since: Timestamp) -> Result<Committed<Utility>> {
        if let Some(key) = &self.request
            && let Some(answered) = answer(&self.tenant, request::find(connection, &self.tenant, key, since)?)?
        {
            return Ok(answered);
        }
        let was_there = self.is_there(connection).map_err(during("storing a utility"))?;
        let stored = match self.expected {
            Expected::Absent => self.insert(connection),
            Expected::Revision(revision) => self.update(connection, revision),
        };
        if stored.map_err(during("storing a utility"))? == 0 {
            return Ok(Committed::Conflict);
        }
        if self.utility.deleted.is_none() && !was_there {
            self.check_quota(connection)?;
        }
        self.tag(connection).map_err(during("storing a utility's tags"))?;
        self.note_imports(connection).map_err(during("storing a utility's imports"))?;
        self.note_copy(connection).map_err(during("storing that a utility is a copy"))?;
        if let Some((version, document)) = &self.version {
            let (spot, code) = (Spot::code(self.utility.name.utility.as_str(), version.number), version.code.text());
            let sealed = contents::seal(connection, vault, &self.tenant, &spot, code.as_bytes())?;
            self.add(connection, version, document, &sealed).map_err(during("storing a version"))?;
        }
        epoch::advance(connection, &self.tenant)?;
        events::note(connection, now, std::slice::from_ref(&self.happened))?;
        if let Some(key) = &self.request {
            request::remember(connection, &self.tenant, key, now, self.utility.name.utility.as_str(), Some(&self.document))?;
        }
        Ok(Committed::Stored)
    }

    /// Whether the utility is among those that are not deleted.
    fn is_there(&self, connection: &Connection) -> rusqlite::Result<bool> {
        const QUERY: &str = "SELECT EXISTS (SELECT 1 FROM utilities WHERE tenant = ?1 AND id = ?2 AND deleted = 0)";
        let key = [self.tenant.as_str(), self.utility.name.utility.as_str()];
        connection.prepare_cached(QUERY)?.query_row(key, |row| row.get(0))
    }

    /// That the tenant may have one more, which is there already: the write is taken back where it may not.
    fn check_quota(&self, connection: &Connection) -> Result<()> {
        const MOST: &str = "SELECT json_extract(document, '$.max_utilities') FROM tenants WHERE code = ?1";
        const COUNT: &str = "SELECT count(*) FROM utilities WHERE tenant = ?1 AND deleted = 0";
        let run = || {
            let tenant = [self.tenant.as_str()];
            let most: Option<Option<u32>> = connection.prepare_cached(MOST)?.query_row(tenant, |row| row.get(0)).optional()?;
            let Some(most) = most.flatten() else { return Ok(None) };
            let count: u32 = connection.prepare_cached(COUNT)?.query_row(tenant, |row| row.get(0))?;
            Ok((count > most).then_some(most))
        };
        match run().map_err(during("looking how many utilities a tenant may have"))? {
            Some(most) => Err(Refusal::Utilities { tenant: self.tenant.clone(), most }.into()),
            None => Ok(()),
        }
    }

    fn insert(&self, connection: &Connection) -> rusqlite::Result<usize> {
        const QUERY: &str = "INSERT INTO utilities \
             (tenant, id, kind, owner, deleted, created, updated, revision, latest_version, document) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (tenant, id) DO NOTHING";
        let utility = &self.utility;
        connection.prepare_cached(QUERY)?.execute(params![
            self.tenant.as_str(),
            utility.name.utility.as_str(),
            utility.definition.kind.as_str(),
            utility.owner.as_str(),
            utility.deleted.is_some(),
            integer(utility.created.as_millis()),
            integer(utility.updated.as_millis()),
            integer(utility.revision.as_u64()),
            utility.latest_version,
            self.document,
        ])
    }

    fn update(&self, connection: &Connection, expected: Revision) -> rusqlite::Result<usize> {
        const QUERY: &str = "UPDATE utilities SET kind = ?3, owner = ?4, deleted = ?5, created = ?6, updated = ?7, \
             revision = ?8, latest_version = ?9, document = ?10 WHERE tenant = ?1 AND id = ?2 AND revision = ?11";
        let utility = &self.utility;
        connection.prepare_cached(QUERY)?.execute(params![
            self.tenant.as_str(),
            utility.name.utility.as_str(),
            utility.definition.kind.as_str(),
            utility.owner.as_str(),
            utility.deleted.is_some(),
            integer(utility.created.as_millis()),
            integer(utility.updated.as_millis()),
            integer(utility.revision.as_u64()),
            utility.latest_version,
            self.document,
            integer(expected.as_u64()),
        ])
    }

    fn tag(&self, connection: &Connection) -> rusqlite::Result<()> {
        const CLEAR: &str = "DELETE FROM utility_tags WHERE tenant = ?1 AND id = ?2";
        const ADD: &str = "INSERT OR IGNORE INTO utility_tags (tenant, tag, id, kind, owner, deleted, created, updated) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (utility, tenant) = (&self.utility, self.tenant.as_str());
        let id = utility.name.utility.as_str();
        connection.prepare_cached(CLEAR)?.execute(params![tenant, id])?;
        let mut add = connection.prepare_cached(ADD)?;
        for tag in &utility.metadata.tags {
            add.execute(params![
                tenant,
                tag,
                id,
                utility.definition.kind.as_str(),
                utility.owner.as_str(),
                utility.deleted.is_some(),
                integer(utility.created.as_millis()),
                integer(utility.updated.as_millis()),
            ])?;
        }
        Ok(())
    }

    fn note_imports(&self, connection: &Connection) -> rusqlite::Result<()> {
        const CLEAR: &str = "DELETE FROM utility_imports WHERE tenant = ?1 AND id = ?2";
        const ADD: &str = "INSERT OR IGNORE INTO utility_imports (tenant, module, id, runtime) VALUES (?1, ?2, ?3, ?4)";
        let (tenant, id) = (self.tenant.as_str(), self.utility.name.utility.as_str());
        connection.prepare_cached(CLEAR)?.execute(params![tenant, id])?;
        let mut add = connection.prepare_cached(ADD)?;
        for module in &self.utility.imports {
            add.execute(params![tenant, module, id, &*self.utility.definition.runtime])?;
        }
        Ok(())
    }

    fn note_copy(&self, connection: &Connection) -> rusqlite::Result<()> {
        const ADD: &str = "INSERT OR IGNORE INTO utility_copies (tenant, id) VALUES (?1, ?2)";
        const CLEAR: &str = "DELETE FROM utility_copies WHERE tenant = ?1 AND id = ?2";
        let query = if self.utility.lineage.is_some() { ADD } else { CLEAR };
        connection.prepare_cached(query)?.execute(params![self.tenant.as_str(), self.utility.name.utility.as_str()]).map(drop)
    }

    fn add(&self, connection: &Connection, version: &Version, document: &str, sealed: &[u8]) -> rusqlite::Result<usize> {
        const HEAD: &str = "INSERT INTO versions (tenant, id, number, document, code_bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
        const CODE: &str = "INSERT INTO version_code (tenant, id, number, code, sealed) VALUES (?1, ?2, ?3, '', ?4)";
        let (tenant, id) = (self.tenant.as_str(), self.utility.name.utility.as_str());
        connection.prepare_cached(HEAD)?.execute(params![tenant, id, version.number, document, integer(version.code_bytes)])?;
        connection.prepare_cached(CODE)?.execute(params![tenant, id, version.number, sealed])
    }
}
