//! What can be done to servers.

use crate::access::{Installation, actions};

actions! {
    /// Read the server's self-test and configuration facts.
    GetServerInfo(Installation) = "server.get", Administer, "server", All;
    /// Read which keys wrap data keys.
    GetKeyStatus(Installation) = "key.get", Administer, "key", All;
    /// Have a new key wrap all data keys.
    RotateKeys(Installation) = "key.rotate", Administer, "key", All;
}
