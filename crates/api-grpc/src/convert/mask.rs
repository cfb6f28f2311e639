//! Which fields an update changes. Output-only fields of the message are ignored; naming one is a violation.

use std::collections::BTreeSet;

use api_proto::zona::utility::v1 as pb;

use crate::convert::{Violations, limits};

/// Paths that an update may name, beside `limits.*` and `*`.
const FIELDS: [&str; 12] = [
    "display_name",
    "description",
    "tags",
    "code",
    "parameters",
    "parameters_overridden",
    "limits",
    "runtime",
    "store_values",
    "show_secrets",
    "isolation",
    "fresh_processes",
];
/// Paths that an update of a code policy may name, beside `*`.
const POLICY_FIELDS: [&str; 7] =
    ["only_modules", "extra_modules", "denied_rules", "exceptions", "minimum_isolation", "preset", "fresh_processes"];
const LIMITS: &str = "limits.";

/// The paths that an update changes.
#[derive(Debug)]
pub(crate) struct Mask(BTreeSet<String>);

impl Mask {
    /// Reads a mask. Without one, every field that is not empty in `utility` is named; of `limits`, each of its fields by itself.
    pub(crate) fn read(wire: Option<prost_types::FieldMask>, utility: &pb::Utility, violations: &mut Violations) -> Self {
        let allowed = || format!("{}, `limits.*` fields and `*`", FIELDS.join(", "));
        Mask(named(wire, is_known, allowed, violations).unwrap_or_else(|| implied(utility)))
    }

    /// Reads the mask of a code policy. Without one, every field that is not empty in `policy` is named.
    pub(crate) fn read_policy(wire: Option<prost_types::FieldMask>, policy: &pb::CodePolicy, violations: &mut Violations) -> Self {
        let is_known = |path: &str| path == "*" || POLICY_FIELDS.contains(&path);
        let allowed = || format!("{} and `*`", POLICY_FIELDS.join(", "));
        Mask(named(wire, is_known, allowed, violations).unwrap_or_else(|| implied_policy(policy)))
    }

    /// Reads the mask of a message with these fields. Without one, those are named that are `set`.
    pub(crate) fn read_fields<const N: usize>(
        wire: Option<prost_types::FieldMask>,
        fields: &[&str; N],
        set: [bool; N],
        violations: &mut Violations,
    ) -> Self {
        let is_known = |path: &str| path == "*" || fields.contains(&path);
        let implied = || fields.iter().zip(set).filter(|(_, set)| *set).map(|(field, _)| (*field).to_owned()).collect();
        Mask(named(wire, is_known, || format!("{} and `*`", fields.join(", ")), violations).unwrap_or_else(implied))
    }

    /// Whether `field` is named, and not only meant by `*`.
    pub(crate) fn names_itself(&self, field: &str) -> bool {
        self.0.contains(field)
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

/// The paths of a mask that has any; each unknown one is a violation.
fn named(
    wire: Option<prost_types::FieldMask>,
    is_known: impl Fn(&str) -> bool,
    allowed: impl Fn() -> String,
    violations: &mut Violations,
) -> Option<BTreeSet<String>> {
    let paths = wire.map(|mask| mask.paths).filter(|paths| !paths.is_empty())?;
    for (index, path) in paths.iter().enumerate().filter(|(_, path)| !is_known(path)) {
        let text = format!("`{path}` cannot be changed; allowed are {}", allowed());
        violations.push(format!("update_mask.paths[{index}]"), "UNKNOWN_PATH", text);
    }
    Some(paths.into_iter().collect())
}

fn implied_policy(policy: &pb::CodePolicy) -> BTreeSet<String> {
    let set = [
        !policy.only_modules.is_empty(),
        !policy.extra_modules.is_empty(),
        !policy.denied_rules.is_empty(),
        !policy.exceptions.is_empty(),
        policy.minimum_isolation != 0,
        policy.preset != 0,
        policy.fresh_processes,
    ];
    POLICY_FIELDS.into_iter().zip(set).filter(|(_, set)| *set).map(|(field, _)| field.to_owned()).collect()
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
        utility.show_secrets,
        utility.isolation != 0,
        utility.fresh_processes,
    ];
    let fields = FIELDS.into_iter().zip(set).filter(|(_, set)| *set).map(|(field, _)| field.to_owned());
    let limits = utility.limits.iter().flat_map(limits::non_empty).map(|field| format!("{LIMITS}{field}"));
    fields.chain(limits).collect()
}
