//! `zona.audit.v1.AuditService`: reading audit logs, and proofs of them. Nothing is decided here.

use api_proto::zona::audit::v1 as pb;
use domain::audit::{AuditLog, actions};
use futures_util::StreamExt as _;
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, audit, audit_report, utility};
use crate::handler::Handler;
use crate::perform::Permitted;
use crate::stream::{Messages, while_standing};

/// Handles the methods of AuditService.
pub(crate) type AuditHandler = Handler<AuditLog>;

#[tonic::async_trait]
impl pb::audit_service_server::AuditService for AuditHandler {
    type WatchAuditRecordsStream = Messages<pb::WatchAuditRecordsResponse>;
    type BuildAuditReportStream = Messages<pb::BuildAuditReportResponse>;
    type ExportAuditRecordsStream = Messages<pb::ExportAuditRecordsResponse>;

    async fn list_audit_records(
        &self,
        request: Request<pb::ListAuditRecordsRequest>,
    ) -> Result<Response<pb::ListAuditRecordsResponse>, Status> {
        let name = |body: &pb::ListAuditRecordsRequest| utility::parent(&body.parent);
        self.perform(request, name, |log, Permitted { permit, mut body, .. }: Permitted<actions::ListAuditRecords, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListAuditRecords", size, &token, &body, &mut violations);
            let query = audit::read_query(body.filter, &mut violations)?;
            let (paging, query) = violations.unless_any((paging.ending_early(), query))?;
            let (log, permit, query) = (&log, &permit, &query);
            let list = |page| async move { log.list(permit, query, &page).await };
            let (records, next_page_token) = paging.collect(list, audit::record_to_wire).await?;
            Ok(pb::ListAuditRecordsResponse { records, next_page_token })
        })
        .await
    }

    async fn get_checkpoint(&self, request: Request<pb::GetCheckpointRequest>) -> Result<Response<pb::Checkpoint>, Status> {
        let name = |body: &pb::GetCheckpointRequest| utility::parent(&body.parent);
        self.perform(request, name, |log, Permitted { permit, body, .. }: Permitted<actions::GetCheckpoint, _>| async move {
            let mut violations = Violations::default();
            let size = audit::read_size("size", body.size, &mut violations);
            let size = violations.unless_any(size)?;
            let checkpoint = log.checkpoint(&permit, size).await?;
            Ok(audit::checkpoint_to_wire(checkpoint, log.key(permit.target())))
        })
        .await
    }

    async fn add_cosignatures(&self, request: Request<pb::AddCosignaturesRequest>) -> Result<Response<pb::Checkpoint>, Status> {
        let name = |body: &pb::AddCosignaturesRequest| utility::parent(&body.parent);
        self.perform(request, name, |log, Permitted { permit, body, .. }: Permitted<actions::AddCosignatures, _>| async move {
            let mut violations = Violations::default();
            let size = audit::read_place("size", body.size, &mut violations);
            let size = violations.unless_any(size)?;
            let checkpoint = log.cosign(&permit, size, &body.cosignatures).await?;
            Ok(audit::checkpoint_to_wire(checkpoint, log.key(permit.target())))
        })
        .await
    }

    async fn get_inclusion_proof(&self, request: Request<pb::GetInclusionProofRequest>) -> Result<Response<pb::InclusionProof>, Status> {
        let name = |body: &pb::GetInclusionProofRequest| utility::parent(&body.parent);
        self.perform(request, name, |log, Permitted { permit, body, .. }: Permitted<actions::GetInclusionProof, _>| async move {
            let mut violations = Violations::default();
            let sequence = audit::read_place("sequence", body.sequence, &mut violations);
            let size = audit::read_size("size", body.size, &mut violations);
            let (sequence, size) = violations.unless_any((sequence, size))?;
            Ok(audit::proven_to_wire(log.inclusion(&permit, sequence, size).await?))
        })
        .await
    }

    async fn get_consistency_proof(
        &self,
        request: Request<pb::GetConsistencyProofRequest>,
    ) -> Result<Response<pb::ConsistencyProof>, Status> {
        let name = |body: &pb::GetConsistencyProofRequest| utility::parent(&body.parent);
        self.perform(request, name, |log, Permitted { permit, body, .. }: Permitted<actions::GetConsistencyProof, _>| async move {
            let mut violations = Violations::default();
            let older = audit::read_place("older_size", body.older_size, &mut violations);
            let newer = audit::read_size("newer_size", body.newer_size, &mut violations);
            let (older, newer) = violations.unless_any((older, newer))?;
            let (checkpoint, proof) = log.consistency(&permit, older, newer).await?;
            Ok(pb::ConsistencyProof { checkpoint: checkpoint.note, hashes: audit::hashes_to_wire(&proof) })
        })
        .await
    }

    async fn watch_audit_records(
        &self,
        request: Request<pb::WatchAuditRecordsRequest>,
    ) -> Result<Response<Self::WatchAuditRecordsStream>, Status> {
        let name = |body: &pb::WatchAuditRecordsRequest| utility::parent(&body.parent);
        self.perform(request, name, |log, permitted: Permitted<actions::WatchAuditRecords, _>| async move {
            let Permitted { permit, body, call, standing } = permitted;
            let mut violations = Violations::default();
            let query = audit::read_query(body.filter, &mut violations)?;
            let from = body.from_sequence.map(|from| audit::read_place("from_sequence", from, &mut violations));
            let (query, from) = violations.unless_any((query, from))?;
            let watch = log.watch(permit, query, from).await?;
            let refusing = call.clone();
            let parts = watch.map(move |part| part.map(audit::followed_to_wire).map_err(|error| refusing.refuse(&error)));
            Ok(while_standing(call, standing, parts))
        })
        .await
    }

    async fn build_audit_report(
        &self,
        request: Request<pb::BuildAuditReportRequest>,
    ) -> Result<Response<Self::BuildAuditReportStream>, Status> {
        let name = |body: &pb::BuildAuditReportRequest| utility::parent(&body.parent);
        self.perform(request, name, |log, permitted: Permitted<actions::BuildAuditReport, _>| async move {
            let Permitted { permit, body, call, standing } = permitted;
            let mut violations = Violations::default();
            let days = audit_report::read_days(&body, &mut violations);
            let days = violations.unless_any(days)?.ok_or_else(audit_report::no_days)?;
            let report = log.report(permit, days.period.clone()).await?;
            let refusing = call.clone();
            let parts =
                report.map(move |part| part.map(|part| audit_report::to_wire(&days, part)).map_err(|error| refusing.refuse(&error)));
            Ok(while_standing(call, standing, parts))
        })
        .await
    }

    async fn export_audit_records(
        &self,
        request: Request<pb::ExportAuditRecordsRequest>,
    ) -> Result<Response<Self::ExportAuditRecordsStream>, Status> {
        let name = |body: &pb::ExportAuditRecordsRequest| utility::parent(&body.parent);
        self.perform(request, name, |log, permitted: Permitted<actions::ExportAuditRecords, _>| async move {
            let Permitted { permit, body, call, standing } = permitted;
            let form = audit::read_form(&body);
            let export = log.export(permit, form).await?;
            let refusing = call.clone();
            let parts =
                export.map(move |part| part.map(|part| audit::exported_to_wire(form, part)).map_err(|error| refusing.refuse(&error)));
            Ok(while_standing(call, standing, parts))
        })
        .await
    }
}
