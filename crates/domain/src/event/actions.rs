//! What can be done with the events of a tenant. They are made by what happens, and by nobody's asking.

use crate::access::actions;
use crate::name::TenantName;

actions! {
    /// Follow events.
    SubscribeEvents(TenantName) = "event.subscribe", Administer, "event";
}
