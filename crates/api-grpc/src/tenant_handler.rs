//! `zona.tenant.v1.TenantService`: for each method where its name stands, the action, and the use case. Nothing is decided here.

use std::mem::take;

use api_proto::zona::tenant::v1 as pb;
use domain::access::Installation;
use domain::name::TenantName;
use domain::tenant::{TenantQuery, Tenants, actions};
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, tenant};
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of TenantService.
pub(crate) type TenantHandler = Handler<Tenants>;

#[tonic::async_trait]
impl pb::tenant_service_server::TenantService for TenantHandler {
    async fn create_tenant(&self, request: Request<pb::CreateTenantRequest>) -> Result<Response<pb::Tenant>, Status> {
        let name = |_: &pb::CreateTenantRequest| Ok(Installation);
        self.perform(request, name, |tenants, Permitted { permit, body, .. }: Permitted<actions::CreateTenant, _>| async move {
            let draft = tenant::read_create(body, permit.principal())?;
            Ok(tenant::to_wire(&tenants.create(&permit, draft).await?))
        })
        .await
    }

    async fn get_tenant(&self, request: Request<pb::GetTenantRequest>) -> Result<Response<pb::Tenant>, Status> {
        let name = |body: &pb::GetTenantRequest| TenantName::parse("name", &body.name);
        self.perform(request, name, |tenants, Permitted { permit, .. }: Permitted<actions::GetTenant, _>| async move {
            Ok(tenant::to_wire(&tenants.get(&permit).await?))
        })
        .await
    }

    async fn list_tenants(&self, request: Request<pb::ListTenantsRequest>) -> Result<Response<pb::ListTenantsResponse>, Status> {
        let name = |_: &pb::ListTenantsRequest| Ok(Installation);
        self.perform(request, name, |tenants, Permitted { permit, mut body, .. }: Permitted<actions::ListTenants, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListTenants", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (tenants, permit, query) = (&tenants, &permit, TenantQuery { show_deleted: body.show_deleted });
            let list = |page| async move { tenants.list(permit, query, &page).await };
            let (tenants, next_page_token) = paging.collect(list, tenant::listed_to_wire).await?;
            Ok(pb::ListTenantsResponse { tenants, next_page_token })
        })
        .await
    }

    async fn update_tenant(&self, request: Request<pb::UpdateTenantRequest>) -> Result<Response<pb::Tenant>, Status> {
        let name = |body: &pb::UpdateTenantRequest| TenantName::parse("name", &body.name);
        self.perform(request, name, |tenants, Permitted { permit, body, .. }: Permitted<actions::UpdateTenant, _>| async move {
            let patch = tenant::read_update(body, permit.principal());
            Ok(tenant::to_wire(&tenants.update(&permit, patch).await?))
        })
        .await
    }

    async fn suspend_tenant(&self, request: Request<pb::SuspendTenantRequest>) -> Result<Response<pb::Tenant>, Status> {
        let name = |body: &pb::SuspendTenantRequest| TenantName::parse("name", &body.name);
        self.perform(request, name, |tenants, Permitted { permit, mut body, .. }: Permitted<actions::SuspendTenant, _>| async move {
            let id = take(&mut body.request_id);
            let asked = tenant::read_asked("SuspendTenant", permit.principal(), &id, &body, &body.etag);
            Ok(tenant::to_wire(&tenants.suspend(&permit, asked).await?))
        })
        .await
    }

    async fn resume_tenant(&self, request: Request<pb::ResumeTenantRequest>) -> Result<Response<pb::Tenant>, Status> {
        let name = |body: &pb::ResumeTenantRequest| TenantName::parse("name", &body.name);
        self.perform(request, name, |tenants, Permitted { permit, mut body, .. }: Permitted<actions::ResumeTenant, _>| async move {
            let id = take(&mut body.request_id);
            let asked = tenant::read_asked("ResumeTenant", permit.principal(), &id, &body, &body.etag);
            Ok(tenant::to_wire(&tenants.resume(&permit, asked).await?))
        })
        .await
    }

    async fn shred_tenant(&self, request: Request<pb::ShredTenantRequest>) -> Result<Response<pb::Tenant>, Status> {
        let name = |body: &pb::ShredTenantRequest| TenantName::parse("name", &body.name);
        self.perform(request, name, |tenants, Permitted { permit, body, .. }: Permitted<actions::ShredTenant, _>| async move {
            let asked = tenant::read_asked("ShredTenant", permit.principal(), "", &body, &body.etag);
            Ok(tenant::to_wire(&tenants.shred(&permit, asked).await?))
        })
        .await
    }

    async fn delete_tenant(&self, request: Request<pb::DeleteTenantRequest>) -> Result<Response<pb::Tenant>, Status> {
        let name = |body: &pb::DeleteTenantRequest| TenantName::parse("name", &body.name);
        self.perform(request, name, |tenants, Permitted { permit, mut body, .. }: Permitted<actions::DeleteTenant, _>| async move {
            let id = take(&mut body.request_id);
            let asked = tenant::read_asked("DeleteTenant", permit.principal(), &id, &body, &body.etag);
            Ok(tenant::to_wire(&tenants.delete(&permit, asked).await?))
        })
        .await
    }
}
