//! Collections of utilities, and of what tenants settle.

use super::shape::{Collection, Only, by, of_installation, of_tenants, only};

/// Utilities, with what lists select and order by.
pub(crate) const UTILITIES: Collection = of_tenants(
    "utilities",
    &[
        by(&["tenant", "deleted", "kind", "id"]),
        by(&["tenant", "deleted", "kind", "-created", "id"]),
        by(&["tenant", "deleted", "kind", "-updated", "id"]),
        by(&["tenant", "owner", "deleted", "kind", "id"]),
        by(&["tenant", "owner", "deleted", "kind", "-created", "id"]),
        by(&["tenant", "owner", "deleted", "kind", "-updated", "id"]),
        by(&["tenant", "tags", "deleted", "kind", "id"]),
        by(&["tenant", "tags", "deleted", "kind", "-created", "id"]),
        by(&["tenant", "tags", "deleted", "kind", "-updated", "id"]),
        by(&["tenant", "imports", "id"]),
        only(&["tenant", "id"], "copied", Only::True),
        only(&["tenant", "updated"], "deleted", Only::True),
    ],
);
/// Versions without their code.
pub(crate) const VERSIONS: Collection = of_tenants("versions", &[by(&["tenant", "id", "-number"])]);
/// The code of versions.
pub(crate) const VERSION_CODE: Collection = of_tenants("version_code", &[by(&["tenant", "id", "number"])]);
/// Code policies: one for a tenant.
pub(crate) const CODE_POLICIES: Collection = of_tenants("code_policies", &[]);
/// Grants, under the tenant whose utility it is.
pub(crate) const GRANTS: Collection = of_tenants(
    "grants",
    &[
        by(&["tenant", "utility", "grantee"]),
        by(&["tenant", "grantee"]),
        only(&["tenant", "utility", "shared_with"], "shared_with", Only::Present),
    ],
);
/// Grants to another tenant once more, under that one, so that what it holds lies on its own shard.
pub(crate) const GRANTS_RECEIVED: Collection =
    of_tenants("grants_received", &[by(&["tenant", "from", "utility"]), only(&["tenant", "from"], "accepted", Only::True)]);
/// Tenants themselves.
pub(crate) const TENANTS: Collection = of_installation("tenants", &[by(&["state"])]);

/// All of this section.
pub(super) const ALL: &[Collection] = &[UTILITIES, VERSIONS, VERSION_CODE, CODE_POLICIES, GRANTS, GRANTS_RECEIVED, TENANTS];
