//! Instances, their liveness and their sweep.

use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::config::{AgentBinary, Backend, Docker};

fn config(root: &Path, instance: &str) -> Config {
    let mut config = Config::new("test", instance, AgentBinary(b"agent"), Backend::Docker(Docker::default()));
    config.runtime_directory = root.join("zona");
    config
}

#[test]
fn a_live_instance_is_not_dead_and_a_dropped_one_is() {
    let root = tempfile::tempdir().unwrap();
    let live = Instance::create(&config(root.path(), "live")).unwrap();
    drop(Instance::create(&config(root.path(), "dead")).unwrap());
    let dead = Dead::find(&config(root.path(), "live")).unwrap();
    assert_eq!(dead.names().collect::<Vec<_>>(), ["dead"]);
    assert!(dead.includes("dead") && dead.includes("never-seen") && !dead.includes("live"));
    dead.remove_directories();
    assert!(live.agent().exists());
    assert!(!root.path().join("zona/dead").exists());
}

#[test]
fn an_instance_id_is_taken_while_its_server_lives() {
    let root = tempfile::tempdir().unwrap();
    let first = Instance::create(&config(root.path(), "one")).unwrap();
    assert!(matches!(Instance::create(&config(root.path(), "one")), Err(OpenError::InstanceTaken(_))));
    drop(first);
    Instance::create(&config(root.path(), "one")).unwrap();
}

#[test]
fn a_runtime_directory_that_others_can_write_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let shared = root.path().join("zona");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Instance::create(&config(root.path(), "one")), Err(OpenError::Untrusted(_))));
}

#[test]
fn a_runtime_directory_behind_a_link_and_an_agents_directory_of_somebody_else_are_refused() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", root.path().join("zona")).unwrap();
    assert!(matches!(Instance::create(&config(root.path(), "one")), Err(OpenError::Untrusted(_))));
    let other = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(other.path(), Some(4_242), None).expect("this test needs root");
    let root = tempfile::tempdir().unwrap();
    let mut config = config(root.path(), "one");
    config.agent_directory = Some(other.path().to_owned());
    assert!(matches!(Instance::create(&config), Err(OpenError::Untrusted(_))));
    assert!(!other.path().join("agent-one").exists());
}

#[test]
fn a_link_in_the_place_of_a_lock_is_refused_and_makes_nothing_elsewhere() {
    for lock in ["sweep.lock", "one/lock"] {
        let root = tempfile::tempdir().unwrap();
        drop(Instance::create(&config(root.path(), "one")).unwrap());
        let (lock, elsewhere) = (root.path().join("zona").join(lock), root.path().join("elsewhere"));
        fs::remove_file(&lock).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &lock).unwrap();
        assert!(Dead::find(&config(root.path(), "other")).is_err(), "{}", lock.display());
        assert!(matches!(Instance::create(&config(root.path(), "one")), Err(OpenError::Untrusted(_))));
        assert!(!elsewhere.exists());
    }
}

#[test]
fn the_agent_is_executable_by_everyone_and_writable_by_nobody() {
    let root = tempfile::tempdir().unwrap();
    let instance = Instance::create(&config(root.path(), "one")).unwrap();
    assert_eq!(fs::metadata(instance.agent()).unwrap().mode() & 0o777, 0o555);
    assert_eq!(fs::read(instance.agent()).unwrap(), b"agent");
}

#[test]
fn starts_at_the_same_time_make_a_removed_directory_again_once() {
    const STARTS: usize = 8;
    let root = tempfile::tempdir().unwrap();
    let instance = Instance::create(&config(root.path(), "one")).unwrap();
    for _ in 0..20 {
        fs::remove_dir_all(root.path().join("zona")).unwrap();
        let start = std::sync::Barrier::new(STARTS);
        let made = || {
            start.wait();
            let directory = instance.sandbox_directory().unwrap();
            assert_eq!(fs::read(instance.agent()).unwrap(), b"agent", "a start finds everything it needs");
            directory
        };
        let directories: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..STARTS).map(|_| scope.spawn(made)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(directories.iter().all(|directory| directory.path().is_dir()));
    }
    assert!(matches!(Instance::create(&config(root.path(), "one")), Err(OpenError::InstanceTaken(_))), "it is locked as before");
}
