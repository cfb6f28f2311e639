//! The description of JSON over HTTP, by tools of others: it is an OpenAPI document, and a server that is asked whatever the description allows,
//! and much that it does not, neither fails nor answers what is not described.

use std::process::Command;

use e2e::{command::run, server::Server, workspace};

/// Random requests of each operation, beside those that the description itself suggests: these are thousands, and take most of the time.
const EXAMPLES: &str = "5";
/// What is asked of each answer. That wrong requests are refused is the contract's own tests': JSON of protobuf takes more than a schema can say,
/// such as a number as a text.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

#[test]
fn the_description_is_an_openapi_document() {
    let document = workspace::path("docs/openapi.json");
    let mut validator = Command::new(workspace::openapi());
    run(validator.args(["-m", "openapi_spec_validator", "--schema", "3.1"]).arg(document)).with_code(0);
}

/// Asks for the operations that are chosen so.
fn ask(chosen: &[&str]) {
    let server = Server::configured("[identity]\nlocal_caller = false\n");
    let bearer = format!("authorization: Bearer {}", server.developer_key());
    let scratch = tempfile::tempdir().expect("a directory can be made");
    let mut schemathesis = Command::new(workspace::openapi());
    schemathesis
        .args(["-m", "schemathesis.cli", "run", "--checks", CHECKS, "--max-examples", EXAMPLES, "--workers", "1"])
        .args(chosen)
        // The same requests in each run.
        .args(["--generation-deterministic", "--request-timeout", "30", "--no-color", "--header", &bearer])
        .arg(format!("{}/openapi.json", server.gateway()))
        .env("SCHEMATHESIS_HOOKS", workspace::path("tests/openapi/hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(scratch.path());
    let told = run(&mut schemathesis);
    assert_eq!(told.code, Some(0), "{}\n{}", told.text(), told.errors());
    server.stop();
}

#[test]
fn whatever_is_asked_of_what_reads_is_answered_as_described_and_no_request_makes_the_server_fail() {
    ask(&["--include-method", "GET"]);
}

#[test]
fn whatever_is_asked_of_what_changes_is_answered_as_described_and_no_request_makes_the_server_fail() {
    ask(&["--exclude-method", "GET"]);
}
