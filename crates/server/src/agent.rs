//! The program that runs inside sandboxes, carried by this binary (see `build.rs`).

use sandbox::AgentBinary;

/// The agent of this very version.
pub const AGENT: AgentBinary = AgentBinary(include_bytes!(env!("SANDBOX_AGENT")));
