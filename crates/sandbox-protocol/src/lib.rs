//! The words that the server and the agent inside a sandbox exchange: control messages, the program handed to a child,
//! and the frames a child answers with.
//!
//! Two channels, one purpose each:
//!
//! - the **control socket** (`SOCK_SEQPACKET`, one JSON message a packet, [`MAX_CONTROL_PACKET`] bytes at most) connects server
//!   and agent. No tenant byte ever crosses it.
//! - the **child pipes** (request, result, stdout, stderr) connect the server and one child. Nothing read from them is trusted.
//!
//! It deliberately does no IO and knows neither tokio nor the domain.

pub mod call_policy;
pub mod control;
pub mod frame;
pub mod program;

/// Version of this protocol. Server and agent come from one build, so a mismatch is a fault, never negotiated.
pub const VERSION: u32 = 1;

/// Largest control message in bytes; a longer one is a protocol error.
pub const MAX_CONTROL_PACKET: usize = 64 * 1024;

/// Where a container of gVisor has the pipes of its one child, mounted by name.
pub const STREAMS_DIRECTORY: &str = "/run/zona-streams";

/// Names of these pipes, in the order of the descriptors of [`control::Report::Child`], which carries none there.
pub const STREAM_NAMES: [&str; 4] = ["request", "result", "stdout", "stderr"];

/// Name under which user code is compiled; a traceback shows only frames of this file.
pub const USER_FILE_NAME: &str = "<utility>";

/// A Python script that prints the [`control::Layout`] of the interpreter that runs it, as JSON. Run it isolated
/// (`python3 -I -S -B`), with the directories of installed packages as arguments; it exits with 1 and one line on stderr when
/// the interpreter cannot serve.
pub const PROBE: &str = include_str!("probe_layout.py");
