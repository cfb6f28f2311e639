//! Documents of how services and integrations were when that was told last.

use domain::event::Happened;
use domain::process::Sighting;
use domain::time::Timestamp;
use mongodb::bson::doc;

use crate::collections::PLATFORM_SIGHTINGS;
use crate::error::Result;
use crate::events;
use crate::row::{Row, integer};
use crate::session::{Select, Session};

/// Services and integrations that one read brings.
const AT_ONCE: usize = 1_000;

pub(super) async fn told(session: &mut Session) -> Result<Vec<Sighting>> {
    let (mut told, mut after) = (Vec::new(), String::new());
    loop {
        let filter = doc! { "_id": { "$gt": &after } };
        let found = session.find(PLATFORM_SIGHTINGS.name, filter, Select::sorted(doc! { "_id": 1 }, AT_ONCE)).await?;
        for row in &found {
            told.push(read(row)?);
        }
        match found.last() {
            Some(last) if found.len() == AT_ONCE => last.key().clone_into(&mut after),
            Some(_) | None => return Ok(told),
        }
    }
}

pub(super) async fn tell(session: &mut Session, sighting: &Sighting, at: Timestamp) -> Result<bool> {
    let key = doc! { "_id": &sighting.subject };
    let found = session.find_one(PLATFORM_SIGHTINGS.name, key.clone()).await?;
    let before = found.as_ref().map(read).transpose()?;
    if before.as_ref().is_some_and(|before| sighting.says_the_same_as(before)) || (before.is_none() && sighting.is_removal()) {
        return Ok(false);
    }
    if sighting.is_removal() {
        session.delete(PLATFORM_SIGHTINGS.name, key).await?;
    } else {
        let row = doc! {
            "_id": &sighting.subject,
            "state": &sighting.state,
            "has_given_up": sighting.has_given_up,
            "revision": integer(sighting.revision),
        };
        session.put(PLATFORM_SIGHTINGS.name, row).await?;
    }
    events::note(session, at, &Happened::of_sighting(before.as_ref(), sighting)).await?;
    Ok(true)
}

fn read(row: &Row) -> Result<Sighting> {
    Ok(Sighting {
        subject: row.key().to_owned(),
        state: row.text("state")?.to_owned(),
        has_given_up: row.flag("has_given_up")?,
        revision: row.number("revision")?,
    })
}
