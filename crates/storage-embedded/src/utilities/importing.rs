//! The condition on what the current version of a utility imports.

use domain::name::TenantId;
use domain::utility::UtilityQuery;

use crate::cursor::Conditions;

/// Only those whose current version imports one of the modules that the query names, if it names any.
pub(super) fn add(tenant: &TenantId, query: &UtilityQuery, conditions: &mut Conditions) {
    // One text however many modules there are.
    const ANY: &str = "id IN (SELECT id FROM utility_imports WHERE tenant = ? AND (module, runtime) IN \
                       (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)))";
    let Some(imports) = &query.imports else { return };
    let pairs: Vec<_> = imports.iter().map(|wanted| [wanted.module.as_str(), &wanted.runtime]).collect();
    let modules = serde_json::to_string(&pairs).expect("texts are JSON");
    conditions.add(ANY, [tenant.to_string().into(), modules.into()]);
}
