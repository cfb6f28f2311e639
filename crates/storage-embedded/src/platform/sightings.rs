//! Rows of how services and integrations were when that was told last.

use domain::event::Happened;
use domain::process::Sighting;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::connection::integer;
use crate::error::{Result, during};
use crate::events;

pub(super) fn told(connection: &Connection) -> Result<Vec<Sighting>> {
    const QUERY: &str = "SELECT subject, state, has_given_up, revision FROM platform_sightings ORDER BY subject";
    let run = || connection.prepare_cached(QUERY)?.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>();
    run().map_err(during("reading what was told of the platform"))
}

pub(super) fn tell(connection: &Connection, sighting: &Sighting, at: Timestamp) -> Result<bool> {
    const FIND: &str = "SELECT subject, state, has_given_up, revision FROM platform_sightings WHERE subject = ?1";
    const FORGET: &str = "DELETE FROM platform_sightings WHERE subject = ?1";
    const PUT: &str = "INSERT OR REPLACE INTO platform_sightings (subject, state, has_given_up, revision) VALUES (?1, ?2, ?3, ?4)";
    let find = || connection.prepare_cached(FIND)?.query_row([&sighting.subject], read).optional();
    let before = find().map_err(during("reading what was told of the platform"))?;
    if before.as_ref().is_some_and(|before| sighting.says_the_same_as(before)) || (before.is_none() && sighting.is_removal()) {
        return Ok(false);
    }
    let put = || {
        if sighting.is_removal() {
            return connection.prepare_cached(FORGET)?.execute([&sighting.subject]);
        }
        let row = params![sighting.subject, sighting.state, sighting.has_given_up, integer(sighting.revision)];
        connection.prepare_cached(PUT)?.execute(row)
    };
    put().map_err(during("storing what is told of the platform"))?;
    events::note(connection, at, &Happened::of_sighting(before.as_ref(), sighting))?;
    Ok(true)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Sighting> {
    Ok(Sighting { subject: row.get(0)?, state: row.get(1)?, has_given_up: row.get(2)?, revision: row.get::<_, i64>(3)?.unsigned_abs() })
}
