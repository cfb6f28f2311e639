//! Instances, their liveness and their sweep.

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
    assert!(matches!(Instance::create(&config(root.path(), "one")), Err(OpenError::Foreign { .. })));
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

#[test]
fn a_user_id_is_leased_once_at_a_time() {
    let range = UidRange::new(4_100_000_000, 4_100_000_001).unwrap();
    let (first, second) = (UidLease::take(&range).unwrap(), UidLease::take(&range).unwrap());
    assert_ne!(first.uid, second.uid);
    assert!(UidLease::take(&range).is_err());
    drop(first);
    UidLease::take(&range).unwrap();
}
