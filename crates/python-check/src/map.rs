//! Maps and sets of names and places, which a check asks hundreds of times for each thousand lines.
//!
//! Their hash is several times cheaper for short keys than the standard library's. Keys come from those whose code is checked, so its
//! seed is drawn anew in each process and for each table, and no answer of a check tells of it. It is no cryptographic one:
//! what a table may hold is bounded by the size of the source.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

/// A map.
pub(crate) type Map<K, V> = HashMap<K, V, RandomState>;
/// A set.
pub(crate) type Set<T> = HashSet<T, RandomState>;
