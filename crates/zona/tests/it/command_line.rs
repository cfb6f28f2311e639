//! Help, completions, and what happens without a server.

use crate::support::{run, zona};

#[test]
fn help_names_every_command_and_every_exit_code() {
    let help = run(&["--help"]).expect(0);
    insta::assert_snapshot!(help.stdout);
}

#[test]
fn without_arguments_there_is_help_and_an_error() {
    let done = run(&[]).expect(2);
    assert!(done.stderr.contains("Usage: zona"), "{done:?}");
    run(&["frobnicate"]).expect(2);
    run(&["run"]).expect(2);
    run(&["-o", "xml", "check", "x.py"]).expect(2);
}

#[test]
fn without_a_server_a_client_says_how_to_start_one() {
    let done = run(&["--server", "http://127.0.0.1:1", "utility", "list"]).expect(6);
    assert!(done.stderr.starts_with("error: no server answers at http://127.0.0.1:1"), "{done:?}");
    assert!(done.stderr.contains("`zona dev`"), "{done:?}");
    assert_eq!(done.stdout, "");
}

#[test]
fn names_and_parameters_are_checked_before_anything_is_sent() {
    let nowhere = ["--server", "http://127.0.0.1:1"];
    for wrong in [
        &["run", "Not_A_Name"][..],
        &["run", "tenants/demo/executions/x"],
        &["run", "x", "--param", "novalue"],
        &["run", "x", "--params", "[]", "--param", "a=1"],
        &["transform", "x"],
        &["transform", "x", "--value", "unquoted"],
        &["execution", "get", "not-a-uuid"],
        &["utility", "update", "x"],
        &["utility", "create", "x", "--file", "/nonexistent.py"],
    ] {
        run(&[&nowhere[..], wrong].concat()).expect(2);
    }
}

#[test]
fn completions_need_neither_configuration_nor_server() {
    let output = zona().args(["completions", "bash"]).env("ZONA_NONSENSE", "1").output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("undelete"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let mut child = zona().args(["completions", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
