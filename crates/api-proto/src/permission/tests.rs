//! A contract with an incomplete permission does not build, and the message says which RPC and why.

use std::path::Path;

use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};

use super::complete::check_permissions;

const FILE: &str = "sample.proto";

#[test]
fn a_complete_contract_is_accepted() {
    let methods = [rpc("Get", r#"action: "thing.get" operation: OPERATION_READ resource: "thing" who: WHO_OWN"#)];
    assert_eq!(verdict(&methods), Ok(()));
}

#[test]
fn an_rpc_without_a_permission_is_refused() {
    refused(&["rpc Get(Nothing) returns (Nothing);".to_owned()], &["sample.Things.Get: needs the option"]);
}

#[test]
fn an_incomplete_permission_is_refused() {
    let cases = [
        (r#"action: "thing.get" resource: "thing" who: WHO_OWN"#, "`operation` is unspecified"),
        (r#"action: "thing.get" operation: OPERATION_READ resource: "thing""#, "`who` is unspecified"),
        (r#"operation: OPERATION_READ resource: "thing" who: WHO_OWN"#, "must be `{resource}.{verb}`"),
        (r#"action: "thing.get" operation: OPERATION_READ who: WHO_OWN"#, "must be `{resource}.{verb}`"),
        (r#"action: "thing." operation: OPERATION_READ resource: "thing" who: WHO_OWN"#, "must be `{resource}.{verb}`"),
        (r#"action: "things.get" operation: OPERATION_READ resource: "thing" who: WHO_OWN"#, "must be `{resource}.{verb}`"),
    ];
    for (permission, fault) in cases {
        refused(&[rpc("Get", permission)], &[fault]);
    }
}

#[test]
fn an_action_of_two_rpcs_is_refused() {
    let permission = r#"action: "thing.get" operation: OPERATION_READ resource: "thing" who: WHO_OWN"#;
    refused(
        &[rpc("Get", permission), rpc("Find", permission)],
        &["sample.Things.Find: action `thing.get` is already that of sample.Things.Get"],
    );
}

#[test]
fn every_fault_is_reported_at_once() {
    let bare = |name: &str| format!("rpc {name}(Nothing) returns (Nothing);");
    refused(&[bare("Get"), bare("Find")], &["sample.Things.Get:", "sample.Things.Find:"]);
}

// === helpers ===

fn refused(methods: &[String], faults: &[&str]) {
    let error = verdict(methods).expect_err("the contract is refused");
    for fault in faults {
        assert!(error.contains(fault), "{error:?} does not say {fault:?}");
    }
}

fn rpc(name: &str, permission: &str) -> String {
    format!("rpc {name}(Nothing) returns (Nothing) {{ option (zona.annotations.v1.permission) = {{ {permission} }}; }}")
}

fn verdict(methods: &[String]) -> Result<(), String> {
    let source = format!(
        "syntax = \"proto3\"; package sample; import \"zona/annotations/v1/permission.proto\"; \
         message Nothing {{}} service Things {{ {} }}",
        methods.join(" ")
    );
    let mut resolver = ChainFileResolver::new();
    resolver.add(Sample(source));
    resolver.add(IncludeFileResolver::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_file(FILE).expect("the sample compiles");
    check_permissions(&compiler.descriptor_pool())
}

struct Sample(String);

impl FileResolver for Sample {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == FILE { File::from_source(name, &self.0) } else { Err(protox::Error::file_not_found(name)) }
    }
}
