//! What must not wait for the daemon.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;

use super::*;
use crate::pool::Envelope;

/// Longer than anything may take, so that a hang fails instead.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_daemon_that_hangs_does_not_keep_an_agent_alive() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    // Connections are made, and never answered.
    let _daemon = UnixListener::bind(&socket).unwrap();
    let settings = Settings { socket, deadline: LONGEST_CALL, ..Settings::default() };
    let mut agent = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(agent.id().unwrap()).unwrap()).unwrap();
    let envelope = Envelope { memory: 1, processes: 1 };
    let mut container = DockerContainer {
        client: Arc::new(Client::new(&settings)),
        settings,
        installation: "test".to_owned(),
        instance: "one".to_owned(),
        order: Order {
            name: "zona-test".to_owned(),
            agent: PathBuf::new(),
            directory: PathBuf::new(),
            uid: 1,
            envelope,
            tmpfs: 0,
            restore: false,
        },
        image: Image::new(None),
        created: true,
        agent: None,
        streams: None,
    };
    container.connected(pid).unwrap();
    let ended = tokio::select! {
        ended = tokio::time::timeout(PATIENCE, agent.wait()) => ended.expect("it ends while the daemon hangs").unwrap(),
        () = container.destroy() => panic!("the daemon answers nothing, and has time"),
    };
    assert_eq!(ended.signal(), Some(Signal::KILL.as_raw()));
}

#[tokio::test]
async fn a_daemon_of_somebody_else_hears_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    let daemon = UnixListener::bind(&socket).unwrap();
    // Whoever can write the directory can put a socket of their own there.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let client = Client::new(&Settings { socket, ..Settings::default() });
    let Err(CallError::Down(why)) = client.call("ping", async |docker| docker.ping().await).await else { panic!("it is spoken to") };
    assert!(why.contains("cannot be trusted") && why.contains("others can write it"), "{why}");
    daemon.set_nonblocking(true).unwrap();
    assert_eq!(daemon.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody connected");
}
