//! Each change has its event, whichever port it is of.

use test_support::event_repository::Stores;

use super::Scratch;

impl<'a> From<&'a Scratch> for Stores<'a> {
    fn from(scratch: &'a Scratch) -> Self {
        let store = &scratch.store;
        Stores {
            events: store,
            utilities: store,
            executions: store,
            grants: store,
            principals: store,
            subjects: store,
            bootstrap: store,
            tenants: store,
            platform: store,
        }
    }
}

test_support::event_repository_contract!(Scratch::checked().await);
test_support::webhook_repository_contract!(Scratch::checked().await);
