//! What joins two crates that do not know each other: a port of the domain on what an adapter offers, or an adapter's hook on
//! another's. One file each; whatever is decided here is only how the words of one side become those of the other.

pub(crate) mod advisories;
pub(crate) mod calendar;
pub(crate) mod checker;
pub(crate) mod compiler;
pub(crate) mod credentials;
pub(crate) mod facts;
pub(crate) mod incidents;
pub(crate) mod manifests;
pub(crate) mod measured;
pub(crate) mod merkle;
pub(crate) mod processor;
pub(crate) mod readings;
pub(crate) mod sealing;
mod timeline;
pub(crate) mod timetable;
pub(crate) mod traced;
