//! Listeners on the host that no probe may ever be heard by.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::instance::random;

/// Listens while probes run.
pub(super) struct Observer {
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    /// Name of the abstract socket.
    name: String,
}

// === impl Observer ===

impl Observer {
    /// Listens on the loopback interface, and under a random abstract name.
    pub(super) fn open() -> io::Result<Self> {
        let name = format!("zona-probe-{:016x}", random()?);
        let unix = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        unix.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        Ok(Observer { tcp, udp, unix, name })
    }

    /// Where probes are to try.
    pub(super) fn settings(&self) -> io::Result<serde_json::Value> {
        let (tcp, udp) = (self.tcp.local_addr()?.port(), self.udp.local_addr()?.port());
        Ok(serde_json::json!({ "tcp": tcp, "udp": udp, "abstract": self.name }))
    }

    /// Whether the probe with this name was heard since it was last asked.
    pub(super) fn heard(&self, probe: &str) -> bool {
        match probe {
            "tcp" => self.tcp.accept().is_ok(),
            "udp" => self.udp.recv(&mut [0; 16]).is_ok(),
            "abstract-sockets" => self.unix.accept().is_ok(),
            _ => false,
        }
    }
}
