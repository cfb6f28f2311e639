//! Which fields of a utility a change has changed, for the record of it: hashes, never values.

use crate::audit::FieldChange;
use crate::utility::{Utility, lineage};

/// The fields that differ; code and content are known by their hashes already.
pub(super) fn changed_fields(before: &Utility, after: &Utility) -> Vec<FieldChange> {
    let text = |field, old: &str, new: &str| FieldChange::of(field, Some(old), Some(new));
    let hash = |field: &str, old, new| (old != new).then(|| FieldChange { field: field.to_owned(), before: Some(old), after: Some(new) });
    let (old, new) = (&before.metadata, &after.metadata);
    let deleted = |utility: &Utility| utility.deleted.map(|time| time.as_millis().to_string());
    let all = [
        text("display_name", &old.display_name, &new.display_name),
        text("description", &old.description, &new.description),
        text("tags", &old.tags.join("\n"), &new.tags.join("\n")),
        text("store_values", &old.store_values.to_string(), &new.store_values.to_string()),
        hash("code", before.code_sha256, after.code_sha256),
        hash("content", before.content_hash, after.content_hash),
        FieldChange::of("delete_time", deleted(before).as_deref(), deleted(after).as_deref()),
    ];
    all.into_iter().flatten().chain(lineage::changes(before.lineage.as_ref(), after.lineage.as_ref())).collect()
}
