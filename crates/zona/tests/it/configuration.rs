//! Configuration through the real process: precedence, all errors at once, and what is refused.

use crate::support::{Done, Server, Source, run, zona};

fn printed(file: &Source, environment: &[(&str, &str)], flags: &[&str]) -> Done {
    let mut command = zona();
    command.args(["--print-config", "--config", file.path()]).args(flags).envs(environment.iter().copied());
    Done::from(command.output().unwrap()).expect(0)
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let file = Source::new("zona.toml", "tenant = \"from-file\"\nlisten = \"127.0.0.1:1111\"\n[sandbox]\nwarm = 3\n");
    let environment = [("ZONA_TENANT", "from-env"), ("ZONA_SANDBOX__MAX_SANDBOXES", "7")];
    let text = printed(&file, &environment, &["--tenant", "from-flag"]).stdout;
    assert!(text.contains("tenant = \"from-flag\"  # command line\n"), "{text}");
    assert!(text.contains("max_sandboxes = 7  # environment ZONA_SANDBOX__MAX_SANDBOXES\n"), "{text}");
    assert!(text.contains(&format!("warm = 3  # {}\n", file.path())), "{text}");
    let text = printed(&file, &environment, &[]).stdout;
    assert!(text.contains("tenant = \"from-env\"  # environment ZONA_TENANT\n"), "{text}");
}

#[test]
fn every_problem_of_every_source_is_reported_at_once() {
    let file = Source::new("zona.toml", "colour = \"red\"\n[log]\nfilter = \"zona=loud\"\n");
    let mut command = zona();
    command.args(["dev", "--config", file.path(), "--listen", "0.0.0.0:7070"]).env("ZONA_STORE__READERS", "0");
    let done = Done::from(command.output().unwrap()).expect(2);
    assert!(done.stderr.starts_with("error: the configuration has 4 problems\n"), "{done:?}");
    for key in ["  colour: is unknown", "  listen: 0.0.0.0:7070 is not a loopback address", "  log.filter: ", "  store.readers: "] {
        assert!(done.stderr.contains(key), "no {key} in {done:?}");
    }
    assert!(done.stderr.contains("(from environment ZONA_STORE__READERS)"), "{done:?}");
}

#[test]
fn a_variable_that_sets_nothing_is_told_and_one_of_kubernetes_is_not() {
    let file = Source::new("zona.toml", "");
    let environment =
        [("ZONA_SANDBOX_BACKEND", "docker"), ("ZONA_SERVICE_HOST", "10.96.0.1"), ("ZONA_API_PORT_7070_TCP", "tcp://10.96.0.1:7070")];
    let done = printed(&file, &environment, &[]);
    assert_eq!(done.stderr, "warning: ZONA_SANDBOX_BACKEND sets nothing; the nearest variable that does is ZONA_SANDBOX__BACKEND\n");
    assert!(done.stdout.contains("backend = \"namespace\"  # default\n"), "{done:?}");
}

#[test]
fn a_server_whose_gvisor_was_asked_for_by_a_misspelled_variable_does_not_start() {
    let mut command = zona();
    command.args(["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]).env("ZONA_SANDBOX__CONTAINER_RUNTIM", "runsc");
    let done = Done::from(command.output().unwrap()).expect(2);
    let told = "ZONA_SANDBOX__CONTAINER_RUNTIM: sets nothing; the nearest variable that does is ZONA_SANDBOX__CONTAINER_RUNTIME";
    assert!(done.stderr.contains(told), "{done:?}");
}

#[test]
fn a_server_starts_beside_unknown_variables_and_logs_them() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_with(&directory.path().join("data"), &[("ZONA_STORE_READERS", "3"), ("ZONA_PORT", "tcp://10.96.0.1:7070")]);
    let log = std::fs::read_to_string(&server.log).unwrap();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains(r#""level":"WARN""#)).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("ZONA_STORE_READERS sets nothing; the nearest variable that does is ZONA_STORE__READERS"), "{log}");
}

#[test]
fn a_server_refuses_every_address_but_loopback() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7070"] {
        for flag in ["--listen", "--admin-listen"] {
            let done = run(&["dev", flag, address]).expect(2);
            assert!(done.stderr.contains("is not a loopback address, and "), "{done:?}");
        }
    }
}

#[test]
fn a_named_file_must_exist() {
    let done = run(&["--config", "/nonexistent/zona.toml", "utility", "list"]).expect(2);
    assert!(done.stderr.contains("/nonexistent/zona.toml: is not a file"), "{done:?}");
}

#[test]
fn a_server_for_others_uses_containers_unless_somebody_says_otherwise() {
    let printed = |arguments: &[&str], backend: Option<&str>| {
        let mut command = zona();
        command.args(arguments).arg("--print-config").envs(backend.map(|backend| ("ZONA_SANDBOX__BACKEND", backend)));
        command.env("ZONA_STORE__EMBEDDED", "true");
        let text = Done::from(command.output().unwrap()).expect(0).stdout;
        let line = text.lines().find_map(|line| line.strip_prefix("backend = ")).unwrap_or_else(|| panic!("{text}")).to_owned();
        line.split(' ').next().unwrap_or_default().to_owned()
    };
    assert_eq!(printed(&["dev"], None), r#""namespace""#);
    assert_eq!(printed(&["server"], None), r#""docker""#);
    assert_eq!(printed(&["server"], Some("landlock")), r#""landlock""#);
    assert_eq!(printed(&["server", "--backend", "namespace"], Some("landlock")), r#""namespace""#);
}

#[test]
fn a_server_for_others_starts_only_where_it_is_said_what_keeps_everything() {
    let asked = |environment: &[(&str, &str)]| {
        let mut command = zona();
        command.args(["server", "--print-config"]).envs(environment.iter().copied());
        Done::from(command.output().unwrap())
    };
    let refused = asked(&[]).expect(2);
    assert!(refused.stderr.contains("store.mongodb: is missing") && refused.stderr.contains("`store.embedded = true`"), "{refused:?}");
    asked(&[("ZONA_STORE__EMBEDDED", "true")]).expect(0);
    let shown = asked(&[("ZONA_STORE__MONGODB", "mongodb://ann@127.0.0.1:1/?replicaSet=a")]).expect(0);
    let line = "mongodb = \"mongodb://ann@127.0.0.1:1/?replicaSet=a\"  # environment ZONA_STORE__MONGODB\n";
    assert!(shown.stdout.contains(line), "{shown:?}");
    let refused = asked(&[("ZONA_STORE__MONGODB", "mongodb://ann:hunter2@127.0.0.1:1/")]).expect(2);
    assert!(refused.stderr.contains("store.mongodb: holds a secret") && !refused.stderr.contains("hunter2"), "{refused:?}");
    let alone = asked(&[("ZONA_STORE__EMBEDDED", "true"), ("ZONA_KEYS__DIRECTORY", "/tmp/keys")]).expect(2);
    assert!(alone.stderr.contains("keys.directory: is for servers that share a store"), "{alone:?}");
    let of_their_own = asked(&[("ZONA_STORE__MONGODB", "mongodb://127.0.0.1:1/"), ("ZONA_KEYS__KEK_FILE", "/tmp/kek")]).expect(2);
    assert!(of_their_own.stderr.contains("keys.directory: is missing: the servers of `store.mongodb` share all keys"), "{of_their_own:?}");
}

#[test]
fn a_server_says_what_is_wrong_with_a_database_that_it_cannot_use() {
    let directory = tempfile::tempdir().unwrap();
    let started = |environment: &[(&str, &str)]| {
        let mut command = zona();
        command.args(["server", "--listen", "127.0.0.1:0", "--data"]).arg(directory.path().join("data")).envs(environment.iter().copied());
        Done::from(command.output().unwrap())
    };
    let away = started(&[("ZONA_STORE__MONGODB", "mongodb://127.0.0.1:1/")]).expect(6);
    assert!(away.stderr.contains("cannot open the store in MongoDB"), "{away:?}");
    let far = started(&[("ZONA_STORE__MONGODB", "mongodb://192.0.2.1:27017/")]).expect(2);
    assert!(far.stderr.contains("must be encrypted"), "{far:?}");
    let absent = [("ZONA_STORE__MONGODB_USER_FILE", "/nonexistent/user"), ("ZONA_STORE__MONGODB_PASSWORD_FILE", "/nonexistent/password")];
    let absent = started(&[&[("ZONA_STORE__MONGODB", "mongodb://127.0.0.1:1/")], &absent[..]].concat()).expect(2);
    assert!(absent.stderr.contains("cannot use /nonexistent"), "{absent:?}");
}
