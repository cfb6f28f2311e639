//! `zona ps apply FILE`, and waiting for what a change of the platform comes to.

use std::time::Duration;

use api_proto::zona::process::v1 as pb;
use clap::Args;
use pb::watch_status_response::What;
use tonic::Streaming;

use crate::client::repeated::RequestId;
use crate::client::{Client, soon};
use crate::context::Context;
use crate::document::Document;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{note, progress};
use crate::pending::Pending;

/// How often it is looked what has come of a change, also where nothing is heard.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub struct Waiting {
    /// Answer once the change is stored, without waiting for what it comes to
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for what it comes to; the change goes on behind that
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "15m")]
    timeout: Duration,
}

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct Apply {
    /// Only when the platform still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    request: RequestId,
}

impl Apply {
    /// Applies a manifest.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context, manifest: String, environment: String) -> Pending<'a> {
        Box::pin(async move {
            let client = context.connect().await?;
            let etag = self.etag.clone();
            let asked = |request_id| pb::ApplyManifestRequest { manifest, environment, etag, request_id };
            let applied = self.request.once(asked, async |asked| client.processes().apply_manifest(asked).await).await?;
            outcome(context, &client, applied.revision, &self.waiting).await
        })
    }
}

/// What applying a manifest would do now, in the form in which plans without a server are printed, too.
///
/// # Errors
/// What the person should read.
pub async fn plan(context: &Context, manifest: String, environment: String) -> Result {
    let client = context.connect().await?;
    let request = pb::PlanManifestRequest { manifest, environment };
    let plan = client.processes().plan_manifest(soon(request)).await?.into_inner();
    context.output.one(|| whole(&plan), || human(&plan))?;
    Ok(Exit::Ok)
}

/// Waits for what a revision comes to, and says it.
pub(super) async fn outcome(context: &Context, client: &Client, revision: i64, waiting: &Waiting) -> Result {
    let found = match waiting.no_wait {
        true => look(client).await?,
        false => match tokio::time::timeout(waiting.timeout, ended(client, revision)).await {
            Ok(found) => found?,
            Err(_elapsed) => {
                let message = format!("revision {revision} is still under way");
                return Err(Failure::new(Exit::Timeout, message).hint("it goes on; `zona ps` shows how far it is"));
            }
        },
    };
    if found.revision != revision {
        note(&format!("revision {revision} was followed by revision {}, which is shown", found.revision));
    }
    let shown = pb::Platform { manifest: String::new(), ..found };
    context.output.one(|| document(&shown), || words(&shown))?;
    Ok(exit(&shown, revision))
}

/// How a command that has asked for a revision ends, by what is shown.
fn exit(shown: &pb::Platform, revision: i64) -> Exit {
    match shown.state() {
        pb::PlatformState::RolledBack | pb::PlatformState::Failed => Exit::UserCode,
        pb::PlatformState::Superseded => Exit::Conflict,
        // What it came to itself is not known then.
        pb::PlatformState::Unspecified | pb::PlatformState::UnderWay | pb::PlatformState::Reached if shown.revision != revision => {
            Exit::Conflict
        }
        pb::PlatformState::Unspecified | pb::PlatformState::UnderWay | pb::PlatformState::Reached => Exit::Ok,
    }
}

/// The platform once no revision is under way any more, be it the one that was asked for or one that took over from it. What is heard meanwhile is progress.
async fn ended(client: &Client, revision: i64) -> Result<pb::Platform> {
    let request = pb::WatchStatusRequest { after_sequence: None };
    // Progress is for people only: where it cannot be had, the answer still can.
    let mut heard = client.processes().watch_status(request).await.ok().map(tonic::Response::into_inner);
    loop {
        let found = look(client).await?;
        if found.state() != pb::PlatformState::UnderWay {
            return Ok(found);
        }
        if tokio::time::timeout(LOOK_EVERY, hear(&mut heard, revision)).await.is_ok() {
            heard = None;
        }
    }
}

/// Tells of progress until the stream ends.
async fn hear(heard: &mut Option<Streaming<pb::WatchStatusResponse>>, revision: i64) {
    let Some(stream) = heard else { return std::future::pending().await };
    while let Ok(Some(told)) = stream.message().await {
        match told.what {
            Some(What::Progress(step)) if step.revision == revision => {
                progress(&format!("wave {} of {}: {}", step.wave, step.waves, step.message));
            }
            Some(What::Service(service)) if !service.detail.is_empty() => progress(&format!("{}: {}", service.name, service.detail)),
            _ => {}
        }
    }
}

async fn look(client: &Client) -> Result<pb::Platform> {
    Ok(client.processes().get_platform(soon(pb::GetPlatformRequest {})).await?.into_inner())
}

fn words(platform: &pb::Platform) -> String {
    let state = match platform.state() {
        pb::PlatformState::Unspecified => "unknown",
        pb::PlatformState::UnderWay => "under way",
        pb::PlatformState::Reached => "reached",
        pb::PlatformState::RolledBack => "failed, and taken back",
        pb::PlatformState::Failed => "failed, and left as it is",
        pb::PlatformState::Superseded => "superseded",
    };
    let mut text = format!("revision {} ({}): {state}\n", platform.revision, platform.change);
    if let Some(failure) = &platform.failure {
        text.push_str(&format!("  {}, {}: {}\n", failure.service_name, failure.step, failure.message));
        failure.log.iter().for_each(|line| text.push_str(&format!("    | {line}\n")));
        if !failure.left.is_empty() {
            text.push_str(&format!("  left as they were: {}\n", failure.left.join(", ")));
        }
    }
    text
}

fn whole(plan: &pb::Plan) -> Document {
    let wave = |(number, wave): (usize, &pb::Wave)| {
        Document::object([
            ("wave", Document::Integer(number as i128 + 1)),
            ("actions", Document::List(wave.actions.iter().map(action).collect())),
        ])
    };
    Document::object([("waves", Document::List(plan.waves.iter().enumerate().map(wave).collect()))])
}

fn action(action: &pb::PlannedAction) -> Document {
    let texts = |texts: &[String]| Document::List(texts.iter().map(|text| Document::from(text.clone())).collect());
    Document::object([
        ("service", Document::from(action.service_name.clone())),
        ("action", Document::from(action.kind.clone())),
        ("reasons", texts(&action.reasons)),
        ("steps", texts(&action.steps)),
    ])
}

fn human(plan: &pb::Plan) -> String {
    if plan.waves.is_empty() {
        return "nothing to do\n".to_owned();
    }
    let mut text = String::new();
    for (number, wave) in plan.waves.iter().enumerate() {
        text.push_str(&format!("wave {}\n", number + 1));
        for action in &wave.actions {
            text.push_str(&format!("  {} {}: {}\n", action.kind, action.service_name, action.reasons.join("; ")));
            action.steps.iter().for_each(|step| text.push_str(&format!("    {step}\n")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_step_its_last_lines_and_what_was_left() {
        let failure = pb::ApplyFailure {
            service_name: "web".to_owned(),
            step: "wait until healthy".to_owned(),
            message: "it ended with 1".to_owned(),
            log: vec!["no config".to_owned()],
            left: vec!["api".to_owned(), "db".to_owned()],
        };
        let platform = pb::Platform {
            revision: 7,
            change: "apply".to_owned(),
            state: pb::PlatformState::RolledBack.into(),
            failure: Some(failure),
            ..pb::Platform::default()
        };
        let expected = "revision 7 (apply): failed, and taken back\n  web, wait until healthy: it ended with 1\n    | no config\n  \
                        left as they were: api, db\n";
        assert_eq!(words(&platform), expected);
    }

    #[test]
    fn a_command_ends_well_only_where_its_own_revision_does() {
        let check = |revision, state: pb::PlatformState, expected| {
            let shown = pb::Platform { revision, state: state.into(), ..pb::Platform::default() };
            assert_eq!(exit(&shown, 7), expected, "{revision} {state:?}");
        };
        check(7, pb::PlatformState::Reached, Exit::Ok);
        check(7, pb::PlatformState::UnderWay, Exit::Ok);
        check(7, pb::PlatformState::Failed, Exit::UserCode);
        check(7, pb::PlatformState::Superseded, Exit::Conflict);
        check(8, pb::PlatformState::Reached, Exit::Conflict);
        check(8, pb::PlatformState::UnderWay, Exit::Conflict);
        check(8, pb::PlatformState::RolledBack, Exit::UserCode);
    }

    #[test]
    fn a_plan_without_waves_says_that_there_is_nothing_to_do() {
        assert_eq!(human(&pb::Plan::default()), "nothing to do\n");
    }
}
