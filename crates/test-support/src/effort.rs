//! How often tests repeat what only numbers show: kills, failovers, restarts, random seeds.

/// Set by `cargo xtask test --long`.
const LONG: &str = "ZONA_TEST_LONG";

/// `short` times in the run that every change waits for, `long` times in the long one.
pub fn repeat(short: u32, long: u32) -> u32 {
    choose(std::env::var_os(LONG).is_some_and(|value| !value.is_empty() && value != "0"), short, long)
}

fn choose(is_long: bool, short: u32, long: u32) -> u32 {
    if is_long { long } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_repeats_more_often() {
        assert_eq!([choose(false, 3, 100), choose(true, 3, 100)], [3, 100]);
    }
}
