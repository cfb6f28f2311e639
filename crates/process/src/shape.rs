//! What a document may hold, declared once: the fields of each object with their kinds. Checking, the published schema and the documents
//! follow from the declarations. Rules about several values are the manifest's.

mod check;
mod kind;
mod schema;

pub use self::check::check;
pub use self::kind::{Field, Kind, MAX_MEMBERS, MAX_NAME, Shape, optional, required};
pub use self::schema::schema;

#[cfg(test)]
mod tests;
