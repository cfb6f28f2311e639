//! Every action of every area, for the check of the contract against them.

use crate::access::{self, ActionSpec, TargetKind};
use crate::{
    audit, code_policy, event, execution, identity, operation, process, runtime, schedule, secret, server, tenant, utility, webhook,
};

/// What the areas declare; an RPC that names another action is refused at start.
const DECLARED: [&[ActionSpec]; 15] = [
    access::actions::ACTIONS,
    utility::actions::ACTIONS,
    execution::actions::ACTIONS,
    code_policy::actions::ACTIONS,
    runtime::actions::ACTIONS,
    server::actions::ACTIONS,
    audit::actions::ACTIONS,
    identity::actions::ACTIONS,
    tenant::actions::ACTIONS,
    event::actions::ACTIONS,
    webhook::actions::ACTIONS,
    secret::actions::ACTIONS,
    process::actions::ACTIONS,
    schedule::actions::ACTIONS,
    operation::actions::ACTIONS,
];

/// Every action that the domain knows.
pub fn actions() -> impl Iterator<Item = ActionSpec> {
    DECLARED.into_iter().flatten().copied()
}

/// What the areas' actions can be about.
const ABOUT: [&[(&str, &[TargetKind])]; 15] = [
    access::actions::ABOUT,
    utility::actions::ABOUT,
    execution::actions::ABOUT,
    code_policy::actions::ABOUT,
    runtime::actions::ABOUT,
    server::actions::ABOUT,
    audit::actions::ABOUT,
    identity::actions::ABOUT,
    tenant::actions::ABOUT,
    event::actions::ABOUT,
    webhook::actions::ABOUT,
    secret::actions::ABOUT,
    process::actions::ABOUT,
    schedule::actions::ABOUT,
    operation::actions::ABOUT,
];

/// What an action can be about.
pub(crate) fn kinds_of(action: ActionSpec) -> &'static [TargetKind] {
    let found = ABOUT.into_iter().flatten().find(|(name, _)| *name == action.name);
    found.map_or(&[], |(_, kinds)| *kinds)
}
