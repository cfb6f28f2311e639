//! The document of an execution, and beside it what it took and gave, which stores seal.

use domain::execution::{Claimable, Execution, Mode, State, Values};
use domain::json::JsonText;
use domain::lease::{Fence, InstanceId};
use domain::name::{ExecutionId, ExecutionName, PrincipalName, RuntimeId, SecretName, TenantId, VersionName};
use domain::revision::Revision;
use domain::sandbox::{Attestation, BackendKind, BatteryPass, Failure, Isolation, Network, Reason, ResourceControl, Seccomp, Usage};
use domain::secret::SecretBinding;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definition::{KindDocument, LimitsDocument};
use crate::form::{InvalidField, parsed};

/// See [`Execution`]; tenant and id are the row's key, and [`ContentsDocument`] has the rest.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExecutionDocument {
    version: String,
    kind: KindDocument,
    mode: ModeDocument,
    caller: String,
    state: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<BindingDocument>,
    limits: LimitsDocument,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<u64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    request_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<UsageDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attestation: Option<AttestationDocument>,
    last_sequence: u64,
    instance: String,
    /// 0, of no lease, in documents of servers that held none.
    #[serde(default, skip_serializing_if = "is_none")]
    lease_token: u64,
    revision: u64,
}

/// What of an [`Execution`] its callers and its code have written. Documents of before it stood apart hold both, and are read as both.
#[derive(Debug, Serialize, Deserialize)]
pub struct ContentsDocument {
    params_json: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result_json: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<ValuesDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<FailureDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimable: Option<ClaimableDocument>,
}

/// See [`Claimable`].
#[derive(Debug, Serialize, Deserialize)]
struct ClaimableDocument {
    params_json: String,
    retries: u32,
}

/// See [`SecretBinding`].
#[derive(Debug, Serialize, Deserialize)]
struct BindingDocument {
    parameter: String,
    secret: String,
    version: u32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ModeDocument {
    Run,
    Transform,
}

#[derive(Debug, Serialize, Deserialize)]
struct ValuesDocument {
    count: u32,
    failed: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs_json: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    outcomes: Vec<OutcomeDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeDocument {
    ResultJson(String),
    Failure(FailureDocument),
}

#[derive(Debug, Serialize, Deserialize)]
struct FailureDocument {
    reason: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exception: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceback: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct UsageDocument {
    wall_micros: u64,
    user_micros: u64,
    system_micros: u64,
    peak_memory_bytes: u64,
    stdout_bytes: u64,
    stderr_bytes: u64,
    dropped_bytes: u64,
}

/// See [`Attestation`].
#[derive(Debug, Serialize, Deserialize)]
pub struct AttestationDocument {
    tier: String,
    backend: String,
    runtime: String,
    runtime_digest: String,
    python_version: String,
    sandbox: String,
    #[serde(default)]
    namespaces: Vec<String>,
    seccomp: String,
    no_new_privileges: bool,
    /// Hexadecimal: a mask of 64 bits does not fit the integers of every document store.
    capabilities: String,
    uid: u32,
    network: String,
    resource_control: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    battery: Option<BatteryDocument>,
    #[serde(default, skip_serializing_if = "is_fresh")]
    restored: u32,
}

/// Most are; and documents of before do not say so.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_fresh(restored: &u32) -> bool {
    *restored == 0
}

/// See [`BatteryPass`].
#[derive(Debug, Serialize, Deserialize)]
struct BatteryDocument {
    version: String,
    at: u64,
}

/// Whether a token belongs to no lease.
fn is_none(token: &u64) -> bool {
    *token == 0
}

// === impl ExecutionDocument ===

impl From<&Execution> for ExecutionDocument {
    fn from(execution: &Execution) -> Self {
        ExecutionDocument {
            version: execution.version.to_string(),
            kind: execution.kind.into(),
            mode: match execution.mode {
                Mode::Run => ModeDocument::Run,
                Mode::Transform => ModeDocument::Transform,
            },
            caller: execution.caller.to_string(),
            state: execution.state.as_str().to_owned(),
            secrets: execution.secrets.iter().map(BindingDocument::from).collect(),
            limits: (&execution.limits).into(),
            created: execution.created.as_millis(),
            started: execution.started.map(Timestamp::as_millis),
            ended: execution.ended.map(Timestamp::as_millis),
            request_id: execution.request_id.clone(),
            usage: execution.usage.as_ref().map(UsageDocument::from),
            attestation: execution.attestation.as_ref().map(AttestationDocument::from),
            last_sequence: execution.last_sequence,
            instance: execution.fence.holder.as_str().to_owned(),
            lease_token: execution.fence.token,
            revision: execution.revision.as_u64(),
        }
    }
}

impl ExecutionDocument {
    /// The execution under this key.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_execution(self, contents: ContentsDocument, tenant: TenantId, id: ExecutionId) -> Result<Execution, InvalidField> {
        Ok(Execution {
            name: ExecutionName { tenant, execution: id },
            version: parsed("version", VersionName::parse("version", &self.version).ok())?,
            kind: self.kind.into(),
            mode: match self.mode {
                ModeDocument::Run => Mode::Run,
                ModeDocument::Transform => Mode::Transform,
            },
            caller: parsed("caller", PrincipalName::parse("caller", &self.caller).ok())?,
            state: parsed("state", State::from_name(&self.state))?,
            params_json: JsonText::read(contents.params_json),
            secrets: self.secrets.into_iter().map(SecretBinding::try_from).collect::<Result<_, InvalidField>>()?,
            limits: self.limits.into(),
            created: Timestamp::from_millis(self.created),
            started: self.started.map(Timestamp::from_millis),
            ended: self.ended.map(Timestamp::from_millis),
            result_json: contents.result_json.map(JsonText::read),
            values: contents.values.map(Values::try_from).transpose()?,
            request_id: self.request_id,
            failure: contents.failure.map(Failure::try_from).transpose()?,
            usage: self.usage.map(Usage::from),
            attestation: self.attestation.map(Attestation::try_from).transpose()?,
            last_sequence: self.last_sequence,
            claimable: contents.claimable.map(Claimable::from),
            fence: Fence { holder: InstanceId::new(self.instance), token: self.lease_token },
            revision: Revision::from_stored(self.revision),
        })
    }
}

// === impl ContentsDocument ===

impl From<&Execution> for ContentsDocument {
    fn from(execution: &Execution) -> Self {
        ContentsDocument {
            params_json: execution.params_json.to_string(),
            result_json: execution.result_json.clone().map(JsonText::into_string),
            values: execution.values.as_ref().map(ValuesDocument::from),
            failure: execution.failure.as_ref().map(FailureDocument::from),
            claimable: execution.claimable.as_ref().map(ClaimableDocument::from),
        }
    }
}

// === impl ClaimableDocument ===

impl From<&Claimable> for ClaimableDocument {
    fn from(claimable: &Claimable) -> Self {
        ClaimableDocument { params_json: claimable.params_json.to_string(), retries: claimable.retries }
    }
}

impl From<ClaimableDocument> for Claimable {
    fn from(document: ClaimableDocument) -> Self {
        Claimable { params_json: document.params_json.into(), retries: document.retries }
    }
}

// === impl BindingDocument ===

impl From<&SecretBinding> for BindingDocument {
    fn from(binding: &SecretBinding) -> Self {
        let SecretBinding { parameter, secret, version } = binding;
        BindingDocument { parameter: parameter.clone(), secret: secret.to_string(), version: *version }
    }
}

impl TryFrom<BindingDocument> for SecretBinding {
    type Error = InvalidField;

    fn try_from(document: BindingDocument) -> Result<Self, InvalidField> {
        let secret = parsed("secrets", SecretName::parse("secret", &document.secret).ok())?;
        Ok(SecretBinding { parameter: document.parameter, secret, version: document.version })
    }
}

// === impl ValuesDocument ===

impl From<&Values> for ValuesDocument {
    fn from(values: &Values) -> Self {
        let outcome = |outcome: &Result<JsonText, Failure>| match outcome {
            Ok(result) => OutcomeDocument::ResultJson(result.to_string()),
            Err(failure) => OutcomeDocument::Failure(failure.into()),
        };
        ValuesDocument {
            count: values.count,
            failed: values.failed,
            inputs_json: values.inputs_json.iter().map(JsonText::to_string).collect(),
            outcomes: values.outcomes.iter().map(outcome).collect(),
        }
    }
}

impl TryFrom<ValuesDocument> for Values {
    type Error = InvalidField;

    fn try_from(document: ValuesDocument) -> Result<Self, InvalidField> {
        let outcome = |outcome| match outcome {
            OutcomeDocument::ResultJson(result) => Ok(Ok(JsonText::read(result))),
            OutcomeDocument::Failure(failure) => Failure::try_from(failure).map(Err),
        };
        let outcomes = document.outcomes.into_iter().map(outcome).collect::<Result<_, InvalidField>>()?;
        let inputs_json = document.inputs_json.into_iter().map(JsonText::read).collect();
        Ok(Values { count: document.count, failed: document.failed, inputs_json, outcomes })
    }
}

// === impl FailureDocument ===

impl From<&Failure> for FailureDocument {
    fn from(failure: &Failure) -> Self {
        FailureDocument {
            reason: failure.reason.as_str().to_owned(),
            message: failure.message.clone(),
            exception: failure.exception.clone(),
            traceback: failure.traceback.clone(),
            line: failure.line,
            exit_code: failure.exit_code,
            signal: failure.signal.clone(),
        }
    }
}

impl TryFrom<FailureDocument> for Failure {
    type Error = InvalidField;

    fn try_from(document: FailureDocument) -> Result<Self, InvalidField> {
        Ok(Failure {
            reason: parsed("failure.reason", Reason::from_name(&document.reason))?,
            message: document.message,
            exception: document.exception,
            traceback: document.traceback,
            line: document.line,
            exit_code: document.exit_code,
            signal: document.signal,
        })
    }
}

// === impl UsageDocument ===

impl From<&Usage> for UsageDocument {
    fn from(usage: &Usage) -> Self {
        UsageDocument {
            wall_micros: usage.wall_micros,
            user_micros: usage.user_micros,
            system_micros: usage.system_micros,
            peak_memory_bytes: usage.peak_memory_bytes,
            stdout_bytes: usage.stdout_bytes,
            stderr_bytes: usage.stderr_bytes,
            dropped_bytes: usage.dropped_bytes,
        }
    }
}

impl From<UsageDocument> for Usage {
    fn from(document: UsageDocument) -> Self {
        Usage {
            wall_micros: document.wall_micros,
            user_micros: document.user_micros,
            system_micros: document.system_micros,
            peak_memory_bytes: document.peak_memory_bytes,
            stdout_bytes: document.stdout_bytes,
            stderr_bytes: document.stderr_bytes,
            dropped_bytes: document.dropped_bytes,
        }
    }
}

// === impl AttestationDocument ===

impl From<&Attestation> for AttestationDocument {
    fn from(attestation: &Attestation) -> Self {
        AttestationDocument {
            tier: attestation.tier.tier().to_owned(),
            backend: attestation.backend.as_str().to_owned(),
            runtime: attestation.runtime.to_string(),
            runtime_digest: attestation.runtime_digest.clone(),
            python_version: attestation.python_version.clone(),
            sandbox: attestation.sandbox.clone(),
            namespaces: attestation.namespaces.clone(),
            seccomp: attestation.seccomp.as_str().to_owned(),
            no_new_privileges: attestation.no_new_privileges,
            capabilities: format!("{:x}", attestation.capabilities),
            uid: attestation.uid,
            network: attestation.network.as_str().to_owned(),
            resource_control: attestation.resource_control.as_str().to_owned(),
            battery: attestation.battery.as_ref().map(BatteryDocument::from),
            restored: attestation.restored,
        }
    }
}

impl TryFrom<AttestationDocument> for Attestation {
    type Error = InvalidField;

    fn try_from(document: AttestationDocument) -> Result<Self, InvalidField> {
        Ok(Attestation {
            tier: parsed("attestation.tier", Isolation::from_tier(&document.tier))?,
            backend: parsed("attestation.backend", BackendKind::from_name(&document.backend))?,
            runtime: RuntimeId::new(document.runtime),
            runtime_digest: document.runtime_digest,
            python_version: document.python_version,
            sandbox: document.sandbox,
            namespaces: document.namespaces,
            seccomp: parsed("attestation.seccomp", Seccomp::from_name(&document.seccomp))?,
            no_new_privileges: document.no_new_privileges,
            capabilities: parsed("attestation.capabilities", u64::from_str_radix(&document.capabilities, 16).ok())?,
            uid: document.uid,
            network: parsed("attestation.network", Network::from_name(&document.network))?,
            resource_control: parsed("attestation.resource_control", ResourceControl::from_name(&document.resource_control))?,
            battery: document.battery.map(BatteryPass::from),
            restored: document.restored,
        })
    }
}

impl From<&BatteryPass> for BatteryDocument {
    fn from(pass: &BatteryPass) -> Self {
        BatteryDocument { version: pass.version.clone(), at: pass.at.as_millis() }
    }
}

impl From<BatteryDocument> for BatteryPass {
    fn from(document: BatteryDocument) -> Self {
        BatteryPass { version: document.version, at: Timestamp::from_millis(document.at) }
    }
}
