//! The description of JSON over HTTP, docs/openapi.json. The contract is in crates of the product, which this one does not know: the test
//! that holds the description against it writes it, too.

use crate::{
    process::{cargo, run},
    workspace::Workspace,
};

/// Writes the description from the contract.
///
/// # Errors
/// When the product does not build.
pub fn write(workspace: &Workspace) -> anyhow::Result<()> {
    let arguments = ["test", "--package", "gateway", "--lib", "the_committed_description_is_current"];
    run(cargo().current_dir(workspace.path(".")).args(arguments).env("WRITE_DOCUMENTS", "1"))
}
