//! `zona.process.v1.ProcessService`: for each method the action, and the use case. Nothing is decided here.

use std::mem::take;

use api_proto::zona::process::v1 as pb;
use domain::access::Installation;
use domain::process::{Asked, Platforms, actions};
use futures_util::StreamExt as _;
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, WireViolations as _, process, utility};
use crate::handler::Handler;
use crate::perform::Permitted;
use crate::stream::{Messages, while_standing};

/// Handles the methods of ProcessService.
pub(crate) type ProcessHandler = Handler<Platforms>;

#[tonic::async_trait]
impl pb::process_service_server::ProcessService for ProcessHandler {
    type WatchStatusStream = Messages<pb::WatchStatusResponse>;
    type ReadLogsStream = Messages<pb::ReadLogsResponse>;

    async fn list_services(&self, request: Request<pb::ListServicesRequest>) -> Result<Response<pb::ListServicesResponse>, Status> {
        let name = |_: &pb::ListServicesRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, mut body, .. }: Permitted<actions::ListServices, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListServices", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (platforms, permit) = (&platforms, &permit);
            let list = |page| async move { platforms.list(permit, &page).await };
            let (services, next_page_token) = paging.collect(list, process::to_wire).await?;
            Ok(pb::ListServicesResponse { services, next_page_token })
        })
        .await
    }

    async fn get_service(&self, request: Request<pb::GetServiceRequest>) -> Result<Response<pb::Service>, Status> {
        let name = |_: &pb::GetServiceRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, body, .. }: Permitted<actions::GetService, _>| async move {
            let body: pb::GetServiceRequest = body;
            Ok(process::to_wire(&platforms.service(&permit, &body.service_name).await?))
        })
        .await
    }

    async fn start_service(&self, request: Request<pb::StartServiceRequest>) -> Result<Response<pb::StartServiceResponse>, Status> {
        let name = |_: &pb::StartServiceRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, mut body, .. }: Permitted<actions::StartService, _>| async move {
            let id = take(&mut body.request_id);
            let asked = Asked::Start(body.service_name.clone());
            let change = process::read_change("StartService", permit.principal(), &id, &body, asked);
            let (revision, view) = platforms.change(&permit, change).await?;
            Ok(pb::StartServiceResponse { status: process::word(&view), details: Some(process::change_to_wire(&revision, &view)) })
        })
        .await
    }

    async fn stop_service(&self, request: Request<pb::StopServiceRequest>) -> Result<Response<pb::StopServiceResponse>, Status> {
        let name = |_: &pb::StopServiceRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, mut body, .. }: Permitted<actions::StopService, _>| async move {
            let id = take(&mut body.request_id);
            let asked = Asked::Stop(body.service_name.clone());
            let change = process::read_change("StopService", permit.principal(), &id, &body, asked);
            let (_, view) = platforms.change(&permit, change).await?;
            Ok(pb::StopServiceResponse { status: process::word(&view) })
        })
        .await
    }

    async fn restart_service(&self, request: Request<pb::RestartServiceRequest>) -> Result<Response<pb::RestartServiceResponse>, Status> {
        let name = |_: &pb::RestartServiceRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, mut body, .. }: Permitted<actions::RestartService, _>| async move {
            let id = take(&mut body.request_id);
            let asked = Asked::Restart(body.service_name.clone());
            let change = process::read_change("RestartService", permit.principal(), &id, &body, asked);
            let (revision, view) = platforms.change(&permit, change).await?;
            Ok(pb::RestartServiceResponse { status: process::word(&view), details: Some(process::change_to_wire(&revision, &view)) })
        })
        .await
    }

    async fn scale_service(&self, request: Request<pb::ScaleServiceRequest>) -> Result<Response<pb::ScaleServiceResponse>, Status> {
        let name = |_: &pb::ScaleServiceRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, body, .. }: Permitted<actions::ScaleService, _>| async move {
            let change = process::read_scale(body, permit.principal());
            let (revision, view) = platforms.change(&permit, change).await?;
            Ok(pb::ScaleServiceResponse { status: process::word(&view), details: Some(process::change_to_wire(&revision, &view)) })
        })
        .await
    }

    async fn get_status(&self, request: Request<pb::GetStatusRequest>) -> Result<Response<pb::GetStatusResponse>, Status> {
        let name = |_: &pb::GetStatusRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, .. }: Permitted<actions::GetStatus, _>| async move {
            let (services, integrations) = platforms.status(&permit).await?;
            let services = services.iter().map(process::to_wire).collect();
            Ok(pb::GetStatusResponse { services, integrations: integrations.iter().map(process::integration_to_wire).collect() })
        })
        .await
    }

    async fn watch_status(&self, request: Request<pb::WatchStatusRequest>) -> Result<Response<Self::WatchStatusStream>, Status> {
        let name = |_: &pb::WatchStatusRequest| Ok(Installation);
        self.perform(request, name, |platforms, permitted: Permitted<actions::WatchStatus, pb::WatchStatusRequest>| async move {
            let Permitted { permit, body, call, standing } = permitted;
            let mut violations = Violations::default();
            let after = body.after_sequence.map(|after| violations.sequence("after_sequence", after));
            let after = violations.unless_any(after)?;
            let heard = platforms.watch(&permit, after).await?.map(|heard| Ok(process::heard_to_wire(heard)));
            Ok(while_standing(call, standing, heard))
        })
        .await
    }

    async fn read_logs(&self, request: Request<pb::ReadLogsRequest>) -> Result<Response<Self::ReadLogsStream>, Status> {
        let name = |_: &pb::ReadLogsRequest| Ok(Installation);
        self.perform(request, name, |platforms, permitted: Permitted<actions::ReadLogs, pb::ReadLogsRequest>| async move {
            let Permitted { permit, body, call, standing } = permitted;
            let (query, violations) = process::read_logs(body);
            let lines = platforms.logs(&permit, query, violations).await?;
            let refusing = call.clone();
            let lines = lines.map(move |line| line.map(process::line_to_wire).map_err(|error| refusing.refuse(&error)));
            Ok(while_standing(call, standing, lines))
        })
        .await
    }

    async fn get_platform(&self, request: Request<pb::GetPlatformRequest>) -> Result<Response<pb::Platform>, Status> {
        let name = |_: &pb::GetPlatformRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, .. }: Permitted<actions::GetPlatform, _>| async move {
            Ok(platforms.get(&permit).await?.as_ref().map(process::revision_to_wire).unwrap_or_default())
        })
        .await
    }

    async fn plan_manifest(&self, request: Request<pb::PlanManifestRequest>) -> Result<Response<pb::Plan>, Status> {
        let name = |_: &pb::PlanManifestRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, body, .. }: Permitted<actions::PlanManifest, _>| async move {
            Ok(process::plan_to_wire(platforms.plan(&permit, process::read_plan(body)).await?))
        })
        .await
    }

    async fn apply_manifest(&self, request: Request<pb::ApplyManifestRequest>) -> Result<Response<pb::Platform>, Status> {
        let name = |_: &pb::ApplyManifestRequest| Ok(Installation);
        self.perform(request, name, |platforms, Permitted { permit, body, .. }: Permitted<actions::ApplyManifest, _>| async move {
            let draft = process::read_apply(body, permit.principal());
            Ok(process::revision_to_wire(&platforms.apply(&permit, draft).await?))
        })
        .await
    }

    async fn list_integrations(
        &self,
        request: Request<pb::ListIntegrationsRequest>,
    ) -> Result<Response<pb::ListIntegrationsResponse>, Status> {
        let name = |body: &pb::ListIntegrationsRequest| (!body.parent.is_empty()).then(|| utility::parent(&body.parent)).transpose();
        let work = |platforms: Platforms, permitted: Permitted<actions::ListIntegrations, pb::ListIntegrationsRequest>| async move {
            let Permitted { permit, mut body, .. } = permitted;
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListIntegrations", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (platforms, permit) = (&platforms, &permit);
            let list = |page| async move { platforms.list_integrations(permit, &page).await };
            let (integrations, next_page_token) = paging.collect(list, process::integration_to_wire).await?;
            Ok(pb::ListIntegrationsResponse { integrations, next_page_token })
        };
        self.perform_at_home(request, name, work).await
    }

    async fn get_integration(&self, request: Request<pb::GetIntegrationRequest>) -> Result<Response<pb::Integration>, Status> {
        let name = |body: &pb::GetIntegrationRequest| utility::parent(&body.parent);
        self.perform(request, name, |platforms, Permitted { permit, body, .. }: Permitted<actions::GetIntegration, _>| async move {
            let body: pb::GetIntegrationRequest = body;
            Ok(process::integration_to_wire(&platforms.integration(&permit, body.integration_id).await?))
        })
        .await
    }

    async fn explain_integration(
        &self,
        request: Request<pb::ExplainIntegrationRequest>,
    ) -> Result<Response<pb::IntegrationExplanation>, Status> {
        let name = |body: &pb::ExplainIntegrationRequest| utility::parent(&body.parent);
        self.perform(request, name, |platforms, Permitted { permit, body, .. }: Permitted<actions::ExplainIntegration, _>| async move {
            let body: pb::ExplainIntegrationRequest = body;
            Ok(process::explanation_to_wire(&platforms.explain(&permit, body.integration_id).await?))
        })
        .await
    }

    async fn start_integration(&self, request: Request<pb::StartIntegrationRequest>) -> Result<Response<pb::Integration>, Status> {
        let name = |body: &pb::StartIntegrationRequest| utility::parent(&body.parent);
        self.perform(request, name, |platforms, Permitted { permit, body, .. }: Permitted<actions::StartIntegration, _>| async move {
            let change = process::read_start_integration(body, permit.principal());
            Ok(process::integration_to_wire(&platforms.change_integration(&permit, change).await?))
        })
        .await
    }

    async fn stop_integration(&self, request: Request<pb::StopIntegrationRequest>) -> Result<Response<pb::Integration>, Status> {
        let name = |body: &pb::StopIntegrationRequest| utility::parent(&body.parent);
        self.perform(request, name, |platforms, Permitted { permit, body, .. }: Permitted<actions::StopIntegration, _>| async move {
            let change = process::read_stop_integration(body, permit.principal());
            Ok(process::integration_to_wire(&platforms.change_integration(&permit, change).await?))
        })
        .await
    }
}
