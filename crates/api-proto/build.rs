//! Compiles `proto/` without a system protoc: Rust types, clients and servers, and the descriptor set. Refuses a contract
//! in which an RPC has no complete permission. It does not lint; `buf` does.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, MethodDescriptor};

const OURS: &str = "zona";
const PERMISSION: &str = "zona.annotations.v1.permission";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(proto_files(&root.join(OURS))?)?;
    check_permissions(&compiler.descriptor_pool())?;

    // Encoded by protox, because prost-types drops the custom options that permissions are.
    let descriptors = compiler.encode_file_descriptor_set();
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("zona.bin"), &descriptors)?;
    generate(prost_types::FileDescriptorSet::decode(descriptors.as_slice())?)?;
    Ok(())
}

fn generate(descriptors: prost_types::FileDescriptorSet) -> std::io::Result<()> {
    tonic_prost_build::configure()
        // Output is handed from the store to many watchers: shared, never copied.
        .bytes(".zona.execution.v1.Output.data")
        // An event is mostly output; the two rare large ones must not size them all.
        .boxed(".zona.execution.v1.ExecutionEvent.event.started")
        .boxed(".zona.execution.v1.ExecutionEvent.event.finished")
        .compile_fds(descriptors)
}

fn proto_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn check_permissions(pool: &DescriptorPool) -> Result<(), String> {
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
