//! `zona.utility.v1.UtilityService`: each method splits the request, parses the name, demands the permit, parses the rest,
//! calls the use case, and responds. Nothing is decided here.

use api_proto::zona::utility::v1 as pb;
use domain::access::{self, Policy};
use domain::name::{UtilityName, VersionName};
use domain::utility::{Utilities, Utility, Version};
use tonic::{Request, Response, Status};

use crate::call::split;
use crate::convert::page::Paging;
use crate::convert::{Violations, finding, utility, version};

/// Handles the methods of UtilityService.
#[derive(Clone)]
pub struct UtilityHandler {
    policy: Policy,
    utilities: Utilities,
}

impl UtilityHandler {
    /// A handler that asks `policy` and calls `utilities`.
    pub fn new(policy: Policy, utilities: Utilities) -> Self {
        UtilityHandler { policy, utilities }
    }

    fn shown(&self, found: &(Utility, Version)) -> pb::Utility {
        utility::to_wire(found, self.utilities.vulnerable_imports(&found.0))
    }
}

#[tonic::async_trait]
impl pb::utility_service_server::UtilityService for UtilityHandler {
    async fn create_utility(&self, request: Request<pb::CreateUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let parent = utility::parent(&body.parent)?;
            let permit = call.require::<access::CreateUtility>(&self.policy, &parent.tenant, &parent).await?;
            let create = utility::read_create(body, permit.principal())?;
            let created = self.utilities.create(&permit, create.id, create.draft, create.call).await?;
            Ok(self.shown(&created))
        })
        .await
    }

    async fn get_utility(&self, request: Request<pb::GetUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = UtilityName::parse("name", &body.name)?;
            let permit = call.require::<access::GetUtility>(&self.policy, &name.tenant, &name).await?;
            let found = self.utilities.get(&permit, &name).await?;
            Ok(self.shown(&found))
        })
        .await
    }

    async fn list_utilities(&self, request: Request<pb::ListUtilitiesRequest>) -> Result<Response<pb::ListUtilitiesResponse>, Status> {
        let (call, mut body) = split(request);
        call.answer(async {
            let parent = utility::parent(&body.parent)?;
            let permit = call.require::<access::ListUtilities>(&self.policy, &parent.tenant, &parent).await?;
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListUtilities", size, &token, &body, &mut violations);
            let vulnerable = body.filter.as_ref().is_some_and(|filter| filter.vulnerable);
            let query = utility::read_query(body.filter, body.order, &mut violations)?;
            let query = violations.unless_any(query)?;
            let (permit, query) = (&permit, &query);
            let list = |page| async move { self.utilities.list(permit, query.clone(), vulnerable, &page).await };
            let (utilities, next_page_token) = paging.collect(list, utility::listed).await?;
            Ok(pb::ListUtilitiesResponse { utilities, next_page_token })
        })
        .await
    }

    async fn update_utility(&self, request: Request<pb::UpdateUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = body.utility.as_ref().map_or("", |utility| &utility.name);
            let name = UtilityName::parse("utility.name", name)?;
            let permit = call.require::<access::UpdateUtility>(&self.policy, &name.tenant, &name).await?;
            let update = utility::read_update(body, permit.principal());
            let updated = self.utilities.update(&permit, &name, update.patch, update.call).await?;
            Ok(self.shown(&updated))
        })
        .await
    }

    async fn delete_utility(&self, request: Request<pb::DeleteUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = UtilityName::parse("name", &body.name)?;
            let permit = call.require::<access::DeleteUtility>(&self.policy, &name.tenant, &name).await?;
            let asked = utility::read_delete(body, permit.principal())?;
            let deleted = self.utilities.delete(&permit, &name, asked).await?;
            Ok(self.shown(&deleted))
        })
        .await
    }

    async fn undelete_utility(&self, request: Request<pb::UndeleteUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = UtilityName::parse("name", &body.name)?;
            let permit = call.require::<access::UndeleteUtility>(&self.policy, &name.tenant, &name).await?;
            let asked = utility::read_undelete(body, permit.principal())?;
            let undeleted = self.utilities.undelete(&permit, &name, asked).await?;
            Ok(self.shown(&undeleted))
        })
        .await
    }

    async fn list_utility_versions(
        &self,
        request: Request<pb::ListUtilityVersionsRequest>,
    ) -> Result<Response<pb::ListUtilityVersionsResponse>, Status> {
        let (call, mut body) = split(request);
        call.answer(async {
            let parent = UtilityName::parse("parent", &body.parent)?;
            let permit = call.require::<access::ListUtilityVersions>(&self.policy, &parent.tenant, &parent).await?;
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListUtilityVersions", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (permit, parent) = (&permit, &parent);
            let list = |page| async move { self.utilities.list_versions(permit, parent, &page).await };
            let (versions, next_page_token) = paging.collect(list, |found| version::listed(parent, found)).await?;
            Ok(pb::ListUtilityVersionsResponse { versions, next_page_token })
        })
        .await
    }

    async fn get_utility_version(&self, request: Request<pb::GetUtilityVersionRequest>) -> Result<Response<pb::UtilityVersion>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = VersionName::parse("name", &body.name)?;
            let permit = call.require::<access::GetUtilityVersion>(&self.policy, &name.utility.tenant, &name).await?;
            let found = self.utilities.get_version(&permit, &name).await?;
            Ok(version::to_wire(&name.utility, &found))
        })
        .await
    }

    async fn diff_utility_versions(
        &self,
        request: Request<pb::DiffUtilityVersionsRequest>,
    ) -> Result<Response<pb::DiffUtilityVersionsResponse>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = UtilityName::parse("name", &body.name)?;
            let permit = call.require::<access::DiffUtilityVersions>(&self.policy, &name.tenant, &name).await?;
            let mut violations = Violations::default();
            let from = violations.version_number("from_version", body.from_version);
            let to = violations.version_number("to_version", body.to_version);
            let (from, to) = violations.unless_any((from, to))?;
            let difference = self.utilities.diff(&permit, &name, from, to).await?;
            Ok(version::difference_to_wire(difference))
        })
        .await
    }

    async fn restore_utility_version(&self, request: Request<pb::RestoreUtilityVersionRequest>) -> Result<Response<pb::Utility>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = VersionName::parse("name", &body.name)?;
            let permit = call.require::<access::RestoreUtilityVersion>(&self.policy, &name.utility.tenant, &name).await?;
            let (asked, message) = utility::read_restore(body, permit.principal());
            let restored = self.utilities.restore(&permit, &name, message, asked).await?;
            Ok(self.shown(&restored))
        })
        .await
    }

    async fn validate_code(&self, request: Request<pb::ValidateCodeRequest>) -> Result<Response<pb::ValidateCodeResponse>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let parent = utility::parent(&body.parent)?;
            let permit = call.require::<access::ValidateCode>(&self.policy, &parent.tenant, &parent).await?;
            let mut violations = Violations::default();
            let kind = utility::read_kind("kind", body.kind, &mut violations);
            let kind = violations.unless_any(kind)?;
            let report = self.utilities.validate(&permit, body.code, kind, body.runtime).await?;
            Ok(finding::report_to_wire(&report))
        })
        .await
    }
}
