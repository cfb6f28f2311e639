//! Programs in other languages, built from our protos with those languages' own generators, tell the whole story.

use std::{fs, path::PathBuf, process::Command, sync::OnceLock};

use e2e::{
    command::run,
    server::{Backend, Server},
    workspace,
};

use crate::signing_in::{PASSWORD, Person, SIGNED_IN_ONLY};

/// The chapters of the Go program. A chapter that is not told is not passed.
const GO_CHAPTERS: [&str; 37] = [
    "the server is healthy",
    "a transformer is created with its inferred schema",
    "a script is created",
    "a dry run stores nothing",
    "a taken name is refused",
    "a create is repeated by its request id",
    "utilities are listed in pages",
    "utilities are filtered and ordered",
    "a bad request names every violation",
    "code is validated without being stored",
    "an absent resource is named",
    "another tenant is denied without a hint",
    "an update changes what its mask names",
    "a stale etag is refused",
    "versions are listed and read",
    "versions are compared",
    "a version is restored as a new one",
    "one value is transformed",
    "values are transformed in order, each with its own error",
    "a value that ends the process leaves later ones unrun",
    "large integers keep every digit",
    "parameters are checked before anything runs",
    "secret parameters are used and never stored",
    "output is streamed without gaps",
    "a stream is replayed from any point",
    "one megabyte of output arrives whole",
    "output beyond the limit is dropped and counted",
    "output beyond the limit stops the run when asked",
    "a failing program is no RPC error",
    "a run past its time limit keeps its output",
    "a running execution is followed and resumed",
    "an execution is cancelled once",
    "a lost stream leaves the run alone unless asked",
    "a start is repeated by its request id",
    "an old version still runs",
    "executions are listed by utility, state and time",
    "a deleted utility comes back",
];

/// The chapters that come before, where the Go program signs in.
const GO_SIGNING_IN: [&str; 5] = [
    "a password is exchanged for tokens that say who calls",
    "a wrong password is answered like an unknown user",
    "a call without a token is of nobody",
    "a refresh token serves once, and its session ends when it is shown again",
    "a session that is revoked ends at once, with its streams",
];

fn go_program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let program = workspace::scratch().join("zona-go-client");
        let mut build = Command::new(workspace::path("tests/go/build.sh"));
        build.arg(&program).env("PATH", workspace::path_with(&["go", "buf", "protoc-gen-go", "protoc-gen-go-grpc"]));
        run(&mut build).with_code(0);
        program
    };
    BUILT.get_or_init(build).clone()
}

fn go_story(server: Server, more: impl FnOnce(&mut Command), chapters_told: &[&str]) {
    let mut program = Command::new(go_program());
    more(program.args(["-address", &server.address()]));
    let told = run(&mut program);
    let summary = told.json();
    let chapters = summary["chapters"].as_array().cloned().unwrap_or_default();
    let failed = chapters.iter().filter(|chapter| chapter["passed"] != true);
    let failed: Vec<String> = failed.map(|chapter| format!("{}: {}", chapter["name"], chapter["error"])).collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    let names: Vec<&str> = chapters.iter().filter_map(|chapter| chapter["name"].as_str()).collect();
    assert_eq!(names, chapters_told);
    assert_eq!((summary["passed"].as_u64(), summary["failed"].as_u64()), (Some(chapters_told.len() as u64), Some(0)));
    told.with_code(0);
    server.stop();
}

#[test]
fn a_go_program_tells_the_whole_story() {
    go_story(Server::with(Backend::Namespace), |_| {}, &GO_CHAPTERS);
}

#[test]
fn a_go_program_that_signs_in_tells_the_whole_story() {
    let server = Server::configured(SIGNED_IN_ONLY);
    let root = Person::first(&server);
    drop(Person::made_by(&root, &server, "gopher", "CREATOR"));
    let chapters = [&GO_SIGNING_IN[..], &GO_CHAPTERS].concat();
    go_story(
        server,
        |program| {
            program.args(["-caller", "tenants/demo/users/gopher"]).env("ZONA_PASSWORD", PASSWORD);
        },
        &chapters,
    );
}

#[test]
fn a_go_program_tells_the_whole_story_in_containers() {
    go_story(Server::with(Backend::Docker), |_| {}, &GO_CHAPTERS);
}

#[test]
fn a_python_program_tells_a_short_story() {
    let generated = workspace::scratch().join("python");
    if generated.exists() {
        fs::remove_dir_all(&generated).expect("what an earlier run generated can be removed");
    }
    fs::create_dir_all(&generated).expect("the target directory is writable");
    let mut generator = Command::new(workspace::python());
    generator.args(["-m", "grpc_tools.protoc", "--proto_path=proto"]).current_dir(workspace::root());
    for kind in ["python_out", "grpc_python_out"] {
        generator.arg(format!("--{kind}={}", generated.display()));
    }
    for package in ["annotations", "execution", "utility"] {
        let files = fs::read_dir(workspace::path("proto/zona").join(package).join("v1")).expect("the package has files");
        let names = files.map(|file| file.expect("the directory can be read").file_name().to_string_lossy().into_owned());
        generator.args(names.map(|name| format!("zona/{package}/v1/{name}")));
    }
    run(&mut generator).with_code(0);

    let server = Server::start();
    let story = workspace::path("tests/python/story.py");
    let told = run(Command::new(workspace::python()).arg("-B").arg(story).arg(&generated).arg(server.address()));
    let summary = told.json();
    assert_eq!(summary["failures"], serde_json::json!({}));
    assert_eq!(summary["passed"], 7);
    told.with_code(0);
    server.stop();
}
