//! The control socket between the server and one agent: packets with descriptors, in both directions, never blocking.
//!
//! It deliberately does not interpret what a packet says; it refuses what is not one well-formed report.

use std::io::{self, ErrorKind, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
    accept_with, bind, listen, recvmsg, send, socket_with, sockopt,
};
use sandbox_protocol::MAX_CONTROL_PACKET;
use sandbox_protocol::control::{Command, Report};
use tokio::io::unix::AsyncFd;

/// Descriptors with a child; a packet may never carry more.
pub(crate) const CHILD_DESCRIPTORS: usize = 4;

/// What went wrong on a control socket. Whatever it is, the sandbox cannot be trusted any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the control socket failed")]
    Io(#[from] io::Error),
    #[error("a control packet of more than {MAX_CONTROL_PACKET} bytes or {CHILD_DESCRIPTORS} descriptors")]
    TooLarge,
    #[error("a malformed control packet")]
    Malformed(#[from] serde_json::Error),
}

/// A socket on which one agent is expected.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: AsyncFd<OwnedFd>,
    path: PathBuf,
}

/// The connection to one agent.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: AsyncFd<OwnedFd>,
}

/// One report with the descriptors that came with it.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) report: Report,
    pub(crate) descriptors: Vec<OwnedFd>,
    /// Whether descriptors that belong to it could not be received, because this process may open no more.
    pub(crate) cut_short: bool,
}

// === impl Listener ===

impl Listener {
    /// Listens at `path`, for any user: who connects is checked, not who could.
    pub(crate) fn bind(path: PathBuf) -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        bind(&socket, &SocketAddrUnix::new(&path)?)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
        listen(&socket, 4)?;
        Ok(Listener { socket: watched(socket)?, path })
    }

    /// Waits for a peer that runs as `uid`, then stops listening. Others are turned away. Returns the peer's process id, as
    /// this process sees it.
    pub(crate) async fn accept(self, uid: u32) -> io::Result<(Channel, rustix::process::Pid)> {
        loop {
            let mut guard = self.socket.readable().await?;
            let accepted = guard.try_io(|socket| Ok(accept_with(socket.get_ref(), SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?));
            let Ok(accepted) = accepted else { continue };
            let socket = accepted?;
            let peer = sockopt::socket_peercred(&socket)?;
            if peer.uid.as_raw() == uid {
                return Ok((Channel::new(socket)?, peer.pid));
            }
            tracing::warn!(expected = uid, actual = peer.uid.as_raw(), "turned a foreign process away from a sandbox's socket");
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, "failed to remove a sandbox's socket");
        }
    }
}

// === impl Channel ===

impl Channel {
    /// Takes a connected, non-blocking socket.
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        Ok(Channel { socket: watched(socket)? })
    }

    /// Sends a command at once. An agent that lets its socket fill up counts as failed: it never has more than a few dozen
    /// short commands to read. One that has ended needs none, and [`Channel::receive`] tells what it said last.
    pub(crate) fn send(&self, command: &Command) -> Result<(), Error> {
        let packet = serde_json::to_vec(command)?;
        if packet.len() > MAX_CONTROL_PACKET {
            return Err(Error::TooLarge);
        }
        match send(self.socket.get_ref(), &packet, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).map_err(io::Error::from) {
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Ok(()),
            sent => Ok(sent.map(drop)?),
        }
    }

    /// The next report; `None` once the agent has hung up. Cancel-safe. `buffer` is scratch space.
    pub(crate) async fn receive(&self, buffer: &mut Vec<u8>) -> Result<Option<Packet>, Error> {
        loop {
            let mut guard = self.socket.readable().await?;
            let received = guard.try_io(|socket| match receive_now(socket.get_ref(), buffer) {
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Err(error),
                received => Ok(received),
            });
            match received {
                // It ended without having read every command. The kernel says so once, before what the agent has said and why it ended.
                Ok(Ok(Err(Error::Io(error)))) if error.kind() == ErrorKind::ConnectionReset => {}
                Ok(received) => return received?,
                Err(_would_block) => {}
            }
        }
    }
}

/// Lets the runtime watch a socket.
#[expect(
    deprecated,
    reason = "unsound only for types whose descriptor changes, which that of an OwnedFd never does; its successor is unsafe"
)]
fn watched(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(socket)
}

fn receive_now(socket: &OwnedFd, buffer: &mut Vec<u8>) -> Result<Option<Packet>, Error> {
    buffer.resize(MAX_CONTROL_PACKET, 0);
    // Room for one descriptor too many, so that the kernel shows it instead of closing it silently.
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(CHILD_DESCRIPTORS + 1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT)
        .map_err(io::Error::from)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    // The kernel cuts off what there is no room for; with room left, it found no free descriptor number.
    let cut_off = received.flags.contains(ReturnFlags::CTRUNC);
    let cut_short = cut_off && descriptors.len() < CHILD_DESCRIPTORS;
    if received.flags.contains(ReturnFlags::TRUNC) || (cut_off && !cut_short) || descriptors.len() > CHILD_DESCRIPTORS {
        return Err(Error::TooLarge);
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    let report = serde_json::from_slice(&buffer[..received.bytes])?;
    Ok(Some(Packet { report, descriptors, cut_short }))
}

#[cfg(test)]
mod tests;
