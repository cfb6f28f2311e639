//! `zona.utility.v1.UtilityService`: for each method where its name stands, the action, and the use case. Nothing is decided here.

use std::sync::Arc;

use api_proto::zona::utility::v1 as pb;
use domain::name::{UtilityName, VersionName};
use domain::utility::{Utilities, Utility, Version, actions};
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, WireViolations as _, copy, finding, utility, version};
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of UtilityService.
pub(crate) type UtilityHandler = Handler<Arc<Utilities>>;

fn shown(utilities: &Utilities, found: &(Utility, Version)) -> pb::Utility {
    utility::to_wire(found, utilities.vulnerable_imports(&found.0))
}

#[tonic::async_trait]
impl pb::utility_service_server::UtilityService for UtilityHandler {
    async fn create_utility(&self, request: Request<pb::CreateUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let name = |body: &pb::CreateUtilityRequest| utility::parent(&body.parent);
        self.perform(request, name, |utilities, Permitted { permit, body, .. }: Permitted<actions::CreateUtility, _>| async move {
            let create = utility::read_create(body, permit.principal())?;
            let created = utilities.create(&permit, create.id, create.draft, create.call).await?;
            Ok(shown(&utilities, &created))
        })
        .await
    }

    async fn get_utility(&self, request: Request<pb::GetUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let name = |body: &pb::GetUtilityRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |utilities, Permitted { permit, .. }: Permitted<actions::GetUtility, _>| async move {
            let found = utilities.get(&permit).await?;
            let copied_from = found.0.lineage_for(&permit).map(copy::lineage_to_wire);
            Ok(pb::Utility { copied_from, ..shown(&utilities, &found) })
        })
        .await
    }

    async fn list_utilities(&self, request: Request<pb::ListUtilitiesRequest>) -> Result<Response<pb::ListUtilitiesResponse>, Status> {
        let name = |body: &pb::ListUtilitiesRequest| utility::parent(&body.parent);
        self.perform(request, name, |utilities, Permitted { permit, mut body, .. }: Permitted<actions::ListUtilities, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListUtilities", size, &token, &body, &mut violations);
            let vulnerable = body.filter.as_ref().is_some_and(|filter| filter.vulnerable);
            let query = utility::read_query(body.filter, body.order, &mut violations)?;
            let query = violations.unless_any(query)?;
            let (utilities, permit, query) = (&utilities, &permit, &query);
            let list = |page| async move { utilities.list(permit, query.clone(), vulnerable, &page).await };
            let (utilities, next_page_token) = paging.collect(list, utility::listed).await?;
            Ok(pb::ListUtilitiesResponse { utilities, next_page_token })
        })
        .await
    }

    async fn update_utility(&self, request: Request<pb::UpdateUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let name = |body: &pb::UpdateUtilityRequest| {
            let name = body.utility.as_ref().map_or("", |utility| &utility.name);
            UtilityName::parse("utility.name", name)
        };
        self.perform(request, name, |utilities, Permitted { permit, body, .. }: Permitted<actions::UpdateUtility, _>| async move {
            let update = utility::read_update(body, permit.principal());
            let updated = utilities.update(&permit, update.patch, update.call).await?;
            Ok(shown(&utilities, &updated))
        })
        .await
    }

    async fn delete_utility(&self, request: Request<pb::DeleteUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let name = |body: &pb::DeleteUtilityRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |utilities, Permitted { permit, body, .. }: Permitted<actions::DeleteUtility, _>| async move {
            let asked = utility::read_delete(body, permit.principal())?;
            let deleted = utilities.delete(&permit, asked).await?;
            Ok(shown(&utilities, &deleted))
        })
        .await
    }

    async fn undelete_utility(&self, request: Request<pb::UndeleteUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let name = |body: &pb::UndeleteUtilityRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |utilities, Permitted { permit, body, .. }: Permitted<actions::UndeleteUtility, _>| async move {
            let asked = utility::read_undelete(body, permit.principal())?;
            let undeleted = utilities.undelete(&permit, asked).await?;
            Ok(shown(&utilities, &undeleted))
        })
        .await
    }

    async fn list_utility_versions(
        &self,
        request: Request<pb::ListUtilityVersionsRequest>,
    ) -> Result<Response<pb::ListUtilityVersionsResponse>, Status> {
        let name = |body: &pb::ListUtilityVersionsRequest| UtilityName::parse("parent", &body.parent);
        self.perform(
            request,
            name,
            |utilities, Permitted { permit, mut body, .. }: Permitted<actions::ListUtilityVersions, _>| async move {
                let mut violations = Violations::default();
                let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
                let paging = Paging::read("ListUtilityVersions", size, &token, &body, &mut violations);
                let paging = violations.unless_any(paging)?;
                let (utilities, permit) = (&utilities, &permit);
                let list = |page| async move { utilities.list_versions(permit, &page).await };
                let (versions, next_page_token) = paging.collect(list, |found| version::listed(permit.target(), found)).await?;
                Ok(pb::ListUtilityVersionsResponse { versions, next_page_token })
            },
        )
        .await
    }

    async fn get_utility_version(&self, request: Request<pb::GetUtilityVersionRequest>) -> Result<Response<pb::UtilityVersion>, Status> {
        let name = |body: &pb::GetUtilityVersionRequest| VersionName::parse("name", &body.name);
        self.perform(request, name, |utilities, Permitted { permit, .. }: Permitted<actions::GetUtilityVersion, _>| async move {
            let found = utilities.get_version(&permit).await?;
            Ok(version::to_wire(&permit.target().utility, &found))
        })
        .await
    }

    async fn diff_utility_versions(
        &self,
        request: Request<pb::DiffUtilityVersionsRequest>,
    ) -> Result<Response<pb::DiffUtilityVersionsResponse>, Status> {
        let name = |body: &pb::DiffUtilityVersionsRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |utilities, Permitted { permit, body, .. }: Permitted<actions::DiffUtilityVersions, _>| async move {
            let mut violations = Violations::default();
            let from = violations.version_number("from_version", body.from_version);
            let to = violations.version_number("to_version", body.to_version);
            let (from, to) = violations.unless_any((from, to))?;
            let difference = utilities.diff(&permit, from, to).await?;
            Ok(version::difference_to_wire(difference))
        })
        .await
    }

    async fn restore_utility_version(&self, request: Request<pb::RestoreUtilityVersionRequest>) -> Result<Response<pb::Utility>, Status> {
        let name = |body: &pb::RestoreUtilityVersionRequest| VersionName::parse("name", &body.name);
        self.perform(request, name, |utilities, Permitted { permit, body, .. }: Permitted<actions::RestoreUtilityVersion, _>| async move {
            let (asked, message) = utility::read_restore(body, permit.principal());
            let restored = utilities.restore(&permit, message, asked).await?;
            Ok(shown(&utilities, &restored))
        })
        .await
    }

    async fn validate_code(&self, request: Request<pb::ValidateCodeRequest>) -> Result<Response<pb::ValidateCodeResponse>, Status> {
        let name = |body: &pb::ValidateCodeRequest| utility::parent(&body.parent);
        self.perform(request, name, |utilities, Permitted { permit, body, .. }: Permitted<actions::ValidateCode, _>| async move {
            let mut violations = Violations::default();
            let kind = utility::read_kind("kind", body.kind, &mut violations);
            let kind = violations.unless_any(kind)?;
            let report = utilities.validate(&permit, body.code, kind, utility::read_runtime(body.runtime)).await?;
            Ok(finding::report_to_wire(&report))
        })
        .await
    }
}
