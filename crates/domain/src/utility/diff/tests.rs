//! What the comparison of texts costs at most.

use std::time::{Duration, Instant};

use super::Lines;
use crate::code::MAX_CODE;

/// The longest code of lines of one character, by what its lines say.
fn code(line: impl Fn(usize) -> char) -> String {
    (0..MAX_CODE / 2).flat_map(|number| [line(number), '\n']).collect()
}

#[test]
fn code_of_the_most_lines_is_compared_within_a_bound_and_every_line_is_accounted_for() {
    let in_turn = |one: char, other: char| code(move |number| if number % 2 == 0 { one } else { other });
    let scattered = |factor: usize| code(move |number| if number.wrapping_mul(factor) >> 7 & 1 == 0 { 'a' } else { 'b' });
    let pairs = [
        ("nothing in common", code(|_| 'a'), code(|_| 'b')),
        ("every second line", in_turn('a', 'b'), in_turn('a', 'c')),
        ("scattered", scattered(2_654_435_761), scattered(40_503)),
    ];
    for (name, old, new) in pairs {
        let begun = Instant::now();
        let found = Lines::between(&old, &new, ("old", "new"));
        let took = begun.elapsed();
        println!("{name}: {took:?}, +{} -{}", found.added, found.removed);
        // Without a bound it is minutes; a busy machine takes its time.
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
        assert_eq!(found.added, found.removed, "{name}: both have as many lines");
        assert!(found.added as usize <= MAX_CODE / 2 && found.added > 0, "{name}: {}", found.added);
        assert_eq!(found.unified.lines().filter(|line| line.starts_with('+')).count(), found.added as usize + 1, "{name}");
    }
}
