//! A `SOCK_SEQPACKET` connection: whole packets in and out, with descriptors. The control socket and the zygote's are both one.

use std::{
    cell::RefCell,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    SocketAddrUnix, SocketFlags, SocketType, connect, recvmsg, sendmsg, socket_with, socketpair,
};

/// Descriptors that one packet carries at most.
pub const DESCRIPTORS: usize = 4;
/// Room for the largest packet: a control message, or the zygote's configuration, which adds a filter to one.
const PACKET: usize = 2 * sandbox_protocol::MAX_CONTROL_PACKET;

/// One end of a connection.
pub struct Channel {
    socket: OwnedFd,
    /// Where packets are received: the same pages each time.
    buffer: RefCell<Box<[u8]>>,
}

/// One packet. An empty one means that the other side hung up.
pub struct Packet {
    /// The message.
    pub bytes: Vec<u8>,
    /// Descriptors that came with it.
    pub descriptors: Vec<OwnedFd>,
}

// === impl Channel ===

impl Channel {
    /// Connects to a listening socket.
    ///
    /// # Errors
    /// What the system says; a path longer than 107 bytes is invalid.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(Channel::of(socket))
    }

    /// Two connected ends.
    ///
    /// # Errors
    /// What the system says.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (own, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Channel::of(own), other))
    }

    /// The end of a connection.
    pub fn of(socket: OwnedFd) -> Self {
        Channel { socket, buffer: RefCell::new(vec![0; PACKET].into()) }
    }

    /// Sends one packet, waiting for room.
    ///
    /// # Errors
    /// What the system says; `EPIPE` when the other side is gone.
    pub fn send(&self, bytes: &[u8], descriptors: &[OwnedFd]) -> io::Result<()> {
        let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !borrowed.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&borrowed)) {
            return Err(io::Error::other("too many descriptors for one packet"));
        }
        sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Waits for one packet.
    ///
    /// # Errors
    /// What the system says; a packet that does not fit is an error too.
    pub fn receive(&self) -> io::Result<Packet> {
        let mut buffer = self.buffer.borrow_mut();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let message = loop {
            let flags = RecvFlags::CMSG_CLOEXEC;
            match recvmsg(&self.socket, &mut [IoSliceMut::new(&mut buffer)], &mut ancillary, flags) {
                Err(rustix::io::Errno::INTR) => {}
                result => break result?,
            }
        };
        if message.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(io::Error::other("a packet is larger than the protocol allows"));
        }
        let descriptors = ancillary.drain().flat_map(received_descriptors).collect();
        Ok(Packet { bytes: buffer[..message.bytes].to_vec(), descriptors })
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn received_descriptors(message: RecvAncillaryMessage<'_>) -> Vec<OwnedFd> {
    match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
        _ => Vec::new(),
    }
}
