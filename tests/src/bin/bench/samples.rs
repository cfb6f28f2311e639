//! Measured times and what is said of them. Quantiles are by nearest rank over all samples: nothing is interpolated or dropped.

use std::time::Duration;

/// Times of one subject.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    times: Vec<Duration>,
}

// === impl Samples ===

impl Samples {
    /// Adds one time.
    pub fn push(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// Adds all times of another slice.
    pub fn extend(&mut self, other: &Samples) {
        self.times.extend_from_slice(&other.times);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// The time that the share `quantile` of all samples does not exceed, in milliseconds; NaN without samples.
    pub fn millis(&self, quantile: f64) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let rank = (quantile * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }

    /// The median in milliseconds.
    pub fn median(&self) -> f64 {
        self.millis(0.5)
    }
}

impl FromIterator<Duration> for Samples {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        Samples { times: times.into_iter().collect() }
    }
}

/// The middle of some figures; NaN without any.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples_that_were_measured() {
        let samples: Samples = (1..=100).map(Duration::from_millis).collect();
        assert_eq!([0.5, 0.95, 0.99, 1.0].map(|quantile| samples.millis(quantile)), [50.0, 95.0, 99.0, 100.0]);
        let single: Samples = [Duration::from_millis(7)].into_iter().collect();
        assert_eq!(single.millis(0.99), 7.0);
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    }
}
