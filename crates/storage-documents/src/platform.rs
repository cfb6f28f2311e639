//! The document of a revision of the platform.

use std::collections::BTreeMap;

use domain::name::PrincipalName;
use domain::process::{
    Asked, Desired, Failure, IntegrationOverride, IntegrationsWanted, Notation, Outcome, Override, PlatformRevision, PortHolder, Standing,
};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, parsed};

/// See [`PlatformRevision`]; its number is the row's key, and the manifest stands beside it. Both are sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct PlatformDocument {
    notation: NotationDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    overrides: BTreeMap<String, OverrideDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    integrations: Vec<IntegrationDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leases: Vec<LeaseDocument>,
    asked: AskedDocument,
    author: String,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<EndDocument>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NotationDocument {
    Yaml,
    Json,
}

#[derive(Debug, Serialize, Deserialize)]
struct OverrideDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replicas: Option<u32>,
    #[serde(default, skip_serializing_if = "is_zero")]
    restarts: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AskedDocument {
    Apply,
    Start(String),
    Stop(String),
    Restart(String),
    Scale(String, u32),
    #[serde(rename = "start_integration")]
    StartIntegration(i32),
    #[serde(rename = "stop_integration")]
    StopIntegration(i32),
}

#[derive(Debug, Serialize, Deserialize)]
struct IntegrationDocument {
    id: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LeaseDocument {
    id: i32,
    name: String,
    port: u16,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct EndDocument {
    outcome: OutcomeDocument,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<FailureDocument>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeDocument {
    Reached,
    RolledBack,
    Failed,
    Superseded,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FailureDocument {
    service: String,
    step: String,
    message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    log: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left: Vec<String>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl From<&PlatformRevision> for PlatformDocument {
    fn from(revision: &PlatformRevision) -> Self {
        let desired = &revision.desired;
        PlatformDocument {
            notation: match desired.notation {
                Notation::Yaml => NotationDocument::Yaml,
                Notation::Json => NotationDocument::Json,
            },
            environment: desired.environment.clone(),
            overrides: desired.overrides.iter().map(|(name, over)| (name.clone(), over.into())).collect(),
            integrations: desired.integrations.overrides.iter().map(IntegrationDocument::from).collect(),
            leases: desired.integrations.leases.iter().map(LeaseDocument::from).collect(),
            asked: (&revision.asked).into(),
            author: revision.author.to_string(),
            created: revision.created.as_millis(),
            ended: match &revision.standing {
                Standing::UnderWay => None,
                Standing::Ended(outcome, at) => Some(EndDocument::of(outcome, *at)),
            },
        }
    }
}

impl PlatformDocument {
    /// The revision of this number, with its manifest.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_revision(self, number: u64, manifest: &str) -> Result<PlatformRevision, InvalidField> {
        let desired = Desired {
            revision: number,
            manifest: manifest.into(),
            notation: match self.notation {
                NotationDocument::Yaml => Notation::Yaml,
                NotationDocument::Json => Notation::Json,
            },
            environment: self.environment,
            overrides: self.overrides.into_iter().map(|(name, over)| (name, over.into())).collect(),
            integrations: IntegrationsWanted {
                overrides: self.integrations.into_iter().map(IntegrationDocument::into_override).collect(),
                leases: self.leases.into_iter().map(LeaseDocument::into_lease).collect(),
            },
        };
        Ok(PlatformRevision {
            desired,
            asked: self.asked.into(),
            author: parsed("author", PrincipalName::parse("author", &self.author).ok())?,
            created: Timestamp::from_millis(self.created),
            standing: self.ended.map_or(Ok(Standing::UnderWay), EndDocument::into_standing)?,
        })
    }

    /// What came of it so far.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn standing(&self) -> Result<Standing, InvalidField> {
        self.ended.clone().map_or(Ok(Standing::UnderWay), EndDocument::into_standing)
    }

    /// Notes what came of it, where its standing [gives way](Standing::gives_way_to) to that; says whether it did.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn settle(&mut self, outcome: &Outcome, at: Timestamp) -> Result<bool, InvalidField> {
        let gives_way = self.standing()?.gives_way_to(outcome);
        if gives_way {
            self.ended = Some(EndDocument::of(outcome, at));
        }
        Ok(gives_way)
    }
}

impl From<&Override> for OverrideDocument {
    fn from(over: &Override) -> Self {
        OverrideDocument { enabled: over.enabled, replicas: over.replicas, restarts: over.restarts }
    }
}

impl From<OverrideDocument> for Override {
    fn from(over: OverrideDocument) -> Self {
        Override { enabled: over.enabled, replicas: over.replicas, restarts: over.restarts }
    }
}

impl From<(&i32, &IntegrationOverride)> for IntegrationDocument {
    fn from((id, over): (&i32, &IntegrationOverride)) -> Self {
        IntegrationDocument { id: *id, enabled: over.enabled, parameters: over.parameters.clone() }
    }
}

impl IntegrationDocument {
    fn into_override(self) -> (i32, IntegrationOverride) {
        (self.id, IntegrationOverride { enabled: self.enabled, parameters: self.parameters })
    }
}

impl From<(&PortHolder, &u16)> for LeaseDocument {
    fn from((holder, port): (&PortHolder, &u16)) -> Self {
        LeaseDocument { id: holder.integration_id, name: holder.port.clone(), port: *port }
    }
}

impl LeaseDocument {
    fn into_lease(self) -> (PortHolder, u16) {
        (PortHolder { integration_id: self.id, port: self.name }, self.port)
    }
}

impl From<&Asked> for AskedDocument {
    fn from(asked: &Asked) -> Self {
        match asked.clone() {
            Asked::Apply => AskedDocument::Apply,
            Asked::Start(service) => AskedDocument::Start(service),
            Asked::Stop(service) => AskedDocument::Stop(service),
            Asked::Restart(service) => AskedDocument::Restart(service),
            Asked::Scale(service, replicas) => AskedDocument::Scale(service, replicas),
            Asked::StartIntegration(id) => AskedDocument::StartIntegration(id),
            Asked::StopIntegration(id) => AskedDocument::StopIntegration(id),
        }
    }
}

impl From<AskedDocument> for Asked {
    fn from(asked: AskedDocument) -> Self {
        match asked {
            AskedDocument::Apply => Asked::Apply,
            AskedDocument::Start(service) => Asked::Start(service),
            AskedDocument::Stop(service) => Asked::Stop(service),
            AskedDocument::Restart(service) => Asked::Restart(service),
            AskedDocument::Scale(service, replicas) => Asked::Scale(service, replicas),
            AskedDocument::StartIntegration(id) => Asked::StartIntegration(id),
            AskedDocument::StopIntegration(id) => Asked::StopIntegration(id),
        }
    }
}

impl EndDocument {
    fn of(outcome: &Outcome, at: Timestamp) -> Self {
        let (outcome, failure) = match outcome {
            Outcome::Reached => (OutcomeDocument::Reached, None),
            Outcome::RolledBack(failure) => (OutcomeDocument::RolledBack, Some(failure)),
            Outcome::Failed(failure) => (OutcomeDocument::Failed, Some(failure)),
            Outcome::Superseded => (OutcomeDocument::Superseded, None),
        };
        EndDocument { outcome, at: at.as_millis(), failure: failure.cloned().map(FailureDocument::from) }
    }

    fn into_standing(self) -> Result<Standing, InvalidField> {
        let failure = || parsed("failure", self.failure).map(Failure::from);
        let outcome = match self.outcome {
            OutcomeDocument::Reached => Outcome::Reached,
            OutcomeDocument::RolledBack => Outcome::RolledBack(failure()?),
            OutcomeDocument::Failed => Outcome::Failed(failure()?),
            OutcomeDocument::Superseded => Outcome::Superseded,
        };
        Ok(Standing::Ended(outcome, Timestamp::from_millis(self.at)))
    }
}

impl From<Failure> for FailureDocument {
    fn from(failure: Failure) -> Self {
        let Failure { service, step, message, log, left } = failure;
        FailureDocument { service, step, message, log, left }
    }
}

impl From<FailureDocument> for Failure {
    fn from(failure: FailureDocument) -> Self {
        let FailureDocument { service, step, message, log, left } = failure;
        Failure { service, step, message, log, left }
    }
}
