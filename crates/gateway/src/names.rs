//! Names of fields: as requests write them, and as violations say where something is wrong.

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use crate::refusal::clip;

/// The field of this name, in either spelling.
pub(crate) fn named(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name))
}

/// A path and one step more; of a name, as much as is told.
pub(crate) fn join(at: &str, name: &str) -> String {
    let name = clip(name);
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}
