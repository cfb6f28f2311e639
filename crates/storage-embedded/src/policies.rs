//! The port of code policies.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::change::Changed;
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::revision::Revision;
use rusqlite::{OptionalExtension, params};
use storage_documents::PolicyDocument;

use crate::connection::integer;
use crate::error::{Error, during};
use crate::store::EmbeddedStore;

const TABLE: &str = "code_policies";

#[async_trait]
impl CodePolicyRepository for EmbeddedStore {
    async fn find(&self, scope: &TenantScope) -> domain::Result<Found<CodePolicy>> {
        const QUERY: &str = "SELECT document FROM code_policies WHERE tenant = ?1";
        let tenant = scope.tenant().clone();
        let found = self.read(move |connection| {
            let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get::<_, String>(0));
            let Some(text) = run().optional().map_err(during("reading a code policy"))? else { return Ok(None) };
            let broken = |source| Error::undecodable(TABLE, tenant.to_string(), source);
            let policy = storage_documents::decode::<PolicyDocument>(&text).map_err(broken)?.into_policy(tenant.clone());
            policy.map(Some).map_err(|error| broken(error.into()))
        });
        Ok(Found::of(found.await?))
    }

    async fn commit(&self, scope: &TenantScope, expected: Revision, policy: &CodePolicy) -> domain::Result<bool> {
        const INSERT: &str = "INSERT INTO code_policies (tenant, revision, document) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        const UPDATE: &str = "UPDATE code_policies SET revision = ?2, document = ?3 WHERE tenant = ?1 AND revision = ?4";
        let (tenant, revision, text) =
            (scope.tenant().clone(), policy.revision.as_u64(), storage_documents::encode(&PolicyDocument::from(policy)));
        let what = Changed::CodePolicy { tenant: tenant.clone() };
        let stored = self.change(what, move |connection| {
            let run = || match expected {
                Revision::NONE => connection.prepare_cached(INSERT)?.execute(params![tenant.as_str(), integer(revision), text]),
                _ => connection.prepare_cached(UPDATE)?.execute(params![
                    tenant.as_str(),
                    integer(revision),
                    text,
                    integer(expected.as_u64())
                ]),
            };
            run().map_err(during("storing a code policy"))
        });
        Ok(stored.await? == 1)
    }
}
