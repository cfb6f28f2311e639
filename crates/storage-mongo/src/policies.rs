//! The port of code policies.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::change::Changed;
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::revision::Revision;
use mongodb::bson::doc;
use storage_documents::PolicyDocument;

use crate::collections::CODE_POLICIES;
use crate::error::Error;
use crate::row::integer;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

#[async_trait]
impl CodePolicyRepository for MongoStore {
    async fn find(&self, scope: &TenantScope) -> domain::Result<Found<CodePolicy>> {
        let tenant = scope.tenant();
        let key = doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() };
        let found = read!(self, "reading a code policy", |session| {
            let Some(row) = session.find_one(CODE_POLICIES.name, key).await? else { return Ok(None) };
            let broken = |source| Error::undecodable(CODE_POLICIES.name, tenant.to_string(), source);
            let policy = storage_documents::decode::<PolicyDocument>(row.text("document")?).map_err(broken)?.into_policy(tenant.clone());
            policy.map(Some).map_err(|error| broken(error.into()))
        });
        Ok(Found::of(found?))
    }

    async fn commit(&self, scope: &TenantScope, expected: Revision, policy: &CodePolicy) -> domain::Result<bool> {
        let tenant = scope.tenant();
        let key = doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() };
        let content = doc! {
            "revision": integer(policy.revision.as_u64()),
            "document": storage_documents::encode(&PolicyDocument::from(policy)),
        };
        let stored = transact!(self, "storing a code policy", tenant, |session| {
            let stored = match expected {
                Revision::NONE => {
                    let mut document = key.clone();
                    document.extend(content.clone());
                    session.insert(CODE_POLICIES.name, document).await?
                }
                _ => {
                    let mut filter = key.clone();
                    filter.insert("revision", integer(expected.as_u64()));
                    session.update(CODE_POLICIES.name, filter, doc! { "$set": content.clone() }).await?
                }
            };
            session.tell(Changed::CodePolicy { tenant: tenant.clone() });
            Ok(stored)
        });
        Ok(stored?)
    }
}
