//! `zona.schedule.v1.ScheduleService`: for each method where its name stands, the action, and the use case. Nothing is decided here.

use std::mem::take;

use api_proto::zona::schedule::v1 as pb;
use domain::name::{ScheduleName, UtilityName};
use domain::schedule::{Schedules, actions};
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, schedule, utility};
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of ScheduleService.
pub(crate) type ScheduleHandler = Handler<Schedules>;

#[tonic::async_trait]
impl pb::schedule_service_server::ScheduleService for ScheduleHandler {
    async fn create_schedule(&self, request: Request<pb::CreateScheduleRequest>) -> Result<Response<pb::Schedule>, Status> {
        let name = |body: &pb::CreateScheduleRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |schedules, Permitted { permit, body, .. }: Permitted<actions::CreateSchedule, _>| async move {
            let (draft, asked) = schedule::read_create(body, permit.principal())?;
            Ok(schedule::to_wire(&schedules.create(&permit, draft, asked).await?))
        })
        .await
    }

    async fn get_schedule(&self, request: Request<pb::GetScheduleRequest>) -> Result<Response<pb::Schedule>, Status> {
        let name = |body: &pb::GetScheduleRequest| ScheduleName::parse("name", &body.name);
        self.perform(request, name, |schedules, Permitted { permit, .. }: Permitted<actions::GetSchedule, _>| async move {
            Ok(schedule::to_wire(&schedules.get(&permit).await?))
        })
        .await
    }

    async fn list_schedules(&self, request: Request<pb::ListSchedulesRequest>) -> Result<Response<pb::ListSchedulesResponse>, Status> {
        let name = |body: &pb::ListSchedulesRequest| utility::parent(&body.parent);
        self.perform(request, name, |schedules, Permitted { permit, mut body, .. }: Permitted<actions::ListSchedules, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListSchedules", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (schedules, permit) = (&schedules, &permit);
            let list = |page| async move { schedules.list(permit, &page).await };
            let (schedules, next_page_token) = paging.collect(list, schedule::to_wire).await?;
            Ok(pb::ListSchedulesResponse { schedules, next_page_token })
        })
        .await
    }

    async fn update_schedule(&self, request: Request<pb::UpdateScheduleRequest>) -> Result<Response<pb::Schedule>, Status> {
        let name = |body: &pb::UpdateScheduleRequest| ScheduleName::parse("name", &body.name);
        self.perform(request, name, |schedules, Permitted { permit, body, .. }: Permitted<actions::UpdateSchedule, _>| async move {
            let (patch, asked) = schedule::read_update(body, permit.principal())?;
            Ok(schedule::to_wire(&schedules.update(&permit, patch, asked).await?))
        })
        .await
    }

    async fn pause_schedule(&self, request: Request<pb::PauseScheduleRequest>) -> Result<Response<pb::Schedule>, Status> {
        let name = |body: &pb::PauseScheduleRequest| ScheduleName::parse("name", &body.name);
        self.perform(request, name, |schedules, Permitted { permit, mut body, .. }: Permitted<actions::PauseSchedule, _>| async move {
            let id = take(&mut body.request_id);
            let asked = schedule::read_asked("PauseSchedule", permit.principal(), &id, &body, &body.etag);
            Ok(schedule::to_wire(&schedules.pause(&permit, asked).await?))
        })
        .await
    }

    async fn resume_schedule(&self, request: Request<pb::ResumeScheduleRequest>) -> Result<Response<pb::Schedule>, Status> {
        let name = |body: &pb::ResumeScheduleRequest| ScheduleName::parse("name", &body.name);
        self.perform(request, name, |schedules, Permitted { permit, mut body, .. }: Permitted<actions::ResumeSchedule, _>| async move {
            let id = take(&mut body.request_id);
            let asked = schedule::read_asked("ResumeSchedule", permit.principal(), &id, &body, &body.etag);
            Ok(schedule::to_wire(&schedules.resume(&permit, asked).await?))
        })
        .await
    }

    async fn delete_schedule(&self, request: Request<pb::DeleteScheduleRequest>) -> Result<Response<pb::Schedule>, Status> {
        let name = |body: &pb::DeleteScheduleRequest| ScheduleName::parse("name", &body.name);
        self.perform(request, name, |schedules, Permitted { permit, mut body, .. }: Permitted<actions::DeleteSchedule, _>| async move {
            let id = take(&mut body.request_id);
            let asked = schedule::read_asked("DeleteSchedule", permit.principal(), &id, &body, &body.etag);
            Ok(schedule::to_wire(&schedules.delete(&permit, asked).await?))
        })
        .await
    }
}
