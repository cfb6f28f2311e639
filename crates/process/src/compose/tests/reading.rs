//! How Compose files are read, part by part; beside compose-go they are read in `tests/it/compose.rs`.

use super::*;

#[test]
fn variables_have_defaults_replacements_and_demands() {
    let image = |text: &str| service(&format!("user: \"{text}\"")).context.user.unwrap();
    for (text, wanted) in [
        ("a$TAG", "a7"),
        ("${TAG}b", "7b"),
        ("${NONE:-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("a${EMPTY-x}", "a"),
        ("${NONE-${TAG}}", "7"),
        ("${TAG:+set}", "set"),
        ("a${EMPTY:+set}", "a"),
        ("a${EMPTY+set}", "aset"),
        ("$$TAG", "$TAG"),
        ("${TAG:?no}", "7"),
        ("$ x$", "$ x$"),
        ("a$1", "a$1"),
        ("${TAG:-{x}}", "7"),
        ("${NONE:-{x}}", "{x}"),
    ] {
        assert_eq!(image(text), wanted, "{text}");
    }
    for text in ["${NONE:?must be set}", "${EMPTY:?x}", "${", "${}", "${TAG!x}", "${TAG:}", "${ TAG}"] {
        let file = format!("services: {{web: {{image: '{text}'}}}}");
        let (_, problems) = import(&[&file], &[("EMPTY".to_owned(), String::new())].into()).unwrap_err();
        assert_eq!(problems.list()[0].rule, "variable", "{text}");
    }
}

#[test]
fn variables_within_variables_are_bounded() {
    let text = format!("services: {{web: {{image: '{}x{}'}}}}", "${A:-".repeat(100_000), "}".repeat(100_000));
    assert!(import(&[&text], &BTreeMap::new()).is_err());
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let import = imported(&["services: {web: {image: 'web:1$NOPE'}}"], &[]);
    assert!(import.notes.iter().any(|note| note.message.contains("`NOPE`")), "{:?}", import.notes);
}

#[test]
fn names_of_members_are_no_variables() {
    let web = service("labels: {$TAG: $TAG}");
    assert_eq!(web.labels, [("$TAG".to_owned(), "7".to_owned())].into());
}

#[test]
fn ports_are_read_in_both_forms_and_ranges_are_spread() {
    let web = service(
        "ports: ['80', '8000:81', '9000-9001:90-91/udp', {target: 82, published: '8002', mode: host}]\ndeploy: {update_config: {order: stop-first}}",
    );
    let ports: Vec<_> = web.ports.iter().map(|port| (port.target, port.published, port.protocol.as_str())).collect();
    assert_eq!(
        ports,
        [(80, None, "tcp"), (81, Some(8000), "tcp"), (90, Some(9000), "udp"), (91, Some(9001), "udp"), (82, Some(8002), "tcp")]
    );
    assert_eq!(notes("ports: ['127.0.0.1:80:80']"), [(What::Changed, "services.web.ports[0]".to_owned())]);
    assert_eq!(notes("ports: ['[::1]:80:80']"), [(What::Changed, "services.web.ports[0]".to_owned())]);
    assert_eq!(notes("ports: ['x:80']"), [(What::LeftOut, "services.web.ports[0]".to_owned())]);
    assert_eq!(notes("ports: ['80-81:1-3']"), [(What::LeftOut, "services.web.ports[0]".to_owned())]);
}

#[test]
fn ranges_of_ports_are_bounded_before_they_are_spread() {
    let left = |fields: &str, index: usize| {
        let found = notes(fields).into_iter().filter(|(what, _)| *what == What::LeftOut).collect::<Vec<_>>();
        assert_eq!(found, [(What::LeftOut, format!("services.web.ports[{index}]"))], "{fields}");
    };
    left("ports: ['1-65535']", 0);
    left("ports: ['1000-1255:1000-1255', '2000:2000', '3000:3000']", 1);
    assert_eq!(service("ports: ['1000-1255:1000-1255']").ports.len(), 256);
    // What is left out counts as well: each would be a note.
    let many = format!("ports: [{}]", "'1000-1255/sctp', ".repeat(10_000));
    assert!(notes(&many).len() < 1_000);
}

#[test]
fn what_is_no_number_is_left_out_and_never_written_as_one() {
    for (fields, path) in [
        ("healthcheck: {test: [CMD, a], retries: \"3\\ncommand: [evil]\"}", "healthcheck.retries"),
        ("scale: \"1\\nname: evil\"", "scale"),
        ("scale: 1.5", "scale"),
        ("deploy: {replicas: '014'}", "deploy.replicas"),
        ("deploy: {replicas: '+3'}", "deploy.replicas"),
        ("deploy: {update_config: {parallelism: \"1\\nx: y\"}}", "deploy.update_config.parallelism"),
        ("deploy: {restart_policy: {condition: any, max_attempts: \"1 # x\"}}", "deploy.restart_policy.max_attempts"),
    ] {
        assert!(notes(fields).contains(&(What::LeftOut, format!("services.web.{path}"))), "{fields}: {:?}", notes(fields));
    }
    let import = imported(&["services: {web: {image: 'web:1', restart: \"on-failure:3\\nx: y\"}}"], &[]);
    assert!(import.notes.iter().any(|note| note.what == What::LeftOut && note.path == "services.web.restart"), "{:?}", import.notes);
}

#[test]
fn the_old_replica_stops_first_where_compose_says_nothing() {
    assert_eq!(service("").update.order, Order::StopFirst);
    assert_eq!(service("deploy: {update_config: {order: start-first}}").update.order, Order::StartFirst);
}

#[test]
fn durations_and_sizes_are_those_of_compose() {
    let web = service("stop_grace_period: 1m30s\nmem_limit: 1.5g\nmem_reservation: 64kb\ncpus: 0.5");
    assert_eq!(web.context.stop_grace, Duration::from_secs(90));
    let resources = web.context.resources;
    assert_eq!((resources.memory, resources.memory_reserved, resources.milli_processors), (Some(3 << 29), Some(64 << 10), Some(500)));
    assert_eq!(notes("stop_grace_period: 90"), [(What::LeftOut, "services.web.stop_grace_period".to_owned())]);
    assert_eq!(notes("mem_limit: much"), [(What::LeftOut, "services.web.mem_limit".to_owned())]);
}

#[test]
fn commands_are_words_and_no_shell() {
    assert_eq!(service("command: run --name 'a b' \"c\\\"d\" e\\ f").context.command, ["run", "--name", "a b", "c\"d", "e f"]);
    assert_eq!(service("command: [a, '$TAG']\nentrypoint: sh -c").context.entrypoint, ["sh", "-c"]);
    assert_eq!(service("command: a && b").context.command, ["a"]);
    assert_eq!(notes("command: a && b"), [(What::Changed, "services.web.command".to_owned())]);
}

#[test]
fn dependencies_are_read_in_both_forms() {
    let file = "services:
  db: {image: 'db:1', healthcheck: {test: [CMD, ok]}, restart: always}
  job: {image: 'job:1'}
  one: {image: 'one:1', depends_on: [db], restart: always}
  two: {image: 'two:1', restart: always, depends_on: {db: {condition: service_healthy, restart: true}, job: {condition: service_completed_successfully}}}
";
    let services = services(&[file]);
    let needs = |name: &str| {
        services[name].depends_on.iter().map(|other| (other.service.clone(), other.condition, other.restart)).collect::<Vec<_>>()
    };
    assert_eq!(needs("one"), [("db".to_owned(), Condition::Started, false)]);
    assert_eq!(needs("two"), [("db".to_owned(), Condition::Healthy, true), ("job".to_owned(), Condition::Completed, false)]);
    assert_eq!(services["job"].restart.condition, RestartCondition::Never, "somebody waits for its end");
}

#[test]
fn health_checks_have_the_defaults_of_docker() {
    let web = service("healthcheck: {test: curl localhost, retries: 5}");
    let health = web.health.unwrap();
    assert_eq!(health.probe, Probe::Command(["/bin/sh", "-c", "curl localhost"].map(str::to_owned).to_vec()));
    assert_eq!((health.interval, health.timeout, health.retries), (Duration::from_secs(30), Duration::from_secs(30), 5));
    assert_eq!(service("healthcheck: {test: [NONE]}").health, None);
    assert_eq!(service("healthcheck: {disable: true}").health, None);
}

#[test]
fn storage_is_read_in_both_forms() {
    let file = "services:
  web:
    image: web:1
    volumes: ['data:/data:ro', /host:/host, {type: tmpfs, target: /tmp}, {type: volume, source: data, target: /more}, ./here:/here, /anonymous]
    configs: [app, {source: app, target: /etc/app}]
    secrets: [pw]
volumes: {data: {}}
configs: {app: {content: x}}
secrets: {pw: {file: ./pw}}
";
    let web = services(&[file]).remove("web").unwrap();
    let mounts: Vec<_> = web.context.mounts.iter().map(|mount| (&mount.source, mount.target.as_str(), mount.read_only)).collect();
    let data = Storage::Volume("data".to_owned());
    assert_eq!(
        mounts,
        [
            (&data, "/data", true),
            (&Storage::Host("/host".to_owned()), "/host", false),
            (&Storage::Memory, "/tmp", false),
            (&data, "/more", false)
        ]
    );
    let targets: Vec<_> = web.context.configs.iter().chain(&web.context.secrets).map(|file| file.target.as_str()).collect();
    assert_eq!(targets, ["/app", "/etc/app", "/run/secrets/pw"]);
    let left: Vec<_> = imported(&[file], &[])
        .notes
        .into_iter()
        .filter(|note| note.what == What::LeftOut && note.path.contains("volumes"))
        .map(|note| note.path)
        .collect();
    assert!(left.contains(&"services.web.volumes[4]".to_owned()) && left.contains(&"services.web.volumes[5]".to_owned()), "{left:?}");
}

#[test]
fn later_files_are_laid_over_earlier_ones() {
    let base = "services: {web: {image: 'web:1', command: [a], environment: [A=1, B=2], ports: ['80:80'], labels: {x: y}, depends_on: [db]}, db: {image: 'db:1'}}";
    let over = "services: {web: {image: 'web:2', command: [b, c], environment: {B: 3, C: 4}, ports: ['80:80', '81:81'], depends_on: {db: {condition: service_started, restart: true}}}}";
    let web = services(&[base, over]).remove("web").unwrap();
    assert_eq!((web.context.image.as_str(), web.context.command.as_slice()), ("web:2", ["b".to_owned(), "c".to_owned()].as_slice()));
    assert_eq!(web.context.environment, [("A", "1"), ("B", "3"), ("C", "4")].map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    assert_eq!(web.ports.iter().map(|port| port.target).collect::<Vec<_>>(), [80, 81]);
    assert!(web.depends_on[0].restart);
}

#[test]
fn a_variable_without_a_value_takes_the_place_of_one_with_a_value() {
    for over in ["[B]", "{B: null}", "[B=3, B]"] {
        let files =
            ["services: {web: {image: 'web:1', environment: {A: '1', B: '2'}}}", &format!("services: {{web: {{environment: {over}}}}}")];
        assert_eq!(services(&files).remove("web").unwrap().context.environment, [("A".to_owned(), "1".to_owned())].into());
        let notes = imported(&files, &[]).notes;
        assert!(notes.iter().any(|note| note.what == What::LeftOut && note.path == "services.web.environment.B"), "{over}: {notes:?}");
    }
}

#[test]
fn what_one_file_says_twice_of_one_thing_counts_once_and_the_last_counts() {
    let web = service("ports: ['80:80', '81:81', '80:80/tcp']\nvolumes: ['/a:/x', '/b:/y', '/c:/x:ro']");
    assert_eq!(web.ports.iter().map(|port| port.target).collect::<Vec<_>>(), [80, 81]);
    let mounts: Vec<_> = web.context.mounts.iter().map(|mount| (mount.source.clone(), mount.target.as_str())).collect();
    assert_eq!(mounts, [(Storage::Host("/c".to_owned()), "/x"), (Storage::Host("/b".to_owned()), "/y")]);
}

#[test]
fn a_letter_before_a_colon_is_a_drive_of_windows_and_no_volume() {
    for volume in ["v:/x", "v:/x:/y", "v:/x:/y:ro"] {
        assert_eq!(notes(&format!("volumes: ['{volume}']")), [(What::LeftOut, "services.web.volumes[0]".to_owned())], "{volume}");
    }
}

#[test]
fn long_lists_are_merged_in_the_time_of_their_length() {
    let many = |value: usize| (0..30_000).map(|index| format!("A{index}={value}, ")).collect::<String>();
    let file = |value| format!("services: {{web: {{image: 'web:1', restart: always, environment: [{}]}}}}", many(value));
    let import = imported(&[&file(1), &file(2), &file(3)], &[]);
    let web = &import.manifest.get("services").unwrap().items()[0];
    let environment = web.get("context").unwrap().get("environment").unwrap();
    assert_eq!((environment.members().len(), environment.members()[0].node.scalar()), (30_000, Some("3")));
}

#[test]
fn reset_takes_away_and_override_replaces() {
    let base = "services: {web: {image: 'web:1', command: [a], environment: {A: 1, B: 2}, ports: ['80:80'], labels: {x: y}}}";
    let over =
        "services: {web: {command: !reset null, environment: !override {C: 3}, ports: !override ['90:90'], labels: {x: !reset null}}}";
    let web = services(&[base, over]).remove("web").unwrap();
    assert_eq!(web.context.command, [""; 0]);
    assert_eq!(web.context.environment, [("C".to_owned(), "3".to_owned())].into());
    assert_eq!((web.ports.len(), web.ports[0].target, web.labels.len()), (1, 90, 0));
}

#[test]
fn names_become_those_of_manifests_wherever_they_stand() {
    let file = "name: My_App\nservices: {Web_1: {image: 'w:1', depends_on: [db.main], networks: [back_end]}, db.main: {image: 'd:1', networks: {back_end: {aliases: [x]}}}}\nnetworks: {back_end: {}}";
    assert!(imported(&[file], &[]).notes.iter().any(|note| note.path == "networks.back_end" && note.what == What::Changed));
    let services = services(&[file]);
    assert_eq!(services["web-1"].depends_on[0].service, "db-main");
    assert_eq!(services["db-main"].context.networks, ["back-end"]);
}

#[test]
fn what_manifests_have_nothing_like_is_named() {
    for field in [
        "build: .",
        "env_file: .env",
        "extends: {service: x}",
        "privileged: true",
        "cap_add: [NET_ADMIN]",
        "network_mode: host",
        "environment: [HOME]",
    ] {
        let found = notes(field);
        assert_eq!(found.iter().map(|(what, _)| *what).collect::<Vec<_>>(), [What::LeftOut], "{field}: {found:?}");
    }
    assert_eq!(notes("environment: {V: 1.10}"), [(What::Changed, "services.web.environment.V".to_owned())]);
    assert_eq!(notes("environment: {V: 110, W: '014'}"), []);
    assert!(imported(&["include: [x.yaml]\nservices: {}"], &[]).notes.iter().any(|note| note.path == "include"));
    let import = imported(&["services: {web: {image: web}}"], &[]);
    assert!(import.notes.iter().any(|note| note.path == "services.web.image" && note.what == What::Changed), "{:?}", import.notes);
}
