//! The check at start that the permissions in the contract are actions of the domain. Whether a handler demands the action of
//! its method is the tests' matter, which drive every method.

use api_proto::zona::annotations::v1::{self as annotations, Permission};
use domain::access::{ActionSpec, Operation, Who};

use crate::error::Error;

/// Refuses a contract that names an action which the domain does not have, or has otherwise.
///
/// # Errors
/// [`Error::Permission`] for the first such method.
pub fn check_permissions() -> Result<(), Error> {
    let known: Vec<ActionSpec> = domain::actions().collect();
    api_proto::permissions().iter().try_for_each(|(method, permission)| check(method, permission, &known))
}

fn check(method: &str, permission: &Permission, actions: &[ActionSpec]) -> Result<(), Error> {
    let problem = match actions.iter().find(|action| action.name == permission.action) {
        None => "the server knows no such action",
        Some(known) if wire(known.operation) != permission.operation() => "the server has it under another operation",
        Some(known) if known.resource != permission.resource => "the server has it on another resource",
        Some(known) if reach(known.who) != permission.who() => "the server has it for another reach",
        Some(_) => return Ok(()),
    };
    Err(Error::Permission { method: method.to_owned(), action: permission.action.clone(), problem })
}

fn wire(operation: Operation) -> annotations::Operation {
    match operation {
        Operation::Create => annotations::Operation::Create,
        Operation::Read => annotations::Operation::Read,
        Operation::Update => annotations::Operation::Update,
        Operation::Execute => annotations::Operation::Execute,
        Operation::Delete => annotations::Operation::Delete,
        Operation::Administer => annotations::Operation::Administer,
    }
}

fn reach(who: Who) -> annotations::Who {
    match who {
        Who::Own => annotations::Who::Own,
        Who::Tenant => annotations::Who::Tenant,
        Who::Limited => annotations::Who::Limited,
        Who::All => annotations::Who::All,
        Who::Anyone => annotations::Who::Anyone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: ActionSpec = ActionSpec { name: "utility.get", operation: Operation::Read, resource: "utility", who: Who::Own };

    fn problem(action: &str, operation: annotations::Operation, resource: &str) -> Option<&'static str> {
        problem_of(action, operation, resource, annotations::Who::Own)
    }

    fn problem_of(action: &str, operation: annotations::Operation, resource: &str, who: annotations::Who) -> Option<&'static str> {
        let permission = Permission { action: action.into(), operation: operation.into(), resource: resource.into(), who: who.into() };
        match check("/a.B/C", &permission, &[KNOWN]) {
            Ok(()) => None,
            Err(Error::Permission { method, problem, .. }) => {
                assert_eq!(method, "/a.B/C");
                Some(problem)
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_contract_names_only_actions_that_the_domain_has() {
        check_permissions().expect("contract and domain agree");
    }

    #[test]
    fn a_permission_that_differs_from_its_action_is_refused() {
        let read = annotations::Operation::Read;
        assert_eq!(problem("utility.get", read, "utility"), None);
        assert_eq!(problem("utility.peek", read, "utility"), Some("the server knows no such action"));
        assert_eq!(problem("utility.get", annotations::Operation::Delete, "utility"), Some("the server has it under another operation"));
        assert_eq!(problem("utility.get", read, "version"), Some("the server has it on another resource"));
        let wider = problem_of("utility.get", read, "utility", annotations::Who::Tenant);
        assert_eq!(wider, Some("the server has it for another reach"));
    }
}
