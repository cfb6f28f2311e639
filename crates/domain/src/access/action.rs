//! Actions: what can be permitted. Each area declares its own with [`actions`]; that the contract names the same ones is checked
//! at start.

use crate::access::Targeted;

/// A kind of access, with its stable name and the type of what it is done to.
pub trait Action: Send + Sync + 'static {
    /// What a permit of this action is about.
    type Target: Targeted;

    /// The action's description.
    const SPEC: ActionSpec;
}

/// What an action is, as named by the permission option of an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionSpec {
    /// Stable name, e.g. `utility.create`.
    pub name: &'static str,
    /// What is done to the resource.
    pub operation: Operation,
    /// The type of the resource.
    pub resource: &'static str,
}

/// Columns of the permission matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Operation {
    Create,
    Read,
    Update,
    Execute,
    Delete,
    Administer,
}

/// Declares the actions of an area: `Type(Target) = "name", Operation, "resource";`, and their list.
macro_rules! actions {
    ($($(#[$doc:meta])* $type:ident($target:ty) = $name:literal, $operation:ident, $resource:literal;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub struct $type;
        impl $crate::access::Action for $type {
            type Target = $target;

            const SPEC: $crate::access::ActionSpec = $crate::access::ActionSpec {
                name: $name,
                operation: $crate::access::Operation::$operation,
                resource: $resource,
            };
        })*
        /// The actions of this area.
        pub(crate) const ACTIONS: &[$crate::access::ActionSpec] = &[$(<$type as $crate::access::Action>::SPEC),*];
    };
}

pub(crate) use actions;
