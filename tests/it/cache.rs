//! A server with a Redis beside its store, through the command line: what it keeps there, what it says of it, and that nobody notices when it
//! hangs or dies. And limits of calls.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::command::{Ended, run};
use e2e::host::eventually;
use e2e::server::{Server, client};
use test_support::RedisServer;

use crate::canaries::told_at;

const CODE: &str = "def transform(value):\n    return 'canary-of-the-cache ' + value\n";

fn create(server: &Server, directory: &Path) {
    let file = directory.join("shout.py");
    fs::write(&file, CODE).expect("the directory is writable");
    run(server.zona().args(["utility", "create", "shout", "--file"]).arg(&file)).with_code(0);
}

fn get(server: &Server) -> Ended {
    run(server.zona().args(["utility", "get", "shout", "-o", "json"]))
}

fn transform(server: &Server) {
    let shown = run(server.zona().args(["transform", "shout", "--value", "\"x\""])).with_code(0).text();
    assert!(shown.contains("canary-of-the-cache x"), "{shown}");
}

fn metric(admin: &str, name: &str) -> u64 {
    let told = String::from_utf8_lossy(&told_at(admin, "/metrics")).into_owned();
    let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse::<f64>().ok()).unwrap_or_else(|| panic!("no {name} in:\n{told}")) as u64
}

#[test]
fn what_is_kept_in_redis_is_sealed_and_a_redis_that_hangs_or_dies_is_not_noticed() {
    let (mut redis, directory) = (RedisServer::start(), tempfile::tempdir().expect("a directory can be made"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free");
    let admin = free.to_string();
    // Nothing is kept in memory, so that every read asks.
    let toml = format!("admin_listen = \"{admin}\"\n[cache]\nredis = \"{}\"\nmax_bytes = 0\n", redis.url());
    let server = Server::configured(&toml);
    create(&server, directory.path());
    let is_read = || {
        transform(&server);
        metric(&admin, "zona_cache_second_hits_total") > 0
    };
    assert!(eventually(Duration::from_secs(60), is_read), "Redis answers nothing");
    assert_eq!(metric(&admin, "zona_redis_reads_state"), 0);

    let kept = redis.command(&["GET", "zona:{demo}:utilities:shout"]);
    assert!(kept.len() > CODE.len() && !kept.contains("canary") && !kept.contains("transform"), "{kept}");

    redis.pause();
    for _ in 0..5 {
        transform(&server);
        get(&server).with_code(0);
    }
    redis.resume();
    redis.kill();
    for _ in 0..5 {
        transform(&server);
        get(&server).with_code(0);
    }
    assert!(metric(&admin, "zona_redis_reads_failures_total") > 0);
    redis.restart();
    let before = metric(&admin, "zona_cache_second_hits_total");
    let is_back = || {
        transform(&server);
        metric(&admin, "zona_cache_second_hits_total") > before
    };
    assert!(eventually(Duration::from_secs(60), is_back), "Redis is back and answers nothing");
    // A subscription that the end of Redis has cut off is said to be so, and its client says so, too.
    server.stop_despite(&["changes are not heard of through Redis", "Broadcasting error"]);
}

#[test]
fn the_configuration_says_where_redis_is_and_nothing_secret() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let password = directory.path().join("password");
    fs::write(&password, "hunter2-of-redis\n").expect("the directory is writable");
    let with = |address: &str| {
        let mut command: Command = client();
        command
            .args(["server", "--print-config"])
            .env("ZONA_STORE__EMBEDDED", "true")
            .env("ZONA_CACHE__REDIS", address)
            .env("ZONA_CACHE__REDIS_USER", "zona");
        command.env("ZONA_CACHE__REDIS_PASSWORD_FILE", &password);
        run(&mut command)
    };
    let shown = with("rediss://cache.example.org:6390").with_code(0).text();
    assert!(shown.contains("rediss://cache.example.org:6390") && !shown.contains("hunter2-of-redis"), "{shown}");
    let refused = with("rediss://ann:hunter2-of-the-address@cache.example.org").with_code(2);
    assert!(refused.errors().contains("neither user nor password") && !refused.errors().contains("hunter2"), "{}", refused.errors());
    let refused = with("redis://cache.example.org").with_code(2);
    assert!(refused.errors().contains("plain text"), "{}", refused.errors());
}

#[test]
fn doctor_looks_at_the_redis_of_the_configuration() {
    let redis = RedisServer::start();
    let doctor = || {
        let shown = run(client().args(["doctor", "-o", "json"]).env("ZONA_CACHE__REDIS", redis.url())).json();
        let checks = shown["checks"].as_array().cloned().unwrap_or_default();
        let find = |name: &str| checks.iter().find(|check| check["name"] == name).map(|check| check["verdict"].to_string());
        ["redis", "redis acl", "redis memory"].map(|name| find(name).unwrap_or_default())
    };
    assert_eq!(doctor(), ["\"good\"", "\"limited\"", "\"limited\""]);
    redis.command(&["CONFIG", "SET", "maxmemory", "100mb"]);
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert_eq!(doctor(), ["\"good\"", "\"limited\"", "\"good\""]);
}

#[test]
fn a_tenant_that_calls_too_often_is_told_so_and_served_again() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let server = Server::configured("[limits]\nreads = 1\n");
    create(&server, directory.path());
    let is_refused = || get(&server).errors().contains("RATE_LIMITED");
    assert!(eventually(Duration::from_secs(60), is_refused), "nothing is refused");
    let is_served = || get(&server).text().contains("shout");
    assert!(eventually(Duration::from_secs(60), is_served), "nothing is answered any more");
    server.stop();
}
