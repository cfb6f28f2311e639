//! What both targets share: how a source is made from bytes, and what must hold for the check of any source. The tests of
//! `python-check` include these modules too and replay the committed seeds with the stable compiler.

pub mod promise;
pub mod recipe;
