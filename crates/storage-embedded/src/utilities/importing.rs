//! The conditions on what a query cannot find in an index of utilities: what their current version imports, and whether they are copies.

use domain::name::TenantId;
use domain::utility::UtilityQuery;

use crate::cursor::Conditions;

/// Only those whose current version imports one of the modules that the query names, if it names any, and only copies, if it asks so.
pub(super) fn add(tenant: &TenantId, query: &UtilityQuery, conditions: &mut Conditions) {
    // One text however many modules there are.
    const ANY: &str = "id IN (SELECT id FROM utility_imports WHERE tenant = ? AND (module, runtime) IN \
                       (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)))";
    const COPIES: &str = "id IN (SELECT id FROM utility_copies WHERE tenant = ?)";
    if query.copied {
        conditions.add(COPIES, [tenant.to_string().into()]);
    }
    let Some(imports) = &query.imports else { return };
    let pairs: Vec<_> = imports.iter().map(|wanted| [wanted.module.as_str(), &wanted.runtime]).collect();
    let modules = serde_json::to_string(&pairs).expect("texts are JSON");
    conditions.add(ANY, [tenant.to_string().into(), modules.into()]);
}
