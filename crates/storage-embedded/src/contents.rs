//! Seals what callers and their code have written: code, what an execution takes and gives, and its events. Each stands sealed by the
//! key of its tenant, for the row that it is in; what is looked for and ordered by stands beside it in plain text.

mod batch;
mod earlier;
mod spot;

pub(crate) use batch::{open_batch, seal_batch};
pub(crate) use earlier::seal_contents_of_before;
pub(crate) use spot::{may_be_plain, open, open_text, seal};
