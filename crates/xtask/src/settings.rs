//! The table of settings in docs/operations.md. The declarations are in the crates of the product, which this one does not know: the
//! test that holds the table against them writes it, too.

use crate::{
    process::{cargo, run},
    workspace::Workspace,
};

/// Writes the table from the declarations.
///
/// # Errors
/// When the product does not build.
pub fn write_table(workspace: &Workspace) -> anyhow::Result<()> {
    let arguments = ["test", "--package", "zona", "--bins", "the_table_of_settings_is_current"];
    run(cargo().current_dir(workspace.path(".")).args(arguments).env("WRITE_DOCUMENTS", "1"))
}
