//! The documents of an operation: where it stands, what is asked of a chunk of its items, and what became of those.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::access::{Credential, CredentialKind, Origin};
use domain::execution::State;
use domain::identity::Role;
use domain::lease::{Fence, InstanceId};
use domain::name::{ApiKeyId, OperationName, PrincipalName, SecretName, SessionId, UtilityName};
use domain::operation::{Batch, Counts, Creator, Entry, Failure, Item, ItemOutcome, Operation, OperationState, Refusal};
use domain::revision::Revision;
use domain::sandbox::OnOutputLimit;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, parsed};

/// See [`Operation`]; tenant and id are the row's keys, and whether it is to stop stands beside it.
#[derive(Debug, Serialize, Deserialize)]
pub struct OperationDocument {
    creator: CreatorDocument,
    state: String,
    batch: BatchDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<WhyDocument>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    request_id: String,
    created: u64,
    updated: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<u64>,
    instance: String,
    lease_token: u64,
    revision: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct CreatorDocument {
    principal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    local: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credential: Option<CredentialDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CredentialDocument {
    kind: KindDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    issued: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindDocument {
    AccessToken,
    Session,
    ExternalToken,
    ApiKey,
    Certificate,
    Absence,
}

#[derive(Debug, Serialize, Deserialize)]
struct BatchDocument {
    total: u32,
    concurrency: u32,
    next: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    open: Vec<u32>,
    counts: CountsDocument,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct CountsDocument {
    succeeded: u32,
    failed: u32,
    timed_out: u32,
    cancelled: u32,
    denied: u32,
    lost: u32,
    refused: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct WhyDocument {
    reason: String,
    message: String,
}

/// What is asked of the items of a chunk; stored sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct EntriesDocument(Vec<EntryDocument>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EntryDocument {
    Item(ItemDocument),
    Refused(WhyDocument),
}

#[derive(Debug, Serialize, Deserialize)]
struct ItemDocument {
    utility: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    params_json: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop_at_output_limit: Option<bool>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    retry_if_lost: bool,
}

/// What became of the items of a chunk; stored sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct OutcomesDocument(Vec<OutcomeDocument>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeDocument {
    Started,
    Refused(WhyDocument),
    Ended(EndDocument),
}

#[derive(Debug, Serialize, Deserialize)]
struct EndDocument {
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

// === OperationDocument ===

impl From<&Operation> for OperationDocument {
    fn from(operation: &Operation) -> Self {
        OperationDocument {
            creator: (&operation.creator).into(),
            state: operation.state.as_str().to_owned(),
            batch: (&operation.batch).into(),
            failure: operation.failure.as_ref().map(|Failure { reason, message }| WhyDocument::new(reason, message)),
            request_id: operation.request_id.clone(),
            created: operation.created.as_millis(),
            updated: operation.updated.as_millis(),
            ended: operation.ended.map(Timestamp::as_millis),
            instance: operation.fence.holder.as_str().to_owned(),
            lease_token: operation.fence.token,
            revision: operation.revision.as_u64(),
        }
    }
}

impl OperationDocument {
    /// The operation of this name.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_operation(self, name: OperationName, cancel_asked: bool) -> Result<Operation, InvalidField> {
        Ok(Operation {
            name,
            creator: self.creator.into_creator()?,
            state: parsed("state", OperationState::from_name(&self.state))?,
            cancel_asked,
            batch: self.batch.into(),
            failure: self.failure.map(|WhyDocument { reason, message }| Failure { reason, message }),
            request_id: self.request_id,
            created: Timestamp::from_millis(self.created),
            updated: Timestamp::from_millis(self.updated),
            ended: self.ended.map(Timestamp::from_millis),
            fence: Fence { holder: InstanceId::new(self.instance), token: self.lease_token },
            revision: Revision::from_stored(self.revision),
        })
    }
}

impl From<&Creator> for CreatorDocument {
    fn from(creator: &Creator) -> Self {
        let credential = match &creator.origin {
            Origin::Credential(credential) => Some(credential.into()),
            Origin::Local | Origin::Elsewhere => None,
        };
        CreatorDocument {
            principal: creator.principal.to_string(),
            role: creator.role.map(|role| role.as_str().to_owned()),
            local: creator.origin == Origin::Local,
            credential,
        }
    }
}

impl CreatorDocument {
    fn into_creator(self) -> Result<Creator, InvalidField> {
        let origin = match (self.credential, self.local) {
            (Some(credential), _) => Origin::Credential(credential.into_credential()?),
            (None, true) => Origin::Local,
            (None, false) => Origin::Elsewhere,
        };
        let role = self.role.map(|role| parsed("role", Role::parse(&role))).transpose()?;
        Ok(Creator { principal: parsed("principal", PrincipalName::parse("principal", &self.principal).ok())?, origin, role })
    }
}

impl From<&Credential> for CredentialDocument {
    fn from(credential: &Credential) -> Self {
        let kind = match credential.kind {
            CredentialKind::AccessToken => KindDocument::AccessToken,
            CredentialKind::Session => KindDocument::Session,
            CredentialKind::ExternalToken => KindDocument::ExternalToken,
            CredentialKind::ApiKey => KindDocument::ApiKey,
            CredentialKind::Certificate => KindDocument::Certificate,
            CredentialKind::Absence => KindDocument::Absence,
        };
        CredentialDocument {
            kind,
            session: credential.session.as_ref().map(ToString::to_string),
            key: credential.key.as_ref().map(ToString::to_string),
            issuer: credential.issuer.as_ref().map(ToString::to_string),
            issued: credential.issued.as_millis(),
            expires: credential.expires.map(Timestamp::as_millis),
        }
    }
}

impl CredentialDocument {
    fn into_credential(self) -> Result<Credential, InvalidField> {
        let kind = match self.kind {
            KindDocument::AccessToken => CredentialKind::AccessToken,
            KindDocument::Session => CredentialKind::Session,
            KindDocument::ExternalToken => CredentialKind::ExternalToken,
            KindDocument::ApiKey => CredentialKind::ApiKey,
            KindDocument::Certificate => CredentialKind::Certificate,
            KindDocument::Absence => CredentialKind::Absence,
        };
        Ok(Credential {
            kind,
            session: self.session.map(|id| parsed("session", SessionId::parse("session", &id).ok())).transpose()?,
            key: self.key.map(|id| parsed("key", ApiKeyId::parse("key", &id).ok())).transpose()?,
            issuer: self.issuer.map(Into::into),
            issued: Timestamp::from_millis(self.issued),
            expires: self.expires.map(Timestamp::from_millis),
        })
    }
}

impl From<&Batch> for BatchDocument {
    fn from(batch: &Batch) -> Self {
        let Counts { succeeded, failed, timed_out, cancelled, denied, lost, refused } = batch.counts;
        BatchDocument {
            total: batch.total,
            concurrency: batch.concurrency,
            next: batch.next,
            open: batch.open.clone(),
            counts: CountsDocument { succeeded, failed, timed_out, cancelled, denied, lost, refused },
        }
    }
}

impl From<BatchDocument> for Batch {
    fn from(document: BatchDocument) -> Self {
        let CountsDocument { succeeded, failed, timed_out, cancelled, denied, lost, refused } = document.counts;
        Batch {
            total: document.total,
            concurrency: document.concurrency,
            next: document.next,
            open: document.open,
            counts: Counts { succeeded, failed, timed_out, cancelled, denied, lost, refused },
        }
    }
}

impl WhyDocument {
    fn new(reason: &str, message: &str) -> Self {
        WhyDocument { reason: reason.to_owned(), message: message.to_owned() }
    }
}

impl From<&Refusal> for WhyDocument {
    fn from(refusal: &Refusal) -> Self {
        WhyDocument::new(&refusal.reason, &refusal.message)
    }
}

impl From<WhyDocument> for Refusal {
    fn from(document: WhyDocument) -> Self {
        Refusal { reason: document.reason, message: document.message }
    }
}

// === EntriesDocument ===

impl From<&[Entry]> for EntriesDocument {
    fn from(entries: &[Entry]) -> Self {
        let entry = |entry: &Entry| match entry {
            Entry::Item(item) => EntryDocument::Item(item.as_ref().into()),
            Entry::Refused(refusal) => EntryDocument::Refused(refusal.into()),
        };
        EntriesDocument(entries.iter().map(entry).collect())
    }
}

impl EntriesDocument {
    /// What is asked.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_entries(self) -> Result<Vec<Entry>, InvalidField> {
        let entry = |entry| match entry {
            EntryDocument::Item(item) => item.into_item().map(|item| Entry::Item(Box::new(item))),
            EntryDocument::Refused(refusal) => Ok(Entry::Refused(refusal.into())),
        };
        self.0.into_iter().map(entry).collect()
    }
}

impl From<&Item> for ItemDocument {
    fn from(item: &Item) -> Self {
        ItemDocument {
            utility: item.utility.to_string(),
            version: item.version,
            params_json: item.params_json.clone(),
            secrets: item.secrets.iter().map(|(parameter, secret)| (parameter.clone(), secret.to_string())).collect(),
            timeout: item.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            stop_at_output_limit: item.on_output_limit.map(|action| action == OnOutputLimit::Stop),
            retry_if_lost: item.retry_if_lost,
        }
    }
}

impl ItemDocument {
    fn into_item(self) -> Result<Item, InvalidField> {
        let secret = |(parameter, secret): (String, String)| -> Result<_, InvalidField> {
            Ok((parameter, parsed("secrets", SecretName::parse("secrets", &secret).ok())?))
        };
        Ok(Item {
            utility: parsed("utility", UtilityName::parse("utility", &self.utility).ok())?,
            version: self.version,
            params_json: self.params_json,
            secrets: self.secrets.into_iter().map(secret).collect::<Result<_, InvalidField>>()?,
            timeout: self.timeout.map(Duration::from_millis),
            on_output_limit: self.stop_at_output_limit.map(|stop| if stop { OnOutputLimit::Stop } else { OnOutputLimit::Drop }),
            retry_if_lost: self.retry_if_lost,
        })
    }
}

// === OutcomesDocument ===

impl From<&[ItemOutcome]> for OutcomesDocument {
    fn from(outcomes: &[ItemOutcome]) -> Self {
        let outcome = |outcome: &ItemOutcome| match outcome {
            ItemOutcome::Started => OutcomeDocument::Started,
            ItemOutcome::Refused(refusal) => OutcomeDocument::Refused(refusal.into()),
            ItemOutcome::Ended { state, reason } => {
                OutcomeDocument::Ended(EndDocument { state: state.as_str().to_owned(), reason: reason.clone() })
            }
        };
        OutcomesDocument(outcomes.iter().map(outcome).collect())
    }
}

impl OutcomesDocument {
    /// What became of them.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_outcomes(self) -> Result<Vec<ItemOutcome>, InvalidField> {
        let outcome = |outcome| match outcome {
            OutcomeDocument::Started => Ok(ItemOutcome::Started),
            OutcomeDocument::Refused(refusal) => Ok(ItemOutcome::Refused(refusal.into())),
            OutcomeDocument::Ended(EndDocument { state, reason }) => {
                Ok(ItemOutcome::Ended { state: parsed("state", State::from_name(&state))?, reason })
            }
        };
        self.0.into_iter().map(outcome).collect()
    }
}
