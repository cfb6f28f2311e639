//! What a batch asks for, judged before it is stored: by the rules of a start for each item, in the right of who asks.

use std::collections::HashMap;

use crate::access::{Action as _, Caller, Permit};
use crate::audit::Circumstances;
use crate::error::{Error, ErrorKind, Result};
use crate::execution::InputNames;
use crate::execution::actions::StartExecution;
use crate::name::UtilityName;
use crate::operation::actions;
use crate::operation::batch::{BatchAsked, Entry, Item, MAX_CONCURRENCY, MAX_ITEMS, Refusal};
use crate::operation::ports::Operations;
use crate::sandbox;
use crate::violation::Violation;

/// Longest message that is kept of a refusal, in bytes: with [`MAX_ITEMS`] of them a report stays readable.
const MAX_MESSAGE: usize = 500;

/// What is wrong with a batch as a whole.
pub(super) fn check(asked: &BatchAsked) -> Result<()> {
    let mut violations = Vec::new();
    if asked.items.is_empty() || asked.items.len() > MAX_ITEMS {
        violations.push(Violation::new("items", "OUT_OF_RANGE", format!("must be 1 to {MAX_ITEMS} items, and are {}", asked.items.len())));
    }
    if !(1..=MAX_CONCURRENCY).contains(&asked.concurrency) {
        violations.push(Violation::new("concurrency", "OUT_OF_RANGE", format!("must be 1 to {MAX_CONCURRENCY}")));
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
}

impl Operations {
    /// What is stored of each item.
    ///
    /// # Errors
    /// Where it cannot be judged for now.
    pub(super) async fn judged(&self, permit: &Permit<actions::StartBatch>, items: Vec<Item>) -> Result<Vec<Entry>> {
        // Most batches are of few utilities: each is permitted, and a refusal recorded, once.
        let mut permits: HashMap<UtilityName, std::result::Result<Permit<StartExecution>, Refusal>> = HashMap::new();
        let mut names = InputNames::new();
        let mut entries = Vec::with_capacity(items.len());
        for item in items {
            if !permits.contains_key(&item.utility) {
                let permitted = self.permit_item(permit, &item.utility).await?;
                permits.insert(item.utility.clone(), permitted);
            }
            let entry = match &permits[&item.utility] {
                Ok(permit) => match self.executions.judge_item(permit, item.launch(), &mut names).await {
                    Ok(()) => Entry::Item(Box::new(item)),
                    Err(error) => {
                        // A secret that may not be had is refused with the record that a single start would leave.
                        self.note_refusal(permit.caller(), &error, &Circumstances::default());
                        Entry::Refused(refusal_unless_unavailable(error)?)
                    }
                },
                Err(refusal) => Entry::Refused(refusal.clone()),
            };
            entries.push(entry);
        }
        Ok(entries)
    }

    async fn permit_item(
        &self,
        permit: &Permit<actions::StartBatch>,
        utility: &UtilityName,
    ) -> Result<std::result::Result<Permit<StartExecution>, Refusal>> {
        let ports = self.executions.ports();
        match ports.policy.require::<StartExecution>(permit.caller(), utility.clone()).await {
            Ok(permit_item) if permit_item.account().tenant() != permit.scope().tenant() => {
                let message = "it would run on the account of another tenant than the batch".to_owned();
                Ok(Err(Refusal { reason: "OTHER_TENANT".to_owned(), message }))
            }
            Ok(permit) => Ok(Ok(permit)),
            Err(error) => {
                self.note_refusal(permit.caller(), &error, &Circumstances::default());
                refusal_unless_unavailable(error).map(Err)
            }
        }
    }

    /// Records that somebody may not start an item, as of a call that is refused.
    pub(super) fn note_refusal(&self, caller: &Caller, error: &Error, around: &Circumstances) {
        if let Error::Denied { resource, .. } | Error::Closed { subject: resource, .. } = error {
            let auditor = &self.executions.ports().auditor;
            let entry = auditor.refused_entry(Some(caller), StartExecution::SPEC, Some(resource), around);
            auditor.denied(entry, StartExecution::SPEC, error.reason());
        }
    }
}

/// Why an item is never started.
///
/// # Errors
/// The error itself, where it says nothing of the item: later it may be started, or by another server.
pub(super) fn refusal_unless_unavailable(error: Error) -> Result<Refusal> {
    if sandbox::is_refusal(&error) {
        return Err(error);
    }
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Exhausted => Err(error),
        ErrorKind::Internal => Ok(Refusal { reason: error.reason().to_owned(), message: "it could not be checked".to_owned() }),
        _ => Ok(Refusal { reason: error.reason().to_owned(), message: message_of(&error) }),
    }
}

fn message_of(error: &Error) -> String {
    let mut message = match error {
        Error::Invalid(violations) => {
            let all: Vec<_> = violations.iter().map(|violation| format!("{}: {}", violation.field, violation.description)).collect();
            all.join("; ")
        }
        other => other.to_string(),
    };
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push_str("...");
    }
    message
}
