//! Ports that are leased from ranges: each port has one holder, a holder keeps its port as long as it needs it, and what is held by
//! others is left alone.

use std::collections::{BTreeMap, BTreeSet};

/// Ports from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

/// Who holds a port: an integration, for one of its ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// The integration's number.
    pub integration_id: i32,
    /// The name of its port.
    pub port: String,
}

/// The ports that are leased, by their holder.
pub type Leases = BTreeMap<Holder, u16>;

/// No port is left in a range for a holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPortLeft {
    /// Who asked.
    pub holder: Holder,
    /// The range's name.
    pub range: String,
}

// === impl PortRange ===

impl PortRange {
    /// Whether a port lies in it.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// How many ports it has; none where it ends before it begins.
    pub fn len(self) -> usize {
        if self.last < self.first { 0 } else { usize::from(self.last - self.first) + 1 }
    }

    /// Whether it has no port.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Gives each holder a port of the range that it names. Whoever has one in that range keeps it; others get the lowest that is free.
/// `taken` are ports that somebody else holds. Holders that are not wanted any more have no lease in the result.
///
/// # Errors
/// Every holder for whom no port is left.
pub fn lease(
    ranges: &BTreeMap<String, PortRange>,
    wanted: &BTreeMap<Holder, String>,
    before: &Leases,
    taken: &BTreeSet<u16>,
) -> Result<Leases, Vec<NoPortLeft>> {
    let range_of = |holder: &Holder| wanted.get(holder).and_then(|range| ranges.get(range));
    let mut held = taken.clone();
    let mut leases = Leases::new();
    for (holder, port) in before {
        // `insert` says whether nobody had it yet: of two that claim one port, the first keeps it.
        if range_of(holder).is_some_and(|range| range.contains(*port)) && held.insert(*port) {
            leases.insert(holder.clone(), *port);
        }
    }
    // The next port to try of each range: what lies below is held, and nothing is given back meanwhile.
    let mut next: BTreeMap<&str, u32> = BTreeMap::new();
    let mut refused = Vec::new();
    for (holder, name) in wanted {
        if leases.contains_key(holder) {
            continue;
        }
        let range = ranges.get(name).copied().unwrap_or(PortRange { first: 1, last: 0 });
        let from = next.entry(name.as_str()).or_insert_with(|| u32::from(range.first));
        let free = (*from..=u32::from(range.last)).filter_map(|port| u16::try_from(port).ok()).find(|port| !held.contains(port));
        match free {
            Some(port) => {
                *from = u32::from(port) + 1;
                held.insert(port);
                leases.insert(holder.clone(), port);
            }
            None => refused.push(NoPortLeft { holder: holder.clone(), range: name.clone() }),
        }
    }
    if refused.is_empty() { Ok(leases) } else { Err(refused) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holder(integration_id: i32, port: &str) -> Holder {
        Holder { integration_id, port: port.to_owned() }
    }

    fn ranges() -> BTreeMap<String, PortRange> {
        BTreeMap::from([("a".to_owned(), PortRange { first: 100, last: 103 }), ("b".to_owned(), PortRange { first: 102, last: 120 })])
    }

    #[test]
    fn a_holder_keeps_its_port_when_others_come_and_go() {
        let wanted = |ids: &[i32]| ids.iter().map(|id| (holder(*id, "http"), "a".to_owned())).collect::<BTreeMap<_, _>>();
        let first = lease(&ranges(), &wanted(&[1, 2, 3]), &Leases::new(), &BTreeSet::new()).unwrap();
        assert_eq!(first.values().copied().collect::<Vec<_>>(), [100, 101, 102]);
        let second = lease(&ranges(), &wanted(&[0, 2, 3]), &first, &BTreeSet::new()).unwrap();
        assert_eq!((second[&holder(0, "http")], second[&holder(2, "http")], second[&holder(3, "http")]), (100, 101, 102));
    }

    #[test]
    fn everybody_for_whom_no_port_is_left_is_named() {
        let wanted = (1..=5).map(|id| (holder(id, "http"), "a".to_owned())).collect();
        let refused = lease(&ranges(), &wanted, &Leases::new(), &BTreeSet::from([101])).unwrap_err();
        assert_eq!(refused.iter().map(|refused| refused.holder.integration_id).collect::<Vec<_>>(), [4, 5]);
    }

    proptest! {
        #[test]
        fn no_two_hold_one_port_and_nobody_holds_one_that_is_taken(
            wanted in prop::collection::btree_map((0..12_i32, "[xy]"), "[ab]", 0..14),
            before in prop::collection::btree_map((0..12_i32, "[xy]"), 98..124_u16, 0..14),
            taken in prop::collection::btree_set(98..124_u16, 0..6),
        ) {
            let key = |(id, port): (i32, String)| holder(id, &port);
            let wanted: BTreeMap<Holder, String> = wanted.into_iter().map(|(of, range)| (key(of), range)).collect();
            let before: Leases = before.into_iter().map(|(of, port)| (key(of), port)).collect();
            if let Ok(leases) = lease(&ranges(), &wanted, &before, &taken) {
                let ports: BTreeSet<u16> = leases.values().copied().collect();
                prop_assert_eq!(ports.len(), leases.len());
                prop_assert!(ports.is_disjoint(&taken));
                prop_assert!(leases.keys().eq(wanted.keys()));
                for (holder, port) in &leases {
                    prop_assert!(ranges()[&wanted[holder]].contains(*port));
                }
                prop_assert_eq!(lease(&ranges(), &wanted, &leases, &taken), Ok(leases.clone()), "asking again changes nothing");
            }
        }
    }
}
