//! `zona schedule ...`: executions that start by themselves.

use std::time::Duration;

use api_proto::zona::schedule::v1 as pb;
use clap::{Args, Subcommand, ValueEnum};

use super::execution::moment;
use super::parameters::ParameterArgs;
use super::run::proto_duration;
use crate::client::paging::every;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::fields;
use crate::pending::Pending;

const HEADINGS: &[&str] = &["ID", "CRON", "ZONE", "UTILITY", "NEXT", "LAST"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Schedule {
    /// Have a utility started at the times of a cron expression, on your behalf
    Create(Create),
    /// Show a schedule, and what became of it last
    Get(Name),
    /// List schedules
    List,
    /// Change a schedule
    Update(Update),
    /// Have a schedule start nothing until it is resumed
    Pause(Asked),
    /// Have a schedule start executions again
    Resume(Asked),
    /// Delete a schedule; what it has started goes on
    Delete(Asked),
}

#[derive(Debug, Args)]
pub struct Name {
    /// Schedule: its id, or its full name
    name: String,
}

#[derive(Debug, Args)]
pub struct Asked {
    /// Schedule: its id, or its full name
    name: String,
    /// Only when the schedule still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum CatchUp {
    /// They pass
    Skip,
    /// One execution for all of them
    Once,
    /// One execution for each of the last 100
    All,
}

#[derive(Debug, Args)]
#[command(after_help = "Each execution is started under the rights that you have at that moment. Secrets are bound by --secret alone.")]
pub struct Create {
    /// Id of the schedule
    id: String,
    /// Utility: an id of the tenant, or a full name
    utility: String,
    /// When: minute, hour, day of month, month, day of week, e.g. '30 2 * * MON-FRI'
    #[arg(long, value_name = "EXPRESSION")]
    cron: String,
    /// Time zone in which that is read, e.g. Europe/Berlin [default: the tenant's]
    #[arg(long, value_name = "ZONE", default_value = "", hide_default_value = true)]
    time_zone: String,
    /// What becomes of times at which no server could start anything
    #[arg(long, value_name = "POLICY", default_value = "skip")]
    catch_up: CatchUp,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// Begin paused
    #[arg(long)]
    paused: bool,
    #[command(flatten)]
    parameters: ParameterArgs,
    /// Version to run [default: the one that is current then]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    version: Option<i32>,
    /// A shorter time limit than the utility's own, e.g. 10s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Run an execution once more if the server that runs it is lost; its code may then have run twice
    #[arg(long)]
    retry_if_lost: bool,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Update {
    /// Schedule: its id, or its full name
    name: String,
    /// When: minute, hour, day of month, month, day of week
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// Time zone in which that is read; empty for the tenant's
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// What becomes of times at which no server could start anything
    #[arg(long, value_name = "POLICY")]
    catch_up: Option<CatchUp>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    parameters: ParameterArgs,
    /// Take the parameters and secrets that are named here in place of those before; none where none is named
    #[arg(long)]
    replace_parameters: bool,
    /// Version to run; 0 for the one that is current then
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    version: Option<i32>,
    /// A shorter time limit than the utility's own, e.g. 10s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Only when the schedule still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

impl Schedule {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Schedule::Create(create) => create.run(context).await,
            Schedule::Get(Name { name }) => {
                let request = pb::GetScheduleRequest { name: names::schedule(&context.tenant, name) };
                let client = context.connect().await?;
                show(context, &client.schedules().get_schedule(soon(request)).await.map_err(explained)?.into_inner())
            }
            Schedule::List => list(context).await,
            Schedule::Update(update) => update.run(context).await,
            Schedule::Pause(Asked { name, etag, request }) => {
                let (name, etag, client) = (names::schedule(&context.tenant, name), etag.clone(), context.connect().await?);
                let asked = |request_id| pb::PauseScheduleRequest { name, etag, request_id };
                let paused = request.once(asked, async |asked| client.schedules().pause_schedule(asked).await).await;
                show(context, &paused.map_err(explained)?)
            }
            Schedule::Resume(Asked { name, etag, request }) => {
                let (name, etag, client) = (names::schedule(&context.tenant, name), etag.clone(), context.connect().await?);
                let asked = |request_id| pb::ResumeScheduleRequest { name, etag, request_id };
                let resumed = request.once(asked, async |asked| client.schedules().resume_schedule(asked).await).await;
                show(context, &resumed.map_err(explained)?)
            }
            Schedule::Delete(Asked { name, etag, request }) => {
                let (name, etag, client) = (names::schedule(&context.tenant, name), etag.clone(), context.connect().await?);
                let asked = |request_id| pb::DeleteScheduleRequest { name, etag, request_id };
                let deleted = request.once(asked, async |asked| client.schedules().delete_schedule(asked).await).await;
                let deleted = deleted.map_err(explained)?;
                context.output.one(|| document(&deleted), || format!("{} deleted\n", deleted.name))?;
                Ok(Exit::Ok)
            }
        }
    }
}

impl CatchUp {
    fn to_wire(self) -> i32 {
        match self {
            CatchUp::Skip => pb::CatchUpPolicy::Skip,
            CatchUp::Once => pb::CatchUpPolicy::Once,
            CatchUp::All => pb::CatchUpPolicy::All,
        }
        .into()
    }
}

impl Create {
    async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.utility)?.to_string();
        let schedule = pb::Schedule {
            description: self.description.clone(),
            cron: self.cron.clone(),
            time_zone: self.time_zone.clone(),
            catch_up: self.catch_up.to_wire(),
            paused: self.paused,
            version: self.version.unwrap_or_default(),
            params_json: self.parameters.json(false)?,
            secret_parameters: self.parameters.secrets(&context.tenant)?,
            timeout: self.timeout.map(proto_duration).transpose()?,
            retry_if_lost: self.retry_if_lost,
            ..Default::default()
        };
        let schedule_id = self.id.clone();
        let request = |request_id| pb::CreateScheduleRequest { name, schedule_id, schedule: Some(schedule), request_id };
        let client = context.connect().await?;
        let made = self.request.once(request, async |request| client.schedules().create_schedule(request).await).await?;
        show(context, &made)
    }
}

impl Update {
    async fn run(&self, context: &Context) -> Result {
        let said = [
            ("description", self.description.is_some()),
            ("cron", self.cron.is_some()),
            ("time_zone", self.time_zone.is_some()),
            ("catch_up", self.catch_up.is_some()),
            ("version", self.version.is_some()),
            ("params_json", self.replace_parameters),
            ("secret_parameters", self.replace_parameters),
            ("timeout", self.timeout.is_some()),
        ];
        let paths: Vec<String> = said.into_iter().filter(|(_, said)| *said).map(|(field, _)| field.to_owned()).collect();
        if paths.is_empty() {
            return Err(Failure::usage("nothing to change was named").hint("`zona schedule update --help` lists what can be changed"));
        }
        let schedule = pb::Schedule {
            description: self.description.clone().unwrap_or_default(),
            cron: self.cron.clone().unwrap_or_default(),
            time_zone: self.time_zone.clone().unwrap_or_default(),
            catch_up: self.catch_up.map(CatchUp::to_wire).unwrap_or_default(),
            version: self.version.unwrap_or_default(),
            params_json: self.parameters.json(false)?,
            secret_parameters: self.parameters.secrets(&context.tenant)?,
            timeout: self.timeout.map(proto_duration).transpose()?,
            etag: self.etag.clone(),
            ..Default::default()
        };
        let (name, update_mask) = (names::schedule(&context.tenant, &self.name), Some(prost_types::FieldMask { paths }));
        let request = |request_id| pb::UpdateScheduleRequest { name, schedule: Some(schedule), update_mask, request_id };
        let client = context.connect().await?;
        let changed = self.request.once(request, async |request| client.schedules().update_schedule(request).await).await;
        show(context, &changed.map_err(explained)?)
    }
}

async fn list(context: &Context) -> Result {
    let (client, parent) = (context.connect().await?, names::parent(&context.tenant));
    let found = every(|page_token| async {
        let request = pb::ListSchedulesRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
        let page = client.schedules().list_schedules(soon(request)).await?.into_inner();
        Ok((page.schedules, page.next_page_token))
    })
    .await?;
    context.output.list(&found, document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

fn explained(status: tonic::Status) -> Failure {
    Failure::from(status).hint_on(Exit::NotFound, "`zona schedule list` shows what there is")
}

fn row(schedule: &pb::Schedule) -> Vec<String> {
    let next = if schedule.paused { "paused".to_owned() } else { moment(schedule.next_time.as_ref()) };
    let (id, utility) = (names::id(&schedule.name).to_owned(), names::id(&schedule.utility).to_owned());
    vec![id, schedule.cron.clone(), schedule.time_zone.clone(), utility, next, last(schedule)]
}

/// What became of its last time, in a word or two.
fn last(schedule: &pb::Schedule) -> String {
    schedule.last_firing.as_ref().map_or_else(String::new, |firing| match firing.reason.is_empty() {
        true => moment(firing.due_time.as_ref()),
        false => format!("{} {}", moment(firing.due_time.as_ref()), firing.reason),
    })
}

fn show(context: &Context, schedule: &pb::Schedule) -> Result {
    let firing = schedule.last_firing.clone().unwrap_or_default();
    let rows = || {
        fields(&[
            ("name", schedule.name.clone()),
            ("utility", schedule.utility.clone()),
            ("owner", schedule.owner.clone()),
            ("cron", schedule.cron.clone()),
            ("time zone", schedule.time_zone.clone()),
            ("next", if schedule.paused { "paused".to_owned() } else { moment(schedule.next_time.as_ref()) }),
            ("last", last(schedule)),
            ("last execution", firing.execution.clone()),
            ("why not", firing.description.clone()),
            ("missed", schedule.missed_count.to_string()),
            ("description", schedule.description.clone()),
            ("etag", schedule.etag.clone()),
        ])
    };
    context.output.one(|| document(schedule), rows)?;
    Ok(Exit::Ok)
}
