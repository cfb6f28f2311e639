//! One change of a utility: entity, version, count, epoch, events and answered request, whole or not at all.

use domain::change::Changed;
use domain::event::Happened;
use domain::name::TenantId;
use domain::request::{Committed, Expected, RequestKey};
use domain::time::Timestamp;
use domain::utility::{Utility, UtilityChange, Version};
use mongodb::bson::{Document, doc};
use storage_rules::{Refusal, Spot};

use super::epoch;
use super::names::{key_of, version_id};
use super::rows::{answer, encode, of_utility, of_version};
use crate::collections::{TENANTS, UTILITIES, VERSION_CODE, VERSIONS};
use crate::contents::Sealing;
use crate::error::{Error, Result};
use crate::row::{binary, integer};
use crate::session::Session;
use crate::{events, request};

/// A change, encoded before it is tried.
pub(super) struct Commit<'a> {
    tenant: &'a TenantId,
    expected: Expected,
    utility: Utility,
    happened: Happened,
    document: Document,
    version: Option<(Version, Document)>,
    request: Option<RequestKey>,
}

/// A request that changed nothing, with its answer.
pub(super) struct Note<'a> {
    tenant: &'a TenantId,
    request: &'a RequestKey,
    resource: &'a str,
    document: String,
}

impl<'a> Note<'a> {
    pub(super) fn new(tenant: &'a TenantId, request: &'a RequestKey, answer: &'a Utility) -> Result<Self> {
        check_tenant(tenant, answer)?;
        Ok(Note { tenant, request, resource: answer.name.utility.as_str(), document: encode(answer) })
    }

    pub(super) async fn store(&self, session: &mut Session, (now, since): (Timestamp, Timestamp)) -> Result<Committed<Utility>> {
        if let Some(answered) = answer(self.tenant, request::find(session, self.tenant, self.request, since).await?)? {
            return Ok(answered);
        }
        request::remember(session, self.tenant, self.request, now, self.resource, Some(&self.document)).await?;
        Ok(Committed::Stored)
    }
}

fn check_tenant(tenant: &TenantId, utility: &Utility) -> Result<()> {
    if utility.name.tenant == *tenant { Ok(()) } else { Err(Error::Misused("a utility of another tenant")) }
}

impl<'a> Commit<'a> {
    pub(super) fn new(tenant: &'a TenantId, change: UtilityChange) -> Result<Self> {
        check_tenant(tenant, &change.utility)?;
        let (document, happened) = (of_utility(&change.utility), Happened::of_utility(&change));
        let id = &change.utility.name.utility;
        let version = change.new_version.map(|version| {
            let document = of_version(tenant, id, &version);
            (version, document)
        });
        Ok(Commit { tenant, expected: change.expected, utility: change.utility, happened, document, version, request: change.request })
    }

    pub(super) async fn apply(&self, session: &mut Session, (now, since): (Timestamp, Timestamp)) -> Result<Committed<Utility>> {
        if let Some(key) = &self.request
            && let Some(answered) = answer(self.tenant, request::find(session, self.tenant, key, since).await?)?
        {
            return Ok(answered);
        }
        let Some(was_there) = self.store(session).await? else { return Ok(Committed::Conflict) };
        let is_there = self.utility.deleted.is_none();
        if let Some((version, head)) = &self.version {
            self.add(session, version, head).await?;
        }
        let count = epoch::advance_by(session, self.tenant, i64::from(is_there) - i64::from(was_there)).await?;
        if is_there && !was_there {
            self.check_quota(session, count).await?;
        }
        events::note(session, now, std::slice::from_ref(&self.happened)).await?;
        if let Some(key) = &self.request {
            let document = encode(&self.utility);
            request::remember(session, self.tenant, key, now, self.utility.name.utility.as_str(), Some(&document)).await?;
        }
        session.tell(Changed::Utility { tenant: self.tenant.clone(), id: self.utility.name.utility.clone() });
        Ok(Committed::Stored)
    }

    /// Stores the utility where the stored one is what is expected. Says whether it was among those that are not deleted.
    async fn store(&self, session: &mut Session) -> Result<Option<bool>> {
        let id = &self.utility.name.utility;
        match self.expected {
            Expected::Absent => Ok(session.insert(UTILITIES.name, self.document.clone()).await?.then_some(false)),
            Expected::Revision(revision) => {
                let mut filter = key_of(self.tenant, id);
                filter.insert("revision", integer(revision.as_u64()));
                let Some(row) = session.find_one(UTILITIES.name, filter.clone()).await? else { return Ok(None) };
                let was_there = !row.flag("deleted")?;
                Ok(session.replace(UTILITIES.name, filter, self.document.clone()).await?.then_some(was_there))
            }
        }
    }

    /// That the tenant may have as many as there are now, this one included: the transaction is undone where it may not.
    async fn check_quota(&self, session: &mut Session, count: u64) -> Result<()> {
        let tenant = session.find_one(TENANTS.name, doc! { "_id": self.tenant.as_str() }).await?;
        let most = tenant.map(|row| row.find_number("max_utilities")).transpose()?.flatten();
        match most.and_then(|most| u32::try_from(most).ok()) {
            Some(most) if count > u64::from(most) => Err(Refusal::Utilities { tenant: self.tenant.clone(), most }.into()),
            _ => Ok(()),
        }
    }

    async fn add(&self, session: &mut Session, version: &Version, head: &Document) -> Result<()> {
        let id = &self.utility.name.utility;
        session.add(VERSIONS.name, head.clone()).await?;
        let spot = Spot::code(id.as_str(), version.number);
        let sealed = Sealing::begin(session, self.tenant).await?.seal(&spot, version.code.text().as_bytes());
        let code = doc! {
            "_id": version_id(self.tenant, id, version.number),
            "tenant": self.tenant.as_str(),
            "id": id.as_str(),
            "number": i64::from(version.number),
            "sealed": binary(sealed),
        };
        session.add(VERSION_CODE.name, code).await
    }
}
