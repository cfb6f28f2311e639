//! The document of a schedule.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::name::{ExecutionName, PrincipalName, ScheduleName, SecretName, UtilityName};
use domain::revision::Revision;
use domain::schedule::{CatchUp, Fired, FiredAs, Program, Schedule};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, parsed};

/// See [`Schedule`]; tenant and id are the row's keys, and the parameters stand beside it, sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct ScheduleDocument {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    owner: String,
    program: ProgramDocument,
    cron: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    time_zone: String,
    catch_up: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<FiredDocument>,
    #[serde(default)]
    missed: u64,
    created: u64,
    updated: u64,
    edition: u64,
    revision: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct ProgramDocument {
    utility: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    retry_if_lost: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct FiredDocument {
    due: u64,
    at: u64,
    #[serde(flatten)]
    outcome: OutcomeDocument,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum OutcomeDocument {
    Started { execution: String },
    Refused { reason: String, description: String },
    Missed,
}

impl From<&Schedule> for ScheduleDocument {
    fn from(schedule: &Schedule) -> Self {
        ScheduleDocument {
            description: schedule.description.clone(),
            owner: schedule.owner.to_string(),
            program: ProgramDocument::from(&schedule.program),
            cron: schedule.cron.clone(),
            time_zone: schedule.time_zone.clone(),
            catch_up: schedule.catch_up.as_str().to_owned(),
            paused: schedule.paused,
            next: schedule.next.map(Timestamp::as_millis),
            last: schedule.last.as_ref().map(FiredDocument::from),
            missed: schedule.missed,
            created: schedule.created.as_millis(),
            updated: schedule.updated.as_millis(),
            edition: schedule.edition,
            revision: schedule.revision.as_u64(),
        }
    }
}

impl From<&Program> for ProgramDocument {
    fn from(program: &Program) -> Self {
        let millis = |timeout: Duration| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        ProgramDocument {
            utility: program.utility.to_string(),
            version: program.version,
            secrets: program.secrets.iter().map(|(parameter, secret)| (parameter.clone(), secret.to_string())).collect(),
            timeout_ms: program.timeout.map(millis),
            retry_if_lost: program.retry_if_lost,
        }
    }
}

impl From<&Fired> for FiredDocument {
    fn from(fired: &Fired) -> Self {
        let outcome = match &fired.outcome {
            FiredAs::Started(execution) => OutcomeDocument::Started { execution: execution.to_string() },
            FiredAs::Refused { reason, description } => {
                OutcomeDocument::Refused { reason: reason.clone(), description: description.clone() }
            }
            FiredAs::Missed => OutcomeDocument::Missed,
        };
        FiredDocument { due: fired.due.as_millis(), at: fired.at.as_millis(), outcome }
    }
}

impl ScheduleDocument {
    /// The schedule of this name, with its parameters.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_schedule(self, name: ScheduleName, params_json: String) -> Result<Schedule, InvalidField> {
        Ok(Schedule {
            name,
            description: self.description,
            owner: parsed("owner", PrincipalName::parse("owner", &self.owner).ok())?,
            program: self.program.into_program(params_json)?,
            cron: self.cron,
            time_zone: self.time_zone,
            catch_up: parsed("catch_up", CatchUp::parse(&self.catch_up))?,
            paused: self.paused,
            next: self.next.map(Timestamp::from_millis),
            last: self.last.map(FiredDocument::into_fired).transpose()?,
            missed: self.missed,
            created: Timestamp::from_millis(self.created),
            updated: Timestamp::from_millis(self.updated),
            edition: self.edition,
            revision: Revision::from_stored(self.revision),
        })
    }
}

impl ProgramDocument {
    fn into_program(self, params_json: String) -> Result<Program, InvalidField> {
        let secret = |(parameter, text): (String, String)| -> Result<_, InvalidField> {
            Ok((parameter, parsed("secrets", SecretName::parse("secrets", &text).ok())?))
        };
        Ok(Program {
            utility: parsed("utility", UtilityName::parse("utility", &self.utility).ok())?,
            version: self.version,
            params_json,
            secrets: self.secrets.into_iter().map(secret).collect::<Result<_, InvalidField>>()?,
            timeout: self.timeout_ms.map(Duration::from_millis),
            retry_if_lost: self.retry_if_lost,
        })
    }
}

impl FiredDocument {
    fn into_fired(self) -> Result<Fired, InvalidField> {
        let outcome = match self.outcome {
            OutcomeDocument::Started { execution } => {
                FiredAs::Started(parsed("execution", ExecutionName::parse("execution", &execution).ok())?)
            }
            OutcomeDocument::Refused { reason, description } => FiredAs::Refused { reason, description },
            OutcomeDocument::Missed => FiredAs::Missed,
        };
        Ok(Fired { due: Timestamp::from_millis(self.due), at: Timestamp::from_millis(self.at), outcome })
    }
}
