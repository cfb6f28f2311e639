//! What every store does with what it keeps, whatever database that lies in: how pages end, what is sealed for which place, how people
//! stand in audit records, how a repeated request is recognized, and what is logged of what cannot be read.
//!
//! Each of these rules is written here once, so that what one store has sealed or named another reads. It knows no database: what a rule
//! has to look up it asks a port for ([`Persons`]), which a store answers at once or later.

mod at_once;
mod failure;
mod page;
mod records;
mod request;
mod seals;
mod states;
mod subject;
mod told;
pub mod vault;
mod webhook;

pub use at_once::at_once;
pub use failure::{Failure, Refusal};
pub use page::{Cursor, PAGE_BYTES, PageById, malformed};
pub use records::{Beside, FoundBy, Persons, Wanted, Written, listed, read, shown, wanted, written};
pub use request::body_digest;
pub use seals::{SEALED, Spot, batch_of, sealed_batch};
pub use states::{Known, States};
pub use subject::{Person, Subject, user_in};
pub use told::{Told, Trouble};
pub use webhook::{previous_secrets, read_previous_secrets};
