//! What holds for every element of the contract, read from its descriptors. What `buf lint` checks is not repeated here,
//! but for comments: they must survive into the descriptor set, where reflection shows them.

use std::collections::BTreeSet;

use prost::Message;
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor, MethodDescriptor};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

use crate::zona::execution::v1::ExecutionEvent;
use crate::{DESCRIPTOR_SET, permissions};

const OUR_PACKAGES: &str = "zona.";

#[test]
fn every_method_is_listed_with_the_permission_that_its_proto_states() {
    let pool = pool();
    let option = pool.get_extension_by_name("zona.annotations.v1.permission").expect("the option exists");
    let listed = permissions();
    let methods = our_methods(&pool);
    assert_eq!(listed.len(), methods.len());
    for method in methods {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let listed = listed.get(&path).unwrap_or_else(|| panic!("{path} is not listed"));
        let options = method.options();
        let stated = options.get_extension(&option);
        let stated = stated.as_message().expect("the option is a message");
        assert_eq!(stated.encode_to_vec(), listed.encode_to_vec(), "{path}");
        assert!(listed.action.starts_with(&format!("{}.", listed.resource)), "{path}: {}", listed.action);
    }
}

#[test]
fn no_two_methods_share_an_action() {
    let actions: Vec<String> = permissions().into_values().map(|permission| permission.action).collect();
    let distinct: BTreeSet<&String> = actions.iter().collect();
    assert_eq!(distinct.len(), actions.len(), "{actions:?}");
}

#[test]
fn every_element_of_ours_has_a_comment() {
    let set = FileDescriptorSet::decode(DESCRIPTOR_SET).expect("the descriptor set decodes");
    let ours: Vec<_> = set.file.iter().filter(|file| file.package().starts_with(OUR_PACKAGES)).collect();
    assert!(!ours.is_empty());
    let bare: Vec<String> = ours.into_iter().flat_map(elements_without_comment).collect();
    assert!(bare.is_empty(), "without a comment: {bare:#?}");
}

#[test]
fn every_list_method_pages() {
    let pool = pool();
    for method in our_methods(&pool).into_iter().filter(|method| method.name().starts_with("List")) {
        demand(&method.input(), &["page_size", "page_token"]);
        demand(&method.output(), &["next_page_token"]);
        // Tenants and services lie in nothing (AIP-132).
        if !["ListTenants", "ListServices"].contains(&method.name()) {
            demand(&method.input(), &["parent"]);
        }
    }
}

#[test]
fn every_method_that_changes_a_utility_takes_a_request_id_and_an_etag() {
    let pool = pool();
    for method in our_methods(&pool) {
        let verbs = ["Update", "Delete", "Undelete", "Restore"];
        let of_utilities = method.parent_service().name() == "UtilityService";
        if !of_utilities || !verbs.iter().any(|verb| method.name().starts_with(verb)) {
            continue;
        }
        demand(&method.input(), &["request_id"]);
        if method.name().starts_with("Update") {
            demand(&method.input(), &["update_mask", "validate_only"]);
            demand(&method.output(), &["etag"]);
        } else {
            demand(&method.input(), &["etag"]);
        }
    }
}

#[test]
fn no_field_carries_json_through_doubles() {
    for message in pool().all_messages().filter(|message| message.package_name().starts_with(OUR_PACKAGES)) {
        for field in message.fields() {
            match field.kind() {
                Kind::Double | Kind::Float => panic!("{} is a floating point number", field.full_name()),
                Kind::Message(kind) => {
                    let name = kind.full_name();
                    let dynamic = ["Value", "Struct", "ListValue", "Any"].map(|name| format!("google.protobuf.{name}"));
                    assert!(!dynamic.iter().any(|other| other == name), "{} is a {name}", field.full_name());
                }
                _ => {}
            }
        }
    }
}

#[test]
fn every_file_of_ours_names_its_go_package() {
    let set = FileDescriptorSet::decode(DESCRIPTOR_SET).expect("the descriptor set decodes");
    for file in set.file.iter().filter(|file| file.package().starts_with(OUR_PACKAGES)) {
        let parts: Vec<&str> = file.package().split('.').collect();
        let expected = format!("github.com/zona-platform/zona/gen/{};{}", parts.join("/"), parts[1..].concat());
        let options = file.options.clone().unwrap_or_default();
        assert_eq!(options.go_package(), expected, "{}", file.name());
    }
}

#[test]
fn an_output_event_is_not_sized_by_the_rare_large_events() {
    let size = size_of::<ExecutionEvent>();
    assert!(size <= 128, "an event takes {size} bytes");
}

// === helpers ===

#[test]
fn what_is_secret_stands_in_no_debug_output() {
    use crate::zona::{identity::v1 as identity, secret::v1 as secret, tenant::v1 as tenant};
    let text = || "hunter2".to_owned();
    let password = identity::PasswordCredential { user: "tenants/acme/users/ann".to_owned(), password: text() };
    let credential = identity::issue_token_request::Credential::Password(password.clone());
    let user = identity::User { name: "tenants/acme/users/ann".to_owned(), password: text(), ..Default::default() };
    let shown = [
        format!("{password:?}"),
        format!("{:?}", identity::IssueTokenRequest { credential: Some(credential), browser: false }),
        format!("{:?}", identity::IssueTokenResponse { session_secret: text(), ..Default::default() }),
        format!("{:?}", identity::RefreshTokenRequest { refresh_token: text() }),
        format!("{:?}", identity::BootstrapRequest { code: text(), password: text(), ..Default::default() }),
        format!("{:?}", identity::UpdateUserRequest { user: Some(user.clone()), current_password: text(), ..Default::default() }),
        format!("{:?}", identity::CreateApiKeyResponse { secret: text(), ..Default::default() }),
        format!("{:?}", secret::SetSecretRequest { value: text(), ..Default::default() }),
        format!("{:?}", tenant::Tenant { db_password: text(), resource_name: "tenants/acme".to_owned(), ..Default::default() }),
        format!("{user:?}"),
    ];
    for shown in shown {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert!(format!("{user:?}").contains("tenants/acme/users/ann"), "what is no secret helps whoever looks for a fault");
}

fn pool() -> DescriptorPool {
    DescriptorPool::decode(DESCRIPTOR_SET).expect("the descriptor set decodes and links")
}

fn our_methods(pool: &DescriptorPool) -> Vec<MethodDescriptor> {
    let services = pool.services().filter(|service| service.package_name().starts_with(OUR_PACKAGES));
    let methods: Vec<_> = services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    assert!(!methods.is_empty());
    methods
}

fn demand(message: &MessageDescriptor, fields: &[&str]) {
    for field in fields {
        assert!(message.get_field_by_name(field).is_some(), "{} has no field {field}", message.full_name());
    }
}

/// Paths of elements are those of `google.protobuf.SourceCodeInfo.Location`: pairs of field number and index.
fn elements_without_comment(file: &FileDescriptorProto) -> Vec<String> {
    let mut elements = Vec::new();
    for (index, message) in file.message_type.iter().enumerate() {
        message_elements(message, file.package(), &[4, number(index)], &mut elements);
    }
    for (index, kind) in file.enum_type.iter().enumerate() {
        enum_elements(kind, file.package(), &[5, number(index)], &mut elements);
    }
    for (index, service) in file.service.iter().enumerate() {
        let path = vec![6, number(index)];
        for (method_index, method) in service.method.iter().enumerate() {
            elements.push((join(&path, 2, method_index), format!("{}.{}", service.name(), method.name())));
        }
        elements.push((path, service.name().to_owned()));
    }
    for (index, extension) in file.extension.iter().enumerate() {
        elements.push((vec![7, number(index)], extension.name().to_owned()));
    }
    let info = file.source_code_info.clone().unwrap_or_default();
    let commented: BTreeSet<Vec<i32>> =
        info.location.into_iter().filter(|at| !at.leading_comments().trim().is_empty()).map(|at| at.path).collect();
    elements.into_iter().filter(|(path, _)| !commented.contains(path)).map(|(_, name)| name).collect()
}

fn message_elements(message: &DescriptorProto, scope: &str, path: &[i32], elements: &mut Vec<(Vec<i32>, String)>) {
    let name = format!("{scope}.{}", message.name());
    for (index, field) in message.field.iter().enumerate() {
        elements.push((join(path, 2, index), format!("{name}.{}", field.name())));
    }
    // A field with presence has a oneof of its own that stands in no source.
    let synthetic: BTreeSet<i32> =
        message.field.iter().filter(|field| field.proto3_optional()).filter_map(|field| field.oneof_index).collect();
    for (index, oneof) in message.oneof_decl.iter().enumerate() {
        if !synthetic.contains(&number(index)) {
            elements.push((join(path, 8, index), format!("{name}.{}", oneof.name())));
        }
    }
    for (index, nested) in message.nested_type.iter().enumerate() {
        // The entry of a map stands in no source either.
        if nested.options.as_ref().is_some_and(|options| options.map_entry()) {
            continue;
        }
        message_elements(nested, &name, &join(path, 3, index), elements);
    }
    for (index, kind) in message.enum_type.iter().enumerate() {
        enum_elements(kind, &name, &join(path, 4, index), elements);
    }
    elements.push((path.to_vec(), name));
}

fn enum_elements(kind: &EnumDescriptorProto, scope: &str, path: &[i32], elements: &mut Vec<(Vec<i32>, String)>) {
    let name = format!("{scope}.{}", kind.name());
    for (index, value) in kind.value.iter().enumerate() {
        elements.push((join(path, 2, index), format!("{name}.{}", value.name())));
    }
    elements.push((path.to_vec(), name));
}

fn join(path: &[i32], field: i32, index: usize) -> Vec<i32> {
    [path, &[field, number(index)]].concat()
}

fn number(index: usize) -> i32 {
    i32::try_from(index).expect("a descriptor has few elements")
}
