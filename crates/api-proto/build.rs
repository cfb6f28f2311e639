//! Compiles `proto/` without a system protoc: Rust types, clients and servers, and the descriptor set. Refuses a contract
//! in which an RPC has no complete permission (`src/permission/complete.rs`). It does not lint; `buf` does.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;

#[path = "src/permission/complete.rs"]
mod complete;

const OURS: &str = "zona";
/// Messages, and parts of them, in which a password, a key or a token stands.
const SECRETS: [&str; 14] = [
    ".zona.identity.v1.CodeCredential",
    ".zona.identity.v1.PasswordCredential",
    ".zona.identity.v1.IssueTokenRequest",
    ".zona.identity.v1.IssueTokenResponse",
    ".zona.identity.v1.RefreshTokenRequest",
    ".zona.identity.v1.RefreshTokenResponse",
    ".zona.identity.v1.BootstrapRequest",
    ".zona.identity.v1.UpdateUserRequest",
    ".zona.identity.v1.CreateApiKeyResponse",
    ".zona.identity.v1.User",
    ".zona.tenant.v1.Tenant",
    ".zona.event.v1.CreateWebhookResponse",
    ".zona.event.v1.RotateWebhookSecretResponse",
    ".zona.secret.v1.SetSecretRequest",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(proto_files(&root.join(OURS))?)?;
    complete::check_permissions(&compiler.descriptor_pool())?;

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
        // In order, so that a request that is sent again is the same.
        .btree_map(".zona.execution.v1")
        .btree_map(".zona.process.v1")
        .btree_map(".zona.schedule.v1")
        .btree_map(".zona.operation.v1")
        // What holds secrets shows nothing of them; see src/secret.rs.
        .skip_debug(SECRETS)
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
