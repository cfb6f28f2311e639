//! A change of a utility as a person asks for it, and the utility as it would be.

use crate::code::Parameter;
use crate::name::RuntimeId;
use crate::sandbox::{Isolation, LimitsPatch};
use crate::utility::{Draft, Metadata, Utility};

/// Parts of a utility to change; `None` leaves a part as it is.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    /// New display name.
    pub display_name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New tags.
    pub tags: Option<Vec<String>>,
    /// Whether values are stored from now on.
    pub store_values: Option<bool>,
    /// Whether secret values stand unmasked in what the code reports from now on.
    pub show_secrets: Option<bool>,
    /// New source.
    pub code: Option<Vec<u8>>,
    /// A schema to use; unused while the schema is inferred.
    pub parameters: Option<Vec<Parameter>>,
    /// Whether the schema is a person's from now on, or inferred from the code again.
    pub parameters_overridden: Option<bool>,
    /// New limits.
    pub limits: LimitsPatch,
    /// New runtime; `Some(None)` is the default one.
    pub runtime: Option<Option<RuntimeId>>,
    /// New isolation.
    pub isolation: Option<Isolation>,
    /// Whether executions get fresh processes from now on.
    pub fresh_processes: Option<bool>,
    /// Message of the version, should the change make one.
    pub message: String,
}

impl Patch {
    /// The utility with this change, without code.
    pub(super) fn merge(&self, utility: &Utility) -> Draft {
        let (metadata, definition) = (&utility.metadata, &utility.definition);
        let overridden = self.parameters_overridden.unwrap_or(definition.parameters_overridden);
        Draft {
            metadata: Metadata {
                display_name: or_old(&self.display_name, &metadata.display_name),
                description: or_old(&self.description, &metadata.description),
                tags: or_old(&self.tags, &metadata.tags),
                store_values: self.store_values.unwrap_or(metadata.store_values),
                show_secrets: self.show_secrets.unwrap_or(metadata.show_secrets),
            },
            code: Vec::new(),
            kind: Some(definition.kind),
            parameters: overridden.then(|| or_old(&self.parameters, &definition.parameters)),
            limits: self.limits.apply(definition.limits),
            runtime: self.runtime.clone().unwrap_or_else(|| Some(definition.runtime.clone())),
            isolation: self.isolation.unwrap_or(definition.isolation),
            fresh_processes: self.fresh_processes.unwrap_or(definition.fresh_processes),
            message: self.message.clone(),
        }
    }
}

fn or_old<T: Clone>(new: &Option<T>, old: &T) -> T {
    new.as_ref().unwrap_or(old).clone()
}
