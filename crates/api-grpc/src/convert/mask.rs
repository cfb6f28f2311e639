//! Which fields an update changes. Output-only fields of the message are ignored; naming one is a violation.

use std::collections::BTreeSet;

use api_proto::zona::utility::v1 as pb;

use crate::convert::{Violations, limits};

/// Paths that an update may name, beside `limits.*` and `*`.
const FIELDS: [&str; 9] =
    ["display_name", "description", "tags", "code", "parameters", "parameters_overridden", "limits", "runtime", "store_values"];
const LIMITS: &str = "limits.";

/// The paths that an update changes.
#[derive(Debug)]
pub(crate) struct Mask(BTreeSet<String>);

impl Mask {
    /// Reads a mask. Without one, every field that is not empty in `utility` is named; of `limits`, each of its fields by itself.
    pub(crate) fn read(wire: Option<prost_types::FieldMask>, utility: &pb::Utility, violations: &mut Violations) -> Self {
        let paths = wire.map(|mask| mask.paths).unwrap_or_default();
        if paths.is_empty() {
            return Mask(implied(utility));
        }
        for (index, path) in paths.iter().enumerate().filter(|(_, path)| !is_known(path)) {
            let text = format!("`{path}` cannot be changed; allowed are {}, `limits.*` fields and `*`", FIELDS.join(", "));
            violations.push(format!("update_mask.paths[{index}]"), "UNKNOWN_PATH", text);
        }
        Mask(paths.into_iter().collect())
    }

    /// Whether `field` is changed.
    pub(crate) fn names(&self, field: &str) -> bool {
        self.0.contains("*") || self.0.contains(field)
    }

    /// Whether the field of `limits` is changed.
    pub(crate) fn names_limit(&self, field: &str) -> bool {
        self.names("limits") || self.0.contains(&format!("{LIMITS}{field}"))
    }
}

fn is_known(path: &str) -> bool {
    match path.strip_prefix(LIMITS) {
        Some(field) => limits::FIELDS.contains(&field),
        None => path == "*" || FIELDS.contains(&path),
    }
}

fn implied(utility: &pb::Utility) -> BTreeSet<String> {
    let set = [
        !utility.display_name.is_empty(),
        !utility.description.is_empty(),
        !utility.tags.is_empty(),
        !utility.code.is_empty(),
        !utility.parameters.is_empty(),
        utility.parameters_overridden,
        false,
        !utility.runtime.is_empty(),
        utility.store_values,
    ];
    let fields = FIELDS.into_iter().zip(set).filter(|(_, set)| *set).map(|(field, _)| field.to_owned());
    let limits = utility.limits.iter().flat_map(limits::non_empty).map(|field| format!("{LIMITS}{field}"));
    fields.chain(limits).collect()
}
