//! Collections of people, their keys and their secrets, and of webhooks.

use super::shape::{Collection, Only, by, of_installation, of_keys, of_tenants, only};

/// Keys that seal what is personal, each wrapped by a key that is not here: one of each tenant, and one of each person, which an erasure
/// destroys.
pub(crate) const DATA_KEYS: Collection = of_tenants("data_keys", &[by(&["kek", "_id"])]);
/// People whom something is kept of, under an id that says nothing.
pub(crate) const SUBJECTS: Collection =
    of_tenants("subjects", &[by(&["tenant", "id"]), only(&["is_erasing", "tenant"], "is_erasing", Only::True)]);
/// How many documents of a kind a tenant has, where it may have only so many.
pub(crate) const COUNTS: Collection = of_tenants("counts", &[]);
/// Users and service accounts. Those who rule, which are few, have the field `ruling`.
pub(crate) const PRINCIPALS: Collection =
    of_tenants("principals", &[by(&["tenant", "kind", "id"]), only(&["tenant", "ruling"], "ruling", Only::True)]);
/// API keys, each under its own id alone, by which one is looked for before it is known who calls.
pub(crate) const API_KEYS: Collection = of_keys("api_keys", &[by(&["tenant", "account", "_id"])]);
/// Sessions, each under its own id alone, as API keys are.
pub(crate) const SESSIONS: Collection = of_keys("sessions", &[by(&["tenant", "principal", "_id"]), by(&["tenant", "expires"])]);
/// Principals that were deleted, and since when what was issued to them is void.
pub(crate) const DELETED_PRINCIPALS: Collection = of_tenants("deleted_principals", &[by(&["tenant", "kind", "valid_after"])]);
/// The code for the first super administrator: at most one document.
pub(crate) const BOOTSTRAP: Collection = of_installation("bootstrap", &[]);
/// Named secrets, with their sealed values.
pub(crate) const SECRETS: Collection = of_tenants("secrets", &[by(&["tenant", "id"])]);
/// Where events are sent to.
pub(crate) const WEBHOOKS: Collection = of_tenants("webhooks", &[by(&["tenant", "id"]), by(&["state", "tenant", "id"])]);
/// Events on their way, and those that were given up.
pub(crate) const WEBHOOK_DELIVERIES: Collection = of_tenants(
    "webhook_deliveries",
    &[
        by(&["tenant", "webhook", "state", "due", "sequence"]),
        by(&["tenant", "webhook", "state", "sequence"]),
        only(&["given_up", "tenant"], "given_up", Only::Present),
    ],
);

/// All of this section.
pub(super) const ALL: &[Collection] =
    &[DATA_KEYS, SUBJECTS, COUNTS, PRINCIPALS, API_KEYS, SESSIONS, DELETED_PRINCIPALS, BOOTSTRAP, SECRETS, WEBHOOKS, WEBHOOK_DELIVERIES];
