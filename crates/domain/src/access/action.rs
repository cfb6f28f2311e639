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
    /// The narrowest reach that is enough.
    pub who: Who,
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

/// How far a caller's right must reach at least, as the permission option of an RPC says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// To what the caller owns.
    Own,
    /// To everything of the caller's tenant.
    Tenant,
    /// To the administration of the caller's tenant.
    Limited,
    /// To everything everywhere.
    All,
    /// To nothing: the request itself holds what proves who asks, or what is asked for is public.
    Anyone,
}

/// Declares the actions of an area: `Type(Target) = "name", Operation, "resource", Who;`, and their list. Without another word,
/// administration is limited to the tenant, and everything else is for whoever owns the resource.
macro_rules! actions {
    (@who Administer) => { $crate::access::Who::Limited };
    (@who $operation:ident) => { $crate::access::Who::Own };
    (@who $operation:ident $who:ident) => { $crate::access::Who::$who };
    ($($(#[$doc:meta])* $type:ident($target:ty) = $name:literal, $operation:ident, $resource:literal $(, $who:ident)?;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub struct $type;
        impl $crate::access::Action for $type {
            type Target = $target;

            const SPEC: $crate::access::ActionSpec = $crate::access::ActionSpec {
                name: $name,
                operation: $crate::access::Operation::$operation,
                resource: $resource,
                who: $crate::access::actions!(@who $operation $($who)?),
            };
        })*
        /// The actions of this area.
        pub(crate) const ACTIONS: &[$crate::access::ActionSpec] = &[$(<$type as $crate::access::Action>::SPEC),*];

        /// What each of them can be about, by its name.
        pub(crate) const ABOUT: &[(&str, &[$crate::access::TargetKind])] = &[$(($name, <$target as $crate::access::Targeted>::KINDS)),*];
    };
}

pub(crate) use actions;
