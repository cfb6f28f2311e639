//! Nothing starts by mistake: not for an argument that nobody knows, and not for a question after help.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use clap::{CommandFactory as _, error::ErrorKind};

use super::*;

fn parse(arguments: &[&str]) -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse_from(std::iter::once("cargo xtask").chain(arguments.iter().copied()))
}

#[test]
fn every_task_answers_help_and_starts_nothing() {
    let command = CommandLine::command();
    for task in command.get_subcommands() {
        for flag in ["--help", "-h"] {
            let answered = parse(&[task.get_name(), flag]).expect_err("help is no task");
            assert_eq!((answered.kind(), answered.exit_code()), (ErrorKind::DisplayHelp, 0), "{} {flag}", task.get_name());
        }
    }
    assert_eq!(parse(&["--help"]).expect_err("help is no task").exit_code(), 0);
}

#[test]
fn an_argument_that_nobody_knows_is_refused_with_the_usage_and_2() {
    for task in ["test", "setup", "tidy", "image", "runtime", "fuzz", "accept-contract"] {
        let refused = parse(&[task, "--no-such-flag"]).expect_err("nobody knows the flag");
        assert_eq!(refused.exit_code(), 2, "{task}");
        assert!(refused.to_string().contains("Usage: cargo xtask"), "{task}: {refused}");
    }
    for words in
        [&["test", "everything"][..], &["setup", "docker"], &["tidy", "crates"], &["test", "--only", "nothing"], &["no-such-task"], &[]]
    {
        assert_eq!(parse(words).expect_err("nobody knows the words").exit_code(), 2, "{words:?}");
    }
}

#[test]
fn arguments_of_the_benchmarks_are_handed_on() {
    let Task::Bench { arguments } = parse(&["bench", "--only", "get", "--quick"]).expect("the runner judges its flags").task else {
        panic!("bench is another task");
    };
    assert_eq!(arguments, ["--only", "get", "--quick"]);
}

/// Runs `.ci/run` with a cargo that only says how it was called.
fn run_ci(arguments: &[&str]) -> (Option<i32>, String, String) {
    let bin = tempfile::tempdir().expect("a temporary directory can be made");
    for program in ["cargo", "cc", "apt-get"] {
        let file = bin.path().join(program);
        fs::write(&file, format!("#!/bin/sh\necho {program} \"$@\"\n")).expect("the directory is writable");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/run");
    let path = format!("{}:/usr/bin:/bin", bin.path().display());
    let output = Command::new(script).args(arguments).env_clear().env("PATH", path).output().expect("bash starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the script prints text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn ci_refuses_what_it_does_not_know_and_answers_help() {
    for unknown in ["--no-such-flag", "test", ""] {
        let (code, stdout, stderr) = run_ci(&[unknown]);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{unknown}");
        assert!(stderr.contains("unknown argument") && stderr.contains("usage: .ci/run"), "{unknown}: {stderr}");
    }
    for flag in ["--help", "-h"] {
        let (code, stdout, _) = run_ci(&[flag]);
        assert!(code == Some(0) && stdout.starts_with("usage: .ci/run") && !stdout.contains("xtask test\n"), "{flag}: {stdout}");
    }
}

#[test]
fn ci_runs_every_check_and_hands_on_how_long() {
    assert_eq!(run_ci(&[]), (Some(0), "cargo xtask test\n".to_owned(), String::new()));
    assert_eq!(run_ci(&["--long"]), (Some(0), "cargo xtask test --long\n".to_owned(), String::new()));
}
