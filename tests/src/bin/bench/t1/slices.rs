//! What both kinds of load share: slices by peer, and which peers are judged and compared with.

use std::collections::BTreeMap;

use crate::arguments::Effort;
use crate::cpu::Meter;
use crate::load::{self, Slice};
use crate::peers::Peer;
use crate::report::{Cell, Table};

/// The part that these tables belong to.
pub(super) const PART: &str = "t1";
/// The peer that others are compared with.
pub(super) const YARDSTICK: &str = "bare python3 -I -S -E";
/// The backend that the promises are judged by: the default of `zona dev`. The other one stands beside it in each table.
pub(super) const JUDGED: &str = "T1 namespace, restored";

/// Slices of each peer, by its position.
pub(super) type Slices = BTreeMap<usize, Vec<Slice>>;

/// What a peer has carried in a closed loop.
pub(super) struct Carried<'a> {
    /// Whose it is.
    pub peer: &'a Peer,
    /// All of its slices.
    pub slice: Slice,
    /// Milliseconds of processor time of one call, where they show.
    pub each: Cell,
}

/// Closed loops of all peers, slice by slice in turns.
///
/// # Errors
/// When processor time cannot be read, or a task of the load fails.
pub(super) async fn in_turns(peers: &[Peer], callers: usize, effort: Effort) -> anyhow::Result<Vec<Carried<'_>>> {
    let mut carried: Vec<(Slice, Option<f64>)> = peers.iter().map(|_| (Slice::default(), None)).collect();
    for _ in 0..effort.slices {
        for (peer, (slice, cpu)) in peers.iter().zip(&mut carried) {
            let meter = peer.scope.clone().map(Meter::start).transpose()?;
            slice.absorb(load::closed_loop(&peer.subject, callers, effort.slice).await?);
            if let Some(meter) = meter {
                *cpu.get_or_insert_default() += meter.millis()?;
            }
        }
    }
    let each = |(peer, (slice, cpu)): (_, (Slice, Option<f64>))| {
        let each = cpu.map_or(Cell::Absent, |cpu| (cpu / slice.latencies.len().max(1) as f64).into());
        Carried { peer, slice, each }
    };
    Ok(peers.iter().zip(carried).map(each).collect())
}

/// All slices of a peer as one.
pub(super) fn merge(slices: Vec<Slice>) -> Slice {
    let mut all = Slice::default();
    slices.into_iter().for_each(|slice| all.absorb(slice));
    all
}

/// Notes a peer's first failure below the table.
pub(super) fn note_failure(table: &mut Table, peer: &Peer, load: &str, slice: &Slice) {
    if let Some(failure) = &slice.failure {
        table.note(format!("{}, {load}: {failure}", peer.name));
    }
}
