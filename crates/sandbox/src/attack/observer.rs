//! Listeners on the host that no probe may ever be heard by.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::{fs, fs::Permissions};

use crate::instance::{SandboxDirectory, random};

/// Listens while probes run.
pub(super) struct Observer {
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    /// At a path in `directory`, and under an abstract name.
    datagrams: [UnixDatagram; 2],
    /// Name of the abstract socket; that for datagrams has a suffix.
    name: String,
    directory: SandboxDirectory,
}

// === impl Observer ===

impl Observer {
    /// Listens on the loopback interface, under a random abstract name, and in a directory.
    pub(super) fn open(directory: SandboxDirectory) -> io::Result<Self> {
        let name = format!("zona-probe-{:016x}", random()?);
        let unix = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        unix.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        let datagrams = [
            UnixDatagram::bind(directory.socket())?,
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(format!("{name}-datagrams"))?)?,
        ];
        // Whoever finds it may write to it: that is what must not happen.
        fs::set_permissions(directory.socket(), Permissions::from_mode(0o666))?;
        for socket in &datagrams {
            socket.set_nonblocking(true)?;
        }
        Ok(Observer { tcp, udp, unix, datagrams, name, directory })
    }

    /// Where probes are to try.
    pub(super) fn settings(&self) -> io::Result<serde_json::Value> {
        let (tcp, udp) = (self.tcp.local_addr()?.port(), self.udp.local_addr()?.port());
        Ok(serde_json::json!({ "tcp": tcp, "udp": udp, "abstract": self.name, "datagrams": self.directory.socket() }))
    }

    /// Whether the probe with this name was heard since it was last asked.
    pub(super) fn heard(&self, probe: &str) -> bool {
        match probe {
            "tcp" => self.tcp.accept().is_ok(),
            "udp" => self.udp.recv(&mut [0; 16]).is_ok(),
            "datagrams-through-a-pair" => self.datagrams.iter().any(|socket| socket.recv(&mut [0; 16]).is_ok()),
            "abstract-sockets" => self.unix.accept().is_ok(),
            _ => false,
        }
    }
}
