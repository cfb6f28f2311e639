//! What both kinds of load share: slices by peer, and which peers are judged and compared with.

use std::collections::BTreeMap;

use crate::load::Slice;
use crate::peers::Peer;
use crate::report::Table;

/// The part that these tables belong to.
pub(super) const PART: &str = "t1";
/// The peer that others are compared with.
pub(super) const YARDSTICK: &str = "bare python3 -I -S -E";
/// The backend that the promises are judged by: the default of `zona dev`. The other one stands beside it in each table.
pub(super) const JUDGED: &str = "T1 namespace, restored";

/// Slices of each peer, by its position.
pub(super) type Slices = BTreeMap<usize, Vec<Slice>>;

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
