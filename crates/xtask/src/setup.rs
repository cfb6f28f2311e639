//! What the checks need and a bare Debian machine lacks: packages, a Docker daemon, pinned tools, runtimes. Each
//! part looks first and does nothing when it is there already.

mod apt;
mod docker;
mod python;
pub mod runtimes;
pub mod tools;

use std::{ffi::OsString, path::PathBuf, time::Instant};

pub use crate::setup::tools::Tool;
use crate::{process::path_with, setup::docker::Daemon, timed::Timed, workspace::Workspace};

/// One thing a check depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Debian packages.
    Packages,
    /// A Docker daemon that answers on the default socket.
    Docker,
    /// The images of the runtimes.
    Image,
    /// Directories of the runtimes' packages.
    Runtimes,
    /// The packages of the Python client.
    PythonClient,
    /// What checks the description of JSON over HTTP.
    OpenApi,
    /// What benchmarks compare with.
    Peers,
    /// A pinned tool.
    Tool(Tool),
}

impl Need {
    /// Everything, in the order in which it can be had.
    pub const ALL: [Need; 16] = [
        Need::Packages,
        Need::Docker,
        Need::Image,
        Need::Runtimes,
        Need::PythonClient,
        Need::OpenApi,
        Need::Peers,
        Need::Tool(Tool::Buf),
        Need::Tool(Tool::Grpcurl),
        Need::Tool(Tool::Ghz),
        Need::Tool(Tool::ProtocGenGo),
        Need::Tool(Tool::ProtocGenGoGrpc),
        Need::Tool(Tool::CargoDeny),
        Need::Tool(Tool::CargoFuzz),
        Need::Tool(Tool::Secantusd),
        Need::Tool(Tool::Versitygw),
    ];
}

/// What was provided. The daemon stops with it if it was started for it.
pub struct Provided {
    /// PATH with the pinned tools in front.
    pub path: OsString,
    daemon: Option<Daemon>,
}

impl Provided {
    /// Lets a started daemon run on after this process.
    pub fn leave_running(mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.leave_running();
        }
    }

    /// Stops the daemon if we started it.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.daemon.take().map_or(Ok(()), Daemon::stop)
    }
}

/// Provides the given needs, whatever their order and number, and adds to `timed` how long each took.
///
/// # Errors
/// The first part that cannot be had, with what to do about it.
pub fn provide(workspace: &Workspace, needs: &[Need], timed: &mut Vec<Timed>) -> anyhow::Result<Provided> {
    std::fs::create_dir_all(&workspace.cache)?;
    let mut daemon = None;
    let mut directories: Vec<PathBuf> = tools::go_directory().into_iter().collect();
    for need in Need::ALL.into_iter().filter(|need| needs.contains(need)) {
        let started = Instant::now();
        let what = match need {
            Need::Packages => apt::install().map(|()| "packages")?,
            Need::Docker => {
                daemon = docker::start(workspace)?;
                "docker"
            }
            Need::Image => runtimes::images(workspace, None, false).map(|()| "images")?,
            Need::Runtimes => runtimes::cached(workspace).map(|()| "runtimes")?,
            Need::PythonClient => python::install(workspace, &python::CLIENT).map(|()| "python client")?,
            Need::OpenApi => python::install(workspace, &python::OPENAPI).map(|()| "openapi checks")?,
            Need::Peers => python::install(workspace, &python::PEERS).map(|()| "peers")?,
            Need::Tool(tool) => {
                directories.push(tool.install(workspace)?);
                tool.name()
            }
        };
        println!("setup: {what} ready in {:.1} s", started.elapsed().as_secs_f64());
        timed.push(Timed::new(format!("setup {what}"), started.elapsed()));
    }
    Ok(Provided { path: path_with(directories.iter().map(PathBuf::as_path))?, daemon })
}
