//! What can be done to servers.

use crate::access::{Installation, actions};

actions! {
    /// Read the server's self-test and configuration facts.
    GetServerInfo(Installation) = "server.get", Administer, "server", All;
}
