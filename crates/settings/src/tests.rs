//! What a declaration gives, with a small program's sections. What this program's own sections say is tried where they are.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

section! {
    /// Outside.
    struct Outside in Place::outside();

    /// where calls are taken
    listen: String = "127.0.0.1:1" => value::text(value::any);
}

section! {
    /// The store.
    struct Store in Place::table("store");

    /// connections that
    /// read at once
    readers: usize = 4 => value::number(1..=64);
    /// and that write
    writers: usize = 2 => value::number(1..=64);
    /// for how long
    deadline: Duration = "2s", shown "two seconds" => value::duration(Duration::from_millis(100));
    /// a copy
    copy: Option<PathBuf> => value::optional(value::path);
}

section! {
    /// A tenant.
    struct Tenant in Place::each("tenants", "CODE", "a tenant");

    /// its share
    weight: Option<u32> => value::optional_number(1..=9);
}

#[derive(Debug)]
struct Config {
    outside: Outside,
    store: Store,
    tenants: Vec<(String, Tenant)>,
}

fn schema() -> Schema {
    Schema::new([Outside::SECTION, Store::SECTION, Tenant::SECTION])
}

fn read(reader: &mut Reader<'_>) -> Option<Config> {
    let outside = Outside::read(reader, "");
    let store = Store::read(reader, "store");
    reader.refuse_above("store.writers", "store.readers");
    let names = reader.entries(&Tenant::SECTION);
    let tenants = names.into_iter().map(|name| Some((name.clone(), Tenant::read(reader, &Tenant::SECTION.entry(&name))?)));
    let tenants: Vec<_> = tenants.collect();
    Some(Config { outside: outside?, store: store?, tenants: tenants.into_iter().collect::<Option<_>>()? })
}

fn with(variables: &[(&str, &str)]) -> Result<Loaded<Config>, Problems> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load(schema(), Sources::default(), &Surroundings { variables, ..Surroundings::default() }, read)
}

fn with_file(text: &str) -> Result<Loaded<Config>, Problems> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zona.toml");
    std::fs::write(&path, text).unwrap();
    load(schema(), Sources { file: Some(&path), ..Sources::default() }, &Surroundings::default(), read)
}

fn warnings(variables: &[(&str, &str)]) -> Vec<String> {
    with(variables).unwrap().warnings
}

#[test]
fn one_declaration_gives_the_value_its_default_and_its_row() {
    let config = with(&[]).unwrap().config;
    assert_eq!((config.outside.listen.as_str(), config.store.readers, config.store.copy), ("127.0.0.1:1", 4, None));
    assert_eq!(config.store.deadline, Duration::from_secs(2));
    assert_eq!(
        schema().table(),
        "| key | default | meaning |\n|---|---|---|\n| `listen` | `127.0.0.1:1` | where calls are taken |\n\
         | `store.readers` | `4` | connections that read at once |\n| `store.writers` | `2` | and that write |\n\
         | `store.deadline` | two seconds | for how long |\n| `store.copy` | not set | a copy |\n\
         | `tenants.CODE.weight` | not set | its share |\n"
    );
}

#[test]
fn every_problem_of_a_section_is_reported_with_those_of_the_others() {
    let Err(Problems(problems)) = with_file("[store]\nreaders = 0\ndeadline = \"soon\"\n[tenants.acme]\nweight = 10\n") else {
        panic!("accepted")
    };
    let keys: Vec<&str> = problems.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["store.deadline", "store.readers", "tenants.acme.weight"]);
}

#[test]
fn a_rule_about_two_numbers_speaks_only_where_both_are_numbers() {
    let keys = |text: &str| match with_file(text) {
        Ok(_) => Vec::new(),
        Err(Problems(problems)) => problems.into_iter().map(|(key, _)| key).collect::<Vec<_>>(),
    };
    assert_eq!(keys("[store]\nreaders = 1\n"), ["store.writers"]);
    assert_eq!(keys("[store]\nreaders = 0\n"), ["store.readers"]);
    assert!(keys("[store]\nreaders = 2\n").is_empty());
}

#[test]
fn variables_that_kubernetes_sets_beside_a_service_are_ignored() {
    let of_a_service = |name: &str| {
        vec![
            (format!("{name}_SERVICE_HOST"), "10.96.0.1"),
            (format!("{name}_SERVICE_PORT"), "7070"),
            (format!("{name}_SERVICE_PORT_GRPC"), "7070"),
            (format!("{name}_SERVICE_PORT_ADMIN_HTTP"), "7071"),
            (format!("{name}_PORT"), "tcp://10.96.0.1:7070"),
            (format!("{name}_PORT_7070_TCP"), "tcp://10.96.0.1:7070"),
            (format!("{name}_PORT_7070_TCP_ADDR"), "10.96.0.1"),
            (format!("{name}_PORT_7070_TCP_PORT"), "7070"),
            (format!("{name}_PORT_7070_TCP_PROTO"), "tcp"),
            (format!("{name}_PORT_53_UDP_PROTO"), "udp"),
        ]
    };
    // The last two are what Services called `zona-service` and `zona--api` get.
    for service in ["ZONA", "ZONA_API", "ZONA_API_V2", "ZONA_STORE", "ZONA_SERVICE", "ZONA__API"] {
        for (name, value) in of_a_service(service) {
            assert_eq!(warnings(&[(&name, value)]), [""; 0], "{name}");
        }
    }
}

#[test]
fn another_unknown_variable_is_a_warning_with_the_nearest_key_and_stops_nothing() {
    let loaded = with(&[("ZONA_STORE_READERS", "7"), ("ZONA_STORE__WRITERS", "3")]).unwrap();
    assert_eq!(loaded.warnings, ["ZONA_STORE_READERS sets nothing; the nearest variable that does is ZONA_STORE__READERS"]);
    assert_eq!((loaded.config.store.readers, loaded.config.store.writers), (4, 3));
    for (name, nearest) in [("ZONA_LISTENS", "ZONA_LISTEN"), ("ZONA_STOREREADERS", "ZONA_STORE__READERS")] {
        assert_eq!(warnings(&[(name, "7")]), [format!("{name} sets nothing; the nearest variable that does is {nearest}")]);
    }
    // Nearly what Kubernetes sets, but written by a person.
    for name in ["ZONA_PORT", "ZONA_SERVICE_HOSTS", "ZONA_PORT_GRPC", "ZONA_PORT_7070_TCP_URL"] {
        assert_eq!(warnings(&[(name, "7070")]).len(), 1, "{name}");
    }
}

#[test]
fn an_unknown_variable_that_is_spelled_like_a_key_of_a_table_is_an_error_with_the_nearest_one() {
    let unknown = [
        ("ZONA_STORE__READER", "ZONA_STORE__READERS"),
        ("ZONA_TENANTS__ACME__WAIT", "ZONA_TENANTS__ACME__WEIGHT"),
        ("zona_store__reader", "ZONA_STORE__READERS"),
    ];
    let Err(Problems(problems)) = with(&unknown.map(|(name, _)| (name, "7"))) else { panic!("accepted") };
    let expected = unknown.map(|(name, nearest)| (name.to_owned(), format!("sets nothing; the nearest variable that does is {nearest}")));
    assert_eq!(problems, expected);
    let Err(Problems(problems)) = with(&[("ZONA_STORE__READER", "7"), ("ZONA_STORE__WRITERS", "many")]) else { panic!("accepted") };
    assert_eq!(problems.len(), 2, "both are told at once: {problems:?}");
}

#[test]
fn an_unknown_key_in_a_file_or_a_flag_stays_an_error() {
    let Err(Problems(problems)) = with_file("[store]\nreader = 3\n") else { panic!("accepted") };
    assert!(problems[0].1.starts_with("is unknown; [store] has readers, writers, deadline, copy"), "{problems:?}");
    let flags = vec![Flag { key: "store.reader", value: "3".to_owned() }];
    assert!(load(schema(), Sources { flags, ..Sources::default() }, &Surroundings::default(), read).is_err());
}

#[test]
fn a_bad_value_in_a_variable_is_an_error_that_names_it() {
    let Err(Problems(problems)) = with(&[("ZONA_STORE__READERS", "many")]) else { panic!("accepted") };
    let expected = "must be a whole number from 1 to 64 (from environment ZONA_STORE__READERS)";
    assert_eq!(problems, [("store.readers".to_owned(), expected.to_owned())]);
}

#[test]
fn a_variable_sets_a_key_of_a_table_of_tables() {
    let config = with(&[("ZONA_TENANTS__ACME__WEIGHT", "3")]).unwrap().config;
    assert_eq!(config.tenants.iter().map(|(name, tenant)| (name.as_str(), tenant.weight)).collect::<Vec<_>>(), [("acme", Some(3))]);
}

#[test]
fn what_is_printed_says_where_each_value_comes_from() {
    let printed = with(&[("ZONA_STORE__READERS", "7"), ("ZONA_TENANTS__ACME__WEIGHT", "3")]).unwrap().print();
    assert_eq!(
        printed,
        "listen = \"127.0.0.1:1\"  # default\n\n[store]\nreaders = 7  # environment ZONA_STORE__READERS\nwriters = 2  # default\n\
         deadline = \"2s\"  # default\n# copy is not set\n\n[tenants.acme]\nweight = 3  # environment ZONA_TENANTS__ACME__WEIGHT\n"
    );
}

#[test]
fn a_file_that_others_can_write_configures_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zona.toml");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let sources = || Sources { file: Some(&path), ..Sources::default() };
    let Err(Problems(problems)) = load(schema(), sources(), &Surroundings::default(), read) else { panic!("accepted") };
    assert_eq!(problems[0].0, path.display().to_string());
    assert!(problems[0].1.contains("others can write it (mode 0666)") && problems[0].1.contains("chmod go-w"), "{problems:?}");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(load(schema(), sources(), &Surroundings::default(), read).is_ok());
}

section! {
    /// One setting of each kind.
    struct Kinds in Place::table("kinds");

    /// a path
    path: PathBuf = "/var/lib" => value::text(value::path);
    /// a name, or none
    name: Option<String> => value::optional(value::any);
    /// one of three
    size: u8 = "small" => value::choice(&[("small", 1), ("large", 2)]);
    /// a time
    pause: Duration = "1s" => value::duration(Duration::from_millis(100));
    /// a bounded time
    patience: Duration = "10s" => value::duration_within(Duration::from_secs(1)..=Duration::from_secs(60));
    /// yes or no
    strict: bool = true => value::flag();
    /// any number from one on
    bytes: u64 = 1 => value::number(1..=u64::MAX);
    /// a number, or none
    most: Option<u16> => value::optional_number(1..=70_000);
    /// some
    threads: NonZeroUsize = 2 => value::count(8);
    /// where metrics go
    metrics: String = "http://127.0.0.1:1" => value::text(value::http_address);
    /// where a server is
    server: Option<String> => value::optional(value::server_address);
}

/// The value of each kind as text, or the problems: key and text.
fn kinds(text: &str) -> Result<Kinds, Vec<(String, String)>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zona.toml");
    std::fs::write(&path, format!("[kinds]\n{text}\n")).unwrap();
    let sources = Sources { file: Some(&path), ..Sources::default() };
    let read = |reader: &mut Reader<'_>| {
        let kinds = Kinds::read(reader, "kinds");
        reader.refuse_below("kinds.bytes", "kinds.threads");
        kinds
    };
    let loaded = load(Schema::new([Kinds::SECTION]), sources, &Surroundings::default(), read);
    loaded.map(|loaded| loaded.config).map_err(|Problems(problems)| problems)
}

#[test]
fn each_kind_of_value_is_read_as_it_is_written() {
    let text = "path = \"/srv\"\nname = \"\"\nsize = \"large\"\npause = \"250ms\"\npatience = \"1m\"\nstrict = false\nbytes = 9\nmost = 7\n\
                threads = 8\nmetrics = \"localhost:9\"\nserver = \"https://zona.example\"";
    let read = kinds(text).unwrap();
    assert_eq!((read.path, read.name, read.size), (PathBuf::from("/srv"), None, 2));
    assert_eq!((read.pause, read.patience), (Duration::from_millis(250), Duration::from_secs(60)));
    assert_eq!((read.strict, read.bytes, read.most, read.threads.get()), (false, 9, Some(7), 8));
    assert_eq!((read.metrics.as_str(), read.server.as_deref()), ("http://localhost:9", Some("https://zona.example")));
    let texts = kinds("strict = \"false\"\nbytes = \"12\"").unwrap();
    assert_eq!((texts.strict, texts.bytes, texts.most, texts.server), (false, 12, None, None), "flags of a command line are texts");
}

#[test]
fn what_a_value_must_be_is_said_where_it_is_something_else() {
    let cases = [
        ("path = \"\"", "kinds.path", "must not be empty"),
        ("path = 3", "kinds.path", "must be a text"),
        ("size = \"huge\"", "kinds.size", "\"huge\" is not one of small, large"),
        ("pause = \"1ms\"", "kinds.pause", "must be at least 100ms"),
        ("pause = \"soon\"", "kinds.pause", "is not a duration"),
        ("patience = \"2m\"", "kinds.patience", "must be from 1s to 1m"),
        ("patience = \"soon\"", "kinds.patience", "is not a duration"),
        ("strict = \"maybe\"", "kinds.strict", "must be true or false"),
        ("bytes = 0", "kinds.bytes", "must be a whole number of at least 1"),
        ("bytes = -1", "kinds.bytes", "must be a whole number of at least 1"),
        ("bytes = 1", "kinds.bytes", "is 1, less than `kinds.threads`, which is 2"),
        ("most = 70000", "kinds.most", "must be a whole number from 1 to 70000"),
        ("threads = 9", "kinds.threads", "must be a whole number from 1 to 8"),
        ("metrics = \"https://127.0.0.1:1\"", "kinds.metrics", "there is no TLS"),
        ("server = \"ftp://zona.example\"", "kinds.server", "https://host:port"),
        ("path = { a = 1 }", "kinds.path", "must be a text"),
        ("unknown = 1", "kinds.unknown", ""),
    ];
    for (text, key, told) in cases {
        let bytes = if text.starts_with("bytes") { "" } else { "bytes = 2\n" };
        let problems = kinds(&format!("{bytes}{text}")).expect_err(text);
        assert!(problems.iter().any(|(named, problem)| named == key && problem.contains(told)), "{text}: {problems:?}");
    }
}

#[test]
fn a_value_in_the_place_of_a_section_is_told_as_that_and_what_is_no_toml_with_its_file() {
    let Err(Problems(problems)) = with_file("store = 3\n") else { panic!("accepted") };
    assert!(problems.iter().any(|(key, problem)| key == "store" && problem.contains("is a section, not a value")), "{problems:?}");
    let Err(Problems(problems)) = with_file("[store\n") else { panic!("accepted") };
    assert!(problems.iter().all(|(place, _)| place.ends_with("zona.toml")), "{problems:?}");
}

#[test]
fn data_lies_where_the_surroundings_say_and_else_beside_the_program() {
    let home = |text: &str| Some(PathBuf::from(text));
    let both = Surroundings { home: home("/home/ann"), data_home: home("/data"), ..Surroundings::default() };
    assert_eq!(both.data(), PathBuf::from("/data/zona"));
    assert_eq!(Surroundings { data_home: None, ..both }.data(), PathBuf::from("/home/ann/.local/share/zona"));
    assert_eq!(Surroundings::default().data(), PathBuf::from(".zona"));
    assert!(Surroundings::read().variables.iter().all(|(name, _)| name.to_ascii_uppercase().starts_with("ZONA_")));
}
