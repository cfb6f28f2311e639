//! The tables of docs/permissions.md. The contract and the matrix are in crates of the product, which this one does not know: the test
//! that holds the tables against them writes them, too.

use crate::{
    process::{cargo, run},
    workspace::Workspace,
};

/// Writes the tables from the contract and the matrix.
///
/// # Errors
/// When the product does not build.
pub fn write_tables(workspace: &Workspace) -> anyhow::Result<()> {
    let arguments = ["test", "--package", "api-grpc", "--test", "it", "the_table_of_permissions_is_current"];
    run(cargo().current_dir(workspace.path(".")).args(arguments).env("WRITE_DOCUMENTS", "1"))
}
