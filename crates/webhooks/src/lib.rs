//! Sends events to addresses of others, signed, over TLS 1.3, and to no address that only this machine or its network should reach.
//!
//! It tries once. When to try again, and what becomes of what nobody takes, is the domain's; it stores nothing.

mod address;
mod cloud_event;
mod network;
mod sender;
mod signature;

pub use network::{Network, Networks};
pub use sender::{Config, HttpSender};

#[cfg(test)]
mod tests;
