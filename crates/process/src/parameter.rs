//! Parameters of integrations: five places may set one, the later ones win, and whoever asks learns where a value came from.

use std::collections::BTreeMap;

/// A place that sets parameters, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The service that runs the integration.
    Service,
    /// The integration itself.
    Integration,
    /// Its tenant.
    Tenant,
    /// The environment.
    Environment,
    /// Whoever starts it.
    Override,
}

/// A parameter, and why it is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Its value.
    pub value: String,
    /// Where that was set.
    pub origin: Origin,
    /// What weaker places had set, strongest first.
    pub hidden: Vec<(Origin, String)>,
}

// === impl Origin ===

impl Origin {
    /// All places, weakest first.
    pub const ALL: [Origin; 5] = [Origin::Service, Origin::Integration, Origin::Tenant, Origin::Environment, Origin::Override];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Service => "service",
            Origin::Integration => "integration",
            Origin::Tenant => "tenant",
            Origin::Environment => "environment",
            Origin::Override => "override",
        }
    }
}

// === impl Explained ===

impl Explained {
    /// Whether a weaker place had set another value.
    pub fn conflicts(&self) -> bool {
        self.hidden.iter().any(|(_, value)| *value != self.value)
    }
}

/// The parameters that these places set together, whatever the order in which they are given.
pub fn explain(set: &[(Origin, &BTreeMap<String, String>)]) -> BTreeMap<String, Explained> {
    let mut ordered: Vec<_> = set.iter().collect();
    ordered.sort_by_key(|(origin, _)| *origin);
    let mut explained: BTreeMap<String, Explained> = BTreeMap::new();
    for (origin, parameters) in ordered {
        for (name, value) in *parameters {
            let hidden = explained.remove(name).map_or_else(Vec::new, |weaker| {
                let Explained { value, origin, mut hidden } = weaker;
                hidden.insert(0, (origin, value));
                hidden
            });
            explained.insert(name.clone(), Explained { value: value.clone(), origin: *origin, hidden });
        }
    }
    explained
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_strongest_place_wins_and_the_others_are_told() {
        let (service, integration, tenant) = (set(&[("HOST", "a"), ("PORT", "1")]), set(&[("HOST", "b")]), set(&[("HOST", "b")]));
        let explained = explain(&[(Origin::Tenant, &tenant), (Origin::Service, &service), (Origin::Integration, &integration)]);
        let host = &explained["HOST"];
        assert_eq!((host.value.as_str(), host.origin), ("b", Origin::Tenant));
        assert_eq!(host.hidden, [(Origin::Integration, "b".to_owned()), (Origin::Service, "a".to_owned())]);
        assert!(host.conflicts() && !explained["PORT"].conflicts());
        assert_eq!(explained["PORT"].origin, Origin::Service);
    }

    #[test]
    fn each_place_beats_all_before_it() {
        let values: Vec<_> = Origin::ALL.iter().map(|origin| set(&[("X", origin.as_str())])).collect();
        for strongest in 0..Origin::ALL.len() {
            let given: Vec<_> = Origin::ALL[..=strongest].iter().copied().zip(&values).rev().collect();
            let explained = explain(&given);
            assert_eq!((explained["X"].origin, explained["X"].hidden.len()), (Origin::ALL[strongest], strongest));
        }
    }
}
