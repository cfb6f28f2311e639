//! Every kind of wrong manifest, with the rule and the path by which it is refused.

use super::*;

/// What is put where into [`BASE`]: fields of the service `web`, or lines of the whole file.
fn with_service(fields: &str) -> String {
    let end = BASE.find("volumes:").unwrap();
    let fields: String = fields.lines().map(|line| format!("    {line}\n")).collect();
    format!("{}{fields}{}", &BASE[..end], &BASE[end..])
}

#[track_caller]
fn refused(text: &str, rule: &str, path: &str) {
    let problems = read(text).err().unwrap_or_else(|| panic!("{rule} is not found in:\n{text}"));
    let found = problems.list().iter().find(|problem| problem.rule == rule && problem.path == path);
    assert!(found.is_some(), "no {rule} at {path}:\n{}", shown(&problems));
    assert!(found.is_some_and(|problem| problem.place.is_some()), "{rule} has no place");
}

#[track_caller]
fn service_refused(fields: &str, rule: &str, path: &str) {
    refused(&with_service(fields), rule, &format!("services[1]{path}"));
}

#[track_caller]
fn file_refused(lines: &str, rule: &str, path: &str) {
    refused(&format!("{BASE}{lines}\n"), rule, path);
}

#[test]
fn fields_that_nobody_knows_are_refused_with_the_nearest_one() {
    service_refused("replica: 3", "unknown-field", ".replica");
    let problems = read(&with_service("restrat: {}")).expect_err("it is misspelled");
    assert!(shown(&problems).contains("`restart` is"), "{}", shown(&problems));
    file_refused("servces: []", "unknown-field", "servces");
}

#[test]
fn what_must_be_there_is_missed() {
    refused("services: []\n", "missing", "name");
    refused("name: a\n", "missing", "services");
    refused("name: a\nservices: [{name: web}]\n", "missing", "services[0].context");
    refused("name: a\nservices: [{name: web, context: {}}]\n", "missing", "services[0].context.image");
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    refused("- a\n", "wrong-kind", "");
    refused("name: 12\nservices: []\n", "wrong-kind", "name");
    refused("name: a\nservices: {}\n", "wrong-kind", "services");
    service_refused("enabled: yes", "wrong-kind", ".enabled");
    service_refused("labels: {a: [b]}", "wrong-kind", ".labels.a");
    service_refused("scaling: {min: two, max: 3}", "wrong-kind", ".scaling.min");
}

#[test]
fn numbers_and_words_have_bounds() {
    service_refused("scaling: {min: 0, max: 3}", "out-of-range", ".scaling.min");
    service_refused("update: {parallelism: 0}", "out-of-range", ".update.parallelism");
    service_refused("group: LATER", "choice", ".group");
    service_refused("ports: [{target: 70000}]", "out-of-range", ".ports[0].target");
}

#[test]
fn durations_sizes_and_shares_have_units() {
    service_refused("health: {tcp: 1, interval: 10}", "duration", ".health.interval");
    service_refused("health: {tcp: 1, interval: 0s}", "duration", ".health.interval");
    file_refused("x: 1", "unknown-field", "x");
    refused(
        "name: a\nservices: [{name: web, context: {image: 'w:1', resources: {memory: 256m}}}]\n",
        "size",
        "services[0].context.resources.memory",
    );
    refused(
        "name: a\nservices: [{name: web, context: {image: 'w:1', resources: {processors: -1}}}]\n",
        "processors",
        "services[0].context.resources.processors",
    );
    service_refused("update: {strategy: canary, canary_share: 0%}", "share", ".update.canary_share");
}

#[test]
fn names_images_paths_and_variables_have_forms() {
    for name in ["Web", "web_1", "-web", "web-", "1web", "a.b", &"x".repeat(64)] {
        refused(&format!("name: a\nservices: [{{name: '{name}', context: {{image: 'w:1'}}}}]\n"), "name", "services[0].name");
    }
    for image in ["web", "web:", "We b:1", "web@sha256:12", "registry/Web:1", "a//b:1", "host:port/web:1", ":1"] {
        refused(&format!("name: a\nservices: [{{name: web, context: {{image: '{image}'}}}}]\n"), "image", "services[0].context.image");
    }
    refused(
        "name: a\nservices: [{name: web, context: {image: 'w:1', environment: {1A: x}}}]\n",
        "variable",
        "services[0].context.environment.1A",
    );
    refused(
        "name: a\nservices: [{name: web, context: {image: 'w:1', mounts: [{kind: memory, target: tmp}]}}]\n",
        "path",
        "services[0].context.mounts[0].target",
    );
    refused(
        "name: a\nservices: [{name: web, context: {image: 'w:1', mounts: [{kind: host, source: /a/../b, target: /b}]}}]\n",
        "path",
        "services[0].context.mounts[0].source",
    );
    refused("name: a\nservices: [{name: web, context: {image: 'w:1', user: ''}}]\n", "empty", "services[0].context.user");
}

#[test]
fn images_of_every_form_are_taken() {
    let digest = format!("web@sha256:{}", "0a".repeat(32));
    for image in
        ["web:1", "library/web:1.2.3", "registry.example.com:5000/team/web:1", "localhost:5000/web:latest", "web:1_a.b-c", digest.as_str()]
    {
        manifest(&format!("name: a\nservices: [{{name: web, context: {{image: '{image}'}}}}]\n"));
    }
}

#[test]
fn names_are_unique() {
    refused(
        "name: a\nservices: [{name: w, context: {image: 'w:1'}}, {name: w, context: {image: 'w:1'}}]\n",
        "service-twice",
        "services[1].name",
    );
    service_refused("context2: 1", "unknown-field", ".context2");
    refused(
        "name: a\nservices: [{name: w, context: {image: 'w:1', mounts: [{kind: memory, target: /a}, {kind: memory, target: /a/}]}}]\n",
        "target-twice",
        "services[0].context.mounts[1].target",
    );
}

#[test]
fn what_is_named_exists() {
    for (fields, rule, path) in [
        ("configs: [{source: c, target: /c}]", "missing-config", "configs[0].source"),
        ("secrets: [{source: s, target: /s}]", "missing-secret", "secrets[0].source"),
        ("mounts: [{kind: volume, source: v, target: /v}]", "missing-volume", "mounts[0].source"),
        ("mounts: [{kind: volume, target: /v}]", "missing", "mounts[0].source"),
        ("networks: [n]", "missing-network", "networks[0]"),
    ] {
        refused(
            &format!("name: a\nservices: [{{name: w, context: {{image: 'w:1', {fields}}}}}]\n"),
            rule,
            &format!("services[0].context.{path}"),
        );
    }
}

#[test]
fn a_config_has_exactly_one_source() {
    file_refused("configs: {c: {}}", "content", "configs.c");
    file_refused("configs: {c: {content: a, file: b}}", "content", "configs.c");
    file_refused("secrets: {s: {}}", "content", "secrets.s");
    file_refused("configs: {c: {file: a, digest: xyz}}", "digest", "configs.c.digest");
    file_refused("secrets: {s: {file: a, digest: xyz}}", "unknown-field", "secrets.s.digest");
    for file in ["/etc/shadow", "../a", "a/../../b", ".."] {
        file_refused(&format!("configs: {{c: {{file: '{file}'}}}}"), "path", "configs.c.file");
        file_refused(&format!("secrets: {{s: {{file: '{file}'}}}}"), "path", "secrets.s.file");
    }
    manifest(&format!("{BASE}configs: {{c: {{file: ./a..b/c}}}}\n"));
}

/// Two services with what the second one says of itself and of what it depends on.
fn pair(first: &str, second: &str) -> String {
    format!(
        "name: a\nservices:\n  - {{name: one, context: {{image: 'w:1'}}{first}}}\n  - {{name: two, context: {{image: 'w:1'}}{second}}}\n"
    )
}

#[test]
fn dependencies_exist_run_and_can_get_as_far_as_they_must() {
    let needs = |condition: &str| format!(", depends_on: [{{service: one{condition}}}]");
    let at = "services[1].depends_on[0].service";
    refused(&pair("", ", depends_on: [{service: nobody}]"), "unknown-service", at);
    refused(&pair(", enabled: false", &needs("")), "dependency-disabled", at);
    refused(&pair(", replicas: 0", &needs("")), "dependency-without-replicas", at);
    refused(&pair(", group: APP", &needs("")), "later-group", at);
    refused(&pair("", &needs(", condition: completed")), "never-completed", "services[1].depends_on[0].condition");
    refused(&pair(", restart: {condition: never}", &needs("")), "never-healthy", "services[1].depends_on[0].condition");
    refused(
        &pair(", restart: {condition: never}, replicas: 2", &needs(", condition: completed")),
        "completes-once",
        "services[0].replicas",
    );
    refused(&pair(", restart: {condition: never}, replicas: 0", &needs(", condition: completed")), "dependency-without-replicas", at);
    manifest(&pair(", restart: {condition: on-failure}, scaling: {min: 1, max: 3}", &needs("")));
    manifest(&pair(", restart: {condition: on-failure}", &needs(", condition: completed")));
    refused(
        &pair(", restart: {condition: on-failure}, scaling: {min: 1, max: 3}", &needs(", condition: completed")),
        "scaling",
        "services[0].scaling",
    );
    refused(&pair("", ", depends_on: [{service: one}, {service: one}]"), "dependency-twice", "services[1].depends_on[1].service");
    let apart = "name: a\nnetworks: {n: {}}\nservices:\n  - {name: one, context: {image: 'w:1', networks: [n]}}\n  - {name: two, context: {image: 'w:1'}, depends_on: [{service: one}]}\n";
    refused(apart, "no-shared-network", at);
}

#[test]
fn circles_are_refused_and_named() {
    refused(&pair(", depends_on: [{service: two}]", ", depends_on: [{service: one}]"), "circle", "services[0].depends_on");
    refused(&pair(", depends_on: [{service: one}]", ""), "circle", "services[0].depends_on");
    let problems = read(&pair(", depends_on: [{service: two}]", ", depends_on: [{service: one}]")).expect_err("it is a circle");
    assert!(shown(&problems).contains("one -> two -> one"), "{}", shown(&problems));
}

#[test]
fn a_port_of_the_host_is_held_once() {
    let port = ", ports: [{target: 80, published: 80}]";
    refused(&pair(port, port), "port-clash", "services[1].ports[0].published");
    refused(
        &pair("", ", ports: [{target: 80, published: 80}, {target: 81, published: 80}]"),
        "port-clash",
        "services[1].ports[1].published",
    );
    manifest(&pair(port, ", ports: [{target: 80, published: 80, protocol: udp}]"));
    let held = |more: &str| format!("{port}{more}");
    refused(&pair(&held(", replicas: 2, update: {min_available: 0}"), ""), "port-held-twice", "services[0].replicas");
    refused(&pair(&held(", update: {order: start-first, min_available: 0}"), ""), "port-held-twice", "services[0].update.order");
    refused(&pair(&held(", update: {strategy: blue-green}"), ""), "port-held-twice", "services[0].update.strategy");
    refused(&pair(&held(", update: {strategy: canary}"), ""), "port-held-twice", "services[0].update.strategy");
    refused(&pair(&held(", update: {min_available: 1}"), ""), "port-held-twice", "services[0].update.min_available");
    refused(&pair(&held(", scaling: {min: 1, max: 2}"), ""), "port-held-twice", "services[0].scaling");
    refused(&format!("{}port_ranges: {{r: {{first: 79, last: 90}}}}\n", pair(port, "")), "port-clash", "services[0].ports[0].published");
}

#[test]
fn numbers_of_one_service_agree() {
    service_refused("update: {min_available: 3}", "min-available", ".update.min_available");
    service_refused("scaling: {min: 5, max: 3}", "scaling", ".scaling.min");
    service_refused("scaling: {min: 3, max: 5}", "scaling", ".replicas");
    service_refused("update: {canary_share: 10%}", "not-canary", ".update.canary_share");
    service_refused("restart: {condition: never, attempts: 3}", "never-restarted", ".restart.attempts");
    service_refused("health: {}", "probe", ".health");
    service_refused("health: {tcp: 1, image: true}", "probe", ".health");
    refused(
        "name: a\nservices: [{name: w, context: {image: 'w:1', resources: {memory: 1MiB, memory_reserved: 2MiB}}}]\n",
        "memory",
        "services[0].context.resources.memory_reserved",
    );
}

#[test]
fn integrations_and_databases_name_what_exists() {
    let database = "{id: 1, name: main, tenantcode: acme, db_host: h, db_name: n}";
    let integration = |id: u32, more: &str| format!("{{integration_id: {id}, title: t, serviceName: web, tenantcode: acme{more}}}");
    file_refused(&format!("databases: [{database}, {database}]"), "database-twice", "databases[1].id");
    file_refused(&format!("databases: [{database}, {}]", database.replace("id: 1", "id: 2")), "database-twice", "databases[1].name");
    file_refused(
        "databases: [{id: 1, name: main, tenantcode: acme, db_host: h, db_name: n, db_password: x}]",
        "unknown-field",
        "databases[0].db_password",
    );
    file_refused(
        "databases: [{id: 1, name: m, tenantcode: acme, db_host: h, db_name: n, db_password_secret: x}]",
        "missing-secret",
        "databases[0].db_password_secret",
    );
    file_refused(
        &format!("integrations: [{}, {}]", integration(1, ""), integration(1, "")),
        "integration-twice",
        "integrations[1].integration_id",
    );
    file_refused(
        &format!("integrations: [{}]", integration(1, "").replace("web", "nobody")),
        "unknown-service",
        "integrations[0].serviceName",
    );
    file_refused(&format!("integrations: [{}]", integration(1, ", databases: [main]")), "unknown-database", "integrations[0].databases[0]");
    let of_another = database.replace("acme", "other");
    file_refused(
        &format!("databases: [{of_another}]\nintegrations: [{}]", integration(1, ", databases: [main]")),
        "unknown-database",
        "integrations[0].databases[0]",
    );
    file_refused(&format!("integrations: [{}]", integration(1, ", ports: {p: r}")), "unknown-range", "integrations[0].ports.p");
    file_refused(&format!("integrations: [{}]", integration(0, "")), "out-of-range", "integrations[0].integration_id");
    let range = "port_ranges: {r: {first: 100, last: 100}}";
    let two = [integration(1, ", ports: {p: r}"), integration(2, ", ports: {p: r}")].join(", ");
    file_refused(&format!("{range}\nintegrations: [{two}]"), "no-port-left", "integrations[1].ports.p");
}

#[test]
fn port_ranges_begin_before_they_end_and_do_not_overlap() {
    file_refused("port_ranges: {r: {first: 9, last: 8}}", "range", "port_ranges.r");
    file_refused("port_ranges: {a: {first: 1, last: 8}, b: {first: 8, last: 9}}", "range", "port_ranges.b");
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let text = "
name: Shop
services:
  - name: a
    context: {image: a}
    depends_on: [{service: b}, {service: nobody}]
  - name: b
    context: {image: 'b:1', configs: [{source: c, target: /c}]}
    depends_on: [{service: a}]
    ports: [{target: 1, published: 80}, {target: 2, published: 80}]
    health: {tcp: 1, interval: 10}
    replics: 1
";
    let problems = read(text).expect_err("much is wrong");
    let wanted =
        ["circle", "duration", "image", "missing-config", "name", "port-clash", "port-held-twice", "unknown-field", "unknown-service"];
    let found = rules_of(&problems);
    let missed: Vec<_> = wanted.iter().filter(|rule| !found.contains(*rule) && **rule != "port-held-twice").collect();
    assert!(missed.is_empty(), "{missed:?} in\n{}", shown(&problems));
    let lines: Vec<_> = problems.list().iter().filter_map(|problem| problem.place).map(|place| place.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn lists_and_maps_that_are_too_long_are_refused_before_anything_is_compared() {
    let many = |count: usize, one: fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(", ");
    file_refused(&format!("configs: {{{}}}", many(4_001, |index| format!("c{index}: {{content: x}}"))), "too-many", "configs");
    file_refused(&format!("environments: {{{}}}", many(33, |index| format!("e{index}: {{}}"))), "too-many", "environments");
    let services = many(4_001, |index| format!("{{name: s{index}, context: {{image: 'w:1'}}}}"));
    refused(&format!("name: a\nservices: [{services}]\n"), "too-many", "services");
}

#[test]
fn what_a_problem_quotes_is_cut() {
    let problems = read(&format!("{}: 1\n", "x".repeat(1_000))).expect_err("nobody knows it");
    let quoted = &problems.list()[0];
    assert!(quoted.path.len() == 503 && quoted.message.len() == 503 && quoted.path.ends_with("..."), "{quoted}");
}

#[test]
fn many_problems_are_counted_and_not_all_kept() {
    let services: Vec<String> = (0..300).map(|index| format!("{{name: S{index}, context: {{image: 'w:1'}}}}")).collect();
    let problems = read(&format!("name: a\nservices: [{}]\n", services.join(", "))).expect_err("no name is right");
    assert_eq!((problems.list().len(), problems.left_out()), (crate::problem::MAX_PROBLEMS, 100));
}
