//! Runs programs in isolation: the server side of the sandbox.
//!
//! [`Sandboxes`] implements the domain's port. It keeps pools of started sandboxes, each bound to one tenant at first use, whose
//! sealed children wait for one program each, or for one after the other; it hands programs over, enforces limits from outside, reads results and output
//! with bounded memory, and leaves nothing behind. Two backends contain a sandbox: Docker, and namespaces made by the agent
//! itself.
//!
//! It deliberately knows neither the wire nor a store, and trusts nothing that a child writes.

mod config;
mod failure;
mod instance;
mod users;
mod wire;

mod backend;
mod live;
mod memory;
mod pool;
mod run;
mod service;
mod tasks;

mod attack;
mod diagnose;
mod stats;

pub use attack::{Battery, Conclusion, Defence, Outcome, ProbeGroup, ProbeResult, Report, Trial, attack};
pub use backend::{Package, RuntimeFacts};
pub use config::{
    AgentBinary, Backend, Config, ContainerRuntime, Docker, InterfaceCheck, Namespace, Pool, Proof, RuntimeConfig, UidRange,
    runtime_directory,
};
pub use diagnose::{Check, Diagnosis, TierReport, TierWorks, Verdict, complies, diagnose, inspect_container};
pub use failure::{OpenError, TIER_UNSAFE};
pub use pool::StockReason;
pub use sandbox_protocol::control::Layout;
pub use service::Sandboxes;
pub use stats::Stats;
