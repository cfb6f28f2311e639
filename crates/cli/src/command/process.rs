//! `zona ps ...` at a server: how services are, and what is asked of them. Manifests are read by whoever calls this.

mod apply;
mod change;
mod integration;
mod logs;
mod status;

pub use apply::{Apply, plan};
pub use change::{Change, Named, Scale};
pub use integration::Integration;
pub use logs::Logs;
pub use status::Status;
