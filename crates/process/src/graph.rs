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
        for index in self.sorted() {
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
        let knots = self.knots();
        let mut seen = vec![false; self.names.len()];
        let mut circles = Vec::new();
        for start in 0..self.names.len() {
            if std::mem::replace(&mut seen[knots[start]], true) {
                continue;
            }
            // Whoever stays in a knot comes back to where they were before. A service that is in no circle is a knot of its own.
            let (mut path, mut places, mut at) = (Vec::new(), HashMap::new(), Some(start));
            while let Some(index) = at.filter(|index| !places.contains_key(index)) {
                places.insert(index, path.len());
                path.push(index);
                at = self.needs[index].iter().copied().find(|need| knots[*need] == knots[start]);
            }
            if let Some(begin) = at.and_then(|index| places.get(&index)) {
                circles.push(path[*begin..].iter().map(|index| self.names[*index].as_str()).collect());
            }
        }
        circles
    }

    /// The number of each service's knot: services are in one knot where each depends, by others or not, on each other one. (Kosaraju)
    fn knots(&self) -> Vec<usize> {
        let count = self.names.len();
        // Each service after everything that it needs, as far as circles let it.
        let (mut order, mut seen) = (Vec::with_capacity(count), vec![false; count]);
        for root in 0..count {
            let mut open = if std::mem::replace(&mut seen[root], true) { Vec::new() } else { vec![(root, 0)] };
            while let Some((index, next)) = open.last_mut() {
                match self.needs[*index].get(*next).copied() {
                    Some(need) => {
                        *next += 1;
                        if !std::mem::replace(&mut seen[need], true) {
                            open.push((need, 0));
                        }
                    }
                    None => {
                        order.push(*index);
                        open.pop();
                    }
                }
            }
        }
        let dependents = self.dependents();
        let mut knots = vec![None; count];
        for (number, root) in order.into_iter().rev().enumerate() {
            let mut open = vec![root];
            while let Some(index) = open.pop() {
                if knots[index].is_none() {
                    knots[index] = Some(number);
                    open.extend(&dependents[index]);
                }
            }
        }
        knots.into_iter().map(|knot| knot.expect("each service is a root at the latest")).collect()
    }

    /// The services, each after everything that it needs. Those in a circle or behind one are not among them.
    fn sorted(&self) -> Vec<usize> {
        let dependents = self.dependents();
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
        order
    }

    /// Who depends on each service.
    fn dependents(&self) -> Vec<Vec<usize>> {
        let mut dependents = vec![Vec::new(); self.names.len()];
        for (index, needs) in self.needs.iter().enumerate() {
            needs.iter().for_each(|need| dependents[*need].push(index));
        }
        dependents
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

    #[test]
    fn a_circle_is_found_also_where_the_way_into_another_one_begins_in_it() {
        let graph = graph(&[
            ("x", Group::Core, &["y", "z"]),
            ("y", Group::Core, &["y"]),
            ("z", Group::Core, &["x"]),
            ("before", Group::Core, &["x", "z"]),
        ]);
        assert_eq!(graph.circles(), [vec!["x", "z"], vec!["y"]]);
    }
}
