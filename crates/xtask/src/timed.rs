//! How long the parts of a run took: installs, compilation, test binaries.

use std::{fmt, time::Duration};

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    what: String,
    took: Duration,
}

// === impl Timed ===

impl Timed {
    /// A part by its name.
    pub fn new(what: impl Into<String>, took: Duration) -> Self {
        Self { what: what.into(), took }
    }
}

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9.1} s  {}", self.took.as_secs_f64(), self.what)
    }
}

/// The parts that took longest, longest first; what took less than a second is not worth a line.
pub fn slowest(parts: &[Timed], count: usize) -> Vec<&Timed> {
    let mut parts: Vec<&Timed> = parts.iter().filter(|part| part.took >= Duration::from_secs(1)).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.took));
    parts.truncate(count);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_parts_come_first_and_small_ones_not_at_all() {
        let parts: Vec<Timed> = [3, 0, 9, 1].map(|seconds| Timed::new(format!("{seconds}"), Duration::from_secs(seconds))).to_vec();
        assert_eq!(slowest(&parts, 2), [&parts[2], &parts[0]]);
        assert_eq!(slowest(&parts, 9).len(), 3);
    }
}
