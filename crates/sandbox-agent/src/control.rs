//! The conversation with the server: whole messages over the control socket.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use sandbox_protocol::{
    VERSION,
    control::{Command, Configure, Report},
};

use crate::{
    channel::Channel,
    fault::{AtStage, Fault},
};

/// The agent's end of the control socket.
pub struct Control {
    channel: Channel,
}

// === impl Control ===

impl Control {
    /// Connects to the server.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        Channel::connect(socket).map(|channel| Control { channel })
    }

    /// Says hello.
    ///
    /// # Errors
    /// What the system says.
    pub fn hello(&self) -> Result<(), Fault> {
        self.report(&Report::Hello { version: VERSION }, &[])
    }

    /// Waits for the configuration; `None` when the server changed its mind.
    ///
    /// # Errors
    /// Any other command comes first, or none that can be read.
    pub fn configure(&self) -> Result<Option<Configure>, Fault> {
        match self.command()? {
            Some(Command::Configure(configure)) => Ok(Some(*configure)),
            Some(Command::Shutdown) | None => Ok(None),
            Some(_) => Err(Fault::new("protocol", "the first command is not `configure`")),
        }
    }

    /// Waits for a command; `None` when the server hung up.
    ///
    /// # Errors
    /// What was received is no command.
    pub fn command(&self) -> Result<Option<Command>, Fault> {
        let packet = match self.channel.receive() {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            packet => packet.at("receive a command")?,
        };
        if packet.bytes.is_empty() {
            return Ok(None);
        }
        let command = serde_json::from_slice(&packet.bytes);
        command.map(Some).map_err(|error| Fault::new("protocol", format!("not a command: {error}")))
    }

    /// Sends a report, with the descriptors it speaks of. When the server is gone, nobody is left to tell: the next
    /// [`Control::command`] says so.
    ///
    /// # Errors
    /// What the system says.
    pub fn report(&self, report: &Report, descriptors: &[OwnedFd]) -> Result<(), Fault> {
        let bytes = serde_json::to_vec(report).map_err(|error| Fault::new("encode a report", error))?;
        match self.channel.send(&bytes, descriptors) {
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            sent => sent.at("report to the server"),
        }
    }

    /// Sends the last report. Where even that fails, the container's log gets it.
    pub fn report_fault(&self, fault: Fault) {
        let report = fault.into_report();
        if self.report(&report, &[]).is_err() {
            eprintln!("zona-agent: {report:?}");
        }
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
