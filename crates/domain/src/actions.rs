//! Every action of every area, for the check of the contract against them.

use crate::access::{self, ActionSpec};
use crate::{audit, code_policy, execution, identity, runtime, server, tenant, utility};

/// What the areas declare; an RPC that names another action is refused at start.
const DECLARED: [&[ActionSpec]; 9] = [
    access::actions::ACTIONS,
    utility::actions::ACTIONS,
    execution::actions::ACTIONS,
    code_policy::actions::ACTIONS,
    runtime::actions::ACTIONS,
    server::actions::ACTIONS,
    audit::actions::ACTIONS,
    identity::actions::ACTIONS,
    tenant::actions::ACTIONS,
];

/// Every action that the domain knows.
pub fn actions() -> impl Iterator<Item = ActionSpec> {
    DECLARED.into_iter().flatten().copied()
}
