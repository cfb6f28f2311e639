//! The rule that each RPC of the contract states a complete permission. The build script holds the contract to it; the
//! crate itself has it for the tests only.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, MethodDescriptor};

const PERMISSION: &str = "zona.annotations.v1.permission";

/// Checks every RPC of the pool.
///
/// # Errors
/// One text that lists each RPC whose permission is missing, incomplete, or names an action that another RPC has.
pub fn check_permissions(pool: &DescriptorPool) -> Result<(), String> {
    let option = pool.get_extension_by_name(PERMISSION).ok_or(format!("the contract defines no option {PERMISSION}"))?;
    let mut faults = Vec::new();
    let mut actions = BTreeMap::new();
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let name = method.full_name().to_owned();
        match permitted_action(&method, &option) {
            Err(fault) => faults.push(format!("{name}: {fault}")),
            Ok(action) => {
                if let Some(other) = actions.insert(action.clone(), name.clone()) {
                    faults.push(format!("{name}: action `{action}` is already that of {other}"));
                }
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("permissions of the contract:\n  {}", faults.join("\n  "))) }
}

fn permitted_action(method: &MethodDescriptor, option: &ExtensionDescriptor) -> Result<String, String> {
    let options = method.options();
    if !options.has_extension(option) {
        return Err(format!("needs the option ({PERMISSION})"));
    }
    let value = options.get_extension(option);
    let permission = value.as_message().ok_or(format!("the option ({PERMISSION}) is no message"))?;
    let action = text(permission, "action");
    let resource = text(permission, "resource");
    if !action.strip_prefix(&resource).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.')) || resource.is_empty() {
        return Err(format!("action `{action}` must be `{{resource}}.{{verb}}` with its resource `{resource}`"));
    }
    for field in ["operation", "who"] {
        if permission.get_field_by_name(field).and_then(|value| value.as_enum_number()).unwrap_or(0) == 0 {
            return Err(format!("`{field}` is unspecified"));
        }
    }
    Ok(action)
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
