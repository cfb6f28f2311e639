//! What operators ask of the database that servers share, beside any server.

pub use storage_mongo::{Counted, Operator, Status};

use crate::Error;
use crate::config::Config;

/// The database of the configuration.
///
/// # Errors
/// There is none, or its settings cannot be used.
pub async fn operator(config: &Config) -> Result<Operator, Error> {
    let settings = config.store.shared(config.keys_directory(), None).ok_or(Error::NotShared)?;
    Ok(Operator::connect(&settings).await?)
}
