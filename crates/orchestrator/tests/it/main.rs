//! The orchestrator on a real Docker Engine, and beside it on one in memory that passes the same contract: there, a manager is killed
//! after every single call. The tests need a daemon on the default socket (`cargo xtask setup` starts one).

#![allow(clippy::unwrap_used, reason = "test code throughout; the lint knows only test functions")]

mod contract;
mod docker;
mod in_memory;
mod killed;
mod looking_after;
mod managers;
mod simulated;
mod stories;
mod support;
