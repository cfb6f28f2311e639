//! The order of services: what depends on what, the waves in which they start, and the circles that have no order.

use std::collections::{BTreeMap, HashMap};

use crate::service::{Group, Service};

/// Services by what they depend on. Dependencies on services that do not exist are left out.
#[derive(Debug)]
pub struct Graph {
    names: Vec<String>,
    groups: Vec<Group>,
    /// What each service depends on, as places in the list.
    needs: Vec<Vec<usize>>,
}

/// When a service starts: groups one after the other, and levels within a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// The group.
    pub group: Group,
    /// One more than the highest level it depends on within the group.
    pub level: usize,
}

// === impl Graph ===

impl Graph {
    /// The graph of these services.
    pub fn new<'a>(services: impl IntoIterator<Item = &'a Service>) -> Self {
        let services: Vec<&Service> = services.into_iter().collect();
        let nodes = services.iter().map(|service| {
            let needs = service.depends_on.iter().map(|dependency| dependency.service.as_str()).collect();
            (service.name.as_str(), service.group, needs)
        });
        Graph::of(nodes.collect())
    }

    /// The graph of names with groups and what each depends on.
    pub fn of(nodes: Vec<(&str, Group, Vec<&str>)>) -> Self {
        let places: HashMap<&str, usize> = nodes.iter().enumerate().rev().map(|(index, (name, ..))| (*name, index)).collect();
        Graph {
            names: nodes.iter().map(|(name, ..)| (*name).to_owned()).collect(),
            groups: nodes.iter().map(|(_, group, _)| *group).collect(),
            needs: nodes.iter().map(|(.., needs)| needs.iter().filter_map(|name| places.get(name).copied()).collect()).collect(),
        }
    }

    /// When each service starts, in the order of the services. A service in a circle, or behind one, has the rank of where the circle is
    /// entered: a manifest with one is refused before anybody asks.
    pub fn ranks(&self) -> Vec<Rank> {
        let mut levels = vec![0_usize; self.names.len()];
        for index in self.sorted().0 {
            let within = |need: &&usize| self.groups[**need] == self.groups[index];
            levels[index] = self.needs[index].iter().filter(within).map(|need| levels[*need] + 1).max().unwrap_or(0);
        }
        levels.into_iter().zip(&self.groups).map(|(level, group)| Rank { group: *group, level }).collect()
    }

    /// The names by rank, for showing.
    pub fn waves(&self) -> BTreeMap<Rank, Vec<&str>> {
        let mut waves: BTreeMap<Rank, Vec<&str>> = BTreeMap::new();
        for (rank, name) in self.ranks().into_iter().zip(&self.names) {
            waves.entry(rank).or_default().push(name);
        }
        waves
    }

    /// Circles: each is a list of services that depend on the next one, and the last on the first. One of each knot.
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let (_, left) = self.sorted();
        let mut seen = vec![false; self.names.len()];
        let mut circles = Vec::new();
        for start in (0..self.names.len()).filter(|index| left[*index]) {
            let (mut path, mut places, mut at) = (Vec::new(), HashMap::new(), Some(start));
            while let Some(index) = at.filter(|index| !seen[*index]) {
                seen[index] = true;
                places.insert(index, path.len());
                path.push(index);
                at = self.needs[index].iter().copied().find(|need| left[*need]);
            }
            if let Some(begin) = at.and_then(|index| places.get(&index)) {
                circles.push(path[*begin..].iter().map(|index| self.names[*index].as_str()).collect());
            }
        }
        circles
    }

    /// The services of which everything that they need stands before them, and which ones are left because of a circle.
    fn sorted(&self) -> (Vec<usize>, Vec<bool>) {
        let mut dependents = vec![Vec::new(); self.names.len()];
        for (index, needs) in self.needs.iter().enumerate() {
            needs.iter().for_each(|need| dependents[*need].push(index));
        }
        let mut open: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut order: Vec<usize> = (0..self.names.len()).filter(|index| open[*index] == 0).collect();
        let mut next = 0;
        while next < order.len() {
            for dependent in &dependents[order[next]] {
                open[*dependent] -= 1;
                if open[*dependent] == 0 {
                    order.push(*dependent);
                }
            }
            next += 1;
        }
        (order, open.into_iter().map(|open| open > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: &[(&'static str, Group, &[&'static str])]) -> Graph {
        Graph::of(nodes.iter().map(|(name, group, needs)| (*name, *group, needs.to_vec())).collect())
    }

    #[test]
    fn groups_come_before_levels() {
        let graph = graph(&[
            ("web", Group::App, &["api"]),
            ("api", Group::Core, &["db", "cache"]),
            ("cache", Group::System, &["db"]),
            ("db", Group::System, &[]),
            ("auth", Group::Core, &[]),
        ]);
        let waves: Vec<_> = graph.waves().into_values().collect();
        assert_eq!(waves, [vec!["db"], vec!["cache"], vec!["api", "auth"], vec!["web"]]);
        assert!(graph.circles().is_empty());
    }

    #[test]
    fn every_circle_is_found_and_what_stands_behind_it_is_not_part_of_it() {
        let graph = graph(&[
            ("a", Group::Core, &["b"]),
            ("b", Group::Core, &["c"]),
            ("c", Group::Core, &["b", "free"]),
            ("x", Group::Core, &["y"]),
            ("y", Group::Core, &["x"]),
            ("self", Group::Core, &["self"]),
            ("free", Group::Core, &[]),
        ]);
        assert_eq!(graph.circles(), [vec!["b", "c"], vec!["x", "y"], vec!["self"]]);
    }
}
