//! Packets, good and bad, over real sockets.

use std::io::IoSlice;
use std::os::fd::AsFd as _;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, connect, sendmsg, socketpair};
use sandbox_protocol::control::Exit;

use super::*;

fn pair() -> (Channel, OwnedFd) {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    (Channel::new(ours).unwrap(), theirs)
}

fn send_with(socket: &OwnedFd, bytes: &[u8], descriptors: usize) {
    let file = std::fs::File::open("/dev/null").unwrap();
    let many = vec![file.as_fd(); descriptors];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if descriptors > 0 {
        assert!(control.push(SendAncillaryMessage::ScmRights(&many)));
    }
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::empty()).unwrap();
}

#[tokio::test]
async fn a_report_arrives_with_its_descriptors() {
    let (channel, agent) = pair();
    send_with(&agent, br#"{"report":"hello","version":1}"#, 4);
    let packet = channel.receive(&mut Vec::new()).await.unwrap().unwrap();
    assert_eq!(packet.report, Report::Hello { version: 1 });
    assert_eq!(packet.descriptors.len(), 4);
}

#[tokio::test]
async fn a_packet_with_too_many_descriptors_is_refused_and_none_stays_open() {
    for excess in [5, 9] {
        let (channel, agent) = pair();
        send_with(&agent, br#"{"report":"hello","version":1}"#, excess);
        assert!(matches!(channel.receive(&mut Vec::new()).await, Err(Error::TooLarge)), "{excess}");
    }
}

#[tokio::test]
async fn nonsense_and_oversized_packets_are_refused() {
    let (channel, agent) = pair();
    send_with(&agent, br#"{"report":"hello","version":1,"extra":true}"#, 0);
    assert!(matches!(channel.receive(&mut Vec::new()).await, Err(Error::Malformed(_))));
    send_with(&agent, &vec![b' '; MAX_CONTROL_PACKET + 1], 0);
    assert!(matches!(channel.receive(&mut Vec::new()).await, Err(Error::TooLarge)));
}

#[tokio::test]
async fn hanging_up_ends_the_stream_after_what_was_sent() {
    let (channel, agent) = pair();
    let exited = Report::Exited { child: 7, exit: Exit::Code(0), usage: Default::default(), oom_killed: false, left: None };
    send_with(&agent, &serde_json::to_vec(&exited).unwrap(), 0);
    drop(agent);
    let mut buffer = Vec::new();
    assert_eq!(channel.receive(&mut buffer).await.unwrap().unwrap().report, exited);
    assert!(channel.receive(&mut buffer).await.unwrap().is_none());
}

#[tokio::test]
async fn what_an_agent_said_last_is_heard_although_it_left_commands_unread() {
    let fault = Report::Fault { stage: "seal a child: clone".to_owned(), message: "no".to_owned(), hint: String::new() };
    for commands_after in [0, 1, 2] {
        let (channel, agent) = pair();
        channel.send(&Command::Fork { child: 1 }).unwrap();
        send_with(&agent, &serde_json::to_vec(&fault).unwrap(), 0);
        drop(agent);
        for child in 0..commands_after {
            channel.send(&Command::Fork { child }).unwrap();
        }
        let mut buffer = Vec::new();
        assert_eq!(channel.receive(&mut buffer).await.unwrap().unwrap().report, fault, "{commands_after}");
        assert!(channel.receive(&mut buffer).await.unwrap().is_none(), "{commands_after}");
    }
}

#[tokio::test]
async fn an_agent_that_never_reads_makes_sending_fail_instead_of_block() {
    let (channel, _agent) = pair();
    let failed = (0..100_000).find_map(|child| channel.send(&Command::Fork { child }).err());
    assert!(matches!(failed, Some(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock));
}

#[tokio::test]
async fn only_the_expected_user_is_let_in_and_the_socket_disappears() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let own = rustix::process::geteuid().as_raw();
    let connect_to = |path: &PathBuf| {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
        socket
    };

    let listener = Listener::bind(path.clone()).unwrap();
    let _connected = connect_to(&path);
    let accepting = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept(own + 1));
    assert!(accepting.await.is_err(), "a foreign user was let in");

    let listener = Listener::bind(path.clone()).unwrap();
    let _connected = connect_to(&path);
    let (_channel, pid) = listener.accept(own).await.unwrap();
    assert_eq!(pid, rustix::process::getpid());
    assert!(!path.exists());
}
